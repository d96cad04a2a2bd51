// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A variant's host programs as text: the IR of phase lower, for people.
//
// Included by packaging. One line an instruction, `%3` a scalar and `#3` a
// buffer register. There is no parser: a package is the form to keep.
#ifndef DURE_COMPILER_PACKAGE_PROGRAMTEXT_H
#define DURE_COMPILER_PACKAGE_PROGRAMTEXT_H

#include "runtime/package/Package.h"

#include <string>

namespace dure {

std::string programsAsText(const Package &Content, const Variant &Of);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_PROGRAMTEXT_H
