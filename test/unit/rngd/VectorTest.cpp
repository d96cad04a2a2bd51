// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vector engine, the casts and the transposes after it.
#include "test/unit/rngd/Simulator.h"

#include <cmath>
#include <functional>
#include <random>

using namespace dure::rngd;
using namespace dure::rngd::test;
using Op = fb::VectorOp;

namespace {

/// A pass over FLITS of every slice; CHANGE makes it what it is.
template <typename In, typename Out>
std::vector<Out>
pass(const std::vector<In> &Data, uint16_t Slices, uint32_t OutFlits,
     const std::function<void(fb::ExecT &, fb::VectorT &)> &Change,
     uint8_t Trim = 32, uint16_t OutSlices = 0) {
  Writer W;
  auto Bytes = static_cast<uint32_t>(Data.size() * sizeof(In) / Slices);
  if (OutSlices == 0)
    OutSlices = Slices;
  uint32_t A = W.binding(Data.size() * sizeof(In), fb::Access::Read);
  uint32_t C = W.binding(OutSlices * OutFlits * Trim, fb::Access::Write);
  W.load(A, 0, Bytes, Slices);
  bool IsFloat = std::is_same_v<In, float>;
  fb::ExecT &E =
      W.exec(Slices, IsFloat ? fb::Type::F32 : fb::Type::I32, 0, Bytes / 4, 8);
  E.vector = std::make_unique<fb::VectorT>();
  E.vector->type = IsFloat ? fb::Type::F32 : fb::Type::I32;
  Change(E, *E.vector);
  if (!E.commit)
    commitTo(E, 131072, OutFlits, Trim);
  W.store(C, 131072, OutFlits * Trim, OutSlices);
  return fromBytes<Out>(
      runOk(W, {toBytes(Data),
                std::vector<uint8_t>(OutSlices * OutFlits * Trim)})[1]);
}

std::vector<float> someFloats(size_t Count, float Reach = 3) {
  std::mt19937 Engine(11);
  std::uniform_real_distribution<float> Any(-Reach, Reach);
  std::vector<float> V(Count);
  for (float &Each : V)
    Each = Any(Engine);
  return V;
}

/// Each float function within two units in the last place of double precision.
void expectUnary(Op Which, double (*Function)(double),
                 const std::vector<float> &In) {
  std::vector<float> Got =
      pass<float, float>(In, 1, static_cast<uint32_t>(In.size() / 8),
                         [&](fb::ExecT &, fb::VectorT &V) {
                           step(V, Op::NarrowSplit);
                           step(V, Which);
                           step(V, Op::WidenConcat);
                         });
  for (size_t I = 0; I != In.size(); ++I) {
    double Want = Function(double(In[I]));
    EXPECT_NEAR(Got[I], Want, 4e-7 * std::fabs(Want) + 1e-7) << In[I];
  }
}

} // namespace

TEST(RngdVector, FloatFunctions) {
  std::vector<float> In = someFloats(64), Positive = In;
  for (float &Each : Positive)
    Each = std::fabs(Each) + 0.01f;
  expectUnary(
      Op::Exp, [](double X) { return std::exp(X); }, In);
  expectUnary(
      Op::NegExp, [](double X) { return std::exp(-X); }, In);
  expectUnary(
      Op::Tanh, [](double X) { return std::tanh(X); }, In);
  expectUnary(
      Op::Sigmoid, [](double X) { return 1 / (1 + std::exp(-X)); }, In);
  expectUnary(
      Op::Erf, [](double X) { return std::erf(X); }, In);
  expectUnary(
      Op::Sin, [](double X) { return std::sin(X); }, In);
  expectUnary(
      Op::Cos, [](double X) { return std::cos(X); }, In);
  expectUnary(
      Op::Sqrt, [](double X) { return std::sqrt(X); }, Positive);
  expectUnary(
      Op::Log, [](double X) { return std::log(X); }, Positive);
}

// Tests integer ops, wrapping, saturating and rounding.
TEST(RngdVector, Integers) {
  const std::vector<int32_t> In = {0,         1,         -1,      100,
                                   INT32_MAX, INT32_MIN, 1 << 30, -7};
  struct Case {
    Op Which;
    int32_t Operand;
    int32_t (*Want)(int32_t);
  };
  const Case Cases[] = {
      {Op::AddFxp, 5, [](int32_t X) { return int32_t(uint32_t(X) + 5u); }},
      {Op::AddFxpSat, 5,
       [](int32_t X) {
         return int32_t(std::min<int64_t>(int64_t(X) + 5, INT32_MAX));
       }},
      {Op::SubFxpSat, 5,
       [](int32_t X) {
         return int32_t(std::max<int64_t>(int64_t(X) - 5, INT32_MIN));
       }},
      {Op::MulInt, 3, [](int32_t X) { return int32_t(uint32_t(X) * 3u); }},
      // Half of the number, in fixed point of 31 fractional bits.
      {Op::MulFxp, 1 << 30,
       [](int32_t X) { return int32_t((int64_t(X) + 1) >> 1); }},
      {Op::FxpShiftRightRound, 1,
       [](int32_t X) { return int32_t((int64_t(X) + 1) >> 1); }},
      {Op::FxpShiftRightArith, 4, [](int32_t X) { return X >> 4; }},
      {Op::ShiftRightLogic, 4,
       [](int32_t X) { return int32_t(uint32_t(X) >> 4); }},
      {Op::FxpShiftLeftSat, 4,
       [](int32_t X) {
         return int32_t(
             std::clamp<int64_t>(int64_t(X) * 16, INT32_MIN, INT32_MAX));
       }},
      {Op::BitXor, -1, [](int32_t X) { return ~X; }},
      {Op::Max, 1, [](int32_t X) { return std::max(X, 1); }},
      {Op::AbsMin, 50,
       [](int32_t X) { return std::abs(int64_t(X)) < 50 ? X : 50; }},
      {Op::ClipAddSat, 9,
       [](int32_t X) {
         return int32_t(std::min<int64_t>(int64_t(X) + 9, INT32_MAX));
       }},
  };
  for (const Case &C : Cases) {
    std::vector<int32_t> Got =
        pass<int32_t, int32_t>(In, 1, 1, [&](fb::ExecT &, fb::VectorT &V) {
          immediate(step(V, C.Which), C.Operand);
        });
    for (size_t I = 0; I != 8; ++I)
      EXPECT_EQ(Got[I], C.Want(In[I])) << int(C.Which) << " of " << In[I];
  }
}

// Tests conversions: halves away from zero, saturation, fractional bits.
TEST(RngdVector, Conversions) {
  const std::vector<float> In = {0.5f, -0.5f, 2.5f, 3e9f, -3e9f, NAN, 1.25f, 0};
  auto Convert = [&](uint8_t Width) {
    return pass<float, int32_t>(In, 1, 1, [&](fb::ExecT &, fb::VectorT &V) {
      step(V, Op::F32ToI32).int_width = Width;
    });
  };
  EXPECT_EQ(Convert(31), (std::vector<int32_t>{1, -1, 3, INT32_MAX, INT32_MIN,
                                               INT32_MAX, 1, 0}));
  EXPECT_EQ(Convert(29)[6], 5);
  std::vector<float> Back = pass<int32_t, float>(
      {5, -4, 16777217, 0, 0, 0, 0, 0}, 1, 1, [&](fb::ExecT &, fb::VectorT &V) {
        step(V, Op::IntI32ToF32).int_width = 29;
      });
  EXPECT_EQ(Back[0], 1.25f);
  EXPECT_EQ(Back[1], -1.0f);
  EXPECT_EQ(Back[2], 16777216 / 4.0f);
}

// Tests argument modes of two and three places.
TEST(RngdVector, ArgumentModes) {
  const std::vector<float> In = someFloats(8);
  auto Run = [&](Op Which, fb::ArgMode Mode) {
    return pass<float, float>(In, 1, 1, [&](fb::ExecT &, fb::VectorT &V) {
      step(V, Op::NarrowSplit);
      fb::VectorStepT &S = step(V, Which);
      S.mode = Mode;
      immediate(S, 3.0f);
      S.operand2 = std::make_unique<fb::OperandT>();
      S.operand2->bits = 0x40e00000; // 7
      step(V, Op::WidenConcat);
    });
  };
  using M = fb::ArgMode;
  for (size_t I = 0; I != 8; ++I) {
    float X = In[I];
    EXPECT_EQ(Run(Op::SubF, M::M01)[I], X - 3);
    EXPECT_EQ(Run(Op::SubF, M::M10)[I], 3 - X);
    EXPECT_EQ(Run(Op::SubF, M::M00)[I], 0);
    EXPECT_EQ(Run(Op::Fma, M::M012)[I], std::fma(X, 3.0f, 7.0f));
    EXPECT_EQ(Run(Op::Fma, M::M002)[I], std::fma(X, X, 7.0f));
    EXPECT_EQ(Run(Op::Fma, M::M102)[I], std::fma(3.0f, X, 7.0f));
    EXPECT_EQ(Run(Op::Fma, M::M112)[I], 16);
    EXPECT_EQ(Run(Op::Fma, M::M020)[I], std::fma(X, 7.0f, X));
    EXPECT_EQ(Run(Op::Fma, M::M021)[I], std::fma(X, 7.0f, 3.0f));
    EXPECT_EQ(Run(Op::Fma, M::M120)[I], std::fma(3.0f, 7.0f, X));
  }
}

// Tests the book's residual: the stash keeps x while 2 x is made.
TEST(RngdVector, Stash) {
  const std::vector<float> In = someFloats(64);
  std::vector<float> Got =
      pass<float, float>(In, 1, 8, [&](fb::ExecT &, fb::VectorT &V) {
        step(V, Op::Stash);
        step(V, Op::NarrowSplit);
        immediate(step(V, Op::Mul0), 2.0f);
        step(V, Op::WidenConcat);
        fb::VectorStepT &S = step(V, Op::Max);
        S.operand = std::make_unique<fb::OperandT>();
        S.operand->source = fb::Source::Stash;
      });
  for (size_t I = 0; I != 64; ++I)
    EXPECT_EQ(Got[I], std::max(2 * In[I], In[I]));
}

// Tests a row's maximum, exponentials and sum with rows padded from 13 to 16,
// over four slices: the valid count keeps padding out.
TEST(RngdVector, SoftmaxSumWithValidCount) {
  constexpr uint32_t Slices = 4, Rows = 3, Padded = 16;
  const std::vector<float> In = someFloats(Slices * Rows * Padded);
  for (bool Maximum : {true, false}) {
    std::vector<float> Got =
        pass<float, float>(In, Slices, Rows, [&](fb::ExecT &, fb::VectorT &V) {
          step(V, Op::NarrowSplit);
          if (!Maximum)
            step(V, Op::Exp);
          V.intra_at = static_cast<uint32_t>(V.steps.size());
          V.intra = std::make_unique<fb::IntraReduceT>();
          V.intra->op = Maximum ? fb::ReduceOp::Max : fb::ReduceOp::Add;
          V.intra->loops = {{Rows, false}, {Padded / 4, true}};
          V.intra->packet = true;
          V.intra->valid = std::make_unique<fb::ValidT>();
          // Row lengths differ: slices 0 and 1 have 13, 2 and 3 only 5.
          V.intra->valid->limit = 13;
          V.intra->valid->slice = {{2, 2, 8}};
          V.intra->valid->time = {0, 4};
          V.intra->valid->packet = 1;
          step(V, Op::WidenPad);
        });
    for (uint32_t S = 0; S != Slices; ++S)
      for (uint32_t R = 0; R != Rows; ++R) {
        const float *Row = &In[(S * Rows + R) * Padded];
        uint32_t Length = S < 2 ? 13 : 5;
        float Want = Maximum ? -INFINITY : 0;
        for (uint32_t I = 0; I != Length; ++I)
          Want = Maximum ? std::max(Want, Row[I]) : Want + std::exp(Row[I]);
        EXPECT_NEAR(Got[(S * Rows + R) * 8], Want, std::fabs(Want) * 1e-6);
        EXPECT_EQ(Got[(S * Rows + R) * 8 + 1], 0);
      }
  }
}

// Tests a reduction over time with several slots that keeps the packet.
TEST(RngdVector, ReducesOverTime) {
  constexpr uint32_t Outer = 2, Reduced = 5, Inner = 4;
  const std::vector<float> In = someFloats(Outer * Reduced * Inner * 8);
  std::vector<float> Got = pass<float, float>(
      In, 1, Outer * Inner, [&](fb::ExecT &, fb::VectorT &V) {
        step(V, Op::NarrowTrim);
        V.intra_at = 1;
        V.intra = std::make_unique<fb::IntraReduceT>();
        V.intra->loops = {{Outer, false}, {Reduced, true}, {Inner, false}};
        step(V, Op::WidenPad);
      });
  for (uint32_t O = 0; O != Outer; ++O)
    for (uint32_t N = 0; N != Inner; ++N)
      for (uint32_t P = 0; P != 8; ++P) {
        float Sum = 0;
        for (uint32_t R = 0; P < 4 && R != Reduced; ++R)
          Sum += In[((O * Reduced + R) * Inner + N) * 8 + P];
        EXPECT_EQ(Got[(O * Inner + N) * 8 + P], Sum);
      }
}

// Tests the reducer over slices, both replacements, after steps and before.
TEST(RngdVector, ReducesOverSlices) {
  constexpr uint32_t Slices = 8, Ratio = 4;
  const std::vector<float> In = someFloats(Slices * 16);
  for (bool First : {false, true})
    for (bool Broadcast : {false, true}) {
      std::vector<float> Got = pass<float, float>(
          In, Slices, 2,
          [&](fb::ExecT &E, fb::VectorT &V) {
            immediate(step(V, Op::Max), 0.0f);
            V.inter = std::make_unique<fb::InterReduceT>();
            V.inter->op = fb::ReduceOp::Add;
            V.inter->ratio = Ratio;
            V.inter->first = First;
            V.inter->replacement =
                Broadcast ? fb::Replacement::Broadcast : fb::Replacement::Dummy;
            commitTo(E, 131072, 2);
          },
          32, Broadcast ? Slices : 1);
      for (uint32_t S = 0; S != (Broadcast ? Slices : 1u); ++S)
        for (uint32_t I = 0; I != 16; ++I) {
          float Sum = 0;
          for (uint32_t R = 0; R != Ratio; ++R) {
            float X = In[(S / Ratio * Ratio + R) * 16 + I];
            X = First ? X : std::max(X, 0.0f);
            Sum = R == 0 ? X : Sum + X;
          }
          EXPECT_EQ(Got[S * 16 + I], First ? std::max(Sum, 0.0f) : Sum);
        }
    }
}

// Tests an operand of the vector register file that repeats over rows, and one
// scalar a row.
TEST(RngdVector, RegisterFileOperands) {
  constexpr uint32_t Rows = 3, Columns = 16;
  const std::vector<float> X = someFloats(Rows * Columns), B = someFloats(32);
  for (bool Scalar : {false, true}) {
    Writer W;
    uint32_t A = W.binding(X.size() * 4, fb::Access::Read);
    uint32_t Bias = W.binding(B.size() * 4, fb::Access::Read);
    uint32_t C = W.binding(X.size() * 4, fb::Access::Write);
    W.load(A, 0, Rows * Columns * 4, 1);
    W.load(Bias, 4096, 128, 1);
    fb::ExecT &F = W.exec(1, fb::Type::F32, 4096, 32, 8);
    F.to_vrf = std::make_unique<fb::ToVrfT>();
    F.to_vrf->base = 64;
    fb::ExecT &E = W.exec(1, fb::Type::F32, 0, Rows * Columns, 8);
    E.vector = std::make_unique<fb::VectorT>();
    E.vector->type = fb::Type::F32;
    fb::VectorStepT &S = step(*E.vector, Op::ClipAdd);
    S.operand = std::make_unique<fb::OperandT>();
    S.operand->source = fb::Source::Vrf;
    S.operand->base = 64;
    S.operand->scalar = Scalar;
    S.operand->loops = {{Rows, Scalar ? 1 : 0}, {Columns / 8, Scalar ? 0 : 8}};
    // A second register in the same chain.
    fb::VectorStepT &Most = step(*E.vector, Op::Min);
    Most.operand = std::make_unique<fb::OperandT>();
    Most.operand->source = fb::Source::Vrf;
    Most.operand->base = 64 + 124;
    Most.operand->scalar = true;
    commitTo(E, 8192, Rows * Columns / 8);
    W.store(C, 8192, Rows * Columns * 4, 1);
    std::vector<float> Got = fromBytes<float>(runOk(
        W, {toBytes(X), toBytes(B), std::vector<uint8_t>(X.size() * 4)})[2]);
    for (size_t I = 0; I != X.size(); ++I)
      EXPECT_EQ(Got[I],
                std::min(X[I] + B[Scalar ? I / Columns : I % Columns], B[31]))
          << I;
  }
}

// Tests the cast engine: rounding to nearest even, saturation, and what follows
// the eight elements.
TEST(RngdCast, NarrowsAndPads) {
  const std::vector<float> In = {1.0f,  1.00390625f, 1.01171875f,   -3.5f,
                                 1e30f, 500.0f,      0.0009765625f, -0.0f};
  auto Cast = [&](fb::Type Type) {
    return pass<float, uint8_t>(In, 1, 1, [&](fb::ExecT &E, fb::VectorT &) {
      E.vector = nullptr;
      E.cast = Type;
    });
  };
  std::vector<uint16_t> Bf = fromBytes<uint16_t>(Cast(fb::Type::BF16));
  for (size_t I = 0; I != 16; ++I)
    EXPECT_EQ(Bf[I], I < 8 ? bf16(In[I]) : 0) << I;
  std::vector<uint8_t> E4M3 = Cast(fb::Type::F8E4M3);
  EXPECT_EQ(E4M3[0], 0x38);
  EXPECT_EQ(E4M3[3], 0xc6);
  EXPECT_EQ(E4M3[4], 0x7e) << "the largest";
  EXPECT_EQ(E4M3[6], 0x00) << "half of the smallest goes to even";
  EXPECT_EQ(E4M3[7], 0x80);
  EXPECT_EQ(E4M3[8], 0);
  EXPECT_EQ(Cast(fb::Type::F8E5M2)[4], 0x7c) << "infinity";
  std::vector<uint8_t> I8 =
      pass<int32_t, uint8_t>({1, -1, 127, 128, -128, -129, 1000, -1000}, 1, 1,
                             [&](fb::ExecT &E, fb::VectorT &) {
                               E.vector = nullptr;
                               E.cast = fb::Type::I8;
                             });
  EXPECT_EQ((std::vector<uint8_t>(I8.begin(), I8.begin() + 8)),
            (std::vector<uint8_t>{1, 255, 127, 127, 128, 128, 127, 128}));
}

// Tests the commit adapter: trim, cast and relu in one.
TEST(RngdCommit, CastsWithRelu) {
  const std::vector<float> In = someFloats(32);
  Writer W;
  uint32_t A = W.binding(128, fb::Access::Read);
  uint32_t C = W.binding(64, fb::Access::Write);
  W.load(A, 0, 128, 1);
  fb::ExecT &E = W.exec(1, fb::Type::F32, 0, 32, 8);
  commitTo(E, 1024, 4);
  E.commit->cast_bf16 = E.commit->relu = true;
  // Flits in reverse order.
  E.commit->base = 1024 + 48;
  E.commit->loops = {{4, -16}};
  W.store(C, 1024, 64, 1);
  std::vector<uint16_t> Got =
      fromBytes<uint16_t>(runOk(W, {toBytes(In), std::vector<uint8_t>(64)})[1]);
  for (size_t I = 0; I != 32; ++I)
    EXPECT_EQ(Got[(3 - I / 8) * 8 + I % 8], bf16(std::max(In[I], 0.0f))) << I;
}

// Tests the book's running example, an 8 x 16 matrix of i8 from two flits a
// row, and its small one, which is trimmed.
TEST(RngdTranspose, OfTheBook) {
  for (bool Small : {false, true}) {
    const uint32_t Rows = Small ? 4 : 8, Packet = Small ? 2 : 8;
    const uint32_t Columns = Small ? 2 : 16, Times = 3;
    std::vector<uint8_t> In(Times * Rows * (Small ? 8 : 16));
    for (size_t I = 0; I != In.size(); ++I)
      In[I] = static_cast<uint8_t>(I);
    Writer W;
    auto Bytes = static_cast<uint32_t>(In.size());
    uint32_t OutBytes = Times * Columns * FlitBytes;
    uint32_t A = W.binding(Bytes, fb::Access::Read);
    uint32_t C = W.binding(OutBytes, fb::Access::Write);
    W.load(A, 0, Bytes, 1);
    fb::ExecT &E = W.exec(1, fb::Type::I8, 0, Bytes, 8);
    E.fetch->live = Packet;
    E.transpose = std::make_unique<fb::TransposeT>();
    E.transpose->rows = static_cast<uint8_t>(Rows);
    E.transpose->columns = Small ? 8 : 16;
    E.transpose->out_rows = static_cast<uint8_t>(Columns);
    commitTo(E, 4096, Times * Columns);
    W.store(C, 4096, OutBytes, 1);
    std::vector<uint8_t> Got =
        runOk(W, {In, std::vector<uint8_t>(OutBytes)})[1];
    uint32_t Stride = Small ? 8 : 16;
    for (uint32_t T = 0; T != Times; ++T)
      for (uint32_t J = 0; J != Columns; ++J)
        for (uint32_t I = 0; I != 32; ++I)
          EXPECT_EQ(Got[(T * Columns + J) * 32 + I],
                    I < Rows ? In[(T * Rows + I) * Stride + J] : 0);
  }
}
