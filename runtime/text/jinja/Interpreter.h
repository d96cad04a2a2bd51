// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Renders one template once.
//
// Run.cpp runs statements, Evaluate.cpp expressions; filters and methods get
// the interpreter to make values and to call what they are given.
#ifndef DURE_RUNTIME_TEXT_JINJA_INTERPRETER_H
#define DURE_RUNTIME_TEXT_JINJA_INTERPRETER_H

#include "runtime/text/jinja/Ast.h"

#include <ctime>

namespace dure::jinja {

class Interpreter {
public:
  /// `Now` is what strftime_now() tells; without it, the local time.
  Interpreter(const RenderLimits &Limits, std::optional<std::tm> Now)
      : M(Limits), Make(M), Now(Now) {}
  ~Interpreter();

  /// Variables of the caller; `Values` may use Make.
  void setVariables(std::unordered_map<std::string, Value> Values) {
    Given = std::move(Values);
  }
  /// Throws Failure.
  std::string render(const Tree &T);

  /// A new namespace, with a dict of its attributes.
  Value makeNamespace(Value Attributes);
  /// Text with the limits of the output.
  void write(std::string_view Text);

  Meter M;
  const Maker Make;
  const std::optional<std::tm> Now;
  /// What is being evaluated, for failures.
  Position Where;

  /// Counts calls inside each other, for as long as it lives.
  class Level {
  public:
    explicit Level(Interpreter &In) : In(In) {
      if (++In.Nesting > In.M.Limits.Depth)
        failLimit("calls, loops and values are too deep inside each other");
      In.M.step();
    }
    ~Level() { --In.Nesting; }

  private:
    Interpreter &In;
  };

private:
  struct Frame : Object {
    Frame *Outer = nullptr;
    std::vector<Value> Slots;
  };
  /// A frame for as long as it is needed: kept to the end where a macro may
  /// refer to it.
  class FrameHolder {
  public:
    FrameHolder(Interpreter &In, const Scope &Of, Frame *Outer);
    Frame &get() { return *Kept; }

  private:
    Frame Own;
    Frame *Kept = &Own;
  };
  enum class Flow : uint8_t { Next, Break, Continue };

  // Statements.
  Flow run(const std::vector<Stmt *> &Body, Frame &F);
  Flow run(const Stmt &S, Frame &F);
  void runOutput(const Stmt &S, Frame &F);
  Flow runIf(const Stmt &S, Frame &F);
  Flow runLoop(const Stmt &S, Frame &F, const Value &Source, int64_t Depth);
  std::string runRecursive(const Stmt &S, Frame &F, const Value &Source,
                           int64_t Depth);
  std::shared_ptr<LoopObject> makeLoop(const Stmt &S, Frame &F,
                                       const Value &Source, int64_t Depth);
  Value makeFunction(const Stmt &S, Frame &F);
  Value callFunction(const Stmt &S, Frame &F, const Arguments &Given);
  void bindParameters(const Stmt &S, Frame &Inner, const Arguments &Given);
  void runCall(const Stmt &S, Frame &F);
  Flow runBlock(const Stmt &S, Frame &F);
  Flow runWith(const Stmt &S, Frame &F);
  void runSet(const Stmt &S, Frame &F);
  void assign(const Expr &Target, const Value &V, Frame &F);
  void writeResult(const Value &V, const char *What);

  // Expressions.
  Value evaluate(const Expr &E, Frame &F);
  Value evaluateCall(const Expr &E, Frame &F, const Value *Caller);
  Value evaluateFilter(const Expr &E, Frame &F, const Value *Input);
  Value evaluateName(const Expr &E, Frame &F);
  Value evaluateDict(const Expr &E, Frame &F);
  Value evaluateSlice(const Expr &E, Frame &F);
  bool evaluateComparison(const Expr &E, Frame &F);
  void evaluateArguments(const CallSite &Site, Frame &F, Arguments &To);
  std::vector<Value> evaluateAll(const std::vector<Expr *> &All, Frame &F);

  // Variables.
  void enter(const Scope &Of, Frame &F);
  Value &variable(const Reference &To, Frame &F);
  Value resolve(const std::string &Name);

  std::unordered_map<std::string, Value> Given;
  std::deque<Frame> Kept;
  std::vector<std::shared_ptr<NamespaceObject>> Namespaces;
  TextBuilder *Out = nullptr;
  uint32_t Nesting = 0;
};

/// A Op B for the operators of arithmetic.
Value arithmetic(Interpreter &In, Op Which, const Value &A, const Value &B);
Value negated(Interpreter &In, const Value &V);
/// A Op B for comparisons, `in` and `not in`.
bool holds(Interpreter &In, Op Which, const Value &A, const Value &B);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_INTERPRETER_H
