// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads tokens as statements and expressions, with Jinja's precedence.
//
// ParseStatements.cpp and ParseExpressions.cpp implement it.
#ifndef DURE_RUNTIME_TEXT_JINJA_PARSER_H
#define DURE_RUNTIME_TEXT_JINJA_PARSER_H

#include "runtime/text/jinja/Ast.h"
#include "runtime/text/jinja/Lexer.h"

#include <initializer_list>

namespace dure::jinja {

class Parser {
public:
  Parser(std::vector<Token> Tokens, Tree &Out)
      : Tokens(std::move(Tokens)), Out(Out) {}

  /// Throws Failure.
  void parseTemplate();

private:
  using Names = std::initializer_list<std::string_view>;

  // Tokens.
  const Token &current() const { return Tokens[At]; }
  const Token &ahead() const {
    return Tokens[std::min(At + 1, Tokens.size() - 1)];
  }
  const Token &take();
  bool isOperator(std::string_view What) const {
    return current().isOperator(What);
  }
  bool isName(std::string_view What) const { return current().isName(What); }
  bool isType(Token::Type What) const { return current().Is == What; }
  bool isTupleEnd() const;
  bool skipOperator(std::string_view What);
  bool skipName(std::string_view What);
  void expectOperator(std::string_view What);
  void expectName(std::string_view What);
  void expectType(Token::Type What, const char *Said);
  std::string takeName(const char *Said);
  [[noreturn]] void unexpected(const std::string &Wanted) const;

  // Statements.
  std::vector<Stmt *> statements(Names Ends);
  std::vector<Stmt *> body(Names Ends);
  Stmt *statement();
  Stmt *ifStatement();
  Stmt *forStatement();
  Stmt *setStatement();
  Stmt *macroStatement();
  Stmt *callStatement();
  Stmt *generationStatement();
  Stmt *filterStatement();
  Stmt *withStatement();
  Stmt *autoescapeStatement();
  Stmt *printStatement();
  Stmt *loopControl();
  void signature(Stmt &S);
  std::vector<Stmt *> functionBody(Names Ends);
  Expr *target(bool WithNamespace, std::string_view End = "");
  void checkTarget(Expr &E, bool WithNamespace, Expr::Use How);
  Stmt *make(Stmt::Type Is, Position Where);

  // Expressions.
  Expr *expression(bool WithConditional = true);
  Expr *conditional();
  Expr *orExpression();
  Expr *andExpression();
  Expr *notExpression();
  Expr *comparison();
  Expr *sum();
  Expr *concat();
  Expr *product();
  Expr *power();
  Expr *unary(bool WithFilter = true);
  Expr *primary(bool WithNamespace = false);
  Expr *nameOrConstant(bool WithNamespace);
  Expr *listDisplay();
  Expr *dictDisplay();
  Expr *tuple(bool Simple, bool WithConditional, bool IsParenthesized,
              bool WithNamespace, std::string_view End);
  Expr *postfix(Expr *Of);
  Expr *filtersAndTests(Expr *Of);
  Expr *filters(Expr *Of, bool StartInline);
  Expr *test(Expr *Of);
  Expr *subscript(Expr *Of);
  Expr *item(Expr *Of, Position Where);
  Expr *call(Expr *Of);
  CallSite callArguments();
  std::string dottedName();
  Expr *make(Expr::Type Is, Position Where, std::vector<Expr *> Parts = {});
  Expr *binary(Op Which, Position Where, Expr *Left, Expr *Right);

  /// Counts what is inside each other, for as long as it lives.
  class Level {
  public:
    explicit Level(Parser &P) : P(P) {
      if (++P.Nesting > MaxNesting)
        failAt(P.current().At, "too much is inside each other here");
    }
    ~Level() { --P.Nesting; }

  private:
    Parser &P;
  };

  std::vector<Token> Tokens;
  size_t At = 0;
  Tree &Out;
  unsigned Nesting = 0;
  /// Loops around in the same function: what break and continue refer to.
  unsigned Loops = 0;
};

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_PARSER_H
