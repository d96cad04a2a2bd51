// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The `dure` command.
//
// Runs models through the public C API of libdure alone, and opens the compiler
// only for commands that compile: `dure run PACKAGE` maps neither libMLIR nor
// libLLVM.
#include "tools/dure/Arguments.h"
#include "tools/dure/Commands.h"

#include <cstdio>

static int runCommand(const dure::Console &Out, const dure::Options &O) {
  using namespace dure;
  switch (O.Which) {
  case Command::Export:
    return runExport(Out, O);
  case Command::Compile:
    return runCompile(Out, O);
  case Command::Run:
    return runRun(Out, O);
  case Command::Generate:
    return runGenerate(Out, O);
  case Command::Chat:
    return runChat(Out, O);
  case Command::Score:
    return runScore(Out, O);
  case Command::Embed:
    return runEmbed(Out, O);
  case Command::Check:
    return runCheck(Out, O);
  case Command::Bench:
    return runBench(Out, O);
  case Command::Inspect:
    return runInspect(Out, O);
  case Command::Targets:
    return runTargets(Out, O);
  case Command::Explain:
    return runExplain(Out, O);
  case Command::Cache:
    return runCache(Out, O);
  }
  return ExitUsage;
}

int main(int Count, char **Values) {
  using namespace dure;
  occupyStandardStreams();
  const std::vector<std::string> Arguments(Values + (Count > 0),
                                           Values + Count);
  const std::variant<Options, Finished> Parsed =
      parseArguments(Arguments, dure_version());
  if (const Finished *Done = std::get_if<Finished>(&Parsed)) {
    if (!Done->ExitCode)
      return Console(Done->Lang).print(Done->Text) ? ExitOk : ExitFailed;
    std::fputs(Done->Text.c_str(), stderr);
    return Done->ExitCode;
  }
  const Options &O = *std::get_if<Options>(&Parsed);
  Console Out(O.Lang);
  Out.setLeavesFiles(O.Which == Command::Export ||
                     O.Which == Command::Compile || O.Which == Command::Run);
  handleInterrupts();
  handleOutOfMemory(O.Lang);
  handleCutOffFiles(O.Lang);
  return runCommand(Out, O);
}
