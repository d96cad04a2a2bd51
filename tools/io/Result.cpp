// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts of failures.
#include "tools/io/Result.h"

#include "tools/io/File.h"

#include <array>

namespace dure {

std::string formatMessage(std::string_view Template,
                          std::span<const std::string> Arguments) {
  std::string Out;
  Out.reserve(Template.size() + 64);
  for (size_t I = 0; I < Template.size(); ++I) {
    const bool IsField = Template[I] == '{' && I + 2 < Template.size() &&
                         Template[I + 1] >= '0' && Template[I + 1] <= '9' &&
                         Template[I + 2] == '}';
    const size_t Index = IsField ? size_t(Template[I + 1] - '0') : 0;
    if (!IsField || Index >= Arguments.size()) {
      Out += Template[I];
      continue;
    }
    Out += Arguments[Index];
    I += 2;
  }
  return Out;
}

namespace io {
namespace {
struct Entry {
  std::string_view English;
  std::string_view Korean;
};

constexpr auto Table = std::to_array<Entry>({
#define DURE_IO_ERROR(Id, English, Korean) {English, Korean},
#include "tools/io/Errors.def"
#undef DURE_IO_ERROR
});
} // namespace

std::string Failure::text(Language Lang) const {
  const Entry &E = Table[static_cast<size_t>(Id)];
  std::vector<std::string> All = Arguments;
  if (SystemError)
    All.push_back(systemError(SystemError, Lang));
  return formatMessage(Lang == Language::Korean ? E.Korean : E.English, All);
}

} // namespace io
} // namespace dure
