// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes GGUF files in memory, well-formed or not. Shared by the tests of GGUF.
#ifndef DURE_TEST_UNIT_GGUF_GGUFFILEBUILDER_H
#define DURE_TEST_UNIT_GGUF_GGUFFILEBUILDER_H

#include "frontends/checkpoint/Gguf.h"

#include <cstring>
#include <string>
#include <vector>

namespace dure::checkpoint {

/// Bytes put together field by field.
class Fields {
public:
  template <typename T> Fields &add(T Value) {
    const char *At = reinterpret_cast<const char *>(&Value);
    Bytes.append(At, sizeof(T));
    return *this;
  }
  Fields &string(std::string_view Text) {
    add<uint64_t>(Text.size());
    Bytes += Text;
    return *this;
  }
  Fields &raw(std::string_view Text) {
    Bytes += Text;
    return *this;
  }
  std::string Bytes;
};

/// A file of keys and tensors. Data follows the tables, each tensor aligned.
class GgufFileBuilder {
public:
  uint32_t Version = 3;
  uint64_t Alignment = 32;
  std::string Magic = "GGUF";

  GgufFileBuilder &key(std::string_view Name, GgufKind Kind,
                       const Fields &Value) {
    Keys.string(Name).add(uint32_t(Kind)).raw(Value.Bytes);
    ++KeyCount;
    return *this;
  }
  GgufFileBuilder &u32(std::string_view Name, uint32_t V) {
    return key(Name, GgufKind::U32, Fields().add(V));
  }
  GgufFileBuilder &f32(std::string_view Name, float V) {
    return key(Name, GgufKind::F32, Fields().add(V));
  }
  GgufFileBuilder &boolean(std::string_view Name, bool V) {
    return key(Name, GgufKind::Bool, Fields().add(uint8_t(V)));
  }
  GgufFileBuilder &text(std::string_view Name, std::string_view V) {
    return key(Name, GgufKind::String, Fields().string(V));
  }
  GgufFileBuilder &texts(std::string_view Name,
                         const std::vector<std::string> &V) {
    Fields F;
    F.add(uint32_t(GgufKind::String)).add<uint64_t>(V.size());
    for (const std::string &Each : V)
      F.string(Each);
    return key(Name, GgufKind::Array, F);
  }
  template <typename T>
  GgufFileBuilder &numbers(std::string_view Name, GgufKind Kind,
                           const std::vector<T> &V) {
    Fields F;
    F.add(uint32_t(Kind)).add<uint64_t>(V.size());
    for (T Each : V)
      F.add(Each);
    return key(Name, GgufKind::Array, F);
  }

  /// `Shape` with the innermost dimension first, as the file has it.
  GgufFileBuilder &tensor(std::string_view Name,
                          const std::vector<uint64_t> &Shape, GgmlType Type,
                          std::string_view Bytes) {
    while (Data.size() % Alignment)
      Data += '\0';
    return tensorAt(Name, Shape, uint32_t(Type), Data.size(), Bytes);
  }
  GgufFileBuilder &tensorAt(std::string_view Name,
                            const std::vector<uint64_t> &Shape, uint32_t Type,
                            uint64_t Offset, std::string_view Bytes) {
    Tensors.string(Name).add(uint32_t(Shape.size()));
    for (uint64_t Each : Shape)
      Tensors.add(Each);
    Tensors.add(Type).add(Offset);
    Data += Bytes;
    ++TensorCount;
    return *this;
  }

  std::string build() const {
    Fields F;
    F.raw(Magic).add(Version).add(TensorCount).add(KeyCount);
    F.raw(Keys.Bytes).raw(Tensors.Bytes);
    while (F.Bytes.size() % Alignment)
      F.raw(std::string_view("\0", 1));
    return F.Bytes + Data;
  }

private:
  Fields Keys, Tensors;
  uint64_t KeyCount = 0, TensorCount = 0;
  std::string Data;
};

inline std::span<const std::byte> bytesOf(const std::string &Text) {
  return std::as_bytes(std::span(Text.data(), Text.size()));
}

} // namespace dure::checkpoint

#endif // DURE_TEST_UNIT_GGUF_GGUFFILEBUILDER_H
