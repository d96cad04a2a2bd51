// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Integers of 4 and 8 bits as vectors of f32.

#include "targets/cpu/compiler/ScaledPanels.h"

#include "targets/cpu/compiler/MatMulKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace dure::cpu {
namespace {

bool isNibble(Type element) { return element.isInteger(4); }

Value integerSplat(KernelBuilder &b, int64_t value) {
  VectorType type = b.vectorType(b.getI32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, b.getI32IntegerAttr(value)));
}

Value toFloat(KernelBuilder &b, Value integers) {
  return arith::SIToFPOp::create(b, b.f32Vector(), integers);
}

/// A vector of bytes as i32.
Value loadBytes(KernelBuilder &b, Value pointer, bool isSigned) {
  Value bytes = b.load(b.vectorType(b.getI8Type()), pointer);
  VectorType wide = b.vectorType(b.getI32Type());
  if (isSigned)
    return arith::ExtSIOp::create(b, wide, bytes);
  return arith::ExtUIOp::create(b, wide, bytes);
}

/// Two vectors of integers as f32: as many bytes hold them as one has lanes.
std::pair<Value, Value> loadNibbles(KernelBuilder &b, Value pointer,
                                    bool isSigned) {
  Value bytes = loadBytes(b, pointer, /*isSigned=*/false);
  Value four = integerSplat(b, 4);
  if (!isSigned) {
    Value low = arith::AndIOp::create(b, bytes, integerSplat(b, 15));
    Value high = arith::ShRUIOp::create(b, bytes, four);
    return {toFloat(b, low), toFloat(b, high)};
  }
  // Moved to the top and back, which repeats the sign.
  Value top = integerSplat(b, 28);
  auto back = [&](Value moved) {
    return toFloat(b, arith::ShRSIOp::create(b, moved, top));
  };
  Value low = arith::ShLIOp::create(b, bytes, top);
  Value high = arith::ShLIOp::create(b, bytes, integerSplat(b, 24));
  return {back(low), back(high)};
}

/// Every second lane of two vectors.
Value takeHalf(KernelBuilder &b, Value low, Value high, bool odd) {
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < b.variant.lanes(); ++lane)
    order.push_back(2 * lane + (odd ? 1 : 0));
  return vector::ShuffleOp::create(b, low, high, order);
}

/// Columns of a pair of vectors.
int64_t pairWidth(KernelBuilder &b) { return 2 * b.variant.lanes(); }

void emitUnpackBody(KernelBuilder &b, const UnpackOperands &in) {
  const ScaledPanels &panels = in.panels;
  Type f32 = b.getF32Type();
  Value zero = b.constant(0);
  Value blocks = b.ceilDiv(in.k, panels.block);
  auto unpackBlock = [&](Value panel, Value block) {
    Value source =
        b.at(in.source, panels.element, b.mul(panel, in.sourceStride));
    Value target = b.at(in.target, f32, b.mul(panel, in.targetStride));
    Value parameters =
        b.add(b.mul(panel, panels.panelStride), b.mul(block, kPanelWidth));
    Value first = b.mul(block, panels.block);
    Value last = b.min(in.k, b.add(first, panels.block));
    for (int64_t column = 0; column < kPanelWidth; column += pairWidth(b)) {
      PairParameters of = loadParameters(b, panels, b.add(parameters, column));
      b.forEach(first, last, 1, [&](Value k) {
        Value at = b.add(b.mul(k, kPanelWidth), column);
        auto [x, y] =
            widenPair(b, panels.element, b.at(source, panels.element, at), of);
        auto [low, high] = fromPair(b, panels.element, x, y);
        b.store(low, b.at(target, f32, at));
        b.store(high, b.at(target, f32, b.add(at, b.variant.lanes())));
      });
    }
  };
  b.forEach(zero, b.ceilDiv(in.columns, kPanelWidth), 1, [&](Value panel) {
    b.forEach(zero, blocks, 1, [&](Value block) { unpackBlock(panel, block); });
  });
}

} // namespace

std::string ScaledPanels::name() const {
  bool isSigned = !element.isUnsignedInteger();
  auto suffix = [](Type of) {
    return of.isF32() ? "" : of.isF16() ? "h" : "b";
  };
  return llvm::formatv("{0}{1}b{2}{3}{4}{5}", isSigned ? "i" : "u",
                       element.getIntOrFloatBitWidth(), block,
                       suffix(scaleElement), zeroPoints ? "z" : "",
                       offsets ? std::string("o") + suffix(offsetElement)
                               : std::string());
}

void ScaledPanels::appendArguments(Values &arguments) const {
  for (Value each : {scales, zeroPoints, offsets, panelStride})
    if (each)
      arguments.push_back(each);
}

ScaledPanels ScaledPanels::withArguments(ValueRange arguments) const {
  ScaledPanels out = *this;
  for (Value *each :
       {&out.scales, &out.zeroPoints, &out.offsets, &out.panelStride})
    if (*each) {
      *each = arguments.front();
      arguments = arguments.drop_front();
    }
  return out;
}

ScaledPanels ScaledPanels::advanced(KernelBuilder &b, Value elements) const {
  ScaledPanels out = *this;
  auto advance = [&](Value &list, Type of) {
    if (list)
      list = b.at(list, of, elements);
  };
  advance(out.scales, scaleElement);
  advance(out.zeroPoints, b.getF32Type());
  advance(out.offsets, offsetElement);
  return out;
}

PairParameters loadParameters(KernelBuilder &b, const ScaledPanels &panels,
                              Value elements) {
  auto loadPair = [&](Value list, Type of) {
    Value low = b.at(list, of, elements);
    Value high = b.at(low, of, b.variant.lanes());
    return toPair(b, panels.element, b.loadAsF32(of, low),
                  b.loadAsF32(of, high));
  };
  PairParameters out;
  std::tie(out.scale[0], out.scale[1]) =
      loadPair(panels.scales, panels.scaleElement);
  if (panels.offsets)
    std::tie(out.bias[0], out.bias[1]) =
        loadPair(panels.offsets, panels.offsetElement);
  if (panels.zeroPoints) {
    auto [first, second] = loadPair(panels.zeroPoints, b.getF32Type());
    Value zeros[2] = {first, second};
    Value zero = b.splatF32(0);
    for (int64_t i : {0, 1})
      out.bias[i] = b.fma(b.subF(zero, zeros[i]), out.scale[i],
                          out.bias[i] ? out.bias[i] : zero);
  }
  return out;
}

std::pair<Value, Value> widenPair(KernelBuilder &b, Type element, Value pointer,
                                  const PairParameters &parameters) {
  bool isSigned = !element.isUnsignedInteger();
  Value integers[2];
  if (isNibble(element)) {
    std::tie(integers[0], integers[1]) = loadNibbles(b, pointer, isSigned);
  } else {
    Value second = b.at(pointer, element, b.variant.lanes());
    integers[0] = toFloat(b, loadBytes(b, pointer, isSigned));
    integers[1] = toFloat(b, loadBytes(b, second, isSigned));
  }
  for (int64_t i : {0, 1})
    integers[i] = parameters.bias[i] ? b.fma(integers[i], parameters.scale[i],
                                             parameters.bias[i])
                                     : b.mulF(integers[i], parameters.scale[i]);
  return {integers[0], integers[1]};
}

std::pair<Value, Value> toPair(KernelBuilder &b, Type element, Value low,
                               Value high) {
  if (!isNibble(element))
    return {low, high};
  return {takeHalf(b, low, high, false), takeHalf(b, low, high, true)};
}

std::pair<Value, Value> fromPair(KernelBuilder &b, Type element, Value first,
                                 Value second) {
  if (!isNibble(element))
    return {first, second};
  return {b.interleave(first, second, false),
          b.interleave(first, second, true)};
}

void callUnpackPanels(ModuleOp module, KernelBuilder &b,
                      const UnpackOperands &operands) {
  Values arguments = {operands.source, operands.sourceStride,
                      operands.k,      operands.columns,
                      operands.target, operands.targetStride};
  operands.panels.appendArguments(arguments);
  SmallVector<Type> types;
  for (Value each : arguments)
    types.push_back(each.getType());
  auto function = b.getOrCreateFunction(
      module, "dure_unpack_" + operands.panels.name(), types,
      [&](ValueRange args) {
        UnpackOperands in{operands.panels.withArguments(args.drop_front(6)),
                          args[0],
                          args[1],
                          args[2],
                          args[3],
                          args[4],
                          args[5]};
        emitUnpackBody(b, in);
      });
  b.call(function, arguments);
}

} // namespace dure::cpu
