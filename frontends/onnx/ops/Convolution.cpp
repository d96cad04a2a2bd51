// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolution as a product of matrices: windows of the input times weights.

#include "frontends/onnx/ops/Products.h"
#include "frontends/onnx/ops/Windows.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// The sizes of a kernel, the dims of W from 2 on, which must be constants;
/// checks the attribute kernel_shape against them.
static std::optional<SmallVector<int64_t>> kernelOf(OpImport &C, Value W) {
  SmallVector<int64_t> Sizes;
  for (int64_t I = 2; I < rankOf(W); ++I) {
    std::optional<int64_t> Size = dimOf(typeOf(W), I).constant();
    if (!Size)
      return C.refuse(RefusalCode::ShapeRank,
                      {"the kernel's sizes must be known"});
    Sizes.push_back(*Size);
  }
  if (auto Given = C.intsAttr("kernel_shape");
      Given && *Given != ArrayRef<int64_t>(Sizes))
    return C.refuse(RefusalCode::AttributeBad,
                    {"kernel_shape", "is not the shape of W"});
  return Sizes;
}

/// One filter for each channel: products summed up over the windows.
static Value depthwise(OpImport &C, Value Read, Value W, const Windows &Over) {
  int64_t Count = static_cast<int64_t>(Over.size());
  Dims Shape = {dimOf(typeOf(W), 0)};
  for (const Window &Each : Over)
    Shape.push_back(DimExpr(Each.Kernel));
  Shape.append(Count, DimExpr(1));
  Type Element = elementOf(Read);
  // Narrow floats are summed up in f32, and rounded once.
  bool IsNarrow =
      isa<FloatType>(Element) && Element.getIntOrFloatBitWidth() < 32;
  Type Wide = IsNarrow ? C.builder().getF32Type() : Element;
  Value Product =
      C.create<MulOp>({C.cast(Read, Wide), C.cast(C.reshape(W, Shape), Wide)});
  SmallVector<int64_t> Axes(Count);
  std::iota(Axes.begin(), Axes.end(), 2);
  return C.cast(C.reduce(Product, ReduceKind::Sum, Axes, false), Element);
}

/// y [N, M, O...] = windows of x [N, C, S...] times w [M, C / groups, K...]
static Value convolve(OpImport &C, Value X, Value W, const Windows &Over,
                      int64_t Groups) {
  if (!X || !W)
    return {};
  Dims Shape = dimsOf(typeOf(X)), Filter = dimsOf(typeOf(W));
  DimExpr G(Groups), Filters = Filter[0];
  if (!C.equal(Shape[1], Filter[1] * G) ||
      !C.equal(Filters, DimExpr::floorDiv(Filters, G) * G))
    return {};
  Value Read = readWindows(C, X, Over, C.scalarLike(X, 0));
  if (!Read)
    return {};
  if (Filter[1].isConstant(1) && Groups > 1 && Filters == G)
    return depthwise(C, Read, W, Over);
  Dims Outputs, Out = {Shape[0], Filters};
  DimExpr Elements = Filter[1];
  for (const Window &Each : Over) {
    Outputs.push_back(Each.Output);
    Out.push_back(Each.Output);
    Elements = Elements * DimExpr(Each.Kernel);
  }
  DimExpr Places = countOf(Outputs), PerGroup = DimExpr::floorDiv(Filters, G);
  // [N, G, C / G * K, O] and [G, M / G, C / G * K]: the weights stand right,
  // as they do in other products, so that targets store them the same way.
  if (Groups == 1) {
    Value Columns = C.reshape(Read, {Shape[0], Elements, Places});
    Value Y = C.create<MatMulOp>(
        {C.transpose(Columns, {0, 2, 1}), C.reshape(W, {Filters, Elements})},
        {C.named("transpose_rhs", true)});
    return C.reshape(C.transpose(Y, {0, 2, 1}), Out);
  }
  Value Columns = C.reshape(Read, {Shape[0], G, Elements, Places});
  Value Y = C.create<MatMulOp>({C.transpose(Columns, {0, 1, 3, 2}),
                                C.reshape(W, {G, PerGroup, Elements})},
                               {C.named("transpose_rhs", true)});
  return C.reshape(C.transpose(Y, {0, 1, 3, 2}), Out);
}

/// y + bias [M] for every place
static Value addBias(OpImport &C, Value Y, Value Bias) {
  if (!Y || !Bias)
    return {};
  Dims Shape(rankOf(Y) - 1, DimExpr(1));
  Shape[0] = dimOf(typeOf(Y), 1);
  return C.create<AddOp>({Y, C.reshape(Bias, Shape)});
}

/// The group attribute; refuses what is no number of groups.
static std::optional<int64_t> groupsOf(OpImport &C) {
  int64_t Groups = C.intAttr("group", 1);
  if (Groups < 1 || Groups > (int64_t(1) << 30))
    return C.refuse(RefusalCode::AttributeBad, {"group", "must be positive"});
  return Groups;
}

/// X and W by the node's attributes.
static Value convolveAsAsked(OpImport &C, Value X, Value W) {
  std::optional<int64_t> Groups = groupsOf(C);
  if (!X || !W || !Groups)
    return {};
  if (rankOf(X) < 3 || rankOf(W) != rankOf(X))
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs [N, C, ...] and [M, C / group, ...]"});
  std::optional<SmallVector<int64_t>> Kernel = kernelOf(C, W);
  if (!Kernel)
    return {};
  std::optional<Windows> Over = windowsOf(C, X, *Kernel);
  return Over ? convolve(C, X, W, *Over, *Groups) : Value();
}

/// y = x * w + bias
static LogicalResult importConv(OpImport &C) {
  Value Y = convolveAsAsked(C, C.in(0), C.in(1));
  return C.result(C.has(2) ? addBias(C, Y, C.in(2)) : Y);
}

/// y = (x - zero point) * (w - zero point) in i32
static LogicalResult importConvInteger(OpImport &C) {
  return C.result(
      convolveAsAsked(C, centered(C, 0, 2, 0), centered(C, 1, 3, 0)));
}

/// y = the convolution of quantized tensors, quantized again; the scale of w
/// may be one for each filter.
static LogicalResult importQLinearConv(OpImport &C) {
  Value X = C.in(0), ScaleX = C.in(1), ScaleW = C.in(4);
  if (!X || !ScaleX || !ScaleW)
    return failure();
  Value Sum = convolveAsAsked(C, centered(C, 0, 2, 0), centered(C, 3, 5, 0));
  if (C.has(8))
    Sum = addBias(C, Sum, C.in(8));
  Type F32 = C.builder().getF32Type();
  ScaleX = alongAxis(C, C.cast(ScaleX, F32), 0, 0);
  ScaleW = alongAxis(C, C.cast(ScaleW, F32), rankOf(X), 1);
  Value Scale = alongAxis(C, C.cast(C.in(6), F32), 0, 0);
  Value Factor = C.create<DivOp>({C.create<MulOp>({ScaleX, ScaleW}), Scale});
  return C.result(requantized(C, Sum, Factor, 7));
}

//===----------------------------------------------------------------------===//
// Transposed
//===----------------------------------------------------------------------===//

/// Paddings of a transposed convolution; what they cut its result by.
struct Cut {
  DimExpr Low, High;
};

/// What is cut so that the result gets the size asked for.
static Cut cutTo(const DimExpr &Size, const DimExpr &Full, bool MoreAtEnd) {
  DimExpr Total = Full - Size;
  DimExpr Half = DimExpr::floorDiv(Total, DimExpr(2));
  return MoreAtEnd ? Cut{Half, Total - Half} : Cut{Total - Half, Half};
}

/// W [C, M / G, K...] as the filters of a plain convolution, [M, C / G, K...]
/// with each kernel reversed.
static Value turnedFilters(OpImport &C, Value W, int64_t Groups) {
  Dims Shape = dimsOf(typeOf(W)), Zero;
  SmallVector<int64_t> Steps;
  for (int64_t I = 0; I < rankOf(W); ++I) {
    Steps.push_back(I < 2 ? 1 : -1);
    Zero.push_back(I < 2 ? DimExpr(0) : Shape[I] - DimExpr(1));
  }
  W = C.create<SliceOp>({W}, {C.named("starts", Zero), C.named("sizes", Shape),
                              C.named("steps", Steps)});
  DimExpr G(Groups), Channels = DimExpr::floorDiv(Shape[0], G);
  if (!C.equal(Shape[0], Channels * G))
    return {};
  Dims Grouped = {G, Channels};
  Grouped.append(Shape.begin() + 1, Shape.end());
  SmallVector<int64_t> Permutation(Grouped.size());
  std::iota(Permutation.begin(), Permutation.end(), 0);
  std::swap(Permutation[1], Permutation[2]);
  Dims Flat = {Shape[1] * G, Channels};
  Flat.append(Shape.begin() + 2, Shape.end());
  return C.reshape(C.transpose(C.reshape(W, Grouped), Permutation), Flat);
}

/// X with Stride - 1 zeros behind each element of the spatial dims, and padded
/// so that plain windows give the transposed convolution.
static Value spreadOut(OpImport &C, Value X, const Windows &Over,
                       ArrayRef<Cut> Cuts, ArrayRef<int64_t> Extra) {
  auto Mode = PadModeAttr::get(C.context(), PadMode::Constant);
  Value Zero = C.scalarLike(X, 0);
  auto Pad = [&](const Dims &Low, const Dims &High) {
    X = C.create<PadOp>({X, Zero}, {C.named("low", Low), C.named("high", High),
                                    C.named("mode", Mode)});
  };
  for (auto [I, W] : llvm::enumerate(Over)) {
    if (W.Stride == 1 || !X)
      continue;
    Dims Shape = dimsOf(typeOf(X)), Split = Shape;
    Split.insert(Split.begin() + I + 3, DimExpr(1));
    X = C.reshape(X, Split);
    Dims Low(Split.size(), DimExpr(0)), High = Low;
    High[I + 3] = DimExpr(W.Stride - 1);
    Pad(Low, High);
    Shape[I + 2] = Shape[I + 2] * DimExpr(W.Stride);
    X = C.reshape(X, Shape);
  }
  if (!X)
    return {};
  Dims Low(rankOf(X), DimExpr(0)), High = Low;
  for (auto [I, W] : llvm::enumerate(Over)) {
    DimExpr Around(W.span() - 1);
    Low[I + 2] = Around - Cuts[I].Low;
    High[I + 2] =
        Around - Cuts[I].High + DimExpr(Extra[I]) - DimExpr(W.Stride - 1);
  }
  Pad(Low, High);
  return X;
}

/// y = the gradient of a convolution: every element of x spreads w.
static LogicalResult importConvTranspose(OpImport &C) {
  Value X = C.in(0), W = C.in(1);
  std::optional<int64_t> Groups = groupsOf(C);
  if (!X || !W || !Groups)
    return failure();
  if (rankOf(X) < 3 || rankOf(W) != rankOf(X))
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs [N, C, ...] and [C, M / group, ...]"});
  std::optional<SmallVector<int64_t>> Kernel = kernelOf(C, W);
  if (!Kernel)
    return failure();
  size_t Count = Kernel->size();
  std::optional<Windows> Over = windowsOf(C, X, *Kernel);
  constexpr int64_t NotAsked = -1;
  auto Extra = perDim(C, "output_padding", Count, 0, 0);
  auto Asked = perDim(C, "output_shape", Count, NotAsked, 0);
  if (!Over || !Extra || !Asked)
    return failure();
  llvm::StringRef Auto = C.stringAttr("auto_pad", "NOTSET");
  bool Same = Auto == "SAME_UPPER" || Auto == "SAME_LOWER";
  SmallVector<Cut> Cuts;
  for (auto [I, V] : llvm::enumerate(*Over)) {
    DimExpr Full = (V.Input - DimExpr(1)) * DimExpr(V.Stride) +
                   DimExpr(V.span() + (*Extra)[I]);
    bool MoreAtEnd = Auto == "SAME_UPPER";
    Cut Each = {V.Low, V.High};
    if ((*Asked)[I] != NotAsked)
      Each = cutTo(DimExpr((*Asked)[I]), Full, MoreAtEnd);
    else if (Same)
      Each = cutTo(V.Input * DimExpr(V.Stride), Full, MoreAtEnd);
    Cuts.push_back(Each);
  }
  X = spreadOut(C, X, *Over, Cuts, *Extra);
  if (!X)
    return failure();
  for (auto [I, V] : llvm::enumerate(*Over)) {
    V.Stride = 1;
    V.Input = dimOf(typeOf(X), I + 2);
    V.Low = V.High = DimExpr(0);
    V.Output = V.Input - DimExpr(V.span() - 1);
  }
  Value Y = convolve(C, X, turnedFilters(C, W, *Groups), *Over, *Groups);
  return C.result(C.has(2) ? addBias(C, Y, C.in(2)) : Y);
}

//===----------------------------------------------------------------------===//
// CausalConvWithState
//===----------------------------------------------------------------------===//

/// y, state = a depthwise convolution of [past, x] along the tokens, and the
/// last k - 1 of these
static LogicalResult importCausalConv(OpImport &C) {
  Value X = C.in(0), Weight = C.in(1);
  llvm::StringRef Activation = C.stringAttr("activation", "none");
  if (!X || !Weight)
    return failure();
  if (Activation != "none" && Activation != "silu" && Activation != "swish")
    return C.refuse(RefusalCode::AttributeBad,
                    {"activation", "must be none, silu or swish"});
  if (rankOf(X) != 3 || rankOf(Weight) != 3)
    return C.refuse(RefusalCode::ShapeRank,
                    {"x and the weight must have rank 3"});
  std::optional<int64_t> Channels = dimOf(typeOf(Weight), 0).constant();
  auto Kernel = kernelOf(C, Weight);
  if (!Kernel || !Channels || *Channels < 1 || (*Kernel)[0] < 1)
    return Kernel ? C.refuse(RefusalCode::ShapeRank,
                             {"the weight's sizes must be known and positive"})
                  : failure();
  Dims Shape = dimsOf(typeOf(X));
  DimExpr Kept((*Kernel)[0] - 1);
  Dims State = {Shape[0], Shape[1], Kept};
  Value Past = C.has(3) ? C.in(3) : C.broadcast(C.scalarLike(X, 0), State);
  if (Past && !C.equal(rankOf(Past) == 3 ? dimOf(typeOf(Past), 2) : Kept, Kept))
    return failure();
  Value All = C.create<ConcatOp>({Past, X}, {C.named("axis", int64_t(2))});
  if (!All)
    return failure();
  Window W;
  W.Kernel = (*Kernel)[0];
  W.Input = dimOf(typeOf(All), 2);
  W.Low = W.High = DimExpr(0);
  W.Output = Shape[2];
  Value Y = convolve(C, All, Weight, {W}, *Channels);
  if (C.has(2))
    Y = addBias(C, Y, C.in(2));
  if (Activation != "none")
    Y = C.create<SiluOp>({Y});
  if (failed(C.result(0, Y)) || !C.wants(1))
    return success(Y != nullptr);
  return C.result(
      1, C.create<SliceOp>(
             {All}, {C.named("starts", Dims{DimExpr(0), DimExpr(0), Shape[2]}),
                     C.named("sizes", State),
                     C.named("steps", ArrayRef<int64_t>{1, 1, 1})}));
}

ArrayRef<OpEntry> convolutionOps() {
  static const OpEntry Table[] = {
      {"Conv", {1, 11, 22}, 2, 3, importConv},
      {"ConvInteger", {10}, 2, 4, importConvInteger},
      {"QLinearConv", {10}, 8, 9, importQLinearConv},
      {"ConvTranspose", {1, 11, 22}, 2, 3, importConvTranspose},
      {"CausalConvWithState", {27}, 2, 4, importCausalConv},
  };
  return Table;
}

} // namespace dure::onnx
