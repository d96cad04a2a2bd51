// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a fetch and a switch make of data memory: loops over packets, each with
// its place and its slice.
#include "targets/rngd/driver/CodeObject.h"

#include <algorithm>

using namespace dure::rngd;
using Digit = StreamPlan::Digit;

static constexpr int64_t Whole = INT64_MAX;
static constexpr int64_t RunLimit = 256;
static constexpr int64_t PacketLimit = 4096; // elements

static const char *const FetchPage = "moving-tensors/fetch-engine.md";
static const char *const AdapterPage = "computing-tensors/fetch-adapter.md";
static const char *const SwitchPage = "computing-tensors/switch-engine.md";

/// Cuts the innermost loops, INNER iterations of them, off LOOPS. A loop may be
/// split; false where the two sizes do not fit each other.
static bool cut(std::vector<NestLoop> &Loops, int64_t Inner,
                std::vector<NestLoop> &Taken) {
  Taken.clear();
  while (Inner > 1) {
    if (Loops.empty())
      return false;
    NestLoop &Last = Loops.back();
    if (Inner % Last.Size == 0) {
      Inner /= Last.Size;
      Taken.insert(Taken.begin(), Last);
      Loops.pop_back();
      continue;
    }
    if (Last.Size % Inner != 0)
      return false;
    Taken.insert(Taken.begin(), {Inner, Last.Elements, Last.Slices});
    Last.Size /= Inner;
    Last.Elements *= Inner;
    break;
  }
  return true;
}

namespace {

class StreamDecoder {
public:
  StreamDecoder(const Limits &L, int64_t Slices, StreamPlan &To)
      : L(L), Slices(Slices), To(To) {}

  std::string types(const fb::Fetch &From);
  std::string loops(const fb::Fetch &From);
  std::string topology(const fb::Switch *From, Budget &B);

private:
  std::string makeRuns(const std::vector<NestLoop> &Packet);
  std::string regular(const fb::Switch &From);
  std::string custom(const fb::Switch &From, Budget &B);

  const Limits &L;
  int64_t Slices;
  StreamPlan &To;
};

} // namespace

std::string StreamDecoder::types(const fb::Fetch &From) {
  using T = fb::Type;
  T Type = From.type();
  if (Type > T::MAX || Type == T::None || Type == T::I5 || Type == T::I9)
    return rule("memory does not hold elements of this type", FetchPage);
  To.MemoryType = Type;
  To.Lookup = From.lookup();
  To.Cast = From.cast();
  To.HasZeroPoint = From.has_zero_point();
  To.ZeroPoint = From.zero_point();
  if (To.Lookup > T::MAX || To.Cast > T::MAX)
    return rule("there is no such conversion", AdapterPage);
  if (To.Lookup != T::None) {
    bool Is8 = Type == T::F8E4M3 || Type == T::F8E5M2;
    if (!(Type == T::F4E2M1 && isListed(L.LookupOfF4, To.Lookup)) &&
        !(Is8 && isListed(L.LookupOfF8, To.Lookup)))
      return rule(std::string("there is no table from ") + nameOf(Type) +
                      " to " + nameOf(To.Lookup),
                  AdapterPage);
    Type = To.Lookup;
  }
  if (To.Cast != T::None) {
    if (!(To.Cast == T::I32 && isListed(L.FetchToI32, Type)) &&
        !(To.Cast == T::F32 && isListed(L.FetchToF32, Type)) &&
        !(To.Cast == T::BF16 && isListed(L.FetchToBf16, Type)))
      return rule(std::string("there is no cast from ") + nameOf(Type) +
                      " to " + nameOf(To.Cast),
                  AdapterPage);
    Type = To.Cast;
  }
  if (To.HasZeroPoint) {
    if (!isListed(L.ZeroPointOf, Type))
      return rule(std::string("a zero point is of i4 or i8, not of ") +
                      nameOf(Type),
                  AdapterPage);
    int32_t Most = 1 << (bitsOf(Type) - 1);
    if (To.ZeroPoint < -Most || To.ZeroPoint >= Most)
      return rule("the zero point " + std::to_string(To.ZeroPoint) +
                      " is no value of " + nameOf(Type),
                  AdapterPage);
    Type = Type == T::I4 ? T::I5 : T::I9;
  }
  if (Type == T::F4E2M1)
    return rule("f4e2m1 is for memory: a table must decode it", AdapterPage);
  To.Type = Type;
  return {};
}

std::string StreamDecoder::makeRuns(const std::vector<NestLoop> &Packet) {
  // The packet's elements in order, side by side ones joined.
  std::vector<int64_t> Index(Packet.size());
  int64_t Place = 0;
  for (int64_t K = 0; K != To.Live; ++K) {
    if (!To.Runs.empty() &&
        To.Runs.back().Elements + To.Runs.back().Count == Place)
      ++To.Runs.back().Count;
    else
      To.Runs.push_back({Place, 1});
    if (static_cast<int64_t>(To.Runs.size()) > RunLimit)
      return "the elements of a packet lie in more than " +
             std::to_string(RunLimit) + " places";
    for (size_t I = Packet.size(); I-- != 0;) {
      Place += Packet[I].Elements;
      if (++Index[I] != Packet[I].Size)
        break;
      Place -= Packet[I].Elements * Packet[I].Size;
      Index[I] = 0;
    }
  }
  return {};
}

std::string StreamDecoder::loops(const fb::Fetch &From) {
  Sequence Steps;
  if (std::string Why = decodeLoops(From.loops(), L, Steps); !Why.empty())
    return Why;
  for (const auto &[Size, Stride] : Steps.Loops)
    To.Time.push_back({Size, Stride, 0});
  To.Sequencer = To.Time;
  int Bits = bitsOf(To.MemoryType);
  To.Base = From.base();
  To.FirstBit = To.Base * 8 + Steps.Low * Bits;
  To.EndBit = To.Base * 8 + (Steps.High + 1) * Bits;
  if (To.FirstBit < 0 || To.EndBit > L.DmBytes * 8)
    return rule("it reads bytes " + std::to_string(To.FirstBit / 8) + " to " +
                    std::to_string((To.EndBit + 7) / 8) +
                    " of a slice's data memory of " + std::to_string(L.DmBytes),
                "moving-tensors/memory-performance.md");
  To.Packet = From.packet();
  if (To.Packet < 1 || To.Packet > PacketLimit ||
      Steps.Steps % To.Packet != 0 ||
      To.Packet * Bits % (L.FetchAlignment * 8) != 0)
    return rule("packets of " + std::to_string(To.Packet) +
                    " elements: a packet is a multiple of " +
                    std::to_string(L.FetchAlignment) + " bytes, of at most " +
                    std::to_string(PacketLimit) +
                    " elements, and all are alike",
                FetchPage);
  To.Live = From.live();
  if (To.Live < 1 || To.Live > To.Packet)
    return "of a packet of " + std::to_string(To.Packet) + " elements " +
           std::to_string(To.Live) + " count";
  std::vector<NestLoop> Packet;
  if (!cut(To.Time, To.Packet, Packet))
    return rule("the innermost loops do not make packets of " +
                    std::to_string(To.Packet) + " elements",
                FetchPage);
  To.PacketsIn = Steps.Steps / To.Packet;
  return makeRuns(Packet);
}

std::string StreamDecoder::regular(const fb::Switch &From) {
  int64_t S1 = From.slice1(), S0 = From.slice0(), T0 = From.time0();
  int64_t Ring = S1 * S0;
  if (S1 < 1 || S0 < 1 || T0 < 1 || Ring > Slices || Slices % Ring != 0)
    return rule("rings of " + std::to_string(S1) + " x " + std::to_string(S0) +
                    " slices do not divide " + std::to_string(Slices),
                SwitchPage);
  To.RingSize = Ring;
  To.SliceDigits = {{Ring, Whole, Ring}};
  std::vector<NestLoop> Outer = To.Time, Inner, Middle;
  const char *Misfit = "time0 does not divide the loops over time";
  switch (From.topology()) {
  case fb::Topology::Broadcast01:
    if (!cut(Outer, T0, Inner))
      return rule(Misfit, SwitchPage);
    Outer.push_back({S1, 0, S0});
    Outer.insert(Outer.end(), Inner.begin(), Inner.end());
    Outer.push_back({S0, 0, 1});
    break;
  case fb::Topology::Broadcast1:
    To.SliceDigits.push_back({1, S0, 1});
    Outer.push_back({S1, 0, S0});
    break;
  case fb::Topology::Transpose:
    To.SliceDigits.push_back({1, S1, S0});
    To.SliceDigits.push_back({S1, S0, 1});
    break;
  case fb::Topology::InterTranspose: {
    if (Slices != L.SlicesPerCluster)
      return rule("this switch takes all " +
                      std::to_string(L.SlicesPerCluster) + " slices",
                  SwitchPage);
    if (!cut(Outer, T0, Inner) || !cut(Outer, S1, Middle))
      return rule(Misfit, SwitchPage);
    To.SliceDigits.push_back({1, S0, 1});
    int64_t Divisor = S0;
    for (size_t I = Middle.size(); I-- != 0;) {
      To.ElementDigits.push_back({Divisor, Middle[I].Size, Middle[I].Elements});
      Divisor *= Middle[I].Size;
    }
    Outer.insert(Outer.end(), Inner.begin(), Inner.end());
    Outer.push_back({S1, 0, S0});
    break;
  }
  case fb::Topology::TransposedBroadcast1:
    To.SliceDigits.push_back({1, S1, S0});
    Outer.push_back({S0, 0, 1});
    break;
  case fb::Topology::Forward:
  case fb::Topology::Custom:
    break;
  }
  To.Nest = std::move(Outer);
  return {};
}

std::string StreamDecoder::custom(const fb::Switch &From, Budget &B) {
  To.RingSize = From.ring_size();
  if (To.RingSize < 1 || (To.RingSize & (To.RingSize - 1)) != 0 ||
      To.RingSize > Slices || Slices % To.RingSize != 0)
    return rule("a ring of " + std::to_string(To.RingSize) +
                    " slices is no power of two that divides " +
                    std::to_string(Slices),
                SwitchPage);
  int64_t Count = From.sources() ? From.sources()->size() : 0;
  if (Count == 0 || Count % Slices != 0 || Count / Slices > To.RingSize)
    return rule("a custom switch names for every slice as many sources, at "
                "most those of its ring",
                SwitchPage);
  if (!B.take(Count))
    return "the code object is too large to decode";
  To.Sources = Count / Slices;
  To.SourceTable.assign(From.sources()->begin(), From.sources()->end());
  for (int64_t I = 0; I != Count; ++I) {
    int64_t Slice = I / To.Sources, Source = To.SourceTable[I];
    if (Source / To.RingSize != Slice / To.RingSize)
      return rule("slice " + std::to_string(Slice) + " takes from slice " +
                      std::to_string(Source) + ", which is not in its ring",
                  SwitchPage);
    if (I % To.Sources && Source <= To.SourceTable[I - 1])
      return rule("slice " + std::to_string(Slice) +
                      " does not take its sources in the ring's order",
                  SwitchPage);
  }
  To.Nest = To.Time;
  To.Nest.push_back({To.Sources, 0, 0});
  return {};
}

std::string StreamDecoder::topology(const fb::Switch *From, Budget &B) {
  To.SliceDigits = {{1, Whole, 1}};
  To.Nest = To.Time;
  if (From && From->topology() > fb::Topology::MAX)
    return rule("there is no such switch", SwitchPage);
  if (From && From->topology() != fb::Topology::Forward)
    if (std::string Why = From->topology() == fb::Topology::Custom
                              ? custom(*From, B)
                              : regular(*From);
        !Why.empty())
      return Why;
  To.Packets = 1;
  for (const NestLoop &Loop : To.Nest) {
    To.Packets *= Loop.Size;
    if (To.Packets > StepLimit)
      return "the stream has too many packets";
  }
  int64_t PerFlit = perFlit(To.Type);
  To.FlitsPerPacket = (To.Packet + PerFlit - 1) / PerFlit;
  if (To.flits() > StepLimit)
    return "the stream has too many flits";
  return {};
}

std::string dure::rngd::decodeStream(const fb::Fetch &From,
                                     const fb::Switch *Switch, const Limits &L,
                                     int64_t Slices, Budget &B,
                                     StreamPlan &To) {
  StreamDecoder D(L, Slices, To);
  if (std::string Why = D.types(From); !Why.empty())
    return "fetch: " + Why;
  if (std::string Why = D.loops(From); !Why.empty())
    return "fetch: " + Why;
  if (std::string Why = D.topology(Switch, B); !Why.empty())
    return "switch: " + Why;
  return {};
}
