// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that the simulator computes, against plain arithmetic.
#include "test/unit/rngd/Simulator.h"

#include <cmath>
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
