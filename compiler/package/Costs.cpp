// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counting of operations and bytes.
#include "compiler/package/Costs.h"

#include "compiler/package/ElementTypes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure;

static RankedTensorType typeOf(Value V) {
  return cast<RankedTensorType>(V.getType());
}

static DimExpr count(Value V) { return elementCount(typeOf(V)); }

static bool isFloat(Value V) {
  return isa<FloatType>(typeOf(V).getElementType());
}

static int64_t geluFlops(GeluForm Form) {
  // x * 0.5 * (1 + erf(x / sqrt 2)); x * 0.5 * (1 + tanh(c (x + d x^3))).
  return Form == GeluForm::Tanh ? 9 : 5;
}

/// Operations an element of the elementwise family, by its formula.
static int64_t elementwiseFlops(Operation *Op) {
  return llvm::TypeSwitch<Operation *, int64_t>(Op)
      .Case<CastOp, SelectOp, NotOp, IsNaNOp, IsInfOp, AndOp, OrOp, XorOp>(
          [](auto) { return 0; })
      .Case<SigmoidOp, SiluOp>([](auto) { return 4; })
      .Case<SoftplusOp>([](auto) { return 3; })
      .Case<RsqrtOp>([](auto) { return 2; })
      .Case<GeluOp>([](GeluOp Gelu) { return geluFlops(Gelu.getForm()); })
      .Default([](Operation *) { return 1; });
}

static DimExpr matmulFlops(MatMulOp Op) {
  RankedTensorType Lhs = typeOf(Op.getLhs());
  DimExpr K = dimOf(Lhs, Lhs.getRank() - (Op.getTransposeLhs() ? 2 : 1));
  return DimExpr(2) * count(Op.getResult()) * K;
}

/// Pairs of a query and a key that one head of a batch row computes.
static DimExpr seenPairs(AttentionOp Op) {
  DimExpr T = dimOf(typeOf(Op.getQ()), 2), S = dimOf(typeOf(Op.getK()), 2);
  if (!Op.getCausal())
    return T * S;
  // The last of T queries sees all S keys, each one before it a key less.
  DimExpr Rows = DimExpr::min(T, S);
  DimExpr Seen =
      Rows * S - DimExpr::floorDiv(Rows * (Rows - DimExpr(1)), DimExpr(2));
  if (Op.getWindow() > 0)
    return DimExpr::min(Seen, T * DimExpr(int64_t(Op.getWindow())));
  return Seen;
}

static DimExpr attentionFlops(AttentionOp Op) {
  RankedTensorType Q = typeOf(Op.getQ());
  DimExpr Dims = dimOf(Q, 3) + dimOf(typeOf(Op.getV()), 3);
  // Scale, maximum, difference, exp and sum of a score; a mask adds one.
  int64_t Score = 5;
  if (Op.getMask() && isFloat(Op.getMask()))
    Score += 1;
  if (!Op.getSoftcap().isZero())
    Score += 3;
  return dimOf(Q, 0) * dimOf(Q, 1) * seenPairs(Op) *
             (DimExpr(2) * Dims + DimExpr(Score)) +
         count(Op.getResult()); // the division by the sum
}

static DimExpr linearAttentionFlops(LinearAttentionOp Op) {
  RankedTensorType Q = typeOf(Op.getQ()), V = typeOf(Op.getV());
  DimExpr State = dimOf(Q, 3) * dimOf(V, 3), Tokens = dimOf(Q, 0) * dimOf(Q, 2);
  // Of an element of the state, a token: its update, its decay, and what is
  // read for the delta rule; then what each query head reads.
  int64_t Update = 2 + (Op.getDecay() ? 1 : 0) + (Op.getBeta() ? 2 : 0);
  return Tokens * State *
         (DimExpr(Update) * dimOf(V, 1) + DimExpr(2) * dimOf(Q, 1));
}

static int64_t activationFlops(GluActivation Activation) {
  switch (Activation) {
  case GluActivation::Silu:
  case GluActivation::Sigmoid:
    return 4;
  case GluActivation::GeluErf:
    return geluFlops(GeluForm::Erf);
  case GluActivation::GeluTanh:
    return geluFlops(GeluForm::Tanh);
  case GluActivation::Relu:
    return 1;
  case GluActivation::Identity:
    return 0;
  }
  return 0;
}

static DimExpr gatedMLPFlops(GatedMLPOp Op) {
  RankedTensorType X = typeOf(Op.getX()), Gate = typeOf(Op.getWGate());
  DimExpr K = dimOf(X, X.getRank() - 1), I = dimOf(Gate, Gate.getRank() - 1);
  DimExpr Rows(1);
  for (int64_t Axis = 0; Axis + 1 < X.getRank(); ++Axis)
    Rows = Rows * dimOf(X, Axis);
  DimExpr N = dimOf(typeOf(Op.getResult()), X.getRank() - 1);
  int64_t Activation = activationFlops(Op.getActivation());
  return Rows * I * (DimExpr(4) * K + DimExpr(2) * N + DimExpr(Activation + 1));
}

static DimExpr moeFlops(MoEOp Op) {
  RankedTensorType Up = typeOf(Op.getWUp());
  DimExpr Rows = count(Op.getExperts()), K = dimOf(Up, 1), I = dimOf(Up, 2);
  DimExpr N = dimOf(typeOf(Op.getResult()), 1);
  bool IsGated = static_cast<bool>(Op.getWGate());
  int64_t Unit = activationFlops(Op.getActivation()) + (IsGated ? 1 : 0);
  // The products, the activation, and the weighted sum over experts.
  return Rows *
         (I * (DimExpr(IsGated ? 4 : 2) * K + DimExpr(2) * N + DimExpr(Unit)) +
          DimExpr(2) * N);
}

static DimExpr reduceFlops(ReduceOp Op) {
  // Of an element that is reduced, and of a result.
  int64_t Element = 1, Result = 0;
  switch (Op.getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::Max:
  case ReduceKind::Min:
  case ReduceKind::Prod:
    break;
  case ReduceKind::SumSquare:
  case ReduceKind::L1:
    Element = 2;
    break;
  case ReduceKind::L2:
    Element = 2;
    Result = 1;
    break;
  case ReduceKind::Mean:
  case ReduceKind::LogSum:
    Result = 1;
    break;
  case ReduceKind::LogSumExp:
    // Maximum, difference, exp and sum; then the logarithm and the maximum.
    Element = 4;
    Result = 2;
    break;
  }
  return DimExpr(Element) * count(Op.getX()) +
         DimExpr(Result) * count(Op.getResult());
}

std::optional<DimExpr> dure::flopsOf(Operation *Op) {
  if (isa<func::ReturnOp>(Op))
    return DimExpr(0);
  if (!isa<DureDialect>(Op->getDialect()))
    return std::nullopt;
  // Comparisons of floats give i1, so operands are asked.
  if (llvm::none_of(Op->getOperands(), isFloat) || Op->getNumResults() != 1)
    return DimExpr(0);
  DimExpr Results = count(Op->getResult(0));
  if (Op->hasTrait<BroadcastElementwise>())
    return DimExpr(elementwiseFlops(Op)) * Results;
  return llvm::TypeSwitch<Operation *, DimExpr>(Op)
      .Case<MatMulOp>(matmulFlops)
      .Case<AttentionOp>(attentionFlops)
      .Case<LinearAttentionOp>(linearAttentionFlops)
      .Case<GatedMLPOp>(gatedMLPFlops)
      .Case<MoEOp>(moeFlops)
      .Case<ExpertMatMulOp>([&](ExpertMatMulOp Op) {
        return DimExpr(2) * dimOf(typeOf(Op.getW()), 1) * Results;
      })
      .Case<ReduceOp>(reduceFlops)
      // Maximum, difference, exp, sum and division (or, of log, difference).
      .Case<SoftmaxOp>([&](auto) { return DimExpr(5) * Results; })
      .Case<CumSumOp, CumProdOp>([&](auto) { return Results; })
      // Every element is compared once for each that is found.
      .Case<TopKOp>(
          [&](TopKOp Op) { return count(Op.getX()) * Op.getK().expr(0); })
      // Sum, difference, square, its sum, two products, and the bias.
      .Case<LayerNormOp>([&](LayerNormOp Norm) {
        return DimExpr(Norm.getBias() ? 7 : 6) * Results;
      })
      // Square, its sum, two products.
      .Case<RMSNormOp>([&](auto) { return DimExpr(4) * Results; })
      // Two products and a sum an element that is rotated.
      .Case<RopeOp>([&](RopeOp Rope) {
        RankedTensorType X = typeOf(Rope.getX());
        return DimExpr::floorDiv(DimExpr(3) * Results,
                                 dimOf(X, X.getRank() - 1)) *
               DimExpr(int64_t(Rope.getRotaryDim()));
      })
      .Case<DequantizeOp>([&](DequantizeOp Op) {
        return DimExpr(Op.getZeroPoint() ? 2 : 1) * Results;
      })
      .Case<ScatterNDOp, ScatterElementsOp>([&](auto Scatter) {
        return Scatter.getReduction() == ScatterReduction::None
                   ? DimExpr(0)
                   : count(Scatter.getUpdates());
      })
      .Default([](Operation *) { return DimExpr(0); });
}

std::optional<DimExpr> dure::flopsOf(func::FuncOp Dispatch) {
  DimExpr Sum(0);
  for (Operation &Op : Dispatch.getBody().front()) {
    std::optional<DimExpr> Each = flopsOf(&Op);
    if (!Each)
      return std::nullopt;
    Sum = Sum + *Each;
  }
  return Sum;
}

/// Bytes read of an argument.
static DimExpr bytesRead(BlockArgument Argument) {
  DimExpr Taken(0);
  for (OpOperand &Use : Argument.getUses()) {
    // Each row reads one matrix at most.
    if (auto Product = dyn_cast<ExpertMatMulOp>(Use.getOwner());
        Product && Use.get() == Product.getW()) {
      RankedTensorType W = typeOf(Argument);
      DimExpr One =
          byteSize(tensorOf({dimOf(W, 1), dimOf(W, 2)}, W.getElementType()));
      Taken =
          Taken + DimExpr::min(count(Product.getExperts()), dimOf(W, 0)) * One;
      continue;
    }
    // The first operand is what is gathered or sliced from.
    bool Takes =
        Use.getOperandNumber() == 0 &&
        isa<GatherOp, GatherElementsOp, GatherNDOp, SliceOp>(Use.getOwner());
    if (!Takes)
      return byteSize(typeOf(Argument));
    Taken = Taken + byteSize(typeOf(Use.getOwner()->getResult(0)));
  }
  return Taken;
}

DimExpr dure::bytesOf(func::FuncOp Dispatch) {
  DimExpr Bytes(0);
  Operation *Return = Dispatch.getBody().front().getTerminator();
  llvm::SmallPtrSet<Value, 2> Updated;
  for (Value Result : Return->getOperands()) {
    auto Update = Result.getDefiningOp<CacheUpdateOp>();
    if (Update && isa<BlockArgument>(Update.getCache())) {
      Updated.insert(Update.getCache());
      Bytes = Bytes + byteSize(typeOf(Update.getUpdate()));
    } else {
      Bytes = Bytes + byteSize(typeOf(Result));
    }
  }
  for (BlockArgument Argument : Dispatch.getArguments())
    if (!Updated.contains(Argument))
      Bytes = Bytes + bytesRead(Argument);
  return Bytes;
}
