// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What importers of single operators share.

#include "frontends/onnx/OpImport.h"

#include "frontends/onnx/GraphImporter.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dure::onnx {

/// Texts of expressions: beyond the first they get a name, beyond the second
/// they are refused. Arithmetic on polynomials costs the product of lengths,
/// and a small file can ask for any power of one.
static constexpr size_t LongText = 160, AbsurdText = 4096;

OpImport::OpImport(GraphImporter &G, const Node &N, int64_t Version,
                   int64_t Opset, Location Loc)
    : G(G), N(N), Version(Version), Opset(Opset), Loc(Loc) {}

OpBuilder &OpImport::builder() { return G.builder(); }
MLIRContext *OpImport::context() { return G.builder().getContext(); }

//===----------------------------------------------------------------------===//
// The node
//===----------------------------------------------------------------------===//

OpImport::Refused OpImport::refuse(RefusalCode Code,
                                   std::vector<std::string> Arguments) {
  Refusal R{};
  R.Code = Code;
  R.Node =
      std::string(N.Name.empty() && !N.Outputs.empty() ? N.Outputs[0] : N.Name);
  R.Op = std::string(N.OpType);
  R.Domain = std::string(N.Domain);
  R.Opset = Opset;
  R.Arguments = std::move(Arguments);
  G.refuse(std::move(R));
  return {};
}

const Tensor *OpImport::initializer(unsigned I) {
  return has(I) ? G.initializer(N.Inputs[I]) : nullptr;
}

bool OpImport::has(unsigned I) const {
  return I < N.Inputs.size() && !N.Inputs[I].empty();
}

bool OpImport::wants(unsigned I) const {
  return I < N.Outputs.size() && !N.Outputs[I].empty();
}

llvm::StringRef OpImport::outputName(unsigned I) const {
  return wants(I) ? llvm::StringRef(N.Outputs[I]) : llvm::StringRef();
}

Value OpImport::in(unsigned I) {
  if (!has(I))
    return refuse(RefusalCode::InputCount,
                  {"needs its input " + std::to_string(I)});
  return G.lookup(N.Inputs[I]);
}

SmallVector<Value> OpImport::ins() {
  SmallVector<Value> Values;
  for (unsigned I = 0; I < numInputs(); ++I)
    Values.push_back(in(I));
  return Values;
}

LogicalResult OpImport::result(unsigned I, Value V) {
  if (!V)
    return failure();
  if (wants(I))
    G.define(N.Outputs[I], V);
  return success();
}

const Attribute *OpImport::attribute(llvm::StringRef Name) {
  Asked.insert(Name);
  for (const Attribute &A : N.Attributes)
    if (llvm::StringRef(A.Name) == Name)
      return &A;
  return nullptr;
}

const Attribute *OpImport::attribute(llvm::StringRef Name, AttributeType Type) {
  const Attribute *A = attribute(Name);
  if (!A || A->Type == Type)
    return A;
  refuse(RefusalCode::AttributeBad, {Name.str(), "has another type"});
  return nullptr;
}

int64_t OpImport::intAttr(llvm::StringRef Name, int64_t Default) {
  const Attribute *A = attribute(Name, AttributeType::Int);
  return A ? A->Int : Default;
}

float OpImport::floatAttr(llvm::StringRef Name, float Default) {
  const Attribute *A = attribute(Name, AttributeType::Float);
  return A ? A->Float : Default;
}

llvm::StringRef OpImport::stringAttr(llvm::StringRef Name,
                                     llvm::StringRef Default) {
  const Attribute *A = attribute(Name, AttributeType::String);
  return A ? llvm::StringRef(A->String) : Default;
}

std::optional<ArrayRef<int64_t>> OpImport::intsAttr(llvm::StringRef Name) {
  const Attribute *A = attribute(Name, AttributeType::Ints);
  if (!A)
    return std::nullopt;
  return ArrayRef<int64_t>(A->Ints);
}

std::optional<int64_t> OpImport::axis(int64_t Axis, int64_t Rank) {
  if (Axis < -Rank || Axis >= Rank)
    return refuse(RefusalCode::ShapeRank,
                  {"axis " + std::to_string(Axis) + " of a tensor of rank " +
                   std::to_string(Rank)});
  return Axis < 0 ? Axis + Rank : Axis;
}

std::optional<SmallVector<int64_t>> OpImport::axes(ArrayRef<int64_t> Axes,
                                                   int64_t Rank) {
  SmallVector<int64_t> Out;
  for (int64_t Each : Axes) {
    std::optional<int64_t> Axis = axis(Each, Rank);
    if (!Axis)
      return std::nullopt;
    Out.push_back(*Axis);
  }
  llvm::sort(Out);
  if (std::adjacent_find(Out.begin(), Out.end()) != Out.end())
    return refuse(RefusalCode::ShapeRank, {"an axis is given twice"});
  return Out;
}

/// An attribute that no importer asked for would be ignored silently, and the
/// numbers be wrong.
LogicalResult OpImport::finish() {
  for (const Attribute &A : N.Attributes)
    if (!Asked.contains(llvm::StringRef(A.Name)))
      return refuse(RefusalCode::AttributeBad,
                    {std::string(A.Name), "is not known for this operator"});
  for (unsigned I = 0; I < numOutputs(); ++I)
    if (wants(I) && !G.lookup(N.Outputs[I]))
      return refuse(RefusalCode::FormUnsupported,
                    {"its output " + std::to_string(I) + " is used"});
  return success();
}

//===----------------------------------------------------------------------===//
// Integers known while importing
//===----------------------------------------------------------------------===//

std::optional<Dims> OpImport::tracked(Value V) {
  return V && rankOf(V) <= 1 ? G.tracked(V) : std::nullopt;
}

std::optional<Dims> OpImport::elements(Value V) {
  return V ? G.tracked(V) : std::nullopt;
}

Value OpImport::shaped(ArrayRef<DimExpr> Values, ArrayRef<int64_t> Shape,
                       Type Element) {
  Value V = integers(Values, Shape.empty(), Element);
  if (!V || Shape.size() <= 1)
    return V;
  V = reshape(V, Dims(Shape.begin(), Shape.end()));
  if (V)
    G.track(V, Dims(Values));
  return V;
}

std::optional<Dims> OpImport::exprs(unsigned I) {
  Value V = in(I);
  if (!V)
    return std::nullopt;
  if (std::optional<Dims> Known = tracked(V))
    return Known;
  if (std::optional<Dims> Read = G.readDims(V, Loc))
    return Read;
  return refuse(RefusalCode::ShapeRank,
                {"input " + std::to_string(I) +
                 " must be a list of integers of known length, at most 64"});
}

std::optional<SmallVector<int64_t>> OpImport::constants(unsigned I) {
  Value V = in(I);
  if (!V)
    return std::nullopt;
  SmallVector<int64_t> Out;
  std::optional<Dims> Known = tracked(V);
  if (Known)
    for (const DimExpr &E : *Known)
      if (std::optional<int64_t> Each = E.constant())
        Out.push_back(*Each);
  if (!Known || Out.size() != Known->size())
    return refuse(RefusalCode::ConstantNeeded, {std::string(N.Inputs[I])});
  return Out;
}

std::optional<SmallVector<double>> OpImport::numbers(unsigned I) {
  Value V = in(I);
  if (!V)
    return std::nullopt;
  if (std::optional<SmallVector<double>> Known = G.numbersOf(V))
    return Known;
  return refuse(RefusalCode::ConstantNeeded, {std::string(N.Inputs[I])});
}

std::optional<DimExpr> OpImport::readAtRunTime(Value V) {
  if (!V)
    return std::nullopt;
  std::optional<Dims> Read = G.readDims(V, Loc);
  if (!Read || Read->size() != 1)
    return refuse(RefusalCode::ShapeRank, {"a scalar is needed"});
  return Read->front();
}

Value OpImport::integers(ArrayRef<DimExpr> Values, bool Scalar, Type Element) {
  Type I64 = builder().getI64Type();
  if (!Element)
    Element = I64;
  SmallVector<int64_t> Shape;
  if (!Scalar)
    Shape.push_back(static_cast<int64_t>(Values.size()));
  SmallVector<mlir::Attribute> Constants;
  for (const DimExpr &E : Values) {
    if (!E.valid() || E.str().size() > AbsurdText)
      return refuse(RefusalCode::ShapeRank,
                    {"an integer does not fit 64 bits"});
    if (std::optional<int64_t> Each = E.constant())
      Constants.push_back(IntegerAttr::get(
          Element, APInt(64, static_cast<uint64_t>(*Each))
                       .trunc(Element.getIntOrFloatBitWidth())));
  }
  Value V;
  if (Constants.size() == Values.size()) {
    V = constant(DenseElementsAttr::get(RankedTensorType::get(Shape, Element),
                                        Constants));
  } else {
    auto Type = RankedTensorType::get(Shape, I64);
    V = DimValuesOp::create(builder(), Loc, Type,
                            DimsAttr::get(context(), Values));
    V = cast(V, Element);
  }
  if (V)
    G.track(V, Dims(Values));
  return V;
}

namespace {
/// A closed interval; empty bounds are unknown.
struct Bounds {
  std::optional<int64_t> Low, High;
};
} // namespace

/// An operation on two bounds; unknown when either is, or it overflows.
template <typename Fn>
static std::optional<int64_t> boundOf(std::optional<int64_t> L,
                                      std::optional<int64_t> R, Fn &&Compute) {
  int64_t Out;
  if (!L || !R || Compute(*L, *R, &Out))
    return std::nullopt;
  return Out;
}

static Bounds boundsOf(DimExpr::Op Op, Bounds L, Bounds R) {
  auto Add = [](int64_t A, int64_t B, int64_t *C) {
    return __builtin_add_overflow(A, B, C);
  };
  auto Mul = [](int64_t A, int64_t B, int64_t *C) {
    return __builtin_mul_overflow(A, B, C);
  };
  bool Positive = L.Low && R.Low && *L.Low >= 0 && *R.Low >= 0;
  switch (Op) {
  case DimExpr::Op::Add:
    return {boundOf(L.Low, R.Low, Add), boundOf(L.High, R.High, Add)};
  case DimExpr::Op::Mul:
    if (R.Low && R.Low == R.High && *R.Low < 0)
      std::swap(L, R);
    if (L.Low && L.Low == L.High && *L.Low < 0)
      return {boundOf(L.Low, R.High, Mul), boundOf(L.Low, R.Low, Mul)};
    if (Positive)
      return {boundOf(L.Low, R.Low, Mul), boundOf(L.High, R.High, Mul)};
    return {};
  case DimExpr::Op::FloorDiv:
  case DimExpr::Op::CeilDiv:
    // A divisor of one at least makes nothing larger.
    if (Positive && *R.Low > 0)
      return {0, L.High};
    return {};
  case DimExpr::Op::Mod:
    if (Positive && *R.Low > 0 && R.High)
      return {0, *R.High - 1};
    return {};
  case DimExpr::Op::Min:
  case DimExpr::Op::Max: {
    // The one that is known bounds a minimum above and a maximum below.
    bool IsMin = Op == DimExpr::Op::Min;
    auto Pick = [&](std::optional<int64_t> A, std::optional<int64_t> B,
                    bool OneIsEnough) -> std::optional<int64_t> {
      if (A && B)
        return IsMin ? std::min(*A, *B) : std::max(*A, *B);
      return !OneIsEnough ? std::nullopt : A ? A : B;
    };
    return {Pick(L.Low, R.Low, !IsMin), Pick(L.High, R.High, IsMin)};
  }
  }
  return {};
}

std::optional<DimExpr> asInteger(const DimExpr &E, Type Element) {
  if (!E.valid() || E.str().size() > AbsurdText)
    return std::nullopt;
  unsigned Width = Element.getIntOrFloatBitWidth();
  bool Unsigned = Element.isUnsignedInteger() || Width == 1;
  if (std::optional<int64_t> Known = E.constant()) {
    if (Width == 64)
      return Unsigned && *Known < 0 ? std::nullopt : std::optional(E);
    APInt Kept = APInt(64, static_cast<uint64_t>(*Known)).trunc(Width);
    return DimExpr(Unsigned ? static_cast<int64_t>(Kept.getZExtValue())
                            : Kept.getSExtValue());
  }
  if (Width == 64 && !Unsigned)
    return E;
  Bounds Range = E.fold<Bounds>(
      [](int64_t C) {
        return Bounds{C, C};
      },
      [](const std::string &S) {
        return S[0] == '$' ? Bounds{} : Bounds{0, std::nullopt};
      },
      boundsOf);
  if (Width == 64)
    return Range.Low && *Range.Low >= 0 ? std::optional(E) : std::nullopt;
  int64_t High = (int64_t(1) << (Unsigned ? Width : Width - 1)) - 1;
  int64_t Low = Unsigned ? 0 : -High - 1;
  bool Fits =
      Range.Low && Range.High && *Range.Low >= Low && *Range.High <= High;
  return Fits ? std::optional(E) : std::nullopt;
}

DimExpr countOf(ArrayRef<DimExpr> Sizes) {
  DimExpr Count(1);
  for (const DimExpr &E : Sizes) {
    if (Count.str().size() > AbsurdText || E.str().size() > AbsurdText)
      return DimExpr::floorDiv(DimExpr(1), DimExpr(0)); // Invalid.
    Count = Count * E;
  }
  return Count;
}

bool arePossibleSizes(ArrayRef<DimExpr> Sizes) {
  int64_t Count = 1;
  for (const DimExpr &E : Sizes) {
    if (!E.valid() || E.str().size() > AbsurdText)
      return false;
    std::optional<int64_t> Size = E.constant();
    if (!Size)
      continue;
    // A size of 0 elsewhere does not make the others possible: strides of
    // neighbours would overflow all the same.
    if (*Size < 0 ||
        __builtin_mul_overflow(Count, std::max<int64_t>(*Size, 1), &Count) ||
        Count >= int64_t(1) << 56)
      return false;
  }
  return true;
}

bool OpImport::checkSizes(ArrayRef<DimExpr> Sizes) {
  if (arePossibleSizes(Sizes))
    return true;
  std::string Text;
  for (const DimExpr &E : Sizes)
    Text += (Text.empty() ? "" : ", ") +
            (E.valid() ? E.str().substr(0, 80) : "overflow");
  refuse(RefusalCode::ShapeRank, {"no tensor has the sizes [" + Text + "]"});
  return false;
}

bool OpImport::equal(const DimExpr &L, const DimExpr &R) {
  if (!L.valid() || !R.valid()) {
    refuse(RefusalCode::ShapeRank, {"a size does not fit 64 bits"});
    return false;
  }
  if (G.symbols().equal(L, R))
    return true;
  refuse(RefusalCode::ShapeRank,
         {"sizes " + L.str() + " and " + R.str() + " must be equal"});
  return false;
}

std::optional<DimExpr> OpImport::asRequiredInteger(const DimExpr &E,
                                                   Type Element) {
  if (std::optional<DimExpr> Known = asInteger(E, Element))
    return Known;
  bool IsOfSizes = E.valid() && E.str().find('$') == std::string::npos;
  if (!IsOfSizes || E.str().size() > AbsurdText ||
      Element.getIntOrFloatBitWidth() != 32)
    return std::nullopt;
  auto [Low, High] = Element.isUnsignedInteger()
                         ? std::pair<int64_t, int64_t>(0, UINT32_MAX)
                         : std::pair<int64_t, int64_t>(INT32_MIN, INT32_MAX);
  DimExpr Kept = DimExpr::max(DimExpr(Low), DimExpr::min(E, DimExpr(High)));
  return equal(Kept, E) ? std::optional(E) : std::nullopt;
}

std::optional<DimExpr> OpImport::nonNegative(const DimExpr &E) {
  if (E.isNonNegative())
    return E;
  DimExpr Bound = bindSize(DimExpr::max(DimExpr(0), E));
  return equal(Bound, E) ? std::optional(Bound) : std::nullopt;
}

DimExpr OpImport::settle(const DimExpr &E) {
  if (!E.valid() || E.str().size() > AbsurdText)
    return E;
  DimExpr Settled = G.symbols().settle(E);
  return Settled.str().size() > LongText ? G.bind(Settled, false, Loc)
                                         : Settled;
}

DimExpr OpImport::bindSize(const DimExpr &E) {
  bool Usable = E.valid() && E.str().size() <= AbsurdText;
  return Usable && !E.constant() ? G.bind(E, true, Loc) : E;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

NamedAttribute OpImport::named(llvm::StringRef Name, mlir::Attribute Value) {
  return builder().getNamedAttr(Name, Value);
}
NamedAttribute OpImport::named(llvm::StringRef Name, int64_t Value) {
  return named(Name, builder().getI64IntegerAttr(Value));
}
NamedAttribute OpImport::named(llvm::StringRef Name, bool Value) {
  return named(Name, builder().getBoolAttr(Value));
}
NamedAttribute OpImport::named(llvm::StringRef Name, float Value) {
  return named(Name, builder().getF32FloatAttr(Value));
}
NamedAttribute OpImport::named(llvm::StringRef Name, ArrayRef<int64_t> Value) {
  return named(Name, builder().getDenseI64ArrayAttr(Value));
}
NamedAttribute OpImport::named(llvm::StringRef Name, ArrayRef<DimExpr> Value) {
  auto IsBad = [](const DimExpr &E) {
    return !E.valid() || E.str().size() > AbsurdText;
  };
  if (llvm::any_of(Value, IsBad)) {
    HasBadAttribute = true;
    refuse(RefusalCode::ShapeRank, {Name.str() + " do not fit 64 bits"});
    return named(Name, ArrayRef<DimExpr>());
  }
  return named(Name, DimsAttr::get(context(), Value));
}
NamedAttribute OpImport::named(llvm::StringRef Name, Type Value) {
  return named(Name, TypeAttr::get(Value));
}

bool OpImport::noteSizes(Operation *Op) {
  bool Ok = true;
  for (const SizeRule &Rule : sizeRulesOf(Op)) {
    auto [L, R] = Rule.asEquality();
    Ok &= equal(L, R);
  }
  return Ok;
}

Value OpImport::createNamed(llvm::StringRef OpName, ArrayRef<Value> Operands,
                            ArrayRef<NamedAttribute> Attributes) {
  if (HasBadAttribute ||
      !llvm::all_of(Operands, [](Value V) { return static_cast<bool>(V); }))
    return {};
  std::string Error;
  FailureOr<Operation *> Op =
      createInferredOp(builder(), Loc, OpName, Operands, Attributes, &Error);
  if (failed(Op))
    return refuse(RefusalCode::OperandsBad, {Error});
  Value Result = (*Op)->getResult(0);
  bool Ok = checkSizes(dimsOf(typeOf(Result))) && noteSizes(*Op);
  return Ok ? Result : Value();
}

Value OpImport::constant(DenseElementsAttr Value) {
  return ConstantOp::create(builder(), Loc, Value);
}

Value OpImport::scalar(Type Element, double Value) {
  mlir::Attribute Each;
  if (isa<FloatType>(Element))
    Each = FloatAttr::get(Element, Value);
  else
    Each = IntegerAttr::get(Element, static_cast<int64_t>(Value));
  return constant(
      DenseElementsAttr::get(RankedTensorType::get({}, Element), Each));
}

Value OpImport::scalarLike(Value Like, double Value) {
  if (!Like)
    return {};
  return scalar(elementOf(Like), Value);
}

Value OpImport::reshape(Value X, ArrayRef<DimExpr> To) {
  if (!X)
    return {};
  for (const DimExpr &E : To)
    if (!E.valid() || (E.constant() && *E.constant() < 0))
      return refuse(
          RefusalCode::ShapeRank,
          {"the size " + (E.valid() ? E.str() : "") + " is not possible"});
  if (!equal(countOf(dimsOf(typeOf(X))), countOf(To)))
    return {};
  RankedTensorType Type = tensorOf(To, elementOf(X));
  if (Type == X.getType())
    return X;
  return ReshapeOp::create(builder(), Loc, Type, X);
}

Value OpImport::broadcast(Value X, ArrayRef<DimExpr> To) {
  if (!X || !checkSizes(To))
    return {};
  RankedTensorType Type = tensorOf(To, elementOf(X));
  if (Type == X.getType())
    return X;
  return BroadcastOp::create(builder(), Loc, Type, X);
}

Value OpImport::transpose(Value X, ArrayRef<int64_t> Permutation) {
  return create<TransposeOp>({X}, {named("permutation", Permutation)});
}

Value OpImport::cast(Value X, Type To) {
  if (!X || elementOf(X) == To)
    return X;
  return create<CastOp>({X}, {named("to", To)});
}

Value OpImport::iota(ArrayRef<DimExpr> Shape, int64_t Axis) {
  if (!checkSizes(Shape))
    return {};
  return IotaOp::create(builder(), Loc, tensorOf(Shape, builder().getI64Type()),
                        Axis);
}

Value OpImport::compare(Value L, Value R, ComparePredicate How) {
  return create<CompareOp>(
      {L, R}, {named("predicate", ComparePredicateAttr::get(context(), How))});
}

Value OpImport::chosen(Value V) { return V ? G.asChosen(V) : V; }

Value OpImport::reduce(Value X, ReduceKind Kind, ArrayRef<int64_t> Axes,
                       bool KeepDims) {
  return create<ReduceOp>({X},
                          {named("kind", ReduceKindAttr::get(context(), Kind)),
                           named("axes", Axes), named("keep_dims", KeepDims)});
}

Value OpImport::tensor(const Tensor &T, llvm::StringRef Name) {
  Refusal Why{};
  Value V = G.materialize(T, Name, Loc, Why);
  if (!V)
    return refuse(Why.Code, Why.Arguments);
  return V;
}

Type OpImport::element(DataType Type) {
  if (mlir::Type Found = G.elementType(Type))
    return Found;
  refuse(RefusalCode::TypeUnsupported, {std::string(typeName(Type))});
  return {};
}

Type OpImport::element(int64_t Type) {
  if (Type < 0 || Type > static_cast<int64_t>(DataType::Int2)) {
    refuse(RefusalCode::TypeUnsupported, {std::to_string(Type)});
    return {};
  }
  return element(static_cast<DataType>(Type));
}

} // namespace dure::onnx
