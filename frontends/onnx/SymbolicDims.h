// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dimension names of a model and what the graph says about them.
//
// Private to frontends/onnx; kept across the runs of one import. Declared dims
// become expressions over symbols. Where the graph needs two of them to be
// equal, a symbol of the inputs is replaced by the other side; what cannot be
// solved that way is checked at run time.

#ifndef DURE_FRONTENDS_ONNX_SYMBOLICDIMS_H
#define DURE_FRONTENDS_ONNX_SYMBOLICDIMS_H

#include "dialects/dure/DimExpr.h"
#include "frontends/onnx/Model.h"

#include "llvm/ADT/SmallVector.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dure::onnx {

class SymbolicDims {
public:
  using Pairs = std::vector<std::pair<DimExpr, DimExpr>>;

  /// Takes the declared dims of the graph's inputs. Names that are expressions
  /// over other inputs' dims are read as such; any other name is a symbol.
  explicit SymbolicDims(const std::vector<const ValueInfo *> &Inputs);

  /// The dims of input `I`, with everything that was found out substituted.
  llvm::SmallVector<DimExpr> inputDims(size_t I) const;

  /// Starts a run: equalities are collected anew.
  void beginRun() {
    Equalities.clear();
    Seen.clear();
    Conditions.clear();
  }

  /// Notes that the graph needs `L == R`. False when they are unlike constants.
  bool equal(const DimExpr &L, const DimExpr &R);

  /// Until popCondition, equalities are needed only where `Condition` is not 0
  /// (nor any that was pushed before): they are checks, and nothing is learned
  /// from them.
  void pushCondition(const DimExpr &Condition) {
    Conditions.push_back(Condition);
  }
  void popCondition() { Conditions.pop_back(); }
  /// What both branches of a condition need is needed anyway: equalities from
  /// `Then` on are those of the first branch, from `Else` on of the second.
  void joinBranches(size_t Then, size_t Else);

  /// Equalities noted so far, and forgetting those that came after.
  size_t mark() const { return Equalities.size(); }
  void rollBack(size_t Mark);

  /// The simplest expression known to equal `E`.
  DimExpr settle(const DimExpr &E) const;

  /// Turns the equalities of the last run into substitutions. True when there
  /// are new ones, so that another run would see other dims.
  bool learn();

  /// What the runtime must check besides the dims of the inputs.
  Pairs checks() const;

  /// True when a dim of the inputs has the name.
  bool isTaken(const std::string &Name) const { return Taken.count(Name); }

private:
  struct Equality {
    DimExpr L, R;
    std::vector<DimExpr> Conditions; ///< Outer ones first.
  };
  using Key = std::pair<std::string, std::string>;
  static Key keyOf(const Equality &E);

  std::string freshSymbol(std::string_view Wish);
  void addInputSymbol(const std::string &Name);
  DimExpr declaredDim(const ValueInfo &Info, size_t I);
  bool dependsOnInputsOnly(const DimExpr &E) const;
  bool solve(const DimExpr &L, const DimExpr &R);
  void substitute(const std::string &Symbol, const DimExpr &Value);

  std::vector<llvm::SmallVector<DimExpr>> Inputs;
  /// Symbols that some input has as a bare dim, and their order.
  std::map<std::string, size_t> InputSymbols;
  /// Odd dim names as the symbols that stand for them.
  std::map<std::string, DimExpr> Opaque;
  std::set<std::string> Taken;
  /// Symbol of the inputs -> what it is; no value mentions a key.
  std::map<std::string, DimExpr> Substitutions;
  /// Text of an expression -> a shorter one, equal by a check.
  std::map<std::string, DimExpr> Replacements;
  Pairs LastingChecks;
  std::vector<Equality> Equalities;
  /// Those in Equalities.
  std::set<Key> Seen;
  std::vector<DimExpr> Conditions;
};

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_SYMBOLICDIMS_H
