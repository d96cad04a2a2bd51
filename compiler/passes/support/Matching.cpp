// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small questions that patterns on dure ask about values.
#include "compiler/passes/support/Matching.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace dure {

DenseElementsAttr constantOf(Value V) {
  auto Op = V ? V.getDefiningOp<ConstantOp>() : ConstantOp();
  return Op ? dyn_cast<DenseElementsAttr>(Op.getValue()) : DenseElementsAttr();
}

std::optional<double> splatNumber(Value V) {
  // Types that the number is cast to on the way, the last first.
  SmallVector<FloatType> Casts;
  while (Operation *Op = V ? V.getDefiningOp() : nullptr) {
    if (isa<BroadcastOp, ReshapeOp>(Op)) {
      V = Op->getOperand(0);
      continue;
    }
    auto Cast = dyn_cast<CastOp>(Op);
    auto To = Cast ? dyn_cast<FloatType>(Cast.getTo()) : FloatType();
    // A truth value is 0 or 1 in every type.
    if (Cast && typeOf(Cast.getX()).getElementType().isInteger(1) &&
        Cast.getTo().getIntOrFloatBitWidth() >= 16) {
      V = Cast.getX();
      continue;
    }
    // fp8 saturates or not: no number to match.
    if (!To || To.getWidth() < 16 ||
        !isa<FloatType>(typeOf(Cast.getX()).getElementType()))
      break;
    Casts.push_back(To);
    V = Cast.getX();
  }
  DenseElementsAttr Value = constantOf(V);
  if (!Value || Value.getNumElements() == 0 || !Value.isSplat())
    return std::nullopt;
  if (isa<FloatType>(Value.getElementType())) {
    APFloat Number = Value.getSplatValue<APFloat>();
    bool Lost;
    for (FloatType To : llvm::reverse(Casts))
      Number.convert(To.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                     &Lost);
    Number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Lost);
    return Number.convertToDouble();
  }
  if (auto Integer = dyn_cast<IntegerType>(Value.getElementType())) {
    APInt Number = Value.getSplatValue<APInt>();
    return Integer.isUnsigned() || Integer.getWidth() == 1
               ? static_cast<double>(Number.getZExtValue())
               : static_cast<double>(Number.getSExtValue());
  }
  return std::nullopt;
}

bool isSplatBool(Value V, bool Expected) {
  if (!typeOf(V).getElementType().isInteger(1))
    return false;
  std::optional<double> Number = splatNumber(V);
  return Number && (*Number != 0) == Expected;
}

bool isCloseTo(double Actual, double Expected, Type Element) {
  double Tolerance = Element.isF16()    ? 1e-3
                     : Element.isBF16() ? 8e-3
                     : Element.isF64()  ? 1e-14
                                        : 1e-6;
  return std::abs(Actual - Expected) <= Tolerance * std::abs(Expected);
}

bool isLowest(double Number, Type Element) {
  // Half a unit in the last place of such numbers is 2^103 and more; of the
  // lowest f16 it is 16.
  if (Element.isF16())
    return Number == -65504;
  return (Element.isF32() || Element.isBF16()) && std::isfinite(Number) &&
         Number <= -1e38;
}

bool Product::take(Value Factor) {
  auto At = llvm::find(Factors, Factor);
  if (At == Factors.end())
    return false;
  Factors.erase(At);
  return true;
}

/// `Depth` bounds the walk: longer chains are no pattern of ours.
static void flattenInto(Value V, Product &Out, bool Enter, bool EnterShared,
                        unsigned Depth) {
  if (std::optional<double> Number = splatNumber(V)) {
    Out.Number *= *Number;
    return;
  }
  Operation *Op = V.getDefiningOp();
  if (Op && (Enter || EnterShared || V.hasOneUse()) && Depth > 0) {
    auto Into = [&](Value X) {
      flattenInto(X, Out, /*Enter=*/false, EnterShared, Depth - 1);
    };
    if (auto Mul = dyn_cast<MulOp>(Op)) {
      Into(Mul.getLhs());
      Into(Mul.getRhs());
      return;
    }
    if (auto Div = dyn_cast<DivOp>(Op)) {
      std::optional<double> By = splatNumber(Div.getRhs());
      if (By && *By != 0 && isa<FloatType>(typeOf(V).getElementType())) {
        Out.Number /= *By;
        Into(Div.getLhs());
        return;
      }
    }
    if (auto Neg = dyn_cast<NegOp>(Op)) {
      Out.Number = -Out.Number;
      Into(Neg.getX());
      return;
    }
    if (auto Pow = dyn_cast<PowOp>(Op)) {
      std::optional<double> By = splatNumber(Pow.getRhs());
      if (By && (*By == 2 || *By == 3)) {
        for (int I = 0; I < *By; ++I)
          Into(Pow.getLhs());
        return;
      }
    }
  }
  Out.Factors.push_back(V);
}

Product flattenProduct(Value V, bool EnterShared) {
  Product Out;
  flattenInto(V, Out, /*Enter=*/true, EnterShared, /*Depth=*/6);
  return Out;
}

Value stripScale(Value V, double &Number) {
  while (Operation *Op = V.getDefiningOp()) {
    if (auto Mul = dyn_cast<MulOp>(Op)) {
      if (std::optional<double> By = splatNumber(Mul.getRhs());
          By && Mul.getLhs().getType() == V.getType()) {
        Number *= *By;
        V = Mul.getLhs();
        continue;
      }
      if (std::optional<double> By = splatNumber(Mul.getLhs());
          By && Mul.getRhs().getType() == V.getType()) {
        Number *= *By;
        V = Mul.getRhs();
        continue;
      }
    }
    if (auto Div = dyn_cast<DivOp>(Op)) {
      std::optional<double> By = splatNumber(Div.getRhs());
      if (By && *By != 0 && Div.getLhs().getType() == V.getType()) {
        Number /= *By;
        V = Div.getLhs();
        continue;
      }
    }
    return V;
  }
  return V;
}

SmallVector<int64_t> transposeOfLastTwo(Value &V) {
  SmallVector<int64_t> Permutation(typeOf(V).getRank());
  if (auto Inner = V.getDefiningOp<TransposeOp>()) {
    llvm::copy(Inner.getPermutation(), Permutation.begin());
    V = Inner.getX();
  } else {
    std::iota(Permutation.begin(), Permutation.end(), 0);
  }
  std::swap(Permutation.back(), Permutation[Permutation.size() - 2]);
  if (llvm::is_sorted(Permutation))
    Permutation.clear();
  return Permutation;
}

Value buildTransposeOfLastTwo(OpBuilder &Builder, Location Loc, Value V) {
  SmallVector<int64_t> Permutation = transposeOfLastTwo(V);
  if (Permutation.empty())
    return V;
  SmallVector<DimExpr> Dims;
  for (int64_t From : Permutation)
    Dims.push_back(dimOf(typeOf(V), From));
  return TransposeOp::create(Builder, Loc,
                             tensorOf(Dims, typeOf(V).getElementType()), V,
                             Builder.getDenseI64ArrayAttr(Permutation));
}

LogicalResult replaceSameType(PatternRewriter &Rewriter, Operation *Op,
                              Value With) {
  if (With.getType() != Op->getResult(0).getType())
    return Rewriter.notifyMatchFailure(Op, "the new value has another type");
  Rewriter.replaceOp(Op, With);
  return success();
}

LogicalResult applyPatterns(Operation *Root, RewritePatternSet &&Patterns) {
  if (succeeded(applyPatternsGreedily(Root, std::move(Patterns))))
    return success();
  Root->emitRemark("patterns of a pass do not come to rest");
  return success();
}

std::optional<SmallVector<int64_t>> matchUnitReshape(ReshapeOp Op) {
  RankedTensorType From = typeOf(Op.getX()), To = Op.getType();
  SmallVector<int64_t> Out;
  int64_t F = 0;
  auto SkipUnits = [&] {
    while (F < From.getRank() && dimOf(From, F).isConstant(1))
      ++F;
  };
  for (int64_t T = 0; T < To.getRank(); ++T) {
    if (dimOf(To, T).isConstant(1)) {
      Out.push_back(-1);
      continue;
    }
    SkipUnits();
    if (F == From.getRank() || dimOf(From, F) != dimOf(To, T))
      return std::nullopt;
    Out.push_back(F++);
  }
  SkipUnits();
  return F == From.getRank() ? std::optional(Out) : std::nullopt;
}

void keepEqualDims(func::FuncOp Function,
                   llvm::function_ref<bool(DimsAttr)> IsKept) {
  auto Pairs = Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr);
  if (!Pairs)
    return;
  SmallVector<Attribute> Kept;
  for (DimsAttr Pair : Pairs.getAsRange<DimsAttr>())
    if (IsKept(Pair))
      Kept.push_back(Pair);
  if (Kept.empty())
    Function->removeAttr(DureDialect::EqualDimsAttr);
  else
    Function->setAttr(DureDialect::EqualDimsAttr,
                      ArrayAttr::get(Function.getContext(), Kept));
}

} // namespace dure
