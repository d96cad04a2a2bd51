// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Interval arithmetic on what padding adds.
#include "compiler/passes/specialize/PadContent.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;
using namespace dure;

PadContent PadContent::operator|(const PadContent &Other) const {
  if (IsAny || Other.IsAny)
    return any();
  if ((isInfinite() || Other.isInfinite()) && Low != Other.Low)
    return any();
  return within(std::min(Low, Other.Low), std::max(High, Other.High));
}

PadContent dure::contentOf(DenseElementsAttr Value) {
  constexpr int64_t Few = 1 << 16;
  if (Value.getNumElements() == 0 ||
      (!Value.isSplat() && Value.getNumElements() > Few))
    return PadContent::ordinary();
  std::optional<PadContent> Out;
  auto Add = [&](double Number) {
    PadContent One =
        std::isnan(Number) ? PadContent::any() : PadContent::exactly(Number);
    Out = Out ? *Out | One : One;
  };
  Type Element = Value.getElementType();
  if (isa<FloatType>(Element)) {
    for (APFloat Number : Value.getValues<APFloat>()) {
      bool Loses = false;
      Number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                     &Loses);
      Add(Number.convertToDouble());
    }
  } else {
    bool IsUnsigned = Element.isUnsignedInteger() || Element.isInteger(1);
    for (const APInt &Number : Value.getValues<APInt>())
      Add(IsUnsigned ? Number.roundToDouble(false)
                     : Number.roundToDouble(true));
  }
  return *Out;
}

/// The smallest interval with all of these ends; a NaN among them (0 times
/// infinity, infinity less infinity) makes it unbounded.
static PadContent hull(std::initializer_list<double> Ends) {
  double Low = *Ends.begin(), High = Low;
  for (double End : Ends) {
    if (std::isnan(End))
      return PadContent::ordinary();
    Low = std::min(Low, End);
    High = std::max(High, End);
  }
  return PadContent::within(Low, High);
}

static PadContent product(const PadContent &L, const PadContent &R) {
  // Zero times an ordinary number is zero, however large that may be.
  if (L.isExactly(0) || R.isExactly(0))
    return PadContent::exactly(0);
  return hull({L.Low * R.Low, L.Low * R.High, L.High * R.Low, L.High * R.High});
}

/// Ops on i1, whose elements are 0 and 1.
static std::optional<PadContent> logical(Operation *Op,
                                         ArrayRef<PadContent> Of) {
  auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
  if (!Type.getElementType().isInteger(1))
    return std::nullopt;
  if (isa<AndOp>(Op)) {
    if (Of[0].isExactly(0) || Of[1].isExactly(0))
      return PadContent::exactly(0);
    if (Of[0].isExactly(1) && Of[1].isExactly(1))
      return PadContent::exactly(1);
  }
  if (isa<OrOp>(Op)) {
    if (Of[0].isExactly(1) || Of[1].isExactly(1))
      return PadContent::exactly(1);
    if (Of[0].isExactly(0) && Of[1].isExactly(0))
      return PadContent::exactly(0);
  }
  if (isa<NotOp>(Op) && Of[0].isWithin(0, 1))
    return PadContent::within(1 - Of[0].High, 1 - Of[0].Low);
  if (isa<CastOp>(Op)) {
    if (Of[0].isExactly(0))
      return PadContent::exactly(0);
    if (!Of[0].holds(0))
      return PadContent::exactly(1);
  }
  if (auto Compare = dyn_cast<CompareOp>(Op);
      Compare && !Of[0].IsAny && !Of[1].IsAny) {
    bool Less = Of[0].High<Of[1].Low, More = Of[0].Low> Of[1].High;
    bool Same = Of[0].Low == Of[0].High && Of[1].isExactly(Of[0].Low);
    auto Decided = [&](bool IsTrue, bool IsFalse) {
      return IsTrue    ? PadContent::exactly(1)
             : IsFalse ? PadContent::exactly(0)
                       : PadContent::within(0, 1);
    };
    switch (Compare.getPredicate()) {
    case ComparePredicate::EQ:
      return Decided(Same, Less || More);
    case ComparePredicate::NE:
      return Decided(Less || More, Same);
    case ComparePredicate::LT:
      return Decided(Less, More || Same);
    case ComparePredicate::LE:
      return Decided(Less || Same, More);
    case ComparePredicate::GT:
      return Decided(More, Less || Same);
    case ComparePredicate::GE:
      return Decided(More || Same, Less);
    }
  }
  return PadContent::within(0, 1);
}

/// What a division makes; nothing where it may be one of integers by zero.
static std::optional<PadContent> quotient(Operation *Op, PadContent By) {
  auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
  if (!By.holds(0))
    return PadContent::ordinary();
  if (isa<FloatType>(Type.getElementType()))
    return PadContent::any();
  return std::nullopt;
}

std::optional<PadContent> dure::elementwiseContent(Operation *Op,
                                                   ArrayRef<PadContent> Of) {
  if (std::optional<PadContent> Known = logical(Op, Of))
    return Known;
  if (isa<DivOp, ModOp>(Op)) {
    std::optional<PadContent> Made = quotient(Op, Of[1]);
    return Made && Of[0].IsAny ? PadContent::any() : Made;
  }
  // What is not chosen may be anything.
  if (isa<SelectOp>(Op)) {
    if (Of[0].isExactly(0))
      return Of[2];
    return Of[0].isExactly(1) ? Of[1] : Of[1] | Of[2];
  }
  auto IsUnusual = [](const PadContent &Each) {
    return Each.IsAny || Each.isInfinite();
  };
  if (llvm::any_of(Of, IsUnusual))
    return PadContent::any();
  PadContent L = Of.front(), R = Of.back();
  return llvm::TypeSwitch<Operation *, PadContent>(Op)
      .Case([&](AddOp) {
        return hull({L.Low + R.Low, L.High + R.High});
      })
      .Case([&](SubOp) {
        return hull({L.Low - R.High, L.High - R.Low});
      })
      .Case([&](MulOp) { return product(L, R); })
      .Case([&](NegOp) { return PadContent::within(-L.High, -L.Low); })
      .Case([&](MinOp) {
        return PadContent::within(std::min(L.Low, R.Low),
                                  std::min(L.High, R.High));
      })
      .Case([&](MaxOp) {
        return PadContent::within(std::max(L.Low, R.Low),
                                  std::max(L.High, R.High));
      })
      .Case([&](ReluOp) {
        return PadContent::within(std::max(L.Low, 0.0), std::max(L.High, 0.0));
      })
      .Case([&](CastOp Cast) {
        // Whole numbers stay; fractions are cut, what is too large changes.
        bool Keeps = L.isWithin(-128, 127) && std::floor(L.Low) == L.Low &&
                     std::floor(L.High) == L.High;
        auto To = dyn_cast<FloatType>(Cast.getType().getElementType());
        bool IsNarrow = To && To.getWidth() < 32;
        auto IsLarge = [](double End) {
          return std::isfinite(End) && std::abs(End) > 32768;
        };
        if (Keeps || (To && !IsNarrow))
          return L;
        return IsNarrow && (IsLarge(L.Low) || IsLarge(L.High))
                   ? PadContent::any()
                   : PadContent::ordinary();
      })
      .Case<LogOp, RsqrtOp, ReciprocalOp, PowOp>([&](Operation *) {
        return L.Low > 0 ? PadContent::ordinary() : PadContent::any();
      })
      .Case([&](SqrtOp) {
        return L.Low >= 0 ? PadContent::ordinary() : PadContent::any();
      })
      .Case([&](BitcastOp) { return PadContent::any(); })
      .Default([](Operation *) { return PadContent::ordinary(); });
}
