// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Comparison of a target with target `reference`, value by value.
//
// Included by check.
#ifndef DURE_TOOLS_DURE_DISPATCHCHECK_H
#define DURE_TOOLS_DURE_DISPATCHCHECK_H

#include "tools/dure/Package.h"
#include "tools/io/Compare.h"

#include <optional>
#include <string>
#include <vector>

namespace dure {

/// The first value that differs.
struct DispatchDifference {
  uint64_t Index;
  std::string Dispatch;
  std::string Value;
  std::vector<std::string> Nodes;
  /// The device that ran it.
  std::string Device;
  io::Comparison Comparison;
  std::string Position, Got, Expected;
};

struct DispatchReport {
  uint64_t Dispatches = 0;
  uint64_t Compared = 0;
  std::optional<DispatchDifference> First;
};

/// Allowed differences; by element type where the user gave none.
struct Tolerances {
  std::optional<double> Atol, Rtol;

  io::Tolerance of(io::ElementType Type) const;
};

/// Runs both on the same inputs and compares the values that both define, in
/// the target's order. Values are those with an ONNX name; at most those that
/// the target defines are in memory. Nothing, having said why, when a run
/// fails.
std::optional<DispatchReport>
compareDispatches(const Console &Out, const LoadedPackage &Target,
                  const LoadedPackage &Reference,
                  const std::vector<io::Tensor> &Inputs,
                  const Tolerances &Allowed);

} // namespace dure

#endif // DURE_TOOLS_DURE_DISPATCHCHECK_H
