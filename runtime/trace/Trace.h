// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Spans of runs in the Chrome trace format, which Perfetto opens.
//
// Internal to libdure. Times are nanoseconds of the monotonic clock.
#ifndef DURE_RUNTIME_TRACE_TRACE_H
#define DURE_RUNTIME_TRACE_TRACE_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// TEXT as a JSON string, quotes included. Bytes that are not UTF-8 become
/// U+FFFD.
std::string jsonString(std::string_view Text);

class Trace {
public:
  /// ARGS are the members of a JSON object, without braces. Times of category
  /// "simulated" were not measured, which the trace then says.
  void span(std::string_view Name, std::string_view Category, uint64_t BeginNs,
            uint64_t EndNs, uint32_t Track, std::string Args);
  /// Names a track for people.
  void track(uint32_t Track, std::string_view Name);

  /// The whole trace as JSON.
  std::string json() const;
  /// Writes it, whole or not at all.
  Status write(const std::string &Path) const;

private:
  std::vector<std::string> Events;
  std::vector<uint32_t> Named;
  bool HasSimulated = false;
};

} // namespace dure

#endif // DURE_RUNTIME_TRACE_TRACE_H
