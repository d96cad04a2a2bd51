// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ops behind KernelBuilder's short names.

#include "targets/cpu/compiler/KernelBuilder.h"

#include "targets/cpu/compiler/ObjectCode.h"

#include "dialects/dure/ScalarMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dure::cpu {
namespace {

unsigned alignmentOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  // Pointers are the only element that is neither an integer nor a float.
  if (!element.isIntOrFloat())
    return 8;
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

} // namespace

Type KernelBuilder::ptrType() {
  return LLVM::LLVMPointerType::get(getContext());
}

VectorType KernelBuilder::vectorType(Type element) {
  return VectorType::get({variant.lanes()}, element);
}

Value KernelBuilder::constant(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value KernelBuilder::constantF32(float value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}
Value KernelBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}
Value KernelBuilder::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b);
}
Value KernelBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}
Value KernelBuilder::add(Value a, int64_t b) { return add(a, constant(b)); }
Value KernelBuilder::mul(Value a, int64_t b) { return mul(a, constant(b)); }
Value KernelBuilder::div(Value a, Value b) {
  return createOrFold<arith::DivUIOp>(a, b);
}
Value KernelBuilder::rem(Value a, Value b) {
  return createOrFold<arith::RemUIOp>(a, b);
}
Value KernelBuilder::ceilDiv(Value a, int64_t b) {
  return div(add(a, b - 1), constant(b));
}
Value KernelBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}
Value KernelBuilder::max(Value a, Value b) {
  return createOrFold<arith::MaxSIOp>(a, b);
}
Value KernelBuilder::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}
Value KernelBuilder::equal(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, a, b);
}
Value KernelBuilder::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}

Value KernelBuilder::addF(Value a, Value b) {
  return createOrFold<arith::AddFOp>(a, b);
}
Value KernelBuilder::subF(Value a, Value b) {
  return createOrFold<arith::SubFOp>(a, b);
}
Value KernelBuilder::mulF(Value a, Value b) {
  return createOrFold<arith::MulFOp>(a, b);
}
Value KernelBuilder::divF(Value a, Value b) {
  return createOrFold<arith::DivFOp>(a, b);
}
Value KernelBuilder::maxF(Value a, Value b) {
  return createOrFold<arith::MaximumFOp>(a, b);
}
Value KernelBuilder::fma(Value a, Value b, Value c) {
  return math::FmaOp::create(*this, a, b, c);
}
Value KernelBuilder::splat(Value scalar) {
  return vector::BroadcastOp::create(*this, vectorType(scalar.getType()),
                                     scalar);
}
Value KernelBuilder::splatF32(float value) {
  return arith::ConstantOp::create(*this,
                                   DenseElementsAttr::get(f32Vector(), value));
}

/// e^x = 2^n * e^r with n = round(x / ln 2) and |r| <= ln(2)/2; e^r by its
/// series to the 7th power in Horner form (error below 2^-27 relative), ln 2
/// in two parts (Cody and Waite) so that r is exact.
Value KernelBuilder::expNonPositive(Value x) {
  auto vector = dyn_cast<VectorType>(x.getType());
  auto number = [&](double value) -> Value {
    Value scalar = constantF32(float(value));
    return vector ? Value(vector::BroadcastOp::create(*this, vector, scalar))
                  : scalar;
  };
  Type i32 = getI32Type();
  Type intType = vector ? Type(vector.clone(i32)) : i32;
  auto integer = [&](int32_t value) -> Value {
    TypedAttr attr = getI32IntegerAttr(value);
    if (vector)
      attr = DenseElementsAttr::get(cast<ShapedType>(intType),
                                    cast<Attribute>(attr));
    return arith::ConstantOp::create(*this, attr);
  };

  Value lowest = number(-87.3);
  // An ordered comparison: NaN is not below and passes through.
  Value isZero =
      arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, x, lowest);
  Value safe = select(isZero, lowest, x);
  Value n =
      math::RoundEvenOp::create(*this, mulF(safe, number(1.4426950408889634)));
  Value r = fma(n, number(-0.693359375), safe);
  r = fma(n, number(2.12194440e-4), r);
  double coefficient = 1.0 / 5040;
  Value sum = number(coefficient);
  for (int power = 7; power >= 1; --power) {
    coefficient *= power;
    sum = fma(sum, r, number(coefficient));
  }
  Value exponent = arith::FPToSIOp::create(*this, intType, n);
  exponent = arith::ShLIOp::create(*this, exponent, integer(23));
  Value bits = arith::BitcastOp::create(*this, intType, sum);
  bits = arith::AddIOp::create(*this, bits, exponent);
  Value result = arith::BitcastOp::create(*this, x.getType(), bits);
  // The exponent trick would make a number of NaN.
  Value isNan = arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, x, x);
  result = select(isNan, x, result);
  return select(isZero, number(0), result);
}

Value KernelBuilder::at(Value pointer, Type element, Value offset) {
  if (auto integer = dyn_cast<IntegerType>(element)) {
    if (integer.getWidth() == 4)
      return at(pointer, getI8Type(), div(offset, constant(2)));
    element = getIntegerType(integer.getWidth());
  }
  return LLVM::GEPOp::create(*this, ptrType(), element, pointer,
                             ValueRange{offset},
                             LLVM::GEPNoWrapFlags::inbounds);
}
Value KernelBuilder::at(Value pointer, Type element, int64_t offset) {
  return offset == 0 ? pointer : at(pointer, element, constant(offset));
}
Value KernelBuilder::load(Type type, Value pointer) {
  return LLVM::LoadOp::create(*this, type, pointer, alignmentOf(type));
}
void KernelBuilder::store(Value value, Value pointer) {
  LLVM::StoreOp::create(*this, value, pointer, alignmentOf(value.getType()));
}
Value KernelBuilder::maskedLoad(VectorType type, Value pointer, Value mask) {
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(*this, type, pointer, mask, zero,
                                    getI32IntegerAttr(alignmentOf(type)),
                                    /*nontemporal=*/UnitAttr());
}
Value KernelBuilder::atOrBeyond(Value pointer, Type element, Value offset) {
  return LLVM::GEPOp::create(*this, ptrType(), element, pointer,
                             ValueRange{offset});
}
Value KernelBuilder::loadAsF32(Type element, Value pointer, Value mask) {
  VectorType vector = vectorType(element);
  Value loaded =
      mask ? maskedLoad(vector, pointer, mask) : load(vector, pointer);
  return ScalarMath(*this, getLoc()).convert(loaded, element, getF32Type());
}
Value KernelBuilder::loadScalarAsF32(Type element, Value pointer) {
  return ScalarMath(*this, getLoc())
      .convert(load(element, pointer), element, getF32Type());
}
void KernelBuilder::storeRounded(Value vector, Type element, Value pointer,
                                 Value mask) {
  vector = ScalarMath(*this, getLoc()).convert(vector, getF32Type(), element);
  if (mask)
    maskedStore(vector, pointer, mask);
  else
    store(vector, pointer);
}
void KernelBuilder::maskedStore(Value value, Value pointer, Value mask) {
  LLVM::MaskedStoreOp::create(*this, value, pointer, mask,
                              alignmentOf(value.getType()));
}

Value KernelBuilder::laneIds(int64_t lanes, bool wide) {
  SmallVector<APInt> ids;
  for (int64_t lane = 0; lane < lanes; ++lane)
    ids.push_back(APInt(wide ? 64 : 32, lane));
  auto type = VectorType::get({lanes}, getIntegerType(wide ? 64 : 32));
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, ids));
}

Value KernelBuilder::interleave(Value x, Value y, bool upper) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    int64_t lane = i + (upper ? lanes / 2 : 0);
    order.append({lane, lane + lanes});
  }
  return vector::ShuffleOp::create(*this, x, y, order);
}

Value KernelBuilder::reduceLanes(Value vector,
                                 function_ref<Value(Value, Value)> combine) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    SmallVector<int64_t> lower, upper;
    for (int64_t lane = 0; lane < half; ++lane) {
      lower.push_back(lane);
      upper.push_back(lane + half);
    }
    Value low = vector::ShuffleOp::create(*this, vector, vector, lower);
    Value high = vector::ShuffleOp::create(*this, vector, vector, upper);
    vector = combine(low, high);
  }
  return vector::ExtractOp::create(*this, vector, ArrayRef<int64_t>{0});
}

Value KernelBuilder::laneMask(Value count, int64_t lanes) {
  Value limit = min(count, constant(lanes));
  limit = arith::TruncIOp::create(*this, getI32Type(), limit);
  Value ids = laneIds(lanes);
  limit = vector::BroadcastOp::create(*this, ids.getType(), limit);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, ids, limit);
}

void KernelBuilder::forEach(Value begin, Value end, int64_t step,
                            function_ref<void(Value)> body) {
  forEach(begin, end, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return Values{};
  });
}

Values KernelBuilder::forEach(Value begin, Value end, int64_t step,
                              ValueRange inits,
                              function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(*this, begin, end, constant(step), inits);
  InsertionGuard guard(*this);
  // Without results the loop comes with its terminator.
  Block *block = loop.getBody();
  bool hasYield = !block->empty();
  if (hasYield)
    setInsertionPoint(block->getTerminator());
  else
    setInsertionPointToEnd(block);
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!hasYield)
    scf::YieldOp::create(*this, results);
  return Values(loop.getResults());
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPoint(branch.thenYield());
  body();
}

Values KernelBuilder::ifElse(Value condition, TypeRange results,
                             function_ref<Values()> then,
                             function_ref<Values()> otherwise) {
  auto branch = scf::IfOp::create(*this, results, condition,
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  InsertionGuard guard(*this);
  auto fill = [&](Block *block, function_ref<Values()> body) {
    if (!block->empty())
      block->back().erase();
    setInsertionPointToEnd(block);
    Values yielded = body();
    scf::YieldOp::create(*this, yielded);
  };
  fill(branch.thenBlock(), then);
  fill(branch.elseBlock(), otherwise);
  return Values(branch.getResults());
}

func::FuncOp
KernelBuilder::getOrCreateFunction(ModuleOp module, StringRef name,
                                   TypeRange arguments,
                                   function_ref<void(ValueRange)> body) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  InsertionGuard guard(*this);
  setInsertionPointToStart(module.getBody());
  auto function =
      func::FuncOp::create(*this, name, getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("passthrough", getStrArrayAttr({"noinline"}));
  setInsertionPointToStart(function.addEntryBlock());
  body(function.getArguments());
  func::ReturnOp::create(*this);
  return function;
}

void KernelBuilder::call(func::FuncOp function, ValueRange arguments) {
  func::CallOp::create(*this, function, arguments);
}

void KernelFrame::loadBindings(int64_t count) {
  Values pointers;
  for (int64_t i = 0; i < count; ++i)
    pointers.push_back(binding(i));
  loaded = std::move(pointers);
}

Value KernelFrame::binding(int64_t index) const {
  if (index < int64_t(loaded.size()))
    return loaded[index];
  return builder->load(builder->ptrType(),
                       builder->at(bindings(), builder->ptrType(), index));
}

Value KernelFrame::constant(int64_t index) const {
  Type i64 = builder->getI64Type();
  return builder->load(i64, builder->at(constants(), i64, index));
}

void KernelFrame::setFault(Value condition, Fault fault) {
  if (!faultSlot) {
    OpBuilder::InsertionGuard guard(*builder);
    builder->setInsertionPointToStart(
        cast<BlockArgument>(arguments[0]).getOwner());
    faultSlot =
        LLVM::AllocaOp::create(*builder, builder->ptrType(),
                               builder->getI32Type(), builder->constant(1));
    builder->store(
        arith::ConstantOp::create(*builder, builder->getI32IntegerAttr(0)),
        faultSlot);
  }
  builder->ifThen(condition, [&] {
    Value code = arith::ConstantOp::create(
        *builder, builder->getI32IntegerAttr(int32_t(fault)));
    Value before = builder->load(builder->getI32Type(), faultSlot);
    builder->store(builder->max(before, code), faultSlot);
  });
}

Value KernelFrame::result() const {
  if (faultSlot)
    return builder->load(builder->getI32Type(), faultSlot);
  return arith::ConstantOp::create(*builder, builder->getI32IntegerAttr(0));
}

func::FuncOp emitEntry(ModuleOp module, KernelBuilder &builder, StringRef name,
                       int64_t scratchBytes,
                       function_ref<void(KernelFrame &)> body) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  Type ptr = builder.ptrType(), i64 = builder.getI64Type();
  auto function =
      func::FuncOp::create(builder, name,
                           builder.getFunctionType({ptr, ptr, i64, i64, ptr},
                                                   {builder.getI32Type()}));
  function->setAttr(kKernelAttr, builder.getUnitAttr());
  function->setAttr(kScratchBytesAttr, builder.getI64IntegerAttr(scratchBytes));
  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelFrame frame(builder, function.getArguments());
  body(frame);
  func::ReturnOp::create(builder, frame.result());
  return function;
}

} // namespace dure::cpu
