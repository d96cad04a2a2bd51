// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs programs: the executor of a queue.
#include "targets/rngd/driver/Simulator.h"

#include <cinttypes>
#include <cstring>

using namespace dure::rngd;
using namespace dure::driver;

/// Type of the stream where the cast engine takes it.
static fb::Type typeBeforeCast(const ExecPlan &E) {
  if (E.Vector)
    return E.Vector->OutType;
  if (E.Contract) {
    fb::Type Trf = E.Contract->TrfType;
    return Trf == fb::Type::I4 || Trf == fb::Type::I8 ? fb::Type::I32
                                                      : fb::Type::F32;
  }
  return E.Stream.Type;
}

/// Whether a slice may write what another one has not read yet.
static bool mayOverwrite(const ExecPlan &E) {
  if (!E.Commit || E.Stream.RingSize == 1)
    return false;
  int64_t Low = E.Commit->Base, High = E.Commit->Base + E.Commit->Bytes;
  for (const auto &[Size, Stride] : E.Commit->Loops) {
    int64_t Reach = Stride * (Size - 1);
    (Reach < 0 ? Low : High) += Reach;
  }
  return Low * 8 < E.Stream.EndBit && E.Stream.FirstBit < High * 8;
}

std::string
Simulator::forSlices(const ExecPlan &E, int64_t Step,
                     const std::function<std::string(int64_t, int64_t)> &Each) {
  std::vector<int64_t> Clusters;
  for (int64_t I = 0; I != L.Clusters; ++I)
    if (E.Clusters >> I & 1)
      Clusters.push_back(I);
  int64_t PerCluster = E.Slices / Step;
  auto Count = static_cast<int64_t>(Clusters.size()) * PerCluster;
  std::vector<std::string> Whys(static_cast<size_t>(Count));
  std::atomic<bool> Failed{false};
  Team.run(Count, [&](int64_t I) {
    // What is left out then is noticed before the next command.
    if (Failed.load(std::memory_order_relaxed) || Current->shouldStop(H))
      return;
    std::string &Why = Whys[static_cast<size_t>(I)];
    Why = Each(Clusters[static_cast<size_t>(I / PerCluster)],
               I % PerCluster * Step);
    if (!Why.empty())
      Failed.store(true, std::memory_order_relaxed);
  });
  for (std::string &Each : Whys)
    if (!Each.empty())
      return std::move(Each);
  return {};
}

std::string Simulator::runSlice(const ExecPlan &E, int64_t Cluster,
                                int64_t Slice, Words &Data) {
  int64_t Base = Cluster * L.SlicesPerCluster;
  StreamReader Reader(E.Stream, Memory.Dm, Base, Slice);
  if (E.Contract) {
    if (std::string Why = contract(*E.Contract, Reader, E.Stream.FlitsPerPacket,
                                   Memory.Trf, Base + Slice, Data);
        !Why.empty())
      return Why;
  } else {
    Data.resize(static_cast<size_t>(E.Stream.flits() * 8));
    if (std::string Why = Reader.read(E.Stream.Packets,
                                      reinterpret_cast<uint8_t *>(Data.data()));
        !Why.empty())
      return Why;
  }
  if (E.Vector && !(E.Vector->Inter && E.Vector->Inter->First))
    return runVector(*E.Vector, Memory.Vrf, Slice, Base, Data);
  return {};
}

std::string Simulator::finishSlice(const ExecPlan &E, int64_t Cluster,
                                   int64_t Slice, Words &Data) {
  int64_t Base = Cluster * L.SlicesPerCluster, At = Base + Slice;
  if (E.ToTrf) {
    toTrf(E, Memory.Trf, At, Data);
    return {};
  }
  if (E.ToVrf) {
    toVrf(E, Memory.Vrf, At, Data);
    return {};
  }
  if (E.Vector && E.Vector->Inter && E.Vector->Inter->First)
    if (std::string Why = runVector(*E.Vector, Memory.Vrf, Slice, Base, Data);
        !Why.empty())
      return Why;
  return finish(E, Memory.Dm, At, typeBeforeCast(E), Data);
}

std::string Simulator::runExec(const ExecPlan &E) {
  bool Inter = E.Vector && E.Vector->Inter;
  if (!Inter && !mayOverwrite(E))
    return forSlices(E, 1, [&](int64_t Cluster, int64_t Slice) {
      Words Data;
      std::string Why = runSlice(E, Cluster, Slice, Data);
      return Why.empty() ? finishSlice(E, Cluster, Slice, Data) : Why;
    });
  // All slices are read before any is written.
  std::vector<Words> Streams(static_cast<size_t>(L.slices()));
  auto At = [&](int64_t Cluster, int64_t Slice) -> Words & {
    return Streams[static_cast<size_t>(Cluster * L.SlicesPerCluster + Slice)];
  };
  if (std::string Why = forSlices(E, 1,
                                  [&](int64_t Cluster, int64_t Slice) {
                                    return runSlice(E, Cluster, Slice,
                                                    At(Cluster, Slice));
                                  });
      !Why.empty())
    return Why;
  int64_t Step = 1;
  if (Inter) {
    const InterPlan &R = *E.Vector->Inter;
    Step = R.Broadcast ? 1 : R.Ratio;
    std::string Why =
        forSlices(E, R.Ratio, [&](int64_t Cluster, int64_t Slice) {
          std::vector<Words *> Group;
          for (int64_t I = 0; I != R.Ratio; ++I)
            Group.push_back(&At(Cluster, Slice + I));
          reduceSlices(R, E.Vector->InterIsFloat, Group.data(), R.Ratio);
          if (R.Broadcast)
            for (int64_t I = 1; I != R.Ratio; ++I)
              *Group[static_cast<size_t>(I)] = *Group[0];
          return std::string();
        });
    if (!Why.empty())
      return Why;
  }
  return forSlices(E, Step, [&](int64_t Cluster, int64_t Slice) {
    return finishSlice(E, Cluster, Slice, At(Cluster, Slice));
  });
}

dure::driver::Status Simulator::prepare(const Work &W, const Op &O,
                                        const ProgramPlan &P, Places &To) {
  const char *Name = P.Name.c_str();
  if (O.groups() != 1)
    return H.errorAt(O.Tag, DURE_DRV_INVALID_ARGUMENT,
                     "entry '%s' is a program for the whole chip; it takes no "
                     "grid of %" PRIu64 " workgroups",
                     Name, O.groups());
  if (O.BindingCount != P.Bindings.size())
    return H.errorAt(O.Tag, DURE_DRV_INVALID_ARGUMENT,
                     "entry '%s' takes %zu bindings, not %zu", Name,
                     P.Bindings.size(), O.BindingCount);
  for (size_t I = 0; I != O.BindingCount; ++I) {
    uint64_t Given = W.BindingBytes[O.FirstBinding + I];
    int64_t Wanted = P.Bindings[I].Bytes;
    if (Given < static_cast<uint64_t>(Wanted))
      return H.errorAt(O.Tag, DURE_DRV_OUT_OF_RANGE,
                       "entry '%s': binding %zu has %" PRIu64
                       " bytes, the program uses %" PRId64,
                       Name, I, Given, Wanted);
    To.Bindings.push_back(
        {static_cast<uint8_t *>(W.Bindings[O.FirstBinding + I]), Wanted});
  }
  auto Needed = static_cast<uint64_t>(P.WorkspaceBytes);
  if (Needed > WorkspaceSize) {
    H.free(Workspace);
    WorkspaceSize = 0;
    Workspace = static_cast<uint8_t *>(H.alloc(Needed, 4096));
    if (Workspace)
      WorkspaceSize = Needed;
  }
  if (Needed > WorkspaceSize)
    return H.error(DURE_DRV_RESOURCE_EXHAUSTED, DURE_DRV_SCOPE_CALL,
                   DURE_DRV_STATUS_RETRYABLE,
                   "entry '%s' needs %" PRIu64
                   " bytes of workspace; the host has no more memory",
                   Name, Needed);
  To.Workspace = {Workspace, P.WorkspaceBytes};
  return nullptr;
}

dure::driver::Status Simulator::fault(const Op &O, const ProgramPlan &P,
                                      size_t Command,
                                      const std::string &Why) const {
  const CommandPlan &C = P.Commands[Command];
  std::string Name = C.Name;
  if (Name.empty())
    Name = C.Dma ? "transfer" : "instruction";
  return H.errorAt(O.Tag, DURE_DRV_KERNEL_FAULT,
                   "entry '%s', command %zu ('%s'): %s", P.Name.c_str(),
                   Command, Name.c_str(), Why.c_str());
}

namespace {

/// Stands in for buffers that end within a unit of HBM: on the chip the rest of
/// that unit is nobody's, in the host's memory it is somebody's.
class WholeUnits {
public:
  explicit WholeUnits(Places &P) {
    for (Place &Each : P.Bindings) {
      int64_t Bytes =
          (Each.Bytes + BindingUnit - 1) / BindingUnit * BindingUnit;
      if (Bytes == Each.Bytes)
        continue;
      // What a program must not take for a number.
      Ended.push_back({Each, std::vector<uint8_t>(size_t(Bytes), 0xff)});
      std::memcpy(Ended.back().Whole.data(), Each.Data, size_t(Each.Bytes));
      Each = {Ended.back().Whole.data(), Bytes};
    }
  }
  /// The buffers' own memory gets what the program wrote.
  void writeBack(const ProgramPlan &P, const Places &Now) const {
    size_t Next = 0;
    for (size_t I = 0; I != P.Bindings.size() && Next != Ended.size(); ++I)
      if (const Stand &Each = Ended[Next];
          Now.Bindings[I].Data == Each.Whole.data()) {
        if (P.Bindings[I].Access != fb::Access::Read)
          std::memcpy(Each.Buffer.Data, Each.Whole.data(),
                      size_t(Each.Buffer.Bytes));
        ++Next;
      }
  }

private:
  struct Stand {
    Place Buffer;
    std::vector<uint8_t> Whole;
  };
  std::vector<Stand> Ended;
};

} // namespace

dure::driver::Status Simulator::runValues(Work &W, const Op &O,
                                          const ProgramPlan &P, Places Where) {
  if (!Memory.allocate())
    return H.error(DURE_DRV_RESOURCE_EXHAUSTED, DURE_DRV_SCOPE_CALL,
                   DURE_DRV_STATUS_RETRYABLE,
                   "the simulator needs memory for the chip's data memory; the "
                   "host has no more");
  Memory.forget();
  Current = &W;
  WholeUnits Units(Where);
  for (size_t I = 0; I != P.Commands.size(); ++I) {
    if (W.shouldStop(H))
      return nullptr;
    const CommandPlan &C = P.Commands[I];
    std::string Why =
        C.Dma ? runDma(*C.Dma, L, Where, Memory.Dm, Team) : runExec(*C.Exec);
    if (!Why.empty())
      return fault(O, P, I, Why);
  }
  Units.writeBack(P, Where);
  return nullptr;
}

std::shared_ptr<const Schedule>
RngdExecutable::schedule(uint32_t Entry, const Limits &L, const Timing &T,
                         Profile By, const std::function<bool()> &Stop) {
  {
    std::lock_guard<std::mutex> Lock(M);
    Schedules.resize(Module.Programs.size());
    if (Schedules[Entry])
      return Schedules[Entry];
  }
  // Unlocked: another queue's submission may have to stop meanwhile.
  auto Made = std::make_shared<const Schedule>(
      dure::rngd::schedule(Module.Programs[Entry], L, T, By, Stop));
  if (Stop())
    return nullptr;
  std::lock_guard<std::mutex> Lock(M);
  Schedules[Entry] = Made;
  return Made;
}

/// Spans of a lane for each context and each engine, and what adds up.
void Simulator::report(Work &W, const ProgramPlan &P, const Schedule &S) {
  double NsPerCycle = 1e9 / L.Hertz;
  auto At = [&](int64_t Cycles) {
    return static_cast<uint64_t>(NowNs +
                                 static_cast<double>(Cycles) * NsPerCycle);
  };
  for (size_t I = 0; W.WantsSimulated && I != P.Commands.size(); ++I) {
    const CommandPlan &C = P.Commands[I];
    const Lasting &Time = S.Commands[I];
    std::string Label =
        C.Name.empty() ? "command " + std::to_string(I) : C.Name;
    auto Span = [&](std::string Lane, int64_t Cycles) {
      W.Said.push_back({DURE_DRV_SIMULATED_SPAN, std::move(Lane), Label,
                        At(Time.Begin), At(Time.Begin + Cycles)});
    };
    if (C.Dma) {
      Span("dma " + std::to_string(C.Dma->Engine), Time.End - Time.Begin);
      continue;
    }
    std::string Context = C.Exec->Sub ? "sub" : "main";
    Span(Context, Time.End - Time.Begin);
    for (int E = 0; E != EngineCount; ++E)
      if (S.Costs[I].Busy[E])
        Span(Context + ": " + nameOf(static_cast<Engine>(E)),
             S.Costs[I].Busy[E]);
  }
  double Makespan = static_cast<double>(S.Makespan) * NsPerCycle;
  if (W.WantsSimulated) {
    auto Count = [&](std::string Name, const char *Unit, double Value,
                     double Limit) {
      W.Said.push_back({DURE_DRV_SIMULATED_COUNTER, std::move(Name), Unit, 0, 0,
                        Value, Limit});
    };
    Count("makespan", "ns", Makespan, 0);
    for (int E = 0; E != EngineCount; ++E) {
      auto Kind = static_cast<Engine>(E);
      double Engines =
          Kind == Engine::Dma ? static_cast<double>(L.DmaEngines) : 1;
      Count(nameOf(Kind), "ns", static_cast<double>(S.Busy[E]) * NsPerCycle,
            Engines * Makespan);
    }
    Count("HBM", "bytes",
          static_cast<double>(S.HbmBytesRead + S.HbmBytesWritten),
          L.HbmBytesPerSecond * Makespan * 1e-9);
    Count("instructions that occupy DMA", "",
          static_cast<double>(S.OccupyingDma), 0);
    W.Model =
        Given.By == Profile::Book ? "rngd, profile book" : "rngd, profile tcc";
  }
  NowNs += Makespan;
}

dure::driver::Status Simulator::dispatch(Work &W, const Op &O) {
  auto &Exe = static_cast<RngdExecutable &>(*O.Exe);
  const ProgramPlan &P = Exe.Module.Programs[O.Entry];
  Places Where;
  if (driver::Status F = prepare(W, O, P, Where))
    return F;
  Where.Constants = {Exe.Module.Constants.data(),
                     static_cast<int64_t>(Exe.Module.Constants.size())};
  std::shared_ptr<const Schedule> S = Exe.schedule(
      O.Entry, L, *Given.T, Given.By, [&] { return W.shouldStop(H); });
  if (!S)
    return nullptr;
  if (!S->Fault.empty())
    return fault(O, P, S->Faulty, S->Fault);
  if (!Given.TimingOnly)
    if (driver::Status F = runValues(W, O, P, Where))
      return F;
  report(W, P, *S);
  return nullptr;
}
