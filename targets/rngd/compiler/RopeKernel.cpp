// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rotary embeddings: a slice has some rows of x, and their angles in its vector
// register file, once for all heads that share them.
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/Kernels.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// Rows of x as groups of neighbouring dimensions along which a table varies or
/// repeats as a whole.
struct Rows {
  Space space;
  /// Of each axis: tables that vary along it.
  SmallVector<bool, 4> cos, sin;

  bool any(unsigned axis) const { return cos[axis] || sin[axis]; }
};

/// Elements of a packet, so that packets divide a row of angles: 8, 4 or 2.
int64_t widthOf(int64_t pairs) { return std::gcd<int64_t>(pairs, 8); }

/// Bytes of the register file that both tables' angles of a row take.
int64_t angleBytes(int64_t pairs) {
  return 2 * (pairs / widthOf(pairs)) * 8 * 4;
}

int64_t depthOf(RopeOp op) { return shapeOf(op.getX()).back(); }

/// Bytes of data memory for `rows` rows of x and `angles` rows of both tables.
int64_t localBytes(RopeOp op, int64_t rows, int64_t angles) {
  int64_t buffers = op.getLayout() == RopeLayout::Interleaved ? 3 : 2;
  return (rows * buffers * depthOf(op) + angles * int64_t(op.getRotaryDim())) *
         4;
}

/// Whether the table varies along x's dimension; none if it does not fit.
std::optional<SmallVector<bool>> varies(Value table, ArrayRef<int64_t> shape,
                                        int64_t pairs) {
  ArrayRef<int64_t> has = shapeOf(table);
  if (has.empty() || has.back() != pairs || has.size() > shape.size())
    return std::nullopt;
  SmallVector<bool> result(shape.size() - has.size(), false);
  for (auto [size, of] : llvm::zip(
           has.drop_back(), shape.drop_back().take_back(has.size() - 1))) {
    if (size != 1 && size != of)
      return std::nullopt;
    result.push_back(size != 1);
  }
  return result;
}

std::optional<Rows> rowsOf(RopeOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getX());
  int64_t pairs = int64_t(op.getRotaryDim()) / 2;
  auto cos = varies(op.getCos(), shape, pairs);
  auto sin = varies(op.getSin(), shape, pairs);
  if (!cos || !sin)
    return std::nullopt;
  Rows rows;
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    if (shape[i] == 1)
      continue;
    if (!rows.cos.empty() && rows.cos.back() == (*cos)[i] &&
        rows.sin.back() == (*sin)[i]) {
      rows.space.axes.back().size *= shape[i];
      continue;
    }
    rows.space.axes.push_back(
        {"r" + std::to_string(rows.cos.size()), shape[i]});
    rows.cos.push_back((*cos)[i]);
    rows.sin.push_back((*sin)[i]);
  }
  if (rows.cos.empty()) {
    rows.space.axes.push_back({"r0", 1});
    rows.cos.push_back(false);
    rows.sin.push_back(false);
  }
  for (bool first : {true, false})
    for (unsigned i = 0; i < rows.cos.size(); ++i)
      if (rows.any(i) == first)
        rows.space.order.push_back(i);
  // Whole units of HBM, if a slice can have as many rows.
  int64_t bytes = depthOf(op) * 4;
  int64_t unit = HbmUnit / std::gcd(HbmUnit, bytes);
  auto last = rows.space.axes.size() - 1;
  if (unit <= rows.space.axes[last].size &&
      unit * angleBytes(pairs) <= VrfBytes &&
      localBytes(op, unit, unit) <= DmBudget)
    rows.space.axes[last].unit = unit;
  return rows;
}

class Rope {
public:
  Rope(KernelBuilder &k, RopeOp op, const KernelOperands &at)
      : k(k), op(op), at(at), rows(*rowsOf(op)), depth(depthOf(op)),
        pairs(int64_t(op.getRotaryDim()) / 2), width(widthOf(pairs)) {}

  void run();

private:
  void part(const Box &box);
  void rotate(Value a, Value b, Value out, bool second);
  void interleave(Value both, Value out);
  Value angles(const Box &box, Value table, ArrayRef<bool> has);

  KernelBuilder &k;
  RopeOp op;
  const KernelOperands &at;
  Rows rows;
  int64_t depth, pairs, width;
  /// Of the part at hand.
  Grid grid;
  DigitList local;
  Value cos, sin;
};

} // namespace

/// A table's rows in the register file, packets in flits of their own.
Value Rope::angles(const Box &box, Value table, ArrayRef<bool> has) {
  auto varies = [&](unsigned axis) { return has[axis]; };
  DigitList whole = wholeOf(k, rows.space, box, varies);
  DigitList some = localOf(k, rows.space, box, varies);
  whole.push_back(k.digit("c", pairs));
  DigitList columns(some), file(some);
  columns.push_back(k.digit("c", pairs));
  file.push_back(k.digit("c", pairs / width, width));
  Value here = k.dm(k.f32(), grid, columns);
  k.copy(k.hbm(table, whole, startOf(rows.space, box, varies) * pairs), here);
  DigitList time(file);
  file.push_back(k.digit("c", width, 1, 8));
  Value registers = k.vrf(k.f32(), grid, file);
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(here, time, {k.digit("c", width)})), registers);
  });
  return registers;
}

/// a cos - b sin, or a sin + b cos.
void Rope::rotate(Value a, Value b, Value out, bool second) {
  DigitList time(local);
  time.push_back(k.digit("c", pairs / width, width));
  k.exec(Context::Main, [&] {
    Value flits = k.collect(k.fetchPair(a, b, time, {k.digit("c", width)}));
    Value x = k.stepVrf(VectorKind::Mul0, k.narrow(flits), second ? sin : cos,
                        Arguments::StreamOperand, 1);
    x = k.stepVrf(VectorKind::Mul1, x, second ? cos : sin,
                  Arguments::StreamOperand, 2);
    x = k.zip(second ? VectorKind::AddF : VectorKind::SubF, x);
    k.commit(k.widen(x, flits), out);
  });
}

/// Both halves of all pairs side by side.
void Rope::interleave(Value both, Value out) {
  int64_t some = std::gcd<int64_t>(pairs, 4);
  DigitList time(local);
  time.push_back(k.digit("c", pairs / some, some));
  k.exec(Context::Main, [&] {
    k.commit(
        k.collect(k.fetch(both, time, {k.digit("c", some), k.digit("p", 2)})),
        out);
  });
}

void Rope::part(const Box &box) {
  k.releaseAll();
  grid = gridOf(k, rows.space, box);
  local = localOf(k, rows.space, box);
  auto with = [&](DigitList digits, const DigitList &more) {
    llvm::append_range(digits, more);
    return digits;
  };
  DigitList whole = wholeOf(k, rows.space, box);
  int64_t start = startOf(rows.space, box) * depth;
  DigitList row = with(local, {k.digit("c", depth)});
  Value x = k.dm(k.f32(), grid, row), out = k.dm(k.f32(), grid, row);
  k.copy(k.hbm(at.inputs[0], with(whole, {k.digit("c", depth)}), start), x);
  int64_t rotated = 2 * pairs;
  if (rotated < depth) {
    Digit rest = k.digit("c", depth - rotated, 1, depth);
    k.copy(k.hbm(at.inputs[0], with(whole, {rest}), start + rotated),
           k.part(out, with(local, {rest}), rotated * 4));
  }
  cos = angles(box, at.inputs[1], rows.cos);
  sin = angles(box, at.inputs[2], rows.sin);
  if (op.getLayout() == RopeLayout::Half) {
    DigitList half = with(local, {k.digit("c", pairs, 1, depth)});
    Value a = k.part(x, half, 0), b = k.part(x, half, pairs * 4);
    rotate(a, b, k.part(out, half, 0), false);
    rotate(a, b, k.part(out, half, pairs * 4), true);
  } else {
    DigitList one =
        with(local, {k.digit("c", pairs, 1, depth / 2), k.digit("p", 1, 1, 2)});
    DigitList compact = with(local, {k.digit("c", pairs)});
    DigitList two = {k.digit("p", 2)};
    Value both = k.dm(k.f32(), grid, with(two, compact));
    Value a = k.part(x, one, 0), b = k.part(x, one, 4);
    rotate(a, b, k.part(both, compact, 0), false);
    rotate(a, b, k.part(both, compact, positions(compact) * 4), true);
    interleave(both, k.part(out,
                            with(local, {k.digit("c", pairs, 1, depth / 2),
                                         k.digit("p", 2)}),
                            0));
  }
  k.copy(out, k.hbm(at.result, with(whole, {k.digit("c", depth)}), start));
}

void Rope::run() {
  auto fits = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    int64_t all = 1, angles = 1;
    for (auto [i, size] : llvm::enumerate(each)) {
      all *= size;
      angles *= rows.any(i) ? size : 1;
    }
    if (angles * angleBytes(pairs) > VrfBytes)
      return longest(rows.space, each, [&](unsigned i) { return rows.any(i); });
    if (localBytes(op, all, angles) > DmBudget)
      return longest(rows.space, each);
    return std::nullopt;
  };
  for (const Box &box : divide(rows.space, fits))
    part(box);
}

Refusal ropeRefusal(RopeOp op) {
  for (Value value : op->getOperands())
    if (!isStaticF32(value) || elementsOf(value) == 0)
      return "rows here are of f32 and fixed sizes";
  int64_t pairs = int64_t(op.getRotaryDim()) / 2;
  if (pairs % 2 != 0 || depthOf(op) % 2 != 0)
    return "halves of its rows are no multiple of 8 bytes";
  if (angleBytes(pairs) > VrfBytes || localBytes(op, 1, 1) > DmBudget)
    return "the angles of a row do not fit the vector register file";
  std::optional<Rows> rows = rowsOf(op);
  if (!rows)
    return "its angles are not as many as half the rotated elements";
  if (rows->cos.size() > 3)
    return "its angles repeat along too many dimensions by turns";
  return std::nullopt;
}

void emitRope(KernelBuilder &k, RopeOp op, const KernelOperands &at) {
  Rope(k, op, at).run();
}

} // namespace dure::rngd
