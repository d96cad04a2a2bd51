// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An ONNX model as plain structs that point into the mapped file.
//
// Included by the reader, the importer and their tests; depends on the standard
// library alone. Every std::string_view and every FileRange of kind "in the
// model file" points into memory that the caller of the reader keeps mapped for
// as long as the Model lives. Nothing here is trusted to make sense as a graph
// beyond what Reader.h promises: types, ranks and attributes are the importer's
// to check.

#ifndef DURE_FRONTENDS_ONNX_MODEL_H
#define DURE_FRONTENDS_ONNX_MODEL_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure::onnx {

/// Element types, numbered as in TensorProto.DataType.
enum class DataType : int32_t {
  Undefined = 0,
  Float = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  UInt32 = 12,
  UInt64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  BFloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  UInt4 = 21,
  Int4 = 22,
  Float4E2M1 = 23,
  Float8E8M0 = 24,
  UInt2 = 25,
  Int2 = 26,
};

/// Width in bits of one stored element; 0 for strings and unknown types.
unsigned bitWidth(DataType Type);

/// The name in lower case, as the ONNX documents write it: "float16".
std::string_view typeName(DataType Type);

/// Bytes in one of the model's files. File 0 is the model file itself, the
/// others are Model::ExternalFiles[File - 1].
struct FileRange {
  uint32_t File = 0;
  uint64_t Offset = 0;
  uint64_t Size = 0;
};

/// A constant tensor. The elements are little-endian, row-major, 4-bit and
/// 2-bit types packed low bits first.
struct Tensor {
  enum class Storage {
    File,    ///< Range says where; never copied.
    Inline,  ///< Bytes: decoded from varint fields such as int64_data.
    Strings, ///< StringData: DataType::String only.
  };

  std::string_view Name;
  DataType Type = DataType::Undefined;
  std::vector<int64_t> Dims;
  /// Product of Dims, checked not to overflow.
  uint64_t ElementCount = 1;
  Storage Kind = Storage::Inline;
  FileRange Range;
  std::string Bytes;
  std::vector<std::string_view> StringData;
};

/// One dimension of a declared type: a number, a name, or neither.
struct Dim {
  std::optional<int64_t> Value;
  std::string_view Name;
};

/// A declared type. Sequences, maps, optionals and sparse tensors are kept only
/// as their kind: nothing downstream computes on them.
struct TypeInfo {
  enum class Kind { None, Tensor, Sequence, Map, Optional, Sparse, Opaque };
  Kind Category = Kind::None;
  DataType Element = DataType::Undefined;
  /// Absent when the rank is not declared.
  std::optional<std::vector<Dim>> Shape;
};

struct ValueInfo {
  std::string_view Name;
  TypeInfo Type;
};

struct Graph;

/// Numbered as in AttributeProto.AttributeType.
enum class AttributeType : int32_t {
  Undefined = 0,
  Float = 1,
  Int = 2,
  String = 3,
  Tensor = 4,
  Graph = 5,
  Floats = 6,
  Ints = 7,
  Strings = 8,
  Tensors = 9,
  Graphs = 10,
  SparseTensor = 11,
  SparseTensors = 12,
  TypeProto = 13,
  TypeProtos = 14,
};

/// A node's attribute: only the member that Type names is filled.
struct Attribute {
  std::string_view Name;
  AttributeType Type = AttributeType::Undefined;
  /// In a function body: the function's attribute that gives the value.
  std::string_view RefName;
  float Float = 0;
  int64_t Int = 0;
  std::string_view String;
  std::vector<float> Floats;
  std::vector<int64_t> Ints;
  std::vector<std::string_view> Strings;
  std::vector<Tensor> Tensors; ///< One element for AttributeType::Tensor.
  std::vector<Graph> Graphs;   ///< One element for AttributeType::Graph.
};

/// A call of one operator. An empty input or output name means "left out".
struct Node {
  std::string_view Name;
  std::string_view OpType;
  std::string_view Domain; ///< "" for the default domain, "ai.onnx" included.
  std::string_view Overload;
  std::vector<std::string_view> Inputs;
  std::vector<std::string_view> Outputs;
  std::vector<Attribute> Attributes;
};

/// A graph: its nodes stand in an order in which every value is produced before
/// it is used, names are unique, and every used name is known.
struct Graph {
  std::string_view Name;
  std::vector<Node> Nodes;
  std::vector<Tensor> Initializers;
  std::vector<ValueInfo> Inputs;
  std::vector<ValueInfo> Outputs;
  std::vector<ValueInfo> Values; ///< value_info: hints, never to be trusted.
};

struct OpsetImport {
  std::string_view Domain; ///< "" for the default domain.
  int64_t Version = 0;
};

/// A model-local function.
struct Function {
  std::string_view Domain;
  std::string_view Name;
  std::string_view Overload;
  std::vector<std::string_view> Inputs;
  std::vector<std::string_view> Outputs;
  std::vector<std::string_view> Attributes; ///< Attributes without a default.
  std::vector<Attribute> Defaults;          ///< Attributes with one.
  std::vector<Node> Nodes;
  std::vector<OpsetImport> Opsets;
};

/// A file that initializers refer to, as the model names it.
struct ExternalFile {
  std::string Location; ///< Relative to the folder of the model.
  std::string Path;     ///< What was opened: folder and location joined.
  uint64_t Size = 0;
};

struct Model {
  int64_t IrVersion = 0;
  std::string_view ProducerName;
  std::string_view ProducerVersion;
  std::vector<OpsetImport> Opsets;
  Graph Main;
  std::vector<Function> Functions;
  std::vector<ExternalFile> ExternalFiles;
};

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_MODEL_H
