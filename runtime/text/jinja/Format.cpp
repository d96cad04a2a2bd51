// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The operator % of str, and str.format.
#include "runtime/text/jinja/Format.h"

#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace dure;
using namespace dure::jinja;

/// Digits behind a point, at most.
static constexpr int64_t MaxPrecision = 4096;

namespace {

/// How one value is written, in either language of formats.
struct Spec {
  std::string Fill = " ";
  /// '<', '>', '^', '=' or '\0' for the type's own.
  char Align = '\0';
  /// '-', '+' or ' '.
  char Sign = '-';
  bool IsAlternate = false;
  int64_t Width = 0;
  int64_t Precision = -1;
  /// ',' or '_' between groups of digits.
  char Group = '\0';
  char Type = '\0';
};

/// A number in its parts.
struct NumberText {
  bool IsNegative = false;
  std::string Prefix, Digits;
};

class Formatter {
public:
  Formatter(const Maker &Make, const Value &Of)
      : Make(Make), Of(Of), Format(Of.text()), IsMarkup(Of.string().IsMarkup),
        Out(Make.M) {}

  Value take() { return Make.string(Out.take(), IsMarkup); }

  void writeText(std::string_view Text, const Spec &S);
  void writeNumber(NumberText N, const Spec &S);
  NumberText intText(int64_t I, const Spec &S) const;
  NumberText floatText(double D, const Spec &S) const;

  /// What stands for a value in a text that is escaped for HTML.
  std::string escaped(const Value &V, std::string Text) const {
    bool IsSafe = !IsMarkup || (V.isString() && V.string().IsMarkup);
    return IsSafe ? Text : escapeHtml(Text);
  }

  const Maker &Make;
  /// Keeps the text of the format.
  const Value Of;
  const std::string_view Format;
  const bool IsMarkup;
  TextBuilder Out;
};

} // namespace

void Formatter::writeText(std::string_view Text, const Spec &S) {
  size_t Length = lengthOf(Text);
  if (S.Precision >= 0 && Length > size_t(S.Precision)) {
    Text = Text.substr(0, offsetOf(Text, size_t(S.Precision)));
    Length = size_t(S.Precision);
  }
  uint64_t Pad = S.Width > int64_t(Length) ? uint64_t(S.Width) - Length : 0;
  uint64_t Left = S.Align == '>' ? Pad : S.Align == '^' ? Pad / 2 : 0;
  Out.add(Left, S.Fill);
  Out.add(Text);
  Out.add(Pad - Left, S.Fill);
}

/// Digits in groups, counted from the point or the end.
static std::string grouped(const std::string &Digits, char Mark, size_t Size) {
  size_t Whole = std::min(Digits.find_first_not_of("0123456789abcdefABCDEF"),
                          Digits.size());
  std::string Out;
  for (size_t I = 0; I < Whole; ++I) {
    if (I && (Whole - I) % Size == 0)
      Out += Mark;
    Out += Digits[I];
  }
  return Out + Digits.substr(Whole);
}

void Formatter::writeNumber(NumberText N, const Spec &S) {
  std::string Sign = N.IsNegative    ? "-"
                     : S.Sign == '-' ? ""
                                     : std::string(1, S.Sign);
  size_t Size =
      S.Type == 'x' || S.Type == 'X' || S.Type == 'o' || S.Type == 'b' ? 4 : 3;
  bool IsZeroFilled = S.Align == '=' && S.Fill == "0";
  if (S.Group) {
    // Zeros in front are grouped, too.
    size_t Around = Sign.size() + N.Prefix.size();
    std::string Out = grouped(N.Digits, S.Group, Size);
    while (IsZeroFilled && int64_t(Around + Out.size()) < S.Width) {
      Make.M.step();
      N.Digits.insert(0, "0");
      Out = grouped(N.Digits, S.Group, Size);
    }
    N.Digits = std::move(Out);
  }
  std::string Head = Sign + N.Prefix;
  uint64_t Length = Head.size() + N.Digits.size();
  uint64_t Pad = S.Width > int64_t(Length) ? uint64_t(S.Width) - Length : 0;
  uint64_t Left = S.Align == '<' ? 0 : S.Align == '^' ? Pad / 2 : Pad;
  if (S.Align == '=') {
    Out.add(Head);
    Out.add(Pad, S.Fill);
    Out.add(N.Digits);
    return;
  }
  Out.add(Left, S.Fill);
  Out.add(Head);
  Out.add(N.Digits);
  Out.add(Pad - Left, S.Fill);
}

NumberText Formatter::intText(int64_t I, const Spec &S) const {
  NumberText N;
  N.IsNegative = I < 0;
  uint64_t Magnitude = N.IsNegative ? 0 - uint64_t(I) : uint64_t(I);
  int Base = S.Type == 'x' || S.Type == 'X' ? 16
             : S.Type == 'o'                ? 8
             : S.Type == 'b'                ? 2
                                            : 10;
  char Buffer[72];
  auto Done = std::to_chars(Buffer, std::end(Buffer), Magnitude, Base);
  N.Digits.assign(Buffer, Done.ptr);
  if (S.IsAlternate && Base != 10)
    N.Prefix = std::string("0") + S.Type;
  if (S.Type == 'X')
    std::transform(N.Digits.begin(), N.Digits.end(), N.Digits.begin(),
                   [](char C) { return char(std::toupper(C)); });
  return N;
}

NumberText Formatter::floatText(double D, const Spec &S) const {
  NumberText N;
  N.IsNegative = std::signbit(D) && !std::isnan(D);
  double Magnitude = std::fabs(D);
  bool IsUpper = S.Type == 'F' || S.Type == 'E' || S.Type == 'G';
  if (!std::isfinite(D)) {
    N.Digits = std::isnan(D) ? "nan" : "inf";
    if (IsUpper)
      N.Digits = upper(N.Digits);
    return N;
  }
  if (S.Precision > MaxPrecision)
    failLimit("the precision of a number is too large");
  std::string How = std::string("%") + (S.IsAlternate ? "#" : "") + ".*" +
                    (S.Type ? S.Type : 'g');
  int Precision = S.Precision < 0 ? 6 : int(S.Precision);
  int Size = std::snprintf(nullptr, 0, How.c_str(), Precision, Magnitude);
  N.Digits.resize(size_t(Size) + 1);
  std::snprintf(N.Digits.data(), N.Digits.size(), How.c_str(), Precision,
                Magnitude);
  N.Digits.pop_back();
  return N;
}

//===-- The operator %
//-----------------------------------------------------===//

namespace {
class PercentFormatter : Formatter {
public:
  PercentFormatter(const Maker &Make, const Value &Format, const Value &Values)
      : Formatter(Make, Format), Values(Values) {}

  Value run();

private:
  char nextCharacter() {
    if (At == Format.size())
      fail("the format ends behind %");
    return Format[At++];
  }
  const Value &argument();
  int64_t number(char &C);
  void conversion();
  void write(const Value &V, Spec S);

  const Value &Values;
  size_t At = 0;
  size_t Used = 0;
  /// The value that a name in parentheses chose.
  Value Named;
};
} // namespace

const Value &PercentFormatter::argument() {
  if (!Named.isMissing())
    return Named;
  bool IsTuple = Values.is(Kind::Tuple);
  if (Used >= (IsTuple ? Values.items().size() : 1))
    fail("the format wants more values than there are");
  ++Used;
  return IsTuple ? Values.items()[Used - 1] : Values;
}

/// A width or precision that begins with C; C is then what stands behind it.
int64_t PercentFormatter::number(char &C) {
  if (C == '*') {
    int64_t I = toIndex(argument(), "a width");
    C = nextCharacter();
    return I;
  }
  int64_t I = 0;
  for (; C >= '0' && C <= '9'; C = nextCharacter()) {
    I = I * 10 + (C - '0');
    if (I > int64_t(1) << 40)
      failLimit("the width in a format is too large");
  }
  return I;
}

void PercentFormatter::conversion() {
  Make.M.step();
  Spec S;
  bool IsLeft = false, IsZero = false;
  char C = nextCharacter();
  if (C == '(') {
    size_t Begin = At;
    for (unsigned Open = 1; Open;) {
      char Each = nextCharacter();
      Open += Each == '(' ? 1 : 0;
      Open -= Each == ')' ? 1 : 0;
    }
    std::string_view Name = Format.substr(Begin, At - Begin - 1);
    if (!Values.is(Kind::Dict))
      fail("the format has names, and wants a dict");
    const Value *Found = Values.dict().find(Name);
    if (!Found)
      fail("the dict has no '" + std::string(Name) + "' for the format");
    Named = *Found;
    C = nextCharacter();
  }
  for (;; C = nextCharacter()) {
    if (C == '-')
      IsLeft = true;
    else if (C == '+' || (C == ' ' && S.Sign != '+'))
      S.Sign = C;
    else if (C == '#')
      S.IsAlternate = true;
    else if (C == '0')
      IsZero = true;
    else if (C != ' ')
      break;
  }
  S.Width = number(C);
  if (S.Width < 0) {
    IsLeft = true;
    S.Width = -S.Width;
  }
  if (C == '.') {
    C = nextCharacter();
    S.Precision = std::max<int64_t>(number(C), 0);
  }
  if (C == 'h' || C == 'l' || C == 'L')
    C = nextCharacter();
  S.Type = C;
  S.Align = IsLeft ? '<' : '>';
  if (C == '%') {
    Out.add("%");
    Named = Value();
    return;
  }
  bool IsNumber = std::string_view("diuoxXeEfFgG").find(C) != std::string::npos;
  if (IsZero && !IsLeft && IsNumber) {
    S.Align = '=';
    S.Fill = "0";
  }
  Value V = argument();
  Named = Value();
  write(V, S);
}

void PercentFormatter::write(const Value &V, Spec S) {
  switch (S.Type) {
  case 's':
    return writeText(escaped(V, str(Make.M, V)), S);
  case 'r':
    return writeText(escaped(Value(), repr(Make.M, V)), S);
  case 'c':
    S.Precision = -1;
    if (V.isString() && V.string().Length == 1)
      return writeText(V.text(), S);
    if (V.isIntegral() && V.integer() >= 0 && V.integer() <= 0x10FFFF &&
        (V.integer() < 0xD800 || V.integer() > 0xDFFF)) {
      std::string Text;
      appendCharacter(Text, char32_t(V.integer()));
      return writeText(Text, S);
    }
    fail("%c takes a character or its number");
  case 'd':
  case 'i':
  case 'u':
  case 'o':
  case 'x':
  case 'X': {
    bool IsDecimal = S.Type == 'd' || S.Type == 'i' || S.Type == 'u';
    if (V.isUndefined())
      fail(V.reason());
    int64_t I = 0;
    if (V.is(Kind::Float) && IsDecimal && std::fabs(V.number()) < 0x1p63)
      I = int64_t(V.number());
    else if (V.isIntegral())
      I = V.integer();
    else
      fail("the format wants a number, not " + typeName(V));
    NumberText N = intText(I, S);
    if (S.Precision > MaxPrecision)
      failLimit("the precision of a number is too large");
    if (S.Precision > int64_t(N.Digits.size()))
      N.Digits.insert(0, size_t(S.Precision) - N.Digits.size(), '0');
    return writeNumber(std::move(N), S);
  }
  case 'e':
  case 'E':
  case 'f':
  case 'F':
  case 'g':
  case 'G':
    if (V.isUndefined())
      fail(V.reason());
    if (!V.isNumber())
      fail("the format wants a number, not " + typeName(V));
    return writeNumber(floatText(V.number(), S), S);
  default:
    fail("there is no conversion '" + std::string(1, S.Type) + "' in a format");
  }
}

Value PercentFormatter::run() {
  while (At < Format.size()) {
    size_t Mark = std::min(Format.find('%', At), Format.size());
    Out.add(Format.substr(At, Mark - At));
    At = Mark;
    if (At < Format.size()) {
      ++At;
      conversion();
    }
  }
  // Values that can be indexed may hold more than the format names.
  bool IsMapping = Values.is(Kind::Dict) || Values.is(Kind::List) ||
                   Values.is(Kind::Range) || Values.isUndefined();
  size_t Count = Values.is(Kind::Tuple) ? Values.items().size() : 1;
  if (!IsMapping && Used < Count)
    fail("the format wants fewer values than there are");
  return take();
}

Value jinja::formatPercent(const Maker &Make, const Value &Format,
                           const Value &Values) {
  return PercentFormatter(Make, Format, Values).run();
}

//===-- str.format
//---------------------------------------------------------===//

namespace {
class BraceFormatter : Formatter {
public:
  BraceFormatter(Interpreter &In, const Value &Format, const Arguments &Given)
      : Formatter(In.Make, Format), In(In), Given(Given) {}

  Value run(unsigned Depth);

private:
  Value field(std::string_view Name);
  Value argument(std::string_view Name);
  void replacement(std::string_view Body, unsigned Depth);
  Spec parse(std::string_view Text) const;
  void write(const Value &V, std::string_view How);

  Interpreter &In;
  const Arguments &Given;
  /// The next field without a name; -1 once numbers are given.
  int64_t Next = 0;
  bool HasNumbers = false;
};
} // namespace

Value BraceFormatter::argument(std::string_view Name) {
  bool IsNumber =
      !Name.empty() && std::all_of(Name.begin(), Name.end(), isDigit);
  if (!Name.empty() && !IsNumber) {
    Make.M.step(Given.Named.size() / 8);
    for (const auto &[Key, Each] : Given.Named)
      if (Key == Name)
        return Each;
    fail("the format has no value for '" + std::string(Name) + "'");
  }
  if (Name.empty() ? HasNumbers : Next > 0)
    fail("a format has numbers in all fields or in none");
  HasNumbers |= IsNumber;
  uint64_t Index = UINT64_MAX;
  if (IsNumber)
    std::from_chars(Name.data(), Name.data() + Name.size(), Index);
  else
    Index = uint64_t(Next++);
  if (Index >= Given.Positional.size())
    fail("the format wants more values than there are");
  return Given.Positional[Index];
}

/// A name or number with attributes and items behind it.
Value BraceFormatter::field(std::string_view Name) {
  size_t End = std::min(Name.find_first_of(".["), Name.size());
  Value V = argument(Name.substr(0, End));
  while (End < Name.size()) {
    bool IsItem = Name[End] == '[';
    size_t Begin = End + 1;
    End = IsItem ? Name.find(']', Begin) : Name.find_first_of(".[", Begin);
    if (IsItem && End == Name.npos)
      fail("a '[' in the format has no ']'");
    End = std::min(End, Name.size());
    std::string Part(Name.substr(Begin, End - Begin));
    if (Part.empty())
      fail("an attribute in the format has no name");
    if (!IsItem)
      V = attribute(In, V, Part);
    else if (std::all_of(Part.begin(), Part.end(), isDigit))
      V = item(In, V, Value::integer(parseInt(Part, 10).value_or(0)));
    else
      V = item(In, V, In.Make.string(Part));
    if (!IsItem)
      continue;
    if (++End < Name.size() && Name[End] != '.' && Name[End] != '[')
      fail("behind ']' in the format stands '.' or '['");
  }
  return V;
}

Spec BraceFormatter::parse(std::string_view Text) const {
  Spec S;
  auto IsAlign = [](char C) {
    return C == '<' || C == '>' || C == '^' || C == '=';
  };
  size_t Behind = 0;
  if (!Text.empty())
    nextCharacter(Text, Behind);
  if (Behind < Text.size() && IsAlign(Text[Behind])) {
    S.Fill = std::string(Text.substr(0, Behind));
    S.Align = Text[Behind];
    Text.remove_prefix(Behind + 1);
  } else if (!Text.empty() && IsAlign(Text[0])) {
    S.Align = Text[0];
    Text.remove_prefix(1);
  }
  auto Take = [&](std::string_view Any) {
    if (Text.empty() || Any.find(Text[0]) == Any.npos)
      return '\0';
    char C = Text[0];
    Text.remove_prefix(1);
    return C;
  };
  auto Number = [&](int64_t Default) {
    int64_t I = Default;
    while (char C = Take("0123456789")) {
      I = std::max<int64_t>(I, 0) * 10 + (C - '0');
      if (I > int64_t(1) << 40)
        failLimit("the width in a format is too large");
    }
    return I;
  };
  if (char Sign = Take("+- "))
    S.Sign = Sign;
  S.IsAlternate = Take("#");
  if (Take("0") && !S.Align) {
    S.Fill = "0";
    S.Align = '=';
  }
  S.Width = Number(0);
  S.Group = Take(",_");
  if (Take(".")) {
    S.Precision = Number(-1);
    if (S.Precision < 0)
      fail("the format lacks a precision behind '.'");
  }
  S.Type = Text.empty() ? '\0' : Text[0];
  if (Text.size() > 1)
    fail("the format '" + std::string(Text) + "' is not known");
  return S;
}

void BraceFormatter::write(const Value &V, std::string_view How) {
  if (How.empty())
    return Out.add(escaped(V, str(Make.M, V)));
  if (IsMarkup)
    fail("a format in a text that is escaped for HTML is not supported here");
  if (!V.isString() && !V.isNumber())
    fail(typeName(V) + " has no format '" + std::string(How) + "'");
  Spec S = parse(How);
  if (V.isString()) {
    if ((S.Type && S.Type != 's') || S.Align == '=' || S.Sign != '-' ||
        S.IsAlternate || S.Group)
      fail("a str has no format '" + std::string(How) + "'");
    return writeText(V.text(), S);
  }
  if (!S.Align)
    S.Align = '>';
  bool IsInt =
      V.isIntegral() && (!S.Type || std::string_view("bcdnoxX").find(S.Type) !=
                                        std::string_view::npos);
  if (IsInt) {
    if (S.Precision >= 0 || S.Type == 'c')
      fail("an int has no format '" + std::string(How) + "'");
    if (S.Type == 'n')
      S.Type = 'd';
    if (S.Group == ',' && S.Type && S.Type != 'd')
      fail("an int has no format '" + std::string(How) + "'");
    return writeNumber(intText(V.integer(), S), S);
  }
  if (S.Type && std::string_view("eEfFgGn%").find(S.Type) == std::string::npos)
    fail("a float has no format '" + std::string(How) + "'");
  double D = V.number();
  bool IsPercent = S.Type == '%';
  if (S.Type == 'n')
    S.Type = 'g';
  NumberText N;
  if (!S.Type && S.Precision < 0) {
    N.IsNegative = std::signbit(D) && !std::isnan(D);
    N.Digits = floatRepr(std::fabs(D));
  } else if (!S.Type) {
    fail("a float has no format '" + std::string(How) +
         "' without a type here");
  } else {
    Spec Plain = S;
    if (IsPercent)
      Plain.Type = 'f';
    N = floatText(IsPercent ? D * 100 : D, Plain);
    if (IsPercent)
      N.Digits += "%";
  }
  writeNumber(std::move(N), S);
}

/// What stands between braces: field, conversion and format.
void BraceFormatter::replacement(std::string_view Body, unsigned Depth) {
  // A colon or mark inside of brackets belongs to the name.
  size_t End = 0;
  for (bool InItem = false; End < Body.size(); ++End) {
    if (Body[End] == '[')
      InItem = true;
    else if (Body[End] == ']')
      InItem = false;
    else if (!InItem && (Body[End] == ':' || Body[End] == '!'))
      break;
  }
  std::string_view Name = Body.substr(0, End);
  if (Name.find_first_of("{}") != Name.npos)
    fail("a field of the format has braces in its name");
  Value V = field(Name);
  Body.remove_prefix(End);
  if (Body.starts_with('!')) {
    char How = Body.size() > 1 ? Body[1] : '\0';
    if ((How != 's' && How != 'r') || (Body.size() > 2 && Body[2] != ':'))
      fail("a conversion in the format is not known");
    V = In.Make.string(How == 's' ? str(Make.M, V) : repr(Make.M, V));
    Body.remove_prefix(2);
  }
  if (Body.starts_with(':'))
    Body.remove_prefix(1);
  if (Body.find('{') == Body.npos)
    return write(V, Body);
  // The format has fields of its own.
  BraceFormatter Inner(In, In.Make.string(std::string(Body)), Given);
  Inner.Next = Next;
  Inner.HasNumbers = HasNumbers;
  Value How = Inner.run(Depth + 1);
  Next = Inner.Next;
  HasNumbers = Inner.HasNumbers;
  write(V, How.text());
}

Value BraceFormatter::run(unsigned Depth) {
  if (Depth == 2)
    fail("fields of the format are too deep inside each other");
  for (size_t At = 0; At < Format.size();) {
    size_t Mark = std::min(Format.find_first_of("{}", At), Format.size());
    Out.add(Format.substr(At, Mark - At));
    if (Mark == Format.size())
      break;
    if (Format.substr(Mark).starts_with(Format[Mark] == '{' ? "{{" : "}}")) {
      Out.add(Format.substr(Mark, 1));
      At = Mark + 2;
      continue;
    }
    if (Format[Mark] == '}')
      fail("a '}' in the format has no '{'");
    size_t End = Mark + 1;
    for (unsigned Open = 1; End < Format.size(); ++End) {
      Open += Format[End] == '{' ? 1 : 0;
      Open -= Format[End] == '}' ? 1 : 0;
      if (!Open)
        break;
    }
    if (End == Format.size())
      fail("a '{' in the format has no '}'");
    replacement(Format.substr(Mark + 1, End - Mark - 1), Depth);
    At = End + 1;
  }
  return take();
}

Value jinja::formatBraces(Interpreter &In, const Value &Format,
                          const Arguments &Given) {
  return BraceFormatter(In, Format, Given).run(0);
}
