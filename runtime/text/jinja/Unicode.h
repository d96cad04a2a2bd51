// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Characters of UTF-8 text as Python's str sees them. Texts are valid UTF-8.
#ifndef DURE_RUNTIME_TEXT_JINJA_UNICODE_H
#define DURE_RUNTIME_TEXT_JINJA_UNICODE_H

#include "runtime/text/Unicode.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::jinja {

using text::appendCharacter;
using text::nextCharacter;

bool isUtf8(std::string_view Text);
/// In characters.
size_t lengthOf(std::string_view Text);
/// Byte offset of a character; `Text.size()` behind the last.
size_t offsetOf(std::string_view Text, size_t Character);
std::vector<char32_t> characters(std::string_view Text);

bool isSpace(char32_t C);
bool isPrintable(char32_t C);
bool isAlpha(char32_t C);
bool isAlnum(char32_t C);
bool isDigit(char32_t C);
bool isUpper(char32_t C);
bool isLower(char32_t C);
bool isTitle(char32_t C);

std::string upper(std::string_view Text);
std::string lower(std::string_view Text);
/// str.title(): each run of letters by itself.
std::string title(std::string_view Text);
std::string capitalize(std::string_view Text);
std::string swapCase(std::string_view Text);

/// Like find() and rfind() of a string, in time that only the sum of the sizes
/// bounds.
size_t findText(std::string_view Text, std::string_view What, size_t From = 0);
size_t findLastText(std::string_view Text, std::string_view What);

/// Without white space, or any of `Set`, at the ends.
std::string_view strip(std::string_view Text, bool Left, bool Right);
std::string_view stripSet(std::string_view Text, std::string_view Set,
                          bool Left, bool Right);
/// str.splitlines().
std::vector<std::string_view> splitLines(std::string_view Text, bool KeepEnds);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_UNICODE_H
