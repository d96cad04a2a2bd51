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
  /// Takes the declared dims of the graph's inputs. Names that are expressions
  /// over other inputs' dims are read as such; any other name is a symbol.
  explicit SymbolicDims(const std::vector<const ValueInfo *> &Inputs);

  /// The dims of input `I`, with everything that was found out substituted.
  llvm::SmallVector<DimExpr> inputDims(size_t I) const;

  /// Starts a run: equalities are collected anew.
  void beginRun() { Equalities.clear(); }

  /// Notes that the graph needs `L == R`. False when they are unlike constants.
  bool equal(const DimExpr &L, const DimExpr &R);

  /// The simplest expression known to equal `E`.
  DimExpr settle(const DimExpr &E) const;

  /// Turns the equalities of the last run into substitutions. True when there
  /// are new ones, so that another run would see other dims.
  bool learn();

  /// What the runtime must check besides the dims of the inputs.
  std::vector<std::pair<DimExpr, DimExpr>> checks() const;

private:
  std::string freshSymbol(std::string_view Wish);
  bool isInputSymbol(const std::string &Name) const;
  bool dependsOnInputsOnly(const DimExpr &E) const;
  bool solve(const DimExpr &L, const DimExpr &R);
  void substitute(const std::string &Symbol, const DimExpr &Value);

  std::vector<llvm::SmallVector<DimExpr>> Inputs;
  /// Symbols that some input has as a bare dim, in the order of the inputs.
  std::vector<std::string> InputSymbols;
  std::set<std::string> Taken;
  /// Symbol of the inputs -> what it is; no value mentions a key.
  std::map<std::string, DimExpr> Substitutions;
  /// Text of an expression -> a shorter one, equal by a check.
  std::map<std::string, DimExpr> Replacements;
  std::vector<std::pair<DimExpr, DimExpr>> LastingChecks;
  std::vector<std::pair<DimExpr, DimExpr>> Equalities;
};

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_SYMBOLICDIMS_H
