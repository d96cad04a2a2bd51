// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Evaluates expressions.
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Interpreter.h"

#include <algorithm>

using namespace dure;
using namespace dure::jinja;
using Type = Expr::Type;

Value Interpreter::evaluateName(const Expr &E, Frame &F) {
  const Value &Found = variable(E.Variable, F);
  if (Found.isMissing())
    return Value::undefined("'" + E.Text + "' is undefined");
  return Found;
}

std::vector<Value> Interpreter::evaluateAll(const std::vector<Expr *> &All,
                                            Frame &F) {
  std::vector<Value> Values;
  Values.reserve(All.size());
  for (const Expr *Each : All)
    Values.push_back(evaluate(*Each, F));
  return Values;
}

Value Interpreter::evaluateDict(const Expr &E, Frame &F) {
  std::vector<std::pair<Value, Value>> Items;
  for (size_t I = 0; I + 1 < E.Parts.size(); I += 2) {
    Value Key = evaluate(*E.Parts[I], F);
    Items.emplace_back(std::move(Key), evaluate(*E.Parts[I + 1], F));
  }
  Where = E.At;
  return Make.dict(std::move(Items));
}

Value Interpreter::evaluateSlice(const Expr &E, Frame &F) {
  Value Of = evaluate(*E.Parts[0], F);
  Value Bounds[3];
  for (size_t I = 0; I < 3; ++I)
    if (E.Parts[I + 1])
      Bounds[I] = evaluate(*E.Parts[I + 1], F);
  Where = E.At;
  return slice(*this, Of, Bounds[0], Bounds[1], Bounds[2]);
}

bool Interpreter::evaluateComparison(const Expr &E, Frame &F) {
  Value Left = evaluate(*E.Parts[0], F);
  for (size_t I = 0; I < E.Operators.size(); ++I) {
    Value Right = evaluate(*E.Parts[I + 1], F);
    Where = E.At;
    if (!holds(*this, E.Operators[I], Left, Right))
      return false;
    Left = std::move(Right);
  }
  return true;
}

void Interpreter::evaluateArguments(const CallSite &Site, Frame &F,
                                    Arguments &To) {
  for (const Expr *Each : Site.Positional)
    To.Positional.push_back(evaluate(*Each, F));
  for (const auto &[Name, Each] : Site.Named)
    To.Named.emplace_back(Name, evaluate(*Each, F));
  if (Site.Star) {
    std::vector<Value> More = iterate(Make, evaluate(*Site.Star, F));
    To.Positional.insert(To.Positional.end(), More.begin(), More.end());
  }
  if (!Site.StarStar)
    return;
  Value More = evaluate(*Site.StarStar, F);
  if (!More.is(Kind::Dict))
    fail("behind ** stands " + typeName(More) + ", not a dict");
  for (const auto &[Key, Each] : More.dict().Items) {
    if (!Key.isString())
      fail("names of arguments are strings");
    M.step(To.Named.size() / 8);
    for (const auto &Known : To.Named)
      if (Known.first == Key.text())
        fail("the argument '" + Known.first + "' is given twice");
    To.Named.emplace_back(Key.text(), Each);
  }
}

Value Interpreter::evaluateCall(const Expr &E, Frame &F, const Value *Caller) {
  Value Of = evaluate(*E.Parts[0], F);
  Arguments Given;
  evaluateArguments(E.Given, F, Given);
  if (Caller)
    Given.Named.emplace_back("caller", *Caller);
  Where = E.At;
  return call(*this, Of, Given);
}

/// `Input` is the text of a block, which the first of its filters gets.
Value Interpreter::evaluateFilter(const Expr &E, Frame &F, const Value *Input) {
  Level Inside(*this);
  Arguments Given;
  const Expr *Of = E.Parts[0];
  Given.Positional.push_back(!Of     ? *Input
                             : Input ? evaluateFilter(*Of, F, Input)
                                     : evaluate(*Of, F));
  evaluateArguments(E.Given, F, Given);
  Where = E.At;
  return callFilter(*this, E.Text, Given);
}

Value Interpreter::evaluate(const Expr &E, Frame &F) {
  Level Inside(*this);
  auto Part = [&](size_t I) { return evaluate(*E.Parts[I], F); };
  switch (E.Is) {
  case Type::Constant:
    return E.Constant;
  case Type::Name:
  case Type::NamespaceRef:
    return evaluateName(E, F);
  case Type::Tuple:
    return Make.tuple(evaluateAll(E.Parts, F));
  case Type::List:
    return Make.list(evaluateAll(E.Parts, F));
  case Type::Dict:
    return evaluateDict(E, F);
  case Type::Attribute: {
    Value Of = Part(0);
    Where = E.At;
    return attribute(*this, Of, E.Text);
  }
  case Type::Item: {
    Value Of = Part(0), Key = Part(1);
    Where = E.At;
    return item(*this, Of, Key);
  }
  case Type::Slice:
    return evaluateSlice(E, F);
  case Type::Call:
    return evaluateCall(E, F, nullptr);
  case Type::Filter:
    return evaluateFilter(E, F, nullptr);
  case Type::Test: {
    Arguments Given;
    Given.Positional.push_back(Part(0));
    evaluateArguments(E.Given, F, Given);
    Where = E.At;
    return Value::boolean(callTest(*this, E.Text, Given));
  }
  case Type::Not:
    return Value::boolean(!isTrue(Part(0)));
  case Type::Negative:
  case Type::Positive: {
    Value Of = Part(0);
    Where = E.At;
    if (E.Is == Type::Negative)
      return negated(*this, Of);
    if (!Of.isNumber())
      fail("there is no + for " + typeName(Of));
    return Of.is(Kind::Bool) ? Value::integer(Of.integer()) : Of;
  }
  case Type::And: {
    Value Left = Part(0);
    return isTrue(Left) ? Part(1) : Left;
  }
  case Type::Or: {
    Value Left = Part(0);
    return isTrue(Left) ? Left : Part(1);
  }
  case Type::Binary: {
    Value Left = Part(0), Right = Part(1);
    Where = E.At;
    return arithmetic(*this, E.Operators[0], Left, Right);
  }
  case Type::Concat: {
    std::vector<Value> Values = evaluateAll(E.Parts, F);
    Where = E.At;
    TextBuilder Text(M);
    for (const Value &Each : Values)
      Text.add(Each.isString() ? std::string_view(Each.text())
                               : std::string_view(str(M, Each)));
    return Make.string(Text.take());
  }
  case Type::Compare:
    return Value::boolean(evaluateComparison(E, F));
  case Type::Conditional:
    if (isTrue(Part(0)))
      return Part(1);
    if (E.Parts[2])
      return Part(2);
    return Value::undefined("the inline if has no else, and is false");
  }
  return Value();
}
