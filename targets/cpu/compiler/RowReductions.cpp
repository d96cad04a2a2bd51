// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and norms over several dimensions as ones over rows.

#include "targets/cpu/compiler/RowReductions.h"

#include "dialects/dure/DureOps.h"
#include "dialects/dure/ScalarMath.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Rows of at least this length are worth a reduction of their own before that
/// of their results.
constexpr int64_t kShortRow = 64;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

DimExpr product(ArrayRef<DimExpr> dims) {
  DimExpr result = 1;
  for (const DimExpr &dim : dims)
    result = result * dim;
  return result;
}

Value reshape(PatternRewriter &rewriter, Location loc, Value x,
              ArrayRef<DimExpr> dims) {
  RankedTensorType type = typeOf(x);
  if (dimsOf(type) == dims)
    return x;
  return ReshapeOp::create(rewriter, loc, tensorOf(dims, type.getElementType()),
                           x);
}

/// What joins the results of rows: null where the whole is not made of those.
std::optional<ReduceKind> joiningKind(ReduceKind kind, Type element) {
  bool isFloat = isa<FloatType>(element);
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Max:
  case ReduceKind::Min:
  case ReduceKind::Prod:
    return kind;
  case ReduceKind::SumSquare:
    return ReduceKind::Sum;
  case ReduceKind::L1:
    return isFloat ? std::optional(ReduceKind::Sum) : std::nullopt;
  case ReduceKind::Mean: // rows are equally long
  case ReduceKind::L2:
  case ReduceKind::LogSum:
  case ReduceKind::LogSumExp:
    // Of integers these round what a row gives.
    return isFloat ? std::optional(kind) : std::nullopt;
  }
  return std::nullopt;
}

/// The kind for the rows of a reduction that is `kind` as a whole.
ReduceKind rowKind(ReduceKind kind) {
  return kind == ReduceKind::LogSum ? ReduceKind::Sum : kind;
}

struct ReduceRows : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const override {
    RankedTensorType type = typeOf(op.getX());
    int64_t last = type.getRank() - 1;
    ArrayRef<int64_t> axes = op.getAxes();
    if (axes.empty() || axes.back() != last)
      return rewriter.notifyMatchFailure(op, "the last axis stays");
    if (axes.size() == 1 && op.getKeepDims())
      return rewriter.notifyMatchFailure(op, "is a reduction of rows");
    // The reduced dimensions that end with the last one: [first, last].
    int64_t first = last;
    while (first > 0 && llvm::is_contained(axes, first - 1))
      --first;
    int64_t cut = chooseCut(op, first);
    bool isStaged = cut > axes.front();
    if (isStaged && !joiningKind(op.getKind(), type.getElementType())) {
      if (axes.front() != first)
        return rewriter.notifyMatchFailure(op, "rows do not make up the whole");
      cut = first;
      isStaged = false;
    }
    Location loc = op.getLoc();
    Value x = op.getX();
    // Results of rows must not be rounded to 16 bits before they are joined.
    Type element = type.getElementType();
    Type wide = element;
    if (isStaged && isa<FloatType>(element))
      wide = ScalarMath::computeType(element);
    if (wide != element)
      x = CastOp::create(rewriter, loc, tensorOf(dimsOf(type), wide), x, wide);

    SmallVector<DimExpr> dims = dimsOf(type);
    DimExpr row = product(ArrayRef<DimExpr>(dims).drop_front(cut));
    dims.resize(cut);
    dims.push_back(row);
    x = reshape(rewriter, loc, x, dims);
    dims.back() = 1;
    ReduceKind kind = isStaged ? rowKind(op.getKind()) : op.getKind();
    Value result = ReduceOp::create(rewriter, loc, tensorOf(dims, wide), x,
                                    kind, ArrayRef<int64_t>(cut), true);
    if (isStaged) {
      dims.pop_back();
      result = reshape(rewriter, loc, result, dims);
      SmallVector<int64_t> others;
      for (int64_t axis : axes)
        if (axis < cut) {
          others.push_back(axis);
          dims[axis] = 1;
        }
      result =
          ReduceOp::create(rewriter, loc, tensorOf(dims, wide), result,
                           *joiningKind(op.getKind(), element), others, true);
    }
    result = reshape(rewriter, loc, result, dimsOf(op.getType()));
    if (wide != element)
      result = CastOp::create(rewriter, loc, op.getType(), result, element);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  /// The first dimension of the rows that are reduced first: `first`, or, when
  /// nothing but one result would be left to share among workgroups, a later
  /// one.
  static int64_t chooseCut(ReduceOp op, int64_t first) {
    SmallVector<DimExpr> dims = dimsOf(typeOf(op.getX()));
    for (int64_t i = 0; i < first; ++i)
      if (!dims[i].isConstant(1))
        return first;
    int64_t cut = first;
    while (cut < int64_t(dims.size()) && dims[cut].isConstant(1))
      ++cut;
    ++cut;
    if (cut >= int64_t(dims.size()))
      return first;
    std::optional<int64_t> row =
        product(ArrayRef<DimExpr>(dims).drop_front(cut)).constant();
    return row && *row < kShortRow ? first : cut;
  }
};

/// A norm over several dimensions, its parameters having these and no others.
template <typename Norm> struct NormRows : OpRewritePattern<Norm> {
  using OpRewritePattern<Norm>::OpRewritePattern;

  LogicalResult matchAndRewrite(Norm op,
                                PatternRewriter &rewriter) const override {
    RankedTensorType type = typeOf(op.getX());
    int64_t axis = op.getAxis();
    if (axis + 1 >= type.getRank())
      return rewriter.notifyMatchFailure(op, "is a norm of rows");
    SmallVector<DimExpr> dims = dimsOf(type);
    SmallVector<DimExpr> inner(dims.begin() + axis, dims.end());
    DimExpr row = product(inner);
    IRMapping map;
    for (Value parameter : op->getOperands().drop_front())
      if (dimsOf(typeOf(parameter)) != inner)
        return rewriter.notifyMatchFailure(op, "a parameter broadcasts");
    Location loc = op.getLoc();
    for (Value parameter : op->getOperands().drop_front())
      map.map(parameter, reshape(rewriter, loc, parameter, {row}));
    dims.resize(axis);
    dims.push_back(row);
    map.map(op.getX(), reshape(rewriter, loc, op.getX(), dims));
    Operation *flat = rewriter.clone(*op, map);
    flat->getResult(0).setType(tensorOf(dims, op.getType().getElementType()));
    rewriter.replaceOp(
        op, reshape(rewriter, loc, flat->getResult(0), dimsOf(op.getType())));
    return success();
  }
};

struct RowReductions : PassWrapper<RowReductions, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RowReductions)
  StringRef getArgument() const override { return "dure-cpu-row-reductions"; }
  StringRef getDescription() const override {
    return "Rewrite reductions and norms of several dimensions into ones of "
           "rows";
  }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ReduceRows, NormRows<LayerNormOp>, NormRows<RMSNormOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createRowReductions() {
  return std::make_unique<RowReductions>();
}

} // namespace dure::cpu
