// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Refusals of the ONNX importer: all at once, named, in two languages.

#include "test/unit/onnx/ImporterFixture.h"

using namespace dure;
using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

TEST_F(OnnxImporter, EverythingIsReportedAtOnce) {
  GraphParts G;
  G.Inputs = {value("x", Float, {2})};
  G.Nodes = {node("Frobnicate", {"x"}, {"a"}),
             node("Relu", {"a"}, {"b"}), // Follows from the one before.
             node("Blur", {"b"}, {"c"}, {}, "", "com.example"),
             node("Relu", {"x"}, {"d"}, {intAttribute("spin", 1)}),
             node("Softmax", {"x"}, {"e"}, {stringAttribute("axis", "no")}),
             node("Add", {"x"}, {"f"})};
  for (const char *Name : {"b", "c", "d", "e", "f"})
    G.Outputs.push_back(value(Name, Float, {2}));
  EXPECT_EQ(codesOf(model(graph(G))), "op-unknown domain-unknown attribute "
                                      "attribute input-count");
}

TEST_F(OnnxImporter, SignatureAndGraphAreReportedTogether) {
  GraphParts G;
  G.Inputs = {value("s", String, {1}), value("x", Float, {2}),
              value("big", Float, {int64_t(1) << 60})};
  G.Nodes = {node("Frobnicate", {"x"}, {"a"}),
             node("Identity", {"s"}, {"b"}), // Follows from the input.
             node("Relu", {"big"}, {"c"}), node("Relu", {"x"}, {"d"}),
             node("Neg", {"x"}, {"e"})};
  for (const char *Name : {"a", "b", "c"})
    G.Outputs.push_back(value(Name, Float, {2}));
  for (const char *Name : {"d", "e"})
    G.Outputs.push_back(value(Name, Int64, {2}));
  EXPECT_EQ(codesOf(model(graph(G), 999)), "graph-io graph-io opset-version "
                                           "op-unknown graph-io graph-io");
  // Of an opset whose rules were others, only what no version knows is said.
  EXPECT_EQ(codesOf(model(graph(G), 5)),
            "graph-io graph-io opset-version op-unknown");
}

TEST_F(OnnxImporter, InputValuesMustFitTheirInput) {
  std::string Bytes =
      one(node("ReduceSum", {"x", "axes"}, {"y"}),
          {value("x", Float, {2, 3}), value("axes", Int64, {1})});
  InputValue Axes;
  Axes.Type = DataType::Int64;
  Axes.Dims = {1};
  Axes.Bytes.assign("\x01\0\0\0\0\0\0\0", 8);
  ImportOptions Options;
  Options.InputValues["ghost"] = Axes;
  EXPECT_EQ(codesOf(Bytes, Options), "graph-io constant-needed");
  Options.InputValues.clear();
  Axes.Dims = {1, 1};
  Options.InputValues["axes"] = Axes;
  EXPECT_HAS(codesOf(Bytes, Options), "graph-io");
}

// Tests that a node lacking an attribute which the standard gives no default is
// refused and the attribute named, as long as it is no input yet.
TEST_F(OnnxImporter, AttributesWithoutDefaults) {
  const struct {
    const char *Op, *Attribute;
    int64_t Opset;
  } All[] = {
      {"AveragePool", "kernel_shape", 20},
      {"BitShift", "direction", 20},
      {"Cast", "to", 20},
      {"Concat", "axis", 20},
      {"DepthToSpace", "blocksize", 20},
      {"Einsum", "equation", 20},
      {"GroupNormalization", "num_groups", 21},
      {"If", "then_branch", 20},
      {"Loop", "body", 20},
      {"LpPool", "kernel_shape", 20},
      {"MaxPool", "kernel_shape", 20},
      {"Pad", "pads", 10},
      {"Scan", "body", 20},
      {"Slice", "starts", 9},
      {"SpaceToDepth", "blocksize", 20},
      {"TopK", "k", 9},
      {"Unsqueeze", "axes", 12},
      {"Upsample", "scales", 8},
  };
  for (const auto &[Op, Attribute, Opset] : All) {
    ImportResult Result =
        import(one(node(Op, {"x"}, {"y"}), {value("x", Float, {1, 4, 4, 4})},
                   Float, {}, Opset));
    ASSERT_EQ(Result.Refusals.size(), 1u) << Op;
    EXPECT_EQ(codeName(Result.Refusals[0].Code), "attribute") << Op;
    EXPECT_EQ(reasonOf(Result.Refusals[0]),
              "The attribute '" + std::string(Attribute) + "' is missing.");
  }
  // With it, and where it became an input, there is nothing to refuse.
  EXPECT_EQ(codesOf(one(node("Concat", {"x"}, {"y"}, {intAttribute("axis", 0)}),
                        {value("x", Float, {2})})),
            "");
  EXPECT_EQ(
      codesOf(one(node("Unsqueeze", {"x", "axes"}, {"y"}),
                  {value("x", Float, {2})}, Float, {ints("axes", {0})}, 13)),
      "");
}

TEST_F(OnnxImporter, RefusalsAreOneLineOfText) {
  ImportResult Result =
      import(one(node("Frob\nnicate", {"x"}, {"y"}, {}, "n\x1b[31m"),
                 {value("x", Float, {2})}));
  ASSERT_EQ(Result.Refusals.size(), 1u);
  std::string Text = toString(Result.Refusals[0]);
  EXPECT_HAS(Text, "node 'n?[31m' (Frob?nicate, opset 20)");
  EXPECT_LACKS(Text, "\n");
}

TEST_F(OnnxImporter, RefusalsSpeakKorean) {
  ImportResult Result = import(one(node("Frobnicate", {"x"}, {"y"}, {}, "n1"),
                                   {value("x", Float, {2})}));
  ASSERT_EQ(Result.Refusals.size(), 1u);
  std::string Text = toString(Result.Refusals[0], Language::Korean);
  EXPECT_HAS(Text, "노드 'n1' (Frobnicate, opset 20): ");
  EXPECT_HAS(Text, "[op-unknown]");
}

TEST_F(OnnxImporter, ClausesSpeakKoreanToo) {
  auto Korean = [&](const std::string &Bytes) {
    ImportResult Result = import(Bytes);
    return Result.Refusals.empty()
               ? std::string()
               : reasonOf(Result.Refusals[0], Language::Korean);
  };
  std::vector<std::string> X = {value("x", Float, {2, 3})};
  EXPECT_HAS(
      Korean(one(node("Softmax", {"x"}, {"y"}, {intAttribute("axis", 9)}), X)),
      "랭크 2인 텐서의 축 9");
  EXPECT_HAS(
      Korean(one(node("Relu", {"x"}, {"y"}, {intAttribute("spin", 1)}), X)),
      "이 연산자에 없는 속성입니다");
  EXPECT_HAS(Korean(one(node("Add", {"x", "z"}, {"y"}),
                        {X[0], value("z", Float, {2, 5})})),
             "형상을 브로드캐스트할 수 없습니다: 'tensor<2x5xf32>'와(과) "
             "'tensor<2x3xf32>'");
  EXPECT_HAS(Korean(one(node("Sqrt", {"n"}, {"y"}), {value("n", Int64, {2})})),
             "부동소수점 자료형이 필요한데 'tensor<2xi64>'입니다");
}

TEST_F(OnnxImporter, NodesAreFoundAgain) {
  ImportResult Result = import(one(node("Relu", {"x"}, {"y"}, {}, "layer/act"),
                                   {value("x", Float, {2})}));
  ASSERT_TRUE(Result.Module);
  std::string Text;
  llvm::raw_string_ostream Stream(Text);
  Result.Module->print(Stream, mlir::OpPrintingFlags().enableDebugInfo(
                                   true, /*prettyForm=*/true));
  for (const char *Part : {"node:layer/act", "op:Relu", "value:y"})
    EXPECT_HAS(Text, Part);
}

} // namespace
