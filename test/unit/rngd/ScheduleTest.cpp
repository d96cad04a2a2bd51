// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of whole programs, and programs whose order is left to chance.
#include "test/unit/rngd/Simulator.h"

#include "targets/rngd/driver/Schedule.h"

#include <fstream>
#include <iterator>

using namespace dure;
using namespace dure::rngd;
using namespace dure::rngd::test;

namespace {

class RngdSchedule : public testing::Test {
protected:
  RngdSchedule() {
    std::ifstream In(DURE_SOURCE_DIR "/targets/rngd/machine/rngd.json");
    std::string Text(std::istreambuf_iterator<char>(In), {});
    Result<Machine> Chip = Machine::parse(Text, "rngd.json");
    EXPECT_TRUE(Chip.ok());
    L = *Limits::of(*Chip);
    T.emplace(Timing{*BookTiming::of(*Chip), *TccTiming::of(*Chip)});
  }

  Schedule schedule(Writer &W, Profile By = Profile::Book) {
    std::string Bytes = W.bytes();
    ModulePlan Module;
    EXPECT_EQ(decode(Bytes.data(), Bytes.size(), L, "rngd", Module), "");
    if (Module.Programs.empty())
      return {};
    return rngd::schedule(Module.Programs[0], L, *T, By, [] { return false; });
  }

  Limits L;
  std::optional<Timing> T;
};

} // namespace

// Tests the book's start-up of 500 cycles and one engine's 256 bytes a cycle.
TEST_F(RngdSchedule, OneTransfer) {
  Writer W;
  uint32_t B = W.binding(1 << 20, fb::Access::Read);
  // 256 slices of eight networks take turns.
  W.load(B, 0, 4096, 256);
  Schedule S = schedule(W);
  EXPECT_EQ(S.Fault, "");
  EXPECT_EQ(S.Makespan, 500 + (1 << 20) / 256);
  EXPECT_EQ(S.HbmBytesRead, 1 << 20);
  EXPECT_EQ(S.HbmBytesWritten, 0);
}

// Tests that engines run side by side until the channels are full: eight want
// 2048 bytes a cycle of HBM's 1536.
TEST_F(RngdSchedule, EnginesShareChannels) {
  Writer W;
  uint32_t B = W.binding(8 << 20, fb::Access::Read);
  for (uint8_t Engine = 0; Engine != 8; ++Engine) {
    fb::DmaT &D = W.load(B, Engine * 8192u, 4096, 256);
    D.engine = Engine;
    *D.read = fb::Address(fb::Space::Binding, B, uint64_t(Engine) << 20);
    W.last().after.clear();
  }
  Schedule S = schedule(W);
  EXPECT_EQ(S.Fault, "");
  EXPECT_NEAR(double(S.Makespan), 500 + (8 << 20) / 1536.0, 60);
}

// Tests that commands of one engine follow each other, each with its start-up.
TEST_F(RngdSchedule, OneEngineIsInOrder) {
  Writer W;
  uint32_t B = W.binding(1 << 20, fb::Access::Read);
  for (uint32_t I = 0; I != 3; ++I) {
    W.load(B, I * 4096, 4096, 64);
    W.last().after.clear();
  }
  Schedule S = schedule(W);
  for (size_t I = 0; I != 2; ++I)
    EXPECT_EQ(S.Commands[I].End, S.Commands[I + 1].Begin);
  EXPECT_GE(S.Makespan, 3 * 500);
}

/// An instruction that copies 64 flits of data memory.
static fb::ExecT &copyExec(Writer &W, uint32_t From, uint32_t To) {
  fb::ExecT &E = W.exec(256, fb::Type::F32, From, 512, 8);
  commitTo(E, To, 64);
  return E;
}

// Tests that a gather takes as long as a copy of the rows in their order.
TEST_F(RngdSchedule, GathersTakeAsLongAsCopies) {
  int64_t Makespans[2];
  for (bool Gathers : {false, true}) {
    Writer W;
    uint32_t Table = W.binding(1 << 20, fb::Access::Read);
    uint32_t List = W.binding(4 * 256, fb::Access::Read);
    fb::DmaT &D = W.load(Table, 0, 4096, 256);
    if (Gathers) {
      D.indexed = fb::Indexed::Gather;
      D.index = std::make_unique<fb::Address>(fb::Space::Binding, List, 0);
      D.index_scale = 4096;
      D.index_limit = 256;
      D.loops[0] = {256, 4, 0, SliceStride};
    }
    Schedule S = schedule(W);
    EXPECT_EQ(S.Fault, "");
    Makespans[Gathers] = S.Makespan;
  }
  EXPECT_EQ(Makespans[0], Makespans[1]);
}

// Tests that main and sub run side by side, the sub context reading and writing
// 8 bytes a cycle, and that the vector engine is one for both.
TEST_F(RngdSchedule, ContextsOverlapUnlessTheyShareAnEngine) {
  Writer W;
  uint32_t B = W.binding(1 << 20, fb::Access::Read);
  W.load(B, 0, 2048, 256);
  W.load(B, 2048, 2048, 256);
  copyExec(W, 0, 8192);
  fb::ExecT &Sub = copyExec(W, 2048, 16384);
  Sub.sub = true;
  W.last().after.pop_back();
  Schedule S = schedule(W);
  EXPECT_EQ(S.Fault, "");
  EXPECT_EQ(S.Commands[2].End - S.Commands[2].Begin, 64);
  EXPECT_EQ(S.Commands[3].End - S.Commands[3].Begin, 64 * 4);
  EXPECT_EQ(S.Commands[3].Begin, S.Commands[2].Begin);

  for (size_t I : {2, 3}) {
    auto &E = *W.P.commands[I]->body.AsExec();
    E.vector = std::make_unique<fb::VectorT>();
    E.vector->type = fb::Type::F32;
    immediate(step(*E.vector, fb::VectorOp::Max), 0.0f);
  }
  S = schedule(W);
  EXPECT_EQ(S.Fault, "");
  EXPECT_EQ(S.Commands[3].Begin, S.Commands[2].End);
}

// Tests that what a split costs is paid: float steps take 4 elements a cycle.
TEST_F(RngdSchedule, SplitsHalveTheRate) {
  Writer W;
  uint32_t B = W.binding(1 << 20, fb::Access::Read);
  W.load(B, 0, 2048, 256);
  fb::ExecT &E = copyExec(W, 0, 8192);
  E.vector = std::make_unique<fb::VectorT>();
  E.vector->type = fb::Type::F32;
  step(*E.vector, fb::VectorOp::NarrowSplit);
  step(*E.vector, fb::VectorOp::Exp);
  step(*E.vector, fb::VectorOp::WidenConcat);
  Schedule S = schedule(W);
  EXPECT_EQ(S.Commands[1].End - S.Commands[1].Begin, 64 * 2 + 1);
}

// Tests that a transfer into what an instruction still reads is a fault that
// names both, and that waiting heals it.
TEST_F(RngdSchedule, ChanceIsAFault) {
  Writer W;
  uint32_t B = W.binding(1 << 20, fb::Access::Read);
  W.load(B, 0, 2048, 256);
  copyExec(W, 0, 8192);
  W.last().name = "reads";
  W.load(B, 1024, 2048, 256).engine = 1;
  std::vector<uint32_t> After = W.last().after;
  W.last().after = {0};
  Schedule S = schedule(W);
  EXPECT_EQ(S.Faulty, 2u);
  EXPECT_NE(S.Fault.find("command 1 ('reads')"), std::string::npos) << S.Fault;
  W.last().after = After;
  EXPECT_EQ(schedule(W).Fault, "");
  // Beside each other: no conflict.
  W.last().after = {0};
  *W.last().body.AsDma()->write = fb::Address(fb::Space::DataMemory, 0, 2048);
  EXPECT_EQ(schedule(W).Fault, "");
}

// Tests that no transfer runs beside an instruction that occupies DMA.
TEST_F(RngdSchedule, InstructionsKeepDmaOut) {
  for (bool Occupies : {true, false}) {
    Writer W;
    uint32_t B = W.binding(8 << 20, fb::Access::Read);
    W.load(B, 0, 16384, 256);
    fb::ExecT &E = W.exec(256, fb::Type::F32, 0, 512, 8);
    E.occupies_dma = Occupies;
    commitTo(E, 65536, 64);
    W.load(B, 32768, 2048, 256).engine = 1;
    W.last().after = {0};
    Schedule S = schedule(W);
    EXPECT_EQ(S.Fault, "");
    bool Beside = S.Commands[2].Begin < S.Commands[1].End;
    EXPECT_EQ(Beside, !Occupies);
    EXPECT_EQ(S.OccupyingDma, Occupies);
  }
}

// Tests that an operand of 4 elements does not reach into what the sub context
// fills beside it.
TEST_F(RngdSchedule, OperandsKeepToTheirRegisters) {
  for (uint32_t Second : {64u, 32u}) {
    Writer W;
    uint32_t B = W.binding(1 << 20, fb::Access::Read);
    W.load(B, 0, 2048, 256);
    for (uint32_t Base : {0u, Second}) {
      fb::ExecT &Fill = W.exec(256, fb::Type::F32, 0, 16, 8);
      Fill.sub = true;
      Fill.to_vrf = std::make_unique<fb::ToVrfT>();
      Fill.to_vrf->base = Base;
    }
    fb::ExecT &E = copyExec(W, 0, 8192);
    E.vector = std::make_unique<fb::VectorT>();
    E.vector->type = fb::Type::F32;
    step(*E.vector, fb::VectorOp::NarrowSplit);
    fb::VectorStepT &S = step(*E.vector, fb::VectorOp::Mul0);
    S.operand = std::make_unique<fb::OperandT>();
    S.operand->source = fb::Source::Vrf;
    S.operand->loops = {{32, 0}, {4, 4}};
    step(*E.vector, fb::VectorOp::WidenConcat);
    W.last().after = {0, 1};
    Schedule Made = schedule(W);
    EXPECT_EQ(Made.Fault.empty(), Second == 64) << Made.Fault;
  }
}

// Tests the profile of the vendor's estimate: 300 cycles and 170 bytes a cycle
// of eight elements.
TEST_F(RngdSchedule, TccProfile) {
  Writer W;
  uint32_t B = W.binding(1 << 20, fb::Access::Read);
  W.load(B, 0, 4096, 256);
  EXPECT_EQ(schedule(W, Profile::Tcc).Makespan, 300 + (1 << 20) / (170 * 8));
}
