// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Results for people and for programs.
#include "test/onnx/Suite.h"

#include "tools/dure/Json.h"
#include "tools/io/File.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace dure::modeltest {
namespace {

bool write(const std::string &Path, const std::string &Text) {
  const io::Status Written = io::writeFile(Path, Text);
  if (!Written)
    std::fprintf(stderr, "%s\n", Written.failure().text().c_str());
  return bool(Written);
}

std::string formatJson(const SuiteOptions &Options, const TestResults &Results,
                       const Judge &Objection) {
  JsonWriter Out;
  Out.beginObject().member("target", Options.Target);
  Out.member("raise", !Options.NoRaise).key("tests").beginArray();
  for (const auto &[Name, Got] : Results)
    Out.beginObject()
        .member("name", Name)
        .member("outcome", kindName(Got.Kind))
        .member("expected", !Objection(Name, Got))
        .member("code", Got.Code)
        .member("subject", Got.Subject)
        .member("detail", Got.Detail)
        .member("compile_seconds", Got.CompileSeconds)
        .member("run_seconds", Got.RunSeconds)
        .member("functions", int64_t(Got.Functions))
        .end();
  Out.end().end();
  return Out.text() + "\n";
}

std::string escapeXml(const std::string &Text) {
  std::string Out;
  for (const char C : Text) {
    if (C == '<')
      Out += "&lt;";
    else if (C == '&')
      Out += "&amp;";
    else if (C == '"')
      Out += "&quot;";
    else if (C == '\n')
      Out += "&#10;";
    else
      // XML has no way to write the other control characters.
      Out += uint8_t(C) < 0x20 ? ' ' : C;
  }
  return Out;
}

std::string formatJUnit(const SuiteOptions &Options, const TestResults &Results,
                        const Judge &Objection) {
  std::string Xml = "<testsuite name=\"" + escapeXml(Options.Target) + "\">\n";
  for (const auto &[Name, Got] : Results) {
    Xml += "<testcase name=\"" + escapeXml(Name) + "\" time=\"" +
           std::to_string(Got.CompileSeconds + Got.RunSeconds) + "\">";
    if (const std::optional<std::string> Why = Objection(Name, Got))
      Xml +=
          "<failure message=\"" + escapeXml(*Why + "\n" + Got.Detail) + "\"/>";
    else if (!Got.passed())
      Xml += "<skipped message=\"" + escapeXml(Got.reason()) + "\"/>";
    Xml += "</testcase>\n";
  }
  return Xml + "</testsuite>\n";
}

/// "FAIL test_abs: wrong", then the first lines of the detail, or all of them.
void printFailure(const std::string &Name, const std::string &Why,
                  const Outcome &Got, bool WholeDetail) {
  std::printf("FAIL %s: %s\n", Name.c_str(), Why.c_str());
  constexpr size_t FewLines = 3;
  std::string_view Rest = Got.Detail;
  for (size_t Line = 0; !Rest.empty() && (WholeDetail || Line < FewLines);
       ++Line) {
    const size_t End = std::min(Rest.find('\n'), Rest.size());
    std::printf("     %.*s\n", int(End), Rest.data());
    Rest.remove_prefix(std::min(End + 1, Rest.size()));
  }
}

} // namespace

bool writeResults(const SuiteOptions &Options, const TestResults &Results,
                  const Judge &Objection) {
  return (Options.Json.empty() ||
          write(Options.Json, formatJson(Options, Results, Objection))) &&
         (Options.JUnit.empty() ||
          write(Options.JUnit, formatJUnit(Options, Results, Objection)));
}

int printResults(const SuiteOptions &Options, const TestResults &Results,
                 const Judge &Objection, size_t AlsoFailed) {
  size_t Passed = 0, Failed = AlsoFailed, Skipped = 0;
  std::map<std::string, size_t> Reasons;
  double CompileSeconds = 0, RunSeconds = 0;
  for (const auto &[Name, Got] : Results) {
    CompileSeconds += Got.CompileSeconds;
    RunSeconds += Got.RunSeconds;
    if (const std::optional<std::string> Why = Objection(Name, Got)) {
      ++Failed;
      printFailure(Name, *Why, Got, Options.Verbose);
    } else if (Got.passed()) {
      ++Passed;
    } else {
      ++Skipped;
      ++Reasons[std::string(kindName(Got.Kind)) + " " + Got.Code];
    }
  }
  if (Skipped)
    std::printf("%zu expected refusals and failures, counted as skipped:\n",
                Skipped);
  for (const auto &[Reason, Count] : Reasons)
    std::printf("%6zu %s\n", Count, Reason.c_str());
  std::printf("compiling %.1f s, running %.1f s\n", CompileSeconds, RunSeconds);
  std::printf("%zu passed, %zu failed, %zu skipped\n", Passed, Failed, Skipped);
  return Failed ? ExitFailed : 0;
}

} // namespace dure::modeltest
