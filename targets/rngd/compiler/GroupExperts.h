// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts of many tokens, expert by expert.
#ifndef DURE_TARGETS_RNGD_COMPILER_GROUPEXPERTS_H
#define DURE_TARGETS_RNGD_COMPILER_GROUPEXPERTS_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::rngd {

/// On a module, once sizes are fixed and before ops are placed. A dure.moe of
/// f32 whose plan (ExpertsPlan.h) groups rows becomes:
///
/// * the place of each row (a token with one of its experts) among the tiles of
///   its expert, which are as many as its rows need and lie one after the
///   other;
/// * the tokens' rows, in bf16, there; places that nobody has hold whatever lay
///   there, and nobody reads what becomes of it;
/// * products of whole tiles, and what is between them;
/// * the rows brought back, weighed and added up.
///
/// How many rows an expert has is the run's; there are tiles enough for all
/// that may be, so that nothing depends on it but which matrices are read:
/// those that rows name, and the last one. Others stay for createDecomposeMoE.
std::unique_ptr<mlir::Pass> createGroupExperts();

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_GROUPEXPERTS_H
