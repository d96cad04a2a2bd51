// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A parsed template. Nodes belong to their Tree and refer to each other.
#ifndef DURE_RUNTIME_TEXT_JINJA_AST_H
#define DURE_RUNTIME_TEXT_JINJA_AST_H

#include "runtime/text/jinja/Value.h"

#include <deque>

namespace dure::jinja {

enum class Op : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  FloorDiv,
  Mod,
  Pow,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  In,
  NotIn,
};

struct Expr;
struct Stmt;

/// A variable: that of `Slot` in the frame that many scopes further out.
struct Reference {
  uint32_t Hops = 0;
  uint32_t Slot = 0;
};

/// Variables that live and end together: of the template, a loop's body, a
/// macro. Names are bound to slots before anything is rendered, by the rules
/// of Jinja's compiler (Scopes.h).
struct Scope {
  enum class Load : uint8_t {
    /// Set by what enters the scope.
    Parameter,
    /// What the caller of the template gave by this name, or a global.
    Resolve,
    /// A copy of a variable further out.
    Alias,
    /// Nothing, until it is set.
    Unset,
  };
  struct Symbol {
    std::string Name;
    Load How = Load::Resolve;
    /// Of an alias, seen from this scope.
    Reference Outer;
  };
  std::vector<Symbol> Symbols;
  /// A macro or a recursive loop inside may outlive the scope.
  bool IsCaptured = false;
};

/// The arguments of a call as they are written.
struct CallSite {
  std::vector<Expr *> Positional;
  std::vector<std::pair<std::string, Expr *>> Named;
  Expr *Star = nullptr;
  Expr *StarStar = nullptr;
};

struct Expr {
  enum class Type : uint8_t {
    Constant,
    Name,
    /// `Text`.`Attribute` as the target of a set.
    NamespaceRef,
    Tuple,
    List,
    /// Key, value, key, value, ...
    Dict,
    /// Parts[0].Text
    Attribute,
    /// Parts[0][Parts[1]]
    Item,
    /// Parts[0][Parts[1]:Parts[2]:Parts[3]]; absent parts are null.
    Slice,
    /// Parts[0](Given)
    Call,
    /// Parts[0]|Text(Given); Parts[0] is null in a block.
    Filter,
    /// Parts[0] is Text(Given)
    Test,
    Not,
    Negative,
    Positive,
    And,
    Or,
    /// Parts[0] Operators[0] Parts[1]
    Binary,
    /// All parts as one text.
    Concat,
    /// Parts[0] Operators[0] Parts[1] Operators[1] Parts[2] ...
    Compare,
    /// Parts[1] if Parts[0] else Parts[2], which may be null.
    Conditional,
  };
  enum class Use : uint8_t { Load, Store, Parameter };

  Type Is = Type::Constant;
  Use How = Use::Load;
  Position At;
  std::string Text;
  std::string Attribute;
  Value Constant;
  std::vector<Expr *> Parts;
  std::vector<Op> Operators;
  CallSite Given;
  Reference Variable;
  /// Expressions inside each other.
  unsigned Depth = 1;
};

struct Stmt {
  enum class Type : uint8_t {
    /// Text and expressions: Exprs.
    Output,
    If,
    For,
    Macro,
    /// {% call %}, and {% generation %}, which has no call.
    Call,
    FilterBlock,
    With,
    Set,
    SetBlock,
    Break,
    Continue,
  };
  Type Is = Type::Output;
  Position At;

  /// Output: what is written. With: the values.
  std::vector<Expr *> Exprs;
  /// If, For: the condition. May be null for a loop.
  Expr *Test = nullptr;
  /// For, Set, SetBlock.
  Expr *Target = nullptr;
  /// For: what is iterated. Set: the value. Call: the call. FilterBlock,
  /// SetBlock: the filters, which may be null.
  Expr *Source = nullptr;
  /// With: the targets. Macro, Call: the parameters.
  std::vector<Expr *> Targets;
  /// Macro, Call: of the last parameters.
  std::vector<Expr *> Defaults;
  std::string Name;
  Reference Variable;
  std::vector<Stmt *> Body;
  /// If: statements of type If without elif or else of their own.
  std::vector<Stmt *> Elifs;
  std::vector<Stmt *> Else;
  bool IsRecursive = false;

  // What the scopes' analysis finds out.
  Scope Inner, ElseScope, TestScope;
  /// Slots of what a body may use without declaring it; -1 if it does not.
  int LoopSlot = -1, CallerSlot = -1, KwargsSlot = -1, VarargsSlot = -1;
  /// A macro has a parameter with the name of its caller.
  bool DeclaresCaller = false;
};

/// Owns all nodes: they are freed one by one, however deep they are.
struct Tree {
  std::deque<Expr> Exprs;
  std::deque<Stmt> Stmts;
  std::vector<Stmt *> Body;
  Scope Root;
};

/// Throws Failure.
Tree parse(std::string_view Source);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_AST_H
