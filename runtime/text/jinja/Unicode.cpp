// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Classes and cases of characters, from the C library's table for C.UTF-8.
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <cstring>
#include <cwctype>
#include <span>

using namespace dure;
using namespace dure::jinja;

/// Made once and kept; without it only ASCII has classes.
static locale_t table() {
  static const locale_t Made = [] {
    locale_t Found = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return Found ? Found : newlocale(LC_CTYPE_MASK, "C", nullptr);
  }();
  return Made;
}

namespace {
struct Range {
  char32_t First, Last;
};
} // namespace

static bool isIn(std::span<const Range> Ranges, char32_t C) {
  return std::any_of(Ranges.begin(), Ranges.end(), [C](const Range &Each) {
    return C >= Each.First && C <= Each.Last;
  });
}

bool jinja::isUtf8(std::string_view Text) {
  return text::validPrefix(Text) == Text.size();
}

size_t jinja::lengthOf(std::string_view Text) {
  return std::count_if(Text.begin(), Text.end(),
                       [](char C) { return (C & 0xC0) != 0x80; });
}

size_t jinja::offsetOf(std::string_view Text, size_t Character) {
  size_t At = 0;
  while (At < Text.size()) {
    if ((Text[At] & 0xC0) != 0x80 && Character-- == 0)
      break;
    ++At;
  }
  return At;
}

std::vector<char32_t> jinja::characters(std::string_view Text) {
  std::vector<char32_t> All;
  for (size_t At = 0; At < Text.size();)
    All.push_back(nextCharacter(Text, At));
  return All;
}

bool jinja::isSpace(char32_t C) {
  static constexpr Range Spaces[] = {
      {0x09, 0x0D},     {0x1C, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
      {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
      {0x205F, 0x205F}, {0x3000, 0x3000}};
  return isIn(Spaces, C);
}

bool jinja::isPrintable(char32_t C) {
  if (C < 0x7F)
    return C >= 0x20;
  // What the C library prints and Python does not: spaces, characters that only
  // control others, private use.
  static constexpr Range Hidden[] = {
      {0x7F, 0xA0},       {0xAD, 0xAD},       {0x600, 0x605},
      {0x61C, 0x61C},     {0x6DD, 0x6DD},     {0x70F, 0x70F},
      {0x890, 0x891},     {0x8E2, 0x8E2},     {0x1680, 0x1680},
      {0x180E, 0x180E},   {0x2000, 0x200F},   {0x2028, 0x202F},
      {0x205F, 0x206F},   {0x3000, 0x3000},   {0xD800, 0xF8FF},
      {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},   {0x110BD, 0x110BD},
      {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},
      {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xF0000, 0x10FFFF}};
  return !isIn(Hidden, C) && iswprint_l(wint_t(C), table());
}

bool jinja::isAlpha(char32_t C) { return iswalpha_l(wint_t(C), table()); }
bool jinja::isDigit(char32_t C) { return C >= '0' && C <= '9'; }
bool jinja::isAlnum(char32_t C) { return isDigit(C) || isAlpha(C); }
bool jinja::isUpper(char32_t C) {
  return iswupper_l(wint_t(C), table()) && !isTitle(C);
}
bool jinja::isLower(char32_t C) {
  return iswlower_l(wint_t(C), table()) && !isTitle(C);
}

bool jinja::isTitle(char32_t C) {
  static constexpr Range Digraphs[] = {
      {0x1C5, 0x1C5},   {0x1C8, 0x1C8},   {0x1CB, 0x1CB},   {0x1F2, 0x1F2},
      {0x1F88, 0x1F8F}, {0x1F98, 0x1F9F}, {0x1FA8, 0x1FAF}, {0x1FBC, 0x1FBC},
      {0x1FCC, 0x1FCC}, {0x1FFC, 0x1FFC}};
  return isIn(Digraphs, C);
}

namespace {
/// A character whose capital form is several.
struct Expansion {
  char32_t From;
  const char *Upper, *Title;
};
} // namespace

/// Latin and Armenian ones; Greek ones with marks keep their small form.
static const Expansion *expansion(char32_t C) {
  static constexpr Expansion All[] = {
      {0xDF, "SS", "Ss"},     {0x149, "ʼN", "ʼN"},  {0x1F0, "J̌", "J̌"},
      {0x390, "Ϊ́", "Ϊ́"},      {0x3B0, "Ϋ́", "Ϋ́"},    {0x587, "ԵՒ", "Եւ"},
      {0x1E96, "H̱", "H̱"},     {0x1E97, "T̈", "T̈"},   {0x1E98, "W̊", "W̊"},
      {0x1E99, "Y̊", "Y̊"},     {0x1E9A, "Aʾ", "Aʾ"}, {0xFB00, "FF", "Ff"},
      {0xFB01, "FI", "Fi"},   {0xFB02, "FL", "Fl"}, {0xFB03, "FFI", "Ffi"},
      {0xFB04, "FFL", "Ffl"}, {0xFB05, "ST", "St"}, {0xFB06, "ST", "St"}};
  auto Found = std::find_if(std::begin(All), std::end(All),
                            [C](const Expansion &E) { return E.From == C; });
  return Found == std::end(All) ? nullptr : Found;
}

static bool isCased(char32_t C) {
  return isUpper(C) || isLower(C) || isTitle(C);
}

static void appendUpper(std::string &To, char32_t C) {
  if (const Expansion *Found = C < 0x80 ? nullptr : expansion(C))
    To += Found->Upper;
  else
    appendCharacter(To, char32_t(towupper_l(wint_t(C), table())));
}

static void appendTitle(std::string &To, char32_t C) {
  static const wctrans_t ToTitle = wctrans_l("totitle", table());
  if (const Expansion *Found = C < 0x80 ? nullptr : expansion(C))
    To += Found->Title;
  else
    appendCharacter(To, char32_t(towctrans_l(wint_t(C), ToTitle, table())));
}

/// Appends the small form of the character at `At`.
static void appendLower(std::string &To, const std::vector<char32_t> &All,
                        size_t At) {
  char32_t C = All[At];
  if (C == 0x130) {
    To += "i̇";
    return;
  }
  if (C == 0x3A3) {
    // Sigma at the end of a word, marks and apostrophes aside.
    auto IsIgnored = [](char32_t X) {
      return X == '\'' || X == '.' || X == ':' || X == 0xAD || X == 0x2019 ||
             (X >= 0x300 && X <= 0x36F);
    };
    size_t Before = At, After = At + 1;
    while (Before > 0 && IsIgnored(All[Before - 1]))
      --Before;
    while (After < All.size() && IsIgnored(All[After]))
      ++After;
    bool IsFinal = Before > 0 && isCased(All[Before - 1]) &&
                   (After == All.size() || !isCased(All[After]));
    appendCharacter(To, IsFinal ? 0x3C2 : 0x3C3);
    return;
  }
  appendCharacter(To, char32_t(towlower_l(wint_t(C), table())));
}

std::string jinja::upper(std::string_view Text) {
  std::string To;
  for (size_t At = 0; At < Text.size();)
    appendUpper(To, nextCharacter(Text, At));
  return To;
}

std::string jinja::lower(std::string_view Text) {
  std::string To;
  std::vector<char32_t> All = characters(Text);
  for (size_t I = 0; I < All.size(); ++I)
    appendLower(To, All, I);
  return To;
}

std::string jinja::title(std::string_view Text) {
  std::string To;
  std::vector<char32_t> All = characters(Text);
  bool InWord = false;
  for (size_t I = 0; I < All.size(); ++I) {
    if (InWord)
      appendLower(To, All, I);
    else
      appendTitle(To, All[I]);
    InWord = isCased(All[I]);
  }
  return To;
}

std::string jinja::capitalize(std::string_view Text) {
  std::string To;
  std::vector<char32_t> All = characters(Text);
  for (size_t I = 0; I < All.size(); ++I) {
    if (I)
      appendLower(To, All, I);
    else
      appendTitle(To, All[I]);
  }
  return To;
}

std::string jinja::swapCase(std::string_view Text) {
  std::string To;
  std::vector<char32_t> All = characters(Text);
  for (size_t I = 0; I < All.size(); ++I) {
    if (isUpper(All[I]))
      appendLower(To, All, I);
    else if (isLower(All[I]))
      appendUpper(To, All[I]);
    else
      appendCharacter(To, All[I]);
  }
  return To;
}

size_t jinja::findText(std::string_view Text, std::string_view What,
                       size_t From) {
  // The C library's search is linear, the C++ library's is not.
  const void *Found =
      memmem(Text.data() + From, Text.size() - From, What.data(), What.size());
  return Found ? size_t(static_cast<const char *>(Found) - Text.data())
               : Text.npos;
}

size_t jinja::findLastText(std::string_view Text, std::string_view What) {
  std::string Backwards(Text.rbegin(), Text.rend());
  size_t Found = findText(Backwards, std::string(What.rbegin(), What.rend()));
  return Found == Text.npos ? Found : Text.size() - Found - What.size();
}

/// Without characters that `IsOut` names at the ends.
template <typename Predicate>
static std::string_view stripIf(std::string_view Text, bool Left, bool Right,
                                Predicate IsOut) {
  while (Left && !Text.empty()) {
    size_t At = 0;
    if (!IsOut(nextCharacter(Text, At)))
      break;
    Text.remove_prefix(At);
  }
  while (Right && !Text.empty()) {
    size_t Begin = Text.size() - 1;
    while (Begin > 0 && (Text[Begin] & 0xC0) == 0x80)
      --Begin;
    size_t At = Begin;
    if (!IsOut(nextCharacter(Text, At)))
      break;
    Text.remove_suffix(Text.size() - Begin);
  }
  return Text;
}

std::string_view jinja::strip(std::string_view Text, bool Left, bool Right) {
  return stripIf(Text, Left, Right, isSpace);
}

std::string_view jinja::stripSet(std::string_view Text, std::string_view Set,
                                 bool Left, bool Right) {
  std::vector<char32_t> Out = characters(Set);
  std::sort(Out.begin(), Out.end());
  return stripIf(Text, Left, Right, [&](char32_t C) {
    return std::binary_search(Out.begin(), Out.end(), C);
  });
}

std::vector<std::string_view> jinja::splitLines(std::string_view Text,
                                                bool KeepEnds) {
  static constexpr Range Ends[] = {
      {0x0A, 0x0D}, {0x1C, 0x1E}, {0x85, 0x85}, {0x2028, 0x2029}};
  std::vector<std::string_view> Lines;
  size_t Begin = 0;
  for (size_t At = 0; At < Text.size();) {
    size_t End = At;
    char32_t C = nextCharacter(Text, At);
    if (!isIn(Ends, C))
      continue;
    if (C == '\r' && At < Text.size() && Text[At] == '\n')
      ++At;
    Lines.push_back(Text.substr(Begin, (KeepEnds ? At : End) - Begin));
    Begin = At;
  }
  if (Begin < Text.size())
    Lines.push_back(Text.substr(Begin));
  return Lines;
}
