// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How far logits are from those of a reference.
//
// Included by who checks a language model. Depends on the C++ library.
#ifndef DURE_RUNTIME_LLM_COMPARELOGITS_H
#define DURE_RUNTIME_LLM_COMPARELOGITS_H

#include <cstddef>
#include <span>

namespace dure {

/// Adds up over positions.
class LogitsComparison {
public:
  /// The logits of one position; both have as many.
  void add(std::span<const float> Got, std::span<const float> Wanted);

  size_t positions() const { return Count; }
  /// Of the logits as vectors: the mean, and the least of all positions.
  double meanCosine() const { return Count ? CosineSum / double(Count) : 0; }
  double leastCosine() const { return LeastCosine; }
  /// Kullback-Leibler divergence of the reference's distribution from ours, in
  /// nats: sum of p_ref * log(p_ref / p).
  double meanDivergence() const {
    return Count ? DivergenceSum / double(Count) : 0;
  }
  double largestDivergence() const { return LargestDivergence; }
  /// Part of the positions where both have the same largest logit.
  double topAgreement() const {
    return Count ? double(SameTop) / double(Count) : 0;
  }
  double largestDifference() const { return LargestDifference; }

private:
  size_t Count = 0, SameTop = 0;
  double CosineSum = 0, LeastCosine = 1;
  double DivergenceSum = 0, LargestDivergence = 0, LargestDifference = 0;
};

} // namespace dure

#endif // DURE_RUNTIME_LLM_COMPARELOGITS_H
