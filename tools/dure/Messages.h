// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every text that the `dure` command says itself, in English and Korean.
//
// Included by all of tools/dure. Texts live in Messages.def alone; texts of the
// compiler and of libdure arrive ready-made.
#ifndef DURE_TOOLS_DURE_MESSAGES_H
#define DURE_TOOLS_DURE_MESSAGES_H

#include "tools/io/Language.h"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace dure {

enum class Message {
#define DURE_MESSAGE(Id, English, Korean) Id,
#include "tools/dure/Messages.def"
#undef DURE_MESSAGE
};

/// The text of `Id` with its arguments filled in.
std::string message(Language Lang, Message Id,
                    std::span<const std::string> Arguments = {});
inline std::string message(Language Lang, Message Id,
                           std::initializer_list<std::string> Arguments) {
  return message(Lang, Id, std::span(Arguments.begin(), Arguments.size()));
}

/// The language of a POSIX locale: LC_ALL, else LC_MESSAGES, else LANG.
Language languageFromEnvironment();

/// "en" or "ko"; false for anything else.
bool parseLanguage(std::string_view Text, Language &Lang);

/// What the compiler's C entry calls it.
const char *languageCode(Language Lang);

} // namespace dure

#endif // DURE_TOOLS_DURE_MESSAGES_H
