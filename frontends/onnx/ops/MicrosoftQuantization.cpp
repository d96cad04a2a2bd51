// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Quantized weights of the domain com.microsoft: MatMulNBits,
// GatherBlockQuantized, DynamicQuantizeMatMul.

#include "frontends/onnx/ops/PackedNumbers.h"
#include "frontends/onnx/ops/Products.h"

using namespace mlir;

namespace dure::onnx {

/// [rows, bytes] of u8 as [rows, 2 bytes] of 4 bits each in a u8, the low half
/// of a byte first.
static Value unpacked(OpImport &C, Value Bytes) {
  if (!Bytes)
    return {};
  Dims S = dimsOf(typeOf(Bytes)), Pair = {S[0], S[1], DimExpr(1)};
  Value Low = C.create<AndOp>({Bytes, C.scalarLike(Bytes, 15)});
  Value High = C.create<ShiftRightOp>({Bytes, C.scalarLike(Bytes, 4)});
  Value Both = C.create<ConcatOp>({C.reshape(Low, Pair), C.reshape(High, Pair)},
                                  {C.named("axis", int64_t(2))});
  return C.reshape(Both, {S[0], S[1] * DimExpr(2)});
}

Value packedInput(OpImport &C, unsigned I, int64_t Rows, int64_t Columns,
                  int64_t Bits, bool InPlace) {
  Value X = C.in(I);
  if (!X)
    return {};
  int64_t PerByte = 8 / Bits;
  if (!elementOf(X).isUnsignedInteger(8))
    return C.refuse(RefusalCode::OperandsBad,
                    {"input " + std::to_string(I) + " must be uint8"});
  if (!C.equal(countOf(dimsOf(typeOf(X))), DimExpr(Rows * (Columns / PerByte))))
    return {};
  if (Bits == 8)
    return C.reshape(X, {DimExpr(Rows), DimExpr(Columns)});
  if (const Tensor *Stored = C.initializer(I); Stored && InPlace) {
    Tensor Nibbles = *Stored;
    Nibbles.Type = DataType::UInt4;
    Nibbles.Dims = {Rows, Columns};
    Nibbles.ElementCount = static_cast<uint64_t>(Rows * Columns);
    return C.tensor(Nibbles, std::string(Stored->Name) + ".uint4");
  }
  return unpacked(C, C.reshape(X, {DimExpr(Rows), DimExpr(Columns / 2)}));
}

Value firstColumns(OpImport &C, Value X, int64_t Columns) {
  if (!X || dimOf(typeOf(X), 1).isConstant(Columns))
    return X;
  DimExpr Zero(0);
  return C.create<SliceOp>(
      {X}, {C.named("starts", Dims{Zero, Zero}),
            C.named("sizes", Dims{dimOf(typeOf(X), 0), DimExpr(Columns)}),
            C.named("steps", ArrayRef<int64_t>{1, 1})});
}

namespace {
struct NBits {
  int64_t K, N, Bits, Block;
  int64_t Blocks; ///< Of a row.
};
} // namespace

static std::optional<NBits> nBits(OpImport &C) {
  NBits A;
  A.K = C.intAttr("K", 0);
  A.N = C.intAttr("N", 0);
  A.Bits = C.intAttr("bits", 4);
  A.Block = C.intAttr("block_size", 0);
  C.intAttr("accuracy_level", 0); // How little may be enough; more is fine.
  // Rows times a row in whole blocks fits 64 bits.
  constexpr int64_t Most = int64_t(1) << 30;
  if (A.K < 1 || A.N < 1 || A.K > Most || A.N > Most)
    return C.refuse(RefusalCode::AttributeBad, {"K", "and N must be positive"});
  if (A.Bits != 4 && A.Bits != 8)
    return C.refuse(RefusalCode::AttributeBad, {"bits", "must be 4 or 8"});
  if (A.Block < 16 || A.Block > Most || (A.Block & (A.Block - 1)) != 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"block_size", "must be a power of 2 from 16 on"});
  A.Blocks = (A.K + A.Block - 1) / A.Block;
  return A;
}

/// Whether dure.dequantize reads weights and zero points as the model stores
/// them: both are stored, no bits are left over behind a row's zero points, and
/// no group index or zero point of its own type asks for other arithmetic.
static bool readsInPlace(OpImport &C, const NBits &A) {
  if (!C.initializer(1) || C.has(4))
    return false;
  if (!C.has(3))
    return true;
  bool IsPacked = C.in(3) && !isa<FloatType>(elementOf(C.in(3)));
  return IsPacked && C.initializer(3) && A.Blocks % 2 == 0;
}

/// Zero points [N, blocks]: packed like the weights, or numbers of the scales'
/// type, or half of the range.
static Value zeroPoints(OpImport &C, const NBits &A, Value Weights, Value Scale,
                        bool InPlace) {
  DimExpr N(A.N), Blocks(A.Blocks);
  if (!C.has(3)) {
    Value Middle = C.scalarLike(Weights, A.Bits == 4 ? 8 : 128);
    return Middle ? C.broadcast(Middle, {N, Blocks}) : Value();
  }
  Value Given = C.in(3);
  if (!Given)
    return {};
  if (isa<FloatType>(elementOf(Given)))
    return C.cast(C.reshape(Given, {N, Blocks}), elementOf(Scale));
  int64_t PerByte = 8 / A.Bits;
  int64_t Padded = (A.Blocks + PerByte - 1) / PerByte * PerByte;
  return firstColumns(C, packedInput(C, 3, A.N, Padded, A.Bits, InPlace),
                      A.Blocks);
}

/// y = a w^T (+ bias), w [N, K] in blocks along K of 4 or 8 bits
static LogicalResult importMatMulNBits(OpImport &C) {
  std::optional<NBits> A = nBits(C);
  Value X = C.in(0), Scale = C.in(2);
  if (!A || !X || !Scale)
    return failure();
  DimExpr N(A->N), K(A->K);
  Scale = C.reshape(Scale, {N, DimExpr(A->Blocks)});
  bool InPlace = readsInPlace(C, *A);
  Value W = packedInput(C, 1, A->N, A->Blocks * A->Block, A->Bits, InPlace);
  if (!Scale || !W)
    return failure();
  Value Zero = zeroPoints(C, *A, W, Scale, InPlace);
  if (!Zero)
    return failure();
  W = firstColumns(C, W, A->K);
  bool HasOrder = C.has(4), IsFloat = isa<FloatType>(elementOf(Zero));
  if (!HasOrder && !IsFloat) {
    W = C.create<DequantizeOp>({W, Scale, Zero}, {C.named("axis", int64_t(1)),
                                                  C.named("block", A->Block)});
  } else {
    // Each column names its group, or belongs to the one it lies in.
    Value Group =
        HasOrder ? C.in(4)
                 : C.create<DivOp>(
                       {C.iota({K}, 0), C.integers({DimExpr(A->Block)}, true)});
    if (!Group || rankOf(Group) != 1 || !C.equal(dimOf(typeOf(Group), 0), K))
      return C.refuse(RefusalCode::ShapeRank, {"g_idx must have K numbers"});
    NamedAttribute Columns = C.named("axis", int64_t(1));
    Value S = C.create<GatherOp>({Scale, Group}, {Columns});
    Value Z = C.create<GatherOp>({Zero, Group}, {Columns});
    Type Wide = C.builder().getF32Type();
    Value Difference = C.create<SubOp>({C.cast(W, Wide), C.cast(Z, Wide)});
    W = C.cast(C.create<MulOp>({Difference, C.cast(S, Wide)}),
               elementOf(Scale));
  }
  W = C.cast(W, elementOf(X));
  // A vector is one row.
  bool IsRow = rankOf(X) == 1;
  if (IsRow)
    X = C.reshape(X, {DimExpr(1), dimOf(typeOf(X), 0)});
  Value Y = C.create<MatMulOp>({X, W}, {C.named("transpose_rhs", true)});
  if (IsRow)
    Y = C.reshape(Y, {N});
  if (C.has(5))
    Y = C.create<AddOp>({Y, C.in(5)});
  return C.result(Y);
}

//===----------------------------------------------------------------------===//
// GatherBlockQuantized
//===----------------------------------------------------------------------===//

/// Rows of a tensor of bytes that hold `Bits` each, as numbers of a byte each.
static Value gatheredRows(OpImport &C, Value X, Value Indices, int64_t Bits) {
  Value Rows = C.create<GatherOp>({X, Indices}, {C.named("axis", int64_t(0))});
  if (!Rows || Bits == 8)
    return Rows;
  Dims Shape = dimsOf(typeOf(Rows));
  DimExpr Last = Shape.back();
  ArrayRef<DimExpr> Outer = ArrayRef(Shape).drop_back();
  Value Y = unpacked(C, C.reshape(Rows, {countOf(Outer), Last}));
  Shape.back() = Last * DimExpr(2);
  return C.reshape(Y, Shape);
}

/// y = rows of a table of 4 or 8 bits in blocks, dequantized
static LogicalResult importGatherBlockQuantized(OpImport &C) {
  Value X = C.in(0), Indices = C.in(1), Scale = C.in(2);
  int64_t Bits = C.intAttr("bits", 4), Block = C.intAttr("block_size", 128);
  int64_t Given = C.intAttr("quantize_axis", 1);
  int64_t GivenRows = C.intAttr("gather_axis", 0);
  if (!X || !Indices || !Scale)
    return failure();
  auto Axis = C.axis(Given, rankOf(X)), Rows = C.axis(GivenRows, rankOf(X));
  if (!Axis || !Rows)
    return failure();
  if (Block < 16 || (Block & (Block - 1)) != 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"block_size", "must be a power of 2 from 16 on"});
  bool IsPacked = elementOf(X).isUnsignedInteger(8);
  if (!IsPacked) { // Integers of 4 bits are a type of their own.
    SmallVector<Value> Operands = {X, Scale};
    if (C.has(3))
      Operands.push_back(C.in(3));
    Value Y = C.create<DequantizeOp>(
        Operands, {C.named("axis", *Axis), C.named("block", Block)});
    return C.result(C.create<GatherOp>({Y, Indices}, {C.named("axis", *Rows)}));
  }
  if (Bits != 4 && Bits != 8)
    return C.refuse(RefusalCode::AttributeBad, {"bits", "must be 4 or 8"});
  if (*Rows != 0 || *Axis != rankOf(X) - 1 || rankOf(X) < 2)
    return C.refuse(RefusalCode::FormUnsupported,
                    {"bytes that are not gathered along the first axis and "
                     "quantized along the last"});
  Value Numbers = gatheredRows(C, X, Indices, Bits);
  Value Scales =
      C.create<GatherOp>({Scale, Indices}, {C.named("axis", int64_t(0))});
  if (!Numbers || !Scales)
    return failure();
  Value Zero;
  if (C.has(3)) {
    Zero = gatheredRows(C, C.in(3), Indices, Bits);
    if (!Zero)
      return failure();
    // A row's last byte may hold more than there are blocks.
    Dims Sizes = dimsOf(typeOf(Zero)), Starts(Sizes.size(), DimExpr(0));
    DimExpr Blocks = dimOf(typeOf(Scales), rankOf(Scales) - 1);
    if (rankOf(Zero) == rankOf(Scales) && Sizes.back() != Blocks) {
      SmallVector<int64_t> Steps(Sizes.size(), 1);
      Sizes.back() = Blocks;
      Zero = C.create<SliceOp>(
          {Zero}, {C.named("starts", Starts), C.named("sizes", Sizes),
                   C.named("steps", ArrayRef<int64_t>(Steps))});
    }
  } else {
    Zero = C.broadcast(C.scalarLike(Numbers, Bits == 4 ? 8 : 128),
                       dimsOf(typeOf(Scales)));
  }
  return C.result(C.create<DequantizeOp>(
      {Numbers, Scales, Zero},
      {C.named("axis", rankOf(Numbers) - 1), C.named("block", Block)}));
}

//===----------------------------------------------------------------------===//
// DynamicQuantizeMatMul
//===----------------------------------------------------------------------===//

/// y = (a in 8 bits - its zero) (b - its zero) * both scales (+ bias); scale
/// and zero point of b may be one for each column
static LogicalResult importDynamicQuantizeMatMul(OpImport &C) {
  Value B = C.in(1), Scale = C.in(2);
  Quantized A = dynamicallyQuantized(C, C.in(0));
  if (!A.Numbers || !B || !Scale)
    return failure();
  if (rankOf(A.Numbers) < 1 || rankOf(B) < 2)
    return C.refuse(RefusalCode::ShapeRank, {"it needs rank 2 at least"});
  Type I32 = C.builder().getI32Type();
  int64_t Column = rankOf(B) - 1;
  Value Left = C.create<SubOp>({C.cast(A.Numbers, I32), C.cast(A.Zero, I32)});
  Value Right = centered(C, 1, 3, Column);
  Value Y = matMul(C, Left, Right);
  if (!Y)
    return failure();
  Value Factor =
      C.create<MulOp>({A.Scale, alongAxis(C, Scale, rankOf(Y), rankOf(Y) - 1)});
  Y = C.create<MulOp>({C.cast(Y, C.builder().getF32Type()), Factor});
  if (C.has(4))
    Y = C.create<AddOp>({Y, C.in(4)});
  return C.result(Y);
}

ArrayRef<OpEntry> microsoftQuantizationOps() {
  constexpr const char *Domain = "com.microsoft";
  static const OpEntry Table[] = {
      {"MatMulNBits", {1}, 3, 6, importMatMulNBits, Domain},
      {"GatherBlockQuantized", {1}, 3, 4, importGatherBlockQuantized, Domain},
      {"DynamicQuantizeMatMul", {1}, 3, 5, importDynamicQuantizeMatMul, Domain},
  };
  return Table;
}

} // namespace dure::onnx
