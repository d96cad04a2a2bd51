// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Look-up of the compiler's messages.
#include "compiler/Messages.h"

#include "frontends/onnx/Refusal.h"

#include <array>

using namespace dure;

namespace {

struct Texts {
  const char *English;
  const char *Korean;
};

constexpr auto Table = std::to_array<Texts>({
#define DURE_COMPILER_MESSAGE(Id, English, Korean) {English, Korean},
#include "compiler/Messages.def"
#undef DURE_COMPILER_MESSAGE
});

} // namespace

std::string dure::say(bool Korean, Say Id,
                      std::initializer_list<std::string> Arguments) {
  const Texts &Known = Table[static_cast<size_t>(Id)];
  return onnx::fillText(Korean ? Known.Korean : Known.English,
                        std::vector<std::string>(Arguments));
}
