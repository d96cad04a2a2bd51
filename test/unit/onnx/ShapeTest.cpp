// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shape arithmetic of the ONNX importer, and operators that depend on it.

#include "test/unit/onnx/ImporterFixture.h"

using namespace dure;
using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

TEST_F(OnnxImporter, ShapeArithmeticIsFolded) {
  // Reshape(x, concat(shape(x)[0:1], [-1], shape(x)[1] * 2 / 2))
  GraphParts G;
  G.Inputs = {value("x", Float, {"batch", "sequence", 4, 16})};
  G.Initializers = {ints("zero", {0}, true), ints("one", {1}, true),
                    ints("minus", {-1}), ints("two", {2}), ints("axis", {0})};
  G.Nodes = {
      node("Shape", {"x"}, {"s"}),
      node("Gather", {"s", "zero"}, {"b"}),
      node("Gather", {"s", "one"}, {"t"}),
      node("Unsqueeze", {"b", "axis"}, {"b1"}),
      node("Unsqueeze", {"t", "axis"}, {"t1"}),
      node("Mul", {"t1", "two"}, {"t2"}),
      node("Div", {"t2", "two"}, {"t3"}),
      node("Concat", {"b1", "t3", "minus"}, {"to"}, {intAttribute("axis", 0)}),
      node("Reshape", {"x", "to"}, {"y"})};
  G.Outputs = {value("y", Float, {})};
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(Text,
             R"(-> tensor<?x?x64xf32, #dure.dims<["batch", "sequence", )");
  EXPECT_LACKS(Text, "dim_values");
  EXPECT_LACKS(Text, "define_dims");
}

TEST_F(OnnxImporter, ExpandInTheTorchScriptForm) {
  // where(target == -1, 1, target), with the target [batch, -1].
  GraphParts G;
  G.Inputs = {value("x", Float, {1, 4}), value("like", Float, {"batch"})};
  G.Initializers = {ints("minus", {-1}), ints("length", {2}),
                    ints("ones", {1, 1})};
  G.Nodes = {node("Shape", {"like"}, {"b"}),
             node("Concat", {"b", "minus"}, {"to"}, {intAttribute("axis", 0)}),
             node("ConstantOfShape", {"length"}, {"fill"},
                  {tensorAttribute("value", ints("", {1}))}),
             node("Mul", {"fill", "minus"}, {"wild"}),
             node("Equal", {"to", "wild"}, {"is"}),
             node("Where", {"is", "ones", "to"}, {"dims"}),
             node("Expand", {"x", "dims"}, {"y"})};
  G.Outputs = {value("y", Float, {})};
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(Text, R"(dure.broadcast %arg0 : tensor<1x4xf32> -> )"
                   R"(tensor<?x4xf32, #dure.dims<["batch", "4"]>>)");
}

/// The sizes of y when the target of a reshape is read at run time.
TEST_F(OnnxImporter, ReshapeTargetsReadAtRunTime) {
  ImportResult Result =
      import(one(node("Reshape", {"x", "to"}, {"y"}),
                 {value("x", Float, {2, 3, 4}), value("to", Int64, {3})}));
  ASSERT_TRUE(Result.Module);
  auto Func = *Result.Module->getOps<mlir::func::FuncOp>().begin();
  auto Type = llvm::cast<mlir::RankedTensorType>(Func.getResultTypes()[0]);
  auto SizesFor = [&](std::vector<int64_t> Target) {
    std::map<std::string, int64_t> Values;
    for (size_t I = 0; I < Target.size(); ++I)
      Values["$v" + std::to_string(I)] = Target[I];
    Func.walk([&](BindDimsOp Bind) {
      for (auto [Name, E] :
           llvm::zip(Bind.getNames().getAsValueRange<mlir::StringAttr>(),
                     Bind.getExprs().exprs()))
        Values[Name.str()] = E.evaluate(Values).value_or(-99);
    });
    std::vector<int64_t> Sizes;
    for (const DimExpr &E : dimsOf(Type))
      Sizes.push_back(E.evaluate(Values).value_or(-99));
    return Sizes;
  };
  using Sizes = std::vector<int64_t>;
  EXPECT_EQ(SizesFor({4, 3, 2}), (Sizes{4, 3, 2}));
  EXPECT_EQ(SizesFor({6, -1, 1}), (Sizes{6, 4, 1}));
  EXPECT_EQ(SizesFor({0, 0, -1}), (Sizes{2, 3, 4}));
  EXPECT_EQ(SizesFor({-1, 3, 0}), (Sizes{2, 3, 4}));
}

/// Starts, sizes and steps of a slice of a dimension of 10.
TEST_F(OnnxImporter, SliceClampsAsTheStandardSays) {
  struct Case {
    int64_t Start, End, Step;
    std::string From, Size;
  };
  int64_t Max = INT64_MAX, Min = INT64_MIN;
  const Case Cases[] = {
      {2, 5, 1, "2", "3"},    {-3, Max, 1, "7", "3"}, {Min, -2, 1, "0", "8"},
      {1, 100, 2, "1", "5"},  {8, 2, 1, "8", "0"},    {-1, Min, -1, "9", "10"},
      {Max, 3, -2, "9", "3"}, {20, 30, 1, "10", "0"}, {5, -100, -1, "5", "6"},
      {0, 10, Max, "0", "1"},
  };
  for (const Case &C : Cases) {
    std::string Text =
        textOf(one(node("Slice", {"x", "start", "end", "axis", "step"}, {"y"}),
                   {value("x", Float, {10})}, Float,
                   {ints("start", {C.Start}), ints("end", {C.End}),
                    ints("axis", {0}), ints("step", {C.Step})}));
    EXPECT_HAS(Text, "sizes = #dure.dims<[\"" + C.Size +
                         "\"]>, starts = "
                         "#dure.dims<[\"" +
                         C.From + "\"]>");
  }
}

TEST_F(OnnxImporter, SqueezeWithoutAxesNeedsKnownSizes) {
  EXPECT_HAS(textOf(one(node("Squeeze", {"x"}, {"y"}),
                        {value("x", Float, {1, 3, 1})})),
             "-> tensor<3xf32>");
  EXPECT_EQ(codesOf(one(node("Squeeze", {"x"}, {"y"}),
                        {value("x", Float, {1, "n"})})),
            "op-form");
}

TEST_F(OnnxImporter, RangeOverShapes) {
  GraphParts G;
  G.Inputs = {value("x", Float, {"n"}), value("past", Float, {"p"})};
  G.Initializers = {ints("one", {1}, true)};
  G.Nodes = {node("Size", {"x"}, {"n"}), node("Size", {"past"}, {"p"}),
             node("Add", {"p", "n"}, {"end"}),
             node("Range", {"p", "end", "one"}, {"y"})};
  G.Outputs = {value("y", Int64, {})};
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(Text, R"(dure.iota 0 : tensor<?xi64, #dure.dims<["n"]>>)");
  EXPECT_HAS(Text, R"(dure.dim_values <["p"]> : tensor<i64>)");
}

/// A tensor of rank 1 of another integer type.
template <typename T>
std::string list(std::string_view Name, int Type, std::vector<T> Values) {
  return rawTensorOf<T>(Name, Type, {int64_t(Values.size())}, Values);
}

TEST_F(OnnxImporter, FoldedIntegersWrapAsAtRunTime) {
  auto Fold = [&](const char *Op, int Type, std::string A, std::string B) {
    return textOf(one(node(Op, {"a", "b"}, {"y"}), {}, Type,
                      {std::move(A), std::move(B)}));
  };
  constexpr int Int32 = 6, UInt32 = 12, UInt64 = 13, Int8 = 3;
  EXPECT_HAS(Fold("Add", Int32, list<int32_t>("a", Int32, {INT32_MAX}),
                  list<int32_t>("b", Int32, {2})),
             "dense<-2147483647> : tensor<1xi32>");
  EXPECT_HAS(Fold("Mul", Int8, list<int8_t>("a", Int8, {100}),
                  list<int8_t>("b", Int8, {3})),
             "dense<44> : tensor<1xi8>");
  EXPECT_HAS(Fold("Sub", UInt32, list<uint32_t>("a", UInt32, {3}),
                  list<uint32_t>("b", UInt32, {5})),
             "dense<4294967294> : tensor<1xui32>");
  // Beyond the expressions: computed at run time.
  EXPECT_HAS(Fold("Sub", UInt64, list<uint64_t>("a", UInt64, {3}),
                  list<uint64_t>("b", UInt64, {5})),
             "dure.sub");
  EXPECT_HAS(Fold("Add", Int64, ints("a", {INT64_MAX}), ints("b", {1})),
             "dure.add");
  EXPECT_HAS(textOf(one(node("Less", {"a", "b"}, {"y"}), {}, Bool,
                        {list<uint64_t>("a", UInt64, {3}),
                         list<uint64_t>("b", UInt64, {uint64_t(1) << 63})})),
             "dure.compare");
  EXPECT_HAS(textOf(one(node("Neg", {"a"}, {"y"}), {}, Int64,
                        {ints("a", {INT64_MIN, 4})})),
             "dure.neg");
}

TEST_F(OnnxImporter, FoldedCastsWrap) {
  auto Cast = [&](int To, int64_t From) {
    return textOf(one(node("Cast", {"a"}, {"y"}, {intAttribute("to", To)}), {},
                      To, {ints("a", {From})}));
  };
  EXPECT_HAS(Cast(6, 5'000'000'000), "dense<705032704> : tensor<1xi32>");
  EXPECT_HAS(Cast(12, -1), "dense<4294967295> : tensor<1xui32>");
  EXPECT_HAS(Cast(2, 300), "dense<44> : tensor<1xui8>");
  // A size that may leave i32 is required not to, and one that is bounded does
  // not; fewer bits hold what they hold.
  auto OfSize = [&](const char *Dim, int To = Int32) {
    GraphParts G;
    G.Inputs = {value("n", Float, {"n"}), value("x", Float, {Dim})};
    G.Nodes = {node("Shape", {"x"}, {"s"}),
               node("Cast", {"s"}, {"t"}, {intAttribute("to", To)}),
               node("Cast", {"t"}, {"y"}, {intAttribute("to", Int64)})};
    G.Outputs = {value("y", Int64, {1})};
    return textOf(model(graph(G)));
  };
  EXPECT_LACKS(OfSize("n"), "dure.cast");
  EXPECT_HAS(OfSize("n"), "min(2147483647, n)");
  EXPECT_LACKS(OfSize("Min(64, n) + 3"), "dure.cast");
  EXPECT_LACKS(OfSize("Min(64, n) + 3"), "2147483647");
  EXPECT_HAS(OfSize("n", 5), "dure.cast");
}

// What torch writes for pads: pairs are reversed as rows of a matrix.
TEST_F(OnnxImporter, MatricesOfKnownIntegers) {
  GraphParts G;
  G.Inputs = {value("x", Float, {"n", "m"})};
  G.Initializers = {ints("two", {-1, 2}),    ints("from", {-1}),
                    ints("to", {INT64_MIN}), ints("zero", {0}),
                    ints("back", {-1}),      ints("none", {0, 0})};
  G.Nodes = {node("Shape", {"x"}, {"s"}),
             node("Concat", {"s", "none"}, {"p"}, {intAttribute("axis", 0)}),
             node("Reshape", {"p", "two"}, {"q"}),
             node("Slice", {"q", "from", "to", "zero", "back"}, {"r"}),
             node("Transpose", {"r"}, {"t"}, {intsAttribute("perm", {1, 0})}),
             node("Reshape", {"t", "from"}, {"pads"}),
             node("Pad", {"x", "pads"}, {"y"})};
  G.Outputs = {value("y", Float, {"a", "b"})};
  // Rows (n, m), (0, 0), the last first, by columns: 0, n, 0, m.
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(Text, "low = #dure.dims<[\"0\", \"n\"]>");
  EXPECT_HAS(Text, "high = #dure.dims<[\"0\", \"m\"]>");
}

TEST_F(OnnxImporter, WhereOnKnownIntegers) {
  auto Where = [&](std::vector<bool> If, std::vector<int64_t> Then,
                   std::string Else) {
    std::string Bits(If.begin(), If.end());
    return one(node("Where", {"c", "x", "z"}, {"y"}), {}, Int64,
               {rawTensor("c", Bool, {int64_t(If.size())}, Bits),
                ints("x", Then), std::move(Else)});
  };
  EXPECT_HAS(textOf(Where({true, false}, {1, 2}, ints("z", {5, 6}))),
             "dense<[1, 6]>");
  EXPECT_HAS(textOf(Where({false}, {1, 2}, ints("z", {5}))), "dense<5>");
  // Lists of unlike length, and of unlike type.
  EXPECT_EQ(codesOf(Where({true, true}, {1, 2, 3}, ints("z", {5, 6, 7}))),
            "operands");
  EXPECT_EQ(codesOf(Where({true, false, true}, {1, 2}, ints("z", {5}))),
            "operands");
  EXPECT_EQ(codesOf(Where({true}, {}, ints("z", std::vector<int64_t>(8, 1)))),
            "operands");
  EXPECT_EQ(codesOf(Where({true}, {1}, list<int32_t>("z", 6, {5}))),
            "operands");
}

TEST_F(OnnxImporter, SplitBoundsDoNotGrow) {
  auto Split = [&](size_t Count) {
    GraphParts G;
    G.Inputs = {value("x", Float, {"n"})};
    std::vector<std::string> Names;
    for (size_t I = 0; I < Count; ++I) {
      Names.push_back("y" + std::to_string(I));
      G.Outputs.push_back(value(Names.back(), Float, {"?"}));
    }
    G.Nodes = {node("Split", {"x"}, Names,
                    {intAttribute("num_outputs", int64_t(Count))})};
    return textOf(model(graph(G)));
  };
  EXPECT_HAS(Split(3), "sizes = #dure.dims<[\"max(0, min(");
  EXPECT_LT(Split(200).size(), 200'000u);
}

TEST_F(OnnxImporter, ExpandToASizeReadAtRunTime) {
  // 1 keeps the dim, a dim of 1 grows (or vanishes), others must agree.
  auto Result = [&](std::vector<DimText> Have) {
    return textOf(one(node("Expand", {"x", "to"}, {"y"}),
                      {value("x", Float, Have), value("to", Int64, {1})}));
  };
  EXPECT_HAS(Result({3}), "return %arg0 : tensor<3xf32>");
  EXPECT_HAS(Result({3}), R"(#dure.dims<["size1", "3"]>)");
  EXPECT_HAS(Result({1}), "[\"max($v0, 0)\", \"$v0\"]");
  EXPECT_HAS(Result({"n"}), "dure.equal_dims");
}

TEST_F(OnnxImporter, PowersOfIntegersByFloats) {
  std::string Text =
      textOf(one(node("Pow", {"x", "e"}, {"y"}), {value("x", 6, {"n"})}, 6,
                 {rawTensorOf<float>("e", Float, {}, {2})}));
  EXPECT_HAS(Text, "(tensor<?xi32, #dure.dims<[\"n\"]>>, tensor<i64>)");
}

TEST_F(OnnxImporter, AttentionIsCausalFromTheUpperLeft) {
  auto Attention = [&](std::vector<DimText> Q, std::vector<DimText> K,
                       bool HasPast) {
    std::vector<std::string> Operands = {"q", "k", "k"};
    std::vector<std::string> Inputs = {value("q", Float, Q),
                                       value("k", Float, K)};
    if (HasPast) {
      Operands.insert(Operands.end(), {"", "p", "p"});
      Inputs.push_back(value("p", Float, {1, 2, "past", 8}));
    }
    return textOf(
        one(node("Attention", Operands, {"y"}, {intAttribute("is_causal", 1)}),
            Inputs, Float, {}, 23));
  };
  // dure.attention's own flag is aligned at the bottom right.
  EXPECT_HAS(Attention({1, 2, "t", 8}, {1, 2, "t", 8}, false), "causal = true");
  EXPECT_HAS(Attention({1, 2, "t", 8}, {1, 2, "t", 8}, true), "causal = true");
  for (bool HasPast : {false, true}) {
    std::string Text = Attention({1, 2, "t", 8}, {1, 2, "s", 8}, HasPast);
    EXPECT_LACKS(Text, "causal = true");
    EXPECT_HAS(Text, " mask ");
  }
}

TEST_F(OnnxImporter, AttentionOfVersion24HasOneInputMore) {
  std::vector<std::string> Inputs = {value("q", Float, {1, 2, 3, 8}),
                                     value("n", Int64, {1})};
  std::string Node = node("Attention", {"q", "q", "q", "", "", "", "n"}, {"y"});
  EXPECT_EQ(codesOf(one(Node, Inputs, Float, {}, 24)), "");
  EXPECT_EQ(codesOf(one(Node, Inputs, Float, {}, 23)), "input-count");
}

TEST_F(OnnxImporter, WhatTheStandardForbidsIsRefused) {
  std::vector<std::string> X = {value("x", Float, {2, 3})};
  auto Code = [&](std::string Node, int64_t Opset = 20,
                  std::vector<std::string> Initializers = {}) {
    return codesOf(one(Node, X, Float, std::move(Initializers), Opset));
  };
  EXPECT_EQ(
      Code(node("Transpose", {"x"}, {"y"}, {intsAttribute("perm", {1, -2})})),
      "attribute");
  EXPECT_EQ(Code(node("Unsqueeze", {"x"}, {"y"}), 11), "attribute");
  EXPECT_EQ(Code(node("Scatter", {"x", "i", "x"}, {"y"}), 10, {ints("i", {0})}),
            "operands");
  EXPECT_EQ(Code(node("Scatter", {"x", "i", "x"}, {"y"}), 11, {ints("i", {0})}),
            "op-removed");
  EXPECT_EQ(Code(node("Pad", {"x", "p"}, {"y"}), 20,
                 {ints("p", {INT64_MIN, 0, 0, INT64_MIN})}),
            "shape-rank");
  EXPECT_EQ(
      Code(node("Gemm", {"x", "w", "c"}, {"y"}), 20,
           {rawTensorOf<float>("w", Float, {3, 1}, {1, 1, 1}),
            rawTensorOf<float>("c", Float, {2, 4}, std::vector<float>(8))}),
      "shape-rank");
  EXPECT_EQ(Code(node("BatchNormalization", {"x", "w", "w", "w", "w"}, {"y"},
                      {intAttribute("spatial", 0)}),
                 7, {rawTensorOf<float>("w", Float, {3}, {1, 1, 1})}),
            "op-form");
  EXPECT_EQ(Code(node("DequantizeLinear", {"q", "s"}, {"y"},
                      {intAttribute("output_dtype", 23)}),
                 23,
                 {list<int8_t>("q", 3, {1, 2}),
                  rawTensorOf<float>("s", Float, {}, {1})}),
            "type");
  EXPECT_EQ(Code(node("TopK", {"x"}, {"y"}, {}), 9), "attribute");
  EXPECT_EQ(Code(node("TopK", {"x", "k"}, {"y"}), 20, {ints("k", {4})}),
            "operands");
  EXPECT_EQ(Code(node("TopK", {"x", "k"}, {"y"}), 20, {ints("k", {1, 1})}),
            "shape-rank");
  // The edge of nothing.
  EXPECT_EQ(codesOf(one(node("Pad", {"x", "p"}, {"y"},
                             {stringAttribute("mode", "edge")}),
                        {value("x", Float, {0})}, Float, {ints("p", {1, 0})})),
            "shape-rank");
}

TEST_F(OnnxImporter, ConvolutionsThatCannotBe) {
  auto Code = [&](std::vector<std::string> Attributes,
                  std::vector<DimText> Image = {"n", 4, 5, 6},
                  std::vector<int64_t> Weight = {2, 4, 3, 3}) {
    int64_t Count = 1;
    for (int64_t Size : Weight)
      Count *= Size;
    return codesOf(one(
        node("Conv", {"x", "w"}, {"y"}, Attributes), {value("x", Float, Image)},
        Float,
        {rawTensorOf<float>("w", Float, Weight, std::vector<float>(Count))}));
  };
  EXPECT_EQ(Code({}), "");
  EXPECT_EQ(Code({intsAttribute("strides", {2, 1}),
                  intsAttribute("dilations", {1, 2}),
                  intsAttribute("pads", {0, 1, 2, 3})}),
            "");
  EXPECT_EQ(Code({intAttribute("group", 2)}, {1, 4, 5, 6}, {2, 2, 1, 1}), "");
  EXPECT_EQ(
      Code({stringAttribute("auto_pad", "SAME_LOWER")}, {"n", 4, "h", "w"}),
      "");
  EXPECT_EQ(Code({}, {"n", 3, 5, 6}), "shape-rank");
  EXPECT_EQ(Code({}, {"n", 4, 5}), "shape-rank");
  EXPECT_EQ(Code({intAttribute("group", 3)}), "shape-rank");
  EXPECT_EQ(Code({}, {"n", 4, 5, 6}, {2, 4, 0, 3}), "shape-rank");
  for (std::vector<std::string> Attributes :
       {std::vector{intAttribute("group", 0)},
        {intsAttribute("strides", {0, 1})},
        {intsAttribute("strides", {1})},
        {intsAttribute("pads", {-1, 0, 0, 0})},
        {intsAttribute("pads", {INT64_MAX, 0, INT64_MAX, 0})},
        {intsAttribute("dilations", {1, INT64_MAX})},
        {intsAttribute("kernel_shape", {3, 2})},
        {stringAttribute("auto_pad", "SAME")}})
    EXPECT_EQ(Code(Attributes), "attribute");
}

TEST_F(OnnxImporter, ImpossibleShapesAreRefused) {
  auto Reshape = [&](std::vector<int64_t> Target) {
    return codesOf(one(node("Reshape", {"x", "to"}, {"y"}),
                       {value("x", Float, {2, 3})}, Float,
                       {ints("to", Target)}));
  };
  EXPECT_EQ(Reshape({3, 2}), "");
  EXPECT_EQ(Reshape({-1, -1}), "shape-rank");
  EXPECT_EQ(Reshape({4, 2}), "shape-rank");
  EXPECT_EQ(Reshape({4, -1}), "shape-rank");
  EXPECT_EQ(Reshape({2, 3, 0}), "shape-rank");
  EXPECT_EQ(Reshape({-2, -3}), "shape-rank");
  EXPECT_EQ(Reshape({int64_t(1) << 62, int64_t(1) << 62}), "shape-rank");
}

TEST_F(OnnxImporter, PolynomialsMayNotExplode) {
  // (a + b)^(2^40), by squaring.
  GraphParts G;
  G.Inputs = {value("x", Float, {"a"}), value("z", Float, {"b"})};
  G.Nodes = {node("Size", {"x"}, {"a"}), node("Size", {"z"}, {"b"}),
             node("Add", {"a", "b"}, {"p0"})};
  for (int I = 0; I < 40; ++I) {
    std::string From = "p" + std::to_string(I);
    G.Nodes.push_back(node("Mul", {From, From}, {"p" + std::to_string(I + 1)}));
  }
  G.Outputs = {value("p40", Int64, {})};
  EXPECT_EQ(codesOf(model(graph(G))), "");

  // (a0 + b0) (a1 + b1) ...: 2^30 terms in one tensor's element count.
  std::vector<DimText> Shape;
  G = {};
  for (int I = 0; I < 30; ++I) {
    std::string A = "a" + std::to_string(I), B = "b" + std::to_string(I);
    G.Inputs.push_back(value("in" + A, Float, {A.c_str(), B.c_str()}));
    Shape.push_back((A + " + " + B).c_str());
  }
  G.Inputs.push_back(value("x", Float, Shape));
  G.Nodes = {node("Flatten", {"x"}, {"y"}, {intAttribute("axis", 30)})};
  G.Outputs = {value("y", Float, {})};
  EXPECT_EQ(codesOf(model(graph(G))), "shape-rank");
}

TEST_F(OnnxImporter, ManyUnnamedInputs) {
  GraphParts G;
  std::vector<std::string> Names;
  auto Grow = [&](size_t Count) {
    while (Names.size() < Count) {
      Names.push_back("x" + std::to_string(Names.size()));
      G.Inputs.push_back(value(Names.back(), Float, {"?"}));
    }
  };
  Grow(1000);
  G.Nodes = {node("Sum", Names, {"s"})};
  G.Outputs = {value("s", Float, {})};
  // All sizes turn out to be one.
  std::string Text = textOf(model(graph(G)));
  EXPECT_HAS(Text, R"(%arg999: tensor<?xf32, #dure.dims<["x0_dim0"]>>)");
  Grow(20000);
  G.Nodes = {node("Concat", Names, {"s"}, {intAttribute("axis", 0)})};
  EXPECT_EQ(codesOf(model(graph(G))), "shape-rank");
}

} // namespace
