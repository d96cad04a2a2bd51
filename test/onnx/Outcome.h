// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What came of one test of a model.
//
// Included by the runners of test/onnx and test/models. Depends on the standard
// library only. An outcome crosses from a worker process to the runner as text,
// so it holds nothing but numbers and strings.
#ifndef DURE_TEST_ONNX_OUTCOME_H
#define DURE_TEST_ONNX_OUTCOME_H

#include <optional>
#include <string>
#include <string_view>

namespace dure::modeltest {

enum class OutcomeKind {
  /// All outputs are right.
  Passed,
  /// The compiler said that it does not support something.
  Refused,
  /// It ran, and an output differs.
  Wrong,
  /// Compiling or running ended with an error.
  Failed,
  /// The process died or took too long.
  Crashed,
};

/// "passed", "refused", "wrong", "failed", "crashed"
std::string_view kindName(OutcomeKind Kind);
std::optional<OutcomeKind> findKind(std::string_view Name);

struct Outcome {
  OutcomeKind Kind = OutcomeKind::Passed;
  /// Groups outcomes: a refusal code ("op-unknown"), a stage ("compile"), a
  /// signal ("SIGSEGV"). One word, for the counts by reason.
  std::string Code;
  /// What it is about, in a few words: the ops of a refusal.
  std::string Subject;
  /// The messages, complete lines.
  std::string Detail;
  double CompileSeconds = 0;
  double RunSeconds = 0;
  /// Device functions that the compiler made.
  long Functions = 0;

  bool passed() const { return Kind == OutcomeKind::Passed; }
  /// "Code" or "Code: Subject"
  std::string reason() const;

  std::string encode() const;
  /// The inverse of encode; nothing for text that encode did not make.
  static std::optional<Outcome> decode(std::string_view Text);
};

} // namespace dure::modeltest

#endif // DURE_TEST_ONNX_OUTCOME_H
