// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of one instruction of the tensor unit, by the book.
//
// The engines form a pipeline that takes a flit a cycle where nothing slows it
// down: an instruction takes as long as its slowest engine, and the latencies
// once.
#include "targets/rngd/driver/Schedule.h"

#include <algorithm>

using namespace dure::rngd;

// Accesses that are looked at for starvation.
static constexpr int64_t LookedAt = 1 << 16;

const char *dure::rngd::nameOf(Engine E) {
  switch (E) {
  case Engine::Fetch:
    return "fetch";
  case Engine::Switch:
    return "switch";
  case Engine::Contraction:
    return "contraction";
  case Engine::Vector:
    return "vector";
  case Engine::Transpose:
    return "transpose";
  case Engine::Commit:
    return "commit";
  case Engine::Dma:
    return "dma";
  }
  return "?";
}

static int64_t &busy(ExecCost &C, Engine E) {
  return C.Busy[static_cast<int>(E)];
}

static std::string timeFetch(const ExecPlan &E, const BookTiming &T,
                             ExecCost &To) {
  const StreamPlan &S = E.Stream;
  std::vector<SequencerLoop> Loops;
  for (const NestLoop &Loop : S.Sequencer)
    Loops.push_back({Loop.Size, Loop.Elements});
  FetchShape Shape = {Loops, S.Packet, bitsOf(S.MemoryType),
                      E.Sub ? UnitContext::Sub : UnitContext::Main};
  dure::Result<int64_t> Fetch = T.fetch(Shape);
  if (!Fetch)
    return "fetch: " + Fetch.status().message();
  busy(To, Engine::Fetch) = *Fetch;
  if (S.RingSize == 1)
    return {};
  int64_t Bytes = (S.Packet * bitsOf(S.Type) + 7) / 8;
  dure::Result<int64_t> Ring = T.switchRing({S.RingSize, S.PacketsIn, Bytes});
  if (!Ring)
    return "switch: " + Ring.status().message();
  busy(To, Engine::Switch) = *Ring;
  return {};
}

/// Steps of the unit or its results, whichever take longer, and what is left to
/// drain after the last step (contraction-engine pages).
static void timeContraction(const ExecPlan &E, const Limits &L, ExecCost &To,
                            int64_t &Latency) {
  const ContractPlan &C = *E.Contract;
  busy(To, Engine::Contraction) = std::max(C.Steps, C.OutFlits);
  int Bits = bitsOf(C.TrfType);
  Latency += Bits == 4   ? L.TreeLatency4
             : Bits == 8 ? L.TreeLatency8
                         : L.TreeLatency16;
  if (C.FirstReduce != C.Loops.size())
    Latency += C.Slots *
               (C.Sequential ? C.Lanes * ((C.OutPacket + 7) / 8) : C.OutPacket);
}

std::string dure::rngd::timeExec(const ExecPlan &E, const Limits &L,
                                 const BookTiming &T, ExecCost &To) {
  if (std::string Why = timeFetch(E, T, To); !Why.empty())
    return Why;
  int64_t Latency = 0, Flits = E.Stream.flits();
  // The collect engine takes a flit a cycle.
  int64_t Longest = Flits;
  if (E.Stream.Cast != fb::Type::None || E.Stream.Lookup != fb::Type::None)
    Latency += L.AdapterLatency;
  if (E.Contract) {
    timeContraction(E, L, To, Latency);
    Flits = E.Contract->OutFlits;
  }
  if (E.Vector) {
    busy(To, Engine::Vector) = Flits * (E.Vector->Split ? 2 : 1);
    // One cycle a unit, and a way round the ring of those reduced.
    Latency += E.Vector->Alus;
    // What the last slots of a reduction hold leaves after its last flit.
    if (E.Vector->Intra)
      Latency += E.Vector->Intra->Slots;
    if (E.Vector->Inter)
      Latency += E.Vector->Inter->Ratio;
    Flits = E.Vector->OutFlits;
  } else if (E.Cast != fb::Type::None) {
    // The cast engine sits on the vector engine and occupies it
    // (computing-tensors/commit-adapter.md).
    busy(To, Engine::Vector) = Flits;
  }
  if (E.Transpose) {
    const TransposePlan &P = *E.Transpose;
    int64_t Times = E.OutFlits / P.OutRows;
    dure::Result<int64_t> Cycles =
        T.transpose({P.Rows, P.Columns, P.OutRows, Times, bitsOf(E.OutType)});
    if (!Cycles)
      return "transpose: " + Cycles.status().message();
    busy(To, Engine::Transpose) = *Cycles;
  }
  if (E.Commit) // moving-tensors/commit-engine.md
    busy(To, Engine::Commit) =
        E.OutFlits * (E.Sub ? E.Commit->Bytes / L.CommitAlignment : 1);
  for (int64_t Each : To.Busy)
    Longest = std::max(Longest, Each);
  To.Cycles = Longest + Latency;
  return {};
}

namespace {

/// Counts accesses to one bank without a break.
class BankRuns {
public:
  explicit BankRuns(const Limits &L)
      : L(L), Runs(static_cast<size_t>(L.DmBanks)) {}

  /// True once a run is as long as the limit.
  bool access(int64_t Byte, int64_t Bytes) {
    int64_t First = Byte / L.DmRowBytes;
    int64_t Count = (Byte + Bytes - 1) / L.DmRowBytes - First + 1;
    for (int64_t Bank = 0; Bank != L.DmBanks; ++Bank) {
      bool IsTouched =
          Count >= L.DmBanks ||
          (Bank - First % L.DmBanks + L.DmBanks) % L.DmBanks < Count;
      int64_t &Run = Runs[static_cast<size_t>(Bank)];
      Run = IsTouched ? Run + 1 : 0;
      if (Run >= L.Starvation)
        return true;
    }
    return false;
  }

private:
  const Limits &L;
  std::vector<int64_t> Runs;
};

} // namespace

/// Walks loops of (size, stride in bits) from BASE bits on, BYTES an access.
static bool keepsToBank(const std::vector<std::pair<int64_t, int64_t>> &Loops,
                        int64_t Base, int64_t Bytes, const Limits &L) {
  BankRuns Runs(L);
  std::vector<int64_t> Index(Loops.size());
  int64_t Bit = Base, Total = 1;
  for (const auto &[Size, Stride] : Loops)
    Total = std::min(LookedAt, Total * Size);
  for (int64_t N = 0; N != Total; ++N) {
    if (Runs.access(Bit / 8, Bytes))
      return true;
    for (size_t I = Loops.size(); I-- != 0;) {
      Bit += Loops[I].second;
      if (++Index[I] != Loops[I].first)
        break;
      Bit -= Loops[I].second * Loops[I].first;
      Index[I] = 0;
    }
  }
  return false;
}

bool dure::rngd::starves(const ExecPlan &E, const Limits &L) {
  const StreamPlan &S = E.Stream;
  int Bits = bitsOf(S.MemoryType);
  std::vector<std::pair<int64_t, int64_t>> Loops;
  for (const NestLoop &Loop : S.Time)
    Loops.push_back({Loop.Size, Loop.Elements * Bits});
  int64_t First = S.Runs.front().Elements * Bits;
  int64_t Bytes = (S.Runs.front().Count * Bits + 7) / 8;
  if (keepsToBank(Loops, S.Base * 8 + First, std::min(Bytes, L.FlitBytes), L))
    return true;
  if (!E.Commit)
    return false;
  Loops.clear();
  for (const auto &[Size, Stride] : E.Commit->Loops)
    Loops.push_back({Size, Stride * 8});
  return keepsToBank(Loops, E.Commit->Base * 8, E.Commit->Bytes, L);
}
