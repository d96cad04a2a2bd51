// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the elements of a tensor lie: mixed-radix digits of named axes.
//
// Included by the tcp dialect, by RNGD's compiler and by tests. Plain data and
// pure functions; strings belong to whoever made them. The idea, not the
// notation, is the vendor's (furiosa-opt's book, mapping-tensors).
#ifndef DURE_DIALECTS_TCP_MAP_H
#define DURE_DIALECTS_TCP_MAP_H

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace dure::tcp {

/// One digit of a position. Position p stands for coordinate p * stride of the
/// axis as long as p < size; from there to `extent` is padding. A digit without
/// an axis repeats what it stands for.
struct Digit {
  mlir::StringAttr axis; // null: repeats
  int64_t stride = 1;    // of the axis, > 0
  int64_t size = 1;      // > 0
  int64_t extent = 1;    // >= size

  bool operator==(const Digit &) const = default;
};

inline llvm::hash_code hash_value(const Digit &digit) {
  return llvm::hash_combine(digit.axis, digit.stride, digit.size, digit.extent);
}

/// Digits, outermost first.
using Digits = llvm::ArrayRef<Digit>;

/// Positions, padding included: the product of the extents.
int64_t positions(Digits map);

/// Positions up to the last that is in use, which may be fewer where outer
/// digits lie further apart than inner ones reach.
int64_t reach(Digits map);

/// Two maps, the first outside.
llvm::SmallVector<Digit> joined(Digits outer, Digits inner);

/// The same map with as few digits as can be: none of one position, and one
/// where a digit continues the next. Maps say the same when these are equal.
llvm::SmallVector<Digit> normalized(Digits map);

/// What is outside and inside of the innermost `inner` positions; none when
/// they divide a digit unevenly.
struct Cut {
  llvm::SmallVector<Digit> outer, inner;
};
std::optional<Cut> cut(Digits map, int64_t inner);

/// With padding outside up to a multiple of `unit` positions; none when the
/// digits inside the outermost do not allow it.
std::optional<llvm::SmallVector<Digit>> padded(Digits map, int64_t unit);

/// A digit and how far apart its positions lie in memory, in any unit.
struct Placed {
  Digit digit;
  int64_t stride;
};

/// Digits of one memory, `unit` being what the innermost position takes.
llvm::SmallVector<Placed> place(Digits map, int64_t unit = 1);

/// One loop over memory: `size` steps, `stride` units apart.
struct Step {
  int64_t size, stride;
  bool operator==(const Step &) const = default;
};

/// A part of a digit that is in one digit of a memory, `holder`: `size` steps,
/// `stride` of its positions apart.
struct Held {
  int64_t size, stride;
  const Placed *holder;
};

/// Which digits of `from` hold `digit`, outermost first; its axis is one of
/// theirs. None when a digit of `from` divides it unevenly.
std::optional<llvm::SmallVector<Held>> heldBy(const Digit &digit,
                                              llvm::ArrayRef<Placed> from);

/// The steps that digit takes through memory laid out as `from`, outermost
/// first; their sizes multiply to `digit.size`. An axis that `from` lacks has a
/// stride of 0. None when a digit of `from` divides it unevenly.
std::optional<llvm::SmallVector<Step>> stepsOf(const Digit &digit,
                                               llvm::ArrayRef<Placed> from);

} // namespace dure::tcp

#endif // DURE_DIALECTS_TCP_MAP_H
