// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The methods of str. Indices count characters.
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <map>

using namespace dure;
using namespace dure::jinja;

/// A method gets its string as first argument.
static const Value &self(const Arguments &Given) { return Given.Positional[0]; }

/// A new string of the kind that a method's own is.
static Value alike(Interpreter &In, const Arguments &Given, std::string Text) {
  return In.Make.string(std::move(Text), self(Given).string().IsMarkup);
}

/// A text that becomes part of the method's own.
static std::string part(const Arguments &Given, const Value &V,
                        const char *What) {
  const std::string &Text = toText(V, What);
  bool IsEscaped = self(Given).string().IsMarkup && !V.string().IsMarkup;
  return IsEscaped ? escapeHtml(Text) : Text;
}

//===-- Cases and classes
//--------------------------------------------------===//

template <std::string (*Change)(std::string_view)>
static Value changed(Interpreter &In, const Arguments &Given) {
  bindArguments("the method", Given, {"self"}, 1, 1);
  In.M.expect(self(Given).text().size(), 8);
  return alike(In, Given, Change(self(Given).text()));
}

static std::string folded(std::string_view Text) {
  std::string To;
  for (size_t At = 0; At < Text.size();) {
    char32_t C = nextCharacter(Text, At);
    if (C == 0xDF || C == 0x1E9E)
      To += "ss";
    else if (C == 0x3C2)
      appendCharacter(To, 0x3C3);
    else
      appendCharacter(To, C);
  }
  return lower(To);
}

template <bool (*Is)(char32_t), bool OfEmpty = false>
static Value allAre(Interpreter &In, const Arguments &Given) {
  bindArguments("the method", Given, {"self"}, 1, 1);
  const std::string &Text = self(Given).text();
  In.M.step(Text.size() / 64);
  for (size_t At = 0; At < Text.size();)
    if (!Is(nextCharacter(Text, At)))
      return Value::boolean(false);
  return Value::boolean(OfEmpty || !Text.empty());
}

static bool isAscii(char32_t C) { return C < 0x80; }

/// Whether all letters with a case have `Wanted`, and there is one.
template <bool (*Wanted)(char32_t), bool (*Other)(char32_t)>
static Value hasCase(Interpreter &In, const Arguments &Given) {
  bindArguments("the method", Given, {"self"}, 1, 1);
  const std::string &Text = self(Given).text();
  In.M.step(Text.size() / 64);
  bool IsAny = false;
  for (size_t At = 0; At < Text.size();) {
    char32_t C = nextCharacter(Text, At);
    if (Other(C) || isTitle(C))
      return Value::boolean(false);
    IsAny |= Wanted(C);
  }
  return Value::boolean(IsAny);
}

static Value isTitled(Interpreter &In, const Arguments &Given) {
  bindArguments("istitle", Given, {"self"}, 1, 1);
  const std::string &Text = self(Given).text();
  In.M.step(Text.size() / 64);
  bool IsAny = false, InWord = false;
  for (size_t At = 0; At < Text.size();) {
    char32_t C = nextCharacter(Text, At);
    bool IsBegin = isUpper(C) || isTitle(C);
    if (IsBegin ? InWord : isLower(C) && !InWord)
      return Value::boolean(false);
    InWord = IsBegin || isLower(C);
    IsAny |= InWord;
  }
  return Value::boolean(IsAny);
}

//===-- Searching
//----------------------------------------------------------===//

namespace {
/// The part of a string between two optional indices.
struct Window {
  std::string_view Text;
  /// Characters in front of it.
  int64_t Begin = 0;
  /// The first index lies behind the end of the string.
  bool IsBehind = false;
};
} // namespace

static Window window(Interpreter &In, const Value &Of, const Value &Start,
                     const Value &Stop) {
  const StringObject &S = Of.string();
  In.M.step(1 + S.Text.size() / 64);
  int64_t Length = int64_t(S.Length);
  auto Bound = [&](const Value &At, int64_t Default) {
    if (At.isMissing() || At.is(Kind::None))
      return Default;
    int64_t I = toIndex(At, "an index");
    return I < 0 ? std::max<int64_t>(I + Length, 0) : I;
  };
  Window Found;
  Found.Begin = Bound(Start, 0);
  int64_t End = std::min(Bound(Stop, Length), Length);
  Found.IsBehind = Found.Begin > Length || Found.Begin > End;
  if (Found.IsBehind)
    return Found;
  size_t First = offsetOf(S.Text, size_t(Found.Begin));
  std::string_view Rest = std::string_view(S.Text).substr(First);
  Found.Text = Rest.substr(0, offsetOf(Rest, size_t(End - Found.Begin)));
  return Found;
}

/// Index of what is looked for, -1 if it is not there.
static int64_t found(Interpreter &In, const char *Name, const Arguments &Given,
                     bool FromEnd) {
  auto Bound =
      bindArguments(Name, Given, {"self", "sub", "start", "end"}, 2, 4);
  const std::string &Sub = toText(Bound[1], "what is looked for");
  Window Where = window(In, Bound[0], Bound[2], Bound[3]);
  if (Where.IsBehind)
    return -1;
  size_t At =
      FromEnd ? findLastText(Where.Text, Sub) : findText(Where.Text, Sub);
  return At == Where.Text.npos
             ? -1
             : Where.Begin + int64_t(lengthOf(Where.Text.substr(0, At)));
}

static Value find(Interpreter &In, const Arguments &Given) {
  return Value::integer(found(In, "find", Given, /*FromEnd=*/false));
}
static Value findLast(Interpreter &In, const Arguments &Given) {
  return Value::integer(found(In, "rfind", Given, /*FromEnd=*/true));
}
static Value atIndex(int64_t At) {
  if (At < 0)
    fail("the text is not found");
  return Value::integer(At);
}
static Value index(Interpreter &In, const Arguments &Given) {
  return atIndex(found(In, "index", Given, /*FromEnd=*/false));
}
static Value indexLast(Interpreter &In, const Arguments &Given) {
  return atIndex(found(In, "rindex", Given, /*FromEnd=*/true));
}

static Value count(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("count", Given, {"self", "sub", "start", "end"}, 2, 4);
  const std::string &Sub = toText(Bound[1], "what is counted");
  Window Where = window(In, Bound[0], Bound[2], Bound[3]);
  if (Where.IsBehind)
    return Value::integer(0);
  if (Sub.empty())
    return Value::integer(int64_t(lengthOf(Where.Text)) + 1);
  int64_t Times = 0;
  for (size_t At = 0; (At = findText(Where.Text, Sub, At)) != Where.Text.npos;
       At += Sub.size())
    ++Times;
  return Value::integer(Times);
}

/// startswith and endswith, of one text or any of a tuple.
template <bool AtEnd>
static Value matches(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(AtEnd ? "endswith" : "startswith", Given,
                             {"self", "text", "start", "end"}, 2, 4);
  Window Where = window(In, Bound[0], Bound[2], Bound[3]);
  auto Fits = [&](const Value &V) {
    const std::string &Text = toText(V, AtEnd ? "an ending" : "a beginning");
    return !Where.IsBehind &&
           (AtEnd ? Where.Text.ends_with(Text) : Where.Text.starts_with(Text));
  };
  if (!Bound[1].is(Kind::Tuple))
    return Value::boolean(Fits(Bound[1]));
  In.M.step(Bound[1].items().size());
  return Value::boolean(
      std::any_of(Bound[1].items().begin(), Bound[1].items().end(), Fits));
}

//===-- Ends
//---------------------------------------------------------------===//

template <bool Left, bool Right>
static Value stripped(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("strip", Given, {"self", "chars"}, 1, 2);
  const std::string &Text = Bound[0].text();
  In.M.step(1 + Text.size() / 64);
  if (Bound[1].isMissing() || Bound[1].is(Kind::None))
    return alike(In, Given, std::string(strip(Text, Left, Right)));
  const std::string &Set = toText(Bound[1], "what is stripped");
  In.M.step(Set.size());
  return alike(In, Given, std::string(stripSet(Text, Set, Left, Right)));
}

static Value withoutPrefix(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("removeprefix", Given, {"self", "prefix"}, 2, 2);
  std::string_view Text = Bound[0].text(), Out = toText(Bound[1], "a prefix");
  return alike(
      In, Given,
      std::string(Text.substr(Text.starts_with(Out) ? Out.size() : 0)));
}

static Value withoutSuffix(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("removesuffix", Given, {"self", "suffix"}, 2, 2);
  std::string_view Text = Bound[0].text(), Out = toText(Bound[1], "a suffix");
  return alike(In, Given,
               std::string(Text.substr(
                   0, Text.size() - (Text.ends_with(Out) ? Out.size() : 0))));
}

enum class Side { Left, Right, Both };

/// ljust, rjust and center.
template <Side Where>
static Value padded(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("the method", Given, {"self", "width", "fillchar"}, 2, 3);
  int64_t Width = toIndex(Bound[1], "a width");
  std::string Fill =
      Bound[2].isMissing() ? " " : part(Given, Bound[2], "what fills");
  if (lengthOf(Fill) != 1)
    fail("what fills is one character");
  int64_t Length = int64_t(self(Given).string().Length);
  int64_t Missing = std::max<int64_t>(Width, Length) - Length;
  int64_t Left = Where == Side::Left    ? 0
                 : Where == Side::Right ? Missing
                                        : Missing / 2 + (Missing & Width & 1);
  TextBuilder Text(In.M);
  Text.add(uint64_t(Left), Fill);
  Text.add(self(Given).text());
  Text.add(uint64_t(Missing - Left), Fill);
  return alike(In, Given, Text.take());
}

static Value zeroFilled(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("zfill", Given, {"self", "width"}, 2, 2);
  int64_t Width = toIndex(Bound[1], "a width");
  const std::string &Text = self(Given).text();
  int64_t Length = int64_t(self(Given).string().Length);
  bool HasSign = Text.starts_with("+") || Text.starts_with("-");
  TextBuilder Out(In.M);
  Out.add(std::string_view(Text).substr(0, HasSign));
  Out.add(uint64_t(std::max<int64_t>(Width, Length) - Length), "0");
  Out.add(std::string_view(Text).substr(HasSign));
  return alike(In, Given, Out.take());
}

static Value withoutTabs(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("expandtabs", Given, {"self", "tabsize"}, 1, 1);
  int64_t Size = Bound[1].isMissing() ? 8 : toIndex(Bound[1], "a tab");
  TextBuilder Out(In.M);
  const std::string &Text = self(Given).text();
  int64_t Column = 0;
  for (size_t At = 0; At < Text.size();) {
    size_t Begin = At;
    char32_t C = nextCharacter(Text, At);
    if (C == '\t') {
      int64_t Spaces = Size > 0 ? Size - Column % Size : 0;
      Out.add(uint64_t(Spaces), " ");
      Column += Spaces;
      continue;
    }
    Column = C == '\n' || C == '\r' ? 0 : Column + 1;
    Out.add(std::string_view(Text).substr(Begin, At - Begin));
  }
  return alike(In, Given, Out.take());
}

//===-- Parts
//--------------------------------------------------------------===//

/// Where the last word of a text begins, and where the first ends.
static size_t wordBegin(std::string_view Text) {
  for (size_t End = Text.size(); End;) {
    size_t Begin = End - 1;
    while (Begin && (Text[Begin] & 0xC0) == 0x80)
      --Begin;
    size_t At = Begin;
    if (isSpace(nextCharacter(Text, At)))
      return End;
    End = Begin;
  }
  return 0;
}
static size_t wordEnd(std::string_view Text) {
  for (size_t At = 0; At < Text.size();) {
    size_t Begin = At;
    if (isSpace(nextCharacter(Text, At)))
      return Begin;
  }
  return Text.size();
}

/// Words between white space, at most `Most` splits if that is not negative.
static std::vector<std::string_view> words(std::string_view Text, int64_t Most,
                                           bool FromEnd) {
  std::vector<std::string_view> Found;
  // White space at the other end stays with the last piece of few.
  for (Text = strip(Text, !FromEnd, FromEnd); !Text.empty();) {
    if (Most >= 0 && int64_t(Found.size()) == Most) {
      Found.push_back(Text);
      break;
    }
    size_t Cut = FromEnd ? wordBegin(Text) : wordEnd(Text);
    Found.push_back(FromEnd ? Text.substr(Cut) : Text.substr(0, Cut));
    Text = FromEnd ? Text.substr(0, Cut) : Text.substr(Cut);
    Text = strip(Text, !FromEnd, FromEnd);
  }
  if (FromEnd)
    std::reverse(Found.begin(), Found.end());
  return Found;
}

/// The text between separators, at most `Most` splits if that is not negative.
static std::vector<std::string_view>
pieces(std::string_view Text, std::string_view By, int64_t Most, bool FromEnd) {
  // From the end is from the beginning of the text read backwards.
  std::string TextBackwards, ByBackwards;
  std::string_view Read = Text;
  if (FromEnd) {
    TextBackwards.assign(Text.rbegin(), Text.rend());
    ByBackwards.assign(By.rbegin(), By.rend());
    Read = TextBackwards;
    By = ByBackwards;
  }
  auto Piece = [&](size_t Begin, size_t End) {
    return Text.substr(FromEnd ? Text.size() - End : Begin, End - Begin);
  };
  std::vector<std::string_view> Found;
  size_t Begin = 0;
  while (Most < 0 || int64_t(Found.size()) < Most) {
    size_t At = findText(Read, By, Begin);
    if (At == Read.npos)
      break;
    Found.push_back(Piece(Begin, At));
    Begin = At + By.size();
  }
  Found.push_back(Piece(Begin, Read.size()));
  if (FromEnd)
    std::reverse(Found.begin(), Found.end());
  return Found;
}

static Value listOf(Interpreter &In, const Arguments &Given,
                    const std::vector<std::string_view> &All) {
  In.M.expect(All.size(), sizeof(Value) + sizeof(StringObject));
  std::vector<Value> Items;
  for (std::string_view Each : All)
    Items.push_back(alike(In, Given, std::string(Each)));
  return In.Make.list(std::move(Items));
}

template <bool FromEnd>
static Value split(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(FromEnd ? "rsplit" : "split", Given,
                             {"self", "sep", "maxsplit"}, 1, 1);
  int64_t Most = Bound[2].isMissing() ? -1 : toIndex(Bound[2], "maxsplit");
  const std::string &Text = self(Given).text();
  In.M.step(1 + Text.size() / 64);
  if (Bound[1].isMissing() || Bound[1].is(Kind::None))
    return listOf(In, Given, words(Text, Most, FromEnd));
  const std::string &By = toText(Bound[1], "a separator");
  if (By.empty())
    fail("a separator is empty");
  return listOf(In, Given, pieces(Text, By, Most, FromEnd));
}

static Value lines(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("splitlines", Given, {"self", "keepends"}, 1, 1);
  In.M.step(1 + self(Given).text().size() / 64);
  return listOf(In, Given,
                splitLines(self(Given).text(),
                           !Bound[1].isMissing() && isTrue(Bound[1])));
}

template <bool FromEnd>
static Value partition(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(FromEnd ? "rpartition" : "partition", Given,
                             {"self", "sep"}, 2, 2);
  const std::string &By = toText(Bound[1], "a separator");
  if (By.empty())
    fail("a separator is empty");
  const std::string &Text = self(Given).text();
  size_t At = FromEnd ? findLastText(Text, By) : findText(Text, By);
  std::string First = Text, Middle, Last;
  if (At != Text.npos) {
    First = Text.substr(0, At);
    Middle = By;
    Last = Text.substr(At + By.size());
  } else if (FromEnd) {
    std::swap(First, Last);
  }
  return In.Make.tuple({alike(In, Given, First), alike(In, Given, Middle),
                        alike(In, Given, Last)});
}

static Value join(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("join", Given, {"self", "iterable"}, 2, 2);
  TextBuilder Text(In.M);
  bool IsFirst = true;
  for (const Value &Each : iterate(In.Make, Bound[1])) {
    if (!IsFirst)
      Text.add(self(Given).text());
    IsFirst = false;
    Text.add(part(Given, Each, "what is joined"));
  }
  return alike(In, Given, Text.take());
}

static Value replace(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("replace", Given, {"self", "old", "new", "count"}, 3, 4);
  const std::string &Text = self(Given).text();
  const std::string &Old = toText(Bound[1], "what is replaced");
  std::string New = part(Given, Bound[2], "what replaces");
  int64_t Most = Bound[3].isMissing() ? -1 : toIndex(Bound[3], "a count");
  TextBuilder Out(In.M);
  size_t At = 0;
  for (int64_t Done = 0; Most < 0 || Done < Most; ++Done) {
    if (Old.empty()) {
      // In front of each character, and at the end.
      Out.add(New);
      if (At == Text.size())
        break;
      size_t Begin = At;
      nextCharacter(Text, At);
      Out.add(std::string_view(Text).substr(Begin, At - Begin));
      continue;
    }
    size_t Found = findText(Text, Old, At);
    if (Found == Text.npos)
      break;
    Out.add(std::string_view(Text).substr(At, Found - At));
    Out.add(New);
    At = Found + Old.size();
  }
  Out.add(std::string_view(Text).substr(At));
  return alike(In, Given, Out.take());
}

static Value format(Interpreter &In, const Arguments &Given) {
  Arguments Rest = Given;
  Rest.Positional.erase(Rest.Positional.begin());
  return formatBraces(In, self(Given), Rest);
}

static Value formatMap(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("format_map", Given, {"self", "mapping"}, 2, 2);
  if (!Bound[1].is(Kind::Dict))
    fail("format_map takes a dict, not " + typeName(Bound[1]));
  Arguments Rest;
  for (const auto &[Key, Each] : Bound[1].dict().Items)
    if (Key.isString())
      Rest.Named.emplace_back(Key.text(), Each);
  return formatBraces(In, self(Given), Rest);
}

Value jinja::stringMethod(Interpreter &In, const Value &V,
                          const std::string &Name) {
  static const std::map<std::string_view, Builtin> All = {
      {"capitalize", changed<capitalize>},
      {"casefold", changed<folded>},
      {"center", padded<Side::Both>},
      {"count", count},
      {"endswith", matches<true>},
      {"expandtabs", withoutTabs},
      {"find", find},
      {"format", format},
      {"format_map", formatMap},
      {"index", index},
      {"isalnum", allAre<isAlnum>},
      {"isalpha", allAre<isAlpha>},
      {"isascii", allAre<isAscii, true>},
      {"isdecimal", allAre<isDigit>},
      {"isdigit", allAre<isDigit>},
      {"islower", hasCase<isLower, isUpper>},
      {"isnumeric", allAre<isDigit>},
      {"isprintable", allAre<isPrintable, true>},
      {"isspace", allAre<isSpace>},
      {"istitle", isTitled},
      {"isupper", hasCase<isUpper, isLower>},
      {"join", join},
      {"ljust", padded<Side::Left>},
      {"lower", changed<lower>},
      {"lstrip", stripped<true, false>},
      {"partition", partition<false>},
      {"removeprefix", withoutPrefix},
      {"removesuffix", withoutSuffix},
      {"replace", replace},
      {"rfind", findLast},
      {"rindex", indexLast},
      {"rjust", padded<Side::Right>},
      {"rpartition", partition<true>},
      {"rsplit", split<true>},
      {"rstrip", stripped<false, true>},
      {"split", split<false>},
      {"splitlines", lines},
      {"startswith", matches<false>},
      {"strip", stripped<true, true>},
      {"swapcase", changed<swapCase>},
      {"title", changed<title>},
      {"upper", changed<upper>},
      {"zfill", zeroFilled}};
  auto Found = All.find(Name);
  if (Found == All.end())
    return Value();
  return In.Make.callable(
      Name, 0,
      [V, Of = Found->second](Interpreter &In, const Arguments &Given) {
        Arguments All;
        All.Positional.reserve(Given.Positional.size() + 1);
        All.Positional.push_back(V);
        All.Positional.insert(All.Positional.end(), Given.Positional.begin(),
                              Given.Positional.end());
        All.Named = Given.Named;
        return Of(In, All);
      });
}
