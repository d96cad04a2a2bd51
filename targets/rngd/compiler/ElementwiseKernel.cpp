// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One pass of the vector engine. What repeats along inner dimensions comes from
// the vector register file, other repetition is DMA's.
#include "targets/rngd/compiler/ElementwiseKernel.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

int64_t elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

bool isStaticF32(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getElementType().isF32();
}

std::optional<float> splatOf(Value value) {
  auto constant = value.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !dense.isSplat() || !dense.getElementType().isF32())
    return std::nullopt;
  return dense.getSplatValue<APFloat>().convertToFloat();
}

namespace {

/// Float steps of a unary op on a narrow stream; no value for another op.
Value unary(KernelBuilder &k, Operation *op, Value x) {
  auto plain = [&](VectorKind kind) { return k.step(kind, x); };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](ExpOp) { return plain(VectorKind::Exp); })
      .Case([&](LogOp) { return plain(VectorKind::Log); })
      .Case([&](SqrtOp) { return plain(VectorKind::Sqrt); })
      .Case([&](TanhOp) { return plain(VectorKind::Tanh); })
      .Case([&](SigmoidOp) { return plain(VectorKind::Sigmoid); })
      .Case([&](ErfOp) { return plain(VectorKind::Erf); })
      .Case([&](SinOp) { return plain(VectorKind::Sin); })
      .Case([&](CosOp) { return plain(VectorKind::Cos); })
      .Case([&](NegOp) { return k.stepImm(VectorKind::Mul0, x, -1); })
      .Case([&](ReciprocalOp) {
        return k.stepImm(VectorKind::Div, x, 1, Arguments::OperandStream);
      })
      .Case([&](RsqrtOp) {
        return k.stepImm(VectorKind::Div, plain(VectorKind::Sqrt), 1,
                         Arguments::OperandStream);
      })
      .Case([&](SiluOp) {
        Value kept = k.stash(x);
        return k.stepStash(VectorKind::Mul0, k.step(VectorKind::Sigmoid, kept));
      })
      .Case([&](GeluOp gelu) -> Value {
        Value kept = k.stash(x);
        if (gelu.getForm() == GeluForm::Tanh) {
          // (tanh(u) + 1) / 2 is the sigmoid of 2 u, u = x (c + d x^2); its
          // product with x takes a pass of its own.
          Value square =
              k.step(VectorKind::Mul0, kept, Arguments::StreamStream);
          constexpr float c = 2 * 0.79788456080286536f, d = c * 0.044715f;
          return k.step(VectorKind::Sigmoid,
                        k.stepStash(VectorKind::Mul1, k.stepFma(square, d, c)));
        }
        // x * (erf(x / sqrt 2) + 1) / 2: each unit once, the divider last.
        Value root = k.stepImm(VectorKind::Mul0, kept, 0.70710678118654752f);
        Value erf = k.step(VectorKind::Erf, root);
        Value more = k.stepImm(VectorKind::AddF, erf, 1);
        return k.stepImm(VectorKind::Div, k.stepStash(VectorKind::Mul1, more),
                         2);
      })
      .Default([](Operation *) { return Value(); });
}

/// The step of a binary op, and whether it is a wide one.
std::optional<std::pair<VectorKind, bool>> binaryKind(Operation *op) {
  return llvm::TypeSwitch<Operation *,
                          std::optional<std::pair<VectorKind, bool>>>(op)
      .Case([](AddOp) { return std::pair(VectorKind::AddF, false); })
      .Case([](SubOp) { return std::pair(VectorKind::SubF, false); })
      .Case([](MulOp) { return std::pair(VectorKind::Mul0, false); })
      .Case([](DivOp) { return std::pair(VectorKind::Div, false); })
      .Default([](Operation *) { return std::nullopt; });
}

bool isUnary(Operation *op) {
  return isa<GeluOp, ExpOp, LogOp, SqrtOp, TanhOp, SigmoidOp, ErfOp, SinOp,
             CosOp, NegOp, ReciprocalOp, RsqrtOp, SiluOp, ReluOp, AbsOp,
             SoftplusOp>(op);
}

/// Whether the operand varies along each dimension of the result.
SmallVector<bool> variesAlong(Value operand, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> has = shapeOf(operand);
  SmallVector<bool> result(shape.size() - has.size(), false);
  for (int64_t size : has)
    result.push_back(size != 1);
  return result;
}

} // namespace

std::optional<Repetition> repetitionOf(Operation *op) {
  ArrayRef<int64_t> shape = shapeOf(op->getResult(0));
  SmallVector<SmallVector<bool>> along;
  bool repeats = false;
  for (Value operand : op->getOperands()) {
    along.push_back(variesAlong(operand, shape));
    repeats |= !splatOf(operand) &&
               elementsOf(operand) != elementsOf(op->getResult(0));
  }
  if (!repeats)
    return std::nullopt;
  Repetition found;
  found.varies.resize(along.size());
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (size == 1)
      continue;
    bool same = !found.space.axes.empty();
    for (auto [varies, of] : llvm::zip(found.varies, along))
      same = same && varies.back() == of[i];
    if (same) {
      found.space.axes.back().size *= size;
      continue;
    }
    found.space.order.push_back(found.space.axes.size());
    found.space.axes.push_back(
        {"d" + std::to_string(found.space.axes.size()), size});
    for (auto [varies, of] : llvm::zip(found.varies, along))
      varies.push_back(of[i]);
  }
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (!splatOf(operand) && !found.varies[i].back())
      found.scalar = i;
  // HBM is written in whole units, and DMA reads two numbers at least.
  auto &axes = found.space.axes;
  Space::Axis &last = axes.back();
  int64_t bytes = last.size * 4;
  last.unit = bytes % HbmUnit == 0 ? HbmUnit / 4 : last.size;
  if (axes.size() > 1) {
    int64_t unit = last.unit == last.size ? HbmUnit / std::gcd(HbmUnit, bytes)
                                          : int64_t(1);
    if (found.scalar)
      unit = std::max<int64_t>(unit, 2);
    Space::Axis &rows = axes[axes.size() - 2];
    rows.unit = std::min(unit, rows.size);
  }
  return found;
}

namespace {

/// Its sign bit cleared, in its wide form.
Value absolute(KernelBuilder &k, Value x) {
  auto from = cast<StreamType>(x.getType());
  auto bits = StreamType::get(k.b.getContext(), k.i32(), from.getCluster(),
                              from.getSlice(), from.getLane(), from.getTime(),
                              from.getPacket());
  auto make = [&](Type type, VectorKind kind, Value in, Attribute immediate) {
    return tcp::VectorOp::create(k.b, type, in, Value(), kind,
                                 Arguments::StreamOperand, immediate, false,
                                 false);
  };
  Value raw = make(bits, VectorKind::Reinterpret, x, {});
  Value cleared =
      make(bits, VectorKind::BitAnd, raw, k.b.getI32IntegerAttr(0x7fffffff));
  return make(from, VectorKind::Reinterpret, cleared, {});
}

/// x in its wide form, ended there; no value for ops of the float steps alone.
Value wideUnary(KernelBuilder &k, Operation *op, Value x) {
  if (isa<AbsOp>(op))
    return absolute(k, x);
  if (isa<ReluOp>(op)) {
    // The unit passes over what is no number: beside 0 that stands here too.
    Value kept = k.stash(x);
    Value some = k.step(VectorKind::Sigmoid, k.narrow(kept));
    Value zero = k.widen(k.stepImm(VectorKind::Mul0, some, 0), x);
    return k.stepStash(VectorKind::Max, zero);
  }
  if (isa<SoftplusOp>(op)) {
    // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), its first part in a pass of its
    // own.
    Value size = k.narrow(absolute(k, x));
    Value one =
        k.stepImm(VectorKind::AddF, k.step(VectorKind::NegExp, size), 1);
    return k.widen(k.step(VectorKind::Log, one), x);
  }
  return {};
}

/// Steps of an op's second pass on a pair: what the first one took, and gave.
Value joinAfter(KernelBuilder &k, Operation *op, Value pair) {
  if (isa<SoftplusOp>(op)) {
    Value above = tcp::VectorOp::create(
        k.b, pair.getType(), pair, Value(), VectorKind::Max,
        Arguments::StreamOperand, k.b.getF32FloatAttr(0), false, false, 1);
    return k.zip(VectorKind::ClipAdd, above);
  }
  return k.widen(k.zip(VectorKind::Mul0, k.narrow(pair)), pair);
}

bool joinsAfter(Operation *op) {
  auto gelu = dyn_cast<GeluOp>(op);
  return isa<SoftplusOp>(op) || (gelu && gelu.getForm() == GeluForm::Tanh);
}

class Elementwise {
public:
  Elementwise(KernelBuilder &k, Operation *op, const KernelOperands &at)
      : k(k), op(op), at(at) {}

  /// Elements one after the other, whatever their rows.
  void flat();
  void repeated(const Repetition &of);

private:
  Value scalarsOf(const Repetition &of, const Box &box, const Grid &grid);

  KernelBuilder &k;
  Operation *op;
  const KernelOperands &at;
};

} // namespace

void elementwisePass(KernelBuilder &k, Operation *op, ArrayRef<Value> in,
                     std::optional<Registered> registered, Value out,
                     const DigitList &time, const DigitList &packet) {
  k.exec(Context::Main, [&] {
    Value x = in.size() == 2
                  ? k.collect(k.fetchPair(in[0], in[1], time, packet))
                  : k.collect(k.fetch(in[0], time, packet));
    if (Value wide = wideUnary(k, op, x)) {
      k.commit(wide, out);
      return;
    }
    Value narrow = k.narrow(x), result;
    if (auto kind = binaryKind(op)) {
      auto places = [](bool first) {
        return first ? Arguments::OperandStream : Arguments::StreamOperand;
      };
      if (in.size() == 2) {
        result = k.zip(kind->first, narrow);
      } else if (registered) {
        result = k.stepVrf(kind->first, narrow, registered->file,
                           places(registered->operand == 0));
      } else {
        bool first = splatOf(op->getOperand(0)).has_value();
        float number = *splatOf(op->getOperand(first ? 0 : 1));
        result = k.stepImm(kind->first, narrow, number, places(first));
      }
    } else {
      result = unary(k, op, narrow);
    }
    Value wide = k.widen(result, x);
    k.commit(wide, out);
  });
  if (!joinsAfter(op))
    return;
  k.exec(Context::Main, [&] {
    Value x = k.collect(k.fetchPair(in[0], out, time, packet));
    k.commit(joinAfter(k, op, x), out);
  });
}

void Elementwise::flat() {
  SmallVector<Value> streams;
  for (auto [operand, place] : llvm::zip(op->getOperands(), at.inputs))
    if (!splatOf(operand) || op->getNumOperands() == 1)
      streams.push_back(place);
  int64_t buffers = static_cast<int64_t>(streams.size()) + 1;
  int64_t most = DmStep / 4 / buffers / 8 * 8 - 64;
  for (const Share &share :
       unitShares(wholeElements(at.result), most, HbmUnit / 4)) {
    k.releaseAll();
    Grid grid = k.grid("e", share);
    DigitList all = {k.digit("e", share.rows())};
    DigitList local = {
        k.digit("e", share.each, 1, llvm::alignTo(share.each, 8))};
    SmallVector<Value> in;
    for (Value place : streams) {
      in.push_back(k.dm(k.f32(), grid, local));
      k.copy(k.hbm(place, all, share.first), in.back());
    }
    Value out = k.dm(k.f32(), grid, local);
    DigitList time = {k.digit("e", llvm::divideCeil(share.each, 8), 8)};
    elementwisePass(k, op, in, {}, out, time,
                    {k.digit("e", std::min<int64_t>(share.each, 8), 1, 8)});
    k.copy(out, k.hbm(at.result, all, share.first));
  }
}

/// One number for each row, in the register file.
Value Elementwise::scalarsOf(const Repetition &of, const Box &box,
                             const Grid &grid) {
  auto has = [&](unsigned axis) { return of.varies[*of.scalar][axis]; };
  DigitList local = localOf(k, of.space, box, has), file(local);
  Value here = k.dm(k.f32(), grid, local);
  k.copy(k.hbm(at.inputs[*of.scalar], wholeOf(k, of.space, box, has),
               startOf(of.space, box, has)),
         here);
  // Packets divide the innermost axis.
  Digit inner = file.pop_back_val();
  StringRef axis = inner.axis.getValue();
  int64_t width = std::gcd<int64_t>(inner.size, 8);
  DigitList time(file);
  time.push_back(k.digit(axis, inner.size / width, width));
  file = time;
  file.push_back(k.digit(axis, width, 1, 8));
  Value registers = k.vrf(k.f32(), grid, file);
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(here, time, {k.digit(axis, width)})), registers);
  });
  return registers;
}

void Elementwise::repeated(const Repetition &of) {
  auto rowAxis = [&](unsigned axis) {
    return of.scalar && of.varies[*of.scalar][axis];
  };
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    int64_t all = 3, rows = 4;
    for (auto [i, size] : llvm::enumerate(each)) {
      all *= size;
      rows *= rowAxis(i) ? size : 1;
    }
    if (of.scalar && rows * 4 > VrfBytes)
      return longest(of.space, each, rowAxis);
    return (all + (of.scalar ? rows : 0)) * 4 > DmStep ? longest(of.space, each)
                                                       : std::nullopt;
  };
  for (const Box &box : divide(of.space, tooMuch)) {
    k.releaseAll();
    Grid grid = gridOf(k, of.space, box);
    DigitList local = localOf(k, of.space, box);
    SmallVector<Value> in;
    for (auto [i, place] : llvm::enumerate(at.inputs)) {
      if (splatOf(op->getOperand(i)) || of.scalar == i)
        continue;
      auto has = [&](unsigned axis) { return of.varies[i][axis]; };
      in.push_back(k.dm(k.f32(), grid, local));
      k.copy(k.hbm(place, wholeOf(k, of.space, box, has),
                   startOf(of.space, box, has)),
             in.back());
    }
    std::optional<Registered> scalars;
    if (of.scalar)
      scalars = {*of.scalar, scalarsOf(of, box, grid)};
    Value out = k.dm(k.f32(), grid, local);
    DigitList time(local);
    Digit columns = time.pop_back_val();
    StringRef axis = columns.axis.getValue();
    time.push_back(k.digit(axis, columns.size / of.width(), of.width()));
    elementwisePass(k, op, in, scalars, out, time, {k.digit(axis, of.width())});
    k.copy(out,
           k.hbm(at.result, wholeOf(k, of.space, box), startOf(of.space, box)));
  }
}

/// Why a repetition is not taken.
static Refusal repetitionRefusal(const Repetition &of) {
  if (of.outer() > 3)
    return "its operands repeat along too many dimensions by turns";
  if (of.columns() % 2 != 0 ||
      (of.scalar &&
       (of.outer() == 0 || of.space.axes[of.outer() - 1].size % 2 != 0)))
    return "DMA moves multiples of 8 bytes";
  int64_t row = of.space.axes.back().unit, rows = 1;
  if (of.outer() > 0)
    rows = of.space.axes[of.outer() - 1].unit;
  if ((row * 3 + 4) * rows * 4 > DmBudget)
    return "a row does not fit a slice's data memory";
  return std::nullopt;
}

/// Whether what repeats is brought to the result's shape by a copy before,
/// since no pass takes it as it is.
static bool repeatsApart(Operation *op) {
  std::optional<Repetition> of =
      op->getNumOperands() > 1 ? repetitionOf(op) : std::nullopt;
  return of && repetitionRefusal(*of);
}

Refusal elementwiseRefusal(Operation *op) {
  bool binary = binaryKind(op).has_value();
  if (!binary && !isUnary(op))
    return "the vector engine's steps do not make it";
  for (Value value : op->getOperands())
    if (!isStaticF32(value))
      return "the vector engine's passes here are of f32 and fixed sizes";
  Value result = op->getResult(0);
  if (!isStaticF32(result) || elementsOf(result) == 0)
    return "the vector engine's passes here are of f32 and fixed sizes";
  if (!binary)
    return std::nullopt;
  if (llvm::all_of(op->getOperands(),
                   [](Value value) { return splatOf(value).has_value(); }))
    return "no operand has the result's shape";
  return repeatsApart(op) ? repeatRefusal(op) : std::nullopt;
}

SmallVector<int64_t> elementwiseScratch(Operation *op) {
  return repeatsApart(op) ? repeatScratch(op) : SmallVector<int64_t>();
}

void emitElementwise(KernelBuilder &k, Operation *op, KernelOperands at) {
  if (repeatsApart(op)) {
    emitRepeat(k, op, at);
    Elementwise(k, op, at).flat();
    return;
  }
  if (emitWhereItLies(k, op, at))
    return;
  Elementwise kernel(k, op, at);
  std::optional<Repetition> of =
      op->getNumOperands() > 1 ? repetitionOf(op) : std::nullopt;
  if (of)
    kernel.repeated(*of);
  else
    kernel.flat();
}

} // namespace dure::rngd
