// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a DMA command moves.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Engines.h"
#include "targets/rngd/driver/Workers.h"

#include <algorithm>

using namespace dure::rngd;

// Below this one thread is as fast as several.
static constexpr int64_t ShareBytes = int64_t(1) << 20;

namespace {

/// One side of a command.
struct Side {
  const char *Verb;
  bool IsDm;
  uint8_t *Data;
  int64_t Bytes;
};

class Transfer {
public:
  Transfer(const DmaPlan &D, const Limits &L, const Places &P,
           const SliceMemory &Dm)
      : D(D), L(L), Dm(Dm), Read(side(D.Read, P, "reads")),
        Write(side(D.Write, P, "writes")), Loops(D.Loops), Unit(D.PacketBytes) {
    if (D.Indexed != fb::Indexed::None)
      Index = side(D.Index, P, "takes an index from");
    join();
  }

  std::string run(Workers &Team);

private:
  Side side(const AddressPlan &A, const Places &P, const char *Verb) const;
  void join();
  bool canShare() const;
  std::string move(int64_t From, int64_t To) const;
  std::string moveOne(int64_t ReadAt, int64_t WriteAt) const;
  std::string locate(const Side &S, int64_t Address, int64_t Bytes,
                     uint8_t *&Data, int64_t &Slice, int64_t &Byte) const;
  std::string takeIndex(int64_t Address, int64_t &Value) const;

  const DmaPlan &D;
  const Limits &L;
  const SliceMemory &Dm;
  Side Read, Write, Index = {};
  std::vector<DmaPlan::Loop> Loops;
  int64_t Unit; ///< Bytes that are moved at once.
};

} // namespace

Side Transfer::side(const AddressPlan &A, const Places &P,
                    const char *Verb) const {
  switch (A.Space) {
  case fb::Space::Binding:
    return {Verb, false, P.Bindings[A.Index].Data, P.Bindings[A.Index].Bytes};
  case fb::Space::Workspace:
    return {Verb, false, P.Workspace.Data, P.Workspace.Bytes};
  case fb::Space::Constants:
    return {Verb, false, P.Constants.Data, P.Constants.Bytes};
  case fb::Space::DataMemory:
    break;
  }
  return {Verb, true, nullptr, 0};
}

/// Packets that lie side by side on both sides are moved at once.
void Transfer::join() {
  if (D.Indexed != fb::Indexed::None)
    return;
  while (!Loops.empty()) {
    const DmaPlan::Loop &Last = Loops.back();
    if (Last.Size != 1 && (Last.Read != Unit || Last.Write != Unit))
      return;
    Unit *= Last.Size;
    Loops.pop_back();
  }
}

/// Whether the order of packets does not matter.
bool Transfer::canShare() const {
  if (D.Packets * D.PacketBytes < ShareBytes ||
      D.Indexed == fb::Indexed::Scatter || D.Read.Space == D.Write.Space)
    return false;
  std::vector<DmaPlan::Loop> Sorted = Loops;
  std::sort(Sorted.begin(), Sorted.end(), [](const auto &A, const auto &B) {
    return std::abs(A.Write) < std::abs(B.Write);
  });
  int64_t Extent = Unit;
  for (const DmaPlan::Loop &Loop : Sorted) {
    if (Loop.Size == 1)
      continue;
    if (std::abs(Loop.Write) < Extent)
      return false;
    Extent += std::abs(Loop.Write) * (Loop.Size - 1);
  }
  return true;
}

std::string Transfer::locate(const Side &S, int64_t Address, int64_t Bytes,
                             uint8_t *&Data, int64_t &Slice,
                             int64_t &Byte) const {
  if (!S.IsDm) {
    if (Address < 0 || Bytes > S.Bytes || Address > S.Bytes - Bytes)
      return std::string("it ") + S.Verb + " bytes " + std::to_string(Address) +
             " + " + std::to_string(Bytes) + " of a buffer of " +
             std::to_string(S.Bytes);
    Data = S.Data + Address;
    return {};
  }
  Slice = Address < 0 ? -1 : Address / L.SliceStride;
  Byte = Address < 0 ? 0 : Address % L.SliceStride;
  if (Slice < 0 || Slice >= L.slices() || Byte + Bytes > L.DmBytes)
    return rule(std::string("it ") + S.Verb + " bytes " + std::to_string(Byte) +
                    " + " + std::to_string(Bytes) + " of slice " +
                    std::to_string(Slice) + ", of " +
                    std::to_string(L.slices()) + " slices of " +
                    std::to_string(L.DmBytes) + " bytes",
                "moving-tensors/dma-engine.md");
  Data = Dm.data(Slice) + Byte;
  return {};
}

std::string Transfer::takeIndex(int64_t Address, int64_t &Value) const {
  uint8_t *Data = nullptr;
  int64_t Slice = 0, Byte = 0;
  if (std::string Why = locate(Index, Address, 4, Data, Slice, Byte);
      !Why.empty())
    return Why;
  if (Index.IsDm && !Dm.written(Slice).has(Byte, 4))
    return "it takes an index from byte " + std::to_string(Byte) +
           " of slice " + std::to_string(Slice) +
           "'s data memory, which nothing has written";
  int32_t Given;
  std::memcpy(&Given, Data, 4);
  if (Given < 0 || Given >= D.Limit)
    return "index " + std::to_string(Given) + " is out of range; it is 0 to " +
           std::to_string(D.Limit - 1);
  Value = Given;
  return {};
}

std::string Transfer::moveOne(int64_t ReadAt, int64_t WriteAt) const {
  uint8_t *From = nullptr, *To = nullptr;
  int64_t Slice = 0, Byte = 0;
  if (std::string Why = locate(Read, ReadAt, Unit, From, Slice, Byte);
      !Why.empty())
    return Why;
  if (Read.IsDm && !Dm.written(Slice).has(Byte, Unit))
    return rule("it reads bytes " + std::to_string(Byte) + " to " +
                    std::to_string(Byte + Unit) + " of slice " +
                    std::to_string(Slice) +
                    "'s data memory, of which something has never been written",
                "moving-tensors/dma-engine.md");
  if (std::string Why = locate(Write, WriteAt, Unit, To, Slice, Byte);
      !Why.empty())
    return Why;
  std::memmove(To, From, static_cast<size_t>(Unit));
  if (Write.IsDm)
    Dm.written(Slice).setShared(Byte, Unit);
  return {};
}

/// Moves the units FROM to TO of the loops.
std::string Transfer::move(int64_t From, int64_t To) const {
  int64_t At[8] = {}, ReadAt = D.Read.Offset, WriteAt = D.Write.Offset;
  int64_t IndexAt = D.Index.Offset, Rest = From;
  for (size_t I = Loops.size(); I-- != 0;) {
    At[I] = Rest % Loops[I].Size;
    Rest /= Loops[I].Size;
    ReadAt += At[I] * Loops[I].Read;
    WriteAt += At[I] * Loops[I].Write;
    IndexAt += At[I] * Loops[I].Index;
  }
  for (int64_t N = From; N != To; ++N) {
    int64_t Value = 0;
    if (D.Indexed != fb::Indexed::None)
      if (std::string Why = takeIndex(IndexAt, Value); !Why.empty())
        return Why;
    int64_t Added = Value * D.Scale;
    bool Gather = D.Indexed == fb::Indexed::Gather;
    if (std::string Why = moveOne(ReadAt + (Gather ? Added : 0),
                                  WriteAt + (Gather ? 0 : Added));
        !Why.empty())
      return Why;
    for (size_t I = Loops.size(); I-- != 0;) {
      const DmaPlan::Loop &Loop = Loops[I];
      ReadAt += Loop.Read;
      WriteAt += Loop.Write;
      IndexAt += Loop.Index;
      if (++At[I] != Loop.Size)
        break;
      ReadAt -= Loop.Read * Loop.Size;
      WriteAt -= Loop.Write * Loop.Size;
      IndexAt -= Loop.Index * Loop.Size;
      At[I] = 0;
    }
  }
  return {};
}

std::string Transfer::run(Workers &Team) {
  int64_t Units = 1;
  for (const DmaPlan::Loop &Loop : Loops)
    Units *= Loop.Size;
  if (!canShare() || Units < 64)
    return move(0, Units);
  constexpr int64_t Shares = 64;
  std::vector<std::string> Whys(Shares);
  Team.run(Shares, [&](int64_t I) {
    Whys[static_cast<size_t>(I)] =
        move(Units * I / Shares, Units * (I + 1) / Shares);
  });
  // The first, so that the message does not depend on the threads.
  for (std::string &Each : Whys)
    if (!Each.empty())
      return std::move(Each);
  return {};
}

std::string dure::rngd::runDma(const DmaPlan &D, const Limits &L,
                               const Places &P, const SliceMemory &Dm,
                               Workers &Team) {
  return Transfer(D, L, P, Dm).run(Team);
}
