// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Host programs as lines of text, for people.
//
// Internal to runtime/api. One line an instruction: "r" are scalar registers,
// "b" buffer registers. The form may change; nothing reads it back.
#ifndef DURE_RUNTIME_API_PROGRAMTEXT_H
#define DURE_RUNTIME_API_PROGRAMTEXT_H

#include "runtime/package/Package.h"

#include <string>

namespace dure {

/// I, an instruction of program PROG of variant V of P, which are verified.
std::string instructionText(const Package &P, const Variant &V,
                            const Program &Prog, const Instruction &I);

} // namespace dure

#endif // DURE_RUNTIME_API_PROGRAMTEXT_H
