// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Follows the columns of a product through what moves them.
#include "compiler/passes/specialize/HeadProducts.h"

#include "compiler/passes/support/Matching.h"

#include <deque>

using namespace mlir;

namespace dure {
namespace {

/// Real ones have three or four.
constexpr unsigned MaxViews = 16;

/// Indices that one dimension of a tensor counts, or counts beside others: of a
/// dimension of the product's left operand, or of the columns of its right one,
/// `Stride` apart.
struct Range {
  DimExpr Size;
  bool IsColumns = false;
  int64_t Stride = 1;
  unsigned Dim = 0;
};

/// The ranges that a dimension counts, the last one fastest.
using Ranges = SmallVector<Range, 2>;

/// The dimensions of a view of a product, and the first column in it.
struct View {
  SmallVector<Ranges, 4> Dims;
  int64_t Offset = 0;

  bool reshape(ArrayRef<DimExpr> To);
  void transpose(ArrayRef<int64_t> Order);
  bool slice(SliceOp Op);
};

} // namespace

/// Columns are cut where the new dimensions cut them; rows stay whole.
bool View::reshape(ArrayRef<DimExpr> To) {
  std::deque<Range> Left;
  for (const Ranges &Dim : Dims)
    for (const Range &Each : Dim)
      if (!Each.Size.isConstant(1))
        Left.push_back(Each);
  SmallVector<Ranges, 4> Out;
  for (const DimExpr &Size : To) {
    Ranges Dim;
    for (DimExpr Have(1); Have != Size;) {
      if (Left.empty())
        return false;
      Range Next = Left.front();
      Left.pop_front();
      std::optional<int64_t> Wanted = Size.constant(), Got = Have.constant();
      std::optional<int64_t> Whole = Next.Size.constant();
      if (Next.IsColumns && Wanted && Got && Whole && *Got > 0 && *Whole > 0) {
        const int64_t Part = *Wanted / *Got;
        if (Part > 0 && Part < *Whole && *Whole % Part == 0) {
          Range Inner = Next;
          Inner.Size = DimExpr(*Whole / Part);
          Left.push_front(Inner);
          Next.Size = DimExpr(Part);
          Next.Stride *= *Whole / Part;
        }
      }
      Have = Have * Next.Size;
      Dim.push_back(Next);
    }
    Out.push_back(std::move(Dim));
  }
  Dims = std::move(Out);
  return Left.empty();
}

void View::transpose(ArrayRef<int64_t> Order) {
  SmallVector<Ranges, 4> Out;
  for (int64_t From : Order)
    Out.push_back(Dims[From]);
  Dims = std::move(Out);
}

/// Columns may be cut, rows may not.
bool View::slice(SliceOp Op) {
  for (auto [D, Dim] : llvm::enumerate(Dims)) {
    const int64_t Step = Op.getSteps()[D];
    const DimExpr &Size = Op.getSizes().expr(D);
    if (Step == 1 && Op.getStarts().expr(D).isConstant(0) &&
        Size == dimOf(typeOf(Op.getX()), D))
      continue;
    std::optional<int64_t> Start = Op.getStarts().expr(D).constant();
    if (Dim.size() != 1 || !Dim[0].IsColumns || !Start || !Size.constant() ||
        Step < 1)
      return false;
    Offset += *Start * Dim[0].Stride;
    Dim[0].Size = Size;
    // A step between fewer than two is any number.
    if (*Size.constant() > 1)
      Dim[0].Stride *= Step;
  }
  return true;
}

/// The product's result as it stands, its rows being those of `Latents`.
static std::optional<View> viewOfProduct(MatMulOp Product, Value Latents) {
  SmallVector<DimExpr> Rows = dimsOf(typeOf(Latents));
  Rows.pop_back();
  View Out;
  for (auto [D, Size] : llvm::enumerate(Rows))
    Out.Dims.push_back({Range{Size, false, 1, static_cast<unsigned>(D)}});
  SmallVector<DimExpr> Result = dimsOf(Product.getType());
  const DimExpr Columns = Result.pop_back_val();
  if (!Out.reshape(Result))
    return std::nullopt;
  Out.Dims.push_back({Range{Columns, true, 1, 0}});
  return Out;
}

/// The view of the product that `X` is; sets the product and its latents.
static std::optional<View> viewOf(Value X, HeadProduct &Out) {
  SmallVector<Operation *> Views;
  while (Operation *Op = X.getDefiningOp()) {
    if (!isa<ReshapeOp, TransposeOp, SliceOp>(Op) || Views.size() == MaxViews)
      break;
    Views.push_back(Op);
    X = Op->getOperand(0);
  }
  Out.Product = X.getDefiningOp<MatMulOp>();
  if (!Out.Product || Out.Product.getTransposeLhs() ||
      !Out.Product.getRhs().getDefiningOp<GetWeightOp>() ||
      typeOf(Out.Product.getRhs()).getRank() != 2)
    return std::nullopt;
  Out.Latents = Out.Product.getLhs();
  RankedTensorType Type = typeOf(Out.Latents);
  if (Type.getRank() < 2 || Type.isDynamicDim(Type.getRank() - 1))
    return std::nullopt;
  Out.LatentWidth = Type.getDimSize(Type.getRank() - 1);
  while (auto Reshape = Out.Latents.getDefiningOp<ReshapeOp>()) {
    RankedTensorType From = typeOf(Reshape.getX());
    if (From.getRank() < 2 ||
        From.getDimSize(From.getRank() - 1) != Out.LatentWidth)
      break;
    Out.Latents = Reshape.getX();
  }
  std::optional<View> At = viewOfProduct(Out.Product, Out.Latents);
  for (Operation *Op : llvm::reverse(Views)) {
    if (!At)
      break;
    bool Follows = true;
    if (auto Reshape = dyn_cast<ReshapeOp>(Op))
      Follows = At->reshape(dimsOf(Reshape.getType()));
    else if (auto Transpose = dyn_cast<TransposeOp>(Op))
      At->transpose(Transpose.getPermutation());
    else
      Follows = At->slice(cast<SliceOp>(Op));
    if (!Follows)
      At.reset();
  }
  return At;
}

/// The one range of a dimension, of columns.
static const Range *soleColumns(const Ranges &Dim) {
  return Dim.size() == 1 && Dim[0].IsColumns && Dim[0].Size.constant()
             ? &Dim[0]
             : nullptr;
}

std::optional<HeadProduct> matchHeadProduct(Value X, ArrayRef<int64_t> Order) {
  HeadProduct Out;
  std::optional<View> At = viewOf(X, Out);
  if (!At || At->Dims.size() != 4)
    return std::nullopt;
  if (!Order.empty())
    At->transpose(Order);
  const Range *Heads = soleColumns(At->Dims[1]);
  const Range *Width = soleColumns(At->Dims[3]);
  if (!Heads || !Width || At->Dims[2].empty())
    return std::nullopt;
  // The rows are all there, and in their order.
  int64_t Last = -1;
  for (unsigned D : {0u, 2u})
    for (const Range &Each : At->Dims[D]) {
      if (Each.IsColumns || static_cast<int64_t>(Each.Dim) <= Last)
        return std::nullopt;
      Last = Each.Dim;
    }
  Out.Heads = *Heads->Size.constant();
  Out.Width = *Width->Size.constant();
  Out.HeadStride = Heads->Stride;
  Out.WidthStride = Width->Stride;
  Out.Offset = At->Offset;
  return Out.Heads > 1 && Out.Width > 1 ? std::optional(Out) : std::nullopt;
}

/// The weight as [columns, L].
static WeightOp columnsFirst(WeightRecipes &Recipes, MatMulOp Product) {
  WeightOp Weight =
      Recipes.lookup(Product.getRhs().getDefiningOp<GetWeightOp>().getWeight());
  if (Product.getTransposeRhs())
    return Weight;
  auto Type = cast<RankedTensorType>(Weight.getType());
  ArrayAttr Steps = Weight.getRecipeAttr();
  if (Steps && !Steps.empty())
    // What was turned is turned back.
    if (auto Last = cast<StepAttr>(Steps.getValue().back());
        Last.getKind() == RecipeKind::Transpose)
      return Recipes.prefix(Weight, Steps.size() - 1);
  auto Turned = RankedTensorType::get({Type.getDimSize(1), Type.getDimSize(0)},
                                      Type.getElementType());
  return Recipes.extend(Weight, RecipeKind::Transpose, Turned, {1, 0});
}

/// Rows of the two leading dimensions, every `Step`-th of the second one.
static WeightOp sliced(WeightRecipes &Recipes, WeightOp From,
                       ArrayRef<int64_t> Starts, ArrayRef<int64_t> Sizes,
                       ArrayRef<int64_t> Steps) {
  auto Type = cast<RankedTensorType>(From.getType());
  if (Type.getShape() == Sizes)
    return From;
  SmallVector<int64_t> Ints(Starts);
  Ints.append(Sizes.begin(), Sizes.end());
  Ints.append(Steps.begin(), Steps.end());
  return Recipes.extend(From, RecipeKind::Slice,
                        RankedTensorType::get(Sizes, Type.getElementType()),
                        Ints);
}

WeightOp makeHeadWeight(WeightRecipes &Recipes, HeadProduct Of) {
  WeightOp Out = columnsFirst(Recipes, Of.Product);
  auto Type = cast<RankedTensorType>(Out.getType());
  const int64_t Columns = Type.getDimSize(0), L = Of.LatentWidth;
  // Heads outermost, or a head's columns.
  const bool HeadsOutside = Of.HeadStride > Of.WidthStride;
  int64_t Outer = Of.Heads, Inner = Of.Width;
  int64_t OuterStride = Of.HeadStride, InnerStride = Of.WidthStride;
  if (!HeadsOutside) {
    std::swap(Outer, Inner);
    std::swap(OuterStride, InnerStride);
  }
  // The first columns of a cut into runs of `OuterStride`, and where to begin
  // in each.
  int64_t First = Of.Offset, Begin = 0;
  if (First + Outer * OuterStride > Columns) {
    Begin = First % OuterStride;
    First -= Begin;
  }
  if (First + Outer * OuterStride > Columns ||
      Begin + (Inner - 1) * InnerStride >= OuterStride)
    return {};
  Out = sliced(Recipes, Out, {First, 0}, {Outer * OuterStride, L}, {1, 1});
  Out = Recipes.extend(
      Out, RecipeKind::Reshape,
      RankedTensorType::get({Outer, OuterStride, L}, Type.getElementType()),
      {});
  Out = sliced(Recipes, Out, {0, Begin, 0}, {Outer, Inner, L},
               {1, InnerStride, 1});
  if (HeadsOutside)
    return Out;
  return Recipes.extend(
      Out, RecipeKind::Transpose,
      RankedTensorType::get({Inner, Outer, L}, Type.getElementType()),
      {1, 0, 2});
}

} // namespace dure
