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

} // namespace
