// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Comparison of a computed tensor with the expected one.
//
// Included by `dure check`, the conformance runner and tests. Floating-point
// elements match when |a - b| <= absolute + relative * |b|, b being expected;
// NaN matches NaN and an infinity only itself. All other types match exactly.
#ifndef DURE_TOOLS_IO_COMPARE_H
#define DURE_TOOLS_IO_COMPARE_H

#include "tools/io/Tensor.h"

namespace dure::io {

struct Tolerance {
  double Absolute;
  double Relative;
};

/// 1e-4 for float32 and float64, what Dure promises for models; a few units in
/// the last place for narrower types; 0 for types that match exactly.
Tolerance defaultTolerance(ElementType Type);

struct Comparison {
  bool SameType = false;
  bool SameDims = false;
  int64_t Elements = 0;
  int64_t Mismatches = 0;
  /// Largest differences; infinite where one element is finite and the other
  /// is not, or infinities or NaN stand against each other.
  double MaxAbsolute = 0;
  double MaxRelative = 0;
  /// The first element that does not match: row-major index, or -1.
  int64_t FirstMismatch = -1;

  bool matches() const { return SameType && SameDims && Mismatches == 0; }
};

/// Tensors of different types or dims are not compared further.
Comparison compareTensors(const Tensor &Got, const Tensor &Expected,
                          Tolerance Allowed);

/// Element `Index` as a number; the real part of a complex one. NaN for
/// strings.
double elementAsDouble(const Tensor &T, int64_t Index);
/// Element `Index` as text, exact for integers.
std::string elementAsText(const Tensor &T, int64_t Index);
/// "[1, 0, 3]": the position of row-major `Index`.
std::string formatPosition(std::span<const int64_t> Dims, int64_t Index);

} // namespace dure::io

#endif // DURE_TOOLS_IO_COMPARE_H
