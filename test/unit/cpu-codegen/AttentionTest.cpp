// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention kernel.
#include "test/unit/cpu-codegen/DispatchTest.h"

#include "dialects/dure/Faults.h"

#include <algorithm>
#include <cmath>

using namespace dure;
using namespace dure::cpu::test;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

// Tests attention read and written through transposes, with a bool mask.
TEST_P(DispatchTest, AttentionTransposed) {
  for (const char *Empty : {"zero", "mean", "nan"}) {
    std::string Text = R"(
func.func @f(%q: tensor<2x?x4x24xf32, #dure.dims<["2", "d0", "4", "24"]>>, %k: tensor<2x?x2x24xf32, #dure.dims<["2", "d1", "2", "24"]>>, %v: tensor<2x?x2x20xf32, #dure.dims<["2", "d1", "2", "20"]>>, %m: tensor<2x1x1x?xi1, #dure.dims<["2", "1", "1", "d1"]>>)
    -> tensor<2x?x4x20xf32, #dure.dims<["2", "d0", "4", "20"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x?x4x24xf32, #dure.dims<["2", "d0", "4", "24"]>>) -> tensor<2x4x?x24xf32, #dure.dims<["2", "4", "d0", "24"]>>
  %1 = dure.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x?x2x24xf32, #dure.dims<["2", "d1", "2", "24"]>>) -> tensor<2x2x?x24xf32, #dure.dims<["2", "2", "d1", "24"]>>
  %2 = dure.transpose %v {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x?x2x20xf32, #dure.dims<["2", "d1", "2", "20"]>>) -> tensor<2x2x?x20xf32, #dure.dims<["2", "2", "d1", "20"]>>
  %3 = dure.attention %0, %1, %2 mask %m {scale = 0.2 : f32, causal = true, empty_row = #dure<empty_row EMPTY>} : (tensor<2x4x?x24xf32, #dure.dims<["2", "4", "d0", "24"]>>, tensor<2x2x?x24xf32, #dure.dims<["2", "2", "d1", "24"]>>, tensor<2x2x?x20xf32, #dure.dims<["2", "2", "d1", "20"]>>, tensor<2x1x1x?xi1, #dure.dims<["2", "1", "1", "d1"]>>) -> tensor<2x4x?x20xf32, #dure.dims<["2", "4", "d0", "20"]>>
  %4 = dure.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x4x?x20xf32, #dure.dims<["2", "4", "d0", "20"]>>) -> tensor<2x?x4x20xf32, #dure.dims<["2", "d0", "4", "20"]>>
  return %4 : tensor<2x?x4x20xf32, #dure.dims<["2", "d0", "4", "20"]>>
})";
    Text.replace(Text.find("EMPTY"), 5, Empty);
    check(Text, {{{"d0", 1}, {"d1", 9}},
                 {{"d0", 5}, {"d1", 5}},
                 {{"d0", 70}, {"d1", 150}},
                 {{"d0", 5}, {"d1", 2}},
                 {{"d0", 5}, {"d1", 0}}});
  }
}

// Tests keys in parts: the beginnings of two caches that all heads share, the
// first one of which the values are, too; by many query heads, which several
// workgroups share.
TEST_P(DispatchTest, AttentionKeyParts) {
  const char *Text = R"(
!q = tensor<?x12x?x52xf32, #dure.dims<["b", "12", "t", "52"]>>
!c = tensor<?x1x?x40xf32, #dure.dims<["b", "1", "c", "40"]>>
!l = tensor<?x1x?x40xf32, #dure.dims<["b", "1", "s", "40"]>>
!d = tensor<?x1x?x12xf32, #dure.dims<["b", "1", "c", "12"]>>
!r = tensor<?x1x?x12xf32, #dure.dims<["b", "1", "s", "12"]>>
!k = tensor<?x1x?x52xf32, #dure.dims<["b", "1", "s", "52"]>>
!y = tensor<?x12x?x40xf32, #dure.dims<["b", "12", "t", "40"]>>
func.func @f(%q: !q, %c: !c, %d: !d) -> !y attributes {dure.dispatch_fn, dure.symbols = ["b", "c", "s", "t"]} {
  %l = dure.slice %c {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "1", "s", "40"]>, steps = array<i64: 1, 1, 1, 1>} : (!c) -> !l
  %r = dure.slice %d {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "1", "s", "12"]>, steps = array<i64: 1, 1, 1, 1>} : (!d) -> !r
  %k = dure.concat %l, %r {axis = 3 : i64} : (!l, !r) -> !k
  %y = dure.attention %q, %k, %l {scale = 0.2 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!q, !k, !l) -> !y
  return %y : !y
})";
  check(Text, {{{"b", 1}, {"c", 300}, {"s", 290}, {"t", 1}},
               {{"b", 2}, {"c", 150}, {"s", 140}, {"t", 13}},
               {{"b", 1}, {"c", 9}, {"s", 9}, {"t", 3}},
               {{"b", 1}, {"c", 5}, {"s", 0}, {"t", 2}}});
}

// Tests keys and values that are columns of one wide tensor, rows a multiple of
// a page apart, with a part that the heads share; transposed and turned parts.
TEST_P(DispatchTest, AttentionOfColumns) {
  const char *Text = R"(
!q = tensor<2x4x?x80xf32, #dure.dims<["2", "4", "t", "80"]>>
!w = tensor<2x?x4x256xf32, #dure.dims<["2", "s", "4", "256"]>>
!h = tensor<2x4x?x256xf32, #dure.dims<["2", "4", "s", "256"]>>
!n = tensor<2x4x?x48xf32, #dure.dims<["2", "4", "s", "48"]>>
!v = tensor<2x4x?x64xf32, #dure.dims<["2", "4", "s", "64"]>>
!r = tensor<2x1x?x20xf32, #dure.dims<["2", "1", "s", "20"]>>
!p = tensor<2x4x?x20xf32, #dure.dims<["2", "4", "s", "20"]>>
!z = tensor<2x4x12x?xf32, #dure.dims<["2", "4", "12", "s"]>>
!t = tensor<2x4x?x12xf32, #dure.dims<["2", "4", "s", "12"]>>
!k = tensor<2x4x?x80xf32, #dure.dims<["2", "4", "s", "80"]>>
!y = tensor<2x4x?x64xf32, #dure.dims<["2", "4", "t", "64"]>>
func.func @f(%q: !q, %w: !w, %r: !r, %z: !z) -> !y attributes {dure.dispatch_fn, dure.symbols = ["s", "t"]} {
  %h = dure.transpose %w {permutation = array<i64: 0, 2, 1, 3>} : (!w) -> !h
  %n = dure.slice %h {starts = #dure.dims<["0", "0", "0", "16"]>, sizes = #dure.dims<["2", "4", "s", "48"]>, steps = array<i64: 1, 1, 1, 1>} : (!h) -> !n
  %v = dure.slice %h {starts = #dure.dims<["0", "0", "0", "192"]>, sizes = #dure.dims<["2", "4", "s", "64"]>, steps = array<i64: 1, 1, 1, 1>} : (!h) -> !v
  %p = dure.broadcast %r : !r -> !p
  %t = dure.transpose %z {permutation = array<i64: 0, 1, 3, 2>} : (!z) -> !t
  %k = dure.concat %n, %p, %t {axis = 3 : i64} : (!n, !p, !t) -> !k
  %y = dure.attention %q, %k, %v {scale = 0.1 : f32, causal = true, empty_row = #dure<empty_row mean>} : (!q, !k, !v) -> !y
  return %y : !y
})";
  check(Text, {{{"s", 150}, {"t", 70}}, {{"s", 129}, {"t", 1}}});
}

// Tests windows, softcap, sinks and an additive mask of full rank.
TEST_P(DispatchTest, AttentionForms) {
  check(R"(
func.func @f(%q: tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>, %k: tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, %v: tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, %m: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %s: tensor<4xf32>)
    -> tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.attention %q, %k, %v mask %m sinks %s {scale = 0.3 : f32, causal = true, window = 20 : i64, softcap = 3.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>, tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<4xf32>) -> tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>
  return %0 : tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>
})",
        {{{"d0", 1}, {"d1", 300}},
         {{"d0", 140}, {"d1", 200}},
         {{"d0", 3}, {"d1", 3}}});
}

// Tests 16-bit floats, read through a transpose and with values that are no
// whole strips.
TEST_P(DispatchTest, AttentionHalf) {
  for (const char *Element : {"f16", "bf16"}) {
    SCOPED_TRACE(Element);
    std::string Text = R"(
func.func @f(%q: tensor<1x4x?x36xELT, #dure.dims<["1", "4", "d0", "36"]>>, %k: tensor<1x?x2x36xELT, #dure.dims<["1", "d1", "2", "36"]>>, %v: tensor<1x2x?x32xELT, #dure.dims<["1", "2", "d1", "32"]>>, %m: tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, %s: tensor<4xELT>)
    -> tensor<1x4x?x32xELT, #dure.dims<["1", "4", "d0", "32"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x36xELT, #dure.dims<["1", "d1", "2", "36"]>>) -> tensor<1x2x?x36xELT, #dure.dims<["1", "2", "d1", "36"]>>
  %1 = dure.attention %q, %0, %v mask %m sinks %s {scale = 0.3 : f32, causal = true, empty_row = #dure<empty_row mean>} : (tensor<1x4x?x36xELT, #dure.dims<["1", "4", "d0", "36"]>>, tensor<1x2x?x36xELT, #dure.dims<["1", "2", "d1", "36"]>>, tensor<1x2x?x32xELT, #dure.dims<["1", "2", "d1", "32"]>>, tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, tensor<4xELT>) -> tensor<1x4x?x32xELT, #dure.dims<["1", "4", "d0", "32"]>>
  return %1 : tensor<1x4x?x32xELT, #dure.dims<["1", "4", "d0", "32"]>>
})";
    check(replaceAll(Text, "ELT", Element), {{{"d0", 1}, {"d1", 300}},
                                             {{"d0", 70}, {"d1", 150}},
                                             {{"d0", 1}, {"d1", 1}}});
  }
}

// Tests that keys which nobody sees may hold anything: NaN before and after
// those that the mask lets through, in parts of a block and in whole blocks.
TEST_P(DispatchTest, AttentionHiddenKeys) {
  std::string Text = R"(
func.func @f(%q: tensor<1x2x3x32xf32>, %k: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, %v: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, %m: tensor<1x1x3x?xi1, #dure.dims<["1", "1", "3", "d0"]>>)
    -> tensor<1x2x3x32xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.attention %q, %k, %v mask %m {scale = 0.2 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x2x3x32xf32>, tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, tensor<1x1x3x?xi1, #dure.dims<["1", "1", "3", "d0"]>>) -> tensor<1x2x3x32xf32>
  return %0 : tensor<1x2x3x32xf32>
})";
  auto Prepare = [](std::vector<Buffer> &Operands, const Dims &Sizes) {
    int64_t Keys = Sizes.at("d0"), First = Keys / 5, Last = 2 * Keys / 5;
    auto *K = reinterpret_cast<float *>(Operands[1].Data);
    auto *V = reinterpret_cast<float *>(Operands[2].Data);
    for (int64_t Key = 0; Key < Keys; ++Key) {
      bool IsSeen = Key >= First && Key < Last;
      for (int64_t Row = 0; Row < 3; ++Row)
        Operands[3].Data[Row * Keys + Key] = IsSeen;
      for (int64_t I = 0; !IsSeen && I < 64; ++I) {
        int64_t At = (I / 32 * Keys + Key) * 32 + I % 32;
        K[At] = V[At] = std::nanf("");
      }
    }
  };
  check(Text, {{{"d0", 10}}, {{"d0", 130}}, {{"d0", 700}}},
        {.Prepare = Prepare});
}

// Tests that a key which one query sees and another of its block does not may
// hold anything for the latter: NaN and infinities, by each way to hide keys.
TEST_P(DispatchTest, AttentionKeysHiddenFromSome) {
  std::string Text = R"(
func.func @f(%q: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "t", "32"]>>, %k: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "s", "32"]>>, %v: tensor<1x2x?x36xf32, #dure.dims<["1", "2", "s", "36"]>>, %m: tensor<?x?xELT, #dure.dims<["t", "s"]>>)
    -> tensor<1x2x?x36xf32, #dure.dims<["1", "2", "t", "36"]>> attributes {dure.dispatch_fn, dure.symbols = ["s", "t"]} {
  %0 = dure.attention %q, %k, %v mask %m {scale = 0.2 : f32, ATTR} : (tensor<1x2x?x32xf32, #dure.dims<["1", "2", "t", "32"]>>, tensor<1x2x?x32xf32, #dure.dims<["1", "2", "s", "32"]>>, tensor<1x2x?x36xf32, #dure.dims<["1", "2", "s", "36"]>>, tensor<?x?xELT, #dure.dims<["t", "s"]>>) -> tensor<1x2x?x36xf32, #dure.dims<["1", "2", "t", "36"]>>
  return %0 : tensor<1x2x?x36xf32, #dure.dims<["1", "2", "t", "36"]>>
})";
  // Every seventh key is rubbish. Queries 1, 5, 9, ... see all keys, queries 2,
  // 6, ... none, the others those that are sound.
  auto Prepare = [](std::vector<Buffer> &Operands, const Dims &Sizes) {
    int64_t Keys = Sizes.at("s"), Queries = Sizes.at("t");
    auto *K = reinterpret_cast<float *>(Operands[1].Data);
    auto *V = reinterpret_cast<float *>(Operands[2].Data);
    bool IsBool = int64_t(Operands[3].Size) == Keys * Queries;
    float Rubbish[] = {std::nanf(""), HUGE_VALF, -HUGE_VALF};
    for (int64_t Key = 0; Key < Keys; ++Key) {
      bool IsSound = Key % 7 != 3;
      for (int64_t I = 0; !IsSound && I < 2; ++I) {
        V[(I * Keys + Key) * 36 + Key % 36] = Rubbish[Key % 3];
        K[(I * Keys + Key) * 32] = Key % 2 ? 1 : std::nanf("");
      }
      for (int64_t T = 0; T < Queries; ++T) {
        bool IsSeen = T % 4 != 2 && (IsSound || T % 4 == 1);
        if (IsBool)
          Operands[3].Data[T * Keys + Key] = IsSeen;
        else
          reinterpret_cast<float *>(Operands[3].Data)[T * Keys + Key] =
              IsSeen ? 0 : -HUGE_VALF;
      }
    }
  };
  for (const char *Element : {"i1", "f32"})
    for (const char *Attributes :
         {"empty_row = #dure<empty_row zero>",
          "empty_row = #dure<empty_row nan>",
          "causal = true, empty_row = #dure<empty_row zero>",
          "window = 5, empty_row = #dure<empty_row zero>"}) {
      SCOPED_TRACE(std::string(Element) + " " + Attributes);
      check(replaceAll(replaceAll(Text, "ELT", Element), "ATTR", Attributes),
            {{{"t", 6}, {"s", 20}}, {{"t", 70}, {"s", 150}}},
            {.Prepare = Prepare});
    }
}
