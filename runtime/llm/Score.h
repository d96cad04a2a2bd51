// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How probable a text is to a language model.
//
// Included by who scores text.
#ifndef DURE_RUNTIME_LLM_SCORE_H
#define DURE_RUNTIME_LLM_SCORE_H

#include "runtime/llm/Generator.h"

#include <functional>
#include <span>

namespace dure {

struct TextScore {
  /// Sum of the natural logarithms of the tokens' probabilities, each after
  /// those before it.
  double LogLikelihood = 0;
  /// Tokens that it is the sum of: all but the first, which nothing precedes.
  int64_t Count = 0;

  /// exp of the mean negative logarithm.
  double perplexity() const;
};

/// Scores `Tokens` from the start of an empty sequence. A text that is longer
/// than the context is cut into windows of it, each of which overlaps the one
/// before by all but `Stride` tokens, which stand before it then (as
/// transformers' guide to perplexity has it); 0: half of the context.
/// `Progress`, if given, is told how many tokens are done.
Result<TextScore> score(Generator &Model, std::span<const int64_t> Tokens,
                        int64_t Stride = 0,
                        const std::function<void(size_t)> &Progress = nullptr);

} // namespace dure

#endif // DURE_RUNTIME_LLM_SCORE_H
