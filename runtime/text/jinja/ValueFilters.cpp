// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters of numbers and of single values, and the table of all filters.
#include "runtime/text/jinja/Filters.h"
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Interpreter.h"

#include <algorithm>
#include <cmath>

using namespace dure;
using namespace dure::jinja;

static Value absolute(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("abs", Given, {"x"}, 1, 1)[0];
  if (!Of.isNumber())
    fail("there is no abs of " + typeName(Of));
  if (Of.is(Kind::Float))
    return Value::real(std::fabs(Of.number()));
  return Of.integer() < 0 ? negated(In, Of) : Value::integer(Of.integer());
}

static Value attributeOf(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("attr", Given, {"obj", "name"}, 2);
  const std::string &Name = toText(Bound[1], "an attribute's name");
  // Unlike a dot it never looks for an item.
  if (Bound[0].is(Kind::Dict)) {
    Value Without = In.Make.dict({});
    if (attribute(In, Without, Name).isUndefined())
      return Value::undefined(typeName(Bound[0]) + " has no attribute '" +
                              Name + "'");
  }
  return attribute(In, Bound[0], Name);
}

static Value orDefault(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("default", Given, {"value", "default_value", "boolean"}, 1);
  bool ByTruth = !Bound[2].isMissing() && isTrue(Bound[2]);
  if (!Bound[0].isUndefined() && !(ByTruth && !isTrue(Bound[0])))
    return Bound[0];
  return Bound[1].isMissing() ? In.Make.string("") : Bound[1];
}

/// A float cut to an int, if it is one at all.
static std::optional<int64_t> cut(double D) {
  if (std::isnan(D) || std::isinf(D))
    return std::nullopt;
  if (D >= 0x1p63 || D < -0x1p63)
    fail("the number is too large; ints have 64 bits");
  return int64_t(D);
}

static Value toInt(Interpreter &, const Arguments &Given) {
  auto Bound = bindArguments("int", Given, {"value", "default", "base"}, 1);
  const Value &Of = Bound[0];
  if (Of.isUndefined())
    fail(Of.reason());
  if (Of.isIntegral())
    return Value::integer(Of.integer());
  Value Default = Bound[1].isMissing() ? Value::integer(0) : Bound[1];
  std::optional<int64_t> Found;
  if (Of.is(Kind::Float)) {
    if (std::isinf(Of.number()))
      fail("infinity is no int");
    Found = cut(Of.number());
  } else if (Of.isString()) {
    int64_t Base = Bound[2].isMissing() ? 10 : toIndex(Bound[2], "a base");
    if (Base == 0 || (Base >= 2 && Base <= 36))
      Found = parseInt(Of.text(), int(Base));
    if (!Found)
      if (std::optional<double> Real = parseFloat(Of.text()))
        Found = cut(*Real);
  }
  return Found ? Value::integer(*Found) : Default;
}

static Value toFloat(Interpreter &, const Arguments &Given) {
  auto Bound = bindArguments("float", Given, {"value", "default"}, 1);
  if (Bound[0].isUndefined())
    fail(Bound[0].reason());
  if (Bound[0].isNumber())
    return Value::real(Bound[0].number());
  if (Bound[0].isString())
    if (std::optional<double> Real = parseFloat(Bound[0].text()))
      return Value::real(*Real);
  return Bound[1].isMissing() ? Value::real(0) : Bound[1];
}

/// Half to even, of the exact value, as Python's round() does it.
static double rounded(double D, int64_t Digits) {
  if (!std::isfinite(D) || Digits > 330 || D == 0)
    return D;
  if (Digits < -330)
    return std::copysign(0.0, D);
  // Decimal text is exact, and is read back to the nearest float.
  char Text[768];
  if (Digits >= 0) {
    std::snprintf(Text, sizeof(Text), "%.*f", int(Digits), D);
    return std::strtod(Text, nullptr);
  }
  // Digits in front of the point that stay.
  int Whole = int(std::floor(std::log10(std::fabs(D)))) + 1;
  int Kept = Whole + int(Digits);
  double Unit = std::pow(10.0, double(-Digits));
  if (Kept <= 0)
    return std::copysign(std::fabs(D) > Unit / 2 ? Unit : 0.0, D);
  std::snprintf(Text, sizeof(Text), "%.*e", Kept - 1, D);
  return std::strtod(Text, nullptr);
}

static Value roundInt(int64_t I, int64_t Digits) {
  if (Digits >= 0)
    return Value::integer(I);
  if (Digits < -19)
    return Value::integer(0);
  __int128 Unit = 1;
  for (int64_t K = 0; K < -Digits; ++K)
    Unit *= 10;
  __int128 Rest = ((__int128(I) % Unit) + Unit) % Unit;
  __int128 Down = __int128(I) - Rest;
  bool IsUp = Rest * 2 > Unit || (Rest * 2 == Unit && (Down / Unit) % 2 != 0);
  __int128 Result = Down + (IsUp ? Unit : 0);
  if (Result > INT64_MAX || Result < INT64_MIN)
    fail("the result is too large; ints have 64 bits");
  return Value::integer(int64_t(Result));
}

static Value roundNumber(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("round", Given, {"value", "precision", "method"}, 1);
  std::string Method =
      Bound[2].isMissing() ? "common" : toText(Bound[2], "a method");
  if (Method != "common" && Method != "ceil" && Method != "floor")
    fail("the method of round is 'common', 'ceil' or 'floor'");
  if (!Bound[0].isNumber())
    fail("there is no round of " + typeName(Bound[0]));
  if (Method == "common") {
    int64_t Digits =
        Bound[1].isMissing() ? 0 : toIndex(Bound[1], "a precision");
    if (Bound[0].isIntegral())
      return roundInt(Bound[0].integer(), Digits);
    return Value::real(rounded(Bound[0].number(), Digits));
  }
  Value Digits = Bound[1].isMissing() ? Value::integer(0) : Bound[1];
  Value Scale = arithmetic(In, Op::Pow, Value::integer(10), Digits);
  Value Scaled = arithmetic(In, Op::Mul, Bound[0], Scale);
  if (Scaled.is(Kind::Float)) {
    double D = Scaled.number();
    if (!std::isfinite(D))
      fail("the number has no whole part");
    // As large as that, it is whole.
    if (std::fabs(D) < 0x1p63)
      Scaled = Value::integer(
          int64_t(Method == "ceil" ? std::ceil(D) : std::floor(D)));
  }
  return arithmetic(In, Op::Div, Scaled, Scale);
}

static Value fileSize(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("filesizeformat", Given, {"value", "binary"}, 1);
  std::optional<double> Size;
  if (Bound[0].isNumber())
    Size = Bound[0].number();
  else if (Bound[0].isString())
    Size = parseFloat(Bound[0].text());
  if (!Size || std::isnan(*Size))
    fail("filesizeformat takes a number");
  bool IsBinary = !Bound[1].isMissing() && isTrue(Bound[1]);
  double Base = IsBinary ? 1024 : 1000;
  if (*Size == 1)
    return In.Make.string("1 Byte");
  if (*Size < Base)
    return In.Make.string(std::to_string(cut(*Size).value_or(0)) + " Bytes");
  static constexpr const char *Prefixes[] = {"k", "M", "G", "T",
                                             "P", "E", "Z", "Y"};
  double Unit = Base;
  for (const char *Each : Prefixes) {
    Unit *= Base;
    if (*Size >= Unit && Each != std::end(Prefixes)[-1])
      continue;
    char Text[400];
    std::snprintf(Text, sizeof(Text), "%.1f ", Base * *Size / Unit);
    std::string Prefix =
        IsBinary ? std::string(1, char(std::toupper(*Each))) + "i" : Each;
    return In.Make.string(Text + Prefix + "B");
  }
  return Value();
}

const FilterTable &jinja::valueFilters() {
  static const FilterTable All = {
      {"abs", absolute},      {"attr", attributeOf},        {"d", orDefault},
      {"default", orDefault}, {"filesizeformat", fileSize}, {"float", toFloat},
      {"int", toInt},         {"round", roundNumber}};
  return All;
}

/// Jinja's filters that no chat template has use for.
static constexpr std::string_view Unsupported[] = {
    "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"};

static Builtin findFilter(std::string_view Name) {
  for (const FilterTable *Table :
       {&sequenceFilters(), &textFilters(), &valueFilters()})
    if (auto Found = Table->find(Name); Found != Table->end())
      return Found->second;
  return nullptr;
}

bool jinja::knowsFilter(std::string_view Name) {
  return findFilter(Name) ||
         std::find(std::begin(Unsupported), std::end(Unsupported), Name) !=
             std::end(Unsupported);
}

Value jinja::callFilter(Interpreter &In, std::string_view Name,
                        const Arguments &Given) {
  if (Builtin Found = findFilter(Name))
    return Found(In, Given);
  if (knowsFilter(Name))
    fail("the filter '" + std::string(Name) + "' is not supported here");
  fail("there is no filter '" + std::string(Name) + "'");
}
