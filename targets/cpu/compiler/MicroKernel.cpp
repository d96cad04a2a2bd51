// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Register tiles of matrix products, and the loops that cover a block with
// them.

#include "targets/cpu/compiler/MicroKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Offset of strip `strip` (static, counted from the base) in packed B.
Value stripOffset(KernelBuilder &b, const TileShape &shape, int64_t strip,
                  Value panelStride) {
  Value offset = b.mul(panelStride, strip / shape.stripsPerPanel);
  return b.add(offset, (strip % shape.stripsPerPanel) * shape.stripWidth);
}

void emitMicroKernelBody(KernelBuilder &b, const TileShape &shape, int64_t rows,
                         int64_t strips, const MicroOperands &in) {
  Type f32 = b.getF32Type();
  VectorType vector = b.f32Vector();
  int64_t columns = strips * shape.vectorsPerStrip;

  Values aRows, cRows, bStrips;
  for (int64_t row = 0; row < rows; ++row) {
    aRows.push_back(b.at(in.a, f32, b.mul(in.aRowStride, row)));
    cRows.push_back(b.at(in.c, f32, b.mul(in.cRowStride, row)));
  }
  for (int64_t strip = 0; strip < strips; ++strip)
    bStrips.push_back(
        b.at(in.b, in.bElement, stripOffset(b, shape, strip, in.bPanelStride)));

  // Sums start at zero or at C.
  Value zero = b.splatF32(0);
  SmallVector<Type> types(rows * columns, vector);
  Values sums = b.ifElse(
      in.accumulate, types,
      [&] {
        Values loaded;
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t column = 0; column < columns; ++column)
            loaded.push_back(
                b.load(vector, b.at(cRows[row], f32, column * shape.lanes)));
        return loaded;
      },
      [&] { return Values(rows * columns, zero); });

  sums =
      b.forEach(b.constant(0), in.k, 1, sums, [&](Value k, ValueRange current) {
        Value bRow = b.mul(k, in.bRowStride);
        auto right = [&](int64_t column) {
          Value strip = bStrips[column / shape.vectorsPerStrip];
          return b.loadAsF32(
              in.bElement,
              b.at(b.at(strip, in.bElement, bRow), in.bElement,
                   (column % shape.vectorsPerStrip) * shape.lanes));
        };
        auto left = [&](int64_t row) {
          return b.splat(b.load(f32, b.at(aRows[row], f32, k)));
        };
        // The shorter side stays in registers, the longer one passes by.
        Values next(current.begin(), current.end());
        auto multiply = [&](int64_t row, int64_t column, Value x, Value y) {
          Value &sum = next[row * columns + column];
          sum = b.fma(x, y, sum);
        };
        Values kept;
        if (rows < columns) {
          for (int64_t row = 0; row < rows; ++row)
            kept.push_back(left(row));
          for (int64_t column = 0; column < columns; ++column) {
            Value passing = right(column);
            for (int64_t row = 0; row < rows; ++row)
              multiply(row, column, kept[row], passing);
          }
        } else {
          for (int64_t column = 0; column < columns; ++column)
            kept.push_back(right(column));
          for (int64_t row = 0; row < rows; ++row) {
            Value passing = left(row);
            for (int64_t column = 0; column < columns; ++column)
              multiply(row, column, passing, kept[column]);
          }
        }
        return next;
      });

  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      b.store(sums[row * columns + column],
              b.at(cRows[row], f32, column * shape.lanes));
}

/// The same over scaled panels, which are widened as they pass by.
void emitScaledKernelBody(KernelBuilder &b, const TileShape &shape,
                          int64_t rows, int64_t strips,
                          const MicroOperands &in) {
  Type f32 = b.getF32Type();
  VectorType vector = b.f32Vector();
  int64_t pairs = strips * shape.vectorsPerStrip / 2;
  int64_t pairsPerStrip = shape.vectorsPerStrip / 2;

  Values aRows, cRows;
  for (int64_t row = 0; row < rows; ++row) {
    aRows.push_back(b.at(in.a, f32, b.mul(in.aRowStride, row)));
    cRows.push_back(b.at(in.c, f32, b.mul(in.cRowStride, row)));
  }
  // Columns of a pair from the base on, where panels are `stride` apart.
  auto pairOffset = [&](int64_t pair, Value stride) {
    Value strip = stripOffset(b, shape, pair / pairsPerStrip, stride);
    return b.add(strip, (pair % pairsPerStrip) * 2 * shape.lanes);
  };
  auto cPair = [&](int64_t row, int64_t pair) {
    Value low = b.at(cRows[row], f32, pair * 2 * shape.lanes);
    return std::pair(low, b.at(low, f32, shape.lanes));
  };

  // Sums of row 0, then of row 1, ..., in the order of pairs.
  Value zero = b.splatF32(0);
  SmallVector<Type> types(rows * pairs * 2, vector);
  Values sums = b.ifElse(
      in.accumulate, types,
      [&] {
        Values loaded;
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t pair = 0; pair < pairs; ++pair) {
            auto [low, high] = cPair(row, pair);
            auto [x, y] = toPair(b, in.bElement, b.load(vector, low),
                                 b.load(vector, high));
            loaded.append({x, y});
          }
        return loaded;
      },
      [&] { return Values(types.size(), zero); });

  auto sumRow = [&](Value k, ArrayRef<PairParameters> parameters,
                    ValueRange current) {
    Values next(current.begin(), current.end()), left;
    for (int64_t row = 0; row < rows; ++row)
      left.push_back(b.splat(b.load(f32, b.at(aRows[row], f32, k))));
    Value bRow = b.at(in.b, in.bElement, b.mul(k, in.bRowStride));
    for (int64_t pair = 0; pair < pairs; ++pair) {
      Value pointer =
          b.at(bRow, in.bElement, pairOffset(pair, in.bPanelStride));
      auto [x, y] = widenPair(b, in.bElement, pointer, parameters[pair]);
      for (int64_t row = 0; row < rows; ++row) {
        Value *sum = &next[(row * pairs + pair) * 2];
        sum[0] = b.fma(left[row], x, sum[0]);
        sum[1] = b.fma(left[row], y, sum[1]);
      }
    }
    return next;
  };
  auto sumBlock = [&](Value block, ValueRange current) {
    SmallVector<PairParameters> parameters;
    ScaledPanels at = in.scaled.advanced(b, b.mul(block, kPanelWidth));
    for (int64_t pair = 0; pair < pairs; ++pair)
      parameters.push_back(
          loadParameters(b, at, pairOffset(pair, at.panelStride)));
    Value first = b.mul(block, in.scaled.block);
    Value last = b.min(in.k, b.add(first, in.scaled.block));
    return b.forEach(first, last, 1, current, [&](Value k, ValueRange sums) {
      return sumRow(k, parameters, sums);
    });
  };
  Value blocks = b.ceilDiv(in.k, in.scaled.block);
  sums = b.forEach(b.constant(0), blocks, 1, sums, sumBlock);

  for (int64_t row = 0; row < rows; ++row)
    for (int64_t pair = 0; pair < pairs; ++pair) {
      Value *sum = &sums[(row * pairs + pair) * 2];
      auto [low, high] = cPair(row, pair);
      auto [x, y] = fromPair(b, in.bElement, sum[0], sum[1]);
      b.store(x, low);
      b.store(y, high);
    }
}

/// Transposes a square of vectors: log2(lanes) rounds of interleaving row i
/// with row i + lanes/2.
Values transposeSquare(KernelBuilder &b, Values rows) {
  size_t half = rows.size() / 2;
  for (size_t round = 1; round < rows.size(); round *= 2) {
    Values next;
    for (size_t i = 0; i < half; ++i) {
      next.push_back(b.interleave(rows[i], rows[i + half], false));
      next.push_back(b.interleave(rows[i], rows[i + half], true));
    }
    rows = std::move(next);
  }
  return rows;
}

/// Transposes one square of B: columns n.. (rows of the source) by k.. of
/// `lanes` each into the panel.
void emitPackSquare(KernelBuilder &b, const PackOperands &in, Value target,
                    Value k, Value n, Value columnInPanel, Value mask) {
  int64_t lanes = b.variant.lanes();
  Type f32 = b.getF32Type();
  Value last = b.sub(in.n, b.constant(1));
  Values rows;
  for (int64_t i = 0; i < lanes; ++i) {
    // Beyond the end the last column is read again and then zeroed.
    Value column = b.min(b.add(n, i), last);
    Value pointer =
        b.at(in.source, in.element, b.add(b.mul(column, in.nStride), k));
    rows.push_back(b.loadAsF32(in.element, pointer, mask));
  }
  rows = transposeSquare(b, rows);
  Value valid = b.laneMask(b.sub(in.n, n), lanes);
  Value zero = b.splatF32(0);
  for (int64_t i = 0; i < lanes; ++i) {
    Value offset = b.add(b.mul(b.add(k, i), kPanelWidth), columnInPanel);
    b.store(b.select(valid, rows[i], zero), b.at(target, f32, offset));
  }
}

void emitPackColumnsBody(KernelBuilder &b, const PackOperands &in,
                         Value panels) {
  int64_t lanes = b.variant.lanes();
  Value zero = b.constant(0);
  Value wholeK = b.mul(b.div(in.k, b.constant(lanes)), lanes);
  Value columns = b.mul(b.ceilDiv(in.n, kPanelWidth), kPanelWidth);
  b.forEach(zero, columns, lanes, [&](Value n) {
    Value panel = b.div(n, b.constant(kPanelWidth));
    Value inPanel = b.rem(n, b.constant(kPanelWidth));
    Value target = b.at(panels, b.getF32Type(), b.mul(panel, in.panelStride));
    b.forEach(zero, wholeK, lanes, [&](Value k) {
      emitPackSquare(b, in, target, k, n, inPanel, Value());
    });
    b.ifThen(b.less(wholeK, in.k), [&] {
      Value mask = b.laneMask(b.sub(in.k, wholeK), lanes);
      emitPackSquare(b, in, target, wholeK, n, inPanel, mask);
    });
  });
}

void emitPackRowsBody(KernelBuilder &b, const PackOperands &in, Value panels) {
  int64_t lanes = b.variant.lanes();
  Type f32 = b.getF32Type();
  Value zero = b.constant(0);
  b.forEach(zero, b.ceilDiv(in.n, kPanelWidth), 1, [&](Value panel) {
    Value target = b.at(panels, f32, b.mul(panel, in.panelStride));
    Value first = b.mul(panel, kPanelWidth);
    Value left = b.sub(in.n, first);
    auto packPanel = [&](ArrayRef<Value> masks) {
      b.forEach(zero, in.k, 1, [&](Value k) {
        Value offset = b.add(b.mul(k, in.kStride), first);
        Value row = b.at(target, f32, b.mul(k, kPanelWidth));
        for (int64_t column = 0; column < kPanelWidth; column += lanes) {
          Value mask = masks.empty() ? Value() : masks[column / lanes];
          Value source =
              b.atOrBeyond(in.source, in.element, b.add(offset, column));
          b.store(b.loadAsF32(in.element, source, mask),
                  b.at(row, f32, column));
        }
      });
    };
    b.ifElse(
        b.less(left, b.constant(kPanelWidth)), {},
        [&] {
          Values masks;
          for (int64_t c = 0; c < kPanelWidth; c += lanes)
            masks.push_back(b.laneMask(b.add(left, -c), lanes));
          packPanel(masks);
          return Values();
        },
        [&] {
          packPanel({});
          return Values();
        });
  });
}

/// Rows of A that are contiguous: converted.
void emitConvertLhsBody(KernelBuilder &b, const PackLhsOperands &in) {
  int64_t lanes = b.variant.lanes();
  Type f32 = b.getF32Type();
  Value zero = b.constant(0);
  Value wholeK = b.mul(b.div(in.k, b.constant(lanes)), lanes);
  Value mask = b.laneMask(b.sub(in.k, wholeK), lanes);
  b.forEach(zero, in.rows, 1, [&](Value row) {
    Value source = b.at(in.source, in.element, b.mul(row, in.stride));
    Value target = b.at(in.target, f32, b.mul(row, in.targetStride));
    auto convert = [&](Value k, Value lanesLeft) {
      b.store(b.loadAsF32(in.element, b.at(source, in.element, k), lanesLeft),
              b.at(target, f32, k));
    };
    b.forEach(zero, wholeK, lanes, [&](Value k) { convert(k, Value()); });
    b.ifThen(b.less(wholeK, in.k), [&] { convert(wholeK, mask); });
  });
}

/// Columns of A that are contiguous: transposed in registers.
void emitTransposeLhsBody(KernelBuilder &b, const PackLhsOperands &in) {
  int64_t lanes = b.variant.lanes();
  Type f32 = b.getF32Type();
  Value zero = b.constant(0), last = b.sub(in.k, b.constant(1));
  auto packSquare = [&](Value row, Value k, Value mask) {
    Values square;
    for (int64_t i = 0; i < lanes; ++i) {
      // Beyond the end the last one is read again and never used.
      Value from = b.mul(b.min(b.add(k, i), last), in.stride);
      Value source = b.at(in.source, in.element, b.add(from, row));
      square.push_back(b.loadAsF32(in.element, source, mask));
    }
    square = transposeSquare(b, square);
    for (int64_t i = 0; i < lanes; ++i) {
      Value to = b.add(b.mul(b.add(row, i), in.targetStride), k);
      b.store(square[i], b.at(in.target, f32, to));
    }
  };
  Value wholeRows = b.mul(b.div(in.rows, b.constant(lanes)), lanes);
  b.forEach(zero, in.k, lanes, [&](Value k) {
    b.forEach(zero, wholeRows, lanes,
              [&](Value row) { packSquare(row, k, Value()); });
    b.ifThen(b.less(wholeRows, in.rows), [&] {
      packSquare(wholeRows, k, b.laneMask(b.sub(in.rows, wholeRows), lanes));
    });
  });
}

std::string nameOf(Type element) {
  return element.isF32() ? "f32" : element.isF16() ? "f16" : "bf16";
}

void callPack(ModuleOp module, KernelBuilder &b, StringRef name,
              const PackOperands &operands,
              void (*emit)(KernelBuilder &, const PackOperands &, Value)) {
  Type ptr = b.ptrType(), i64 = b.getI64Type();
  auto function = b.getOrCreateFunction(
      module, (name + "_" + nameOf(operands.element)).str(),
      {ptr, i64, i64, i64, i64, ptr, i64}, [&](ValueRange args) {
        PackOperands in{operands.element, args[0], args[1], args[2],
                        args[3],          args[4], args[5], args[6]};
        emit(b, in, args[5]);
      });
  b.call(function,
         {operands.source, operands.kStride, operands.nStride, operands.k,
          operands.n, operands.panels, operands.panelStride});
}

} // namespace

bool isMicroElement(Type element) {
  return isa<Float32Type, Float16Type, BFloat16Type>(element);
}

TileShape::TileShape(const CpuVariant &variant) : lanes(variant.lanes()) {
  if (variant.vectorRegisters >= 32 && lanes >= 16) {
    // 8 x 2 vectors of 16: 16 sums, 2 of B, the rest for broadcasts.
    vectorsPerStrip = 2;
    rows = 8;
    sums = 24;
  } else if (variant.vectorRegisters >= 32) {
    // 6 x 4 vectors of 4: 24 sums, 4 of B.
    vectorsPerStrip = 4;
    rows = 6;
    sums = 24;
  } else {
    // 3 x 4 vectors of 8: 12 sums, 3 broadcasts and one of B in 16 registers.
    // 6 x 2 would read half a panel's row, every other cache line of B, which
    // costs up to a quarter when B does not lie in L1 (docs/experiments.md).
    vectorsPerStrip = 4;
    rows = 3;
    sums = 12;
  }
  stripWidth = vectorsPerStrip * lanes;
  stripsPerPanel = kPanelWidth / stripWidth;
}

int64_t TileShape::stripsFor(int64_t rowCount, int64_t available,
                             bool isScaled) const {
  int64_t most = sums / ((rowCount + (isScaled ? 2 : 0)) * vectorsPerStrip);
  most = std::min({most, available, int64_t(8)});
  // In whole panels, so that strips are a constant apart.
  if (most > stripsPerPanel)
    most = most / stripsPerPanel * stripsPerPanel;
  most = std::max<int64_t>(most, 1);
  // Strips that are left over go one by one, with too few sums in flight: half
  // as many that leave none are better.
  for (int64_t strips = most; 2 * strips > most; --strips)
    if (available % strips == 0 &&
        (strips < stripsPerPanel || strips % stripsPerPanel == 0))
      return strips;
  return most;
}

int64_t TileShape::sharedRests() const {
  return std::max<int64_t>(rows / 4, 1);
}

void callMicroKernel(ModuleOp module, KernelBuilder &b, int64_t rows,
                     int64_t strips, const MicroOperands &operands) {
  TileShape shape(b.variant);
  const ScaledPanels &scaled = operands.scaled;
  std::string name =
      llvm::formatv("dure_tile_{0}_{1}x{2}",
                    scaled ? scaled.name() : nameOf(operands.bElement), rows,
                    strips * shape.stripWidth);
  Values arguments = {operands.a,          operands.aRowStride,
                      operands.b,          operands.bPanelStride,
                      operands.bRowStride, operands.k,
                      operands.c,          operands.cRowStride,
                      operands.accumulate};
  scaled.appendArguments(arguments);
  SmallVector<Type> types;
  for (Value each : arguments)
    types.push_back(each.getType());
  auto function =
      b.getOrCreateFunction(module, name, types, [&](ValueRange args) {
        MicroOperands in{args[0],
                         args[1],
                         args[2],
                         args[3],
                         args[4],
                         operands.bElement,
                         args[5],
                         args[6],
                         args[7],
                         args[8],
                         scaled.withArguments(args.drop_front(9))};
        if (scaled)
          emitScaledKernelBody(b, shape, rows, strips, in);
        else
          emitMicroKernelBody(b, shape, rows, strips, in);
      });
  b.call(function, arguments);
}

namespace {

/// What emitTileLoop emits.
struct TileLoopEmitter {
  ModuleOp module;
  KernelBuilder &b;
  const TileLoop &loop;
  function_ref<void(Value, int64_t, Value, int64_t)> done;
  TileShape shape;

  int64_t stripsFor(int64_t rows) const {
    return shape.stripsFor(rows, loop.maxStrips, bool(loop.operands.scaled));
  }
  void emitTile(Value row, int64_t rows, Value strip, int64_t strips);
  void emitStrips(Value row, ArrayRef<int64_t> parts);
};

void TileLoopEmitter::emitTile(Value row, int64_t rows, Value strip,
                               int64_t strips) {
  Type f32 = b.getF32Type();
  const MicroOperands &in = loop.operands;
  MicroOperands tile = in;
  tile.a = b.at(in.a, f32, b.mul(row, in.aRowStride));
  Value panel = b.div(strip, b.constant(shape.stripsPerPanel));
  Value inPanel = b.rem(strip, b.constant(shape.stripsPerPanel));
  tile.b = b.at(
      in.b, in.bElement,
      b.add(b.mul(panel, in.bPanelStride), b.mul(inPanel, shape.stripWidth)));
  if (in.scaled)
    tile.scaled =
        in.scaled.advanced(b, b.add(b.mul(panel, in.scaled.panelStride),
                                    b.mul(inPanel, shape.stripWidth)));
  if (!loop.reuseC) {
    Value column = b.mul(b.sub(strip, loop.firstStrip), shape.stripWidth);
    tile.c = b.at(in.c, f32, b.add(b.mul(row, in.cRowStride), column));
  }
  callMicroKernel(module, b, rows, strips, tile);
  done(row, rows, strip, strips);
}

/// All strips for a static number of rows from `row` on, which are cut into
/// `parts`. The parts follow each other within a group of strips, so that all
/// but the first find it in L1.
void TileLoopEmitter::emitStrips(Value row, ArrayRef<int64_t> parts) {
  int64_t group = 1;
  for (int64_t rows : parts)
    group = std::max(group, stripsFor(rows));
  auto emitGroup = [&](Value strip, int64_t width) {
    Value partRow = row;
    for (int64_t rows : parts) {
      int64_t strips = std::min(width, stripsFor(rows));
      if (width % strips != 0)
        strips = 1;
      if (strips == width)
        emitTile(partRow, rows, strip, strips);
      else
        b.forEach(strip, b.add(strip, width), strips,
                  [&](Value at) { emitTile(partRow, rows, at, strips); });
      partRow = b.add(partRow, rows);
    }
  };
  Value count = b.sub(loop.stripEnd, loop.firstStrip);
  Value groups = b.div(count, b.constant(group));
  Value groupEnd = b.add(loop.firstStrip, b.mul(groups, group));
  b.forEach(loop.firstStrip, groupEnd, group,
            [&](Value strip) { emitGroup(strip, group); });
  if (group > 1)
    b.forEach(groupEnd, loop.stripEnd, 1,
              [&](Value strip) { emitGroup(strip, 1); });
}

} // namespace

void emitTileLoop(ModuleOp module, KernelBuilder &b, const TileLoop &loop,
                  function_ref<void(Value, int64_t, Value, int64_t)> done) {
  TileLoopEmitter emitter{module, b, loop, done, TileShape(b.variant)};
  int64_t main = emitter.shape.rows, shared = emitter.shape.sharedRests();

  // A tile of one row does little with what it reads of B: a short rest takes
  // a main tile's rows with it, and two tiles share them.
  Value rest = b.rem(loop.rows, b.constant(main));
  auto both = [&](Value x, Value y) { return b.select(x, y, x); };
  Value isShared = both(
      b.less(b.constant(main), loop.rows),
      both(b.less(b.constant(0), rest), b.less(rest, b.constant(shared + 1))));
  rest = b.select(isShared, b.add(rest, main), rest);
  Value wholeRows = b.sub(loop.rows, rest);

  // Strips outside, rows inside: a strip of B stays in L1 for all rows.
  b.forEach(loop.firstStrip, loop.stripEnd, 1, [&](Value strip) {
    b.forEach(b.constant(0), wholeRows, main,
              [&](Value row) { emitter.emitTile(row, main, strip, 1); });
  });
  for (int64_t rows = 1; rows < main; ++rows)
    b.ifThen(b.equal(rest, b.constant(rows)),
             [&] { emitter.emitStrips(wholeRows, rows); });
  for (int64_t rows = main + 1; rows <= main + shared; ++rows)
    b.ifThen(b.equal(rest, b.constant(rows)), [&] {
      emitter.emitStrips(wholeRows, {(rows + 1) / 2, rows / 2});
    });
}

void callPackRows(ModuleOp module, KernelBuilder &builder,
                  const PackOperands &operands) {
  callPack(module, builder, "dure_pack_rows", operands, emitPackRowsBody);
}

void callPackColumns(ModuleOp module, KernelBuilder &builder,
                     const PackOperands &operands) {
  callPack(module, builder, "dure_pack_columns", operands, emitPackColumnsBody);
}

void callPackLhs(ModuleOp module, KernelBuilder &b,
                 const PackLhsOperands &operands) {
  Type ptr = b.ptrType(), i64 = b.getI64Type();
  std::string name = llvm::formatv(
      "dure_{0}_lhs_{1}_{2}", operands.isTransposed ? "transpose" : "convert",
      nameOf(operands.element), operands.targetStride);
  auto function = b.getOrCreateFunction(
      module, name, {ptr, i64, i64, i64, ptr}, [&](ValueRange args) {
        PackLhsOperands in{operands.element,
                           args[0],
                           args[1],
                           args[2],
                           args[3],
                           args[4],
                           operands.targetStride,
                           operands.isTransposed};
        if (in.isTransposed)
          emitTransposeLhsBody(b, in);
        else
          emitConvertLhsBody(b, in);
      });
  b.call(function, {operands.source, operands.stride, operands.rows, operands.k,
                    operands.target});
}

} // namespace dure::cpu
