// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The contraction engine's types, lanes, slots and orders.
#include "test/unit/rngd/Simulator.h"

#include <random>

using namespace dure::rngd;
using namespace dure::rngd::test;

namespace {

/// Loads STREAM at 0 and WEIGHTS at 65536 of one slice, fills the register file
/// by lanes, and runs a contraction that CHANGE completes.
struct Contraction {
  Writer W;
  fb::ExecT *Fill, *E;
  uint32_t Flits;

  Contraction(uint32_t StreamBytes, uint32_t WeightBytes, fb::Type Type,
              fb::Type WeightType, uint8_t Lanes, uint32_t Flits)
      : Flits(Flits) {
    uint32_t A = W.binding(StreamBytes, fb::Access::Read);
    uint32_t B = W.binding(WeightBytes, fb::Access::Read);
    uint32_t C = W.binding(Flits * FlitBytes, fb::Access::Write);
    auto PerFlit = [](fb::Type T) {
      return T == fb::Type::BF16 ? 16u : T == fb::Type::I4 ? 64u : 32u;
    };
    uint32_t N = PerFlit(Type), M = PerFlit(WeightType);
    W.load(A, 0, StreamBytes, 1);
    W.load(B, 65536, WeightBytes, 1);
    Fill = &W.exec(1, WeightType, 65536, WeightBytes / 32 * M, M);
    Fill->to_trf = std::make_unique<fb::ToTrfT>();
    Fill->to_trf->lanes = Lanes;
    E = &W.exec(1, Type, 0, StreamBytes / 32 * N, N);
    E->contract = std::make_unique<fb::ContractT>();
    E->contract->pack = 1;
    E->contract->lanes = Lanes;
    E->contract->trf_type = WeightType;
    E->contract->trf_read = M;
    E->contract->out_packet = 1;
    commitTo(*E, 131072, Flits);
    W.store(C, 131072, Flits * FlitBytes, 1);
  }
  // The execs stay where they are: commands hold them by pointer.
  Contraction(const Contraction &) = delete;

  template <typename T>
  std::vector<T> run(const std::vector<uint8_t> &Stream,
                     const std::vector<uint8_t> &Weights) {
    return fromBytes<T>(runOk(
        W, {Stream, Weights, std::vector<uint8_t>(Flits * FlitBytes)})[2]);
  }
};

std::vector<uint8_t> randomBytes(size_t Count, unsigned Seed) {
  std::mt19937 Engine(Seed);
  std::vector<uint8_t> Bytes(Count);
  for (uint8_t &Each : Bytes)
    Each = static_cast<uint8_t>(Engine());
  return Bytes;
}

} // namespace

// Tests i8 with a zero point against i8 weights: exact in i32.
TEST(RngdContraction, Int8WithZeroPoint) {
  constexpr uint32_t M = 5, K = 64;
  Contraction C(M * K, 8 * K, fb::Type::I8, fb::Type::I8, 8, M);
  C.E->fetch->has_zero_point = true;
  C.E->fetch->zero_point = -3;
  C.E->contract->loops = {{M, 0, false}, {K / 32, 32, true}};
  C.E->contract->tree_depth = 5;
  std::vector<uint8_t> X = randomBytes(M * K, 1), Y = randomBytes(8 * K, 2);
  std::vector<int32_t> Got = C.run<int32_t>(X, Y);
  for (uint32_t I = 0; I != M; ++I)
    for (uint32_t J = 0; J != 8; ++J) {
      int32_t Sum = 0;
      for (uint32_t P = 0; P != K; ++P)
        Sum += (static_cast<int8_t>(X[I * K + P]) + 3) *
               static_cast<int8_t>(Y[J * K + P]);
      EXPECT_EQ(Got[I * 8 + J], Sum);
    }
}

// Tests i4 against i4, 64 products a flit.
TEST(RngdContraction, Int4) {
  constexpr uint32_t M = 3, K = 128;
  Contraction C(M * K / 2, 8 * K / 2, fb::Type::I4, fb::Type::I4, 8, M);
  C.E->contract->loops = {{M, 0, false}, {K / 64, 64, true}};
  C.E->contract->tree_depth = 6;
  std::vector<uint8_t> X = randomBytes(M * K / 2, 3), Y = randomBytes(4 * K, 4);
  std::vector<int32_t> Got = C.run<int32_t>(X, Y);
  auto At = [](const std::vector<uint8_t> &V, uint32_t I) {
    int Nibble = V[I / 2] >> (I % 2 * 4) & 15;
    return Nibble >= 8 ? Nibble - 16 : Nibble;
  };
  for (uint32_t I = 0; I != M; ++I)
    for (uint32_t J = 0; J != 8; ++J) {
      int32_t Sum = 0;
      for (uint32_t P = 0; P != K; ++P)
        Sum += At(X, I * K + P) * At(Y, J * K + P);
      EXPECT_EQ(Got[I * 8 + J], Sum);
    }
}

// Tests two packets of the stream kept while eight columns of the weight pass
// by: the broadcast loop, slots inside a reduction, and four lanes.
TEST(RngdContraction, SlotsAndBroadcast) {
  constexpr uint32_t K = 64, N = 8, Lanes = 4;
  Contraction C(K, Lanes * N * K, fb::Type::I8, fb::Type::I8, Lanes, N);
  C.E->contract->loops = {{K / 32, 32, true}, {N, K, false}};
  C.E->contract->broadcast = 1;
  C.E->contract->tree_depth = 5;
  std::vector<uint8_t> X = randomBytes(K, 5), Y = randomBytes(Lanes * N * K, 6);
  std::vector<int32_t> Got = C.run<int32_t>(X, Y);
  for (uint32_t J = 0; J != N; ++J)
    for (uint32_t L = 0; L != 8; ++L) {
      int32_t Sum = 0;
      for (uint32_t P = 0; L < Lanes && P != K; ++P)
        Sum += static_cast<int8_t>(X[P]) *
               static_cast<int8_t>(Y[(L * N + J) * K + P]);
      EXPECT_EQ(Got[J * 8 + L], Sum) << J << " " << L;
    }
}

// Tests elements that the tree leaves, lane after lane, and a read that is
// repeated to fill the packet.
TEST(RngdContraction, SequentialLanes) {
  constexpr uint32_t M = 2, Lanes = 2, Kept = 8;
  Contraction C(M * 32, Lanes * 32, fb::Type::I8, fb::Type::I8, Lanes,
                M * Lanes);
  C.E->contract->trf_read = 16;
  C.E->contract->loops = {{M, 16, false}};
  C.E->contract->tree_depth = 2;
  C.E->contract->out_packet = Kept;
  C.E->contract->lane_mode = fb::LaneMode::Sequential;
  std::vector<uint8_t> X = randomBytes(M * 32, 7), Y = randomBytes(64, 8);
  std::vector<int32_t> Got = C.run<int32_t>(X, Y);
  for (uint32_t I = 0; I != M; ++I)
    for (uint32_t L = 0; L != Lanes; ++L)
      for (uint32_t J = 0; J != Kept; ++J) {
        int32_t Sum = 0;
        for (uint32_t P = J * 4; P != J * 4 + 4; ++P)
          Sum += static_cast<int8_t>(X[I * 32 + P]) *
                 static_cast<int8_t>(Y[L * 32 + I * 16 + P % 16]);
        EXPECT_EQ(Got[(I * Lanes + L) * 8 + J], Sum);
      }
}

// Tests that columns come one a flit, lanes side by side, when interleaved.
TEST(RngdContraction, InterleavedColumns) {
  Contraction C(32, 8 * 32, fb::Type::BF16, fb::Type::BF16, 8, 4);
  C.E->contract->loops = {{1, 0, false}};
  C.E->contract->tree_depth = 2;
  C.E->contract->out_packet = 4;
  std::vector<uint16_t> X, Y;
  for (int I = 0; I != 16; ++I)
    X.push_back(bf16(float(I + 1)));
  for (int I = 0; I != 128; ++I)
    Y.push_back(bf16(float(I % 11)));
  std::vector<float> Got = C.run<float>(toBytes(X), toBytes(Y));
  for (size_t J = 0; J != 4; ++J)
    for (size_t L = 0; L != 8; ++L) {
      float Sum = 0;
      for (size_t P = 4 * J; P != 4 * J + 4; ++P)
        Sum += unbf16(X[P]) * unbf16(Y[L * 16 + P]);
      EXPECT_EQ(Got[J * 8 + L], Sum);
    }
}

// Tests f8: products and sums in f32.
TEST(RngdContraction, Float8) {
  Contraction C(64, 64 * 8, fb::Type::F8E4M3, fb::Type::F8E4M3, 8, 1);
  C.E->contract->pack = 2;
  C.E->contract->trf_read = 64;
  C.E->contract->loops = {{1, 0, false}};
  C.E->contract->tree_depth = 6;
  // 0x38 is 1, 0x40 is 2, 0xb8 is -1.
  std::vector<uint8_t> X(64, 0x40), Y(64 * 8, 0x38);
  for (size_t I = 0; I != 10; ++I)
    Y[I] = 0xb8;
  std::vector<float> Got = C.run<float>(X, Y);
  EXPECT_EQ(Got[0], 2.0f * (64 - 20));
  EXPECT_EQ(Got[7], 128.0f);
}
