// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the fault layer makes which call fail.
//
// Contract: the option fault.rules is a list of rules separated by ';', each
//
//   <call>@<when>:<action>
//
//   call    open allocate import map load timeline signal wait queue submit
//   when    3 (the third such call), 3+ (that and all later ones), * (all)
//   action  fail=CODE      the call returns a status with that code, such as
//                          RESOURCE_EXHAUSTED; scope call, retryable
//           complete=CODE  submit only: accepted, but its signals fail
//           delay=20ms     (or us, s) the call is late
//           lose           the device is lost: this call and all later ones
//                          that do not free something give DEVICE_LOST, and
//                          every timeline fails with it
//
// Calls are counted for each kind and driver instance, from 1. Example:
// "allocate@3:fail=RESOURCE_EXHAUSTED; submit@2:delay=10ms; submit@5:lose".
#ifndef DURE_RUNTIME_DRIVERS_FAULT_RULES_H
#define DURE_RUNTIME_DRIVERS_FAULT_RULES_H

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::driver {

enum class Call {
  Open,
  Allocate,
  Import,
  Map,
  Load,
  Timeline,
  Signal,
  Wait,
  Queue,
  Submit,
};
inline constexpr unsigned CallCount = 10;
const char *callName(Call C);

enum class Action { None, Fail, Complete, Delay, Lose };

struct Rule {
  Call C = Call::Open;
  uint64_t First = 1, Last = 1; ///< Numbers of the calls that it applies to.
  Action A = Action::None;
  int32_t Code = 0;
  uint64_t DelayNs = 0;
};

class Rules {
public:
  /// False and ERROR, which names the rule, if TEXT cannot be read.
  bool parse(std::string_view Text, std::string &Error);

  /// Counts a call. NUMBER is its number; DELAYNS the sum of its delays. The
  /// first other action that applies is returned.
  Rule count(Call C, uint64_t &Number, uint64_t &DelayNs);

private:
  std::vector<Rule> List;
  std::atomic<uint64_t> Counts[CallCount] = {};
};

} // namespace dure::driver

#endif // DURE_RUNTIME_DRIVERS_FAULT_RULES_H
