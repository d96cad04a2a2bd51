// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows that slide over the spatial dims of a tensor [N, C, S...]: what
// convolution and pooling read.

#ifndef DURE_FRONTENDS_ONNX_OPS_WINDOWS_H
#define DURE_FRONTENDS_ONNX_OPS_WINDOWS_H

#include "frontends/onnx/OpImport.h"

namespace dure::onnx {

/// One dimension's window.
struct Window {
  int64_t Kernel = 1, Stride = 1, Dilation = 1;
  DimExpr Input;     ///< The size that windows slide over.
  DimExpr Low, High; ///< The padding that the model asks for.
  DimExpr Output;    ///< How many windows there are.
  /// What the last window covers, from the first's start on.
  DimExpr reach() const {
    return (Output - DimExpr(1)) * DimExpr(Stride) + DimExpr(span());
  }
  /// From a window's first element to its last, both counted.
  int64_t span() const { return Dilation * (Kernel - 1) + 1; }
};

using Windows = llvm::SmallVector<Window>;

/// An attribute that is a list of `Count` numbers of at least `Least`; all are
/// `Default` where it is not given.
std::optional<llvm::SmallVector<int64_t>> perDim(OpImport &C,
                                                 llvm::StringRef Name,
                                                 size_t Count, int64_t Default,
                                                 int64_t Least);

/// The attributes strides, dilations, pads, auto_pad and ceil_mode, for kernels
/// of the given sizes over the spatial dims of X; refuses what does not fit.
std::optional<Windows> windowsOf(OpImport &C, mlir::Value X,
                                 llvm::ArrayRef<int64_t> Kernel);

/// The elements of all windows of X [N, C, S...]: [N, C, K..., O...]. What
/// padding adds is `Fill`, a scalar.
mlir::Value readWindows(OpImport &C, mlir::Value X, const Windows &Over,
                        mlir::Value Fill);

/// The index along a padded dimension of element k of window o: [K, O].
mlir::Value windowIndices(OpImport &C, const Window &W);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_OPS_WINDOWS_H
