// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From logits to the next token: penalties, temperature, filters, a draw.
//
// Included by who drives a model token by token. Depends on the C++ library and
// runtime/base. One object belongs to one sequence and one thread at a time.
//
// The steps and their order are those of transformers' generate() with
// do_sample (logits processors, then warpers):
//
//   1. repetition penalty r, for every token of prompt or answer:
//      logit < 0 ? logit * r : logit / r
//   2. frequency and presence penalty, for every token of the answer, as the
//      OpenAI API and vLLM define them: logit -= frequency * count + presence
//   3. temperature 0: the largest logit, the smaller id of equal ones
//   4. logit /= temperature
//   5. top-k: tokens below the k-th largest logit go; equals of it stay
//   6. top-p: of what is left, the fewest most probable tokens that together
//      reach p stay
//   7. min-p: tokens less probable than min-p times the most probable one go
//   8. a draw by the probabilities that are left
//
// The draw is a function of the seed and of the position of the token in its
// sequence alone (Random.h): not of threads, chunks or what was drawn before.
#ifndef DURE_RUNTIME_LLM_SAMPLER_H
#define DURE_RUNTIME_LLM_SAMPLER_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace dure {

struct SamplingOptions {
  double Temperature = 0;       // 0: greedy
  int64_t TopK = 0;             // 0: all
  double TopP = 1;              // 1: all
  double MinP = 0;              // 0: all
  double RepetitionPenalty = 1; // 1: none
  double PresencePenalty = 0;
  double FrequencyPenalty = 0;
  uint64_t Seed = 0;
};

/// InvalidArgument that names the option which is out of its range.
Status checkSampling(const SamplingOptions &Options);

/// A token that may be drawn, and how probable that is.
struct Candidate {
  int64_t Token;
  double Probability;
};

class Sampler {
public:
  /// Options as checkSampling admits them.
  explicit Sampler(const SamplingOptions &Options) : Options(Options) {}

  /// Tokens that the answer follows; ids outside of the vocabulary are nobody's
  /// logits and are ignored.
  void addPrompt(std::span<const int64_t> Tokens);
  /// A token of the answer.
  void addAnswer(int64_t Token);

  /// What steps 1 to 7 leave, by ascending id; the probabilities sum to 1. With
  /// temperature 0 one token. Fails where the logits are no numbers.
  Result<std::vector<Candidate>> candidates(std::span<const float> Logits);
  /// All steps for the token at `Position` of its sequence. The token still has
  /// to be added.
  Result<int64_t> sample(std::span<const float> Logits, uint64_t Position);

private:
  struct Use {
    int64_t Token;
    int64_t InAnswer; // how often
  };

  Use &use(int64_t Token);
  void penalize();
  Result<int64_t> largest() const;
  void keepTopK(std::vector<uint32_t> &Kept) const;
  void keepTopP(std::vector<uint32_t> &Kept) const;

  SamplingOptions Options;
  std::vector<Use> Uses;      // one a token that was used
  std::vector<int32_t> UseOf; // by token: index into Uses, or -1
  std::vector<float> Scores;  // the logits on their way
};

/// Natural logarithms of probabilities that logits stand for, as they are.
struct TokenLogProbs {
  double Chosen;
  /// The most probable tokens, most probable first; equals by ascending id.
  std::vector<std::pair<int64_t, double>> Top;
};

/// Of `Token`, which must be in range, and of the `Count` most probable.
TokenLogProbs logProbsOf(std::span<const float> Logits, int64_t Token,
                         size_t Count);

} // namespace dure

#endif // DURE_RUNTIME_LLM_SAMPLER_H
