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

std::optional<SmallVector<Step>> stepsOf(const Digit &digit, Digits from) {
  SmallVector<Step> steps;
  if (!digit.axis) {
    steps.push_back({digit.size, 0});
    return steps;
  }
  int64_t stride = digit.stride, left = digit.size, place = 1;
  bool known = false;
  // From the innermost coordinate of the digit outwards, whichever digit of
  // `from` holds it.
  while (left > 1 || !known) {
    place = 1;
    const Digit *holder = nullptr;
    for (const Digit &each : reverse(from)) {
      if (each.axis == digit.axis) {
        known = true;
        if (each.stride <= stride && stride < each.stride * each.size) {
          holder = &each;
          break;
        }
      }
      place *= each.extent;
    }
    if (!holder) {
      // Not in this memory at all: the axis repeats. Beyond its digits: no way,
      // except for a digit of one.
      if (known && left > 1)
        return std::nullopt;
      steps.push_back({left, 0});
      break;
    }
    int64_t held = holder->stride * holder->size;
    if (stride % holder->stride != 0)
      return std::nullopt;
    int64_t most = (held + stride - 1) / stride;
    int64_t take = std::min(left, most);
    if (left % take != 0 || (take < left && held % stride != 0))
      return std::nullopt;
    steps.push_back({take, stride / holder->stride * place});
    left /= take;
    stride *= take;
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

} // namespace dure::tcp
