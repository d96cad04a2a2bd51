// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies move up one by one, each as far as it may.
#include "targets/rngd/compiler/OrderCopies.h"

#include "dialects/tcp/TcpOps.h"
#include "targets/rngd/compiler/Places.h"
#include "targets/rngd/compiler/Residents.h"
#include "targets/rngd/machine/Figures.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// Of what may go ahead of one copy that waits, the bytes: HBM moves them in as
/// many cycles as some commands take to start.
constexpr double AheadBytes = 8 * DmaStartup * (HbmBytesPerSecond / Hertz);

/// A copy that can go ahead.
TdmaOp asAhead(Operation *op) {
  auto copy = dyn_cast<TdmaOp>(op);
  return copy && isa<HbmType>(copy.getSource().getType()) &&
                 isa<DmType>(copy.getTarget().getType()) &&
                 isGiven(wholeOf(copy.getSource()))
             ? copy
             : TdmaOp();
}

bool isCopy(Operation *op) {
  return isa<TdmaOp, TdmaGatherOp, TdmaScatterOp>(op);
}

/// Whether `op`, or an op in it, names bytes of data memory in [begin, end).
bool touches(Operation *op, int64_t begin, int64_t end) {
  bool found = false;
  op->walk([&](Operation *each) {
    for (Value operand : each->getOperands()) {
      if (!isa<DmType>(operand.getType()))
        continue;
      auto [from, to] = bytesOf(operand);
      found |= from < end && begin < to;
    }
  });
  return found;
}

class Order {
public:
  explicit Order(func::FuncOp program) : block(program.getBody().front()) {}

  void run();

private:
  void place(TdmaOp copy);
  void moveWith(Operation *op, Operation *before, size_t most);

  Block &block;
  /// Bytes that have gone ahead of copies that wait.
  DenseMap<Operation *, double> ahead;
  /// The last copy that was placed: they keep their order.
  Operation *last = nullptr;
  /// Ops in front of the copy at hand by how far, of those that it looks at.
  /// Asking the block for their order would number all ops anew for each move.
  DenseMap<Operation *, size_t> distance;
};

} // namespace

/// Moves an op, and before it what it needs of ops nearer than `most`.
void Order::moveWith(Operation *op, Operation *before, size_t most) {
  distance.erase(op);
  for (Value operand : op->getOperands())
    if (auto made = distance.find(operand.getDefiningOp());
        made != distance.end() && made->second < most)
      moveWith(made->first, before, most);
  op->moveBefore(before);
}

void Order::place(TdmaOp copy) {
  auto [begin, end] = bytesOf(copy.getTarget());
  auto type = cast<DmType>(copy.getTarget().getType());
  double bytes = double(positions(type.getCluster().getDigits()) *
                        positions(type.getSlice().getDigits())) *
                 double(end - begin);
  Operation *before = nullptr;
  SmallVector<Operation *> passed;
  distance.clear();
  for (Operation *at = copy->getPrevNode(); at && at != last;
       at = at->getPrevNode()) {
    distance.try_emplace(at, distance.size());
    if (isa<AllocOp, ViewOp, tcp::ConstantOp>(at))
      continue;
    if (touches(at, begin, end))
      break;
    if (!isCopy(at))
      continue;
    if (ahead.lookup(at) + bytes > AheadBytes)
      break;
    passed.push_back(at);
    before = at;
  }
  if (before)
    moveWith(copy, before, distance.lookup(before));
  for (Operation *each : passed)
    ahead[each] += bytes;
  last = copy;
}

void Order::run() {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (TdmaOp copy = asAhead(&op))
      place(copy);
}

void orderCopies(func::FuncOp program) { Order(program).run(); }

} // namespace dure::rngd
