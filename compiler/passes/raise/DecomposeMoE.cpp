// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// moe -> products with the experts' matrices, activation, and a weighted sum:
// for targets that pick a matrix a row but have no kernel for a whole expert.
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/Activations.h"
#include "compiler/passes/support/Evaluate.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_DECOMPOSEMOE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// Builds the parts of one op. Values are [tokens, slots, columns].
class Parts {
public:
  Parts(MoEOp Op, PatternRewriter &Rewriter)
      : Op(Op), Rewriter(Rewriter), Loc(Op.getLoc()),
        Element(Op.getX().getType().getElementType()) {
    Experts = Op.getExperts();
    Type I64 = Rewriter.getI64Type();
    if (typeOf(Experts).getElementType() != I64)
      Experts = CastOp::create(Rewriter, Loc,
                               withElementType(typeOf(Experts), I64), Experts,
                               TypeAttr::get(I64), Rewriter.getBoolAttr(true));
  }

  Value build() {
    Value Gate, Up = linear(Op.getX(), Op.getWUp(), Op.getBUp());
    if (Op.getWGate())
      Gate = linear(Op.getX(), Op.getWGate(), Op.getBGate());
    Value Hidden = buildHidden(Rewriter, Op, Gate, Up);
    Value Out = linear(Hidden, Op.getWDown(), Op.getBDown());
    Value Weights = Op.getWeights();
    if (typeOf(Weights).getElementType() != Element)
      Weights = CastOp::create(
          Rewriter, Loc, withElementType(typeOf(Weights), Element), Weights,
          TypeAttr::get(Element), Rewriter.getBoolAttr(true));
    SmallVector<DimExpr> Column = dimsOf(typeOf(Weights));
    Column.push_back(1);
    Weights =
        ReshapeOp::create(Rewriter, Loc, tensorOf(Column, Element), Weights);
    Out = MulOp::create(Rewriter, Loc, Out.getType(), Out, Weights);
    return ReduceOp::create(Rewriter, Loc, Op.getType(), Out, ReduceKind::Sum,
                            ArrayRef<int64_t>{1}, /*keep_dims=*/false);
  }

private:
  /// x w[e] + bias[e] for each row's expert.
  Value linear(Value X, Value W, Value Bias) {
    SmallVector<DimExpr> Dims = dimsOf(typeOf(Experts));
    Dims.push_back(dimOf(typeOf(W), 2));
    RankedTensorType Type = tensorOf(Dims, Element);
    Value Out = ExpertMatMulOp::create(Rewriter, Loc, Type, X, Experts, W);
    if (!Bias)
      return Out;
    Value Rows = GatherOp::create(Rewriter, Loc, Type, Bias, Experts, 0);
    return AddOp::create(Rewriter, Loc, Type, Out, Rows);
  }

  MoEOp Op;
  PatternRewriter &Rewriter;
  Location Loc;
  Type Element;
  Value Experts;
};

struct MoEParts : OpRewritePattern<MoEOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MoEOp Op,
                                PatternRewriter &Rewriter) const override {
    Rewriter.replaceOp(Op, Parts(Op, Rewriter).build());
    return success();
  }
};

struct DecomposeMoE : dure::impl::DecomposeMoEBase<DecomposeMoE> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<MoEParts>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
