// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that the simulator computes, against plain arithmetic.
#include "test/unit/rngd/Simulator.h"

#include <cmath>
#include <map>
#include <random>

using namespace dure::rngd;
using namespace dure::rngd::test;

static std::vector<float> randomFloats(size_t Count, unsigned Seed,
                                       float Reach = 2) {
  std::mt19937 Engine(Seed);
  std::uniform_real_distribution<float> Any(-Reach, Reach);
  std::vector<float> Values(Count);
  for (float &Each : Values)
    Each = Any(Engine);
  return Values;
}

static std::vector<uint16_t> toBf16s(const std::vector<float> &Values) {
  std::vector<uint16_t> Bits;
  for (float Each : Values)
    Bits.push_back(bf16(Each));
  return Bits;
}

/// Pairs first, as the adder tree.
static float tree(std::vector<float> Values) {
  while (Values.size() > 1) {
    for (size_t I = 0; I != Values.size() / 2; ++I)
      Values[I] = Values[2 * I] + Values[2 * I + 1];
    Values.resize(Values.size() / 2);
  }
  return Values[0];
}

// Tests that data goes to data memory and back unchanged, over both clusters.
TEST(RngdSimulator, CopiesThroughDataMemory) {
  Writer W;
  uint32_t In = W.binding(512 * 64, fb::Access::Read);
  uint32_t Out = W.binding(512 * 64, fb::Access::Write);
  W.load(In, 128, 64, 512);
  W.store(Out, 128, 64, 512);
  std::vector<uint8_t> Data(512 * 64);
  for (size_t I = 0; I != Data.size(); ++I)
    Data[I] = static_cast<uint8_t>(I * 31 >> 3);
  EXPECT_EQ(runOk(W, {Data, std::vector<uint8_t>(Data.size())})[1], Data);
}

// Tests a matrix product in every slice: 8 lanes hold columns of the weight,
// rows stream in, K is added in the tree and over time.
TEST(RngdSimulator, MultipliesMatrices) {
  constexpr uint32_t Slices = 4, M = 6, K = 96, N = 8;
  Writer W;
  uint32_t A = W.binding(Slices * M * K * 2, fb::Access::Read);
  uint32_t B = W.binding(Slices * N * K * 2, fb::Access::Read);
  uint32_t C = W.binding(Slices * M * N * 4, fb::Access::Write);
  W.load(A, 0, M * K * 2, Slices);
  W.load(B, 8192, N * K * 2, Slices);
  fb::ExecT &Fill = W.exec(Slices, fb::Type::BF16, 8192, N * K, 16);
  Fill.to_trf = std::make_unique<fb::ToTrfT>();
  Fill.to_trf->lanes = 8;
  fb::ExecT &E = W.exec(Slices, fb::Type::BF16, 0, M * K, 16);
  E.contract = std::make_unique<fb::ContractT>();
  E.contract->pack = 2;
  E.contract->lanes = 8;
  E.contract->trf_type = fb::Type::BF16;
  E.contract->trf_read = 32;
  E.contract->loops = {{M, 0, false}, {K / 32, 32, true}};
  E.contract->tree_depth = 5;
  E.contract->out_packet = 1;
  commitTo(E, 16384, M);
  W.store(C, 16384, M * N * 4, Slices);

  std::vector<uint16_t> X = toBf16s(randomFloats(Slices * M * K, 1));
  std::vector<uint16_t> Y = toBf16s(randomFloats(Slices * N * K, 2));
  std::vector<float> Got =
      fromBytes<float>(runOk(W, {toBytes(X), toBytes(Y),
                                 std::vector<uint8_t>(Slices * M * N * 4)})[2]);
  for (uint32_t S = 0; S != Slices; ++S)
    for (uint32_t I = 0; I != M; ++I)
      for (uint32_t J = 0; J != N; ++J) {
        float Sum = 0;
        for (uint32_t T = 0; T != K; T += 32) {
          std::vector<float> Products;
          for (uint32_t P = T; P != T + 32; ++P)
            Products.push_back(unbf16(X[(S * M + I) * K + P]) *
                               unbf16(Y[(S * N + J) * K + P]));
          Sum += tree(Products);
        }
        EXPECT_EQ(Got[(S * M + I) * N + J], Sum) << S << I << J;
      }
}

// Tests that results do not depend on threads, fetches from other slices and
// the reducer over slices included.
TEST(RngdSimulator, SameBitsForAnyThreads) {
  constexpr uint32_t Slices = 256, Count = 64;
  std::vector<float> X = randomFloats(Slices * Count, 9);
  std::vector<std::vector<uint8_t>> Results;
  for (const char *Threads : {"1", "2", "3", "7"}) {
    Writer W;
    uint32_t A = W.binding(X.size() * 4);
    W.load(A, 0, Count * 4, Slices);
    fb::ExecT &E = W.exec(Slices, fb::Type::F32, 0, Count, 8);
    E.switch_ = std::make_unique<fb::SwitchT>();
    E.switch_->topology = fb::Topology::Broadcast1;
    E.switch_->slice1 = 4;
    E.switch_->slice0 = 2;
    E.vector = std::make_unique<fb::VectorT>();
    E.vector->type = fb::Type::F32;
    immediate(step(*E.vector, fb::VectorOp::Max), -1.0f);
    E.vector->inter = std::make_unique<fb::InterReduceT>();
    E.vector->inter->ratio = 32;
    E.vector->inter->replacement = fb::Replacement::Broadcast;
    commitTo(E, 0, Count / 8 * 4);
    W.store(A, 0, Count * 4, Slices);
    Outcome O = run(W.bytes(), {toBytes(X)}, {{"threads", Threads}});
    ASSERT_EQ(O.Code, DURE_DRV_OK) << O.Message;
    Results.push_back(O.Buffers[0]);
    EXPECT_EQ(Results.back(), Results.front()) << Threads;
  }
}

namespace {

/// What a driver says about submissions, through the profile extension.
struct Said {
  struct Span {
    std::string Lane, Label;
    uint64_t Begin, End;
  };
  std::vector<Span> Spans;
  std::map<std::string, std::pair<double, double>> Counters;
  std::string Model;

  static void hear(void *User, const dure_drv_simulated *What) {
    auto &S = *static_cast<Said *>(User);
    S.Model = What->model;
    if (What->kind == DURE_DRV_SIMULATED_SPAN)
      S.Spans.push_back(
          {What->name, What->label, What->begin_ns, What->end_ns});
    else
      S.Counters[What->name] = {What->value, What->limit};
  }
};

} // namespace

// Tests that simulated time is reported: lanes of contexts and engines, one
// submission after the other, and counters with what they are a share of.
TEST(RngdSimulator, ReportsSimulatedTime) {
  using namespace dure::conformance;
  Writer W;
  uint32_t B = W.binding(256 * 4096);
  W.load(B, 0, 4096, 256);
  fb::ExecT &E = W.exec(256, fb::Type::F32, 0, 1024, 8);
  W.last().name = "copy";
  commitTo(E, 65536, 128);
  std::string Code = W.bytes();
  Library L;
  ASSERT_EQ(L.open(DURE_RNGD_DRIVER), "");
  Options Given;
  Given.Compatibility = "rngd";
  Session S(L, Given);
  ASSERT_TRUE(S.ready());
  dure_drv_executable_params P = {sizeof(P),   nullptr, Code.data(),
                                  Code.size(), "rngd",  "test",
                                  nullptr,     0,       nullptr};
  dure_drv_executable *X = nullptr;
  ASSERT_TRUE(Result(S.Exe->load(S.Dev, &P, &X)).ok());
  dure_drv_buffer *Data = S.buffer(256 * 4096);
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  dure_drv_buffer_ref Ref = {Data, 0, 256 * 4096};
  dure_drv_command C = {};
  C.struct_size = sizeof(C);
  C.kind = DURE_DRV_COMMAND_DISPATCH;
  C.u.dispatch.executable = X;
  C.u.dispatch.bindings = &Ref;
  C.u.dispatch.binding_count = 1;
  Said Heard[2];
  for (uint64_t I = 0; I != 2; ++I) {
    dure_drv_profile_extension Profile = {};
    Profile.header = {sizeof(Profile), DURE_DRV_EXTENSION_TYPE_PROFILE, 0,
                      nullptr};
    Profile.user = &Heard[I];
    Profile.on_simulated = Said::hear;
    dure_drv_timeline_point Done = {T, I + 1};
    ASSERT_TRUE(Result(S.Que->submit(Q, &C, 1, nullptr, 0, &Done, 1,
                                     DURE_DRV_NO_DEADLINE, &Profile.header))
                    .ok());
    ASSERT_TRUE(Result(S.Time->wait(T, I + 1, S.Host.after(20000))).ok());
  }
  constexpr uint64_t Dma = 500 + 4096, Makespan = Dma + 128;
  for (uint64_t I = 0; I != 2; ++I) {
    EXPECT_EQ(Heard[I].Model, "rngd, profile book");
    ASSERT_EQ(Heard[I].Spans.size(), 4u);
    const Said::Span *Lanes = Heard[I].Spans.data();
    uint64_t From = I * Makespan;
    EXPECT_EQ(Lanes[0].Lane, "dma 0");
    EXPECT_EQ(Lanes[0].Begin, From);
    EXPECT_EQ(Lanes[0].End, From + Dma);
    EXPECT_EQ(Lanes[1].Lane, "main");
    EXPECT_EQ(Lanes[1].Label, "copy");
    EXPECT_EQ(Lanes[1].Begin, From + Dma);
    EXPECT_EQ(Lanes[1].End, From + Makespan);
    EXPECT_EQ(Lanes[2].Lane, "main: fetch");
    EXPECT_EQ(Lanes[3].Lane, "main: commit");
    EXPECT_EQ(Heard[I].Counters["makespan"], std::pair(double(Makespan), 0.0));
    EXPECT_EQ(Heard[I].Counters["dma"], std::pair(double(Dma), 8.0 * Makespan));
    EXPECT_EQ(Heard[I].Counters["HBM"],
              std::pair(double(256 * 4096), 1500.0 * Makespan));
  }
  EXPECT_TRUE(Result(S.Exe->unload(X)).ok());
}

// Tests a pair: two tensors in turns, one scaled, then added, in f32.
TEST(RngdSimulator, AddsPairs) {
  constexpr uint32_t Count = 64;
  Writer W;
  uint32_t A = W.binding(Count * 4, fb::Access::Read);
  uint32_t B = W.binding(Count * 4, fb::Access::Read);
  uint32_t C = W.binding(Count * 4, fb::Access::Write);
  W.load(A, 0, Count * 4, 1);
  W.load(B, 1024, Count * 4, 1);
  fb::ExecT &E = W.exec(1, fb::Type::F32, 0, Count, 8);
  E.fetch->loops = {{Count / 8, 8}, {2, 256}, {8, 1}};
  E.vector = std::make_unique<fb::VectorT>();
  fb::VectorT &V = *E.vector;
  V.type = fb::Type::F32;
  V.unzip = 1;
  step(V, fb::VectorOp::NarrowSplit);
  fb::VectorStepT &Scale = step(V, fb::VectorOp::Mul0);
  Scale.groups = 2;
  immediate(Scale, 3.0f);
  step(V, fb::VectorOp::AddF).zip = true;
  step(V, fb::VectorOp::WidenConcat);
  commitTo(E, 2048, Count / 8);
  W.store(C, 2048, Count * 4, 1);
  std::vector<float> X = randomFloats(Count, 3), Y = randomFloats(Count, 4);
  std::vector<float> Got = fromBytes<float>(
      runOk(W, {toBytes(X), toBytes(Y), std::vector<uint8_t>(Count * 4)})[2]);
  for (size_t I = 0; I != Count; ++I)
    EXPECT_EQ(Got[I], X[I] + Y[I] * 3) << I;
}
