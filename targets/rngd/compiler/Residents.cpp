// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layouts of data memory by number, and parts of them.
#include "targets/rngd/compiler/Residents.h"

#include "targets/rngd/machine/Figures.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

Value wholeOf(Value hbm) {
  while (auto view = hbm.getDefiningOp<ViewOp>())
    hbm = view.getSource();
  return hbm;
}

int64_t firstOf(Value hbm) {
  int64_t bytes = 0;
  Type element = cast<HbmType>(hbm.getType()).getElementType();
  while (auto view = hbm.getDefiningOp<ViewOp>()) {
    bytes += static_cast<int64_t>(view.getOffset());
    hbm = view.getSource();
  }
  return bytes * 8 / element.getIntOrFloatBitWidth();
}

std::pair<int64_t, int64_t> bytesOf(Value place) {
  while (auto view = place.getDefiningOp<ViewOp>())
    place = view.getSource();
  auto alloc = place.getDefiningOp<AllocOp>();
  auto type = cast<DmType>(alloc.getType());
  auto begin = static_cast<int64_t>(alloc.getOffset());
  int64_t bits = positions(type.getElement().getDigits()) *
                 type.getElementType().getIntOrFloatBitWidth();
  return {begin, begin + llvm::divideCeil(bits, 8)};
}

namespace {

/// The maps of a place in data memory.
struct Layout {
  SmallVector<Digit, 4> cluster, slice, element;

  SmallVector<Digit, 12> all() const {
    SmallVector<Digit, 12> digits(cluster.begin(), cluster.end());
    llvm::append_range(digits, slice);
    llvm::append_range(digits, element);
    return digits;
  }
  DmType type(DmType like) const {
    auto map = [&](Digits digits) {
      return MapAttr::get(like.getContext(), digits);
    };
    return DmType::get(like.getContext(), like.getElementType(), map(cluster),
                       map(slice), map(element));
  }
};

Layout layoutOf(Value local) {
  auto type = cast<DmType>(local.getType());
  Layout layout;
  llvm::append_range(layout.cluster, type.getCluster().getDigits());
  llvm::append_range(layout.slice, type.getSlice().getDigits());
  llvm::append_range(layout.element, type.getElement().getDigits());
  return layout;
}

/// `local` by the numbers of the view `hbm`.
std::optional<Layout> numberedLayout(Value local, Value hbm) {
  Digits view = cast<HbmType>(hbm.getType()).getElement().getDigits();
  StringAttr axis = numberAxis(local.getContext());
  Layout named = layoutOf(local);
  auto cluster = numbered(named.cluster, view, axis),
       slice = numbered(named.slice, view, axis),
       element = numbered(named.element, view, axis);
  if (!cluster || !slice || !element)
    return std::nullopt;
  return Layout{*cluster, *slice, *element};
}

/// Positions of `digits` that `start` names, `start` less these.
int64_t advance(SmallVector<Digit, 4> &digits, ArrayRef<int64_t> &start) {
  int64_t offset = 0;
  SmallVector<Placed> placed = place(digits);
  for (auto [i, digit] : llvm::enumerate(digits)) {
    offset += start[i] * placed[i].stride;
    digit.size -= start[i];
  }
  start = start.drop_front(digits.size());
  return offset;
}

} // namespace

std::optional<Resident> residentOf(ImplicitLocOpBuilder &b,
                                   const Store &store) {
  std::optional<Layout> layout = numberedLayout(store.source, store.target);
  if (!layout)
    return std::nullopt;
  auto type = cast<DmType>(store.source.getType());
  Value local = ViewOp::create(b, layout->type(type), store.source, 0);
  return Resident{wholeOf(store.target), local, firstOf(store.target), store,
                  false};
}

std::optional<std::pair<Value, Value>> endsOf(ImplicitLocOpBuilder &b,
                                              const Resident &resident,
                                              Value source, Value target) {
  int64_t at = firstOf(source) - resident.first;
  std::optional<Layout> to = numberedLayout(target, source);
  if (at < 0 || !to)
    return std::nullopt;
  Layout from = layoutOf(resident.local);
  auto found = startIn(from.all(), to->all(), at);
  if (!found)
    return std::nullopt;
  ArrayRef<int64_t> start = *found;
  int64_t slice = advance(from.cluster, start) * SlicesPerCluster;
  slice += advance(from.slice, start);
  int64_t element = advance(from.element, start);
  auto type = cast<DmType>(target.getType());
  int64_t bits = type.getElementType().getIntOrFloatBitWidth();
  Value read = ViewOp::create(b, from.type(type), resident.local,
                              element * bits / 8, slice);
  Value written = ViewOp::create(b, to->type(type), target, 0);
  return std::pair(read, written);
}

} // namespace dure::rngd
