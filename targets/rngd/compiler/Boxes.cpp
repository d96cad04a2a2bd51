// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Boxes: slices go to the first axis as evenly as can be, what is left of them
// to the next; remainders are boxes of their own.
#include "targets/rngd/compiler/Boxes.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

class Divider {
public:
  Divider(const Space &space,
          function_ref<std::optional<unsigned>(ArrayRef<int64_t>)> tooMuch,
          SmallVector<Box> &boxes)
      : space(space), tooMuch(tooMuch), boxes(boxes) {}

  void cover(Box box);

private:
  bool cut(const Box &box, unsigned axis, int64_t count);
  bool spread(Box &box);

  const Space &space;
  function_ref<std::optional<unsigned>(ArrayRef<int64_t>)> tooMuch;
  SmallVector<Box> &boxes;
};

} // namespace

/// Two boxes of it where `count` is less than all.
bool Divider::cut(const Box &box, unsigned axis, int64_t count) {
  if (count <= 0 || count >= box.count[axis])
    return false;
  Box front = box, back = box;
  front.count[axis] = count;
  back.first[axis] += count;
  back.count[axis] -= count;
  cover(front);
  cover(back);
  return true;
}

/// Gives slices to the axes; false where the box was cut instead.
bool Divider::spread(Box &box) {
  size_t axes = space.axes.size();
  box.slices.assign(axes, 1);
  box.split.reset();
  int64_t units = 1;
  for (unsigned i = 0; i < axes; ++i) {
    int64_t unit = space.axes[i].unit;
    if (box.count[i] > unit && cut(box, i, box.count[i] / unit * unit))
      return false;
    units *= llvm::divideCeil(box.count[i], unit);
  }
  auto unitsOf = [&](unsigned i) {
    return llvm::divideCeil(box.count[i], space.axes[i].unit);
  };
  int64_t left = SlicesPerCluster;
  if (units > SlicesPerCluster) {
    // Both clusters: half of an axis each.
    for (unsigned i : space.order)
      if (unitsOf(i) > 1) {
        if (unitsOf(i) % 2 != 0 &&
            cut(box, i, (unitsOf(i) - 1) * space.axes[i].unit))
          return false;
        box.split = i;
        break;
      }
  }
  for (unsigned i : space.order) {
    int64_t clusters = box.split == i ? 2 : 1;
    int64_t have = unitsOf(i) / clusters;
    int64_t each = llvm::divideCeil(have, left), slices = have / each;
    int64_t even = slices * each;
    if (even != have && cut(box, i, even * clusters * space.axes[i].unit))
      return false;
    box.slices[i] = slices * clusters;
    left /= slices;
  }
  box.each.clear();
  for (unsigned i = 0; i < axes; ++i)
    box.each.push_back(box.count[i] / box.slices[i]);
  return true;
}

void Divider::cover(Box box) {
  if (!spread(box))
    return;
  std::optional<unsigned> axis = tooMuch(box.each);
  if (axis) {
    int64_t unit = space.axes[*axis].unit;
    int64_t units = llvm::divideCeil(box.each[*axis], unit);
    if (units > 1 &&
        cut(box, *axis, llvm::divideCeil(units, 2) * unit * box.slices[*axis]))
      return;
  }
  boxes.push_back(box);
}

SmallVector<Box>
divide(const Space &space,
       function_ref<std::optional<unsigned>(ArrayRef<int64_t>)> tooMuch) {
  SmallVector<Box> boxes;
  Box all;
  for (const Space::Axis &axis : space.axes) {
    all.first.push_back(0);
    all.count.push_back(axis.size);
  }
  Divider(space, tooMuch, boxes).cover(all);
  return boxes;
}

std::optional<unsigned> longest(const Space &space, ArrayRef<int64_t> each,
                                function_ref<bool(unsigned)> may) {
  std::optional<unsigned> found;
  int64_t most = 1;
  for (unsigned i = 0; i < each.size(); ++i) {
    int64_t units = llvm::divideCeil(each[i], space.axes[i].unit);
    if (may(i) && units > most) {
      most = units;
      found = i;
    }
  }
  return found;
}

Grid gridOf(KernelBuilder &k, const Space &space, const Box &box) {
  Grid grid;
  for (auto [i, axis] : llvm::enumerate(space.axes)) {
    int64_t slices = box.slices[i];
    if (box.split == i) {
      grid.cluster = {k.digit(axis.name, 2, box.count[i] / 2)};
      slices /= 2;
    }
    if (slices > 1)
      grid.slice.push_back(k.digit(axis.name, slices, box.each[i]));
  }
  if (grid.slice.empty())
    grid.slice.push_back(k.digit("_", 1));
  return grid;
}

DigitList localOf(KernelBuilder &k, const Space &space, const Box &box,
                  function_ref<bool(unsigned)> has) {
  DigitList digits;
  for (auto [i, axis] : llvm::enumerate(space.axes))
    if (has(i))
      digits.push_back(k.digit(axis.name, box.each[i]));
  return digits;
}

DigitList wholeOf(KernelBuilder &k, const Space &space, const Box &box,
                  function_ref<bool(unsigned)> has) {
  DigitList digits;
  for (auto [i, axis] : llvm::enumerate(space.axes))
    if (has(i))
      digits.push_back(k.digit(axis.name, box.count[i], 1, axis.size));
  return digits;
}

int64_t startOf(const Space &space, const Box &box,
                function_ref<bool(unsigned)> has) {
  int64_t start = 0;
  for (auto [i, axis] : llvm::enumerate(space.axes))
    if (has(i))
      start = start * axis.size + box.first[i];
  return start;
}

} // namespace dure::rngd
