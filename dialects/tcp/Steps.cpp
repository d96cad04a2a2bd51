// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Digits become loops of sequencers.
#include "dialects/tcp/Steps.h"

using namespace mlir;

namespace dure::tcp {

const rngd::Limits &limits() {
  static const rngd::Limits known = [] {
    Result<Machine> chip =
        Machine::parse(rngd::machineText(), "targets/rngd/machine/rngd.json");
    if (!chip)
      llvm::report_fatal_error(llvm::StringRef(chip.status().message()),
                               /*gen_crash_diag=*/false);
    Result<rngd::Limits> read = rngd::Limits::of(*chip);
    if (!read)
      llvm::report_fatal_error(llvm::StringRef(read.status().message()),
                               /*gen_crash_diag=*/false);
    return *read;
  }();
  return known;
}

void coalesce(SmallVectorImpl<Step> &steps) {
  SmallVector<Step> joined;
  for (const Step &step : steps) {
    if (step.size == 1)
      continue;
    if (!joined.empty() && joined.back().stride == step.stride * step.size) {
      joined.back() = {joined.back().size * step.size, step.stride};
      continue;
    }
    joined.push_back(step);
  }
  steps.assign(joined.begin(), joined.end());
}

FailureOr<SmallVector<Step>>
stepsThrough(Operation *op, Digits map, ArrayRef<Placed> from, bool isPadded) {
  SmallVector<Step> all;
  for (const Digit &digit : map) {
    auto steps = stepsOf(digit, from);
    if (!steps)
      return op->emitOpError("wants digit '")
             << digit.axis.getValue() << " by " << digit.stride << " : "
             << digit.size << "', which its memory's digits divide unevenly";
    if (isPadded && digit.extent != digit.size) {
      if (steps->size() != 1)
        return op->emitOpError("pads digit '")
               << digit.axis.getValue() << "', which is two in memory";
      steps->front().size = digit.extent;
      // A digit of one has no stride of its own.
      if (digit.size == 1)
        steps->front().stride = 0;
    }
    llvm::append_range(all, *steps);
  }
  return all;
}

LogicalResult fitsSequencer(Operation *op, ArrayRef<int64_t> loops) {
  if (static_cast<int64_t>(loops.size()) > limits().SequencerLoops)
    return op->emitOpError("needs ")
           << loops.size() << " loops; a sequencer has "
           << limits().SequencerLoops << " (sequencer.md)";
  for (int64_t size : loops)
    if (size > limits().LoopSize)
      return op->emitOpError("needs a loop of ")
             << size << " steps; a sequencer counts to " << limits().LoopSize
             << " (sequencer.md)";
  return success();
}

LogicalResult fitsSequencer(Operation *op, ArrayRef<Step> loops) {
  SmallVector<int64_t> sizes;
  for (const Step &step : loops)
    sizes.push_back(step.size);
  return fitsSequencer(op, sizes);
}

int64_t offsetOf(Value memory) {
  // Text may name what comes later, and so go round in a circle, before the
  // verifier of order has a say; nor is such an op verified yet.
  llvm::SmallPtrSet<Operation *, 4> seen;
  int64_t offset = 0;
  auto add = [&](IntegerAttr more) { offset += more ? more.getInt() : 0; };
  while (auto view = memory.getDefiningOp<ViewOp>()) {
    if (!seen.insert(view).second)
      return 0;
    add(view.getOffsetAttr());
    memory = view.getSource();
  }
  if (auto alloc = memory.getDefiningOp<AllocOp>())
    add(alloc.getOffsetAttr());
  return offset;
}

static int64_t bitsOf(Type type) { return type.getIntOrFloatBitWidth(); }

FailureOr<SmallVector<Step>> fetchSteps(Operation *op) {
  auto result = cast<StreamType>(op->getResult(0).getType());
  auto source = cast<DmType>(op->getOperand(0).getType());
  SmallVector<Placed> memory = place(source.getElement().getDigits());
  if (auto pair = dyn_cast<FetchPairOp>(op)) {
    int64_t bits = (offsetOf(pair.getSecond()) - offsetOf(pair.getFirst())) * 8;
    if (bits % bitsOf(source.getElementType()) != 0)
      return op->emitOpError("interleaves tensors that are no whole number of "
                             "elements apart (fetch-engine.md, Interleaving)");
    memory.insert(memory.begin(), {Digit{pair.getPairAttr(), 1, 2, 2},
                                   bits / bitsOf(source.getElementType())});
  }
  auto time = stepsThrough(op, result.getTime().getDigits(), memory);
  if (failed(time))
    return failure();
  auto packet = stepsThrough(op, result.getPacket().getDigits(), memory, true);
  if (failed(packet))
    return failure();
  coalesce(*time);
  coalesce(*packet);
  if (packet->empty())
    packet->push_back({1, 1});
  llvm::append_range(*time, *packet);
  if (failed(fitsSequencer(op, *time)))
    return failure();
  return time;
}

FailureOr<SmallVector<Step>> commitSteps(CommitOp op) {
  auto from = cast<StreamType>(op.getSource().getType());
  auto to = cast<DmType>(op.getTarget().getType());
  auto steps = stepsThrough(op, from.getTime().getDigits(),
                            place(to.getElement().getDigits()));
  if (failed(steps))
    return failure();
  int64_t bits = bitsOf(to.getElementType()),
          alignment = limits().CommitAlignment;
  for (Step &step : *steps) {
    if (step.stride * bits % (alignment * 8) != 0)
      return op.emitOpError("writes with a stride of ")
             << step.stride * bits << " bits, no multiple of " << alignment
             << " bytes (commit-engine.md)";
    step.stride = step.stride * bits / 8;
  }
  coalesce(*steps);
  if (failed(fitsSequencer(op, *steps)))
    return failure();
  return steps;
}

SmallVector<Digit> without(Digits map, StringAttr axis) {
  SmallVector<Digit> kept;
  for (const Digit &digit : map)
    if (!axis || digit.axis != axis)
      kept.push_back(digit);
  return kept;
}

StringAttr pairAxis(ExecOp exec) {
  for (Operation &op : exec.getBody().front())
    if (auto pair = dyn_cast<FetchPairOp>(op))
      return pair.getPairAttr();
  return {};
}

FailureOr<SmallVector<Step>> operandSteps(VectorOp op, StringAttr pair) {
  auto from = cast<StreamType>(op.getSource().getType());
  auto file = cast<VrfType>(op.getOperand().getType());
  auto steps = stepsThrough(op, without(from.getTime().getDigits(), pair),
                            place(file.getElement().getDigits()));
  if (failed(steps))
    return failure();
  coalesce(*steps);
  if (failed(fitsSequencer(op, *steps)))
    return failure();
  return steps;
}

} // namespace dure::tcp
