// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors become initializers, and what stands behind them.

#include "frontends/checkpoint/Weights.h"

#include "runtime/base/Checked.h"

namespace dure::checkpoint {
namespace {

/// Where tensors of a data file begin: pages, so that they can be mapped.
constexpr uint64_t DataAlignment = 4096;

std::string textOf(const std::vector<int64_t> &Shape) {
  std::string Out;
  for (int64_t Each : Shape)
    Out += (Out.empty() ? "" : ", ") + std::to_string(Each);
  return "[" + Out + "]";
}

bool isFloat(DataType Type) {
  return Type == DataType::Float || Type == DataType::Float16 ||
         Type == DataType::BFloat16;
}

} // namespace

ExternalPlace Weights::placeOf(const Tensor &T) {
  if (!T.Convert) {
    UsedFiles.insert(T.File);
    return {C.Files[T.File].Name, T.Offset, T.StoredBytes};
  }
  uint64_t Offset = 0;
  (void)checkedAlign(DataBytes, DataAlignment, Offset);
  DataBytes = Offset + T.bytes();
  InDataFile.push_back({&T, Offset});
  return {DataFile, Offset, T.bytes()};
}

Value Weights::raw(const std::string &Name, const std::vector<int64_t> &Shape,
                   const Tensor *&Found) {
  Found = C.find(Name);
  Asked.insert(Name);
  if (!Found) {
    Problems.add(RefusalCode::WeightMissing, Name);
    return {Name};
  }
  if (Found->Shape != Shape) {
    Problems.add(RefusalCode::WeightShape, Name,
                 {textOf(Found->Shape), textOf(Shape)});
    return {Name};
  }
  const auto [It, IsNew] = Raw.try_emplace(Name);
  if (!IsNew)
    return It->second;
  Parameters += Found->elements();
  if (Blocks.Dequantize && Found->Blocks)
    return It->second = dequantized(Name, *Found->Blocks);
  Bytes[Found->Type] += Found->bytes();
  return It->second = G.weight(Name, Found->Type, Shape, placeOf(*Found));
}

/// Integers * Scales + Offsets in f32, each part a weight of its own.
Value Weights::dequantized(const std::string &Name, const BlockedTensor &B) {
  const auto Part = [&](const char *Suffix, const Tensor &T,
                        const std::vector<int64_t> &Shape) {
    Bytes[T.Type] += T.bytes();
    const Value V = G.weight(Name + Suffix, T.Type, Shape, placeOf(T));
    return T.Type == DataType::Float16 ? G.cast(V, DataType::Float) : V;
  };
  const std::vector<int64_t> &Shape = B.Integers->Shape;
  const int64_t Axis = int64_t(Shape.size()) - 1;
  const Value Integers = Part(".integers", *B.Integers, Shape);
  const Value Scales = Part(".scales", *B.Scales, B.Scales->Shape);
  Value V = G.node("DequantizeLinear", {Integers, Scales},
                   {{"axis", Axis}, {"block_size", B.BlockSize}});
  if (!B.Offsets)
    return V;
  // One a block: blocks become an axis of their own for the sum.
  std::vector<int64_t> Blocks = B.Offsets->Shape;
  Blocks.push_back(1);
  const Value Offsets = Part(".offsets", *B.Offsets, Blocks);
  Blocks.back() = B.BlockSize;
  return G.reshape(G.add(G.reshape(V, Blocks), Offsets), Shape);
}

const Tensor *Weights::inBlocks(const std::string &Name,
                                const std::vector<int64_t> &Shape) {
  const Tensor *Found = Blocks.Multiply ? C.find(Name) : nullptr;
  if (!Found || !Found->Blocks || Found->Shape != Shape)
    return nullptr;
  if (Asked.insert(Name).second)
    Parameters += Found->elements();
  return Found;
}

Value Weights::make(const std::string &Name,
                    const std::function<Tensor()> &Describe) {
  const auto [It, IsNew] = ByMaking.try_emplace(Name);
  if (!IsNew)
    return It->second;
  Made.push_back(std::make_shared<const Tensor>(Describe()));
  const Tensor &T = *Made.back();
  Bytes[T.Type] += T.bytes();
  return It->second = G.weight(Name, T.Type, T.Shape, placeOf(T));
}

Value Weights::table(const std::string &Name,
                     const std::vector<int64_t> &Shape) {
  const Tensor *Found = nullptr;
  return raw(Name, Shape, Found);
}

Value Weights::get(const std::string &Name, const std::vector<int64_t> &Shape) {
  if (auto It = Wide.find(Name); It != Wide.end())
    return It->second;
  const Tensor *Found = nullptr;
  Value V = raw(Name, Shape, Found);
  if (!Found)
    return V;
  if (!isFloat(Found->Type))
    Problems.add(RefusalCode::WeightType, Name,
                 {std::string(onnx::typeName(Found->Type))});
  else if (Found->Type != DataType::Float)
    V = G.cast(V, DataType::Float);
  return Wide[Name] = V;
}

Value Weights::transposed(const std::string &Name, int64_t Out, int64_t In) {
  if (auto It = Turned.find(Name); It != Turned.end())
    return It->second;
  const Value Matrix = get(Name, {Out, In});
  return Turned[Name] = G.transpose(Matrix, {1, 0});
}

void Weights::finish() {
  for (const auto &[Name, T] : C.Tensors) {
    bool IsKnown = Asked.count(Name) != 0;
    for (const std::string &Each : Ignored)
      IsKnown |= Name.ends_with(Each);
    for (const std::string &Each : IgnoredPrefixes)
      IsKnown |= Name.starts_with(Each);
    if (!IsKnown)
      Problems.add(RefusalCode::WeightUnread, Name);
  }
}

} // namespace dure::checkpoint
