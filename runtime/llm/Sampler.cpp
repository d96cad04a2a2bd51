// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sampler's steps.
#include "runtime/llm/Sampler.h"

#include "runtime/llm/Random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace dure;

namespace {

/// Tokens are numbered with 31 bits: no vocabulary is near that.
constexpr int64_t MaxTokens = std::numeric_limits<int32_t>::max();

Status outOfRange(const char *Option, double Value, const char *Range) {
  return invalidArgument(std::string("sampling: the ") + Option + " is " +
                         std::to_string(Value) + "; give " + Range);
}

bool isIn(double Value, double Low, double High) {
  // False for NaN.
  return Value >= Low && Value <= High;
}

} // namespace

Status dure::checkSampling(const SamplingOptions &O) {
  if (!isIn(O.Temperature, 0, 100))
    return outOfRange("temperature", O.Temperature, "0 to 100");
  // A division by less overflows float32.
  if (O.Temperature > 0 && O.Temperature < 1e-6)
    return outOfRange("temperature", O.Temperature, "0, or at least 1e-6");
  if (O.TopK < 0 || O.TopK > MaxTokens)
    return outOfRange("top-k", static_cast<double>(O.TopK),
                      "how many tokens to keep, or 0 for all");
  if (!isIn(O.TopP, 0, 1))
    return outOfRange("top-p", O.TopP, "0 to 1");
  if (!isIn(O.MinP, 0, 1))
    return outOfRange("min-p", O.MinP, "0 to 1");
  if (!isIn(O.RepetitionPenalty, 0.01, 100))
    return outOfRange("repetition penalty", O.RepetitionPenalty, "0.01 to 100");
  if (!isIn(O.PresencePenalty, -100, 100))
    return outOfRange("presence penalty", O.PresencePenalty, "-100 to 100");
  if (!isIn(O.FrequencyPenalty, -100, 100))
    return outOfRange("frequency penalty", O.FrequencyPenalty, "-100 to 100");
  return Status::success();
}

Sampler::Use &Sampler::use(int64_t Token) {
  const auto Index = static_cast<size_t>(Token);
  if (UseOf.size() <= Index)
    UseOf.resize(Index + 1, -1);
  if (UseOf[Index] < 0) {
    UseOf[Index] = static_cast<int32_t>(Uses.size());
    Uses.push_back({Token, 0});
  }
  return Uses[static_cast<size_t>(UseOf[Index])];
}

void Sampler::addPrompt(std::span<const int64_t> Tokens) {
  for (int64_t Token : Tokens)
    if (Token >= 0 && Token < MaxTokens)
      (void)use(Token);
}

void Sampler::addAnswer(int64_t Token) {
  if (Token >= 0 && Token < MaxTokens)
    ++use(Token).InAnswer;
}

void Sampler::penalize() {
  const auto Repetition = static_cast<float>(Options.RepetitionPenalty);
  for (const Use &Each : Uses) {
    if (static_cast<size_t>(Each.Token) >= Scores.size())
      continue;
    float &Score = Scores[static_cast<size_t>(Each.Token)];
    Score = Score < 0 ? Score * Repetition : Score / Repetition;
    if (Each.InAnswer > 0)
      Score -= static_cast<float>(Options.FrequencyPenalty *
                                      static_cast<double>(Each.InAnswer) +
                                  Options.PresencePenalty);
  }
}

Result<int64_t> Sampler::largest() const {
  int64_t Best = -1;
  float Most = -std::numeric_limits<float>::infinity();
  for (size_t I = 0; I != Scores.size(); ++I) {
    if (std::isnan(Scores[I]))
      return Status(StatusCode::Internal,
                    "the model's logits are not numbers (NaN for token " +
                        std::to_string(I) +
                        "); its weights are damaged, or too large for its "
                        "types");
    if (Scores[I] > Most) {
      Most = Scores[I];
      Best = static_cast<int64_t>(I);
    }
  }
  if (Best < 0 || std::isinf(Most))
    return Status(StatusCode::Internal,
                  "the model's logits have no finite largest one; its weights "
                  "are damaged, or too large for its types");
  return Best;
}

void Sampler::keepTopK(std::vector<uint32_t> &Kept) const {
  const auto K = static_cast<size_t>(Options.TopK);
  if (K == 0 || K >= Kept.size())
    return;
  std::vector<float> Sorted(Scores);
  std::nth_element(Sorted.begin(),
                   Sorted.begin() + static_cast<ptrdiff_t>(K - 1), Sorted.end(),
                   std::greater<float>());
  const float Least = Sorted[K - 1];
  std::erase_if(Kept, [&](uint32_t Token) { return Scores[Token] < Least; });
}

void Sampler::keepTopP(std::vector<uint32_t> &Kept) const {
  if (Options.TopP >= 1)
    return;
  // The most probable token is on top; the smaller id of equals.
  const auto Below = [this](uint32_t A, uint32_t B) {
    return Scores[A] != Scores[B] ? Scores[A] < Scores[B] : A > B;
  };
  std::make_heap(Kept.begin(), Kept.end(), Below);
  double Total = 0;
  for (uint32_t Token : Kept)
    Total += std::exp(double(Scores[Token]));
  // A heap gives only as many in order as are kept, which are few mostly.
  double Sum = 0;
  auto End = Kept.end();
  do {
    std::pop_heap(Kept.begin(), End, Below);
    Sum += std::exp(double(Scores[*--End]));
  } while (End != Kept.begin() && Sum < Options.TopP * Total);
  Kept.erase(Kept.begin(), End);
}

Result<std::vector<Candidate>>
Sampler::candidates(std::span<const float> Logits) {
  if (Logits.empty() || Logits.size() > static_cast<size_t>(MaxTokens))
    return Status(StatusCode::Internal, "there are logits for " +
                                            std::to_string(Logits.size()) +
                                            " tokens");
  Scores.assign(Logits.begin(), Logits.end());
  penalize();
  Result<int64_t> Best = largest();
  if (!Best)
    return Best.status();
  if (Options.Temperature == 0)
    return std::vector<Candidate>{{*Best, 1.0}};
  // Relative to the largest, which changes no probability: a low temperature
  // must not make infinities.
  const float Most = Scores[static_cast<size_t>(*Best)];
  for (float &Score : Scores)
    Score = (Score - Most) / static_cast<float>(Options.Temperature);

  std::vector<uint32_t> Kept(Scores.size());
  std::iota(Kept.begin(), Kept.end(), 0u);
  keepTopK(Kept);
  keepTopP(Kept);
  std::vector<Candidate> Left;
  double Sum = 0;
  for (uint32_t Token : Kept) {
    // Relative to the most probable one.
    const double Weight = std::exp(double(Scores[Token]));
    if (Weight < Options.MinP || Weight == 0)
      continue;
    Left.push_back({static_cast<int64_t>(Token), Weight});
    Sum += Weight;
  }
  for (Candidate &Each : Left)
    Each.Probability /= Sum;
  // In one order whichever filters were on, so that a draw does not depend on
  // how they work.
  std::sort(
      Left.begin(), Left.end(),
      [](const Candidate &A, const Candidate &B) { return A.Token < B.Token; });
  return Left;
}

Result<int64_t> Sampler::sample(std::span<const float> Logits,
                                uint64_t Position) {
  Result<std::vector<Candidate>> Left = candidates(Logits);
  if (!Left)
    return Left.status();
  const double Wanted = uniform(Options.Seed, Position);
  double Sum = 0;
  for (const Candidate &Each : *Left)
    if ((Sum += Each.Probability) > Wanted)
      return Each.Token;
  // The sum is less than 1 by rounding.
  return Left->back().Token;
}

TokenLogProbs dure::logProbsOf(std::span<const float> Logits, int64_t Token,
                               size_t Count) {
  const double Most = *std::max_element(Logits.begin(), Logits.end());
  double Sum = 0;
  for (float Logit : Logits)
    Sum += std::exp(Logit - Most);
  const double LogSum = Most + std::log(Sum);
  TokenLogProbs Out;
  Out.Chosen = Logits[static_cast<size_t>(Token)] - LogSum;
  if (Count == 0)
    return Out;
  std::vector<int64_t> Order(Logits.size());
  std::iota(Order.begin(), Order.end(), int64_t(0));
  const auto Last =
      Order.begin() + static_cast<ptrdiff_t>(std::min(Count, Order.size()));
  std::partial_sort(Order.begin(), Last, Order.end(),
                    [&](int64_t A, int64_t B) {
                      const float OfA = Logits[static_cast<size_t>(A)];
                      const float OfB = Logits[static_cast<size_t>(B)];
                      return OfA != OfB ? OfA > OfB : A < B;
                    });
  for (auto Each = Order.begin(); Each != Last; ++Each)
    Out.Top.push_back({*Each, Logits[static_cast<size_t>(*Each)] - LogSum});
  return Out;
}
