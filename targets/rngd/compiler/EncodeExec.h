// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Instructions of the tensor unit. Included by the encoder only.
#ifndef DURE_TARGETS_RNGD_COMPILER_ENCODEEXEC_H
#define DURE_TARGETS_RNGD_COMPILER_ENCODEEXEC_H

#include "targets/rngd/compiler/Places.h"

namespace dure::rngd {

/// Fills in `body`, and what it reads and writes.
mlir::LogicalResult encodeExec(tcp::ExecOp exec, const Places &places,
                               fb::ExecT &body,
                               llvm::SmallVectorImpl<Access> &accesses);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ENCODEEXEC_H
