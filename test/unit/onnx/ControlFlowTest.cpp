// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Forms of If, Loop and Scan: what becomes blocks, and what is refused.

#include "test/unit/onnx/ImporterFixture.h"

using namespace dure;
using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

std::string body(std::vector<std::string> Nodes,
                 std::vector<std::string> Outputs,
                 std::vector<std::string> Inputs = {}) {
  GraphParts G;
  G.Nodes = std::move(Nodes);
  for (const std::string &Name : Inputs)
    G.Inputs.push_back(value(Name, Float, {}));
  for (const std::string &Name : Outputs)
    G.Outputs.push_back(value(Name, Float, {}));
  return graph(G);
}

std::string choice(const std::string &Then, const std::string &Else) {
  return one(node("If", {"c"}, {"y"},
                  {graphAttribute("then_branch", Then),
                   graphAttribute("else_branch", Else)}),
             {value("x", Float, {"n"}), value("c", Bool, {})});
}

/// y = what the body carries, beginning with x; it runs t times.
std::string loop(const std::string &Body) {
  return one(
      node("Loop", {"t", "", "x"}, {"y"}, {graphAttribute("body", Body)}),
      {value("x", Float, {"n"}), value("t", Int64, {})});
}

TEST_F(OnnxImporter, BranchesBecomeBlocks) {
  std::string Text = textOf(choice(body({node("Exp", {"x"}, {"a"})}, {"a"}),
                                   body({node("Neg", {"x"}, {"b"})}, {"b"})));
  EXPECT_HAS(Text, R"(dure.if <["$v0"]> -> tensor<?xf32, #dure.dims<["n"]>>)");
  // Other sizes: one of their own.
  Text = textOf(choice(
      body({node("Exp", {"x"}, {"a"})}, {"a"}),
      body({node("Concat", {"x", "x"}, {"b"}, {intAttribute("axis", 0)})},
           {"b"})));
  EXPECT_HAS(Text, R"(-> tensor<?xf32, #dure.dims<["size1"]>>)");
}

TEST_F(OnnxImporter, BranchesThatDoNotFit) {
  std::string Same = body({node("Exp", {"x"}, {"a"})}, {"a"});
  EXPECT_EQ(codesOf(choice(Same, body({node("Size", {"x"}, {"b"})}, {"b"}))),
            "op-form");
  EXPECT_EQ(
      codesOf(choice(Same, body({node("Exp", {"x"}, {"b"})}, {"b", "x"}))),
      "input-count");
  EXPECT_EQ(
      codesOf(choice(Same, body({node("Neg", {"z"}, {"b"})}, {"b"}, {"z"}))),
      "input-count");
  EXPECT_EQ(codesOf(choice(Same, body({node("Ghost", {"x"}, {"b"})}, {"b"}))),
            "op-unknown");
  EXPECT_EQ(codesOf(one(
                node("If", {"c"}, {"y"}, {graphAttribute("then_branch", Same)}),
                {value("x", Float, {"n"}), value("c", Bool, {})})),
            "attribute");
}

TEST_F(OnnxImporter, WhatIsCarriedMayGrow) {
  std::string Text = textOf(
      loop(body({node("Exp", {"v"}, {"w"})}, {"go", "w"}, {"i", "go", "v"})));
  EXPECT_HAS(Text, R"(^bb0(%arg2: tensor<?xf32, #dure.dims<["n"]>>))");
  Text = textOf(
      loop(body({node("Concat", {"v", "x"}, {"w"}, {intAttribute("axis", 0)})},
                {"go", "w"}, {"i", "go", "v"})));
  EXPECT_LACKS(Text, R"(^bb0(%arg2: tensor<?xf32, #dure.dims<["n"]>>))");
  EXPECT_HAS(Text, "dure.loop");
}

// What the body does not take at first sizes is tried once more; what was known
// of the values of the first trial is forgotten with them, in branches, too.
TEST_F(OnnxImporter, RefusalsInBlocksAreTold) {
  auto Codes = [&](std::vector<std::string> Nodes) {
    return codesOf(loop(body(std::move(Nodes), {"go", "w"}, {"i", "go", "v"})));
  };
  EXPECT_EQ(Codes({node("Ghost", {"v"}, {"w"})}), "op-unknown");
  std::string Sizes = node("Shape", {"v"}, {"s"});
  std::string Then = body({Sizes, node("Expand", {"v", "s"}, {"a"})}, {"a"});
  std::string Else = body({node("Ghost", {"v"}, {"b"})}, {"b"});
  std::string Choice = node("If", {"c"}, {"w"},
                            {graphAttribute("then_branch", Then),
                             graphAttribute("else_branch", Else)});
  EXPECT_EQ(
      Codes(
          {node("IsNaN", {"v"}, {"nan"}),
           node("Cast", {"nan"}, {"bits"}, {intAttribute("to", Int64)}),
           node("ReduceMax", {"bits"}, {"any"}, {intAttribute("keepdims", 0)}),
           node("Cast", {"any"}, {"c"}, {intAttribute("to", Bool)}), Choice}),
      "op-unknown");
}

TEST_F(OnnxImporter, LoopsThatDoNotFit) {
  auto Codes = [&](std::vector<std::string> Nodes,
                   std::vector<std::string> Outputs,
                   std::vector<std::string> Inputs = {"i", "go", "v"}) {
    return codesOf(loop(body(std::move(Nodes), std::move(Outputs), Inputs)));
  };
  std::string Next = node("Exp", {"v"}, {"w"});
  EXPECT_EQ(Codes({Next}, {"go", "w"}), "");
  EXPECT_EQ(Codes({Next}, {"w"}), "input-count");
  EXPECT_EQ(Codes({Next}, {"go", "w"}, {"i", "go", "v", "u"}), "input-count");
  // A condition that is none, and a value that changes its rank.
  EXPECT_EQ(Codes({Next}, {"w", "w"}), "type");
  EXPECT_EQ(Codes({node("Size", {"v"}, {"s"}),
                   node("Cast", {"s"}, {"w"}, {intAttribute("to", Float)})},
                  {"go", "w"}),
            "op-form");
}

} // namespace
