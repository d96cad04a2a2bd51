// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes an ONNX graph, node by node.
//
// Included by the blocks that models are made of. Values are names; constants
// are written once however often they are asked for; weights stay where they
// are, as external data. Nothing is checked here but what the caller says
// twice: what a node means is the caller's business. Throws nothing but out of
// memory.

#ifndef DURE_FRONTENDS_CHECKPOINT_GRAPHBUILDER_H
#define DURE_FRONTENDS_CHECKPOINT_GRAPHBUILDER_H

#include "frontends/onnx/Model.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dure::checkpoint {

using onnx::DataType;

/// A value of the graph; without a name, an input that is left out.
struct Value {
  std::string Name;
  explicit operator bool() const { return !Name.empty(); }
};

/// A number, or the name of a symbolic dimension.
using Dim = std::variant<int64_t, std::string>;

struct NodeAttribute {
  std::string_view Name;
  std::variant<int64_t, float, std::string, std::vector<int64_t>> Value;
};
using NodeAttributes = std::vector<NodeAttribute>;

/// Where the bytes of a weight lie: a file beside the graph.
struct ExternalPlace {
  std::string Location;
  uint64_t Offset = 0, Bytes = 0;
};

class GraphBuilder {
public:
  explicit GraphBuilder(int64_t Opset) : Opset(Opset) {}

  /// Of ONNX's own domain; RMSNormalization, RotaryEmbedding and Attention are
  /// operators from 23 on.
  int64_t opset() const { return Opset; }
  bool hasTransformerOps() const { return Opset >= 23; }

  Value input(std::string Name, DataType Type, const std::vector<Dim> &Dims);
  /// Gives `V` the name under which the graph returns it.
  void output(const Value &V, std::string Name, DataType Type,
              const std::vector<Dim> &Dims);
  Value weight(const std::string &Name, DataType Type,
               const std::vector<int64_t> &Shape, const ExternalPlace &Place);

  /// Constants, in the graph itself: rank 0, and rank 1.
  Value scalar(float V) { return floats({V}, {}); }
  Value scalar(int64_t V) { return integers({V}, {}); }
  Value list(const std::vector<int64_t> &V) {
    return integers(V, {int64_t(V.size())});
  }
  Value floats(const std::vector<float> &V, const std::vector<int64_t> &Shape);
  Value integers(const std::vector<int64_t> &V,
                 const std::vector<int64_t> &Shape);
  Value truth(bool V);

  /// One node with one output, or with several.
  Value node(std::string_view Op, const std::vector<Value> &Inputs,
             const NodeAttributes &Attributes = {});
  std::vector<Value> nodes(std::string_view Op,
                           const std::vector<Value> &Inputs, size_t Outputs,
                           const NodeAttributes &Attributes = {});

  /// A value that the next node gives, with a name after its operator.
  Value fresh(std::string_view Op) { return {freshName(Op)}; }
  /// One node of any domain; its results are `Outputs`, of fresh() or named as
  /// the graph returns them. One without a name is left out.
  void emit(std::string_view Op, std::string_view Domain,
            const std::vector<Value> &Inputs, const std::vector<Value> &Outputs,
            const NodeAttributes &Attributes);
  /// One of onnxruntime's own operators.
  static constexpr std::string_view Microsoft = "com.microsoft";
  Value microsoft(std::string_view Op, const std::vector<Value> &Inputs,
                  const NodeAttributes &Attributes);
  /// The graph returns a value that a node gave that name.
  void returned(const std::string &Name, DataType Type,
                const std::vector<Dim> &Dims);

  /// The operators that read better as calls.
  Value add(const Value &A, const Value &B) { return node("Add", {A, B}); }
  Value sub(const Value &A, const Value &B) { return node("Sub", {A, B}); }
  Value mul(const Value &A, const Value &B) { return node("Mul", {A, B}); }
  Value div(const Value &A, const Value &B) { return node("Div", {A, B}); }
  /// `A` itself when the factor is 1.
  Value scaled(const Value &A, double Factor);
  Value matmul(const Value &A, const Value &B) {
    return node("MatMul", {A, B});
  }
  Value cast(const Value &A, DataType To) {
    return node("Cast", {A}, {{"to", int64_t(To)}});
  }
  Value transpose(const Value &A, std::vector<int64_t> Permutation) {
    return node("Transpose", {A}, {{"perm", std::move(Permutation)}});
  }
  /// 0 keeps a dimension, -1 is what is left.
  Value reshape(const Value &A, const std::vector<int64_t> &Shape) {
    return node("Reshape", {A, list(Shape)});
  }
  Value unsqueeze(const Value &A, const std::vector<int64_t> &Axes) {
    return node("Unsqueeze", {A, list(Axes)});
  }
  Value concat(const std::vector<Value> &Parts, int64_t Axis) {
    return node("Concat", Parts, {{"axis", Axis}});
  }
  /// Elements First, First + Step, ... before End of the last axis.
  Value lastAxisSlice(const Value &A, int64_t First, int64_t End,
                      int64_t Step = 1);
  std::vector<Value> split(const Value &A, const std::vector<int64_t> &Sizes,
                           int64_t Axis) {
    return nodes("Split", {A, list(Sizes)}, Sizes.size(), {{"axis", Axis}});
  }
  /// The size of one dimension, of rank 0.
  Value sizeOf(const Value &A, int64_t Axis);

  /// Names what is made while it lives: "layers.0.self_attn".
  class Scope {
  public:
    Scope(GraphBuilder &G, std::string_view Name) : G(G), Old(G.Prefix) {
      G.Prefix += std::string(Name) + ".";
    }
    ~Scope() { G.Prefix = std::move(Old); }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    GraphBuilder &G;
    std::string Old;
  };

  size_t nodeCount() const { return NodeCount; }

  /// The whole model as bytes of an ONNX file.
  std::string finish(std::string_view GraphName) const;

private:
  Value constant(DataType Type, std::string Bytes,
                 const std::vector<int64_t> &Shape);
  std::string freshName(std::string_view Op);

  int64_t Opset;
  std::string Prefix;
  size_t NodeCount = 0;
  /// The graph's fields as they are written.
  std::string Nodes, Initializers, Inputs, Outputs;
  std::map<std::string, size_t> Names;
  std::map<std::string, std::string> Constants;
  /// Beside ONNX's own.
  std::set<std::string, std::less<>> Domains;
};

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GRAPHBUILDER_H
