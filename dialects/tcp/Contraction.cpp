// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the contraction engine's steps demand (contraction-engine pages).
#include "dialects/tcp/Checks.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;

/// What products add up in, or none: integers of one width, less a zero point
/// or not, or floats of one type (outer.md, Operand types).
static Type accumulatorOf(Type stream, Type weight) {
  if (!isListed(limits().ContractionTypes, stream) ||
      !isListed(limits().ContractionTypes, weight))
    return {};
  if (stream.isInteger() && weight.isInteger() &&
      placeBits(stream) == placeBits(weight))
    return IntegerType::get(stream.getContext(), 32);
  if (!stream.isInteger() && stream == weight)
    return Float32Type::get(stream.getContext());
  return {};
}

/// The result goes through the stream's digits, `pack` flits a packet, and
/// repeats packets by what digits of time follow.
static bool passesAll(StreamType from, StreamType to, int64_t pack) {
  Digits before = from.getTime().getDigits(), after = to.getTime().getDigits();
  int64_t packets = positions(before);
  if (packets % pack != 0)
    return false;
  packets /= pack;
  int64_t passed = 1;
  size_t own = 0;
  while (own < after.size() && passed < packets)
    passed *= after[own++].extent;
  return passed == packets &&
         normalized(joined(before, from.getPacket().getDigits())) ==
             normalized(
                 joined(after.take_front(own), to.getPacket().getDigits()));
}

LogicalResult ContractOuterOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  auto with = cast<TrfType>(getOperand().getType());
  int64_t flit = limits().FlitBytes;
  auto pack = static_cast<int64_t>(getPack());
  if (!llvm::is_contained({1, 2}, pack) ||
      !llvm::is_contained(limits().ContractionPackets, pack * flit))
    return emitOpError("packs 1 or 2 flits, not ")
           << getPack()
           << " (computing-tensors/contraction-engine/outer.md, Packing)";
  Type sum = accumulatorOf(from.getElementType(), with.getElementType());
  if (!sum)
    return emitOpError("multiplies ")
           << from.getElementType() << " with " << with.getElementType()
           << ", which the contraction engine does not "
              "(computing-tensors/contraction-engine/outer.md, Operand "
              "types)";
  if (to.getElementType() != sum)
    return emitOpError("gives ")
           << to.getElementType() << ", not " << sum
           << " (computing-tensors/contraction-engine/outer.md, Operand types)";
  if (packetBits(from) != flit * 8)
    return emitOpError("takes packets of ")
           << packetBits(from) << " bits; a flit has " << flit * 8
           << " (computing-tensors/contraction-engine/outer.md, Packing)";
  int64_t packet = positions(to.getPacket().getDigits());
  if (packet != positions(from.getPacket().getDigits()) * pack)
    return emitOpError("gives packets of ")
           << packet << " elements, not of " << getPack()
           << " flits (computing-tensors/contraction-engine/outer.md, Packing)";
  if (!sameDigits(to.getLane(), with.getLane()))
    return emitOpError("gives other lanes than the register file has "
                       "(computing-tensors/contraction-engine/outer.md)");
  if (!passesAll(from, to, pack))
    return emitOpError(
        "gives packets of other digits than its flits have "
        "(computing-tensors/contraction-engine/outer.md, Packing)");
  SmallVector<Placed> memory = place(with.getElement().getDigits());
  auto time = stepsThrough(*this, to.getTime().getDigits(), memory);
  if (failed(time) || failed(fileRead(*this)))
    return failure();
  // Each digit is a loop of its own, for the time reducer keeps or adds it.
  llvm::erase_if(*time, [](const Step &step) { return step.size == 1; });
  if (failed(fitsSequencer(*this, *time)))
    return failure();
  if (failed(sameSlices(*this, with, from)))
    return failure();
  return sameSlices(*this, from, to);
}

LogicalResult ContractPacketOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  int64_t packet = positions(from.getPacket().getDigits());
  if (getDepth() > 40 || packet % (int64_t(1) << getDepth()) != 0)
    return emitOpError("adds 2^")
           << getDepth() << " neighbours of " << packet
           << " elements "
              "(computing-tensors/contraction-engine/packet-reducer.md)";
  if (positions(to.getPacket().getDigits()) > limits().AccumulatorColumns)
    return emitOpError("keeps more than ")
           << limits().AccumulatorColumns
           << " elements "
              "(computing-tensors/contraction-engine/packet-reducer.md)";
  auto parts = cut(from.getPacket().getDigits(), int64_t(1) << getDepth());
  SmallVector<Digit> left;
  if (parts)
    left = normalized(parts->outer);
  SmallVector<Digit> kept = normalized(to.getPacket().getDigits());
  bool fits = parts && kept == left;
  // Padding outside may be left out.
  if (parts && !left.empty()) {
    left.front().extent = left.front().size;
    fits |= kept == normalized(left);
  }
  if (!fits || !sameDigits(from.getTime(), to.getTime()) ||
      from.getElementType() != to.getElementType())
    return emitOpError(
        "leaves something else than its packet's outer digits "
        "(computing-tensors/contraction-engine/packet-reducer.md)");
  return samePlaces(*this, from, to);
}

LogicalResult ContractTimeOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
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
    return emitOpError(
        "keeps a digit of time that its source lacks, or in "
        "another order (computing-tensors/contraction-engine/time-reducer.md)");
  if (!sameDigits(from.getPacket(), to.getPacket()) ||
      from.getElementType() != to.getElementType())
    return emitOpError(
        "changes more than the time "
        "(computing-tensors/contraction-engine/time-reducer.md)");
  bool sequential = false;
  for (Operation *user : getResult().getUsers())
    if (auto lane = dyn_cast<ContractLaneOp>(user))
      sequential = lane.getSequential();
  const rngd::Limits &chip = limits();
  int64_t most = sequential ? chip.AccumulatorColumns /
                                  positions(from.getLane().getDigits())
                            : chip.AccumulatorCells / chip.Lanes /
                                  positions(from.getPacket().getDigits());
  if (reduces && slots > most)
    return emitOpError("needs ")
           << slots << " accumulators of " << most
           << " (computing-tensors/contraction-engine/time-reducer.md)";
  return samePlaces(*this, from, to);
}

/// lane-folder.md: lanes become the innermost digits of packets, or follow each
/// other in time, padded to what leaves at once.
LogicalResult ContractLaneOp::verify() {
  StreamType from = streamOf(getSource()), to = streamOf(getResult());
  Digits time = from.getTime().getDigits(), lane = from.getLane().getDigits(),
         packet = from.getPacket().getDigits();
  int64_t width = limits().OutputElements;
  if (from.getElementType() != to.getElementType() ||
      !to.getLane().getDigits().empty())
    return emitOpError("changes the type or keeps lanes "
                       "(computing-tensors/contraction-engine/lane-folder.md)");
  auto wide = padded(getSequential() ? packet : lane, width);
  SmallVector<Digit> expected =
      getSequential() ? joined(joined(time, lane), wide ? *wide : packet)
                      : joined(joined(time, packet), wide ? *wide : lane);
  if (!wide || positions(to.getPacket().getDigits()) != width ||
      normalized(expected) != normalized(joined(to.getTime().getDigits(),
                                                to.getPacket().getDigits())))
    return emitOpError("gives other packets than ")
           << (getSequential() ? "time, lanes and packet"
                               : "time, packet and lanes")
           << " make, " << width
           << " elements each "
              "(computing-tensors/contraction-engine/lane-folder.md)";
  return sameSlices(*this, from, to);
}
