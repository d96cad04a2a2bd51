// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of an encoded program, as the simulator counts them.
//
// Included by RNGD's compiler target.
#ifndef DURE_TARGETS_RNGD_COMPILER_SIMULATEDTIME_H
#define DURE_TARGETS_RNGD_COMPILER_SIMULATEDTIME_H

#include "targets/rngd/driver/Schedule.h"

#include <string>
#include <vector>

namespace dure::rngd {

struct SimulatedTime {
  /// Why there is none; else empty.
  std::string problem;
  /// Cycles of 1 GHz.
  int64_t cycles = 0;
  /// The engine that is busy for the largest part of the time, or HBM, and the
  /// part.
  std::string bound;
  double boundShare = 0;
  /// By engine, for people: "contraction 92 %, switch 47 %".
  std::string shares;
  /// Of commands of one name, in the order in which they begin.
  struct Span {
    std::string name;
    int64_t begin, end;
  };
  std::vector<Span> spans;
};

/// Of a code object with one program.
SimulatedTime simulatedTime(const std::string &codeObject, Profile by);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_SIMULATEDTIME_H
