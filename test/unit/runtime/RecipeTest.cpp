// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of weight recipes against plain loops.

#include "runtime/weights/Recipe.h"
#include "runtime/weights/Convert.h"
#include "test/unit/runtime/TestSupport.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

using namespace dure;
using namespace dure::test;

namespace {

std::vector<float> counting(int64_t Count) {
  std::vector<float> Values(static_cast<size_t>(Count));
  for (int64_t I = 0; I != Count; ++I)
    Values[I] = static_cast<float>(I) + 1;
  return Values;
}

/// All bytes of weight INDEX, read in pieces of PIECE bytes.
std::string evaluate(const Package &P, uint32_t Index,
                     size_t Piece = ~size_t(0)) {
  Result<Recipe> Made = Recipe::create(P, Index, {}, {});
  EXPECT_TRUE(Made.ok()) << Made.status().message();
  std::string Bytes(Made->size(), '\xee');
  for (size_t At = 0; At < Bytes.size(); At += std::min(Piece, Bytes.size()))
    Made->read(At, std::as_writable_bytes(std::span(Bytes))
                       .subspan(At, std::min(Piece, Bytes.size() - At)));
  return Bytes;
}

/// Result of STEPS on F32 VALUES, read whole and in pieces.
std::vector<float> floats(const std::vector<float> &Values,
                          const std::vector<int64_t> &Shape,
                          const std::vector<Step> &Steps,
                          std::vector<Weight> Operands = {}) {
  Package P;
  P.Weights = std::move(Operands);
  auto Index = static_cast<uint32_t>(P.Weights.size());
  P.Weights.push_back(inlineWeight("w", Values, Shape, Steps));
  Result<TypedShape> Inferred =
      inferSteps({ElementType::F32, Shape}, Steps, P.Weights, Index);
  EXPECT_TRUE(Inferred.ok()) << Inferred.status().message();
  P.Weights.back().Type = Inferred->Type;
  P.Weights.back().Shape = Inferred->Shape;
  EXPECT_EQ(Inferred->Type, ElementType::F32);
  std::string Bytes = evaluate(P, Index);
  EXPECT_EQ(evaluate(P, Index, 8), Bytes);
  EXPECT_EQ(evaluate(P, Index, 24), Bytes);
  std::vector<float> Result(Bytes.size() / 4);
  std::memcpy(Result.data(), Bytes.data(), Bytes.size());
  return Result;
}

} // namespace

// Tests transposes of matrices and of higher ranks.
TEST(Recipe, Transpose) {
  EXPECT_EQ(floats(counting(6), {2, 3}, {Step::transpose({1, 0})}),
            (std::vector<float>{1, 4, 2, 5, 3, 6}));
  std::vector<float> Expected;
  for (int64_t A = 0; A != 4; ++A)
    for (int64_t B = 0; B != 2; ++B)
      for (int64_t C = 0; C != 3; ++C)
        Expected.push_back(static_cast<float>(B * 12 + C * 4 + A) + 1);
  EXPECT_EQ(floats(counting(24), {2, 3, 4}, {Step::transpose({2, 0, 1})}),
            Expected);
}

// Tests slices with strides and padding around them.
TEST(Recipe, SliceAndPad) {
  EXPECT_EQ(floats(counting(20), {4, 5}, {Step::slice({1, 0}, {2, 3}, {2, 2})}),
            (std::vector<float>{6, 8, 10, 16, 18, 20}));
  EXPECT_EQ(floats(counting(2), {1, 2}, {Step::pad({1, 1}, {0, 2}, 9)}),
            (std::vector<float>{9, 9, 9, 9, 9, 9, 1, 2, 9, 9}));
  EXPECT_EQ(floats(counting(4), {2, 2},
                   {Step::pad({0, 1}, {0, 1}, 0), Step::transpose({1, 0})}),
            (std::vector<float>{0, 0, 1, 3, 2, 4, 0, 0}));
}

// Tests panels: full, with a rest, from a transposed weight, and batched.
TEST(Recipe, Panels) {
  EXPECT_EQ(floats(counting(6), {2, 3}, {Step::packPanels(2)}),
            (std::vector<float>{1, 2, 4, 5, 3, 0, 6, 0}));
  EXPECT_EQ(floats(counting(6), {3, 2},
                   {Step::transpose({1, 0}), Step::packPanels(2)}),
            (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
  EXPECT_EQ(floats(counting(8), {2, 2, 2}, {Step::packPanels(4)}),
            (std::vector<float>{1, 2, 0, 0, 3, 4, 0, 0, //
                                5, 6, 0, 0, 7, 8, 0, 0}));
}

// Tests that panels read side by side, across matrices and with a rest, hold
// what the definition says.
TEST(Recipe, ManyPanels) {
  constexpr int64_t Batch = 3, K = 5, N = 50, Nr = 4, Panels = 13;
  std::vector<float> Expected(Batch * Panels * K * Nr, 0);
  for (int64_t B = 0; B != Batch; ++B)
    for (int64_t I = 0; I != K; ++I)
      for (int64_t J = 0; J != N; ++J)
        Expected[((B * Panels + J / Nr) * K + I) * Nr + J % Nr] =
            static_cast<float>((B * K + I) * N + J) + 1;
  EXPECT_EQ(
      floats(counting(Batch * K * N), {Batch, K, N}, {Step::packPanels(Nr)}),
      Expected);
}

// Tests that an operand is joined along any axis.
TEST(Recipe, Concat) {
  Weight Other = inlineWeight("o", {10, 20, 30, 40}, {2, 2});
  EXPECT_EQ(floats(counting(2), {2, 1}, {Step::concat(0, 1)}, {Other}),
            (std::vector<float>{1, 10, 20, 2, 30, 40}));
  EXPECT_EQ(floats(counting(2), {1, 2},
                   {Step::concat(0, 0), Step::transpose({1, 0})}, {Other}),
            (std::vector<float>{1, 10, 30, 2, 20, 40}));
}

// Tests arithmetic with broadcasting, per axis and by blocks.
TEST(Recipe, Arithmetic) {
  Weight Row = inlineWeight("row", {1, 2, 3}, {3});
  EXPECT_EQ(
      floats(counting(6), {2, 3}, {Step::arith(StepKind::Multiply, 0)}, {Row}),
      (std::vector<float>{1, 4, 9, 4, 10, 18}));
  Weight Column = inlineWeight("column", {10, 20}, {2});
  EXPECT_EQ(floats(counting(6), {2, 3},
                   {Step::arithBlocked(StepKind::Add, 0, 0, 1)}, {Column}),
            (std::vector<float>{11, 12, 13, 24, 25, 26}));
  Weight Blocks = inlineWeight("blocks", {1, 10, 100, 1000}, {2, 2});
  EXPECT_EQ(floats(counting(6), {2, 3},
                   {Step::arithBlocked(StepKind::Subtract, 0, 1, 2)}, {Blocks}),
            (std::vector<float>{0, 1, -7, -96, -95, -994}));
}

// Tests that int8 weights with zero point and scale become f32.
TEST(Recipe, Dequantize) {
  Package P;
  P.Weights.push_back(inlineWeight("zero", {1}, {}));
  P.Weights.push_back(inlineWeight("scale", {0.5f, 2}, {2}));
  Weight W;
  W.Name = "w";
  W.Source = WeightSource::Inline;
  W.StoredType = ElementType::I8;
  W.StoredShape = {2, 2};
  W.Type = ElementType::F32;
  W.Shape = {2, 2};
  W.Inline = std::make_shared<std::string>("\x01\x02\xff\x80");
  W.Steps = {Step::cast(ElementType::F32), Step::arith(StepKind::Subtract, 0),
             Step::arithBlocked(StepKind::Multiply, 1, 0, 1)};
  P.Weights.push_back(W);
  float Values[4];
  std::memcpy(Values, evaluate(P, 2).data(), 16);
  EXPECT_EQ(std::vector<float>(Values, Values + 4),
            (std::vector<float>{0, 0.5f, -4, -258}));
}

// Tests that 4-bit values unpack low half first and pack the same way.
TEST(Recipe, Nibbles) {
  Package P;
  Weight W;
  W.Source = WeightSource::Inline;
  W.StoredType = W.Type = ElementType::I4;
  W.StoredShape = {3};
  W.Shape = {3};
  W.Inline = std::make_shared<std::string>("\x8f\x07"); // -1, -8, 7
  P.Weights.push_back(W);
  W.Steps = {Step::slice({1}, {2}, {1})};
  W.Shape = {2};
  P.Weights.push_back(W);
  W.Steps.push_back(Step::cast(ElementType::I8));
  W.Type = ElementType::I8;
  P.Weights.push_back(W);
  EXPECT_EQ(evaluate(P, 0), std::string("\x8f\x07", 2));
  EXPECT_EQ(evaluate(P, 1), std::string("\x78", 1));
  EXPECT_EQ(evaluate(P, 2), std::string("\xf8\x07", 2));
}

// Tests that random chains of reshapes, transposes, slices and pads agree with
// step-by-step evaluation.
TEST(Recipe, RandomChains) {
  std::mt19937 Random(7);
  auto Pick = [&](int64_t N) { return static_cast<int64_t>(Random() % N); };
  for (int Round = 0; Round != 200; ++Round) {
    std::vector<int64_t> Shape = {1 + Pick(5), 1 + Pick(4), 1 + Pick(6)};
    std::vector<float> Now = counting(Shape[0] * Shape[1] * Shape[2]);
    std::vector<float> Start = Now;
    std::vector<int64_t> First = Shape;
    std::vector<Step> Chain;
    for (int I = 0; I != 4; ++I) {
      Step Next;
      switch (Pick(4)) {
      case 0: {
        std::vector<int64_t> P = {0, 1, 2};
        std::shuffle(P.begin(), P.end(), Random);
        Next = Step::transpose(P);
        break;
      }
      case 1:
        Next = Step::pad({Pick(2), 0, Pick(3)}, {0, Pick(2), 1}, -1);
        break;
      case 2:
        Next = Step::reshape({Shape[1], Shape[2], Shape[0]});
        break;
      default:
        Next = Step::slice(
            {Shape[0] / 2, 0, 0},
            {Shape[0] - Shape[0] / 2, Shape[1], (Shape[2] + 1) / 2}, {1, 1, 2});
      }
      Now = floats(Now, Shape, {Next}); // one step at a time: simple runs
      Shape = inferSteps({ElementType::F32, Shape}, {Next}, {}, 0)->Shape;
      Chain.push_back(Next);
    }
    ASSERT_EQ(floats(Start, First, Chain), Now) << Round;
  }
}

// Tests that numbers which make no sense are refused with the step.
TEST(Recipe, BadStepsAreRefused) {
  std::vector<Weight> Operands = {inlineWeight("o", {1, 2}, {2})};
  auto Refused = [&](Step S) {
    Result<TypedShape> R =
        inferSteps({ElementType::F32, {2, 3}}, {S}, Operands, 1);
    EXPECT_FALSE(R.ok());
    return R.ok() ? "" : R.status().message();
  };
  EXPECT_NE(Refused(Step::transpose({0, 0})).find("step 0"), std::string::npos);
  Refused(Step::transpose({0}));
  Refused(Step::reshape({7}));
  Refused(Step::reshape({-1, -6}));
  Refused(Step::slice({0, 2}, {2, 2}, {1, 1}));
  Refused(Step::slice({0, 0}, {2, 3}, {1, 0}));
  Refused(Step::pad({0, 0}, {0, -1}, 0));
  Refused(Step::pad({0, 0}, {0, std::numeric_limits<int64_t>::max()}, 0));
  Refused(Step::packPanels(0));
  Refused(Step::arith(StepKind::Add, 0)); // [2] does not broadcast to [2, 3]
  Refused(Step::arith(StepKind::Add, 1)); // not an earlier weight
  Refused(Step::arithBlocked(StepKind::Add, 0, 2, 1));
  Refused(Step::concat(0, 0));
  Refused(Step::cast(ElementType::None));
  Refused(Step());
}

// Tests conversions at their edges.
TEST(Convert, Edges) {
  auto Store = [](ElementType Type, double Value) {
    uint64_t Bits = 0;
    storeDouble(Type, Value, reinterpret_cast<std::byte *>(&Bits));
    return Bits;
  };
  EXPECT_EQ(Store(ElementType::F16, 65504), 0x7bffu);
  EXPECT_EQ(Store(ElementType::F16, 65520), 0x7c00u); // rounds to infinity
  EXPECT_EQ(Store(ElementType::F16, 0x1p-24), 1u);
  EXPECT_EQ(Store(ElementType::F16, 0x1p-25), 0u); // ties to even
  EXPECT_EQ(Store(ElementType::BF16, -1.0), 0xbf80u);
  EXPECT_EQ(Store(ElementType::F8E4M3FN, 448), 0x7eu);
  EXPECT_EQ(Store(ElementType::F8E4M3FN, 1e9), 0x7eu);
  EXPECT_EQ(Store(ElementType::F8E5M2, 1e9), 0x7cu);
  // FNUZ: 0x80 is NaN, and the largest codes are numbers.
  EXPECT_EQ(Store(ElementType::F8E4M3FNUZ, 240), 0x7fu);
  EXPECT_EQ(Store(ElementType::F8E4M3FNUZ, -1e9), 0xffu);
  EXPECT_EQ(Store(ElementType::F8E5M2FNUZ, 57344), 0x7fu);
  EXPECT_EQ(Store(ElementType::F8E5M2FNUZ, -1.0), 0xc0u);
  EXPECT_EQ(Store(ElementType::F8E4M3FNUZ, -0.0), 0u);
  EXPECT_EQ(Store(ElementType::F8E4M3FNUZ, -1e-9), 0u);
  EXPECT_EQ(Store(ElementType::F8E5M2FNUZ, std::nan("")), 0x80u);
  EXPECT_EQ(Store(ElementType::F4E2M1, 6), 0x7u);
  EXPECT_EQ(Store(ElementType::F4E2M1, 0.5), 0x1u);
  EXPECT_EQ(Store(ElementType::I8, 300), 0x7fu);
  EXPECT_EQ(Store(ElementType::U8, -3), 0u);
  EXPECT_EQ(Store(ElementType::I8, -1.9), 0xffu);
  EXPECT_EQ(Store(ElementType::I32, std::nan("")), 0u);
  EXPECT_EQ(Store(ElementType::I64, 1e300),
            static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  // Every half goes to f32 and back unchanged.
  for (uint32_t Half = 0; Half != 0x10000; ++Half) {
    auto Bits = static_cast<uint16_t>(Half);
    float Value;
    convertUnits(ElementType::F16, reinterpret_cast<std::byte *>(&Bits),
                 ElementType::F32, reinterpret_cast<std::byte *>(&Value), 1);
    uint16_t Back;
    convertUnits(ElementType::F32, reinterpret_cast<std::byte *>(&Value),
                 ElementType::F16, reinterpret_cast<std::byte *>(&Back), 1);
    if (std::isnan(Value))
      EXPECT_EQ(Back & 0x7c00, 0x7c00);
    else
      EXPECT_EQ(Back, Bits);
  }
}
