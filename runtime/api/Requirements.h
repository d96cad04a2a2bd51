// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a program asks of the sizes of its inputs, as text.
//
// Included by Describe.cpp. The host program holds its checks as instructions;
// tools that choose sizes need them as expressions over the package's symbols.
#ifndef DURE_RUNTIME_API_REQUIREMENTS_H
#define DURE_RUNTIME_API_REQUIREMENTS_H

#include "runtime/package/Package.h"

#include <string>
#include <vector>

namespace dure {

/// "Left Relation Right" must hold; Relation is ==, !=, < or <=.
struct SizeRequirement {
  std::string Left, Relation, Right;
};

/// The checks that PROG makes before it has run anything, of a verified
/// package. Checks of values that are no function of input sizes are left out.
std::vector<SizeRequirement> sizeRequirements(const Package &P,
                                              const Program &Prog);

} // namespace dure

#endif // DURE_RUNTIME_API_REQUIREMENTS_H
