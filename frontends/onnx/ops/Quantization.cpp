// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// QuantizeLinear and DequantizeLinear.

#include "frontends/onnx/OpImport.h"

using namespace mlir;

namespace dure::onnx {

/// y = (x - zero point) * scale, per tensor, per axis or per block
static LogicalResult importDequantize(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1);
  int64_t Given = C.intAttr("axis", 1), Block = C.intAttr("block_size", 0);
  int64_t Output = C.intAttr("output_dtype", 0);
  if (!X || !Scale)
    return failure();
  if (rankOf(Scale) == 1 && countOf(dimsOf(typeOf(Scale))).isConstant(1))
    Scale = C.reshape(Scale, {});
  int64_t Axis = 0;
  if (rankOf(Scale) > 0) {
    std::optional<int64_t> Found = C.axis(Given, rankOf(X));
    if (!Found)
      return failure();
    Axis = *Found;
  }
  if (Block < 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"block_size", "must not be negative"});
  SmallVector<Value> Operands = {X, Scale};
  if (C.has(2)) {
    Value Zero = C.in(2);
    if (Zero && rankOf(Scale) == 0)
      Zero = C.reshape(Zero, {});
    Operands.push_back(Zero);
  }
  Value Y = C.create<DequantizeOp>(
      Operands, {C.named("axis", Axis), C.named("block", Block)});
  Type Element = Output ? C.element(Output) : elementOf(Scale);
  if (!Element)
    return failure();
  return C.result(C.cast(Y, Element));
}

ArrayRef<OpEntry> quantizationOps() {
  static const OpEntry Table[] = {
      {"DequantizeLinear",
       {10, 13, 19, 21, 23, 24, 25},
       2,
       3,
       importDequantize},
  };
  return Table;
}

} // namespace dure::onnx
