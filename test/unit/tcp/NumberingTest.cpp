// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements by number: what a map says, element by element.
#include "targets/rngd/compiler/Numbering.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace dure::rngd;
using namespace dure::tcp;

namespace {

class Numbering : public testing::Test {
protected:
  Digit digit(const char *Axis, int64_t Size, int64_t Stride = 1,
              int64_t Extent = 0) {
    return {*Axis ? mlir::StringAttr::get(&Context, Axis) : mlir::StringAttr(),
            Stride, Size, std::max(Size, Extent)};
  }

  mlir::MLIRContext Context;
  mlir::StringAttr Number = numberAxis(&Context);
};

/// Coordinates of a position by axis; none in padding.
using Coordinates = std::map<std::string, int64_t>;
std::optional<Coordinates> coordinatesOf(Digits Map, int64_t Position) {
  Coordinates Result;
  for (const Digit &Each : llvm::reverse(Map)) {
    int64_t Here = Position % Each.extent;
    Position /= Each.extent;
    if (Here >= Each.size)
      return std::nullopt;
    if (Each.axis)
      Result[Each.axis.str()] += Here * Each.stride;
  }
  return Result;
}

/// The position with such coordinates, or -1.
int64_t positionOf(Digits Map, const Coordinates &Wanted) {
  for (int64_t I = 0; I != positions(Map); ++I)
    if (auto Here = coordinatesOf(Map, I); Here && *Here == Wanted)
      return I;
  return -1;
}

} // namespace

TEST_F(Numbering, NamesElementsByTheirPlaceInAView) {
  // Rows of 8 of which 6 are seen; a slice has 3 of 12 rows, halves of a row.
  llvm::SmallVector<Digit> View = {digit("m", 12), digit("k", 6, 1, 8)};
  llvm::SmallVector<Digit> Map = {digit("m", 4, 3), digit("k", 2, 3),
                                  digit("m", 3), digit("k", 3, 1, 4)};
  auto Made = numbered(Map, View, Number);
  ASSERT_TRUE(Made);
  ASSERT_EQ(positions(*Made), positions(Map));
  for (int64_t I = 0; I != positions(Map); ++I) {
    auto Here = coordinatesOf(Map, I), ByNumber = coordinatesOf(*Made, I);
    ASSERT_EQ(Here.has_value(), ByNumber.has_value());
    if (Here) {
      EXPECT_EQ((*ByNumber)["number"], (*Here)["m"] * 8 + (*Here)["k"]);
    }
  }
  auto Back = named(*Made, View, Number);
  ASSERT_TRUE(Back);
  EXPECT_EQ(normalized(*Back), normalized(Map));
}

TEST_F(Numbering, JoinsWhatAViewTellsApart) {
  // Eight heads of 4 in rows of 32: one digit over both becomes one of numbers.
  llvm::SmallVector<Digit> View = {digit("m", 2), digit("h", 8), digit("c", 4)};
  llvm::SmallVector<Digit> Rows = {digit("m", 2), digit("n", 32)};
  auto ByRows = numbered(Rows, Rows, Number);
  auto ByHeads = named(*ByRows, View, Number);
  ASSERT_TRUE(ByHeads);
  EXPECT_EQ(normalized(*ByHeads), normalized(View));
}

TEST_F(Numbering, RepeatsWhatAViewLacks) {
  llvm::SmallVector<Digit> View = {digit("k", 8)};
  llvm::SmallVector<Digit> Map = {digit("m", 4), digit("k", 8)};
  auto Made = numbered(Map, View, Number);
  ASSERT_TRUE(Made);
  EXPECT_EQ(normalized(*Made),
            (llvm::SmallVector<Digit>{digit("", 4), digit("number", 8)}));
}

TEST_F(Numbering, RefusesUnevenDivision) {
  llvm::SmallVector<Digit> View = {digit("m", 4), digit("k", 6)};
  EXPECT_FALSE(named(llvm::ArrayRef(digit("number", 4, 4)), View, Number));
  EXPECT_FALSE(numbered(llvm::ArrayRef(digit("m", 8)), View, Number));
}

TEST_F(Numbering, FindsWhereAPartStarts) {
  // By chance: memory of three digits in any order, and a box of its elements.
  std::mt19937 Chance(1);
  auto Pick = [&](int64_t Most) {
    return std::uniform_int_distribution<int64_t>(1, Most)(Chance);
  };
  int Found = 0;
  for (int Try = 0; Try != 2000; ++Try) {
    int64_t A = Pick(4), B = Pick(4), C = Pick(4);
    llvm::SmallVector<Digit> Memory = {
        digit("number", A, B * C), digit("number", B, C), digit("number", C)};
    std::shuffle(Memory.begin(), Memory.end(), Chance);
    llvm::SmallVector<Digit> Wanted = {digit("number", Pick(A), B * C),
                                       digit("number", Pick(B * C))};
    int64_t At = Pick(A * B * C) - 1;
    auto Start = startIn(Memory, Wanted, At);
    if (!Start)
      continue;
    ++Found;
    // What lies there in memory, less what comes before, is each element.
    int64_t Offset = 0;
    llvm::SmallVector<Digit> Rest = Memory;
    for (auto [I, Each] : llvm::enumerate(place(Memory))) {
      Offset += (*Start)[I] * Each.stride;
      Rest[I].size -= (*Start)[I];
    }
    for (int64_t I = 0; I != positions(Wanted); ++I) {
      int64_t Here = (*coordinatesOf(Wanted, I))["number"];
      int64_t Position = positionOf(Rest, {{"number", Here}});
      ASSERT_GE(Position, 0);
      EXPECT_EQ((*coordinatesOf(Memory, Position + Offset))["number"],
                Here + At);
    }
  }
  EXPECT_GT(Found, 500);
}
