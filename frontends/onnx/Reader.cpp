// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ModelProto, GraphProto, NodeProto and what hangs below them.

#include "frontends/onnx/Reader.h"

#include "frontends/onnx/Wire.h"

#include <new>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace dure::onnx {

using protozero::pbf_reader;

ExternalFileSource::~ExternalFileSource() = default;

namespace {

/// IR versions that the reader knows. Version 3 is the oldest with opsets.
constexpr int64_t MinIrVersion = 3, MaxIrVersion = 14;

class ModelReader {
public:
  ModelReader(Context &C, Model &M) : C(C), M(M) {}

  void read(std::string_view Message);

private:
  Graph graph(std::string_view Message);
  Node node(std::string_view Message);
  Attribute attribute(std::string_view Message);
  void attributeValue(pbf_reader &Reader, Attribute &A);
  void settleType(Attribute &A, bool HasFloat, bool HasInt, bool HasString);
  Function function(std::string_view Message);
  ValueInfo valueInfo(std::string_view Message);
  TypeInfo type(std::string_view Message);
  void tensorType(std::string_view Message, TypeInfo &T);
  Dim dim(std::string_view Message);
  OpsetImport opset(std::string_view Message);
  std::string_view domain(pbf_reader &Reader);
  Tensor initializer(std::string_view Message);
  void checkVersions();
  void checkOpsets(const std::vector<OpsetImport> &Opsets);

  /// Refuses one more element of a list that holds `Count`.
  void limit(size_t Count, uint64_t Max, const char *What) {
    if (Count >= Max)
      C.fail(RefusalCode::TooMany, {What, std::to_string(Max)});
  }

  /// Appends after accounting for the element's own size.
  template <typename T> void append(std::vector<T> &List, T Element) {
    C.charge(sizeof(T));
    List.push_back(std::move(Element));
  }

  Context &C;
  Model &M;
};

} // namespace

std::string_view ModelReader::domain(pbf_reader &Reader) {
  std::string_view Domain = C.text(Reader);
  return Domain == "ai.onnx" ? std::string_view() : Domain;
}

OpsetImport ModelReader::opset(std::string_view Message) {
  OpsetImport Import;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    if (Reader.tag() == 1)
      Import.Domain = domain(Reader);
    else if (Reader.tag() == 2)
      Import.Version = C.integer(Reader);
    else
      Reader.skip();
  });
  return Import;
}

Dim ModelReader::dim(std::string_view Message) {
  Dim D;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    if (Reader.tag() == 1)
      D.Value = C.integer(Reader);
    else if (Reader.tag() == 2)
      D.Name = C.text(Reader);
    else
      Reader.skip();
  });
  if (D.Value && *D.Value < 0)
    // Some exporters write -1 for "unknown".
    D.Value.reset();
  return D;
}

void ModelReader::tensorType(std::string_view Message, TypeInfo &T) {
  T.Category = TypeInfo::Kind::Tensor;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    if (Reader.tag() == 1) {
      int64_t Element = C.integer(Reader);
      if (Element < 0 || Element > static_cast<int64_t>(DataType::Int2))
        C.fail(RefusalCode::TensorType, {std::to_string(Element)},
               Message.data());
      T.Element = static_cast<DataType>(Element);
    } else if (Reader.tag() == 2) {
      T.Shape.emplace();
      C.forEachField(C.bytes(Reader), [&](pbf_reader &ShapeReader) {
        if (ShapeReader.tag() != 1)
          return ShapeReader.skip();
        if (T.Shape->size() == C.Limits.MaxRank)
          C.fail(
              RefusalCode::TensorDims,
              {"more than " + std::to_string(C.Limits.MaxRank) + " dimensions"},
              Message.data());
        T.Shape->push_back(dim(C.bytes(ShapeReader)));
      });
    } else {
      Reader.skip();
    }
  });
}

TypeInfo ModelReader::type(std::string_view Message) {
  using Kind = TypeInfo::Kind;
  TypeInfo T;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      return tensorType(C.bytes(Reader), T);
    case 4:
      T.Category = Kind::Sequence;
      break;
    case 5:
      T.Category = Kind::Map;
      break;
    case 7:
      T.Category = Kind::Opaque;
      break;
    case 8:
      T.Category = Kind::Sparse;
      break;
    case 9:
      T.Category = Kind::Optional;
      break;
    default:
      break;
    }
    Reader.skip();
  });
  return T;
}

ValueInfo ModelReader::valueInfo(std::string_view Message) {
  Context::Scope Where(C, "value");
  ValueInfo Info;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    if (Reader.tag() == 1) {
      Info.Name = C.text(Reader);
      Where.rename("value '" + std::string(Info.Name) + "'");
    } else if (Reader.tag() == 2) {
      Info.Type = type(C.bytes(Reader));
    } else {
      Reader.skip();
    }
  });
  return Info;
}

void ModelReader::attributeValue(pbf_reader &Reader, Attribute &A) {
  switch (Reader.tag()) {
  case 5:
    return append(A.Tensors, readTensor(C, C.bytes(Reader), M.ExternalFiles));
  case 6:
    return append(A.Graphs, graph(C.bytes(Reader)));
  case 7:
    return C.floats(Reader, A.Floats);
  case 8:
    return C.integers(Reader, A.Ints);
  case 9:
    return append(A.Strings, C.bytes(Reader));
  case 10:
    return append(A.Tensors, readTensor(C, C.bytes(Reader), M.ExternalFiles));
  case 11:
    return append(A.Graphs, graph(C.bytes(Reader)));
  case 21:
    A.RefName = C.text(Reader);
    return;
  default:
    Reader.skip();
  }
}

/// Old files leave `type` out; a type that disagrees with the value that is
/// there would make an importer read the wrong member.
void ModelReader::settleType(Attribute &A, bool HasFloat, bool HasInt,
                             bool HasString) {
  using T = AttributeType;
  if (A.Type == T::Undefined && A.RefName.empty()) {
    if (HasFloat)
      A.Type = T::Float;
    else if (HasInt)
      A.Type = T::Int;
    else if (HasString)
      A.Type = T::String;
    else if (!A.Tensors.empty())
      A.Type = A.Tensors.size() == 1 ? T::Tensor : T::Tensors;
    else if (!A.Graphs.empty())
      A.Type = A.Graphs.size() == 1 ? T::Graph : T::Graphs;
    else if (!A.Floats.empty())
      A.Type = T::Floats;
    else if (!A.Ints.empty())
      A.Type = T::Ints;
    else if (!A.Strings.empty())
      A.Type = T::Strings;
  }
  if (!A.RefName.empty())
    return;
  bool One = (A.Type == T::Tensor && A.Tensors.size() != 1) ||
             (A.Type == T::Graph && A.Graphs.size() != 1);
  // proto3 leaves zero scalars out of the file, lists are never mixed.
  bool Mixed =
      (HasFloat && A.Type != T::Float) || (HasInt && A.Type != T::Int) ||
      (HasString && A.Type != T::String) ||
      (!A.Floats.empty() && A.Type != T::Floats) ||
      (!A.Ints.empty() && A.Type != T::Ints) ||
      (!A.Strings.empty() && A.Type != T::Strings) ||
      (!A.Tensors.empty() && A.Type != T::Tensor && A.Type != T::Tensors) ||
      (!A.Graphs.empty() && A.Type != T::Graph && A.Type != T::Graphs);
  if (One || Mixed)
    C.fail(RefusalCode::AttributeBad,
           {printable(A.Name), "has a value that is not of its type"});
}

Attribute ModelReader::attribute(std::string_view Message) {
  Context::Scope Where(C, "attribute");
  Attribute A;
  bool HasFloat = false, HasInt = false, HasString = false;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      A.Name = C.text(Reader);
      Where.rename("attribute '" + std::string(A.Name) + "'");
      return;
    case 2:
      A.Float = C.float32(Reader);
      HasFloat |= A.Float != 0;
      return;
    case 3:
      A.Int = C.integer(Reader);
      HasInt |= A.Int != 0;
      return;
    case 4:
      A.String = C.bytes(Reader);
      HasString |= !A.String.empty();
      return;
    case 20: {
      int64_t Type = C.integer(Reader);
      if (Type < 0 || Type > static_cast<int64_t>(AttributeType::TypeProtos))
        C.fail(RefusalCode::AttributeBad,
               {printable(A.Name),
                "has the unknown type " + std::to_string(Type)});
      A.Type = static_cast<AttributeType>(Type);
      return;
    }
    default:
      attributeValue(Reader, A);
    }
  });
  if (A.Name.empty())
    C.fail(RefusalCode::BadName, {"an attribute has none"}, Message.data());
  settleType(A, HasFloat, HasInt, HasString);
  return A;
}

Node ModelReader::node(std::string_view Message) {
  if (++C.NodeCount > C.Limits.MaxNodes)
    C.fail(RefusalCode::TooMany, {"nodes", std::to_string(C.Limits.MaxNodes)});
  Context::Scope Where(C, "node");
  Node N;
  auto Describe = [&] {
    std::string_view Name = !N.Name.empty()     ? N.Name
                            : N.Outputs.empty() ? std::string_view()
                                                : N.Outputs[0];
    Where.rename("node '" + std::string(Name) + "' (" + std::string(N.OpType) +
                 ")");
  };
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      return append(N.Inputs, C.text(Reader));
    case 2:
      append(N.Outputs, C.text(Reader));
      return Describe();
    case 3:
      N.Name = C.text(Reader);
      return Describe();
    case 4:
      N.OpType = C.text(Reader);
      return Describe();
    case 5:
      limit(N.Attributes.size(), C.Limits.MaxAttributes, "attributes");
      return append(N.Attributes, attribute(C.bytes(Reader)));
    case 7:
      N.Domain = domain(Reader);
      return;
    case 8:
      N.Overload = C.text(Reader);
      return;
    default:
      Reader.skip();
    }
  });
  if (N.OpType.empty())
    C.fail(RefusalCode::BadName, {"a node has no operator type"},
           Message.data());
  std::unordered_set<std::string_view> Names;
  for (const Attribute &A : N.Attributes)
    if (!Names.insert(A.Name).second)
      C.fail(RefusalCode::DuplicateName, {printable(A.Name)}, Message.data());
  return N;
}

Tensor ModelReader::initializer(std::string_view Message) {
  if (++C.InitializerCount > C.Limits.MaxInitializers)
    C.fail(RefusalCode::TooMany,
           {"initializers", std::to_string(C.Limits.MaxInitializers)});
  Tensor T = readTensor(C, Message, M.ExternalFiles);
  if (T.Name.empty())
    C.fail(RefusalCode::BadName, {"an initializer has none"}, Message.data());
  return T;
}

Graph ModelReader::graph(std::string_view Message) {
  Context::Scope Where(C, "");
  Graph G;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      return append(G.Nodes, node(C.bytes(Reader)));
    case 2:
      G.Name = C.text(Reader);
      return;
    case 5:
      return append(G.Initializers, initializer(C.bytes(Reader)));
    case 11:
      return append(G.Inputs, valueInfo(C.bytes(Reader)));
    case 12:
      return append(G.Outputs, valueInfo(C.bytes(Reader)));
    case 13:
      return append(G.Values, valueInfo(C.bytes(Reader)));
    case 15:
      C.fail(RefusalCode::TensorData, {"sparse initializers are not read"},
             Message.data());
    default:
      Reader.skip();
    }
  });
  return G;
}

Function ModelReader::function(std::string_view Message) {
  Context::Scope Where(C, "function");
  Function F;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      F.Name = C.text(Reader);
      Where.rename("function '" + std::string(F.Name) + "'");
      return;
    case 4:
      return append(F.Inputs, C.text(Reader));
    case 5:
      return append(F.Outputs, C.text(Reader));
    case 6:
      return append(F.Attributes, C.text(Reader));
    case 7:
      return append(F.Nodes, node(C.bytes(Reader)));
    case 9:
      limit(F.Opsets.size(), C.Limits.MaxOpsets, "opset imports");
      return append(F.Opsets, opset(C.bytes(Reader)));
    case 10:
      F.Domain = domain(Reader);
      return;
    case 11:
      limit(F.Defaults.size(), C.Limits.MaxAttributes, "attributes");
      return append(F.Defaults, attribute(C.bytes(Reader)));
    case 13:
      F.Overload = C.text(Reader);
      return;
    default:
      Reader.skip();
    }
  });
  return F;
}

void ModelReader::checkVersions() {
  if (M.IrVersion < MinIrVersion || M.IrVersion > MaxIrVersion)
    C.fail(RefusalCode::IrVersion,
           {std::to_string(M.IrVersion), std::to_string(MaxIrVersion)});
  checkOpsets(M.Opsets);
  for (const Function &F : M.Functions) {
    Context::Scope Where(C, "function '" + std::string(F.Name) + "'");
    checkOpsets(F.Opsets);
  }
}

/// A domain may be imported twice, as long as it is the same version.
void ModelReader::checkOpsets(const std::vector<OpsetImport> &Opsets) {
  std::unordered_map<std::string_view, int64_t> Versions;
  for (const OpsetImport &Import : Opsets)
    if (Versions.try_emplace(Import.Domain, Import.Version).first->second !=
        Import.Version)
      C.fail(RefusalCode::DuplicateName,
             {"opset_import " + printable(Import.Domain)});
}

void ModelReader::read(std::string_view Message) {
  bool HasGraph = false;
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      M.IrVersion = C.integer(Reader);
      return;
    case 2:
      M.ProducerName = C.text(Reader);
      return;
    case 3:
      M.ProducerVersion = C.text(Reader);
      return;
    case 7:
      // Protobuf would merge two graphs field by field; nobody writes that,
      // and readers that disagree about it are a way to hide something.
      if (HasGraph)
        C.fail(RefusalCode::FileMalformed, {"it holds two graphs"},
               Reader.data().data());
      HasGraph = true;
      M.Main = graph(C.bytes(Reader));
      return;
    case 8:
      limit(M.Opsets.size(), C.Limits.MaxOpsets, "opset imports");
      return append(M.Opsets, opset(C.bytes(Reader)));
    case 25:
      return append(M.Functions, function(C.bytes(Reader)));
    default:
      Reader.skip();
    }
  });
  if (!HasGraph)
    C.fail(RefusalCode::FileMalformed, {"it holds no graph"});
  checkVersions();
}

ReadResult readModel(std::string_view Bytes, std::string_view FileName,
                     ExternalFileSource *Files, const ReadLimits &Limits) {
  ReadResult Result;
  try {
    Context C(Bytes, FileName, Files, Limits);
    auto M = std::make_unique<Model>();
    if (Bytes.size() > Limits.MaxFileBytes)
      C.fail(RefusalCode::FileSize, {std::to_string(Bytes.size()),
                                     std::to_string(Limits.MaxFileBytes)});
    ModelReader(C, *M).read(Bytes);
    checkModel(C, *M);
    Result.M = std::move(M);
  } catch (ReadError &E) {
    Result.Error = std::move(E.R);
  } catch (const std::bad_alloc &) {
    Refusal R{};
    R.Code = RefusalCode::OutOfMemory;
    R.Place = printable(FileName);
    Result.Error = std::move(R);
  }
  return Result;
}

} // namespace dure::onnx
