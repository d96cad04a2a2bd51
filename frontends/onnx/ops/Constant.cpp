// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values from nowhere: Constant, ConstantOfShape, Range, and what passes a
// value on as it is.

#include "frontends/onnx/OpImport.h"

using namespace mlir;

namespace dure::onnx {

/// A list of numbers given as an attribute, as an inline tensor.
template <typename T>
static Tensor inlineTensor(DataType Type, const T *Values, size_t Count,
                           bool Scalar) {
  Tensor Out;
  Out.Type = Type;
  if (!Scalar)
    Out.Dims = {static_cast<int64_t>(Count)};
  Out.ElementCount = Count;
  Out.Kind = Tensor::Storage::Inline;
  Out.Bytes.assign(reinterpret_cast<const char *>(Values), Count * sizeof(T));
  return Out;
}

/// y = the value that one of the attributes holds
static LogicalResult importConstant(OpImport &C) {
  if (const Attribute *A = C.attribute("value", AttributeType::Tensor))
    return C.result(C.tensor(A->Tensors.front(), C.outputName(0)));
  Tensor T;
  if (const Attribute *A = C.attribute("value_float", AttributeType::Float))
    T = inlineTensor(DataType::Float, &A->Float, 1, true);
  else if (const Attribute *A = C.attribute("value_int", AttributeType::Int))
    T = inlineTensor(DataType::Int64, &A->Int, 1, true);
  else if (const Attribute *A =
               C.attribute("value_floats", AttributeType::Floats))
    T = inlineTensor(DataType::Float, A->Floats.data(), A->Floats.size(),
                     false);
  else if (const Attribute *A = C.attribute("value_ints", AttributeType::Ints))
    T = inlineTensor(DataType::Int64, A->Ints.data(), A->Ints.size(), false);
  else
    return C.refuse(RefusalCode::FormUnsupported,
                    {"it has no value, or strings, or a sparse one"});
  return C.result(C.tensor(T, C.outputName(0)));
}

/// y = a shape filled with one value, f32 zero by default
static LogicalResult importConstantOfShape(OpImport &C) {
  std::optional<Dims> Shape = C.exprs(0);
  if (!Shape)
    return failure();
  Value Fill;
  if (const Attribute *A = C.attribute("value", AttributeType::Tensor)) {
    if (A->Tensors.front().ElementCount != 1)
      return C.refuse(RefusalCode::AttributeBad,
                      {"value", "must have one element"});
    Fill = C.tensor(A->Tensors.front(), "");
  } else {
    Fill = C.scalar(C.builder().getF32Type(), 0);
  }
  if (!Fill)
    return failure();
  // A short list of integers takes part in shape arithmetic.
  std::optional<Dims> Known = C.tracked(Fill);
  std::optional<int64_t> Length =
      Shape->size() == 1 ? (*Shape)[0].constant() : std::nullopt;
  if (Known && Length && *Length >= 0 && *Length <= 64)
    return C.result(
        C.integers(Dims(*Length, Known->front()), false, elementOf(Fill)));
  return C.result(C.broadcast(C.reshape(Fill, {}), *Shape));
}

//===----------------------------------------------------------------------===//
// Range
//===----------------------------------------------------------------------===//

/// Range over integers whose bounds are expressions or read at run time.
static LogicalResult importIntegerRange(OpImport &C, Type Element) {
  std::optional<Dims> Start = C.exprs(0), Limit = C.exprs(1),
                      Delta = C.exprs(2);
  if (!Start || !Limit || !Delta)
    return failure();
  if (Start->size() != 1 || Limit->size() != 1 || Delta->size() != 1)
    return C.refuse(RefusalCode::ShapeRank, {"its inputs must be scalars"});
  const DimExpr &Step = Delta->front();
  if (Step.isConstant(0))
    return C.refuse(RefusalCode::ShapeRank, {"the step is 0"});
  // ceil((limit - start) / step): the same with both signs turned.
  DimExpr Way = Limit->front() - Start->front();
  bool Backwards = Step.constant() && *Step.constant() < 0;
  DimExpr Count = Backwards
                      ? DimExpr::ceilDiv(DimExpr(0) - Way, DimExpr(0) - Step)
                      : DimExpr::ceilDiv(Way, Step);
  Count = C.settle(DimExpr::max(DimExpr(0), Count));
  if (!Count.valid())
    return C.refuse(RefusalCode::ShapeRank, {"its bounds overflow"});
  if (Count.constant() && *Count.constant() <= 64) {
    Dims Values;
    for (int64_t I = 0; I < *Count.constant(); ++I)
      Values.push_back(Start->front() + DimExpr(I) * Step);
    return C.result(C.integers(Values, false, Element));
  }
  Value Y = C.cast(C.iota({Count}, 0), Element);
  if (!Step.isConstant(1))
    Y = C.create<MulOp>({Y, C.integers({Step}, true, Element)});
  if (!Start->front().isConstant(0))
    Y = C.create<AddOp>({Y, C.integers({Start->front()}, true, Element)});
  return C.result(Y);
}

/// y = start, start + delta, ... up to but not including limit
static LogicalResult importRange(OpImport &C) {
  Value Start = C.in(0), Limit = C.in(1), Delta = C.in(2);
  if (!Start || !Limit || !Delta)
    return failure();
  Type Element = elementOf(Start);
  if (isa<IntegerType>(Element))
    return importIntegerRange(C, Element);
  // The number of elements depends on floats: compute it, read it.
  for (Value *Each : {&Start, &Limit, &Delta})
    *Each = C.reshape(*Each, {});
  Value Count = C.create<DivOp>({C.create<SubOp>({Limit, Start}), Delta});
  Count = C.create<MaxOp>({C.create<CeilOp>({Count}), C.scalar(Element, 0)});
  std::optional<DimExpr> Size =
      C.readAtRunTime(C.cast(Count, C.builder().getI64Type()));
  if (!Size)
    return failure();
  Value Y = C.cast(C.iota({*Size}, 0), Element);
  return C.result(C.create<AddOp>({C.create<MulOp>({Y, Delta}), Start}));
}

//===----------------------------------------------------------------------===//
// Made of indices
//===----------------------------------------------------------------------===//

/// y[i, j] = j == i + k, in the shape of x
static LogicalResult importEyeLike(OpImport &C) {
  Value X = C.in(0);
  int64_t K = C.intAttr("k", 0);
  int64_t To = C.intAttr("dtype", 0);
  Type Element = To ? C.element(To) : X ? elementOf(X) : Type();
  if (!X || !Element)
    return failure();
  if (rankOf(X) != 2)
    return C.refuse(RefusalCode::ShapeRank, {"it needs rank 2"});
  Dims Shape = dimsOf(typeOf(X));
  Value Row = C.iota(Shape, 0), Column = C.iota(Shape, 1);
  Row = C.create<AddOp>({Row, C.scalarLike(Row, static_cast<double>(K))});
  return C.result(
      C.cast(C.compare(Column, Row, ComparePredicate::EQ), Element));
}

/// y = values[1] where an index meets its place on a new axis, else values[0]
static LogicalResult importOneHot(OpImport &C) {
  Value Indices = C.in(0), Values = C.in(2), Given = C.in(1);
  if (!Indices || !Values || !Given)
    return failure();
  // The standard allows any numeric type here, and exporters write floats.
  std::optional<Dims> Depth;
  if (isa<IntegerType>(elementOf(Given)))
    Depth = C.exprs(1);
  else if (std::optional<DimExpr> Read =
               C.readAtRunTime(C.cast(Given, C.builder().getI64Type())))
    Depth = Dims{*Read};
  if (!Depth)
    return failure();
  int64_t Rank = rankOf(Indices) + 1;
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", -1), Rank);
  if (!Axis)
    return failure();
  if (Depth->size() != 1 || rankOf(Values) != 1)
    return C.refuse(RefusalCode::ShapeRank,
                    {"depth must be one number and values a pair"});
  if (!C.equal(dimOf(typeOf(Values), 0), DimExpr(2)))
    return failure();
  Type I64 = C.builder().getI64Type();
  Dims Shape = dimsOf(typeOf(Indices)), Place(Rank, DimExpr(1));
  Shape.insert(Shape.begin() + *Axis, DimExpr(1));
  Place[*Axis] = Depth->front();
  Value At = C.reshape(C.cast(Indices, I64), Shape);
  // Negative indices count from the end; what is outside is nowhere.
  Value Turned = C.create<AddOp>({At, C.integers({Depth->front()}, true)});
  At = C.create<SelectOp>(
      {C.compare(At, C.scalar(I64, 0), ComparePredicate::LT), Turned, At});
  Value Hit = C.compare(At, C.iota(Place, *Axis), ComparePredicate::EQ);
  auto Pick = [&](int64_t I) {
    return C.reshape(
        C.create<SliceOp>({Values},
                          {C.named("starts", ArrayRef<DimExpr>{DimExpr(I)}),
                           C.named("sizes", ArrayRef<DimExpr>{DimExpr(1)}),
                           C.named("steps", ArrayRef<int64_t>{1})}),
        {});
  };
  return C.result(C.create<SelectOp>({Hit, Pick(1), Pick(0)}));
}

/// y = x
static LogicalResult importIdentity(OpImport &C) { return C.result(C.in(0)); }

/// y = x: inference drops nothing. The mask says that everything is kept.
static LogicalResult importDropout(OpImport &C) {
  Value X = C.in(0);
  C.attribute("ratio");
  C.attribute("seed");
  if (!X)
    return failure();
  if (C.has(2)) {
    std::optional<SmallVector<int64_t>> Training = C.constants(2);
    if (!Training)
      return failure();
    if (Training->size() != 1 || Training->front() != 0)
      return C.refuse(RefusalCode::FormUnsupported, {"training mode"});
  }
  if (C.wants(1)) {
    Type Element =
        C.version() < 10 ? elementOf(X) : Type(C.builder().getI1Type());
    if (failed(
            C.result(1, C.broadcast(C.scalar(Element, 1), dimsOf(typeOf(X))))))
      return failure();
  }
  return C.result(X);
}

ArrayRef<OpEntry> constantOps() {
  static const OpEntry Table[] = {
      {"Constant",
       {1, 9, 11, 12, 13, 19, 21, 23, 24, 25},
       0,
       0,
       importConstant},
      {"ConstantOfShape", {9, 20, 21, 23, 24, 25}, 1, 1, importConstantOfShape},
      {"Range", {11}, 3, 3, importRange},
      {"EyeLike", {9, 22}, 1, 1, importEyeLike},
      {"OneHot", {9, 11, 28}, 3, 3, importOneHot},
      {"Identity", {1, 13, 14, 16, 19, 21, 23, 24, 25}, 1, 1, importIdentity},
      {"Dropout", {7, 10, 12, 13, 22}, 1, 3, importDropout},
  };
  return Table;
}

} // namespace dure::onnx
