// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps through UTF-8 text, good or not.
//
// Included where texts of models meet file names, JSON, terminals and columns.
#ifndef DURE_TOOLS_DURE_UTF8_H
#define DURE_TOOLS_DURE_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dure {

/// One character: its code point and its bytes. Invalid bytes come one by one
/// as 0xFFFD.
struct Utf8Character {
  uint32_t Code;
  size_t Bytes;
};

/// The first character of `Text`, which is not empty.
Utf8Character firstCharacter(std::string_view Text);

/// `Text` with what would steer a terminal made visible: control characters and
/// bytes that are no UTF-8 become "\\x1b". Newlines stay when `KeepLines`.
std::string escapeControls(std::string_view Text, bool KeepLines);

/// JSON with the controls that it allows in strings, U+007F to U+009F, written
/// as "\\u009b": the same JSON.
std::string escapeJsonControls(std::string_view Json);

/// Columns on a terminal: East Asian wide characters take two.
size_t displayWidth(std::string_view Text);

} // namespace dure

#endif // DURE_TOOLS_DURE_UTF8_H
