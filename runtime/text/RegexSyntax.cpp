// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From Oniguruma's syntax to PCRE2's.
//
// Most of an expression reads the same in both. What does not:
//  * \s, \w, \d, \h and \b: other characters, so they are spelled out;
//  * sets in sets and && in a set: become a choice or a look-ahead;
//  * \p{Greek}: the script, not its extensions; long names of categories;
//  * x{2}+ repeats, (?m) makes '.' take line feeds, \uHHHH is a character.
// Rules: Oniguruma's doc/RE and doc/SYNTAX.md, PCRE2's pcre2pattern(3).

#include "runtime/text/Regex.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <cctype>
#include <vector>

using namespace dure;
using namespace dure::text;

namespace {

// As parts of a set, without brackets.
constexpr std::string_view Space =
    R"(\t-\r\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view NoSpace =
    R"(\x00-\x08\x0e-\x1f!-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
// Alphabetic, marks, decimal digits, connectors. Letters in circles and squares
// are symbols that are alphabetic; of the other numbers Oniguruma takes those
// of Latin-1.
constexpr std::string_view Word =
    R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
constexpr std::string_view Hexadecimal = "0-9A-Fa-f";
constexpr std::string_view AnyCharacter = R"([\x00-\x{10ffff}])";

struct LongName {
  std::string_view Long, Short;
};
// Names that PCRE2 lacks, without case, spaces, '_' and '-'.
constexpr LongName Categories[] = {
    {"letter", "L"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"casedletter", "L&"},
    {"lc", "L&"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"digit", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"punct", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"other", "C"},
    {"control", "Cc"},
    {"cntrl", "Cc"},
    {"format", "Cf"},
    {"unassigned", "Cn"},
    {"privateuse", "Co"},
    {"surrogate", "Cs"},
    {"any", "Any"},
    {"alphabetic", "Alphabetic"},
    {"alpha", "Alphabetic"},
    {"uppercase", "Uppercase"},
    {"upper", "Uppercase"},
    {"lowercase", "Lowercase"},
    {"lower", "Lowercase"},
    {"whitespace", "White_Space"},
    {"emoji", "Emoji"},
    {"extendedpictographic", "Extended_Pictographic"},
    {"emojipresentation", "Emoji_Presentation"},
    {"ideographic", "Ideographic"},
    {"math", "Math"},
    {"defaultignorablecodepoint", "Default_Ignorable_Code_Point"}};

/// Walks over one expression and writes the other.
class Translator {
public:
  explicit Translator(std::string_view Pattern) : In(Pattern) {}

  bool run() {
    while (At != In.size())
      if (!one())
        return false;
    return true;
  }

  std::string Out;
  std::string Problem;

private:
  bool fail(std::string Text) {
    Problem = std::move(Text);
    return false;
  }
  bool has(std::string_view Text) const {
    return In.substr(At).starts_with(Text);
  }
  void copy(size_t Bytes) {
    Out += In.substr(At, Bytes);
    At += Bytes;
  }

  bool one() {
    switch (In[At]) {
    case '\\':
      return escape();
    case '[':
      return set();
    case '(':
      return group();
    case '{':
      return interval();
    default:
      copy(lengthOfCharacter(In[At]));
      return true;
    }
  }

  /// (?m: of Ruby is (?s: of PCRE2; the rest reads the same.
  bool group() {
    copy(1);
    if (!has("?"))
      return true;
    size_t End = At + 1;
    while (End != In.size() && (std::islower(In[End]) || In[End] == '-'))
      ++End;
    bool IsFlags =
        End != At + 1 && End != In.size() && (In[End] == ':' || In[End] == ')');
    if (!IsFlags)
      return true;
    std::string Flags(In.substr(At + 1, End - At - 1));
    if (Flags.find_first_not_of("imx-") != Flags.npos)
      return fail("the option (?" + Flags + ") is not known");
    std::replace(Flags.begin(), Flags.end(), 'm', 's');
    Out += '?' + Flags;
    At = End;
    return true;
  }

  /// {n,m} and what may follow it. A '{' that begins none is itself.
  bool interval() {
    size_t Close = In.find('}', At);
    std::string_view Inside =
        Close == In.npos ? "" : In.substr(At + 1, Close - At - 1);
    bool IsInterval = !Inside.empty() && Inside != "," &&
                      std::count(Inside.begin(), Inside.end(), ',') <= 1 &&
                      Inside.find_first_not_of("0123456789,") == Inside.npos;
    if (!IsInterval) {
      Out += "\\{";
      ++At;
      return true;
    }
    // {,m} is {0,m}.
    Out += Inside[0] == ',' ? "{0" + std::string(Inside) + "}"
                            : "{" + std::string(Inside) + "}";
    At = Close + 1;
    // Ruby repeats the interval, PCRE2 would make it possessive or lazy.
    if (has("+"))
      return fail("'}+' is not known");
    if (has("?") && Inside.find(',') == Inside.npos)
      return fail("'}?' behind one number is not known");
    return true;
  }

  //===-- Escapes
  //----------------------------------------------------------===//

  /// A class as part of a set, if the escape at At is one; At moves behind it.
  /// `Negated` tells that the set is of all others.
  bool classEscape(std::string &Set, bool &IsNegated) {
    char C = At + 1 < In.size() ? In[At + 1] : 0;
    std::string_view Found;
    IsNegated = std::isupper(static_cast<unsigned char>(C));
    switch (std::tolower(static_cast<unsigned char>(C))) {
    case 's':
      Found = IsNegated ? NoSpace : Space;
      IsNegated = false;
      break;
    case 'w':
      Found = Word;
      break;
    case 'd':
      Found = R"(\p{Nd})";
      break;
    case 'h':
      Found = Hexadecimal;
      break;
    default:
      return false;
    }
    Set = Found;
    At += 2;
    return true;
  }

  /// \p{...} and \P{...}: the same in both syntaxes but for names.
  bool property(std::string &Text) {
    bool IsNegated = In[At + 1] == 'P';
    size_t Close = In.find('}', At);
    if (In.substr(At + 2, 1) != "{" || Close == In.npos)
      return fail("\\p without a name in braces");
    std::string_view Name = In.substr(At + 3, Close - At - 3);
    if (Name.starts_with("^")) {
      IsNegated = !IsNegated;
      Name.remove_prefix(1);
    }
    std::string Plain;
    for (char C : Name)
      if (C != ' ' && C != '_' && C != '-')
        Plain += static_cast<char>(std::tolower(static_cast<unsigned char>(C)));
    if (Plain.empty() ||
        Plain.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789&") !=
            Plain.npos)
      return fail("the property '" + std::string(Name) + "' is not known");
    std::string Wanted;
    for (const LongName &Each : Categories)
      if (Plain == Each.Long)
        Wanted = Each.Short;
    if (Wanted.empty() && Plain.size() <= 2) {
      Wanted = Plain;
      Wanted[0] = static_cast<char>(std::toupper(Wanted[0]));
    }
    if (Wanted.empty())
      Wanted = "sc:" + std::string(Name);
    Text = std::string(IsNegated ? "\\P{" : "\\p{") + Wanted + "}";
    At = Close + 1;
    return true;
  }

  /// \uHHHH and \xHH..., which say which character is meant.
  bool codePoint(std::string &Text) {
    size_t Digits = In[At + 1] == 'u' ? 4 : 2;
    size_t Begin = At + 2, End = Begin;
    bool IsBraced = In[At + 1] == 'x' && In.substr(Begin, 1) == "{";
    if (IsBraced) {
      ++Begin;
      End = std::min(In.find('}', Begin), In.size());
    } else {
      while (End != In.size() && End - Begin != Digits &&
             std::isxdigit(static_cast<unsigned char>(In[End])))
        ++End;
    }
    std::string Hex(In.substr(Begin, End - Begin));
    if (Hex.empty() || Hex.size() > 8 ||
        Hex.find_first_not_of("0123456789abcdefABCDEF") != Hex.npos ||
        (IsBraced && End == In.size()) ||
        (In[At + 1] == 'u' && Hex.size() != 4) ||
        // A byte of a character, not one.
        (In[At + 1] == 'x' && !IsBraced && (Hex.size() != 2 || Hex[0] > '7')))
      return fail("\\" + std::string(1, In[At + 1]) +
                  " without the digits of a character");
    Text = "\\x{" + Hex + "}";
    At = End + (IsBraced ? 1 : 0);
    return true;
  }

  bool escape() {
    if (At + 1 == In.size())
      return fail("it ends with a backslash");
    std::string Set;
    bool IsNegated;
    if (classEscape(Set, IsNegated)) {
      Out += (IsNegated ? "[^" : "[") + Set + "]";
      return true;
    }
    switch (In[At + 1]) {
    case 'p':
    case 'P':
      return property(Set) && append(Set);
    case 'u':
    case 'x':
      return codePoint(Set) && append(Set);
    case 'b':
    case 'B': {
      std::string W = "[" + std::string(Word) + "]";
      bool Is = In[At + 1] == 'b';
      Out += "(?:(?<=" + W + ")" + (Is ? "(?!" : "(?=") + W + ")|(?<!" + W +
             ")" + (Is ? "(?=" : "(?!") + W + "))";
      At += 2;
      return true;
    }
    case 'v':
      At += 2;
      return append("\\x0b");
    case 'Q':
    case 'E':
    case 'C':
    case 'O':
    case 'N':
    case 'L':
    case 'U':
    case 'l':
    case 'y':
    case 'Y':
    case 'M':
    case 'c':
      return fail("\\" + std::string(1, In[At + 1]) + " is not known");
    default:
      copy(1 + lengthOfCharacter(In[At + 1]));
      return true;
    }
  }
  bool append(const std::string &Text) {
    Out += Text;
    return true;
  }

  //===-- Sets
  //-------------------------------------------------------------===//

  /// One set as an expression for one character.
  bool set() {
    std::string Whole;
    if (!readSet(Whole, 0))
      return false;
    Out += Whole;
    return true;
  }

  /// What a part of a set between && holds: ranges and escapes that PCRE2
  /// takes in brackets, and expressions of sets inside.
  struct Part {
    std::string Plain;
    std::vector<std::string> Inner;

    std::string expression() const {
      std::string Text;
      if (!Plain.empty())
        Text = "[" + Plain + "]";
      for (const std::string &Each : Inner)
        Text += (Text.empty() ? "" : "|") + Each;
      if (Text.empty())
        return "(?!)";
      return Inner.size() + !Plain.empty() > 1 ? "(?:" + Text + ")" : Text;
    }
  };

  bool readSet(std::string &Whole, unsigned Depth) {
    if (Depth == 16)
      return fail("sets are nested too deeply");
    ++At;
    bool IsNegated = has("^");
    At += IsNegated;
    std::vector<Part> Parts(1);
    // A bracket that stands first is itself.
    if (has("]")) {
      Parts.back().Plain += "\\]";
      ++At;
    }
    while (!has("]")) {
      if (At >= In.size())
        return fail("a set has no end");
      if (has("&&")) {
        Parts.emplace_back();
        At += 2;
      } else if (!readItem(Parts.back(), Depth)) {
        return false;
      }
    }
    ++At;
    if (Parts.size() == 1 && Parts[0].Inner.empty()) {
      Whole = (IsNegated ? "[^" : "[") + Parts[0].Plain + "]";
      return true;
    }
    Whole.clear();
    for (size_t I = Parts.size(); I-- != 1;)
      Whole += "(?=" + Parts[I].expression() + ")";
    Whole += Parts[0].expression();
    Whole = IsNegated ? "(?:(?!" + Whole + ")" + std::string(AnyCharacter) + ")"
                      : "(?:" + Whole + ")";
    return true;
  }

  bool readItem(Part &To, unsigned Depth) {
    std::string Text;
    bool IsNegated;
    if (has("[:")) {
      size_t Close = In.find(":]", At);
      std::string_view Name =
          Close == In.npos ? "" : In.substr(At + 2, Close - At - 2);
      if (!Name.empty() &&
          Name.find_first_not_of("^abcdefghijklmnopqrstuvwxyz") == Name.npos) {
        At = Close + 2;
        return posixClass(Name, To);
      }
    }
    if (In[At] == '[') {
      if (To.Plain.ends_with('-') && !To.Plain.ends_with("\\-"))
        return fail("'-[' in a set is not known");
      if (!readSet(Text, Depth + 1))
        return false;
      // A set that is in another for no reason, unless a hyphen could make a
      // range with what it then stands beside.
      bool IsPlain = Text[0] == '[' && Text[1] != '^' && Text[1] != '-' &&
                     Text[Text.size() - 2] != '-' && !has("-");
      if (IsPlain)
        To.Plain += Text.substr(1, Text.size() - 2);
      else
        To.Inner.push_back(std::move(Text));
      return true;
    }
    if (In[At] != '\\') {
      // A hyphen of a range, or itself: the same in both.
      To.Plain += In.substr(At, lengthOfCharacter(In[At]));
      At += lengthOfCharacter(In[At]);
      return true;
    }
    if (classEscape(Text, IsNegated)) {
      if (IsNegated)
        To.Inner.push_back("[^" + Text + "]");
      else
        To.Plain += Text;
      return true;
    }
    char C = At + 1 < In.size() ? In[At + 1] : 0;
    if (C == 'p' || C == 'P') {
      if (!property(Text))
        return false;
      To.Plain += Text;
      return true;
    }
    if (C == 'u' || C == 'x') {
      if (!codePoint(Text))
        return false;
      To.Plain += Text;
      return true;
    }
    if (C == 0 ||
        (std::isalnum(static_cast<unsigned char>(C)) &&
         std::string_view("tnrfvaeb0").find(C) == std::string_view::npos))
      return fail("\\" + std::string(1, C) + " in a set is not known");
    To.Plain += C == 'v' ? "\\x0b" : "\\" + std::string(1, C);
    At += 2;
    return true;
  }

  bool posixClass(std::string_view Name, Part &To) {
    bool IsNegated = Name.starts_with("^");
    Name.remove_prefix(IsNegated);
    std::string_view Set = Name == "space"    ? Space
                           : Name == "word"   ? Word
                           : Name == "digit"  ? R"(\p{Nd})"
                           : Name == "alpha"  ? R"(\p{Alphabetic})"
                           : Name == "alnum"  ? R"(\p{Alphabetic}\p{Nd})"
                           : Name == "upper"  ? R"(\p{Uppercase})"
                           : Name == "lower"  ? R"(\p{Lowercase})"
                           : Name == "punct"  ? R"(\p{P}\p{S})"
                           : Name == "cntrl"  ? R"(\p{Cc})"
                           : Name == "xdigit" ? Hexadecimal
                           : Name == "ascii"  ? R"(\x00-\x7f)"
                           : Name == "blank"  ? R"(\p{Zs}\t)"
                                              : "";
    if (Set.empty())
      return fail("the class [:" + std::string(Name) + ":] is not known");
    if (IsNegated)
      To.Inner.push_back("[^" + std::string(Set) + "]");
    else
      To.Plain += Set;
    return true;
  }

  std::string_view In;
  size_t At = 0;
};

} // namespace

Result<std::string> text::translatePattern(std::string_view Pattern) {
  if (validPrefix(Pattern) != Pattern.size())
    return invalidArgument("the regular expression is not UTF-8");
  Translator T(Pattern);
  if (!T.run())
    return invalidArgument("the regular expression '" + std::string(Pattern) +
                           "' cannot be used: " + T.Problem);
  return std::move(T.Out);
}

std::string text::quotePattern(std::string_view Text) {
  std::string Out;
  for (char C : Text) {
    if (!std::isalnum(static_cast<unsigned char>(C)) &&
        static_cast<unsigned char>(C) < 0x80 && C != '_' && C != ' ')
      Out += '\\';
    Out += C;
  }
  return Out;
}
