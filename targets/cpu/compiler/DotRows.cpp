// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiles of rows times rows, with all sums in registers.

#include "targets/cpu/compiler/DotRows.h"

#include "targets/cpu/compiler/MicroKernel.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Vectors of sums of a tile: as many as there are lanes, or a multiple of it,
/// beside what is multiplied.
int64_t sumsOf(const CpuVariant &variant) {
  return variant.vectorRegisters >= 32 ? 16 : 8;
}

/// Lanes `lanes` of two vectors, one after the other.
Value picked(KernelBuilder &b, Value x, Value y, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(b, x, y, lanes);
}

/// One vector whose lane i is the sum of the lanes of `vectors[i]`, of which
/// there are as many as lanes.
Value sumEach(KernelBuilder &b, Values vectors) {
  // Vectors hold `groups` groups of lanes, each the halves of which are to be
  // added up.
  const int64_t lanes = vectors.size();
  for (int64_t groups = 1; vectors.size() > 1; groups *= 2) {
    const int64_t size = lanes / groups;
    SmallVector<int64_t> lower, upper;
    for (int64_t group = 0; group < 2 * groups; ++group)
      for (int64_t lane = 0; lane < size / 2; ++lane) {
        lower.push_back(group * size + lane);
        upper.push_back(group * size + size / 2 + lane);
      }
    Values next;
    for (size_t i = 0; i < vectors.size(); i += 2)
      next.push_back(b.addF(picked(b, vectors[i], vectors[i + 1], lower),
                            picked(b, vectors[i], vectors[i + 1], upper)));
    vectors = std::move(next);
  }
  return vectors.front();
}

struct Tile {
  KernelBuilder &b;
  const DotOperands &in;
  /// Rows of A and of B; their product is a multiple of the lanes.
  int64_t rows, columns;
  int64_t lanes;

  void emit(Value column);
  Values products(ArrayRef<Value> aRows, ArrayRef<Value> bRows);
  void store(ArrayRef<Value> sums, Value column);
};

/// Sums by lanes, [rows][columns].
Values Tile::products(ArrayRef<Value> aRows, ArrayRef<Value> bRows) {
  VectorType vector = b.f32Vector();
  auto step = [&](Value k, Value mask, ValueRange current) {
    Values next(current.begin(), current.end()), right;
    for (Value row : bRows)
      right.push_back(
          b.loadAsF32(in.bElement, b.at(row, in.bElement, k), mask));
    for (int64_t r = 0; r < rows; ++r) {
      Value pointer = b.at(aRows[r], b.getF32Type(), k);
      Value left =
          mask ? b.maskedLoad(vector, pointer, mask) : b.load(vector, pointer);
      for (int64_t c = 0; c < columns; ++c) {
        Value &sum = next[r * columns + c];
        sum = b.fma(left, right[c], sum);
      }
    }
    return next;
  };
  Values zeros(rows * columns, b.splatF32(0));
  SmallVector<Type> types(rows * columns, vector);
  Value whole = b.mul(b.div(in.k, b.constant(lanes)), lanes);
  Values sums =
      b.forEach(b.constant(0), whole, lanes, zeros,
                [&](Value k, ValueRange sums) { return step(k, {}, sums); });
  return b.ifElse(
      b.less(whole, in.k), types,
      [&] { return step(whole, b.laneMask(b.sub(in.k, whole), lanes), sums); },
      [&] { return sums; });
}

void Tile::store(ArrayRef<Value> sums, Value column) {
  const int64_t run = std::min(columns, lanes);
  auto runType = VectorType::get({run}, b.getF32Type());
  for (int64_t first = 0; first < rows * columns; first += lanes) {
    Value vector = sumEach(b, Values(sums.slice(first, lanes)));
    for (int64_t i = first; i < first + lanes; i += run) {
      SmallVector<int64_t> order;
      for (int64_t lane = i - first; lane < i - first + run; ++lane)
        order.push_back(lane);
      Value part = run == lanes ? vector : picked(b, vector, vector, order);
      Value at = b.add(b.mul(in.cRowStride, i / columns), i % columns);
      Value pointer = b.at(in.c, b.getF32Type(), b.add(at, column));
      b.ifElse(
          in.accumulate, {},
          [&] {
            b.store(b.addF(b.load(runType, pointer), part), pointer);
            return Values();
          },
          [&] {
            b.store(part, pointer);
            return Values();
          });
    }
  }
}

void Tile::emit(Value column) {
  Values aRows, bRows;
  for (int64_t row = 0; row < rows; ++row)
    aRows.push_back(b.at(in.a, b.getF32Type(), b.mul(in.aRowStride, row)));
  // Behind the last row of B there is none to read.
  Value last = b.sub(in.columns, b.constant(1));
  for (int64_t row = 0; row < columns; ++row)
    bRows.push_back(
        b.at(in.b, in.bElement,
             b.mul(b.min(b.add(column, row), last), in.bRowStride)));
  store(products(aRows, bRows), column);
}

func::FuncOp getDotFunction(ModuleOp module, KernelBuilder &b, Type element,
                            int64_t rows) {
  const int64_t columns = sumsOf(b.variant) / rows;
  std::string name;
  llvm::raw_string_ostream(name) << "dure_dot_" << element << "_" << rows;
  Type ptr = b.ptrType(), i64 = b.getI64Type();
  // a and its stride, b and its stride, k, columns, c and its stride, and
  // whether to add.
  return b.getOrCreateFunction(
      module, name, {ptr, i64, ptr, i64, i64, i64, ptr, i64, b.getI1Type()},
      [&](ValueRange args) {
        DotOperands in;
        in.a = args[0];
        in.aRowStride = args[1];
        in.bElement = element;
        in.b = args[2];
        in.bRowStride = args[3];
        in.k = args[4];
        in.columns = args[5];
        in.c = args[6];
        in.cRowStride = args[7];
        in.accumulate = args[8];
        Tile tile{b, in, rows, columns, TileShape(b.variant).lanes};
        b.forEach(b.constant(0), in.columns, columns,
                  [&](Value column) { tile.emit(column); });
      });
}

} // namespace

void callDotRows(ModuleOp module, KernelBuilder &b, const DotOperands &in) {
  Type f32 = b.getF32Type();
  // Whole tiles, then what is left in ever smaller ones.
  Value first = b.constant(0);
  for (int64_t rows = sumsOf(b.variant) / 2; rows > 0; rows /= 2) {
    func::FuncOp dot = getDotFunction(module, b, in.bElement, rows);
    Value count = b.div(b.sub(in.rows, first), b.constant(rows));
    Value end = b.add(first, b.mul(count, rows));
    b.forEach(first, end, rows, [&](Value row) {
      b.call(dot, {b.at(in.a, f32, b.mul(row, in.aRowStride)), in.aRowStride,
                   in.b, in.bRowStride, in.k, in.columns,
                   b.at(in.c, f32, b.mul(row, in.cRowStride)), in.cRowStride,
                   in.accumulate});
    });
    first = end;
  }
}

} // namespace dure::cpu
