// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pass pipeline from upstream dialects to the LLVM dialect, shared by all
// CPU code. Included by ObjectCode.cpp and by dure-opt's pass registration.
#ifndef DURE_TARGETS_CPU_COMPILER_LOWERTOLLVM_H
#define DURE_TARGETS_CPU_COMPILER_LOWERTOLLVM_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/PassManager.h"

namespace dure::cpu {

/// Adds patterns that leave no math op behind that would become a call of
/// libm: polynomials for exp, log and log1p of f32. Ops that are one
/// instruction (sqrt, fma, floor, ceil, trunc, roundeven, absf, copysign) stay;
/// kernels are built with ScalarMath, which makes no others.
void populateMathLoweringPatterns(mlir::RewritePatternSet &patterns);

/// Adds the passes: math, vector, scf, memref, arith, cf, func -> llvm.
void buildLowerToLLVMPipeline(mlir::OpPassManager &pm);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_LOWERTOLLVM_H
