// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors of the model as constants or weights.

#include "frontends/onnx/GraphImporter.h"

using namespace mlir;

namespace dure::onnx {

/// Above this a tensor is a weight: the bound of dure.constant.
static constexpr uint64_t MaxConstantElements = 64;
/// Elements given as varints have no bytes to refer to; they become constants
/// in pieces, which stays sensible only for so many.
static constexpr uint64_t MaxInlineElements = 1 << 18;
/// Floats that are chosen, not trained, are constants up to so many.
static constexpr int64_t MaxChosen = 1024;

Type GraphImporter::elementType(DataType Type) {
  MLIRContext *Context = Builder.getContext();
  auto Unsigned = [&](unsigned Width) {
    return IntegerType::get(Context, Width, IntegerType::Unsigned);
  };
  switch (Type) {
  case DataType::Float:
    return Builder.getF32Type();
  case DataType::Double:
    return Builder.getF64Type();
  case DataType::Float16:
    return Builder.getF16Type();
  case DataType::BFloat16:
    return Builder.getBF16Type();
  case DataType::Float8E4M3FN:
    return Float8E4M3FNType::get(Context);
  case DataType::Float8E4M3FNUZ:
    return Float8E4M3FNUZType::get(Context);
  case DataType::Float8E5M2:
    return Float8E5M2Type::get(Context);
  case DataType::Float8E5M2FNUZ:
    return Float8E5M2FNUZType::get(Context);
  case DataType::Float8E8M0:
    return Float8E8M0FNUType::get(Context);
  case DataType::Bool:
    return Builder.getI1Type();
  case DataType::Int4:
  case DataType::Int8:
  case DataType::Int16:
  case DataType::Int32:
  case DataType::Int64:
    return Builder.getIntegerType(bitWidth(Type));
  case DataType::UInt4:
  case DataType::UInt8:
  case DataType::UInt16:
  case DataType::UInt32:
  case DataType::UInt64:
    return Unsigned(bitWidth(Type));
  default:
    return {};
  }
}

/// The elements of a small tensor. `Bytes` has the size that the type needs.
static DenseElementsAttr denseOf(RankedTensorType Type,
                                 std::string_view Bytes) {
  int64_t Count = Type.getNumElements();
  if (Count == 0)
    return DenseElementsAttr::get(Type, ArrayRef<mlir::Attribute>());
  mlir::Type Element = Type.getElementType();
  auto Byte = [&](int64_t I) { return static_cast<uint8_t>(Bytes[I]); };
  if (Element.isInteger(1)) {
    SmallVector<bool> Values;
    for (int64_t I = 0; I < Count; ++I)
      Values.push_back(Byte(I) != 0);
    return DenseElementsAttr::get(Type, Values);
  }
  if (Element.isInteger(4)) {
    SmallVector<APInt> Values;
    for (int64_t I = 0; I < Count; ++I)
      Values.emplace_back(4, (Byte(I / 2) >> (I % 2 * 4)) & 15);
    return DenseElementsAttr::get(Type, Values);
  }
  // Copied for alignment: raw data may lie anywhere in the file.
  SmallVector<char> Aligned(Bytes.begin(), Bytes.end());
  return DenseElementsAttr::getFromRawBuffer(Type, Aligned);
}

/// The stored elements of a weight; the importer's have no recipe.
std::string_view GraphImporter::storedBytes(GetWeightOp Read) {
  DataAttr Data = Module.lookupSymbol<WeightOp>(Read.getWeight()).getData();
  Tensor T;
  T.Kind = Tensor::Storage::File;
  T.Range = {static_cast<uint32_t>(Data.getFile()),
             static_cast<uint64_t>(Data.getOffset()),
             static_cast<uint64_t>(Data.getSize())};
  return File.bytes(T);
}

Value GraphImporter::asChosen(Value V) {
  auto Read = V.getDefiningOp<GetWeightOp>();
  auto Type = cast<RankedTensorType>(V.getType());
  if (!Read || !isa<FloatType>(Type.getElementType()) ||
      Type.getElementTypeBitWidth() < 16 || Type.getNumElements() == 0 ||
      Type.getNumElements() > MaxChosen)
    return V;
  Value &Made = Chosen[V];
  if (!Made) {
    OpBuilder::InsertionGuard Guard(Builder);
    Builder.setInsertionPointAfter(Read);
    Made = inlineElements(storedBytes(Read), Type, Read.getLoc());
  }
  return Made;
}

std::optional<SmallVector<double>> GraphImporter::numbersOf(Value V) {
  auto Type = cast<RankedTensorType>(V.getType());
  if (!isa<FloatType>(Type.getElementType()) || !Type.hasStaticShape() ||
      Type.getNumElements() > static_cast<int64_t>(MaxConstantElements))
    return std::nullopt;
  DenseElementsAttr Elements;
  if (auto Constant = V.getDefiningOp<ConstantOp>())
    Elements = dyn_cast<DenseElementsAttr>(Constant.getValue());
  else if (auto Read = V.getDefiningOp<GetWeightOp>())
    // A few floats of a file are a weight, too.
    Elements = denseOf(Type, storedBytes(Read));
  if (!Elements)
    return std::nullopt;
  SmallVector<double> Out;
  for (APFloat Each : Elements.getValues<APFloat>()) {
    bool Lost;
    Each.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Lost);
    Out.push_back(Each.convertToDouble());
  }
  return Out;
}

/// Whether T is a vector of one small integer, repeated, as the zero points of
/// columns are that are quantized symmetrically: what reads it can tell from a
/// constant that there is nothing to subtract.
static bool isOneZeroPoint(const Tensor &T, RankedTensorType Type,
                           const ModelFile &File) {
  if (!Type.getElementType().isInteger(8) || Type.getRank() != 1 ||
      T.ElementCount < 2 || T.ElementCount > MaxInlineElements)
    return false;
  std::string_view Bytes = File.bytes(T);
  return Bytes.substr(1) == Bytes.substr(0, Bytes.size() - 1);
}

Value GraphImporter::materialize(const Tensor &T, llvm::StringRef Name,
                                 Location Loc, Refusal &Why) {
  Type Element = elementType(T.Type);
  if (!Element) {
    Why.Code = RefusalCode::TypeUnsupported;
    Why.Arguments = {std::string(typeName(T.Type))};
    return {};
  }
  // What a block reads may be read behind it, too: it is made at the function's
  // start.
  OpBuilder::InsertionGuard Guard(Builder);
  if (Builder.getBlock() != Entry)
    Builder.setInsertionPointToStart(Entry);
  auto Type = RankedTensorType::get(T.Dims, Element);
  // A vector of floats is trained: as a constant it would make layers unlike
  // that differ in its numbers only.
  bool IsTrained = isa<FloatType>(Element) && T.ElementCount > 1 &&
                   T.Kind == Tensor::Storage::File;
  if ((T.ElementCount <= MaxConstantElements && !IsTrained) ||
      isOneZeroPoint(T, Type, File)) {
    DenseElementsAttr Dense = denseOf(Type, File.bytes(T));
    Value V = ConstantOp::create(Builder, Loc, Dense);
    if (isa<IntegerType>(Element) && Type.getRank() <= 1 &&
        T.ElementCount <= MaxConstantElements) {
      Dims Known;
      bool Unsigned = Element.isUnsignedInteger() || Element.isInteger(1);
      for (const APInt &Each : Dense.getValues<APInt>())
        // Expressions are signed: a u64 from 2^63 on is none.
        if (!Unsigned || Each.getActiveBits() < 64)
          Known.push_back(
              DimExpr(Unsigned ? static_cast<int64_t>(Each.getZExtValue())
                               : Each.getSExtValue()));
      if (Known.size() == T.ElementCount)
        track(V, std::move(Known));
    }
    return V;
  }
  if (T.Kind == Tensor::Storage::File)
    return weight(T, Type, Name, Loc);
  if (T.ElementCount > MaxInlineElements) {
    Why.Code = RefusalCode::TensorVarints;
    Why.Arguments = {std::to_string(T.ElementCount),
                     std::to_string(MaxInlineElements)};
    return {};
  }
  RepeatedBytes += T.Bytes.size();
  if (RepeatedBytes > Options.MaxRepeatedBytes) {
    Why.Code = RefusalCode::FunctionBytes;
    Why.Arguments = {std::to_string(Options.MaxRepeatedBytes)};
    return {};
  }
  return inlineElements(T.Bytes, Type, Loc);
}

/// Constants of at most 64 elements, put together.
Value GraphImporter::inlineElements(std::string_view Bytes,
                                    RankedTensorType Type, Location Loc) {
  uint64_t All = Type.getNumElements();
  if (All <= MaxConstantElements)
    return ConstantOp::create(Builder, Loc, denseOf(Type, Bytes));
  // Booleans are stored in bytes.
  bool IsBool = Type.getElementType().isInteger(1);
  uint64_t Width = IsBool ? 8 : Type.getElementTypeBitWidth();
  // One number, repeated.
  if (Width % 8 == 0 &&
      Bytes.substr(Width / 8) == Bytes.substr(0, Bytes.size() - Width / 8)) {
    auto Scalar = RankedTensorType::get({}, Type.getElementType());
    Value One = ConstantOp::create(Builder, Loc,
                                   denseOf(Scalar, Bytes.substr(0, Width / 8)));
    return BroadcastOp::create(Builder, Loc, Type, One);
  }
  SmallVector<Value> Pieces;
  for (uint64_t At = 0; At < All; At += MaxConstantElements) {
    uint64_t Count = std::min(MaxConstantElements, All - At);
    auto PieceType = RankedTensorType::get({static_cast<int64_t>(Count)},
                                           Type.getElementType());
    std::string_view Piece =
        Bytes.substr(At * Width / 8, (Count * Width + 7) / 8);
    Pieces.push_back(
        ConstantOp::create(Builder, Loc, denseOf(PieceType, Piece)));
  }
  NamedAttribute Axis =
      Builder.getNamedAttr("axis", Builder.getI64IntegerAttr(0));
  Value Flat = *createOp<ConcatOp>(Builder, Loc, Pieces, {Axis});
  return ReshapeOp::create(Builder, Loc, Type, Flat);
}

Value GraphImporter::weight(const Tensor &T, RankedTensorType Type,
                            llvm::StringRef Name, Location Loc) {
  WeightKey Key{T.Range.File, T.Range.Offset, Type};
  if (auto It = Weights.find(Key); It != Weights.end())
    return It->second;
  std::string Symbol = Name.empty() ? "weight" : Name.str();
  while (unsigned &Uses = SymbolNames[Symbol]) {
    Symbol += "." + std::to_string(Uses++);
  }
  SymbolNames[Symbol] = 1;

  auto Data = DataAttr::get(Builder.getContext(), T.Range.File,
                            static_cast<int64_t>(T.Range.Offset),
                            static_cast<int64_t>(T.Range.Size), Type);
  {
    OpBuilder::InsertionGuard Guard(Builder);
    Builder.setInsertionPoint(Builder.getBlock()->getParentOp());
    WeightOp::create(Builder, Loc, Symbol, Data, ArrayAttr(), Type,
                     StringAttr());
  }
  Value V = GetWeightOp::create(Builder, Loc, Type, Symbol);
  Weights[Key] = V;
  return V;
}

} // namespace dure::onnx
