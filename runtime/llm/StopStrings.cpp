// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Holding back what may become a stop string.
#include "runtime/llm/StopStrings.h"

#include <algorithm>
#include <utility>

using namespace dure;

StopStrings::StopStrings(std::vector<std::string> Given)
    : Strings(std::move(Given)) {
  std::erase(Strings, "");
}

std::string StopStrings::push(std::string_view Piece) {
  if (Stopped)
    return "";
  Held += Piece;
  size_t End = std::string::npos;
  for (const std::string &Each : Strings)
    End = std::min(End, Held.find(Each));
  if (End != std::string::npos) {
    Stopped = true;
    Held.resize(End);
    return std::exchange(Held, "");
  }
  // The longest end of the text with which a string begins.
  size_t Kept = 0;
  for (const std::string &Each : Strings) {
    size_t Length = std::min(Each.size() - 1, Held.size());
    while (Length > Kept &&
           !Held.ends_with(std::string_view(Each).substr(0, Length)))
      --Length;
    Kept = std::max(Kept, Length);
  }
  std::string Known = Held.substr(0, Held.size() - Kept);
  Held.erase(0, Known.size());
  return Known;
}

std::string StopStrings::finish() { return std::exchange(Held, ""); }
