// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a dispatch function to loops on memrefs.
#include "targets/reference/compiler/ReferenceCodegen.h"

#include "dialects/dure/DureOps.h"
#include "dialects/dure/Lowering/Lowering.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/reference/compiler/KernelAbi.h"

#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace dure;

namespace {

/// Results that are their destinations need not be returned. All are: the
/// lowering saw to it.
LogicalResult dropResults(func::FuncOp Function, unsigned FirstDestination) {
  auto Return =
      cast<func::ReturnOp>(Function.getBody().front().getTerminator());
  Value Fault = Return.getOperands().back();
  for (auto [I, Result] : llvm::enumerate(Return.getOperands().drop_back())) {
    Value Root = Result;
    while (auto Cast = Root.getDefiningOp<memref::CastOp>())
      Root = Cast.getSource();
    if (Root != Function.getArgument(FirstDestination + I))
      return Function.emitError("result ")
             << I << " was not bufferized into its destination";
  }
  Return.getOperandsMutable().assign(Fault);
  Function.setFunctionType(FunctionType::get(
      Function.getContext(), Function.getArgumentTypes(), Fault.getType()));
  Function.removeResAttrsAttr();
  return success();
}

/// Puts all allocations into one buffer of bytes, the function's last argument;
/// returns its size. They have static sizes, and each is written before it is
/// read wherever its allocation stands, so that one place will do for it.
FailureOr<int64_t> allocateScratch(func::FuncOp Function) {
  SmallVector<memref::AllocOp> Allocations;
  Function.walk([&](memref::AllocOp Op) { Allocations.push_back(Op); });
  SmallVector<int64_t> Offsets;
  int64_t Bytes = 0;
  for (memref::AllocOp Op : Allocations) {
    MemRefType Type = Op.getType();
    if (!Type.hasStaticShape())
      return Op.emitError("the canonical lowering needs a temporary of dynamic "
                          "size here; put the ops of this dispatch into "
                          "dispatches of their own");
    int64_t Width = llvm::divideCeil(Type.getElementTypeBitWidth(), 8u);
    Offsets.push_back(Bytes);
    Bytes += llvm::alignTo(Type.getNumElements() * Width, 64);
  }
  if (Allocations.empty())
    return 0;
  auto Scratch =
      MemRefType::get({Bytes}, IntegerType::get(Function.getContext(), 8));
  unsigned Last = Function.getNumArguments();
  if (failed(Function.insertArgument(Last, Scratch, {}, Function.getLoc())))
    return failure();
  for (auto [Op, Offset] : llvm::zip(Allocations, Offsets)) {
    OpBuilder Builder(Op);
    Value At = arith::ConstantIndexOp::create(Builder, Op.getLoc(), Offset);
    Value View =
        memref::ViewOp::create(Builder, Op.getLoc(), Op.getType(),
                               Function.getArgument(Last), At, ValueRange());
    Op.replaceAllUsesWith(View);
    Op.erase();
  }
  return Bytes;
}

/// Tensors to memrefs in place, linalg to loops.
LogicalResult bufferize(ModuleOp Module) {
  PassManager Tensors(Module.getContext());
  Tensors.addPass(createCanonicalizerPass());
  if (failed(Tensors.run(Module)))
    return failure();

  bufferization::OneShotBufferizationOptions Options;
  Options.bufferizeFunctionBoundaries = true;
  Options.setFunctionBoundaryTypeConversion(
      bufferization::LayoutMapOption::IdentityLayoutMap);
  // Copies as loops: memref.copy may call a run-time library.
  Options.memCpyFn = [](OpBuilder &Builder, Location Loc, Value From,
                        Value To) -> LogicalResult {
    if (From != To)
      linalg::makeMemRefCopyOp(Builder, Loc, From, To);
    return success();
  };
  bufferization::BufferizationState State;
  if (failed(bufferization::runOneShotModuleBufferize(Module, Options, State)))
    return failure();
  bufferization::removeBufferizationAttributesInModule(Module);

  PassManager Buffers(Module.getContext());
  Buffers.addPass(createCanonicalizerPass());
  Buffers.addPass(createConvertLinalgToLoopsPass());
  Buffers.addPass(createCanonicalizerPass());
  Buffers.addPass(createCSEPass());
  return Buffers.run(Module);
}

/// Moves the kernel's ops to the kernels of the code object, under names that
/// are the kernel's own.
void moveInto(ModuleOp Kernels, ModuleOp Module, StringRef Name) {
  for (auto Global : llvm::to_vector(Module.getOps<memref::GlobalOp>())) {
    auto Fresh =
        StringAttr::get(Module.getContext(), Name + "." + Global.getSymName());
    (void)SymbolTable::replaceAllSymbolUses(Global.getSymNameAttr(), Fresh,
                                            Module);
    Global.setSymNameAttr(Fresh);
  }
  for (Operation &Op :
       llvm::make_early_inc_range(Module.getBody()->getOperations()))
    Op.moveBefore(Kernels.getBody(), Kernels.getBody()->end());
}

} // namespace

void reference::registerDialects(DialectRegistry &Registry) {
  cpu::registerObjectCodeDialects(Registry);
  Registry.insert<bufferization::BufferizationDialect, linalg::LinalgDialect,
                  tensor::TensorDialect, DureDialect>();
  arith::registerBufferizableOpInterfaceExternalModels(Registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      Registry);
  linalg::registerBufferizableOpInterfaceExternalModels(Registry);
  linalg::registerSubsetOpInterfaceExternalModels(Registry);
  scf::registerBufferizableOpInterfaceExternalModels(Registry);
  tensor::registerBufferizableOpInterfaceExternalModels(Registry);
  tensor::registerSubsetOpInterfaceExternalModels(Registry);
}

bool reference::isSupportedElement(Type Element) {
  if (auto Integer = dyn_cast<IntegerType>(Element))
    return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, Integer.getWidth());
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type,
             Float8E4M3FNType, Float8E5M2Type, Float8E4M3FNUZType,
             Float8E5M2FNUZType, Float8E8M0FNUType>(Element);
}

Type reference::findUnsupportedElement(Operation *Op) {
  bool Unpacks =
      isa<CastOp, DequantizeOp, ReshapeOp, ConstantOp, WeightOp, GetWeightOp>(
          Op);
  for (Type T :
       llvm::concat<const Type>(Op->getOperandTypes(), Op->getResultTypes())) {
    auto Tensor = dyn_cast<RankedTensorType>(T);
    if (!Tensor || isSupportedElement(Tensor.getElementType()) ||
        (Unpacks && Tensor.getElementType().isInteger(4)))
      continue;
    return Tensor.getElementType();
  }
  return Type();
}

FailureOr<reference::KernelInfo> reference::lowerDispatch(func::FuncOp Dispatch,
                                                          ModuleOp Kernels) {
  KernelInfo Info;
  Info.Name = Dispatch.getName().str();
  KernelSignature Signature;
  for (Type Type : Dispatch.getArgumentTypes())
    Signature.bindings.push_back(cast<RankedTensorType>(Type));
  for (Type Type : Dispatch.getResultTypes())
    Signature.bindings.push_back(cast<RankedTensorType>(Type));
  if (auto Names = Dispatch->getAttrOfType<ArrayAttr>("dure.symbols"))
    for (auto Name : Names.getAsRange<StringAttr>()) {
      Signature.symbols.push_back(Name.str());
      Info.Constants.push_back(Name.str());
    }

  OwningOpRef<ModuleOp> Module = ModuleOp::create(Dispatch.getLoc());
  auto Inner = cast<func::FuncOp>(Dispatch->clone());
  Module->push_back(Inner);
  Inner.setName((Info.Name + ".body"));
  Inner.setPrivate();
  Inner->removeAttr(DureDialect::DispatchFnAttr);
  if (failed(lowerToLinalg(Inner)) || failed(bufferize(*Module)))
    return failure();
  // Bufferization works on the function in place.
  Inner = *Module->getOps<func::FuncOp>().begin();
  if (failed(dropResults(Inner, Dispatch.getNumArguments())))
    return failure();
  FailureOr<int64_t> Scratch = allocateScratch(Inner);
  if (failed(Scratch))
    return failure();
  Signature.scratchBytes = Info.ScratchBytes = *Scratch;
  wrapKernel(Inner, Info.Name, Signature);
  moveInto(Kernels, *Module, Info.Name);
  return Info;
}
