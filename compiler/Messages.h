// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the compiler says to users, in English and Korean.
//
// Included by compiler/. Texts live in Messages.def alone. Diagnostics of
// verifiers and passes are for whoever works on the IR, and stay English.
#ifndef DURE_COMPILER_MESSAGES_H
#define DURE_COMPILER_MESSAGES_H

#include <initializer_list>
#include <string>

namespace dure {

enum class Say {
#define DURE_COMPILER_MESSAGE(Id, English, Korean) Id,
#include "compiler/Messages.def"
#undef DURE_COMPILER_MESSAGE
};

/// The text of `Id` with {0}, {1}, ... replaced by its arguments.
std::string say(bool Korean, Say Id,
                std::initializer_list<std::string> Arguments = {});

} // namespace dure

#endif // DURE_COMPILER_MESSAGES_H
