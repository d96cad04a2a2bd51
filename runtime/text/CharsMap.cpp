// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Walks the double array that darts-clone makes. Layout of a unit: bits 0-7 are
// the label, bit 8 says that a value follows, bit 9 that the offset counts in
// 256, bits 10-30 are the offset; a value's unit has bit 31 set.

#include "runtime/text/CharsMap.h"
#include "runtime/text/Unicode.h"

using namespace dure;
using namespace dure::text;

static std::optional<std::string> decodeBase64(std::string_view Text) {
  std::string Out;
  uint32_t Bits = 0;
  unsigned Count = 0;
  while (Text.ends_with('='))
    Text.remove_suffix(1);
  for (char C : Text) {
    uint32_t Value;
    if (C >= 'A' && C <= 'Z')
      Value = static_cast<uint32_t>(C - 'A');
    else if (C >= 'a' && C <= 'z')
      Value = static_cast<uint32_t>(C - 'a' + 26);
    else if (C >= '0' && C <= '9')
      Value = static_cast<uint32_t>(C - '0' + 52);
    else if (C == '+' || C == '/')
      Value = C == '+' ? 62 : 63;
    else
      return std::nullopt;
    Bits = Bits << 6 | Value;
    Count += 6;
    if (Count >= 8) {
      Count -= 8;
      Out += static_cast<char>(Bits >> Count);
    }
  }
  return Out;
}

Result<CharsMap> CharsMap::read(std::string_view Base64) {
  Status Damaged = dataLoss("its map of characters is damaged");
  std::optional<std::string> Bytes = decodeBase64(Base64);
  if (!Bytes || Bytes->size() < 4)
    return Damaged;
  auto Word = [&](size_t At) {
    uint32_t Value = 0;
    for (unsigned I = 0; I != 4; ++I)
      Value |= uint32_t(static_cast<unsigned char>((*Bytes)[At + I])) << 8 * I;
    return Value;
  };
  uint32_t Size = Word(0);
  if (Size == 0 || Size % 4 != 0 || Size > Bytes->size() - 4)
    return Damaged;
  CharsMap Map;
  for (size_t At = 4; At != 4 + size_t(Size); At += 4)
    Map.Units.push_back(Word(At));
  Map.Replacements = Bytes->substr(4 + size_t(Size));
  if (validPrefix(Map.Replacements) != Map.Replacements.size())
    return Damaged;
  return Map;
}

std::optional<std::string_view> CharsMap::find(std::string_view Text) const {
  auto OffsetOf = [](uint32_t Unit) {
    return size_t(Unit >> 10) << ((Unit & 1u << 9) >> 6);
  };
  size_t Node = OffsetOf(Units[0]);
  for (char C : Text) {
    auto Byte = static_cast<unsigned char>(C);
    Node ^= Byte;
    if (Byte == 0 || Node >= Units.size())
      return std::nullopt;
    uint32_t Unit = Units[Node];
    if ((Unit & (1u << 31 | 0xFF)) != Byte)
      return std::nullopt;
    Node ^= OffsetOf(Unit);
    if (Node >= Units.size())
      return std::nullopt;
    if ((Unit >> 8 & 1) == 0)
      continue;
    size_t Begin = Units[Node] & ~(1u << 31);
    // Within a character nothing begins.
    if (Begin > Replacements.size() ||
        (Begin != Replacements.size() && isContinuation(Replacements[Begin])))
      return std::nullopt;
    std::string_view Rest = std::string_view(Replacements).substr(Begin);
    return Rest.substr(0, Rest.find('\0'));
  }
  return std::nullopt;
}
