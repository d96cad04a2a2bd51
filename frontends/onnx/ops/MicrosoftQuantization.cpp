// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights in few bits of the domain com.microsoft: MatMulNBits.

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

/// Input `I`, bytes of packed numbers, as [Rows, Columns] of them. What the
/// model stores is read in place if asked for: its bytes are those of the
/// standard's uint4, which only dure.dequantize reads.
static Value packedInput(OpImport &C, unsigned I, int64_t Rows, int64_t Columns,
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

/// The first `Columns` of a matrix's columns.
static Value firstColumns(OpImport &C, Value X, int64_t Columns) {
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
  constexpr int64_t Most = int64_t(1) << 31;
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

ArrayRef<OpEntry> microsoftQuantizationOps() {
  static const OpEntry Table[] = {
      {"MatMulNBits", {1}, 3, 6, importMatMulNBits, "com.microsoft"},
  };
  return Table;
}

} // namespace dure::onnx
