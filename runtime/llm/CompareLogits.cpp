// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Comparing distributions.
#include "runtime/llm/CompareLogits.h"

#include <algorithm>
#include <cmath>

using namespace dure;

namespace {

double logSum(std::span<const float> Logits, double Most) {
  double Sum = 0;
  for (float Logit : Logits)
    Sum += std::exp(Logit - Most);
  return Most + std::log(Sum);
}

/// Whether a figure takes the place of the worst one so far; a NaN is the worst
/// of all and stays.
bool isWorse(double New, double Old) {
  return !std::isnan(Old) && !(New <= Old);
}

} // namespace

void LogitsComparison::add(std::span<const float> Got,
                           std::span<const float> Wanted) {
  double Both = 0, OfGot = 0, OfWanted = 0, Difference = 0;
  for (size_t I = 0; I != Got.size(); ++I) {
    Both += double(Got[I]) * Wanted[I];
    OfGot += double(Got[I]) * Got[I];
    OfWanted += double(Wanted[I]) * Wanted[I];
    if (const double D = std::abs(double(Got[I]) - Wanted[I]);
        isWorse(D, Difference))
      Difference = D;
  }
  const double Cosine = Both / std::sqrt(OfGot * OfWanted);
  const auto TopGot = std::max_element(Got.begin(), Got.end());
  const auto TopWanted = std::max_element(Wanted.begin(), Wanted.end());
  const double SumGot = logSum(Got, *TopGot);
  const double SumWanted = logSum(Wanted, *TopWanted);
  double Divergence = 0;
  for (size_t I = 0; I != Got.size(); ++I)
    if (const double P = std::exp(Wanted[I] - SumWanted); P > 0)
      Divergence += P * ((Wanted[I] - SumWanted) - (Got[I] - SumGot));

  ++Count;
  SameTop += TopGot - Got.begin() == TopWanted - Wanted.begin();
  CosineSum += Cosine;
  DivergenceSum += Divergence;
  if (isWorse(-Cosine, -LeastCosine))
    LeastCosine = Cosine;
  if (isWorse(Divergence, LargestDivergence))
    LargestDivergence = Divergence;
  if (isWorse(Difference, LargestDifference))
    LargestDifference = Difference;
}
