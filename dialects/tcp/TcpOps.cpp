// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each op of the tcp dialect demands.
#include "dialects/tcp/TcpOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;

#define GET_OP_CLASSES
#include "dialects/tcp/TcpOps.cpp.inc"

static int64_t bitsOf(Type type) { return type.getIntOrFloatBitWidth(); }

/// Bytes of a flit (collect-engine.md).
static constexpr int64_t FlitBytes = 32;

static bool sameDigits(MapAttr a, MapAttr b) {
  return a.getDigits() == b.getDigits();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Bytes of a tensor in one slice (and lane), or in HBM; without what follows
/// its last element where `used`.
static int64_t localBytes(Type type, bool used = false) {
  auto bytes = [&](Type element, MapAttr map) {
    Digits digits = map.getDigits();
    int64_t count = used ? reach(digits) : positions(digits);
    return (count * bitsOf(element) + 7) / 8;
  };
  if (auto hbm = dyn_cast<HbmType>(type))
    return bytes(hbm.getElementType(), hbm.getElement());
  if (auto dm = dyn_cast<DmType>(type))
    return bytes(dm.getElementType(), dm.getElement());
  if (auto trf = dyn_cast<TrfType>(type))
    return bytes(trf.getElementType(), trf.getElement());
  auto vrf = cast<VrfType>(type);
  return bytes(vrf.getElementType(), vrf.getElement());
}

LogicalResult AllocOp::verify() {
  int64_t from = getOffset(), bytes = localBytes(getResult().getType());
  if (from < 0 || from % 8 != 0)
    return emitOpError("needs an offset that is a multiple of 8 bytes");
  Type type = getResult().getType();
  if (isa<DmType>(type) && from + bytes > 512 * 1024)
    return emitOpError("needs ")
           << from + bytes
           << " bytes of a slice's data memory, which has 524288 "
              "(memory-performance.md)";
  if (auto trf = dyn_cast<TrfType>(type)) {
    int64_t lanes = positions(trf.getLane().getDigits());
    if (!llvm::is_contained({1, 2, 4, 8}, lanes))
      return emitOpError("needs 1, 2, 4 or 8 lanes, not ")
             << lanes << " (contraction-engine/outer.md)";
    if (from + bytes > 65536 / lanes)
      return emitOpError("needs ")
             << from + bytes << " bytes of a lane of the tensor register file, "
             << "which has " << 65536 / lanes << " (register-files.md)";
  }
  if (isa<VrfType>(type) && from + bytes > 8192)
    return emitOpError("needs ")
           << from + bytes
           << " bytes of the vector register file, which has 8192 "
              "(register-files.md)";
  return success();
}

LogicalResult ViewOp::verify() {
  int64_t offset = getOffset();
  if (getSource().getType().getTypeID() != getResult().getType().getTypeID())
    return emitOpError("views one memory as another");
  int64_t bytes = localBytes(getResult().getType(), /*used=*/true);
  int64_t most = localBytes(getSource().getType());
  if (offset < 0 || bytes > most || offset > most - bytes)
    return emitOpError("reaches beyond its source: ")
           << bytes << " bytes at " << offset << " of " << most;
  return success();
}

LogicalResult TdmaOp::verify() {
  for (Value end : {getSource(), getTarget()})
    if (!isa<HbmType, DmType>(end.getType()))
      return emitOpError("moves between HBM and data memory only "
                         "(dma-engine.md)");
  if (getEngine() >= 8)
    return emitOpError("names engine ")
           << getEngine() << " of 8 (dma-engine.md)";
  if (getCommands() < 1 || getCommands() > 8)
    return emitOpError("makes ")
           << getCommands() << " commands for 8 engines (dma-engine.md)";
  return success();
}

//===----------------------------------------------------------------------===//
// Exec
//===----------------------------------------------------------------------===//

ParseResult ExecOp::parse(OpAsmParser &parser, OperationState &result) {
  StringRef context;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&context))
    return failure();
  std::optional<Context> known = symbolizeContext(context);
  if (!known)
    return parser.emitError(loc, "expected main or sub");
  Builder &builder = parser.getBuilder();
  result.addAttribute("on", ContextAttr::get(builder.getContext(), *known));
  SmallVector<OpAsmParser::UnresolvedOperand> after;
  if (succeeded(parser.parseOptionalKeyword("after")) &&
      failed(parser.parseOperandList(after)))
    return failure();
  Type token = TokenType::get(builder.getContext());
  if (parser.resolveOperands(after, token, result.operands) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body))
    return failure();
  if (body->empty())
    body->emplaceBlock();
  result.addTypes(token);
  return success();
}

void ExecOp::print(OpAsmPrinter &printer) {
  printer << " " << stringifyContext(getOn());
  if (!getAfter().empty())
    printer << " after " << getAfter();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {"on"});
  printer << " ";
  printer.printRegion(getBody());
}

LogicalResult ExecOp::verify() {
  int fetches = 0, ends = 0;
  for (Operation &op : getBody().front()) {
    fetches += isa<FetchOp, FetchPairOp>(op);
    ends += isa<CommitOp, ToTrfOp, ToVrfOp>(op);
    if (op.getNumRegions() || isa<TdmaOp, TdmaGatherOp, AllocOp>(op))
      return op.emitOpError("is no step of a tensor unit's instruction");
    if (getOn() == Context::Sub && isa<ContractOuterOp>(op))
      return op.emitOpError(
          "contracts in the sub context, which has no contraction engine "
          "(computing-tensors/index.md)");
  }
  if (fetches != 1 || ends != 1)
    return emitOpError("needs one fetch and one end (commit, to_trf, to_vrf), "
                       "not ")
           << fetches << " and " << ends;
  return success();
}

/// What most steps keep.
static LogicalResult samePlaces(Operation *op, StreamType a, StreamType b) {
  if (sameDigits(a.getCluster(), b.getCluster()) &&
      sameDigits(a.getSlice(), b.getSlice()))
    return success();
  return op->emitOpError("moves data between slices, which the switch does");
}

/// A packet or a file element made of `target` digits of memory `source`.
static LogicalResult reachable(Operation *op, Digits target, Digits source) {
  for (const Digit &digit : target)
    if (!stepsOf(digit, place(source)))
      return op->emitOpError("wants digit '")
             << (digit.axis ? digit.axis.getValue() : "_") << " by "
             << digit.stride << " : " << digit.size
             << "', which its source's digits divide unevenly";
  return success();
}

static LogicalResult verifyFetch(Operation *op, DmType source,
                                 StreamType result) {
  if (!sameDigits(source.getCluster(), result.getCluster()) ||
      !sameDigits(source.getSlice(), result.getSlice()))
    return op->emitOpError("moves data between slices, which the switch does");
  if (source.getElementType() != result.getElementType())
    return op->emitOpError("changes the type, which fetch_cast does");
  int64_t bits = positions(result.getPacket().getDigits()) *
                 bitsOf(source.getElementType());
  if (bits % 64 != 0)
    return op->emitOpError("needs packets of a multiple of 8 bytes, not of ")
           << bits << " bits (fetch-engine.md)";
  return success();
}

LogicalResult FetchOp::verify() {
  auto source = cast<DmType>(getSource().getType());
  auto result = cast<StreamType>(getResult().getType());
  if (failed(verifyFetch(*this, source, result)))
    return failure();
  Digits element = source.getElement().getDigits();
  if (failed(reachable(*this, result.getTime().getDigits(), element)))
    return failure();
  return reachable(*this, result.getPacket().getDigits(), element);
}

LogicalResult FetchPairOp::verify() {
  if (getFirst().getType() != getSecond().getType())
    return emitOpError("interleaves tensors of two layouts (fetch-engine.md, "
                       "Interleaving)");
  return verifyFetch(*this, cast<DmType>(getFirst().getType()),
                     cast<StreamType>(getResult().getType()));
}

/// fetch-adapter.md, Type Casting.
LogicalResult FetchCastOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<StreamType>(getResult().getType());
  Type a = from.getElementType(), b = to.getElementType();
  bool known =
      (b.isInteger(32) &&
       (a.isInteger(4) || a.isInteger(8) || a.isInteger(16))) ||
      (b.isF32() && (isa<Float8E4M3FNType, Float8E5M2Type>(a) || a.isBF16())) ||
      (b.isBF16() && a.isF32());
  if (!known)
    return emitOpError("cannot make ")
           << b << " of " << a << " (fetch-adapter.md, Type Casting)";
  if (!sameDigits(from.getTime(), to.getTime()) ||
      !sameDigits(from.getPacket(), to.getPacket()))
    return emitOpError("changes more than the type");
  return samePlaces(*this, from, to);
}

LogicalResult CollectOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<StreamType>(getResult().getType());
  int64_t bits =
      positions(to.getPacket().getDigits()) * bitsOf(to.getElementType());
  if (bits != FlitBytes * 8)
    return emitOpError("makes packets of ")
           << bits << " bits; a flit has 256 (collect-engine.md)";
  return samePlaces(*this, from, to);
}

LogicalResult ToTrfOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<TrfType>(getTarget().getType());
  int64_t flits = positions(from.getTime().getDigits());
  int64_t lanes = positions(to.getLane().getDigits());
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the type");
  if (flits % lanes != 0 ||
      flits / lanes * FlitBytes * 8 !=
          positions(to.getElement().getDigits()) * bitsOf(to.getElementType()))
    return emitOpError("brings ")
           << flits << " flits, which do not fill " << lanes
           << " lanes of the target evenly (register-files.md)";
  return success();
}

LogicalResult ToVrfOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<VrfType>(getTarget().getType());
  if (!from.getElementType().isF32() && !from.getElementType().isInteger(32))
    return emitOpError("fills the vector register file with ")
           << from.getElementType() << "; it holds i32 or f32";
  if (positions(from.getTime().getDigits()) *
          positions(from.getPacket().getDigits()) !=
      positions(to.getElement().getDigits()))
    return emitOpError("brings another number of elements than the target has");
  return success();
}

//===----------------------------------------------------------------------===//
// Contraction
//===----------------------------------------------------------------------===//

/// What products of `type` add up in, or none (outer.md, Operand types).
static Type accumulatorOf(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    if (llvm::is_contained({4u, 5u, 8u, 9u}, integer.getWidth()))
      return IntegerType::get(type.getContext(), 32);
  if (isa<BFloat16Type, Float8E4M3FNType, Float8E5M2Type>(type))
    return Float32Type::get(type.getContext());
  return {};
}

LogicalResult ContractOuterOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto with = cast<TrfType>(getOperand().getType());
  auto to = cast<StreamType>(getResult().getType());
  if (getPack() != 1 && getPack() != 2)
    return emitOpError("packs 1 or 2 flits, not ")
           << getPack() << " (outer.md, Packing)";
  Type sum = accumulatorOf(from.getElementType());
  if (!sum || accumulatorOf(with.getElementType()) != sum)
    return emitOpError("multiplies ")
           << from.getElementType() << " with " << with.getElementType()
           << ", which the contraction engine does not (outer.md, Operand "
              "types)";
  if (to.getElementType() != sum)
    return emitOpError("gives ") << to.getElementType() << ", not " << sum;
  int64_t packet = positions(to.getPacket().getDigits());
  if (packet != positions(from.getPacket().getDigits()) * int64_t(getPack()))
    return emitOpError("gives packets of ")
           << packet << " elements, not of " << getPack() << " flits";
  if (!sameDigits(to.getLane(), with.getLane()))
    return emitOpError("gives other lanes than the register file has");
  Digits element = with.getElement().getDigits();
  if (failed(reachable(*this, to.getTime().getDigits(), element)) ||
      failed(reachable(*this, to.getPacket().getDigits(), element)))
    return failure();
  return samePlaces(*this, from, to);
}

LogicalResult ContractPacketOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<StreamType>(getResult().getType());
  int64_t packet = positions(from.getPacket().getDigits());
  if (getDepth() > 7 || packet % (int64_t(1) << getDepth()) != 0)
    return emitOpError("adds 2^") << getDepth() << " neighbours of " << packet
                                  << " elements (packet-reducer.md)";
  if (positions(to.getPacket().getDigits()) > 32)
    return emitOpError("keeps more than 32 elements (packet-reducer.md)");
  return samePlaces(*this, from, to);
}

LogicalResult ContractTimeOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<StreamType>(getResult().getType());
  // What is kept keeps its order; the accumulator holds what is inside the
  // outermost sum.
  Digits kept = to.getTime().getDigits();
  bool reduces = false;
  int64_t slots = 1;
  for (const Digit &digit : from.getTime().getDigits()) {
    if (!kept.empty() && kept.front() == digit) {
      kept = kept.drop_front();
      if (reduces)
        slots *= digit.extent;
    } else {
      reduces = true;
    }
  }
  if (!kept.empty())
    return emitOpError("keeps a digit of time that its source lacks, or in "
                       "another order (time-reducer.md)");
  bool sequential = false;
  for (Operation *user : getResult().getUsers())
    if (auto lane = dyn_cast<ContractLaneOp>(user))
      sequential = lane.getSequential();
  int64_t most = sequential ? 32 / positions(from.getLane().getDigits())
                            : 128 / positions(from.getPacket().getDigits());
  if (reduces && slots > most)
    return emitOpError("needs ")
           << slots << " accumulators of " << most << " (time-reducer.md)";
  return samePlaces(*this, from, to);
}

//===----------------------------------------------------------------------===//
// Vector engine
//===----------------------------------------------------------------------===//

namespace {
enum class Rank { Any, Wide, Narrow };
} // namespace

static Rank rankOf(VectorKind kind) {
  auto value = static_cast<uint32_t>(kind);
  if (value >= 64 && value < 112)
    return Rank::Narrow;
  if (kind == VectorKind::Reinterpret)
    return Rank::Any;
  if (kind == VectorKind::WidenConcat || kind == VectorKind::WidenPad)
    return Rank::Narrow;
  return Rank::Wide;
}

LogicalResult VectorOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<StreamType>(getResult().getType());
  Type type = from.getElementType();
  if (!type.isF32() && !type.isInteger(32))
    return emitOpError("works on ")
           << type << "; the vector engine takes i32 and f32 "
           << "(vector-engine/index.md)";
  int64_t packet = positions(from.getPacket().getDigits());
  Rank rank = rankOf(getKind());
  if ((rank == Rank::Wide && packet != 8) ||
      (rank == Rank::Narrow && packet != 4))
    return emitOpError("takes packets of ")
           << (rank == Rank::Wide ? 8 : 4) << " elements, not of " << packet
           << " (intra-slice-chain.md, Pipeline)";
  auto value = static_cast<uint32_t>(getKind());
  if (value >= 64 && value < 112 && !type.isF32())
    return emitOpError("is a float step of an integer stream");
  bool binary = (value >= 16 && value <= 42) || value >= 73;
  int operands =
      (getOperand() ? 1 : 0) + getStash() + getZip() + (getImmediate() ? 1 : 0);
  bool alone = getArguments() == Arguments::StreamStream;
  if (binary ? operands + alone != 1 : operands != 0)
    return emitOpError("needs ")
           << (binary ? "one other operand" : "no other operand");
  return samePlaces(*this, from, to);
}

LogicalResult VectorReduceOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  if (positions(from.getPacket().getDigits()) != 4)
    return emitOpError("takes packets of 4 elements "
                       "(intra-slice-reduce.md)");
  bool reduces = false;
  int64_t slots = 1;
  for (const Digit &digit : from.getTime().getDigits()) {
    if (digit.axis && digit.axis.getValue() == getAxis())
      reduces = true;
    else if (reduces)
      slots *= digit.extent;
  }
  if (slots > 8)
    return emitOpError("needs ")
           << slots << " accumulators of 8 (intra-slice-reduce.md)";
  return success();
}

/// cast-engine.md, Supported Casts.
LogicalResult CastOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<StreamType>(getResult().getType());
  Type a = from.getElementType(), b = to.getElementType();
  bool known =
      (a.isInteger(32) &&
       (b.isInteger(4) || b.isInteger(8) || b.isInteger(16))) ||
      (a.isF32() && (isa<Float8E4M3FNType, Float8E5M2Type>(b) || b.isBF16()));
  if (!known)
    return emitOpError("cannot make ")
           << b << " of " << a << " (cast-engine.md, Supported Casts)";
  return samePlaces(*this, from, to);
}

LogicalResult CommitOp::verify() {
  auto from = cast<StreamType>(getSource().getType());
  auto to = cast<DmType>(getTarget().getType());
  if (from.getElementType() != to.getElementType())
    return emitOpError("writes ") << from.getElementType() << " to a tensor of "
                                  << to.getElementType();
  int64_t live = 1;
  for (const Digit &digit : from.getPacket().getDigits())
    live *= digit.size;
  int64_t bits = live * bitsOf(from.getElementType());
  if (bits % 64 != 0 || bits > FlitBytes * 8)
    return emitOpError("writes ")
           << bits << " bits of a flit, not 8, 16, 24 or 32 bytes "
           << "(commit-adapter.md, Trimming)";
  Digits element = to.getElement().getDigits();
  for (const Digit &digit : from.getTime().getDigits()) {
    auto steps = stepsOf(digit, place(element));
    if (!steps)
      return reachable(*this, {digit}, element);
    for (const Step &step : *steps)
      if (step.stride * bitsOf(to.getElementType()) % 64 != 0)
        return emitOpError("writes with a stride of ")
               << step.stride * bitsOf(to.getElementType())
               << " bits, no multiple of 8 bytes (commit-engine.md)";
  }
  return success();
}
