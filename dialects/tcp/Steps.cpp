// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Digits become loops of sequencers.
#include "dialects/tcp/Steps.h"

#include "targets/rngd/machine/BankRuns.h"

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
           << limits().SequencerLoops << " (moving-tensors/sequencer.md)";
  for (int64_t size : loops)
    if (size > limits().LoopSize)
      return op->emitOpError("needs a loop of ")
             << size << " steps; a sequencer counts to " << limits().LoopSize
             << " (moving-tensors/sequencer.md)";
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
      return op->emitOpError(
          "interleaves tensors that are no whole number of "
          "elements apart (moving-tensors/fetch-engine.md, Interleaving)");
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

int64_t liveBits(CommitOp op) {
  auto from = cast<StreamType>(op.getSource().getType());
  int64_t live = 1;
  for (const Digit &digit : from.getPacket().getDigits())
    live *= digit.size;
  return live * bitsOf(from.getElementType());
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
             << " bytes (moving-tensors/commit-engine.md)";
    if (step.stride == 0 && step.size > 1)
      return op.emitOpError("writes ")
             << step.size << " flits over each other: its target lacks a digit "
             << "of time (moving-tensors/commit-engine.md)";
    step.stride = step.stride * bits / 8;
  }
  coalesce(*steps);
  if (failed(fitsSequencer(op, *steps)))
    return failure();
  return steps;
}

FailureOr<int64_t> fileRead(Operation *op) {
  auto outer = dyn_cast<ContractOuterOp>(op);
  // What is read comes behind the stream.
  Type file = op->getOperand(1).getType();
  auto packet =
      cast<StreamType>((outer ? op->getResult(0) : op->getOperand(0)).getType())
          .getPacket();
  MapAttr element = outer ? cast<TrfType>(file).getElement()
                          : cast<VrfType>(file).getElement();
  auto steps = stepsThrough(op, packet.getDigits(), place(element.getDigits()),
                            /*isPadded=*/true);
  if (failed(steps))
    return failure();
  coalesce(*steps);
  int64_t read = 1;
  // The vector engine takes one element for a whole packet or as many as it has
  // (intra-slice-chain.md); the contraction engine repeats what it reads.
  bool repeats = outer != nullptr, isWhole = false;
  for (const Step &step : llvm::reverse(*steps)) {
    if (step.stride == 0 && (repeats || steps->size() == 1)) {
      isWhole = true;
      continue;
    }
    if (step.stride != read || isWhole || (!repeats && read != 1))
      return op->emitOpError("reads elements of a packet that do not lie side "
                             "by side in the register file (")
             << (repeats ? "computing-tensors/contraction-engine/outer.md, TRF "
                           "Sequencer"
                         : "computing-tensors/register-files.md")
             << ")";
    read *= step.size;
  }
  return read;
}

FailureOr<Operation *> starvingStep(ExecOp exec) {
  bool isSub = exec.getOn() == Context::Sub;
  int64_t work = 0;
  auto loopsOf = [](ArrayRef<Step> steps) {
    SmallVector<rngd::SequencerLoop> loops;
    for (const Step &step : steps)
      loops.push_back({step.size, step.stride});
    return loops;
  };
  for (Operation &op : exec.getBody().front()) {
    auto commit = dyn_cast<CommitOp>(op);
    if (!commit && !isa<FetchOp, FetchPairOp>(op))
      continue;
    auto steps = commit ? commitSteps(commit) : fetchSteps(&op);
    if (failed(steps))
      return failure();
    rngd::Accesses accesses;
    if (commit) {
      accesses = rngd::writesOf(loopsOf(*steps), liveBits(commit) / 8,
                                offsetOf(commit.getTarget()), isSub, limits());
    } else {
      auto result = cast<StreamType>(op.getResult(0).getType());
      accesses = rngd::readsOf(loopsOf(*steps),
                               positions(result.getPacket().getDigits()),
                               bitsOf(result.getElementType()),
                               offsetOf(op.getOperand(0)), isSub, limits());
    }
    if (rngd::starves(accesses, limits(), work))
      return &op;
  }
  return nullptr;
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
