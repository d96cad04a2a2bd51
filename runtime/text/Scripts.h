// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which script a character belongs to, where words are told apart by it.
//
// Included inside runtime/text only.
#ifndef DURE_RUNTIME_TEXT_SCRIPTS_H
#define DURE_RUNTIME_TEXT_SCRIPTS_H

#include <cstdint>

namespace dure::text {

/// The number of a script; Any goes with all others.
using Script = uint8_t;
inline constexpr Script AnyScript = 0;

/// The script of a character as SentencePiece sees it: kana count as Han, as
/// does the prolonged sound mark; a space and what is in none of the scripts of
/// Unicode 10 goes with anything. The table is made at the first call.
Script scriptForWords(char32_t Character);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_SCRIPTS_H
