// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Digits cut where digits of the view, or of the memory, begin.
#include "targets/rngd/compiler/Numbering.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace llvm;
using namespace dure::tcp;

namespace dure::rngd {

mlir::StringAttr numberAxis(mlir::MLIRContext *context) {
  return mlir::StringAttr::get(context, "number");
}

/// Adds the parts that `digit` becomes, which `made` gives outermost first, its
/// padding outside of them.
static bool append(SmallVector<Digit, 4> &to, const Digit &digit,
                   SmallVector<Digit, 4> made) {
  if (made.empty())
    made.push_back({{}, 1, 1, 1});
  int64_t inside = 1;
  for (const Digit &each : drop_begin(made))
    inside *= each.extent;
  if (digit.extent % inside != 0)
    return false;
  made.front().extent = digit.extent / inside;
  append_range(to, made);
  return true;
}

std::optional<SmallVector<Digit, 4>> numbered(Digits map, Digits view,
                                              mlir::StringAttr axis) {
  SmallVector<Placed> placed = place(view);
  SmallVector<Digit, 4> result;
  for (const Digit &digit : map) {
    bool varies =
        digit.axis && digit.size > 1 && any_of(view, [&](const Digit &each) {
          return each.axis == digit.axis && each.size > 1;
        });
    SmallVector<Digit, 4> made;
    if (!varies) {
      made.push_back({{}, 1, digit.size, digit.size});
    } else {
      auto parts = heldBy(digit, placed);
      if (!parts)
        return std::nullopt;
      for (const Held &part : *parts)
        made.push_back(
            {axis, part.stride * part.holder->stride, part.size, part.size});
    }
    if (!append(result, digit, made))
      return std::nullopt;
  }
  return result;
}

std::optional<SmallVector<Digit, 4>> named(Digits map, Digits view,
                                           mlir::StringAttr axis) {
  // What the view's digits hold of numbers, and their own names.
  SmallVector<Placed> numbers = place(view);
  for (Placed &each : numbers)
    each.digit = {axis, each.stride, each.digit.size, each.digit.size};
  SmallVector<Digit, 4> result;
  for (const Digit &digit : map) {
    SmallVector<Digit, 4> made;
    if (!digit.axis || digit.size == 1) {
      made.push_back({{}, 1, digit.size, digit.size});
    } else {
      auto parts = heldBy(digit, numbers);
      if (!parts)
        return std::nullopt;
      for (const Held &part : *parts) {
        const Digit &own = view[part.holder - numbers.data()];
        made.push_back(
            {own.axis, own.stride * part.stride, part.size, part.size});
      }
    }
    if (!append(result, digit, made))
      return std::nullopt;
  }
  return result;
}

std::optional<SmallVector<int64_t, 8>> startIn(Digits memory, Digits wanted,
                                               int64_t at) {
  SmallVector<Placed> placed = place(memory);
  SmallVector<int64_t, 8> start(memory.size(), 0);
  SmallVector<size_t> order(memory.size());
  std::iota(order.begin(), order.end(), size_t(0));
  llvm::sort(order, [&](size_t l, size_t r) {
    return std::pair(memory[l].stride, l) > std::pair(memory[r].stride, r);
  });
  for (size_t i : order) {
    if (!memory[i].axis)
      continue;
    start[i] = std::min(at / memory[i].stride, memory[i].size - 1);
    at -= start[i] * memory[i].stride;
  }
  if (at != 0)
    return std::nullopt;
  SmallVector<int64_t, 8> last = start;
  for (const Digit &digit : wanted) {
    if (!digit.axis || digit.size == 1)
      continue;
    auto parts = heldBy(digit, placed);
    if (!parts)
      return std::nullopt;
    for (const Held &part : *parts)
      last[part.holder - placed.data()] += (part.size - 1) * part.stride;
  }
  for (auto [position, digit] : zip(last, memory))
    if (position >= digit.size)
      return std::nullopt;
  return start;
}

} // namespace dure::rngd
