// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One instruction of the tensor unit: its engines' settings, checked against
// the published limits.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/machine/BankRuns.h"

#include <algorithm>

using namespace dure::rngd;

static const char *const OuterPage =
    "computing-tensors/contraction-engine/outer.md";
static const char *const TimePage =
    "computing-tensors/contraction-engine/time-reducer.md";
static const char *const RegisterPage = "computing-tensors/register-files.md";
static const char *const CommitPage = "moving-tensors/commit-engine.md";

static bool isOneOf(int64_t Number, const std::vector<int64_t> &List) {
  return std::find(List.begin(), List.end(), Number) != List.end();
}

static bool canMultiply(fb::Type Stream, fb::Type Trf) {
  using T = fb::Type;
  switch (Trf) {
  case T::I4:
    return Stream == T::I4 || Stream == T::I5;
  case T::I8:
    return Stream == T::I8 || Stream == T::I9;
  case T::F8E4M3:
  case T::F8E5M2:
  case T::BF16:
    return Stream == Trf;
  default:
    return false;
  }
}

/// Which granules of 8 bytes of a lane the contraction reads.
static std::string markGranules(ContractPlan &C, Budget &B) {
  int Bits = bitsOf(C.TrfType);
  int64_t First = C.FirstElement * Bits / 64;
  int64_t Last = (C.EndElement * Bits + 63) / 64;
  C.Granules.assign(static_cast<size_t>((Last - First + 63) / 64), 0);
  std::vector<int64_t> Index(C.Loops.size());
  int64_t Place = C.Base * 8 / Bits, Reads = 1;
  for (const ContractPlan::Loop &Loop : C.Loops)
    if (Loop.Stride != 0)
      Reads *= Loop.Size;
  int64_t PerRead = (C.Read * Bits + 63) / 64 + 1;
  if (!B.take(Reads * PerRead))
    return "the code object is too large to decode";
  for (int64_t N = 0; N != Reads; ++N) {
    int64_t End = ((Place + C.Read) * Bits + 63) / 64;
    for (int64_t G = Place * Bits / 64; G != End; ++G)
      C.Granules[static_cast<size_t>((G - First) / 64)] |= uint64_t(1)
                                                           << (G - First) % 64;
    for (size_t I = C.Loops.size(); I-- != 0;) {
      if (C.Loops[I].Stride == 0)
        continue;
      Place += C.Loops[I].Stride;
      if (++Index[I] != C.Loops[I].Size)
        break;
      Place -= C.Loops[I].Stride * C.Loops[I].Size;
      Index[I] = 0;
    }
  }
  return {};
}

/// What the unit reads of its register file.
static std::string decodeTrfReads(const fb::Contract &From, const Limits &L,
                                  Budget &B, ContractPlan &C) {
  int Bits = bitsOf(C.TrfType);
  C.Base = From.trf_base();
  C.Read = From.trf_read();
  if (C.Read < 1 || C.Packet % C.Read != 0 || C.Read * Bits % 8 != 0)
    return rule("reads of " + std::to_string(C.Read) +
                    " elements do not fill a packet of " +
                    std::to_string(C.Packet),
                OuterPage);
  int64_t Low = 0, High = 0, Grain = C.Base * 8;
  for (const ContractPlan::Loop &Loop : C.Loops) {
    int64_t Reach = Loop.Stride * (Loop.Size - 1);
    (Reach < 0 ? Low : High) += Reach;
    Grain |= Loop.Stride * Bits;
  }
  // A read of both banks starts at a row of both.
  bool Wide = C.Read * Bits == 2 * L.FlitBytes * 8;
  if (Grain % (Wide ? 2 * L.FlitBytes * 8 : 8) != 0)
    return rule("the base and strides of reads of " +
                    std::to_string(2 * L.FlitBytes) +
                    " bytes are multiples of them",
                OuterPage);
  int64_t Base = C.Base * 8 / Bits;
  C.FirstElement = Base + Low;
  C.EndElement = Base + High + C.Read;
  if (C.FirstElement < 0 || C.EndElement * Bits > L.trfBytes() / C.Lanes * 8)
    return rule("it reads elements " + std::to_string(C.FirstElement) + " to " +
                    std::to_string(C.EndElement) + " of a lane of " +
                    std::to_string(L.trfBytes() / C.Lanes) + " bytes",
                RegisterPage);
  return markGranules(C, B);
}

static std::string decodeContractLoops(const fb::Contract &From,
                                       const Limits &L, int64_t Packets,
                                       ContractPlan &C) {
  size_t Count = From.loops() ? From.loops()->size() : 0;
  size_t Broadcast = From.broadcast();
  if (std::string Why = checkLoopCount(std::max(Count, Broadcast), L);
      !Why.empty())
    return Why;
  if (Broadcast > Count)
    return rule("more loops repeat packets than there are", OuterPage);
  int64_t Outer = 1;
  C.Steps = 1;
  for (size_t I = 0; I != Count; ++I) {
    const fb::ContractLoop &Loop =
        *From.loops()->Get(static_cast<flatbuffers::uoffset_t>(I));
    if (std::string Why = checkLoopSize(Loop.size(), L); !Why.empty())
      return Why;
    bool Repeats = I + Broadcast >= Count;
    C.Loops.push_back({Loop.size(), Loop.trf_stride(), Loop.reduce(), Repeats});
    C.Steps *= Loop.size();
    if (C.Steps > StepLimit)
      return "the loops have too many iterations";
    if (!Repeats)
      Outer *= Loop.size();
  }
  if (Outer != Packets)
    return rule("the outer loops take " + std::to_string(Outer) +
                    " packets, the stream has " + std::to_string(Packets),
                OuterPage);
  return {};
}

static std::string decodeSlots(const Limits &L, ContractPlan &C) {
  C.FirstReduce = C.Loops.size();
  int64_t Kept = 1;
  C.Slots = 1;
  for (size_t I = 0; I != C.Loops.size(); ++I) {
    if (C.Loops[I].Reduce) {
      C.FirstReduce = std::min(C.FirstReduce, I);
      continue;
    }
    Kept *= C.Loops[I].Size;
    if (I > C.FirstReduce)
      C.Slots *= C.Loops[I].Size;
  }
  int64_t Cells =
      C.Sequential ? C.Lanes * L.AccumulatorColumns : L.Lanes * C.OutPacket;
  if (C.Slots * Cells > L.AccumulatorCells)
    return rule("it accumulates in " + std::to_string(C.Slots) + " slots of " +
                    std::to_string(Cells) + " cells; there are " +
                    std::to_string(L.AccumulatorCells) + " cells",
                TimePage);
  C.OutFlits =
      Kept * (C.Sequential ? C.Lanes * ((C.OutPacket + 7) / 8) : C.OutPacket);
  if (C.OutFlits > StepLimit)
    return "it makes too many flits";
  return {};
}

static std::string decodeContract(const fb::Contract &From, const Limits &L,
                                  Budget &B, const StreamPlan &Stream,
                                  ContractPlan &C) {
  C.Pack = From.pack();
  C.Lanes = From.lanes();
  C.StreamType = Stream.Type;
  C.TrfType = From.trf_type();
  if (C.Pack != 1 && C.Pack != 2)
    return rule("a packet has 1 or 2 flits", OuterPage);
  if (!isOneOf(C.Lanes, L.LanesInUse))
    return rule("there are " + anyOf(L.LanesInUse) + " lanes", OuterPage);
  if (C.TrfType > fb::Type::MAX || !canMultiply(C.StreamType, C.TrfType))
    return rule(std::string("it does not multiply ") + nameOf(C.StreamType) +
                    " and " + nameOf(C.TrfType),
                OuterPage);
  if (Stream.flits() % C.Pack != 0)
    return rule("the stream is no whole number of packets", OuterPage);
  C.Packet = C.Pack * perFlit(C.StreamType);
  if (std::string Why =
          decodeContractLoops(From, L, Stream.flits() / C.Pack, C);
      !Why.empty())
    return Why;
  C.Depth = From.tree_depth();
  C.OutPacket = From.out_packet();
  if (C.Depth > 7 || (int64_t(1) << C.Depth) > C.Packet || C.OutPacket < 1 ||
      C.OutPacket > std::min(L.AccumulatorColumns, C.Packet >> C.Depth))
    return rule("a tree of depth " + std::to_string(C.Depth) +
                    " over a packet of " + std::to_string(C.Packet) +
                    " elements does not leave " + std::to_string(C.OutPacket),
                "computing-tensors/contraction-engine/packet-reducer.md");
  if (From.lane_mode() > fb::LaneMode::MAX)
    return "there is no such mode of the lanes";
  C.Sequential = From.lane_mode() == fb::LaneMode::Sequential;
  if (std::string Why = decodeSlots(L, C); !Why.empty())
    return Why;
  return decodeTrfReads(From, L, B, C);
}

static std::string decodeCast(fb::Type From, fb::Type To, const Limits &L) {
  if (!(From == fb::Type::I32 && isListed(L.CastFromI32, To)) &&
      !(From == fb::Type::F32 && isListed(L.CastFromF32, To)))
    return rule(std::string("there is no cast from ") + nameOf(From) + " to " +
                    nameOf(To),
                "computing-tensors/cast-engine.md");
  return {};
}

static std::string decodeTranspose(const fb::Transpose &From, const Limits &L,
                                   ExecPlan &E, TransposePlan &T) {
  const char *Page = "computing-tensors/transpose-engine.md";
  int Bits = bitsOf(E.OutType);
  T.Rows = From.rows();
  T.Columns = From.columns();
  T.OutRows = From.out_rows();
  T.Valid = L.transposeValid(Bits);
  if (T.Rows < 1 || T.Rows > L.transposeRows(Bits) ||
      !isOneOf(T.Columns, L.TransposeColumns) || T.Columns % T.Valid != 0 ||
      T.OutRows < 1 || T.OutRows > T.Columns)
    return rule("a matrix of " + std::to_string(T.Rows) + " x " +
                    std::to_string(T.Columns) + " elements of " +
                    std::to_string(Bits) + " bits, " +
                    std::to_string(T.OutRows) +
                    " rows kept: it has no configuration for that",
                Page);
  int64_t In = T.Rows * (T.Columns / T.Valid);
  if (E.OutFlits % In != 0)
    return rule("the stream is no whole number of matrices", Page);
  E.OutFlits = E.OutFlits / In * T.OutRows;
  return {};
}

static std::string decodeCommit(const fb::Commit &From, const Limits &L,
                                const ExecPlan &E, CommitPlan &C) {
  C.Base = From.base();
  C.Trim = From.trim_bytes();
  C.CastBf16 = From.cast_bf16();
  C.Relu = From.relu();
  const char *Adapter = "computing-tensors/commit-adapter.md";
  if (!isOneOf(C.Trim, L.TrimBytes))
    return rule(anyOf(L.TrimBytes) + " bytes of a flit are written, not " +
                    std::to_string(C.Trim),
                Adapter);
  if (C.CastBf16 && (E.Sub || E.OutType != fb::Type::F32))
    return rule("the commit adapter casts f32 to bf16, in the main context",
                Adapter);
  if (C.Relu && !C.CastBf16)
    return rule("the commit adapter has relu with its cast only", Adapter);
  C.Bytes = C.CastBf16 ? C.Trim / 2 : C.Trim;
  Sequence Steps;
  if (std::string Why = decodeLoops(From.loops(), L, Steps); !Why.empty())
    return Why;
  int64_t Grain = C.Base | C.Bytes;
  for (const auto &[Size, Stride] : Steps.Loops)
    Grain |= Stride;
  if (Grain % L.CommitAlignment != 0)
    return rule("addresses, strides and what is written are multiples of " +
                    std::to_string(L.CommitAlignment) + " bytes",
                CommitPage);
  if (Steps.Steps != E.OutFlits)
    return rule("the loops take " + std::to_string(Steps.Steps) +
                    " flits, the stream has " + std::to_string(E.OutFlits),
                CommitPage);
  int64_t First = C.Base + Steps.Low, End = C.Base + Steps.High + C.Bytes;
  if (First < 0 || End > L.DmBytes)
    return rule("it writes bytes " + std::to_string(First) + " to " +
                    std::to_string(End) + " of a slice's data memory of " +
                    std::to_string(L.DmBytes),
                "moving-tensors/memory-performance.md");
  C.Loops = std::move(Steps.Loops);
  return {};
}

static std::string decodeRegisterFile(const fb::Exec &From, const Limits &L,
                                      ExecPlan &E) {
  if (From.contract() || From.vector() || From.cast() != fb::Type::None ||
      From.transpose())
    return rule("register files are filled from the collect engine alone",
                RegisterPage);
  if (From.to_vrf()) {
    VrfPlan &V = E.ToVrf.emplace(VrfPlan{From.to_vrf()->base()});
    if (E.OutType != fb::Type::I32 && E.OutType != fb::Type::F32)
      return rule(std::string("the vector register file holds i32 and f32, "
                              "not ") +
                      nameOf(E.OutType),
                  RegisterPage);
    if (V.Base % L.FlitBytes != 0 ||
        V.Base + E.OutFlits * L.FlitBytes > L.VrfBytes)
      return rule("it writes bytes " + std::to_string(V.Base) + " to " +
                      std::to_string(V.Base + E.OutFlits * L.FlitBytes) +
                      " of a vector register file of " +
                      std::to_string(L.VrfBytes) + " bytes, by flits",
                  RegisterPage);
    return {};
  }
  TrfPlan &T =
      E.ToTrf.emplace(TrfPlan{From.to_trf()->lanes(), From.to_trf()->base()});
  if (!canMultiply(E.OutType, E.OutType))
    return rule(std::string("the tensor register file does not hold ") +
                    nameOf(E.OutType),
                RegisterPage);
  if (!isOneOf(T.Lanes, L.LanesInUse) || E.OutFlits % T.Lanes != 0)
    return rule(anyOf(L.LanesInUse) + " lanes get as many flits each, not " +
                    std::to_string(E.OutFlits) + " flits for " +
                    std::to_string(T.Lanes) + " lanes",
                RegisterPage);
  int64_t End = T.Base + E.OutFlits / T.Lanes * L.FlitBytes;
  if (T.Base % L.FlitBytes != 0 || End > L.trfBytes() / T.Lanes)
    return rule("it writes bytes " + std::to_string(T.Base) + " to " +
                    std::to_string(End) + " of a lane of " +
                    std::to_string(L.trfBytes() / T.Lanes) + " bytes, by flits",
                RegisterPage);
  return {};
}

/// Contraction to transpose.
static std::string decodeEngines(const fb::Exec &From, const Limits &L,
                                 Budget &B, ExecPlan &E) {
  if (From.contract()) {
    if (E.Sub)
      return rule("the sub context has no contraction",
                  "computing-tensors/index.md");
    if (std::string Why = decodeContract(*From.contract(), L, B, E.Stream,
                                         E.Contract.emplace());
        !Why.empty())
      return "contraction: " + Why;
    bool IsInt = E.OutType == fb::Type::I4 || E.OutType == fb::Type::I5 ||
                 E.OutType == fb::Type::I8 || E.OutType == fb::Type::I9;
    E.OutType = IsInt ? fb::Type::I32 : fb::Type::F32;
    E.OutFlits = E.Contract->OutFlits;
  }
  if (E.OutType == fb::Type::I5 || E.OutType == fb::Type::I9)
    return rule("what a zero point was taken from goes to the contraction only",
                "computing-tensors/fetch-adapter.md");
  if (From.vector()) {
    if (std::string Why = decodeVector(*From.vector(), L, E.OutFlits, E.OutType,
                                       E.Slices, E.Vector.emplace());
        !Why.empty())
      return "vector engine: " + Why;
    E.OutType = E.Vector->OutType;
    E.OutFlits = E.Vector->OutFlits;
  }
  E.Cast = From.cast();
  if (E.Cast != fb::Type::None) {
    if (std::string Why = decodeCast(E.OutType, E.Cast, L); !Why.empty())
      return "cast: " + Why;
    E.OutType = E.Cast;
  }
  if (From.transpose())
    if (std::string Why =
            decodeTranspose(*From.transpose(), L, E, E.Transpose.emplace());
        !Why.empty())
      return "transpose: " + Why;
  return {};
}

/// What the simulator has to hold of an instruction's streams: one slice's at a
/// time, but all slices' where one needs another's.
static std::string checkHeld(const ExecPlan &E) {
  int64_t Flits = std::max(E.OutFlits, E.Contract ? E.Contract->OutFlits
                                                  : E.Stream.flits());
  if (Flits > FlitLimit)
    return "a slice would hold " + std::to_string(Flits) +
           " flits; the simulator takes " + std::to_string(FlitLimit);
  bool HoldsAll = (E.Vector && E.Vector->Inter) || E.Stream.RingSize > 1;
  int64_t All = Flits * E.Slices * __builtin_popcount(E.Clusters);
  if (HoldsAll && All > AllFlitLimit)
    return "all slices together would hold " + std::to_string(All) +
           " flits; the simulator takes " + std::to_string(AllFlitLimit) +
           " where slices exchange them";
  return {};
}

/// memory-performance.md, Bank Starvation; scheduling/schedule.md has who must
/// not run beside whom.
static std::string checkBanks(const ExecPlan &E, const Limits &L, Budget &B) {
  auto Refuse = [&](const char *Engine) {
    return rule(std::string(Engine) + ": it touches one bank of data memory " +
                    std::to_string(L.Starvation) +
                    " times and more without a break, and does not occupy DMA",
                "moving-tensors/memory-performance.md");
  };
  const StreamPlan &S = E.Stream;
  std::vector<SequencerLoop> Loops;
  for (const NestLoop &Loop : S.Sequencer)
    Loops.push_back({Loop.Size, Loop.Elements});
  int64_t Work = 0;
  if (starves(readsOf(Loops, S.Packet, bitsOf(S.MemoryType), S.Base, E.Sub, L),
              L, Work))
    return Refuse("fetch");
  if (E.Commit) {
    Loops.clear();
    for (const auto &[Size, Stride] : E.Commit->Loops)
      Loops.push_back({Size, Stride});
    if (starves(writesOf(Loops, E.Commit->Bytes, E.Commit->Base, E.Sub, L), L,
                Work))
      return Refuse("commit");
  }
  return B.take(Work) ? "" : "the code object is too large to decode";
}

static std::string decodeWhole(const fb::Exec &From, const Limits &L, Budget &B,
                               ExecPlan &E) {
  E.Sub = From.sub();
  E.OccupiesDma = From.occupies_dma();
  E.Clusters = From.clusters();
  E.Slices = From.slices();
  if (E.Clusters == 0 || E.Clusters >> L.Clusters)
    return "it runs on clusters " + std::to_string(E.Clusters) + ", of " +
           std::to_string(L.Clusters);
  if (E.Slices < 1 || E.Slices > L.SlicesPerCluster)
    return rule("a cluster has " + std::to_string(L.SlicesPerCluster) +
                    " slices",
                "computing-tensors/switch-engine.md");
  if (!From.fetch())
    return "it fetches nothing";
  if (std::string Why =
          decodeStream(*From.fetch(), From.switch_(), L, E.Slices, B, E.Stream);
      !Why.empty())
    return Why;
  E.OutType = E.Stream.Type;
  E.OutFlits = E.Stream.flits();
  int Ends = (From.to_trf() != nullptr) + (From.to_vrf() != nullptr) +
             (From.commit() != nullptr);
  if (Ends != 1)
    return "its stream goes to data memory or to one register file, not to " +
           std::to_string(Ends) + " of them";
  E.Cast = fb::Type::None;
  if (!From.commit())
    return decodeRegisterFile(From, L, E);
  if (std::string Why = decodeEngines(From, L, B, E); !Why.empty())
    return Why;
  if (std::string Why = checkHeld(E); !Why.empty())
    return Why;
  if (std::string Why = decodeCommit(*From.commit(), L, E, E.Commit.emplace());
      !Why.empty())
    return "commit: " + Why;
  return {};
}

std::string dure::rngd::decodeExec(const fb::Exec &From, const Limits &L,
                                   Budget &B, ExecPlan &E) {
  std::string Why = decodeWhole(From, L, B, E);
  return Why.empty() && !E.OccupiesDma ? checkBanks(E, L, B) : Why;
}
