// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TensorProto: dims, types, and where the elements lie.

#include "frontends/onnx/Wire.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <unordered_set>

namespace dure::onnx {

using protozero::pbf_reader;

unsigned bitWidth(DataType Type) {
  switch (Type) {
  case DataType::UInt2:
  case DataType::Int2:
    return 2;
  case DataType::UInt4:
  case DataType::Int4:
  case DataType::Float4E2M1:
    return 4;
  case DataType::UInt8:
  case DataType::Int8:
  case DataType::Bool:
  case DataType::Float8E4M3FN:
  case DataType::Float8E4M3FNUZ:
  case DataType::Float8E5M2:
  case DataType::Float8E5M2FNUZ:
  case DataType::Float8E8M0:
    return 8;
  case DataType::UInt16:
  case DataType::Int16:
  case DataType::Float16:
  case DataType::BFloat16:
    return 16;
  case DataType::Float:
  case DataType::Int32:
  case DataType::UInt32:
    return 32;
  case DataType::Int64:
  case DataType::UInt64:
  case DataType::Double:
  case DataType::Complex64:
    return 64;
  case DataType::Complex128:
    return 128;
  case DataType::Undefined:
  case DataType::String:
    return 0;
  }
  return 0;
}

std::string_view typeName(DataType Type) {
  static constexpr std::string_view Names[] = {
      "undefined",      "float",      "uint8",
      "int8",           "uint16",     "int16",
      "int32",          "int64",      "string",
      "bool",           "float16",    "double",
      "uint32",         "uint64",     "complex64",
      "complex128",     "bfloat16",   "float8e4m3fn",
      "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
      "uint4",          "int4",       "float4e2m1",
      "float8e8m0",     "uint2",      "int2"};
  auto Index = static_cast<size_t>(Type);
  return Index < std::size(Names) ? Names[Index] : "unknown";
}

namespace {

/// The fields of one TensorProto as they stand in the file.
struct TensorFields {
  std::optional<std::string_view> Raw;
  /// One packed run of float_data or double_data: already little-endian.
  std::optional<std::string_view> Packed;
  /// float_data or double_data given one element at a time.
  std::string Singles;
  std::vector<int64_t> Int32s, Int64s, UInt64s;
  std::vector<std::string_view> External; ///< StringStringEntryProto messages.
  bool IsExternal = false;
};

class TensorReader {
public:
  TensorReader(Context &C, std::vector<ExternalFile> &External)
      : C(C), External(External) {}

  Tensor read(std::string_view Message);

private:
  void readFields(std::string_view Message);
  void floatingData(pbf_reader &Reader, unsigned Width);
  void checkDims();
  uint64_t byteSize() const;
  void placeElements(std::string_view Message);
  void takeRange(std::string_view Bytes);
  void takeIntegers(const std::vector<int64_t> &Values);
  void takeExternal();
  uint32_t externalFile(std::string_view Spelling);
  uint64_t number(std::string_view Key, std::string_view Text);

  Context &C;
  std::vector<ExternalFile> &External;
  TensorFields Fields;
  Tensor T;
};

} // namespace

void TensorReader::floatingData(pbf_reader &Reader, unsigned Width) {
  if (Reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
    std::string_view Run = C.bytes(Reader);
    if (Run.empty())
      return;
    if (Fields.Packed || !Fields.Singles.empty())
      C.fail(RefusalCode::TensorData, {"its elements stand in several runs"},
             Run.data());
    Fields.Packed = Run;
    return;
  }
  // One element at a time: legal, and written by nobody.
  if (Fields.Packed)
    C.fail(RefusalCode::TensorData, {"its elements stand in several runs"},
           Reader.data().data());
  char Bytes[8];
  if (Width == 4) {
    float Value = C.float32(Reader);
    std::memcpy(Bytes, &Value, 4);
  } else {
    if (Reader.wire_type() != protozero::pbf_wire_type::fixed64)
      C.fail(RefusalCode::FileMalformed, {"double_data is not doubles"},
             Reader.data().data());
    double Value = Reader.get_double();
    std::memcpy(Bytes, &Value, 8);
  }
  C.charge(Width);
  Fields.Singles.append(Bytes, Width);
}

void TensorReader::readFields(std::string_view Message) {
  C.forEachField(Message, [&](pbf_reader &Reader) {
    switch (Reader.tag()) {
    case 1:
      C.integers(Reader, T.Dims);
      if (T.Dims.size() > C.Limits.MaxRank)
        C.fail(
            RefusalCode::TensorDims,
            {"more than " + std::to_string(C.Limits.MaxRank) + " dimensions"},
            Message.data());
      return;
    case 2: {
      int64_t Type = C.integer(Reader);
      if (Type < 1 || Type > static_cast<int64_t>(DataType::Int2))
        C.fail(RefusalCode::TensorType, {std::to_string(Type)}, Message.data());
      T.Type = static_cast<DataType>(Type);
      return;
    }
    case 3:
      C.fail(RefusalCode::TensorData, {"it is a segment of a larger tensor"},
             Message.data());
    case 4:
      return floatingData(Reader, 4);
    case 5:
      return C.integers(Reader, Fields.Int32s);
    case 6:
      C.charge(sizeof(std::string_view));
      T.StringData.push_back(C.bytes(Reader));
      return;
    case 7:
      return C.integers(Reader, Fields.Int64s);
    case 8:
      T.Name = C.text(Reader);
      return;
    case 9:
      Fields.Raw = C.bytes(Reader);
      return;
    case 10:
      return floatingData(Reader, 8);
    case 11:
      return C.integers(Reader, Fields.UInt64s);
    case 13:
      C.charge(sizeof(std::string_view));
      Fields.External.push_back(C.bytes(Reader));
      return;
    case 14:
      Fields.IsExternal = C.integer(Reader) == 1;
      return;
    default:
      Reader.skip();
    }
  });
}

void TensorReader::checkDims() {
  // The other sizes of a tensor without elements must be possible, too: strides
  // and parts of it are computed from them.
  uint64_t NonZero = 1;
  for (int64_t Dim : T.Dims) {
    if (Dim < 0)
      C.fail(RefusalCode::TensorDims,
             {"dimension " + std::to_string(Dim) + " is negative"});
    if (Dim == 0)
      T.ElementCount = 0;
    // One bound for all types: bits must be countable in 64 bits.
    else if (__builtin_mul_overflow(NonZero, static_cast<uint64_t>(Dim),
                                    &NonZero) ||
             NonZero >= (uint64_t(1) << 56))
      C.fail(RefusalCode::TensorDims, {"their product overflows"});
  }
  T.ElementCount *= NonZero;
}

uint64_t TensorReader::byteSize() const {
  return (T.ElementCount * bitWidth(T.Type) + 7) / 8;
}

void TensorReader::takeRange(std::string_view Bytes) {
  if (Bytes.size() != byteSize())
    C.fail(RefusalCode::TensorSize,
           {std::to_string(Bytes.size()), std::to_string(byteSize())},
           Bytes.data());
  T.Kind = Tensor::Storage::File;
  T.Range = {0, C.offsetOf(Bytes.data()), Bytes.size()};
}

/// Elements given as varints, narrowed to the element type. Types of fewer than
/// eight bits hold one byte of packed elements in each integer.
void TensorReader::takeIntegers(const std::vector<int64_t> &Values) {
  unsigned Width = std::max(8u, bitWidth(T.Type)) / 8;
  if (Values.size() * Width != byteSize())
    C.fail(RefusalCode::TensorSize,
           {std::to_string(Values.size() * Width), std::to_string(byteSize())});
  T.Kind = Tensor::Storage::Inline;
  T.Bytes.reserve(byteSize());
  for (int64_t Value : Values) {
    // Narrow types are stored sign- or zero-extended; anything else is a value
    // that the type cannot hold.
    if (Width < 8) {
      int64_t Low = -(int64_t(1) << (Width * 8 - 1));
      int64_t High = (int64_t(1) << (Width * 8)) - 1;
      if (Value < Low || Value > High)
        C.fail(RefusalCode::TensorData,
               {std::to_string(Value) + " does not fit " +
                std::string(typeName(T.Type))});
    }
    char Bytes[8];
    std::memcpy(Bytes, &Value, 8);
    T.Bytes.append(Bytes, Width);
  }
}

void TensorReader::placeElements(std::string_view Message) {
  bool HasTyped = Fields.Packed || !Fields.Singles.empty() ||
                  !Fields.Int32s.empty() || !Fields.Int64s.empty() ||
                  !Fields.UInt64s.empty();
  if (T.Type == DataType::String) {
    if (HasTyped || Fields.Raw || T.StringData.size() != T.ElementCount)
      C.fail(RefusalCode::TensorData, {"a string tensor has other data"},
             Message.data());
    T.Kind = Tensor::Storage::Strings;
    return;
  }
  if (Fields.Raw && HasTyped)
    C.fail(RefusalCode::TensorData, {"it has both raw_data and typed elements"},
           Message.data());
  if (Fields.Raw)
    return takeRange(*Fields.Raw);

  switch (T.Type) {
  case DataType::Float:
  case DataType::Double:
  case DataType::Complex64:
  case DataType::Complex128:
    if (Fields.Packed)
      return takeRange(*Fields.Packed);
    if (Fields.Singles.size() != byteSize())
      C.fail(RefusalCode::TensorSize, {std::to_string(Fields.Singles.size()),
                                       std::to_string(byteSize())});
    T.Kind = Tensor::Storage::Inline;
    T.Bytes = std::move(Fields.Singles);
    return;
  case DataType::Int64:
    return takeIntegers(Fields.Int64s);
  case DataType::UInt32:
  case DataType::UInt64:
    return takeIntegers(Fields.UInt64s);
  default:
    return takeIntegers(Fields.Int32s);
  }
}

uint64_t TensorReader::number(std::string_view Key, std::string_view Text) {
  uint64_t Value = 0;
  auto [End, Status] =
      std::from_chars(Text.data(), Text.data() + Text.size(), Value);
  if (Status != std::errc() || End != Text.data() + Text.size())
    C.fail(RefusalCode::ExternalData,
           {std::string(Key) + " '" + printable(Text) +
            "' is not a number of bytes"});
  return Value;
}

/// One spelling a file: "./a//b" is "a/b". What leads out of the folder stays
/// as it is, to be refused by who opens it.
static std::string normalized(std::string_view Location) {
  std::string Out;
  if (Location.substr(0, 1) == "/")
    return std::string(Location);
  for (size_t At = 0; At < Location.size();) {
    size_t End = std::min(Location.find('/', At), Location.size());
    std::string_view Part = Location.substr(At, End - At);
    if (!Part.empty() && Part != ".")
      Out += (Out.empty() ? "" : "/") + std::string(Part);
    At = End + 1;
  }
  return Out.empty() ? std::string(Location) : Out;
}

/// Index of a file in FileRange, opening it at its first use.
uint32_t TensorReader::externalFile(std::string_view Spelling) {
  std::string Location = normalized(Spelling);
  if (auto Known = C.FileIndices.find(Location); Known != C.FileIndices.end())
    return Known->second;
  if (!C.Files)
    C.fail(RefusalCode::ExternalFile, {"no folder was given to read it from"});
  if (External.size() >= C.Limits.MaxExternalFiles)
    C.fail(RefusalCode::TooMany,
           {"external data files", std::to_string(C.Limits.MaxExternalFiles)});
  ExternalFile File;
  std::string Error;
  if (!C.Files->open(Location, File, Error))
    C.fail(RefusalCode::ExternalFile,
           {"'" + printable(Location) + "': " + Error});
  File.Location = Location;
  External.push_back(std::move(File));
  auto Index = static_cast<uint32_t>(External.size());
  C.FileIndices[std::move(Location)] = Index;
  return Index;
}

void TensorReader::takeExternal() {
  std::string_view Location;
  uint64_t Offset = 0;
  std::optional<uint64_t> Length;
  std::unordered_set<std::string_view> Known;
  for (std::string_view Entry : Fields.External) {
    std::string_view Key, Value;
    C.forEachField(Entry, [&](pbf_reader &Reader) {
      if (Reader.tag() == 1)
        Key = C.text(Reader);
      else if (Reader.tag() == 2)
        Value = C.text(Reader);
      else
        Reader.skip();
    });
    // Readers that disagree about which one counts are a way to hide a file.
    if (!Known.insert(Key).second)
      C.fail(RefusalCode::ExternalData,
             {"the key '" + printable(Key) + "' is given twice"});
    if (Key == "location")
      Location = Value;
    else if (Key == "offset")
      Offset = number(Key, Value);
    else if (Key == "length")
      Length = number(Key, Value);
    // Known and unused: the hash is of the whole file, basepath was dropped.
    else if (Key != "checksum")
      C.fail(RefusalCode::ExternalData,
             {"the key '" + printable(Key) + "' is not known"});
  }
  if (T.Type == DataType::String)
    C.fail(RefusalCode::ExternalData, {"strings cannot lie outside"});
  if (Location.empty())
    C.fail(RefusalCode::ExternalData, {"the location is missing"});

  uint64_t Size = byteSize();
  if (Length && *Length != Size)
    C.fail(RefusalCode::TensorSize,
           {std::to_string(*Length), std::to_string(Size)});
  uint32_t File = externalFile(Location);
  uint64_t FileSize = External[File - 1].Size;
  if (Offset > FileSize || Size > FileSize - Offset)
    C.fail(RefusalCode::ExternalData,
           {"bytes " + std::to_string(Offset) + " to " +
            std::to_string(Offset) + " + " + std::to_string(Size) +
            " lie beyond the end of '" + printable(Location) + "' (" +
            std::to_string(FileSize) + " bytes)"});
  T.Kind = Tensor::Storage::File;
  T.Range = {File, Offset, Size};
}

Tensor TensorReader::read(std::string_view Message) {
  Context::Scope Where(C, "tensor");
  readFields(Message);
  if (!T.Name.empty())
    Where.rename("tensor '" + std::string(T.Name) + "'");
  if (T.Type == DataType::Undefined)
    C.fail(RefusalCode::TensorType, {"0"}, Message.data());
  checkDims();
  if (Fields.IsExternal)
    takeExternal();
  else if (!Fields.External.empty())
    C.fail(RefusalCode::ExternalData,
           {"keys are given, but data_location is not EXTERNAL"});
  else
    placeElements(Message);
  return std::move(T);
}

Tensor readTensor(Context &C, std::string_view Message,
                  std::vector<ExternalFile> &External) {
  return TensorReader(C, External).read(Message);
}

} // namespace dure::onnx
