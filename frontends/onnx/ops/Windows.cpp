// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows by gathering: one dimension after another becomes (kernel, output),
// however large the kernel is.

#include "frontends/onnx/ops/Windows.h"

using namespace mlir;

namespace dure::onnx {

/// Beyond this no kernel, stride, dilation or padding makes sense, and products
/// of two cannot overflow.
static constexpr int64_t MaxStep = int64_t(1) << 30;

std::optional<SmallVector<int64_t>> perDim(OpImport &C, llvm::StringRef Name,
                                           size_t Count, int64_t Default,
                                           int64_t Least) {
  auto Given = C.intsAttr(Name);
  SmallVector<int64_t> Out(Count, Default);
  if (!Given || Given->empty())
    return Out;
  auto IsBad = [&](int64_t V) { return V < Least || V > MaxStep; };
  if (Given->size() != Count || llvm::any_of(*Given, IsBad))
    return C.refuse(RefusalCode::AttributeBad,
                    {Name.str(), "must have " + std::to_string(Count) +
                                     " numbers of at least " +
                                     std::to_string(Least)});
  Out.assign(Given->begin(), Given->end());
  return Out;
}

/// Paddings such that as many windows fit as the input has steps.
static void padToSame(Window &W, bool MoreAtEnd) {
  W.Output = DimExpr::ceilDiv(W.Input, DimExpr(W.Stride));
  DimExpr Total = DimExpr::max(DimExpr(0), W.reach() - W.Input);
  DimExpr Half = DimExpr::floorDiv(Total, DimExpr(2));
  W.Low = MoreAtEnd ? Half : Total - Half;
  W.High = Total - W.Low;
}

/// How many windows fit into the padded input. Rounded up, the last one must
/// begin in the input or in the padding before it.
static void countWindows(Window &W, bool Ceil) {
  DimExpr Room = W.Input + W.Low + W.High - DimExpr(W.span());
  DimExpr Stride(W.Stride), One(1);
  W.Output = (Ceil ? DimExpr::ceilDiv(Room, Stride)
                   : DimExpr::floorDiv(Room, Stride)) +
             One;
  if (Ceil)
    W.Output =
        DimExpr::min(W.Output, DimExpr::ceilDiv(W.Input + W.Low, Stride));
  if (!W.Output.isNonNegative())
    W.Output = DimExpr::max(DimExpr(0), W.Output);
}

std::optional<Windows> windowsOf(OpImport &C, Value X,
                                 ArrayRef<int64_t> Kernel) {
  size_t Count = Kernel.size();
  llvm::StringRef Auto = C.stringAttr("auto_pad", "NOTSET");
  auto Strides = perDim(C, "strides", Count, 1, 1);
  auto Dilations = perDim(C, "dilations", Count, 1, 1);
  auto Pads = perDim(C, "pads", 2 * Count, 0, 0);
  bool Ceil = C.boolAttr("ceil_mode", false);
  if (!Strides || !Dilations || !Pads)
    return std::nullopt;
  if (static_cast<int64_t>(Count) != rankOf(X) - 2 || Count == 0)
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs [N, C, ...] and a kernel size for each of ..."});
  if (Auto != "NOTSET" && Auto != "VALID" && Auto != "SAME_UPPER" &&
      Auto != "SAME_LOWER")
    return C.refuse(RefusalCode::AttributeBad,
                    {"auto_pad", "must be NOTSET, VALID, SAME_UPPER or "
                                 "SAME_LOWER"});
  Windows Out;
  for (size_t I = 0; I < Count; ++I) {
    Window W;
    if (Kernel[I] < 1 || Kernel[I] > MaxStep)
      return C.refuse(RefusalCode::ShapeRank,
                      {"kernel sizes must be positive"});
    W.Kernel = Kernel[I];
    W.Stride = (*Strides)[I];
    W.Dilation = (*Dilations)[I];
    W.Input = dimOf(typeOf(X), I + 2);
    W.Low = W.High = DimExpr(0);
    if (Auto == "NOTSET") {
      W.Low = DimExpr((*Pads)[I]);
      W.High = DimExpr((*Pads)[Count + I]);
    }
    if (Auto == "SAME_UPPER" || Auto == "SAME_LOWER")
      padToSame(W, Auto == "SAME_UPPER");
    else
      countWindows(W, Ceil);
    // A size known only at run time may leave no window: the result is empty.
    std::optional<int64_t> Room =
        (W.Input + W.Low + W.High - DimExpr(W.span())).constant();
    if (Room && *Room < 0 && W.Input.isPositive())
      return C.refuse(RefusalCode::ShapeRank,
                      {"the kernel is larger than the padded input"});
    W.Output = C.settle(W.Output);
    Out.push_back(W);
  }
  return Out;
}

Value windowIndices(OpImport &C, const Window &W) {
  Dims Shape = {DimExpr(W.Kernel), W.Output};
  Value Within = C.iota(Shape, 0), Start = C.iota(Shape, 1);
  if (W.Dilation != 1)
    Within = C.create<MulOp>({Within, C.integers({W.Dilation}, true)});
  if (W.Stride != 1)
    Start = C.create<MulOp>({Start, C.integers({W.Stride}, true)});
  return C.create<AddOp>({Within, Start});
}

/// X padded so that every window lies within it.
static Value padded(OpImport &C, Value X, const Windows &Over, Value Fill) {
  Dims Low(rankOf(X), DimExpr(0)), High(rankOf(X), DimExpr(0));
  bool Any = false;
  for (auto [I, W] : llvm::enumerate(Over)) {
    Low[I + 2] = W.Low;
    High[I + 2] = W.High;
    // Windows rounded up reach beyond.
    DimExpr Beyond = W.reach() - W.Input - W.Low;
    if (!(W.High - Beyond).isNonNegative())
      High[I + 2] = C.settle(DimExpr::max(W.High, Beyond));
    Any |= !Low[I + 2].isConstant(0) || !High[I + 2].isConstant(0);
  }
  if (!Any)
    return X;
  Dims Grown = dimsOf(typeOf(X));
  for (auto [Size, Before, After] : llvm::zip(Grown, Low, High))
    Size = Size + Before + After;
  if (!arePossibleSizes(Grown))
    return C.refuse(RefusalCode::ShapeRank, {"the padding is too large"});
  auto Mode = PadModeAttr::get(C.context(), PadMode::Constant);
  return C.create<PadOp>({X, Fill}, {C.named("low", Low), C.named("high", High),
                                     C.named("mode", Mode)});
}

Value readWindows(OpImport &C, Value X, const Windows &Over, Value Fill) {
  X = padded(C, X, Over, Fill);
  int64_t Count = static_cast<int64_t>(Over.size());
  // From the last dimension on, so that earlier ones keep their places. First
  // (kernel, output) pairs, or (output, kernel) where a reshape does it.
  SmallVector<int64_t> Kernels(Count), Outputs(Count);
  for (int64_t I = Count; I-- > 0;) {
    if (!X)
      return {};
    const Window &W = Over[I];
    Dims Shape = dimsOf(typeOf(X));
    DimExpr Size = Shape[I + 2];
    bool Adjoin = W.Stride == W.Kernel && W.Dilation == 1 &&
                  Size == W.Output * DimExpr(W.Kernel);
    Kernels[I] = 2 + 2 * I + (Adjoin ? 1 : 0);
    Outputs[I] = 2 + 2 * I + (Adjoin ? 0 : 1);
    if (Adjoin) {
      Shape[I + 2] = W.Output;
      Shape.insert(Shape.begin() + I + 3, DimExpr(W.Kernel));
      X = C.reshape(X, Shape);
    } else {
      X = C.create<GatherOp>({X, windowIndices(C, W)},
                             {C.named("axis", I + 2)});
    }
  }
  SmallVector<int64_t> Permutation = {0, 1};
  Permutation.append(Kernels);
  Permutation.append(Outputs);
  return C.transpose(X, Permutation);
}

} // namespace dure::onnx
