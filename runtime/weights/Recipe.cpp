// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lazy evaluation of weight recipes.
//
// A recipe is a chain of nodes, each able to give any strided run of its
// elements: (start, stride, count) over its row-major linear index. Why runs:
// every step maps a run that stays in one dim to a run of its operand, so the
// cost of index arithmetic is paid once a run, and the innermost loop is a
// strided copy out of the mapped file.

#include "runtime/weights/Recipe.h"

#include "runtime/base/Checked.h"
#include "runtime/weights/Convert.h"

#include <algorithm>
#include <cstring>
#include <string>

using namespace dure;

namespace dure {

class RecipeNode {
public:
  RecipeNode(ElementType Type, std::vector<int64_t> Shape)
      : Type(Type), Shape(std::move(Shape)), Strides(this->Shape.size()) {
    int64_t Stride = 1;
    for (size_t I = Strides.size(); I-- != 0;) {
      Strides[I] = Stride;
      Stride *= std::max<int64_t>(this->Shape[I], 1);
    }
  }
  virtual ~RecipeNode() = default;

  /// Writes COUNT units: elements START, START + STRIDE, ... STRIDE >= 1.
  virtual void read(int64_t Start, int64_t Stride, int64_t Count,
                    std::byte *Out) const = 0;

  const ElementType Type;
  const std::vector<int64_t> Shape;
  std::vector<int64_t> Strides;
};

} // namespace dure

namespace {

using NodePtr = std::unique_ptr<RecipeNode>;

/// A / B rounded up, for A > 0 and B > 0.
int64_t ceilDiv(int64_t A, int64_t B) { return (A - 1) / B + 1; }

/// Part of a run that moves along one dim only.
struct Segment {
  const int64_t *Coords; // of its first element
  size_t Dim;
  int64_t Step; // of the coordinate
  int64_t Count;

  /// Stride of the run where one step of the coordinate is PERCOORD elements.
  /// A run of one element takes none: the product could overflow there, where
  /// two elements in range bound it.
  int64_t stride(int64_t PerCoord) const {
    return Count > 1 ? Step * PerCoord : 1;
  }
};

constexpr size_t MaxRank = 33;
// Units handled at one time where a step needs a temporary.
constexpr int64_t ChunkUnits = 512;

/// Cuts a run over NODE's elements into segments and calls FN(segment, out).
template <typename Function>
void forSegments(const RecipeNode &Node, int64_t Start, int64_t Stride,
                 int64_t Count, std::byte *Out, Function Fn) {
  size_t Rank = Node.Shape.size();
  size_t Unit = unitSize(Node.Type);
  int64_t Coords[MaxRank];
  if (Rank == 0) {
    // One element; a run longer than that cannot be asked for.
    Coords[0] = 0;
    Fn(Segment{Coords, 0, 1, Count}, Out);
    return;
  }
  size_t Dim = Rank - 1;
  for (size_t I = 0; I != Rank; ++I)
    if (Node.Shape[I] > 1 && Stride % Node.Strides[I] == 0) {
      Dim = I;
      break;
    }
  int64_t Step = Stride / Node.Strides[Dim];
  bool Odometer = false; // Coords were carried over by the last round
  while (Count != 0) {
    int64_t Rest = Start;
    for (size_t I = 0; I != Rank && !Odometer; ++I) {
      Coords[I] = Rest / Node.Strides[I];
      Rest %= Node.Strides[I];
    }
    int64_t Room = ceilDiv(Node.Shape[Dim] - Coords[Dim], Step);
    int64_t Length = std::min(Count, Room);
    Fn(Segment{Coords, Dim, Step, Length}, Out);
    Out += static_cast<size_t>(Length) * Unit;
    Start += Length * Stride;
    Count -= Length;
    // Rows one after another, as packing reads them: counting up is cheaper
    // than dividing.
    Odometer = Step == 1 && Dim + 1 == Rank;
    if (!Odometer || Count == 0)
      continue;
    Coords[Dim] = 0;
    for (size_t I = Dim; I-- != 0 && ++Coords[I] == Node.Shape[I];)
      Coords[I] = 0;
  }
}

/// Elements as they lie in memory.
class StoredNode : public RecipeNode {
public:
  StoredNode(ElementType Type, std::vector<int64_t> Shape,
             const std::byte *Data)
      : RecipeNode(Type, std::move(Shape)), Data(Data) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    if (elementBits(Type) == 4)
      return readNibbles(Start, Stride, Count, Out);
    switch (unitSize(Type)) {
    case 1:
      return readUnits<1>(Start, Stride, Count, Out);
    case 2:
      return readUnits<2>(Start, Stride, Count, Out);
    case 4:
      return readUnits<4>(Start, Stride, Count, Out);
    default:
      return readUnits<8>(Start, Stride, Count, Out);
    }
  }

private:
  template <size_t Unit>
  void readUnits(int64_t Start, int64_t Stride, int64_t Count,
                 std::byte *Out) const {
    const std::byte *Source = Data + static_cast<size_t>(Start) * Unit;
    if (Stride == 1) {
      std::memcpy(Out, Source, static_cast<size_t>(Count) * Unit);
      return;
    }
    size_t Step = static_cast<size_t>(Stride) * Unit;
    for (int64_t I = 0; I != Count; ++I, Source += Step, Out += Unit)
      std::memcpy(Out, Source, Unit);
  }

  void readNibbles(int64_t Start, int64_t Stride, int64_t Count,
                   std::byte *Out) const {
    for (int64_t I = 0; I != Count; ++I) {
      int64_t Index = Start + I * Stride;
      auto Pair = static_cast<uint8_t>(Data[Index / 2]);
      uint8_t Nibble = Index % 2 ? Pair >> 4 : Pair & 15;
      if (Type == ElementType::I4)
        Nibble = static_cast<uint8_t>((Nibble ^ 8) - 8); // sign-extend
      Out[I] = static_cast<std::byte>(Nibble);
    }
  }

  const std::byte *Data;
};

/// Elements computed once, as units.
class CachedNode : public RecipeNode {
public:
  CachedNode(const RecipeNode &Source, int64_t Count)
      : RecipeNode(Source.Type, Source.Shape),
        Units(static_cast<size_t>(Count) * unitSize(Source.Type)) {
    if (Count != 0)
      Source.read(0, 1, Count, Units.data());
  }

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    size_t Unit = unitSize(Type);
    for (int64_t I = 0; I != Count; ++I)
      std::memcpy(Out + static_cast<size_t>(I) * Unit,
                  Units.data() + static_cast<size_t>(Start + I * Stride) * Unit,
                  Unit);
  }

private:
  std::vector<std::byte> Units;
};

/// Same elements in the same order.
class ReshapeNode : public RecipeNode {
public:
  ReshapeNode(NodePtr Source, std::vector<int64_t> Shape)
      : RecipeNode(Source->Type, std::move(Shape)), Source(std::move(Source)) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    Source->read(Start, Stride, Count, Out);
  }

private:
  NodePtr Source;
};

class CastNode : public RecipeNode {
public:
  CastNode(NodePtr Source, ElementType Type)
      : RecipeNode(Type, Source->Shape), Source(std::move(Source)) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    std::byte Temporary[ChunkUnits * 8];
    while (Count != 0) {
      int64_t Length = std::min(Count, ChunkUnits);
      Source->read(Start, Stride, Length, Temporary);
      convertUnits(Source->Type, Temporary, Type, Out,
                   static_cast<size_t>(Length));
      Out += static_cast<size_t>(Length) * unitSize(Type);
      Start += Length * Stride;
      Count -= Length;
    }
  }

private:
  NodePtr Source;
};

class SliceNode : public RecipeNode {
public:
  SliceNode(NodePtr Source, std::vector<int64_t> Shape,
            const std::vector<int64_t> &Ints)
      : RecipeNode(Source->Type, Shape), Source(std::move(Source)),
        Offsets(Ints.begin(), Ints.begin() + Shape.size()),
        Steps(Ints.begin() + 2 * Shape.size(), Ints.end()) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    forSegments(
        *this, Start, Stride, Count, Out,
        [&](const Segment &S, std::byte *Part) {
          int64_t From = 0;
          for (size_t I = 0; I != Shape.size(); ++I)
            From += (Offsets[I] + S.Coords[I] * Steps[I]) * Source->Strides[I];
          int64_t By = Shape.empty()
                           ? 1
                           : S.stride(Steps[S.Dim] * Source->Strides[S.Dim]);
          Source->read(From, By, S.Count, Part);
        });
  }

private:
  NodePtr Source;
  std::vector<int64_t> Offsets;
  std::vector<int64_t> Steps;
};

class TransposeNode : public RecipeNode {
public:
  TransposeNode(NodePtr Source, std::vector<int64_t> Shape,
                std::vector<int64_t> Permutation)
      : RecipeNode(Source->Type, std::move(Shape)), Source(std::move(Source)),
        Permutation(std::move(Permutation)) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    forSegments(*this, Start, Stride, Count, Out,
                [&](const Segment &S, std::byte *Part) {
                  int64_t From = 0;
                  for (size_t I = 0; I != Shape.size(); ++I)
                    From += S.Coords[I] * Source->Strides[Permutation[I]];
                  int64_t By =
                      Shape.empty()
                          ? 1
                          : S.stride(Source->Strides[Permutation[S.Dim]]);
                  Source->read(From, By, S.Count, Part);
                });
  }

private:
  NodePtr Source;
  std::vector<int64_t> Permutation;
};

void fillUnits(std::byte *Out, const std::byte *Unit, size_t Size,
               int64_t Count) {
  for (int64_t I = 0; I != Count; ++I)
    std::memcpy(Out + static_cast<size_t>(I) * Size, Unit, Size);
}

class PadNode : public RecipeNode {
public:
  PadNode(NodePtr Source, std::vector<int64_t> Shape, const Step &S)
      : RecipeNode(Source->Type, Shape), Source(std::move(Source)),
        Low(S.Ints.begin(), S.Ints.begin() + Shape.size()) {
    storeDouble(Type, S.Value, Filler);
  }

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    forSegments(
        *this, Start, Stride, Count, Out,
        [&](const Segment &S, std::byte *Part) { readSegment(S, Part); });
  }

private:
  void readSegment(const Segment &S, std::byte *Out) const {
    size_t Unit = unitSize(Type);
    int64_t From = 0;
    for (size_t I = 0; I != Shape.size(); ++I) {
      int64_t Coord = S.Coords[I] - Low[I];
      if (I != S.Dim && (Coord < 0 || Coord >= Source->Shape[I]))
        return fillUnits(Out, Filler, Unit, S.Count);
      if (I != S.Dim)
        From += Coord * Source->Strides[I];
    }
    if (Shape.empty())
      return Source->read(0, 1, S.Count, Out);
    // Along the dim: before the data, in it, behind it.
    int64_t First = S.Coords[S.Dim] - Low[S.Dim];
    int64_t Before =
        First >= 0 ? 0 : std::min(S.Count, ceilDiv(-First, S.Step));
    // Beyond the last element there may be no coordinate that fits.
    int64_t Inside = Before == S.Count ? 0 : First + Before * S.Step;
    int64_t Left = Source->Shape[S.Dim] - Inside;
    int64_t Length =
        Left <= 0 ? 0 : std::min(S.Count - Before, ceilDiv(Left, S.Step));
    fillUnits(Out, Filler, Unit, Before);
    Out += static_cast<size_t>(Before) * Unit;
    if (Length != 0)
      Source->read(From + Inside * Source->Strides[S.Dim],
                   Length > 1 ? S.stride(Source->Strides[S.Dim]) : 1, Length,
                   Out);
    Out += static_cast<size_t>(Length) * Unit;
    fillUnits(Out, Filler, Unit, S.Count - Before - Length);
  }

  NodePtr Source;
  std::vector<int64_t> Low;
  std::byte Filler[8] = {};
};

/// [.., K, N] -> [.., ceil(N/Nr), K, Nr].
class PanelsNode : public RecipeNode {
public:
  PanelsNode(NodePtr Source, std::vector<int64_t> Shape, int64_t Nr)
      : RecipeNode(Source->Type, std::move(Shape)), Source(std::move(Source)),
        Nr(Nr) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    int64_t PanelUnits = Shape[Shape.size() - 2] * Nr;
    while (Count != 0) {
      int64_t Length = Count;
      int64_t Panels = 0;
      if (Stride == 1 && PanelUnits != 0) {
        // Whole panels together, what is before and behind them alone.
        int64_t Inside = Start % PanelUnits;
        Panels = Inside == 0
                     ? wholePanels(Start / PanelUnits, Count / PanelUnits)
                     : 0;
        Length = std::min(Count, Panels > 1 ? Panels * PanelUnits
                                            : PanelUnits - Inside);
      }
      if (Panels > 1)
        readPanels(Start / PanelUnits, Panels, Out);
      else
        forSegments(
            *this, Start, Stride, Length, Out,
            [&](const Segment &S, std::byte *Part) { readSegment(S, Part); });
      Out += static_cast<size_t>(Length) * unitSize(Type);
      Start += Length * Stride;
      Count -= Length;
    }
  }

private:
  /// How many panels from FIRST on, at most LIMIT, can be read together: those
  /// of one matrix whose rows fit the temporary.
  int64_t wholePanels(int64_t First, int64_t Limit) const {
    int64_t OfMatrix = Shape[Shape.size() - 3];
    return std::min({Limit, OfMatrix - First % OfMatrix, ChunkUnits / Nr});
  }

  /// Panels side by side, so that each row of the source is read in one run:
  /// a run of one panel would touch another page for every few bytes.
  void readPanels(int64_t First, int64_t Panels, std::byte *Out) const {
    size_t Rank = Shape.size();
    size_t Unit = unitSize(Type);
    int64_t OfMatrix = Shape[Rank - 3], K = Shape[Rank - 2];
    int64_t N = Source->Shape.back();
    int64_t Column = First % OfMatrix * Nr;
    int64_t From = First / OfMatrix * K * N + Column;
    int64_t Valid = std::min(Panels * Nr, N - Column);
    std::byte Row[ChunkUnits * 8];
    std::memset(Row, 0, static_cast<size_t>(Panels * Nr) * Unit);
    size_t Piece = static_cast<size_t>(Nr) * Unit;
    for (int64_t I = 0; I != K; ++I, From += N) {
      Source->read(From, 1, Valid, Row);
      for (int64_t J = 0; J != Panels; ++J)
        std::memcpy(Out + static_cast<size_t>(J * K + I) * Piece,
                    Row + static_cast<size_t>(J) * Piece, Piece);
    }
  }

  void readSegment(const Segment &S, std::byte *Out) const {
    size_t Rank = Shape.size();
    size_t Batch = Rank - 3;
    int64_t N = Source->Shape[Batch + 1];
    int64_t Column = S.Coords[Batch] * Nr + S.Coords[Batch + 2];
    int64_t From = S.Coords[Batch + 1] * Source->Strides[Batch] + Column;
    for (size_t I = 0; I != Batch; ++I)
      From += S.Coords[I] * Source->Strides[I];
    int64_t ColumnStep = 0, By = 0;
    if (S.Dim == Batch)
      By = ColumnStep = S.stride(Nr);
    else if (S.Dim == Batch + 2)
      By = ColumnStep = S.stride(1);
    else
      By = S.stride(Source->Strides[S.Dim < Batch ? S.Dim : Batch]);
    int64_t Length = S.Count;
    if (Column >= N)
      Length = 0;
    else if (ColumnStep != 0)
      Length = std::min(Length, ceilDiv(N - Column, ColumnStep));
    if (Length != 0)
      Source->read(From, By, Length, Out);
    size_t Unit = unitSize(Type);
    std::memset(Out + static_cast<size_t>(Length) * Unit, 0,
                static_cast<size_t>(S.Count - Length) * Unit);
  }

  NodePtr Source;
  int64_t Nr;
};

class ConcatNode : public RecipeNode {
public:
  ConcatNode(NodePtr First, NodePtr Second, std::vector<int64_t> Shape,
             size_t Axis)
      : RecipeNode(First->Type, std::move(Shape)), First(std::move(First)),
        Second(std::move(Second)), Axis(Axis) {}

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    forSegments(*this, Start, Stride, Count, Out,
                [&](const Segment &S, std::byte *Part) {
                  int64_t Border = First->Shape[Axis];
                  int64_t Coord = S.Coords[Axis];
                  int64_t Length = 0; // how much of it the first one gives
                  if (Coord < Border)
                    Length = S.Dim != Axis
                                 ? S.Count
                                 : std::min(S.Count,
                                            ceilDiv(Border - Coord, S.Step));
                  readFrom(*First, S, 0, 0, Length, Part);
                  readFrom(*Second, S, Length, Border, S.Count - Length,
                           Part + static_cast<size_t>(Length) * unitSize(Type));
                });
  }

private:
  void readFrom(const RecipeNode &Source, const Segment &S, int64_t Skip,
                int64_t Shift, int64_t Length, std::byte *Out) const {
    if (Length == 0)
      return;
    int64_t From = Skip * S.Step * Source.Strides[S.Dim];
    for (size_t I = 0; I != Shape.size(); ++I)
      From += (S.Coords[I] - (I == Axis ? Shift : 0)) * Source.Strides[I];
    Source.read(From, Length > 1 ? S.stride(Source.Strides[S.Dim]) : 1, Length,
                Out);
  }

  NodePtr First;
  NodePtr Second;
  size_t Axis;
};

class ArithNode : public RecipeNode {
public:
  ArithNode(NodePtr Source, NodePtr Operand, const Step &S)
      : RecipeNode(Source->Type, Source->Shape), Source(std::move(Source)),
        Operand(std::move(Operand)), Kind(S.Kind) {
    size_t Rank = Shape.size(), OperandRank = this->Operand->Shape.size();
    if (!S.Ints.empty()) {
      Axis = static_cast<size_t>(S.Ints[0]);
      Block = S.Ints[1];
    }
    // Stride of the operand for each dim of the value, 0 where it repeats.
    OperandStrides.assign(Rank, 0);
    bool PerAxis = Axis < Rank && OperandRank == 1 && Rank != 1;
    for (size_t I = 0; I != OperandRank; ++I) {
      size_t Dim = PerAxis ? Axis : Rank - OperandRank + I;
      if (this->Operand->Shape[I] > 1)
        OperandStrides[Dim] = this->Operand->Strides[I];
    }
  }

  void read(int64_t Start, int64_t Stride, int64_t Count,
            std::byte *Out) const override {
    Source->read(Start, Stride, Count, Out);
    forSegments(
        *this, Start, Stride, Count, Out,
        [&](const Segment &S, std::byte *Part) { combineSegment(S, Part); });
  }

private:
  int64_t blockOf(size_t Dim, int64_t Coord) const {
    return Dim == Axis ? Coord / Block : Coord;
  }

  void combineSegment(const Segment &S, std::byte *Out) const {
    size_t Unit = unitSize(Type);
    int64_t From = 0;
    for (size_t I = 0; I != Shape.size(); ++I)
      if (I != S.Dim)
        From += blockOf(I, S.Coords[I]) * OperandStrides[I];
    int64_t Along = Shape.empty() ? 0 : OperandStrides[S.Dim];
    std::byte Temporary[ChunkUnits * 8];
    for (int64_t Done = 0; Done != S.Count;) {
      int64_t Coord = Shape.empty() ? 0 : S.Coords[S.Dim] + Done * S.Step;
      int64_t Length = S.Count - Done;
      bool Repeats = Along == 0;
      if (S.Dim == Axis && Block > 1 && !Repeats) {
        // One operand element for the rest of this block.
        int64_t Left = (Coord / Block + 1) * Block - Coord;
        Length = std::min(Length, ceilDiv(Left, S.Step));
        Repeats = true;
      }
      if (!Repeats)
        Length = std::min(Length, ChunkUnits);
      Operand->read(From + blockOf(S.Dim, Coord) * Along,
                    Repeats ? 1 : S.stride(Along), Repeats ? 1 : Length,
                    Temporary);
      combineUnits(Kind, Type, Out, Temporary, Repeats ? 0 : 1,
                   static_cast<size_t>(Length));
      Out += static_cast<size_t>(Length) * Unit;
      Done += Length;
    }
  }

  NodePtr Source;
  NodePtr Operand;
  StepKind Kind;
  size_t Axis = ~size_t(0);
  int64_t Block = 1;
  std::vector<int64_t> OperandStrides;
};

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

struct Builder {
  const Package &Content;
  std::span<const std::span<const std::byte>> Files;
  std::span<const std::byte> PackageWeights;
  // What operands may still be kept as they are computed: a small package can
  // describe many large ones.
  uint64_t CacheBudget = 8 * OperandCacheLimit;

  Result<std::span<const std::byte>> storedBytes(const Weight &W) const {
    if (W.Source == WeightSource::Package &&
        rangeFits(W.Offset, W.Size, PackageWeights.size()))
      return PackageWeights.subspan(W.Offset, W.Size);
    if (W.Source == WeightSource::Inline && W.Inline)
      return std::as_bytes(std::span(W.Inline->data(), W.Inline->size()));
    if (W.Source != WeightSource::File || W.File < 0 ||
        static_cast<size_t>(W.File) >= Files.size())
      return Status(StatusCode::FailedPrecondition,
                    "weight '" + W.Name + "' has no stored bytes here");
    std::span<const std::byte> File = Files[W.File];
    if (!rangeFits(W.Offset, W.Size, File.size()))
      return dataLoss("weight '" + W.Name +
                      "' lies beyond the end of the file '" +
                      Content.Files[W.File].Path +
                      "'; the file is not the one that was compiled");
    return File.subspan(W.Offset, W.Size);
  }

  Result<NodePtr> operand(uint32_t Index) {
    Result<NodePtr> Node = build(Index);
    if (!Node)
      return Node;
    uint64_t Count = 0;
    if (!elementCount((*Node)->Shape, Count))
      return Node;
    uint64_t Bytes = Count * unitSize((*Node)->Type);
    if (Bytes > OperandCacheLimit || Bytes > CacheBudget)
      return Node;
    CacheBudget -= Bytes;
    return NodePtr(
        std::make_unique<CachedNode>(**Node, static_cast<int64_t>(Count)));
  }

  Result<NodePtr> build(uint32_t Index) {
    const Weight &W = Content.Weights[Index];
    Result<std::span<const std::byte>> Bytes = storedBytes(W);
    if (!Bytes)
      return Bytes.status();
    bool Ready = W.Source == WeightSource::Package;
    NodePtr Node = std::make_unique<StoredNode>(Ready ? W.Type : W.StoredType,
                                                Ready ? W.Shape : W.StoredShape,
                                                Bytes->data());
    for (const Step &S : W.Steps) {
      Result<TypedShape> Next =
          inferSteps({Node->Type, Node->Shape}, {S}, Content.Weights, Index);
      if (!Next)
        return Next.status().at("weight '" + W.Name + "'");
      NodePtr Other;
      if (usesOperand(S.Kind)) {
        auto From = static_cast<uint32_t>(S.Operand);
        // Each element of a concatenated operand is read once: not kept.
        Result<NodePtr> Operand =
            S.Kind == StepKind::Concat ? build(From) : operand(From);
        if (!Operand)
          return Operand;
        Other = Operand.take();
      }
      Node = apply(S, std::move(Node), std::move(Other), Next->Shape);
    }
    return Node;
  }

  static NodePtr apply(const Step &S, NodePtr Node, NodePtr Operand,
                       std::vector<int64_t> Shape) {
    switch (S.Kind) {
    case StepKind::Slice:
      return std::make_unique<SliceNode>(std::move(Node), std::move(Shape),
                                         S.Ints);
    case StepKind::Transpose:
      return std::make_unique<TransposeNode>(std::move(Node), std::move(Shape),
                                             S.Ints);
    case StepKind::Reshape:
      return std::make_unique<ReshapeNode>(std::move(Node), std::move(Shape));
    case StepKind::Cast:
      return std::make_unique<CastNode>(std::move(Node), S.Type);
    case StepKind::Multiply:
    case StepKind::Add:
    case StepKind::Subtract:
      return std::make_unique<ArithNode>(std::move(Node), std::move(Operand),
                                         S);
    case StepKind::Pad:
      return std::make_unique<PadNode>(std::move(Node), std::move(Shape), S);
    case StepKind::Pack:
      return std::make_unique<PanelsNode>(std::move(Node), std::move(Shape),
                                          S.Ints[1]);
    case StepKind::Concat:
      return std::make_unique<ConcatNode>(std::move(Node), std::move(Operand),
                                          std::move(Shape),
                                          static_cast<size_t>(S.Ints[0]));
    case StepKind::None:
      break; // inferSteps refused it
    }
    return Node;
  }
};

} // namespace

Recipe::Recipe() = default;
Recipe::Recipe(Recipe &&) = default;
Recipe &Recipe::operator=(Recipe &&) = default;
Recipe::~Recipe() = default;

Result<Recipe> Recipe::create(const Package &Content, uint32_t Index,
                              std::span<const std::span<const std::byte>> Files,
                              std::span<const std::byte> PackageWeights) {
  const Weight &W = Content.Weights[Index];
  Builder Build{Content, Files, PackageWeights};
  Result<NodePtr> Root = Build.build(Index);
  if (!Root)
    return Root.status();
  Recipe Made;
  uint64_t Count = 0;
  if (!elementCount(W.Shape, Count) ||
      !elementBytes(W.Type, Count, Made.Size) || (*Root)->Type != W.Type ||
      (*Root)->Shape != W.Shape)
    return invalidArgument("weight '" + W.Name +
                           "' is not what its recipe gives");
  bool InPlace = std::all_of(W.Steps.begin(), W.Steps.end(), [](const Step &S) {
    return S.Kind == StepKind::Reshape;
  });
  if (InPlace)
    Made.Identity = *Build.storedBytes(W);
  Made.Root = Root.take();
  return Made;
}

void Recipe::read(uint64_t Offset, std::span<std::byte> Out) const {
  if (Out.empty())
    return;
  if (!Identity.empty()) {
    std::memcpy(Out.data(), Identity.data() + Offset, Out.size());
    return;
  }
  unsigned Bits = elementBits(Root->Type);
  if (Bits != 4) {
    size_t Unit = Bits / 8;
    Root->read(static_cast<int64_t>(Offset / Unit), 1,
               static_cast<int64_t>(Out.size() / Unit), Out.data());
    return;
  }
  // Two elements a byte; an odd last one leaves the upper half zero.
  uint64_t Count = 0;
  (void)elementCount(Root->Shape, Count);
  std::byte Units[ChunkUnits];
  for (size_t Done = 0; Done != Out.size();) {
    uint64_t First = (Offset + Done) * 2;
    int64_t Length =
        static_cast<int64_t>(std::min<uint64_t>(ChunkUnits, Count - First));
    Root->read(static_cast<int64_t>(First), 1, Length, Units);
    for (int64_t I = 0; I < Length && Done != Out.size(); I += 2, ++Done) {
      auto Low = static_cast<uint8_t>(Units[I]) & 15;
      auto High = I + 1 < Length ? static_cast<uint8_t>(Units[I + 1]) & 15 : 0;
      Out[Done] = static_cast<std::byte>(Low | High << 4);
    }
  }
}
