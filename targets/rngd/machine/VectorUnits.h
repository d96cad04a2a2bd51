// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which unit of the vector engine makes an op, and where it stands.
//
// Included by the simulator's decoder and by the tcp dialect's verifiers. Pure
// functions. Source: the book's
// computing-tensors/vector-engine/intra-slice-chain.md.
#ifndef DURE_TARGETS_RNGD_MACHINE_VECTORUNITS_H
#define DURE_TARGETS_RNGD_MACHINE_VECTORUNITS_H

#include <cstdint>
#include <optional>

namespace dure::rngd {

/// In the order in which a stream passes them.
enum class VectorStage {
  Entry,
  Logic,
  Fxp,
  ToFloat,
  Narrow,
  Float,
  Reduce,
  Divide,
  Widen,
  ToFixed,
  Clip
};

enum class VectorTypes { Any, Int, Float };

/// What an op is: where it stands, which unit it takes, operands besides the
/// stream (0, 1 or 2), and what it works on.
struct VectorUnit {
  VectorStage At;
  const char *Unit;
  int Operands;
  VectorTypes On;

  /// Of the steps that take fewer elements a cycle.
  bool isNarrow() const {
    return At >= VectorStage::Float && At <= VectorStage::Widen;
  }
};

/// By the number of the code object's VectorOp; none for those without a unit.
std::optional<VectorUnit> vectorUnitOf(uint8_t Op);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_MACHINE_VECTORUNITS_H
