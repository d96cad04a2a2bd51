// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Faults that a dispatch can report: what is only known when data is read.
//
// Included by the canonical lowering, by targets that generate code, and by
// whoever turns a code into a sentence. Depends on nothing. Codes are part of
// packages: they keep their numbers.
#ifndef DURE_DIALECTS_DURE_FAULTS_H
#define DURE_DIALECTS_DURE_FAULTS_H

#include <cstdint>

namespace dure {

/// What a kernel returns; 0 is success. Several faults of one dispatch give the
/// largest code.
enum class Fault : int32_t {
  None = 0,
  /// An index of a gather or scatter lies outside its dimension.
  IndexOutOfRange = 1,
  /// An integer division or remainder by zero.
  DivisionByZero = 2,
  /// A cache update reaches beyond the cache's capacity.
  CacheOverflow = 3,
};

/// One plain English clause.
constexpr const char *describe(Fault F) {
  switch (F) {
  case Fault::None:
    return "no fault";
  case Fault::IndexOutOfRange:
    return "an index lies outside the dimension that it selects from";
  case Fault::DivisionByZero:
    return "an integer is divided by zero";
  case Fault::CacheOverflow:
    return "new rows do not fit into the cache";
  }
  return "unknown fault";
}

} // namespace dure

#endif // DURE_DIALECTS_DURE_FAULTS_H
