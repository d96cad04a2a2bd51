// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies become packets and loops of DMA commands (dma-engine.md).
#include "dialects/tcp/Steps.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;

static std::pair<Type, MapAttr> elementsOf(Type type) {
  if (auto hbm = dyn_cast<HbmType>(type))
    return {hbm.getElementType(), hbm.getElement()};
  auto dm = cast<DmType>(type);
  return {dm.getElementType(), dm.getElement()};
}

/// Digits with strides in bytes, over slices and clusters too.
static SmallVector<Placed> layout(Type type) {
  auto [element, map] = elementsOf(type);
  SmallVector<Placed> placed;
  if (auto dm = dyn_cast<DmType>(type)) {
    int64_t slice = limits().SliceStride;
    llvm::append_range(placed, place(dm.getCluster().getDigits(),
                                     slice * limits().SlicesPerCluster));
    llvm::append_range(placed, place(dm.getSlice().getDigits(), slice));
  }
  llvm::append_range(
      placed, place(map.getDigits(), element.getIntOrFloatBitWidth() / 8));
  return placed;
}

/// Joins loops that are one on all sides.
static void coalesce(SmallVector<TransferLoop> &loops) {
  SmallVector<TransferLoop> joined;
  for (const TransferLoop &loop : loops) {
    if (loop.size == 1)
      continue;
    if (!joined.empty()) {
      TransferLoop &outer = joined.back();
      if (outer.read == loop.read * loop.size &&
          outer.write == loop.write * loop.size &&
          outer.index == loop.index * loop.size) {
        outer = {outer.size * loop.size, loop.read, loop.write, loop.index};
        continue;
      }
    }
    joined.push_back(loop);
  }
  loops = joined;
}

/// In whatever order, the same is moved. Rows of HBM stay open longest when its
/// addresses ascend, and what is read several times is read so at once, run by
/// run.
static void orderForHbm(SmallVector<TransferLoop> &loops, bool reads) {
  auto stride = [&](const TransferLoop &loop) {
    return std::abs(reads ? loop.read : loop.write);
  };
  SmallVector<TransferLoop> repeats;
  llvm::erase_if(loops, [&](const TransferLoop &loop) {
    if (stride(loop) == 0)
      repeats.push_back(loop);
    return stride(loop) == 0;
  });
  // A handful: by insertion, equal ones as they were.
  for (size_t i = 1; i < loops.size(); ++i)
    for (size_t j = i; j > 0 && stride(loops[j - 1]) < stride(loops[j]); --j)
      std::swap(loops[j - 1], loops[j]);
  loops.insert(loops.empty() ? loops.end() : loops.end() - 1, repeats.begin(),
               repeats.end());
}

/// Loops over the elements of the target, each read from where the source has
/// it or the index names; of a scatter over those of the source, each written
/// to where the target has it or the index names.
static FailureOr<SmallVector<TransferLoop>> loopsOf(Operation *op, Type source,
                                                    Type target, Type index) {
  bool scatters = isa<TdmaScatterOp>(op);
  SmallVector<Placed> other = layout(scatters ? target : source), named;
  if (index)
    named = layout(index);
  SmallVector<TransferLoop> loops;
  for (const Placed &digit : layout(scatters ? source : target)) {
    auto isIn = [&](ArrayRef<Placed> map) {
      return digit.digit.axis && llvm::any_of(map, [&](const Placed &p) {
               return p.digit.axis == digit.digit.axis;
             });
    };
    bool isNamed = isIn(named);
    auto steps = stepsThrough(op, {digit.digit}, isNamed ? named : other);
    if (failed(steps))
      return failure();
    // An axis of the index that the rows' memory has too: one row of many, of
    // each batch.
    auto also = *steps;
    if (isNamed && isIn(other)) {
      auto both = stepsThrough(op, {digit.digit}, other);
      if (failed(both))
        return failure();
      also = *both;
      if (llvm::map_to_vector(also, [](const Step &s) { return s.size; }) !=
          llvm::map_to_vector(*steps, [](const Step &s) { return s.size; }))
        return op->emitOpError("divides digit '")
               << digit.digit.axis.getValue()
               << "' otherwise in its index than in the memory of rows";
    }
    int64_t inner = digit.digit.size;
    for (auto [step, row] : llvm::zip(*steps, also)) {
      inner /= step.size;
      TransferLoop loop = {step.size, step.stride, digit.stride * inner};
      if (isNamed) {
        loop.index = step.stride;
        loop.read = isIn(other) ? row.stride : 0;
      }
      if (scatters)
        std::swap(loop.read, loop.write);
      if (scatters && !isNamed && step.stride == 0 && step.size > 1)
        return op->emitOpError("writes ")
               << step.size << " rows over each other: neither its target nor "
               << "its index has an axis of the source "
               << "(moving-tensors/dma-engine.md)";
      loops.push_back(loop);
    }
  }
  coalesce(loops);
  if (!index) {
    orderForHbm(loops, !isa<HbmType>(target));
    coalesce(loops);
  }
  return loops;
}

/// Takes the packet from the innermost loop where that is contiguous.
static LogicalResult cutPacket(Operation *op, Transfer &transfer) {
  auto &loops = transfer.loops;
  int64_t alignment = limits().DmaAlignment, &packet = transfer.packet;
  int64_t run = packet;
  bool isRun = !loops.empty() && loops.back().read == packet &&
               loops.back().write == packet && loops.back().index == 0;
  if (isRun)
    run *= loops.pop_back_val().size;
  if (run % alignment != 0)
    return op->emitOpError("moves runs of ")
           << run << " bytes, no multiple of " << alignment
           << " (moving-tensors/dma-engine.md)";
  packet = run;
  if (run <= limits().DmaPacket)
    return success();
  // Whole units of HBM where the run is of these: a part of one is written some
  // 50 times as slowly (moving-tensors/memory-performance.md).
  int64_t unit = run % limits().HbmUnit == 0 ? limits().HbmUnit : alignment;
  packet = limits().DmaPacket / unit * unit;
  while (run % packet != 0)
    packet -= unit;
  loops.push_back({run / packet, packet, packet});
  return success();
}

FailureOr<Transfer> dure::tcp::transferOf(Operation *op, Value source,
                                          Value target, Value index,
                                          StringRef key) {
  auto [element, map] = elementsOf(target.getType());
  int64_t bits = element.getIntOrFloatBitWidth(),
          alignment = limits().DmaAlignment;
  if (bits % 8 != 0)
    return op->emitOpError("moves elements of less than a byte "
                           "(moving-tensors/dma-engine.md)");
  auto loops = loopsOf(op, source.getType(), target.getType(),
                       index ? index.getType() : Type());
  if (failed(loops))
    return failure();
  Transfer transfer = {bits / 8, *loops};
  if (failed(cutPacket(op, transfer)))
    return failure();
  for (Value end : {source, target})
    if (int64_t offset = offsetOf(end); offset % alignment != 0)
      return op->emitOpError("moves from or to byte ")
             << offset << ", no multiple of " << alignment
             << " (moving-tensors/dma-engine.md)";
  SmallVector<int64_t> sizes;
  for (const TransferLoop &loop : transfer.loops) {
    sizes.push_back(loop.size);
    for (int64_t stride : {loop.read, loop.write})
      if (stride % alignment != 0)
        return op->emitOpError("moves packets ")
               << stride << " bytes apart, no multiple of " << alignment
               << " (moving-tensors/dma-engine.md)";
  }
  if (failed(fitsSequencer(op, sizes)))
    return failure();
  if (!index)
    return transfer;
  bool scatters = isa<TdmaScatterOp>(op);
  for (const Placed &each : layout((scatters ? target : source).getType()))
    if (each.digit.axis && each.digit.axis.getValue() == key) {
      transfer.indexScale = each.stride;
      transfer.indexLimit = each.digit.size;
      return transfer;
    }
  return op->emitOpError("has no axis '")
         << key << "' in its " << (scatters ? "target" : "source");
}
