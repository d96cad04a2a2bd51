// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ScaledPanels: panels of integers, widened to f32 as micro kernels read them.
//
// Contract: included by the micro kernels. A row of a panel is widened in the
// order that is cheapest to read: integers of 4 bits come apart into even and
// odd columns. Sums stay in that order until they are stored.
#ifndef DURE_TARGETS_CPU_COMPILER_SCALEDPANELS_H
#define DURE_TARGETS_CPU_COMPILER_SCALEDPANELS_H

#include "targets/cpu/compiler/KernelBuilder.h"

namespace dure::cpu {

/// What makes f32 of a block of integers:
///   integer * scale + (offset - zero point * scale)
/// with one fused rounding. The parameters of block j and column c of panel p
/// are at [p * panelStride + j * kPanelWidth + c] of each list.
struct ScaledPanels {
  /// Integers of 4 or 8 bits; null where B has floats.
  mlir::Type element;
  /// Rows that share parameters.
  int64_t block = 0;
  mlir::Value scales;
  /// Null where there are none.
  mlir::Value zeroPoints, offsets;
  mlir::Value panelStride;
  /// Of scales and offsets: f32, or floats of 16 bits. Zero points are f32.
  mlir::Type scaleElement, offsetElement;

  explicit operator bool() const { return bool(element); }
  /// Distinguishes functions that are made for different panels.
  std::string name() const;
  /// The pointers and the stride as a function takes them, and back.
  void appendArguments(Values &arguments) const;
  ScaledPanels withArguments(mlir::ValueRange arguments) const;
  /// The parameters `elements` further on.
  ScaledPanels advanced(KernelBuilder &b, mlir::Value elements) const;
};

/// The parameters of a pair of vectors of columns, in a pair's order.
struct PairParameters {
  mlir::Value scale[2];
  /// Null where nothing is added.
  mlir::Value bias[2];
};

/// Parameters of the two vectors of columns that begin `elements` behind the
/// panels' first.
PairParameters loadParameters(KernelBuilder &b, const ScaledPanels &panels,
                              mlir::Value elements);

/// Two vectors of f32, in a pair's order, from the integers at `pointer`.
std::pair<mlir::Value, mlir::Value> widenPair(KernelBuilder &b,
                                              mlir::Type element,
                                              mlir::Value pointer,
                                              const PairParameters &parameters);

/// Two vectors in a pair's order from neighbouring columns, and back.
std::pair<mlir::Value, mlir::Value> toPair(KernelBuilder &b, mlir::Type element,
                                           mlir::Value low, mlir::Value high);
std::pair<mlir::Value, mlir::Value> fromPair(KernelBuilder &b,
                                             mlir::Type element,
                                             mlir::Value first,
                                             mlir::Value second);

/// Emits a call of the function that widens a block of B into panels of f32:
/// `k` rows of ceildiv(columns, kPanelWidth) panels. Panel p is read at p *
/// sourceStride (elements) and written at p * targetStride.
struct UnpackOperands {
  ScaledPanels panels;
  mlir::Value source, sourceStride;
  mlir::Value k, columns;
  mlir::Value target, targetStride;
};
void callUnpackPanels(mlir::ModuleOp module, KernelBuilder &b,
                      const UnpackOperands &operands);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_SCALEDPANELS_H
