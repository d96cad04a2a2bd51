// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions and classes that every chat template sees: Jinja's and those that
// transformers adds.
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Unicode.h"

#include <chrono>
#include <map>

using namespace dure;
using namespace dure::jinja;

static Value range(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("range", Given, {"start", "stop", "step"}, 1, 3);
  int64_t First = toIndex(Bound[0], "a bound of range"), Start = 0,
          Stop = First, Step = 1;
  if (!Bound[1].isMissing()) {
    Start = First;
    Stop = toIndex(Bound[1], "a bound of range");
  }
  if (!Bound[2].isMissing())
    Step = toIndex(Bound[2], "the step of range");
  if (Step == 0)
    fail("the step of range is zero");
  Value Made = In.Make.range(Start, Stop, Step);
  if (Made.range().Length > MaxRange)
    fail("a range has at most " + std::to_string(MaxRange) + " items");
  return Made;
}

/// What dict(...) makes: a dict or pairs, and names.
static Value makeDict(Interpreter &In, const Arguments &Given) {
  if (Given.Positional.size() > 1)
    fail("dict takes one value and names");
  std::vector<std::pair<Value, Value>> Items;
  if (!Given.Positional.empty()) {
    const Value &Of = Given.Positional[0];
    if (Of.is(Kind::Dict))
      Items = Of.dict().Items;
    else
      for (const Value &Each : iterate(In.Make, Of)) {
        std::vector<Value> Pair = iterate(In.Make, Each);
        if (Pair.size() != 2)
          fail("dict takes pairs of a key and a value");
        Items.emplace_back(Pair[0], Pair[1]);
      }
  }
  for (const auto &[Key, Each] : Given.Named)
    Items.emplace_back(In.Make.string(Key), Each);
  return In.Make.dict(std::move(Items));
}

static Value makeNamespace(Interpreter &In, const Arguments &Given) {
  Value Attributes = makeDict(In, Given);
  for (const auto &Item : Attributes.dict().Items)
    if (Item.first.isString() && Item.first.text().starts_with("_"))
      fail("names that begin with an underscore cannot be set in a namespace");
  return In.makeNamespace(std::move(Attributes));
}

static Value makeCycler(Interpreter &In, const Arguments &Given) {
  if (Given.Positional.empty() || !Given.Named.empty())
    fail("a cycler needs values to choose from");
  return In.Make.cycler(Given.Positional);
}

/// A function that gives nothing when it is called first, then its separator.
static Value makeJoiner(Interpreter &In, const Arguments &Given) {
  Value Between = bindArguments("joiner", Given, {"sep"}, 0)[0];
  if (Between.isMissing())
    Between = In.Make.string(", ");
  return In.Make.callable(
      "joiner", Between.depth(),
      [Between, Used = false](Interpreter &In, const Arguments &Given) mutable {
        bindArguments("a joiner", Given, {}, 0);
        return std::exchange(Used, true) ? Between : In.Make.string("");
      });
}

static Value raiseException(Interpreter &In, const Arguments &Given) {
  Value Message = bindArguments("raise_exception", Given, {"message"}, 1)[0];
  fail("the template refuses the conversation: " + str(In.M, Message));
}

static Value formatNow(Interpreter &In, const Arguments &Given) {
  const std::string Format = toText(
      bindArguments("strftime_now", Given, {"format"}, 1)[0], "a format");
  std::tm Now{};
  int Micros = 0;
  if (In.Now) {
    Now = *In.Now;
  } else {
    auto Time = std::chrono::system_clock::now();
    std::time_t Seconds = std::chrono::system_clock::to_time_t(Time);
    localtime_r(&Seconds, &Now);
    auto Since = std::chrono::duration_cast<std::chrono::microseconds>(
        Time.time_since_epoch());
    Micros = int(Since.count() % 1'000'000);
  }
  // What Python replaces itself; a local time without a zone has no %z and %Z.
  std::string Final;
  for (size_t I = 0; I < Format.size(); ++I) {
    if (Format[I] == '\0')
      fail("the format of a date holds a NUL byte");
    if (Format[I] != '%' || I + 1 == Format.size()) {
      Final += Format[I];
      continue;
    }
    char What = Format[++I];
    if (What == 'f') {
      std::string Digits = std::to_string(Micros);
      Final += std::string(6 - Digits.size(), '0') + Digits;
    } else if (What != 'z' && What != 'Z') {
      (Final += '%') += What;
    }
  }
  static const locale_t Plain = newlocale(LC_ALL_MASK, "C", nullptr);
  // The blank tells an empty result from one that did not fit.
  Final += ' ';
  char Text[4096];
  size_t Size = strftime_l(Text, sizeof(Text), Final.c_str(), &Now, Plain);
  if (!Size)
    fail("the format of a date is too long");
  std::string Made(Text, Size - 1);
  if (!isUtf8(Made))
    fail("the format of a date cuts a character");
  return In.Make.string(std::move(Made));
}

static Value lipsum(Interpreter &, const Arguments &) {
  fail("the function 'lipsum' is not supported here");
}

Value jinja::findGlobal(Interpreter &In, const std::string &Name) {
  static const std::map<std::string_view, Builtin> All = {
      {"cycler", makeCycler},
      {"dict", makeDict},
      {"joiner", makeJoiner},
      {"lipsum", lipsum},
      {"namespace", makeNamespace},
      {"raise_exception", raiseException},
      {"range", range},
      {"strftime_now", formatNow}};
  auto Found = All.find(Name);
  return Found == All.end() ? Value()
                            : In.Make.callable(Name, 0, Found->second);
}
