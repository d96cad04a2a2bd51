// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tags, text and the white space between them.
#include "runtime/text/jinja/Lexer.h"

#include "runtime/text/jinja/Limits.h"
#include "runtime/text/jinja/Unicode.h"

#include <array>
#include <charconv>
#include <cstdlib>

using namespace dure;
using namespace dure::jinja;

/// With one kind of line end, and without one at the end.
static std::string normalized(std::string_view Source) {
  std::string Text;
  Text.reserve(Source.size());
  for (size_t I = 0; I < Source.size(); ++I) {
    if (Source[I] != '\r') {
      Text += Source[I];
      continue;
    }
    Text += '\n';
    if (I + 1 < Source.size() && Source[I + 1] == '\n')
      ++I;
  }
  if (Text.ends_with('\n'))
    Text.pop_back();
  return Text;
}

namespace {

class Lexer {
public:
  explicit Lexer(std::string_view Text) : Text(Text) {}

  std::vector<Token> run();

private:
  // What begins at `At`.
  bool starts(std::string_view What) const {
    return Text.substr(At).starts_with(What);
  }
  char peek(size_t Ahead = 0) const {
    return At + Ahead < Text.size() ? Text[At + Ahead] : '\0';
  }
  /// Moves over `Count` bytes.
  void skip(size_t Count);
  void skipSpace();
  /// The sign behind the begin of a tag, '\0' if none.
  char sign() {
    char C = peek();
    if (C != '-' && C != '+')
      return '\0';
    skip(1);
    return C;
  }

  void data();
  void emitData(size_t Begin, size_t End, Position Where, char Sign,
                bool IsVariable);
  void comment();
  bool rawBlock();
  void tag(bool IsVariable);
  bool tagEnd(bool IsVariable);
  void tagToken();
  bool number();
  void name();
  void string();
  bool operatorToken();
  void unescape(std::string_view Body, Token &To, Position Where);
  Token &emit(Token::Type Is, Position Where, std::string What) {
    Tokens.push_back({Is, Where, std::move(What)});
    return Tokens.back();
  }

  std::string_view Text;
  size_t At = 0;
  Position Where;
  /// What was read last ended a line.
  bool AtLineStart = true;
  /// Brackets that are open in a tag, by what closes them.
  std::string Closers;
  std::vector<Token> Tokens;
};

} // namespace

void Lexer::skip(size_t Count) {
  for (size_t End = At + Count; At < End; ++At) {
    if (Text[At] == '\n') {
      ++Where.Line;
      Where.Column = 1;
    } else if ((Text[At] & 0xC0) != 0x80) {
      ++Where.Column;
    }
  }
  if (Count)
    AtLineStart = Text[At - 1] == '\n';
}

void Lexer::skipSpace() {
  std::string_view Rest = Text.substr(At);
  skip(Rest.size() - strip(Rest, /*Left=*/true, /*Right=*/false).size());
}

/// Emits the text [Begin, End) in front of a tag with `Sign`.
void Lexer::emitData(size_t Begin, size_t End, Position Place, char Sign,
                     bool IsVariable) {
  std::string_view Piece = Text.substr(Begin, End - Begin);
  if (Sign == '-') {
    Piece = strip(Piece, /*Left=*/false, /*Right=*/true);
  } else if (Sign != '+' && !IsVariable) {
    // A tag that is alone in front of its line takes the line's space with it.
    size_t Line = Piece.rfind('\n') + 1;
    bool IsLineStart = Line > 0 || AtLineStart;
    if (IsLineStart && strip(Piece.substr(Line), true, false).empty())
      Piece = Piece.substr(0, Line);
  }
  if (!Piece.empty())
    emit(Token::Type::Data, Place, std::string(Piece));
}

/// Reads text up to a tag, and the tag.
void Lexer::data() {
  size_t Begin = At, Found = At;
  Position Start = Where;
  while ((Found = Text.find('{', Found)) != Text.npos) {
    char C = Found + 1 < Text.size() ? Text[Found + 1] : '\0';
    if (C == '%' || C == '#' || C == '{')
      break;
    ++Found;
  }
  if (Found == Text.npos) {
    if (Begin < Text.size())
      emit(Token::Type::Data, Start, std::string(Text.substr(Begin)));
    skip(Text.size() - Begin);
    return;
  }
  // Whether a line starts here is asked about what stood before the text.
  bool WasLineStart = AtLineStart;
  skip(Found - Begin);
  Position Tag = Where;
  char Which = Text[Found + 1];
  skip(2);
  char Sign = sign();
  AtLineStart = WasLineStart;
  emitData(Begin, Found, Start, Sign, Which == '{');
  AtLineStart = false;
  if (Which == '#')
    return comment();
  if (Which == '%' && rawBlock())
    return;
  emit(Which == '{' ? Token::Type::VariableBegin : Token::Type::BlockBegin, Tag,
       "");
  tag(Which == '{');
}

void Lexer::comment() {
  Position Start = Where;
  size_t End = Text.find("#}", At);
  if (End == Text.npos)
    failAt(Start, "the comment has no end; write #} behind it");
  bool HasSign = End > At && (Text[End - 1] == '-' || Text[End - 1] == '+');
  char Sign = HasSign ? Text[End - 1] : '\0';
  skip(End + 2 - At);
  if (Sign == '-')
    skipSpace();
  else if (Sign != '+' && peek() == '\n')
    skip(1);
}

/// Behind "{%": reads {% raw %} up to its end, if it is one.
bool Lexer::rawBlock() {
  size_t Saved = At;
  Position SavedWhere = Where;
  auto Restore = [&] {
    At = Saved;
    Where = SavedWhere;
    AtLineStart = false;
    return false;
  };
  skipSpace();
  if (!starts("raw"))
    return Restore();
  skip(3);
  skipSpace();
  bool IsTrimmed = starts("-%}");
  if (!IsTrimmed && !starts("%}"))
    return Restore();
  skip(IsTrimmed ? 3 : 2);
  if (IsTrimmed)
    skipSpace();
  size_t Begin = At;
  Position Start = Where;
  bool WasLineStart = AtLineStart;
  for (size_t Tag = Begin;; Tag += 2) {
    Tag = Text.find("{%", Tag);
    if (Tag == Text.npos)
      failAt(SavedWhere,
             "the raw block has no end; write {% endraw %} behind it");
    skip(Tag - At);
    size_t Mark = At;
    Position MarkWhere = Where;
    skip(2);
    char Sign = sign();
    skipSpace();
    if (starts("endraw")) {
      skip(6);
      skipSpace();
      char End = peek() == '-' || peek() == '+' ? peek() : '\0';
      if (Text.substr(At + (End ? 1 : 0)).starts_with("%}")) {
        skip(End ? 3 : 2);
        bool Ended = AtLineStart;
        AtLineStart = WasLineStart;
        emitData(Begin, Tag, Start, Sign, /*IsVariable=*/false);
        AtLineStart = Ended;
        if (End == '-')
          skipSpace();
        else if (!End && peek() == '\n')
          skip(1);
        return true;
      }
    }
    At = Mark;
    Where = MarkWhere;
  }
}

void Lexer::tag(bool IsVariable) {
  Closers.clear();
  while (At < Text.size()) {
    if (Closers.empty() && tagEnd(IsVariable))
      return;
    tagToken();
  }
}

bool Lexer::tagEnd(bool IsVariable) {
  std::string_view End = IsVariable ? "}}" : "%}";
  char Sign = peek() == '-' || (peek() == '+' && !IsVariable) ? peek() : '\0';
  if (!Text.substr(At + (Sign ? 1 : 0)).starts_with(End))
    return false;
  emit(IsVariable ? Token::Type::VariableEnd : Token::Type::BlockEnd, Where,
       "");
  skip(Sign ? 3 : 2);
  if (Sign == '-')
    skipSpace();
  else if (!IsVariable && !Sign && peek() == '\n')
    skip(1);
  return true;
}

void Lexer::tagToken() {
  size_t End = At;
  char32_t C = nextCharacter(Text, End);
  if (isSpace(C))
    return skipSpace();
  if (isDigit(C) && number())
    return;
  if (C == '_' || isAlnum(C))
    return name();
  if (C == '"' || C == '\'')
    return string();
  if (!operatorToken())
    failAt(Where, "unexpected character '" +
                      std::string(Text.substr(At, End - At)) + "'");
}

/// Length of digits with single underscores between them, from `From` on.
static size_t digits(std::string_view Text, size_t From) {
  size_t End = From;
  while (End < Text.size()) {
    if (isDigit(static_cast<unsigned char>(Text[End])))
      ++End;
    else if (Text[End] == '_' && End > From && End + 1 < Text.size() &&
             isDigit(static_cast<unsigned char>(Text[End + 1])))
      ++End;
    else
      break;
  }
  return End - From;
}

/// Length of a float, 0 if it is none.
static size_t floatLength(std::string_view Text) {
  size_t Whole = digits(Text, 0), End = Whole;
  if (End < Text.size() && Text[End] == '.')
    if (size_t Part = digits(Text, End + 1))
      End += 1 + Part;
  if (End < Text.size() && (Text[End] | 0x20) == 'e') {
    size_t Power = End + 1;
    if (Power < Text.size() && (Text[Power] == '+' || Text[Power] == '-'))
      ++Power;
    if (size_t Part = digits(Text, Power))
      return Power + Part;
  }
  return End > Whole ? End : 0;
}

/// Length of an int and its base.
static size_t intLength(std::string_view Text, int &Base) {
  Base = 10;
  if (Text[0] != '0')
    return digits(Text, 0);
  char Mark = Text.size() > 1 ? char(Text[1] | 0x20) : '\0';
  int Other = Mark == 'x' ? 16 : Mark == 'o' ? 8 : Mark == 'b' ? 2 : 0;
  auto IsDigit = [&](size_t I) {
    if (I >= Text.size())
      return false;
    char C = Text[I];
    int Digit = C >= '0' && C <= '9'                     ? C - '0'
                : (C | 0x20) >= 'a' && (C | 0x20) <= 'f' ? (C | 0x20) - 'a' + 10
                                                         : 99;
    return Digit < (Other ? Other : 1);
  };
  size_t End = Other ? 2 : 1;
  while (IsDigit(End) ||
         (End < Text.size() && Text[End] == '_' && IsDigit(End + 1)))
    ++End;
  if (Other && End > 2) {
    Base = Other;
    return End;
  }
  if (!Other)
    return End;
  return 1;
}

bool Lexer::number() {
  std::string_view Rest = Text.substr(At);
  auto Plain = [](std::string_view Digits) {
    std::string Out;
    for (char C : Digits)
      if (C != '_')
        Out += C;
    return Out;
  };
  // "x.1.5" looks items up: 1.5 is no float there.
  bool IsItem = At > 0 && Text[At - 1] == '.';
  if (size_t Length = IsItem ? 0 : floatLength(Rest)) {
    std::string Written = Plain(Rest.substr(0, Length));
    emit(Token::Type::Float, Where, Written).Float =
        std::strtod(Written.c_str(), nullptr);
    skip(Length);
    return true;
  }
  int Base = 10;
  size_t Length = intLength(Rest, Base);
  std::string Written =
      Plain(Rest.substr(Base == 10 ? 0 : 2, Length - (Base == 10 ? 0 : 2)));
  Token &Made = emit(Token::Type::Integer, Where, Written);
  auto Read = std::from_chars(Written.data(), Written.data() + Written.size(),
                              Made.Integer, Base);
  if (Read.ec != std::errc())
    failAt(Where, "the number " + Written + " is too large; ints have 64 bits");
  skip(Length);
  return true;
}

void Lexer::name() {
  size_t End = At;
  for (size_t I = At; I < Text.size();) {
    char32_t C = nextCharacter(Text, I);
    if (C != '_' && !isAlnum(C))
      break;
    End = I;
  }
  emit(Token::Type::Name, Where, std::string(Text.substr(At, End - At)));
  skip(End - At);
}

void Lexer::string() {
  char Quote = peek();
  size_t End = At + 1;
  while (End < Text.size() && Text[End] != Quote)
    End += Text[End] == '\\' ? 2 : 1;
  if (End >= Text.size())
    failAt(Where, "the string has no end");
  Position Start = Where;
  std::string_view Body = Text.substr(At + 1, End - At - 1);
  unescape(Body, emit(Token::Type::String, Start, ""), Start);
  skip(End + 1 - At);
}

/// Python's escapes; one that it does not know stands for itself.
void Lexer::unescape(std::string_view Body, Token &To, Position Start) {
  static constexpr std::string_view Names = "\n\\'\"abfnrtv";
  static constexpr std::array<std::string_view, 11> Mean = {
      "", "\\", "'", "\"", "\a", "\b", "\f", "\n", "\r", "\t", "\v"};
  for (size_t I = 0; I < Body.size();) {
    if (Body[I] != '\\') {
      To.Text += Body[I++];
      continue;
    }
    char C = Body[++I];
    if (size_t Known = Names.find(C); Known != Names.npos) {
      To.Text += Mean[Known];
      ++I;
    } else if (C >= '0' && C <= '7') {
      char32_t Code = 0;
      for (unsigned K = 0;
           K < 3 && I < Body.size() && Body[I] >= '0' && Body[I] <= '7'; ++K)
        Code = Code * 8 + char32_t(Body[I++] - '0');
      appendCharacter(To.Text, Code);
    } else if (C == 'x' || C == 'u' || C == 'U') {
      size_t Count = C == 'x' ? 2 : C == 'u' ? 4 : 8;
      std::string_view Digits = Body.substr(I + 1, Count);
      uint32_t Code = 0;
      auto Read = std::from_chars(Digits.data(), Digits.data() + Digits.size(),
                                  Code, 16);
      if (Digits.size() != Count || Read.ptr != Digits.data() + Count)
        failAt(Start, "an escape in the string has too few digits");
      if (Code > 0x10FFFF || (Code >= 0xD800 && Code <= 0xDFFF))
        failAt(Start, "an escape in the string stands for no character");
      appendCharacter(To.Text, Code);
      I += 1 + Count;
    } else if (C == 'N') {
      failAt(Start, "characters cannot be written by their names; use \\u");
    } else if (static_cast<unsigned char>(C) < 0x80) {
      (To.Text += '\\') += C;
      ++I;
    } else {
      // As Jinja has it: the character's number.
      char Number[16];
      char32_t Code = nextCharacter(Body, I);
      std::snprintf(Number, sizeof(Number),
                    Code < 0x100     ? "\\x%02x"
                    : Code < 0x10000 ? "\\u%04x"
                                     : "\\U%08x",
                    unsigned(Code));
      To.Text += Number;
    }
  }
}

bool Lexer::operatorToken() {
  static constexpr std::string_view Known[] = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  for (std::string_view Each : Known) {
    if (!starts(Each))
      continue;
    char C = Each[0];
    if (C == '{' || C == '(' || C == '[') {
      Closers += C == '{' ? '}' : C == '(' ? ')' : ']';
    } else if (C == '}' || C == ')' || C == ']') {
      if (Closers.empty() || Closers.back() != C)
        failAt(Where, "unexpected '" + std::string(Each) + "'");
      Closers.pop_back();
    }
    emit(Token::Type::Operator, Where, std::string(Each));
    skip(Each.size());
    return true;
  }
  return false;
}

std::vector<Token> Lexer::run() {
  while (At < Text.size())
    data();
  emit(Token::Type::End, Where, "");
  return std::move(Tokens);
}

std::vector<Token> jinja::tokenize(std::string_view Source) {
  if (Source.size() > MaxSource)
    failAt({}, "the template is larger than 1 MiB");
  if (!isUtf8(Source))
    failAt({}, "the template is not UTF-8");
  std::string Text = normalized(Source);
  return Lexer(Text).run();
}
