// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layouts cut, joined and compared; strides of one's digits in another.
#include "dialects/tcp/Map.h"

#include "llvm/Support/MathExtras.h"

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

SmallVector<Digit> joined(Digits outer, Digits inner) {
  SmallVector<Digit> both(outer);
  append_range(both, inner);
  return both;
}

SmallVector<Digit> normalized(Digits map) {
  SmallVector<Digit> result;
  for (Digit digit : map) {
    if (digit.extent == 1)
      continue;
    // Coordinate 0 alone is of no axis.
    if (digit.size == 1)
      digit.axis = {};
    if (!digit.axis)
      digit.stride = 1;
    if (result.empty()) {
      result.push_back(digit);
      continue;
    }
    Digit &outer = result.back();
    bool continues = digit.size == digit.extent && outer.axis == digit.axis &&
                     outer.size > 1 &&
                     (!digit.axis || outer.stride == digit.stride * digit.size);
    if (continues)
      outer = {digit.axis, digit.stride, outer.size * digit.size,
               outer.extent * digit.extent};
    else if (outer.size == 1)
      outer = {digit.axis, digit.stride, digit.size,
               outer.extent * digit.extent};
    else
      result.push_back(digit);
  }
  return result;
}

std::optional<Cut> cut(Digits map, int64_t inner) {
  Cut result;
  result.outer.assign(map.begin(), map.end());
  int64_t left = inner;
  while (left > 1) {
    if (result.outer.empty())
      return std::nullopt;
    Digit digit = result.outer.pop_back_val();
    if (digit.extent <= left) {
      if (left % digit.extent != 0)
        return std::nullopt;
      result.inner.push_back(digit);
      left /= digit.extent;
      continue;
    }
    if (digit.extent % left != 0 ||
        (digit.size > left && digit.size % left != 0))
      return std::nullopt;
    if (digit.size > left) {
      result.inner.push_back({digit.axis, digit.stride, left, left});
      result.outer.push_back({digit.axis, digit.stride * left,
                              digit.size / left, digit.extent / left});
    } else {
      result.inner.push_back({digit.axis, digit.stride, digit.size, left});
      result.outer.push_back({{}, 1, 1, digit.extent / left});
    }
    left = 1;
  }
  std::reverse(result.inner.begin(), result.inner.end());
  return result;
}

std::optional<SmallVector<Digit>> padded(Digits map, int64_t unit) {
  SmallVector<Digit> result(map);
  int64_t have = positions(map), want = alignTo(have, unit);
  if (want % have == 0) {
    if (want != have)
      result.insert(result.begin(), {{}, 1, 1, want / have});
    return result;
  }
  // More than one position, or `want` were a multiple.
  int64_t inside = have / result.front().extent;
  if (want % inside != 0)
    return std::nullopt;
  result.front().extent = want / inside;
  return result;
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

std::optional<SmallVector<Held>> heldBy(const Digit &digit,
                                        ArrayRef<Placed> from) {
  SmallVector<Held> parts;
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
    parts.push_back({take, stride / holder->digit.stride, holder});
    left /= take;
    stride *= take;
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::optional<SmallVector<Step>> stepsOf(const Digit &digit,
                                         ArrayRef<Placed> from) {
  bool known = digit.axis && any_of(from, [&](const Placed &each) {
                 return each.digit.axis == digit.axis;
               });
  if (!known || digit.size == 1)
    return SmallVector<Step>{{digit.size, 0}};
  auto parts = heldBy(digit, from);
  if (!parts)
    return std::nullopt;
  SmallVector<Step> steps;
  for (const Held &part : *parts)
    steps.push_back({part.size, part.stride * part.holder->stride});
  return steps;
}

} // namespace dure::tcp
