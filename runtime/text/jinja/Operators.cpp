// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic and comparison as Python does them, on 64-bit ints.
#include "runtime/base/Checked.h"
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <cmath>

using namespace dure;
using namespace dure::jinja;

static const char *spelled(Op Which) {
  switch (Which) {
  case Op::Add:
    return "+";
  case Op::Sub:
    return "-";
  case Op::Mul:
    return "*";
  case Op::Div:
    return "/";
  case Op::FloorDiv:
    return "//";
  case Op::Mod:
    return "%";
  default:
    return "**";
  }
}

[[noreturn]] static void tooLarge() {
  fail("the result is too large; ints have 64 bits");
}
[[noreturn]] static void byZero() { fail("division by zero"); }

static int64_t power(int64_t Base, int64_t Exponent) {
  int64_t Result = 1;
  for (; Exponent; Exponent >>= 1) {
    if ((Exponent & 1) && !checkedMul(Result, Base, Result))
      tooLarge();
    // The last square is not needed.
    if (Exponent > 1 && !checkedMul(Base, Base, Base))
      tooLarge();
  }
  return Result;
}

static Value realPower(double Base, double Exponent) {
  if (Base == 0 && Exponent < 0)
    byZero();
  double Result = std::pow(Base, Exponent);
  if (std::isnan(Result) && !std::isnan(Base) && !std::isnan(Exponent))
    fail("a root of a negative number is no float");
  if (std::isinf(Result) && !std::isinf(Base) && !std::isinf(Exponent))
    fail("the result is too large for a float");
  return Value::real(Result);
}

static Value intArithmetic(Op Which, int64_t A, int64_t B) {
  int64_t Result = 0;
  switch (Which) {
  case Op::Add:
    if (!checkedAdd(A, B, Result))
      tooLarge();
    return Value::integer(Result);
  case Op::Sub:
    if (!checkedSub(A, B, Result))
      tooLarge();
    return Value::integer(Result);
  case Op::Mul:
    if (!checkedMul(A, B, Result))
      tooLarge();
    return Value::integer(Result);
  case Op::Div:
    if (!B)
      byZero();
    // Exact operands: a long double holds every int.
    return Value::real(double(static_cast<long double>(A) / B));
  case Op::FloorDiv:
  case Op::Mod: {
    if (!B)
      byZero();
    if (B == -1) {
      if (Which == Op::Mod)
        return Value::integer(0);
      if (!checkedSub(int64_t(0), A, Result))
        tooLarge();
      return Value::integer(Result);
    }
    bool IsBelow = A % B != 0 && (A % B < 0) != (B < 0);
    return Value::integer(Which == Op::Mod ? A % B + (IsBelow ? B : 0)
                                           : A / B - (IsBelow ? 1 : 0));
  }
  default:
    return B < 0 ? realPower(double(A), double(B))
                 : Value::integer(power(A, B));
  }
}

static Value realArithmetic(Op Which, double A, double B) {
  switch (Which) {
  case Op::Add:
    return Value::real(A + B);
  case Op::Sub:
    return Value::real(A - B);
  case Op::Mul:
    return Value::real(A * B);
  case Op::Div:
    if (B == 0)
      byZero();
    return Value::real(A / B);
  case Op::FloorDiv:
  case Op::Mod: {
    if (B == 0)
      byZero();
    // The remainder has the sign of the divisor; the quotient is made from it,
    // which keeps the two consistent.
    double Rest = std::fmod(A, B);
    double Quotient = (A - Rest) / B;
    if (Rest != 0) {
      if ((B < 0) != (Rest < 0)) {
        Rest += B;
        Quotient -= 1;
      }
    } else {
      Rest = std::copysign(0.0, B);
    }
    if (Which == Op::Mod)
      return Value::real(Rest);
    if (Quotient == 0)
      return Value::real(std::copysign(0.0, A / B));
    double Floor = std::floor(Quotient);
    return Value::real(Quotient - Floor > 0.5 ? Floor + 1 : Floor);
  }
  default:
    return realPower(A, B);
  }
}

/// A str or a list, so many times.
static Value repeated(Interpreter &In, const Value &What, int64_t Count) {
  uint64_t Times = Count > 0 ? uint64_t(Count) : 0;
  if (What.isString()) {
    TextBuilder Text(In.M);
    if (!What.text().empty())
      Text.add(Times, What.text());
    return In.Make.string(Text.take(), What.string().IsMarkup);
  }
  const std::vector<Value> &Of = What.items();
  if (Of.empty())
    Times = 0;
  In.M.expect(Times, Of.size() * sizeof(Value));
  std::vector<Value> Items;
  Items.reserve(Times * Of.size());
  while (Times--)
    Items.insert(Items.end(), Of.begin(), Of.end());
  return What.is(Kind::List) ? In.Make.list(std::move(Items))
                             : In.Make.tuple(std::move(Items));
}

static Value joined(Interpreter &In, const Value &A, const Value &B) {
  if (A.isString()) {
    // A text that is escaped for HTML escapes what it is joined with.
    bool IsMarkup = A.string().IsMarkup || B.string().IsMarkup;
    auto Part = [&](const Value &V) {
      return IsMarkup && !V.string().IsMarkup ? escapeHtml(V.text()) : V.text();
    };
    TextBuilder Text(In.M);
    Text.add(Part(A));
    Text.add(Part(B));
    return In.Make.string(Text.take(), IsMarkup);
  }
  In.M.expect(A.items().size() + B.items().size(), sizeof(Value));
  std::vector<Value> Items = A.items();
  Items.insert(Items.end(), B.items().begin(), B.items().end());
  return A.is(Kind::List) ? In.Make.list(std::move(Items))
                          : In.Make.tuple(std::move(Items));
}

Value jinja::arithmetic(Interpreter &In, Op Which, const Value &A,
                        const Value &B) {
  if (A.isString() && Which == Op::Mod)
    return formatPercent(In.Make, A, B);
  if (A.isUndefined() || B.isUndefined())
    fail((A.isUndefined() ? A : B).reason());
  if (A.isIntegral() && B.isIntegral())
    return intArithmetic(Which, A.integer(), B.integer());
  if (A.isNumber() && B.isNumber())
    return realArithmetic(Which, A.number(), B.number());
  auto IsRow = [](const Value &V) { return V.isString() || V.isSequence(); };
  if (Which == Op::Add && IsRow(A) && A.kind() == B.kind())
    return joined(In, A, B);
  if (Which == Op::Mul && IsRow(A) && B.isIntegral())
    return repeated(In, A, B.integer());
  if (Which == Op::Mul && IsRow(B) && A.isIntegral())
    return repeated(In, B, A.integer());
  fail("there is no " + std::string(spelled(Which)) + " for " + typeName(A) +
       " and " + typeName(B));
}

Value jinja::negated(Interpreter &, const Value &V) {
  if (V.isUndefined())
    fail(V.reason());
  if (V.is(Kind::Float))
    return Value::real(-V.number());
  if (!V.isIntegral())
    fail("there is no - for " + typeName(V));
  int64_t Result = 0;
  if (!checkedSub(int64_t(0), V.integer(), Result))
    tooLarge();
  return Value::integer(Result);
}

/// Key in V.
static bool contains(Interpreter &In, const Value &V, const Value &Key) {
  auto IsAmong = [&](const std::vector<Value> &Items) {
    return std::any_of(Items.begin(), Items.end(), [&](const Value &Each) {
      return equal(In.M, Each, Key);
    });
  };
  switch (V.kind()) {
  case Kind::String:
    if (!Key.isString())
      fail("a str holds strings only, not " + typeName(Key));
    In.M.step((V.text().size() + Key.text().size()) / 16);
    return findText(V.text(), Key.text()) != std::string::npos;
  case Kind::List:
  case Kind::Tuple:
    return IsAmong(V.items());
  case Kind::Dict:
    return V.dict().find(Key) != nullptr;
  case Kind::View:
    if (V.view().Which == ViewObject::Part::Keys)
      return V.view().Of.dict().find(Key) != nullptr;
    return IsAmong(iterate(In.Make, V));
  case Kind::Iterator: {
    // Reads up to what it looks for.
    IteratorObject &Of = V.iterator();
    Of.prepare();
    while (Of.Next < Of.Items.size())
      if (equal(In.M, Of.Items[Of.Next++], Key))
        return true;
    return false;
  }
  default:
    return IsAmong(iterate(In.Make, V));
  }
}

bool jinja::holds(Interpreter &In, Op Which, const Value &A, const Value &B) {
  switch (Which) {
  case Op::Eq:
    return equal(In.M, A, B);
  case Op::Ne:
    return !equal(In.M, A, B);
  case Op::In:
    return contains(In, B, A);
  case Op::NotIn:
    return !contains(In, B, A);
  default:
    break;
  }
  std::optional<int> Order = compare(In.M, A, B);
  if (!Order)
    return false;
  switch (Which) {
  case Op::Lt:
    return *Order < 0;
  case Op::Le:
    return *Order <= 0;
  case Op::Gt:
    return *Order > 0;
  default:
    return *Order >= 0;
  }
}
