// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of rows, axes, moved data and matrix products.
#include "test/unit/cpu-codegen/DispatchTest.h"

#include "dialects/dure/Faults.h"

#include <algorithm>
#include <cmath>

using namespace dure;
using namespace dure::cpu::test;

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

// Tests that elementwise ops on one shape run without rows.
TEST_P(DispatchTest, ElementwiseFlat) {
  check(R"(
func.func @f(%a: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %b: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %s: tensor<f32>)
    -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.add %a, %b : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %1 = dure.mul %0, %s : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<f32>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %2 = dure.gelu %1 {form = #dure<gelu_form erf>} : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  return %2 : tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
})",
        {{{"d0", 3}, {"d1", 5}},
         {{"d0", 0}, {"d1", 5}},
         {{"d0", 70}, {"d1", 129}}});
}

// Tests broadcasting along rows, columns and both, with several types.
TEST_P(DispatchTest, ElementwiseBroadcast) {
  check(R"(
func.func @f(%a: tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, %row: tensor<37xf32>, %column: tensor<7x1xf32>, %m: tensor<?x1x37xi1, #dure.dims<["d0", "1", "37"]>>)
    -> (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<?x7x37xi1, #dure.dims<["d0", "7", "37"]>>) attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.add %a, %row : (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<37xf32>) -> tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>
  %1 = dure.mul %0, %column : (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<7x1xf32>) -> tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>
  %c = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %2 = dure.select %m, %1, %c : (tensor<?x1x37xi1, #dure.dims<["d0", "1", "37"]>>, tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<f32>) -> tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>
  %3 = dure.compare %2, %c {predicate = #dure<predicate lt>} : (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<f32>) -> tensor<?x7x37xi1, #dure.dims<["d0", "7", "37"]>>
  return %2, %3 : tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<?x7x37xi1, #dure.dims<["d0", "7", "37"]>>
})",
        {{{"d0", 1}}, {{"d0", 3}}});
}

// Tests that division of integers by zero is reported, not trapped.
TEST_P(DispatchTest, IntegerDivisionByZero) {
  const char *Text = R"(
func.func @f(%a: tensor<19xi64>, %b: tensor<19xi64>) -> tensor<19xi64> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.div %a, %b : (tensor<19xi64>, tensor<19xi64>) -> tensor<19xi64>
  return %0 : tensor<19xi64>
})";
  check(Text, NoDims, {.Fault = int32_t(dure::Fault::DivisionByZero)});
  check(Text, NoDims, {.Low = 2, .High = 9});
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

// Tests a residual sum that is a result and the operand of a norm as well.
TEST_P(DispatchTest, ResidualLayerNorm) {
  check(R"(
func.func @f(%a: tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, %b: tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, %s: tensor<384xf32>, %t: tensor<384xf32>)
    -> (tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>) attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.add %a, %b : (tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>) -> tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>
  %1 = dure.layer_norm %0, %s, %t {axis = 2 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<384xf32>, tensor<384xf32>) -> tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>
  return %0, %1 : tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>
})",
        {{{"d0", 1}, {"d1", 128}},
         {{"d0", 2}, {"d1", 3}},
         {{"d0", 0}, {"d1", 3}}});
}

// Tests a chain of stages: norm of a computed row with a tail, then softmax.
TEST_P(DispatchTest, NormThenSoftmax) {
  check(R"(
func.func @f(%a: tensor<?x37xf32, #dure.dims<["d0", "37"]>>, %s: tensor<37xf32>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.silu %a : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  %1 = dure.rms_norm %0, %s {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>, tensor<37xf32>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  %2 = dure.softmax %1 {axis = 1 : i64} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  return %2 : tensor<?x37xf32, #dure.dims<["d0", "37"]>>
})",
        {{{"d0", 5}}});
}

// Tests softmax over rows whose length is known only at run time.
TEST_P(DispatchTest, SoftmaxDynamicRow) {
  check(R"(
func.func @f(%a: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %m: tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.mul %a, %m : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %1 = dure.softmax %0 {axis = 1 : i64} : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  return %1 : tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
})",
        {{{"d0", 5}, {"d1", 1}},
         {{"d0", 5}, {"d1", 16}},
         {{"d0", 5}, {"d1", 131}}});
}

// Tests that NaN and infinities come out of softmax and log_sum_exp as they do
// from their formulas, whatever the maximum was, along rows and columns.
TEST_P(DispatchTest, SoftmaxOfNonFinite) {
  auto Prepare = [](std::vector<Buffer> &Operands, const Dims &Sizes) {
    auto *X = reinterpret_cast<float *>(Operands[0].Data);
    int64_t Rows = Sizes.at("d0"), Columns = Sizes.at("d1");
    float Nan = std::nanf("");
    auto Row = [&](int64_t I) { return X + I * Columns; };
    Row(0)[Columns / 2] = Nan;
    Row(1)[Columns - 1] = HUGE_VALF;
    Row(2)[0] = -HUGE_VALF;
    Row(3)[0] = HUGE_VALF;
    Row(3)[Columns - 1] = Nan;
    std::fill_n(Row(4), Columns, -HUGE_VALF);
    std::fill_n(Row(5), Columns, Nan);
    ASSERT_LE(6, Rows);
  };
  for (const char *Axis : {"0", "1"}) {
    SCOPED_TRACE(Axis);
    std::string X = R"(tensor<?x?xf32, #dure.dims<["d0", "d1"]>>)";
    std::string Sums = *Axis == '0'
                           ? R"(tensor<1x?xf32, #dure.dims<["1", "d1"]>>)"
                           : R"(tensor<?x1xf32, #dure.dims<["d0", "1"]>>)";
    for (const char *Op :
         {"dure.softmax %x {axis = AXIS : i64}",
          "dure.softmax %x {axis = AXIS : i64, log = true}",
          "dure.reduce %x {kind = #dure<reduce_kind log_sum_exp>, axes = "
          "array<i64: AXIS>, keep_dims = true}"}) {
      SCOPED_TRACE(Op);
      bool IsReduce = llvm::StringRef(Op).contains("reduce");
      std::string Y = IsReduce ? Sums : X;
      std::string Text = "func.func @f(%x: " + X + ") -> " + Y +
                         " attributes {dure.dispatch_fn, dure.symbols = "
                         "[\"d0\", \"d1\"]} {\n  %0 = " +
                         replaceAll(Op, "AXIS", Axis) + " : (" + X + ") -> " +
                         Y + "\n  return %0 : " + Y + "\n}";
      check(Text, {{{"d0", 6}, {"d1", 70}}, {{"d0", 9}, {"d1", 3}}},
            {.Prepare = Prepare});
    }
  }
}

// Tests a softmax whose result others read, too: it is not kept half done.
TEST_P(DispatchTest, SoftmaxReadByOthers) {
  check(R"(
func.func @f(%a: tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> (tensor<?x37xf32, #dure.dims<["d0", "37"]>>, tensor<?x5xf32, #dure.dims<["d0", "5"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.softmax %a {axis = 1 : i64} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  %1 = dure.slice %0 {starts = #dure.dims<["0", "30"]>, sizes = #dure.dims<["d0", "5"]>, steps = array<i64: 1, -6>} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x5xf32, #dure.dims<["d0", "5"]>>
  %2 = dure.reduce %0 {kind = #dure<reduce_kind max>, axes = array<i64: 1>, keep_dims = true} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  return %0, %1, %2 : tensor<?x37xf32, #dure.dims<["d0", "37"]>>, tensor<?x5xf32, #dure.dims<["d0", "5"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>
})",
        {{{"d0", 5}}});
}

// Tests reductions that are used beside the row, and other axes.
TEST_P(DispatchTest, Reductions) {
  for (const char *Kind : {"sum", "mean", "max", "min", "prod", "sum_square",
                           "l1", "l2", "log_sum_exp"}) {
    SCOPED_TRACE(Kind);
    std::string Text = R"(
func.func @f(%a: tensor<3x21xf32>) -> (tensor<3x21xf32>, tensor<3x1xf32>) attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind KIND>, axes = array<i64: 1>, keep_dims = true} : (tensor<3x21xf32>) -> tensor<3x1xf32>
  %1 = dure.sub %a, %0 : (tensor<3x21xf32>, tensor<3x1xf32>) -> tensor<3x21xf32>
  return %1, %0 : tensor<3x21xf32>, tensor<3x1xf32>
})";
    Text.replace(Text.find("KIND"), 4, Kind);
    check(Text, NoDims, {.Tolerance = 3e-5});
    std::string Outer = R"(
func.func @f(%a: tensor<3x5x21xf32>) -> tensor<3x21xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind KIND>, axes = array<i64: 1>, keep_dims = false} : (tensor<3x5x21xf32>) -> tensor<3x21xf32>
  return %0 : tensor<3x21xf32>
})";
    Outer.replace(Outer.find("KIND"), 4, Kind);
    check(Outer, NoDims, {.Tolerance = 3e-5});
  }
}

// Tests softmax and reductions along other axes than the last, for columns that
// are no whole vectors.
TEST_P(DispatchTest, OtherAxes) {
  check(R"(
func.func @f(%a: tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>) -> tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.softmax %a {axis = 1 : i64} : (tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>) -> tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>
  return %0 : tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>
})",
        {{{"d0", 7}, {"d1", 75}},
         {{"d0", 1}, {"d1", 1}},
         {{"d0", 5}, {"d1", 0}}});
  check(R"(
func.func @f(%a: tensor<?x?x3x19xf16, #dure.dims<["d0", "d1", "3", "19"]>>) -> tensor<?x1x1x19xf16, #dure.dims<["d0", "1", "1", "19"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind mean>, axes = array<i64: 1, 2>, keep_dims = true} : (tensor<?x?x3x19xf16, #dure.dims<["d0", "d1", "3", "19"]>>) -> tensor<?x1x1x19xf16, #dure.dims<["d0", "1", "1", "19"]>>
  return %0 : tensor<?x1x1x19xf16, #dure.dims<["d0", "1", "1", "19"]>>
})",
        {{{"d0", 2}, {"d1", 700}}, {{"d0", 2}, {"d1", 0}}});
}

// Tests running sums in both directions, of rows and along another axis.
TEST_P(DispatchTest, RunningSums) {
  for (const char *Flags : {"", ", exclusive = true", ", reverse = true",
                            ", exclusive = true, reverse = true"}) {
    SCOPED_TRACE(Flags);
    std::string Text = R"(
func.func @f(%a: tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>) -> tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.cumsum %a {axis = 1 : i64FLAGS} : (tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>) -> tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>
  return %0 : tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>
})";
    Text = replaceAll(Text, "FLAGS", Flags);
    check(replaceAll(Text, "ELT", "f32"), {{{"d0", 40}}, {{"d0", 0}}});
    check(replaceAll(Text, "ELT", "i64"), {{{"d0", 9}}});
    std::string Rows = R"(
func.func @f(%a: tensor<3x?xELT, #dure.dims<["3", "d0"]>>) -> tensor<3x?xELT, #dure.dims<["3", "d0"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.cumsum %a {axis = 1 : i64FLAGS} : (tensor<3x?xELT, #dure.dims<["3", "d0"]>>) -> tensor<3x?xELT, #dure.dims<["3", "d0"]>>
  return %0 : tensor<3x?xELT, #dure.dims<["3", "d0"]>>
})";
    Rows = replaceAll(Rows, "FLAGS", Flags);
    check(replaceAll(Rows, "ELT", "f32"),
          {{{"d0", 1}}, {{"d0", 16}}, {{"d0", 133}}, {{"d0", 0}}},
          {.Tolerance = 1e-4});
    check(replaceAll(Rows, "ELT", "i32"), {{{"d0", 37}}});
  }
}

// Tests that sums of many numbers keep their digits: one chain of f32 ends at
// 2^24 ones.
TEST_P(DispatchTest, LongSums) {
  auto Ones = [](std::vector<Buffer> &Operands, const Dims &) {
    auto *X = reinterpret_cast<float *>(Operands[0].Data);
    std::fill(X, X + Operands[0].Size / 4, 1.0f);
  };
  for (const char *Shape : {"1x?xf32, #dure.dims<[\"1\", \"d0\"]>",
                            "?x1xf32, #dure.dims<[\"d0\", \"1\"]>"}) {
    bool IsRow = *Shape == '1';
    std::string Text = R"(
func.func @f(%a: tensor<SHAPE>) -> tensor<1x1xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind mean>, axes = array<i64: AXIS>, keep_dims = true} : (tensor<SHAPE>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
})";
    Text = replaceAll(Text, "SHAPE", Shape);
    check(replaceAll(Text, "AXIS", IsRow ? "1" : "0"),
          {{{"d0", 20 * 1000 * 1000}}}, {.Tolerance = 1e-6, .Prepare = Ones});
  }
}

// Tests a reduction of a reduction beside a longer row: the row of one element
// between them must not be read at the longer row's columns.
TEST_P(DispatchTest, ReductionOfOneColumn) {
  check(R"(
func.func @f(%a: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  %1 = dure.reduce %0 {kind = #dure<reduce_kind max>, axes = array<i64: 1>, keep_dims = true} : (tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  %2 = dure.softmax %1 {axis = 1 : i64} : (tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  %3 = dure.sub %a, %0 : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %4 = dure.add %3, %1 : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %5 = dure.mul %4, %2 : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  return %5 : tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
})",
        {{{"d0", 3}, {"d1", 5000}}, {{"d0", 2}, {"d1", 1}}});
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

// Tests rows chosen by indices, negative ones too, and one outside.
TEST_P(DispatchTest, Gather) {
  const char *Text = R"(
func.func @f(%x: tensor<4x37xf32>, %i: tensor<?x?xi64, #dure.dims<["d0", "d1"]>>) -> tensor<?x?x37xf32, #dure.dims<["d0", "d1", "37"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.gather %x, %i {axis = 0 : i64} : (tensor<4x37xf32>, tensor<?x?xi64, #dure.dims<["d0", "d1"]>>) -> tensor<?x?x37xf32, #dure.dims<["d0", "d1", "37"]>>
  return %0 : tensor<?x?x37xf32, #dure.dims<["d0", "d1", "37"]>>
})";
  check(Text, {{{"d0", 2}, {"d1", 9}}});
  check(Text, {{{"d0", 2}, {"d1", 9}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .Low = 0, .High = 9});
  check(R"(
func.func @f(%x: tensor<5x4xf32>, %i: tensor<23xi32>) -> tensor<5x23xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.gather %x, %i {axis = 1 : i64} : (tensor<5x4xf32>, tensor<23xi32>) -> tensor<5x23xf32>
  return %0 : tensor<5x23xf32>
})",
        NoDims);
}

// Tests that an index into a dimension of no elements reads nothing: the
// operand is a page that may not be read.
TEST_P(DispatchTest, GatherOfNothing) {
  const char *Text = R"(
func.func @f(%x: tensor<?x8xf32, #dure.dims<["d0", "8"]>>, %i: tensor<3xi64>) -> tensor<3x8xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.gather %x, %i {axis = 0 : i64} : (tensor<?x8xf32, #dure.dims<["d0", "8"]>>, tensor<3xi64>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
})";
  check(Text, {{{"d0", 0}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .NoAccess = true});
  check(R"(
func.func @f(%x: tensor<2x?xf32, #dure.dims<["2", "d0"]>>, %i: tensor<2x19xi64>) -> tensor<2x19xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.gather_elements %x, %i {axis = 1 : i64} : (tensor<2x?xf32, #dure.dims<["2", "d0"]>>, tensor<2x19xi64>) -> tensor<2x19xf32>
  return %0 : tensor<2x19xf32>
})",
        {{{"d0", 0}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .NoAccess = true});
  check(R"(
func.func @f(%x: tensor<?x8xf32, #dure.dims<["d0", "8"]>>, %i: tensor<3x2xi64>) -> tensor<3xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<?x8xf32, #dure.dims<["d0", "8"]>>, tensor<3x2xi64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
})",
        {{{"d0", 0}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .NoAccess = true});
}

// Tests a transpose of the last axis and slices with steps.
TEST_P(DispatchTest, TransposeSlice) {
  check(R"(
func.func @f(%x: tensor<?x5x19xf32, #dure.dims<["d0", "5", "19"]>>) -> tensor<5x17x?xf32, #dure.dims<["5", "17", "d0"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x5x19xf32, #dure.dims<["d0", "5", "19"]>>) -> tensor<5x19x?xf32, #dure.dims<["5", "19", "d0"]>>
  %1 = dure.slice %0 {starts = #dure.dims<["0", "1", "0"]>, sizes = #dure.dims<["5", "17", "d0"]>, steps = array<i64: 1, 1, 1>} : (tensor<5x19x?xf32, #dure.dims<["5", "19", "d0"]>>) -> tensor<5x17x?xf32, #dure.dims<["5", "17", "d0"]>>
  return %1 : tensor<5x17x?xf32, #dure.dims<["5", "17", "d0"]>>
})",
        {{{"d0", 1}}, {{"d0", 33}}});
  check(R"(
func.func @f(%x: tensor<3x40xf32>) -> tensor<3x13xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.slice %x {starts = #dure.dims<["2", "38"]>, sizes = #dure.dims<["3", "13"]>, steps = array<i64: -1, -3>} : (tensor<3x40xf32>) -> tensor<3x13xf32>
  return %0 : tensor<3x13xf32>
})",
        NoDims);
}

// Tests concatenation along the rows' axis and along the columns.
TEST_P(DispatchTest, Concat) {
  check(R"(
func.func @f(%x: tensor<2x?x9xf32, #dure.dims<["2", "d0", "9"]>>, %y: tensor<2x3x9xf32>) -> tensor<2x?x9xf32, #dure.dims<["2", "d0 + 3", "9"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.concat %x, %y {axis = 1 : i64} : (tensor<2x?x9xf32, #dure.dims<["2", "d0", "9"]>>, tensor<2x3x9xf32>) -> tensor<2x?x9xf32, #dure.dims<["2", "d0 + 3", "9"]>>
  return %0 : tensor<2x?x9xf32, #dure.dims<["2", "d0 + 3", "9"]>>
})",
        {{{"d0", 0}}, {{"d0", 4}}});
  check(R"(
func.func @f(%x: tensor<2x?xi64, #dure.dims<["2", "d0"]>>, %y: tensor<2x30xi64>) -> tensor<2x?xi64, #dure.dims<["2", "2*d0 + 30"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.concat %x, %y, %x {axis = 1 : i64} : (tensor<2x?xi64, #dure.dims<["2", "d0"]>>, tensor<2x30xi64>, tensor<2x?xi64, #dure.dims<["2", "d0"]>>) -> tensor<2x?xi64, #dure.dims<["2", "2*d0 + 30"]>>
  return %0 : tensor<2x?xi64, #dure.dims<["2", "2*d0 + 30"]>>
})",
        {{{"d0", 0}}, {{"d0", 7}}, {{"d0", 35}}});
}

// Tests both layouts of the rotary embedding, a part of the row rotated.
TEST_P(DispatchTest, Rope) {
  for (const char *Layout : {"half", "interleaved"}) {
    std::string Text = R"(
func.func @f(%x: tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>, %c: tensor<?x18xf32, #dure.dims<["d0", "18"]>>, %s: tensor<?x18xf32, #dure.dims<["d0", "18"]>>)
    -> tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.rope %x, %c, %s {layout = #dure<rope_layout LAYOUT>, rotary_dim = 36 : i64} : (tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>, tensor<?x18xf32, #dure.dims<["d0", "18"]>>, tensor<?x18xf32, #dure.dims<["d0", "18"]>>) -> tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>
  return %0 : tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>
})";
    Text.replace(Text.find("LAYOUT"), 6, Layout);
    check(Text, {{{"d0", 1}}, {{"d0", 5}}});
  }
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

// Tests a linear layer with bias, GELU and a residual, for every remainder.
TEST_P(DispatchTest, MatMulEpilogue) {
  std::vector<Dims> Sizes;
  for (int64_t M : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 17, 70})
    Sizes.push_back({{"d0", 1}, {"d1", M}});
  check(R"(
func.func @f(%x: tensor<?x?x40xf32, #dure.dims<["d0", "d1", "40"]>>, %w: tensor<40x77xf32>, %b: tensor<77xf32>, %r: tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>)
    -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.matmul %x, %w : (tensor<?x?x40xf32, #dure.dims<["d0", "d1", "40"]>>, tensor<40x77xf32>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %1 = dure.add %0, %b : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>, tensor<77xf32>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %2 = dure.gelu %1 {form = #dure<gelu_form erf>} : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %3 = dure.add %2, %r : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>, tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  return %3 : tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
})",
        Sizes, {.Tolerance = 1e-4});
}

// Tests batches with broadcasting, a transposed operand and a long dynamic K.
TEST_P(DispatchTest, MatMulBatched) {
  check(R"(
func.func @f(%x: tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d1"]>>, %y: tensor<1x3x?x?xf32, #dure.dims<["1", "3", "d2", "d1"]>>, %m: tensor<2x1x1x?xf32, #dure.dims<["2", "1", "1", "d2"]>>)
    -> tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1", "d2"]} {
  %0 = dure.matmul %x, %y {transpose_rhs = true} : (tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d1"]>>, tensor<1x3x?x?xf32, #dure.dims<["1", "3", "d2", "d1"]>>) -> tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>
  %1 = dure.add %0, %m : (tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>, tensor<2x1x1x?xf32, #dure.dims<["2", "1", "1", "d2"]>>) -> tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>
  return %1 : tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>
})",
        {{{"d0", 5}, {"d1", 19}, {"d2", 41}},
         {{"d0", 66}, {"d1", 1100}, {"d2", 130}},
         {{"d0", 4}, {"d1", 0}, {"d2", 3}},
         {{"d0", 4}, {"d1", 3}, {"d2", 0}}},
        {.Tolerance = 2e-4});
}

// Tests 16-bit floats: converted as they are packed, sums in f32, rounded
// before the epilogue.
TEST_P(DispatchTest, MatMulHalf) {
  for (const char *Element : {"f16", "bf16"}) {
    SCOPED_TRACE(Element);
    std::string Linear = R"(
func.func @f(%x: tensor<?x40xELT, #dure.dims<["d0", "40"]>>, %w: tensor<40x77xELT>, %b: tensor<77xELT>) -> tensor<?x77xELT, #dure.dims<["d0", "77"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.matmul %x, %w : (tensor<?x40xELT, #dure.dims<["d0", "40"]>>, tensor<40x77xELT>) -> tensor<?x77xELT, #dure.dims<["d0", "77"]>>
  %1 = dure.add %0, %b : (tensor<?x77xELT, #dure.dims<["d0", "77"]>>, tensor<77xELT>) -> tensor<?x77xELT, #dure.dims<["d0", "77"]>>
  return %1 : tensor<?x77xELT, #dure.dims<["d0", "77"]>>
})";
    check(replaceAll(Linear, "ELT", Element), {{{"d0", 1}}, {{"d0", 71}}});
    std::string Batched = R"(
func.func @f(%x: tensor<2x?x?xELT, #dure.dims<["2", "d0", "d1"]>>, %y: tensor<2x?x?xELT, #dure.dims<["2", "d2", "d1"]>>) -> tensor<2x?x?xELT, #dure.dims<["2", "d0", "d2"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1", "d2"]} {
  %0 = dure.matmul %x, %y {transpose_rhs = true} : (tensor<2x?x?xELT, #dure.dims<["2", "d0", "d1"]>>, tensor<2x?x?xELT, #dure.dims<["2", "d2", "d1"]>>) -> tensor<2x?x?xELT, #dure.dims<["2", "d0", "d2"]>>
  return %0 : tensor<2x?x?xELT, #dure.dims<["2", "d0", "d2"]>>
})";
    check(replaceAll(Batched, "ELT", Element),
          {{{"d0", 66}, {"d1", 530}, {"d2", 35}},
           {{"d0", 3}, {"d1", 0}, {"d2", 5}}});
  }
}

// Tests a left operand whose columns are contiguous, with and without batches.
TEST_P(DispatchTest, MatMulTransposedLhs) {
  for (const char *Element : {"f32", "f16"}) {
    std::string Text = R"(
func.func @f(%x: tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, %y: tensor<?x45xELT, #dure.dims<["d0", "45"]>>) -> tensor<?x45xELT, #dure.dims<["d1", "45"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.matmul %x, %y {transpose_lhs = true} : (tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, tensor<?x45xELT, #dure.dims<["d0", "45"]>>) -> tensor<?x45xELT, #dure.dims<["d1", "45"]>>
  return %0 : tensor<?x45xELT, #dure.dims<["d1", "45"]>>
})";
    check(replaceAll(Text, "ELT", Element),
          {{{"d0", 530}, {"d1", 70}},
           {{"d0", 5}, {"d1", 1}},
           {{"d0", 0}, {"d1", 3}}},
          {.Tolerance = 1e-4});
  }
  check(R"(
func.func @f(%x: tensor<3x?x7xf32, #dure.dims<["3", "d0", "7"]>>, %y: tensor<?x9xf32, #dure.dims<["d0", "9"]>>) -> tensor<3x7x9xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.matmul %x, %y {transpose_lhs = true} : (tensor<3x?x7xf32, #dure.dims<["3", "d0", "7"]>>, tensor<?x9xf32, #dure.dims<["d0", "9"]>>) -> tensor<3x7x9xf32>
  return %0 : tensor<3x7x9xf32>
})",
        {{{"d0", 11}}});
}

//===----------------------------------------------------------------------===//
// Matmul of experts
//===----------------------------------------------------------------------===//

/// Whatever lies in the matrices that no row chose, nobody sees it.
static void spoilExpert(Buffer &W, int64_t Expert, int64_t Elements) {
  std::memset(W.Data + Expert * Elements * 4, 0xff, Elements * 4);
}

// Tests rows that choose their matrix: none, one, and more than a block of them
// for one expert; experts counted from the end; what no row chose is not read.
TEST_P(DispatchTest, ExpertMatMul) {
  std::string Text = R"(
func.func @f(%x: tensor<?x40xf32, #dure.dims<["d0", "40"]>>, %e: tensor<?x?xi64, #dure.dims<["d0", "d1"]>>, %w: tensor<7x40x77xf32>, %p: tensor<?x?x1xf32, #dure.dims<["d0", "d1", "1"]>>)
    -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.expert_matmul %x, %e, %w : (tensor<?x40xf32, #dure.dims<["d0", "40"]>>, tensor<?x?xi64, #dure.dims<["d0", "d1"]>>, tensor<7x40x77xf32>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %1 = dure.silu %0 : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %2 = dure.mul %1, %p : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>, tensor<?x?x1xf32, #dure.dims<["d0", "d1", "1"]>>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  return %2 : tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
})";
  std::vector<Dims> Sizes = {{{"d0", 0}, {"d1", 2}}, {{"d0", 3}, {"d1", 0}},
                             {{"d0", 1}, {"d1", 1}}, {{"d0", 1}, {"d1", 3}},
                             {{"d0", 7}, {"d1", 4}}, {{"d0", 150}, {"d1", 3}}};
  // Of seven experts the numbers -3 .. 3 are all; -2 .. 2 leave 3 and 4 out.
  check(Text, Sizes,
        {.Tolerance = 1e-4,
         .Low = -2,
         .High = 2,
         .Prepare = [](std::vector<Buffer> &Operands, const Dims &) {
           spoilExpert(Operands[2], 3, 40 * 77);
           spoilExpert(Operands[2], 4, 40 * 77);
         }});
  check(Text, Sizes, {.Tolerance = 1e-4, .Low = 5, .High = 5});
  check(Text, {{{"d0", 40}, {"d1", 3}}},
        {.Fault = int32_t(Fault::IndexOutOfRange), .Low = -7, .High = 7});
  check(Text, {{{"d0", 40}, {"d1", 3}}},
        {.Fault = int32_t(Fault::IndexOutOfRange), .Low = -8, .High = 6});
}

// Tests rows of their own for every expert of a token, a K of several passes,
// and 16-bit floats.
TEST_P(DispatchTest, ExpertMatMulOfRows) {
  for (const char *Element : {"f32", "f16", "bf16"}) {
    SCOPED_TRACE(Element);
    std::string Text = R"(
func.func @f(%x: tensor<?x2x530xELT, #dure.dims<["d0", "2", "530"]>>, %e: tensor<?x2xi64, #dure.dims<["d0", "2"]>>, %w: tensor<5x530x33xELT>) -> tensor<?x2x33xELT, #dure.dims<["d0", "2", "33"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.expert_matmul %x, %e, %w : (tensor<?x2x530xELT, #dure.dims<["d0", "2", "530"]>>, tensor<?x2xi64, #dure.dims<["d0", "2"]>>, tensor<5x530x33xELT>) -> tensor<?x2x33xELT, #dure.dims<["d0", "2", "33"]>>
  return %0 : tensor<?x2x33xELT, #dure.dims<["d0", "2", "33"]>>
})";
    check(replaceAll(Text, "ELT", Element),
          {{{"d0", 1}}, {{"d0", 33}}, {{"d0", 200}}},
          {.Tolerance = 1e-3, .Low = -5, .High = 4});
  }
}

// Tests that four-bit integers are read two a byte, a row from the middle of
// one too, as operands and as constants. The reference has no such elements:
// the same numbers are eight bits wide there.
TEST_P(DispatchTest, FourBits) {
  for (const char *Sign : {"i", "ui"}) {
    SCOPED_TRACE(Sign);
    std::string Text = R"(
func.func @f(%x: tensor<5x21xELT>, %s: tensor<5xf32>) -> (tensor<5x21xf32>, tensor<5x3xf32>) attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.dequantize %x, %s {axis = 0 : i64} : (tensor<5x21xELT>, tensor<5xf32>) -> tensor<5x21xf32>
  %c = dure.constant dense<[[1, 2, 3], [4, 5, 6], [7, 0, 3], [1, 6, 2], [5, 5, 0]]> : tensor<5x3xELT> : tensor<5x3xELT>
  %1 = dure.cast %c {to = f32} : (tensor<5x3xELT>) -> tensor<5x3xf32>
  return %0, %1 : tensor<5x21xf32>, tensor<5x3xf32>
})";
    auto Pack = [&](std::vector<Buffer> &Operands, const Dims &) {
      Buffer Packed((Operands[0].Size + 1) / 2);
      for (size_t I = 0; I < Packed.Size; ++I) {
        char Low = Operands[0].Data[2 * I] & 15;
        char High = 2 * I + 1 < Operands[0].Size ? Operands[0].Data[2 * I + 1]
                                                 : char(0);
        Packed.Data[I] = char(Low | (High << 4));
      }
      std::swap(Packed.Size, Operands[0].Size);
      std::swap(Packed.Data, Operands[0].Data);
    };
    Options Expect;
    Expect.Low = *Sign == 'u' ? 0 : -8;
    Expect.High = *Sign == 'u' ? 15 : 7;
    Expect.Prepare = Pack;
    Expect.ReferenceText = replaceAll(Text, "ELT", std::string(Sign) + "8");
    check(replaceAll(Text, "ELT", std::string(Sign) + "4"), NoDims, Expect);
  }
}

// Tests element types and layouts that have no kernel family of their own.
TEST_P(DispatchTest, MatMulPlain) {
  check(R"(
func.func @f(%x: tensor<9x5xi32>, %y: tensor<9x20xi32>) -> tensor<5x20xi32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.matmul %x, %y {transpose_lhs = true} : (tensor<9x5xi32>, tensor<9x20xi32>) -> tensor<5x20xi32>
  return %0 : tensor<5x20xi32>
})",
        NoDims);
}
