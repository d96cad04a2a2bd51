// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks, K loop, packing and epilogue around the micro kernels.

#include "targets/cpu/compiler/MatMulKernel.h"

#include "targets/cpu/compiler/MicroKernel.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Rows of K that one pass over a block takes: a panel of them (64 KiB) stays
/// in L2 beside the rows of A. Measured in docs/experiments.md.
constexpr int64_t kBlockK = 512;
/// Rows of a workgroup's block.
constexpr int64_t kBlockRows = 64;
/// Elements that one tile may span: 8 strips of 32 columns.
constexpr int64_t kTileColumns = 256;
constexpr int64_t kTileRows = 8;

struct Emitter {
  ModuleOp module;
  KernelBuilder &b;
  const MatMulKernel &kernel;
  MatMulBlocks blocks;
  TileShape shape;

  bool singleBlockK() const {
    return kernel.staticK && *kernel.staticK <= kBlockK;
  }
  /// Columns of the scratch block of sums.
  int64_t sumsStride() const {
    return singleBlockK() ? kTileColumns : blocks.panels * kPanelWidth;
  }
  int64_t sumsElements() const {
    return sumsStride() * (singleBlockK() ? kTileRows : kBlockRows);
  }
  int64_t packedPanelElements() const { return kBlockK * kPanelWidth; }
  int64_t packedRhsElements() const {
    return kernel.rhsLayout == RhsLayout::Panels
               ? 0
               : blocks.panels * packedPanelElements();
  }
  /// A is read in place where its rows are contiguous f32.
  bool packsLhs() const {
    return kernel.transposedLhs || !kernel.lhsElement.isF32();
  }
  // Scratch: sums, packed B, packed A.
  int64_t scratchBytes() const {
    int64_t lhs = packsLhs() ? kBlockRows * kBlockK : 0;
    return (sumsElements() + packedRhsElements() + lhs) * 4;
  }

  func::FuncOp emitEpilogue();
  void emitBody(KernelFrame &frame);
  MicroOperands packBlock(MicroOperands operands, Value source, Value rowStride,
                          Value firstColumn, Value columns, Value firstK,
                          Value packed);
};

/// The epilogue of one tile: a function of its own, since it is called from
/// every tile shape's loop.
func::FuncOp Emitter::emitEpilogue() {
  Type ptr = b.ptrType(), i64 = b.getI64Type();
  // bindings, constants, sums, batch, row, row count, column, column count.
  return b.getOrCreateFunction(
      module, kernel.name + "_epilogue",
      {ptr, ptr, ptr, i64, i64, i64, i64, i64}, [&](ValueRange args) {
        KernelFrame frame(
            b, {args[0], args[1], b.constant(0), b.constant(1), args[2]});
        frame.loadBindings(kernel.bindings);
        Value n = kernel.n(b, frame);
        Value columnEnd = b.min(b.add(args[6], args[7]), n);
        Value columns = b.sub(columnEnd, args[6]);
        int64_t lanes = shape.lanes;
        Value whole = b.mul(b.div(columns, b.constant(lanes)), lanes);
        bool hasTail = !kernel.staticN || *kernel.staticN % lanes != 0;
        b.forEach(b.constant(0), args[5], 1, [&](Value row) {
          Value sums = b.at(args[2], b.getF32Type(), b.mul(row, sumsStride()));
          auto emitVector = [&](Value column, Value mask) {
            Value vector =
                b.load(b.f32Vector(), b.at(sums, b.getF32Type(), column));
            kernel.store(b, frame,
                         {vector, args[3], b.add(args[4], row),
                          b.add(args[6], column), mask});
          };
          b.forEach(b.constant(0), whole, lanes,
                    [&](Value column) { emitVector(column, Value()); });
          if (hasTail)
            b.ifThen(b.less(whole, columns), [&] {
              emitVector(whole, b.laneMask(b.sub(columns, whole), lanes));
            });
        });
      });
}

/// Packs the block of B that a pass over K reads.
MicroOperands Emitter::packBlock(MicroOperands operands, Value source,
                                 Value rowStride, Value firstColumn,
                                 Value columns, Value firstK, Value packed) {
  Value one = b.constant(1);
  PackOperands pack{
      kernel.rhsElement, source,  one,    one,
      operands.k,        columns, packed, b.constant(packedPanelElements())};
  if (kernel.rhsLayout == RhsLayout::Rows) {
    pack.kStride = rowStride;
    pack.source = b.at(source, pack.element,
                       b.add(b.mul(firstK, rowStride), firstColumn));
    callPackRows(module, b, pack);
  } else {
    pack.nStride = rowStride;
    pack.source = b.at(source, pack.element,
                       b.add(b.mul(firstColumn, rowStride), firstK));
    callPackColumns(module, b, pack);
  }
  operands.b = packed;
  operands.bElement = b.getF32Type();
  operands.bPanelStride = pack.panelStride;
  return operands;
}

void Emitter::emitBody(KernelFrame &frame) {
  func::FuncOp epilogue = emitEpilogue();
  Type f32 = b.getF32Type();
  Value zero = b.constant(0);
  Value m = kernel.m(b, frame), n = kernel.n(b, frame), k = kernel.k(b, frame);
  Value rowBlocks = b.ceilDiv(m, blocks.rows);
  Value panels = b.ceilDiv(n, kPanelWidth);
  Value panelBlocks = b.ceilDiv(panels, blocks.panels);
  Value rowBlock = b.rem(frame.workgroup(), rowBlocks);
  Value rest = b.div(frame.workgroup(), rowBlocks);
  Value panelBlock = b.rem(rest, panelBlocks);
  Value batch = b.div(rest, panelBlocks);

  Value row = b.mul(rowBlock, blocks.rows);
  Value rows = b.min(b.constant(blocks.rows), b.sub(m, row));
  Value firstPanel = b.mul(panelBlock, blocks.panels);
  Value column = b.mul(firstPanel, kPanelWidth);
  Value columns =
      b.min(b.constant(blocks.panels * kPanelWidth), b.sub(n, column));
  Value lhsStride = kernel.lhsRowStride(b, frame);
  Value lhs = kernel.lhs(b, frame, batch);
  Value rhs = kernel.rhs(b, frame, batch);
  Value rhsStride = kernel.rhsLayout == RhsLayout::Panels
                        ? b.mul(k, kPanelWidth)
                        : kernel.rhsRowStride(b, frame);
  Value packed = b.at(frame.scratch(), f32, sumsElements());
  Value packedLhs = b.at(packed, f32, packedRhsElements());

  // At least one pass: without any K the sums are zero, not absent.
  Value passes = b.max(b.ceilDiv(k, kBlockK), b.constant(1));
  b.forEach(zero, passes, 1, [&](Value pass) {
    Value firstK = b.mul(pass, kBlockK);
    MicroOperands operands;
    operands.k = b.min(b.constant(kBlockK), b.sub(k, firstK));
    Value firstOfA = kernel.transposedLhs
                         ? b.add(b.mul(firstK, lhsStride), row)
                         : b.add(b.mul(row, lhsStride), firstK);
    operands.a = b.at(lhs, kernel.lhsElement, firstOfA);
    operands.aRowStride = lhsStride;
    if (packsLhs()) {
      callPackLhs(module, b,
                  {kernel.lhsElement, operands.a, lhsStride, rows, operands.k,
                   packedLhs, kBlockK, kernel.transposedLhs});
      operands.a = packedLhs;
      operands.aRowStride = b.constant(kBlockK);
    }
    operands.bRowStride = b.constant(kPanelWidth);
    operands.c = frame.scratch();
    operands.cRowStride = b.constant(sumsStride());
    operands.accumulate = b.less(zero, pass);
    if (kernel.rhsLayout == RhsLayout::Panels) {
      operands.bElement = kernel.rhsElement;
      operands.b =
          b.at(rhs, kernel.rhsElement,
               b.add(b.mul(firstPanel, rhsStride), b.mul(firstK, kPanelWidth)));
      operands.bPanelStride = rhsStride;
    } else {
      operands =
          packBlock(operands, rhs, rhsStride, column, columns, firstK, packed);
    }
    TileLoop loop;
    loop.operands = operands;
    loop.rows = rows;
    loop.firstStrip = zero;
    loop.stripEnd = b.ceilDiv(columns, shape.stripWidth);
    loop.maxStrips = blocks.panels * shape.stripsPerPanel;
    loop.reuseC = singleBlockK();
    Value isLast = b.equal(b.add(pass, 1), passes);
    emitTileLoop(
        module, b, loop,
        [&](Value tileRow, int64_t rowCount, Value strip, int64_t strips) {
          Value tileColumn = b.mul(strip, shape.stripWidth);
          Value sums = frame.scratch();
          if (!loop.reuseC)
            sums = b.at(sums, f32,
                        b.add(b.mul(tileRow, sumsStride()), tileColumn));
          b.ifThen(isLast, [&] {
            b.call(epilogue, {frame.bindings(), frame.constants(), sums, batch,
                              b.add(row, tileRow), b.constant(rowCount),
                              b.add(column, tileColumn),
                              b.constant(strips * shape.stripWidth)});
          });
        });
  });
}

} // namespace

MatMulBlocks chooseMatMulBlocks(std::optional<int64_t> staticN) {
  MatMulBlocks blocks{kBlockRows, 4};
  if (!staticN)
    return blocks;
  int64_t panels = llvm::divideCeil(*staticN, kPanelWidth);
  // Few rows leave only the panels to share: prefer an even number of blocks
  // while there are few of them.
  for (int64_t candidate : {4, 3, 2}) {
    int64_t count = llvm::divideCeil(panels, candidate);
    if (count >= 16 || count % 2 == 0) {
      blocks.panels = candidate;
      return blocks;
    }
  }
  blocks.panels = panels <= 4 ? 1 : 4;
  return blocks;
}

int64_t emitMatMulKernel(ModuleOp module, KernelBuilder &builder,
                         const MatMulKernel &kernel) {
  Emitter emitter{module, builder, kernel, chooseMatMulBlocks(kernel.staticN),
                  TileShape(builder.variant)};
  emitEntry(module, builder, kernel.name, emitter.scratchBytes(),
            [&](KernelFrame &frame) { emitter.emitBody(frame); });
  return emitter.scratchBytes();
}

} // namespace dure::cpu
