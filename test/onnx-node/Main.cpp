// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-onnx-node-tests: ONNX's own node tests on one target, in one process.
//
// Each folder of the data holds model.onnx and test_data_set_*/. A test passes
// when every output of every set matches within ONNX's tolerances. The list of
// expected failures is strict: a listed test that passes fails the run, so that
// the list always says what the target cannot do.
#include "tools/dure/Commands.h"
#include "tools/dure/DataSets.h"
#include "tools/dure/Inputs.h"
#include "tools/io/Compare.h"
#include "tools/io/File.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace {
namespace fs = std::filesystem;
using namespace dure;

// What ctest takes for "skipped".
constexpr int ExitSkipped = 77;
// onnx.backend.test: numpy.testing.assert_allclose(rtol=1e-3, atol=1e-7).
constexpr io::Tolerance OnnxTolerance = {1e-7, 1e-3};

struct Settings {
  std::string Data, Target = "cpu", ExpectedFailures, JUnit, Filter;
  bool Update = false;
};

struct Outcome {
  std::string Name;
  enum { Passed, Failed, ExpectedFailure, UnexpectedPass } Kind;
  std::string Reason;
  double Seconds = 0;
};

/// The first line of what was said, for lists.
std::string firstLine(const std::string &Text) {
  return Text.substr(0, Text.find('\n'));
}

/// Nothing when output matches, else how it differs.
std::string compareOutput(const io::Tensor &Got, const io::Tensor &Expected,
                          const std::string &Name) {
  const io::Tolerance Loose = io::defaultTolerance(Expected.Type);
  // ONNX's tolerance, but no tighter than a narrow type can be.
  const bool Wide = Expected.Type == io::ElementType::Float32 ||
                    Expected.Type == io::ElementType::Float64;
  const io::Comparison C =
      io::compareTensors(Got, Expected, Wide ? OnnxTolerance : Loose);
  if (C.matches())
    return "";
  const auto form = [](const io::Tensor &T) {
    return std::string(io::elementTypeInfo(T.Type).Name) +
           io::formatDims(T.Dims);
  };
  if (C.FirstMismatch < 0)
    return Name + ": is " + form(Got) + ", expected " + form(Expected);
  return Name + io::formatPosition(Got.Dims, C.FirstMismatch) + ": is " +
         io::elementAsText(Got, C.FirstMismatch) + ", expected " +
         io::elementAsText(Expected, C.FirstMismatch) + "; " +
         std::to_string(C.Mismatches) + " of " + std::to_string(C.Elements) +
         " differ";
}

/// Nothing when the test passes, else why not.
std::string runTest(const Compiler &Opened, const std::string &Folder,
                    const std::string &Target) {
  std::string Problems;
  const Console Out(Language::English, &Problems);
  Options O;
  O.Path = Folder + "/model.onnx";
  Prepared Ready = compileAndLoad(Out, Opened, O, Target, false);
  if (!Ready.Package)
    return Problems;
  const LoadedPackage &Package = *Ready.Package;
  std::optional<std::vector<DataSet>> Sets =
      readDataSets(Out, Folder, "", Package.signature());
  if (!Sets)
    return Problems;
  for (DataSet &Set : *Sets) {
    std::optional<std::vector<io::Tensor>> Inputs =
        arrangeInputs(Out, O.Path, Package.signature(), std::move(Set.Inputs));
    CallPointer Call = Inputs ? Package.prepare(Out, *Inputs) : nullptr;
    dure_run_options Run = {};
    Run.struct_size = sizeof(Run);
    if (!Call || !Package.run(Out, Call.get(), Run))
      return Problems;
    if (Set.Expected.empty())
      return "no expected outputs";
    for (const auto &[Index, Expected] : Set.Expected) {
      std::optional<io::Tensor> Got = Package.output(Out, Call.get(), Index);
      if (!Got)
        return Problems;
      std::string Difference = compareOutput(
          *Got, Expected, Package.signature().Outputs[Index].Name);
      if (!Difference.empty())
        return Difference;
    }
  }
  return "";
}

/// Names, one a line; '#' starts a comment.
std::set<std::string> readList(const std::string &Path) {
  std::set<std::string> Names;
  std::ifstream File(Path);
  for (std::string Line; std::getline(File, Line);) {
    Line.resize(std::min(Line.find('#'), Line.size()));
    while (Line.ends_with(' '))
      Line.pop_back();
    if (!Line.empty())
      Names.insert(Line);
  }
  return Names;
}

std::vector<std::string> findTests(const Settings &S) {
  std::vector<std::string> Names;
  std::error_code Error;
  for (fs::directory_iterator I(S.Data, Error), End; !Error && I != End;
       I.increment(Error)) {
    const std::string Name = I->path().filename().string();
    if (fs::exists(I->path() / "model.onnx") &&
        Name.find(S.Filter) != std::string::npos)
      Names.push_back(Name);
  }
  std::sort(Names.begin(), Names.end());
  return Names;
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
      Out += uint8_t(C) < 0x20 ? ' ' : C;
  }
  return Out;
}

bool writeJUnit(const Settings &S, const std::vector<Outcome> &Outcomes) {
  std::string Xml = "<testsuite name=\"onnx-node." + S.Target + "\">\n";
  for (const Outcome &O : Outcomes) {
    Xml += "<testcase name=\"" + O.Name + "\" time=\"" +
           std::to_string(O.Seconds) + "\">";
    if (O.Kind == Outcome::Failed || O.Kind == Outcome::UnexpectedPass)
      Xml += "<failure message=\"" + escapeXml(O.Reason) + "\"/>";
    if (O.Kind == Outcome::ExpectedFailure)
      Xml += "<skipped message=\"" + escapeXml(O.Reason) + "\"/>";
    Xml += "</testcase>\n";
  }
  return bool(io::writeFile(S.JUnit, Xml + "</testsuite>\n"));
}

/// The list that the run's outcome would need, with the reasons.
bool writeList(const Settings &S, const std::vector<Outcome> &Outcomes) {
  std::string Text =
      "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n"
      "# ONNX node tests that target " +
      S.Target +
      " does not pass, with the reason.\n"
      "# Written by dure-onnx-node-tests --update.\n";
  for (const Outcome &O : Outcomes) {
    if (O.Kind != Outcome::Failed && O.Kind != Outcome::ExpectedFailure)
      continue;
    std::string Reason = firstLine(O.Reason);
    // The place differs from machine to machine.
    for (size_t At; (At = Reason.find(S.Data + "/")) != std::string::npos;)
      Reason.erase(At, S.Data.size() + 1);
    Text += O.Name + "  # " + Reason + "\n";
  }
  return bool(io::writeFile(S.ExpectedFailures, Text));
}

bool parse(int Count, char **Values, Settings &S) {
  const std::map<std::string, std::string *> Texts = {
      {"--data", &S.Data},     {"--target", &S.Target},
      {"--junit", &S.JUnit},   {"--expected-failures", &S.ExpectedFailures},
      {"--filter", &S.Filter},
  };
  for (int I = 1; I < Count; ++I) {
    const std::string Name = Values[I];
    const auto Found = Texts.find(Name);
    if (Name == "--update")
      S.Update = true;
    else if (Found != Texts.end() && I + 1 < Count)
      *Found->second = Values[++I];
    else
      return false;
  }
  return !S.Data.empty() && (!S.Update || !S.ExpectedFailures.empty());
}

} // namespace

int main(int Count, char **Values) {
  Settings S;
  if (!parse(Count, Values, S)) {
    std::fputs("usage: dure-onnx-node-tests --data DIR [--target T] "
               "[--expected-failures FILE [--update]] [--filter TEXT] "
               "[--junit FILE]\n",
               stderr);
    return ExitUsage;
  }
  const std::vector<std::string> Names = findTests(S);
  if (Names.empty()) {
    std::printf("skipped: no tests in %s; tools/test downloads them\n",
                S.Data.c_str());
    return ExitSkipped;
  }
  const Console Out(Language::English);
  std::optional<Compiler> Opened = Compiler::open(Out);
  if (!Opened)
    return ExitFailed;
  const std::set<std::string> Expected = readList(S.ExpectedFailures);
  std::vector<Outcome> Outcomes;
  int Counts[4] = {};
  for (const std::string &Name : Names) {
    const auto Start = std::chrono::steady_clock::now();
    Outcome O{Name, Outcome::Passed,
              runTest(*Opened, S.Data + "/" + Name, S.Target)};
    O.Seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - Start)
            .count();
    const bool Listed = Expected.contains(Name);
    if (!O.Reason.empty())
      O.Kind = Listed ? Outcome::ExpectedFailure : Outcome::Failed;
    else if (Listed) {
      O.Kind = Outcome::UnexpectedPass;
      O.Reason =
          "passes, but is listed as an expected failure; remove it from " +
          S.ExpectedFailures;
    }
    ++Counts[O.Kind];
    if (O.Kind == Outcome::Failed || O.Kind == Outcome::UnexpectedPass) {
      std::printf("FAIL %s: %s\n", Name.c_str(), O.Reason.c_str());
      std::fflush(stdout);
    }
    Outcomes.push_back(std::move(O));
  }
  if (!S.JUnit.empty() && !writeJUnit(S, Outcomes))
    return Out.fail(S.JUnit + ": cannot be written");
  if (S.Update && !writeList(S, Outcomes))
    return Out.fail(S.ExpectedFailures + ": cannot be written");
  const int Failed = Counts[Outcome::Failed] + Counts[Outcome::UnexpectedPass];
  std::printf("target %s: %d passed, %d failed, %d expected failures\n",
              S.Target.c_str(), Counts[Outcome::Passed], Failed,
              Counts[Outcome::ExpectedFailure]);
  return Failed && !S.Update ? ExitFailed : ExitOk;
}
