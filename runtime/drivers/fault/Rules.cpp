// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the fault layer makes which call fail.
#include "runtime/drivers/fault/Rules.h"
#include "runtime/drivers/support/Host.h"

#include <charconv>

using namespace dure::driver;

static constexpr const char *Names[CallCount] = {
    "open",     "allocate", "import", "map",   "load",
    "timeline", "signal",   "wait",   "queue", "submit"};

const char *dure::driver::callName(Call C) {
  return Names[static_cast<unsigned>(C)];
}

static std::string_view trim(std::string_view Text) {
  while (!Text.empty() && Text.front() == ' ')
    Text.remove_prefix(1);
  while (!Text.empty() && Text.back() == ' ')
    Text.remove_suffix(1);
  return Text;
}

/// Reads a number at the front of TEXT and takes it off.
static bool takeNumber(std::string_view &Text, uint64_t &Number) {
  auto [End, Error] =
      std::from_chars(Text.data(), Text.data() + Text.size(), Number);
  if (Error != std::errc())
    return false;
  Text.remove_prefix(static_cast<size_t>(End - Text.data()));
  return true;
}

static bool parseWhen(std::string_view Text, Rule &R) {
  if (Text == "*") {
    R.Last = UINT64_MAX;
    return true;
  }
  if (!takeNumber(Text, R.First) || R.First == 0)
    return false;
  R.Last = Text == "+" ? UINT64_MAX : R.First;
  return Text.empty() || Text == "+";
}

static bool parseCode(std::string_view Text, int32_t &Code) {
  for (int32_t C = DURE_DRV_OK + 1; C != 64; ++C)
    if (const char *Name = codeName(C); Name && Text == Name) {
      Code = C;
      return true;
    }
  return false;
}

static bool parseDelay(std::string_view Text, uint64_t &Nanoseconds) {
  if (!takeNumber(Text, Nanoseconds) || Nanoseconds > 1000000)
    return false;
  uint64_t Unit = Text == "us"   ? 1000
                  : Text == "ms" ? 1000000
                  : Text == "s"  ? 1000000000
                                 : 0;
  Nanoseconds *= Unit;
  return Unit != 0;
}

static bool parseAction(std::string_view Text, Rule &R) {
  if (Text == "lose") {
    R.A = Action::Lose;
    return true;
  }
  size_t Equals = Text.find('=');
  if (Equals == std::string_view::npos)
    return false;
  std::string_view Name = Text.substr(0, Equals),
                   Value = Text.substr(Equals + 1);
  if (Name == "delay") {
    R.A = Action::Delay;
    return parseDelay(Value, R.DelayNs);
  }
  if (Name == "fail")
    R.A = Action::Fail;
  else if (Name == "complete" && R.C == Call::Submit)
    R.A = Action::Complete;
  else
    return false;
  return parseCode(Value, R.Code);
}

static bool parseRule(std::string_view Text, Rule &R) {
  size_t At = Text.find('@'), Colon = Text.find(':');
  if (At == std::string_view::npos || Colon == std::string_view::npos ||
      Colon < At)
    return false;
  bool Known = false;
  for (unsigned I = 0; I != CallCount; ++I)
    if (Text.substr(0, At) == Names[I]) {
      R.C = static_cast<Call>(I);
      Known = true;
    }
  return Known && parseWhen(Text.substr(At + 1, Colon - At - 1), R) &&
         parseAction(Text.substr(Colon + 1), R);
}

bool Rules::parse(std::string_view Text, std::string &Error) {
  while (!Text.empty()) {
    size_t End = std::min(Text.find(';'), Text.size());
    std::string_view One = trim(Text.substr(0, End));
    Text.remove_prefix(std::min(End + 1, Text.size()));
    if (One.empty())
      continue;
    Rule R;
    if (!parseRule(One, R)) {
      Error = "fault.rules: cannot read '" + std::string(One) +
              "'; a rule is <call>@<when>:<action>, such as "
              "allocate@3:fail=RESOURCE_EXHAUSTED, submit@2+:delay=10ms or "
              "submit@5:lose";
      return false;
    }
    List.push_back(R);
  }
  return true;
}

Rule Rules::count(Call C, uint64_t &Number, uint64_t &DelayNs) {
  Number =
      Counts[static_cast<unsigned>(C)].fetch_add(1, std::memory_order_relaxed) +
      1;
  DelayNs = 0;
  Rule Found;
  for (const Rule &R : List) {
    if (R.C != C || Number < R.First || Number > R.Last)
      continue;
    if (R.A == Action::Delay)
      DelayNs += R.DelayNs;
    else if (Found.A == Action::None)
      Found = R;
  }
  return Found;
}
