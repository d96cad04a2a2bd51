// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a code object of RNGD and checks all that does not depend on a run.
#include "targets/rngd/driver/CodeObject.h"

#include <algorithm>
#include <cstring>
#include <set>

using namespace dure::rngd;

static constexpr size_t SizeLimit = size_t(1) << 31;
static constexpr size_t CommandLimit = size_t(1) << 20;

int dure::rngd::bitsOf(fb::Type Type) {
  switch (Type) {
  case fb::Type::I4:
  case fb::Type::I5:
  case fb::Type::F4E2M1:
    return 4;
  case fb::Type::I8:
  case fb::Type::I9:
  case fb::Type::F8E4M3:
  case fb::Type::F8E5M2:
    return 8;
  case fb::Type::I16:
  case fb::Type::BF16:
    return 16;
  case fb::Type::None:
  case fb::Type::I32:
  case fb::Type::F32:
    break;
  }
  return 32;
}

const char *dure::rngd::nameOf(fb::Type Type) {
  switch (Type) {
  case fb::Type::None:
    return "none";
  case fb::Type::I4:
    return "i4";
  case fb::Type::I5:
    return "i5";
  case fb::Type::I8:
    return "i8";
  case fb::Type::I9:
    return "i9";
  case fb::Type::I16:
    return "i16";
  case fb::Type::I32:
    return "i32";
  case fb::Type::F8E4M3:
    return "f8e4m3";
  case fb::Type::F8E5M2:
    return "f8e5m2";
  case fb::Type::BF16:
    return "bf16";
  case fb::Type::F32:
    return "f32";
  case fb::Type::F4E2M1:
    return "f4e2m1";
  }
  return "?";
}

bool dure::rngd::isListed(const std::vector<std::string> &List, fb::Type Type) {
  return std::find(List.begin(), List.end(), nameOf(Type)) != List.end();
}

static const char *const SequencerPage = "moving-tensors/sequencer.md";

std::string dure::rngd::checkLoopCount(size_t Count, const Limits &L) {
  if (Count <= static_cast<size_t>(L.SequencerLoops))
    return {};
  return rule("a sequencer has at most " + std::to_string(L.SequencerLoops) +
                  " loops",
              SequencerPage);
}

std::string dure::rngd::checkLoopSize(int64_t Size, const Limits &L) {
  if (Size >= 1 && Size <= L.LoopSize)
    return {};
  return rule("a loop has 1 to " + std::to_string(L.LoopSize) + " iterations",
              SequencerPage);
}

std::string
dure::rngd::decodeLoops(const flatbuffers::Vector<const fb::Loop *> *From,
                        const Limits &L, Sequence &To) {
  if (!From)
    return {};
  if (std::string Why = checkLoopCount(From->size(), L); !Why.empty())
    return Why;
  for (const fb::Loop *Loop : *From) {
    if (std::string Why = checkLoopSize(Loop->size(), L); !Why.empty())
      return Why;
    To.Loops.push_back({Loop->size(), Loop->stride()});
    To.Steps *= Loop->size();
    if (To.Steps > CountLimit)
      return "the loops have too many iterations";
    int64_t Reach = int64_t(Loop->stride()) * (int64_t(Loop->size()) - 1);
    (Reach < 0 ? To.Low : To.High) += Reach;
  }
  return {};
}

namespace {

class Decoder {
public:
  explicit Decoder(const Limits &L) : L(L) {}

  std::string program(const fb::Program &From, ProgramPlan &To);

private:
  std::string command(const fb::Command &From, size_t Index,
                      const ProgramPlan &P, CommandPlan &To);
  std::string dma(const fb::Dma &From, const ProgramPlan &P, DmaPlan &To);
  std::string address(const fb::Address *From, const ProgramPlan &P,
                      const char *What, bool Writes, AddressPlan &To);

  const Limits &L;
  Budget B;
};

} // namespace

std::string Decoder::address(const fb::Address *From, const ProgramPlan &P,
                             const char *What, bool Writes, AddressPlan &To) {
  if (!From)
    return std::string("there is no ") + What + " address";
  if (From->offset() > uint64_t(CountLimit))
    return std::string("the ") + What + " address is out of range";
  To = {From->space(), From->index(), static_cast<int64_t>(From->offset())};
  switch (To.Space) {
  case fb::Space::Binding: {
    if (To.Index >= P.Bindings.size())
      return std::string("the ") + What + " address names binding " +
             std::to_string(To.Index) + " of " +
             std::to_string(P.Bindings.size());
    auto Access = static_cast<unsigned>(P.Bindings[To.Index].Access);
    unsigned Needed =
        static_cast<unsigned>(Writes ? fb::Access::Write : fb::Access::Read);
    // What the program itself has written it may read again.
    if (Writes ? !(Access & Needed) : Access == 0)
      return "binding " + std::to_string(To.Index) + " is not declared to be " +
             (Writes ? "written" : "read");
    return {};
  }
  case fb::Space::Constants:
    if (Writes)
      return "constants cannot be written";
    return {};
  case fb::Space::Workspace:
  case fb::Space::DataMemory:
    return {};
  }
  return std::string("the ") + What + " address is in no known memory";
}

std::string Decoder::dma(const fb::Dma &From, const ProgramPlan &P,
                         DmaPlan &To) {
  const char *Page = "moving-tensors/dma-engine.md";
  To.Engine = From.engine();
  if (To.Engine >= L.DmaEngines)
    return rule("there are " + std::to_string(L.DmaEngines) + " DMA engines",
                Page);
  if (std::string Why = address(From.read(), P, "read", false, To.Read);
      !Why.empty())
    return Why;
  if (std::string Why = address(From.write(), P, "write", true, To.Write);
      !Why.empty())
    return Why;
  To.PacketBytes = From.packet_bytes();
  if (To.PacketBytes < 1 || To.PacketBytes > L.DmaPacket)
    return rule("a packet has 1 to " + std::to_string(L.DmaPacket) + " bytes",
                Page);
  size_t Count = From.loops() ? From.loops()->size() : 0;
  if (std::string Why = checkLoopCount(Count, L); !Why.empty())
    return Why;
  bool OnlyHbm = To.Read.Space != fb::Space::DataMemory &&
                 To.Write.Space != fb::Space::DataMemory;
  int64_t Alignment = OnlyHbm ? 1 : L.DmaAlignment;
  int64_t Bits = To.Read.Offset | To.Write.Offset | To.PacketBytes;
  To.Packets = 1;
  for (size_t I = 0; I != Count; ++I) {
    // Copied: the verifier leaves elements of 8 bytes where they are.
    fb::DmaLoop Loop;
    std::memcpy(&Loop, From.loops()->Data() + I * sizeof(Loop), sizeof(Loop));
    if (std::string Why = checkLoopSize(Loop.size(), L); !Why.empty())
      return Why;
    if (std::abs(Loop.read_stride() / 2) > CountLimit ||
        std::abs(Loop.write_stride() / 2) > CountLimit)
      return "a stride is out of range";
    Bits |= Loop.read_stride() | Loop.write_stride();
    To.Loops.push_back({Loop.size(), Loop.index_stride(), Loop.read_stride(),
                        Loop.write_stride()});
    To.Packets *= Loop.size();
    if (To.Packets > StepLimit)
      return "the loops have too many iterations";
  }
  To.Continues = From.continues();
  To.Indexed = From.indexed();
  if (To.Indexed > fb::Indexed::MAX)
    return "the command is neither gather nor scatter nor a copy";
  if (To.Indexed != fb::Indexed::None) {
    if (std::string Why = address(From.index(), P, "index", false, To.Index);
        !Why.empty())
      return Why;
    if (From.index_scale() > uint64_t(CountLimit))
      return "the scale of an index is out of range";
    if (To.Index.Offset % 4 != 0)
      return "indices are of 4 bytes, aligned to them";
    To.Scale = static_cast<int64_t>(From.index_scale());
    To.Limit = From.index_limit();
    Bits |= To.Scale;
    for (const DmaPlan::Loop &Loop : To.Loops)
      if (Loop.Index % 4 != 0)
        return "indices are of 4 bytes, aligned to them";
  }
  if (Bits % Alignment != 0)
    return rule("addresses, strides and packets between HBM and data memory "
                "are multiples of " +
                    std::to_string(Alignment) + " bytes",
                Page);
  return {};
}

std::string Decoder::command(const fb::Command &From, size_t Index,
                             const ProgramPlan &P, CommandPlan &To) {
  if (From.name())
    To.Name = From.name()->str().substr(0, 256);
  if (From.after()) {
    if (From.after()->size() > Index)
      return "it waits for more commands than stand before it";
    for (uint32_t Each : *From.after()) {
      if (Each >= Index)
        return "it waits for command " + std::to_string(Each) +
               ", which does not stand before it";
      To.After.push_back(Each);
    }
  }
  // The type of a union may be there without the union.
  switch (From.body() ? From.body_type() : fb::Body::NONE) {
  case fb::Body::Dma:
    return dma(*From.body_as_Dma(), P, To.Dma.emplace());
  case fb::Body::Exec:
    return decodeExec(*From.body_as_Exec(), L, B, To.Exec.emplace());
  case fb::Body::NONE:
    break;
  }
  return "it is neither a DMA command nor an instruction of the tensor unit";
}

std::string Decoder::program(const fb::Program &From, ProgramPlan &To) {
  To.Name = From.name()->str();
  if (From.bindings())
    for (const fb::Binding *Each : *From.bindings()) {
      if (Each->access() > fb::Access::MAX ||
          Each->bytes() > uint64_t(L.HbmBytes))
        return "a binding is larger than HBM, or used in no known way";
      To.Bindings.push_back(
          {static_cast<int64_t>(Each->bytes()), Each->access()});
    }
  if (From.workspace_bytes() > uint64_t(L.HbmBytes))
    return "it needs more workspace than there is HBM";
  To.WorkspaceBytes = static_cast<int64_t>(From.workspace_bytes());
  size_t Count = From.commands() ? From.commands()->size() : 0;
  if (Count > CommandLimit)
    return "it has " + std::to_string(Count) + " commands, more than " +
           std::to_string(CommandLimit);
  size_t Waits = 0;
  for (size_t I = 0; I != Count; ++I) {
    const fb::Command &Each =
        *From.commands()->Get(static_cast<flatbuffers::uoffset_t>(I));
    Waits += Each.after() ? Each.after()->size() : 0;
    if (Waits > 16 * CommandLimit)
      return "its commands wait for too many others";
    CommandPlan &C = To.Commands.emplace_back();
    if (std::string Why = command(Each, I, To, C); !Why.empty())
      return "command " + std::to_string(I) +
             (C.Name.empty() ? "" : " ('" + C.Name + "')") + ": " + Why;
  }
  return {};
}

std::string dure::rngd::decode(const void *Bytes, size_t Size, const Limits &L,
                               std::string_view Chip, ModulePlan &Module) {
  auto *Data = static_cast<const uint8_t *>(Bytes);
  if (Size < 8 || Size > SizeLimit || !fb::ModuleBufferHasIdentifier(Data))
    return "it is no code object of RNGD";
  flatbuffers::Verifier::Options Options;
  Options.max_tables = 1u << 26;
  Options.max_depth = 16;
  // The verifier wants aligned bytes.
  std::vector<uint64_t> Copy((Size + 7) / 8);
  std::memcpy(Copy.data(), Bytes, Size);
  Data = reinterpret_cast<const uint8_t *>(Copy.data());
  flatbuffers::Verifier Verifier(Data, Size, Options);
  if (!fb::VerifyModuleBuffer(Verifier))
    return "it is damaged";
  const fb::Module &From = *fb::GetModule(Data);
  Module.Chip = From.chip()->str();
  if (Module.Chip != Chip)
    return "it is for '" + Module.Chip + "', this driver simulates '" +
           std::string(Chip) + "'";
  if (From.version() != 0)
    return "it has version " + std::to_string(From.version()) +
           ", this driver reads version 0; compile the model again";
  if (From.constants())
    Module.Constants.assign(From.constants()->begin(), From.constants()->end());
  std::set<std::string> Names;
  Decoder D(L);
  if (From.programs())
    for (const fb::Program *Each : *From.programs()) {
      ProgramPlan &P = Module.Programs.emplace_back();
      std::string Why = D.program(*Each, P);
      if (Why.empty() && !Names.insert(P.Name).second)
        Why = "it stands there twice";
      if (!Why.empty())
        return "entry '" + P.Name + "': " + Why;
    }
  return {};
}
