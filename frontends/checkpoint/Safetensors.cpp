// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the headers of safetensors files.

#include "frontends/checkpoint/Safetensors.h"

#include "frontends/onnx/Refusal.h"
#include "runtime/base/Checked.h"

#include <algorithm>
#include <cstring>

namespace dure::checkpoint {
namespace {

DataType typeOf(std::string_view Name) {
  static constexpr std::pair<std::string_view, DataType> Known[] = {
      {"F32", DataType::Float},          {"BF16", DataType::BFloat16},
      {"F16", DataType::Float16},        {"F64", DataType::Double},
      {"I64", DataType::Int64},          {"I32", DataType::Int32},
      {"I16", DataType::Int16},          {"I8", DataType::Int8},
      {"U64", DataType::UInt64},         {"U32", DataType::UInt32},
      {"U16", DataType::UInt16},         {"U8", DataType::UInt8},
      {"BOOL", DataType::Bool},          {"F8_E4M3", DataType::Float8E4M3FN},
      {"F8_E5M2", DataType::Float8E5M2}, {"F8_E8M0", DataType::Float8E8M0},
      {"F4", DataType::Float4E2M1},
  };
  for (const auto &[Each, Type] : Known)
    if (Each == Name)
      return Type;
  return DataType::Undefined;
}

/// A list of integers that are not negative; nothing when it is none.
std::optional<std::vector<int64_t>> integersOf(const Json *List) {
  if (!List || !List->array())
    return std::nullopt;
  std::vector<int64_t> Out;
  for (const Json &Each : *List->array()) {
    const int64_t *I = Each.integer();
    if (!I || *I < 0)
      return std::nullopt;
    Out.push_back(*I);
  }
  return Out;
}

std::string textOf(std::span<const int64_t> Shape) {
  std::string Out;
  for (int64_t Each : Shape)
    Out += (Out.empty() ? "" : ", ") + std::to_string(Each);
  return "[" + Out + "]";
}

/// One entry of the header: a tensor, its offsets counted from `DataStart`.
/// Nothing, having refused it, when it does not make sense by itself.
std::optional<Tensor> readEntry(const Json &Entry, uint64_t DataStart,
                                uint64_t DataBytes, const std::string &Place,
                                Refusals &Problems) {
  const auto Refuse = [&](RefusalCode Code,
                          std::vector<std::string> Arguments) {
    Problems.add(Code, Place, std::move(Arguments));
    return std::nullopt;
  };
  const Json *Type = Entry.find("dtype");
  if (!Type || !Type->string())
    return Refuse(RefusalCode::JsonKind, {"dtype", "\"...\""});
  const auto Shape = integersOf(Entry.find("shape"));
  if (!Shape)
    return Refuse(RefusalCode::JsonKind, {"shape", "[n, ...]"});
  const auto Offsets = integersOf(Entry.find("data_offsets"));
  if (!Offsets || Offsets->size() != 2)
    return Refuse(RefusalCode::JsonKind, {"data_offsets", "[begin, end]"});
  Tensor T;
  T.Type = typeOf(*Type->string());
  T.Shape = *Shape;
  if (T.Type == DataType::Undefined)
    return Refuse(RefusalCode::TensorType, {*Type->string()});
  const std::optional<uint64_t> Bytes = Shape->size() <= MaxTensorRank
                                            ? tensorBytes(T.Type, *Shape)
                                            : std::nullopt;
  if (!Bytes)
    return Refuse(RefusalCode::TensorDims, {textOf(*Shape)});
  const uint64_t Begin = uint64_t((*Offsets)[0]), End = uint64_t((*Offsets)[1]);
  if (Begin > End || End > DataBytes)
    return Refuse(RefusalCode::TensorRange,
                  {std::to_string(Begin), std::to_string(End),
                   std::to_string(DataBytes)});
  if (End - Begin != *Bytes)
    return Refuse(RefusalCode::TensorSize,
                  {std::to_string(End - Begin), std::to_string(*Bytes)});
  T.Offset = DataStart + Begin;
  T.StoredBytes = *Bytes;
  const uint64_t Width = std::max(1u, onnx::bitWidth(T.Type) / 8);
  if (T.Offset % Width)
    return Refuse(RefusalCode::TensorAlignment,
                  {std::to_string(T.Offset), std::to_string(Width)});
  return T;
}

/// Whether the tensors cover the data, each byte once.
void checkCover(std::vector<std::pair<const std::string *, const Tensor *>> All,
                uint64_t DataStart, uint64_t FileBytes,
                const std::string &Place, Refusals &Problems) {
  std::sort(All.begin(), All.end(), [](const auto &L, const auto &R) {
    return std::pair(L.second->Offset, L.second->StoredBytes) <
           std::pair(R.second->Offset, R.second->StoredBytes);
  });
  uint64_t At = DataStart;
  for (const auto &[Name, T] : All) {
    if (T->Offset != At)
      return Problems.add(RefusalCode::TensorOverlap, Place + ": " + *Name,
                          {std::to_string(T->Offset), std::to_string(At)});
    At += T->StoredBytes;
  }
  if (At != FileBytes)
    Problems.add(RefusalCode::DataLeftOver, Place,
                 {std::to_string(FileBytes - At)});
}

bool isUsableName(std::string_view Name) {
  if (Name.empty() || Name.size() > MaxTensorNameBytes)
    return false;
  return std::all_of(Name.begin(), Name.end(),
                     [](unsigned char C) { return C > 0x20 && C != 0x7f; });
}

} // namespace

void readSafetensors(std::span<const std::byte> Bytes, uint32_t File,
                     const std::string &Place, Checkpoint &C,
                     Refusals &Problems) {
  uint64_t Length = 0;
  if (Bytes.size() >= sizeof(Length))
    std::memcpy(&Length, Bytes.data(), sizeof(Length));
  if (Bytes.size() < sizeof(Length) || Length > MaxSafetensorsHeader ||
      Length > Bytes.size() - sizeof(Length))
    return Problems.add(
        RefusalCode::HeaderSize, Place,
        {std::to_string(Length), std::to_string(MaxSafetensorsHeader)});
  const uint64_t DataStart = sizeof(Length) + Length;
  const std::string_view Text(
      reinterpret_cast<const char *>(Bytes.data()) + sizeof(Length), Length);
  // Eight values an entry: itself, type, shape of two, offsets.
  const JsonLimits Limits = {MaxSafetensorsHeader, 10 * MaxTensors, 4};
  const std::optional<Json> Header = parseJson(Text, Place, Limits, Problems);
  if (!Header)
    return;
  if (!Header->object())
    return Problems.add(RefusalCode::JsonKind, Place, {"header", "{...}"});

  std::vector<std::pair<const std::string *, const Tensor *>> Added;
  bool Whole = true;
  for (const auto &[Name, Entry] : *Header->object()) {
    if (Name == "__metadata__")
      continue;
    if (!isUsableName(Name)) {
      Problems.add(RefusalCode::BadName, Place, {onnx::printable(Name)});
      Whole = false;
      continue;
    }
    std::optional<Tensor> T =
        readEntry(Entry, DataStart, Bytes.size() - DataStart,
                  Place + ": " + Name, Problems);
    if (!T) {
      Whole = false;
      continue;
    }
    T->File = File;
    const auto [It, IsNew] = C.Tensors.emplace(Name, std::move(*T));
    if (!IsNew) {
      Problems.add(RefusalCode::TensorTwice, Name,
                   {C.Files[It->second.File].Name, C.Files[File].Name});
      Whole = false;
      continue;
    }
    if (C.Tensors.size() > MaxTensors)
      return Problems.add(RefusalCode::TooManyTensors, Place,
                          {std::to_string(MaxTensors)});
    Added.emplace_back(&It->first, &It->second);
  }
  // What is missing leaves a gap that says nothing new.
  if (Whole)
    checkCover(std::move(Added), DataStart, Bytes.size(), Place, Problems);
}

} // namespace dure::checkpoint
