// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes the conformance kernels as a code object of RNGD.
//
//   dure-rngd-conformance-kernels ID FILE
//
// The device takes neither constants nor grids: there is an entry for each set
// of constants that the suite uses (tools/dure-conformance/Dispatch.h).
#include "targets/rngd/machine/Figures.h"
#include "targets/rngd/schema/program_generated.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace dure::rngd;

namespace {

constexpr uint32_t Packet = DmaPacket, Flit = FlitBytes;
// Any part of a slice's data memory, of whole packets.
constexpr uint32_t SliceBytes = 8 * Packet;
constexpr uint32_t ScratchGroups = 1000;

struct Address {
  fb::Space Space;
  uint32_t Index = 0;
  uint64_t Offset = 0;
};

/// A program whose commands each wait for all before them.
class Writer {
public:
  explicit Writer(std::string Name) { P.name = std::move(Name); }

  Address binding(uint64_t Bytes, fb::Access Access) {
    auto B = std::make_unique<fb::BindingT>();
    B->bytes = Bytes;
    B->access = Access;
    P.bindings.push_back(std::move(B));
    return {fb::Space::Binding, static_cast<uint32_t>(P.bindings.size() - 1)};
  }

  fb::DmaT &dma(Address From, Address To, uint32_t Bytes) {
    fb::DmaT D;
    D.read = std::make_unique<fb::Address>(From.Space, From.Index, From.Offset);
    D.write = std::make_unique<fb::Address>(To.Space, To.Index, To.Offset);
    D.packet_bytes = Bytes;
    fb::CommandT &C = command();
    C.body.Set(std::move(D));
    return *C.body.AsDma();
  }

  /// Any number of bytes, within HBM.
  void copy(Address From, Address To, uint64_t Bytes) {
    auto Whole = static_cast<uint32_t>(Bytes / Packet);
    if (Whole)
      dma(From, To, Packet).loops.push_back({Whole, 0, Packet, Packet});
    From.Offset += uint64_t(Whole) * Packet;
    To.Offset += uint64_t(Whole) * Packet;
    if (Bytes % Packet)
      dma(From, To, static_cast<uint32_t>(Bytes % Packet));
  }

  /// BYTES a slice; in HBM they follow each other.
  void copySlices(Address Hbm, uint32_t At, uint32_t Bytes, uint32_t Slices,
                  bool ToSlices) {
    Address Dm = {fb::Space::DataMemory, 0, At};
    uint32_t Step = std::min(Bytes, Packet);
    fb::DmaT &D = ToSlices ? dma(Hbm, Dm, Step) : dma(Dm, Hbm, Step);
    int64_t Outer = DmaSliceStride, Inner = Bytes;
    if (ToSlices)
      std::swap(Outer, Inner);
    D.loops.push_back({Slices, 0, Outer, Inner});
    D.loops.push_back({Bytes / Step, 0, Step, Step});
  }

  /// One integer op with a constant on what every slice has at FROM.
  void compute(fb::VectorOp Op, int32_t Constant, uint32_t From, uint32_t To,
               uint32_t Bytes, uint32_t Slices) {
    fb::ExecT E;
    E.clusters = 1;
    E.slices = static_cast<uint16_t>(Slices);
    E.fetch = std::make_unique<fb::FetchT>();
    E.fetch->base = From;
    E.fetch->type = fb::Type::I32;
    E.fetch->packet = E.fetch->live = 8;
    E.fetch->loops = {{Bytes / Flit, 8}, {8, 1}};
    E.vector = std::make_unique<fb::VectorT>();
    E.vector->type = fb::Type::I32;
    E.vector->steps.push_back(std::make_unique<fb::VectorStepT>());
    E.vector->steps[0]->op = Op;
    E.vector->steps[0]->operand = std::make_unique<fb::OperandT>();
    E.vector->steps[0]->operand->bits = static_cast<uint32_t>(Constant);
    E.commit = std::make_unique<fb::CommitT>();
    E.commit->base = To;
    E.commit->trim_bytes = Flit;
    E.commit->loops = {{Bytes / Flit, static_cast<int32_t>(Flit)}};
    command().body.Set(std::move(E));
  }

  fb::ProgramT P;

private:
  fb::CommandT &command() {
    auto C = std::make_unique<fb::CommandT>();
    if (!P.commands.empty())
      C->after.push_back(static_cast<uint32_t>(P.commands.size() - 1));
    P.commands.push_back(std::move(C));
    return *P.commands.back();
  }
};

class Kernels {
public:
  explicit Kernels(int32_t Id) {
    M.chip = "rngd";
    for (uint32_t I = 0; I != ScratchGroups; ++I)
      constant(static_cast<int32_t>(I));
    constant(Id);
  }

  /// out[i] = in[i] + c, by way of workspace that is padded to whole flits.
  void add(const std::string &Name, uint32_t N, int32_t C) {
    Writer W(Name);
    uint64_t Bytes = uint64_t(N) * 4;
    Address In = W.binding(Bytes, fb::Access::Read);
    Address Out = W.binding(Bytes, fb::Access::Write);
    Address Padded = {fb::Space::Workspace};
    if (N) {
      uint32_t Slices =
          static_cast<uint32_t>((Bytes + SliceBytes - 1) / SliceBytes);
      uint32_t Each =
          Slices > 1 ? SliceBytes
                     : static_cast<uint32_t>((Bytes + Flit - 1) / Flit * Flit);
      if (Each > Packet)
        Each = (Each + Packet - 1) / Packet * Packet;
      W.P.workspace_bytes = uint64_t(Slices) * Each;
      W.copy(In, Padded, Bytes);
      W.copySlices(Padded, 0, Each, Slices, true);
      W.compute(fb::VectorOp::AddFxp, C, 0, 65536, Each, Slices);
      W.copySlices(Padded, 65536, Each, Slices, false);
      W.copy(Padded, Out, Bytes);
    }
    add(std::move(W));
  }

  void identify() {
    Writer W("identify");
    Address Out = W.binding(4, fb::Access::Write);
    W.copy({fb::Space::Constants, 0, ScratchGroups * 4}, Out, 4);
    add(std::move(W));
  }

  /// A gather whose index is the code, of a table of one.
  void fault(const std::string &Name, int32_t Code) {
    Writer W(Name);
    W.P.workspace_bytes = 4;
    fb::DmaT &D = W.dma({fb::Space::Constants}, {fb::Space::Workspace}, 4);
    D.indexed = fb::Indexed::Gather;
    D.index = std::make_unique<fb::Address>(fb::Space::Constants, 0,
                                            M.constants.size());
    D.index_scale = 4;
    D.index_limit = 1;
    constant(Code);
    add(std::move(W));
  }

  /// Writes of 4 bytes to one unit of HBM take some 267 cycles each.
  void spin(const std::string &Name, uint32_t Cycles) {
    Writer W(Name);
    Address Out = W.binding(4, fb::Access::Write);
    fb::DmaT &D = W.dma({fb::Space::Constants}, Out, 4);
    D.loops.push_back({Cycles / 267 + 1, 0, 0, 0});
    add(std::move(W));
  }

  void scratch() {
    constexpr uint32_t Bytes = ScratchGroups * 4;
    Writer W("scratch");
    Address Out = W.binding(Bytes, fb::Access::Write);
    Address Workspace = {fb::Space::Workspace};
    W.P.workspace_bytes = Bytes;
    W.copySlices({fb::Space::Constants}, 0, Bytes, 1, true);
    W.compute(fb::VectorOp::MulInt, 1024, 0, 65536, Bytes, 1);
    W.copySlices(Workspace, 65536, Bytes, 1, false);
    W.copy(Workspace, Out, Bytes);
    add(std::move(W));
  }

  bool write(const char *Path) {
    flatbuffers::FlatBufferBuilder B;
    fb::FinishModuleBuffer(B, fb::CreateModule(B, &M));
    FILE *File = std::fopen(Path, "wb");
    if (!File)
      return false;
    bool Good =
        std::fwrite(B.GetBufferPointer(), 1, B.GetSize(), File) == B.GetSize();
    return std::fclose(File) == 0 && Good;
  }

private:
  void add(Writer W) {
    M.programs.push_back(std::make_unique<fb::ProgramT>(std::move(W.P)));
  }
  void constant(int32_t Value) {
    uint8_t Bytes[4];
    std::memcpy(Bytes, &Value, 4);
    M.constants.insert(M.constants.end(), Bytes, Bytes + 4);
  }

  fb::ModuleT M;
};

} // namespace

int main(int Count, char **Arguments) {
  if (Count != 3) {
    std::fprintf(stderr, "usage: dure-rngd-conformance-kernels ID FILE\n");
    return 2;
  }
  Kernels K(std::atoi(Arguments[1]));
  K.add("add", 0, 0);
  for (uint32_t N : {0, 1, 63, 64, 65, 1000, 100003})
    K.add("add " + std::to_string(N) + " -5", N, -5);
  for (int32_t C = 0; C != 200; ++C)
    K.add("add 5000 " + std::to_string(C), 5000, C);
  K.identify();
  K.fault("fault", 1);
  K.fault("fault 37 1234", 1234);
  K.fault("fault 0 7", 7);
  K.spin("spin", 0);
  K.spin("spin 1000000", 1000000);
  K.spin("spin 3000000", 3000000);
  K.scratch();
  if (K.write(Arguments[2]))
    return 0;
  std::fprintf(stderr, "cannot write %s\n", Arguments[2]);
  return 1;
}
