// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// AttentionKernel: dure.attention of f32, f16 or bf16, in f32, as one pass over
// blocks of keys with a running maximum and sum (Milakov and Gimelshein, arXiv
// 1805.02867; Dao et al., arXiv 2205.14135), for any number of queries and
// keys.
//
// A workgroup takes one batch, one key head and a block of query rows. The
// rows of all query heads that share the key head are taken together, so that
// one packed block of keys serves the whole group. Transposes, slices and
// broadcasts of the operands fold into their strides. The order of the sums
// depends on the sizes alone.
#ifndef DURE_TARGETS_CPU_COMPILER_ATTENTIONKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_ATTENTIONKERNEL_H

#include "targets/cpu/compiler/KernelBuilder.h"

#include <functional>
#include <string>

namespace dure::cpu {

/// A tensor [batch, head, row, column] somewhere in a binding; strides count
/// elements.
struct HeadOperand {
  using GetValue = std::function<mlir::Value(KernelBuilder &, KernelFrame &)>;
  mlir::Type element;
  GetValue pointer;
  GetValue batchStride, headStride, rowStride;
};

/// Columns of the keys, of which all parts have the same rows.
struct KeyPart {
  HeadOperand operand;
  int64_t columns = 0;
  /// Given as [batch, head, columns, keys]: rowStride is the distance of two
  /// columns, keys being contiguous.
  bool isTransposed = false;
};

/// Rows without any key that is seen.
enum class EmptyRows { Zero, Mean, NaN };

enum class AttentionMask { None, Bool, Additive };

struct AttentionKernel {
  using GetValue = HeadOperand::GetValue;

  std::string name;
  /// Bindings that the kernel has.
  int64_t bindings = 0;
  /// Sizes: query rows, keys, query heads, key heads.
  GetValue queries, keys, heads, keyHeads;
  /// Query rows of a workgroup, at most kAttentionBlockRows.
  GetValue blockRows;
  int64_t keyDim = 0, valueDim = 0;
  /// Columns are contiguous in all of them but transposed keys.
  HeadOperand q, v, result;
  /// From left to right, keyDim columns in all.
  llvm::SmallVector<KeyPart, 1> k;
  /// Values are copied block by block, not read in place: rows of them that
  /// many tiles read would lie in the same few lines of the caches.
  bool copiesValues = false;

  AttentionMask maskKind = AttentionMask::None;
  /// Strides are 0 where the mask broadcasts; its columns are contiguous or
  /// (maskBroadcastsKeys) one value a row.
  HeadOperand mask;
  bool maskBroadcastsKeys = false;

  /// One score a query head; null without.
  GetValue sinks;
  mlir::Type sinkElement;

  float scale = 1;
  bool causal = false;
  int64_t window = 0;
  float softcap = 0;
  EmptyRows emptyRows = EmptyRows::Zero;
};

/// The most query rows of a workgroup: there are
///   batches * keyHeads * ceildiv(heads / keyHeads * queries, blockRows)
/// workgroups, query blocks fastest.
inline constexpr int64_t kAttentionBlockRows = 64;

/// Whether the head dims fit the kernel's scratch.
bool isAttentionSupported(int64_t keyDim, int64_t valueDim);

/// Emits the entry into the module. Returns the bytes of scratch it needs.
int64_t emitAttentionKernel(mlir::ModuleOp module, KernelBuilder &builder,
                            const AttentionKernel &kernel);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_ATTENTIONKERNEL_H
