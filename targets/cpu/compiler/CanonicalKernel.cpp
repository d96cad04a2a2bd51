// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowering, bufferization in destination-passing style, loops, and
// the entry that hands pointers to them.

#include "targets/cpu/compiler/CanonicalKernel.h"

#include "dialects/dure/Lowering/Lowering.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dure::cpu {
namespace {

LogicalResult bufferize(ModuleOp module) {
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  pm.addPass(createConvertLinalgToLoopsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  return pm.run(module);
}

/// Temporaries become stack slots of the function: they are of static size,
/// and a kernel has no heap.
LogicalResult moveAllocationsToStack(func::FuncOp function) {
  WalkResult result = function.walk([&](memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape()) {
      alloc.emitError("temporary of type ")
          << type << " has no static size; the canonical lowering must not "
          << "need one";
      return WalkResult::interrupt();
    }
    OpBuilder b(&function.getBody().front(),
                function.getBody().front().begin());
    Value slot = memref::AllocaOp::create(b, alloc.getLoc(), type,
                                          alloc.getAlignmentAttr());
    alloc.replaceAllUsesWith(slot);
    alloc.erase();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Moves what the lowering made into the kernel module, under names of its
/// own. Returns the function.
func::FuncOp moveInto(ModuleOp kernels, ModuleOp lowered, StringRef name) {
  func::FuncOp result;
  for (Operation &op : llvm::make_early_inc_range(*lowered.getBody())) {
    auto symbol = cast<SymbolOpInterface>(&op);
    auto function = dyn_cast<func::FuncOp>(&op);
    std::string unique = (name + "_" + symbol.getName()).str();
    if (function)
      unique = (name + "_loops").str();
    StringAttr renamed = StringAttr::get(op.getContext(), unique);
    (void)SymbolTable::replaceAllSymbolUses(&op, renamed, lowered);
    SymbolTable::setSymbolName(&op, renamed);
    if (function) {
      function.setPrivate();
      result = function;
    }
  }
  kernels.getBody()->getOperations().splice(kernels.getBody()->begin(),
                                            lowered.getBody()->getOperations());
  return result;
}

/// A memref over a binding: the descriptor that memrefs lower to.
Value makeMemRef(Evaluator &e, Value pointer, MemRefType memref,
                 RankedTensorType type) {
  KernelBuilder &b = e.b;
  Type i64 = b.getI64Type(), ptr = b.ptrType();
  int64_t rank = type.getRank();
  SmallVector<Type> fields = {ptr, ptr, i64};
  if (rank > 0)
    fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
  Type structType = LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
  Value descriptor = LLVM::PoisonOp::create(b, structType);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(b, descriptor, value, position);
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(b.constant(0), {2});
  DimExpr stride = 1;
  for (int64_t i = rank; i-- > 0;) {
    insert(e.dim(dimOf(type, i)), {3, i});
    insert(e.dim(stride), {4, i});
    stride = stride * dimOf(type, i);
  }
  return UnrealizedConversionCastOp::create(b, memref, descriptor).getResult(0);
}

} // namespace

void registerCanonicalKernelDialects(DialectRegistry &registry) {
  registry.insert<DureDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, linalg::LinalgDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  tensor::TensorDialect, vector::VectorDialect>();
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  cf::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
}

bool isCanonicalKernelOp(Operation *op) {
  return isElementwise(op) || (isa<DureDialect>(op->getDialect()) &&
                               !isa<WeightOp, GetWeightOp, DefineDimsOp,
                                    RegionOp, YieldOp, CallDispatchOp>(op));
}

LogicalResult emitCanonicalKernel(ModuleOp module, KernelBuilder &builder,
                                  func::FuncOp function, StringRef name,
                                  DimSlots &slots) {
  OwningOpRef<ModuleOp> lowered = ModuleOp::create(function.getLoc());
  func::FuncOp clone = function.clone();
  lowered->push_back(clone);
  clone.setPublic();
  if (failed(lowerToLinalg(clone)) || failed(bufferize(*lowered)))
    return function.emitError("the canonical lowering of @")
           << function.getName() << " failed";
  for (auto each : lowered->getOps<func::FuncOp>())
    if (failed(moveAllocationsToStack(each)))
      return failure();
  func::FuncOp loops = moveInto(module, *lowered, name);

  SmallVector<RankedTensorType> types;
  for (Type type : function.getArgumentTypes())
    types.push_back(cast<RankedTensorType>(type));
  for (Type type : function.getResultTypes())
    types.push_back(cast<RankedTensorType>(type));
  if (loops.getNumResults() != 1 || loops.getNumArguments() < types.size())
    return function.emitError("a result of @")
           << function.getName()
           << " was not computed in its destination; the canonical lowering "
              "must write there";
  emitEntry(module, builder, name, 0, [&](KernelFrame &frame) {
    Evaluator e(module, builder, frame, slots);
    Values arguments;
    for (auto [i, type] : llvm::enumerate(types)) {
      auto memref = cast<MemRefType>(loops.getArgumentTypes()[i]);
      arguments.push_back(makeMemRef(e, frame.binding(i), memref, type));
    }
    if (auto symbols = function->getAttrOfType<ArrayAttr>("dure.symbols"))
      for (auto symbol : symbols.getAsRange<StringAttr>()) {
        Value value = e.dim(DimExpr::symbol(symbol.getValue()));
        arguments.push_back(
            arith::IndexCastOp::create(builder, builder.getIndexType(), value));
      }
    auto call = func::CallOp::create(builder, loops, arguments);
    frame.setResult(call.getResult(0));
  });
  return success();
}

} // namespace dure::cpu
