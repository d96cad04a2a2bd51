// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Look-up of messages and of the user's language.
#include "tools/dure/Messages.h"

#include <array>
#include <cctype>
#include <cstdlib>

namespace dure {
namespace {
struct Entry {
  std::string_view English;
  std::string_view Korean;
};

constexpr auto Table = std::to_array<Entry>({
#define DURE_MESSAGE(Id, English, Korean) {English, Korean},
#include "tools/dure/Messages.def"
#undef DURE_MESSAGE
});
} // namespace

std::string message(Language Lang, Message Id,
                    std::span<const std::string> Arguments) {
  const Entry &E = Table[static_cast<size_t>(Id)];
  return formatMessage(Lang == Language::Korean ? E.Korean : E.English,
                       Arguments);
}

Language languageFromEnvironment() {
  for (const char *Name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char *Value = std::getenv(Name);
    // POSIX: an empty variable counts as unset.
    if (Value && *Value)
      // "ko", "ko_KR.UTF-8"; but "kok" is Konkani.
      return std::string_view(Value).substr(0, 2) == "ko" &&
                     !std::isalpha(static_cast<unsigned char>(Value[2]))
                 ? Language::Korean
                 : Language::English;
  }
  return Language::English;
}

bool parseLanguage(std::string_view Text, Language &Lang) {
  if (Text == "en")
    Lang = Language::English;
  else if (Text == "ko")
    Lang = Language::Korean;
  else
    return false;
  return true;
}

const char *languageCode(Language Lang) {
  return Lang == Language::Korean ? "ko" : "en";
}

} // namespace dure
