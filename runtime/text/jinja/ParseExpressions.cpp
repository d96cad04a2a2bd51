// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Expressions, from the weakest operator to the strongest.
#include "runtime/text/jinja/Parser.h"

#include <algorithm>

using namespace dure;
using namespace dure::jinja;
using Type = Expr::Type;

/// Chains of operators make trees that deep.
static constexpr unsigned MaxDepth = 500;

Expr *Parser::make(Type Is, Position Where, std::vector<Expr *> Parts) {
  Expr &Made = Out.Exprs.emplace_back();
  Made.Is = Is;
  Made.At = Where;
  for (const Expr *Each : Parts)
    if (Each)
      Made.Depth = std::max(Made.Depth, Each->Depth + 1);
  if (Made.Depth > MaxDepth)
    failAt(Where, "the expression is too long; set parts of it by themselves");
  Made.Parts = std::move(Parts);
  return &Made;
}

Expr *Parser::binary(Op Which, Position Where, Expr *Left, Expr *Right) {
  Expr *Made = make(Type::Binary, Where, {Left, Right});
  Made->Operators = {Which};
  return Made;
}

Expr *Parser::expression(bool WithConditional) {
  return WithConditional ? conditional() : orExpression();
}

Expr *Parser::conditional() {
  Level Inside(*this);
  Expr *Value = orExpression();
  while (isName("if")) {
    Position Where = take().At;
    Expr *Test = orExpression();
    Expr *Else = skipName("else") ? conditional() : nullptr;
    Value = make(Type::Conditional, Where, {Test, Value, Else});
  }
  return Value;
}

Expr *Parser::orExpression() {
  Expr *Left = andExpression();
  while (isName("or")) {
    Position Where = take().At;
    Left = make(Type::Or, Where, {Left, andExpression()});
  }
  return Left;
}

Expr *Parser::andExpression() {
  Expr *Left = notExpression();
  while (isName("and")) {
    Position Where = take().At;
    Left = make(Type::And, Where, {Left, notExpression()});
  }
  return Left;
}

Expr *Parser::notExpression() {
  if (!isName("not"))
    return comparison();
  Level Inside(*this);
  Position Where = take().At;
  return make(Type::Not, Where, {notExpression()});
}

Expr *Parser::comparison() {
  static constexpr std::pair<std::string_view, Op> Known[] = {
      {"==", Op::Eq}, {"!=", Op::Ne}, {"<", Op::Lt},
      {"<=", Op::Le}, {">", Op::Gt},  {">=", Op::Ge}};
  Position Where = current().At;
  std::vector<Expr *> Parts = {sum()};
  std::vector<Op> Operators;
  while (true) {
    auto Found =
        std::find_if(std::begin(Known), std::end(Known),
                     [&](const auto &Each) { return isOperator(Each.first); });
    if (Found != std::end(Known)) {
      Operators.push_back(Found->second);
      take();
    } else if (skipName("in")) {
      Operators.push_back(Op::In);
    } else if (isName("not") && ahead().isName("in")) {
      take();
      take();
      Operators.push_back(Op::NotIn);
    } else {
      break;
    }
    Parts.push_back(sum());
  }
  if (Operators.empty())
    return Parts[0];
  Expr *Made = make(Type::Compare, Where, std::move(Parts));
  Made->Operators = std::move(Operators);
  return Made;
}

Expr *Parser::sum() {
  Expr *Left = concat();
  while (isOperator("+") || isOperator("-")) {
    const Token &Sign = take();
    Op Which = Sign.Text == "+" ? Op::Add : Op::Sub;
    Position Where = Sign.At;
    Left = binary(Which, Where, Left, concat());
  }
  return Left;
}

Expr *Parser::concat() {
  Position Where = current().At;
  std::vector<Expr *> Parts = {product()};
  while (skipOperator("~"))
    Parts.push_back(product());
  return Parts.size() == 1 ? Parts[0]
                           : make(Type::Concat, Where, std::move(Parts));
}

Expr *Parser::product() {
  static constexpr std::pair<std::string_view, Op> Known[] = {
      {"*", Op::Mul}, {"/", Op::Div}, {"//", Op::FloorDiv}, {"%", Op::Mod}};
  Expr *Left = power();
  while (true) {
    auto Found =
        std::find_if(std::begin(Known), std::end(Known),
                     [&](const auto &Each) { return isOperator(Each.first); });
    if (Found == std::end(Known))
      return Left;
    Position Where = take().At;
    Left = binary(Found->second, Where, Left, power());
  }
}

/// Groups from the left, unlike Python's.
Expr *Parser::power() {
  Expr *Left = unary();
  while (isOperator("**")) {
    Position Where = take().At;
    Left = binary(Op::Pow, Where, Left, unary());
  }
  return Left;
}

Expr *Parser::unary(bool WithFilter) {
  Level Inside(*this);
  Expr *Of = nullptr;
  if (isOperator("-") || isOperator("+")) {
    const Token &Sign = take();
    Type Is = Sign.Text == "-" ? Type::Negative : Type::Positive;
    Position Where = Sign.At;
    Of = make(Is, Where, {unary(/*WithFilter=*/false)});
  } else {
    Of = primary();
  }
  Of = postfix(Of);
  return WithFilter ? filtersAndTests(Of) : Of;
}

Expr *Parser::nameOrConstant(bool WithNamespace) {
  const Token &Word = take();
  auto Constant = [&](Value V) {
    Expr *Made = make(Type::Constant, Word.At);
    Made->Constant = std::move(V);
    return Made;
  };
  if (Word.Text == "true" || Word.Text == "True")
    return Constant(Value::boolean(true));
  if (Word.Text == "false" || Word.Text == "False")
    return Constant(Value::boolean(false));
  if (Word.Text == "none" || Word.Text == "None")
    return Constant(Value::none());
  bool IsReference = WithNamespace && skipOperator(".");
  Expr *Made = make(IsReference ? Type::NamespaceRef : Type::Name, Word.At);
  Made->Text = Word.Text;
  if (IsReference)
    Made->Attribute = takeName("the name of an attribute");
  return Made;
}

Expr *Parser::primary(bool WithNamespace) {
  const Token &First = current();
  switch (First.Is) {
  case Token::Type::Name:
    return nameOrConstant(WithNamespace);
  case Token::Type::String: {
    Expr *Made = make(Type::Constant, First.At);
    std::string Text;
    while (isType(Token::Type::String))
      Text += take().Text;
    Made->Constant = Value::constant(std::move(Text));
    return Made;
  }
  case Token::Type::Integer:
  case Token::Type::Float: {
    Expr *Made = make(Type::Constant, First.At);
    Made->Constant = First.Is == Token::Type::Integer
                         ? Value::integer(First.Integer)
                         : Value::real(First.Float);
    take();
    return Made;
  }
  default:
    break;
  }
  if (skipOperator("(")) {
    Expr *Made = tuple(/*Simple=*/false, /*WithConditional=*/true,
                       /*IsParenthesized=*/true, /*WithNamespace=*/false, "");
    expectOperator(")");
    return Made;
  }
  if (isOperator("["))
    return listDisplay();
  if (isOperator("{"))
    return dictDisplay();
  unexpected("an expression");
}

Expr *Parser::listDisplay() {
  Position Where = take().At;
  std::vector<Expr *> Items;
  while (!isOperator("]")) {
    if (!Items.empty())
      expectOperator(",");
    if (isOperator("]"))
      break;
    Items.push_back(expression());
  }
  expectOperator("]");
  return make(Type::List, Where, std::move(Items));
}

Expr *Parser::dictDisplay() {
  Position Where = take().At;
  std::vector<Expr *> Items;
  while (!isOperator("}")) {
    if (!Items.empty())
      expectOperator(",");
    if (isOperator("}"))
      break;
    Items.push_back(expression());
    expectOperator(":");
    Items.push_back(expression());
  }
  expectOperator("}");
  return make(Type::Dict, Where, std::move(Items));
}

/// One expression, or several with commas between them, up to the end of the
/// tag, a closing parenthesis or the name `End`. Simple: names and literals.
Expr *Parser::tuple(bool Simple, bool WithConditional, bool IsParenthesized,
                    bool WithNamespace, std::string_view End) {
  Position Where = current().At;
  std::vector<Expr *> Items;
  bool IsTuple = false;
  while (true) {
    if (!Items.empty())
      expectOperator(",");
    if (isTupleEnd() || (!End.empty() && isName(End)))
      break;
    Items.push_back(Simple ? primary(WithNamespace)
                           : expression(WithConditional));
    if (!isOperator(","))
      break;
    IsTuple = true;
  }
  if (!IsTuple && !Items.empty())
    return Items[0];
  if (Items.empty() && !IsParenthesized)
    unexpected("an expression");
  return make(Type::Tuple, Where, std::move(Items));
}

Expr *Parser::postfix(Expr *Of) {
  while (true) {
    if (isOperator(".") || isOperator("["))
      Of = subscript(Of);
    else if (isOperator("("))
      Of = call(Of);
    else
      return Of;
  }
}

Expr *Parser::filtersAndTests(Expr *Of) {
  while (true) {
    if (isOperator("|"))
      Of = filters(Of, /*StartInline=*/false);
    else if (isName("is"))
      Of = test(Of);
    else if (isOperator("("))
      Of = call(Of);
    else
      return Of;
  }
}

std::string Parser::dottedName() {
  std::string Name = takeName("a name");
  while (skipOperator("."))
    Name += "." + takeName("a name");
  return Name;
}

Expr *Parser::filters(Expr *Of, bool StartInline) {
  while (StartInline || skipOperator("|")) {
    StartInline = false;
    Position Where = current().At;
    std::string Name = dottedName();
    CallSite Given;
    if (isOperator("("))
      Given = callArguments();
    Of = make(Type::Filter, Where, {Of});
    Of->Text = std::move(Name);
    Of->Given = std::move(Given);
  }
  return Of;
}

Expr *Parser::test(Expr *Of) {
  Position Where = take().At;
  bool IsNegated = skipName("not");
  std::string Name = dottedName();
  CallSite Given;
  auto StartsArgument = [&] {
    switch (current().Is) {
    case Token::Type::Name:
      return !isName("else") && !isName("or") && !isName("and");
    case Token::Type::String:
    case Token::Type::Integer:
    case Token::Type::Float:
      return true;
    default:
      return isOperator("[") || isOperator("{");
    }
  };
  if (isOperator("(")) {
    Given = callArguments();
  } else if (StartsArgument()) {
    if (isName("is"))
      failAt(current().At, "one test cannot follow another; use `and`");
    Level Inside(*this);
    Given.Positional.push_back(postfix(primary()));
  }
  Expr *Made = make(Type::Test, Where, {Of});
  Made->Text = std::move(Name);
  Made->Given = std::move(Given);
  return IsNegated ? make(Type::Not, Where, {Made}) : Made;
}

Expr *Parser::subscript(Expr *Of) {
  const Token &First = take();
  Position Where = First.At;
  if (First.Text == "[")
    return item(Of, Where);
  if (isType(Token::Type::Name)) {
    Expr *Made = make(Type::Attribute, Where, {Of});
    Made->Text = take().Text;
    return Made;
  }
  if (!isType(Token::Type::Integer))
    unexpected("a name or a number");
  Expr *Index = make(Type::Constant, current().At);
  Index->Constant = Value::integer(take().Integer);
  return make(Type::Item, Where, {Of, Index});
}

/// Behind "[": an index, several of them, or a slice.
Expr *Parser::item(Expr *Of, Position Where) {
  std::vector<Expr *> Items;
  bool IsSlice = false;
  while (!isOperator("]")) {
    if (!Items.empty())
      expectOperator(",");
    auto Part = [&]() -> Expr * {
      bool IsAbsent = isOperator(":") || isOperator("]") || isOperator(",");
      return IsAbsent ? nullptr : expression();
    };
    Expr *First = isOperator(":") ? nullptr : expression();
    if (!isOperator(":")) {
      Items.push_back(First);
      continue;
    }
    if (!Items.empty())
      failAt(current().At, "a slice stands alone in its brackets");
    take();
    IsSlice = true;
    Items = {Of, First, Part(), nullptr};
    if (skipOperator(":"))
      Items[3] = Part();
    break;
  }
  expectOperator("]");
  if (IsSlice)
    return make(Type::Slice, Where, std::move(Items));
  Expr *Index =
      Items.size() == 1 ? Items[0] : make(Type::Tuple, Where, std::move(Items));
  return make(Type::Item, Where, {Of, Index});
}

Expr *Parser::call(Expr *Of) {
  Position Where = current().At;
  CallSite Given = callArguments();
  Expr *Made = make(Type::Call, Where, {Of});
  Made->Given = std::move(Given);
  return Made;
}

CallSite Parser::callArguments() {
  CallSite Given;
  expectOperator("(");
  bool IsFirst = true;
  while (!isOperator(")")) {
    if (!IsFirst) {
      expectOperator(",");
      if (isOperator(")"))
        break;
    }
    IsFirst = false;
    Position Where = current().At;
    auto Ensure = [&](bool IsRight) {
      if (!IsRight)
        failAt(Where, "the arguments of the call are in the wrong order");
    };
    if (skipOperator("*")) {
      Ensure(!Given.Star && !Given.StarStar);
      Given.Star = expression();
    } else if (skipOperator("**")) {
      Ensure(!Given.StarStar);
      Given.StarStar = expression();
    } else if (isType(Token::Type::Name) && ahead().isOperator("=")) {
      Ensure(!Given.StarStar);
      std::string Name = take().Text;
      take();
      for (const auto &Each : Given.Named)
        if (Each.first == Name)
          failAt(Where, "the argument '" + Name + "' is given twice");
      Given.Named.emplace_back(std::move(Name), expression());
    } else {
      Ensure(!Given.Star && !Given.StarStar && Given.Named.empty());
      Given.Positional.push_back(expression());
    }
  }
  expectOperator(")");
  return Given;
}
