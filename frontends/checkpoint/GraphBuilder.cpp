// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Graphs as protobuf. Field numbers are those of onnx.proto.

#include "frontends/checkpoint/GraphBuilder.h"

#include <cstring>
#include <protozero/pbf_writer.hpp>

namespace dure::checkpoint {
namespace {

using protozero::pbf_writer;

/// Which fields of which message.
enum ModelField { IrVersion = 1, ProducerName = 2, ModelGraph = 7, Opsets = 8 };
enum OpsetField { OpsetDomain = 1, OpsetVersion = 2 };
enum GraphField {
  GraphNode = 1,
  GraphName = 2,
  GraphInitializer = 5,
  GraphInput = 11,
  GraphOutput = 12
};
enum NodeField {
  NodeInput = 1,
  NodeOutput = 2,
  NodeName = 3,
  NodeOp = 4,
  NodeAttributeField = 5,
  NodeDomain = 7
};
enum AttributeField {
  AttributeName = 1,
  AttributeFloat = 2,
  AttributeInt = 3,
  AttributeString = 4,
  AttributeInts = 8,
  AttributeTypeField = 20
};
enum TensorField {
  TensorDims = 1,
  TensorType = 2,
  TensorName = 8,
  TensorRaw = 9,
  TensorExternal = 13,
  TensorLocation = 14
};

/// The IR of ONNX 1.16, the first of opset 21, which knows all types that
/// weights have; loaders of both 20 and 23 read it.
constexpr int64_t WrittenIr = 10;

std::string valueInfo(const std::string &Name, DataType Type,
                      const std::vector<Dim> &Dims) {
  std::string Info;
  pbf_writer Writer(Info);
  Writer.add_string(1, Name);
  pbf_writer TypeProto(Writer, 2);
  pbf_writer TensorType(TypeProto, 1);
  TensorType.add_enum(1, int32_t(Type));
  pbf_writer Shape(TensorType, 2);
  for (const Dim &Each : Dims) {
    pbf_writer DimProto(Shape, 1);
    if (const int64_t *Number = std::get_if<int64_t>(&Each))
      DimProto.add_int64(1, *Number);
    else
      DimProto.add_string(2, std::get<std::string>(Each));
  }
  return Info;
}

void addEntry(pbf_writer &Tensor, const char *Key, const std::string &Value) {
  pbf_writer Entry(Tensor, TensorExternal);
  Entry.add_string(1, Key);
  Entry.add_string(2, Value);
}

void addAttribute(pbf_writer &Node, const NodeAttribute &A) {
  using onnx::AttributeType;
  pbf_writer Out(Node, NodeAttributeField);
  Out.add_string(AttributeName, A.Name.data(), A.Name.size());
  AttributeType Type = AttributeType::Int;
  if (const int64_t *Int = std::get_if<int64_t>(&A.Value)) {
    Out.add_int64(AttributeInt, *Int);
  } else if (const float *Float = std::get_if<float>(&A.Value)) {
    Out.add_float(AttributeFloat, *Float);
    Type = AttributeType::Float;
  } else if (const auto *Text = std::get_if<std::string>(&A.Value)) {
    Out.add_string(AttributeString, *Text);
    Type = AttributeType::String;
  } else {
    for (int64_t Each : std::get<std::vector<int64_t>>(A.Value))
      Out.add_int64(AttributeInts, Each);
    Type = AttributeType::Ints;
  }
  Out.add_enum(AttributeTypeField, int32_t(Type));
}

template <typename T> std::string bytesOf(const std::vector<T> &V) {
  return {reinterpret_cast<const char *>(V.data()), V.size() * sizeof(T)};
}

} // namespace

std::string GraphBuilder::freshName(std::string_view Op) {
  std::string Name = Prefix + std::string(Op);
  if (size_t Taken = Names[Name]++)
    Name += "_" + std::to_string(Taken);
  return Name;
}

Value GraphBuilder::input(std::string Name, DataType Type,
                          const std::vector<Dim> &Dims) {
  pbf_writer(Inputs).add_message(GraphInput, valueInfo(Name, Type, Dims));
  return {std::move(Name)};
}

void GraphBuilder::output(const Value &V, std::string Name, DataType Type,
                          const std::vector<Dim> &Dims) {
  emit("Identity", {}, {V}, {{Name}}, {});
  returned(Name, Type, Dims);
}

void GraphBuilder::returned(const std::string &Name, DataType Type,
                            const std::vector<Dim> &Dims) {
  pbf_writer(Outputs).add_message(GraphOutput, valueInfo(Name, Type, Dims));
}

Value GraphBuilder::weight(const std::string &Name, DataType Type,
                           const std::vector<int64_t> &Shape,
                           const ExternalPlace &Place) {
  std::string Tensor;
  pbf_writer Writer(Tensor);
  for (int64_t Each : Shape)
    Writer.add_int64(TensorDims, Each);
  Writer.add_enum(TensorType, int32_t(Type));
  Writer.add_string(TensorName, Name);
  addEntry(Writer, "location", Place.Location);
  addEntry(Writer, "offset", std::to_string(Place.Offset));
  addEntry(Writer, "length", std::to_string(Place.Bytes));
  Writer.add_enum(TensorLocation, 1); // EXTERNAL
  pbf_writer(Initializers).add_message(GraphInitializer, Tensor);
  return {Name};
}

Value GraphBuilder::constant(DataType Type, std::string Bytes,
                             const std::vector<int64_t> &Shape) {
  std::string Tensor;
  pbf_writer Writer(Tensor);
  for (int64_t Each : Shape)
    Writer.add_int64(TensorDims, Each);
  Writer.add_enum(TensorType, int32_t(Type));
  Writer.add_bytes(TensorRaw, Bytes);
  // What has the same fields is the same constant.
  const auto [It, IsNew] = Constants.try_emplace(Tensor);
  if (IsNew) {
    It->second = "constant_" + std::to_string(Constants.size());
    Writer.add_string(TensorName, It->second);
    pbf_writer(Initializers).add_message(GraphInitializer, Tensor);
  }
  return {It->second};
}

Value GraphBuilder::floats(const std::vector<float> &V,
                           const std::vector<int64_t> &Shape) {
  return constant(DataType::Float, bytesOf(V), Shape);
}

Value GraphBuilder::integers(const std::vector<int64_t> &V,
                             const std::vector<int64_t> &Shape) {
  return constant(DataType::Int64, bytesOf(V), Shape);
}

Value GraphBuilder::truth(bool V) {
  return constant(DataType::Bool, std::string(1, char(V)), {});
}

void GraphBuilder::emit(std::string_view Op, std::string_view Domain,
                        const std::vector<Value> &Inputs,
                        const std::vector<Value> &Outputs,
                        const NodeAttributes &Attributes) {
  std::string Node;
  pbf_writer Writer(Node);
  for (const Value &Each : Inputs)
    Writer.add_string(NodeInput, Each.Name);
  for (const Value &Each : Outputs)
    Writer.add_string(NodeOutput, Each.Name);
  Writer.add_string(NodeName, Outputs.front().Name);
  Writer.add_string(NodeOp, Op.data(), Op.size());
  for (const NodeAttribute &Each : Attributes)
    addAttribute(Writer, Each);
  if (!Domain.empty()) {
    Writer.add_string(NodeDomain, Domain.data(), Domain.size());
    Domains.emplace(Domain);
  }
  pbf_writer(Nodes).add_message(GraphNode, Node);
  ++NodeCount;
}

std::vector<Value> GraphBuilder::nodes(std::string_view Op,
                                       const std::vector<Value> &Inputs,
                                       size_t Outputs,
                                       const NodeAttributes &Attributes) {
  std::vector<Value> Results;
  const std::string Name = freshName(Op);
  for (size_t I = 0; I < Outputs; ++I)
    Results.push_back({I ? Name + ":" + std::to_string(I) : Name});
  emit(Op, {}, Inputs, Results, Attributes);
  return Results;
}

Value GraphBuilder::microsoft(std::string_view Op,
                              const std::vector<Value> &Inputs,
                              const NodeAttributes &Attributes) {
  const Value Result = fresh(Op);
  emit(Op, Microsoft, Inputs, {Result}, Attributes);
  return Result;
}

Value GraphBuilder::node(std::string_view Op, const std::vector<Value> &Inputs,
                         const NodeAttributes &Attributes) {
  return nodes(Op, Inputs, 1, Attributes).front();
}

Value GraphBuilder::scaled(const Value &A, double Factor) {
  return Factor == 1 ? A : mul(A, scalar(float(Factor)));
}

Value GraphBuilder::lastAxisSlice(const Value &A, int64_t First, int64_t End,
                                  int64_t Step) {
  return node("Slice",
              {A, list({First}), list({End}), list({-1}), list({Step})});
}

Value GraphBuilder::sizeOf(const Value &A, int64_t Axis) {
  const Value Size = node("Shape", {A}, {{"start", Axis}, {"end", Axis + 1}});
  return node("Squeeze", {Size});
}

std::string GraphBuilder::finish(std::string_view Name) const {
  std::string Model;
  pbf_writer Writer(Model);
  Writer.add_int64(IrVersion, WrittenIr);
  Writer.add_string(ProducerName, "dure");
  std::string Graph = Nodes;
  pbf_writer(Graph).add_string(GraphName, Name.data(), Name.size());
  Graph += Initializers + Inputs + Outputs;
  Writer.add_message(ModelGraph, Graph);
  {
    pbf_writer Import(Writer, Opsets);
    Import.add_string(OpsetDomain, "");
    Import.add_int64(OpsetVersion, Opset);
  }
  for (const std::string &Domain : Domains) {
    pbf_writer Import(Writer, Opsets);
    Import.add_string(OpsetDomain, Domain);
    Import.add_int64(OpsetVersion, 1);
  }
  return Model;
}

} // namespace dure::checkpoint
