// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure bench.
#include "tools/dure/BenchState.h"
#include "tools/dure/Commands.h"
#include "tools/dure/Inputs.h"
#include "tools/dure/Json.h"
#include "tools/dure/Memory.h"
#include "tools/dure/OutputPaths.h"
#include "tools/dure/Roof.h"
#include "tools/dure/Simulated.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace dure {
namespace {

/// Times in seconds, sorted.
struct Timing {
  std::vector<double> Runs;

  /// Between two runs, their mean weighted by how near each is.
  double at(double Fraction) const {
    const double Place = Fraction * double(Runs.size() - 1);
    const size_t Below = size_t(Place);
    const size_t Above = std::min(Below + 1, Runs.size() - 1);
    return std::lerp(Runs[Below], Runs[Above], Place - double(Below));
  }
  double median() const { return at(0.5); }
  double min() const { return Runs.front(); }
  /// From the first to the third quartile, as a part of the median.
  double spread() const { return (at(0.75) - at(0.25)) / median(); }
};

struct Measurement {
  Timing Times;
  // Of one run; -1: not known.
  int64_t Flops = -1;
  int64_t Bytes = -1;
  int64_t PeakTransient = 0;
  int64_t PeakMemory = 0;
  int Threads = 1;
  SimulatedReport Simulated;
  std::string Bucket; // of shapes; empty: none
};

constexpr double TargetSeconds = 3;
constexpr double RoofSeconds = 0.3;
constexpr int64_t MinRuns = 5, MaxRuns = 1000;

/// What is timed.
struct Subject {
  const LoadedPackage &Package;
  CallPointer Call;
  BenchState State;

  bool run(const Console &Out, const dure_run_options &Settings) const {
    return Package.run(Out, Call.get(), Settings);
  }
  /// Before each run.
  bool rewind(const Console &Out) const {
    return State.empty() || State.rewind(Out);
  }
};

bool timeOnce(const Console &Out, const Subject &Timed, double &Seconds) {
  dure_run_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  if (!Timed.rewind(Out))
    return false;
  const auto Start = std::chrono::steady_clock::now();
  if (!Timed.run(Out, Settings))
    return false;
  Seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - Start)
          .count();
  return true;
}

std::optional<Measurement> measure(const Console &Out, const Options &O,
                                   const Subject &Timed) {
  Measurement M;
  M.Threads = O.Threads ? int(O.Threads) : availableThreads();
  // Two to warm up: the first also pays for pages and threads.
  double Seconds = 0;
  for (int I = 0; I < 2; ++I)
    if (!timeOnce(Out, Timed, Seconds))
      return std::nullopt;
  const int64_t Fitting = int64_t(TargetSeconds / std::max(Seconds, 1e-7));
  const int64_t Runs =
      O.Repeat ? O.Repeat : std::clamp(Fitting, MinRuns, MaxRuns);
  for (int64_t I = 0; I < Runs; ++I) {
    if (!timeOnce(Out, Timed, Seconds))
      return std::nullopt;
    M.Times.Runs.push_back(Seconds);
  }
  std::sort(M.Times.Runs.begin(), M.Times.Runs.end());
  M.PeakMemory = peakMemory();

  // Work is counted in a run of its own, which costs a little more.
  TracePointer Trace;
  if (!O.Trace.empty()) {
    dure_trace *Created = nullptr;
    if (!succeeded(Out, dure_trace_create(&Created)))
      return std::nullopt;
    Trace.reset(Created);
  }
  dure_run_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  Settings.profile = 1;
  Settings.trace = Trace.get();
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  if (!Timed.rewind(Out) || !Timed.run(Out, Settings) ||
      !succeeded(Out, dure_call_get_stats(Timed.Call.get(), &Stats)))
    return std::nullopt;
  if (Trace && !succeeded(Out, dure_trace_write(Trace.get(), O.Trace.c_str())))
    return std::nullopt;
  if (!M.Simulated.read(Out, Timed.Call.get(), Stats))
    return std::nullopt;
  if (O.TimingOnly && M.Simulated.Amounts.empty()) {
    Out.fail(Message::BenchNotSimulated);
    return std::nullopt;
  }
  M.Flops = Stats.flops;
  M.Bytes = Stats.bytes;
  M.PeakTransient = int64_t(Stats.peak_transient);
  M.Bucket = Stats.bucket ? Stats.bucket : "";
  return M;
}

std::string percent(double Part) { return formatNumber(100 * Part) + " %"; }

const RoofEntry *findRoof(const std::optional<Roof> &R, const char *Type) {
  if (R)
    for (const RoofEntry &E : R->Compute)
      if (E.Type == Type)
        return &E;
  return nullptr;
}

std::string benchText(const Console &Out, const Options &O,
                      const Measurement &M, const std::optional<Roof> &R) {
  const double Seconds = M.Times.median();
  TextTable Table;
  const auto row = [&](Message Label, std::string Value) {
    Table.row({Out.text(Label), std::move(Value)});
  };
  row(Message::BenchTime,
      Out.text(Message::BenchTimeLine,
               {formatSeconds(Seconds), formatSeconds(M.Times.min()),
                percent(M.Times.spread()),
                std::to_string(M.Times.Runs.size())}));
  const auto rateText = [&](int64_t Amount, const char *Unit, double RoofRate,
                            const std::string &RoofName) {
    if (Amount < 0)
      return Out.text(Message::Unknown);
    const double Rate = double(Amount) / Seconds * 1e-9;
    std::string Text = formatNumber(Rate) + Unit;
    if (RoofRate > 0)
      Text += ", " + Out.text(Message::BenchShare,
                              {percent(Rate / RoofRate), RoofName});
    return Text;
  };
  const RoofEntry *F32 = findRoof(R, "float32");
  // Where nothing was computed, the time is not that of the work.
  if (!O.TimingOnly) {
    row(Message::BenchCompute,
        rateText(M.Flops, " GFLOP/s", F32 ? F32->Gflops : 0, "float32"));
    row(Message::BenchMemory, rateText(M.Bytes, " GB/s", R ? R->ReadGbytes : 0,
                                       Out.text(Message::BenchRoofMemory)));
  }
  row(Message::BenchPeak, formatBytes(double(M.PeakMemory)));
  if (!M.Bucket.empty())
    row(Message::BenchBucket, M.Bucket);
  std::string Text = Table.text() + M.Simulated.text(Out);
  if (!R)
    return Text;
  TextTable Roofs;
  for (const RoofEntry &E : R->Compute)
    Roofs.row({"  " + E.Type,
               formatNumber(E.Gflops) + " GFLOP/s (" + E.Instructions + ")"});
  Roofs.row({"  " + Out.text(Message::BenchRoofMemory),
             formatNumber(R->ReadGbytes) + " GB/s"});
  return Text + Out.text(Message::BenchRoof, {std::to_string(R->Threads)}) +
         "\n" + Roofs.text();
}

std::string benchJson(const Options &O, const LoadedPackage &Package,
                      const std::vector<io::Tensor> &Inputs,
                      const Measurement &M, const std::optional<Roof> &R) {
  const double Seconds = M.Times.median();
  JsonWriter Json;
  Json.beginObject()
      .member("source", O.Path)
      .member("entry", O.Entry)
      .member("variant", Package.variant())
      .member("compile_cache", cacheUseName(Package.cacheUse()))
      .member("threads", int64_t(M.Threads))
      .member("runs", int64_t(M.Times.Runs.size()))
      .member("median_s", Seconds)
      .member("min_s", M.Times.min())
      .member("spread", M.Times.spread());
  Json.key("inputs").beginArray();
  for (const io::Tensor &T : Inputs) {
    Json.beginObject().member("name", T.Name).key("dims").beginArray();
    for (int64_t Dim : T.Dims)
      Json.value(Dim);
    Json.end().end();
  }
  Json.end();
  const auto amount = [&](const char *Total, const char *Rate, int64_t Value) {
    Json.key(Total);
    Value < 0 ? Json.null() : Json.value(Value);
    Json.key(Rate);
    Value < 0 || O.TimingOnly ? Json.null()
                              : Json.value(double(Value) / Seconds * 1e-9);
  };
  amount("flops", "gflops_per_s", M.Flops);
  amount("bytes", "gbytes_per_s", M.Bytes);
  Json.member("peak_rss_bytes", M.PeakMemory)
      .member("peak_transient_bytes", M.PeakTransient)
      .member("provenance", "measured");
  M.Simulated.write(Json);
  if (!M.Bucket.empty())
    Json.member("bucket", M.Bucket);
  Json.key("roof");
  if (!R)
    return Json.null().end().text() + "\n";
  Json.beginObject().member("threads", int64_t(R->Threads)).key("compute");
  Json.beginArray();
  for (const RoofEntry &E : R->Compute)
    Json.beginObject()
        .member("type", E.Type)
        .member("instructions", E.Instructions)
        .member("gflops_per_s", E.Gflops)
        .end();
  Json.end().member("read_gbytes_per_s", R->ReadGbytes);
  return Json.end().end().text() + "\n";
}

/// The inputs from files, or made up in the sizes of --dims.
MadeInputs inputsOf(const Console &Out, const Options &O,
                    const LoadedPackage &Package, const Signature &Entry,
                    const BenchState &State) {
  MadeInputs Made;
  Made.Exit = ExitFailed;
  if (!O.InputsFile.empty() || !O.Inputs.empty()) {
    Made.Tensors = readInputs(Out, O);
    if (Made.Tensors)
      Made.Tensors =
          arrangeInputs(Out, O.Path, Entry, std::move(*Made.Tensors));
    return Made;
  }
  const std::optional<std::string> Description = Package.describe(Out);
  if (!Description)
    return Made;
  std::vector<SizeRequirement> Rules =
      sizeRequirements(*Description, Package.variant(), O.Entry);
  if (State.empty())
    return makeInputs(Out, Entry, O.Dims, Rules);
  for (SizeRequirement &Each : State.requirements(O.Dims))
    Rules.push_back(std::move(Each));
  return makeInputs(Out, Entry, O.Dims, Rules, State.symbols());
}

} // namespace

int runBench(const Console &Out, const Options &Given) {
  Options O = Given;
  if (O.Entry.empty())
    O.Entry = "main";
  const bool FromFiles = !O.InputsFile.empty() || !O.Inputs.empty();
  if (FromFiles && !O.Dims.empty())
    return Out.usage(Message::UsageBenchInputs);
  if (const int Exit = checkOutputPaths(Out, O, {}); Exit != ExitOk)
    return Exit;
  // Compiled elsewhere: what the compiler took is no memory of the run.
  Prepared Ready = preparePackage(Out, O, /*InChild=*/true);
  if (!Ready.Package)
    return Ready.Exit;
  resetPeakMemory();
  const LoadedPackage &Package = *Ready.Package;
  const std::optional<Signature> Entry = Package.signatureOf(Out, O.Entry);
  if (!Entry)
    return ExitFailed;
  Subject Timed{Package, nullptr, BenchState(Package.signature(), *Entry)};
  if (FromFiles && !Timed.State.empty())
    return Out.usage(Message::UsageBenchState, {O.Entry});
  const MadeInputs Inputs = inputsOf(Out, O, Package, *Entry, Timed.State);
  if (!Inputs.Tensors)
    return Inputs.Exit;
  if (const int Exit = checkTracePath(Out, O, Package); Exit != ExitOk)
    return Exit;
  Timed.Call = Package.prepare(Out, *Inputs.Tensors, O.Entry);
  if (!Timed.Call)
    return ExitFailed;
  if (!Timed.State.empty() &&
      !Timed.State.bind(Out, Package, O.Entry, Timed.Call.get(), Inputs.Sizes))
    return ExitFailed;
  std::optional<Measurement> M = measure(Out, O, Timed);
  if (!M)
    return ExitFailed;
  std::optional<Roof> R;
  if (!O.NoRoof)
    R = probeRoof(M->Threads, RoofSeconds, interruptFlag());
  if (interrupted())
    return Out.failCancelled();
  const bool Printed =
      O.Json ? Out.printJson(benchJson(O, Package, *Inputs.Tensors, *M, R))
             : Out.print(benchText(Out, O, *M, R));
  return Printed ? ExitOk : ExitFailed;
}

} // namespace dure
