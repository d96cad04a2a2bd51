// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The list of tests that a target is known not to pass.
//
// Included by dure-node-tests and its unit tests. A line is
//
//   test_name  # code: ops               refused, and for that reason
//   test_name  # wrong: why              added by hand; likewise "failed: why"
//                                        and "crashed: why"
//
// and a line that starts with '#' is a comment. The list is strict: a test that
// is not listed must pass, and a listed one must end as the list says, or the
// list is not true any more.
#ifndef DURE_TEST_ONNX_EXPECTEDLIST_H
#define DURE_TEST_ONNX_EXPECTEDLIST_H

#include "test/onnx/Outcome.h"

#include <map>
#include <optional>
#include <string>

namespace dure::modeltest {

class ExpectedList {
public:
  struct Entry {
    OutcomeKind Kind;
    /// The code of a refusal; empty for the kinds added by hand.
    std::string Code;
    /// What stands after '#'.
    std::string Reason;
  };

  /// Reads the list; one that does not exist is empty. Nothing, with the place
  /// in `Problem`, when a line is not as above.
  static std::optional<ExpectedList> read(const std::string &Path,
                                          std::string &Problem);

  const Entry *find(const std::string &Name) const;
  const std::map<std::string, Entry> &entries() const { return Entries; }

  /// Why `Name` may not end as `Got`; nothing when it may.
  std::optional<std::string> objection(const std::string &Name,
                                       const Outcome &Got) const;

  /// The list that `Results` call for: every refusal, and those entries made by
  /// hand that are still so. New wrong results, failures and crashes are never
  /// added: each needs a reason, written by a person.
  ExpectedList updated(const std::map<std::string, Outcome> &Results) const;

  /// The file's text, grouped by reason.
  std::string text(const std::string &Target) const;

private:
  std::map<std::string, Entry> Entries;
};

} // namespace dure::modeltest

#endif // DURE_TEST_ONNX_EXPECTEDLIST_H
