// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MLIR element types and the package's.
#include "compiler/package/ElementTypes.h"

using namespace mlir;
using namespace dure;

static ElementType integerElementType(IntegerType Type) {
  bool Unsigned = Type.isUnsigned();
  switch (Type.getWidth()) {
  case 1:
    return ElementType::Bool;
  case 4:
    return Unsigned ? ElementType::U4 : ElementType::I4;
  case 8:
    return Unsigned ? ElementType::U8 : ElementType::I8;
  case 16:
    return Unsigned ? ElementType::U16 : ElementType::I16;
  case 32:
    return Unsigned ? ElementType::U32 : ElementType::I32;
  case 64:
    return Unsigned ? ElementType::U64 : ElementType::I64;
  default:
    return ElementType::None;
  }
}

ElementType dure::packageElementType(Type Type) {
  if (auto Integer = dyn_cast<IntegerType>(Type))
    return integerElementType(Integer);
  if (Type.isF32())
    return ElementType::F32;
  if (Type.isF16())
    return ElementType::F16;
  if (Type.isBF16())
    return ElementType::BF16;
  if (Type.isF64())
    return ElementType::F64;
  if (isa<Float8E4M3FNType>(Type))
    return ElementType::F8E4M3FN;
  if (isa<Float8E5M2Type>(Type))
    return ElementType::F8E5M2;
  if (isa<Float8E4M3FNUZType>(Type))
    return ElementType::F8E4M3FNUZ;
  if (isa<Float8E5M2FNUZType>(Type))
    return ElementType::F8E5M2FNUZ;
  if (isa<Float8E8M0FNUType>(Type))
    return ElementType::F8E8M0;
  if (isa<Float4E2M1FNType>(Type))
    return ElementType::F4E2M1;
  return ElementType::None;
}

DimExpr dure::byteSize(RankedTensorType Type) {
  unsigned Bits = elementBits(packageElementType(Type.getElementType()));
  DimExpr Count = elementCount(Type);
  if (Bits % 8 == 0)
    return Count * DimExpr(Bits / 8);
  return DimExpr::ceilDiv(Count * DimExpr(Bits), DimExpr(8));
}
