// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Evaluates the recipe of a weight: from stored bytes to the bytes that code
// reads.
//
// Included by the package writer (embedding, at compile time) and by the weight
// loader (weights left in the model's files): one evaluator, so both give the
// same bits. Depends on Package.h and base. Changes with the schema's steps.
//
// Evaluation is lazy: any byte range of the result can be asked for, and only
// what it needs is read. A weight is never held as a whole, except operands
// small enough to be looked up faster than computed (OperandCacheLimit).
#ifndef DURE_RUNTIME_WEIGHTS_RECIPE_H
#define DURE_RUNTIME_WEIGHTS_RECIPE_H

#include "runtime/base/Status.h"
#include "runtime/package/Package.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace dure {

/// Element type and shape on the way through a recipe.
struct TypedShape {
  ElementType Type = ElementType::None;
  std::vector<int64_t> Shape;
};

/// Result of STEPS applied to STORED. Checks every number in them; operands
/// are taken from WEIGHTS by their declared type and shape and must have an
/// index below LIMIT.
Result<TypedShape> inferSteps(TypedShape Stored, const std::vector<Step> &Steps,
                              const std::vector<Weight> &Weights,
                              uint32_t Limit);

/// Operands of at most this many bytes are evaluated once, up front, as far as
/// a recipe's budget of eight such goes.
inline constexpr uint64_t OperandCacheLimit = 8 << 20;

/// One value of a recipe, element by element; see Recipe.cpp.
class RecipeNode;

/// A weight's recipe bound to the bytes that it starts from. Reading is const
/// and may be done from several threads. Borrows the bytes.
class Recipe {
public:
  /// Prepares weight INDEX of CONTENT. FILES are the bytes of Package::Files,
  /// in order; entries that the recipe does not need may be empty spans.
  /// PACKAGEWEIGHTS is the package's weight part, for operands that lie there.
  /// CONTENT must have passed verifyPackage.
  static Result<Recipe>
  create(const Package &Content, uint32_t Index,
         std::span<const std::span<const std::byte>> Files,
         std::span<const std::byte> PackageWeights);

  Recipe(Recipe &&);
  Recipe &operator=(Recipe &&);
  ~Recipe();

  /// Bytes of the result.
  uint64_t size() const { return Size; }
  /// Writes result bytes [OFFSET, OFFSET + out.size()). OFFSET is a multiple of
  /// 8 bytes, and so is the length unless it reaches the end.
  void read(uint64_t Offset, std::span<std::byte> Out) const;
  /// The stored bytes if the recipe leaves them as they are: no copy needed.
  std::span<const std::byte> identity() const { return Identity; }

private:
  Recipe();

  std::unique_ptr<RecipeNode> Root;
  std::span<const std::byte> Identity;
  uint64_t Size = 0;
};

} // namespace dure

#endif // DURE_RUNTIME_WEIGHTS_RECIPE_H
