// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is known of the elements that padding adds to a value.
//
// Included by the proof of padding alone.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_PADCONTENT_H
#define DURE_COMPILER_PASSES_SPECIALIZE_PADCONTENT_H

#include "dialects/dure/DureOps.h"

#include <cmath>
#include <limits>

namespace dure {

/// A set of numbers that elements are in: an interval, or anything at all. An
/// interval that is not bounded holds ordinary numbers, as far as the values
/// that the model computes are: times zero they are zero. `Any` may be NaN or
/// infinite. Weights and what a model computes of valid elements are taken to
/// be ordinary.
struct PadContent {
  bool IsAny = false;
  double Low = -std::numeric_limits<double>::infinity();
  double High = std::numeric_limits<double>::infinity();

  static PadContent any() { return {true}; }
  static PadContent ordinary() { return {}; }
  static PadContent within(double Low, double High) {
    return {false, Low, High};
  }
  static PadContent exactly(double Value) { return within(Value, Value); }

  bool isExactly(double Value) const {
    return !IsAny && Low == Value && High == Value;
  }
  /// One of the infinities, which a mask may hold.
  bool isInfinite() const { return !IsAny && Low == High && std::isinf(Low); }
  bool isWithin(double From, double To) const {
    return !IsAny && Low >= From && High <= To;
  }
  bool holds(double Value) const {
    return IsAny || (Low <= Value && Value <= High);
  }
  /// What is in either.
  PadContent operator|(const PadContent &Other) const;
};

/// The numbers of a constant; ordinary ones where they are not few.
PadContent contentOf(mlir::DenseElementsAttr Value);

/// What an elementwise op makes of elements with these contents. Empty where it
/// may end the run: an integer division by what may be zero.
///
/// \pre isElementwise(Op)
std::optional<PadContent> elementwiseContent(mlir::Operation *Op,
                                             llvm::ArrayRef<PadContent> Of);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_PADCONTENT_H
