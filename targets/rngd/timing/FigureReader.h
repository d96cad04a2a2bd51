// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads several figures and keeps the first failure. Included by the timing
// profiles only.
#ifndef DURE_TARGETS_RNGD_TIMING_FIGUREREADER_H
#define DURE_TARGETS_RNGD_TIMING_FIGUREREADER_H

#include "targets/Machine.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dure::rngd {

class FigureReader {
public:
  explicit FigureReader(const Machine &Chip) : Chip(Chip) {}

  /// Rules divide by figures: none is 0 or below.
  FigureReader &count(const char *Key, int64_t &To) {
    Result<int64_t> Value = Chip.count(Key);
    if (Value && *Value < 1)
      return refuse(Key, " is not above 0");
    if (Value)
      To = *Value;
    return keep(Value.status());
  }
  FigureReader &number(const char *Key, double &To) {
    Result<double> Value = Chip.number(Key);
    if (Value && *Value <= 0)
      return refuse(Key, " is not above 0");
    if (Value)
      To = *Value;
    return keep(Value.status());
  }
  FigureReader &counts(const char *Key, std::vector<int64_t> &To) {
    const Figure *Found = Chip.find(Key);
    auto IsCount = [](double Each) {
      return Each >= 1 && Each <= 0x1p53 && Each == std::floor(Each);
    };
    if (!Found || Found->Numbers.empty() ||
        !std::all_of(Found->Numbers.begin(), Found->Numbers.end(), IsCount))
      return refuse(Key, " is no list of counts above 0");
    To.assign(Found->Numbers.begin(), Found->Numbers.end());
    return *this;
  }
  FigureReader &words(const char *Key, std::vector<std::string> &To) {
    const Figure *Found = Chip.find(Key);
    if (!Found || Found->Words.empty())
      return refuse(Key, " is no list of words");
    To = Found->Words;
    return *this;
  }

  Status Failure;

private:
  FigureReader &refuse(const char *Key, const char *Problem) {
    return keep(Status(StatusCode::FailedPrecondition,
                       "machine '" + Chip.Name + "': " + Key + Problem));
  }
  FigureReader &keep(const Status &Given) {
    if (Failure.ok())
      Failure = Given;
    return *this;
  }

  const Machine &Chip;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_FIGUREREADER_H
