// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure compile, dure explain, dure targets: what the compiler answers alone.
#include "tools/dure/Checkpoints.h"
#include "tools/dure/Commands.h"
#include "tools/dure/Json.h"
#include "tools/dure/OutputPaths.h"
#include "tools/dure/Utf8.h"

#include <cstdio>
#include <filesystem>

namespace dure {
namespace {

/// Prints a result as text or JSON. A refusal's JSON is printed too: programs
/// want its list.
int show(const Console &Out, const Options &O, const CompilerResult &Result) {
  const int Exit = Compiler::report(Result, Out);
  if (!Result)
    return Exit;
  std::string Text;
  if (O.Json)
    Text = Result->json;
  else if (Exit == ExitOk)
    Text = Result->text;
  if (!Text.empty() && !Text.ends_with('\n'))
    Text += '\n';
  if (!(O.Json ? Out.printJson(Text) : Out.print(Text)))
    return ExitFailed;
  return Exit;
}

/// Drivers that come with Dure for its own tests.
bool isTestDriver(std::string_view Name) {
  return Name == "null" || Name == "fault" || Name == "apart";
}

/// Why a driver has no device, in the user's language; "" when it has one.
const char *problemOf(const Console &Out, const dure_device_info &Info) {
  return Out.language() == Language::Korean ? Info.problem_korean
                                            : Info.problem;
}

/// One line a driver: its device, or why it has none.
std::string describeDevices(const Console &Out, const dure_devices *Devices,
                            bool All) {
  TextTable Table;
  const size_t Count = dure_devices_count(Devices);
  for (size_t I = 0; I < Count; ++I) {
    dure_device_info Info = {};
    Info.struct_size = sizeof(Info);
    if (!succeeded(Out, dure_devices_get(Devices, I, &Info)))
      continue;
    if (!All && isTestDriver(Info.driver))
      continue;
    std::string Device = Info.name ? Info.name : "";
    if (Info.name && *Info.architecture)
      Device += std::string(" (") + Info.architecture + ")";
    if (*Info.problem)
      Device = problemOf(Out, Info);
    Table.row({std::string("  ") + Info.driver, Device});
  }
  const std::string Text = Table.text();
  return Text.empty() ? Out.text(Message::DevicesNone) + "\n" : Text;
}

void writeDevices(const Console &Out, const dure_devices *Devices, bool All,
                  JsonWriter &Json) {
  Json.beginArray();
  for (size_t I = 0; I < dure_devices_count(Devices); ++I) {
    dure_device_info Info = {};
    Info.struct_size = sizeof(Info);
    if (!succeeded(Out, dure_devices_get(Devices, I, &Info)))
      continue;
    if (!All && isTestDriver(Info.driver))
      continue;
    Json.beginObject()
        .member("driver", Info.driver)
        .member("driver_version",
                Info.driver_version ? Info.driver_version : "")
        .member("driver_path", Info.driver_path ? Info.driver_path : "");
    if (Info.name)
      Json.member("name", Info.name)
          .member("architecture", Info.architecture)
          .member("features", Info.features)
          .member("memory_bytes", int64_t(Info.memory_total))
          .member("parallelism", int64_t(Info.parallelism));
    Json.member("problem", problemOf(Out, Info)).end();
  }
  Json.end();
}

/// The kernels of `--emit`, all in one text.
std::string kernelTexts(const dure_compiler_result &Result) {
  std::string Text;
  for (size_t I = 0; I < Result.kernel_count; ++I)
    if (*Result.kernels[I].text)
      Text += (Text.empty() ? "" : "\n") + std::string(Result.kernels[I].text);
  return Text;
}

/// What is left to say after `--emit`: the kernels themselves, or where they
/// are.
int finishEmit(const Console &Out, const Options &O,
               const CompilerResult &Result, bool ToStdout) {
  if (ToStdout) {
    // What else there is to say must not be among them.
    std::fputs(escapeControls(Result->text, /*KeepLines=*/true).c_str(),
               stderr);
    return Out.print(kernelTexts(*Result)) ? ExitOk : ExitFailed;
  }
  size_t Written = 0;
  for (size_t I = 0; I < Result->kernel_count; ++I)
    Written += *Result->kernels[I].text != '\0';
  const std::string Done =
      Out.text(Message::EmitDone, {std::to_string(Written), O.Output});
  return Out.print(std::string(Result->text) + Done + "\n") ? ExitOk
                                                            : ExitFailed;
}

/// The graph of a checkpoint in a folder that goes with the command; false,
/// having said why, when there is none.
bool placeGraphAside(const Console &Out, const Options &O,
                     std::optional<TemporaryFolder> &Folder,
                     PlacedGraph &Graph) {
  if (!makeTemporaryFolder(Out, Folder, "model.onnx"))
    return false;
  auto Placed = placeGraph(Out, O, *Folder);
  if (Placed)
    Graph = std::move(*Placed);
  return Placed.has_value();
}

} // namespace

int runCompile(const Console &Out, const Options &O) {
  const bool ToStdout = O.Output == "-";
  if (ToStdout && O.Emit.empty())
    return Out.usage(Message::UsageStdout);
  if (const int Exit = checkOutputPaths(Out, O, {}); Exit != ExitOk)
    return Exit;
  PlacedGraph Graph{O, {}, {}};
  std::optional<TemporaryFolder> Folder;
  // What begins at a later stage is text, never a checkpoint.
  if (O.StartFrom.empty() && isCheckpoint(O.Path)) {
    if (O.EmbedWeights == false)
      return Out.usage(Message::UsageCheckpointWeights, {O.Path});
    if (!placeGraphAside(Out, O, Folder, Graph))
      return ExitFailed;
  } else if (O.StartFrom.empty() && !mayBeModel(Out, O.Path)) {
    return ExitFailed;
  }
  std::optional<Compiler> Opened = Compiler::open(Out);
  if (!Opened)
    return ExitFailed;
  Compiler::CompileSettings Settings;
  Settings.OutputPath = ToStdout ? "" : O.Output;
  Settings.EmbedWeights = O.EmbedWeights.value_or(true);
  Settings.Threads = int32_t(O.Threads);
  Settings.Everything = true;
  // IR and kernels' texts carry nothing.
  if (O.Emit.empty() && O.StopAfter.empty()) {
    auto Files = readCarriedFiles(Out, O, std::move(Graph.Texts));
    if (!Files)
      return ExitFailed;
    Settings.Files = std::move(*Files);
  }
  const CompilerResult Result = Opened->compile(Graph.Model, Settings, Out);
  if (!O.Emit.empty() && !O.Json && Result &&
      Result->status == DURE_COMPILER_OK)
    return finishEmit(Out, O, Result, ToStdout);
  const int Exit = show(Out, O, Result);
  if (Exit != ExitOk || O.Json)
    return Exit;
  std::error_code Ignored;
  const auto Size = std::filesystem::file_size(O.Output, Ignored);
  const std::string Done =
      Out.text(Message::CompileDone,
               {O.Output, formatBytes(Ignored ? 0 : double(Size))});
  return Out.print(Done + "\n") ? ExitOk : ExitFailed;
}

int runExplain(const Console &Out, const Options &O) {
  PlacedGraph Graph{O, {}, {}};
  std::optional<TemporaryFolder> Folder;
  if (isCheckpoint(O.Path)) {
    if (!placeGraphAside(Out, O, Folder, Graph))
      return ExitFailed;
  } else if (!mayBeModel(Out, O.Path)) {
    return ExitFailed;
  }
  std::optional<Compiler> Opened = Compiler::open(Out);
  return Opened ? show(Out, O, Opened->explain(Graph.Model)) : int(ExitFailed);
}

int runTargets(const Console &Out, const Options &O) {
  // Without a compiler there still are devices, which run packages.
  std::string Problem;
  std::optional<Compiler> Opened = Compiler::open(Console(O.Lang, &Problem));
  CompilerResult Result(nullptr, nullptr);
  if (Opened) {
    Result = Opened->targets(O);
    if (const int Exit = Compiler::report(Result, Out); Exit != ExitOk)
      return Exit;
  }
  dure_devices *List = nullptr;
  if (!succeeded(Out, dure_devices_list(nullptr, &List)))
    return ExitFailed;
  const DevicesPointer Devices(List);
  if (O.Json) {
    JsonWriter Json;
    Json.beginObject().key("compiler");
    Opened ? Json.raw(Result->json) : Json.null();
    Json.key("devices");
    writeDevices(Out, Devices.get(), O.AllTargets, Json);
    Json.end();
    return Out.printJson(Json.text() + "\n") ? ExitOk : ExitFailed;
  }
  std::string Targets = Opened ? std::string(Result->text) : Problem;
  if (!Targets.ends_with('\n'))
    Targets += '\n';
  const std::string Text = Out.text(Message::TargetsHeading) + "\n" + Targets +
                           Out.text(Message::DevicesHeading) + "\n" +
                           describeDevices(Out, Devices.get(), O.AllTargets);
  return Out.print(Text) ? ExitOk : ExitFailed;
}

} // namespace dure
