// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C API: calls and traces.

#include "runtime/api/Handles.h"
#include "runtime/base/Checked.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string_view>

using namespace dure;

/// An entry being called. Only Cancelled is touched by other threads.
struct dure_call {
  std::shared_ptr<const SessionHandle> Owner;
  size_t EntryIndex = 0;
  const Program *Code = nullptr;
  std::vector<InputValue> Inputs;
  std::vector<bool> Bound;
  std::shared_ptr<State> Cache;
  std::atomic<bool> Cancelled = false;
  bool Succeeded = false;
  std::vector<OutputValue> Outputs;
  RunStats Stats;
  // What dispatch statistics point to.
  std::vector<std::vector<const char *>> Nodes;

  ~dure_call() { releaseOutputs(); }

  Session &session() const { return *Owner->Running; }
  const Entry &entry() const { return session().content().Entries[EntryIndex]; }

  /// Output memory goes back to the pool for the next run.
  void releaseOutputs() {
    for (OutputValue &Output : Outputs) {
      Output.Map = BufferMap();
      if (Output.Buffer)
        session().pool(Output.On).release(std::move(Output.Buffer));
    }
    Outputs.clear();
  }
};

namespace {

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

std::string expected(const TensorInfo &Info) {
  return std::string(elementName(Info.Type)) + " " + dimsText(Info.Dims);
}

Status bindInput(dure_call &Call, size_t Index, const dure_tensor *Tensor) {
  const std::vector<TensorInfo> &Infos = Call.entry().Inputs;
  if (Index >= Infos.size())
    return noIndex("inputs", Index, Infos.size());
  const TensorInfo &Info = Infos[Index];
  dure_tensor Given;
  InputValue Value;
  DURE_RETURN_IF_ERROR(readStruct(Tensor, Given));
  DURE_RETURN_IF_ERROR(
      checkTensor(Given, Value.Dims).at("input '" + Info.Name + "'"));
  bool Fits = Given.type == static_cast<int32_t>(Info.Type) &&
              Value.Dims.size() == Info.Dims.size();
  for (size_t I = 0; Fits && I != Value.Dims.size(); ++I)
    Fits = Info.Dims[I].Value < 0 || Info.Dims[I].Value == Value.Dims[I];
  if (!Fits)
    return invalidArgument("input '" + Info.Name + "' is " + expected(Info) +
                           ", got " + dure_type_name(Given.type) + " " +
                           dimsText(Value.Dims));
  Value.Data = Given.data;
  Value.Size = Given.size;
  Call.Inputs[Index] = std::move(Value);
  Call.Bound[Index] = true;
  return Status::success();
}

/// True for an expression that is only a name: one of SYMBOLS, which may be
/// called anything, or a plain identifier.
bool isName(const std::set<std::string_view> &Symbols,
            const std::string &Expression) {
  if (Symbols.count(Expression))
    return true;
  auto IsLetter = [](char C) {
    return (C >= 'a' && C <= 'z') || (C >= 'A' && C <= 'Z') || C == '_';
  };
  return !Expression.empty() && IsLetter(Expression[0]) &&
         std::all_of(Expression.begin(), Expression.end(), [&](char C) {
           return IsLetter(C) || (C >= '0' && C <= '9') || C == '.';
         });
}

struct BoundSymbol {
  int64_t Value;
  size_t Input;
  size_t Axis;
};

Status checkRange(const Symbol &S, const BoundSymbol &Bound,
                  const std::string &InputName) {
  if (Bound.Value >= S.Min && Bound.Value <= S.Max &&
      Bound.Value % S.Multiple == 0)
    return Status::success();
  std::string Range =
      S.Max == std::numeric_limits<int64_t>::max()
          ? "at least " + std::to_string(S.Min)
          : "from " + std::to_string(S.Min) + " to " + std::to_string(S.Max);
  if (S.Multiple != 1)
    Range += " and a multiple of " + std::to_string(S.Multiple);
  return invalidArgument("'" + S.Name + "' (dim " + std::to_string(Bound.Axis) +
                         " of input '" + InputName + "') is " +
                         std::to_string(Bound.Value) + ", the model takes " +
                         Range);
}

/// Every input is bound, and dims of one name have one value in its range.
Status checkInputs(const dure_call &Call) {
  const Entry &E = Call.entry();
  std::set<std::string_view> Known;
  for (const Symbol &S : Call.session().content().Symbols)
    Known.insert(S.Name);
  std::map<std::string, BoundSymbol> Symbols;
  std::string Missing;
  for (size_t I = 0; I != E.Inputs.size(); ++I) {
    if (!Call.Bound[I]) {
      Missing += (Missing.empty() ? "'" : ", '") + E.Inputs[I].Name + "' (" +
                 expected(E.Inputs[I]) + ")";
      continue;
    }
    for (size_t Axis = 0; Axis != E.Inputs[I].Dims.size(); ++Axis) {
      const std::string &Name = E.Inputs[I].Dims[Axis].Expression;
      int64_t Value = Call.Inputs[I].Dims[Axis];
      if (!isName(Known, Name))
        continue; // static, or checked by the host program
      auto [Bound, New] =
          Symbols.try_emplace(Name, BoundSymbol{Value, I, Axis});
      if (!New && Bound->second.Value != Value)
        return invalidArgument(
            "'" + Name + "' is " + std::to_string(Bound->second.Value) +
            " in input '" + E.Inputs[Bound->second.Input].Name + "' and " +
            std::to_string(Value) + " in input '" + E.Inputs[I].Name + "'");
    }
  }
  if (!Missing.empty())
    return invalidArgument("inputs are missing: " + Missing);
  for (const Symbol &S : Call.session().content().Symbols) {
    auto Bound = Symbols.find(S.Name);
    if (Bound != Symbols.end())
      DURE_RETURN_IF_ERROR(
          checkRange(S, Bound->second, E.Inputs[Bound->second.Input].Name));
  }
  if (E.States.empty() == !Call.Cache)
    return Status::success();
  return Status(StatusCode::FailedPrecondition,
                E.States.empty()
                    ? "entry '" + E.Name + "' takes no state"
                    : "entry '" + E.Name + "' needs a state; bind one");
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

std::vector<const char *> nodePointers(const TraceInfo *Row) {
  std::vector<const char *> Pointers;
  if (Row)
    for (const std::string &Node : Row->Nodes)
      Pointers.push_back(Node.c_str());
  return Pointers;
}

Status readRunOptions(const dure_run_options *From, dure_call &Call,
                      RunSettings &To, dure_run_options &Options) {
  DURE_RETURN_IF_ERROR(readStruct(From, Options));
  if (Options.timeout_ns != 0 &&
      !checkedAdd(monotonicNs(), Options.timeout_ns, To.Limits.DeadlineNs))
    To.Limits.DeadlineNs = DURE_DRV_NO_DEADLINE; // beyond the end of time
  To.Limits.Cancel = &Call.Cancelled;
  if (Options.fuel != 0)
    To.Fuel = Options.fuel;
  if (Options.memory_limit != 0)
    To.MemoryLimit = Options.memory_limit;
  To.Profile = Options.profile != 0 || Options.trace != nullptr;
  To.DriverSpans = Options.trace != nullptr;
  if (!Options.on_value)
    return Status::success();
  To.OnValue = [Function = Options.on_value, User = Options.user,
                &Owner = Call.session()](const CapturedValue &Value) -> int {
    std::vector<const char *> Nodes = nodePointers(Value.Row);
    dure_tensor Tensor = {};
    Tensor.struct_size = sizeof(Tensor);
    Tensor.type = static_cast<int32_t>(Value.Value->Type);
    Tensor.rank = static_cast<int32_t>(Value.Dims.size());
    Tensor.dims = Value.Dims.data();
    Tensor.data = const_cast<std::byte *>(Value.Bytes.data());
    Tensor.size = Value.Bytes.size();
    dure_value Shown = {};
    Shown.struct_size = sizeof(Shown);
    Shown.name = Value.Value->Name.c_str();
    Shown.dispatch = Value.Row->Name.c_str();
    Shown.index = Value.Dispatch;
    Shown.nodes = Nodes.data();
    Shown.node_count = Nodes.size();
    Shown.tensor = &Tensor;
    Shown.device = Owner.device(Value.On)->facts().Name.c_str();
    return Function(User, &Shown);
  };
  return Status::success();
}

const std::string &dispatchName(const DispatchRecord &Record) {
  return Record.Row && !Record.Row->Name.empty() ? Record.Row->Name
                                                 : Record.Callee->Name;
}

/// A track a lane, from the run's begin on. The lane's name says that nobody
/// measured it.
void addSimulated(const RunStats &Stats, Trace &To) {
  constexpr uint32_t FirstTrack = 100;
  std::vector<std::string> Lanes;
  for (const SimulatedSpan &Span : Stats.Simulated.Spans) {
    auto Known = std::find(Lanes.begin(), Lanes.end(), Span.Lane);
    auto Track = FirstTrack + static_cast<uint32_t>(Known - Lanes.begin());
    if (Known == Lanes.end()) {
      Lanes.push_back(Span.Lane);
      To.track(Track,
               "simulated (" + Stats.Simulated.Model + "): " + Span.Lane);
    }
    To.span(Span.Label, "simulated", Stats.BeginNs + Span.BeginNs,
            Stats.BeginNs + Span.EndNs, Track, "");
  }
}

void addSpans(const dure_call &Call, Trace &To) {
  // Two tracks a device: what it ran, and what its driver says of itself.
  constexpr uint32_t RunTrack = 1, DeviceTrack = 2, DriverTrack = 3;
  To.track(RunTrack, "runs");
  const Session &Owner = Call.session();
  for (DeviceIndex I = 0; I != Owner.deviceCount(); ++I)
    To.track(DeviceTrack + 2 * I, "device " + Owner.device(I)->facts().Name);
  const RunStats &Stats = Call.Stats;
  To.span(
      Call.entry().Name, "run", Stats.BeginNs, Stats.EndNs, RunTrack,
      "\"dispatches\":" + std::to_string(Stats.Dispatches) +
          ",\"submissions\":" + std::to_string(Stats.Submissions) +
          ",\"copies_between_devices\":" + std::to_string(Stats.CrossCopies) +
          ",\"bytes_between_devices\":" + std::to_string(Stats.CrossBytes) +
          ",\"instructions\":" + std::to_string(Stats.Instructions) +
          ",\"peak_transient_bytes\":" + std::to_string(Stats.PeakTransient) +
          (Stats.Bucket ? ",\"bucket\":" + jsonString(*Stats.Bucket) : ""));
  for (const DispatchRecord &Record : Stats.Records) {
    if (Record.EndNs == 0)
      continue; // did not run
    std::string Args = "\"function\":" + jsonString(Record.Callee->Name);
    if (Record.Flops >= 0)
      Args += ",\"flops\":" + std::to_string(Record.Flops);
    if (Record.Bytes >= 0)
      Args += ",\"bytes\":" + std::to_string(Record.Bytes);
    Args += ",\"nodes\":[";
    const char *Comma = "";
    for (const char *Node : nodePointers(Record.Row)) {
      Args += Comma + jsonString(Node);
      Comma = ",";
    }
    To.span(dispatchName(Record), "dispatch", Record.BeginNs, Record.EndNs,
            DeviceTrack + 2 * Record.On, Args + "]");
  }
  for (DeviceIndex I = 0; I != Stats.Spans.size(); ++I) {
    if (!Stats.Spans[I].empty())
      To.track(DriverTrack + 2 * I,
               "driver " + Owner.device(I)->driver().name());
    for (const DriverSpan &Span : Stats.Spans[I])
      To.span(Span.Name, "driver", Span.BeginNs, Span.EndNs,
              DriverTrack + 2 * I, "");
  }
  addSimulated(Stats, To);
}

/// Locks, unless the call is cancelled or its time is up before its turn.
Status waitForTurn(std::unique_lock<std::timed_mutex> &Lock,
                   const RunLimits &Limits) {
  // How soon a cancellation is noticed, at the latest.
  constexpr uint64_t PollNs = 10'000'000;
  while (!Lock.try_lock()) {
    DURE_RETURN_IF_ERROR(Limits.check());
    uint64_t Now = monotonicNs(), Left = PollNs;
    if (Limits.DeadlineNs != DURE_DRV_NO_DEADLINE)
      Left =
          std::min(Left, Limits.DeadlineNs - std::min(Limits.DeadlineNs, Now));
    if (Lock.try_lock_for(std::chrono::nanoseconds(Left)))
      break;
  }
  return Status::success();
}

} // namespace

//===----------------------------------------------------------------------===//
// C entry points
//===----------------------------------------------------------------------===//

dure_status *dure_call_create(dure_session *S, const char *EntryName,
                              dure_call **To) {
  return guarded([&]() -> dure_status * {
    if (!S || !EntryName || !To)
      return toC(nullArgument());
    Result<size_t> Index = findEntry(S->Handle->Running->content(), EntryName);
    if (!Index)
      return toC(Index.status());
    Result<const Program *> Code = S->Handle->Running->program(*Index);
    if (!Code)
      return toC(Code.status());
    auto Made = std::make_unique<dure_call>();
    Made->Owner = S->Handle;
    Made->EntryIndex = *Index;
    Made->Code = *Code;
    Made->Inputs.resize(Made->entry().Inputs.size());
    Made->Bound.resize(Made->entry().Inputs.size());
    *To = Made.release();
    return nullptr;
  });
}

void dure_call_destroy(dure_call *Call) { delete Call; }

dure_status *dure_call_bind_input(dure_call *Call, size_t Index,
                                  const dure_tensor *Tensor) {
  return guarded([&]() -> dure_status * {
    if (!Call || !Tensor)
      return toC(nullArgument());
    return toC(bindInput(*Call, Index, Tensor));
  });
}

dure_status *dure_call_bind_input_by_name(dure_call *Call, const char *Name,
                                          const dure_tensor *Tensor) {
  return guarded([&]() -> dure_status * {
    if (!Call || !Name || !Tensor)
      return toC(nullArgument());
    const std::vector<TensorInfo> &Inputs = Call->entry().Inputs;
    std::string Names;
    for (size_t I = 0; I != Inputs.size(); ++I) {
      if (Inputs[I].Name == Name)
        return toC(bindInput(*Call, I, Tensor));
      Names += (I ? ", '" : "'") + Inputs[I].Name + "' (" +
               expected(Inputs[I]) + ")";
    }
    return toC(
        Status(StatusCode::NotFound, std::string("there is no input '") + Name +
                                         "'; the inputs are " +
                                         (Names.empty() ? "none" : Names)));
  });
}

dure_status *dure_call_bind_state(dure_call *Call, dure_state *S) {
  return guarded([&]() -> dure_status * {
    if (!Call || !S)
      return toC(nullArgument());
    if (S->Session != Call->Owner || !S->Cache->fits(Call->EntryIndex))
      return toC(invalidArgument("the state belongs to another session or to "
                                 "an entry of another state"));
    Call->Cache = S->Cache;
    return nullptr;
  });
}

dure_status *dure_call_run(dure_call *Call, const dure_run_options *Options) {
  return guarded([&]() -> dure_status * {
    if (!Call)
      return toC(nullArgument());
    // A cancellation is for this run, however it ends.
    struct Reset {
      std::atomic<bool> &Flag;
      ~Reset() { Flag.store(false); }
    } ResetCancelled{Call->Cancelled};
    Call->Succeeded = false;
    Call->releaseOutputs();
    Call->Nodes.clear();
    Call->Stats = {};
    RunSettings Settings;
    dure_run_options Read;
    Status Done = readRunOptions(Options, *Call, Settings, Read);
    if (Done.ok())
      Done = checkInputs(*Call);
    if (Done.ok()) {
      std::unique_lock<std::timed_mutex> Lock(Call->session().runLock(),
                                              std::defer_lock);
      Done = waitForTurn(Lock, Settings.Limits);
      if (Done.ok())
        Done = runProgram(Call->session(), Call->entry(), *Call->Code,
                          Call->Inputs, Call->Cache.get(), Settings,
                          Call->Outputs, Call->Stats);
    }
    for (const DispatchRecord &Record : Call->Stats.Records)
      Call->Nodes.push_back(nodePointers(Record.Row));
    if (Read.trace)
      addSpans(*Call, Read.trace->Spans);
    Call->Succeeded = Done.ok();
    return toC(Done);
  });
}

void dure_call_cancel(dure_call *Call) {
  if (Call)
    Call->Cancelled.store(true, std::memory_order_relaxed);
}

dure_status *dure_call_get_output(const dure_call *Call, size_t Index,
                                  dure_tensor *To) {
  return guarded([&]() -> dure_status * {
    if (!Call)
      return toC(nullArgument());
    if (!Call->Succeeded)
      return toC(Status(StatusCode::FailedPrecondition,
                        "the call has no outputs: it has not run, or failed"));
    if (Index >= Call->Outputs.size())
      return toC(noIndex("outputs", Index, Call->Outputs.size()));
    const OutputValue &Output = Call->Outputs[Index];
    dure_tensor Tensor = {};
    Tensor.type = static_cast<int32_t>(Call->entry().Outputs[Index].Type);
    Tensor.rank = static_cast<int32_t>(Output.Dims.size());
    Tensor.dims = Output.Dims.data();
    Tensor.data = Output.Bytes.data();
    Tensor.size = Output.Bytes.size();
    return toC(writeStruct(Tensor, To));
  });
}

dure_status *dure_call_get_stats(const dure_call *Call, dure_call_stats *To) {
  return guarded([&]() -> dure_status * {
    if (!Call)
      return toC(nullArgument());
    const RunStats &Stats = Call->Stats;
    dure_call_stats Shown = {};
    Shown.wall_ns = Stats.EndNs - Stats.BeginNs;
    Shown.instructions = Stats.Instructions;
    Shown.dispatches = Stats.Dispatches;
    Shown.submissions = Stats.Submissions;
    Shown.peak_transient = Stats.PeakTransient;
    Shown.output_bytes = Stats.OutputBytes;
    Shown.dispatch_count = Stats.Records.size();
    Shown.counter_count = Stats.Simulated.Counters.size();
    // A sum is known when each part is.
    bool All =
        !Stats.Records.empty() && Stats.Records.size() == Stats.Dispatches;
    Shown.flops = Shown.bytes = All ? 0 : -1;
    for (const DispatchRecord &Record : Stats.Records) {
      auto Add = [](int64_t &Sum, int64_t Part) {
        if (Sum >= 0 && (Part < 0 || !checkedAdd(Sum, Part, Sum)))
          Sum = -1;
      };
      Add(Shown.flops, Record.Flops);
      Add(Shown.bytes, Record.Bytes);
    }
    Shown.bucket = Stats.Bucket ? Stats.Bucket->c_str() : nullptr;
    return toC(writeStruct(Shown, To));
  });
}

dure_status *dure_call_get_dispatch(const dure_call *Call, size_t Index,
                                    dure_dispatch_stats *To) {
  return guarded([&]() -> dure_status * {
    if (!Call)
      return toC(nullArgument());
    const RunStats &Stats = Call->Stats;
    if (Index >= Stats.Records.size())
      return toC(noIndex("profiled dispatches", Index, Stats.Records.size()));
    const DispatchRecord &Record = Stats.Records[Index];
    auto SinceBegin = [&](uint64_t Ns) {
      return Ns > Stats.BeginNs ? Ns - Stats.BeginNs : 0;
    };
    dure_dispatch_stats Shown = {};
    Shown.name = dispatchName(Record).c_str();
    Shown.nodes = Call->Nodes[Index].data();
    Shown.node_count = Call->Nodes[Index].size();
    Shown.begin_ns = SinceBegin(Record.BeginNs);
    Shown.end_ns = SinceBegin(Record.EndNs);
    Shown.flops = Record.Flops;
    Shown.bytes = Record.Bytes;
    Shown.device = Call->session().device(Record.On)->facts().Name.c_str();
    return toC(writeStruct(Shown, To));
  });
}

dure_status *dure_call_get_counter(const dure_call *Call, size_t Index,
                                   dure_counter *To) {
  return guarded([&]() -> dure_status * {
    if (!Call)
      return toC(nullArgument());
    const SimulatedRun &Simulated = Call->Stats.Simulated;
    if (Index >= Simulated.Counters.size())
      return toC(
          noIndex("simulated counters", Index, Simulated.Counters.size()));
    const SimulatedCounter &Counter = Simulated.Counters[Index];
    dure_counter Shown = {};
    Shown.name = Counter.Name.c_str();
    Shown.unit = Counter.Unit.c_str();
    Shown.model = Simulated.Model.c_str();
    Shown.value = Counter.Value;
    Shown.limit = Counter.Limit;
    return toC(writeStruct(Shown, To));
  });
}

dure_status *dure_trace_create(dure_trace **To) {
  return guarded([&]() -> dure_status * {
    if (!To)
      return toC(nullArgument());
    *To = new dure_trace;
    return nullptr;
  });
}

dure_status *dure_trace_write(const dure_trace *T, const char *Path) {
  return guarded([&]() -> dure_status * {
    if (!T || !Path)
      return toC(nullArgument());
    return toC(T->Spans.write(Path));
  });
}

void dure_trace_destroy(dure_trace *T) { delete T; }
