// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// UTF-8, properties of characters, normalization forms.
//
// Included inside runtime/text only. The tables are utf8proc's, which Debian 12
// has for Unicode 15.0; it stays in Unicode.cpp.
#ifndef DURE_RUNTIME_TEXT_UNICODE_H
#define DURE_RUNTIME_TEXT_UNICODE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dure::text {

/// Bytes of the character that begins with LEAD, in valid UTF-8.
inline size_t lengthOfCharacter(char Lead) {
  auto Byte = static_cast<unsigned char>(Lead);
  return Byte < 0x80 ? 1 : Byte < 0xE0 ? 2 : Byte < 0xF0 ? 3 : 4;
}

/// Whether a byte goes on with a character rather than beginning one.
inline bool isContinuation(char Byte) {
  return (static_cast<unsigned char>(Byte) & 0xC0) == 0x80;
}

/// The character at AT of valid UTF-8; AT moves behind it.
inline char32_t nextCharacter(std::string_view Text, size_t &At) {
  auto Byte = [&](size_t I) {
    return static_cast<char32_t>(static_cast<unsigned char>(Text[I]));
  };
  char32_t Lead = Byte(At);
  if (Lead < 0x80) {
    ++At;
    return Lead;
  }
  if (Lead < 0xE0) {
    At += 2;
    return (Lead & 0x1F) << 6 | (Byte(At - 1) & 0x3F);
  }
  if (Lead < 0xF0) {
    At += 3;
    return (Lead & 0x0F) << 12 | (Byte(At - 2) & 0x3F) << 6 |
           (Byte(At - 1) & 0x3F);
  }
  At += 4;
  return (Lead & 0x07) << 18 | (Byte(At - 3) & 0x3F) << 12 |
         (Byte(At - 2) & 0x3F) << 6 | (Byte(At - 1) & 0x3F);
}

/// The character that ends before END of valid UTF-8; END moves before it.
char32_t previousCharacter(std::string_view Text, size_t &End);

void appendCharacter(std::string &Text, char32_t Character);

/// How far TEXT is valid UTF-8.
size_t validPrefix(std::string_view Text);

/// Bytes of the longest beginning of TEXT that could begin a character: what
/// one U+FFFD stands for (Unicode 15.0, section 3.9, "substitution of maximal
/// subparts"). At least 1. ISCUTOFF tells that the text ended in its middle.
size_t maximalSubpart(std::string_view Text, bool &IsCutOff);

/// TEXT with U+FFFD for what is not UTF-8.
std::string replaceInvalid(std::string_view Text);

inline constexpr std::string_view ReplacementCharacter = "\xEF\xBF\xBD";

//===-- Properties of characters
//-------------------------------------------===//

/// White_Space.
bool isSpace(char32_t Character);
/// What \w takes: letters, marks, digits, connectors, and the two joiners.
bool isWord(char32_t Character);
/// Categories N*, P* and the ASCII symbols, M*, Mn, C*.
bool isNumeric(char32_t Character);
bool isPunctuation(char32_t Character);
bool isMark(char32_t Character);
bool isNonspacingMark(char32_t Character);
bool isOther(char32_t Character);
/// The lower case of one character by itself.
void appendLowercase(std::string &Text, char32_t Character);

//===-- Normalization
//------------------------------------------------------===//

struct NormalizationForm {
  bool IsCompatibility = false; // NFKD, NFKC
  bool IsComposed = false;      // NFC, NFKC
};

/// Appends TEXT, valid UTF-8, in a normalization form. Time is that of sorting
/// the marks of each base character.
void appendNormalized(std::string &To, std::string_view Text,
                      NormalizationForm Form);
/// Whether a look at each character is enough to see that the form changes
/// nothing; false where that is not known.
bool isSurelyNormalized(std::string_view Text, NormalizationForm Form);

/// Walks over the characters that a reader sees (extended grapheme clusters,
/// UAX #29).
class ClusterWalk {
public:
  /// Whether a cluster ends between PREVIOUS and NEXT, which must have been
  /// the NEXT of the call before.
  bool isBoundary(char32_t Previous, char32_t Next);

private:
  int State = 0;
};

/// Where the last cluster of TEXT that more text could still change begins.
size_t beginOfOpenCluster(std::string_view Text);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_UNICODE_H
