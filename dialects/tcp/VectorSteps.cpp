// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the vector engine's steps demand, each by itself and as a pass
// (vector-engine pages).
#include "dialects/tcp/Checks.h"
#include "targets/rngd/machine/VectorUnits.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;
using rngd::VectorStage;
using rngd::VectorTypes;
using rngd::VectorUnit;

static std::optional<VectorUnit> unitOf(VectorKind kind) {
  return rngd::vectorUnitOf(static_cast<uint8_t>(kind));
}

static bool same(Digits a, Digits b) { return normalized(a) == normalized(b); }

//===----------------------------------------------------------------------===//
// Single steps
//===----------------------------------------------------------------------===//

static LogicalResult verifyTypes(VectorOp op, StreamType from, StreamType to,
                                 const std::optional<VectorUnit> &unit) {
  Type type = from.getElementType(), result = to.getElementType();
  if (!isListed(limits().VectorElements, type))
    return op.emitOpError("works on ")
           << type << "; the vector engine takes i32 and f32 "
           << "(computing-tensors/vector-engine/index.md)";
  if (unit && unit->On == VectorTypes::Float && !type.isF32())
    return op.emitOpError(
        "is a float step of an integer stream "
        "(computing-tensors/vector-engine/intra-slice-chain.md)");
  if (unit && unit->On == VectorTypes::Int && type.isF32())
    return op.emitOpError(
        "is an integer step of a float stream "
        "(computing-tensors/vector-engine/intra-slice-chain.md)");
  bool changes = !unit || unit->At == VectorStage::ToFloat ||
                 unit->At == VectorStage::ToFixed;
  if (isListed(limits().VectorElements, result) && (result != type) == changes)
    return success();
  return op.emitOpError("gives ")
         << result << " of " << type
         << " (computing-tensors/vector-engine/intra-slice-chain.md)";
}

/// An immediate is of the stream's type.
static LogicalResult verifyImmediate(VectorOp op, Attribute immediate) {
  auto number = dyn_cast<TypedAttr>(immediate);
  Type type = streamOf(op.getSource()).getElementType();
  if (number && isa<IntegerAttr, FloatAttr>(immediate) &&
      number.getType() == type)
    return success();
  return op.emitOpError("needs an immediate of ")
         << type
         << ", as its stream "
            "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)";
}

static LogicalResult verifyOperands(VectorOp op,
                                    const std::optional<VectorUnit> &unit) {
  int takes = unit ? unit->Operands : 0;
  std::optional<Attribute> immediate = op.getImmediate(),
                           addend = op.getAddend();
  int operands = (op.getOperand() ? 1 : 0) + op.getStash() + op.getZip() +
                 (immediate ? 1 : 0);
  bool alone = op.getArguments() == Arguments::StreamStream && !op.getZip();
  if (takes > 0 ? operands + alone != 1 : operands != 0)
    return op.emitOpError("needs ")
           << (takes > 0 ? "one other operand" : "no other operand")
           << " (computing-tensors/vector-engine/intra-slice-chain.md, "
              "Operands)";
  if (addend.has_value() != (takes > 1))
    return op.emitOpError(takes > 1 ? "needs an operand to add"
                                    : "adds no operand")
           << " (computing-tensors/vector-engine/intra-slice-chain.md, "
              "Operands)";
  if (takes > 1 &&
      (op.getZip() || op.getArguments() != Arguments::StreamOperand))
    return op.emitOpError("multiplies the stream with its operand alone "
                          "(computing-tensors/vector-engine/"
                          "intra-slice-chain.md, Argument Modes)");
  for (const std::optional<Attribute> &each : {immediate, addend})
    if (each && failed(verifyImmediate(op, *each)))
      return failure();
  return success();
}

/// The result's time and packets.
static LogicalResult verifyShape(VectorOp op, StreamType from, StreamType to,
                                 const std::optional<VectorUnit> &unit) {
  const rngd::Limits &chip = limits();
  int64_t packet = positions(from.getPacket().getDigits());
  bool isNarrow = unit && unit->isNarrow();
  if (unit && packet != (isNarrow ? chip.FloatWay : chip.VectorWay))
    return op.emitOpError("takes packets of ")
           << (isNarrow ? chip.FloatWay : chip.VectorWay)
           << " elements, not of " << packet
           << " (computing-tensors/vector-engine/intra-slice-chain.md, "
              "Pipeline)";
  Digits before = from.getTime().getDigits(), after = to.getTime().getDigits();
  bool fits = false;
  int64_t want = packet;
  switch (op.getKind()) {
  case VectorKind::NarrowSplit:
    fits = positions(after) == positions(before) * 2;
    want = chip.FloatWay;
    break;
  case VectorKind::WidenConcat:
    fits = positions(after) * 2 == positions(before);
    want = chip.VectorWay;
    break;
  case VectorKind::NarrowTrim:
    fits = same(before, after);
    want = chip.FloatWay;
    break;
  case VectorKind::WidenPad:
    fits = same(before, after);
    want = chip.VectorWay;
    break;
  default:
    // Those that join a pair lose its digit, which the pass knows.
    fits = sameDigits(from.getPacket(), to.getPacket()) &&
           (op.getZip() || same(before, after));
    break;
  }
  if (fits && positions(to.getPacket().getDigits()) == want)
    return success();
  return op.emitOpError("gives other packets than ")
         << stringifyVectorKind(op.getKind())
         << " makes (computing-tensors/vector-engine/intra-slice-chain.md, "
            "Stages)";
}

LogicalResult VectorOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  std::optional<VectorUnit> unit = unitOf(getKind());
  if (failed(verifyTypes(*this, from, to, unit)) ||
      failed(verifyShape(*this, from, to, unit)) ||
      failed(verifyOperands(*this, unit)))
    return failure();
  if (getGroups() < 1 || getGroups() > 3)
    return emitOpError(
        "is for neither group of a pair "
        "(computing-tensors/vector-engine/intra-slice-chain.md)");
  if (Value file = getOperand()) {
    auto type = cast<VrfType>(file.getType());
    if (type.getElementType() != from.getElementType())
      return emitOpError("reads ") << type.getElementType() << " for a stream "
                                   << "of " << from.getElementType()
                                   << " (computing-tensors/vector-engine/"
                                      "intra-slice-chain.md, Operands)";
    if (failed(sameSlices(*this, type, from)) || failed(fileRead(*this)))
      return failure();
  }
  return samePlaces(*this, from, to);
}

LogicalResult StashOp::verify() {
  if (getSource().getType() != getResult().getType())
    return emitOpError(
        "changes the stream "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)");
  return success();
}

/// What a reduction adds i32 and f32 by (intra-slice-reduce.md and
/// inter-slice-reducer.md).
static LogicalResult verifyKind(Operation *op, Reduction kind, Type type,
                                bool wraps, StringRef page) {
  bool known = isListed(limits().VectorElements, type);
  if (kind == Reduction::AddSat)
    known &= type.isSignlessInteger(32);
  if (kind == Reduction::Add)
    known &= wraps || type.isF32();
  if (known)
    return success();
  return op->emitOpError("does not reduce ")
         << type << " by " << stringifyReduction(kind) << " (" << page << ")";
}

LogicalResult VectorReduceOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  Digits packet = from.getPacket().getDigits();
  if (positions(packet) != limits().FloatWay)
    return emitOpError("takes packets of ")
           << limits().FloatWay
           << " elements "
              "(computing-tensors/vector-engine/intra-slice-reduce.md)";
  if (failed(
          verifyKind(*this, getKind(), from.getElementType(), false,
                     "computing-tensors/vector-engine/intra-slice-reduce.md")))
    return failure();
  bool reduces = false;
  int64_t slots = 1;
  SmallVector<int64_t> loops;
  for (const Digit &digit : from.getTime().getDigits()) {
    loops.push_back(digit.extent);
    if (digit.axis == getAxisAttr())
      reduces = true;
    else if (reduces)
      slots *= digit.extent;
  }
  if (slots > limits().ReduceSlots)
    return emitOpError("needs ")
           << slots << " accumulators of " << limits().ReduceSlots
           << " (computing-tensors/vector-engine/intra-slice-reduce.md)";
  if (failed(fitsSequencer(*this, loops)))
    return failure();
  // The tree adds a packet's elements or leaves them apart.
  bool within = packet.size() == 1 && packet.front().axis == getAxisAttr();
  if (!within && without(packet, getAxisAttr()).size() != packet.size())
    return emitOpError(
        "reduces a part of its packets "
        "(computing-tensors/vector-engine/intra-slice-reduce.md)");
  SmallVector<Digit> one = {{{}, 1, 1, limits().FloatWay}};
  if (from.getElementType() != to.getElementType() ||
      !same(to.getTime().getDigits(),
            without(from.getTime().getDigits(), getAxisAttr())) ||
      !same(to.getPacket().getDigits(), within ? Digits(one) : packet))
    return emitOpError("gives other time or packets than reducing '")
           << getAxis()
           << "' leaves "
              "(computing-tensors/vector-engine/intra-slice-reduce.md)";
  return samePlaces(*this, from, to);
}

LogicalResult SliceReduceOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  const char *page = "computing-tensors/vector-engine/inter-slice-reducer.md";
  Digits slice = from.getSlice().getDigits();
  int64_t slices = positions(slice);
  if (failed(verifyKind(*this, getKind(), from.getElementType(), true, page)))
    return failure();
  if (positions(from.getPacket().getDigits()) != limits().VectorWay)
    return emitOpError("takes packets of ")
           << limits().VectorWay << " elements (" << page << ")";
  auto ratio = static_cast<int64_t>(getRatio());
  if (ratio < 1 || ratio > slices || slices % ratio != 0)
    return emitOpError("reduces groups of ")
           << getRatio() << " slices, which do not divide " << slices << " ("
           << page << ")";
  auto parts = cut(slice, ratio);
  SmallVector<Digit> freed = {{{}, 1, getBroadcast() ? ratio : 1, ratio}};
  if (!parts || from.getElementType() != to.getElementType() ||
      !sameDigits(from.getCluster(), to.getCluster()) ||
      !sameDigits(from.getTime(), to.getTime()) ||
      !sameDigits(from.getPacket(), to.getPacket()) ||
      !same(to.getSlice().getDigits(), joined(parts->outer, freed)))
    return emitOpError("gives other slices than reducing the innermost ")
           << ratio << " leaves (" << page << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

/// Follows the stream through the engine.
class VectorPass {
public:
  explicit VectorPass(ExecOp exec) : pair(pairAxis(exec)) {}

  LogicalResult step(Operation *op);
  /// `last`: the step that leaves the engine.
  LogicalResult finish(Operation *last);

private:
  LogicalResult enter(Operation *op, VectorStage stage, StringRef unit);
  LogicalResult vector(VectorOp op);
  LogicalResult readStash(VectorOp op);
  LogicalResult stash(StashOp op);
  LogicalResult reduceSlices(SliceReduceOp op);

  StringAttr pair; // none, or joined
  VectorStage at = VectorStage::Entry;
  llvm::StringSet<> units;
  StashOp kept;
  bool isKeptRead = false, isFirst = true;
  // Slices are reduced, and nothing may follow that.
  bool isReduced = false, isDone = false;
};

} // namespace

/// intra-slice-chain.md, Pipeline and Stages.
LogicalResult VectorPass::enter(Operation *op, VectorStage stage,
                                StringRef unit) {
  if (stage < at)
    return op->emitOpError(
        "stands behind a later step of the vector engine "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Pipeline)");
  at = stage;
  if (!units.insert(unit).second)
    return op->emitOpError("uses ")
           << unit << " for a second time in one instruction "
           << "(computing-tensors/vector-engine/intra-slice-chain.md, Stages)";
  return success();
}

LogicalResult VectorPass::readStash(VectorOp op) {
  if (!kept)
    return op.emitOpError(
        "reads a stash that nothing filled "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)");
  if (isKeptRead)
    return op.emitOpError(
        "reads the stash for a second time "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)");
  isKeptRead = true;
  StreamType now = streamOf(op.getSource()), then = streamOf(kept.getSource());
  if (now.getElementType() == then.getElementType() &&
      sameDigits(now.getTime(), then.getTime()) &&
      sameDigits(now.getPacket(), then.getPacket()))
    return success();
  return op.emitOpError(
      "reads a stash of another shape or type "
      "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)");
}

LogicalResult VectorPass::vector(VectorOp op) {
  std::optional<VectorUnit> unit = unitOf(op.getKind());
  if (unit && failed(enter(op, unit->At, unit->Unit)))
    return failure();
  if (pair && (op.getKind() == VectorKind::NarrowTrim ||
               op.getKind() == VectorKind::WidenPad))
    return op.emitOpError(
        "works on a pair, which is split and joined "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)");
  if (!pair && op.getGroups() != 3)
    return op.emitOpError(
        "is for a group of a pair where there is none "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)");
  if (op.getStash() && failed(readStash(op)))
    return failure();
  if (op.getOperand() && failed(operandSteps(op, pair)))
    return failure();
  if (!op.getZip())
    return success();
  Digits before = streamOf(op.getSource()).getTime().getDigits();
  if (!pair || !same(without(before, pair),
                     streamOf(op.getResult()).getTime().getDigits()))
    return op.emitOpError(
        "joins what is no pair, or leaves its digit in time "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)");
  pair = {};
  return success();
}

LogicalResult VectorPass::stash(StashOp op) {
  if (kept || pair)
    return op.emitOpError(
        "fills the stash for a second time, or with a pair "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)");
  if (llvm::is_contained({VectorStage::ToFloat, VectorStage::Reduce,
                          VectorStage::Widen, VectorStage::ToFixed},
                         at))
    return op.emitOpError(
        "keeps what a step without a write port gives "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Operands)");
  kept = op;
  return success();
}

LogicalResult VectorPass::reduceSlices(SliceReduceOp op) {
  if (isReduced || pair)
    return op.emitOpError(
        "reduces slices for a second time, or of a pair "
        "(computing-tensors/vector-engine/inter-slice-reducer.md)");
  isReduced = true;
  isDone = !isFirst;
  return success();
}

LogicalResult VectorPass::step(Operation *op) {
  if (isDone)
    return op->emitOpError(
        "follows slice_reduce, which is the first or the "
        "last of the vector engine's steps "
        "(computing-tensors/vector-engine/inter-slice-reducer.md)");
  LogicalResult result =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](VectorOp each) { return vector(each); })
          .Case([&](StashOp each) { return stash(each); })
          .Case([&](SliceReduceOp each) { return reduceSlices(each); })
          .Case([&](VectorReduceOp each) -> LogicalResult {
            if (pair)
              return each.emitOpError("reduces a pair before it is joined "
                                      "(computing-tensors/vector-engine/"
                                      "intra-slice-chain.md, Pair Mode)");
            return enter(each, VectorStage::Reduce, "IntraSliceReduce");
          })
          .Default([](Operation *) { return success(); });
  isFirst = false;
  return result;
}

LogicalResult VectorPass::finish(Operation *last) {
  if (pair)
    return last->emitOpError(
        "leaves a pair that is not joined "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)");
  if (positions(streamOf(last->getResult(0)).getPacket().getDigits()) !=
      limits().VectorWay)
    return last->emitOpError(
        "leaves the vector engine without being widened "
        "(computing-tensors/vector-engine/intra-slice-chain.md, Pipeline)");
  return success();
}

LogicalResult dure::tcp::verifyVectorSteps(ExecOp exec) {
  VectorPass pass(exec);
  Operation *last = nullptr;
  for (Operation &op : exec.getBody().front()) {
    if (!isa<VectorOp, StashOp, VectorReduceOp, SliceReduceOp>(op))
      continue;
    if (failed(pass.step(&op)))
      return failure();
    last = &op;
  }
  return last ? pass.finish(last) : success();
}
