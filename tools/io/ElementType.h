// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The element types of ONNX tensors and what is known of each.
//
// Included by tools that hold tensors. The numbers are those of
// onnx.TensorProto.DataType and never change, so they are also what the
// runtime's C API takes. Depends on the standard library only.
#ifndef DURE_TOOLS_IO_ELEMENTTYPE_H
#define DURE_TOOLS_IO_ELEMENTTYPE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace dure::io {

enum class ElementType : int32_t {
  Undefined = 0,
  Float32 = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Float64 = 11,
  UInt32 = 12,
  UInt64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  BFloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  UInt4 = 21,
  Int4 = 22,
  Float4E2M1 = 23,
  Float8E8M0 = 24,
  UInt2 = 25,
  Int2 = 26,
};

enum class ElementKind { Integer, Float, Complex, Bool, String };

struct ElementTypeInfo {
  ElementType Type;
  /// ONNX's name in lower case, as in messages: "float32", "int4".
  std::string_view Name;
  ElementKind Kind;
  /// Bits of one element in memory; bool takes a byte, strings have none.
  unsigned Bits;
  /// numpy's kind and size without byte order ("f4"); empty where numpy has no
  /// such type.
  std::string_view Npy;
};

/// Nothing for codes outside 1..26.
const ElementTypeInfo *findElementType(int64_t Code);
/// The entry of a known type.
const ElementTypeInfo &elementTypeInfo(ElementType Type);
const ElementTypeInfo *findNpyType(std::string_view KindAndSize);

/// Bytes that `Count` elements take, packed: 4-bit and 2-bit elements fill a
/// byte from its low end. Nothing when that exceeds 2^63 - 1. Strings take 0.
std::optional<int64_t> storageBytes(ElementType Type, int64_t Count);

} // namespace dure::io

#endif // DURE_TOOLS_IO_ELEMENTTYPE_H
