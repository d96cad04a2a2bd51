// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Converts the tensors of GGUF files while they are read.

#include "frontends/checkpoint/GgufWeights.h"

#include <algorithm>
#include <cstring>

namespace dure::checkpoint {
namespace {

/// Elements that are converted at a time: whole blocks of every type.
constexpr size_t PieceElements = size_t(1) << 16;
/// Bytes that are handed on at a time.
constexpr size_t SinkBytes = size_t(1) << 20;

/// What of a tensor is asked for.
enum class Part {
  Stored,
  Floats,
  Integers,
  Scales,
  Offsets,
  HalfScales,
  HalfOffsets
};

/// A tensor as rows of blocks.
struct Layout {
  GgmlType Type = GgmlType::F32;
  uint64_t Rows = 1, RowElements = 1;
  /// Rows of one head; 0: rows stay where they are.
  uint64_t HeadRows = 0;
  float Added = 0;
  DataType Integers = DataType::Undefined;

  uint64_t bytesOf(uint64_t Elements) const {
    const GgmlTypeInfo Info = *infoOf(Type);
    return Elements / Info.BlockElements * Info.BlockBytes;
  }

  /// Where row `Row` of the result is stored. Pair j of a head is its stored
  /// rows 2j and 2j + 1; its rows j and j + half here.
  uint64_t storedRow(uint64_t Row) const {
    if (!HeadRows)
      return Row;
    const uint64_t Half = HeadRows / 2, I = Row % HeadRows;
    return Row - I + 2 * (I % Half) + I / Half;
  }
};

/// Collects bytes and hands them on in large pieces.
class Collector {
public:
  explicit Collector(const ByteSink &Sink) : Sink(Sink) {}

  template <typename T> Status add(std::span<const T> Values) {
    const auto Bytes = std::as_bytes(Values);
    Held.insert(Held.end(), Bytes.begin(), Bytes.end());
    return Held.size() < SinkBytes ? Status::success() : flush();
  }

  Status flush() {
    Status Done = Held.empty() ? Status::success() : Sink(Held);
    Held.clear();
    return Done;
  }

private:
  const ByteSink &Sink;
  std::vector<std::byte> Held;
};

/// Converts pieces of rows.
class Converter {
public:
  Converter(const Layout &L, Part Wanted, const ByteSink &Sink)
      : L(L), Wanted(Wanted), Out(Sink) {
    if (const auto Form = blockForm(L.Type))
      Group = Form->Group;
  }

  Status run(std::span<const std::byte> Stored) {
    for (uint64_t Row = 0; Row < L.Rows; ++Row) {
      const auto Bytes =
          Stored.subspan(L.storedRow(Row) * L.bytesOf(L.RowElements),
                         L.bytesOf(L.RowElements));
      for (uint64_t At = 0; At < L.RowElements; At += PieceElements) {
        const size_t Count =
            size_t(std::min<uint64_t>(PieceElements, L.RowElements - At));
        DURE_RETURN_IF_ERROR(
            convert(Bytes.subspan(L.bytesOf(At), L.bytesOf(Count)), Count));
      }
    }
    return Out.flush();
  }

private:
  Status convert(std::span<const std::byte> Blocks, size_t Count) {
    switch (Wanted) {
    case Part::Stored:
      return Out.add(Blocks);
    case Part::Floats:
      Floats.resize(Count);
      dequantize(L.Type, Blocks, Floats);
      if (L.Added != 0)
        for (float &Each : Floats)
          Each -= L.Added;
      return Out.add(std::span<const float>(Floats));
    case Part::Scales:
      Floats.resize(Count / Group);
      decodeBlocks(L.Type, Blocks, {{}, Floats, {}});
      return Out.add(std::span<const float>(Floats));
    case Part::Offsets:
      Floats.resize(Count / Group);
      decodeBlocks(L.Type, Blocks, {{}, {}, Floats});
      return Out.add(std::span<const float>(Floats));
    case Part::HalfScales:
      return addHalves(Blocks, 0);
    case Part::HalfOffsets:
      return addHalves(Blocks, 1);
    case Part::Integers:
      Integers.resize(Count);
      decodeBlocks(L.Type, Blocks, {Integers, {}, {}});
      return Out.add(std::span<const uint8_t>(packed()));
    }
    return Status::success();
  }

  /// The number at `Index` of those that each block begins with, as it is.
  Status addHalves(std::span<const std::byte> Blocks, size_t Index) {
    const size_t Size = infoOf(L.Type)->BlockBytes;
    Bytes.clear();
    for (size_t At = 2 * Index; At < Blocks.size(); At += Size)
      for (size_t I : {At, At + 1})
        Bytes.push_back(uint8_t(Blocks[I]));
    return Out.add(std::span<const uint8_t>(Bytes));
  }

  /// The integers in their own type: a byte each, or the first of two in a
  /// byte's low half.
  const std::vector<uint8_t> &packed() {
    if (onnx::bitWidth(L.Integers) == 8) {
      Bytes.assign(Integers.begin(), Integers.end());
      return Bytes;
    }
    Bytes.resize(Integers.size() / 2);
    for (size_t I = 0; I < Bytes.size(); ++I)
      Bytes[I] =
          uint8_t((Integers[2 * I] & 15) | (Integers[2 * I + 1] & 15) << 4);
    return Bytes;
  }

  const Layout &L;
  const Part Wanted;
  Collector Out;
  size_t Group = 1;
  std::vector<float> Floats;
  std::vector<int16_t> Integers;
  std::vector<uint8_t> Bytes;
};

Tensor partOf(const Tensor &Whole, const Layout &L, Part Wanted, DataType Type,
              std::vector<int64_t> Shape) {
  Tensor T;
  T.Type = Type;
  T.Shape = std::move(Shape);
  T.File = Whole.File;
  T.Offset = Whole.Offset;
  T.StoredBytes = Whole.StoredBytes;
  T.Convert = [L, Wanted](std::span<const std::byte> Stored,
                          const ByteSink &Sink) {
    return Converter(L, Wanted, Sink).run(Stored);
  };
  return T;
}

/// Heads of `Rows` rows of `Columns` elements each.
struct Pile {
  GgmlType Type;
  std::span<const std::byte> Bytes;
  uint64_t Rows, Columns;

  void readHead(uint64_t Head, std::vector<float> &To) const {
    const GgmlTypeInfo Info = *infoOf(Type);
    const uint64_t Size =
        Rows * (Columns / Info.BlockElements) * Info.BlockBytes;
    To.resize(Rows * Columns);
    dequantize(Type, Bytes.subspan(Head * Size, Size), To);
  }
};

bool isReadable(GgmlType Type) {
  const DataType Plain = plainType(Type);
  return blockForm(Type) || Plain == DataType::Float ||
         Plain == DataType::Float16 || Plain == DataType::BFloat16;
}

/// Blocks lie along a head's columns for keys and along the rank for values:
/// they do not stay blocks of one matrix.
Status writeJoined(const Pile &Keys, const Pile &Values, uint64_t Heads,
                   const ByteSink &Sink) {
  Collector Out(Sink);
  std::vector<float> Head, Row(Keys.Rows);
  for (uint64_t I = 0; I < Heads; ++I) {
    Keys.readHead(I, Head);
    for (uint64_t C = 0; C < Keys.Columns; ++C) {
      for (uint64_t R = 0; R < Keys.Rows; ++R)
        Row[R] = Head[R * Keys.Columns + C];
      DURE_RETURN_IF_ERROR(Out.add(std::span<const float>(Row)));
    }
    Values.readHead(I, Head);
    DURE_RETURN_IF_ERROR(Out.add(std::span<const float>(Head)));
  }
  return Out.flush();
}

} // namespace

std::optional<Tensor> joinLatents(const GgufMatrix &Keys,
                                  const GgufMatrix &Values, uint32_t File,
                                  const std::string &Place,
                                  Refusals &Problems) {
  for (GgmlType Each : {Keys.Tensor.Type, Values.Tensor.Type})
    if (!isReadable(Each)) {
      Problems.add(RefusalCode::GgufTensorType, Place,
                   {std::string(infoOf(Each)->Name)});
      return std::nullopt;
    }
  const std::vector<int64_t> &K = Keys.Tensor.Shape, &V = Values.Tensor.Shape;
  if (K.size() != 3 || V.size() != 3 || K[0] != V[0] || K[1] != V[2]) {
    Problems.add(RefusalCode::GgufLatents, Place);
    return std::nullopt;
  }
  Tensor T;
  T.Type = DataType::Float;
  T.Shape = {K[0] * (K[2] + V[1]), K[1]};
  // What counts as read of the file; the other half lies elsewhere.
  T.File = File;
  T.Offset = Values.Tensor.Offset;
  T.StoredBytes = Values.Tensor.Bytes;
  T.Convert =
      [K = Pile{Keys.Tensor.Type, Keys.Bytes, uint64_t(K[1]), uint64_t(K[2])},
       V = Pile{Values.Tensor.Type, Values.Bytes, uint64_t(V[1]),
                uint64_t(V[2])},
       Heads = uint64_t(K[0])](std::span<const std::byte>,
                               const ByteSink &Sink) {
        return writeJoined(K, V, Heads, Sink);
      };
  return T;
}

std::optional<Tensor> convertTensor(const GgufTensor &From, uint32_t File,
                                    const GgufChange &Change,
                                    const std::string &Place,
                                    Refusals &Problems) {
  const auto Form = blockForm(From.Type);
  DataType Plain = plainType(From.Type);
  if (!Form && Plain == DataType::Undefined) {
    Problems.add(RefusalCode::GgufTensorType, Place,
                 {std::string(infoOf(From.Type)->Name)});
    return std::nullopt;
  }
  Tensor Whole;
  Whole.Shape = From.Shape;
  Whole.File = File;
  Whole.Offset = From.Offset;
  Whole.StoredBytes = From.Bytes;
  Layout L;
  L.Type = From.Type;
  L.Added = Change.Added;
  // A vector of heads has one element a row.
  const bool IsVector = From.Shape.size() == 1 && !Form && Change.PairedHeads;
  if (!From.Shape.empty() && !IsVector)
    L.RowElements = uint64_t(From.Shape.back());
  L.Rows = Whole.elements() / L.RowElements;
  if (Change.PairedHeads) {
    const uint64_t Heads = uint64_t(Change.PairedHeads);
    if (From.Shape.size() > 2 || L.Rows % (2 * Heads) || L.Rows == 1) {
      Problems.add(RefusalCode::GgufHeads, Place,
                   {std::to_string(L.Rows), std::to_string(Heads)});
      return std::nullopt;
    }
    L.HeadRows = L.Rows / Heads;
  }
  if (!Form) {
    const bool IsFloat = Plain == DataType::Float ||
                         Plain == DataType::Float16 ||
                         Plain == DataType::BFloat16;
    const bool Changes = Change.Added != 0 && IsFloat;
    return partOf(Whole, L, Changes ? Part::Floats : Part::Stored,
                  Changes ? DataType::Float : Plain, From.Shape);
  }
  Tensor T = partOf(Whole, L, Part::Floats, DataType::Float, From.Shape);
  // What is taken away would be taken from the offsets, and round otherwise.
  if (Change.Added != 0)
    return T;
  L.Integers = Form->Integers;
  std::vector<int64_t> Blocks = From.Shape;
  Blocks.back() /= Form->Group;
  const auto Share = [](Tensor Each) {
    return std::make_shared<const Tensor>(std::move(Each));
  };
  T.Blocks.emplace();
  T.Blocks->BlockSize = Form->Group;
  T.Blocks->Integers =
      Share(partOf(Whole, L, Part::Integers, Form->Integers, From.Shape));
  const bool IsHalf = Form->HasHalves;
  const DataType Type = IsHalf ? DataType::Float16 : DataType::Float;
  T.Blocks->Scales = Share(
      partOf(Whole, L, IsHalf ? Part::HalfScales : Part::Scales, Type, Blocks));
  if (Form->HasOffsets)
    T.Blocks->Offsets = Share(partOf(
        Whole, L, IsHalf ? Part::HalfOffsets : Part::Offsets, Type, Blocks));
  return T;
}

} // namespace dure::checkpoint
