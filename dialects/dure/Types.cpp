// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensor types with symbolic dimensions.
#include "dialects/dure/DureOps.h"

using namespace mlir;
using namespace dure;

bool dure::isDureElement(Type Type) {
  if (auto Integer = dyn_cast<IntegerType>(Type)) {
    if (Integer.isSigned())
      return false;
    unsigned Width = Integer.getWidth();
    return (Width == 1 && Integer.isSignless()) || Width == 4 || Width == 8 ||
           Width == 16 || Width == 32 || Width == 64;
  }
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type,
             Float8E4M3FNType, Float8E5M2Type, Float8E4M3FNUZType,
             Float8E5M2FNUZType, Float8E8M0FNUType>(Type);
}

/// Bytes of a tensor must fit a signed 64-bit integer, and the sum of a few.
static constexpr int64_t MaxElements = int64_t(1) << 56;

bool dure::isDureTensor(Type Type) {
  auto Tensor = dyn_cast<RankedTensorType>(Type);
  if (!Tensor || !isDureElement(Tensor.getElementType()))
    return false;
  Attribute Encoding = Tensor.getEncoding();
  if (Encoding ? !isa<DimsAttr>(Encoding) : !Tensor.hasStaticShape())
    return false;
  int64_t Count = 1;
  // A size of 0 elsewhere does not make the others possible: strides would
  // overflow all the same.
  for (int64_t Size : Tensor.getShape())
    if (!ShapedType::isDynamic(Size) &&
        (__builtin_mul_overflow(Count, std::max<int64_t>(Size, 1), &Count) ||
         Count >= MaxElements))
      return false;
  return true;
}

DimExpr dure::dimOf(RankedTensorType Type, unsigned I) {
  if (!Type.isDynamicDim(I))
    return DimExpr(Type.getDimSize(I));
  return cast<DimsAttr>(Type.getEncoding()).expr(I);
}

SmallVector<DimExpr> dure::dimsOf(RankedTensorType Type) {
  SmallVector<DimExpr> Dims;
  for (unsigned I = 0, E = Type.getRank(); I < E; ++I)
    Dims.push_back(dimOf(Type, I));
  return Dims;
}

DimExpr dure::elementCount(RankedTensorType Type) {
  DimExpr Count(1);
  for (const DimExpr &Dim : dimsOf(Type))
    Count = Count * Dim;
  return Count;
}

RankedTensorType dure::tensorOf(ArrayRef<DimExpr> Dims, Type ElementType) {
  SmallVector<int64_t> Shape;
  bool Dynamic = false;
  for (const DimExpr &Dim : Dims) {
    std::optional<int64_t> Static = Dim.constant();
    // A negative size is a mistake of an expression's author; keep the type
    // well formed, verifiers and run-time checks say the rest.
    Shape.push_back(Static ? std::max<int64_t>(*Static, 0)
                           : ShapedType::kDynamic);
    Dynamic |= !Static;
  }
  Attribute Encoding;
  if (Dynamic)
    Encoding = DimsAttr::get(ElementType.getContext(), Dims);
  return RankedTensorType::get(Shape, ElementType, Encoding);
}

RankedTensorType dure::withElementType(RankedTensorType Type,
                                       mlir::Type ElementType) {
  return RankedTensorType::get(Type.getShape(), ElementType,
                               Type.getEncoding());
}

RankedTensorType dure::withoutDims(RankedTensorType Type) {
  return RankedTensorType::get(Type.getShape(), Type.getElementType());
}

FailureOr<SmallVector<DimExpr>> dure::broadcastDims(
    ArrayRef<DimExpr> L, ArrayRef<DimExpr> R,
    llvm::function_ref<void(const DimExpr &, const DimExpr &)> Equal) {
  size_t Rank = std::max(L.size(), R.size());
  SmallVector<DimExpr> Out(Rank);
  for (size_t I = 0; I < Rank; ++I) {
    // Aligned at the last dimension; a missing one is 1.
    DimExpr A = I + L.size() < Rank ? DimExpr(1) : L[I + L.size() - Rank];
    DimExpr B = I + R.size() < Rank ? DimExpr(1) : R[I + R.size() - Rank];
    if (A == B || B.isConstant(1)) {
      Out[I] = A;
      continue;
    }
    if (A.isConstant(1)) {
      Out[I] = B;
      continue;
    }
    if (A.constant() && B.constant())
      return failure();
    if (Equal)
      Equal(A, B);
    Out[I] = B.constant() ? B : A;
  }
  return Out;
}

Type dure::signlessElement(Type ElementType) {
  auto Integer = dyn_cast<IntegerType>(ElementType);
  if (!Integer || Integer.isSignless())
    return ElementType;
  return IntegerType::get(ElementType.getContext(), Integer.getWidth());
}
