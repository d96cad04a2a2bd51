// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attributes, items and slices of values, and calls.
//
// The rules are those of Jinja's immutable sandbox: an attribute goes before an
// item of the same name behind a dot, the item in brackets; names with an
// underscore and methods that change a value are undefined.
#include "runtime/base/Checked.h"
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <cmath>
#include <span>

using namespace dure;
using namespace dure::jinja;

//===-- Arguments
//----------------------------------------------------------===//

std::vector<Value>
jinja::bindArguments(const char *Function, const Arguments &Given,
                     std::initializer_list<const char *> Names, size_t Required,
                     size_t Unnamed) {
  std::string Name = Function;
  if (Given.Positional.size() > Names.size())
    fail(Name + " takes at most " + std::to_string(Names.size()) +
         " arguments, not " + std::to_string(Given.Positional.size()));
  std::vector<Value> Bound(Names.size());
  std::copy(Given.Positional.begin(), Given.Positional.end(), Bound.begin());
  for (const auto &[Key, Each] : Given.Named) {
    auto Found = std::find(Names.begin(), Names.end(), Key);
    size_t At = size_t(Found - Names.begin());
    if (Found == Names.end() || At < Unnamed)
      fail(Name + " has no argument '" + Key + "'");
    if (!Bound[At].isMissing())
      fail("the argument '" + Key + "' is given twice");
    Bound[At] = Each;
  }
  for (size_t I = 0; I < Required; ++I)
    if (Bound[I].isMissing())
      fail(Name + " lacks the argument '" + Names.begin()[I] + "'");
  return Bound;
}

int64_t jinja::toIndex(const Value &V, const char *What) {
  if (V.isUndefined())
    fail(V.reason());
  if (!V.isIntegral())
    fail(std::string(What) + " is an int, not " + typeName(V));
  return V.integer();
}

const std::string &jinja::toText(const Value &V, const char *What) {
  if (V.isUndefined())
    fail(V.reason());
  if (!V.isString())
    fail(std::string(What) + " is a str, not " + typeName(V));
  return V.text();
}

//===-- Methods
//------------------------------------------------------------===//

static Value dictMethod(Interpreter &In, const Value &V,
                        const std::string &Name) {
  using Part = ViewObject::Part;
  if (Name == "get")
    return In.Make.callable(
        Name, V.depth(), [V](Interpreter &, const Arguments &Given) {
          auto Bound = bindArguments("get", Given, {"key", "default"}, 1, 2);
          if (const Value *Found = V.dict().find(Bound[0]))
            return *Found;
          return Bound[1].isMissing() ? Value::none() : Bound[1];
        });
  if (Name == "keys" || Name == "values" || Name == "items") {
    Part Which = Name == "keys"     ? Part::Keys
                 : Name == "values" ? Part::Values
                                    : Part::Items;
    return In.Make.callable(
        Name, V.depth(), [V, Which](Interpreter &In, const Arguments &Given) {
          bindArguments("the method", Given, {}, 0);
          return In.Make.view(V, Which);
        });
  }
  if (Name == "copy")
    return In.Make.callable(Name, V.depth(),
                            [V](Interpreter &, const Arguments &Given) {
                              bindArguments("copy", Given, {}, 0);
                              return V;
                            });
  return Value();
}

static Value sequenceMethod(Interpreter &In, const Value &V,
                            const std::string &Name) {
  if (Name == "count")
    return In.Make.callable(
        Name, V.depth(), [V](Interpreter &In, const Arguments &Given) {
          Value Wanted = bindArguments("count", Given, {"value"}, 1, 1)[0];
          std::vector<Value> Items = iterate(In.Make, V);
          return Value::integer(
              std::count_if(Items.begin(), Items.end(), [&](const Value &Each) {
                return equal(In.M, Each, Wanted);
              }));
        });
  if (Name == "index")
    return In.Make.callable(
        Name, V.depth(), [V](Interpreter &In, const Arguments &Given) {
          auto Bound =
              bindArguments("index", Given, {"value", "start", "stop"}, 1, 3);
          std::vector<Value> Items = iterate(In.Make, V);
          int64_t Size = int64_t(Items.size());
          auto Clamp = [&](const Value &At, int64_t Default) {
            if (At.isMissing())
              return Default;
            int64_t I = toIndex(At, "an index");
            return std::clamp<int64_t>(
                I < 0 ? std::max<int64_t>(I, -Size) + Size : I, 0, Size);
          };
          for (int64_t I = Clamp(Bound[1], 0); I < Clamp(Bound[2], Size); ++I)
            if (equal(In.M, Items[size_t(I)], Bound[0]))
              return Value::integer(I);
          fail("the value is not in the list");
        });
  if (Name == "copy" && V.is(Kind::List))
    return In.Make.callable(Name, V.depth(),
                            [V](Interpreter &, const Arguments &Given) {
                              bindArguments("copy", Given, {}, 0);
                              return V;
                            });
  return Value();
}

static Value numberAttribute(Interpreter &In, const Value &V,
                             const std::string &Name) {
  bool IsInt = V.isIntegral();
  if (Name == "real")
    return IsInt ? Value::integer(V.integer()) : V;
  if (Name == "imag")
    return IsInt ? Value::integer(0) : Value::real(0);
  if (IsInt && Name == "numerator")
    return Value::integer(V.integer());
  if (IsInt && Name == "denominator")
    return Value::integer(1);
  if (!IsInt && Name == "is_integer")
    return In.Make.callable(
        Name, V.depth(), [V](Interpreter &, const Arguments &Given) {
          bindArguments("is_integer", Given, {}, 0);
          return Value::boolean(std::isfinite(V.number()) &&
                                V.number() == std::floor(V.number()));
        });
  return Value();
}

static Value loopAttribute(Interpreter &In, const Value &V,
                           const std::string &Name) {
  LoopObject &Loop = V.loop();
  int64_t Index = int64_t(Loop.Index);
  if (Name == "index")
    return Value::integer(Index + 1);
  if (Name == "index0")
    return Value::integer(Index);
  if (Name == "length")
    return Value::integer(int64_t(Loop.length()));
  if (Name == "revindex")
    return Value::integer(int64_t(Loop.length()) - Index);
  if (Name == "revindex0")
    return Value::integer(int64_t(Loop.length()) - Index - 1);
  if (Name == "first")
    return Value::boolean(Index == 0);
  if (Name == "last")
    return Value::boolean(!Loop.find(Loop.Index + 1));
  if (Name == "depth")
    return Value::integer(Loop.Level + 1);
  if (Name == "depth0")
    return Value::integer(Loop.Level);
  if (Name == "previtem")
    return Index ? Loop.Items[Loop.Index - 1]
                 : Value::undefined("there is no item before the first");
  if (Name == "nextitem") {
    const Value *Found = Loop.find(Loop.Index + 1);
    return Found ? *Found
                 : Value::undefined("there is no item behind the last");
  }
  if (Name == "cycle")
    return In.Make.callable(
        Name, V.depth(), [V](Interpreter &, const Arguments &Given) {
          if (Given.Positional.empty() || !Given.Named.empty())
            fail("loop.cycle needs values to choose from");
          return Given.Positional[V.loop().Index % Given.Positional.size()];
        });
  if (Name == "changed")
    return In.Make.callable(
        Name, V.depth(), [V](Interpreter &In, const Arguments &Given) {
          if (!Given.Named.empty())
            fail("loop.changed has no argument '" + Given.Named[0].first + "'");
          Value Now = In.Make.tuple(Given.Positional);
          bool IsNew = V.loop().Changed.isMissing() ||
                       !equal(In.M, V.loop().Changed, Now);
          V.loop().Changed = Now;
          return Value::boolean(IsNew);
        });
  return Value();
}

static Value cyclerAttribute(Interpreter &In, const Value &V,
                             const std::string &Name) {
  CyclerObject &Of = V.cycler();
  if (Name == "current")
    return Of.Items[Of.At];
  if (Name == "pos")
    return Value::integer(int64_t(Of.At));
  if (Name == "items")
    return In.Make.tuple(Of.Items);
  if (Name == "next" || Name == "reset") {
    bool IsNext = Name == "next";
    return In.Make.callable(Name, V.depth(),
                            [V, IsNext](Interpreter &, const Arguments &Given) {
                              bindArguments("the method", Given, {}, 0);
                              CyclerObject &Of = V.cycler();
                              if (!IsNext) {
                                Of.At = 0;
                                return Value::none();
                              }
                              Value Current = Of.Items[Of.At];
                              Of.At = (Of.At + 1) % Of.Items.size();
                              return Current;
                            });
  }
  return Value();
}

/// dict.fromkeys, which the class itself has.
static Value functionAttribute(Interpreter &In, const Value &V,
                               const std::string &Name) {
  const CallableObject &Of = V.callable();
  if (Of.IsMacro && Name == "name")
    return Of.Name.empty() ? Value::none() : In.Make.string(Of.Name);
  if (!Of.IsMacro && Of.Name == "dict" && Name == "fromkeys")
    return In.Make.callable(
        Name, 0, [](Interpreter &In, const Arguments &Given) {
          auto Bound =
              bindArguments("fromkeys", Given, {"iterable", "value"}, 1, 2);
          std::vector<std::pair<Value, Value>> Items;
          for (Value &Key : iterate(In.Make, Bound[0]))
            Items.emplace_back(std::move(Key),
                               Bound[1].isMissing() ? Value::none() : Bound[1]);
          return In.Make.dict(std::move(Items));
        });
  return Value();
}

/// What Python has and this does not: better refused than undefined.
static bool isUnsupported(const Value &V, const std::string &Name) {
  auto IsOne = [&](std::initializer_list<std::string_view> All) {
    return std::find(All.begin(), All.end(), Name) != All.end();
  };
  switch (V.kind()) {
  case Kind::String:
    return IsOne({"encode", "isidentifier", "maketrans", "translate",
                  "striptags", "unescape"});
  case Kind::Bool:
  case Kind::Int:
    return IsOne({"as_integer_ratio", "bit_count", "bit_length", "conjugate",
                  "from_bytes", "to_bytes"});
  case Kind::Float:
    return IsOne({"as_integer_ratio", "conjugate", "fromhex", "hex"});
  case Kind::Dict:
    return Name == "fromkeys";
  case Kind::View:
    return IsOne({"isdisjoint", "mapping"});
  case Kind::Callable:
    return V.callable().IsMacro && IsOne({"arguments", "caller", "catch_kwargs",
                                          "catch_varargs", "explicit_caller"});
  default:
    return false;
  }
}

/// Python's attribute of a value, or Missing.
static Value pythonAttribute(Interpreter &In, const Value &V,
                             const std::string &Name) {
  if (isUnsupported(V, Name))
    fail("the attribute '" + Name + "' of " + typeName(V) +
         " is not supported here");
  switch (V.kind()) {
  case Kind::String:
    return stringMethod(In, V, Name);
  case Kind::Tuple:
    if (V.sequence().IsGroup && (Name == "grouper" || Name == "list"))
      return V.items()[Name == "list"];
    return sequenceMethod(In, V, Name);
  case Kind::List:
    return sequenceMethod(In, V, Name);
  case Kind::Dict:
    return dictMethod(In, V, Name);
  case Kind::Bool:
  case Kind::Int:
  case Kind::Float:
    return numberAttribute(In, V, Name);
  case Kind::Range:
    if (Name == "start" || Name == "stop" || Name == "step")
      return Value::integer(Name == "start"  ? V.range().Start
                            : Name == "stop" ? V.range().Stop
                                             : V.range().Step);
    return sequenceMethod(In, V, Name);
  case Kind::Namespace:
    if (const Value *Found = V.space().Attributes.dict().find(Name))
      return *Found;
    return Value();
  case Kind::Loop:
    return loopAttribute(In, V, Name);
  case Kind::Cycler:
    return cyclerAttribute(In, V, Name);
  case Kind::Callable:
    return functionAttribute(In, V, Name);
  default:
    return Value();
  }
}

/// Methods that would change a value: there, but undefined.
static bool isBlocked(const Value &V, const std::string &Name) {
  static constexpr std::string_view OfLists[] = {"append",  "clear", "extend",
                                                 "insert",  "pop",   "remove",
                                                 "reverse", "sort"};
  static constexpr std::string_view OfDicts[] = {"clear", "pop", "popitem",
                                                 "setdefault", "update"};
  auto IsOne = [&](std::span<const std::string_view> All) {
    return std::find(All.begin(), All.end(), Name) != All.end();
  };
  return (V.is(Kind::List) && IsOne(OfLists)) ||
         (V.is(Kind::Dict) && IsOne(OfDicts));
}

static Value blocked(const Value &V, const std::string &Name) {
  return Value::undefined("a template may not use '" + Name + "' of " +
                          typeName(V) + ", which changes it");
}

static Value noAttribute(const Value &V, const std::string &Name) {
  return Value::undefined(typeName(V) + " has no attribute '" + Name + "'");
}

static bool canBeKey(const Value &V) {
  if (V.is(Kind::Tuple))
    return std::all_of(V.items().begin(), V.items().end(), canBeKey);
  return !V.is(Kind::List) && !V.is(Kind::Dict);
}

/// V[Key], or Missing.
static Value findItem(Interpreter &In, const Value &V, const Value &Key) {
  if (V.is(Kind::Dict)) {
    if (!canBeKey(Key))
      return Value();
    const Value *Found = V.dict().find(Key);
    return Found ? *Found : Value();
  }
  if (!Key.isIntegral())
    return Value();
  std::optional<int64_t> Length;
  if (V.isString() || V.isSequence() || V.is(Kind::Range))
    Length = lengthOf(V);
  int64_t I = Key.integer();
  if (!Length || I >= *Length || I < -*Length)
    return Value();
  if (I < 0)
    I += *Length;
  if (V.isSequence())
    return V.items()[size_t(I)];
  if (V.is(Kind::Range))
    return Value::integer(V.range().Start + I * V.range().Step);
  const StringObject &S = V.string();
  In.M.step(uint64_t(S.isAscii() ? 0 : I / 64));
  size_t Begin = S.isAscii() ? size_t(I) : offsetOf(S.Text, size_t(I));
  size_t End = Begin;
  nextCharacter(S.Text, End);
  return In.Make.string(S.Text.substr(Begin, End - Begin), S.IsMarkup);
}

Value jinja::attribute(Interpreter &In, const Value &V,
                       const std::string &Name) {
  if (V.isUndefined())
    fail(V.reason());
  if (isBlocked(V, Name))
    return blocked(V, Name);
  if (Name.starts_with("__"))
    return noAttribute(V, Name);
  if (Value Found = pythonAttribute(In, V, Name); !Found.isMissing())
    return Found;
  if (V.is(Kind::Dict))
    if (const Value *Found = V.dict().find(Name))
      return *Found;
  return noAttribute(V, Name);
}

Value jinja::item(Interpreter &In, const Value &V, const Value &Key) {
  if (V.isUndefined())
    fail(V.reason());
  if (Value Found = findItem(In, V, Key); !Found.isMissing())
    return Found;
  if (!Key.isString()) {
    bool IsShort = Key.isNumber() || Key.is(Kind::None);
    return Value::undefined(typeName(V) + " has no item " +
                            (IsShort ? repr(In.M, Key) : typeName(Key)));
  }
  const std::string &Name = Key.text();
  if (isBlocked(V, Name))
    return blocked(V, Name);
  if (!Name.starts_with("__"))
    if (Value Found = pythonAttribute(In, V, Name); !Found.isMissing())
      return Found;
  return noAttribute(V, Name);
}

//===-- Slices
//-------------------------------------------------------------===//

Value jinja::slice(Interpreter &In, const Value &V, const Value &Start,
                   const Value &Stop, const Value &Step) {
  if (V.isUndefined())
    fail(V.reason());
  if (!V.isString() && !V.isSequence() && !V.is(Kind::Range))
    fail(typeName(V) + " has no slices");
  auto IsAbsent = [](const Value &Bound) {
    return Bound.isMissing() || Bound.is(Kind::None);
  };
  int64_t By = IsAbsent(Step) ? 1 : toIndex(Step, "the step of a slice");
  if (By == 0)
    fail("the step of a slice is zero");
  // A step beyond any length is as good as the longest.
  By = std::clamp<int64_t>(By, -(int64_t(1) << 62), int64_t(1) << 62);
  int64_t Length = *lengthOf(V);
  auto Clamp = [&](const Value &Bound, int64_t Default) {
    if (IsAbsent(Bound))
      return Default;
    int64_t I = toIndex(Bound, "the bound of a slice");
    if (I < 0)
      return I < -Length ? (By < 0 ? -1 : 0) : I + Length;
    return I >= Length ? (By < 0 ? Length - 1 : Length) : I;
  };
  int64_t First = Clamp(Start, By < 0 ? Length - 1 : 0);
  int64_t End = Clamp(Stop, By < 0 ? -1 : Length);
  int64_t Count = 0;
  if (By > 0 ? First < End : First > End)
    Count = (By > 0 ? End - First - 1 : First - End - 1) / std::abs(By) + 1;
  if (V.is(Kind::Range)) {
    const RangeObject &R = V.range();
    auto At = [&](int64_t I) {
      int64_t Place = 0;
      if (!checkedMul(I, R.Step, Place) || !checkedAdd(R.Start, Place, Place))
        fail("the result is too large; ints have 64 bits");
      return Place;
    };
    int64_t NewStep = 0;
    if (!checkedMul(R.Step, By, NewStep))
      fail("the result is too large; ints have 64 bits");
    return In.Make.range(At(First), At(End), NewStep);
  }
  if (V.isSequence()) {
    In.M.expect(uint64_t(Count), sizeof(Value));
    std::vector<Value> Items;
    for (int64_t I = 0; I < Count; ++I)
      Items.push_back(V.items()[size_t(First + I * By)]);
    return V.is(Kind::List) ? In.Make.list(std::move(Items))
                            : In.Make.tuple(std::move(Items));
  }
  const StringObject &S = V.string();
  In.M.step(1 + S.Text.size() / 64);
  if (By == 1) {
    size_t Begin =
        S.isAscii() ? size_t(First) : offsetOf(S.Text, size_t(First));
    size_t Bytes =
        S.isAscii()
            ? size_t(Count)
            : offsetOf(std::string_view(S.Text).substr(Begin), size_t(Count));
    return In.Make.string(S.Text.substr(Begin, Bytes), S.IsMarkup);
  }
  In.M.expect(S.Length, sizeof(char32_t));
  std::vector<char32_t> All = characters(S.Text);
  std::string Text;
  for (int64_t I = 0; I < Count; ++I)
    appendCharacter(Text, All[size_t(First + I * By)]);
  return In.Make.string(std::move(Text), S.IsMarkup);
}

//===-- Calls
//--------------------------------------------------------------===//

Value jinja::call(Interpreter &In, const Value &V, const Arguments &Given) {
  Interpreter::Level Inside(In);
  if (V.isUndefined())
    fail(V.reason());
  if (V.is(Kind::Callable))
    return V.callable().Call(In, Given);
  if (!V.is(Kind::Loop))
    fail(typeName(V) + " cannot be called");
  if (!V.loop().Recurse)
    fail("only a loop that is marked recursive can be called");
  Value Items = bindArguments("loop", Given, {"iterable"}, 1)[0];
  return In.Make.string(V.loop().Recurse(Items, V.loop().Level + 1));
}
