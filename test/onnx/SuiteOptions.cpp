// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The runners' command lines. Built with exceptions, none of which leaves this
// file.
#include "test/onnx/Suite.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

namespace dure::modeltest {

std::optional<SuiteOptions> parseSuiteOptions(SuiteKind Kind, int ArgumentCount,
                                              char **Arguments,
                                              int &ExitStatus) {
  SuiteOptions O;
  O.Jobs = std::max(1u, std::thread::hardware_concurrency());
  const bool Nodes = Kind == SuiteKind::Nodes;
  try {
    CLI::App App(Nodes ? "Runs ONNX's backend tests through Dure."
                       : "Runs Dure's test models against their references.");
    App.add_option("--data", O.Data, "Folder of tests; repeatable")->required();
    App.add_option("--target", O.Target, "Target to compile for")
        ->capture_default_str();
    App.add_option("--load-target", O.LoadTarget, "Plug-in with the target");
    App.add_option("--filter", O.Filter, "Only tests whose name this finds");
    App.add_flag("--no-raise", O.NoRaise, "Compile with phase raise off");
    App.add_flag("--no-fallback", O.NoFallback,
                 "Refuse what the target itself does not compute");
    App.add_flag("--list", O.List, "Print the names and end");
    App.add_flag("-v,--verbose", O.Verbose, "Print each test, whole messages");
    App.add_option("--json", O.Json, "File for all outcomes");
    App.add_option("--junit", O.JUnit, "File for all outcomes, as JUnit XML");
    App.add_option("-j,--jobs", O.Jobs, "Tests at one time")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    App.add_option("--timeout", O.Timeout, "Seconds that a test may take")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    if (Nodes) {
      App.add_option("--expected", O.Expected, "List of expected failures");
      App.add_flag("--bf16-products", O.Bf16Products,
                   "Allow what rounding operands of products to bf16 costs");
      App.add_flag("--update", O.Update, "Rewrite the list")
          ->needs("--expected");
    } else {
      App.add_flag("--exact-shapes", O.ExactShapes,
                   "Compile for the shapes of each case");
      App.add_option("--cosine", O.Cosine,
                     "Compare floats by cosine, at least this")
          ->check(CLI::Range(0.0, 1.0));
      App.add_option("--minilm", O.MiniLm, "MiniLM's model.onnx");
      App.add_option("--minilm-reference", O.MiniLmReference,
                     "Folder with MiniLM's inputs and reference.npz");
    }
    try {
      App.parse(ArgumentCount, Arguments);
      return O;
    } catch (const CLI::ParseError &Error) {
      ExitStatus = App.exit(Error) == 0 ? 0 : ExitUsage;
      return std::nullopt;
    }
  } catch (const std::exception &Error) {
    std::fprintf(stderr, "%s\n", Error.what());
    ExitStatus = ExitUsage;
    return std::nullopt;
  }
}

} // namespace dure::modeltest
