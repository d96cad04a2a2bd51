// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Result types of dure ops: the shape rule of each op, once. Verification of
// these ops is the same code: a result must be compatible with what is
// inferred.
#include "dialects/dure/SizeRules.h"

#include "llvm/ADT/SmallSet.h"

#include <cmath>

using namespace mlir;
using namespace dure;

namespace {

using Where = std::optional<Location>;
using Types = SmallVectorImpl<Type>;

RankedTensorType typeOf(Value V) { return cast<RankedTensorType>(V.getType()); }

/// A refusal: `emitOptionalError` that reads like a return value.
template <typename... Args> LogicalResult refuse(Where Loc, Args &&...Parts) {
  return emitOptionalError(Loc, std::forward<Args>(Parts)...);
}

/// Broadcasts all operand shapes together.
FailureOr<SmallVector<DimExpr>> broadcastAll(Where Loc, ValueRange Operands) {
  SmallVector<DimExpr> Dims;
  for (Value Operand : Operands) {
    auto Joined = broadcastDims(Dims, dimsOf(typeOf(Operand)));
    if (failed(Joined)) {
      (void)refuse(Loc, "shapes do not broadcast: operand of type ",
                   Operand.getType(), " meets ",
                   tensorOf(Dims, typeOf(Operand).getElementType()));
      return failure();
    }
    Dims = *Joined;
  }
  return Dims;
}

/// Elementwise: broadcast shape, the given element type.
LogicalResult inferElementwise(Where Loc, ValueRange Operands, Type Element,
                               Types &Out) {
  FailureOr<SmallVector<DimExpr>> Dims = broadcastAll(Loc, Operands);
  if (failed(Dims))
    return failure();
  Out.push_back(tensorOf(*Dims, Element));
  return success();
}

LogicalResult inferSameType(Where Loc, Value L, Value R, Types &Out) {
  if (typeOf(L).getElementType() != typeOf(R).getElementType())
    return refuse(Loc, "operands have different element types, ",
                  typeOf(L).getElementType(), " and ",
                  typeOf(R).getElementType());
  return inferElementwise(Loc, {L, R}, typeOf(L).getElementType(), Out);
}

LogicalResult checkAxis(Where Loc, int64_t Axis, RankedTensorType Type) {
  if (Axis >= 0 && Axis < Type.getRank())
    return success();
  return refuse(Loc, "axis ", Axis, " is outside a tensor of rank ",
                Type.getRank());
}

/// Sizes that are both known must agree; unlike symbols are left to run time.
template <typename AdaptorTy> LogicalResult checkSizes(Where Loc, AdaptorTy A) {
  SizeRules Rules;
  addRules(A, Rules);
  std::optional<SizeRule> Broken = Rules.broken();
  if (!Broken)
    return success();
  std::string Types;
  llvm::raw_string_ostream Out(Types);
  llvm::interleaveComma(A.getOperands().getTypes(), Out);
  return refuse(Loc, SizeRules::message(*Broken), "; operands are ", Types);
}

/// Checks the sizes and gives the result.
template <typename AdaptorTy>
LogicalResult give(Where Loc, AdaptorTy A, RankedTensorType Type, Types &Out) {
  Out.push_back(Type);
  return checkSizes(Loc, A);
}

bool isFloat(Value V) { return isa<FloatType>(typeOf(V).getElementType()); }
bool isInteger(Value V) { return isa<IntegerType>(typeOf(V).getElementType()); }
bool isBool(Value V) { return typeOf(V).getElementType().isInteger(1); }
bool isIndex(Value V) { return isInteger(V) && !isBool(V); }

} // namespace

/// Two result types are compatible when they could describe one tensor:
/// encodings may differ while passes refine them.
static bool compatible(TypeRange L, TypeRange R) {
  if (L.size() != R.size())
    return false;
  for (auto [A, B] : llvm::zip(L, R)) {
    auto Left = dyn_cast<RankedTensorType>(A);
    auto Right = dyn_cast<RankedTensorType>(B);
    if (!Left || !Right || Left.getElementType() != Right.getElementType() ||
        failed(verifyCompatibleShape(Left.getShape(), Right.getShape())))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

#define DURE_COMPATIBLE(OP)                                                    \
  bool OP::isCompatibleReturnTypes(TypeRange L, TypeRange R) {                 \
    return compatible(L, R);                                                   \
  }

// One operand, the same type; `REQUIRES` says what the element type must be.
#define DURE_INFER_UNARY(OP, REQUIRES, WHAT)                                   \
  DURE_COMPATIBLE(OP)                                                          \
  LogicalResult OP::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,      \
                                     Types &Out) {                             \
    if (!(REQUIRES))                                                           \
      return refuse(Loc, "needs " WHAT " elements, got ", A.getX().getType()); \
    Out.push_back(A.getX().getType());                                         \
    return success();                                                          \
  }

#define DURE_INFER_FLOAT_UNARY(OP)                                             \
  DURE_INFER_UNARY(OP, isFloat(A.getX()), "floating point")

DURE_INFER_UNARY(AbsOp, true, "")
DURE_INFER_UNARY(NegOp, true, "")
DURE_INFER_UNARY(SignOp, true, "")
DURE_INFER_UNARY(ReluOp, true, "")
DURE_INFER_UNARY(NotOp, isInteger(A.getX()), "integer or i1")
DURE_INFER_FLOAT_UNARY(ExpOp)
DURE_INFER_FLOAT_UNARY(LogOp)
DURE_INFER_FLOAT_UNARY(SqrtOp)
DURE_INFER_FLOAT_UNARY(RsqrtOp)
DURE_INFER_FLOAT_UNARY(ReciprocalOp)
DURE_INFER_FLOAT_UNARY(SigmoidOp)
DURE_INFER_FLOAT_UNARY(TanhOp)
DURE_INFER_FLOAT_UNARY(ErfOp)
DURE_INFER_FLOAT_UNARY(SinOp)
DURE_INFER_FLOAT_UNARY(CosOp)
DURE_INFER_FLOAT_UNARY(AtanOp)
DURE_INFER_FLOAT_UNARY(FloorOp)
DURE_INFER_FLOAT_UNARY(CeilOp)
DURE_INFER_FLOAT_UNARY(RoundOp)
DURE_INFER_FLOAT_UNARY(SiluOp)
DURE_INFER_FLOAT_UNARY(SoftplusOp)
DURE_INFER_FLOAT_UNARY(GeluOp)

#define DURE_INFER_FLOAT_TEST(OP)                                              \
  DURE_COMPATIBLE(OP)                                                          \
  LogicalResult OP::inferReturnTypes(MLIRContext *Context, Where Loc,          \
                                     Adaptor A, Types &Out) {                  \
    if (!isFloat(A.getX()))                                                    \
      return refuse(Loc, "needs floating point elements, got ",                \
                    A.getX().getType());                                       \
    Out.push_back(                                                             \
        withElementType(typeOf(A.getX()), IntegerType::get(Context, 1)));      \
    return success();                                                          \
  }

DURE_INFER_FLOAT_TEST(IsNaNOp)
DURE_INFER_FLOAT_TEST(IsInfOp)

DURE_COMPATIBLE(CastOp)
LogicalResult CastOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                       Types &Out) {
  if (!isDureElement(A.getTo()))
    return refuse(Loc, "cannot cast to ", A.getTo());
  Out.push_back(withElementType(typeOf(A.getX()), A.getTo()));
  return success();
}

/// i1 is kept in a byte.
static unsigned storedWidth(Type Element) {
  return Element.isInteger(1) ? 8 : Element.getIntOrFloatBitWidth();
}

DURE_COMPATIBLE(BitcastOp)
LogicalResult BitcastOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                          Types &Out) {
  Type From = typeOf(A.getX()).getElementType(), To = A.getTo();
  if (!isDureElement(To) || storedWidth(From) != storedWidth(To))
    return refuse(Loc, "cannot read the bits of ", From, " as ", To);
  Out.push_back(withElementType(typeOf(A.getX()), To));
  return success();
}

#define DURE_INFER_BINARY(OP)                                                  \
  DURE_COMPATIBLE(OP)                                                          \
  LogicalResult OP::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,      \
                                     Types &Out) {                             \
    return inferSameType(Loc, A.getLhs(), A.getRhs(), Out);                    \
  }

DURE_INFER_BINARY(AddOp)
DURE_INFER_BINARY(SubOp)
DURE_INFER_BINARY(MulOp)
DURE_INFER_BINARY(DivOp)
DURE_INFER_BINARY(MinOp)
DURE_INFER_BINARY(MaxOp)
DURE_INFER_BINARY(ModOp)

#define DURE_INFER_INTEGER_BINARY(OP)                                          \
  DURE_COMPATIBLE(OP)                                                          \
  LogicalResult OP::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,      \
                                     Types &Out) {                             \
    if (!isInteger(A.getLhs()))                                                \
      return refuse(Loc, "needs integer or i1 elements, got ",                 \
                    A.getLhs().getType());                                     \
    return inferSameType(Loc, A.getLhs(), A.getRhs(), Out);                    \
  }

DURE_INFER_INTEGER_BINARY(AndOp)
DURE_INFER_INTEGER_BINARY(OrOp)
DURE_INFER_INTEGER_BINARY(XorOp)
DURE_INFER_INTEGER_BINARY(ShiftLeftOp)
DURE_INFER_INTEGER_BINARY(ShiftRightOp)

DURE_COMPATIBLE(PowOp)
LogicalResult PowOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                      Types &Out) {
  if (isBool(A.getLhs()) || isBool(A.getRhs()))
    return refuse(Loc, "needs numbers, got ", A.getLhs().getType(), " and ",
                  A.getRhs().getType());
  return inferElementwise(Loc, A.getOperands(),
                          typeOf(A.getLhs()).getElementType(), Out);
}

DURE_COMPATIBLE(CompareOp)
LogicalResult CompareOp::inferReturnTypes(MLIRContext *Context, Where Loc,
                                          Adaptor A, Types &Out) {
  if (failed(inferSameType(Loc, A.getLhs(), A.getRhs(), Out)))
    return failure();
  Out[0] = withElementType(cast<RankedTensorType>(Out[0]),
                           IntegerType::get(Context, 1));
  return success();
}

DURE_COMPATIBLE(SelectOp)
LogicalResult SelectOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                         Types &Out) {
  if (!typeOf(A.getCondition()).getElementType().isInteger(1))
    return refuse(Loc, "the condition must be i1, got ",
                  A.getCondition().getType());
  Type Element = typeOf(A.getOnTrue()).getElementType();
  if (Element != typeOf(A.getOnFalse()).getElementType())
    return refuse(Loc, "alternatives have different element types, ", Element,
                  " and ", typeOf(A.getOnFalse()).getElementType());
  return inferElementwise(Loc, A.getOperands(), Element, Out);
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

DURE_COMPATIBLE(TransposeOp)
LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                            Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  ArrayRef<int64_t> Permutation = A.getPermutation();
  llvm::SmallSet<int64_t, 8> Seen;
  SmallVector<DimExpr> Dims;
  for (int64_t From : Permutation) {
    if (From < 0 || From >= X.getRank() || !Seen.insert(From).second)
      return refuse(Loc, "not a permutation of ", X.getRank(), " dimensions");
    Dims.push_back(dimOf(X, From));
  }
  if (static_cast<int64_t>(Dims.size()) != X.getRank())
    return refuse(Loc, "permutation of ", Dims.size(),
                  " dimensions for a tensor of rank ", X.getRank());
  Out.push_back(tensorOf(Dims, X.getElementType()));
  return success();
}

/// What a slice reads of a dimension, as far as constants say.
static bool isInside(const DimExpr &Dim, const DimExpr &Start,
                     const DimExpr &Size, int64_t Step) {
  std::optional<int64_t> D = Dim.constant(), S = Start.constant(),
                         N = Size.constant();
  if (N && *N < 0)
    return false;
  if (!N || *N == 0 || !S)
    return true;
  int64_t Last;
  if (__builtin_mul_overflow(*N - 1, Step, &Last) ||
      __builtin_add_overflow(Last, *S, &Last))
    return false;
  return *S >= 0 && Last >= 0 && (!D || (*S < *D && Last < *D));
}

DURE_COMPATIBLE(SliceOp)
LogicalResult SliceOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                        Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  size_t Rank = X.getRank();
  if (A.getStarts().size() != Rank || A.getSizes().size() != Rank ||
      A.getSteps().size() != Rank)
    return refuse(Loc,
                  "starts, sizes and steps must have one entry for each "
                  "of the ",
                  Rank, " dimensions");
  if (llvm::is_contained(A.getSteps(), 0))
    return refuse(Loc, "a step is 0");
  for (size_t I = 0; I < Rank; ++I)
    if (!isInside(dimOf(X, I), A.getStarts().expr(I), A.getSizes().expr(I),
                  A.getSteps()[I]))
      return refuse(Loc, "reads ", A.getSizes().expr(I).str(), " from ",
                    A.getStarts().expr(I).str(), " on by steps of ",
                    A.getSteps()[I], ", which dimension ", I, " of ", X,
                    " does not hold");
  Out.push_back(tensorOf(A.getSizes().exprs(), X.getElementType()));
  return success();
}

DURE_COMPATIBLE(ConcatOp)
LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                         Types &Out) {
  if (A.getXs().empty())
    return refuse(Loc, "nothing to concatenate");
  RankedTensorType First = typeOf(A.getXs().front());
  int64_t Axis = A.getAxis();
  if (failed(checkAxis(Loc, Axis, First)))
    return failure();
  SmallVector<DimExpr> Dims = dimsOf(First);
  for (Value X : A.getXs().drop_front()) {
    RankedTensorType Type = typeOf(X);
    if (Type.getRank() != First.getRank() ||
        Type.getElementType() != First.getElementType())
      return refuse(Loc, "cannot concatenate ", First, " and ", Type);
    for (int64_t I = 0; I < First.getRank(); ++I) {
      DimExpr Dim = dimOf(Type, I);
      if (I == Axis)
        Dims[I] = Dims[I] + Dim;
      else if (!Dims[I].constant() && Dim.constant())
        Dims[I] = Dim;
      else if (Dims[I].constant() && Dim.constant() && Dims[I] != Dim)
        return refuse(Loc, "cannot concatenate ", First, " and ", Type,
                      " along axis ", Axis);
    }
  }
  Out.push_back(tensorOf(Dims, First.getElementType()));
  return success();
}

DURE_COMPATIBLE(PadOp)
LogicalResult PadOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                      Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  size_t Rank = X.getRank();
  if (A.getLow().size() != Rank || A.getHigh().size() != Rank)
    return refuse(Loc, "padding must have one entry for each of the ", Rank,
                  " dimensions");
  if (Value Given = A.getValue()) {
    RankedTensorType Type = typeOf(Given);
    if (Type.getElementType() != X.getElementType() || !Type.hasStaticShape() ||
        Type.getNumElements() != 1)
      return refuse(Loc, "the padding value must be one element of type ",
                    X.getElementType(), ", got ", Type);
  }
  SmallVector<DimExpr> Dims;
  for (size_t I = 0; I < Rank; ++I)
    Dims.push_back(dimOf(X, I) + A.getLow().expr(I) + A.getHigh().expr(I));
  Out.push_back(tensorOf(Dims, X.getElementType()));
  return success();
}

DURE_COMPATIBLE(GatherOp)
LogicalResult GatherOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                         Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  if (failed(checkAxis(Loc, A.getAxis(), X)))
    return failure();
  if (!isIndex(A.getIndices()))
    return refuse(Loc, "indices must be integers");
  SmallVector<DimExpr> Dims = dimsOf(X), Rows = dimsOf(typeOf(A.getIndices()));
  auto At = Dims.erase(Dims.begin() + A.getAxis());
  Dims.insert(At, Rows.begin(), Rows.end());
  Out.push_back(tensorOf(Dims, X.getElementType()));
  return success();
}

DURE_COMPATIBLE(GatherElementsOp)
LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *, Where Loc,
                                                 Adaptor A, Types &Out) {
  RankedTensorType X = typeOf(A.getX()), Indices = typeOf(A.getIndices());
  if (failed(checkAxis(Loc, A.getAxis(), X)))
    return failure();
  if (!isIndex(A.getIndices()) || Indices.getRank() != X.getRank())
    return refuse(Loc, "indices must be integers of rank ", X.getRank());
  return give(Loc, A, withElementType(Indices, X.getElementType()), Out);
}

/// The shape that the last dimension of `Indices` leaves of `X` at each tuple.
static LogicalResult dimsBehindTuple(Where Loc, RankedTensorType X,
                                     RankedTensorType Indices,
                                     int64_t BatchDims,
                                     SmallVectorImpl<DimExpr> &Out) {
  if (Indices.getRank() < 1 || Indices.isDynamicDim(Indices.getRank() - 1))
    return refuse(Loc, "the last dimension of the indices must be static");
  int64_t Tuple = Indices.getDimSize(Indices.getRank() - 1);
  if (BatchDims < 0 || BatchDims >= Indices.getRank() ||
      BatchDims + Tuple > X.getRank())
    return refuse(Loc, "index tuples of ", Tuple, " behind ", BatchDims,
                  " batch dimensions do not fit a tensor of rank ",
                  X.getRank());
  for (int64_t I = BatchDims + Tuple; I < X.getRank(); ++I)
    Out.push_back(dimOf(X, I));
  return success();
}

DURE_COMPATIBLE(GatherNDOp)
LogicalResult GatherNDOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                           Types &Out) {
  RankedTensorType X = typeOf(A.getX()), Indices = typeOf(A.getIndices());
  SmallVector<DimExpr> Dims = dimsOf(Indices), Inner;
  if (!isIndex(A.getIndices()))
    return refuse(Loc, "indices must be integers");
  if (failed(dimsBehindTuple(Loc, X, Indices, A.getBatchDims(), Inner)))
    return failure();
  Dims.pop_back();
  Dims.append(Inner);
  return give(Loc, A, tensorOf(Dims, X.getElementType()), Out);
}

DURE_COMPATIBLE(ScatterNDOp)
LogicalResult ScatterNDOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                            Types &Out) {
  RankedTensorType X = typeOf(A.getX()), Updates = typeOf(A.getUpdates());
  SmallVector<DimExpr> Inner;
  if (!isIndex(A.getIndices()))
    return refuse(Loc, "indices must be integers");
  if (failed(dimsBehindTuple(Loc, X, typeOf(A.getIndices()), 0, Inner)))
    return failure();
  int64_t Rank = typeOf(A.getIndices()).getRank() - 1 + Inner.size();
  if (Updates.getRank() != Rank ||
      Updates.getElementType() != X.getElementType())
    return refuse(Loc, "updates of type ", Updates, " do not fit ", X);
  return give(Loc, A, X, Out);
}

DURE_COMPATIBLE(ScatterElementsOp)
LogicalResult ScatterElementsOp::inferReturnTypes(MLIRContext *, Where Loc,
                                                  Adaptor A, Types &Out) {
  RankedTensorType X = typeOf(A.getX()), Indices = typeOf(A.getIndices());
  if (failed(checkAxis(Loc, A.getAxis(), X)))
    return failure();
  if (!isIndex(A.getIndices()) || Indices.getRank() != X.getRank() ||
      typeOf(A.getUpdates()).getRank() != X.getRank() ||
      typeOf(A.getUpdates()).getElementType() != X.getElementType())
    return refuse(Loc, "indices ", Indices, " and updates ",
                  A.getUpdates().getType(), " do not fit ", X);
  return give(Loc, A, X, Out);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

DURE_COMPATIBLE(ReduceOp)
LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                         Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  int64_t Last = -1;
  for (int64_t Axis : A.getAxes()) {
    if (failed(checkAxis(Loc, Axis, X)))
      return failure();
    if (Axis <= Last)
      return refuse(Loc, "axes must be sorted and unique");
    Last = Axis;
  }
  SmallVector<DimExpr> Dims;
  for (int64_t I = 0; I < X.getRank(); ++I) {
    if (!llvm::is_contained(A.getAxes(), I))
      Dims.push_back(dimOf(X, I));
    else if (A.getKeepDims())
      Dims.push_back(DimExpr(1));
  }
  Out.push_back(tensorOf(Dims, X.getElementType()));
  return success();
}

#define DURE_INFER_ALONG_AXIS(OP, REQUIRES)                                    \
  DURE_COMPATIBLE(OP)                                                          \
  LogicalResult OP::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,      \
                                     Types &Out) {                             \
    if (!(REQUIRES))                                                           \
      return refuse(Loc, "needs floating point elements, got ",                \
                    A.getX().getType());                                       \
    Out.push_back(A.getX().getType());                                         \
    return checkAxis(Loc, A.getAxis(), typeOf(A.getX()));                      \
  }

DURE_INFER_ALONG_AXIS(SoftmaxOp, isFloat(A.getX()))
DURE_INFER_ALONG_AXIS(CumSumOp, true)
DURE_INFER_ALONG_AXIS(CumProdOp, true)

DURE_COMPATIBLE(TopKOp)
LogicalResult TopKOp::inferReturnTypes(MLIRContext *Context, Where Loc,
                                       Adaptor A, Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  if (failed(checkAxis(Loc, A.getAxis(), X)))
    return failure();
  if (isBool(A.getX()))
    return refuse(Loc, "needs numbers, got ", X);
  if (A.getK().size() != 1)
    return refuse(Loc, "k must be one expression");
  SmallVector<DimExpr> Dims = dimsOf(X);
  DimExpr K = A.getK().expr(0);
  if (K.constant() && *K.constant() < 0)
    return refuse(Loc, "k is negative");
  Dims[A.getAxis()] = K;
  return give(Loc, A, tensorOf(Dims, IntegerType::get(Context, 64)), Out);
}

//===----------------------------------------------------------------------===//
// Transformer operations
//===----------------------------------------------------------------------===//

DURE_COMPATIBLE(MatMulOp)
LogicalResult MatMulOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                         Types &Out) {
  RankedTensorType L = typeOf(A.getLhs()), R = typeOf(A.getRhs());
  if (L.getRank() < 2 || R.getRank() < 2)
    return refuse(Loc, "operands must have rank 2 at least, got ", L, " and ",
                  R);
  if (L.getElementType() != R.getElementType() || isBool(A.getLhs()))
    return refuse(Loc, "operands must have one type of numbers, got ",
                  L.getElementType(), " and ", R.getElementType());
  SmallVector<DimExpr> LD = dimsOf(L), RD = dimsOf(R);
  DimExpr N = RD.pop_back_val(), RK = RD.pop_back_val();
  DimExpr LK = LD.pop_back_val(), M = LD.pop_back_val();
  if (A.getTransposeLhs())
    M = LK;
  if (A.getTransposeRhs())
    N = RK;
  FailureOr<SmallVector<DimExpr>> Dims = broadcastDims(LD, RD);
  if (failed(Dims))
    return refuse(Loc, "batch dimensions of ", L, " and ", R,
                  " do not broadcast");
  Dims->push_back(M);
  Dims->push_back(N);
  return give(Loc, A, tensorOf(*Dims, L.getElementType()), Out);
}

/// A norm over dimensions from an axis on, with floating point parameters that
/// broadcast to x.
template <typename AdaptorTy>
static LogicalResult inferNorm(Where Loc, AdaptorTy A,
                               std::initializer_list<Value> Parameters,
                               Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  if (!isFloat(A.getX()))
    return refuse(Loc, "needs floating point elements, got ", X);
  if (failed(checkAxis(Loc, A.getAxis(), X)))
    return failure();
  for (Value Each : Parameters)
    if (Each && (!isFloat(Each) || typeOf(Each).getRank() > X.getRank()))
      return refuse(Loc, "parameter of type ", Each.getType(),
                    " does not broadcast to ", X);
  return give(Loc, A, X, Out);
}

DURE_COMPATIBLE(LayerNormOp)
LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                            Types &Out) {
  return inferNorm(Loc, A, {A.getScale(), A.getBias()}, Out);
}

DURE_COMPATIBLE(RMSNormOp)
LogicalResult RMSNormOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                          Types &Out) {
  return inferNorm(Loc, A, {A.getScale()}, Out);
}

DURE_COMPATIBLE(RopeOp)
LogicalResult RopeOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                       Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  int64_t Rotary = A.getRotaryDim();
  if (X.getRank() < 2 || !isFloat(A.getX()))
    return refuse(Loc, "needs a floating point tensor of rank 2 at least");
  if (X.isDynamicDim(X.getRank() - 1) || Rotary <= 0 || Rotary % 2 != 0 ||
      Rotary > X.getDimSize(X.getRank() - 1))
    return refuse(Loc, "rotary_dim ", Rotary,
                  " must be even and at most the last dimension of ", X);
  for (Value Table : {A.getCos(), A.getSin()})
    if (!isFloat(Table) || typeOf(Table).getRank() > X.getRank())
      return refuse(Loc, "table of type ", Table.getType(),
                    " does not broadcast to half the rotary dimensions of ", X);
  return give(Loc, A, X, Out);
}

DURE_COMPATIBLE(AttentionOp)
LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                            Types &Out) {
  RankedTensorType Q = typeOf(A.getQ()), K = typeOf(A.getK()),
                   V = typeOf(A.getV());
  if (Q.getRank() != 4 || K.getRank() != 4 || V.getRank() != 4)
    return refuse(Loc, "q, k and v must have rank 4");
  if (!isFloat(A.getQ()) || Q.getElementType() != K.getElementType() ||
      Q.getElementType() != V.getElementType())
    return refuse(Loc, "q, k and v must have one floating point type");
  if (Q.isDynamicDim(1) || K.isDynamicDim(1) || K.getDimSize(1) == 0 ||
      Q.getDimSize(1) % K.getDimSize(1) != 0)
    return refuse(Loc, "the number of query heads must be a static multiple of "
                       "that of key heads");
  if (Value Mask = A.getMask())
    if (typeOf(Mask).getRank() > 4 || (!isBool(Mask) && !isFloat(Mask)))
      return refuse(Loc,
                    "the mask must be of i1 or floating point and "
                    "broadcast to the scores, got ",
                    Mask.getType());
  if (Value Sinks = A.getSinks())
    if (typeOf(Sinks).getRank() != 1 || !isFloat(Sinks))
      return refuse(Loc, "sinks must be one floating point number a head, got ",
                    Sinks.getType());
  if (static_cast<int64_t>(A.getWindow()) < 0 ||
      !(A.getSoftcap().convertToFloat() >= 0))
    return refuse(Loc, "window and softcap must not be negative");
  return give(Loc, A,
              tensorOf({dimOf(Q, 0), dimOf(Q, 1), dimOf(Q, 2), dimOf(V, 3)},
                       Q.getElementType()),
              Out);
}

DURE_COMPATIBLE(LinearAttentionOp)
LogicalResult LinearAttentionOp::inferReturnTypes(MLIRContext *, Where Loc,
                                                  Adaptor A, Types &Out) {
  RankedTensorType Q = typeOf(A.getQ()), K = typeOf(A.getK());
  Type Element = Q.getElementType();
  for (Value V : A.getOperands())
    if (typeOf(V).getRank() != 4 || typeOf(V).getElementType() != Element ||
        !(Element.isF32() || Element.isF64()))
      return refuse(Loc,
                    "operands must have rank 4 and all be f32 or all f64, "
                    "got ",
                    V.getType());
  if (Q.isDynamicDim(1) || K.isDynamicDim(1) || K.getDimSize(1) == 0 ||
      Q.getDimSize(1) % K.getDimSize(1) != 0)
    return refuse(Loc, "the number of query heads must be a static multiple of "
                       "that of key heads");
  DimExpr Rows =
      DimExpr(Q.getDimSize(1) / K.getDimSize(1)) * dimOf(Q, 2) + dimOf(Q, 3);
  return give(
      Loc, A,
      tensorOf({dimOf(Q, 0), dimOf(K, 1), Rows, dimOf(typeOf(A.getV()), 3)},
               Element),
      Out);
}

DURE_COMPATIBLE(GatedMLPOp)
LogicalResult GatedMLPOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                           Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  if (X.getRank() < 1 || !isFloat(A.getX()))
    return refuse(Loc, "x must be floating point of rank 1 at least, got ", X);
  for (Value W : {A.getWGate(), A.getWUp(), A.getWDown()})
    if (typeOf(W).getRank() != 2 ||
        typeOf(W).getElementType() != X.getElementType())
      return refuse(Loc, "weights must be matrices of ", X.getElementType(),
                    ", got ", W.getType());
  SmallVector<DimExpr> Dims = dimsOf(X);
  Dims.back() = dimOf(typeOf(A.getWDown()), 1);
  return give(Loc, A, tensorOf(Dims, X.getElementType()), Out);
}

/// Indices of experts are integers [T, S].
static LogicalResult checkExperts(Where Loc, Value Experts) {
  if (typeOf(Experts).getRank() == 2 && isIndex(Experts))
    return success();
  return refuse(Loc, "experts must be integers of rank 2, got ",
                Experts.getType());
}

/// With `dure.gated_mlp`'s activations come what only some of them have.
static LogicalResult checkGate(Where Loc, MoEOp::Adaptor A) {
  float Alpha = A.getAlpha().convertToFloat(),
        Offset = A.getOffset().convertToFloat(),
        Limit = A.getLimit().convertToFloat();
  if (!std::isfinite(Alpha) || !std::isfinite(Offset) ||
      !std::isfinite(Limit) || Limit < 0)
    return refuse(Loc, "alpha, offset and limit must be finite, and limit not "
                       "negative");
  if (Alpha != 1 && A.getActivation() != GluActivation::Silu)
    return refuse(Loc, "only silu has an alpha");
  if (!A.getWGate() && (A.getBGate() || Offset != 0 || Limit != 0))
    return refuse(Loc, "without a gate there is no bias of one, no offset and "
                       "no limit");
  return success();
}

DURE_COMPATIBLE(MoEOp)
LogicalResult MoEOp::inferReturnTypes(MLIRContext *, Where Loc, Adaptor A,
                                      Types &Out) {
  RankedTensorType X = typeOf(A.getX());
  if (X.getRank() != 2 || !isFloat(A.getX()))
    return refuse(Loc, "x must be floating point of rank 2, got ", X);
  if (failed(checkExperts(Loc, A.getExperts())))
    return failure();
  if (typeOf(A.getWeights()).getRank() != 2 || !isFloat(A.getWeights()))
    return refuse(Loc, "weights must be floating point of rank 2, got ",
                  A.getWeights().getType());
  auto Check = [&](Value Given, int64_t Rank) -> LogicalResult {
    if (!Given || (typeOf(Given).getRank() == Rank &&
                   typeOf(Given).getElementType() == X.getElementType()))
      return success();
    return refuse(Loc, "the experts' ", Rank == 3 ? "weights" : "biases",
                  " must be ", X.getElementType(), " of rank ", Rank, ", got ",
                  Given.getType());
  };
  for (Value W : {A.getWGate(), A.getWUp(), A.getWDown()})
    if (failed(Check(W, 3)))
      return failure();
  for (Value Bias : {A.getBGate(), A.getBUp(), A.getBDown()})
    if (failed(Check(Bias, 2)))
      return failure();
  if (failed(checkGate(Loc, A)))
    return failure();
  return give(Loc, A,
              tensorOf({dimOf(X, 0), dimOf(typeOf(A.getWDown()), 2)},
                       X.getElementType()),
              Out);
}

DURE_COMPATIBLE(ExpertMatMulOp)
LogicalResult ExpertMatMulOp::inferReturnTypes(MLIRContext *, Where Loc,
                                               Adaptor A, Types &Out) {
  RankedTensorType X = typeOf(A.getX()), W = typeOf(A.getW());
  if ((X.getRank() != 2 && X.getRank() != 3) || !isFloat(A.getX()))
    return refuse(Loc, "x must be floating point of rank 2 or 3, got ", X);
  if (failed(checkExperts(Loc, A.getExperts())))
    return failure();
  if (W.getRank() != 3 || W.getElementType() != X.getElementType())
    return refuse(Loc, "w must be ", X.getElementType(), " of rank 3, got ", W);
  RankedTensorType Experts = typeOf(A.getExperts());
  // One expert counts for all of a token's rows.
  bool IsOne = X.getRank() == 3 && dimOf(Experts, 1).constant() == 1;
  DimExpr Rows = IsOne ? dimOf(X, 1) : dimOf(Experts, 1);
  return give(
      Loc, A,
      tensorOf({dimOf(Experts, 0), Rows, dimOf(W, 2)}, X.getElementType()),
      Out);
}

DURE_COMPATIBLE(CacheUpdateOp)
LogicalResult CacheUpdateOp::inferReturnTypes(MLIRContext *, Where Loc,
                                              Adaptor A, Types &Out) {
  RankedTensorType Cache = typeOf(A.getCache()), Update = typeOf(A.getUpdate());
  if (Cache.getRank() != 4 || Update.getRank() != 4 ||
      Cache.getElementType() != Update.getElementType() ||
      typeOf(A.getLengths()).getRank() != 1 ||
      !typeOf(A.getLengths()).getElementType().isInteger(64))
    return refuse(Loc, "needs a cache and an update of rank 4 and one type, "
                       "and i64 lengths of rank 1");
  return give(Loc, A, Cache, Out);
}

DURE_COMPATIBLE(DequantizeOp)
LogicalResult DequantizeOp::inferReturnTypes(MLIRContext *, Where Loc,
                                             Adaptor A, Types &Out) {
  RankedTensorType X = typeOf(A.getX()), Scale = typeOf(A.getScale());
  int64_t Rank = Scale.getRank(), Block = A.getBlock();
  Type Element = X.getElementType();
  bool IsQuantized =
      isInteger(A.getX())
          ? !isBool(A.getX()) && Element.getIntOrFloatBitWidth() <= 32
          : Element.getIntOrFloatBitWidth() == 8;
  if (!IsQuantized || !isFloat(A.getScale()))
    return refuse(Loc,
                  "needs integers of at most 32 bits or fp8, and a "
                  "floating point scale; got ",
                  X, " and ", Scale);
  if (Block < 0)
    return refuse(Loc, "the block must not be negative");
  if (Rank > 1 && (Rank != X.getRank() || Block == 0))
    return refuse(Loc, "scale of type ", Scale, " does not fit ", X);
  if (Rank >= 1 && failed(checkAxis(Loc, A.getAxis(), X)))
    return failure();
  if (Value Zero = A.getZeroPoint())
    if (Type Point = typeOf(Zero).getElementType();
        (Point != Element && Point != Scale.getElementType()) ||
        typeOf(Zero).getRank() != Rank)
      return refuse(Loc,
                    "the zero point must have x's element type or the scale's, "
                    "and the scale's shape, got ",
                    Zero.getType());
  return give(Loc, A, withElementType(X, Scale.getElementType()), Out);
}
