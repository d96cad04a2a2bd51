// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of RNGD, by family. Included by the compiler target.
//
// `...Refusal` says in words why a kernel does not take an op, or nothing; then
// `emit...` may be called: with where the operands and the result lie in HBM,
// row by row, it writes a program's commands.
#ifndef DURE_TARGETS_RNGD_COMPILER_KERNELS_H
#define DURE_TARGETS_RNGD_COMPILER_KERNELS_H

#include "dialects/dure/DureOps.h"
#include "targets/rngd/compiler/KernelBuilder.h"

#include <optional>
#include <string>

namespace dure::rngd {

/// Why a kernel does not take an op.
using Refusal = std::optional<std::string>;

/// Where an op's operands and result are.
struct KernelOperands {
  llvm::SmallVector<mlir::Value> inputs;
  mlir::Value result;
  /// HBM for the kernel's own use, of words of 8 bytes: as many as its
  /// `...Scratch` says.
  llvm::SmallVector<mlir::Value> scratch;
};

Refusal elementwiseRefusal(mlir::Operation *op);
void emitElementwise(KernelBuilder &k, mlir::Operation *op, KernelOperands at);
llvm::SmallVector<int64_t> elementwiseScratch(mlir::Operation *op);

/// Casts, comparisons, logic of truth values, sums of integers.
bool isInteger(mlir::Operation *op);
Refusal integerRefusal(mlir::Operation *op);
void emitInteger(KernelBuilder &k, mlir::Operation *op, KernelOperands at);
llvm::SmallVector<int64_t> integerScratch(mlir::Operation *op);

/// Casts between f32 and f16, bf16 or less, of f32 to integers, and between i32
/// and less.
bool isNarrowCast(mlir::Operation *op);
Refusal narrowCastRefusal(mlir::Operation *op);
void emitNarrowCast(KernelBuilder &k, mlir::Operation *op,
                    const KernelOperands &at);

/// Casts of what is rounded to integers of 8 bits, and dequantize of those.
bool isQuantization(mlir::Operation *op);
/// Whether an op is computed with the cast that reads it.
bool isOfQuantization(mlir::Operation *op);
/// What a kernel of these reads: the numbers, then what only a run tells of
/// their scale and zero point.
llvm::SmallVector<mlir::Value> quantizationReads(mlir::Operation *op);
Refusal quantizationRefusal(mlir::Operation *op);
void emitQuantization(KernelBuilder &k, mlir::Operation *op,
                      const KernelOperands &at);

/// layer_norm, rms_norm and softmax over the last dimensions.
Refusal rowRefusal(mlir::Operation *op);
void emitRow(KernelBuilder &k, mlir::Operation *op, const KernelOperands &at);

Refusal matMulRefusal(MatMulOp op);
/// Whether products read `op`, of a weight, in few bits and compute it.
bool isWidenedByProducts(DequantizeOp op);
/// How a product that is not refused is divided, in words.
std::string matMulMapping(MatMulOp op, bool isPacked);
void emitMatMul(KernelBuilder &k, MatMulOp op, const KernelOperands &at);

/// expert_matmul: products with matrices that an index picks.
Refusal expertsRefusal(ExpertMatMulOp op);
std::string expertsMapping(ExpertMatMulOp op);
void emitExperts(KernelBuilder &k, ExpertMatMulOp op, const KernelOperands &at);
/// Whether the experts' matrices `w` lie [n, k], in bf16 (PackWeights.h).
bool isTurned(mlir::Value w);

Refusal attentionRefusal(AttentionOp op);
llvm::SmallVector<int64_t> attentionScratch(AttentionOp op);
/// Whether keys and values may also lie in HBM in bf16.
bool readsKeysInBf16(AttentionOp op);
void emitAttention(KernelBuilder &k, AttentionOp op, const KernelOperands &at);

/// transpose, slice, concat, broadcast, iota, reductions of single elements,
/// and gather of rows: DMA alone.
bool isMove(mlir::Operation *op);
Refusal moveRefusal(mlir::Operation *op);
void emitMove(KernelBuilder &k, mlir::Operation *op, const KernelOperands &at);
llvm::SmallVector<int64_t> moveScratch(mlir::Operation *op);

/// Indices that one gather or scatter takes: a slice holds the whole list, 8
/// bytes each, beside its rows.
inline constexpr int64_t MostIndices = 32 * 1024;

/// gather of rows: what indices name, which count from the end below 0.
Refusal gatherRefusal(GatherOp op);
void emitGather(KernelBuilder &k, GatherOp op, const KernelOperands &at);
/// scatter_nd of rows that replace others.
Refusal scatterRefusal(ScatterNDOp op);
/// On a scatter_nd: its indices are all different, and nobody reads the rows
/// that it does not write.
inline constexpr llvm::StringLiteral UnreadAttr = "rngd.unread";
/// Whether only such a scatter reads a constant, to write over it.
bool isUnread(mlir::Operation *constant);
/// Whether such scatters alone read `op`, which repeats each row for several
/// places: they do so themselves.
bool isScattered(BroadcastOp op);
void emitScatter(KernelBuilder &k, ScatterNDOp op, const KernelOperands &at);

/// Operands that repeat, brought to the result's shape in HBM: for what a pass
/// does not take as it is. `at.inputs` are then whole.
Refusal repeatRefusal(mlir::Operation *op);
llvm::SmallVector<int64_t> repeatScratch(mlir::Operation *op);
void emitRepeat(KernelBuilder &k, mlir::Operation *op, KernelOperands &at);

/// The rows of `value`, at `place`, `pitch` elements apart in HBM, whatever
/// lies between: for what reads rows that DMA does not move.
llvm::SmallVector<int64_t> pitchScratch(mlir::Value value, int64_t pitch);
mlir::Value emitPitch(KernelBuilder &k, mlir::Value value, int64_t pitch,
                      mlir::Value place, llvm::ArrayRef<mlir::Value> scratch);

/// New rows where the cache lies: `at.result` may be its place.
Refusal cacheUpdateRefusal(CacheUpdateOp op);
void emitCacheUpdate(KernelBuilder &k, CacheUpdateOp op,
                     const KernelOperands &at);

/// reduce over neighbouring dimensions.
Refusal reduceRefusal(ReduceOp op);
void emitReduce(KernelBuilder &k, ReduceOp op, const KernelOperands &at);

/// top_k along the last dimension, and gather_elements of what one finds.
Refusal topKRefusal(TopKOp op);
llvm::SmallVector<int64_t> topKScratch(TopKOp op);
void emitTopK(KernelBuilder &k, TopKOp op, const KernelOperands &at);
Refusal pickedRefusal(GatherElementsOp op);
llvm::SmallVector<int64_t> pickedScratch(GatherElementsOp op);
void emitPicked(KernelBuilder &k, GatherElementsOp op,
                const KernelOperands &at);

/// rope, in both layouts.
Refusal ropeRefusal(RopeOp op);
void emitRope(KernelBuilder &k, RopeOp op, const KernelOperands &at);

/// Sizes of a static dure tensor.
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
int64_t elementsOf(mlir::Value value);
/// True for a static tensor of f32.
bool isStaticF32(mlir::Value value);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_KERNELS_H
