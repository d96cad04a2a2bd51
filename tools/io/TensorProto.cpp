// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and writing TensorProto with protozero.
//
// The one file of this library that is compiled with exceptions: protozero
// reports malformed input by throwing, and each public function here catches.
#include "tools/io/TensorProto.h"

#include "tools/io/File.h"
#include "tools/io/Npy.h"

#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace dure::io {
namespace {

// Field numbers of onnx.TensorProto.
enum Field : uint32_t {
  Dims = 1,
  DataType = 2,
  Segment = 3,
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  Name = 8,
  RawData = 9,
  DoubleData = 10,
  UInt64Data = 11,
  DataLocation = 14,
};
constexpr int32_t ExternalLocation = 1;
constexpr int64_t MaxMessage = INT32_MAX;

/// What a message holds before it is known to fit together.
struct RawTensor {
  Tensor T;
  int64_t TypeCode = 0;
  bool HasRaw = false;
  protozero::data_view Raw;
  // The typed fields, converted to their natural types.
  std::vector<float> Floats;
  std::vector<double> Doubles;
  std::vector<int32_t> Int32s;
  std::vector<int64_t> Int64s;
  std::vector<uint64_t> UInt64s;

  bool hasTyped() const {
    return !Floats.empty() || !Doubles.empty() || !Int32s.empty() ||
           !Int64s.empty() || !UInt64s.empty();
  }
};

using Wire = protozero::pbf_wire_type;

/// How a field may be encoded. protozero asserts that it is read as what it
/// is, so that has to be looked at first.
bool hasWireType(Field Tag, Wire Type) {
  switch (Tag) {
  case DataType:
  case DataLocation:
    return Type == Wire::varint;
  case Segment:
  case StringData:
  case Name:
  case RawData:
    return Type == Wire::length_delimited;
  case FloatData:
    return Type == Wire::length_delimited || Type == Wire::fixed32;
  case DoubleData:
    return Type == Wire::length_delimited || Type == Wire::fixed64;
  case Dims:
  case Int32Data:
  case Int64Data:
  case UInt64Data:
    return Type == Wire::length_delimited || Type == Wire::varint;
  }
  return true; // A field that is skipped.
}

/// Appends a repeated scalar, which may be packed or not. Every element takes
/// at least a byte of the message, so what is allocated is bounded by it.
template <typename V, typename One, typename Packed>
void append(protozero::pbf_reader &Message, std::vector<V> &Out, One GetOne,
            Packed GetPacked) {
  if (Message.wire_type() != Wire::length_delimited) {
    Out.push_back(GetOne(Message));
    return;
  }
  for (auto Value : GetPacked(Message))
    Out.push_back(Value);
}

#define DURE_APPEND(Out, Kind)                                                 \
  append(                                                                      \
      Message, Out, [](auto &M) { return M.get_##Kind(); },                    \
      [](auto &M) { return M.get_packed_##Kind(); })

/// Reads all fields. Nothing, or what is wrong.
std::optional<Failure> readFields(const std::string &Where,
                                  protozero::pbf_reader Message, RawTensor &R) {
  while (Message.next()) {
    if (!hasWireType(Field(Message.tag()), Message.wire_type()))
      return Failure{ErrorId::NotTensorProto,
                     {Where, "field " + std::to_string(Message.tag()) +
                                 " has another kind of value"}};
    switch (Message.tag()) {
    case Dims:
      DURE_APPEND(R.T.Dims, int64);
      break;
    case DataType:
      R.TypeCode = Message.get_int32();
      break;
    case Segment:
      return Failure{ErrorId::ProtoSegment, {Where}};
    case FloatData:
      DURE_APPEND(R.Floats, float);
      break;
    case Int32Data:
      DURE_APPEND(R.Int32s, int32);
      break;
    case StringData:
      R.T.Strings.push_back(Message.get_string());
      break;
    case Int64Data:
      DURE_APPEND(R.Int64s, int64);
      break;
    case Name:
      R.T.Name = Message.get_string();
      break;
    case RawData:
      R.HasRaw = true;
      R.Raw = Message.get_view();
      break;
    case DoubleData:
      DURE_APPEND(R.Doubles, double);
      break;
    case UInt64Data:
      DURE_APPEND(R.UInt64s, uint64);
      break;
    case DataLocation:
      if (Message.get_enum() == ExternalLocation)
        return Failure{ErrorId::ProtoExternal, {Where}};
      break;
    default:
      Message.skip();
    }
  }
  return std::nullopt;
}
#undef DURE_APPEND

template <typename V>
void copyValues(const std::vector<V> &Values, TensorBytes &Out) {
  Out.resize(Values.size() * sizeof(V));
  if (!Values.empty())
    std::memcpy(Out.data(), Values.data(), Out.size());
}

/// int32_data holds one small element an entry, or one byte of packed
/// elements; its low bytes are the element.
void copyNarrow(const std::vector<int32_t> &Values, size_t Width,
                TensorBytes &Out) {
  Out.resize(Values.size() * Width);
  for (size_t I = 0; I < Values.size(); ++I)
    std::memcpy(Out.data() + I * Width, &Values[I], Width);
}

/// Moves the typed field that belongs to the element type into T.Bytes.
void collectTyped(RawTensor &R) {
  Tensor &T = R.T;
  switch (T.Type) {
  case ElementType::Float32:
  case ElementType::Complex64:
    return copyValues(R.Floats, T.Bytes);
  case ElementType::Float64:
  case ElementType::Complex128:
    return copyValues(R.Doubles, T.Bytes);
  case ElementType::Int64:
    return copyValues(R.Int64s, T.Bytes);
  case ElementType::UInt64:
    return copyValues(R.UInt64s, T.Bytes);
  case ElementType::UInt32: {
    std::vector<uint32_t> Narrow(R.UInt64s.begin(), R.UInt64s.end());
    return copyValues(Narrow, T.Bytes);
  }
  default: {
    const unsigned Bits = elementTypeInfo(T.Type).Bits;
    return copyNarrow(R.Int32s, Bits <= 8 ? 1 : Bits / 8, T.Bytes);
  }
  }
}

Result<Tensor> assemble(const std::string &Where, RawTensor &R) {
  Tensor &T = R.T;
  const ElementTypeInfo *Info = findElementType(R.TypeCode);
  if (!Info)
    return Failure{ErrorId::ProtoType, {Where, std::to_string(R.TypeCode)}};
  T.Type = Info->Type;
  Result<Extent> Size = checkExtent(Where, T.Type, T.Dims);
  if (!Size)
    return Size.failure();
  if (T.Type == ElementType::String) {
    if (int64_t(T.Strings.size()) != Size->Elements)
      return Failure{ErrorId::ElementCount,
                     {Where, std::to_string(T.Strings.size()),
                      formatDims(T.Dims), std::to_string(Size->Elements)}};
    return std::move(T);
  }
  T.Strings.clear();
  if (R.HasRaw && R.hasTyped())
    return Failure{ErrorId::NotTensorProto,
                   {Where, "it has both raw_data and typed elements"}};
  if (R.HasRaw) {
    const auto *Data = reinterpret_cast<const std::byte *>(R.Raw.data());
    T.Bytes.assign(Data, Data + R.Raw.size());
  } else {
    collectTyped(R);
  }
  if (int64_t(T.Bytes.size()) != Size->Bytes)
    return Failure{ErrorId::DataSize,
                   {Where, std::to_string(T.Bytes.size()),
                    std::string(Info->Name), formatDims(T.Dims),
                    std::to_string(Size->Bytes)}};
  return std::move(T);
}

/// Whether the fields are those of a ModelProto: a version (1) and a graph (7),
/// which a TensorProto has as dims and as a list of integers.
bool looksLikeModel(std::span<const std::byte> Bytes) try {
  protozero::pbf_reader Message(reinterpret_cast<const char *>(Bytes.data()),
                                Bytes.size());
  bool HasVersion = false, HasGraph = false;
  while (Message.next()) {
    HasVersion |= Message.tag() == 1 && Message.wire_type() == Wire::varint;
    if (Message.tag() == 7 && Message.wire_type() == Wire::length_delimited) {
      // A graph starts with a node or its name, and is a message itself.
      protozero::pbf_reader Graph = Message.get_message();
      while (Graph.next())
        Graph.skip();
      HasGraph = true;
      continue;
    }
    Message.skip();
  }
  return HasVersion && HasGraph;
} catch (const std::exception &) {
  return false;
}

std::string serialize(const Tensor &T) {
  std::string Buffer;
  protozero::pbf_writer Message(Buffer);
  Message.add_packed_int64(Dims, T.Dims.begin(), T.Dims.end());
  Message.add_int32(DataType, int32_t(T.Type));
  if (!T.Name.empty())
    Message.add_string(Name, T.Name);
  if (T.Type == ElementType::String)
    for (const std::string &Text : T.Strings)
      Message.add_bytes(StringData, Text);
  else
    Message.add_bytes(RawData, reinterpret_cast<const char *>(T.Bytes.data()),
                      T.Bytes.size());
  return Buffer;
}

} // namespace

Result<Tensor> parseTensorProto(const std::string &Where,
                                std::span<const std::byte> Bytes) try {
  RawTensor R;
  protozero::pbf_reader Message(reinterpret_cast<const char *>(Bytes.data()),
                                Bytes.size());
  std::optional<Failure> Wrong = readFields(Where, Message, R);
  Result<Tensor> T = Wrong ? Result<Tensor>(*Wrong) : assemble(Where, R);
  if (!T && looksLikeModel(Bytes))
    return Failure{ErrorId::NotATensor, {Where}};
  return T;
} catch (const std::exception &) {
  if (looksLikeModel(Bytes))
    return Failure{ErrorId::NotATensor, {Where}};
  // What protozero calls the fault says nothing to a user.
  return Failure{ErrorId::ProtoMalformed, {Where}};
}

Result<Tensor> readTensorProto(const std::string &Path) {
  Result<MappedFile> File = MappedFile::open(Path);
  if (!File)
    return File.failure();
  return parseTensorProto(Path, File->bytes());
}

Status writeTensorProto(const std::string &Path, const Tensor &T) try {
  int64_t Size = int64_t(T.Bytes.size());
  for (const std::string &Text : T.Strings)
    Size += int64_t(Text.size()) + 8;
  if (Size > MaxMessage - 4096)
    return Failure{ErrorId::ProtoTooLarge, {Path, std::to_string(Size)}};
  return writeFile(Path, serialize(T));
} catch (const std::exception &Error) {
  return Failure{ErrorId::CannotWrite, {Path, Error.what()}};
}

Result<Tensor> readTensorFile(const std::string &Path) {
  if (Path.ends_with(".npy"))
    return readNpy(Path);
  if (Path.ends_with(".pb"))
    return readTensorProto(Path);
  return Failure{ErrorId::UnknownFormat, {Path}};
}

} // namespace dure::io
