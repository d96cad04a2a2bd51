// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the two runners share: options, the loop over tests, the totals.
//
// Included by NodeTests.cpp and test/models/ModelTests.cpp.
#ifndef DURE_TEST_ONNX_SUITE_H
#define DURE_TEST_ONNX_SUITE_H

#include "test/onnx/Outcome.h"

#include "tools/dure/Console.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dure::modeltest {

/// The exit status that ctest takes for "skipped".
constexpr int ExitSkipped = 77;

struct SuiteOptions {
  /// Folders that hold tests, at any depth up to two.
  std::vector<std::string> Data;
  std::string Target = "cpu";
  std::string LoadTarget;
  /// POSIX extended; a test runs when this is found anywhere in its name.
  std::string Filter;
  bool NoRaise = false;
  bool NoFallback = false;
  /// Model tests only: compile for the shapes of each case, which a target of
  /// static shapes needs.
  bool ExactShapes = false;
  /// Model tests only: floats are compared by the cosine between result and
  /// reference, which is at least this, and their lengths. 0: element by
  /// element.
  double Cosine = 0;
  bool List = false;
  bool Verbose = false;
  /// Every outcome, as JSON and as JUnit XML. Empty: not written.
  std::string Json, JUnit;
  unsigned Jobs = 2;
  double Timeout = 120;
  /// Node tests only.
  std::string Expected;
  bool Update = false;
  /// The target rounds operands of products to bf16.
  bool Bf16Products = false;
  /// Model tests only.
  std::string MiniLm;
  std::string MiniLmReference;
};

/// Which options a runner takes besides the common ones.
enum class SuiteKind { Nodes, Models };

/// Reads the command line. Otherwise the exit status, --help included, having
/// printed why.
std::optional<SuiteOptions> parseSuiteOptions(SuiteKind Kind, int ArgumentCount,
                                              char **Arguments,
                                              int &ExitStatus);

struct Test {
  std::string Name;
  /// With the model and its data.
  std::string Folder;
};

/// Folders below `Options.Data` that hold a model.onnx and pass the filter, by
/// name. Nothing, having said why, when two have one name or the filter is no
/// regular expression. Links are not followed.
std::optional<std::vector<Test>> findTests(const SuiteOptions &Options);

using TestResults = std::map<std::string, Outcome>;

/// Runs `Run` for each test in worker processes, with a path that is its own
/// for a package, and prints progress on stderr. Nothing when no worker could
/// be started.
std::optional<TestResults>
runTests(const SuiteOptions &Options, const std::vector<Test> &Tests,
         const std::function<Outcome(const Test &, const std::string &)> &Run);

/// Why an outcome is not what it should be; nothing when it is.
using Judge = std::function<std::optional<std::string>(const std::string &Name,
                                                       const Outcome &Got)>;

/// Writes what Options.Json and Options.JUnit ask for. False, having said why.
bool writeResults(const SuiteOptions &Options, const TestResults &Results,
                  const Judge &Objection);

/// Prints what is not as it should be, counts by reason, and last "N passed, N
/// failed, N skipped". `AlsoFailed` has been printed already. The exit status.
int printResults(const SuiteOptions &Options, const TestResults &Results,
                 const Judge &Objection, size_t AlsoFailed = 0);

/// The folder of this program's libraries, .../bin/../lib.
std::string libraryFolder();

} // namespace dure::modeltest

#endif // DURE_TEST_ONNX_SUITE_H
