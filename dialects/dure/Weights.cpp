// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a weight's recipe must be: the rules that runtime/weights evaluates by,
// checked before anything is written.
#include "dialects/dure/DureOps.h"

#include "llvm/ADT/SmallBitVector.h"

#include <utility>

using namespace mlir;
using namespace dure;

namespace {

/// Checks the steps of one weight one after another.
class RecipeVerifier {
public:
  explicit RecipeVerifier(WeightOp Op) : Op(Op) {}
  LogicalResult verify();

private:
  LogicalResult verifyData();
  LogicalResult verifyStep(StepAttr Step);
  LogicalResult verifyShape(StepAttr Step);
  InFlightDiagnostic error(StepAttr Step) {
    return Op.emitOpError("step ") << Step << ": ";
  }

  /// Each gives the shape after the step, or says what is wrong with it.
  using Shape = SmallVector<int64_t>;
  FailureOr<Shape> transpose(StepAttr Step);
  FailureOr<Shape> slice(StepAttr Step);
  FailureOr<Shape> pad(StepAttr Step);
  FailureOr<Shape> packPanels(StepAttr Step);

  WeightOp Op;
  /// The type before the step at hand.
  RankedTensorType At;
};

} // namespace

static bool isArithmetic(RecipeKind Kind) {
  return Kind == RecipeKind::Multiply || Kind == RecipeKind::Add ||
         Kind == RecipeKind::Subtract;
}

/// Whether a step has a second operand.
static bool hasOperand(RecipeKind Kind) {
  return isArithmetic(Kind) || Kind == RecipeKind::Concat;
}

/// Whether an arithmetic step meets its operand block by block.
static bool isBlocked(StepAttr Step) {
  return isArithmetic(Step.getKind()) && !Step.getInts().empty();
}

static bool isStatic(Type Type) {
  return isDureTensor(Type) && cast<RankedTensorType>(Type).hasStaticShape();
}

/// Whether an operand of type `From` behind one of type `At` along the step's
/// axis, which is in range, makes the step's type.
static bool operandFollows(StepAttr Step, RankedTensorType At,
                           RankedTensorType From) {
  int64_t Axis = Step.getInts()[0];
  if (From.getElementType() != At.getElementType() ||
      From.getRank() != At.getRank())
    return false;
  for (int64_t I = 0; I < At.getRank(); ++I) {
    int64_t Size = At.getDimSize(I);
    if (I == Axis ? __builtin_add_overflow(Size, From.getDimSize(I), &Size)
                  : From.getDimSize(I) != Size)
      return false;
    if (Size != Step.getType().getDimSize(I))
      return false;
  }
  return true;
}

/// Whether every element of the step's value has its element of an operand of
/// type `From`: by numpy's broadcasting, or by blocks along an axis. The step's
/// own integers have been counted.
static bool operandFits(StepAttr Step, RankedTensorType From) {
  RankedTensorType To = Step.getType();
  if (From.getElementType() != To.getElementType() ||
      From.getRank() > To.getRank())
    return false;
  SmallVector<int64_t> Sizes(To.getShape());
  if (isBlocked(Step)) {
    int64_t Axis = Step.getInts()[0], Block = Step.getInts()[1];
    if (Axis < 0 || Axis >= To.getRank() || Block < 1)
      return false;
    Sizes[Axis] = Sizes[Axis] / Block + (Sizes[Axis] % Block != 0);
    // A vector runs along the axis.
    if (From.getRank() == 1)
      return From.getDimSize(0) == Sizes[Axis];
    if (From.getRank() != To.getRank() || From.getDimSize(Axis) != Sizes[Axis])
      return false;
  }
  for (int64_t I = 1; I <= From.getRank(); ++I) {
    int64_t Size = From.getDimSize(From.getRank() - I);
    if (Size != 1 && Size != Sizes[To.getRank() - I])
      return false;
  }
  return true;
}

/// Bytes of a tensor as files and packages store it.
static int64_t storedBytes(RankedTensorType Type) {
  int64_t Bits = Type.getElementTypeBitWidth();
  if (Bits == 1)
    Bits = 8;
  return (Type.getNumElements() * Bits + 7) / 8;
}

LogicalResult RecipeVerifier::verifyData() {
  DataAttr Data = Op.getData();
  int64_t End;
  if (Data.getFile() < 0 || Data.getOffset() < 0 || Data.getSize() < 0)
    return Op.emitOpError("file, offset and size must not be negative");
  if (__builtin_add_overflow(Data.getOffset(), Data.getSize(), &End))
    return Op.emitOpError("offset and size exceed 64 bits");
  At = Data.getType();
  if (!isStatic(At))
    return Op.emitOpError("stored type must be a static tensor of a dure "
                          "element type, got ")
           << At;
  if (Data.getSize() != storedBytes(At))
    return Op.emitOpError("has ") << Data.getSize() << " bytes, a " << At
                                  << " takes " << storedBytes(At);
  return success();
}

FailureOr<RecipeVerifier::Shape> RecipeVerifier::transpose(StepAttr Step) {
  llvm::SmallBitVector Seen(At.getRank());
  Shape Out;
  for (int64_t From : Step.getInts()) {
    if (From < 0 || From >= At.getRank() || Seen.test(From))
      return error(Step) << "is not a permutation of " << At.getRank()
                         << " dimensions";
    Seen.set(From);
    Out.push_back(At.getDimSize(From));
  }
  return Out;
}

FailureOr<RecipeVerifier::Shape> RecipeVerifier::slice(StepAttr Step) {
  ArrayRef<int64_t> Ints = Step.getInts();
  int64_t Rank = At.getRank();
  Shape Out;
  for (int64_t I = 0; I < Rank; ++I) {
    int64_t Start = Ints[I], Size = Ints[Rank + I], Stride = Ints[2 * Rank + I];
    int64_t Last;
    if (Start < 0 || Size < 0 || Stride < 1 ||
        (Size > 0 && (__builtin_mul_overflow(Size - 1, Stride, &Last) ||
                      __builtin_add_overflow(Last, Start, &Last) ||
                      Last >= At.getDimSize(I))))
      return error(Step) << "reads outside dimension " << I << " of " << At;
    Out.push_back(Size);
  }
  return Out;
}

FailureOr<RecipeVerifier::Shape> RecipeVerifier::pad(StepAttr Step) {
  ArrayRef<int64_t> Ints = Step.getInts();
  int64_t Rank = At.getRank();
  Shape Out(At.getShape());
  for (int64_t I = 0; I < Rank; ++I)
    if (Ints[I] < 0 || Ints[Rank + I] < 0 ||
        __builtin_add_overflow(Out[I], Ints[I], &Out[I]) ||
        __builtin_add_overflow(Out[I], Ints[Rank + I], &Out[I]))
      return error(Step) << "pads by a negative or too large amount";
  return Out;
}

FailureOr<RecipeVerifier::Shape> RecipeVerifier::packPanels(StepAttr Step) {
  int64_t Width = Step.getInts().front();
  if (At.getRank() < 2 || Width < 1)
    return error(Step) << "needs [.., K, N] and a positive panel width";
  Shape Out(At.getShape());
  int64_t N = Out.pop_back_val(), K = Out.pop_back_val();
  Out.append({N / Width + (N % Width != 0), K, Width});
  return Out;
}

/// The step's own type must be what its integers make of the type before.
LogicalResult RecipeVerifier::verifyShape(StepAttr Step) {
  FailureOr<Shape> Made = Shape(At.getShape());
  switch (Step.getKind()) {
  case RecipeKind::Reshape:
    if (Step.getType().getNumElements() != At.getNumElements())
      return error(Step) << "changes the number of elements of " << At;
    return success();
  case RecipeKind::Transpose:
    Made = transpose(Step);
    break;
  case RecipeKind::Slice:
    Made = slice(Step);
    break;
  case RecipeKind::Pad:
    Made = pad(Step);
    break;
  case RecipeKind::PackPanels:
    Made = packPanels(Step);
    break;
  case RecipeKind::Concat: {
    // What the operand adds is known with it: verifySymbolUses.
    int64_t Axis = Step.getInts().front();
    if (Axis < 0 || Axis >= At.getRank() ||
        Step.getType().getRank() != At.getRank())
      return error(Step) << "has no such axis in " << At;
    (*Made)[Axis] = Step.getType().getDimSize(Axis);
    break;
  }
  case RecipeKind::Cast:
  case RecipeKind::Multiply:
  case RecipeKind::Add:
  case RecipeKind::Subtract:
    break;
  }
  if (failed(Made))
    return failure();
  if (ArrayRef<int64_t>(*Made) != Step.getType().getShape())
    return error(Step) << "does not give this shape from " << At;
  return success();
}

LogicalResult RecipeVerifier::verifyStep(StepAttr Step) {
  RecipeKind Kind = Step.getKind();
  if (!isStatic(Step.getType()))
    return error(Step) << "needs a static tensor of a dure element type";
  int64_t Rank = At.getRank();
  size_t Ints = Kind == RecipeKind::Transpose    ? Rank
                : Kind == RecipeKind::Slice      ? 3 * Rank
                : Kind == RecipeKind::Pad        ? 2 * Rank
                : Kind == RecipeKind::PackPanels ? 1
                : Kind == RecipeKind::Concat     ? 1
                : isBlocked(Step)                ? 2
                                                 : 0;
  if (Step.getInts().size() != Ints)
    return error(Step) << "needs " << Ints << " integers for " << At;
  int Operands = (Step.getOther() ? 1 : 0) + (Step.getConstant() ? 1 : 0);
  if (Kind == RecipeKind::Concat && !Step.getOther())
    return error(Step) << "needs another weight";
  if (Operands != (hasOperand(Kind) ? 1 : 0))
    return error(Step) << (hasOperand(Kind)
                               ? "needs another weight or a constant"
                               : "takes no other operand");
  if (Kind != RecipeKind::Cast &&
      Step.getType().getElementType() != At.getElementType())
    return error(Step) << "changes the element type of " << At;
  if (failed(verifyShape(Step)))
    return failure();
  if (DenseElementsAttr Constant = Step.getConstant()) {
    auto Type = dyn_cast<RankedTensorType>(Constant.getType());
    if (!Type || !isStatic(Type) || !operandFits(Step, Type))
      return error(Step) << "its constant of type " << Constant.getType()
                         << " does not fit";
  }
  At = Step.getType();
  return success();
}

LogicalResult RecipeVerifier::verify() {
  if (failed(verifyData()))
    return failure();
  if (ArrayAttr Recipe = Op.getRecipeAttr())
    for (StepAttr Step : Recipe.getAsRange<StepAttr>())
      if (failed(verifyStep(Step)))
        return failure();
  if (At != Op.getType())
    return Op.emitOpError("the recipe ends in ")
           << At << ", the weight has type " << Op.getType();
  return success();
}

LogicalResult WeightOp::verify() { return RecipeVerifier(*this).verify(); }

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Recipes may use weights whose recipes use weights, this deep: evaluation
/// recurses. A circle is deeper than any bound.
static constexpr unsigned MaxRecipeDepth = 32;

/// Whether all that a recipe reads lies within `Depth` recipes; `Known` holds
/// how much room has been found enough for a weight.
static bool isShallow(WeightOp Op, unsigned Depth,
                      SymbolTableCollection &Symbols,
                      llvm::SmallDenseMap<Operation *, unsigned> &Known) {
  if (Depth == 0)
    return false;
  if (auto It = Known.find(Op); It != Known.end() && It->second <= Depth)
    return true;
  if (ArrayAttr Recipe = Op.getRecipeAttr())
    for (StepAttr Step : Recipe.getAsRange<StepAttr>()) {
      FlatSymbolRefAttr Name = Step.getOther();
      auto Other =
          Name ? Symbols.lookupNearestSymbolFrom<WeightOp>(Op, Name) : nullptr;
      if (Other && !isShallow(Other, Depth - 1, Symbols, Known))
        return false;
    }
  Known[Op] = Depth;
  return true;
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &Symbols) {
  ArrayAttr Recipe = getRecipeAttr();
  if (!Recipe)
    return success();
  RankedTensorType Next = getData().getType();
  for (StepAttr Step : Recipe.getAsRange<StepAttr>()) {
    RankedTensorType At = std::exchange(Next, Step.getType());
    if (!Step.getOther())
      continue;
    auto Other =
        Symbols.lookupNearestSymbolFrom<WeightOp>(*this, Step.getOther());
    if (!Other)
      return emitOpError("no weight named ") << Step.getOther();
    bool Fits = Step.getKind() == RecipeKind::Concat
                    ? operandFollows(Step, At, Other.getType())
                    : operandFits(Step, Other.getType());
    if (!Fits)
      return emitOpError("step ")
             << Step << ": weight " << Step.getOther() << " of type "
             << Other.getType() << " does not fit";
  }
  llvm::SmallDenseMap<Operation *, unsigned> Known;
  if (!isShallow(*this, MaxRecipeDepth, Symbols, Known))
    return emitOpError("recipes of weights lead to each other in a circle, or "
                       "more than ")
           << MaxRecipeDepth << " deep";
  return success();
}
