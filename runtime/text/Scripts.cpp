// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scripts, asked of PCRE2: utf8proc has no table of them.

#include "runtime/text/Scripts.h"
#include "runtime/text/Unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>
#include <string>
#include <vector>

using namespace dure;
using namespace dure::text;

static constexpr const char *Names[] = {"Adlam",
                                        "Ahom",
                                        "AnatolianHieroglyphs",
                                        "Arabic",
                                        "Armenian",
                                        "Avestan",
                                        "Balinese",
                                        "Bamum",
                                        "BassaVah",
                                        "Batak",
                                        "Bengali",
                                        "Bhaiksuki",
                                        "Bopomofo",
                                        "Brahmi",
                                        "Braille",
                                        "Buginese",
                                        "Buhid",
                                        "CanadianAboriginal",
                                        "Carian",
                                        "CaucasianAlbanian",
                                        "Chakma",
                                        "Cham",
                                        "Cherokee",
                                        "Common",
                                        "Coptic",
                                        "Cuneiform",
                                        "Cypriot",
                                        "Cyrillic",
                                        "Deseret",
                                        "Devanagari",
                                        "Duployan",
                                        "EgyptianHieroglyphs",
                                        "Elbasan",
                                        "Ethiopic",
                                        "Georgian",
                                        "Glagolitic",
                                        "Gothic",
                                        "Grantha",
                                        "Greek",
                                        "Gujarati",
                                        "Gurmukhi",
                                        "Han",
                                        "Hangul",
                                        "Hanunoo",
                                        "Hatran",
                                        "Hebrew",
                                        "Hiragana",
                                        "ImperialAramaic",
                                        "Inherited",
                                        "InscriptionalPahlavi",
                                        "InscriptionalParthian",
                                        "Javanese",
                                        "Kaithi",
                                        "Kannada",
                                        "Katakana",
                                        "KayahLi",
                                        "Kharoshthi",
                                        "Khmer",
                                        "Khojki",
                                        "Khudawadi",
                                        "Lao",
                                        "Latin",
                                        "Lepcha",
                                        "Limbu",
                                        "LinearA",
                                        "LinearB",
                                        "Lisu",
                                        "Lycian",
                                        "Lydian",
                                        "Mahajani",
                                        "Malayalam",
                                        "Mandaic",
                                        "Manichaean",
                                        "Marchen",
                                        "MeeteiMayek",
                                        "MendeKikakui",
                                        "MeroiticCursive",
                                        "MeroiticHieroglyphs",
                                        "Miao",
                                        "Modi",
                                        "Mongolian",
                                        "Mro",
                                        "Multani",
                                        "Myanmar",
                                        "Nabataean",
                                        "NewTaiLue",
                                        "Newa",
                                        "Nko",
                                        "Ogham",
                                        "OlChiki",
                                        "OldHungarian",
                                        "OldItalic",
                                        "OldNorthArabian",
                                        "OldPermic",
                                        "OldPersian",
                                        "OldSouthArabian",
                                        "OldTurkic",
                                        "Oriya",
                                        "Osage",
                                        "Osmanya",
                                        "PahawhHmong",
                                        "Palmyrene",
                                        "PauCinHau",
                                        "PhagsPa",
                                        "Phoenician",
                                        "PsalterPahlavi",
                                        "Rejang",
                                        "Runic",
                                        "Samaritan",
                                        "Saurashtra",
                                        "Sharada",
                                        "Shavian",
                                        "Siddham",
                                        "SignWriting",
                                        "Sinhala",
                                        "SoraSompeng",
                                        "Sundanese",
                                        "SylotiNagri",
                                        "Syriac",
                                        "Tagalog",
                                        "Tagbanwa",
                                        "TaiLe",
                                        "TaiTham",
                                        "TaiViet",
                                        "Takri",
                                        "Tamil",
                                        "Tangut",
                                        "Telugu",
                                        "Thaana",
                                        "Thai",
                                        "Tibetan",
                                        "Tifinagh",
                                        "Tirhuta",
                                        "Ugaritic",
                                        "Vai",
                                        "WarangCiti",
                                        "Yi"};

static Script numberOf(std::string_view Name) {
  for (size_t I = 0; I != std::size(Names); ++I)
    if (Names[I] == Name)
      return static_cast<Script>(I + 1);
  return AnyScript;
}

/// Runs of characters of one script, named by a mark, over all characters.
static std::vector<Script> makeTable() {
  std::string Pattern, All;
  for (size_t I = 0; I != std::size(Names); ++I)
    Pattern += (I == 0 ? "" : "|") + std::string("\\p{sc:") + Names[I] +
               "}+(*:" + std::to_string(I + 1) + ")";
  constexpr char32_t End = 0x110000;
  for (char32_t C = 0; C != End; ++C)
    if (C < 0xD800 || C > 0xDFFF)
      appendCharacter(All, C);
  int Error;
  size_t Place;
  pcre2_code *Code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(Pattern.data()),
                                   Pattern.size(), PCRE2_UTF | PCRE2_UCP,
                                   &Error, &Place, nullptr);
  pcre2_match_data *Match =
      Code ? pcre2_match_data_create_from_pattern(Code, nullptr) : nullptr;
  if (!Match) {
    pcre2_code_free(Code);
    throw std::bad_alloc();
  }
  pcre2_jit_compile(Code, PCRE2_JIT_COMPLETE);
  std::vector<Script> Table(End, AnyScript);
  for (size_t At = 0;
       pcre2_match(Code, reinterpret_cast<PCRE2_SPTR>(All.data()), All.size(),
                   At, PCRE2_NO_UTF_CHECK, Match, nullptr) > 0;) {
    const size_t *Range = pcre2_get_ovector_pointer(Match);
    auto Number = static_cast<Script>(
        std::stoi(reinterpret_cast<const char *>(pcre2_get_mark(Match))));
    for (At = Range[0]; At != Range[1];)
      Table[nextCharacter(All, At)] = Number;
  }
  pcre2_match_data_free(Match);
  pcre2_code_free(Code);
  Script Han = numberOf("Han"), Hiragana = numberOf("Hiragana"),
         Katakana = numberOf("Katakana");
  for (Script &Each : Table)
    if (Each == Hiragana || Each == Katakana)
      Each = Han;
  Table[0x30FC] = Han;
  Table[' '] = AnyScript;
  return Table;
}

Script text::scriptForWords(char32_t Character) {
  static const std::vector<Script> Table = makeTable();
  return Table[Character];
}
