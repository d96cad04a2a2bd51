// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests: what stands behind `is`.
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Interpreter.h"

#include <map>

using namespace dure;
using namespace dure::jinja;

using Test = bool (*)(Interpreter &, const Arguments &);

/// The only argument: what is tested.
static Value tested(const Arguments &Given) {
  return bindArguments("the test", Given, {"value"}, 1)[0];
}

template <bool (*Is)(const Value &)>
static bool plain(Interpreter &, const Arguments &Given) {
  return Is(tested(Given));
}

template <Op Which>
static bool compared(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("the test", Given, {"a", "b"}, 2, 2);
  return holds(In, Which, Bound[0], Bound[1]);
}

/// Whether the rest of a division is `Rest`.
static bool hasRest(Interpreter &In, const Value &Of, const Value &By,
                    int64_t Rest) {
  return equal(In.M, arithmetic(In, Op::Mod, Of, By), Value::integer(Rest));
}

static bool isOdd(Interpreter &In, const Arguments &Given) {
  return hasRest(In, tested(Given), Value::integer(2), 1);
}
static bool isEven(Interpreter &In, const Arguments &Given) {
  return hasRest(In, tested(Given), Value::integer(2), 0);
}
static bool isDivisible(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("divisibleby", Given, {"value", "num"}, 2);
  return hasRest(In, Bound[0], Bound[1], 0);
}

template <const char *Method>
static bool hasCase(Interpreter &In, const Arguments &Given) {
  Value Text = In.Make.string(str(In.M, tested(Given)));
  return isTrue(call(In, stringMethod(In, Text, Method), {}));
}
static constexpr char IsLower[] = "islower", IsUpper[] = "isupper";

static bool isSame(Interpreter &, const Arguments &Given) {
  auto Bound = bindArguments("sameas", Given, {"value", "other"}, 2);
  return same(Bound[0], Bound[1]);
}

static bool isIn(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("in", Given, {"value", "seq"}, 2);
  return holds(In, Op::In, Bound[0], Bound[1]);
}

template <bool (*Knows)(std::string_view)>
static bool isKnown(Interpreter &, const Arguments &Given) {
  Value Name = tested(Given);
  // Looked up as a key, which not all values can be.
  keyCode(Name);
  return Name.isString() && Knows(Name.text());
}

static bool isDefined(const Value &V) { return !V.isUndefined(); }
static bool isUndefined(const Value &V) { return V.isUndefined(); }
static bool isNone(const Value &V) { return V.is(Kind::None); }
static bool isBoolean(const Value &V) { return V.is(Kind::Bool); }
static bool isTrueItself(const Value &V) {
  return V.is(Kind::Bool) && V.boolean();
}
static bool isFalseItself(const Value &V) {
  return V.is(Kind::Bool) && !V.boolean();
}
static bool isInteger(const Value &V) { return V.is(Kind::Int); }
static bool isFloat(const Value &V) { return V.is(Kind::Float); }
static bool isNumber(const Value &V) { return V.isNumber(); }
static bool isString(const Value &V) { return V.isString(); }
static bool isMapping(const Value &V) { return V.is(Kind::Dict); }
static bool isEscaped(const Value &V) {
  return V.isString() && V.string().IsMarkup;
}
static bool isSequence(const Value &V) {
  return V.isSequence() || V.isString() || V.is(Kind::Dict) ||
         V.is(Kind::Range) || V.isUndefined();
}
static bool isCallable(const Value &V) {
  return V.is(Kind::Callable) || V.is(Kind::Loop) || V.isUndefined();
}

static const std::map<std::string_view, Test> &tests() {
  static const std::map<std::string_view, Test> All = {
      {"!=", compared<Op::Ne>},
      {"<", compared<Op::Lt>},
      {"<=", compared<Op::Le>},
      {"==", compared<Op::Eq>},
      {">", compared<Op::Gt>},
      {">=", compared<Op::Ge>},
      {"boolean", plain<isBoolean>},
      {"callable", plain<isCallable>},
      {"defined", plain<isDefined>},
      {"divisibleby", isDivisible},
      {"eq", compared<Op::Eq>},
      {"equalto", compared<Op::Eq>},
      {"escaped", plain<isEscaped>},
      {"even", isEven},
      {"false", plain<isFalseItself>},
      {"filter", isKnown<knowsFilter>},
      {"float", plain<isFloat>},
      {"ge", compared<Op::Ge>},
      {"greaterthan", compared<Op::Gt>},
      {"gt", compared<Op::Gt>},
      {"in", isIn},
      {"integer", plain<isInteger>},
      {"iterable", plain<isIterable>},
      {"le", compared<Op::Le>},
      {"lessthan", compared<Op::Lt>},
      {"lower", hasCase<IsLower>},
      {"lt", compared<Op::Lt>},
      {"mapping", plain<isMapping>},
      {"ne", compared<Op::Ne>},
      {"none", plain<isNone>},
      {"number", plain<isNumber>},
      {"odd", isOdd},
      {"sameas", isSame},
      {"sequence", plain<isSequence>},
      {"string", plain<isString>},
      {"test", isKnown<knowsTest>},
      {"true", plain<isTrueItself>},
      {"undefined", plain<isUndefined>},
      {"upper", hasCase<IsUpper>}};
  return All;
}

bool jinja::knowsTest(std::string_view Name) { return tests().count(Name); }

bool jinja::callTest(Interpreter &In, std::string_view Name,
                     const Arguments &Given) {
  auto Found = tests().find(Name);
  if (Found == tests().end())
    fail("there is no test '" + std::string(Name) + "'");
  return Found->second(In, Given);
}
