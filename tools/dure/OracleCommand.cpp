// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure check --oracle: cycles of each kernel beside a vendor's own estimate.
#include "tools/dure/Commands.h"
#include "tools/dure/Json.h"
#include "tools/dure/Subprocess.h"
#include "tools/dure/TemporaryFolder.h"
#include "tools/io/File.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace dure {
namespace {

/// One kernel, with the tool's answer.
struct Comparison {
  const dure_compiler_kernel *Kernel;
  int64_t Estimate = 0;
  /// Why there is none, in the user's language; else empty.
  std::string Problem;

  double ratio() const { return double(Kernel->cycles) / double(Estimate); }
};

/// Kernels that the tool is not asked about, and why.
struct Skipped {
  const dure_compiler_kernel *Kernel;
  std::string Why;
};

/// The program's path; nothing, having said why, when it is not here.
std::optional<std::string> findTool(const Console &Out,
                                    const dure_compiler_oracle &Tool) {
  const char *Given = *Tool.variable ? std::getenv(Tool.variable) : nullptr;
  const std::string Wanted = Given && *Given ? Given : Tool.name;
  const std::string Found = findProgram(Wanted);
  if (!Found.empty())
    return Found;
  if (Wanted == Tool.name)
    Out.fail(Message::OracleMissing, {Tool.name, Tool.variable, Tool.remedy});
  else
    Out.fail(Message::OracleNotRunnable, {Wanted, Tool.variable, Tool.name});
  return std::nullopt;
}

std::string lastLine(const std::string &Text) {
  const size_t End = Text.find_last_not_of(" \t\r\n");
  if (End == std::string::npos)
    return "";
  const size_t Begin = Text.find_last_of('\n', End);
  const size_t From = Begin == std::string::npos ? 0 : Begin + 1;
  return Text.substr(From, End + 1 - From);
}

/// What is wrong with an answer; empty, with the number, when nothing is.
std::string readAnswer(const Console &Out, const Options &O,
                       const ProcessResult &Answer, int64_t &Cycles) {
  // A tool's messages may be long; the end says most.
  const auto shortened = [](const std::string &Text) {
    constexpr size_t Most = 200;
    return Text.size() <= Most ? Text : "..." + Text.substr(Text.size() - Most);
  };
  switch (Answer.How) {
  case ProcessResult::End::NotStarted:
    return Out.text(Message::OracleNotStarted,
                    {io::systemError(Answer.Code, Out.language())});
  case ProcessResult::End::TimedOut:
  case ProcessResult::End::Interrupted:
    return Out.text(Message::OracleTimedOut, {std::to_string(O.OracleTimeout)});
  case ProcessResult::End::Signalled:
    return Out.text(Message::OracleSignal, {std::to_string(Answer.Code)});
  case ProcessResult::End::Exited:
    break;
  }
  if (Answer.Code != 0) {
    std::string Why = lastLine(Answer.Errors);
    if (Why.empty())
      Why = lastLine(Answer.Output);
    return Out.text(Message::OracleStatus,
                    {std::to_string(Answer.Code), shortened(Why)});
  }
  const std::string Line = lastLine(Answer.Output);
  const char *End = Line.data() + Line.size();
  const auto Read = std::from_chars(Line.data(), End, Cycles);
  if (Read.ec != std::errc() || Read.ptr != End || Cycles < 0)
    return Out.text(Message::OracleNoNumber, {shortened(Line)});
  return Cycles == 0 ? Out.text(Message::OracleZero) : "";
}

/// Asks about one kernel. Nothing, having said why, when that is not possible.
std::optional<Comparison> ask(const Console &Out, const Options &O,
                              const dure_compiler_oracle &Tool,
                              const std::string &Program,
                              const dure_compiler_kernel &Kernel,
                              const std::string &File) {
  constexpr size_t MostBytes = 1 << 20;
  if (auto Written = io::writeFile(File, std::string_view(Kernel.text));
      !Written) {
    Out.fail(Written.failure());
    return std::nullopt;
  }
  std::vector<std::string> Arguments;
  for (size_t I = 0; I < Tool.argument_count; ++I)
    Arguments.push_back(std::string_view(Tool.arguments[I]) == "{0}"
                            ? File
                            : Tool.arguments[I]);
  Comparison Made{&Kernel, 0, ""};
  const ProcessResult Answer =
      runProcess(Program, Arguments, O.OracleTimeout, MostBytes);
  Made.Problem = readAnswer(Out, O, Answer, Made.Estimate);
  return Made;
}

std::string reportText(const Console &Out, const dure_compiler_oracle &Tool,
                       const std::vector<Comparison> &All,
                       const std::vector<Skipped> &Rest) {
  TextTable Table;
  Table.row({Out.text(Message::OracleKernel), Out.text(Message::OracleOurs),
             Out.text(Message::OracleTheirs), Out.text(Message::OracleRatio)});
  for (const Comparison &Each : All) {
    const bool Bad = !Each.Problem.empty();
    Table.row({Each.Kernel->name, std::to_string(Each.Kernel->cycles),
               Bad ? "-" : std::to_string(Each.Estimate),
               Bad ? Each.Problem : formatNumber(Each.ratio())});
  }
  std::string Text =
      Out.text(Message::OracleHeading,
               {std::to_string(All.size()), Tool.model, Tool.name}) +
      "\n" + Table.text();
  for (const Skipped &Each : Rest)
    Text += Each.Why + "\n";
  return Text;
}

std::string reportJson(const dure_compiler_oracle &Tool,
                       const std::vector<Comparison> &All,
                       const std::vector<Skipped> &Rest) {
  JsonWriter Json;
  Json.beginObject()
      .member("oracle", Tool.name)
      .member("model", Tool.model)
      .member("provenance", "simulated")
      .key("kernels")
      .beginArray();
  for (const Comparison &Each : All) {
    Json.beginObject()
        .member("name", Each.Kernel->name)
        .member("cycles", Each.Kernel->cycles);
    if (Each.Problem.empty())
      Json.member("estimate", Each.Estimate).member("ratio", Each.ratio());
    else
      Json.member("error", Each.Problem);
    Json.end();
  }
  Json.end().key("not_compared").beginArray();
  for (const Skipped &Each : Rest)
    Json.beginObject()
        .member("name", Each.Kernel->name)
        .member("target", Each.Kernel->target)
        .member("code", Each.Kernel->code)
        .member("reason", Each.Why)
        .end();
  return Json.end().end().text() + "\n";
}

} // namespace

int runOracle(const Console &Out, const Options &O) {
  if (!mayBeModel(Out, O.Path))
    return ExitFailed;
  std::optional<Compiler> Opened = Compiler::open(Out);
  if (!Opened)
    return ExitFailed;
  Compiler::CompileSettings Settings;
  Settings.Oracle = O.Oracle;
  Settings.Threads = int32_t(O.Threads);
  const CompilerResult Result = Opened->compile(O, Settings, Out);
  if (const int Exit = Compiler::report(Result, Out); Exit != ExitOk) {
    if (O.Json && Result)
      Out.printJson(std::string(Result->json) + "\n");
    return Exit;
  }
  const dure_compiler_oracle &Tool = *Result->oracle;
  const std::optional<std::string> Program = findTool(Out, Tool);
  if (!Program)
    return ExitFailed;
  const TemporaryFolder Folder(std::string("kernel") + Tool.extension);
  if (Folder.Path.empty())
    return Out.fail(
        Message::NoTemporaryFolder,
        {Folder.Place, io::systemError(Folder.Error, Out.language())});
  std::vector<Comparison> All;
  std::vector<Skipped> Rest;
  ProgressBar Bar(Out, Message::PhaseCompile);
  for (size_t I = 0; I < Result->kernel_count; ++I) {
    const dure_compiler_kernel &Kernel = Result->kernels[I];
    Bar.update(Kernel.name, double(I) / double(Result->kernel_count));
    if (Kernel.cycles < 0) {
      Rest.push_back({&Kernel, Out.text(Message::OracleOnHost,
                                        {Kernel.name, Kernel.target})});
      continue;
    }
    if (!*Kernel.text) {
      Rest.push_back(
          {&Kernel, Out.text(Message::OracleSkipped,
                             {Kernel.name, Kernel.reason, Kernel.code})});
      continue;
    }
    std::optional<Comparison> Made =
        ask(Out, O, Tool, *Program, Kernel, Folder.file());
    if (!Made)
      return ExitFailed;
    if (interrupted())
      return Out.failCancelled();
    All.push_back(std::move(*Made));
  }
  Bar.clear();
  if (All.empty())
    Out.fail(Message::OracleNone, {Tool.name});
  if (!(O.Json ? Out.printJson(reportJson(Tool, All, Rest))
               : Out.print(reportText(Out, Tool, All, Rest))))
    return ExitFailed;
  const bool Good =
      !All.empty() && std::all_of(All.begin(), All.end(), [](const auto &Each) {
        return Each.Problem.empty();
      });
  return Good ? ExitOk : ExitFailed;
}

} // namespace dure
