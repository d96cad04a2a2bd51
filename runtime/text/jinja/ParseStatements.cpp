// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text and statements.
#include "runtime/text/jinja/Parser.h"

#include "runtime/text/jinja/Scopes.h"

#include <algorithm>

using namespace dure;
using namespace dure::jinja;
using Type = Stmt::Type;

//===-- Tokens
//-------------------------------------------------------------===//

const Token &Parser::take() {
  const Token &Taken = Tokens[At];
  if (Taken.Is != Token::Type::End)
    ++At;
  return Taken;
}

static std::string shown(const Token &T) {
  switch (T.Is) {
  case Token::Type::Data:
    return "text";
  case Token::Type::BlockBegin:
    return "'{%'";
  case Token::Type::BlockEnd:
    return "'%}'";
  case Token::Type::VariableBegin:
    return "'{{'";
  case Token::Type::VariableEnd:
    return "'}}'";
  case Token::Type::String:
    return "a string";
  case Token::Type::End:
    return "the end of the template";
  default:
    return "'" + T.Text + "'";
  }
}

void Parser::unexpected(const std::string &Wanted) const {
  failAt(current().At, "expected " + Wanted + ", found " + shown(current()));
}

bool Parser::isTupleEnd() const {
  return isType(Token::Type::VariableEnd) || isType(Token::Type::BlockEnd) ||
         isOperator(")");
}

bool Parser::skipOperator(std::string_view What) {
  bool Is = isOperator(What);
  if (Is)
    take();
  return Is;
}

bool Parser::skipName(std::string_view What) {
  bool Is = isName(What);
  if (Is)
    take();
  return Is;
}

void Parser::expectOperator(std::string_view What) {
  if (!skipOperator(What))
    unexpected("'" + std::string(What) + "'");
}

void Parser::expectName(std::string_view What) {
  if (!skipName(What))
    unexpected("'" + std::string(What) + "'");
}

void Parser::expectType(Token::Type What, const char *Said) {
  if (!isType(What))
    unexpected(Said);
  take();
}

std::string Parser::takeName(const char *Said) {
  if (!isType(Token::Type::Name))
    unexpected(Said);
  return take().Text;
}

//===-- Bodies
//-------------------------------------------------------------===//

Stmt *Parser::make(Type Is, Position Where) {
  Stmt &Made = Out.Stmts.emplace_back();
  Made.Is = Is;
  Made.At = Where;
  return &Made;
}

/// Up to a tag whose name is one of `Ends`, which is current then; up to the
/// end of the template where none is given.
std::vector<Stmt *> Parser::statements(Names Ends) {
  Level Inside(*this);
  std::vector<Stmt *> Body;
  auto Output = [&]() -> Stmt & {
    if (Body.empty() || Body.back()->Is != Type::Output)
      Body.push_back(make(Type::Output, current().At));
    return *Body.back();
  };
  while (!isType(Token::Type::End)) {
    if (isType(Token::Type::Data)) {
      Stmt &To = Output();
      Expr *Text = make(Expr::Type::Constant, current().At);
      Text->Constant = Value::constant(take().Text);
      To.Exprs.push_back(Text);
    } else if (isType(Token::Type::VariableBegin)) {
      Stmt &To = Output();
      take();
      To.Exprs.push_back(tuple(/*Simple=*/false, /*WithConditional=*/true,
                               /*IsParenthesized=*/false,
                               /*WithNamespace=*/false, ""));
      expectType(Token::Type::VariableEnd, "'}}'");
    } else {
      expectType(Token::Type::BlockBegin, "'{%'");
      if (std::any_of(Ends.begin(), Ends.end(),
                      [&](std::string_view Each) { return isName(Each); }))
        return Body;
      Body.push_back(statement());
      expectType(Token::Type::BlockEnd, "'%}'");
    }
  }
  if (Ends.size())
    unexpected("'{% " + std::string(*(Ends.end() - 1)) + " %}'");
  return Body;
}

/// The same from the end of the opening tag on.
std::vector<Stmt *> Parser::body(Names Ends) {
  skipOperator(":");
  expectType(Token::Type::BlockEnd, "'%}'");
  return statements(Ends);
}

/// A body that becomes a function of its own.
std::vector<Stmt *> Parser::functionBody(Names Ends) {
  unsigned Around = std::exchange(Loops, 0);
  std::vector<Stmt *> Body = body(Ends);
  Loops = Around;
  take();
  return Body;
}

Stmt *Parser::statement() {
  if (isName("if"))
    return ifStatement();
  if (isName("for"))
    return forStatement();
  if (isName("set"))
    return setStatement();
  if (isName("macro"))
    return macroStatement();
  if (isName("call"))
    return callStatement();
  if (isName("generation"))
    return generationStatement();
  if (isName("filter"))
    return filterStatement();
  if (isName("with"))
    return withStatement();
  if (isName("autoescape"))
    return autoescapeStatement();
  if (isName("print"))
    return printStatement();
  if (isName("break") || isName("continue"))
    return loopControl();
  for (std::string_view Other :
       {"block", "extends", "include", "import", "from"})
    if (isName(Other))
      failAt(current().At, "the tag '" + std::string(Other) +
                               "' is not supported: a chat template is one "
                               "file");
  if (!isType(Token::Type::Name))
    unexpected("the name of a tag");
  failAt(current().At, "there is no tag '" + current().Text + "' here");
}

//===-- Statements
//---------------------------------------------------------===//

Stmt *Parser::ifStatement() {
  Stmt *Made = make(Type::If, current().At);
  Stmt *Branch = Made;
  while (true) {
    take();
    Branch->Test =
        tuple(/*Simple=*/false, /*WithConditional=*/false,
              /*IsParenthesized=*/false, /*WithNamespace=*/false, "");
    Branch->Body = body({"elif", "else", "endif"});
    if (!isName("elif"))
      break;
    Branch = make(Type::If, current().At);
    Made->Elifs.push_back(Branch);
  }
  if (take().Text == "else") {
    Made->Else = body({"endif"});
    take();
  }
  return Made;
}

Stmt *Parser::forStatement() {
  Stmt *Made = make(Type::For, take().At);
  Made->Target = target(/*WithNamespace=*/false, "in");
  expectName("in");
  Made->Source =
      tuple(/*Simple=*/false, /*WithConditional=*/false,
            /*IsParenthesized=*/false, /*WithNamespace=*/false, "recursive");
  if (skipName("if"))
    Made->Test = expression();
  Made->IsRecursive = skipName("recursive");
  unsigned Around = Loops;
  // The body of a recursive loop is a function.
  Loops = Made->IsRecursive ? 1 : Around + 1;
  Made->Body = body({"endfor", "else"});
  Loops = Made->IsRecursive ? 0 : Around;
  if (take().Text == "else") {
    Made->Else = body({"endfor"});
    take();
  }
  Loops = Around;
  return Made;
}

Stmt *Parser::setStatement() {
  Position Where = take().At;
  Expr *To = target(/*WithNamespace=*/true);
  Stmt *Made = make(Type::Set, Where);
  Made->Target = To;
  if (skipOperator("=")) {
    Made->Source =
        tuple(/*Simple=*/false, /*WithConditional=*/true,
              /*IsParenthesized=*/false, /*WithNamespace=*/false, "");
    return Made;
  }
  Made->Is = Type::SetBlock;
  Made->Source = filters(nullptr, /*StartInline=*/false);
  Made->Body = body({"endset"});
  take();
  return Made;
}

/// Names, tuples of names and, for a set, attributes of namespaces.
Expr *Parser::target(bool WithNamespace, std::string_view End) {
  Expr *Made = tuple(/*Simple=*/true, /*WithConditional=*/true,
                     /*IsParenthesized=*/false, WithNamespace, End);
  checkTarget(*Made, WithNamespace, Expr::Use::Store);
  return Made;
}

void Parser::checkTarget(Expr &E, bool WithNamespace, Expr::Use How) {
  E.How = How;
  switch (E.Is) {
  case Expr::Type::Name:
  case Expr::Type::NamespaceRef:
    return;
  case Expr::Type::Tuple:
    for (Expr *Each : E.Parts)
      checkTarget(*Each, WithNamespace, How);
    return;
  default:
    failAt(E.At, "this cannot be assigned to");
  }
}

/// Parameters in parentheses.
void Parser::signature(Stmt &S) {
  expectOperator("(");
  while (!isOperator(")")) {
    if (!S.Targets.empty())
      expectOperator(",");
    Expr *Parameter = make(Expr::Type::Name, current().At);
    Parameter->Text = takeName("the name of a parameter");
    Parameter->How = Expr::Use::Parameter;
    for (const Expr *Each : S.Targets)
      if (Each->Text == Parameter->Text)
        failAt(Parameter->At,
               "the parameter '" + Parameter->Text + "' is there twice");
    if (skipOperator("="))
      S.Defaults.push_back(expression());
    else if (!S.Defaults.empty())
      failAt(Parameter->At, "a parameter without a default stands behind one "
                            "with a default");
    S.Targets.push_back(Parameter);
  }
  expectOperator(")");
}

Stmt *Parser::macroStatement() {
  Stmt *Made = make(Type::Macro, take().At);
  Made->Name = takeName("the name of the macro");
  signature(*Made);
  Made->Body = functionBody({"endmacro"});
  return Made;
}

Stmt *Parser::callStatement() {
  Stmt *Made = make(Type::Call, take().At);
  if (isOperator("("))
    signature(*Made);
  Made->Source = expression();
  if (Made->Source->Is != Expr::Type::Call)
    failAt(Made->Source->At, "expected a call");
  Made->Body = functionBody({"endcall"});
  return Made;
}

Stmt *Parser::generationStatement() {
  Stmt *Made = make(Type::Call, take().At);
  Made->Body = functionBody({"endgeneration"});
  return Made;
}

Stmt *Parser::filterStatement() {
  Stmt *Made = make(Type::FilterBlock, take().At);
  Made->Source = filters(nullptr, /*StartInline=*/true);
  Made->Body = body({"endfilter"});
  take();
  return Made;
}

Stmt *Parser::withStatement() {
  Stmt *Made = make(Type::With, take().At);
  while (!isType(Token::Type::BlockEnd)) {
    if (!Made->Targets.empty())
      expectOperator(",");
    // One name each, or a tuple in parentheses.
    Expr *To = tuple(/*Simple=*/true, /*WithConditional=*/true,
                     /*IsParenthesized=*/false, /*WithNamespace=*/false, "");
    checkTarget(*To, /*WithNamespace=*/false, Expr::Use::Parameter);
    Made->Targets.push_back(To);
    expectOperator("=");
    Made->Exprs.push_back(expression());
  }
  Made->Body = body({"endwith"});
  take();
  return Made;
}

/// Nothing is escaped anyway; what remains is a scope.
Stmt *Parser::autoescapeStatement() {
  Stmt *Made = make(Type::With, take().At);
  if (!skipName("false") && !skipName("False"))
    failAt(current().At, "texts are not escaped for HTML here");
  Made->Body = body({"endautoescape"});
  take();
  return Made;
}

Stmt *Parser::printStatement() {
  Stmt *Made = make(Type::Output, take().At);
  while (!isType(Token::Type::BlockEnd)) {
    if (!Made->Exprs.empty())
      expectOperator(",");
    Made->Exprs.push_back(expression());
  }
  return Made;
}

Stmt *Parser::loopControl() {
  const Token &Word = take();
  if (!Loops)
    failAt(Word.At, "'" + Word.Text + "' stands outside of a loop");
  return make(Word.Text == "break" ? Type::Break : Type::Continue, Word.At);
}

void Parser::parseTemplate() { Out.Body = statements({}); }

Tree jinja::parse(std::string_view Source) {
  Tree Made;
  Parser(tokenize(Source), Made).parseTemplate();
  bindNames(Made);
  return Made;
}
