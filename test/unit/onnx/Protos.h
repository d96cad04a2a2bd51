// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds small ONNX files by hand for the tests of the reader and importer.
//
// Nothing here checks anything: hostile files are the point.

#ifndef DURE_TEST_UNIT_ONNX_PROTOS_H
#define DURE_TEST_UNIT_ONNX_PROTOS_H

#include <protozero/pbf_writer.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure::onnx::test {

using Writer = protozero::pbf_writer;

/// The bytes of one message written by `Fill`.
template <typename Fn> std::string message(Fn &&Fill) {
  std::string Bytes;
  Writer W(Bytes);
  Fill(W);
  return Bytes;
}

inline std::string opset(int64_t Version, std::string_view Domain = "") {
  return message([&](Writer &W) {
    W.add_string(1, Domain.data(), Domain.size());
    W.add_int64(2, Version);
  });
}

/// A dimension: a number, or a name.
struct DimText {
  DimText(int64_t Value) : Value(Value) {}
  DimText(int Value) : Value(Value) {}
  DimText(const char *Name) : Name(Name) {}
  int64_t Value = 0;
  std::string Name;
};

inline std::string value(std::string_view Name, int Type,
                         const std::vector<DimText> &Dims) {
  std::string Shape = message([&](Writer &W) {
    for (const DimText &D : Dims)
      W.add_message(1, message([&](Writer &DimWriter) {
                      if (D.Name.empty())
                        DimWriter.add_int64(1, D.Value);
                      else
                        DimWriter.add_string(2, D.Name);
                    }));
  });
  std::string Tensor = message([&](Writer &W) {
    W.add_int32(1, Type);
    W.add_message(2, Shape);
  });
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_message(2, message([&](Writer &T) { T.add_message(1, Tensor); }));
  });
}

/// A tensor with raw_data.
inline std::string rawTensor(std::string_view Name, int Type,
                             const std::vector<int64_t> &Dims,
                             std::string_view Raw) {
  return message([&](Writer &W) {
    for (int64_t Dim : Dims)
      W.add_int64(1, Dim);
    W.add_int32(2, Type);
    W.add_string(8, Name.data(), Name.size());
    W.add_bytes(9, Raw.data(), Raw.size());
  });
}

template <typename T>
std::string rawTensorOf(std::string_view Name, int Type,
                        const std::vector<int64_t> &Dims,
                        const std::vector<T> &Values) {
  return rawTensor(Name, Type, Dims,
                   {reinterpret_cast<const char *>(Values.data()),
                    Values.size() * sizeof(T)});
}

/// A tensor of rank 1 (or 0 when `Scalar`) in int64_data.
inline std::string ints(std::string_view Name,
                        const std::vector<int64_t> &Values,
                        bool Scalar = false) {
  return rawTensorOf<int64_t>(
      Name, 7,
      Scalar ? std::vector<int64_t>{}
             : std::vector<int64_t>{static_cast<int64_t>(Values.size())},
      Values);
}

inline std::string
externalTensor(std::string_view Name, int Type,
               const std::vector<int64_t> &Dims,
               const std::vector<std::pair<std::string, std::string>> &Keys) {
  return message([&](Writer &W) {
    for (int64_t Dim : Dims)
      W.add_int64(1, Dim);
    W.add_int32(2, Type);
    W.add_string(8, Name.data(), Name.size());
    for (const auto &[Key, Value] : Keys)
      W.add_message(13, message([&](Writer &Entry) {
                      Entry.add_string(1, Key);
                      Entry.add_string(2, Value);
                    }));
    W.add_int32(14, 1);
  });
}

inline std::string intAttribute(std::string_view Name, int64_t Value) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_int64(3, Value);
    W.add_int32(20, 2);
  });
}

inline std::string floatAttribute(std::string_view Name, float Value) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_float(2, Value);
    W.add_int32(20, 1);
  });
}

inline std::string stringAttribute(std::string_view Name,
                                   std::string_view Value) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_bytes(4, Value.data(), Value.size());
    W.add_int32(20, 3);
  });
}

inline std::string intsAttribute(std::string_view Name,
                                 const std::vector<int64_t> &Values) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_packed_int64(8, Values.begin(), Values.end());
    W.add_int32(20, 7);
  });
}

inline std::string refAttribute(std::string_view Name, std::string_view Ref,
                                int Type) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_int32(20, Type);
    W.add_string(21, Ref.data(), Ref.size());
  });
}

inline std::string tensorAttribute(std::string_view Name,
                                   const std::string &Tensor) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_message(5, Tensor);
    W.add_int32(20, 4);
  });
}

inline std::string graphAttribute(std::string_view Name,
                                  const std::string &Graph) {
  return message([&](Writer &W) {
    W.add_string(1, Name.data(), Name.size());
    W.add_message(6, Graph);
    W.add_int32(20, 5);
  });
}

inline std::string node(std::string_view OpType,
                        const std::vector<std::string> &Inputs,
                        const std::vector<std::string> &Outputs,
                        const std::vector<std::string> &Attributes = {},
                        std::string_view Name = "",
                        std::string_view Domain = "") {
  return message([&](Writer &W) {
    for (const std::string &Input : Inputs)
      W.add_string(1, Input);
    for (const std::string &Output : Outputs)
      W.add_string(2, Output);
    if (!Name.empty())
      W.add_string(3, Name.data(), Name.size());
    W.add_string(4, OpType.data(), OpType.size());
    for (const std::string &Attribute : Attributes)
      W.add_message(5, Attribute);
    W.add_string(7, Domain.data(), Domain.size());
  });
}

/// The messages of one graph.
struct GraphParts {
  std::vector<std::string> Nodes;
  std::vector<std::string> Initializers;
  std::vector<std::string> Inputs;
  std::vector<std::string> Outputs;
};

inline std::string graph(const GraphParts &Parts) {
  return message([&](Writer &W) {
    for (const std::string &Node : Parts.Nodes)
      W.add_message(1, Node);
    W.add_string(2, "g");
    for (const std::string &Tensor : Parts.Initializers)
      W.add_message(5, Tensor);
    for (const std::string &Input : Parts.Inputs)
      W.add_message(11, Input);
    for (const std::string &Output : Parts.Outputs)
      W.add_message(12, Output);
  });
}

struct FunctionParts {
  std::string Name;
  std::vector<std::string> Inputs, Outputs, Attributes, Nodes;
};

inline std::string function(const FunctionParts &Parts,
                            std::string_view Domain = "local",
                            int64_t Opset = 20) {
  return message([&](Writer &W) {
    W.add_string(1, Parts.Name);
    for (const std::string &Input : Parts.Inputs)
      W.add_string(4, Input);
    for (const std::string &Output : Parts.Outputs)
      W.add_string(5, Output);
    for (const std::string &Attribute : Parts.Attributes)
      W.add_string(6, Attribute);
    for (const std::string &Node : Parts.Nodes)
      W.add_message(7, Node);
    W.add_message(9, opset(Opset));
    W.add_message(9, opset(1, Domain));
    W.add_string(10, Domain.data(), Domain.size());
  });
}

inline std::string model(const std::string &Graph, int64_t Opset = 20,
                         const std::vector<std::string> &Functions = {}) {
  return message([&](Writer &W) {
    W.add_int64(1, 10);
    W.add_message(7, Graph);
    W.add_message(8, opset(Opset));
    W.add_message(8, opset(1, "local"));
    W.add_message(8, opset(1, "com.microsoft"));
    for (const std::string &Function : Functions)
      W.add_message(25, Function);
  });
}

} // namespace dure::onnx::test

#endif // DURE_TEST_UNIT_ONNX_PROTOS_H
