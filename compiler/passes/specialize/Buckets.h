// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shape buckets: the sizes of symbolic dimensions that code is made for.
//
// Included by phase specialize, by the checks of `--bucket` and by what lowers
// an entry that has buckets. Depends on MLIR and the dure dialect only.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_BUCKETS_H
#define DURE_COMPILER_PASSES_SPECIALIZE_BUCKETS_H

#include "dialects/dure/DureOps.h"

#include <map>
#include <string>
#include <vector>

namespace dure {

/// Attribute of an entry that is a table of functions of static shapes, and
/// then has no body: an array of dictionaries, see BucketTable.
inline constexpr llvm::StringLiteral BucketsAttr = "dure.buckets";
/// Attribute beside it: the symbols whose values choose, an array of strings.
inline constexpr llvm::StringLiteral BucketSymbolsAttr = "dure.bucket_symbols";
/// Unit attribute of the functions in such a table.
inline constexpr llvm::StringLiteral BucketFnAttr = "dure.bucket_fn";

/// What one --bucket asks for: sizes by dimension; every combination of them.
using BucketRequest = std::map<std::string, std::vector<int64_t>>;

/// Reads "batch=1,sequence=32,64,128"; empty when it does not read like that.
/// Sizes are from 0 to 2^31.
std::optional<BucketRequest> parseBucket(llvm::StringRef Text);

/// One bucket: its sizes, in the order of the table's symbols.
struct Bucket {
  llvm::SmallVector<int64_t> Sizes;
  /// Symbols of which a smaller value is padded, rather than refused.
  llvm::SmallVector<std::string> Padded;
  /// The function of these sizes.
  std::string Callee;

  bool isPadded(llvm::StringRef Symbol) const {
    return llvm::is_contained(Padded, Symbol);
  }
};

/// The table of an entry: the first bucket that fits is taken, and an exact
/// match comes before every other bucket that fits.
struct BucketTable {
  llvm::SmallVector<std::string> Symbols;
  std::vector<Bucket> Buckets;

  /// The table that a function's attributes hold. \pre hasBuckets(Function)
  static BucketTable of(mlir::func::FuncOp Function);
  /// Makes a function this table: its body goes.
  void setOn(mlir::func::FuncOp Function) const;
  /// "batch=1, sequence=128"; "..128" where smaller sizes are padded.
  std::string describe(const Bucket &Each) const;
  /// The bucket that a run with these sizes takes; null when none fits, or a
  /// size is not given.
  const Bucket *choose(const std::map<std::string, int64_t> &Sizes) const;
};

inline bool hasBuckets(mlir::func::FuncOp Function) {
  return Function->hasAttr(BucketsAttr);
}

/// Checks the attributes and the functions they name. Emits diagnostics.
mlir::LogicalResult verifyBuckets(mlir::func::FuncOp Function);

/// The symbols of an entry's dimensions that a caller may give sizes for: bare
/// dims of its inputs, and the capacity of its state.
llvm::SmallVector<std::string> bucketSymbols(mlir::func::FuncOp Entry);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_BUCKETS_H
