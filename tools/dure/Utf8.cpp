// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Decoding of UTF-8.
#include "tools/dure/Utf8.h"

#include <cstdio>

namespace dure {

Utf8Character firstCharacter(std::string_view Text) {
  constexpr Utf8Character Invalid = {0xFFFD, 1};
  const auto byte = [&](size_t I) { return uint32_t(uint8_t(Text[I])); };
  const uint32_t Lead = byte(0);
  if (Lead < 0x80)
    return {Lead, 1};
  const size_t Count = Lead >= 0xF0 ? 4 : Lead >= 0xE0 ? 3 : 2;
  if (Lead < 0xC2 || Lead > 0xF4 || Text.size() < Count)
    return Invalid;
  uint32_t Code = Lead & (0x7F >> Count);
  for (size_t I = 1; I < Count; ++I) {
    if ((byte(I) & 0xC0) != 0x80)
      return Invalid;
    Code = Code << 6 | (byte(I) & 0x3F);
  }
  // Overlong forms, surrogates and what lies beyond Unicode.
  constexpr uint32_t Least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (Code < Least[Count] || (Code >= 0xD800 && Code <= 0xDFFF) ||
      Code > 0x10FFFF)
    return Invalid;
  return {Code, Count};
}

std::string escapeControls(std::string_view Text, bool KeepLines) {
  std::string Out;
  while (!Text.empty()) {
    const Utf8Character C = firstCharacter(Text);
    // U+0080 to U+009F are a second set of terminal controls.
    const bool Control = (C.Code < 0x20 && !(KeepLines && C.Code == '\n')) ||
                         (C.Code >= 0x7F && C.Code < 0xA0);
    const bool Broken = C.Code == 0xFFFD && C.Bytes == 1;
    for (size_t I = 0; I < C.Bytes; ++I) {
      if (!Control && !Broken) {
        Out += Text[I];
        continue;
      }
      char Escape[8];
      std::snprintf(Escape, sizeof(Escape), "\\x%02x",
                    unsigned(uint8_t(Text[I])));
      Out += Escape;
    }
    Text.remove_prefix(C.Bytes);
  }
  return Out;
}

std::string escapeJsonControls(std::string_view Json) {
  std::string Out;
  while (!Json.empty()) {
    const Utf8Character C = firstCharacter(Json);
    if (C.Code >= 0x7F && C.Code < 0xA0) {
      char Escape[8];
      std::snprintf(Escape, sizeof(Escape), "\\u%04x", unsigned(C.Code));
      Out += Escape;
    } else {
      Out += Json.substr(0, C.Bytes);
    }
    Json.remove_prefix(C.Bytes);
  }
  return Out;
}

size_t displayWidth(std::string_view Text) {
  size_t Width = 0;
  while (!Text.empty()) {
    const Utf8Character C = firstCharacter(Text);
    Text.remove_prefix(C.Bytes);
    // Hangul Jamo, CJK and its punctuation, Hangul syllables, full-width forms.
    const bool Wide = (C.Code >= 0x1100 && C.Code <= 0x115F) ||
                      (C.Code >= 0x2E80 && C.Code <= 0xA4CF) ||
                      (C.Code >= 0xAC00 && C.Code <= 0xD7A3) ||
                      (C.Code >= 0xF900 && C.Code <= 0xFAFF) ||
                      (C.Code >= 0xFF00 && C.Code <= 0xFF60);
    Width += Wide ? 2 : 1;
  }
  return Width;
}

} // namespace dure
