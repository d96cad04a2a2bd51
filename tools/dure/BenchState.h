// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The caches of an entry that is timed: how large they are and how full.
//
// Included by bench.
#ifndef DURE_TOOLS_DURE_BENCHSTATE_H
#define DURE_TOOLS_DURE_BENCHSTATE_H

#include "tools/dure/Inputs.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dure {

/// Which sizes say how large the state of an entry is. The state's ports name
/// only its capacity; that input of `main` which a cache came from, and whose
/// name it has, tells rows and filled positions in the model's own symbols.
class BenchState {
public:
  BenchState(const Signature &Main, const Signature &Entry);

  /// No state: the other functions are not for such an entry.
  bool empty() const { return !IsThere; }
  /// What --dims may name beside the symbols of the inputs.
  std::set<std::string> symbols() const;
  /// That the capacity is what a run needs at least, for when it is not given.
  std::vector<SizeRequirement> requirements(const NamedSizes &Given) const;

  /// Makes the state and binds it. False, having said why, when it is refused.
  bool bind(const Console &Out, const LoadedPackage &Package,
            const std::string &Entry, dure_call *Call,
            const std::map<std::string, int64_t> &Sizes);
  /// As many positions are filled as before the first run. What they hold does
  /// not matter for time.
  bool rewind(const Console &Out) const;

private:
  bool IsThere = false;
  // Expressions; empty: there is none.
  std::string Rows, Filled, Needed;
  StatePointer State;
  std::vector<int64_t> Lengths;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_BENCHSTATE_H
