// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The semantic pass over a package: every index, offset, size and register.
//
// Included by the loader, the writer and tests. Runs on the plain structs, so
// what the compiler writes and what a file holds meet the same rules. Nothing
// below it (host interpreter, recipes) checks these things again.
#ifndef DURE_RUNTIME_PACKAGE_VERIFIER_H
#define DURE_RUNTIME_PACKAGE_VERIFIER_H

#include "runtime/base/Status.h"
#include "runtime/package/Package.h"

namespace dure {

/// Sizes of the parts that offsets refer to.
struct PackageBounds {
  uint64_t CodeSize = 0;
  uint64_t WeightsSize = 0;
  /// Before writing: offsets, sizes, hashes and leaves are not set yet.
  bool BeforeWriting = false;
};

/// OK, or what is wrong and where ("variant 'cpu', program 'main', block 0,
/// instruction 3: ..."). Time is linear in the size of the package, but for
/// register analysis, which is bounded (see HostVerifier.cpp).
Status verifyPackage(const Package &Content, const PackageBounds &Bounds);

/// The part of it that looks at one host program. WHERE names it in messages.
Status verifyProgram(const Package &Content, const Variant &Owner,
                     const Program &P);

} // namespace dure

#endif // DURE_RUNTIME_PACKAGE_VERIFIER_H
