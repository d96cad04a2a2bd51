// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks, K loop, packing and epilogue around the micro kernels.

#include "targets/cpu/compiler/MatMulKernel.h"

#include "targets/cpu/compiler/MicroKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

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
/// Choices that are compared at once while a batch's rows are looked for.
constexpr int64_t kChoices = 16;

/// The columns that a workgroup multiplies with.
struct ColumnBlock {
  Value batch, firstPanel, column, columns;
  Value rhs, rhsStride;
  /// Parameters of the batch, if there are any; they begin with panel 0.
  ScaledPanels scaled;
};

/// Rows of the result: from `first` on, or those that `list` names.
struct RowBlock {
  Value first, count;
  Value list;
};

/// A list of rows in scratch: how many, the choice to go on from, the rows, and
/// room for one that is written and not counted.
constexpr int64_t kRowListElements = 2 + kBlockRows + 1;

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
    return kernel.rhsLayout == RhsLayout::Panels && kernel.scaledBlock == 0
               ? 0
               : blocks.panels * packedPanelElements();
  }
  /// A is read in place where its rows are contiguous f32.
  bool packsLhs() const {
    return kernel.transposedLhs || kernel.choices || !kernel.lhsElement.isF32();
  }
  int64_t packedLhsElements() const {
    return packsLhs() ? kBlockRows * kBlockK : 0;
  }
  // Scratch: sums, packed B, packed A, rows that chose a batch.
  int64_t floatElements() const {
    return sumsElements() + packedRhsElements() + packedLhsElements();
  }
  int64_t scratchBytes() const {
    int64_t list = kernel.choices ? kRowListElements : 0;
    return floatElements() * 4 + list * 8;
  }

  func::FuncOp emitEpilogue();
  void emitBody(KernelFrame &frame);
  void emitChosen(KernelFrame &frame);
  ColumnBlock columnBlock(KernelFrame &frame, Value batch, Value panelBlock);
  void emitBlock(KernelFrame &frame, func::FuncOp epilogue,
                 const ColumnBlock &columns, const RowBlock &rows);
  Value packLhs(KernelFrame &frame, const ColumnBlock &columns,
                const RowBlock &rows, Value firstK, Value k);
  MicroOperands panelOperands(MicroOperands operands,
                              const ColumnBlock &columns, Value firstK);
  MicroOperands unpackBlock(MicroOperands operands, const ColumnBlock &columns,
                            Value packed);
  void emitTiles(KernelFrame &frame, func::FuncOp epilogue,
                 const ColumnBlock &columns, const RowBlock &rows,
                 const MicroOperands &operands, Value isLast);
  MicroOperands packBlock(MicroOperands operands, Value source, Value rowStride,
                          Value firstColumn, Value columns, Value firstK,
                          Value packed);
};

/// The epilogue of one tile: a function of its own, since it is called from
/// every tile shape's loop.
func::FuncOp Emitter::emitEpilogue() {
  Type ptr = b.ptrType(), i64 = b.getI64Type();
  // bindings, constants, sums, batch, row, row count, column, column count,
  // and the list that rows are numbers in, if they are.
  SmallVector<Type> types = {ptr, ptr, ptr, i64, i64, i64, i64, i64};
  if (kernel.choices)
    types.push_back(ptr);
  return b.getOrCreateFunction(
      module, kernel.name + "_epilogue", types, [&](ValueRange args) {
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
          Value number = b.add(args[4], row);
          if (kernel.choices)
            number = b.load(i64, b.at(args[8], i64, number));
          auto emitVector = [&](Value column, Value mask) {
            Value vector =
                b.load(b.f32Vector(), b.at(sums, b.getF32Type(), column));
            kernel.store(
                b, frame,
                {vector, args[3], number, b.add(args[6], column), mask});
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

ColumnBlock Emitter::columnBlock(KernelFrame &frame, Value batch,
                                 Value panelBlock) {
  Value n = kernel.n(b, frame);
  ColumnBlock block;
  block.batch = batch;
  block.firstPanel = b.mul(panelBlock, blocks.panels);
  block.column = b.mul(block.firstPanel, kPanelWidth);
  block.columns =
      b.min(b.constant(blocks.panels * kPanelWidth), b.sub(n, block.column));
  block.rhs = kernel.rhs(b, frame, batch);
  block.rhsStride = kernel.rhsLayout == RhsLayout::Panels
                        ? b.mul(kernel.k(b, frame), kPanelWidth)
                        : kernel.rhsRowStride(b, frame);
  if (kernel.scaledBlock == 0)
    return block;
  auto parameters = [&](const MatMulKernel::GetPointer &get) {
    return get ? get(b, frame, batch) : Value();
  };
  Value scaledBlocks = b.ceilDiv(kernel.k(b, frame), kernel.scaledBlock);
  block.scaled = {kernel.rhsElement,          kernel.scaledBlock,
                  parameters(kernel.scales),  parameters(kernel.zeroPoints),
                  parameters(kernel.offsets), b.mul(scaledBlocks, kPanelWidth),
                  kernel.scaleElement,        kernel.offsetElement};
  return block;
}

void Emitter::emitBody(KernelFrame &frame) {
  func::FuncOp epilogue = emitEpilogue();
  Value m = kernel.m(b, frame), n = kernel.n(b, frame);
  Value rowBlocks = b.ceilDiv(m, blocks.rows);
  Value panels = b.ceilDiv(n, kPanelWidth);
  Value panelBlocks = b.ceilDiv(panels, blocks.panels);
  Value rowBlock = b.rem(frame.workgroup(), rowBlocks);
  Value rest = b.div(frame.workgroup(), rowBlocks);
  Value panelBlock = b.rem(rest, panelBlocks);
  Value batch = b.div(rest, panelBlocks);

  Value row = b.mul(rowBlock, blocks.rows);
  Value rows = b.min(b.constant(blocks.rows), b.sub(m, row));
  emitBlock(frame, epilogue, columnBlock(frame, batch, panelBlock),
            {row, rows, Value()});
}

/// A choice as a batch: negative ones count from the end.
Value batchOf(KernelBuilder &b, Value choice, Value batches) {
  auto vector = dyn_cast<VectorType>(choice.getType());
  auto splat = [&](Value scalar) -> Value {
    return vector ? vector::BroadcastOp::create(b, vector, scalar) : scalar;
  };
  return b.select(b.less(choice, splat(b.constant(0))),
                  b.add(choice, splat(batches)), choice);
}

/// Emits the function that goes on looking for the rows that chose a batch: it
/// fills the list, or comes to the end of the choices.
func::FuncOp emitCollectRows(ModuleOp module, KernelBuilder &b) {
  Type ptr = b.ptrType(), i64 = b.getI64Type();
  // choices, their number, batch, batches, list.
  return b.getOrCreateFunction(
      module, "dure_collect_rows", {ptr, i64, i64, i64, ptr},
      [&](ValueRange args) {
        Value choices = args[0], total = args[1], batch = args[2];
        Value next = b.at(args[4], i64, 1), rows = b.at(args[4], i64, 2);
        auto vector = VectorType::get({kChoices}, i64);
        // Several at once: most of them chose another batch.
        auto anyOf = [&](Value first, Value left) -> Value {
          Value mask = b.laneMask(left, kChoices);
          Value loaded = b.maskedLoad(vector, b.at(choices, i64, first), mask);
          Value wanted = vector::BroadcastOp::create(b, vector, batch);
          Value isWanted = b.equal(batchOf(b, loaded, args[3]), wanted);
          isWanted = arith::AndIOp::create(b, isWanted, mask);
          return vector::ReductionOp::create(b, vector::CombiningKind::OR,
                                             isWanted);
        };
        auto take = [&](Value first, Value left, Value count) {
          Value end = b.min(left, b.constant(kChoices));
          return b.forEach(
              b.constant(0), end, 1, count, [&](Value i, ValueRange found) {
                Value row = b.add(first, i);
                b.store(row, b.at(rows, i64, found[0]));
                Value choice = b.load(i64, b.at(choices, i64, row));
                Value isWanted = b.equal(batchOf(b, choice, args[3]), batch);
                return Values{b.select(isWanted, b.add(found[0], 1), found[0])};
              });
        };
        Value begin = b.load(i64, next);
        Values end =
            b.forEach(begin, total, kChoices, {b.constant(0), begin},
                      [&](Value first, ValueRange at) {
                        // What does not fit any more is for the next call.
                        Value hasRoom = b.less(
                            at[0], b.constant(kBlockRows - kChoices + 1));
                        return b.ifElse(
                            hasRoom, {i64, i64},
                            [&] {
                              Value left = b.sub(total, first);
                              Values count = b.ifElse(
                                  anyOf(first, left), i64,
                                  [&] { return take(first, left, at[0]); },
                                  [&] { return Values{at[0]}; });
                              return Values{count[0], b.add(first, kChoices)};
                            },
                            [&] { return Values(at.begin(), at.end()); });
                      });
        b.store(end[0], args[4]);
        b.store(end[1], next);
      });
}

/// One batch's block of columns for all rows that chose it.
void Emitter::emitChosen(KernelFrame &frame) {
  func::FuncOp epilogue = emitEpilogue(), collect = emitCollectRows(module, b);
  Type i64 = b.getI64Type();
  Value zero = b.constant(0);
  Value total = kernel.m(b, frame), batches = kernel.batches(b, frame);
  Value choices = kernel.choices(b, frame);
  Value batch = b.rem(frame.workgroup(), batches);
  Value panelBlock = b.div(frame.workgroup(), batches);

  // One workgroup looks whether all choices are batches.
  Value checked = b.select(b.equal(frame.workgroup(), zero), total, zero);
  b.forEach(zero, checked, 1, [&](Value row) {
    Value choice = batchOf(b, b.load(i64, b.at(choices, i64, row)), batches);
    Value isOutside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, choice, batches);
    frame.setFault(isOutside, Fault::IndexOutOfRange);
  });

  Value list = b.at(frame.scratch(), b.getF32Type(), floatElements());
  Value next = b.at(list, i64, 1);
  b.store(zero, next);
  ColumnBlock columns = columnBlock(frame, batch, panelBlock);
  // A list that does not reach the end has this many rows at least.
  int64_t fewest = kBlockRows - kChoices + 1;
  Value lists = b.add(b.div(total, b.constant(fewest)), 1);
  b.forEach(zero, lists, 1, [&](Value) {
    b.ifThen(b.less(b.load(i64, next), total), [&] {
      b.call(collect, {choices, total, batch, batches, list});
      Value count = b.load(i64, list);
      b.ifThen(b.less(zero, count), [&] {
        emitBlock(frame, epilogue, columns, {zero, count, b.at(list, i64, 2)});
      });
    });
  });
}

/// Copies the rows of A that a pass over K multiplies.
Value Emitter::packLhs(KernelFrame &frame, const ColumnBlock &columns,
                       const RowBlock &rows, Value firstK, Value k) {
  Value stride = kernel.lhsRowStride(b, frame);
  Value lhs = kernel.lhs(b, frame, columns.batch);
  Value packed = b.at(frame.scratch(), b.getF32Type(),
                      sumsElements() + packedRhsElements());
  PackLhsOperands pack{
      kernel.lhsElement,   lhs, stride, rows.count, k, packed, kBlockK,
      kernel.transposedLhs};
  if (!rows.list) {
    Value first = kernel.transposedLhs
                      ? b.add(b.mul(firstK, stride), rows.first)
                      : b.add(b.mul(rows.first, stride), firstK);
    pack.source = b.at(lhs, kernel.lhsElement, first);
    callPackLhs(module, b, pack);
    return packed;
  }
  Type i64 = b.getI64Type();
  Value rowsPerLhs = kernel.rowsPerLhs(b, frame);
  pack.rows = b.constant(1);
  b.forEach(b.constant(0), rows.count, 1, [&](Value i) {
    Value row = b.div(b.load(i64, b.at(rows.list, i64, i)), rowsPerLhs);
    pack.source =
        b.at(lhs, kernel.lhsElement, b.add(b.mul(row, stride), firstK));
    pack.target = b.at(packed, b.getF32Type(), b.mul(i, kBlockK));
    callPackLhs(module, b, pack);
  });
  return packed;
}

/// Rows times columns, over all of K.
void Emitter::emitBlock(KernelFrame &frame, func::FuncOp epilogue,
                        const ColumnBlock &columns, const RowBlock &rows) {
  Type f32 = b.getF32Type();
  Value zero = b.constant(0);
  Value k = kernel.k(b, frame), lhsStride = kernel.lhsRowStride(b, frame);
  Value packed = b.at(frame.scratch(), f32, sumsElements());

  // At least one pass: without any K the sums are zero, not absent.
  Value passes = b.max(b.ceilDiv(k, kBlockK), b.constant(1));
  b.forEach(zero, passes, 1, [&](Value pass) {
    Value firstK = b.mul(pass, kBlockK);
    MicroOperands operands;
    operands.k = b.min(b.constant(kBlockK), b.sub(k, firstK));
    if (packsLhs()) {
      operands.a = packLhs(frame, columns, rows, firstK, operands.k);
      operands.aRowStride = b.constant(kBlockK);
    } else {
      operands.a = b.at(kernel.lhs(b, frame, columns.batch), kernel.lhsElement,
                        b.add(b.mul(rows.first, lhsStride), firstK));
      operands.aRowStride = lhsStride;
    }
    operands.bRowStride = b.constant(kPanelWidth);
    operands.c = frame.scratch();
    operands.cRowStride = b.constant(sumsStride());
    operands.accumulate = b.less(zero, pass);
    Value isLast = b.equal(b.add(pass, 1), passes);
    auto emitTilesOf = [&](const MicroOperands &tiles) {
      emitTiles(frame, epilogue, columns, rows, tiles, isLast);
    };
    if (kernel.rhsLayout != RhsLayout::Panels)
      return emitTilesOf(packBlock(operands, columns.rhs, columns.rhsStride,
                                   columns.column, columns.columns, firstK,
                                   packed));
    operands = panelOperands(operands, columns, firstK);
    if (!operands.scaled)
      return emitTilesOf(operands);
    // Widening costs as much as multiplying a few rows: what two tiles read is
    // widened once, before.
    Value most = b.constant(shape.rows + shape.sharedRests());
    b.ifElse(
        b.less(most, rows.count), {},
        [&] {
          emitTilesOf(unpackBlock(operands, columns, packed));
          return Values();
        },
        [&] {
          emitTilesOf(operands);
          return Values();
        });
  });
}

/// The panels themselves as what a pass over K reads.
MicroOperands Emitter::panelOperands(MicroOperands operands,
                                     const ColumnBlock &columns, Value firstK) {
  operands.bElement = kernel.rhsElement;
  operands.b = b.at(columns.rhs, kernel.rhsElement,
                    b.add(b.mul(columns.firstPanel, columns.rhsStride),
                          b.mul(firstK, kPanelWidth)));
  operands.bPanelStride = columns.rhsStride;
  if (const ScaledPanels &scaled = columns.scaled) {
    Value block = b.div(firstK, b.constant(scaled.block));
    operands.scaled =
        scaled.advanced(b, b.add(b.mul(columns.firstPanel, scaled.panelStride),
                                 b.mul(block, kPanelWidth)));
  }
  return operands;
}

/// Widens the panels of a pass into scratch.
MicroOperands Emitter::unpackBlock(MicroOperands operands,
                                   const ColumnBlock &columns, Value packed) {
  UnpackOperands unpack{operands.scaled,
                        operands.b,
                        operands.bPanelStride,
                        operands.k,
                        columns.columns,
                        packed,
                        b.constant(packedPanelElements())};
  callUnpackPanels(module, b, unpack);
  operands.b = packed;
  operands.bElement = b.getF32Type();
  operands.bPanelStride = unpack.targetStride;
  operands.scaled = {};
  return operands;
}

/// The tiles of a block for one pass over K, the last one with the epilogue.
void Emitter::emitTiles(KernelFrame &frame, func::FuncOp epilogue,
                        const ColumnBlock &columns, const RowBlock &rows,
                        const MicroOperands &operands, Value isLast) {
  TileLoop loop;
  loop.operands = operands;
  loop.rows = rows.count;
  loop.firstStrip = b.constant(0);
  loop.stripEnd = b.ceilDiv(columns.columns, shape.stripWidth);
  loop.maxStrips = blocks.panels * shape.stripsPerPanel;
  loop.reuseC = singleBlockK();
  emitTileLoop(
      module, b, loop,
      [&](Value tileRow, int64_t rowCount, Value strip, int64_t strips) {
        Value tileColumn = b.mul(strip, shape.stripWidth);
        Value sums = frame.scratch();
        if (!loop.reuseC)
          sums = b.at(sums, b.getF32Type(),
                      b.add(b.mul(tileRow, sumsStride()), tileColumn));
        Values arguments = {frame.bindings(),
                            frame.constants(),
                            sums,
                            columns.batch,
                            b.add(rows.first, tileRow),
                            b.constant(rowCount),
                            b.add(columns.column, tileColumn),
                            b.constant(strips * shape.stripWidth)};
        if (rows.list)
          arguments.push_back(rows.list);
        b.ifThen(isLast, [&] { b.call(epilogue, arguments); });
      });
}

} // namespace

bool isScaledBlock(int64_t k, int64_t block) {
  // A pass over K begins with a block, or lies in one.
  constexpr int64_t kFewest = 8;
  return block >= kFewest && k % block == 0 &&
         (block == k || kBlockK % block == 0 || block % kBlockK == 0);
}

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
            [&](KernelFrame &frame) {
              if (kernel.choices)
                emitter.emitChosen(frame);
              else
                emitter.emitBody(frame);
            });
  return emitter.scratchBytes();
}

} // namespace dure::cpu
