// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure run.
#include "tools/dure/Commands.h"
#include "tools/dure/Inputs.h"
#include "tools/dure/Json.h"
#include "tools/dure/OutputPaths.h"
#include "tools/dure/Outputs.h"
#include "tools/dure/Simulated.h"
#include "tools/io/File.h"

#include <unistd.h>

namespace dure {
namespace {

void writeTensors(JsonWriter &Json, const std::vector<io::Tensor> &Tensors,
                  const std::vector<std::string> *Files) {
  Json.beginArray();
  for (size_t I = 0; I < Tensors.size(); ++I) {
    const io::Tensor &T = Tensors[I];
    Json.beginObject().member("name", T.Name);
    if (Files)
      Json.member("file", (*Files)[I]);
    Json.member("type", io::elementTypeInfo(T.Type).Name);
    Json.key("dims").beginArray();
    for (int64_t Dim : T.Dims)
      Json.value(Dim);
    Json.end().end();
  }
  Json.end();
}

std::string makeManifest(const Options &O, const LoadedPackage &Package,
                         const std::vector<io::Tensor> &Inputs,
                         const std::vector<io::Tensor> &Outputs,
                         const std::vector<std::string> &Files,
                         const dure_call_stats &Stats,
                         const SimulatedReport &Simulated) {
  JsonWriter Json;
  Json.beginObject()
      .member("producer", std::string("dure ") + dure_version())
      .member("source", O.Path)
      .member("entry", "main")
      .member("variant", Package.variant())
      .member("compile_cache", cacheUseName(Package.cacheUse()))
      .member("seconds", double(Stats.wall_ns) * 1e-9)
      .member("peak_transient_bytes", int64_t(Stats.peak_transient));
  Simulated.write(Json);
  if (Stats.bucket)
    Json.member("bucket", Stats.bucket);
  Json.key("inputs");
  writeTensors(Json, Inputs, nullptr);
  Json.key("outputs");
  writeTensors(Json, Outputs, &Files);
  return Json.end().text() + "\n";
}

/// Says which shape bucket the run took, where there are some.
std::string bucketText(const Console &Out, const char *Bucket) {
  return Bucket ? Out.text(Message::RunBucket, {Bucket}) + "\n" : "";
}

} // namespace

int runRun(const Console &Out, const Options &O) {
  if (const int Exit = checkOutputPaths(Out, O, {}); Exit != ExitOk)
    return Exit;
  std::optional<std::vector<io::Tensor>> Given = readInputs(Out, O);
  if (!Given)
    return ExitFailed;
  Prepared Ready = preparePackage(Out, O);
  if (!Ready.Package)
    return Ready.Exit;
  const LoadedPackage &Package = *Ready.Package;
  std::optional<std::vector<io::Tensor>> Inputs =
      arrangeInputs(Out, O.Path, Package.signature(), std::move(*Given));
  if (!Inputs)
    return ExitFailed;
  if (const int Exit = checkTracePath(Out, O, Package); Exit != ExitOk)
    return Exit;
  CallPointer Call = Package.prepare(Out, *Inputs);
  if (!Call || !makeFolder(Out, O.OutputDir))
    return ExitFailed;

  TracePointer Trace;
  if (!O.Trace.empty()) {
    dure_trace *Created = nullptr;
    if (!succeeded(Out, dure_trace_create(&Created)))
      return ExitFailed;
    Trace.reset(Created);
  }
  dure_run_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  Settings.trace = Trace.get();
  if (!Package.run(Out, Call.get(), Settings))
    return ExitFailed;
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  if (!succeeded(Out, dure_call_get_stats(Call.get(), &Stats)))
    return ExitFailed;
  SimulatedReport Simulated;
  if (!Simulated.read(Out, Call.get(), Stats))
    return ExitFailed;
  if (Trace && !succeeded(Out, dure_trace_write(Trace.get(), O.Trace.c_str())))
    return ExitFailed;

  std::vector<io::Tensor> Outputs;
  for (size_t I = 0; I < Package.signature().Outputs.size(); ++I) {
    std::optional<io::Tensor> T = Package.output(Out, Call.get(), I);
    if (!T)
      return ExitFailed;
    Outputs.push_back(std::move(*T));
  }
  // An old manifest must not name what this run may leave half done.
  const std::string ManifestPath = O.OutputDir + "/manifest.json";
  ::unlink(ManifestPath.c_str());
  std::optional<std::vector<std::string>> Files =
      writeOutputs(Out, O.OutputDir, Outputs);
  if (!Files)
    return ExitFailed;
  const std::string Manifest =
      makeManifest(O, Package, *Inputs, Outputs, *Files, Stats, Simulated);
  // Last: a manifest means that everything it names is there.
  if (io::Status S = io::writeFile(ManifestPath, Manifest); !S)
    return Out.fail(S.failure());
  const std::string Said =
      O.Json ? Manifest
             : Out.text(Message::RunDone,
                        {std::to_string(Outputs.size()), O.OutputDir,
                         formatSeconds(double(Stats.wall_ns) * 1e-9)}) +
                   "\n" + Simulated.text(Out) + bucketText(Out, Stats.bucket);
  return (O.Json ? Out.printJson(Said) : Out.print(Said)) ? ExitOk : ExitFailed;
}

} // namespace dure
