// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// UTF-8 by hand, the rest from utf8proc's tables.

#include "runtime/text/Unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

using namespace dure;
using namespace dure::text;

char32_t text::previousCharacter(std::string_view Text, size_t &End) {
  do
    --End;
  while (End != 0 && isContinuation(Text[End]));
  size_t At = End;
  return nextCharacter(Text, At);
}

void text::appendCharacter(std::string &Text, char32_t C) {
  auto Byte = [](char32_t Value) { return static_cast<char>(Value); };
  if (C < 0x80) {
    Text += Byte(C);
  } else if (C < 0x800) {
    Text += Byte(0xC0 | C >> 6);
    Text += Byte(0x80 | (C & 0x3F));
  } else if (C < 0x10000) {
    Text += Byte(0xE0 | C >> 12);
    Text += Byte(0x80 | (C >> 6 & 0x3F));
    Text += Byte(0x80 | (C & 0x3F));
  } else {
    Text += Byte(0xF0 | C >> 18);
    Text += Byte(0x80 | (C >> 12 & 0x3F));
    Text += Byte(0x80 | (C >> 6 & 0x3F));
    Text += Byte(0x80 | (C & 0x3F));
  }
}

size_t text::maximalSubpart(std::string_view Text, bool &IsCutOff) {
  auto Byte = [&](size_t I) { return static_cast<unsigned char>(Text[I]); };
  IsCutOff = false;
  unsigned char Lead = Byte(0);
  size_t Length = Lead < 0xC2 ? 1 : Lead < 0xE0 ? 2 : Lead < 0xF0 ? 3 : 4;
  if (Length == 1 || Lead > 0xF4)
    return 1;
  // No overlong forms, surrogates or characters beyond U+10FFFF.
  unsigned char Low = Lead == 0xE0 ? 0xA0 : Lead == 0xF0 ? 0x90 : 0x80;
  unsigned char High = Lead == 0xED ? 0x9F : Lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t I = 1; I != Length; ++I) {
    if (I == Text.size()) {
      IsCutOff = true;
      return I;
    }
    if (Byte(I) < Low || Byte(I) > High)
      return I;
    Low = 0x80;
    High = 0xBF;
  }
  return Length;
}

size_t text::validPrefix(std::string_view Text) {
  size_t At = 0;
  while (At != Text.size()) {
    if (static_cast<unsigned char>(Text[At]) < 0x80) {
      ++At;
      continue;
    }
    bool IsCutOff;
    size_t Length = maximalSubpart(Text.substr(At), IsCutOff);
    if (Length == 1 || Length != lengthOfCharacter(Text[At]))
      return At;
    At += Length;
  }
  return At;
}

std::string text::replaceInvalid(std::string_view Text) {
  std::string Out;
  Out.reserve(Text.size());
  while (!Text.empty()) {
    size_t Valid = validPrefix(Text);
    Out += Text.substr(0, Valid);
    Text.remove_prefix(Valid);
    if (Text.empty())
      break;
    bool IsCutOff;
    Text.remove_prefix(maximalSubpart(Text, IsCutOff));
    Out += ReplacementCharacter;
  }
  return Out;
}

//===-- Properties of characters
//-------------------------------------------===//

static utf8proc_category_t categoryOf(char32_t C) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(C));
}

bool text::isSpace(char32_t C) {
  if (C < 0x80)
    return C == ' ' || (C >= '\t' && C <= '\r');
  return C == 0x85 || C == 0xA0 || C == 0x1680 ||
         (C >= 0x2000 && C <= 0x200A) || C == 0x2028 || C == 0x2029 ||
         C == 0x202F || C == 0x205F || C == 0x3000;
}

bool text::isNumeric(char32_t C) {
  if (C < 0x80)
    return C >= '0' && C <= '9';
  utf8proc_category_t Category = categoryOf(C);
  return Category >= UTF8PROC_CATEGORY_ND && Category <= UTF8PROC_CATEGORY_NO;
}

bool text::isPunctuation(char32_t C) {
  if (C < 0x80)
    return (C >= '!' && C <= '/') || (C >= ':' && C <= '@') ||
           (C >= '[' && C <= '`') || (C >= '{' && C <= '~');
  utf8proc_category_t Category = categoryOf(C);
  return Category >= UTF8PROC_CATEGORY_PC && Category <= UTF8PROC_CATEGORY_PO;
}

bool text::isMark(char32_t C) {
  utf8proc_category_t Category = categoryOf(C);
  return Category >= UTF8PROC_CATEGORY_MN && Category <= UTF8PROC_CATEGORY_ME;
}

bool text::isNonspacingMark(char32_t C) {
  return C >= 0x300 && categoryOf(C) == UTF8PROC_CATEGORY_MN;
}

bool text::isOther(char32_t C) {
  utf8proc_category_t Category = categoryOf(C);
  return Category >= UTF8PROC_CATEGORY_CC && Category <= UTF8PROC_CATEGORY_CO;
}

bool text::isWord(char32_t C) {
  if (C < 0x80)
    return (C >= '0' && C <= '9') || (C >= 'A' && C <= 'Z') ||
           (C >= 'a' && C <= 'z') || C == '_';
  switch (categoryOf(C)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    // The symbols that are alphabetic, letters in circles and squares, and the
    // two joiners.
    return (C >= 0x24B6 && C <= 0x24E9) || (C >= 0x1F130 && C <= 0x1F149) ||
           (C >= 0x1F150 && C <= 0x1F169) || (C >= 0x1F170 && C <= 0x1F189) ||
           C == 0x200C || C == 0x200D;
  }
}

void text::appendLowercase(std::string &Text, char32_t C) {
  if (C < 0x80) {
    Text += static_cast<char>(C >= 'A' && C <= 'Z' ? C + 32 : C);
    return;
  }
  // The only character whose lower case is two of them: a capital I with a
  // dot.
  if (C == 0x130) {
    Text += "i\xCC\x87";
    return;
  }
  appendCharacter(Text, static_cast<char32_t>(utf8proc_tolower(
                            static_cast<utf8proc_int32_t>(C))));
}

//===-- Normalization
//------------------------------------------------------===//

bool text::isSurelyNormalized(std::string_view Text, NormalizationForm Form) {
  for (size_t At = 0; At != Text.size();) {
    char32_t C = nextCharacter(Text, At);
    bool IsSure = C < 0x80 || (C >= 0x4E00 && C <= 0x9FFF);
    if (Form.IsComposed)
      IsSure |=
          (C >= 0xAC00 && C <= 0xD7A3) || (!Form.IsCompatibility && C < 0x300);
    if (!IsSure)
      return false;
  }
  return true;
}

/// Sorts the marks behind each base character by their combining class, those
/// of one class as they came. utf8proc's own ordering is quadratic.
static void sortMarks(std::vector<utf8proc_int32_t> &Characters) {
  auto ClassOf = [](utf8proc_int32_t C) -> uint64_t {
    return C < 0x300 ? 0 : utf8proc_get_property(C)->combining_class;
  };
  // A class, and the place of the character.
  std::vector<uint64_t> Marks;
  std::vector<utf8proc_int32_t> Old;
  for (size_t I = 0; I != Characters.size(); ++I) {
    Marks.clear();
    size_t End = I;
    for (; End != Characters.size() && ClassOf(Characters[End]) != 0; ++End)
      Marks.push_back(ClassOf(Characters[End]) << 56 | (End - I));
    if (Marks.size() < 2)
      continue;
    std::sort(Marks.begin(), Marks.end());
    Old.assign(Characters.begin() + static_cast<ptrdiff_t>(I),
               Characters.begin() + static_cast<ptrdiff_t>(End));
    for (size_t K = 0; K != Old.size(); ++K)
      Characters[I + K] = Old[Marks[K] & ~(uint64_t(0xFF) << 56)];
    I = End - 1;
  }
}

void text::appendNormalized(std::string &To, std::string_view Text,
                            NormalizationForm Form) {
  auto Decompose = static_cast<utf8proc_option_t>(
      UTF8PROC_DECOMPOSE | (Form.IsCompatibility ? UTF8PROC_COMPAT : 0));
  std::vector<utf8proc_int32_t> Characters;
  Characters.reserve(Text.size());
  for (size_t At = 0; At != Text.size();) {
    char32_t C = nextCharacter(Text, At);
    if (C < 0x80) {
      Characters.push_back(static_cast<utf8proc_int32_t>(C));
      continue;
    }
    // The longest decomposition has 18 characters (U+FDFA).
    utf8proc_int32_t Parts[32];
    int Boundary = 0;
    utf8proc_ssize_t Count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(C), Parts, 32, Decompose, &Boundary);
    Characters.insert(Characters.end(), Parts,
                      Parts + std::max<utf8proc_ssize_t>(Count, 0));
  }
  sortMarks(Characters);
  size_t Count = Characters.size();
  if (Form.IsComposed)
    Count = static_cast<size_t>(utf8proc_normalize_utf32(
        Characters.data(), static_cast<utf8proc_ssize_t>(Count),
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE)));
  for (size_t I = 0; I != Count; ++I)
    appendCharacter(To, static_cast<char32_t>(Characters[I]));
}

bool ClusterWalk::isBoundary(char32_t Previous, char32_t Next) {
  return utf8proc_grapheme_break_stateful(
      static_cast<utf8proc_int32_t>(Previous),
      static_cast<utf8proc_int32_t>(Next), &State);
}

size_t text::beginOfOpenCluster(std::string_view Text) {
  if (Text.empty())
    return 0;
  ClusterWalk Walk;
  size_t At = 0, Begin = 0;
  char32_t Previous = nextCharacter(Text, At);
  while (At != Text.size()) {
    size_t Here = At;
    char32_t Next = nextCharacter(Text, At);
    if (Walk.isBoundary(Previous, Next))
      Begin = Here;
    Previous = Next;
  }
  // Nothing joins a control character, except a line feed a carriage return.
  bool IsClosed = Previous == '\n' || (Previous < ' ' && Previous != '\r');
  return IsClosed ? Text.size() : Begin;
}
