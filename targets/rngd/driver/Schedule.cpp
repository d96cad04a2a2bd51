// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the commands of a program run: contexts in order, engines shared, DMA
// engines sharing HBM.
#include "targets/rngd/driver/Schedule.h"

#include "targets/rngd/timing/TccSchedule.h"

#include <algorithm>
#include <cmath>

using namespace dure::rngd;

static constexpr int FirstDma = 2;

int dure::rngd::contextOf(const CommandPlan &C) {
  if (C.Dma)
    return FirstDma + static_cast<int>(C.Dma->Engine);
  return C.Exec->Sub ? 1 : 0;
}

HbmLayout::HbmLayout(const ProgramPlan &P, const Limits &L) {
  int64_t Next = 0;
  auto Take = [&](int64_t Bytes) {
    int64_t At = Next;
    Next += (Bytes + L.HbmUnit - 1) / L.HbmUnit * L.HbmUnit;
    return At;
  };
  for (const BindingPlan &B : P.Bindings)
    Bindings.push_back(Take(B.Bytes));
  Workspace = Take(P.WorkspaceBytes);
  Constants = Next;
}

int64_t HbmLayout::addressOf(const AddressPlan &A) const {
  switch (A.Space) {
  case fb::Space::Binding:
    return Bindings[A.Index] + A.Offset;
  case fb::Space::Workspace:
    return Workspace + A.Offset;
  case fb::Space::Constants:
    return Constants + A.Offset;
  case fb::Space::DataMemory:
    break;
  }
  return A.Offset;
}

static DmaCommand dmaOf(const DmaPlan &D, const HbmLayout &Layout) {
  auto Memory = [](const AddressPlan &A) {
    return A.Space == fb::Space::DataMemory ? DmaMemory::DataMemory
                                            : DmaMemory::Hbm;
  };
  DmaCommand C;
  C.Engine = D.Engine;
  C.From = Memory(D.Read);
  C.To = Memory(D.Write);
  C.ReadBase = Layout.addressOf(D.Read);
  C.WriteBase = Layout.addressOf(D.Write);
  for (const DmaPlan::Loop &Loop : D.Loops)
    C.Loops.push_back({Loop.Size, Loop.Read, Loop.Write});
  C.PacketBytes = D.PacketBytes;
  // Indices are not known here. They are taken to count up from 0, where the
  // table is in HBM and long enough.
  int64_t Last = 0;
  for (const DmaPlan::Loop &Loop : D.Loops)
    Last += (Loop.Size - 1) * (Loop.Index / 4);
  bool Gathers = D.Indexed == fb::Indexed::Gather;
  if (D.Indexed == fb::Indexed::None || Last >= D.Limit ||
      (Gathers ? C.From : C.To) != DmaMemory::Hbm)
    return C;
  auto Counted = C;
  for (size_t I = 0; I != D.Loops.size(); ++I) {
    // The stride of a loop of one step may be any number, and is not used.
    if (D.Loops[I].Size == 1)
      continue;
    auto &Loop = Counted.Loops[I];
    int64_t &Stride = Gathers ? Loop.ReadStride : Loop.WriteStride, Rows = 0;
    if (__builtin_mul_overflow(D.Loops[I].Index / 4, D.Scale, &Rows) ||
        __builtin_add_overflow(Stride, Rows, &Stride))
      return C;
  }
  return Counted;
}

namespace {

/// A transfer under way. First its start-up, then DATA cycles of its engine,
/// slower where HBM is.
struct Moving {
  size_t Command;
  double StartupEnd;
  double Left;
  const DmaCost *Cost;
  double Rate = 1;
};

/// The book's rules.
class Clock {
public:
  Clock(const ProgramPlan &P, const Limits &L, const BookTiming &T, Schedule &S,
        const std::function<bool()> &Stop)
      : P(P), L(L), T(T), S(S), Stop(Stop) {}

  void run();

private:
  bool prepare();
  bool isReady(size_t Command) const;
  bool startSome();
  bool mayStart(size_t Command) const;
  void begin(size_t Command);
  void end(size_t Command);
  void setRates();
  double nextEvent() const;
  void advance(double To);
  bool occupiesDma(size_t Command) const {
    return P.Commands[Command].Exec && P.Commands[Command].Exec->OccupiesDma;
  }

  const ProgramPlan &P;
  const Limits &L;
  const BookTiming &T;
  Schedule &S;
  const std::function<bool()> &Stop;
  std::vector<DmaCost> Transfers;
  std::vector<std::vector<size_t>> Queues;
  std::vector<size_t> Heads;
  std::vector<bool> Running; ///< By context.
  std::vector<bool> Ended;
  double Now = 0;
  std::vector<Moving> Moves;
  /// Instructions under way, and when they end.
  std::vector<std::pair<size_t, double>> Units;
};

} // namespace

bool Clock::prepare() {
  HbmLayout Layout(P, L);
  size_t Count = P.Commands.size();
  Transfers.resize(Count);
  Ended.assign(Count, false);
  Queues.resize(static_cast<size_t>(FirstDma + L.DmaEngines));
  Heads.assign(Queues.size(), 0);
  Running.assign(Queues.size(), false);
  for (size_t I = 0; I != Count; ++I) {
    if (Stop())
      return false;
    const CommandPlan &C = P.Commands[I];
    Queues[static_cast<size_t>(contextOf(C))].push_back(I);
    if (C.Exec) {
      S.Fault = timeExec(*C.Exec, L, T, S.Costs[I]);
      S.OccupyingDma += occupiesDma(I);
    } else {
      dure::Result<DmaCost> Cost = T.dmaCost(dmaOf(*C.Dma, Layout));
      if (!Cost)
        S.Fault = Cost.status().message();
      else
        Transfers[I] = std::move(*Cost);
    }
    if (!S.Fault.empty()) {
      S.Faulty = I;
      return false;
    }
    S.HbmBytesRead += Transfers[I].HbmBytesRead;
    S.HbmBytesWritten += Transfers[I].HbmBytesWritten;
  }
  return true;
}

bool Clock::isReady(size_t Command) const {
  const std::vector<uint32_t> &After = P.Commands[Command].After;
  return std::all_of(After.begin(), After.end(),
                     [&](uint32_t Each) { return Ended[Each]; });
}

/// Whether the engines that contexts share are free for a command whose turn it
/// is (scheduling/schedule.md).
bool Clock::mayStart(size_t Command) const {
  auto UsesSame = [&](size_t Other, Engine E) {
    int I = static_cast<int>(E);
    return S.Costs[Command].Busy[I] && S.Costs[Other].Busy[I];
  };
  bool IsDma = P.Commands[Command].Dma.has_value();
  for (const auto &[Other, End] : Units) {
    if (IsDma && occupiesDma(Other))
      return false;
    for (Engine E : {Engine::Switch, Engine::Vector, Engine::Transpose})
      if (!IsDma && UsesSame(Other, E))
        return false;
  }
  return !(occupiesDma(Command) && !Moves.empty());
}

void Clock::begin(size_t Command) {
  S.Commands[Command].Begin = static_cast<int64_t>(std::ceil(Now));
  const CommandPlan &C = P.Commands[Command];
  Running[static_cast<size_t>(contextOf(C))] = true;
  if (C.Exec) {
    Units.push_back(
        {Command, Now + static_cast<double>(S.Costs[Command].Cycles)});
    return;
  }
  const DmaCost &Cost = Transfers[Command];
  Moves.push_back({Command, Now + static_cast<double>(Cost.Startup),
                   static_cast<double>(Cost.Cycles), &Cost});
}

void Clock::end(size_t Command) {
  S.Commands[Command].End = static_cast<int64_t>(std::ceil(Now));
  Ended[Command] = true;
  auto Context = static_cast<size_t>(contextOf(P.Commands[Command]));
  Running[Context] = false;
  ++Heads[Context];
}

/// Starts whatever can, earlier commands first.
bool Clock::startSome() {
  std::vector<size_t> Waiting;
  for (size_t I = 0; I != Queues.size(); ++I)
    if (!Running[I] && Heads[I] != Queues[I].size() &&
        isReady(Queues[I][Heads[I]]))
      Waiting.push_back(Queues[I][Heads[I]]);
  std::sort(Waiting.begin(), Waiting.end());
  bool Some = false, DmaIsTaken = false;
  for (size_t Command : Waiting) {
    if (DmaIsTaken && P.Commands[Command].Dma)
      continue;
    if (mayStart(Command)) {
      begin(Command);
      Some = true;
    } else if (occupiesDma(Command)) {
      // It waits for transfers to end; later ones must not overtake it.
      DmaIsTaken = true;
    }
  }
  return Some;
}

/// A transfer goes on as fast as its engine, or as the channels that it uses
/// when all get their share.
void Clock::setRates() {
  std::vector<double> Wanted(
      Moves.empty() ? 0 : Moves.front().Cost->Channels.size());
  auto IsActive = [&](const Moving &M) {
    return M.StartupEnd <= Now && M.Left > 0;
  };
  for (const Moving &M : Moves)
    if (IsActive(M))
      for (size_t I = 0; I != Wanted.size(); ++I)
        Wanted[I] += M.Cost->Channels[I] / double(M.Cost->Cycles);
  for (Moving &M : Moves) {
    double Load = 1;
    for (size_t I = 0; I != Wanted.size(); ++I)
      if (M.Cost->Channels[I] > 0)
        Load = std::max(Load, Wanted[I]);
    M.Rate = IsActive(M) ? 1 / Load : 0;
  }
}

double Clock::nextEvent() const {
  double Next = INFINITY;
  for (const auto &[Command, End] : Units)
    Next = std::min(Next, End);
  for (const Moving &M : Moves)
    Next = std::min(Next, M.StartupEnd > Now ? M.StartupEnd
                          : M.Rate > 0       ? Now + M.Left / M.Rate
                                             : Now);
  return Next;
}

void Clock::advance(double To) {
  constexpr double Little = 1e-6;
  for (Moving &M : Moves)
    M.Left -= M.Rate * (To - Now);
  Now = To;
  for (size_t I = Units.size(); I-- != 0;)
    if (Units[I].second <= Now) {
      end(Units[I].first);
      Units.erase(Units.begin() + static_cast<ptrdiff_t>(I));
    }
  for (size_t I = Moves.size(); I-- != 0;)
    if (Moves[I].StartupEnd <= Now && Moves[I].Left <= Little) {
      end(Moves[I].Command);
      Moves.erase(Moves.begin() + static_cast<ptrdiff_t>(I));
    }
}

void Clock::run() {
  if (!prepare())
    return;
  while (true) {
    startSome();
    if (Units.empty() && Moves.empty())
      break;
    setRates();
    advance(nextEvent());
  }
}

//===-- The profile tcc ---------------------------------------------------===//

static int64_t pesOf(const ExecPlan &E, const Limits &L) {
  int64_t Slices = E.Slices * __builtin_popcount(E.Clusters), Pes = 1;
  while (Pes < L.pes() && Pes * (L.SlicesPerCluster / L.PesPerCluster) < Slices)
    Pes *= 2;
  return Pes;
}

namespace {

/// What has been put into the register file since the last contraction.
struct Preload {
  int64_t Ring = 1, Flits = 0, Bytes = 0;
};

} // namespace

/// The mapping that a contraction's settings amount to. Approximate: the
/// estimate has figures of its own for what its compiler would choose.
static TccContraction mappingOf(const ExecPlan &E, const Preload &Filled) {
  const ContractPlan &C = *E.Contract;
  TccContraction M;
  for (const ContractPlan::Loop &Loop : C.Loops) {
    if (Loop.Broadcast)
      M.FeedReuse *= Loop.Size;
    else
      (Loop.Reduce ? M.Acc : M.OuterAcc) *= Loop.Size;
  }
  M.MacRows = C.Lanes;
  M.DpeRegTile = C.OutPacket;
  M.Lat = C.Packet / C.OutPacket;
  M.ElementBytes = std::max(1, bitsOf(C.TrfType) / 8);
  // Slices whose sums the reducer over slices adds as they leave.
  if (E.Vector && E.Vector->Inter)
    M.Gat = E.Vector->Inter->Ratio;
  M.StreamRing = E.Stream.RingSize;
  M.StreamFlits = E.Stream.PacketsIn * E.Stream.FlitsPerPacket;
  M.TrfRing = Filled.Ring;
  M.TrfFlits = Filled.Flits;
  M.TrfBytes = Filled.Bytes;
  return M;
}

static std::string timeTcc(const ExecPlan &E, const Limits &L,
                           const TccTiming &T, Preload &Filled,
                           int64_t &Cycles) {
  int64_t Pes = pesOf(E, L);
  int64_t Bytes =
      E.Stream.PacketsIn * E.Stream.Packet * bitsOf(E.Stream.MemoryType) / 8;
  if (E.ToTrf) {
    // Part of the contraction that it is for.
    Filled.Ring = std::max(Filled.Ring, E.Stream.RingSize);
    Filled.Flits += E.Stream.PacketsIn * E.Stream.FlitsPerPacket;
    Filled.Bytes += E.OutFlits * L.FlitBytes;
    Cycles = 0;
    return {};
  }
  dure::Result<int64_t> Time =
      E.Contract
          ? T.contraction(mappingOf(E, Filled), Pes)
          : T.vector(Bytes * E.Slices * __builtin_popcount(E.Clusters), Pes);
  if (!Time)
    return Time.status().message();
  if (E.Contract)
    Filled = Preload();
  Cycles = *Time;
  return {};
}

/// Bytes that a transfer counts: what it reads several times, for slices or
/// clusters that have it alike, counts once.
static int64_t bytesOnce(const DmaPlan &D) {
  int64_t Bytes = D.PacketBytes;
  for (const DmaPlan::Loop &Loop : D.Loops)
    if (Loop.Read != 0 || Loop.Index != 0)
      Bytes *= Loop.Size;
  return Bytes;
}

static void scheduleTcc(const ProgramPlan &P, const Limits &L,
                        const TccTiming &T, Schedule &S) {
  std::vector<TccInstruction> Instructions;
  /// Of each command; parts of one transfer are one instruction.
  std::vector<size_t> InstructionOf;
  Preload Filled;
  int64_t TransferBytes = 0;
  for (size_t I = 0; I != P.Commands.size(); ++I) {
    const CommandPlan &C = P.Commands[I];
    bool Continues = I != 0 && C.Dma && C.Dma->Continues &&
                     P.Commands[I - 1].Dma.has_value();
    if (!Continues) {
      Instructions.push_back(
          {C.Dma ? TccContext::Dma : TccContext::Main, 0, {}});
      TransferBytes = 0;
    }
    TccInstruction &In = Instructions.back();
    InstructionOf.push_back(Instructions.size() - 1);
    if (C.Exec) {
      S.Fault = timeTcc(*C.Exec, L, T, Filled, In.Cycles);
      Engine Main = C.Exec->Contract ? Engine::Contraction : Engine::Vector;
      S.Costs[I].Busy[static_cast<int>(Main)] = In.Cycles;
    } else {
      int64_t Bytes = bytesOnce(*C.Dma);
      TransferBytes += Bytes;
      dure::Result<int64_t> Time = T.dma(TransferBytes, L.pes());
      if (Time)
        In.Cycles = *Time;
      else
        S.Fault = Time.status().message();
      if (C.Dma->Read.Space != fb::Space::DataMemory)
        S.HbmBytesRead += Bytes;
      if (C.Dma->Write.Space != fb::Space::DataMemory)
        S.HbmBytesWritten += Bytes;
    }
    if (!S.Fault.empty()) {
      S.Faulty = I;
      return;
    }
    S.Costs[I].Cycles = In.Cycles;
    for (uint32_t Each : C.After)
      if (InstructionOf[Each] != InstructionOf.back())
        In.Producers.push_back(InstructionOf[Each]);
  }
  std::vector<Lifetime> Lives = schedule(Instructions);
  for (size_t I = 0; I != P.Commands.size(); ++I)
    S.Commands[I] = {Lives[InstructionOf[I]].Begin,
                     Lives[InstructionOf[I]].End};
}

Schedule dure::rngd::schedule(const ProgramPlan &P, const Limits &L,
                              const Timing &T, Profile By,
                              const std::function<bool()> &Stop) {
  Schedule S;
  S.Commands.resize(P.Commands.size());
  S.Costs.resize(P.Commands.size());
  if (By == Profile::Book)
    Clock(P, L, T.Book, S, Stop).run();
  else
    scheduleTcc(P, L, T.Tcc, S);
  for (size_t I = 0; I != P.Commands.size(); ++I) {
    S.Makespan = std::max(S.Makespan, S.Commands[I].End);
    // By the profile tcc, parts of a transfer are the work of one engine.
    bool IsPart =
        By == Profile::Tcc && P.Commands[I].Dma && P.Commands[I].Dma->Continues;
    if (P.Commands[I].Dma && !IsPart)
      S.Costs[I].Busy[static_cast<int>(Engine::Dma)] =
          S.Commands[I].End - S.Commands[I].Begin;
    for (int E = 0; E != EngineCount; ++E)
      S.Busy[E] += S.Costs[I].Busy[E];
  }
  if (S.Fault.empty() && By == Profile::Book)
    checkHazards(P, L, Stop, S);
  return S;
}
