// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of element decoding and comparison.
#include "tools/io/Compare.h"

#include "TestFiles.h"

#include <cmath>
#include <limits>

namespace dure::io {
namespace {

constexpr float Inf = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();

Tensor floats(std::initializer_list<float> Values) {
  return makeTensor<float>(ElementType::Float32, {int64_t(Values.size())},
                           Values);
}

TEST(Compare, AllowsAbsoluteAndRelativeError) {
  const Tensor Expected = floats({0, 100, -100});
  const Tolerance T{0.5, 0.01};
  EXPECT_TRUE(
      compareTensors(floats({0.5f, 101.5f, -98.5f}), Expected, T).matches());
  const Comparison C = compareTensors(floats({0, 101.75f, -100}), Expected, T);
  EXPECT_EQ(C.Mismatches, 1);
  EXPECT_EQ(C.FirstMismatch, 1);
  EXPECT_EQ(C.MaxAbsolute, 1.75);
  EXPECT_EQ(C.MaxRelative, 0.0175);
}

TEST(Compare, TreatsSpecialValuesByKind) {
  const Tolerance T{1, 1};
  EXPECT_TRUE(
      compareTensors(floats({NaN, Inf, -Inf}), floats({NaN, Inf, -Inf}), T)
          .matches());
  EXPECT_EQ(compareTensors(floats({Inf, NaN, 1, Inf}),
                           floats({-Inf, 1, NaN, 3e38f}), T)
                .Mismatches,
            4);
}

TEST(Compare, WantsEqualTypeAndDims) {
  const Tensor A = floats({1, 2});
  Tensor B = A;
  B.Dims = {1, 2};
  EXPECT_FALSE(compareTensors(A, B, {1, 1}).SameDims);
  B = A;
  B.Type = ElementType::Int32;
  EXPECT_FALSE(compareTensors(A, B, {1, 1}).SameType);
}

TEST(Compare, TakesIntegersExactly) {
  const Tensor A = makeTensor<int64_t>(ElementType::Int64, {2}, {INT64_MAX, 1});
  const Tensor B =
      makeTensor<int64_t>(ElementType::Int64, {2}, {INT64_MAX - 1, 1});
  const Comparison C =
      compareTensors(A, B, defaultTolerance(ElementType::Int64));
  EXPECT_EQ(C.Mismatches, 1);
  EXPECT_EQ(C.FirstMismatch, 0);
}

TEST(Compare, IgnoresBitsBeyondTheLastPackedElement) {
  const Tensor A = makeTensor<uint8_t>(ElementType::Int4, {3}, {0x21, 0xf3});
  const Tensor B = makeTensor<uint8_t>(ElementType::Int4, {3}, {0x21, 0x03});
  EXPECT_TRUE(compareTensors(A, B, {0, 0}).matches());
}

TEST(Compare, TakesAnyNonZeroByteAsTrue) {
  const Tensor A = makeTensor<uint8_t>(ElementType::Bool, {2}, {1, 0});
  const Tensor B = makeTensor<uint8_t>(ElementType::Bool, {2}, {255, 0});
  EXPECT_TRUE(compareTensors(A, B, {0, 0}).matches());
}

TEST(Compare, ComparesBothPartsOfComplexNumbers) {
  const Tensor A = makeTensor<float>(ElementType::Complex64, {2}, {1, 2, 3, 4});
  const Tensor B = makeTensor<float>(ElementType::Complex64, {2}, {1, 2, 3, 9});
  const Comparison C = compareTensors(A, B, {0.1, 0});
  EXPECT_EQ(C.Mismatches, 1);
  EXPECT_EQ(C.FirstMismatch, 1);
  EXPECT_EQ(elementAsText(B, 1), "3 + 9i");
}

struct Code {
  ElementType Type;
  unsigned Bits;
  double Value;
};

// Values from the tables in the OCP FP8/MX specifications and IEEE 754.
TEST(Compare, DecodesNarrowFloats) {
  const Code Cases[] = {
      {ElementType::Float16, 0x3c00, 1},
      {ElementType::Float16, 0x7bff, 65504},
      {ElementType::Float16, 0x0001, std::ldexp(1, -24)},
      {ElementType::Float16, 0xfc00, -INFINITY},
      {ElementType::BFloat16, 0x3f80, 1},
      {ElementType::BFloat16, 0xc040, -3},
      {ElementType::Float8E4M3FN, 0x7e, 448},
      {ElementType::Float8E4M3FN, 0x01, std::ldexp(1, -9)},
      {ElementType::Float8E4M3FN, 0x38, 1},
      {ElementType::Float8E4M3FNUZ, 0x7f, 240},
      {ElementType::Float8E4M3FNUZ, 0x40, 1},
      {ElementType::Float8E5M2, 0x7b, 57344},
      {ElementType::Float8E5M2, 0x7c, INFINITY},
      {ElementType::Float8E5M2FNUZ, 0x7f, 57344},
      {ElementType::Float8E8M0, 127, 1},
      {ElementType::Float8E8M0, 0, std::ldexp(1, -127)},
      {ElementType::Float4E2M1, 0x7, 6},
      {ElementType::Float4E2M1, 0x9, -0.5},
      {ElementType::UInt2, 0x3, 3},
      {ElementType::Int2, 0x3, -1},
  };
  for (const Code &Case : Cases) {
    const Tensor T =
        makeTensor<uint16_t>(Case.Type, {1}, {uint16_t(Case.Bits)});
    EXPECT_EQ(elementAsDouble(T, 0), Case.Value)
        << elementTypeInfo(Case.Type).Name << " " << Case.Bits;
  }
  for (const auto &[Type, Bits] : {std::pair(ElementType::Float8E4M3FN, 0x7f),
                                   std::pair(ElementType::Float8E4M3FNUZ, 0x80),
                                   std::pair(ElementType::Float8E5M2, 0x7d),
                                   std::pair(ElementType::Float8E5M2FNUZ, 0x80),
                                   std::pair(ElementType::Float8E8M0, 0xff)})
    EXPECT_TRUE(std::isnan(
        elementAsDouble(makeTensor<uint8_t>(Type, {1}, {uint8_t(Bits)}), 0)));
}

TEST(Compare, NamesPositions) {
  const int64_t Dims[] = {2, 3, 4};
  EXPECT_EQ(formatPosition(Dims, 23), "[1, 2, 3]");
  EXPECT_EQ(formatPosition({}, 0), "[]");
}

TEST(Compare, NumbersAgainstNoNumbersDifferInfinitely) {
  const float Nan = std::numeric_limits<float>::quiet_NaN();
  const float Infinity = std::numeric_limits<float>::infinity();
  const auto compare = [](float A, float B) {
    Tensor Got, Expected;
    Got.Type = Expected.Type = ElementType::Float32;
    Got.Bytes.resize(4);
    Expected.Bytes.resize(4);
    std::memcpy(Got.Bytes.data(), &A, 4);
    std::memcpy(Expected.Bytes.data(), &B, 4);
    return compareTensors(Got, Expected, {1e-4, 1e-4});
  };
  for (const auto &[A, B] : {std::pair(Nan, 1.0f), std::pair(1.0f, Nan),
                             std::pair(Infinity, -Infinity)}) {
    const Comparison C = compare(A, B);
    EXPECT_EQ(C.Mismatches, 1);
    EXPECT_EQ(C.MaxAbsolute, double(Infinity));
  }
  EXPECT_TRUE(compare(Nan, Nan).matches());
  EXPECT_EQ(compare(Infinity, Infinity).MaxAbsolute, 0);
}

} // namespace
} // namespace dure::io
