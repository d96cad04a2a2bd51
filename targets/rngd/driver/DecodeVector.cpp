// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pass of the vector engine: its steps in the engine's order, each unit once.
//
// All rules are of the book's computing-tensors/vector-engine pages.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/machine/VectorUnits.h"

#include <algorithm>
#include <set>

using namespace dure::rngd;
using Op = fb::VectorOp;
using enum VectorStage;

static const char *const ChainPage =
    "computing-tensors/vector-engine/intra-slice-chain.md";
static const char *const ReducePage =
    "computing-tensors/vector-engine/intra-slice-reduce.md";
static const char *const InterPage =
    "computing-tensors/vector-engine/inter-slice-reducer.md";

namespace {

class VectorDecoder {
public:
  VectorDecoder(const Limits &L, VectorPlan &To) : L(L), To(To) {}

  std::string run(const fb::Vector &From, int64_t Flits, int64_t Slices);

private:
  std::string step(const fb::VectorStep &From);
  std::string place(const VectorUnit &K);
  std::string structure(Op O, const VectorUnit &K);
  std::string operands(const fb::VectorStep &From, const VectorUnit &K,
                       StepPlan &S);
  std::string operand(const fb::Operand *From, const char *Which,
                      std::optional<OperandPlan> &To);
  std::string intra(const fb::IntraReduce &From);
  std::string inter(const fb::InterReduce &From, int64_t Slices);

  const Limits &L;
  VectorPlan &To;
  VectorStage At = Entry;
  std::set<std::string> Units;
  // Of one step: the page counts slots by pass, and the vendor's example of
  // attention reads two register-file operands in one chain
  // (furiosa-opt-examples/src/transformer/kernel/attention.rs).
  std::set<uint32_t> Immediates;
  bool HasPort = false;
  bool HasStash = false;
  bool IsFloat = false, IsPair = false;
  int64_t Way = 8, Packets = 0;
  // Of the stash.
  int64_t StashWay = 0, StashPackets = 0;
  bool StashFloat = false;
};

} // namespace

/// Whether a mode takes operand N of an op.
static bool takes(fb::ArgMode Mode, int N) {
  using M = fb::ArgMode;
  switch (Mode) {
  case M::M00:
    return false;
  case M::M01:
  case M::M10:
  case M::M11:
    return N == 1;
  case M::M002:
  case M::M020:
    return N == 2;
  case M::M012:
  case M::M102:
  case M::M112:
  case M::M021:
  case M::M120:
    return true;
  }
  return false;
}

std::string VectorDecoder::operand(const fb::Operand *From, const char *Which,
                                   std::optional<OperandPlan> &Result) {
  if (!From)
    return std::string("it lacks its ") + Which + " operand";
  OperandPlan &O = Result.emplace();
  O.Source = From->source();
  O.Bits = From->bits();
  O.Scalar = From->scalar();
  O.Way = O.Scalar ? 1 : Way;
  switch (O.Source) {
  case fb::Source::Immediate:
    Immediates.insert(O.Bits);
    if (static_cast<int64_t>(Immediates.size()) > L.Immediates)
      return rule("a step has " + std::to_string(L.Immediates) + " immediates",
                  ChainPage);
    return {};
  case fb::Source::Stash:
    if (!HasStash)
      return rule("nothing has been put into the stash", ChainPage);
    if (StashWay != Way || StashPackets != Packets || StashFloat != IsFloat)
      return rule("the stash holds a stream of another shape or type",
                  ChainPage);
    break;
  case fb::Source::Vrf: {
    Sequence Steps;
    if (std::string Why = decodeLoops(From->loops(), L, Steps); !Why.empty())
      return Why;
    if (!Steps.Loops.empty() && Steps.Steps != Packets)
      return "the operand's loops make " + std::to_string(Steps.Steps) +
             " packets, the stream has " + std::to_string(Packets);
    O.Base = From->base() / 4;
    if (From->base() % 4 != 0 || O.Base + Steps.Low < 0 ||
        (O.Base + Steps.High + O.Way) * 4 > L.VrfBytes)
      return rule("the operand lies outside a vector register file of " +
                      std::to_string(L.VrfBytes) + " bytes",
                  "computing-tensors/register-files.md");
    O.Loops = std::move(Steps.Loops);
    break;
  }
  default:
    return "its operand comes from nowhere";
  }
  if (HasPort)
    return rule("a step reads one operand from the register file or the stash",
                ChainPage);
  HasPort = true;
  return {};
}

std::string VectorDecoder::operands(const fb::VectorStep &From,
                                    const VectorUnit &K, StepPlan &S) {
  bool IsTernary = S.Mode >= fb::ArgMode::M012;
  if (K.Operands == 0)
    return {};
  if (IsTernary != (K.Operands == 2) || S.Mode > fb::ArgMode::MAX)
    return rule("the op has no such arguments", ChainPage);
  if (S.Zip) {
    if (IsTernary || !IsPair)
      return rule("only ops of two arguments join a pair", ChainPage);
    return {};
  }
  Immediates.clear();
  HasPort = false;
  if (takes(S.Mode, 1))
    if (std::string Why = operand(From.operand(), "first", S.Operand);
        !Why.empty())
      return Why;
  if (takes(S.Mode, 2))
    if (std::string Why = operand(From.operand2(), "second", S.Operand2);
        !Why.empty())
      return Why;
  if (From.group1_operand()) {
    if (!IsPair || IsTernary)
      return rule("only ops of two arguments in a pair have an operand a group",
                  ChainPage);
    return operand(From.group1_operand(), "second group's", S.Group1);
  }
  return {};
}

std::string VectorDecoder::place(const VectorUnit &K) {
  if (K.At < At)
    return rule("the engine's steps have an order, which this one breaks",
                ChainPage);
  At = K.At;
  if (!Units.insert(K.Unit).second)
    return rule(std::string("the unit ") + K.Unit +
                    " is used twice in one pass",
                ChainPage);
  bool Narrowed = K.isNarrow();
  if (Narrowed != (Way == L.FloatWay))
    return rule("this step takes " +
                    std::to_string(Narrowed ? L.FloatWay : L.VectorWay) +
                    " elements a cycle: " + (Narrowed ? "narrow" : "widen") +
                    " first",
                ChainPage);
  if ((K.On == VectorTypes::Int && IsFloat) ||
      (K.On == VectorTypes::Float && !IsFloat))
    return rule(
        std::string("the step works on ") +
            (IsFloat ? "i32, the stream is f32" : "f32, the stream is i32"),
        ChainPage);
  return {};
}

std::string VectorDecoder::structure(Op O, const VectorUnit &K) {
  if (IsPair && (O == Op::NarrowTrim || O == Op::WidenPad))
    return rule("a pair is narrowed by a split and widened by its reverse",
                ChainPage);
  switch (O) {
  case Op::NarrowSplit:
    Way = L.FloatWay;
    Packets *= 2;
    To.Split = true;
    break;
  case Op::NarrowTrim:
    Way = L.FloatWay;
    break;
  case Op::WidenConcat:
    if (Packets % 2 != 0)
      return rule("an odd number of packets cannot be joined two by two",
                  ChainPage);
    Packets /= 2;
    Way = L.VectorWay;
    break;
  case Op::WidenPad:
    Way = L.VectorWay;
    break;
  case Op::IntI32ToF32:
    IsFloat = true;
    break;
  case Op::F32ToI32:
    IsFloat = false;
    break;
  default:
    break;
  }
  if (K.At != Narrow && K.At != Widen)
    ++To.Alus;
  return {};
}

std::string VectorDecoder::step(const fb::VectorStep &From) {
  StepPlan &S = To.Steps.emplace_back();
  S.Op = From.op();
  S.Mode = From.mode();
  S.IntWidth = From.int_width();
  S.Zip = From.zip();
  S.Groups = IsPair ? From.groups() : 1;
  if (IsPair && (S.Groups < 1 || S.Groups > 3))
    return "it concerns neither group of the pair";
  if (S.Op == Op::Reinterpret) {
    IsFloat = !IsFloat;
    S.Groups = 3;
    return {};
  }
  if (S.Op == Op::Stash) {
    if (HasStash || To.Unzip)
      return rule("there is one stash, and none with pairs", ChainPage);
    HasStash = true;
    StashWay = Way;
    StashPackets = Packets;
    StashFloat = IsFloat;
    return {};
  }
  if (S.Op == Op::Filter)
    return "the filter is not simulated";
  std::optional<VectorUnit> K = vectorUnitOf(static_cast<uint8_t>(S.Op));
  if (!K)
    return rule("there is no such op", ChainPage);
  if (S.IntWidth > 31)
    return rule("a fixed-point number has at most 31 integer bits", ChainPage);
  if (std::string Why = place(*K); !Why.empty())
    return Why;
  if (std::string Why = operands(From, *K, S); !Why.empty())
    return Why;
  if (S.Zip && K->Operands == 0)
    return rule("only ops of two arguments join a pair", ChainPage);
  // Shape and type of both groups change together.
  if (K->At == Narrow || K->At == Widen || K->At == ToFloat || K->At == ToFixed)
    S.Groups = 3;
  if (S.Zip)
    IsPair = false;
  return structure(S.Op, *K);
}

std::string VectorDecoder::intra(const fb::IntraReduce &From) {
  IntraPlan &R = To.Intra.emplace();
  using O = fb::ReduceOp;
  R.Op = From.op();
  bool Known = R.Op == O::Max || R.Op == O::Min ||
               R.Op == (IsFloat ? O::Add : O::AddSat);
  if (!Known)
    return rule("it reduces i32 by a saturating sum, f32 by a sum, both by "
                "maximum and minimum",
                ReducePage);
  if (IsPair)
    return rule("a pair is joined before it is reduced", ChainPage);
  if (Reduce < At || !Units.insert("IntraSliceReduce").second)
    return rule("the engine's steps have an order, which this one breaks",
                ChainPage);
  At = Reduce;
  if (Way != L.FloatWay)
    return rule("this step takes " + std::to_string(L.FloatWay) +
                    " elements a cycle: narrow first",
                ReducePage);
  size_t Count = From.loops() ? From.loops()->size() : 0;
  if (Count > static_cast<size_t>(L.SequencerLoops))
    return rule("a sequencer has at most " + std::to_string(L.SequencerLoops) +
                    " loops",
                "moving-tensors/sequencer.md");
  R.FirstReduce = Count;
  R.Packets = R.OutPackets = R.Slots = 1;
  for (size_t I = 0; I != Count; ++I) {
    const fb::ReduceLoop &Loop =
        *From.loops()->Get(static_cast<flatbuffers::uoffset_t>(I));
    if (Loop.size() < 1 || Loop.size() > L.LoopSize)
      return rule("a loop has 1 to " + std::to_string(L.LoopSize) +
                      " iterations",
                  "moving-tensors/sequencer.md");
    R.Sizes.push_back(Loop.size());
    R.Reduce.push_back(Loop.reduce());
    R.Packets *= Loop.size();
    if (R.Packets > CountLimit)
      return "the loops have too many iterations";
    if (Loop.reduce()) {
      R.FirstReduce = std::min(R.FirstReduce, I);
      continue;
    }
    R.OutPackets *= Loop.size();
    if (I > R.FirstReduce)
      R.Slots *= Loop.size();
  }
  if (R.Packets != Packets)
    return rule("its loops make " + std::to_string(R.Packets) +
                    " packets, the stream has " + std::to_string(Packets),
                ReducePage);
  if (R.Slots > L.ReduceSlots)
    return rule("it accumulates in " + std::to_string(R.Slots) + " slots, of " +
                    std::to_string(L.ReduceSlots),
                ReducePage);
  R.Packet = From.packet();
  R.HasValid = From.valid() != nullptr;
  if (R.HasValid) {
    const fb::Valid &V = *From.valid();
    R.Limit = V.limit();
    R.PacketWeight = V.packet();
    if (V.slice() && V.slice()->size() > 8)
      return rule("the slice has at most 8 digits",
                  "computing-tensors/vector-engine/vcg.md");
    if (V.slice())
      for (const fb::SliceDigit *D : *V.slice()) {
        if (D->divisor() < 1 || D->size() < 1)
          return "a digit of the slice has no size";
        R.SliceDigits.push_back({D->divisor(), D->size(), D->weight()});
      }
    if (V.time() && V.time()->size() != Count)
      return "the valid count has " + std::to_string(V.time()->size()) +
             " weights for " + std::to_string(Count) + " loops";
    if (V.time())
      R.TimeWeights.assign(V.time()->begin(), V.time()->end());
    else
      R.TimeWeights.assign(Count, 0);
  }
  Packets = R.OutPackets;
  ++To.Alus;
  return {};
}

std::string VectorDecoder::inter(const fb::InterReduce &From, int64_t Slices) {
  InterPlan &R = To.Inter.emplace();
  using O = fb::ReduceOp;
  R.Op = From.op();
  R.Ratio = From.ratio();
  R.Broadcast = From.replacement() == fb::Replacement::Broadcast;
  R.First = From.first();
  To.InterIsFloat = IsFloat;
  bool Known = R.Op == O::Add || R.Op == O::Max || R.Op == O::Min ||
               R.Op == (IsFloat ? O::Mul : O::AddSat);
  if (!Known)
    return rule("it has no such reduction of this type", InterPage);
  if (R.Ratio < 1 || R.Ratio > Slices || Slices % R.Ratio != 0)
    return rule("groups of " + std::to_string(R.Ratio) +
                    " slices do not divide " + std::to_string(Slices),
                InterPage);
  if (Way != L.VectorWay || IsPair)
    return rule("the reducer over slices takes whole flits: join and widen "
                "first",
                InterPage);
  return {};
}

std::string VectorDecoder::run(const fb::Vector &From, int64_t Flits,
                               int64_t Slices) {
  IsFloat = To.IsFloat;
  Packets = Flits;
  if (From.inter() && From.inter()->first())
    if (std::string Why = inter(*From.inter(), Slices); !Why.empty())
      return Why;
  To.Unzip = From.unzip();
  if (To.Unzip) {
    if (Flits % (2 * To.Unzip) != 0)
      return rule("the stream is no whole number of pairs of " +
                      std::to_string(To.Unzip) + " flits",
                  ChainPage);
    Packets /= 2;
    IsPair = true;
  }
  size_t Count = From.steps() ? From.steps()->size() : 0;
  To.IntraAt = From.intra_at();
  if (Count > 64 || (From.intra() && To.IntraAt > Count))
    return "it has " + std::to_string(Count) +
           " steps, and reduces before step " + std::to_string(To.IntraAt);
  for (size_t I = 0; I <= Count; ++I) {
    if (From.intra() && I == To.IntraAt)
      if (std::string Why = intra(*From.intra()); !Why.empty())
        return "reduction: " + Why;
    if (I == Count)
      break;
    if (std::string Why =
            step(*From.steps()->Get(static_cast<flatbuffers::uoffset_t>(I)));
        !Why.empty())
      return "step " + std::to_string(I) + ": " + Why;
  }
  if (IsPair)
    return rule("the two groups of the pair are never joined", ChainPage);
  if (Way != L.VectorWay)
    return rule("what leaves the engine is widened first", ChainPage);
  if (From.inter() && !From.inter()->first())
    if (std::string Why = inter(*From.inter(), Slices); !Why.empty())
      return Why;
  To.OutType = IsFloat ? fb::Type::F32 : fb::Type::I32;
  To.OutFlits = Packets;
  return {};
}

std::string dure::rngd::decodeVector(const fb::Vector &From, const Limits &L,
                                     int64_t Flits, fb::Type Type,
                                     int64_t Slices, VectorPlan &To) {
  if (Type != fb::Type::I32 && Type != fb::Type::F32)
    return rule(std::string("it works on i32 and f32, not on ") + nameOf(Type),
                "computing-tensors/vector-engine/index.md");
  if (From.type() != Type)
    return std::string("it expects ") + nameOf(From.type()) +
           ", the stream is " + nameOf(Type);
  if (Flits > FlitLimit)
    return "a slice would hand it " + std::to_string(Flits) +
           " flits; the simulator takes " + std::to_string(FlitLimit);
  To.IsFloat = Type == fb::Type::F32;
  To.Alus = 0;
  To.Split = false;
  To.IntraAt = 0;
  To.InterIsFloat = To.IsFloat;
  VectorDecoder D(L, To);
  return D.run(From, Flits, Slices);
}
