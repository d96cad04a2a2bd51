// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a GGUF file: metadata and the table of tensors, nothing copied.
//
// Included by what makes a checkpoint of a GGUF file and by tests. Throws
// nothing but out of memory. Any byte string may be given: counts, sizes,
// nesting, types, alignment, offsets and overlaps are checked before they are
// believed, and memory grows with the file's own tables only. Versions 2 and 3
// are read, little-endian.
//
// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUF_H
#define DURE_FRONTENDS_CHECKPOINT_GGUF_H

#include "frontends/checkpoint/GgufBlocks.h"
#include "frontends/checkpoint/Refusal.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure::checkpoint {

/// Types of metadata values; the numbers are the file's.
enum class GgufKind : uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64
};

/// A value where it lies in the file: a scalar, or the elements of an array.
struct GgufValue {
  GgufKind Kind = GgufKind::U8; ///< Of the scalar, or of the elements.
  bool IsArray = false;
  uint64_t Count = 1; ///< Elements.
  std::span<const std::byte> Bytes;
};

struct GgufTensor {
  std::string_view Name;
  GgmlType Type = GgmlType::F32;
  std::vector<int64_t> Shape; ///< Outermost first, as ONNX has it.
  uint64_t Offset = 0;        ///< From the beginning of the file.
  uint64_t Bytes = 0;
};

/// Bounds on what is read. A file beyond one is refused, never cut short.
struct GgufLimits {
  uint64_t MaxKeys = 65'536;
  uint64_t MaxTensors = 262'144;
  uint64_t MaxNameBytes = 1024; ///< Of a key or a tensor's name.
  uint32_t MaxAlignment = 1 << 20;
  unsigned MaxNesting = 4; ///< Of arrays in arrays.
};

class GgufFile {
public:
  /// Reads the file in `Bytes`, which must outlive the result; nothing, having
  /// refused it, when it is not well-formed. `Place` is for messages.
  static std::optional<GgufFile> read(std::span<const std::byte> Bytes,
                                      const std::string &Place,
                                      Refusals &Problems,
                                      const GgufLimits &Limits = {});

  const std::string &place() const { return Place; }
  const std::vector<GgufTensor> &tensors() const { return Tensors; }
  const std::map<std::string_view, GgufValue> &metadata() const { return Keys; }
  bool has(std::string_view Key) const { return Keys.count(Key) != 0; }

  // Values by key. Nothing when the file has no such key; nothing and a refusal
  // when the value has another type. Strings are valid UTF-8.

  /// Any integer type, within int64 and from 0 on.
  std::optional<int64_t> integer(std::string_view Key, Refusals &P) const;
  /// Any number.
  std::optional<double> number(std::string_view Key, Refusals &P) const;
  std::optional<bool> boolean(std::string_view Key, Refusals &P) const;
  std::optional<std::string_view> text(std::string_view Key, Refusals &P) const;

  // Arrays; a scalar counts as an array of one.
  std::optional<std::vector<int64_t>> integers(std::string_view Key,
                                               Refusals &P) const;
  std::optional<std::vector<double>> numbers(std::string_view Key,
                                             Refusals &P) const;
  std::optional<std::vector<bool>> booleans(std::string_view Key,
                                            Refusals &P) const;
  std::optional<std::vector<std::string_view>> texts(std::string_view Key,
                                                     Refusals &P) const;
  /// An array of integers of 8 bits.
  std::optional<std::span<const std::byte>> bytes(std::string_view Key,
                                                  Refusals &P) const;

private:
  std::string Place;
  std::map<std::string_view, GgufValue> Keys;
  std::vector<GgufTensor> Tensors;

  friend class GgufReader;
};

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUF_H
