// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which variable each name of a template means.
#ifndef DURE_RUNTIME_TEXT_JINJA_SCOPES_H
#define DURE_RUNTIME_TEXT_JINJA_SCOPES_H

#include "runtime/text/jinja/Ast.h"

namespace dure::jinja {

/// Gives every name its slot and every scope its symbols, and checks that
/// filters and tests exist where Jinja checks it before rendering: everywhere
/// but inside of conditions. Throws Failure.
///
/// The rules are those of Jinja's compiler (its idtracking module): a name that
/// a scope sets is the scope's own, begins as a copy of the variable further
/// out, and is seen by everything in the scope, even before it is set.
void bindNames(Tree &T);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_SCOPES_H
