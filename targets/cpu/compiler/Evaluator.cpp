// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Index arithmetic, memory access and memoization of the evaluator. What each
// op computes is in EvaluatorOps.cpp.

#include "targets/cpu/compiler/Evaluator.h"

#include "targets/cpu/compiler/EvaluatorOps.h"

#include "compiler/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dure::cpu {

int64_t DimSlots::slotOf(const DimExpr &expr) {
  for (auto [i, known] : llvm::enumerate(slots))
    if (known == expr)
      return i;
  slots.push_back(expr);
  return int64_t(slots.size()) - 1;
}

Evaluator::Evaluator(ModuleOp module, KernelBuilder &builder,
                     KernelFrame &frame, DimSlots &slots)
    : b(builder), frame(frame), module(module), slots(slots) {
  memo.emplace_back();
}

bool packsResult(Operation *op) {
  return isa<CastOp>(op) &&
         getElementTypeOrSelf(op->getResult(0).getType()).isInteger(4);
}

bool Evaluator::isSupported(Operation *op) {
  return OpEvaluator::isSupported(op);
}

Value Evaluator::dim(const DimExpr &expr) {
  if (auto value = expr.constant())
    return b.constant(*value);
  return frame.constant(slots.slotOf(expr));
}

VectorType Evaluator::vectorOf(Type element) {
  return b.vectorType(signlessElement(element));
}

Value Evaluator::number(Type element, double value) {
  return math().number(vectorOf(element), value);
}

void Evaluator::redirect(Value tensor, Read read) {
  for (auto &scope : memo)
    scope.erase(tensor);
  redirected[tensor] = std::move(read);
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

Value Evaluator::lanesOf(const Index &index) {
  if (index.lanes)
    return index.lanes;
  Value splat = b.splat(index.base);
  if (index.step == 0)
    return splat;
  Value ids = b.laneIds(b.variant.lanes(), /*wide=*/true);
  if (index.step != 1)
    ids = arith::MulIOp::create(b, ids,
                                math().integer(ids.getType(), index.step));
  return arith::AddIOp::create(b, splat, ids);
}

Index Evaluator::offset(const Index &index, Value by) {
  if (index.lanes)
    return {{}, 0, arith::AddIOp::create(b, index.lanes, b.splat(by))};
  return {b.add(index.base, by), index.step, {}};
}

Index Evaluator::scale(const Index &index, int64_t by) {
  if (by == 1)
    return index;
  if (index.lanes) {
    Value factor = math().integer(index.lanes.getType(), by);
    return {{}, 0, arith::MulIOp::create(b, index.lanes, factor)};
  }
  return {b.mul(index.base, by), index.step * by, {}};
}

SmallVector<Index> Evaluator::delinearize(Value linear,
                                          ArrayRef<DimExpr> dims) {
  SmallVector<Index> result(dims.size());
  // The outermost dimension above 1 takes what is left, without a remainder.
  size_t outer = 0;
  while (outer < dims.size() && dims[outer].isConstant(1))
    ++outer;
  for (size_t i = dims.size(); i-- > 0;) {
    if (i < outer || dims[i].isConstant(1)) {
      result[i] = uniform(int64_t(0));
    } else if (i == outer) {
      result[i] = uniform(linear);
    } else {
      Value extent = dim(dims[i]);
      result[i] = uniform(b.rem(linear, extent));
      linear = b.div(linear, extent);
    }
  }
  return result;
}

Values Evaluator::loop(Value extent, ValueRange inits,
                       function_ref<Values(Value, ValueRange)> body) {
  return b.forEach(b.constant(0), extent, 1, inits,
                   [&](Value i, ValueRange current) {
                     Scope scope(*this);
                     return body(i, current);
                   });
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Type Evaluator::memoryType(Type element) {
  if (element.isInteger(1))
    return b.getI8Type();
  // fp8 has no type in LLVM.
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 8)
    return b.getI8Type();
  return signlessElement(element);
}

Value Evaluator::fromMemory(Value loaded, Type element) {
  if (element.isInteger(1))
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, loaded,
                                 math().integer(loaded.getType(), 0));
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 8)
    return arith::BitcastOp::create(b, vectorOf(element), loaded);
  return loaded;
}

SmallVector<Value> Evaluator::stridesOf(RankedTensorType type) {
  SmallVector<Value> strides(type.getRank());
  DimExpr stride = 1;
  for (unsigned i = type.getRank(); i-- > 0;) {
    strides[i] = dim(stride);
    stride = stride * dimOf(type, i);
  }
  return strides;
}

/// Two elements a byte, the first in the low half: a gather of bytes, since a
/// row may begin in the middle of one.
Value Evaluator::loadNibbles(Type element, Value pointer,
                             ArrayRef<Value> strides, const Point &point) {
  Value indices = b.splat(b.constant(0));
  for (auto [i, index] : llvm::enumerate(point.at))
    indices = arith::AddIOp::create(
        b, indices,
        arith::MulIOp::create(b, lanesOf(index), b.splat(strides[i])));
  Value one = math().integer(indices.getType(), 1);
  Value places = arith::ShRUIOp::create(b, indices, one);
  VectorType bytes = b.vectorType(b.getI8Type());
  Value isSecond = arith::TruncIOp::create(b, bytes, indices);
  isSecond = arith::AndIOp::create(b, isSecond, math().integer(bytes, 1));
  Value mask = point.mask;
  if (!mask)
    mask = math().integer(b.vectorType(b.getI1Type()), 1);
  Value addresses = LLVM::GEPOp::create(
      b, b.vectorType(b.ptrType()), b.getI8Type(), pointer, ValueRange{places});
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(bytes));
  Value pairs = LLVM::masked_gather::create(
      b, bytes, addresses, mask, ValueRange{zero}, b.getI32IntegerAttr(1));
  Value shift = arith::ShLIOp::create(b, isSecond, math().integer(bytes, 2));
  pairs = arith::ShRUIOp::create(b, pairs, shift);
  return arith::TruncIOp::create(b, vectorOf(element), pairs);
}

Value Evaluator::loadAt(Type element, Value pointer, ArrayRef<Value> strides,
                        const Point &point) {
  if (element.isIntOrFloat() && element.getIntOrFloatBitWidth() == 4)
    return loadNibbles(element, pointer, strides, point);
  Type memory = memoryType(element);
  VectorType vector = b.vectorType(memory);
  Value base = b.constant(0);
  Value lanes;
  bool isContiguous = true, isUniform = true;
  for (auto [i, index] : llvm::enumerate(point.at)) {
    bool isLast = i + 1 == point.at.size();
    isUniform &= !index.lanes && index.step == 0;
    isContiguous &= !index.lanes && index.step == (isLast ? 1 : 0);
    if (!index.lanes)
      base = b.add(base, b.mul(index.base, strides[i]));
    if (!index.lanes && index.step == 0)
      continue;
    Value part =
        index.lanes ? index.lanes : lanesOf({b.constant(0), index.step, {}});
    part = arith::MulIOp::create(b, part, b.splat(strides[i]));
    lanes = lanes ? Value(arith::AddIOp::create(b, lanes, part)) : part;
  }
  Value start = b.at(pointer, memory, base);
  if (isUniform)
    return fromMemory(b.splat(b.load(memory, start)), element);
  if (isContiguous)
    return fromMemory(point.mask ? b.maskedLoad(vector, start, point.mask)
                                 : b.load(vector, start),
                      element);
  Value mask = point.mask;
  if (!mask)
    mask = math().integer(b.vectorType(b.getI1Type()), 1);
  auto pointers = b.vectorType(b.ptrType());
  Value addresses =
      LLVM::GEPOp::create(b, pointers, memory, start, ValueRange{lanes});
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
  unsigned alignment = std::max(1u, memory.getIntOrFloatBitWidth() / 8);
  Value loaded =
      LLVM::masked_gather::create(b, vector, addresses, mask, ValueRange{zero},
                                  b.getI32IntegerAttr(alignment));
  return fromMemory(loaded, element);
}

std::pair<RankedTensorType, Point> Evaluator::adapt(RankedTensorType type,
                                                    const Point &point) {
  if (layout == Layout::Full)
    return {type, point};
  Type element = type.getElementType();
  DimExpr count = elementCount(type);
  if (layout == Layout::Flat) {
    if (count.isConstant(1))
      return {tensorOf({}, element), Point{}};
    return {tensorOf({count}, element), point};
  }
  DimExpr columns =
      type.getRank() == 0 ? DimExpr(1) : dimOf(type, type.getRank() - 1);
  DimExpr rows = 1;
  for (int64_t i = 0; i + 1 < type.getRank(); ++i)
    rows = rows * dimOf(type, i);
  Point at = point;
  if (rows.isConstant(1))
    at.at[0] = uniform(int64_t(0));
  if (columns.isConstant(1))
    at.at[1] = uniform(int64_t(0));
  return {tensorOf({rows, columns}, element), at};
}

/// Whether a weight lies in panels: what matmuls read, and gathers of columns.
static bool isInPanels(BlockArgument argument) {
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  return function && function.getArgAttr(argument.getArgNumber(), LayoutAttr);
}

/// Column n of row k lies in panel n / width, row k, column n % width. What has
/// a layout is a matrix in panels (DispatchLowering refuses all else), and a
/// gather is computed in the full layout of points.
Value Evaluator::loadFromPanels(BlockArgument weight, const Point &point) {
  auto function = cast<func::FuncOp>(weight.getOwner()->getParentOp());
  auto step =
      function.getArgAttrOfType<StepAttr>(weight.getArgNumber(), LayoutAttr);
  int64_t width = step.getInts().front();
  const Index &row = point.at[0], &column = point.at[1];
  Index panel, within;
  if (!column.lanes && column.step == 0) {
    panel = uniform(b.div(column.base, b.constant(width)));
    within = uniform(b.rem(column.base, b.constant(width)));
  } else {
    Value columns = lanesOf(column), widths = b.splat(b.constant(width));
    panel.lanes = arith::DivUIOp::create(b, columns, widths);
    within.lanes = arith::RemUIOp::create(b, columns, widths);
  }
  return loadFrom(frame.binding(weight.getArgNumber()),
                  cast<RankedTensorType>(step.getType()),
                  Point{{panel, row, within}, point.mask});
}

Value Evaluator::load(Value tensor, const Point &point) {
  auto argument = cast<BlockArgument>(tensor);
  if (isInPanels(argument))
    return loadFromPanels(argument, point);
  auto type = cast<RankedTensorType>(tensor.getType());
  Value pointer = frame.binding(argument.getArgNumber());
  auto [adapted, at] = adapt(type, point);
  return loadFrom(pointer, adapted, at);
}

Value Evaluator::loadResult(Value base, RankedTensorType type,
                            const Point &point) {
  auto [adapted, at] = adapt(type, point);
  return loadFrom(base, adapted, at);
}

Value Evaluator::loadFrom(Value base, RankedTensorType type,
                          const Point &point) {
  return loadAt(type.getElementType(), base, stridesOf(type), point);
}

/// Splats become constants; other small constants a table in the code object.
Value Evaluator::loadConstant(ConstantOp op, const Point &point) {
  auto elements = cast<DenseElementsAttr>(op.getValue());
  Type element = elements.getElementType();
  Type compute = signlessElement(element);
  auto typed = [&](Attribute attr) -> TypedAttr {
    if (auto integer = dyn_cast<IntegerAttr>(attr))
      return b.getIntegerAttr(compute, integer.getValue());
    return cast<TypedAttr>(attr);
  };
  if (elements.isSplat()) {
    TypedAttr splat = typed(elements.getSplatValue<Attribute>());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vectorOf(element), cast<Attribute>(splat)));
  }
  // Bytes as they lie in memory: i1 is one byte, four bits are half of one.
  std::string name =
      ("dure_constant_" +
       Twine(llvm::hash_value(llvm::StringRef(elements.getRawData().data(),
                                              elements.getRawData().size()))))
          .str();
  SmallVector<char> bytes;
  size_t count = 0;
  for (Attribute attr : elements.getValues<Attribute>()) {
    auto integer = dyn_cast<IntegerAttr>(attr);
    APInt bits = integer ? integer.getValue()
                         : cast<FloatAttr>(attr).getValue().bitcastToAPInt();
    if (bits.getBitWidth() == 4) {
      if (count++ % 2 == 0)
        bytes.push_back(char(bits.getZExtValue()));
      else
        bytes.back() |= char(bits.getZExtValue() << 4);
      continue;
    }
    for (unsigned i = 0; i < std::max(1u, bits.getBitWidth() / 8); ++i)
      bytes.push_back(char(bits.lshr(8 * i).getLoBits(8).getZExtValue()));
  }
  LLVM::GlobalOp global;
  for (unsigned suffix = 0;; ++suffix) {
    std::string unique = name + "_" + std::to_string(suffix);
    global = module.lookupSymbol<LLVM::GlobalOp>(unique);
    StringAttr text = b.getStringAttr(StringRef(bytes.data(), bytes.size()));
    if (global && global.getValueAttr() != text)
      continue;
    if (!global) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(module.getBody());
      auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
      global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true,
                                      LLVM::Linkage::Internal, unique, text,
                                      /*alignment=*/64);
    }
    break;
  }
  Value pointer = LLVM::AddressOfOp::create(b, global);
  auto [type, at] = adapt(cast<RankedTensorType>(op.getType()), point);
  return loadFrom(pointer, type, at);
}

void Evaluator::storeResult(Value elements, RankedTensorType type, Value base,
                            const Point &point) {
  auto [adapted, at] = adapt(type, point);
  store(elements, adapted, base, at);
}

void Evaluator::store(Value elements, RankedTensorType type, Value base,
                      const Point &point) {
  Type element = type.getElementType();
  Type memory = memoryType(element);
  if (element.isInteger(1))
    elements = arith::ExtUIOp::create(b, b.vectorType(memory), elements);
  else if (memory != signlessElement(element))
    elements = arith::BitcastOp::create(b, b.vectorType(memory), elements);
  SmallVector<Value> strides = stridesOf(type);
  Value offset = b.constant(0);
  bool isVector = false;
  for (auto [i, index] : llvm::enumerate(point.at)) {
    offset = b.add(offset, b.mul(index.base, strides[i]));
    isVector |= index.step != 0;
  }
  Value pointer = b.at(base, memory, offset);
  if (!isVector)
    b.store(vector::ExtractOp::create(b, elements, ArrayRef<int64_t>{0}),
            pointer);
  else if (point.mask)
    b.maskedStore(elements, pointer, point.mask);
  else
    b.store(elements, pointer);
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

Value Evaluator::eval(Value tensor, const Point &point) {
  for (auto &scope : llvm::reverse(memo)) {
    auto known = scope.find(tensor);
    if (known == scope.end())
      continue;
    for (const Remembered &each : known->second)
      if (each.point == point)
        return each.value;
  }
  Value result;
  if (auto read = redirected.find(tensor);
      read != redirected.end() && read->second)
    result = read->second(point);
  if (!result) {
    if (isa<BlockArgument>(tensor))
      result = load(tensor, point);
    else if (auto constant = tensor.getDefiningOp<ConstantOp>())
      result = loadConstant(constant, point);
    else
      result = OpEvaluator(*this, point).eval(tensor.getDefiningOp());
  }
  memo.back()[tensor].push_back({point, result});
  return result;
}

} // namespace dure::cpu
