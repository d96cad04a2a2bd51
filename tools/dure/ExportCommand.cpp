// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure export: a checkpoint as an ONNX graph.
#include "tools/dure/Checkpoints.h"
#include "tools/dure/Commands.h"
#include "tools/dure/Json.h"
#include "tools/dure/OutputPaths.h"

#include <cstdio>
#include <filesystem>

namespace dure {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;
using checkpoint::ExportedModel;
using checkpoint::WritePlan;

/// Where the graph goes.
struct Output {
  std::string GraphPath;
  /// Its folder is the checkpoint's new home: the tokenizer goes along.
  bool IsHome = false;
};

/// Beside the weights by default, the one place where nothing has to be copied;
/// for a file, which is converted, in a folder of its name.
Output outputOf(const Options &O, const Checkpoint &C) {
  std::error_code Ignored;
  if (O.Output.empty() && fs::is_directory(C.Path, Ignored))
    return {C.Folder + "/model.onnx"};
  const fs::path Path = O.Output.empty() ? fs::path(C.Path).replace_extension()
                                         : fs::path(O.Output);
  if (Path.extension() == ".onnx" && !fs::is_directory(Path, Ignored))
    return {Path.string()};
  return {(Path / "model.onnx").string(), true};
}

/// Whether something that is written would take the place of a file of weights.
int checkWeightPaths(const Console &Out, const Checkpoint &C,
                     const std::string &GraphPath,
                     const checkpoint::ExportOptions &Settings) {
  for (const checkpoint::WeightFile &File : C.Files) {
    const std::string Name = fs::path(File.Name).filename().string();
    if (Name == Settings.GraphFile || Name == Settings.DataFile)
      return Out.usage(Message::UsageSamePath,
                       {File.Name, "--output", GraphPath});
  }
  return ExitOk;
}

std::string describe(const Console &Out, const ExportedModel &M) {
  TextTable Table;
  Table.row({Out.text(Message::ExportClass), M.Architecture});
  Table.row(
      {Out.text(Message::ExportParameters), std::to_string(M.Parameters)});
  for (const auto &[Type, Bytes] : M.BytesByType)
    Table.row(
        {Out.text(Message::ExportWeights, {std::string(onnx::typeName(Type))}),
         formatBytes(double(Bytes))});
  if (M.CacheBytesAPosition)
    Table.row({Out.text(Message::ExportCache),
               formatBytes(double(M.CacheBytesAPosition))});
  Table.row(
      {Out.text(Message::ExportGraph), formatBytes(double(M.Graph.size()))});
  return Table.text();
}

std::string toJson(const ExportedModel &M, const WritePlan &Plan,
                   bool IsWritten) {
  JsonWriter Json;
  Json.beginObject()
      .member("architecture", M.Architecture)
      .member("parameters", int64_t(M.Parameters))
      .member("nodes", int64_t(M.Nodes))
      .member("graph_bytes", int64_t(M.Graph.size()))
      .member("kv_bytes_per_token", int64_t(M.CacheBytesAPosition))
      .key("weight_bytes")
      .beginObject();
  for (const auto &[Type, Bytes] : M.BytesByType)
    Json.member(onnx::typeName(Type), int64_t(Bytes));
  Json.end().key("features").beginArray();
  for (const std::string &Each : M.Features)
    Json.value(Each);
  Json.end()
      .member("output", Plan.GraphPath)
      .member("copied_bytes", int64_t(Plan.CopiedBytes))
      .member("converted_bytes", int64_t(Plan.ConvertedBytes))
      .member("written", IsWritten)
      .end();
  return Json.text() + "\n";
}

} // namespace

int runExport(const Console &Out, const Options &O) {
  const std::unique_ptr<Checkpoint> C = openCheckpoint(Out, O);
  if (!C)
    return ExitFailed;
  const auto [GraphPath, IsHome] = outputOf(O, *C);
  checkpoint::ExportOptions Settings;
  Settings.Style =
      O.IsGenai ? checkpoint::GraphStyle::Genai : checkpoint::GraphStyle::Onnx;
  Settings.Opset = O.Opset;
  Settings.GraphFile = fs::path(GraphPath).filename().string();
  Settings.KeepBlocks = !O.Dequantize;
  Settings.DataFile = Settings.GraphFile + ".data";
  if (const int Exit = checkWeightPaths(Out, *C, GraphPath, Settings);
      Exit != ExitOk)
    return Exit;
  const std::optional<ExportedModel> M = exportCheckpoint(Out, O, *C, Settings);
  if (!M)
    return ExitFailed;
  const WritePlan Plan = checkpoint::planWrite(*C, *M, GraphPath);
  if (O.DryRun)
    return (O.Json ? Out.printJson(toJson(*M, Plan, false))
                   : Out.print(describe(Out, *M)))
               ? ExitOk
               : ExitFailed;
  if (const uint64_t Bytes = Plan.CopiedBytes + Plan.ConvertedBytes; Bytes)
    std::fputs(
        (Out.text(Message::ExportCopies, {formatBytes(double(Bytes))}) + "\n")
            .c_str(),
        stderr);
  {
    ProgressBar Bar(Out, Message::PhaseExport);
    checkpoint::WriteHooks Hooks;
    Hooks.Progress = [&](double Fraction) { Bar.update("", Fraction); };
    Hooks.Cancel = interruptFlag();
    Status Written = Status::success();
    if (IsHome) {
      const std::string Home = fs::path(GraphPath).parent_path().string();
      std::error_code Ignored;
      fs::create_directories(Home, Ignored);
      Written = writeTexts(*C, Home);
    }
    if (Written.ok())
      Written = writeModel(*C, *M, Plan, Settings.DataFile, Hooks);
    if (Written.code() == StatusCode::Cancelled)
      return Out.failCancelled();
    if (!Written.ok())
      return Out.fail(localized(Out, Written.message()));
  }
  const std::string Done = Out.text(
      Message::CompileDone, {GraphPath, formatBytes(double(M->Graph.size()))});
  return (O.Json ? Out.printJson(toJson(*M, Plan, true))
                 : Out.print(describe(Out, *M) + Done + "\n"))
             ? ExitOk
             : ExitFailed;
}

} // namespace dure
