// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ONNX importer: small graphs and the dure ops that they become.

#include "test/unit/onnx/ImporterFixture.h"

using namespace dure;
using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

//===----------------------------------------------------------------------===//
// Signature and dims
//===----------------------------------------------------------------------===//

TEST_F(OnnxImporter, DimsKeepTheirNames) {
  std::string Text = textOf(
      one(node("Add", {"a", "b"}, {"y"}),
          {value("a", Float, {"batch", "past + sequence", 4}),
           value("b", Float, {"batch", "sequence + past", 1}),
           value("c", Float, {"past", "sequence", "Min(64, sequence)"})}));
  EXPECT_HAS(Text, R"(%arg0: tensor<?x?x4xf32, #dure.dims<["batch", )"
                   R"("past + sequence", "4"]>> {dure.name = "a"})");
  EXPECT_HAS(Text, "\"min(64, sequence)\"");
  EXPECT_LACKS(Text, "equal_dims");
}

TEST_F(OnnxImporter, OddDimNamesBecomeSymbols) {
  // An expression over something that no input has is one unknown, and so is
  // what cannot be parsed; nameless dims are unknowns of their own.
  std::string Text =
      textOf(one(node("Relu", {"a"}, {"y"}),
                 {value("a", Float, {"2*ghost", "a b", "?", "?"}),
                  value("b", Float, {"2*ghost"})}));
  EXPECT_HAS(Text, R"(%arg0: tensor<?x?x?x?xf32, #dure.dims<["d_2_ghost", )"
                   R"("a_b", "a_dim2", "a_dim3"]>>)");
  EXPECT_HAS(Text, R"(%arg1: tensor<?xf32, #dure.dims<["d_2_ghost"]>>)");
}

TEST_F(OnnxImporter, EqualitiesOfTheGraphAreUsed) {
  // total == past + sequence follows from the second Add alone.
  GraphParts G;
  G.Inputs = {value("mask", Float, {"total"}), value("p", Float, {"past"}),
              value("s", Float, {"sequence"})};
  G.Nodes = {node("Concat", {"p", "s"}, {"k"}, {intAttribute("axis", 0)}),
             node("Add", {"mask", "k"}, {"y"})};
  G.Outputs = {value("y", Float, {})};
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(Text, R"(%arg0: tensor<?xf32, #dure.dims<["past + sequence"]>>)");
  EXPECT_LACKS(Text, "total");
  EXPECT_LACKS(Text, "equal_dims");
}

TEST_F(OnnxImporter, WhatCannotBeSolvedIsChecked) {
  // A table of 8 rows cut to the sequence: the sequence is at most 8.
  GraphParts G;
  G.Inputs = {value("x", Float, {"sequence"}), value("table", Float, {8})};
  G.Nodes = {node("Shape", {"x"}, {"n"}),
             node("Slice", {"table", "zero", "n"}, {"rows"}),
             node("Add", {"x", "rows"}, {"y"})};
  G.Initializers = {ints("zero", {0})};
  G.Outputs = {value("y", Float, {})};
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(
      Text,
      R"x(dure.equal_dims = [#dure.dims<["min(8, sequence)", "sequence"]>])x");
  EXPECT_HAS(Text, R"(sizes = #dure.dims<["sequence"]>)");
}

TEST_F(OnnxImporter, SizesThatOperatorsDemandAreUsed) {
  // Sizes of the second input on follow from the first, or from each other.
  struct {
    std::string Node;
    std::vector<std::string> Inputs;
    std::string Expected;
    int64_t Opset = 20;
  } Cases[] = {
      {node("LayerNormalization", {"x", "s", "b"}, {"y"}),
       {value("x", Float, {"n", 8}), value("s", Float, {"k"}),
        value("b", Float, {"l"})},
       "%arg1: tensor<8xf32> {dure.name = \"s\"}, %arg2: tensor<8xf32>"},
      {node("RMSNormalization", {"x", "s"}, {"y"}),
       {value("x", Float, {"n", 8}), value("s", Float, {"k"})},
       "%arg1: tensor<8xf32>",
       23},
      {node("DequantizeLinear", {"x", "s"}, {"y"}, {intAttribute("axis", 1)}),
       {value("x", 3, {"n", 8}), value("s", Float, {"k"})},
       "%arg1: tensor<8xf32>"},
      {node("ScatterND", {"x", "i", "u"}, {"y"}),
       {value("x", Float, {4, 5}), value("i", Int64, {2, 1}),
        value("u", Float, {"a", "c"})},
       "%arg2: tensor<2x5xf32>"},
      {node("GatherND", {"x", "i"}, {"y"}, {intAttribute("batch_dims", 1)}),
       {value("x", Float, {"b", 4}), value("i", Int64, {"c", 1})},
       R"(%arg1: tensor<?x1xi64, #dure.dims<["b", "1"]>>)"},
      {node("ScatterElements", {"x", "i", "u"}, {"y"}),
       {value("x", Float, {4, 5}), value("i", Int64, {3, 2}),
        value("u", Float, {"a", "c"})},
       "%arg2: tensor<3x2xf32>"},
      {node("RotaryEmbedding", {"x", "c", "s"}, {"y"}),
       {value("x", Float, {"b", 2, "t", 8}), value("c", Float, {"u", "v", 4}),
        value("s", Float, {2, 3, 4})},
       R"(%arg1: tensor<2x3x4xf32>)",
       23},
      {node("Attention", {"q", "k", "v", "m"}, {"y"}),
       {value("q", Float, {2, 4, 3, 8}), value("k", Float, {"b", 2, "s", 8}),
        value("v", Float, {"c", 2, "r", 8}),
        value("m", Float, {"i", "j", "k", 5})},
       "%arg3: tensor<2x4x3x5xf32>",
       23},
  };
  for (const auto &Case : Cases) {
    std::string Text =
        textOf(one(Case.Node, Case.Inputs, Float, {}, Case.Opset));
    EXPECT_HAS(Text, Case.Expected);
    EXPECT_LACKS(Text, "equal_dims");
  }
  // What is no equality of sizes stays a check.
  EXPECT_HAS(
      textOf(one(node("GatherElements", {"x", "i"}, {"y"}),
                 {value("x", Float, {4, "n"}), value("i", Int64, {"j", "m"})})),
      R"x(dure.equal_dims = [#dure.dims<["max(m, n)", "n"]>])x");
}

TEST_F(OnnxImporter, UnlikeSizesAreRefused) {
  EXPECT_EQ(codesOf(one(node("Add", {"a", "b"}, {"y"}),
                        {value("a", Float, {3}), value("b", Float, {4})})),
            "operands");
  EXPECT_EQ(codesOf(one(node("LayerNormalization", {"a", "b"}, {"y"}),
                        {value("a", Float, {"n", 8}), value("b", Float, {5})})),
            "operands");
  EXPECT_EQ(codesOf(one(node("LayerNormalization", {"a", "b"}, {"y"}),
                        {value("a", Float, {8}), value("b", Float, {2, 8})})),
            "operands");
  EXPECT_EQ(codesOf(one(node("ScatterND", {"a", "i", "b"}, {"y"}),
                        {value("a", Float, {4, 4}), value("i", Int64, {2, 1}),
                         value("b", Float, {2, 9})})),
            "operands");
}

TEST_F(OnnxImporter, InputsMustBeTensorsOfKnownRank) {
  std::string NoShape = message([](Writer &W) {
    W.add_string(1, "a");
    W.add_message(2, message([](Writer &T) {
                    T.add_message(
                        1, message([](Writer &E) { E.add_int32(1, Float); }));
                  }));
  });
  EXPECT_EQ(codesOf(one(node("Relu", {"a"}, {"y"}), {NoShape})),
            "shape-unknown");
  EXPECT_EQ(codesOf(one(node("Identity", {"a"}, {"y"}),
                        {value("a", String, {1})}, String)),
            "graph-io");
}

TEST_F(OnnxImporter, DeclaredOutputTypesMustHold) {
  EXPECT_EQ(
      codesOf(one(node("Relu", {"a"}, {"y"}), {value("a", Float, {3})}, Int64)),
      "graph-io");
}

TEST_F(OnnxImporter, InputsCanBeGivenValues) {
  std::string Bytes =
      one(node("ReduceSum", {"x", "axes"}, {"y"}),
          {value("x", Float, {2, 3}), value("axes", Int64, {1})});
  EXPECT_EQ(codesOf(Bytes), "constant-needed");
  InputValue Axes;
  Axes.Type = DataType::Int64;
  Axes.Dims = {1};
  Axes.Bytes.assign("\x01\0\0\0\0\0\0\0", 8);
  ImportOptions Options;
  Options.InputValues["axes"] = Axes;
  std::string Text = textOf(Bytes, Options);
  EXPECT_HAS(Text, "axes = array<i64: 1>");
  EXPECT_LACKS(Text, "%arg1");
}

//===----------------------------------------------------------------------===//
// Constants and weights
//===----------------------------------------------------------------------===//

TEST_F(OnnxImporter, LargeTensorsAreWeightsByReference) {
  GraphParts G;
  G.Inputs = {value("x", Float, {"n", 10})};
  G.Initializers = {
      rawTensorOf<float>("big", Float, {10, 10}, std::vector<float>(100, 1)),
      rawTensorOf<float>("vector", Float, {10}, std::vector<float>(10, 3)),
      rawTensorOf<float>("scalar", Float, {}, {2}),
      rawTensorOf<float>("idle", Float, {10, 10}, std::vector<float>(100, 3))};
  G.Nodes = {
      node("MatMul", {"x", "big"}, {"a"}), node("MatMul", {"a", "big"}, {"b"}),
      node("Add", {"b", "vector"}, {"c"}), node("Mul", {"c", "scalar"}, {"y"})};
  G.Outputs = {value("y", Float, {})};
  std::string Bytes = model(graph(G));
  std::string Text = textOf(Bytes);
  size_t Offset = Bytes.find(std::string("\0\0\x80\x3f", 4));
  EXPECT_HAS(Text, "dure.weight @big from <file = 0, offset = " +
                       std::to_string(Offset) + ", size = 400, ");
  // Read twice, got once.
  EXPECT_EQ(Text.find("get_weight @big"), Text.rfind("get_weight @big"));
  EXPECT_HAS(Text, "dure.weight @vector from ");
  EXPECT_HAS(Text, "dure.constant dense<2.000000e+00>");
  EXPECT_LACKS(Text, "@idle");
}

TEST_F(OnnxImporter, ExternalDataIsNamed) {
  std::ofstream(Folder / "w.bin") << std::string(500, 'x');
  GraphParts G;
  G.Inputs = {value("x", Float, {"n", 10})};
  G.Initializers = {externalTensor(
      "w", Float, {10, 10},
      {{"location", "w.bin"}, {"offset", "100"}, {"length", "400"}})};
  G.Nodes = {node("MatMul", {"x", "w"}, {"y"})};
  G.Outputs = {value("y", Float, {})};
  std::string Bytes = model(graph(G));
  std::string Text = textOf(Bytes);
  EXPECT_HAS(Text, "/w.bin\"]");
  EXPECT_HAS(Text, "file = 1, offset = 100, size = 400");

  std::filesystem::remove(Folder / "w.bin");
  std::ofstream(Folder / "real.bin") << std::string(500, 'x');
  std::filesystem::create_symlink("real.bin", Folder / "w.bin");
  ImportResult Result = import(Bytes);
  ASSERT_EQ(Result.Refusals.size(), 1u);
  EXPECT_HAS(toString(Result.Refusals[0]), "--allow-links");
  ImportOptions Options;
  Options.Links.AllowLinks = true;
  EXPECT_EQ(codesOf(Bytes, Options), "");
}

TEST_F(OnnxImporter, VarintTensorsBecomePieces) {
  std::vector<int64_t> Values(100, 7);
  auto imported = [&] {
    std::string T = message([&](Writer &W) {
      W.add_int64(1, 100);
      W.add_int32(2, Int64);
      W.add_packed_int64(7, Values.begin(), Values.end());
      W.add_string(8, "w");
    });
    return textOf(one(node("Add", {"x", "w"}, {"y"}),
                      {value("x", Int64, {100})}, Int64, {T}));
  };
  // One number all over is one constant.
  EXPECT_HAS(imported(), "dure.broadcast");
  Values.back() = 8;
  EXPECT_HAS(imported(), "tensor<64xi64>, tensor<36xi64>) -> tensor<100xi64>");
}

TEST_F(OnnxImporter, ConstantNodesInAllForms) {
  EXPECT_HAS(
      textOf(one(
          node("Constant", {}, {"y"}, {floatAttribute("value_float", 2)}), {})),
      "dense<2.000000e+00> : tensor<f32>");
  EXPECT_HAS(textOf(one(node("Constant", {}, {"y"},
                             {intsAttribute("value_ints", {3, 4})}),
                        {}, Int64)),
             "dense<[3, 4]> : tensor<2xi64>");
  EXPECT_HAS(textOf(one(node("Constant", {}, {"y"},
                             {tensorAttribute("value", ints("", {5}))}),
                        {}, Int64)),
             "dense<5> : tensor<1xi64>");
  EXPECT_EQ(codesOf(one(node("Constant", {}, {"y"},
                             {stringAttribute("value_string", "x")}),
                        {}, String)),
            "op-form");
}

//===----------------------------------------------------------------------===//
// Versions
//===----------------------------------------------------------------------===//

TEST_F(OnnxImporter, SoftmaxChangedItsMeaning) {
  std::vector<std::string> Inputs = {value("x", Float, {"n", 3, 4})};
  std::string Old =
      textOf(one(node("Softmax", {"x"}, {"y"}), Inputs, Float, {}, 11));
  EXPECT_HAS(Old, R"(tensor<?x12xf32, #dure.dims<["n", "12"]>>)");
  std::string New = textOf(one(node("Softmax", {"x"}, {"y"}), Inputs));
  EXPECT_HAS(New, "dure.softmax %arg0 {axis = 2 : i64}");
}

TEST_F(OnnxImporter, AxesMovedFromAttributeToInput) {
  std::vector<std::string> Inputs = {value("x", Float, {2, 3})};
  std::string Attribute = intsAttribute("axes", {-1});
  EXPECT_HAS(textOf(one(node("ReduceMean", {"x"}, {"y"}, {Attribute}), Inputs,
                        Float, {}, 17)),
             "axes = array<i64: 1>");
  EXPECT_HAS(textOf(one(node("ReduceMean", {"x", "a"}, {"y"}), Inputs, Float,
                        {ints("a", {-1})}, 18)),
             "axes = array<i64: 1>");
  EXPECT_EQ(codesOf(one(node("ReduceMean", {"x"}, {"y"}, {Attribute}), Inputs,
                        Float, {}, 18)),
            "attribute");
}

TEST_F(OnnxImporter, OperatorsFromALaterOpsetAreNamed) {
  ImportResult Result = import(
      one(node("RMSNormalization", {"x", "w"}, {"y"}, {}, "norm"),
          {value("x", Float, {2, 3}), value("w", Float, {3})}, Float, {}, 18));
  ASSERT_EQ(Result.Refusals.size(), 1u);
  EXPECT_EQ(reasonOf(Result.Refusals[0]),
            "The operator is not part of opset 18; Dure knows it from opset 23 "
            "on.");
  EXPECT_EQ(Result.Refusals[0].Node, "norm");
}

TEST_F(OnnxImporter, OpsetsFromTheFuture) {
  EXPECT_EQ(codesOf(one(node("Relu", {"x"}, {"y"}), {value("x", Float, {2})},
                        Float, {}, 999)),
            "opset-version");
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

TEST_F(OnnxImporter, FunctionsAreInlined) {
  FunctionParts F{
      "Norm",
      {"a", "unused"},
      {"b"},
      {"which"},
      {node("Softmax", {"a"}, {"b"}, {refAttribute("axis", "which", 2)})}};
  GraphParts G;
  G.Inputs = {value("x", Float, {2, 3})};
  G.Nodes = {
      node("Norm", {"x"}, {"y"}, {intAttribute("which", 0)}, "", "local")};
  G.Outputs = {value("y", Float, {})};
  EXPECT_HAS(textOf(model(graph(G), 20, {function(F)})),
             "dure.softmax %arg0 {axis = 0 : i64}");
  G.Nodes = {node("Norm", {"x"}, {"y"}, {}, "", "local")};
  EXPECT_HAS(textOf(model(graph(G), 20, {function(F)})),
             "dure.softmax %arg0 {axis = 1 : i64}");
}

TEST_F(OnnxImporter, FunctionsMustEnd) {
  FunctionParts A{
      "A", {"a"}, {"b"}, {}, {node("B", {"a"}, {"b"}, {}, "", "local")}};
  FunctionParts B{
      "B", {"a"}, {"b"}, {}, {node("A", {"a"}, {"b"}, {}, "", "local")}};
  EXPECT_EQ(codesOf(one(node("A", {"x"}, {"y"}, {}, "", "local"),
                        {value("x", Float, {2})})),
            "domain-unknown");
  GraphParts G;
  G.Inputs = {value("x", Float, {2})};
  G.Nodes = {node("A", {"x"}, {"y"}, {}, "", "local")};
  G.Outputs = {value("y", Float, {})};
  EXPECT_EQ(codesOf(model(graph(G), 20, {function(A), function(B)})),
            "function-cycle");
}

TEST_F(OnnxImporter, AFunctionMayNotReturnAnInputThatIsLeftOut) {
  FunctionParts F{"Pass", {"a", "b"}, {"b"}, {}, {node("Relu", {"a"}, {"c"})}};
  GraphParts G;
  G.Inputs = {value("x", Float, {2})};
  G.Nodes = {node("Pass", {"x", "x"}, {"y"}, {}, "", "local")};
  G.Outputs = {value("y", Float, {})};
  EXPECT_EQ(codesOf(model(graph(G), 20, {function(F)})), "");
  G.Nodes = {node("Pass", {"x"}, {"y"}, {}, "", "local")};
  EXPECT_EQ(codesOf(model(graph(G), 20, {function(F)})), "input-count");
}

/// A function whose one node is an If on its input c: the softmax of a along
/// the attribute "which", or a bounded by b where that is given.
static FunctionParts branchingFunction() {
  GraphParts Then, Else;
  Then.Nodes = {
      node("Softmax", {"a"}, {"t"}, {refAttribute("axis", "which", 2)})};
  Then.Outputs = {value("t", Float, {2, 3})};
  Else.Nodes = {node("Clip", {"a", "", "b"}, {"e"})};
  Else.Outputs = {value("e", Float, {2, 3})};
  return {"Branch",
          {"c", "a", "b"},
          {"r"},
          {"which"},
          {node("If", {"c"}, {"r"},
                {graphAttribute("then_branch", graph(Then)),
                 graphAttribute("else_branch", graph(Else))})}};
}

// Tests that branches inside of a function see what its call gives: attributes,
// and which inputs are left out.
TEST_F(OnnxImporter, BranchesOfFunctionsSeeTheCall) {
  GraphParts G;
  G.Inputs = {value("c", Bool, {}), value("x", Float, {2, 3}),
              value("m", Float, {})};
  G.Outputs = {value("y", Float, {})};
  auto Text = [&](std::vector<std::string> Inputs,
                  std::vector<std::string> Attributes) {
    G.Nodes = {node("Branch", Inputs, {"y"}, Attributes, "", "local")};
    return textOf(model(graph(G), 20, {function(branchingFunction())}));
  };
  std::string First = Text({"c", "x", "m"}, {intAttribute("which", 0)});
  EXPECT_HAS(First, "dure.softmax %arg1 {axis = 0 : i64}");
  EXPECT_HAS(First, "dure.min ");
  // Without the attribute the operator's default holds, without the input none.
  std::string Default = Text({"c", "x"}, {});
  EXPECT_HAS(Default, "dure.softmax %arg1 {axis = 1 : i64}");
  EXPECT_LACKS(Default, "dure.min ");
}

// Tests that only a function's nodes may stand for attributes of a call.
TEST_F(OnnxImporter, AttributesOfNoCall) {
  EXPECT_EQ(codesOf(one(node("Softmax", {"x"}, {"y"},
                             {refAttribute("axis", "which", 2)}),
                        {value("x", Float, {2, 3})})),
            "attribute");
}

// Tests that a function is imported by the rules of an opset that is known.
TEST_F(OnnxImporter, OpsetsOfFunctions) {
  FunctionParts F{"F", {"a"}, {"b"}, {}, {node("Relu", {"a"}, {"b"})}};
  GraphParts G;
  G.Inputs = {value("x", Float, {2})};
  G.Nodes = {node("F", {"x"}, {"y"}, {}, "", "local")};
  G.Outputs = {value("y", Float, {})};
  auto Codes = [&](int64_t Opset) {
    return codesOf(model(graph(G), 20, {function(F, "local", Opset)}));
  };
  EXPECT_EQ(Codes(20), "");
  EXPECT_EQ(Codes(999), "opset-version");
  EXPECT_EQ(Codes(1), "opset-version");
}

TEST_F(OnnxImporter, ConstantsOfRepeatedCallsAreBounded) {
  std::vector<int64_t> Values(1000, 7);
  FunctionParts F{"Many", {"a"}, {"c"}, {}, {}};
  F.Nodes = {node("Constant", {}, {"b"}, {intsAttribute("value_ints", Values)}),
             node("Add", {"a", "b"}, {"c"})};
  GraphParts G;
  G.Inputs = {value("x0", Int64, {1000})};
  for (int I = 0; I < 20; ++I)
    G.Nodes.push_back(node("Many", {"x" + std::to_string(I)},
                           {"x" + std::to_string(I + 1)}, {}, "", "local"));
  G.Outputs = {value("x20", Int64, {})};
  std::string Bytes = model(graph(G), 20, {function(F)});
  EXPECT_EQ(codesOf(Bytes), "");
  ImportOptions Options;
  Options.MaxRepeatedBytes = 100'000;
  EXPECT_EQ(codesOf(Bytes, Options), "function-bytes");
}

TEST_F(OnnxImporter, CallsThatAreTooDeep) {
  std::vector<std::string> Functions;
  for (int I = 0; I < 70; ++I)
    Functions.push_back(
        function({"F" + std::to_string(I),
                  {"a"},
                  {"b"},
                  {},
                  {node(I == 0 ? "Relu" : "F" + std::to_string(I - 1), {"a"},
                        {"b"}, {}, "", I == 0 ? "" : "local")}}));
  EXPECT_EQ(codesOf(model(graph({{node("F69", {"x"}, {"y"}, {}, "", "local")},
                                 {},
                                 {value("x", Float, {2})},
                                 {value("y", Float, {})}}),
                          20, Functions)),
            "function-depth");
}

TEST_F(OnnxImporter, FunctionsThatDoubleAreBounded) {
  std::vector<std::string> Functions;
  for (int I = 0; I < 40; ++I) {
    std::string Next = I == 0 ? "Relu" : "F" + std::to_string(I - 1);
    std::string Domain = I == 0 ? "" : "local";
    Functions.push_back(function({"F" + std::to_string(I),
                                  {"a"},
                                  {"c"},
                                  {},
                                  {node(Next, {"a"}, {"b"}, {}, "", Domain),
                                   node(Next, {"b"}, {"c"}, {}, "", Domain)}}));
  }
  GraphParts G;
  G.Inputs = {value("x", Float, {2})};
  G.Nodes = {node("F39", {"x"}, {"y"}, {}, "", "local")};
  G.Outputs = {value("y", Float, {})};
  ImportOptions Options;
  Options.MaxInlinedNodes = 10000;
  EXPECT_EQ(codesOf(model(graph(G), 20, Functions), Options), "function-limit");
}

} // namespace
