// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise arithmetic, comparison and logic; integers of shapes computed
// while importing.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace dure::onnx {

//===----------------------------------------------------------------------===//
// Integers of shapes
//===----------------------------------------------------------------------===//

/// Division as ONNX does it truncates; expressions floor. The two agree when
/// neither side is negative.
static std::optional<DimExpr> truncatedDiv(const DimExpr &L, const DimExpr &R) {
  if (L.constant() && R.constant()) {
    if (*R.constant() == 0 || *R.constant() == -1)
      return std::nullopt;
    return DimExpr(*L.constant() / *R.constant());
  }
  if (L.isNonNegative() && R.isPositive())
    return DimExpr::floorDiv(L, R);
  return std::nullopt;
}

/// The truth of `L < R`, when it does not depend on the symbols.
static std::optional<bool> lessThan(const DimExpr &L, const DimExpr &R) {
  if ((R - L).isPositive())
    return true;
  if ((L - R).isNonNegative())
    return false;
  return std::nullopt;
}

static std::optional<bool> equals(const DimExpr &L, const DimExpr &R) {
  if (L == R)
    return true;
  DimExpr Difference = L - R;
  if (Difference.isPositive() || (R - L).isPositive())
    return false;
  return std::nullopt;
}

static std::optional<DimExpr> truth(std::optional<bool> Value) {
  if (!Value)
    return std::nullopt;
  return DimExpr(*Value ? 1 : 0);
}

static std::optional<DimExpr> negated(std::optional<DimExpr> Value) {
  if (!Value)
    return std::nullopt;
  return DimExpr(1) - *Value;
}

/// One element of a binary operator on expressions.
static std::optional<DimExpr> fold(llvm::StringRef Op, const DimExpr &L,
                                   const DimExpr &R) {
  if (Op == "Add")
    return L + R;
  if (Op == "Sub")
    return L - R;
  if (Op == "Mul")
    return L * R;
  if (Op == "Div")
    return truncatedDiv(L, R);
  if (Op == "Mod" && R.isPositive())
    return DimExpr::mod(L, R);
  if (Op == "Min")
    return DimExpr::min(L, R);
  if (Op == "Max")
    return DimExpr::max(L, R);
  if (Op == "Equal")
    return truth(equals(L, R));
  if (Op == "Less")
    return truth(lessThan(L, R));
  if (Op == "Greater")
    return truth(lessThan(R, L));
  if (Op == "LessOrEqual")
    return negated(truth(lessThan(R, L)));
  if (Op == "GreaterOrEqual")
    return negated(truth(lessThan(L, R)));
  bool Bits = L.constant() && R.constant();
  if (Op == "And" && Bits)
    return DimExpr(*L.constant() & *R.constant());
  if (Op == "Or" && Bits)
    return DimExpr(*L.constant() | *R.constant());
  return std::nullopt;
}

/// The truth of a comparison, or of two truths, as an expression that is 0
/// or 1. Of sizes alone: differences of what is read at run time may overflow.
static std::optional<DimExpr> symbolicTruth(llvm::StringRef Op,
                                            const DimExpr &L, const DimExpr &R,
                                            bool OfTruths) {
  auto IsOfSizes = [](const DimExpr &E) {
    return E.valid() && E.str().find('$') == std::string::npos;
  };
  if (!IsOfSizes(L) || !IsOfSizes(R))
    return std::nullopt;
  DimExpr Zero(0), One(1);
  auto IsPositive = [&](const DimExpr &E) {
    return DimExpr::max(Zero, DimExpr::min(One, E));
  };
  std::optional<DimExpr> Truth;
  if (OfTruths && Op == "And")
    Truth = DimExpr::min(L, R);
  else if (OfTruths && Op == "Or")
    Truth = DimExpr::max(L, R);
  else if (Op == "Equal")
    Truth = One - DimExpr::min(One, DimExpr::max(L - R, R - L));
  else if (Op == "Less")
    Truth = IsPositive(R - L);
  else if (Op == "Greater")
    Truth = IsPositive(L - R);
  else if (Op == "LessOrEqual")
    Truth = One - IsPositive(L - R);
  else if (Op == "GreaterOrEqual")
    Truth = One - IsPositive(R - L);
  return Truth && Truth->valid() ? Truth : std::nullopt;
}

/// Known integers in the shape of `Like`; null when the element type may not
/// hold them, so that they must be computed at run time.
static Value integersThatFit(OpImport &C, Dims Values, Value Like,
                             Type Element) {
  for (DimExpr &E : Values) {
    std::optional<DimExpr> Fits = C.asRequiredInteger(E, Element);
    if (!Fits)
      return {};
    E = *Fits;
  }
  return C.integers(Values, rankOf(Like) == 0, Element);
}

/// Element `I` under broadcasting of lists.
static const DimExpr &at(const Dims &List, size_t I) {
  return List[List.size() == 1 ? 0 : I];
}

/// A binary operator on known integers: known again. Null without a refusal
/// when it must be computed at run time.
static Value foldBinary(OpImport &C, llvm::StringRef Op, Value L, Value R,
                        Type Element) {
  std::optional<Dims> Left = C.tracked(L), Right = C.tracked(R);
  if (!Left || !Right || !isa<IntegerType>(elementOf(L)) ||
      elementOf(L) != elementOf(R))
    return {};
  size_t Count = Left->size() == 1 ? Right->size() : Left->size();
  if (Right->size() != 1 && Right->size() != Count)
    return {};
  Dims Out;
  for (size_t I = 0; I < Count; ++I) {
    std::optional<DimExpr> Each = fold(Op, at(*Left, I), at(*Right, I));
    // An i32 that overflows at run time must overflow here as well.
    Each = Each ? asInteger(*Each, Element) : std::nullopt;
    // Lists of truths choose elements, which is done at run time; a single one
    // is a condition for the host.
    if (!Each && Count == 1 && Element.isInteger(1))
      Each = symbolicTruth(Op, at(*Left, I), at(*Right, I),
                           elementOf(L).isInteger(1));
    if (!Each)
      return {};
    Out.push_back(C.settle(*Each));
  }
  return C.integers(Out, rankOf(L) == 0 && rankOf(R) == 0, Element);
}

//===----------------------------------------------------------------------===//
// Importers
//===----------------------------------------------------------------------===//

/// The dure op of the same meaning: Sqrt -> dure.sqrt.
static llvm::StringRef dureOp(llvm::StringRef Op) {
  return llvm::StringSwitch<llvm::StringRef>(Op)
      .Case("Abs", "dure.abs")
      .Case("Neg", "dure.neg")
      .Case("Sign", "dure.sign")
      .Case("Exp", "dure.exp")
      .Case("Log", "dure.log")
      .Case("Sqrt", "dure.sqrt")
      .Case("Reciprocal", "dure.reciprocal")
      .Case("Erf", "dure.erf")
      .Case("Sin", "dure.sin")
      .Case("Cos", "dure.cos")
      .Case("Floor", "dure.floor")
      .Case("Ceil", "dure.ceil")
      .Case("Round", "dure.round")
      .Cases({"Not", "BitwiseNot"}, "dure.not")
      .Case("IsNaN", "dure.is_nan")
      .Case("Add", "dure.add")
      .Case("Sub", "dure.sub")
      .Case("Mul", "dure.mul")
      .Case("Div", "dure.div")
      .Cases({"Min"}, "dure.min")
      .Cases({"Max"}, "dure.max")
      .Cases({"And", "BitwiseAnd"}, "dure.and")
      .Cases({"Or", "BitwiseOr"}, "dure.or")
      .Cases({"Xor", "BitwiseXor"}, "dure.xor")
      .Default("");
}

/// y = f(x)
static LogicalResult importUnary(OpImport &C) {
  Value X = C.in(0);
  std::optional<Dims> Known = C.tracked(X);
  if (Known && C.op() == "Neg") {
    for (DimExpr &E : *Known)
      E = DimExpr(0) - E;
    if (Value Y = integersThatFit(C, *Known, X, elementOf(X)))
      return C.result(Y);
  }
  if (Known && C.op() == "Not" && elementOf(X).isInteger(1)) {
    for (DimExpr &E : *Known)
      E = DimExpr(1) - E;
    return C.result(C.integers(*Known, rankOf(X) == 0, elementOf(X)));
  }
  return C.result(C.createNamed(dureOp(C.op()), {X}, {}));
}

/// z = f(x, y), broadcasting
static LogicalResult importBinary(OpImport &C) {
  Value L = C.in(0), R = C.in(1);
  if (L && R)
    if (Value Known = foldBinary(C, C.op(), L, R, elementOf(L)))
      return C.result(Known);
  return C.result(C.createNamed(dureOp(C.op()), {L, R}, {}));
}

/// y = f(x0, x1, ...), broadcasting; one operand passes.
static LogicalResult importVariadic(OpImport &C) {
  Value Sum = C.in(0);
  llvm::StringRef Op = C.op() == "Sum" || C.op() == "Mean" ? "Add" : C.op();
  for (unsigned I = 1; I < C.numInputs() && Sum; ++I) {
    Value Next = C.in(I);
    Value Known = Next ? foldBinary(C, Op, Sum, Next, elementOf(Sum)) : Value();
    Sum = Known ? Known : C.createNamed(dureOp(Op), {Sum, Next}, {});
  }
  if (C.op() == "Mean")
    Sum = C.create<DivOp>({Sum, C.scalarLike(Sum, C.numInputs())});
  return C.result(Sum);
}

/// z = x ? y as bool
static LogicalResult importCompare(OpImport &C) {
  Value L = C.in(0), R = C.in(1);
  if (L && R)
    if (Value Known = foldBinary(C, C.op(), L, R, C.builder().getI1Type()))
      return C.result(Known);
  auto How = llvm::StringSwitch<ComparePredicate>(C.op())
                 .Case("Equal", ComparePredicate::EQ)
                 .Case("Less", ComparePredicate::LT)
                 .Case("LessOrEqual", ComparePredicate::LE)
                 .Case("Greater", ComparePredicate::GT)
                 .Default(ComparePredicate::GE);
  return C.result(C.compare(C.chosen(L), C.chosen(R), How));
}

/// x^y for integers x and floats y. A y that is whole gives what integers give,
/// exactly; another the real power towards zero, where a result that is whole
/// but for the rounding of the power itself counts as whole (4^0.5 is 2).
static Value integerToFloatPower(OpImport &C, Value X, Value Y) {
  Type F64 = C.builder().getF64Type(), I64 = C.builder().getI64Type();
  Value N = C.cast(Y, I64);
  Value IsWhole = C.compare(C.cast(N, elementOf(Y)), Y, ComparePredicate::EQ);
  Value Whole = C.create<PowOp>({X, N});
  Value Real = C.create<PowOp>({C.cast(X, F64), C.cast(Y, F64)});
  Value Near = C.create<RoundOp>({Real});
  Value Distance = C.create<AbsOp>({C.create<SubOp>({Real, Near})});
  Value Allowed =
      C.create<MulOp>({C.create<AbsOp>({Near}), C.scalarLike(Near, 1e-12)});
  Value IsNear = C.compare(Distance, Allowed, ComparePredicate::LE);
  Real = C.create<SelectOp>({IsNear, Near, Real});
  return C.create<SelectOp>({IsWhole, Whole, C.cast(Real, elementOf(X))});
}

/// z = x^y in the type of x
static LogicalResult importPow(OpImport &C) {
  Value X = C.in(0), Y = C.in(1);
  if (!X || !Y)
    return failure();
  if (isa<IntegerType>(elementOf(X)) && isa<FloatType>(elementOf(Y)))
    return C.result(integerToFloatPower(C, X, Y));
  return C.result(C.create<PowOp>({X, Y}));
}

/// z = x % y: with fmod the sign of x, else the sign of y.
static LogicalResult importMod(OpImport &C) {
  Value L = C.in(0), R = C.in(1);
  bool Fmod = C.boolAttr("fmod", false);
  if (L && !Fmod && C.version() < 28 && isa<FloatType>(elementOf(L)))
    return C.refuse(RefusalCode::AttributeBad,
                    {"fmod", "must be 1 for floating point elements"});
  if (L && R && !Fmod)
    if (Value Known = foldBinary(C, "Mod", L, R, elementOf(L)))
      return C.result(Known);
  return C.result(C.create<ModOp>({L, R}, {C.named("fmod", Fmod)}));
}

/// z = x << y or x >> y
static LogicalResult importBitShift(OpImport &C) {
  llvm::StringRef Direction = C.stringAttr("direction", "");
  if (Direction != "LEFT" && Direction != "RIGHT")
    return C.refuse(RefusalCode::AttributeBad,
                    {"direction", "must be LEFT or RIGHT"});
  if (Direction == "LEFT")
    return C.result(C.create<ShiftLeftOp>({C.in(0), C.in(1)}));
  return C.result(C.create<ShiftRightOp>({C.in(0), C.in(1)}));
}

/// y = x is infinite, of the asked signs
static LogicalResult importIsInf(OpImport &C) {
  bool Negative = C.boolAttr("detect_negative", true);
  bool Positive = C.boolAttr("detect_positive", true);
  return C.result(
      C.create<IsInfOp>({C.in(0)}, {C.named("negative", Negative),
                                    C.named("positive", Positive)}));
}

/// y = x in another element type
static LogicalResult importCast(OpImport &C) {
  Value X = C.in(0);
  Type To = C.op() == "CastLike" ? (C.in(1) ? elementOf(C.in(1)) : Type())
                                 : C.element(C.intAttr("to", 0));
  bool Saturate = C.boolAttr("saturate", true);
  // Only wide float to fp8 knows another rounding than the nearest.
  if (C.stringAttr("round_mode", "up") != "up")
    return C.refuse(RefusalCode::AttributeBad, {"round_mode", "must be up"});
  if (!X || !To)
    return failure();
  if (std::optional<Dims> Known = C.tracked(X);
      Known && isa<IntegerType>(To) && !To.isInteger(1))
    if (Value Y = integersThatFit(C, *Known, X, To))
      return C.result(Y);
  if (elementOf(X) == To)
    return C.result(X);
  // Integers of 4 bits are what is left of wider ones, also of floats'.
  if (To.isInteger(4) && isa<FloatType>(elementOf(X)))
    X = C.cast(X, C.builder().getI32Type());
  return C.result(C.create<CastOp>(
      {X}, {C.named("to", To), C.named("saturate", Saturate)}));
}

/// y = the bits of x as another element type
static LogicalResult importBitCast(OpImport &C) {
  Type To = C.element(C.intAttr("to", 0));
  if (!To)
    return failure();
  return C.result(C.create<BitcastOp>({C.in(0)}, {C.named("to", To)}));
}

/// Where on known integers under a condition that is known: known again. Null
/// without a refusal when it must be computed at run time.
static Value selectKnown(OpImport &C, Value Condition, Value X, Value Y) {
  std::optional<Dims> If = C.tracked(Condition), Then = C.tracked(X),
                      Else = C.tracked(Y);
  if (!If || !Then || !Else || elementOf(X) != elementOf(Y) ||
      !elementOf(Condition).isInteger(1))
    return {};
  size_t Count = 1;
  for (size_t Size : {If->size(), Then->size(), Else->size()}) {
    if (Size != 1 && Count != 1 && Size != Count)
      return {};
    Count = Size == 1 ? Count : Size;
  }
  Dims Out;
  for (size_t I = 0; I < Count; ++I) {
    std::optional<int64_t> Known = at(*If, I).constant();
    if (!Known)
      return {};
    Out.push_back(*Known ? at(*Then, I) : at(*Else, I));
  }
  bool Scalar = !rankOf(Condition) && !rankOf(X) && !rankOf(Y);
  return C.integers(Out, Scalar, elementOf(X));
}

/// z = condition ? x : y, broadcasting
static LogicalResult importWhere(OpImport &C) {
  Value Condition = C.in(0), X = C.in(1), Y = C.in(2);
  if (!Condition || !X || !Y)
    return failure();
  if (Value Known = selectKnown(C, Condition, X, Y))
    return C.result(Known);
  return C.result(C.create<SelectOp>({Condition, X, Y}));
}

/// y = min(max(x, low), high); bounds may be left out.
static LogicalResult importClip(OpImport &C) {
  Value X = C.in(0);
  if (C.version() < 11) { // Bounds were attributes.
    if (C.attribute("min"))
      X = C.create<MaxOp>({X, C.scalarLike(X, C.floatAttr("min", 0))});
    if (C.attribute("max"))
      X = C.create<MinOp>({X, C.scalarLike(X, C.floatAttr("max", 0))});
    return C.result(X);
  }
  if (C.has(1))
    X = C.create<MaxOp>({X, C.in(1)});
  if (C.has(2))
    X = C.create<MinOp>({X, C.in(2)});
  return C.result(X);
}

ArrayRef<OpEntry> elementwiseOps() {
  static const OpEntry Table[] = {
      {"Abs", {6, 13}, 1, 1, importUnary},
      {"Neg", {6, 13}, 1, 1, importUnary},
      {"Sign", {9, 13}, 1, 1, importUnary},
      {"Exp", {6, 13}, 1, 1, importUnary},
      {"Log", {6, 13}, 1, 1, importUnary},
      {"Sqrt", {6, 13}, 1, 1, importUnary},
      {"Reciprocal", {6, 13}, 1, 1, importUnary},
      {"Erf", {9, 13}, 1, 1, importUnary},
      {"Sin", {7, 22}, 1, 1, importUnary},
      {"Cos", {7, 22}, 1, 1, importUnary},
      {"Floor", {6, 13}, 1, 1, importUnary},
      {"Ceil", {6, 13}, 1, 1, importUnary},
      {"Round", {11, 22}, 1, 1, importUnary},
      {"Not", {1}, 1, 1, importUnary},
      {"BitwiseNot", {18}, 1, 1, importUnary},
      {"IsNaN", {9, 13, 20}, 1, 1, importUnary},
      {"IsInf", {10, 20}, 1, 1, importIsInf},
      {"Add", {7, 13, 14}, 2, 2, importBinary},
      {"Sub", {7, 13, 14}, 2, 2, importBinary},
      {"Mul", {7, 13, 14}, 2, 2, importBinary},
      {"Div", {7, 13, 14}, 2, 2, importBinary},
      {"Pow", {7, 12, 13, 15}, 2, 2, importPow},
      {"And", {7}, 2, 2, importBinary},
      {"Or", {7}, 2, 2, importBinary},
      {"Xor", {7}, 2, 2, importBinary},
      {"BitwiseAnd", {18}, 2, 2, importBinary},
      {"BitwiseOr", {18}, 2, 2, importBinary},
      {"BitwiseXor", {18}, 2, 2, importBinary},
      {"BitShift", {11, 28}, 2, 2, importBitShift},
      {"Mod", {10, 13, 28}, 2, 2, importMod},
      {"Min", {6, 8, 12, 13}, 1, ~0u, importVariadic},
      {"Max", {6, 8, 12, 13}, 1, ~0u, importVariadic},
      {"Sum", {6, 8, 13}, 1, ~0u, importVariadic},
      {"Mean", {6, 8, 13}, 1, ~0u, importVariadic},
      {"Equal", {7, 11, 13, 19}, 2, 2, importCompare},
      {"Less", {7, 9, 13}, 2, 2, importCompare},
      {"LessOrEqual", {12, 16}, 2, 2, importCompare},
      {"Greater", {7, 9, 13}, 2, 2, importCompare},
      {"GreaterOrEqual", {12, 16}, 2, 2, importCompare},
      {"Cast", {6, 9, 13, 19, 21, 23, 24, 25, 28}, 1, 1, importCast},
      {"CastLike", {15, 19, 21, 23, 24, 25}, 2, 2, importCast},
      {"BitCast", {26}, 1, 1, importBitCast},
      {"Where", {9, 16}, 3, 3, importWhere},
      {"Clip", {6, 11, 12, 13}, 1, 3, importClip},
  };
  return Table;
}

} // namespace dure::onnx
