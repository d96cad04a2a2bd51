// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// KernelBuilder: short spelling for the ops that hand-shaped kernels consist
// of. Included by the kernel families of the CPU target only.
//
// Why pointers (llvm.getelementptr, llvm.load) rather than memrefs: a kernel
// gets raw pointers and knows its strides; memref descriptors would carry the
// same facts twice and cost compile time. All index arithmetic is i64.
#ifndef DURE_TARGETS_CPU_COMPILER_KERNELBUILDER_H
#define DURE_TARGETS_CPU_COMPILER_KERNELBUILDER_H

#include "dialects/dure/Faults.h"
#include "targets/cpu/compiler/CpuVariant.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace dure::cpu {

using Values = llvm::SmallVector<mlir::Value>;

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  KernelBuilder(mlir::Location loc, const CpuVariant &variant,
                mlir::MLIRContext *context)
      : ImplicitLocOpBuilder(loc, context), variant(variant) {}

  const CpuVariant &variant;

  // Types.
  mlir::Type ptrType();
  mlir::VectorType vectorType(mlir::Type element);
  /// Vector of the machine's 32-bit lanes.
  mlir::VectorType f32Vector() { return vectorType(getF32Type()); }

  // Integers: i64 unless said otherwise.
  mlir::Value constant(int64_t value);
  mlir::Value constantF32(float value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value mul(mlir::Value a, int64_t b);
  /// Division and remainder of non-negative numbers.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  // Floats: scalars or vectors alike.
  mlir::Value addF(mlir::Value a, mlir::Value b);
  mlir::Value subF(mlir::Value a, mlir::Value b);
  mlir::Value mulF(mlir::Value a, mlir::Value b);
  mlir::Value divF(mlir::Value a, mlir::Value b);
  mlir::Value maxF(mlir::Value a, mlir::Value b);
  /// a * b + c, fused.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  /// A vector of equal lanes.
  mlir::Value splat(mlir::Value scalar);
  mlir::Value splatF32(float value);
  /// e^x of an f32 scalar or vector within 1 ulp for x <= 0, the only sign
  /// that softmax needs; below -87.3 (and for -inf) exactly 0. NaN stays NaN.
  mlir::Value expNonPositive(mlir::Value x);

  // Memory. Offsets and strides count elements; alignment is the element's.
  // Offsets of integers of 4 bits, two a byte, are even.
  mlir::Value at(mlir::Value pointer, mlir::Type element, mlir::Value offset);
  mlir::Value at(mlir::Value pointer, mlir::Type element, int64_t offset);
  mlir::Value load(mlir::Type type, mlir::Value pointer);
  void store(mlir::Value value, mlir::Value pointer);
  /// A pointer that may lie outside of the object: for accesses whose lanes
  /// outside are masked off.
  mlir::Value atOrBeyond(mlir::Value pointer, mlir::Type element,
                         mlir::Value offset);
  /// A vector of floats of type `element`, as f32; the mask may be null.
  mlir::Value loadAsF32(mlir::Type element, mlir::Value pointer,
                        mlir::Value mask = {});
  /// One float, as f32.
  mlir::Value loadScalarAsF32(mlir::Type element, mlir::Value pointer);
  /// Rounds an f32 vector to `element` and stores it; the mask may be null.
  void storeRounded(mlir::Value vector, mlir::Type element, mlir::Value pointer,
                    mlir::Value mask = {});
  /// Lanes whose mask is off read as zero and are not accessed.
  mlir::Value maskedLoad(mlir::VectorType type, mlir::Value pointer,
                         mlir::Value mask);
  void maskedStore(mlir::Value value, mlir::Value pointer, mlir::Value mask);
  /// Mask of the lanes below `count` (i64, may exceed the lanes).
  mlir::Value laneMask(mlir::Value count, int64_t lanes);
  /// 0, 1, 2, ... as lanes of i32 (or i64).
  mlir::Value laneIds(int64_t lanes, bool wide = false);
  /// Lanes of two vectors by turns: those of their lower halves, or upper.
  mlir::Value interleave(mlir::Value x, mlir::Value y, bool upper);
  /// Combines the lanes of a vector in a tree of halves: a fixed order, and
  /// log2(lanes) steps.
  mlir::Value reduceLanes(
      mlir::Value vector,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

  // Control flow.
  void forEach(mlir::Value begin, mlir::Value end, int64_t step,
               llvm::function_ref<void(mlir::Value)> body);
  Values
  forEach(mlir::Value begin, mlir::Value end, int64_t step,
          mlir::ValueRange inits,
          llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  Values ifElse(mlir::Value condition, mlir::TypeRange results,
                llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);

  /// A private function, never inlined, emitted once a module: returns the one
  /// named so if the module has it. The body is emitted at the function's
  /// entry with the arguments and must not emit the return.
  mlir::func::FuncOp
  getOrCreateFunction(mlir::ModuleOp module, llvm::StringRef name,
                      mlir::TypeRange arguments,
                      llvm::function_ref<void(mlir::ValueRange)> body);
  void call(mlir::func::FuncOp function, mlir::ValueRange arguments);
};

/// The arguments of an entry and what they hold.
class KernelFrame {
public:
  KernelFrame(KernelBuilder &builder, mlir::ValueRange arguments)
      : builder(&builder), arguments(arguments) {}

  mlir::Value bindings() const { return arguments[0]; }
  mlir::Value constants() const { return arguments[1]; }
  mlir::Value workgroup() const { return arguments[2]; }
  mlir::Value scratch() const { return arguments[4]; }

  /// Loads the first `count` binding pointers here, once: loops that store
  /// could not have them hoisted.
  void loadBindings(int64_t count);
  mlir::Value binding(int64_t index) const;
  mlir::Value constant(int64_t index) const;

  /// Makes the kernel return `fault`, or a larger one, if `condition` (i1)
  /// holds.
  void setFault(mlir::Value condition, Fault fault);
  /// The i32 to return, at the end of the entry.
  mlir::Value result() const;

private:
  KernelBuilder *builder;
  Values arguments;
  Values loaded;
  mlir::Value faultSlot;
};

/// Emits an entry of the kernel module: the body gets the frame; the entry
/// returns 0.
mlir::func::FuncOp emitEntry(mlir::ModuleOp module, KernelBuilder &builder,
                             llvm::StringRef name, int64_t scratchBytes,
                             llvm::function_ref<void(KernelFrame &)> body);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_KERNELBUILDER_H
