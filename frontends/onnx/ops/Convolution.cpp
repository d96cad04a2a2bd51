// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions: the windows of x as rows, times the kernels as columns.

#include "frontends/onnx/OpImport.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {
namespace {

/// How windows lie along one spatial dimension.
struct WindowDim {
  int64_t Size = 1, Stride = 1, Dilation = 1;
  DimExpr Low = 0, High = 0;
  /// Places of the window.
  DimExpr Count = 0;
  /// From a window's first element to behind its last.
  int64_t extent() const { return (Size - 1) * Dilation + 1; }
  /// Windows that lie side by side and touch: a reshape cuts them.
  bool isTiling() const { return Dilation == 1 && Size == Stride; }
};

/// Numbers beyond this are refused before anything is multiplied with them.
constexpr int64_t MaxWindowNumber = 1 << 20;

/// One number a spatial dimension; the default for all when not given.
std::optional<SmallVector<int64_t>> numbersOf(OpImport &C, StringRef Name,
                                              size_t Count, int64_t Least,
                                              int64_t Default) {
  std::optional<ArrayRef<int64_t>> Given = C.intsAttr(Name);
  if (!Given)
    return SmallVector<int64_t>(Count, Default);
  if (Given->size() != Count)
    return C.refuse(RefusalCode::AttributeBad,
                    {Name.str(), "must have " + std::to_string(Count) +
                                     " entries, one a spatial dimension"});
  for (int64_t Each : *Given)
    if (Each < Least || Each > MaxWindowNumber)
      return C.refuse(RefusalCode::AttributeBad,
                      {Name.str(), "has the entry " + std::to_string(Each)});
  return SmallVector<int64_t>(*Given);
}

/// The padding that gives one window for each stride, the odd element at the
/// end (SAME_UPPER) or at the begin (SAME_LOWER).
void padToSame(WindowDim &W, const DimExpr &Size, bool IsUpper) {
  W.Count = DimExpr::ceilDiv(Size, W.Stride);
  DimExpr Total =
      (W.Count - DimExpr(1)) * DimExpr(W.Stride) + DimExpr(W.extent()) - Size;
  Total = DimExpr::max(Total, DimExpr(0));
  DimExpr Less = DimExpr::floorDiv(Total, DimExpr(2));
  W.Low = IsUpper ? Less : Total - Less;
  W.High = Total - W.Low;
}

/// The windows of a node over spatial dimensions of the given sizes.
std::optional<SmallVector<WindowDim>>
windowsOf(OpImport &C, ArrayRef<DimExpr> Spatial, ArrayRef<int64_t> Kernel) {
  size_t Rank = Spatial.size();
  StringRef Auto = C.stringAttr("auto_pad", "NOTSET");
  auto Strides = numbersOf(C, "strides", Rank, 1, 1);
  auto Dilations = numbersOf(C, "dilations", Rank, 1, 1);
  auto Pads = numbersOf(C, "pads", 2 * Rank, 0, 0);
  if (!Strides || !Dilations || !Pads)
    return std::nullopt;
  bool IsSame = Auto == "SAME_UPPER" || Auto == "SAME_LOWER";
  if (!IsSame && Auto != "NOTSET" && Auto != "VALID")
    return C.refuse(RefusalCode::AttributeBad,
                    {"auto_pad", "'" + Auto.str() + "' is not known"});
  SmallVector<WindowDim> Windows;
  for (size_t I = 0; I < Rank; ++I) {
    WindowDim W{Kernel[I], (*Strides)[I], (*Dilations)[I]};
    if (IsSame) {
      padToSame(W, Spatial[I], Auto == "SAME_UPPER");
    } else {
      if (Auto == "NOTSET") {
        W.Low = (*Pads)[I];
        W.High = (*Pads)[I + Rank];
      }
      DimExpr Room = Spatial[I] + W.Low + W.High - DimExpr(W.extent());
      if (Room.constant() && *Room.constant() < 0)
        return C.refuse(RefusalCode::ShapeRank,
                        {"the kernel is larger than the padded input"});
      W.Count = DimExpr::floorDiv(Room, W.Stride) + DimExpr(1);
    }
    Windows.push_back(W);
  }
  return Windows;
}

/// x [N, C, spatial..] with zeros around it.
Value pad(OpImport &C, Value X, ArrayRef<WindowDim> Windows) {
  Dims Low(2, DimExpr(0)), High(2, DimExpr(0));
  bool IsNeeded = false;
  for (const WindowDim &W : Windows) {
    Low.push_back(W.Low);
    High.push_back(W.High);
    IsNeeded |= !W.Low.isConstant(0) || !W.High.isConstant(0);
  }
  if (!IsNeeded)
    return X;
  return C.create<PadOp>({X, C.scalarLike(X, 0)},
                         {C.named("low", Low), C.named("high", High)});
}

/// x with dimension `Axis`, [padded size], as two: [window, element] of windows
/// that tile it, [element, window] of others.
Value cutWindows(OpImport &C, Value X, int64_t Axis, const WindowDim &W) {
  Dims Sizes = dimsOf(typeOf(X));
  if (!W.isTiling()) {
    Value Start = C.create<MulOp>({C.iota({DimExpr(1), W.Count}, 1),
                                   C.integers({DimExpr(W.Stride)}, true)});
    Value Offset = C.create<MulOp>({C.iota({DimExpr(W.Size), DimExpr(1)}, 0),
                                    C.integers({DimExpr(W.Dilation)}, true)});
    return C.create<GatherOp>({X, C.create<AddOp>({Offset, Start})},
                              {C.named("axis", Axis)});
  }
  // What is left behind the last window is not read.
  DimExpr Used = W.Count * DimExpr(W.Size);
  if (Used != Sizes[Axis]) {
    Sizes[Axis] = Used;
    SmallVector<int64_t> Steps(Sizes.size(), 1);
    X = C.create<SliceOp>({X},
                          {C.named("starts", Dims(Sizes.size(), DimExpr(0))),
                           C.named("sizes", Sizes),
                           C.named("steps", ArrayRef<int64_t>(Steps))});
  }
  Sizes[Axis] = W.Count;
  Sizes.insert(Sizes.begin() + Axis + 1, DimExpr(W.Size));
  return C.reshape(X, Sizes);
}

/// The windows as rows: x [N, G * C, spatial..] gives [N, G, windows, C *
/// elements of a window].
Value rowsOfWindows(OpImport &C, Value X, ArrayRef<WindowDim> Windows,
                    int64_t Groups, const DimExpr &PerGroup) {
  DimExpr Batch = dimOf(typeOf(X), 0);
  X = pad(C, X, Windows);
  Dims Split = {Batch, Groups, PerGroup};
  for (size_t I = 0; X && I < Windows.size(); ++I)
    Split.push_back(dimOf(typeOf(X), I + 2));
  X = C.reshape(X, Split);
  SmallVector<int64_t> Places, Elements;
  for (size_t I = 0; X && I < Windows.size(); ++I) {
    int64_t Axis = 3 + 2 * I, Other = Axis + 1;
    X = cutWindows(C, X, Axis, Windows[I]);
    bool IsTiling = Windows[I].isTiling();
    Places.push_back(IsTiling ? Axis : Other);
    Elements.push_back(IsTiling ? Other : Axis);
  }
  SmallVector<int64_t> Order = {0, 1};
  llvm::append_range(Order, Places);
  Order.push_back(2);
  llvm::append_range(Order, Elements);
  DimExpr Rows = 1, Columns = PerGroup;
  for (const WindowDim &W : Windows) {
    Rows = Rows * W.Count;
    Columns = Columns * DimExpr(W.Size);
  }
  return C.reshape(C.transpose(X, Order), {Batch, Groups, Rows, Columns});
}

/// The sizes of a window, which the weight [M, C / group, kernel..] has.
std::optional<SmallVector<int64_t>> kernelOf(OpImport &C, Value Weight) {
  ArrayRef<int64_t> Shape = typeOf(Weight).getShape().drop_front(2);
  int64_t Count = 1;
  for (int64_t Size : Shape) {
    if (Size < 1 || Size > MaxWindowNumber || Count > MaxWindowNumber)
      return C.refuse(RefusalCode::ShapeRank,
                      {"the kernel's sizes must be known and positive"});
    Count *= Size;
  }
  SmallVector<int64_t> Kernel(Shape);
  std::optional<ArrayRef<int64_t>> Said = C.intsAttr("kernel_shape");
  if (Said && *Said != ArrayRef<int64_t>(Kernel))
    return C.refuse(RefusalCode::AttributeBad,
                    {"kernel_shape", "is not the weight's"});
  return Kernel;
}

/// y[n, m, o..] = b[m] + sum over c, k.. of x[n, c, o.. * stride + k.. *
/// dilation - pad] w[m, c, k..], c running over the channels of m's group
LogicalResult importConv(OpImport &C) {
  Value X = C.in(0), Weight = C.in(1);
  int64_t Groups = C.intAttr("group", 1);
  if (!X || !Weight)
    return failure();
  int64_t Rank = rankOf(X);
  if (Rank < 3 || rankOf(Weight) != Rank)
    return C.refuse(RefusalCode::ShapeRank,
                    {"x and the weight must have one rank, 3 at least"});
  Dims XDims = dimsOf(typeOf(X)), WDims = dimsOf(typeOf(Weight));
  std::optional<int64_t> Outputs = WDims[0].constant();
  if (Groups < 1 || !Outputs || *Outputs % Groups != 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"group", "must divide the weight's first dimension"});
  if (!C.equal(XDims[1], WDims[1] * DimExpr(Groups)))
    return failure();
  std::optional<SmallVector<int64_t>> Kernel = kernelOf(C, Weight);
  if (!Kernel)
    return failure();
  auto Windows = windowsOf(C, ArrayRef<DimExpr>(XDims).drop_front(2), *Kernel);
  if (!Windows)
    return failure();

  Dims Shape = {XDims[0], *Outputs};
  DimExpr Columns = WDims[1];
  for (const WindowDim &W : *Windows) {
    Shape.push_back(W.Count);
    Columns = Columns * DimExpr(W.Size);
  }
  if (!arePossibleSizes(Shape))
    return C.refuse(RefusalCode::ShapeRank, {"the result has no usable size"});
  Value Rows = rowsOfWindows(C, X, *Windows, Groups, WDims[1]);
  Weight = C.reshape(Weight, {Groups, *Outputs / Groups, Columns});
  Value Y =
      C.create<MatMulOp>({Rows, Weight}, {C.named("transpose_rhs", true)});
  Y = C.reshape(C.transpose(Y, {0, 1, 3, 2}), Shape);
  if (!C.has(2))
    return C.result(Y);
  Dims Column(Rank - 1, DimExpr(1));
  Column[0] = *Outputs;
  return C.result(C.create<AddOp>({Y, C.reshape(C.in(2), Column)}));
}

} // namespace

ArrayRef<OpEntry> convolutionOps() {
  static const OpEntry Table[] = {
      {"Conv", {1, 11, 22}, 2, 3, importConv},
  };
  return Table;
}

} // namespace dure::onnx
