// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads GGUF files.

#include "frontends/checkpoint/Gguf.h"

#include "frontends/onnx/Refusal.h"
#include "runtime/base/Checked.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

namespace dure::checkpoint {
namespace {

constexpr std::string_view Magic = "GGUF";
constexpr uint32_t DefaultAlignment = 32;
constexpr size_t MaxRank = 4;

/// Bytes of a scalar; 0 for strings, arrays and what is no kind.
size_t sizeOf(GgufKind Kind) {
  static constexpr std::array<uint8_t, 13> Sizes = {1, 1, 2, 2, 4, 4, 4,
                                                    1, 0, 0, 8, 8, 8};
  const auto At = size_t(Kind);
  return At < Sizes.size() ? Sizes[At] : 0;
}

bool isKind(uint32_t Number) { return Number <= uint32_t(GgufKind::F64); }

template <typename T> T load(const std::byte *At) {
  T Value;
  std::memcpy(&Value, At, sizeof(T));
  return Value;
}

std::string_view viewOf(std::span<const std::byte> Bytes) {
  return {reinterpret_cast<const char *>(Bytes.data()), Bytes.size()};
}

bool isUtf8(std::string_view Text) {
  for (size_t I = 0; I < Text.size();) {
    const size_t Length = onnx::utf8Length(Text, I);
    if (Length == 0)
      return false;
    I += Length;
  }
  return true;
}

bool isUsableName(std::string_view Name, uint64_t MaxBytes) {
  return !Name.empty() && Name.size() <= MaxBytes && isUtf8(Name) &&
         std::all_of(Name.begin(), Name.end(),
                     [](unsigned char C) { return C > 0x20 && C != 0x7f; });
}

std::string textOf(std::span<const int64_t> Shape) {
  std::string Out;
  for (int64_t Each : Shape)
    Out += (Out.empty() ? "" : ", ") + std::to_string(Each);
  return "[" + Out + "]";
}

} // namespace

/// Reads one file from front to back. Functions return false once they have
/// refused it.
class GgufReader {
public:
  GgufReader(std::span<const std::byte> Bytes, GgufFile &Out,
             Refusals &Problems, const GgufLimits &Limits)
      : Bytes(Bytes), Out(Out), Problems(Problems), Limits(Limits) {}

  bool read() {
    uint64_t TensorCount = 0, KeyCount = 0;
    return readHeader(TensorCount, KeyCount) && readKeys(KeyCount) &&
           readAlignment() && readTensors(TensorCount) && checkOverlap();
  }

private:
  bool refuse(RefusalCode Code, std::vector<std::string> Arguments,
              std::string_view What = {}) {
    Problems.add(Code,
                 What.empty() ? Out.Place
                              : Out.Place + ": " + onnx::printable(What),
                 std::move(Arguments));
    return false;
  }

  bool refuseCutOff(size_t From) {
    return refuse(RefusalCode::GgufCutOff,
                  {std::to_string(Bytes.size()), std::to_string(From)});
  }

  bool take(uint64_t Size, std::span<const std::byte> &To) {
    if (Size > Bytes.size() - At)
      return refuseCutOff(At);
    To = Bytes.subspan(At, Size);
    At += Size;
    return true;
  }

  template <typename T> bool take(T &To) {
    std::span<const std::byte> Piece;
    if (!take(sizeof(T), Piece))
      return false;
    To = load<T>(Piece.data());
    return true;
  }

  /// A length of 8 bytes, and so many.
  bool takeString(std::string_view &To) {
    uint64_t Length = 0;
    std::span<const std::byte> Piece;
    if (!take(Length) || !take(Length, Piece))
      return false;
    To = viewOf(Piece);
    return true;
  }

  bool takeName(std::string_view &To) {
    if (!takeString(To))
      return false;
    return isUsableName(To, Limits.MaxNameBytes) ||
           refuse(RefusalCode::BadName, {onnx::printable(To)});
  }

  bool readHeader(uint64_t &TensorCount, uint64_t &KeyCount);
  bool readKeys(uint64_t Count);
  bool takeValue(GgufValue &To);
  bool passElements(GgufKind Kind, uint64_t Count, unsigned Depth);
  bool readAlignment();
  bool readTensors(uint64_t Count);
  bool readTensor(GgufTensor &T);
  bool placeTensor(GgufTensor &T, uint64_t DataStart);
  bool checkOverlap();

  std::span<const std::byte> Bytes;
  GgufFile &Out;
  Refusals &Problems;
  const GgufLimits &Limits;
  size_t At = 0;
  uint64_t Alignment = DefaultAlignment;
};

bool GgufReader::readHeader(uint64_t &TensorCount, uint64_t &KeyCount) {
  if (!viewOf(Bytes).starts_with(Magic))
    return refuse(RefusalCode::GgufMagic, {});
  At = Magic.size();
  uint32_t Version = 0;
  if (!take(Version))
    return false;
  // The version is small: bytes in the other order make it large.
  if ((Version & 0xffff) == 0 && Version != 0)
    return refuse(RefusalCode::GgufBigEndian, {});
  if (Version != 2 && Version != 3)
    return refuse(RefusalCode::GgufVersion, {std::to_string(Version)});
  if (!take(TensorCount) || !take(KeyCount))
    return false;
  if (TensorCount > Limits.MaxTensors)
    return refuse(RefusalCode::GgufTooMany,
                  {"tensor_count", std::to_string(TensorCount),
                   std::to_string(Limits.MaxTensors)});
  if (KeyCount > Limits.MaxKeys)
    return refuse(RefusalCode::GgufTooMany,
                  {"metadata_kv_count", std::to_string(KeyCount),
                   std::to_string(Limits.MaxKeys)});
  return true;
}

bool GgufReader::readKeys(uint64_t Count) {
  for (uint64_t I = 0; I < Count; ++I) {
    std::string_view Key;
    GgufValue Value;
    if (!takeName(Key) || !takeValue(Value))
      return false;
    if (!Out.Keys.emplace(Key, Value).second)
      return refuse(RefusalCode::JsonDuplicate, {std::string(Key)});
  }
  return true;
}

bool GgufReader::takeValue(GgufValue &To) {
  const size_t Begin = At;
  uint32_t Kind = 0;
  if (!take(Kind))
    return false;
  To.IsArray = Kind == uint32_t(GgufKind::Array);
  if (To.IsArray && (!take(Kind) || !take(To.Count)))
    return false;
  if (!isKind(Kind))
    return refuse(RefusalCode::GgufValueType,
                  {std::to_string(Begin), std::to_string(Kind)});
  To.Kind = GgufKind(Kind);
  const size_t Elements = At;
  if (!passElements(To.Kind, To.Count, 1))
    return false;
  To.Bytes = Bytes.subspan(Elements, At - Elements);
  return true;
}

/// Goes over the elements of an array, or over a scalar.
bool GgufReader::passElements(GgufKind Kind, uint64_t Count, unsigned Depth) {
  std::span<const std::byte> Ignored;
  if (const size_t Size = sizeOf(Kind)) {
    uint64_t Total = 0;
    if (!checkedMul(Count, uint64_t(Size), Total))
      return refuseCutOff(At);
    return take(Total, Ignored);
  }
  // An element takes at least its length, so a count beyond the file ends soon.
  for (uint64_t I = 0; I < Count; ++I) {
    if (Kind == GgufKind::String) {
      std::string_view Text;
      if (!takeString(Text))
        return false;
      continue;
    }
    uint32_t Inner = 0;
    uint64_t InnerCount = 0;
    const size_t Begin = At;
    if (Depth == Limits.MaxNesting)
      return refuse(RefusalCode::JsonTooDeep, {std::to_string(Depth)});
    if (!take(Inner) || !take(InnerCount))
      return false;
    if (!isKind(Inner))
      return refuse(RefusalCode::GgufValueType,
                    {std::to_string(Begin), std::to_string(Inner)});
    if (!passElements(GgufKind(Inner), InnerCount, Depth + 1))
      return false;
  }
  return true;
}

bool GgufReader::readAlignment() {
  constexpr std::string_view Key = "general.alignment";
  const size_t Before = Problems.list().size();
  const std::optional<int64_t> Given = Out.integer(Key, Problems);
  if (!Given)
    return Problems.list().size() == Before;
  if (*Given < 1 || *Given > int64_t(Limits.MaxAlignment) ||
      (*Given & (*Given - 1)) != 0)
    return refuse(
        RefusalCode::GgufAlignment,
        {std::to_string(*Given), std::to_string(Limits.MaxAlignment)});
  Alignment = uint64_t(*Given);
  return true;
}

bool GgufReader::readTensors(uint64_t Count) {
  std::unordered_set<std::string_view> Names;
  for (uint64_t I = 0; I < Count; ++I) {
    GgufTensor T;
    if (!readTensor(T))
      return false;
    if (!Names.insert(T.Name).second)
      return refuse(RefusalCode::TensorTwice, {Out.Place, Out.Place}, T.Name);
    Out.Tensors.push_back(std::move(T));
  }
  // Data is aligned from the beginning of the file.
  uint64_t DataStart = 0;
  if (!checkedAlign(At, Alignment, DataStart))
    return refuseCutOff(At);
  for (GgufTensor &T : Out.Tensors)
    if (!placeTensor(T, DataStart))
      return false;
  return true;
}

/// Name, dimensions with the innermost first, type, offset in the data.
bool GgufReader::readTensor(GgufTensor &T) {
  uint32_t Rank = 0, Type = 0;
  if (!takeName(T.Name) || !take(Rank))
    return false;
  if (Rank > MaxRank)
    return refuse(
        RefusalCode::GgufTooMany,
        {"n_dimensions", std::to_string(Rank), std::to_string(MaxRank)},
        T.Name);
  for (uint32_t I = 0; I < Rank; ++I) {
    uint64_t Size = 0;
    if (!take(Size))
      return false;
    // What does not fit is negative here, and refused below.
    T.Shape.insert(T.Shape.begin(), int64_t(Size));
  }
  if (!take(Type) || !take(T.Offset))
    return false;
  T.Type = GgmlType(Type);
  const std::optional<GgmlTypeInfo> Info = infoOf(T.Type);
  if (!Info)
    return refuse(RefusalCode::GgufTensorType, {std::to_string(Type)}, T.Name);
  uint64_t Elements = 1;
  for (int64_t Each : T.Shape)
    if (Each < 1 || !checkedMul(Elements, uint64_t(Each), Elements))
      return refuse(RefusalCode::TensorDims, {textOf(T.Shape)}, T.Name);
  const uint64_t Row = T.Shape.empty() ? 1 : uint64_t(T.Shape.back());
  if (Row % Info->BlockElements != 0 || Elements > uint64_t(INT64_MAX) ||
      !checkedMul(Elements / Info->BlockElements, uint64_t(Info->BlockBytes),
                  T.Bytes))
    return refuse(RefusalCode::TensorDims, {textOf(T.Shape)}, T.Name);
  return true;
}

bool GgufReader::placeTensor(GgufTensor &T, uint64_t DataStart) {
  const uint64_t Data =
      Bytes.size() - std::min<uint64_t>(DataStart, Bytes.size());
  if (T.Offset % Alignment != 0)
    return refuse(RefusalCode::GgufTensorAlignment,
                  {std::to_string(T.Offset), std::to_string(Alignment)},
                  T.Name);
  if (!rangeFits(T.Offset, T.Bytes, Data))
    return refuse(RefusalCode::GgufTensorRange,
                  {std::to_string(T.Bytes), std::to_string(T.Offset),
                   std::to_string(Data)},
                  T.Name);
  T.Offset += DataStart;
  return true;
}

bool GgufReader::checkOverlap() {
  std::vector<const GgufTensor *> Sorted;
  for (const GgufTensor &T : Out.Tensors)
    Sorted.push_back(&T);
  std::sort(Sorted.begin(), Sorted.end(),
            [](const auto *L, const auto *R) { return L->Offset < R->Offset; });
  for (size_t I = 1; I < Sorted.size(); ++I) {
    const uint64_t End = Sorted[I - 1]->Offset + Sorted[I - 1]->Bytes;
    if (Sorted[I]->Offset < End)
      return refuse(RefusalCode::TensorOverlap,
                    {std::to_string(Sorted[I]->Offset), std::to_string(End)},
                    Sorted[I]->Name);
  }
  return true;
}

std::optional<GgufFile> GgufFile::read(std::span<const std::byte> Bytes,
                                       const std::string &Place,
                                       Refusals &Problems,
                                       const GgufLimits &Limits) {
  GgufFile File;
  File.Place = Place;
  if (!GgufReader(Bytes, File, Problems, Limits).read())
    return std::nullopt;
  return File;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// An integer; nothing when it is none or does not fit.
static std::optional<int64_t> integerAt(GgufKind Kind, const std::byte *At) {
  switch (Kind) {
  case GgufKind::U8:
    return load<uint8_t>(At);
  case GgufKind::I8:
    return load<int8_t>(At);
  case GgufKind::U16:
    return load<uint16_t>(At);
  case GgufKind::I16:
    return load<int16_t>(At);
  case GgufKind::U32:
    return load<uint32_t>(At);
  case GgufKind::I32:
    return load<int32_t>(At);
  case GgufKind::I64:
    return load<int64_t>(At);
  case GgufKind::U64: {
    const auto Value = load<uint64_t>(At);
    return Value <= uint64_t(INT64_MAX) ? std::optional(int64_t(Value))
                                        : std::nullopt;
  }
  default:
    return std::nullopt;
  }
}

static std::optional<double> numberAt(GgufKind Kind, const std::byte *At) {
  if (Kind == GgufKind::F32)
    return load<float>(At);
  if (Kind == GgufKind::F64)
    return load<double>(At);
  if (std::optional<int64_t> Integer = integerAt(Kind, At))
    return double(*Integer);
  return std::nullopt;
}

static std::optional<bool> booleanAt(GgufKind Kind, const std::byte *At) {
  if (Kind != GgufKind::Bool || load<uint8_t>(At) > 1)
    return std::nullopt;
  return load<uint8_t>(At) == 1;
}

/// What `At` makes of each element; nothing, and a refusal, when it makes
/// nothing of one.
template <typename T, typename Fn>
static std::optional<std::vector<T>>
elementsOf(const GgufFile &File, std::string_view Key, const char *Wanted,
           Refusals &P, Fn At) {
  auto Found = File.metadata().find(Key);
  if (Found == File.metadata().end())
    return std::nullopt;
  const GgufValue &V = Found->second;
  const size_t Size = sizeOf(V.Kind);
  std::vector<T> Out;
  if (Size) {
    Out.reserve(V.Count);
    for (uint64_t I = 0; I < V.Count; ++I) {
      std::optional<T> Each = At(V.Kind, V.Bytes.data() + I * Size);
      if (!Each)
        break;
      Out.push_back(*Each);
    }
    if (Out.size() == V.Count)
      return Out;
  }
  P.add(RefusalCode::JsonKind, File.place(), {std::string(Key), Wanted});
  return std::nullopt;
}

/// The only element of a value that is no array.
template <typename T>
static std::optional<T>
onlyOne(const GgufFile &File, std::string_view Key, const char *Wanted,
        Refusals &P, std::optional<T> (*At)(GgufKind, const std::byte *)) {
  auto Found = File.metadata().find(Key);
  if (Found == File.metadata().end())
    return std::nullopt;
  const GgufValue &V = Found->second;
  if (!V.IsArray && sizeOf(V.Kind))
    if (std::optional<T> Value = At(V.Kind, V.Bytes.data()))
      return Value;
  P.add(RefusalCode::JsonKind, File.place(), {std::string(Key), Wanted});
  return std::nullopt;
}

static constexpr const char *AnInteger = "0, 1, 2, ...";
static constexpr const char *ANumber = "0.5";
static constexpr const char *ABoolean = "true | false";
static constexpr const char *AText = "\"...\" (UTF-8)";
static constexpr const char *Integers = "[0, 1, ...]";
static constexpr const char *Numbers = "[0.5, ...]";
static constexpr const char *Booleans = "[true, ...]";
static constexpr const char *Texts = "[\"...\", ...] (UTF-8)";
static constexpr const char *Bytes8 = "[0 .. 255, ...]";

static std::optional<int64_t> naturalAt(GgufKind Kind, const std::byte *At) {
  std::optional<int64_t> Value = integerAt(Kind, At);
  return Value && *Value >= 0 ? Value : std::nullopt;
}

std::optional<int64_t> GgufFile::integer(std::string_view Key,
                                         Refusals &P) const {
  return onlyOne<int64_t>(*this, Key, AnInteger, P, naturalAt);
}

std::optional<double> GgufFile::number(std::string_view Key,
                                       Refusals &P) const {
  return onlyOne<double>(*this, Key, ANumber, P, numberAt);
}

std::optional<bool> GgufFile::boolean(std::string_view Key, Refusals &P) const {
  return onlyOne<bool>(*this, Key, ABoolean, P, booleanAt);
}

std::optional<std::vector<int64_t>> GgufFile::integers(std::string_view Key,
                                                       Refusals &P) const {
  return elementsOf<int64_t>(*this, Key, Integers, P, integerAt);
}

std::optional<std::vector<double>> GgufFile::numbers(std::string_view Key,
                                                     Refusals &P) const {
  return elementsOf<double>(*this, Key, Numbers, P, numberAt);
}

std::optional<std::vector<bool>> GgufFile::booleans(std::string_view Key,
                                                    Refusals &P) const {
  return elementsOf<bool>(*this, Key, Booleans, P, booleanAt);
}

std::optional<std::vector<std::string_view>>
GgufFile::texts(std::string_view Key, Refusals &P) const {
  auto Found = Keys.find(Key);
  if (Found == Keys.end())
    return std::nullopt;
  const GgufValue &V = Found->second;
  std::vector<std::string_view> Out;
  // The reader has gone over the lengths.
  size_t At = 0;
  while (V.Kind == GgufKind::String && Out.size() < V.Count) {
    const auto Length = load<uint64_t>(V.Bytes.data() + At);
    Out.push_back(viewOf(V.Bytes.subspan(At + sizeof(Length), Length)));
    At += sizeof(Length) + Length;
  }
  if (V.Kind == GgufKind::String && std::all_of(Out.begin(), Out.end(), isUtf8))
    return Out;
  P.add(RefusalCode::JsonKind, Place, {std::string(Key), Texts});
  return std::nullopt;
}

std::optional<std::string_view> GgufFile::text(std::string_view Key,
                                               Refusals &P) const {
  auto Found = Keys.find(Key);
  if (Found == Keys.end())
    return std::nullopt;
  const GgufValue &V = Found->second;
  if (V.Kind == GgufKind::String && !V.IsArray) {
    const std::string_view Text = viewOf(V.Bytes.subspan(sizeof(uint64_t)));
    if (isUtf8(Text))
      return Text;
  }
  P.add(RefusalCode::JsonKind, Place, {std::string(Key), AText});
  return std::nullopt;
}

std::optional<std::span<const std::byte>> GgufFile::bytes(std::string_view Key,
                                                          Refusals &P) const {
  auto Found = Keys.find(Key);
  if (Found == Keys.end())
    return std::nullopt;
  const GgufValue &V = Found->second;
  if (V.Kind == GgufKind::U8 || V.Kind == GgufKind::I8)
    return V.Bytes;
  P.add(RefusalCode::JsonKind, Place, {std::string(Key), Bytes8});
  return std::nullopt;
}

} // namespace dure::checkpoint
