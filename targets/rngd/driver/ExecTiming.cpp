// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of one instruction of the tensor unit, by the book.
//
// The engines form a pipeline that takes a flit a cycle where nothing slows it
// down: an instruction takes as long as its slowest engine, and the latencies
// once.
#include "targets/rngd/driver/Schedule.h"

#include <algorithm>

using namespace dure::rngd;

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
        E.OutFlits * (E.Sub ? E.Commit->Bytes / L.SubWriteBytes : 1);
  for (int64_t Each : To.Busy)
    Longest = std::max(Longest, Each);
  To.Cycles = Longest + Latency;
  return {};
}
