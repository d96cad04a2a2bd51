// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a plan of a product costs.
//
// Included by the search for plans. Estimates: the simulator counts.
#ifndef DURE_TARGETS_RNGD_COMPILER_MATMULCOST_H
#define DURE_TARGETS_RNGD_COMPILER_MATMULCOST_H

#include "targets/rngd/compiler/MatMulPlan.h"

namespace dure::rngd {

/// Cycles of all tiles of a plan that fits, from the first load to the last
/// store, by the rules of the profile `book`.
double bookCycles(const Product &p, const MatMulPlan &plan);

/// The same by those of `tcc`, and a little for those of the tensor unit;
/// infinite where it has no such instruction.
double tccCycles(const Product &p, const MatMulPlan &plan);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_MATMULCOST_H
