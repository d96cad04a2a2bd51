// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What DMA does alone, as long as runs are multiples of 8 bytes: transposes,
// slices, concatenations, broadcasts. Other runs are moved element by element,
// as words of 8 bytes (WordMove.h).
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/Kernels.h"
#include "targets/rngd/compiler/WordMove.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

//===----------------------------------------------------------------------===//
// Pieces of tensors
//===----------------------------------------------------------------------===//

namespace {

/// Elements to be copied, in both tensors: the axes of the target, outermost
/// first, those that go on in both as one.
struct Piece {
  struct Axis {
    int64_t size, source, target; // strides in elements; source 0 repeats
  };
  SmallVector<Axis, 6> axes;
  int64_t source = 0, target = 0; // of the first element
  int64_t width = 1;              // bytes of an element

  const Axis &run() const { return axes.back(); }
  int64_t runBytes() const { return run().size * width; }
  void add(int64_t size, int64_t sourceStride, int64_t targetStride);
  /// Where no axis is contiguous in both, an element is a run.
  void addRun();
  /// Of much that is contiguous, packets, which slices can share.
  void cutRun();
  bool isAligned() const;
  bool isLarge() const;
  /// HBM is written in whole units.
  bool writesUnits() const;
  bool stages() const;
};

/// A dimension of some memory: which axis, how many, how far apart.
struct Extent {
  unsigned axis;
  int64_t count, stride;
};

} // namespace

/// What a sequencer's loop counts to (moving-tensors/sequencer.md).
static constexpr int64_t MostSteps = 65536;

void Piece::add(int64_t size, int64_t sourceStride, int64_t targetStride) {
  if (size == 1)
    return;
  if (!axes.empty() && axes.back().source == sourceStride * size &&
      axes.back().target == targetStride * size)
    axes.back() = {axes.back().size * size, sourceStride, targetStride};
  else
    axes.push_back({size, sourceStride, targetStride});
}

void Piece::addRun() {
  if (axes.empty() || axes.back().source != 1 || axes.back().target != 1)
    axes.push_back({1, 1, 1});
}

/// As DMA moves runs.
bool Piece::isAligned() const {
  auto fits = [&](int64_t elements) {
    return elements * width % DmaAlignment == 0;
  };
  return fits(run().size) && fits(source) && fits(target) &&
         llvm::all_of(ArrayRef(axes).drop_back(), [&](const Axis &axis) {
           return fits(axis.source) && fits(axis.target);
         });
}

bool Piece::writesUnits() const {
  if (runBytes() % HbmUnit != 0 || target * width % HbmUnit != 0)
    return false;
  return llvm::all_of(ArrayRef(axes).drop_back(), [&](const Axis &axis) {
    return axis.target * width % HbmUnit == 0;
  });
}

/// One command that reads and writes HBM in turns closes the rows that it has
/// just opened: of much, two commands cost less.
bool Piece::isLarge() const {
  int64_t bytes = width;
  for (const Axis &axis : axes)
    bytes *= axis.size;
  return bytes > DmaStartup * HbmUnit;
}

void Piece::cutRun() {
  if (!isLarge() || runBytes() <= DmaPacket)
    return;
  // Packets divide the run and, as digits do, what outer axes are apart.
  auto divides = [&](int64_t packet) {
    return run().size % packet == 0 &&
           llvm::all_of(ArrayRef(axes).drop_back(), [&](const Axis &axis) {
             return axis.source % packet == 0 && axis.target % packet == 0;
           });
  };
  int64_t unit = HbmUnit / width, packet = DmaPacket / width;
  while (packet > 0 && !divides(packet))
    packet -= unit;
  if (packet == 0)
    return;
  axes.back() = {run().size / packet, packet, packet};
  axes.push_back({packet, 1, 1});
}

/// By way of data memory HBM is written in longer runs, while it is read.
bool Piece::stages() const {
  if (axes.size() <= 1 || axes.size() > 6)
    return false;
  return writesUnits() ? isLarge() : runBytes() < DmaPacket;
}

/// Digits of a memory in which axes are so far apart.
static DigitList digitsOf(KernelBuilder &k, SmallVector<Extent, 6> extents) {
  llvm::sort(extents, [](const Extent &l, const Extent &r) {
    return l.stride > r.stride;
  });
  DigitList digits;
  int64_t before = 0;
  if (extents.empty())
    return {k.digit("_", 1)};
  for (const Extent &each : extents) {
    digits.push_back(k.digit("d" + std::to_string(each.axis), each.count, 1,
                             before ? before / each.stride : each.count));
    before = each.stride;
  }
  if (before > 1)
    digits.push_back(k.digit("_", 1, 1, before));
  return digits;
}

/// Axes of a tensor are whole multiples of each other apart, or no digits name
/// them.
static bool nests(const Piece &piece, int64_t Piece::Axis::*stride) {
  SmallVector<int64_t> strides;
  for (const Piece::Axis &axis : piece.axes)
    if (axis.*stride != 0 && axis.size != 1)
      strides.push_back(axis.*stride);
  llvm::sort(strides);
  for (size_t i = 1; i < strides.size(); ++i)
    if (strides[i] == strides[i - 1] || strides[i] % strides[i - 1] != 0)
      return false;
  return true;
}

static Refusal pieceRefusal(const Piece &piece) {
  if (!piece.isAligned())
    return "DMA moves multiples of 8 bytes, and its runs are of others";
  if (piece.axes.size() > 7 || !nests(piece, &Piece::Axis::source) ||
      !nests(piece, &Piece::Axis::target))
    return "it has more dimensions than a sequencer has loops";
  if (!piece.stages())
    for (const Piece::Axis &axis : ArrayRef(piece.axes).drop_back())
      if (axis.size > MostSteps)
        return "it has more runs than a sequencer counts";
  if (piece.runBytes() / DmaPacket > MostSteps)
    return "it has more runs than a sequencer counts";
  return std::nullopt;
}

/// Where the axes of a piece lie in one of its tensors, of each so many.
static DigitList sideOf(KernelBuilder &k, const Piece &piece,
                        ArrayRef<int64_t> counts,
                        int64_t Piece::Axis::*stride) {
  SmallVector<Extent, 6> extents;
  for (auto [i, axis] : llvm::enumerate(piece.axes))
    if (axis.*stride != 0 && axis.size != 1)
      extents.push_back(
          {static_cast<unsigned>(i), counts[i], piece.axes[i].*stride});
  return digitsOf(k, extents);
}

/// Commands for a copy whose runs may be shorter than what DMA asks for at a
/// time.
static int64_t commandsFor(int64_t bytes, int64_t run) {
  return bytes * (HbmUnit / std::min(run, HbmUnit)) / HbmUnit / 256;
}

/// From HBM to HBM; what packets of the longest do not divide comes after.
static void copyDirectly(KernelBuilder &k, const Piece &piece, Value source,
                         Value target) {
  int64_t packet = DmaPacket / piece.width;
  int64_t run = piece.run().size, main = run / packet * packet;
  for (auto [first, count] :
       {std::pair(int64_t(0), main), std::pair(main, run - main)}) {
    if (count == 0)
      continue;
    SmallVector<int64_t> counts;
    int64_t runs = 1;
    for (const Piece::Axis &axis : ArrayRef(piece.axes).drop_back()) {
      counts.push_back(axis.size);
      runs *= axis.size;
    }
    counts.push_back(count);
    k.copy(k.hbm(source, sideOf(k, piece, counts, &Piece::Axis::source),
                 piece.source + first),
           k.hbm(target, sideOf(k, piece, counts, &Piece::Axis::target),
                 piece.target + first),
           commandsFor(runs * count * piece.width, count * piece.width));
  }
}

/// By way of data memory, in which a slice has what is one run of the target
/// or several. The target is written as a whole.
static void copyStaged(KernelBuilder &k, const Piece &piece, Value source,
                       Value target) {
  Type type = cast<HbmType>(target.getType()).getElementType();
  Space space;
  auto outer = static_cast<unsigned>(piece.axes.size()) - 1;
  // A sequencer has 8 loops: of each axis one over slices and one within them.
  unsigned most = std::min<unsigned>(3, 7 - outer);
  for (unsigned i = 0; i < outer; ++i) {
    space.axes.push_back({"d" + std::to_string(i), piece.axes[i].size});
    if (space.order.size() < most)
      space.order.push_back(i);
  }
  int64_t bytes = piece.runBytes();
  int64_t unit = HbmUnit / std::gcd(HbmUnit, bytes);
  Space::Axis &last = space.axes.back();
  last.unit = std::min(unit, last.size);
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    int64_t all = bytes;
    for (int64_t size : each)
      all *= size;
    return all > DmStep ? longest(space, each) : std::nullopt;
  };
  Digit run = k.digit("d" + std::to_string(outer), piece.run().size);
  for (const Box &box : divide(space, tooMuch)) {
    k.releaseAll();
    SmallVector<int64_t> counts(box.count.begin(), box.count.end());
    counts.push_back(piece.run().size);
    int64_t from = piece.source, to = piece.target, all = bytes;
    for (unsigned i = 0; i < outer; ++i) {
      from += box.first[i] * piece.axes[i].source;
      to += box.first[i] * piece.axes[i].target;
      all *= box.count[i];
    }
    DigitList local = localOf(k, space, box);
    local.push_back(run);
    Value here = k.dm(type, gridOf(k, space, box), local);
    k.copy(k.hbm(source, sideOf(k, piece, counts, &Piece::Axis::source), from),
           here, commandsFor(all, bytes));
    k.copy(here,
           k.hbm(target, sideOf(k, piece, counts, &Piece::Axis::target), to),
           commandsFor(all, HbmUnit));
  }
}

//===----------------------------------------------------------------------===//
// Ops as pieces
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

static int64_t widthOf(Value value) {
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  return static_cast<int64_t>(
      llvm::divideCeil(type.getIntOrFloatBitWidth(), 8));
}

/// The one place that a gather reads, if it is known.
static std::optional<int64_t> fixedIndex(GatherOp op) {
  auto constant = op.getIndices().getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || dense.getNumElements() != 1 ||
      !isa<IntegerType>(dense.getElementType()))
    return std::nullopt;
  int64_t size = shapeOf(op.getX())[static_cast<size_t>(op.getAxis())];
  int64_t index = dense.getSplatValue<APInt>().getSExtValue();
  index += index < 0 ? size : 0;
  if (index < 0 || index >= size)
    return std::nullopt;
  return index;
}

/// Of every row what stands there.
static Piece pieceAt(GatherOp op, int64_t index) {
  ArrayRef<int64_t> shape = shapeOf(op.getX());
  auto axis = static_cast<size_t>(op.getAxis());
  int64_t inner = 1;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  Piece piece;
  piece.width = widthOf(op.getX());
  piece.source = index * inner;
  piece.add(elementsOf(op.getResult()) / inner, shape[axis] * inner, inner);
  piece.add(inner, 1, 1);
  piece.addRun();
  return piece;
}

static Piece pieceOf(Operation *op) {
  if (auto gather = dyn_cast<GatherOp>(op))
    return pieceAt(gather, *fixedIndex(gather));
  Value x = op->getOperand(0), result = op->getResult(0);
  ArrayRef<int64_t> to = shapeOf(result), from = shapeOf(x);
  SmallVector<int64_t> target = stridesOf(to), source = stridesOf(from);
  Piece piece;
  piece.width = widthOf(x);
  if (isa<ReduceOp>(op)) {
    piece.add(elementsOf(x), 1, 1);
    piece.addRun();
    return piece;
  }
  for (auto [i, size] : llvm::enumerate(to)) {
    if (auto transpose = dyn_cast<dure::TransposeOp>(op)) {
      piece.add(size, source[transpose.getPermutation()[i]], target[i]);
    } else if (auto slice = dyn_cast<SliceOp>(op)) {
      piece.source += *slice.getStarts().expr(i).constant() * source[i];
      piece.add(size, source[i] * slice.getSteps()[i], target[i]);
    } else {
      size_t missing = to.size() - from.size();
      bool repeats = i < missing || from[i - missing] == 1;
      piece.add(size, repeats ? 0 : source[i - missing], target[i]);
    }
  }
  piece.addRun();
  return piece;
}

/// Each operand of a concatenation: rows of which it has a part.
static SmallVector<Piece> concatenated(ConcatOp op) {
  auto axis = static_cast<size_t>(op.getAxis());
  ArrayRef<int64_t> to = shapeOf(op.getResult());
  int64_t outer = 1, inner = 1;
  for (auto [i, size] : llvm::enumerate(to))
    (i < axis ? outer : inner) *= i == axis ? 1 : size;
  SmallVector<Piece> pieces;
  int64_t first = 0;
  for (Value x : op.getXs()) {
    int64_t count = shapeOf(x)[axis] * inner;
    Piece piece;
    piece.width = widthOf(x);
    piece.target = first;
    piece.add(outer, count, to[axis] * inner);
    piece.add(count, 1, 1);
    piece.addRun();
    pieces.push_back(piece);
    first += count;
  }
  return pieces;
}

static SmallVector<Piece> piecesOf(Operation *op) {
  if (auto concat = dyn_cast<ConcatOp>(op))
    return concatenated(concat);
  return {pieceOf(op)};
}

static Refusal piecesRefusal(ArrayRef<Piece> pieces) {
  for (const Piece &piece : pieces)
    if (Refusal refusal = pieceRefusal(piece))
      return refusal;
  return std::nullopt;
}

/// The same of elements that are words of 8 bytes.
static SmallVector<Piece> asWords(ArrayRef<Piece> pieces) {
  SmallVector<Piece> words(pieces);
  for (Piece &piece : words)
    piece.width = DmaAlignment;
  return words;
}

/// Whether some runs are of other lengths than DMA moves.
static bool moveByWords(ArrayRef<Piece> pieces) {
  return llvm::any_of(pieces,
                      [](const Piece &piece) { return !piece.isAligned(); });
}

static void movePiece(KernelBuilder &k, Piece piece, Value source,
                      Value target) {
  piece.cutRun();
  if (piece.stages())
    copyStaged(k, piece, source, target);
  else
    copyDirectly(k, piece, source, target);
}

/// Rows of a concatenation are put together in data memory.
static bool gathersRows(ConcatOp op, ArrayRef<Piece> pieces) {
  int64_t row = 0;
  bool stages = false;
  for (const Piece &piece : pieces) {
    row += piece.runBytes();
    stages |= piece.stages();
  }
  return stages && row <= DmBudget / 2;
}

static void emitRows(KernelBuilder &k, ConcatOp op, ArrayRef<Piece> pieces,
                     const KernelOperands &at) {
  Type type = cast<HbmType>(at.result.getType()).getElementType();
  int64_t outer = 1;
  for (const Piece &piece : pieces)
    if (piece.axes.size() > 1)
      outer = piece.axes.front().size;
  int64_t row = elementsOf(op.getResult()) / outer, width = pieces[0].width;
  Space space;
  int64_t unit = HbmUnit / std::gcd(HbmUnit, row * width);
  space.axes = {{"r", outer, std::min(unit, outer)}};
  space.order = {0};
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    return each[0] * row * width > DmBudget / 2 ? longest(space, each)
                                                : std::nullopt;
  };
  for (const Box &box : divide(space, tooMuch)) {
    k.releaseAll();
    DigitList local = localOf(k, space, box), whole = wholeOf(k, space, box);
    auto columns = [&](DigitList digits, int64_t count, int64_t of) {
      digits.push_back(k.digit("c", count, 1, of));
      return digits;
    };
    Value here = k.dm(type, gridOf(k, space, box), columns(local, row, row));
    int64_t rows = box.count[0], first = box.first[0];
    for (auto [piece, source] : llvm::zip(pieces, at.inputs)) {
      int64_t count = piece.run().size;
      k.copy(k.hbm(source, columns(whole, count, count), first * count),
             k.part(here, columns(local, count, row), piece.target * width),
             commandsFor(rows * count * width, count * width));
    }
    k.copy(here, k.hbm(at.result, columns(whole, row, row), first * row),
           commandsFor(rows * row * width, HbmUnit));
  }
}

/// Elements of it are numbers that the code object brings along.
static constexpr int64_t MostConstants = 65536;

/// 0, 1, 2, .. along an axis, as a constant of `count` elements: all, and what
/// moves with the last.
static DenseElementsAttr countsOf(IotaOp op, int64_t count) {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t inner = 1,
          size = type.getDimSize(static_cast<unsigned>(op.getAxis()));
  for (int64_t each : type.getShape().drop_front(op.getAxis() + 1))
    inner *= each;
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < count; ++i) {
    int64_t value = i / inner % size;
    if (type.getElementType().isF32())
      values.push_back(FloatAttr::get(type.getElementType(), double(value)));
    else
      values.push_back(IntegerAttr::get(type.getElementType(), value));
  }
  return DenseElementsAttr::get(
      RankedTensorType::get({count}, type.getElementType()), values);
}

static Refusal iotaRefusal(IotaOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return "its sizes are not fixed";
  Type element = type.getElementType();
  if (!element.isF32() && !element.isSignlessInteger(32) &&
      !element.isSignlessInteger(64))
    return "it counts in another type than f32, i32 or i64";
  if (type.getNumElements() > MostConstants)
    return "it has more elements than a code object brings along";
  return std::nullopt;
}

static void emitIota(KernelBuilder &k, IotaOp op, const KernelOperands &at) {
  int64_t count = wholeElements(at.result);
  Value counts = k.constant(countsOf(op, count), {k.digit("all", count)});
  Piece piece;
  piece.width = widthOf(op.getResult());
  piece.add(count, 1, 1);
  piece.addRun();
  copyDirectly(k, piece, counts, at.result);
}

/// What is reduced is one number each: it stays what it is.
static bool reducesNothing(ReduceOp op) {
  switch (op.getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
  case ReduceKind::Max:
  case ReduceKind::Min:
  case ReduceKind::Prod:
    return elementsOf(op.getX()) == elementsOf(op.getResult());
  default:
    return false;
  }
}

bool isMove(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reducesNothing(reduce);
  return isa<dure::TransposeOp, GatherOp, SliceOp, ConcatOp, BroadcastOp,
             IotaOp>(op);
}

Refusal moveRefusal(Operation *op) {
  auto gather = dyn_cast<GatherOp>(op);
  if (gather &&
      !(gather.getX().getType().hasStaticShape() && fixedIndex(gather)))
    return gatherRefusal(gather);
  if (auto iota = dyn_cast<IotaOp>(op))
    return iotaRefusal(iota);
  for (Value value :
       llvm::concat<Value>(SmallVector<Value>(op->getOperands()),
                           SmallVector<Value>(op->getResults()))) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.hasStaticShape() || type.getNumElements() == 0)
      return "its sizes are not fixed";
    Type element = type.getElementType();
    if (!element.isIntOrFloat() ||
        (element.getIntOrFloatBitWidth() % 8 != 0 && !element.isInteger(1)))
      return "its elements are less than a byte";
  }
  if (auto slice = dyn_cast<SliceOp>(op))
    for (size_t i = 0; i < slice.getStarts().size(); ++i)
      if (!slice.getStarts().expr(i).constant() || slice.getSteps()[i] < 1)
        return "it starts where only a run tells, or walks backwards";
  SmallVector<Piece> pieces = piecesOf(op);
  return moveByWords(pieces) ? piecesRefusal(asWords(pieces))
                             : piecesRefusal(pieces);
}

SmallVector<int64_t> moveScratch(Operation *op) {
  auto gather = dyn_cast<GatherOp>(op);
  if (isa<IotaOp>(op) || (gather && !fixedIndex(gather)))
    return {};
  if (!moveByWords(piecesOf(op)))
    return {};
  int64_t most = 0;
  for (Value operand : op->getOperands())
    most = std::max(most, elementsOf(operand));
  return {most, elementsOf(op->getResult(0))};
}

void emitMove(KernelBuilder &k, Operation *op, const KernelOperands &at) {
  auto gather = dyn_cast<GatherOp>(op);
  if (gather && !fixedIndex(gather)) {
    emitGather(k, gather, at);
    return;
  }
  if (auto iota = dyn_cast<IotaOp>(op)) {
    emitIota(k, iota, at);
    return;
  }
  SmallVector<Piece> pieces = piecesOf(op);
  if (moveByWords(pieces)) {
    // A piece may be a part of the result: all are there before that is made.
    for (auto [i, piece] : llvm::enumerate(asWords(pieces))) {
      widenElements(k, at.inputs[i], at.scratch[0],
                    elementsOf(op->getOperand(i)));
      movePiece(k, piece, at.scratch[0], at.scratch[1]);
    }
    narrowWords(k, at.scratch[1], at.result, elementsOf(op->getResult(0)));
    return;
  }
  auto concat = dyn_cast<ConcatOp>(op);
  if (concat && gathersRows(concat, pieces)) {
    emitRows(k, concat, pieces, at);
    return;
  }
  for (auto [piece, source] : llvm::zip(pieces, at.inputs))
    movePiece(k, piece, source, at.result);
}

/// `count` elements at `place`, as those of `value`.
static Value elementsAt(KernelBuilder &k, Value place, int64_t count,
                        Value value) {
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  if (type.isInteger(1))
    type = k.b.getI8Type();
  int64_t unit = BindingUnit / widthOf(value);
  return k.hbm(place, {k.digit("e", count, 1, llvm::alignTo(count, unit))}, 0,
               type);
}

/// An operand as a result of this shape repeats it, of words of 8 bytes.
static Piece repeated(Value operand, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> has = shapeOf(operand);
  SmallVector<int64_t> source = stridesOf(has), target = stridesOf(shape);
  size_t missing = shape.size() - has.size();
  Piece piece;
  piece.width = DmaAlignment;
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool repeats = i < missing || has[i - missing] == 1;
    piece.add(size, repeats ? 0 : source[i - missing], target[i]);
  }
  piece.addRun();
  return piece;
}

/// What is no number all over, and has fewer elements than the result.
static bool isRepeated(Operation *op, Value operand) {
  auto constant = operand.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  return !(dense && dense.isSplat()) &&
         elementsOf(operand) != elementsOf(op->getResult(0));
}

Refusal repeatRefusal(Operation *op) {
  for (Value operand : op->getOperands()) {
    if (!isRepeated(op, operand))
      continue;
    if (Refusal refusal =
            pieceRefusal(repeated(operand, shapeOf(op->getResult(0)))))
      return refusal;
  }
  return std::nullopt;
}

SmallVector<int64_t> repeatScratch(Operation *op) {
  int64_t most = 0, count = elementsOf(op->getResult(0));
  SmallVector<int64_t> words = {0, count};
  for (Value operand : op->getOperands())
    if (isRepeated(op, operand)) {
      most = std::max(most, elementsOf(operand));
      words.push_back(llvm::divideCeil(count * widthOf(operand), 8));
    }
  words[0] = most;
  return words;
}

void emitRepeat(KernelBuilder &k, Operation *op, KernelOperands &at) {
  ArrayRef<int64_t> shape = shapeOf(op->getResult(0));
  int64_t count = elementsOf(op->getResult(0));
  size_t next = 2;
  for (auto [operand, place] : llvm::zip(op->getOperands(), at.inputs)) {
    if (!isRepeated(op, operand))
      continue;
    Value whole = elementsAt(k, at.scratch[next++], count, operand);
    Piece piece = repeated(operand, shape);
    if (widthOf(operand) == DmaAlignment) {
      movePiece(k, piece, place, whole);
    } else {
      widenElements(k, place, at.scratch[0], elementsOf(operand));
      movePiece(k, piece, at.scratch[0], at.scratch[1]);
      narrowWords(k, at.scratch[1], whole, count);
    }
    place = whole;
  }
}

SmallVector<int64_t> pitchScratch(Value value, int64_t pitch) {
  int64_t rows = elementsOf(value) / shapeOf(value).back();
  return {elementsOf(value), rows * pitch,
          static_cast<int64_t>(
              llvm::divideCeil(rows * pitch * widthOf(value), DmaAlignment))};
}

Value emitPitch(KernelBuilder &k, Value value, int64_t pitch, Value place,
                ArrayRef<Value> scratch) {
  int64_t columns = shapeOf(value).back(), rows = elementsOf(value) / columns;
  Piece piece;
  piece.width = DmaAlignment;
  piece.add(rows, columns, pitch);
  piece.add(columns, 1, 1);
  piece.addRun();
  widenElements(k, place, scratch[0], elementsOf(value));
  movePiece(k, piece, scratch[0], scratch[1]);
  Value apart = elementsAt(k, scratch[2], rows * pitch, value);
  narrowWords(k, scratch[1], apart, rows * pitch);
  return apart;
}

} // namespace dure::rngd
