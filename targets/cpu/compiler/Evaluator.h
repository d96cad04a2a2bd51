// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Evaluator: any dure value of a dispatch function, a vector of elements at a
// time, wherever it is asked for.
//
// The kernel families decide which elements of the results are computed when
// and in which loop; the evaluator emits the code of one vector of them by
// walking the dure ops backwards. Ops that move data (transpose, slice, gather,
// concat) become arithmetic on indices, so a fused operand is read in place.
// Elementwise numbers come from dure::buildElementwise alone.
#ifndef DURE_TARGETS_CPU_COMPILER_EVALUATOR_H
#define DURE_TARGETS_CPU_COMPILER_EVALUATOR_H

#include "targets/cpu/compiler/KernelBuilder.h"

#include "dialects/dure/DureOps.h"
#include "dialects/dure/ScalarMath.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

#include <functional>

namespace dure::cpu {

/// The dimension expressions whose values a kernel takes as constants, in the
/// order in which it met them.
class DimSlots {
public:
  int64_t slotOf(const DimExpr &expr);
  llvm::ArrayRef<DimExpr> exprs() const { return slots; }

private:
  llvm::SmallVector<DimExpr> slots;
};

/// One coordinate of a vector of elements: base + lane * step, or, when `lanes`
/// is set (a vector of i64), that.
struct Index {
  mlir::Value base;
  int64_t step = 0;
  mlir::Value lanes;

  bool operator==(const Index &) const = default;
};

/// Where a vector of elements lies in a tensor. Lanes whose mask (null: none)
/// is off do not exist: their coordinates may be anything and are not read.
struct Point {
  llvm::SmallVector<Index> at;
  mlir::Value mask;

  bool operator==(const Point &) const = default;
};

/// Whether an op's result holds two elements in a byte. Such an op is a
/// dispatch of its own, which the canonical lowering computes: two lanes would
/// write one byte.
bool packsResult(mlir::Operation *op);

class Evaluator {
public:
  /// `arguments` of the dispatch function are the frame's first bindings.
  Evaluator(mlir::ModuleOp module, KernelBuilder &builder, KernelFrame &frame,
            DimSlots &slots);

  /// Whether `eval` computes the results of this op.
  static bool isSupported(mlir::Operation *op);

  /// The elements of `tensor` at `point`: a vector of the machine's 32-bit
  /// lanes, whatever the element type, of signless elements (i1 is i1).
  mlir::Value eval(mlir::Value tensor, const Point &point);

  /// The value of a dimension expression, i64.
  mlir::Value dim(const DimExpr &expr);

  /// Writes elements of a tensor of `type`, which lies at `base`; the point is
  /// in the evaluator's layout.
  void storeResult(mlir::Value elements, mlir::RankedTensorType type,
                   mlir::Value base, const Point &point);
  /// The same with a point that has one coordinate a dimension.
  void store(mlir::Value elements, mlir::RankedTensorType type,
             mlir::Value base, const Point &point);

  /// Reads what storeResult wrote.
  mlir::Value loadResult(mlir::Value base, mlir::RankedTensorType type,
                         const Point &point);
  /// Elements of a row-major tensor of `type` at `base`, one coordinate a
  /// dimension.
  mlir::Value loadFrom(mlir::Value base, mlir::RankedTensorType type,
                       const Point &point);

  /// Code from here on reads `tensor` by calling `read` instead of computing
  /// it (a sum in registers, a row in scratch); null undoes that. `read` may
  /// return null to have it computed after all.
  using Read = std::function<mlir::Value(const Point &)>;
  void redirect(mlir::Value tensor, Read read);

  /// How points name the elements of tensors.
  enum class Layout {
    /// One coordinate a dimension.
    Full,
    /// (row, column): all dimensions but the last count as one, and a tensor
    /// has all of the rows or one, all of the columns or one.
    Rows,
    /// One coordinate, the linear index; a tensor has all elements or one.
    Flat
  };
  /// Other layouts than Full are for functions of elementwise ops, constants
  /// and (Rows) ops that reduce rows.
  Layout layout = Layout::Full;

  /// Index arithmetic.
  Index uniform(mlir::Value base) const { return {base, 0, {}}; }
  Index uniform(int64_t base) { return uniform(b.constant(base)); }
  /// The index as a vector of i64.
  mlir::Value lanesOf(const Index &index);
  Index offset(const Index &index, mlir::Value by);
  Index scale(const Index &index, int64_t by);
  /// Coordinates of a linear index in a box of these dims (row-major).
  llvm::SmallVector<Index> delinearize(mlir::Value linear,
                                       llvm::ArrayRef<DimExpr> dims);
  /// Elements that are kept: a new scope forgets what is evaluated in it. For
  /// regions whose values do not dominate what follows.
  struct Scope {
    explicit Scope(Evaluator &owner) : owner(owner) {
      owner.memo.emplace_back();
    }
    ~Scope() { owner.memo.pop_back(); }
    Scope(const Scope &) = delete;
    Evaluator &owner;
  };

  /// Loop over [0, extent) with accumulators, one vector each.
  Values loop(mlir::Value extent, mlir::ValueRange inits,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);

  mlir::VectorType vectorOf(mlir::Type element);
  ScalarMath math() { return ScalarMath(b, b.getLoc()); }
  mlir::Value number(mlir::Type element, double value);

  KernelBuilder &b;
  KernelFrame &frame;

private:
  friend class OpEvaluator;
  mlir::Value load(mlir::Value tensor, const Point &point);
  mlir::Value loadFromPanels(mlir::BlockArgument weight, const Point &point);
  mlir::Value loadConstant(ConstantOp op, const Point &point);
  mlir::Value loadAt(mlir::Type element, mlir::Value pointer,
                     llvm::ArrayRef<mlir::Value> strides, const Point &point);
  mlir::Value loadNibbles(mlir::Type element, mlir::Value pointer,
                          llvm::ArrayRef<mlir::Value> strides,
                          const Point &point);
  mlir::Value fromMemory(mlir::Value loaded, mlir::Type element);
  mlir::Type memoryType(mlir::Type element);
  llvm::SmallVector<mlir::Value> stridesOf(mlir::RankedTensorType type);
  /// The type and the point in the layout's terms.
  std::pair<mlir::RankedTensorType, Point> adapt(mlir::RankedTensorType type,
                                                 const Point &point);

  mlir::ModuleOp module;
  DimSlots &slots;
  struct Remembered {
    Point point;
    mlir::Value value;
  };
  llvm::SmallVector<
      llvm::DenseMap<mlir::Value, llvm::SmallVector<Remembered, 1>>>
      memo;
  llvm::DenseMap<mlir::Value, Read> redirected;
};

/// Runs over the elements that a reduction joins: starts with `init`, calls
/// `step(sum, elements, at)` for each vector of elements and returns the result
/// for the lanes that are asked for, joining sums with `combine` where lanes
/// are reduced among themselves.
using Combine = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;
using Step =
    llvm::function_ref<mlir::Value(mlir::Value, mlir::Value, const Point &)>;
using Sweep =
    std::function<mlir::Value(mlir::Value init, Step step, Combine combine)>;

/// Reduction of `count` (i64) elements of type `element`, in that type.
mlir::Value emitReduction(Evaluator &e, ReduceKind kind, mlir::Type element,
                          mlir::Value count, const Sweep &sweep);

/// What softmax and the norms need to know of a row, in the compute type: a
/// value (maximum, mean; null for rms_norm) and a factor (1 / sum of e^(x -
/// maximum), or its logarithm for log softmax; 1 / standard deviation).
struct RowStats {
  mlir::Value center, factor;
};
/// `keep`, which may be null, gets the powers of e that softmax adds up.
RowStats
emitRowStats(Evaluator &e, mlir::Operation *op, mlir::Value count,
             const Sweep &sweep,
             const std::function<void(mlir::Value, const Point &)> &keep = {});
/// An element of the op's result from the element x and the row's stats.
mlir::Value emitNormalized(Evaluator &e, mlir::Operation *op, mlir::Value x,
                           const RowStats &stats, const Point &point);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_EVALUATOR_H
