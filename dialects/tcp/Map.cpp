// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Strides of one layout's digits in another.
#include "dialects/tcp/Map.h"

using namespace llvm;

namespace dure::tcp {

int64_t positions(Digits map) {
  int64_t product = 1;
  for (const Digit &digit : map)
    product *= digit.extent;
  return product;
}

int64_t reach(Digits map) {
  int64_t last = 0;
  for (const Placed &each : place(map))
    last += (each.digit.size - 1) * each.stride;
  return last + 1;
}

SmallVector<Placed> place(Digits map, int64_t unit) {
  SmallVector<Placed> placed;
  for (const Digit &digit : reverse(map)) {
    placed.push_back({digit, unit});
    unit *= digit.extent;
  }
  std::reverse(placed.begin(), placed.end());
  return placed;
}

std::optional<SmallVector<Step>> stepsOf(const Digit &digit,
                                         ArrayRef<Placed> from) {
  if (!digit.axis)
    return SmallVector<Step>{{digit.size, 0}};
  bool known = any_of(
      from, [&](const Placed &each) { return each.digit.axis == digit.axis; });
  if (!known || digit.size == 1)
    return SmallVector<Step>{{digit.size, 0}};
  SmallVector<Step> steps;
  // From the innermost coordinate of the digit outwards, whichever digit of
  // `from` holds it.
  int64_t stride = digit.stride, left = digit.size;
  while (left > 1) {
    const Placed *holder = find_if(from, [&](const Placed &each) {
      return each.digit.axis == digit.axis && each.digit.stride <= stride &&
             stride < each.digit.stride * each.digit.size;
    });
    if (holder == from.end() || stride % holder->digit.stride != 0)
      return std::nullopt;
    int64_t held = holder->digit.stride * holder->digit.size;
    int64_t take = std::min(left, (held + stride - 1) / stride);
    if (take < left && (held % stride != 0 || left % take != 0))
      return std::nullopt;
    steps.push_back({take, stride / holder->digit.stride * holder->stride});
    left /= take;
    stride *= take;
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

} // namespace dure::tcp
