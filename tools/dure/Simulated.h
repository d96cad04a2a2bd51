// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the model of a simulated chip says about a run, for people and as JSON.
// Never mixed with what was measured.
#ifndef DURE_TOOLS_DURE_SIMULATED_H
#define DURE_TOOLS_DURE_SIMULATED_H

#include "tools/dure/Console.h"
#include "tools/dure/Json.h"

#include <dure/dure.h>

#include <string>
#include <vector>

namespace dure {

struct SimulatedReport {
  struct Amount {
    std::string Name, Unit;
    double Value, Limit; ///< No limit: 0.
  };
  std::string Model;
  std::vector<Amount> Amounts; ///< None where nothing was simulated.

  /// Of CALL's last run, which was profiled. False after an error, which has
  /// been printed.
  bool read(const Console &Out, const dure_call *Call,
            const dure_call_stats &Stats);
  /// A heading and a row an amount; nothing where nothing was simulated.
  std::string text(const Console &Out) const;
  /// The member "simulated"; nothing where nothing was simulated.
  void write(JsonWriter &Json) const;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_SIMULATED_H
