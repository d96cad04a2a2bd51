// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters of texts.
#include "runtime/text/jinja/Filters.h"
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Json.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>

using namespace dure;
using namespace dure::jinja;

/// A value as a text; a text stays what it is.
static Value soft(Interpreter &In, const Value &V) {
  return V.isString() ? V : In.Make.string(str(In.M, V));
}

/// Calls a method of the input as a text with the other arguments.
static Value method(Interpreter &In, const char *Name, const Value &Of,
                    std::vector<Value> Others = {}) {
  Arguments Given;
  Given.Positional = std::move(Others);
  return call(In, stringMethod(In, soft(In, Of), Name), Given);
}

static Value upper(Interpreter &In, const Arguments &Given) {
  return method(In, "upper", bindArguments("upper", Given, {"s"}, 1)[0]);
}
static Value lower(Interpreter &In, const Arguments &Given) {
  return method(In, "lower", bindArguments("lower", Given, {"s"}, 1)[0]);
}
static Value capitalize(Interpreter &In, const Arguments &Given) {
  return method(In, "capitalize",
                bindArguments("capitalize", Given, {"s"}, 1)[0]);
}
static Value trim(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("trim", Given, {"value", "chars"}, 1);
  return method(In, "strip", Bound[0],
                {Bound[1].isMissing() ? Value::none() : Bound[1]});
}
static Value center(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("center", Given, {"value", "width"}, 1);
  return method(In, "center", Bound[0],
                {Bound[1].isMissing() ? Value::integer(80) : Bound[1]});
}

/// Words begin behind white space and some brackets, unlike str.title().
static Value title(Interpreter &In, const Arguments &Given) {
  Value Of = soft(In, bindArguments("title", Given, {"s"}, 1)[0]);
  const std::string &Text = Of.text();
  In.M.expect(Text.size(), 8);
  auto IsBreak = [](char32_t C) {
    return C == '-' || C == '(' || C == '{' || C == '[' || C == '<' ||
           isSpace(C);
  };
  std::string Out;
  for (size_t At = 0; At < Text.size();) {
    size_t Begin = At;
    bool IsGap = IsBreak(nextCharacter(Text, At));
    size_t Second = At;
    for (size_t Ahead = At; Ahead < Text.size();) {
      if (IsBreak(nextCharacter(Text, Ahead)) != IsGap)
        break;
      At = Ahead;
    }
    std::string_view First =
        std::string_view(Text).substr(Begin, Second - Begin);
    Out += jinja::upper(First);
    Out += jinja::lower(std::string_view(Text).substr(Second, At - Second));
  }
  return In.Make.string(std::move(Out));
}

static Value replace(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("replace", Given, {"s", "old", "new", "count"}, 3);
  auto Plain = [&](const Value &V) { return In.Make.string(str(In.M, V)); };
  bool IsCounted = !Bound[3].isMissing() && !Bound[3].is(Kind::None);
  return method(In, "replace", Plain(Bound[0]),
                {Plain(Bound[1]), Plain(Bound[2]),
                 IsCounted ? Bound[3] : Value::integer(-1)});
}

static Value indent(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("indent", Given, {"s", "width", "first", "blank"}, 1);
  const std::string &Text = toText(Bound[0], "what is indented");
  TextBuilder Space(In.M);
  if (Bound[1].isString())
    Space.add(Bound[1].text());
  else
    Space.add(uint64_t(std::max<int64_t>(
                  Bound[1].isMissing() ? 4 : toIndex(Bound[1], "a width"), 0)),
              " ");
  bool First = !Bound[2].isMissing() && isTrue(Bound[2]);
  bool Blank = !Bound[3].isMissing() && isTrue(Bound[3]);
  TextBuilder Out(In.M);
  bool IsFirst = true;
  // The line end makes an empty text one line.
  std::string Ended = Text + "\n";
  for (std::string_view Line : splitLines(Ended, /*KeepEnds=*/false)) {
    if (!IsFirst)
      Out.add("\n");
    if (IsFirst ? First : Blank || !Line.empty())
      Out.add(Space.text());
    IsFirst = false;
    Out.add(Line);
  }
  return In.Make.string(Out.take(), Bound[0].string().IsMarkup);
}

static Value truncate(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("truncate", Given,
                             {"s", "length", "killwords", "end", "leeway"}, 1);
  std::optional<int64_t> Size = jinja::lengthOf(Bound[0]);
  if (!Size)
    fail(typeName(Bound[0]) + " has no length");
  int64_t Length = Bound[1].isMissing() ? 255 : toIndex(Bound[1], "a length");
  std::string End = Bound[3].isMissing() ? "..." : toText(Bound[3], "an end");
  int64_t Leeway = Bound[4].isMissing() || Bound[4].is(Kind::None)
                       ? 5
                       : toIndex(Bound[4], "a leeway");
  int64_t EndLength = int64_t(lengthOf(End));
  if (Length < EndLength || Leeway < 0)
    fail("the text to truncate to is too short for its end");
  if (*Size <= Length || *Size - Length <= Leeway)
    return Bound[0];
  toText(Bound[0], "what is truncated");
  Value Cut =
      slice(In, Bound[0], Value(), Value::integer(Length - EndLength), Value());
  std::string Text = Cut.text();
  if (Bound[2].isMissing() || !isTrue(Bound[2]))
    Text = Text.substr(0, Text.rfind(' '));
  return In.Make.string(Text + End, Bound[0].string().IsMarkup);
}

static Value wordCount(Interpreter &In, const Arguments &Given) {
  Value Of = soft(In, bindArguments("wordcount", Given, {"s"}, 1)[0]);
  In.M.step(Of.text().size() / 64);
  int64_t Words = 0;
  bool InWord = false;
  for (size_t At = 0; At < Of.text().size();) {
    char32_t C = nextCharacter(Of.text(), At);
    bool IsPart = C == '_' || isAlnum(C);
    Words += IsPart && !InWord;
    InWord = IsPart;
  }
  return Value::integer(Words);
}

static Value format(Interpreter &In, const Arguments &Given) {
  Value Of = soft(In, Given.Positional[0]);
  if (Given.Positional.size() > 1 && !Given.Named.empty())
    fail("format takes values with names or without, not both");
  if (Given.Named.empty())
    return formatPercent(
        In.Make, Of,
        In.Make.tuple({Given.Positional.begin() + 1, Given.Positional.end()}));
  std::vector<std::pair<Value, Value>> Items;
  for (const auto &[Key, Each] : Given.Named)
    Items.emplace_back(In.Make.string(Key), Each);
  return formatPercent(In.Make, Of, In.Make.dict(std::move(Items)));
}

static Value string(Interpreter &In, const Arguments &Given) {
  return soft(In, bindArguments("string", Given, {"s"}, 1)[0]);
}

static Value escape(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("escape", Given, {"s"}, 1)[0];
  if (Of.isString() && Of.string().IsMarkup)
    return Of;
  std::string Text = str(In.M, Of);
  In.M.expect(Text.size(), 5);
  return In.Make.string(escapeHtml(Text), /*IsMarkup=*/true);
}

static Value forceEscape(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("forceescape", Given, {"value"}, 1)[0];
  std::string Text = str(In.M, Of);
  In.M.expect(Text.size(), 5);
  return In.Make.string(escapeHtml(Text), /*IsMarkup=*/true);
}

static Value safe(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("safe", Given, {"value"}, 1)[0];
  return In.Make.string(str(In.M, Of), /*IsMarkup=*/true);
}

/// Percent codes for all but letters, digits and `Kept`.
static void appendUrl(TextBuilder &To, const std::string &Text,
                      std::string_view Kept, bool ForQuery) {
  for (char C : Text) {
    bool IsPlain = (C >= '0' && C <= '9') || (C >= 'a' && C <= 'z') ||
                   (C >= 'A' && C <= 'Z') || Kept.find(C) != Kept.npos;
    char Code[4];
    std::snprintf(Code, sizeof(Code), "%%%02X", static_cast<unsigned char>(C));
    To.add(IsPlain                ? std::string_view(&C, 1)
           : C == ' ' && ForQuery ? std::string_view("+")
                                  : std::string_view(Code));
  }
}

static Value urlEncode(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("urlencode", Given, {"value"}, 1)[0];
  TextBuilder Out(In.M);
  if (Of.isString() || !isIterable(Of)) {
    appendUrl(Out, str(In.M, Of), "_.-~/", /*ForQuery=*/false);
    return In.Make.string(Out.take());
  }
  if (Of.is(Kind::Dict))
    Of = In.Make.view(Of, ViewObject::Part::Items);
  bool IsFirst = true;
  for (const Value &Each : iterate(In.Make, Of)) {
    std::vector<Value> Pair = iterate(In.Make, Each);
    if (Pair.size() != 2)
      fail("urlencode takes pairs of a name and a value");
    if (!IsFirst)
      Out.add("&");
    IsFirst = false;
    appendUrl(Out, str(In.M, Pair[0]), "_.-~", /*ForQuery=*/true);
    Out.add("=");
    appendUrl(Out, str(In.M, Pair[1]), "_.-~", /*ForQuery=*/true);
  }
  return In.Make.string(Out.take());
}

/// transformers' own filter, not the one that Jinja makes for HTML.
static Value toJson(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(
      "tojson", Given,
      {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonStyle Style;
  Style.EnsureAscii = !Bound[1].isMissing() && isTrue(Bound[1]);
  Style.SortKeys = !Bound[4].isMissing() && isTrue(Bound[4]);
  if (Bound[2].isString()) {
    Style.Indent = Bound[2].text();
  } else if (!Bound[2].isMissing() && !Bound[2].is(Kind::None)) {
    int64_t Width = std::max<int64_t>(toIndex(Bound[2], "an indent"), 0);
    In.M.expect(uint64_t(Width), 1);
    Style.Indent = std::string(size_t(Width), ' ');
  }
  if (Style.Indent)
    Style.ItemSeparator = ",";
  if (!Bound[3].isMissing() && !Bound[3].is(Kind::None)) {
    std::vector<Value> Both = iterate(In.Make, Bound[3]);
    if (Both.size() != 2)
      fail("separators are two: one between items, one behind keys");
    Style.ItemSeparator = toText(Both[0], "a separator");
    Style.KeySeparator = toText(Both[1], "a separator");
  }
  return In.Make.string(writeJson(In.M, Bound[0], Style));
}

const FilterTable &jinja::textFilters() {
  static const FilterTable All = {{"capitalize", ::capitalize},
                                  {"center", center},
                                  {"e", escape},
                                  {"escape", escape},
                                  {"forceescape", forceEscape},
                                  {"format", format},
                                  {"indent", indent},
                                  {"lower", ::lower},
                                  {"replace", replace},
                                  {"safe", safe},
                                  {"string", string},
                                  {"title", ::title},
                                  {"tojson", toJson},
                                  {"trim", trim},
                                  {"truncate", truncate},
                                  {"upper", ::upper},
                                  {"urlencode", urlEncode},
                                  {"wordcount", wordCount}};
  return All;
}
