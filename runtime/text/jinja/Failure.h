// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How parsing and rendering of a template end early.
//
// A private exception of this folder: an error in a template unwinds through
// expressions, filters and comparisons alike, as it does in Python. Template.h
// turns it into a Status; it never leaves the folder.
#ifndef DURE_RUNTIME_TEXT_JINJA_FAILURE_H
#define DURE_RUNTIME_TEXT_JINJA_FAILURE_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace dure::jinja {

/// A place in the template, both from 1. Columns count characters.
struct Position {
  uint32_t Line = 1;
  uint32_t Column = 1;
};

struct Failure {
  std::string Reason;
  /// None: where the evaluation stands.
  std::optional<Position> Where;
  /// A limit was reached; the template may be right.
  bool IsLimit = false;
};

[[noreturn]] inline void fail(std::string Reason) {
  throw Failure{std::move(Reason), std::nullopt};
}
[[noreturn]] inline void failAt(Position Where, std::string Reason) {
  throw Failure{std::move(Reason), Where};
}
[[noreturn]] inline void failLimit(std::string Reason) {
  throw Failure{std::move(Reason), std::nullopt, /*IsLimit=*/true};
}

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_FAILURE_H
