// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalar arithmetic of host programs: 64-bit, checked.
//
// Internal to libdure; header only, for it is on the path of every run.
#ifndef DURE_RUNTIME_HOST_SCALAR_H
#define DURE_RUNTIME_HOST_SCALAR_H

#include "runtime/base/Checked.h"
#include "runtime/package/Package.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace dure {

/// RESULT = A kind B (or select A, B, C). False on overflow and on division by
/// zero; RESULT is then 0.
inline bool evaluateScalar(ScalarOpKind Kind, int64_t A, int64_t B, int64_t C,
                           int64_t &Result) {
  Result = 0;
  bool Divides = Kind == ScalarOpKind::FloorDiv ||
                 Kind == ScalarOpKind::CeilDiv || Kind == ScalarOpKind::Mod;
  if (Divides && B == 0)
    return false;
  // The one quotient that does not fit; its remainder is 0.
  if (Divides && B == -1 && A == std::numeric_limits<int64_t>::min())
    return Kind == ScalarOpKind::Mod;
  int64_t Value = 0;
  switch (Kind) {
  case ScalarOpKind::Add:
    if (!checkedAdd(A, B, Value))
      return false;
    break;
  case ScalarOpKind::Sub:
    if (!checkedSub(A, B, Value))
      return false;
    break;
  case ScalarOpKind::Mul:
    if (!checkedMul(A, B, Value))
      return false;
    break;
  case ScalarOpKind::FloorDiv:
    Value = A / B - (A % B != 0 && (A < 0) != (B < 0));
    break;
  case ScalarOpKind::CeilDiv:
    Value = A / B + (A % B != 0 && (A < 0) == (B < 0));
    break;
  case ScalarOpKind::Mod:
    Value = A % B;
    if (Value != 0 && (Value < 0) != (B < 0))
      Value += B;
    break;
  case ScalarOpKind::Min:
    Value = std::min(A, B);
    break;
  case ScalarOpKind::Max:
    Value = std::max(A, B);
    break;
  case ScalarOpKind::Eq:
    Value = A == B;
    break;
  case ScalarOpKind::Ne:
    Value = A != B;
    break;
  case ScalarOpKind::Lt:
    Value = A < B;
    break;
  case ScalarOpKind::Le:
    Value = A <= B;
    break;
  case ScalarOpKind::Select:
    Value = A != 0 ? B : C;
    break;
  case ScalarOpKind::None:
    return false;
  }
  Result = Value;
  return true;
}

} // namespace dure

#endif // DURE_RUNTIME_HOST_SCALAR_H
