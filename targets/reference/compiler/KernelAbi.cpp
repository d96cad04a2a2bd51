// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entries that make memrefs of the kernel ABI's pointers.

#include "targets/reference/compiler/KernelAbi.h"

#include "dialects/dure/DureOps.h"
#include "dialects/dure/Lowering/Lowering.h"
#include "targets/cpu/compiler/ObjectCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace dure::reference {
namespace {

/// Builds the body of an entry.
class EntryBuilder {
public:
  EntryBuilder(ImplicitLocOpBuilder &builder, func::FuncOp entry)
      : b(builder), entry(entry) {}

  /// The arguments of the inner function.
  SmallVector<Value> arguments(const KernelSignature &signature);

private:
  Value number(int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }
  /// Element `index` of the array that argument `array` points to.
  Value element(unsigned array, int64_t index, Type type) {
    Value at = LLVM::GEPOp::create(
        b, LLVM::LLVMPointerType::get(b.getContext()), type,
        entry.getArgument(array), ArrayRef<LLVM::GEPArg>{int32_t(index)});
    return LLVM::LoadOp::create(b, type, at);
  }
  /// A contiguous row-major memref of these sizes (i64).
  Value memref(Value pointer, MemRefType type, ArrayRef<Value> sizes);
  Value binding(int64_t index, RankedTensorType type,
                const llvm::StringMap<Value> &symbols);

  ImplicitLocOpBuilder &b;
  func::FuncOp entry;
};

} // namespace

Value EntryBuilder::memref(Value pointer, MemRefType type,
                           ArrayRef<Value> sizes) {
  Type i64 = b.getI64Type();
  SmallVector<Type> fields = {pointer.getType(), pointer.getType(), i64};
  if (!sizes.empty())
    fields.append(2, LLVM::LLVMArrayType::get(i64, sizes.size()));
  Value descriptor = LLVM::PoisonOp::create(
      b, LLVM::LLVMStructType::getLiteral(b.getContext(), fields));
  auto insert = [&](Value value, ArrayRef<int64_t> at) {
    descriptor = LLVM::InsertValueOp::create(b, descriptor, value, at);
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(number(0), {2});
  Value stride = number(1);
  for (int64_t i = int64_t(sizes.size()) - 1; i >= 0; --i) {
    insert(sizes[i], {3, i});
    insert(stride, {4, i});
    stride = b.createOrFold<arith::MulIOp>(stride, sizes[i]);
  }
  return UnrealizedConversionCastOp::create(b, type, descriptor).getResult(0);
}

Value EntryBuilder::binding(int64_t index, RankedTensorType type,
                            const llvm::StringMap<Value> &symbols) {
  type = storageOf(type);
  SmallVector<Value> sizes;
  for (const DimExpr &dim : dimsOf(type)) {
    if (std::optional<int64_t> constant = dim.constant()) {
      sizes.push_back(number(*constant));
      continue;
    }
    Value size = buildDim(b, b.getLoc(), dim, symbols);
    sizes.push_back(arith::IndexCastOp::create(b, b.getI64Type(), size));
  }
  auto memrefType =
      MemRefType::get(type.getShape(), signlessElement(type.getElementType()));
  return memref(element(0, index, LLVM::LLVMPointerType::get(b.getContext())),
                memrefType, sizes);
}

SmallVector<Value> EntryBuilder::arguments(const KernelSignature &signature) {
  llvm::StringMap<Value> symbols;
  SmallVector<Value> constants, result;
  for (auto [i, name] : llvm::enumerate(signature.symbols)) {
    Value value = arith::IndexCastOp::create(b, b.getIndexType(),
                                             element(1, i, b.getI64Type()));
    symbols[name] = value;
    constants.push_back(value);
  }
  for (auto [i, type] : llvm::enumerate(signature.bindings))
    result.push_back(binding(i, type, symbols));
  llvm::append_range(result, constants);
  if (int64_t bytes = signature.scratchBytes)
    result.push_back(memref(entry.getArgument(4),
                            MemRefType::get({bytes}, b.getI8Type()),
                            {number(bytes)}));
  return result;
}

func::FuncOp wrapKernel(func::FuncOp inner, StringRef name,
                        const KernelSignature &signature) {
  ImplicitLocOpBuilder b(inner.getLoc(), inner.getContext());
  b.setInsertionPointAfter(inner);
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type(), i32 = b.getI32Type();
  auto entry = func::FuncOp::create(
      b, name, b.getFunctionType({pointer, pointer, i64, i64, pointer}, {i32}));
  entry->setAttr(cpu::kKernelAttr, b.getUnitAttr());
  entry->setAttr(cpu::kScratchBytesAttr,
                 b.getI64IntegerAttr(signature.scratchBytes));

  b.setInsertionPointToStart(entry.addEntryBlock());
  Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                        entry.getArgument(2), zero);
  auto branch = scf::IfOp::create(b, TypeRange(i32), isFirst,
                                  /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> arguments = EntryBuilder(b, entry).arguments(signature);
  auto call = func::CallOp::create(b, inner, arguments);
  scf::YieldOp::create(b, call.getResults());
  b.setInsertionPointToStart(branch.elseBlock());
  Value ok = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  scf::YieldOp::create(b, ok);
  b.setInsertionPointAfter(branch);
  func::ReturnOp::create(b, branch.getResults());
  return entry;
}

} // namespace dure::reference
