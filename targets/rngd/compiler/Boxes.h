// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Divides a space of several axes among slices. Included by kernels and tests.
#ifndef DURE_TARGETS_RNGD_COMPILER_BOXES_H
#define DURE_TARGETS_RNGD_COMPILER_BOXES_H

#include "targets/rngd/compiler/KernelBuilder.h"

namespace dure::rngd {

/// Axes of a kernel, outermost first.
struct Space {
  struct Axis {
    std::string name;
    int64_t size;
    /// A slice's share is a multiple, but for what is left at the end.
    int64_t unit = 1;
  };
  llvm::SmallVector<Axis, 4> axes;
  /// Which axes slices are first divided along.
  llvm::SmallVector<unsigned, 4> order;
};

/// A part of a space, of which every slice has an equal part.
struct Box {
  /// Of each axis.
  llvm::SmallVector<int64_t, 4> first, count, each;
  /// Slices along each axis, of both clusters; `split`: the axis that clusters
  /// divide, or none.
  llvm::SmallVector<int64_t, 4> slices;
  std::optional<unsigned> split;
};

/// Boxes that cover the space. `tooMuch` says of what a slice would have of
/// each axis which axis must be cut, if any; of one unit of each it says none.
llvm::SmallVector<Box>
divide(const Space &space,
       llvm::function_ref<std::optional<unsigned>(llvm::ArrayRef<int64_t>)>
           tooMuch);

/// The axis of which a slice has the most units, of those that `may` names.
std::optional<unsigned> longest(
    const Space &space, llvm::ArrayRef<int64_t> each,
    llvm::function_ref<bool(unsigned)> may = [](unsigned) { return true; });

/// The slices of a box.
Grid gridOf(KernelBuilder &k, const Space &space, const Box &box);
/// What a slice has of the axes that `has` names, outermost first.
DigitList localOf(
    KernelBuilder &k, const Space &space, const Box &box,
    llvm::function_ref<bool(unsigned)> has = [](unsigned) { return true; });
/// The box in a tensor of the axes that `has` names, row by row, each element
/// being `inner` of the tensor's; and where it begins.
DigitList wholeOf(
    KernelBuilder &k, const Space &space, const Box &box,
    llvm::function_ref<bool(unsigned)> has = [](unsigned) { return true; });
int64_t startOf(
    const Space &space, const Box &box,
    llvm::function_ref<bool(unsigned)> has = [](unsigned) { return true; });

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_BOXES_H
