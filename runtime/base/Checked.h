// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 64-bit arithmetic that says when it overflows. Header only, no dependencies.
#ifndef DURE_RUNTIME_BASE_CHECKED_H
#define DURE_RUNTIME_BASE_CHECKED_H

#include <cstdint>

namespace dure {

/// Each returns false, and leaves RESULT unspecified, when the exact result
/// does not fit.
template <typename T> bool checkedAdd(T A, T B, T &Result) {
  return !__builtin_add_overflow(A, B, &Result);
}
template <typename T> bool checkedSub(T A, T B, T &Result) {
  return !__builtin_sub_overflow(A, B, &Result);
}
template <typename T> bool checkedMul(T A, T B, T &Result) {
  return !__builtin_mul_overflow(A, B, &Result);
}

/// VALUE rounded up to a multiple of ALIGNMENT, a power of two.
inline bool checkedAlign(uint64_t Value, uint64_t Alignment, uint64_t &Result) {
  if (!checkedAdd(Value, Alignment - 1, Result))
    return false;
  Result &= ~(Alignment - 1);
  return true;
}

/// True if [Offset, Offset + Size) lies in [0, Limit).
inline bool rangeFits(uint64_t Offset, uint64_t Size, uint64_t Limit) {
  return Offset <= Limit && Size <= Limit - Offset;
}

} // namespace dure

#endif // DURE_RUNTIME_BASE_CHECKED_H
