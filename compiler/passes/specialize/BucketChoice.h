// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which buckets an entry gets: those asked for, completed by defaults.
//
// Included by phase specialize alone.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_BUCKETCHOICE_H
#define DURE_COMPILER_PASSES_SPECIALIZE_BUCKETCHOICE_H

#include "compiler/passes/specialize/Buckets.h"

#include <set>

namespace dure {

/// Sizes of symbols.
using SymbolSizes = std::map<std::string, int64_t>;

/// Chooses the buckets of one entry. A dimension that no request names gets
///
///  * 1 where it is the first of every input that has it: a batch;
///  * 0 where it is the length of a past that a state replaces in `step`;
///  * what the model demands, where other dimensions say it (a mask over past
///    and new positions together);
///  * in `step`, for new positions: 1 and 128, for the capacity: 512;
///  * else 32, 128 and 512.
///
/// Defaults that the model cannot have (a table of positions is shorter) give
/// way to the largest that it can.
class BucketChooser {
public:
  /// `Past` is the symbol of main's past positions, or empty.
  BucketChooser(mlir::func::FuncOp Entry, llvm::StringRef Past);

  /// The table, smallest buckets first, without callees. Emits a diagnostic and
  /// fails where a request cannot be served.
  mlir::FailureOr<BucketTable>
  choose(llvm::ArrayRef<BucketRequest> Requests) const;

  /// Every symbol's size in a bucket: those of the table, and the length of a
  /// state that is full after the step.
  SymbolSizes sizesOf(const BucketTable &Table, const Bucket &Each) const;

  /// The symbol of a state's length, or empty.
  const std::string &length() const { return Length; }

  /// Symbols of which a smaller size might be padded: not those of a state,
  /// whose batch and capacity are what it was made with, and which would keep
  /// what is behind new positions, nor the past, behind which they stand.
  llvm::SmallVector<std::string> paddable(const BucketTable &Table,
                                          const Bucket &Each) const;

private:
  struct Choice {
    std::vector<int64_t> Sizes;
    bool IsAsked = false;
  };
  using Choices = std::map<std::string, Choice>;

  std::vector<int64_t> defaultsOf(const std::string &Symbol) const;
  bool isBatch(const std::string &Symbol) const;
  void findDerived();
  bool complete(SymbolSizes &Sizes, const Choices &Given) const;
  std::optional<DimsAttr> brokenPair(const SymbolSizes &Sizes) const;
  bool isPossible(SymbolSizes Sizes, const Choices &Given) const;
  void shrinkDefaults(Choices &Given) const;
  mlir::LogicalResult addRequest(const BucketRequest &Request,
                                 std::set<std::vector<int64_t>> &Out) const;
  mlir::LogicalResult refuse(const SymbolSizes &Sizes,
                             const Choices &Given) const;

  /// A handle; nothing of it is changed.
  mutable mlir::func::FuncOp Entry;
  std::string Past, Length, Capacity;
  DimExpr Growth;
  llvm::SmallVector<std::string> Symbols;
  llvm::SmallVector<DimsAttr> Pairs;
  /// What other dimensions say of a symbol, when nobody gives it.
  std::map<std::string, llvm::SmallVector<DimExpr>> Derived;
};

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_BUCKETCHOICE_H
