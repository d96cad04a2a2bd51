// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs for the simulator, written by hand and run as a host would.
#include "test/unit/rngd/Simulator.h"

#include <bit>
#include <cmath>

using namespace dure::rngd;
using namespace dure::rngd::test;
using namespace dure::conformance;

std::string test::build(const fb::ModuleT &Module) {
  flatbuffers::FlatBufferBuilder B;
  fb::FinishModuleBuffer(B, fb::CreateModule(B, &Module));
  return {reinterpret_cast<const char *>(B.GetBufferPointer()), B.GetSize()};
}

fb::ModuleT test::moduleOf(fb::ProgramT Program) {
  fb::ModuleT M;
  M.chip = "rngd";
  M.programs.push_back(std::make_unique<fb::ProgramT>(std::move(Program)));
  return M;
}

uint32_t Writer::binding(uint64_t Bytes, fb::Access Access) {
  auto B = std::make_unique<fb::BindingT>();
  B->bytes = Bytes;
  B->access = Access;
  P.bindings.push_back(std::move(B));
  return static_cast<uint32_t>(P.bindings.size() - 1);
}

fb::CommandT &Writer::command() {
  auto C = std::make_unique<fb::CommandT>();
  for (uint32_t I = 0; I != P.commands.size(); ++I)
    C->after.push_back(I);
  P.commands.push_back(std::move(C));
  return last();
}

fb::DmaT &Writer::dma(uint32_t Bytes, uint32_t Slices) {
  fb::CommandT &C = command();
  fb::DmaT D;
  D.packet_bytes = Bytes;
  uint32_t Split = 1;
  while (Bytes / Split > 4096 || Bytes % Split != 0)
    ++Split;
  D.packet_bytes = Bytes / Split;
  D.loops.push_back({Slices, 0, 0, 0});
  D.loops.push_back({Split, 0, D.packet_bytes, D.packet_bytes});
  C.body.Set(std::move(D));
  return *C.body.AsDma();
}

fb::DmaT &Writer::load(uint32_t B, uint32_t At, uint32_t Bytes, uint32_t Slices,
                       uint32_t First) {
  fb::DmaT &D = dma(Bytes, Slices);
  D.read = std::make_unique<fb::Address>(fb::Space::Binding, B, 0);
  D.write = std::make_unique<fb::Address>(fb::Space::DataMemory, 0,
                                          uint64_t(First) * SliceStride + At);
  D.loops[0] = {Slices, 0, Bytes, SliceStride};
  return D;
}

fb::DmaT &Writer::store(uint32_t B, uint32_t At, uint32_t Bytes,
                        uint32_t Slices, uint32_t First) {
  fb::DmaT &D = load(B, At, Bytes, Slices, First);
  std::swap(D.read, D.write);
  D.loops[0] = {Slices, 0, SliceStride, Bytes};
  return D;
}

fb::ExecT &Writer::exec(uint16_t Slices, fb::Type Type, uint32_t Base,
                        uint32_t Count, uint32_t Packet) {
  fb::CommandT &C = command();
  fb::ExecT E;
  E.clusters = 1;
  E.slices = Slices;
  E.fetch = std::make_unique<fb::FetchT>();
  E.fetch->base = Base;
  E.fetch->type = Type;
  E.fetch->packet = E.fetch->live = Packet;
  E.fetch->loops.push_back({Count / Packet, static_cast<int32_t>(Packet)});
  E.fetch->loops.push_back({Packet, 1});
  C.body.Set(std::move(E));
  return *C.body.AsExec();
}

void test::commitTo(fb::ExecT &E, uint32_t Base, uint32_t Flits, uint8_t Trim) {
  E.commit = std::make_unique<fb::CommitT>();
  E.commit->base = Base;
  E.commit->trim_bytes = Trim;
  E.commit->loops.push_back({Flits, Trim});
}

fb::VectorStepT &test::step(fb::VectorT &V, fb::VectorOp Op) {
  V.steps.push_back(std::make_unique<fb::VectorStepT>());
  V.steps.back()->op = Op;
  return *V.steps.back();
}

void test::immediate(fb::VectorStepT &S, int32_t Value) {
  S.operand = std::make_unique<fb::OperandT>();
  S.operand->source = fb::Source::Immediate;
  S.operand->bits = static_cast<uint32_t>(Value);
}

void test::immediate(fb::VectorStepT &S, float Value) {
  immediate(S, std::bit_cast<int32_t>(Value));
}

uint16_t test::bf16(float Value) {
  int Exponent;
  double Mantissa = std::frexp(double(Value), &Exponent);
  double Rounded = std::nearbyint(std::ldexp(Mantissa, 8));
  auto Result = static_cast<float>(std::ldexp(Rounded, Exponent - 8));
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(Result) >> 16);
}

float test::unbf16(uint16_t Bits) {
  return std::bit_cast<float>(uint32_t(Bits) << 16);
}

Outcome test::run(const std::string &Code,
                  const std::vector<std::vector<uint8_t>> &In,
                  const Config &C) {
  Outcome O;
  Library L;
  EXPECT_EQ(L.open(DURE_RNGD_DRIVER), "");
  Options Given;
  Given.Compatibility = "rngd";
  Given.Config = C;
  Given.Artifacts.push_back({Code});
  Session S(L, Given);
  EXPECT_TRUE(S.ready()) << S.failure();
  dure_drv_executable_params P = {sizeof(P),   nullptr, Code.data(),
                                  Code.size(), "rngd",  "test",
                                  nullptr,     0,       nullptr};
  dure_drv_executable *E = nullptr;
  if (Result R = S.Exe->load(S.Dev, &P, &E); !R.ok()) {
    O.Code = R.code();
    O.Message = R.message();
    return O;
  }
  std::vector<dure_drv_buffer *> Buffers;
  std::vector<dure_drv_buffer_ref> Refs;
  for (const std::vector<uint8_t> &Each : In) {
    Buffers.push_back(S.buffer(Each.size()));
    S.write(Buffers.back(), Each.data(), Each.size());
    Refs.push_back({Buffers.back(), 0, Each.size()});
  }
  dure_drv_command Dispatch = {};
  Dispatch.struct_size = sizeof(Dispatch);
  Dispatch.kind = DURE_DRV_COMMAND_DISPATCH;
  Dispatch.u.dispatch.executable = E;
  Dispatch.u.dispatch.bindings = Refs.data();
  Dispatch.u.dispatch.binding_count = Refs.size();
  Result R = S.run({&Dispatch, 1});
  O.Code = R.code();
  O.Message = R.message();
  for (dure_drv_buffer *Each : Buffers)
    O.Buffers.push_back(S.read(Each));
  EXPECT_TRUE(Result(S.Exe->unload(E)).ok());
  return O;
}

std::vector<std::vector<uint8_t>>
test::runOk(Writer &W, const std::vector<std::vector<uint8_t>> &In) {
  Outcome O = run(W.bytes(), In);
  EXPECT_EQ(O.Code, DURE_DRV_OK) << O.Message;
  O.Buffers.resize(In.size());
  return std::move(O.Buffers);
}

std::string test::failureOf(Writer &W,
                            const std::vector<std::vector<uint8_t>> &In) {
  Outcome O = run(W.bytes(), In);
  EXPECT_NE(O.Code, DURE_DRV_OK);
  return O.Message;
}
