// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Losses: of log-probabilities, and of scores.

#include "frontends/onnx/OpImport.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// The loss of each sample, and what it weighs (null where all weigh 1).
static std::pair<Value, Value> lossOfEach(OpImport &C, Value LogProb,
                                          Value Target, Value Weight) {
  Dims Shape = dimsOf(typeOf(Target));
  Type Element = elementOf(LogProb);
  Target = C.cast(Target, C.builder().getI64Type());
  Value IsIgnored;
  if (C.attribute("ignore_index")) {
    // The ignored class need not exist: nothing may be read there.
    Value Ignored = C.integers({C.intAttr("ignore_index", 0)}, true);
    IsIgnored = C.compare(Target, Ignored, ComparePredicate::EQ);
    Target = C.create<SelectOp>({IsIgnored, C.integers({0}, true), Target});
  }
  Dims AsRow = Shape;
  AsRow.insert(AsRow.begin() + 1, DimExpr(1));
  Value Row = C.reshape(Target, AsRow);
  Value Picked = C.create<GatherElementsOp>(
      {LogProb, Row}, {C.named("axis", static_cast<int64_t>(1))});
  Value Loss = C.create<NegOp>({C.reshape(Picked, Shape)});
  Value Weighs;
  if (Weight) {
    Weighs = C.create<GatherOp>({Weight, Target},
                                {C.named("axis", static_cast<int64_t>(0))});
    Loss = C.create<MulOp>({Loss, Weighs});
  }
  if (IsIgnored) {
    Value Zero = C.scalar(Element, 0);
    Value Kept = Weighs ? Weighs : C.scalar(Element, 1);
    Weighs = C.create<SelectOp>({IsIgnored, Zero, Kept});
    Loss = C.create<SelectOp>({IsIgnored, Zero, Loss});
  }
  return {Loss, Weighs};
}

/// The negated log-probability of each sample's class, reduced as asked; by
/// default the mean that the classes' weights give.
static Value negativeLogLikelihood(OpImport &C, Value LogProb) {
  llvm::StringRef Reduction = C.stringAttr("reduction", "mean");
  if (Reduction != "none" && Reduction != "sum" && Reduction != "mean")
    return C.refuse(RefusalCode::AttributeBad,
                    {"reduction", "must be none, sum or mean"});
  Value Target = C.in(1);
  Value Weight = C.has(2) ? C.in(2) : Value();
  if (!LogProb || !Target || (C.has(2) && !Weight))
    return {};
  int64_t Rank = rankOf(LogProb);
  if (Rank < 2 || rankOf(Target) != Rank - 1)
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs [N, C, ...] and classes [N, ...]"});
  if (!isa<IntegerType>(elementOf(Target)) || elementOf(Target).isInteger(1))
    return C.refuse(RefusalCode::OperandsBad, {"classes must be integers"});
  for (int64_t I = 1; I < Rank; ++I)
    if (!C.equal(dimOf(typeOf(LogProb), I == 1 ? 0 : I),
                 dimOf(typeOf(Target), I - 1)))
      return {};
  if (Weight && rankOf(Weight) != 1)
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs one weight for each class"});
  if (Weight && !C.equal(dimOf(typeOf(Weight), 0), dimOf(typeOf(LogProb), 1)))
    return {};
  auto [Loss, Weighs] = lossOfEach(C, LogProb, Target, Weight);
  if (!Loss || Reduction == "none")
    return Loss;
  SmallVector<int64_t> All(Rank - 1);
  std::iota(All.begin(), All.end(), 0);
  if (Reduction == "mean" && !Weighs)
    return C.reduce(Loss, ReduceKind::Mean, All, false);
  Value Sum = C.reduce(Loss, ReduceKind::Sum, All, false);
  if (Reduction == "sum")
    return Sum;
  return C.create<DivOp>({Sum, C.reduce(Weighs, ReduceKind::Sum, All, false)});
}

static LogicalResult importNegativeLogLikelihood(OpImport &C) {
  return C.result(negativeLogLikelihood(C, C.in(0)));
}

/// The same of scores, which a softmax over the classes makes probabilities.
static LogicalResult importSoftmaxCrossEntropy(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  if (rankOf(X) < 2)
    return C.refuse(RefusalCode::ShapeRank, {"it needs [N, C, ...]"});
  Value LogProb = C.create<SoftmaxOp>(
      {X}, {C.named("axis", static_cast<int64_t>(1)), C.named("log", true)});
  if (C.wants(1) && failed(C.result(1, LogProb)))
    return failure();
  return C.result(negativeLogLikelihood(C, LogProb));
}

ArrayRef<OpEntry> lossOps() {
  static const OpEntry Table[] = {
      {"NegativeLogLikelihoodLoss",
       {12, 13, 22},
       2,
       3,
       importNegativeLogLikelihood},
      {"SoftmaxCrossEntropyLoss", {12, 13}, 2, 3, importSoftmaxCrossEntropy},
  };
  return Table;
}

} // namespace dure::onnx
