// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops of the sequencers, and the figures that limit them.
//
// Included by the dialect's verifiers and by the encoder of programs, so that
// what is verified is what is encoded. Functions that take an op report on it.
#ifndef DURE_DIALECTS_TCP_STEPS_H
#define DURE_DIALECTS_TCP_STEPS_H

#include "dialects/tcp/TcpOps.h"
#include "targets/rngd/machine/Limits.h"

namespace dure::tcp {

/// Of targets/rngd/machine/rngd.json, as it was when this was built.
const rngd::Limits &limits();

/// Joins steps that continue each other, and drops those that take one.
void coalesce(llvm::SmallVectorImpl<Step> &steps);

/// Steps of all digits through `from`, padding included where `isPadded`.
mlir::FailureOr<llvm::SmallVector<Step>>
stepsThrough(mlir::Operation *op, Digits map, llvm::ArrayRef<Placed> from,
             bool isPadded = false);

/// sequencer.md: so many loops, each of so many steps.
mlir::LogicalResult fitsSequencer(mlir::Operation *op,
                                  llvm::ArrayRef<int64_t> loops);
mlir::LogicalResult fitsSequencer(mlir::Operation *op,
                                  llvm::ArrayRef<Step> loops);

/// Bytes from the start of its memory: what alloc and views say. A constant and
/// an argument start at 0.
int64_t offsetOf(mlir::Value memory);

/// Elements by which a fetch walks each slice, time first; either op.
mlir::FailureOr<llvm::SmallVector<Step>> fetchSteps(mlir::Operation *op);
/// What a commit writes of each flit.
int64_t liveBits(CommitOp op);
/// Bytes by which a commit walks each slice, flit by flit.
mlir::FailureOr<llvm::SmallVector<Step>> commitSteps(CommitOp op);
/// Elements by which an operand in the vector register file is walked; the axis
/// `pair` of a fetch_pair does not count.
mlir::FailureOr<llvm::SmallVector<Step>> operandSteps(VectorOp op,
                                                      mlir::StringAttr pair);

/// Elements that one packet is read as from the register file of a
/// contract_outer or a vector step: they lie side by side, and repeat until
/// they fill it.
mlir::FailureOr<int64_t> fileRead(mlir::Operation *op);

/// The fetch or commit of an instruction that touches one bank of data memory
/// so often without a break that DMA starves (memory-performance.md); null if
/// none.
mlir::FailureOr<mlir::Operation *> starvingStep(ExecOp exec);

/// The axis by which an instruction takes two tensors in turns, if it does.
mlir::StringAttr pairAxis(ExecOp exec);
/// Less the digits of that axis.
llvm::SmallVector<Digit> without(Digits map, mlir::StringAttr axis);

/// One loop of a DMA command, in bytes.
struct TransferLoop {
  int64_t size, read, write, index = 0;
};

/// A DMA command: packets of so many bytes, and for a gather or scatter what an
/// index counts.
struct Transfer {
  int64_t packet;
  llvm::SmallVector<TransferLoop> loops;
  int64_t indexScale = 0, indexLimit = 0;
};

/// dma-engine.md; `index` and `key` of a gather or scatter.
mlir::FailureOr<Transfer> transferOf(mlir::Operation *op, mlir::Value source,
                                     mlir::Value target, mlir::Value index = {},
                                     llvm::StringRef key = {});

} // namespace dure::tcp

#endif // DURE_DIALECTS_TCP_STEPS_H
