// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each op of the tcp dialect demands by itself.
#include "dialects/tcp/TcpOps.h"

#include "dialects/tcp/Checks.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;

#define GET_OP_CLASSES
#include "dialects/tcp/TcpOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static std::pair<Type, MapAttr> elementsOf(Type type) {
  return llvm::TypeSwitch<Type, std::pair<Type, MapAttr>>(type)
      .Case<HbmType, DmType, TrfType, VrfType>([](auto memory) {
        return std::pair(memory.getElementType(), memory.getElement());
      });
}

/// Bytes of a tensor in one slice (and lane), or in HBM; without what follows
/// its last element where `used`.
static int64_t localBytes(Type type, bool used = false) {
  auto [element, map] = elementsOf(type);
  Digits digits = map.getDigits();
  int64_t count = used ? reach(digits) : positions(digits);
  return llvm::divideCeil(count * bitsOf(element), 8);
}

/// As the type's own verifier, which sees only what is parsed.
static LogicalResult verifyMemory(Operation *op, Type type) {
  auto emit = [&] { return op->emitOpError(); };
  return llvm::TypeSwitch<Type, LogicalResult>(type)
      .Case([&](HbmType hbm) {
        return HbmType::verify(emit, hbm.getElementType(), hbm.getElement());
      })
      .Case([&](TrfType trf) {
        return TrfType::verify(emit, trf.getElementType(), trf.getCluster(),
                               trf.getSlice(), trf.getLane(), trf.getElement());
      })
      .Case<DmType, VrfType>([&](auto part) {
        return part.verify(emit, part.getElementType(), part.getCluster(),
                           part.getSlice(), part.getElement());
      });
}

LogicalResult AllocOp::verify() {
  Type type = getResult().getType();
  if (failed(verifyMemory(*this, type)))
    return failure();
  const rngd::Limits &most = limits();
  auto from = static_cast<int64_t>(getOffset());
  bool isFile = isa<TrfType, VrfType>(type);
  int64_t unit = isa<HbmType>(type) ? most.HbmUnit
                 : isFile           ? most.FlitBytes
                                    : most.DmRowBytes;
  if (from < 0 || from > most.HbmBytes || from % unit != 0)
    return emitOpError("needs an offset that is a multiple of ")
           << unit << " bytes ("
           << (isFile ? "computing-tensors/register-files.md"
                      : "moving-tensors/memory-performance.md")
           << ")";
  int64_t end = from + localBytes(type);
  auto check = [&](int64_t bytes, StringRef what,
                   StringRef page) -> LogicalResult {
    if (end <= bytes)
      return success();
    return emitOpError("needs ")
           << end << " bytes of " << what << ", which has " << bytes << " ("
           << page << ")";
  };
  if (isa<HbmType>(type))
    return check(most.HbmBytes, "the chip's HBM",
                 "moving-tensors/memory-performance.md");
  if (isa<DmType>(type))
    return check(most.DmBytes, "a slice's data memory",
                 "moving-tensors/memory-performance.md");
  if (auto trf = dyn_cast<TrfType>(type))
    return check(most.trfBytes() / positions(trf.getLane().getDigits()),
                 "a lane of the tensor register file",
                 "computing-tensors/register-files.md");
  return check(most.VrfBytes, "the vector register file",
               "computing-tensors/register-files.md");
}

LogicalResult tcp::ConstantOp::verify() {
  auto type = cast<HbmType>(getResult().getType());
  ShapedType value = getValue().getShapedType();
  if (value.getElementType() != type.getElementType())
    return emitOpError("holds ")
           << value.getElementType() << ", not " << type.getElementType();
  int64_t most = reach(type.getElement().getDigits());
  if (!getValue().isSplat() && getValue().getNumElements() != most)
    return emitOpError("holds ") << getValue().getNumElements()
                                 << " numbers for " << most << " positions";
  return success();
}

/// Slices from the first to the last of use, over both clusters.
static int64_t sliceReach(DmType type) {
  return (reach(type.getCluster().getDigits()) - 1) *
             limits().SlicesPerCluster +
         reach(type.getSlice().getDigits());
}

LogicalResult ViewOp::verify() {
  auto offset = static_cast<int64_t>(getOffset());
  if (getSource().getType().getTypeID() != getResult().getType().getTypeID())
    return emitOpError("views one memory as another");
  if (failed(verifyMemory(*this, getResult().getType())))
    return failure();
  int64_t bytes = localBytes(getResult().getType(), /*used=*/true);
  int64_t most = localBytes(getSource().getType());
  if (offset < 0 || bytes > most || offset > most - bytes)
    return emitOpError("reaches beyond its source: ")
           << bytes << " bytes at " << offset << " of " << most;
  auto slice = static_cast<int64_t>(getSlice());
  if (slice == 0)
    return success();
  auto dm = dyn_cast<DmType>(getResult().getType());
  if (!dm)
    return emitOpError("names a slice, of which data memory alone is made");
  int64_t last = slice + sliceReach(dm);
  if (slice < 0 || last > sliceReach(cast<DmType>(getSource().getType())))
    return emitOpError("reaches beyond the slices of its source");
  return success();
}

//===----------------------------------------------------------------------===//
// DMA
//===----------------------------------------------------------------------===//

static LogicalResult verifyCopy(Operation *op, Value source, Value target,
                                uint64_t engine) {
  for (Value end : {source, target})
    if (!isa<HbmType, DmType>(end.getType()))
      return op->emitOpError("moves between HBM and data memory only "
                             "(moving-tensors/dma-engine.md)");
  if (engine >= static_cast<uint64_t>(limits().DmaEngines))
    return op->emitOpError("names engine ")
           << engine << " of " << limits().DmaEngines
           << " (moving-tensors/dma-engine.md)";
  if (elementsOf(source.getType()).first != elementsOf(target.getType()).first)
    return op->emitOpError("changes the type, which DMA does not "
                           "(moving-tensors/dma-engine.md)");
  return success();
}

static LogicalResult verifyCommands(Operation *op, uint64_t commands) {
  auto engines = static_cast<uint64_t>(limits().DmaEngines);
  if (commands >= 1 && commands <= engines)
    return success();
  return op->emitOpError("makes ") << commands << " commands for " << engines
                                   << " engines (moving-tensors/dma-engine.md)";
}

LogicalResult TdmaOp::verify() {
  if (failed(verifyCopy(*this, getSource(), getTarget(), getEngine())) ||
      failed(verifyCommands(*this, getCommands())))
    return failure();
  return transferOf(*this, getSource(), getTarget());
}

static LogicalResult verifyIndex(Operation *op, Type index) {
  if (isa<HbmType, DmType>(index) &&
      elementsOf(index).first.isSignlessInteger(32))
    return success();
  return op->emitOpError("takes its index from i32 in HBM or data memory "
                         "(moving-tensors/dma-engine.md)");
}

LogicalResult TdmaGatherOp::verify() {
  if (failed(verifyCopy(*this, getSource(), getTarget(), getEngine())) ||
      failed(verifyCommands(*this, getCommands())) ||
      failed(verifyIndex(*this, getIndex().getType())))
    return failure();
  return transferOf(*this, getSource(), getTarget(), getIndex(), getKey());
}

LogicalResult TdmaScatterOp::verify() {
  if (failed(verifyCopy(*this, getSource(), getTarget(), getEngine())) ||
      failed(verifyIndex(*this, getIndex().getType())))
    return failure();
  return transferOf(*this, getSource(), getTarget(), getIndex(), getKey());
}

//===----------------------------------------------------------------------===//
// The way in
//===----------------------------------------------------------------------===//

static LogicalResult verifyFetch(Operation *op, DmType source,
                                 StreamType result) {
  if (failed(sameSlices(op, source, result)))
    return failure();
  if (source.getElementType() != result.getElementType())
    return op->emitOpError("changes the type, which fetch_cast does");
  if (!result.getLane().getDigits().empty())
    return op->emitOpError("gives lanes, which contract_outer does");
  int64_t bits = packetBits(result), unit = limits().FetchAlignment;
  if (bits % (unit * 8) != 0)
    return op->emitOpError("needs packets of a multiple of ")
           << unit << " bytes, not of " << bits
           << " bits (moving-tensors/fetch-engine.md)";
  return fetchSteps(op);
}

LogicalResult FetchOp::verify() {
  return verifyFetch(*this, cast<DmType>(getSource().getType()),
                     streamOf(getResult()));
}

LogicalResult FetchPairOp::verify() {
  StreamType result = streamOf(getResult());
  int64_t tensors = 1;
  for (const Digit &digit : result.getTime().getDigits())
    if (digit.axis == getPairAttr())
      tensors *= digit.extent;
  if (tensors != 2)
    return emitOpError("needs axis '")
           << getPair() << "' of its time to tell 2 tensors apart, not "
           << tensors << " (moving-tensors/fetch-engine.md, Interleaving)";
  return verifyFetch(*this, cast<DmType>(getFirst().getType()), result);
}

/// What stages of the fetch adapter keep.
static LogicalResult keepsShape(Operation *op, StreamType from, StreamType to) {
  if (!sameDigits(from.getTime(), to.getTime()) ||
      !sameDigits(from.getPacket(), to.getPacket()))
    return op->emitOpError("changes more than the type "
                           "(computing-tensors/fetch-adapter.md)");
  return samePlaces(op, from, to);
}

/// fetch-adapter.md, Table Lookup.
LogicalResult FetchLookupOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  Type a = from.getElementType(), b = to.getElementType();
  bool known = (isa<Float4E2M1FNType>(a) && isListed(limits().LookupOfF4, b)) ||
               (isa<Float8E4M3FNType, Float8E5M2Type>(a) &&
                isListed(limits().LookupOfF8, b));
  if (!known)
    return emitOpError("has no table from ")
           << a << " to " << b
           << " (computing-tensors/fetch-adapter.md, Table Lookup)";
  return keepsShape(*this, from, to);
}

/// fetch-adapter.md, Zero-Point Subtraction.
LogicalResult FetchZeroPointOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  Type a = from.getElementType(), b = to.getElementType();
  if (!isListed(limits().ZeroPointOf, a) || !isStaged(b) ||
      placeBits(b) != bitsOf(a))
    return emitOpError("takes a zero point from ")
           << a << " and gives " << b << "; i4 becomes i5, i8 becomes i9 "
           << "(computing-tensors/fetch-adapter.md, Zero-Point Subtraction)";
  auto zero = static_cast<int64_t>(getZero());
  int64_t most = int64_t(1) << (bitsOf(a) - 1);
  if (zero < -most || zero >= most)
    return emitOpError("has the zero point ")
           << zero << ", which is no value of " << a
           << " (computing-tensors/fetch-adapter.md, Zero-Point Subtraction)";
  return keepsShape(*this, from, to);
}

/// fetch-adapter.md, Type Casting.
LogicalResult FetchCastOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  Type a = from.getElementType(), b = to.getElementType();
  bool known = (b.isSignlessInteger(32) && isListed(limits().FetchToI32, a)) ||
               (b.isF32() && isListed(limits().FetchToF32, a)) ||
               (b.isBF16() && isListed(limits().FetchToBf16, a));
  if (!known)
    return emitOpError("cannot make ")
           << b << " of " << a
           << " (computing-tensors/fetch-adapter.md, Type Casting)";
  return keepsShape(*this, from, to);
}

/// The result has the packet's digits, padded to whole flits and cut into them.
LogicalResult CollectOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  int64_t flit = limits().FlitBytes * 8;
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the type");
  if (isa<Float4E2M1FNType>(from.getElementType()))
    return emitOpError("takes f4E2M1FN, which fetch_lookup decodes first "
                       "(computing-tensors/fetch-adapter.md, Table Lookup)");
  if (packetBits(to) != flit)
    return emitOpError("makes packets of ")
           << packetBits(to) << " bits; a flit has " << flit
           << " (computing-tensors/collect-engine.md)";
  auto whole = padded(from.getPacket().getDigits(),
                      positions(to.getPacket().getDigits()));
  if (!whole || normalized(joined(from.getTime().getDigits(), *whole)) !=
                    normalized(joined(to.getTime().getDigits(),
                                      to.getPacket().getDigits())))
    return emitOpError("makes flits of other digits than its packets have "
                       "(computing-tensors/collect-engine.md)");
  return samePlaces(*this, from, to);
}

//===----------------------------------------------------------------------===//
// Switch (switch-engine.md)
//===----------------------------------------------------------------------===//

/// Cuts time into time2, time1 and time0.
static std::optional<SmallVector<SmallVector<Digit>>>
cutTime(Digits time, int64_t time1, int64_t time0) {
  auto inner = cut(time, time0);
  auto middle = inner ? cut(inner->outer, time1) : std::nullopt;
  if (!middle)
    return std::nullopt;
  return SmallVector<SmallVector<Digit>>{middle->outer, middle->inner,
                                         inner->inner};
}

static bool same(Digits a, Digits b) { return normalized(a) == normalized(b); }

/// Digits that data is copied to: of no axis, or of a part of one that `from`
/// does not tell apart.
static bool areNew(Digits digits, StreamType from) {
  auto has = [](MapAttr map, const Digit &digit) {
    return llvm::any_of(map.getDigits(), [&](const Digit &each) {
      return each.size > 1 && each.axis == digit.axis &&
             each.stride < digit.stride * digit.extent &&
             digit.stride < each.stride * each.extent;
    });
  };
  return llvm::all_of(digits, [&](const Digit &each) {
    return each.size == each.extent &&
           (!each.axis ||
            (!has(from.getCluster(), each) && !has(from.getSlice(), each) &&
             !has(from.getTime(), each) && !has(from.getPacket(), each)));
  });
}

LogicalResult SwitchOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  const char *page = " (computing-tensors/switch-engine.md)";
  auto refuse = [&](const Twine &why) { return emitOpError(why) << page; };
  Digits slice = from.getSlice().getDigits(), time = from.getTime().getDigits();
  int64_t slices = positions(slice), packets = positions(time);
  auto within = [](uint64_t value, int64_t most) {
    return value >= 1 && value <= static_cast<uint64_t>(most);
  };
  if (!within(getSlice1(), slices) || !within(getSlice0(), slices) ||
      slices % static_cast<int64_t>(getSlice1() * getSlice0()) != 0)
    return emitOpError("has rings of ")
           << getSlice1() << " x " << getSlice0() << " slices, which do not "
           << "divide " << slices << page;
  if (!within(getTime0(), packets))
    return emitOpError("has a time0 of ")
           << getTime0() << ", of " << packets << " packets" << page;
  if (from.getElementType() != to.getElementType() ||
      !sameDigits(from.getPacket(), to.getPacket()) ||
      !sameDigits(from.getCluster(), to.getCluster()) ||
      !sameDigits(from.getLane(), to.getLane()))
    return refuse("changes more than slices and time");
  auto s1 = static_cast<int64_t>(getSlice1()),
       s0 = static_cast<int64_t>(getSlice0()),
       t0 = static_cast<int64_t>(getTime0());
  auto low = cut(slice, s0);
  auto high = low ? cut(low->outer, s1) : std::nullopt;
  if (!high)
    return refuse("cuts a digit of its slices unevenly");
  Digits slice2 = high->outer, slice1 = high->inner, slice0 = low->inner;
  Digits toTime = to.getTime().getDigits();
  // The result's slices, by the sizes of what takes the ring's two places.
  auto outer = [&](int64_t size1, int64_t size0) -> std::optional<Cut> {
    auto inner = cut(to.getSlice().getDigits(), size0);
    auto middle = inner ? cut(inner->outer, size1) : std::nullopt;
    if (!middle || !same(middle->outer, slice2))
      return std::nullopt;
    return Cut{middle->inner, inner->inner};
  };
  auto got = getTopology() == Topology::Transpose ||
                     getTopology() == Topology::TransposedBroadcast1
                 ? outer(s0, s1)
                 : outer(s1, s0);
  bool fits = got.has_value();
  switch (getTopology()) {
  case Topology::Broadcast01: {
    auto parts = cutTime(time, 1, t0);
    if (!parts)
      return refuse("cuts a digit of its time unevenly");
    fits = fits && areNew(got->outer, from) && areNew(got->inner, from) &&
           same(toTime, joined(joined((*parts)[0], slice1),
                               joined((*parts)[2], slice0)));
    break;
  }
  case Topology::Broadcast1:
    fits = fits && areNew(got->outer, from) && same(got->inner, slice0) &&
           same(toTime, joined(time, slice1));
    break;
  case Topology::Transpose:
    fits = fits && same(got->outer, slice0) && same(got->inner, slice1) &&
           same(toTime, time);
    break;
  case Topology::InterTranspose: {
    if (slices != limits().SlicesPerCluster)
      return emitOpError("takes all ")
             << limits().SlicesPerCluster << " slices, not " << slices << page;
    auto parts = cutTime(time, s1, t0);
    if (!parts)
      return refuse("cuts a digit of its time unevenly");
    fits = fits && same(got->outer, (*parts)[1]) && same(got->inner, slice0) &&
           same(toTime, joined(joined((*parts)[0], (*parts)[2]), slice1));
    break;
  }
  case Topology::TransposedBroadcast1:
    fits = fits && areNew(got->outer, from) && same(got->inner, slice1) &&
           same(toTime, joined(time, slice0));
    break;
  }
  if (!fits)
    return emitOpError("gives other slices or time than ")
           << stringifyTopology(getTopology()) << " does" << page;
  return success();
}

//===----------------------------------------------------------------------===//
// Register files
//===----------------------------------------------------------------------===//

/// Flits fill a register file, whole ones, in the order in which they arrive.
static LogicalResult inOrder(Operation *op, StreamType from, Digits file) {
  if (offsetOf(op->getOperand(1)) % limits().FlitBytes != 0)
    return op->emitOpError("fills a register file from byte ")
           << offsetOf(op->getOperand(1)) << ", no multiple of "
           << limits().FlitBytes << " (computing-tensors/register-files.md)";
  if (normalized(joined(from.getTime().getDigits(),
                        from.getPacket().getDigits())) == normalized(file))
    return success();
  return op->emitOpError("brings its digits in another order than the target "
                         "has them (computing-tensors/register-files.md)");
}

LogicalResult ToTrfOp::verify() {
  StreamType from = streamOf(getSource());
  auto to = cast<TrfType>(getTarget().getType());
  int64_t flits = positions(from.getTime().getDigits());
  int64_t lanes = positions(to.getLane().getDigits());
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the type");
  if (!isListed(limits().ContractionTypes, to.getElementType()))
    return emitOpError("fills the tensor register file with ")
           << to.getElementType() << ", which contractions do not take "
           << "(computing-tensors/register-files.md)";
  if (flits % lanes != 0 || flits / lanes * limits().FlitBytes * 8 !=
                                positions(to.getElement().getDigits()) *
                                    placeBits(to.getElementType()))
    return emitOpError("brings ")
           << flits << " flits, which do not fill " << lanes
           << " lanes of the target evenly "
              "(computing-tensors/register-files.md)";
  if (failed(sameSlices(*this, to, from)))
    return failure();
  return inOrder(*this, from,
                 joined(to.getLane().getDigits(), to.getElement().getDigits()));
}

LogicalResult ToVrfOp::verify() {
  StreamType from = streamOf(getSource());
  auto to = cast<VrfType>(getTarget().getType());
  Type type = from.getElementType();
  if (!isListed(limits().VectorElements, type) || type != to.getElementType())
    return emitOpError("fills the vector register file with ")
           << type
           << "; it holds i32 or f32 (computing-tensors/register-files.md)";
  if (failed(sameSlices(*this, to, from)))
    return failure();
  return inOrder(*this, from, to.getElement().getDigits());
}

//===----------------------------------------------------------------------===//
// The way out
//===----------------------------------------------------------------------===//

/// cast-engine.md, Supported Casts.
LogicalResult CastOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  Type a = from.getElementType(), b = to.getElementType();
  bool known = (a.isSignlessInteger(32) && isListed(limits().CastFromI32, b)) ||
               (a.isF32() && isListed(limits().CastFromF32, b));
  if (!known)
    return emitOpError("cannot make ")
           << b << " of " << a
           << " (computing-tensors/cast-engine.md, Supported Casts)";
  if (packetBits(to) != limits().FlitBytes * 8)
    return emitOpError("makes packets of ")
           << packetBits(to)
           << " bits; a flit stays a flit (computing-tensors/cast-engine.md)";
  auto whole = padded(from.getPacket().getDigits(),
                      positions(to.getPacket().getDigits()));
  if (!sameDigits(from.getTime(), to.getTime()) || !whole ||
      normalized(*whole) != normalized(to.getPacket().getDigits()))
    return emitOpError(
        "changes more than the type (computing-tensors/cast-engine.md)");
  return samePlaces(*this, from, to);
}

/// transpose-engine.md, Parameters.
static LogicalResult verifyMatrix(TransposeOp op, int64_t bits) {
  const rngd::Limits &chip = limits();
  int64_t most = chip.transposeRows(bits), valid = chip.transposeValid(bits);
  auto rows = static_cast<int64_t>(op.getRows()),
       columns = static_cast<int64_t>(op.getColumns());
  if (most == 0)
    return op.emitOpError("takes elements of ")
           << bits << " bits, not of 4, 8, 16 or 32 "
           << "(computing-tensors/transpose-engine.md, Parameters)";
  if (rows < 1 || rows > most)
    return op.emitOpError("takes ")
           << rows << " rows of " << bits << " bits, of at most " << most
           << " (computing-tensors/transpose-engine.md, Parameters)";
  if (!llvm::is_contained(chip.TransposeColumns, columns) ||
      columns % valid != 0)
    return op.emitOpError("takes rows of ")
           << columns << " elements, not of "
           << rngd::anyOf(chip.TransposeColumns) << ", a multiple of " << valid
           << " (computing-tensors/transpose-engine.md, Parameters)";
  return success();
}

/// Digits with their outermost padded to `count` positions in all, or cut to
/// them where what is cut is padding.
static std::optional<SmallVector<Digit>> withPositions(Digits map,
                                                       int64_t count) {
  SmallVector<Digit> result = normalized(map);
  if (result.empty())
    result.push_back({});
  int64_t inner = positions(Digits(result).drop_front());
  if (count % inner != 0 || count / inner < result.front().size)
    return std::nullopt;
  result.front().extent = count / inner;
  return result;
}

LogicalResult TransposeOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  int64_t bits = bitsOf(from.getElementType()), flit = limits().FlitBytes * 8;
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the type");
  if (failed(verifyMatrix(*this, bits)))
    return failure();
  if (packetBits(to) != flit)
    return emitOpError("makes packets of ")
           << packetBits(to) << " bits; a flit has " << flit
           << " (computing-tensors/transpose-engine.md, Align)";
  int64_t valid = limits().transposeValid(bits);
  auto rows = static_cast<int64_t>(getRows()),
       flits = static_cast<int64_t>(getColumns()) / valid;
  auto matrix = cut(from.getTime().getDigits(), rows * flits);
  auto parts = matrix ? cut(matrix->inner, flits) : std::nullopt;
  auto live = withPositions(from.getPacket().getDigits(), valid);
  if (!parts || !live)
    return emitOpError("takes ")
           << rows << " rows of " << flits << " flits with " << valid
           << " elements each that count, which its source does not have "
           << "(computing-tensors/transpose-engine.md, Unpack)";
  // Rows of the result: all of the matrix' columns, or the first of them.
  int64_t kept = positions(to.getTime().getDigits()),
          matrices = positions(matrix->outer);
  auto left = kept % matrices == 0
                  ? withPositions(joined(parts->inner, *live), kept / matrices)
                  : std::nullopt;
  auto across = withPositions(parts->outer, flit / bits);
  if (!left || kept / matrices > static_cast<int64_t>(getColumns()) ||
      !across ||
      !same(to.getTime().getDigits(), joined(matrix->outer, *left)) ||
      !same(to.getPacket().getDigits(), *across))
    return emitOpError("gives other time or packets than the columns of its "
                       "rows (computing-tensors/transpose-engine.md, "
                       "Transpose)");
  return samePlaces(*this, from, to);
}

/// Elements of a flit are written side by side: those that count come first,
/// and lie so in memory.
static LogicalResult verifyRun(CommitOp op, StreamType from, DmType to) {
  SmallVector<Digit> live;
  bool isPadded = false;
  for (const Digit &digit : llvm::reverse(from.getPacket().getDigits())) {
    if (isPadded && digit.size > 1)
      return op.emitOpError("writes flits with padding between elements "
                            "(computing-tensors/commit-adapter.md, Trimming)");
    isPadded |= digit.size != digit.extent;
    live.push_back({digit.axis, digit.stride, digit.size, digit.size});
  }
  std::reverse(live.begin(), live.end());
  auto steps = stepsThrough(op, live, place(to.getElement().getDigits()));
  if (failed(steps))
    return failure();
  coalesce(*steps);
  if (steps->empty() || (steps->size() == 1 && steps->front().stride == 1))
    return success();
  return op.emitOpError("writes elements of a flit that are not neighbours in "
                        "its target (moving-tensors/commit-engine.md)");
}

LogicalResult CommitOp::verify() {
  StreamType from = streamOf(getSource());
  auto to = cast<DmType>(getTarget().getType());
  if (from.getElementType() != to.getElementType())
    return emitOpError("writes ") << from.getElementType() << " to a tensor of "
                                  << to.getElementType();
  if (failed(sameSlices(*this, to, from)))
    return failure();
  int64_t bits = liveBits(*this);
  if (bits % 8 != 0 || !llvm::is_contained(limits().TrimBytes, bits / 8))
    return emitOpError("writes ")
           << bits << " bits of a flit, not " << rngd::anyOf(limits().TrimBytes)
           << " bytes (computing-tensors/commit-adapter.md, Trimming)";
  int64_t first = offsetOf(getTarget()), unit = limits().CommitAlignment;
  if (first % unit != 0)
    return emitOpError("writes from byte ")
           << first << ", no multiple of " << unit
           << " (moving-tensors/commit-engine.md)";
  if (failed(commitSteps(*this)))
    return failure();
  return verifyRun(*this, from, to);
}
