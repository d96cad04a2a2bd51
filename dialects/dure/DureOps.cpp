// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Verifiers and folders of dure ops. Shape rules are in Inference.cpp.
#include "dialects/dure/DureOps.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace dure;

#define GET_OP_CLASSES
#include "dialects/dure/DureOps.cpp.inc"

/// Larger constants are weights: IR must not hold numbers by the megabyte.
static constexpr int64_t MaxConstantElements = 64;

static RankedTensorType typeOf(Value V) {
  return cast<RankedTensorType>(V.getType());
}

//===----------------------------------------------------------------------===//
// Constants, weights, dimensions
//===----------------------------------------------------------------------===//

void ConstantOp::build(OpBuilder &Builder, OperationState &State,
                       DenseElementsAttr Value) {
  build(Builder, State, Value.getType(), Value);
}

LogicalResult ConstantOp::verify() {
  if (getValue().getShapedType() != getType())
    return emitOpError("value has type ")
           << getValue().getShapedType() << ", the result " << getType();
  if (!getValue().isSplat() &&
      getValue().getNumElements() > MaxConstantElements)
    return emitOpError("has ")
           << getValue().getNumElements() << " elements, more than "
           << MaxConstantElements << ": make it a dure.weight";
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &Symbols) {
  auto Weight =
      Symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!Weight)
    return emitOpError("no weight named ") << getWeightAttr();
  if (Weight.getType() != getType())
    return emitOpError("weight ") << getWeightAttr() << " has type "
                                  << Weight.getType() << ", not " << getType();
  return success();
}

LogicalResult DimValuesOp::verify() {
  RankedTensorType Type = getType();
  bool Scalar = Type.getRank() == 0 && getExprs().size() == 1;
  bool Vector = Type.getRank() == 1 &&
                Type.getDimSize(0) == static_cast<int64_t>(getExprs().size());
  if (!Type.getElementType().isInteger(64) || !(Scalar || Vector))
    return emitOpError("must give an i64 tensor of its ")
           << getExprs().size() << " expressions";
  return success();
}

LogicalResult DefineDimsOp::verify() {
  RankedTensorType Type = typeOf(getValues());
  int64_t Count = getNames().size();
  if (!isa<IntegerType>(Type.getElementType()) || Type.getRank() > 1 ||
      !Type.hasStaticShape() || Type.getNumElements() != Count)
    return emitOpError("needs an integer tensor with ")
           << Count << " elements, got " << Type;
  for (StringRef Name : getNames().getAsValueRange<StringAttr>())
    if (!DimExpr::isIdentifier(Name))
      return emitOpError("'") << Name << "' is not a symbol name";
  return success();
}

LogicalResult BindDimsOp::verify() {
  if (getNames().size() != getExprs().size())
    return emitOpError("has ") << getNames().size() << " names for "
                               << getExprs().size() << " expressions";
  for (StringRef Name : getNames().getAsValueRange<StringAttr>())
    if (!DimExpr::isIdentifier(Name))
      return emitOpError("'") << Name << "' is not a symbol name";
  return success();
}

LogicalResult IotaOp::verify() {
  if (static_cast<int64_t>(getAxis()) < 0 ||
      static_cast<int64_t>(getAxis()) >= getType().getRank())
    return emitOpError("axis ") << getAxis() << " is outside " << getType();
  if (getType().getElementType().isInteger(1))
    return emitOpError("counts in numbers, not in ") << getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  RankedTensorType From = typeOf(getX()), To = getType();
  if (From.getElementType() != To.getElementType())
    return emitOpError("changes the element type");
  if (From.hasStaticShape() && To.hasStaticShape() &&
      From.getNumElements() != To.getNumElements())
    return emitOpError("of ")
           << From.getNumElements() << " elements to " << To.getNumElements();
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor Adaptor) {
  if (getX().getType() == getType())
    return getX();
  // A reshape of a reshape reads the first operand.
  if (auto Inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(Inner.getX());
    return getResult();
  }
  auto Constant = dyn_cast_or_null<DenseElementsAttr>(Adaptor.getX());
  if (Constant && getType().hasStaticShape())
    return Constant.reshape(getType());
  return {};
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType From = typeOf(getX()), To = getType();
  if (From.getElementType() != To.getElementType())
    return emitOpError("changes the element type");
  auto Joined = broadcastDims(dimsOf(To), dimsOf(From));
  if (failed(Joined) || static_cast<int64_t>(Joined->size()) != To.getRank() ||
      failed(verifyCompatibleShape(
          tensorOf(*Joined, To.getElementType()).getShape(), To.getShape())))
    return emitOpError() << From << " does not broadcast to " << To;
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor Adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto Splat = dyn_cast_or_null<SplatElementsAttr>(Adaptor.getX());
  if (Splat && getType().hasStaticShape())
    return Splat.resizeSplat(getType());
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> Permutation = getPermutation();
  bool Identity = true;
  for (auto [I, From] : llvm::enumerate(Permutation))
    Identity &= static_cast<int64_t>(I) == From;
  if (Identity && getX().getType() == getType())
    return getX();
  if (auto Inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> Joined;
    for (int64_t From : Permutation)
      Joined.push_back(Inner.getPermutation()[From]);
    setPermutation(Joined);
    getXMutable().assign(Inner.getX());
    return getResult();
  }
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getX().getType() != getType())
    return {};
  for (unsigned I = 0, E = getType().getRank(); I < E; ++I)
    if (!getStarts().expr(I).isConstant(0) || getSteps()[I] != 1)
      return {};
  return getX();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  auto IsEmpty = [&](Value X) {
    return cast<RankedTensorType>(X.getType()).getDimSize(getAxis()) == 0;
  };
  SmallVector<Value> Filled =
      llvm::filter_to_vector(getXs(), [&](Value X) { return !IsEmpty(X); });
  if (!Filled.empty() && Filled.size() < getXs().size()) {
    getXsMutable().assign(Filled);
    return getResult();
  }
  if (getXs().size() == 1 && getXs().front().getType() == getType())
    return getXs().front();
  return {};
}

//===----------------------------------------------------------------------===//
// Placement and dispatch
//===----------------------------------------------------------------------===//

LogicalResult RegionOp::verify() {
  Block &Body = getBody().front();
  auto Yield = Body.empty() ? nullptr : dyn_cast<YieldOp>(Body.back());
  if (!Yield)
    return emitOpError("must end in dure.yield");
  if (Yield.getOperandTypes() != getResultTypes())
    return emitOpError("yields types that differ from its results'");
  return success();
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

// The classes are called Branch and Iterate: IfOp and LoopOp in this namespace
// are instructions of the host program (runtime/package/Package.h).

/// Whether a value may be given as another: the types are the same but for dims
/// that are symbols there.
static bool mayBeGivenAs(Type Given, Type As) {
  auto From = dyn_cast<RankedTensorType>(Given);
  auto To = dyn_cast<RankedTensorType>(As);
  if (!From || !To || From.getElementType() != To.getElementType() ||
      From.getRank() != To.getRank())
    return false;
  for (int64_t I = 0; I < To.getRank(); ++I)
    if (dimOf(From, I) != dimOf(To, I) && !dimOf(To, I).asSymbol())
      return false;
  return true;
}

static LogicalResult verifyGiven(Operation *Op, StringRef What, ValueRange From,
                                 TypeRange To) {
  if (From.size() != To.size())
    return Op->emitOpError("has ")
           << To.size() << " " << What << ", is given " << From.size();
  for (auto [I, Value, Type] : llvm::enumerate(From, To))
    if (!mayBeGivenAs(Value.getType(), Type))
      return Op->emitOpError("cannot give a value of type ")
             << Value.getType() << " as number " << I << " of its " << What
             << ", of type " << Type;
  return success();
}

static YieldOp yieldOf(Region &Body) {
  Block &Only = Body.front();
  return Only.empty() ? nullptr : dyn_cast<YieldOp>(Only.back());
}

LogicalResult BranchOp::verify() {
  if (getCondition().size() != 1)
    return emitOpError("needs one condition, has ") << getCondition().size();
  for (Region *Each : {&getThen(), &getOtherwise()}) {
    YieldOp Yield = yieldOf(*Each);
    if (!Yield)
      return emitOpError("must have blocks that end in dure.yield");
    if (failed(
            verifyGiven(*this, "results", Yield.getValues(), getResultTypes())))
      return failure();
  }
  return success();
}

OperandRange IterateOp::nextValues() {
  OperandRange Values = yieldOf(getBody()).getValues();
  return Values.slice(isConditional(), getInits().size());
}

OperandRange IterateOp::stackedValues() {
  OperandRange Values = yieldOf(getBody()).getValues();
  return Values.drop_front(isConditional() + getInits().size());
}

LogicalResult IterateOp::verify() {
  if (getTrips().size() != 1 || (getEntry() && getEntry()->size() != 1))
    return emitOpError("needs one expression for its trips and at most one for "
                       "its entry");
  if (getInduction().empty() || getCount().empty() ||
      getInduction() == getCount())
    return emitOpError("needs two names, for the iteration and for their "
                       "number");
  YieldOp Yield = yieldOf(getBody());
  if (!Yield)
    return emitOpError("must have a block that ends in dure.yield");
  size_t Carried = getInits().size(), Results = getNumResults();
  size_t Wanted = isConditional() + Results;
  if (Results < Carried || Yield.getValues().size() != Wanted)
    return emitOpError("carries ")
           << Carried << " values and has " << Results
           << " results, its block yields " << Yield.getValues().size();
  if (isConditional()) {
    auto Type = cast<RankedTensorType>(Yield.getValues().front().getType());
    if (Type.getRank() != 0 || !Type.getElementType().isInteger(1))
      return emitOpError("needs a tensor<i1> that says whether to go on, not ")
             << Type;
  }
  TypeRange Arguments = getBody().getArgumentTypes();
  TypeRange Finals = TypeRange(getResultTypes()).take_front(Carried);
  if (failed(verifyGiven(*this, "arguments", getInits(), Arguments)) ||
      failed(verifyGiven(*this, "arguments", nextValues(), Arguments)) ||
      failed(verifyGiven(*this, "results", getInits(), Finals)) ||
      failed(verifyGiven(*this, "results", nextValues(), Finals)))
    return failure();
  for (auto [I, Value] : llvm::enumerate(stackedValues())) {
    auto One = cast<RankedTensorType>(Value.getType());
    auto All = cast<RankedTensorType>(getResult(Carried + I).getType());
    bool Fits = All.getRank() == One.getRank() + 1 &&
                All.getElementType() == One.getElementType();
    for (int64_t D = 0; Fits && D < One.getRank(); ++D)
      Fits = dimOf(All, D + 1) == dimOf(One, D) || dimOf(All, D + 1).asSymbol();
    if (!Fits)
      return emitOpError("cannot stack values of type ")
             << One << " as " << All;
    // How many there are is `count`; without another condition, the trips.
    DimExpr Length = dimOf(All, 0), Trips = getTrips().expr(0);
    bool IsTrips = !isConditional() && Length == Trips && Trips.isNonNegative();
    if (!IsTrips && Length.asSymbol() != getCount().str())
      return emitOpError("stacks '")
             << getCount() << "' values, not " << Length.str();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Dispatches
//===----------------------------------------------------------------------===//

/// Whether two types could describe one tensor, by other symbols.
static bool couldBeOne(Type L, Type R) {
  auto A = dyn_cast<RankedTensorType>(L), B = dyn_cast<RankedTensorType>(R);
  return A && B && A.getElementType() == B.getElementType() &&
         succeeded(verifyCompatibleShape(A.getShape(), B.getShape()));
}

void CallDispatchOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &Effects) {
  if (getUpdates())
    Effects.emplace_back(MemoryEffects::Write::get());
}

LogicalResult CallDispatchOp::verifySymbolUses(SymbolTableCollection &Symbols) {
  auto Callee =
      Symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, getCalleeAttr());
  if (!Callee || !Callee->hasAttr(DureDialect::DispatchFnAttr))
    return emitOpError("no dispatch function named ") << getCalleeAttr();
  if (Callee.getNumArguments() != getXs().size() ||
      Callee.getNumResults() != getNumResults())
    return emitOpError("has ")
           << getXs().size() << " operands and " << getNumResults()
           << " results, " << getCalleeAttr() << " takes "
           << Callee.getNumArguments() << " and gives "
           << Callee.getNumResults();
  auto Names = Callee->getAttrOfType<ArrayAttr>("dure.symbols");
  size_t Count = Names ? Names.size() : 0;
  if (getBindings().size() != Count)
    return emitOpError("binds ") << getBindings().size() << " symbols, "
                                 << getCalleeAttr() << " has " << Count;
  // Types are those of the function but for their expressions.
  for (auto [I, Own, Its] :
       llvm::enumerate(getXs().getTypes(), Callee.getArgumentTypes()))
    if (!couldBeOne(Own, Its))
      return emitOpError("operand ") << I << " of type " << Own << ", "
                                     << getCalleeAttr() << " takes " << Its;
  for (auto [I, Own, Its] :
       llvm::enumerate(getResultTypes(), Callee.getResultTypes()))
    if (!couldBeOne(Own, Its))
      return emitOpError("result ") << I << " of type " << Own << ", "
                                    << getCalleeAttr() << " gives " << Its;
  return success();
}
