// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ends a text at the first of some strings, while it arrives in pieces.
//
// Included by who shows an answer as it is made. Depends on the C++ library.
#ifndef DURE_RUNTIME_LLM_STOPSTRINGS_H
#define DURE_RUNTIME_LLM_STOPSTRINGS_H

#include <string>
#include <string_view>
#include <vector>

namespace dure {

class StopStrings {
public:
  /// Empty strings end nothing.
  explicit StopStrings(std::vector<std::string> Strings);

  /// Adds a piece; gives what is known to stand before any of the strings. What
  /// may be the start of one is held back.
  std::string push(std::string_view Piece);
  /// What was held back, when the text has ended without one of the strings.
  std::string finish();
  /// Whether one has come. Then no text follows.
  bool stopped() const { return Stopped; }

private:
  std::vector<std::string> Strings;
  std::string Held;
  bool Stopped = false;
};

} // namespace dure

#endif // DURE_RUNTIME_LLM_STOPSTRINGS_H
