// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of element types.
#include "tools/io/ElementType.h"

#include <array>

namespace dure::io {
namespace {
using T = ElementType;
using K = ElementKind;

constexpr std::array<ElementTypeInfo, 26> Table = {{
    {T::Float32, "float32", K::Float, 32, "f4"},
    {T::UInt8, "uint8", K::Integer, 8, "u1"},
    {T::Int8, "int8", K::Integer, 8, "i1"},
    {T::UInt16, "uint16", K::Integer, 16, "u2"},
    {T::Int16, "int16", K::Integer, 16, "i2"},
    {T::Int32, "int32", K::Integer, 32, "i4"},
    {T::Int64, "int64", K::Integer, 64, "i8"},
    {T::String, "string", K::String, 0, ""},
    {T::Bool, "bool", K::Bool, 8, "b1"},
    {T::Float16, "float16", K::Float, 16, "f2"},
    {T::Float64, "float64", K::Float, 64, "f8"},
    {T::UInt32, "uint32", K::Integer, 32, "u4"},
    {T::UInt64, "uint64", K::Integer, 64, "u8"},
    {T::Complex64, "complex64", K::Complex, 64, "c8"},
    {T::Complex128, "complex128", K::Complex, 128, "c16"},
    {T::BFloat16, "bfloat16", K::Float, 16, ""},
    {T::Float8E4M3FN, "float8e4m3fn", K::Float, 8, ""},
    {T::Float8E4M3FNUZ, "float8e4m3fnuz", K::Float, 8, ""},
    {T::Float8E5M2, "float8e5m2", K::Float, 8, ""},
    {T::Float8E5M2FNUZ, "float8e5m2fnuz", K::Float, 8, ""},
    {T::UInt4, "uint4", K::Integer, 4, ""},
    {T::Int4, "int4", K::Integer, 4, ""},
    {T::Float4E2M1, "float4e2m1", K::Float, 4, ""},
    {T::Float8E8M0, "float8e8m0", K::Float, 8, ""},
    {T::UInt2, "uint2", K::Integer, 2, ""},
    {T::Int2, "int2", K::Integer, 2, ""},
}};
} // namespace

const ElementTypeInfo *findElementType(int64_t Code) {
  if (Code < 1 || Code > int64_t(Table.size()))
    return nullptr;
  return &Table[size_t(Code - 1)];
}

const ElementTypeInfo &elementTypeInfo(ElementType Type) {
  return Table[size_t(Type) - 1];
}

const ElementTypeInfo *findNpyType(std::string_view KindAndSize) {
  for (const ElementTypeInfo &Info : Table)
    if (!Info.Npy.empty() && Info.Npy == KindAndSize)
      return &Info;
  return nullptr;
}

std::optional<int64_t> storageBytes(ElementType Type, int64_t Count) {
  int64_t Bits;
  const int64_t PerElement = elementTypeInfo(Type).Bits;
  // Whole bytes first: the product in bits would overflow eight times earlier.
  if (PerElement % 8 == 0) {
    if (__builtin_mul_overflow(Count, PerElement / 8, &Bits))
      return std::nullopt;
    return Bits;
  }
  const int64_t PerByte = 8 / PerElement;
  return Count / PerByte + (Count % PerByte != 0);
}

} // namespace dure::io
