// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Forms of operators: what each importer takes, and what it refuses beside it.

#include "test/unit/onnx/ImporterFixture.h"

using namespace dure;
using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

class OnnxOperator : public OnnxImporter {
protected:
  /// The codes of all refusals of one node that gives y; "" when it is taken.
  std::string codesOf(const std::string &Node, std::vector<std::string> Inputs,
                      std::vector<std::string> Initializers = {},
                      int64_t Opset = 22, int Type = Float) {
    return OnnxImporter::codesOf(
        one(Node, std::move(Inputs), Type, std::move(Initializers), Opset));
  }
};

//===----------------------------------------------------------------------===//
// Places of elements
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, PlacesOfExtremes) {
  auto Codes = [&](int64_t Axis, std::vector<DimText> Dims) {
    return codesOf(
        node("ArgMax", {"x"}, {"y"},
             {intAttribute("axis", Axis), intAttribute("keepdims", 0)}),
        {value("x", Float, Dims)}, {}, 13, Int64);
  };
  EXPECT_EQ(Codes(-1, {"n", 3}), "");
  EXPECT_EQ(Codes(2, {"n", 3}), "shape-rank");
  // The largest of nothing has no place.
  EXPECT_EQ(Codes(1, {"n", 0}), "shape-rank");
  // An attribute of a later version.
  EXPECT_EQ(codesOf(node("ArgMin", {"x"}, {"y"},
                         {intAttribute("select_last_index", 1)}),
                    {value("x", Float, {2, 3})}, {}, 11, Int64),
            "attribute");
}

TEST_F(OnnxOperator, HardmaxSeesAMatrixBefore13) {
  auto Codes = [&](int64_t Opset) {
    return codesOf(node("Hardmax", {"x"}, {"y"}, {intAttribute("axis", 1)}),
                   {value("x", Float, {"n", 3, 0})}, {}, Opset);
  };
  EXPECT_EQ(Codes(22), "");
  EXPECT_EQ(Codes(7), "shape-rank"); // Rows of no elements.
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, Losses) {
  auto Codes = [&](std::vector<DimText> Classes, const char *Reduction,
                   int Type = Int32) {
    return codesOf(
        node("NegativeLogLikelihoodLoss", {"x", "c"}, {"y"},
             {stringAttribute("reduction", Reduction),
              intAttribute("ignore_index", int64_t(1) << 40)}),
        {value("x", Float, {"n", 5, "d"}), value("c", Type, Classes)});
  };
  EXPECT_EQ(Codes({"n", "d"}, "sum"), "");
  EXPECT_EQ(Codes({"n", "d"}, "max"), "attribute");
  EXPECT_EQ(Codes({"n"}, "mean"), "shape-rank");
  EXPECT_EQ(Codes({"n", "d"}, "mean", Float), "operands");
  EXPECT_EQ(codesOf(node("SoftmaxCrossEntropyLoss", {"x", "c", "w"}, {"y"}),
                    {value("x", Float, {"n", 5}), value("c", Int64, {"n"}),
                     value("w", Float, {4})}),
            "shape-rank");
  EXPECT_EQ(codesOf(node("SoftmaxCrossEntropyLoss", {"x", "c"}, {"y"}),
                    {value("x", Float, {5}), value("c", Int64, {})}),
            "shape-rank");
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, WindowsOfPools) {
  auto Codes = [&](std::vector<std::string> Attributes,
                   std::vector<DimText> Dims = {"n", 3, "h", "w"}) {
    return codesOf(node("MaxPool", {"x"}, {"y"}, Attributes),
                   {value("x", Float, Dims)});
  };
  std::string Kernel = intsAttribute("kernel_shape", {2, 3});
  EXPECT_EQ(Codes({Kernel}), "");
  EXPECT_EQ(Codes({}), "attribute");
  EXPECT_EQ(Codes({Kernel, intsAttribute("strides", {2, 0})}), "attribute");
  EXPECT_EQ(Codes({Kernel, intsAttribute("strides", {2})}), "attribute");
  EXPECT_EQ(Codes({Kernel, intsAttribute("pads", {0, 0, -1, 0})}), "attribute");
  EXPECT_EQ(Codes({Kernel, intsAttribute("pads", {0, 0, int64_t(1) << 62, 0})}),
            "attribute");
  EXPECT_EQ(Codes({Kernel, stringAttribute("auto_pad", "SAME")}), "attribute");
  EXPECT_EQ(Codes({Kernel}, {"n", 3, "w"}), "shape-rank");
  EXPECT_EQ(Codes({intsAttribute("kernel_shape", {2, 0})}), "shape-rank");
  EXPECT_EQ(
      codesOf(node("LpPool", {"x"}, {"y"}, {Kernel, intAttribute("p", 0)}),
              {value("x", Float, {1, 1, 4, 4})}),
      "attribute");
  EXPECT_EQ(
      codesOf(node("GlobalMaxPool", {"x"}, {"y"}), {value("x", Float, {4})}),
      "shape-rank");
  EXPECT_EQ(codesOf(node("LRN", {"x"}, {"y"}, {intAttribute("size", 0)}),
                    {value("x", Float, {1, 4, 4})}),
            "shape-rank");
}

TEST_F(OnnxOperator, FiltersOfConvolutions) {
  auto Codes = [&](std::vector<std::string> Attributes,
                   std::vector<DimText> Filter, const char *Op = "Conv") {
    return codesOf(
        node(Op, {"x", "f"}, {"y"}, Attributes),
        {value("x", Float, {"n", 4, "t"}), value("f", Float, Filter)});
  };
  EXPECT_EQ(Codes({}, {8, 4, 3}), "");
  EXPECT_EQ(Codes({intAttribute("group", 2)}, {8, 2, 3}), "");
  EXPECT_EQ(Codes({}, {8, 2, 3}), "shape-rank");
  EXPECT_EQ(Codes({intAttribute("group", 2)}, {7, 2, 3}), "shape-rank");
  EXPECT_EQ(Codes({intAttribute("group", 0)}, {8, 4, 3}), "attribute");
  EXPECT_EQ(Codes({}, {8, 4, "k"}), "shape-rank");
  EXPECT_EQ(Codes({}, {8, 4}), "shape-rank");
  EXPECT_EQ(Codes({intsAttribute("kernel_shape", {5})}, {8, 4, 3}),
            "attribute");
  EXPECT_EQ(Codes({}, {4, 8, 3}, "ConvTranspose"), "");
  EXPECT_EQ(Codes({}, {3, 8, 3}, "ConvTranspose"), "shape-rank");
  EXPECT_EQ(Codes({intsAttribute("output_padding", {-1})}, {4, 8, 3},
                  "ConvTranspose"),
            "attribute");
}

//===----------------------------------------------------------------------===//
// Quantized numbers
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, QuantizedOutputs) {
  auto Codes = [&](std::vector<DimText> Scale,
                   std::vector<std::string> Attributes, int ScaleType = Float) {
    return codesOf(node("QuantizeLinear", {"x", "s", "z"}, {"y"}, Attributes),
                   {value("x", Float, {"n", 6}), value("s", ScaleType, Scale),
                    value("z", Int8, Scale)},
                   {}, 25, Int8);
  };
  EXPECT_EQ(Codes({}, {}), "");
  EXPECT_EQ(Codes({6}, {}), "");
  EXPECT_EQ(Codes({"n", 3}, {intAttribute("block_size", 2)}), "");
  EXPECT_EQ(Codes({5}, {}), "shape-rank");
  EXPECT_EQ(Codes({6}, {intAttribute("axis", 2)}), "shape-rank");
  EXPECT_EQ(Codes({"n", 4}, {intAttribute("block_size", 2)}), "shape-rank");
  EXPECT_EQ(Codes({3}, {intAttribute("block_size", 2)}), "shape-rank");
  EXPECT_EQ(Codes({}, {intAttribute("block_size", -1)}), "attribute");
  EXPECT_EQ(Codes({}, {intAttribute("output_dtype", UInt8)}), "attribute");
  EXPECT_EQ(Codes({}, {}, Int32), "operands");
}

TEST_F(OnnxOperator, QuantizedProducts) {
  auto Codes = [&](std::vector<DimText> Zero, int Type = UInt8) {
    return codesOf(node("MatMulInteger", {"a", "b", "", "z"}, {"y"}),
                   {value("a", Type, {"n", 3}), value("b", Int8, {3, 4}),
                    value("z", Int8, Zero)},
                   {}, 22, Int32);
  };
  EXPECT_EQ(Codes({}), "");
  EXPECT_EQ(Codes({4}), "");
  EXPECT_EQ(Codes({3}), "shape-rank");
  EXPECT_EQ(Codes({2, 3, 4}), "shape-rank");
  EXPECT_EQ(Codes({4}, Int32), "operands");
  EXPECT_EQ(codesOf(node("DynamicQuantizeLinear", {"x"}, {"y", "s", "z"}),
                    {value("x", Int32, {3})}, {}, 22, UInt8),
            "operands");
}

//===----------------------------------------------------------------------===//
// Sizes that depend on data
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, ElementsThatAreCounted) {
  auto Codes = [&](std::vector<DimText> Dims, int Type) {
    return codesOf(node("Compress", {"x", "c"}, {"y"}),
                   {value("x", Float, {4}), value("c", Type, Dims)});
  };
  EXPECT_EQ(Codes({3}, Bool), "");
  EXPECT_EQ(Codes({"n"}, Bool), "");
  EXPECT_EQ(Codes({2, 2}, Bool), "shape-rank");
  EXPECT_EQ(Codes({4}, Float), "shape-rank");
  EXPECT_EQ(codesOf(node("NonZero", {"x"}, {"y"}), {value("x", Float, {})}, {},
                    22, Int64),
            "");
}

TEST_F(OnnxOperator, UniqueSlices) {
  auto Codes = [&](std::vector<DimText> Dims, int64_t Axis) {
    return codesOf(node("Unique", {"x"}, {"y"}, {intAttribute("axis", Axis)}),
                   {value("x", Float, Dims)});
  };
  EXPECT_EQ(Codes({"n", 4}, 0), "");
  EXPECT_EQ(Codes({4, "n"}, -1), "");
  // Slices are compared element by element.
  EXPECT_EQ(Codes({4, "n"}, 0), "op-form");
  EXPECT_EQ(Codes({4, 257}, 0), "op-form");
  EXPECT_EQ(Codes({4}, 1), "shape-rank");
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, EquationsOfEinsum) {
  auto Codes = [&](const char *Equation) {
    return codesOf(node("Einsum", {"a", "b"}, {"y"},
                        {stringAttribute("equation", Equation)}),
                   {value("a", Float, {2, 3}), value("b", Float, {3, 4})});
  };
  EXPECT_EQ(Codes("ij, jk -> ik"), "");
  EXPECT_EQ(Codes("ij,jk"), "");
  EXPECT_EQ(Codes("...j,jk->...k"), "");
  EXPECT_EQ(Codes("ij,jk,kl->il"), "attribute"); // Three terms, two inputs.
  EXPECT_EQ(Codes("ij,jk->iz"), "attribute");    // z is nowhere.
  EXPECT_EQ(Codes("ij,jk->ii"), "attribute");
  EXPECT_EQ(Codes("i+,jk->ik"), "attribute");
  EXPECT_EQ(Codes("ijk,jk->i"), "shape-rank");
  EXPECT_EQ(Codes("ij,ik->jk"), "shape-rank"); // i is 2 and 3.
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, RulesOfLinearAttention) {
  auto Codes = [&](const char *Rule, std::vector<std::string> Inputs,
                   int64_t Heads = 4) {
    return codesOf(
        node("LinearAttention", Inputs, {"y", "s"},
             {intAttribute("q_num_heads", Heads),
              intAttribute("kv_num_heads", 2),
              stringAttribute("update_rule", Rule)}),
        {value("q", Float, {"b", "t", 32}), value("k", Float, {"b", "t", 16}),
         value("v", Float, {"b", "t", 12}), value("d", Float, {"b", "t", 2}),
         value("beta", Float, {"b", "t", 1})},
        {}, 27);
  };
  EXPECT_EQ(Codes("linear", {"q", "k", "v"}), "");
  EXPECT_EQ(Codes("gated", {"q", "k", "v", "", "d"}), "");
  EXPECT_EQ(Codes("gated_delta", {"q", "k", "v", "", "d", "beta"}), "");
  EXPECT_EQ(Codes("gated", {"q", "k", "v"}), "input-count");
  EXPECT_EQ(Codes("linear", {"q", "k", "v", "", "d"}), "input-count");
  EXPECT_EQ(Codes("other", {"q", "k", "v"}), "attribute");
  EXPECT_EQ(Codes("linear", {"q", "k", "v"}, 3), "attribute");
}

TEST_F(OnnxOperator, RowsOfACache) {
  auto Codes = [&](int64_t Axis, std::vector<DimText> Update) {
    return codesOf(
        node("TensorScatter", {"c", "u"}, {"y"}, {intAttribute("axis", Axis)}),
        {value("c", Float, {2, 8, 4}), value("u", Float, Update)}, {}, 24);
  };
  EXPECT_EQ(Codes(1, {2, "t", 4}), "");
  EXPECT_EQ(Codes(-3, {2, "t", 4}), "shape-rank");
  EXPECT_EQ(Codes(1, {2, "t", 5}), "shape-rank");
  EXPECT_EQ(Codes(1, {2, "t"}), "shape-rank");
}

TEST_F(OnnxOperator, CausalConvolutions) {
  auto Codes = [&](std::vector<DimText> W, const char *Activation) {
    return codesOf(node("CausalConvWithState", {"x", "w"}, {"y", "s"},
                        {stringAttribute("activation", Activation)}),
                   {value("x", Float, {"b", 6, "t"}), value("w", Float, W)}, {},
                   27);
  };
  EXPECT_EQ(Codes({6, 1, 4}, "silu"), "");
  EXPECT_EQ(Codes({6, 1, 4}, "gelu"), "attribute");
  EXPECT_EQ(Codes({6, 2, 4}, "none"), "shape-rank");
  EXPECT_EQ(Codes({6, 1, "k"}, "none"), "shape-rank");
  EXPECT_EQ(Codes({6, 4}, "none"), "shape-rank");
}

//===----------------------------------------------------------------------===//
// Computed places
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, ScalesAndSizesOfResize) {
  auto Codes = [&](std::vector<DimText> X, std::vector<float> Scales,
                   std::vector<std::string> Attributes = {}) {
    return codesOf(
        node("Resize", {"x", "", "s"}, {"y"}, Attributes),
        {value("x", Float, X)},
        {rawTensorOf<float>("s", Float, {static_cast<int64_t>(Scales.size())},
                            Scales)},
        19);
  };
  EXPECT_EQ(Codes({1, 3, "h", "w"}, {1, 1, 2, 0.75f}), "");
  EXPECT_EQ(Codes({1, 3, 8, 8}, {1, 1, 2}), "shape-rank");
  EXPECT_EQ(Codes({1, 3, 8, 8}, {1, 1, 2, 0}), "attribute");
  EXPECT_EQ(Codes({1, 3, 8, 8}, {1, 1, 2, -1}), "attribute");
  EXPECT_EQ(Codes({1, 3, 0, 8}, {1, 1, 2, 2}), "");
  EXPECT_EQ(
      Codes({1, 3, 8, 8}, {1, 1, 2, 2}, {stringAttribute("mode", "nearer")}),
      "attribute");
  // The part to cut out is missing.
  EXPECT_EQ(Codes({1, 3, 8, 8}, {1, 1, 2, 2},
                  {stringAttribute("coordinate_transformation_mode",
                                   "tf_crop_and_resize")}),
            "shape-rank");
  // Scales that are computed.
  EXPECT_EQ(codesOf(node("Resize", {"x", "", "s"}, {"y"}),
                    {value("x", Float, {1, 8}), value("s", Float, {2})}, {},
                    19),
            "constant-needed");
  EXPECT_EQ(codesOf(node("Resize", {"x", "", "", "n"}, {"y"}),
                    {value("x", Float, {1, 8}), value("n", Int64, {2})}, {},
                    19),
            "");
}

TEST_F(OnnxOperator, PointsOfGrids) {
  auto Codes = [&](std::vector<DimText> X, std::vector<DimText> Grid,
                   const char *Mode = "linear") {
    return codesOf(
        node("GridSample", {"x", "g"}, {"y"}, {stringAttribute("mode", Mode)}),
        {value("x", Float, X), value("g", Float, Grid)});
  };
  EXPECT_EQ(Codes({"n", 3, "h", "w"}, {"n", 4, 5, 2}), "");
  EXPECT_EQ(Codes({"n", 3, "h", "w"}, {"n", 4, 5, 3}), "shape-rank");
  EXPECT_EQ(Codes({2, 3, 4, 4}, {3, 4, 5, 2}), "shape-rank");
  EXPECT_EQ(Codes({2, 3, 0, 4}, {2, 4, 5, 2}), "shape-rank");
  EXPECT_EQ(Codes({2, 3, 4}, {2, 4, 5, 2}), "shape-rank");
  EXPECT_EQ(Codes({2, 3, 4, 4}, {2, 4, 5, 2}, "area"), "attribute");
}

TEST_F(OnnxOperator, BlocksOfCol2Im) {
  auto Codes = [&](std::vector<int64_t> Block, std::vector<DimText> X) {
    return codesOf(node("Col2Im", {"x", "i", "b"}, {"y"}),
                   {value("x", Float, X)},
                   {ints("i", {5, 5}), ints("b", Block)});
  };
  EXPECT_EQ(Codes({1, 5}, {1, 5, 5}), "");
  EXPECT_EQ(Codes({1, 5}, {1, 5, 4}), "shape-rank");
  EXPECT_EQ(Codes({1, 6}, {1, 6, 5}), "shape-rank");
  EXPECT_EQ(Codes({0, 5}, {1, 5, 5}), "shape-rank");
  EXPECT_EQ(Codes({5}, {1, 5, 5}), "shape-rank");
}

//===----------------------------------------------------------------------===//
// Signals
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, SignalsOfTransforms) {
  auto Codes = [&](std::vector<DimText> X, int64_t Axis, int64_t Opset = 20) {
    if (Opset < 20)
      return codesOf(node("DFT", {"x"}, {"y"}, {intAttribute("axis", Axis)}),
                     {value("x", Float, X)}, {}, Opset);
    return codesOf(node("DFT", {"x", "", "a"}, {"y"}), {value("x", Float, X)},
                   {ints("a", {Axis}, true)}, Opset);
  };
  EXPECT_EQ(Codes({"b", "n", 1}, 1), "");
  EXPECT_EQ(Codes({"b", "n", 2}, -2), "");
  EXPECT_EQ(Codes({"b", "n", 2}, 0, 17), "");
  EXPECT_EQ(Codes({"b", "n", 3}, 1), "shape-rank");
  EXPECT_EQ(Codes({"b", "n", 1}, 2), "shape-rank"); // The parts of numbers.
  EXPECT_EQ(Codes({"n"}, 0), "shape-rank");
}

TEST_F(OnnxOperator, FramesOfTransforms) {
  auto Codes = [&](std::vector<DimText> X, int64_t Step, DimText Window) {
    return codesOf(
        node("STFT", {"x", "s", "w"}, {"y"}),
        {value("x", Float, X), value("w", Float, {std::move(Window)})},
        {ints("s", {Step}, true)}, 17);
  };
  EXPECT_EQ(Codes({"b", "n", 1}, 4, 8), "");
  EXPECT_EQ(Codes({1, 16, 1}, 4, 8), "");
  EXPECT_EQ(Codes({1, 16, 1}, 0, 8), "shape-rank");
  EXPECT_EQ(Codes({1, 16, 1}, 4, 32), "shape-rank");
  EXPECT_EQ(Codes({1, 16}, 4, 8), "shape-rank");
}

TEST_F(OnnxOperator, RecurrentCells) {
  auto Codes = [&](const char *Op, int64_t Rows,
                   std::vector<std::string> Attributes) {
    return codesOf(node(Op, {"x", "w", "r"}, {"y"}, Attributes),
                   {value("x", Float, {"t", "b", 3}),
                    value("w", Float, {1, Rows, 3}),
                    value("r", Float, {1, Rows, 5})});
  };
  EXPECT_EQ(Codes("LSTM", 20, {intAttribute("hidden_size", 5)}), "");
  EXPECT_EQ(Codes("GRU", 15, {intAttribute("layout", 1)}), "");
  EXPECT_EQ(Codes("RNN", 5, {stringAttribute("direction", "reverse")}), "");
  EXPECT_EQ(Codes("LSTM", 20, {intAttribute("hidden_size", 4)}), "shape-rank");
  EXPECT_EQ(Codes("GRU", 20, {}), "shape-rank");
  EXPECT_EQ(Codes("RNN", 5, {stringAttribute("direction", "bidirectional")}),
            "shape-rank");
  EXPECT_EQ(Codes("RNN", 5, {stringAttribute("direction", "up")}), "attribute");
}

//===----------------------------------------------------------------------===//
// com.microsoft
//===----------------------------------------------------------------------===//

TEST_F(OnnxOperator, FormsOfGroupQueryAttention) {
  auto Codes = [&](std::vector<std::string> Inputs,
                   std::vector<std::string> More = {}) {
    More.push_back(intAttribute("num_heads", 4));
    More.push_back(intAttribute("kv_num_heads", 2));
    return codesOf(
        node("GroupQueryAttention", Inputs, {"y"}, More, "", "com.microsoft"),
        {value("q", Float, {"b", "t", 32}), value("k", Float, {"b", "t", 16}),
         value("pk", Float, {"b", 2, "p", 8}), value("n", Int32, {"b"}),
         value("s", Int32, {}), value("cos", Float, {64, 4})});
  };
  std::vector<std::string> Plain = {"q", "k", "k", "", "", "n", "s"};
  EXPECT_EQ(Codes(Plain), "");
  EXPECT_EQ(Codes({"q", "k", "k", "pk", "pk", "n", "s"}), "");
  EXPECT_EQ(Codes({"q", "k", "k", "pk", "", "n", "s"}), "input-count");
  EXPECT_EQ(Codes({"q", "k", "", "", "", "n", "s"}), "input-count");
  EXPECT_EQ(Codes(Plain, {intAttribute("do_rotary", 1)}), "input-count");
  EXPECT_EQ(Codes({"q", "k", "k", "", "", "n", "s", "cos", "cos"},
                  {intAttribute("do_rotary", 1)}),
            "");
  EXPECT_EQ(Codes(Plain, {intAttribute("kv_cache_bit_width", 8)}), "attribute");
  EXPECT_EQ(Codes(Plain, {intAttribute("causal", 0),
                          intAttribute("local_window_size", 2)}),
            "attribute");
  // Scales of a quantized cache.
  EXPECT_EQ(
      Codes({"q", "k", "k", "pk", "pk", "n", "s", "", "", "", "", "", "n"}),
      "op-form");
}

TEST_F(OnnxOperator, SizesOfPackedWeights) {
  auto Codes = [&](std::vector<DimText> Weight, int64_t Bits, int64_t Block,
                   int64_t N = 3) {
    return codesOf(
        node("MatMulNBits", {"a", "b", "s"}, {"y"},
             {intAttribute("K", 40), intAttribute("N", N),
              intAttribute("bits", Bits), intAttribute("block_size", Block)},
             "", "com.microsoft"),
        {value("a", Float, {"t", 40}), value("b", UInt8, Weight),
         value("s", Float, {3, "blocks"})});
  };
  EXPECT_EQ(Codes({3, 3, 8}, 4, 16), "");
  EXPECT_EQ(Codes({3, 2, 32}, 8, 32), "");
  EXPECT_EQ(Codes({3, 2, 8}, 4, 16), "shape-rank");
  EXPECT_EQ(Codes({3, 3, 8}, 2, 16), "attribute");
  EXPECT_EQ(Codes({3, 3, 8}, 4, 24), "attribute");
  EXPECT_EQ(Codes({3, 3, 8}, 4, 8), "attribute");
  EXPECT_EQ(Codes({3, 3, 8}, 4, 16, 0), "attribute");
  EXPECT_EQ(Codes({3, 3, 8}, 4, 16, int64_t(1) << 31), "attribute");
}

TEST_F(OnnxOperator, FormsOfExperts) {
  auto Codes = [&](std::vector<std::string> Inputs,
                   std::vector<std::string> More = {},
                   std::vector<DimText> Router = {"t", 4}) {
    return codesOf(
        node("MoE", Inputs, {"y"}, More, "", "com.microsoft"),
        {value("x", Float, {"t", 8}), value("r", Float, Router),
         value("in", Float, {4, 16, 8}), value("out", Float, {4, 8, 16}),
         value("half", Float, {4, 8, 8}), value("odd", Float, {4, 15, 8}),
         value("b", Float, {4, 16})});
  };
  std::string Swiglu = stringAttribute("activation_type", "swiglu");
  std::vector<std::string> Plain = {"x", "r", "in", "", "out"};
  EXPECT_EQ(Codes(Plain), "");
  EXPECT_EQ(Codes({"x", "r", "in", "b", "out", "", "in", "b"}), "");
  EXPECT_EQ(Codes({"x", "r", "in", "b", "half"},
                  {Swiglu, intAttribute("swiglu_fusion", 1)}),
            "");
  EXPECT_EQ(Codes({"x", "r", "in", "", "out", "", "in"}, {Swiglu}), "");
  EXPECT_EQ(Codes(Plain, {Swiglu}), "op-form");
  EXPECT_EQ(Codes({"x", "r", "odd", "", "half"},
                  {Swiglu, intAttribute("swiglu_fusion", 2)}),
            "shape-rank");
  EXPECT_EQ(Codes(Plain, {intAttribute("k", 0)}), "attribute");
  EXPECT_EQ(Codes(Plain, {intAttribute("k", 5)}), "operands");
  EXPECT_EQ(Codes(Plain, {intAttribute("use_sparse_mixer", 1)}), "op-form");
  EXPECT_EQ(Codes(Plain, {intAttribute("swiglu_limit_after_activation", 1)}),
            "op-form");
  EXPECT_EQ(Codes(Plain, {stringAttribute("activation_type", "tanh")}),
            "attribute");
  EXPECT_EQ(Codes(Plain, {}, {"t", 4, 1}), "shape-rank");
  EXPECT_EQ(Codes({"x", "r", "in", "", "half"}), "operands");
  EXPECT_EQ(Codes({"x", "r", "in", "", "b"}), "shape-rank");
}

TEST_F(OnnxOperator, SizesOfQuantizedExperts) {
  auto Codes = [&](std::vector<DimText> In, std::vector<DimText> Scale,
                   std::vector<std::string> More = {}, const char *Zeros = "") {
    return codesOf(
        node("QMoE",
             {"x", "r", "in", "s", "", "out", "t", "", "", "", "", Zeros},
             {"y"}, More, "", "com.microsoft"),
        {value("x", Float, {3, 32}), value("r", Float, {3, 4}),
         value("in", UInt8, In), value("s", Float, Scale),
         value("out", UInt8, {4, 32, 8}), value("t", Float, {4, 32}),
         value("z", UInt8, {4, 8}), value("z2", UInt8, {4, 7})});
  };
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16}), "");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16, 1}, {}, "z"), "");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16}, {}, "z2"), "shape-rank");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16, 2}, {intAttribute("block_size", 16)}),
            "");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16, 2}, {intAttribute("block_size", 32)}),
            "shape-rank");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16, 2}), "shape-rank");
  EXPECT_EQ(
      Codes({4, 16, 32}, {4, 16}, {intAttribute("fc1_expert_weight_bits", 8)}),
      "");
  EXPECT_EQ(
      Codes({4, 16, 16}, {4, 16}, {intAttribute("expert_weight_bits", 3)}),
      "attribute");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16}, {stringAttribute("quant_type", "fp4")}),
            "op-form");
  EXPECT_EQ(Codes({4, 16, 16}, {4, 16}, {intAttribute("weights_prepacked", 1)}),
            "op-form");
  EXPECT_EQ(Codes({16, 16}, {4, 16}), "shape-rank");
}

} // namespace
