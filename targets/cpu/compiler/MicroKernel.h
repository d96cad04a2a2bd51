// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MicroKernel: the static inner products that every matmul and attention
// kernel of a module is made of.
//
// A micro kernel multiplies R rows of A by S strips of B, R and S static, K
// dynamic, with all sums in registers:
//   C[r, c] (+)= sum over k of A[r, k] * B[k, c]
// It is an internal function emitted once a module and called by all kernels,
// so compile time grows with the number of tile shapes (at most 16), not with
// the number of matmuls. Sums run over k in ascending order, in one chain an
// element: an element's bits do not depend on the tile that it fell into.
#ifndef DURE_TARGETS_CPU_COMPILER_MICROKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_MICROKERNEL_H

#include "targets/cpu/compiler/KernelBuilder.h"
#include "targets/cpu/compiler/ScaledPanels.h"

namespace dure::cpu {

/// How a variant cuts a matmul into register tiles. A strip is as many columns
/// as one pass holds in registers; a panel of kPanelWidth columns is one strip
/// or two.
struct TileShape {
  explicit TileShape(const CpuVariant &variant);

  int64_t lanes;
  /// Columns of a strip: two vectors where there are 32 wide registers, or
  /// four.
  int64_t stripWidth;
  int64_t vectorsPerStrip;
  int64_t stripsPerPanel;
  /// Rows of the main tile.
  int64_t rows;
  /// Vectors of sums that fit into registers beside the operands.
  int64_t sums;
  /// Strips that a tile of `rows` rows takes at once, so that enough sums are
  /// in flight to hide the latency of a fused multiply-add. At most
  /// `available`, the strips of a block, which it divides if it can. Scaled
  /// panels keep their parameters in registers, too.
  int64_t stripsFor(int64_t rows, int64_t available, bool isScaled) const;
  /// Rests of up to so many rows are joined with a main tile, and cut in two.
  int64_t sharedRests() const;
};

/// Floats that matrix products read: f32, and f16 and bf16, which are converted
/// as they are loaded or packed. Products and sums are f32 always.
bool isMicroElement(mlir::Type element);

/// Where a micro kernel reads and writes, in elements: of `bElement` for B, of
/// f32 for A and C.
struct MicroOperands {
  mlir::Value a, aRowStride;
  /// Element (k, column c of panel p) is at b[p * bPanelStride + k * bRowStride
  /// + c]. The base is a panel's start if the tile has several strips.
  mlir::Value b, bPanelStride, bRowStride;
  mlir::Type bElement;
  mlir::Value k;
  mlir::Value c, cRowStride;
  /// i1: adds to C instead of overwriting it.
  mlir::Value accumulate;
  /// What makes f32 of B where it has integers; the lists begin with the block
  /// of B's first row.
  ScaledPanels scaled = {};
};

/// Emits a call of the micro kernel of `rows` x `strips`, and the kernel itself
/// if the module does not have it yet.
void callMicroKernel(mlir::ModuleOp module, KernelBuilder &builder,
                     int64_t rows, int64_t strips,
                     const MicroOperands &operands);

/// Emits the tiles that cover `rows` rows (dynamic) of A times `strips` strips
/// (dynamic) from `firstStrip` on. After each tile, `done(row, rowCount, strip,
/// stripCount)` is emitted, all i64, to use the sums while they are in L1.
/// C is addressed from (row 0, firstStrip). With `reuseC`, every tile is
/// written to the same place, C's start, and `done` must take it from there.
struct TileLoop {
  MicroOperands operands;
  mlir::Value rows, firstStrip, stripEnd;
  /// The most strips that stripEnd - firstStrip can be.
  int64_t maxStrips = 1;
  bool reuseC = false;
};
void emitTileLoop(
    mlir::ModuleOp module, KernelBuilder &builder, const TileLoop &loop,
    llvm::function_ref<void(mlir::Value row, int64_t rowCount,
                            mlir::Value strip, int64_t stripCount)>
        done);

/// Emits a call of the function that packs a block of B into panels of f32,
/// zero padded: panel p of the result is [rows][kPanelWidth], at p *
/// panelStride. Element (k, n), of type `element`, is read from source[k *
/// kStride + n * nStride]; one of the strides should be the constant 1 for
/// speed.
struct PackOperands {
  mlir::Type element;
  mlir::Value source, kStride, nStride;
  /// Extents of the block.
  mlir::Value k, n;
  mlir::Value panels, panelStride;
};
/// Rows of B are contiguous (nStride is 1 and not read).
void callPackRows(mlir::ModuleOp module, KernelBuilder &builder,
                  const PackOperands &operands);
/// Columns of B are contiguous (kStride is 1 and not read): transposes in
/// registers. Panels must have room for k rounded up to the vector's lanes.
void callPackColumns(mlir::ModuleOp module, KernelBuilder &builder,
                     const PackOperands &operands);

/// Emits a call of the function that copies a block of A to f32 rows,
/// `targetStride` (a multiple of the vector's lanes) apart. Element (row, k) is
/// read from source[row * stride + k], or, transposed, source[k * stride +
/// row]. The target has room for rows and k rounded up to the vector's lanes.
struct PackLhsOperands {
  mlir::Type element;
  mlir::Value source, stride;
  mlir::Value rows, k;
  mlir::Value target;
  int64_t targetStride = 0;
  bool isTransposed = false;
};
void callPackLhs(mlir::ModuleOp module, KernelBuilder &builder,
                 const PackLhsOperands &operands);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_MICROKERNEL_H
