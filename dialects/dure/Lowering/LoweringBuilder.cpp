// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ops behind the vocabulary of canonical lowerings.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace dure;

//===----------------------------------------------------------------------===//
// Sizes and indices
//===----------------------------------------------------------------------===//

Value LoweringBuilder::index(int64_t Value) {
  return arith::ConstantIndexOp::create(*this, Value);
}
Value LoweringBuilder::add(Value L, Value R) {
  return createOrFold<arith::AddIOp>(L, R);
}
Value LoweringBuilder::sub(Value L, Value R) {
  return createOrFold<arith::SubIOp>(L, R);
}
Value LoweringBuilder::mul(Value L, Value R) {
  return createOrFold<arith::MulIOp>(L, R);
}
Value LoweringBuilder::min(Value L, Value R) {
  return createOrFold<arith::MinSIOp>(L, R);
}
Value LoweringBuilder::max(Value L, Value R) {
  return createOrFold<arith::MaxSIOp>(L, R);
}
Value LoweringBuilder::div(Value L, int64_t R) {
  return createOrFold<arith::DivUIOp>(L, index(R));
}
Value LoweringBuilder::rem(Value L, int64_t R) {
  return createOrFold<arith::RemUIOp>(L, index(R));
}

Value LoweringBuilder::divSafely(Value L, Value R) {
  Value Zero = index(0);
  Value IsZero = compare(arith::CmpIPredicate::eq, R, Zero);
  Value Quotient = createOrFold<arith::DivSIOp>(L, select(IsZero, index(1), R));
  return select(IsZero, Zero, Quotient);
}

/// Floor and ceiling division and the floor's rest.
static Value combineDims(ImplicitLocOpBuilder &B, DimExpr::Op Kind, Value L,
                         Value R) {
  auto Divisor = [&]() -> Value {
    Value Zero = arith::ConstantIndexOp::create(B, 0);
    Value One = arith::ConstantIndexOp::create(B, 1);
    Value IsZero =
        B.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, R, Zero);
    return B.createOrFold<arith::SelectOp>(IsZero, One, R);
  };
  switch (Kind) {
  case DimExpr::Op::Add:
    return B.createOrFold<arith::AddIOp>(L, R);
  case DimExpr::Op::Mul:
    return B.createOrFold<arith::MulIOp>(L, R);
  case DimExpr::Op::FloorDiv:
    return B.createOrFold<arith::FloorDivSIOp>(L, Divisor());
  case DimExpr::Op::CeilDiv:
    return B.createOrFold<arith::CeilDivSIOp>(L, Divisor());
  case DimExpr::Op::Mod: {
    Value D = Divisor();
    Value Floor = B.createOrFold<arith::FloorDivSIOp>(L, D);
    return B.createOrFold<arith::SubIOp>(
        L, B.createOrFold<arith::MulIOp>(Floor, D));
  }
  case DimExpr::Op::Min:
    return B.createOrFold<arith::MinSIOp>(L, R);
  case DimExpr::Op::Max:
    return B.createOrFold<arith::MaxSIOp>(L, R);
  }
  return Value();
}

Value dure::buildDim(OpBuilder &Builder, Location Loc, const DimExpr &Expr,
                     const llvm::StringMap<Value> &Symbols) {
  ImplicitLocOpBuilder B(Loc, Builder);
  return Expr.fold<Value>(
      [&](int64_t Constant) -> Value {
        return arith::ConstantIndexOp::create(B, Constant);
      },
      [&](const std::string &Name) { return Symbols.lookup(Name); },
      [&](DimExpr::Op Kind, Value L, Value R) {
        return combineDims(B, Kind, L, R);
      });
}

Value LoweringBuilder::dim(const DimExpr &Expr) {
  return buildDim(*this, getLoc(), Expr, Scope.Symbols);
}

Values LoweringBuilder::sizes(RankedTensorType Type) {
  Values Sizes;
  for (const DimExpr &Dim : dimsOf(Type))
    Sizes.push_back(dim(Dim));
  return Sizes;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value LoweringBuilder::compare(arith::CmpIPredicate P, Value L, Value R) {
  return createOrFold<arith::CmpIOp>(P, L, R);
}
Value LoweringBuilder::both(Value L, Value R) {
  return createOrFold<arith::AndIOp>(L, R);
}
Value LoweringBuilder::truth(bool Value) {
  return arith::ConstantOp::create(*this, getBoolAttr(Value));
}
Value LoweringBuilder::select(Value Condition, Value L, Value R) {
  return createOrFold<arith::SelectOp>(Condition, L, R);
}

Value LoweringBuilder::zero(Type Signless) {
  return arith::ConstantOp::create(*this, getZeroAttr(Signless));
}
Value LoweringBuilder::addF(Value L, Value R) {
  return arith::AddFOp::create(*this, L, R);
}
Value LoweringBuilder::subF(Value L, Value R) {
  return arith::SubFOp::create(*this, L, R);
}
Value LoweringBuilder::mulF(Value L, Value R) {
  return arith::MulFOp::create(*this, L, R);
}
Value LoweringBuilder::divF(Value L, Value R) {
  return arith::DivFOp::create(*this, L, R);
}
Value LoweringBuilder::maxF(Value L, Value R) {
  return arith::MaximumFOp::create(*this, L, R);
}

Value LoweringBuilder::fromIndex(Value Index, Type Element) {
  Value Integer = arith::IndexCastOp::create(*this, getI64Type(), Index);
  return math().convert(Integer, getI64Type(), Element);
}

Value LoweringBuilder::rounded(Value Number, Type Element) {
  return math().convert(Number, Number.getType(), Element);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value LoweringBuilder::empty(RankedTensorType Type) {
  // Once: what else an op needs is not its result.
  if (Value Taken = std::exchange(Destination, Value()))
    return Taken;
  Values Dynamic;
  for (int64_t I = 0; I < Type.getRank(); ++I)
    if (Type.isDynamicDim(I))
      Dynamic.push_back(dim(Type, I));
  return tensor::EmptyOp::create(
      *this, Type.getShape(), signlessElement(Type.getElementType()), Dynamic);
}

Value LoweringBuilder::get(Value Tensor, ValueRange At) {
  return tensor::ExtractOp::create(*this, Tensor, At);
}

Value LoweringBuilder::set(Value Scalar, Value Tensor, ValueRange At) {
  return tensor::InsertOp::create(*this, Scalar, Tensor, At);
}

Value LoweringBuilder::getBroadcast(Value Tensor, RankedTensorType Type,
                                    ValueRange At) {
  Values Own(At.take_back(Type.getRank()));
  for (auto [I, Size] : llvm::enumerate(Type.getShape()))
    if (Size == 1)
      Own[I] = index(0);
  return isPacked(Type) ? getNibble(Tensor, Type, Own) : get(Tensor, Own);
}

RankedTensorType dure::storageOf(RankedTensorType Type) {
  if (!isPacked(Type))
    return Type;
  DimExpr Bytes = DimExpr::ceilDiv(elementCount(Type), 2);
  return tensorOf(
      {Bytes}, IntegerType::get(Type.getContext(), 8, IntegerType::Unsigned));
}

Value LoweringBuilder::getNibble(Value Bytes, RankedTensorType Type,
                                 ValueRange At) {
  Value Place = index(0);
  for (auto [I, Each] : llvm::enumerate(At))
    Place = add(mul(Place, dim(Type, I)), Each);
  Value Byte = get(Bytes, div(Place, 2));
  Value Half = arith::IndexCastOp::create(*this, getI8Type(), rem(Place, 2));
  Value Four = arith::ConstantOp::create(*this, getI8IntegerAttr(4));
  Value Shifted = arith::ShRUIOp::create(
      *this, Byte, arith::MulIOp::create(*this, Half, Four));
  return arith::TruncIOp::create(*this, getIntegerType(4), Shifted);
}

Value LoweringBuilder::getComputed(Value Tensor, RankedTensorType Type,
                                   ValueRange At) {
  mlir::Type From = Type.getElementType();
  return math().convert(getBroadcast(Tensor, Type, At), From,
                        ScalarMath::computeType(From));
}

Value LoweringBuilder::generate(RankedTensorType Type, Element Of) {
  Value Init = empty(Type);
  auto Map = getMultiDimIdentityMap(Type.getRank());
  SmallVector<utils::IteratorType> Parallel(Type.getRank(),
                                            utils::IteratorType::parallel);
  auto Generic = linalg::GenericOp::create(
      *this, TypeRange(Init.getType()), ValueRange(), ValueRange(Init),
      ArrayRef<AffineMap>{Map}, Parallel,
      [&](OpBuilder &Inner, Location, ValueRange) {
        InsertionGuard Guard(*this);
        setInsertionPointToEnd(Inner.getInsertionBlock());
        Values At;
        for (int64_t I = 0; I < Type.getRank(); ++I)
          At.push_back(linalg::IndexOp::create(*this, I));
        linalg::YieldOp::create(*this, Of(At));
      });
  return Generic.getResult(0);
}

Value LoweringBuilder::zeros(ArrayRef<int64_t> Shape, Type ElementType) {
  Value Init = tensor::EmptyOp::create(*this, Shape, ElementType);
  return linalg::FillOp::create(*this, ValueRange{zero(ElementType)},
                                ValueRange{Init})
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

Values LoweringBuilder::loops(ValueRange Counts, ValueRange Carried,
                              Body Each) {
  if (Counts.empty())
    return Each({}, Carried);
  InsertionGuard Guard(*this);
  Value Zero = index(0), One = index(1);
  Values Indices;
  scf::ForOp Outer, Parent;
  ValueRange Inits = Carried;
  for (Value Count : Counts) {
    auto Loop = scf::ForOp::create(*this, Zero, Count, One, Inits);
    if (Parent)
      scf::YieldOp::create(*this, Loop.getResults());
    else
      Outer = Loop;
    setInsertionPointToEnd(Loop.getBody());
    Indices.push_back(Loop.getInductionVar());
    Inits = Loop.getRegionIterArgs();
    Parent = Loop;
  }
  scf::YieldOp::create(*this, Each(Indices, Inits));
  return Values(Outer.getResults());
}

Value LoweringBuilder::fold(ValueRange Counts, Value Init,
                            function_ref<Value(ValueRange, Value)> Each) {
  return loops(Counts, Init, [&](ValueRange At, ValueRange Carried) -> Values {
    return {Each(At, Carried[0])};
  })[0];
}

Value LoweringBuilder::ifElse(Value Condition, function_ref<Value()> Then,
                              function_ref<Value()> Else) {
  auto Branch = [&](function_ref<Value()> Make) {
    return [this, Make](OpBuilder &Inner, Location) {
      InsertionGuard Guard(*this);
      setInsertionPointToEnd(Inner.getInsertionBlock());
      scf::YieldOp::create(*this, Make());
    };
  };
  return scf::IfOp::create(*this, Condition, Branch(Then), Branch(Else))
      .getResult(0);
}

Value LoweringBuilder::blocks(Value Count, int64_t Static, Type Number,
                              Value Result,
                              function_ref<Value(Value, Block)> Sum,
                              function_ref<Value(Value, Value, Value)> Store) {
  // A row of known length is one block if it is not excessively long.
  constexpr int64_t Longest = 16384, Usual = 64;
  bool IsOne = !ShapedType::isDynamic(Static) && Static <= Longest;
  int64_t Width = IsOne ? std::max<int64_t>(Static, 1) : Usual;
  Value Blocks = createOrFold<arith::CeilDivUIOp>(Count, index(Width));
  return fold(Blocks, Result, [&](ValueRange I, Value Out) {
    Block Part;
    Part.Begin = mul(I[0], index(Width));
    Part.Size = min(index(Width), sub(Count, Part.Begin));
    Value Sums = Sum(zeros({Width}, Number), Part);
    return fold(Part.Size, Out, [&](ValueRange J, Value Stored) {
      return Store(get(Sums, J), add(Part.Begin, J[0]), Stored);
    });
  });
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

void LoweringBuilder::faultIfAny(ValueRange Counts, Fault Code, Element Is) {
  auto Constant = [&](Fault F) -> Value {
    return arith::ConstantOp::create(
        *this, getI32IntegerAttr(static_cast<int32_t>(F)));
  };
  Value None = Constant(Fault::None), Failed = Constant(Code);
  Scope.Faults.push_back(fold(Counts, None, [&](ValueRange At, Value Found) {
    return select(Is(At), Failed, Found);
  }));
}

LoweringBuilder::Position LoweringBuilder::position(Value Index, Type Element,
                                                    Value Size) {
  Value Raw =
      Element.isUnsignedInteger()
          ? Value(arith::IndexCastUIOp::create(*this, getIndexType(), Index))
          : Value(arith::IndexCastOp::create(*this, getIndexType(), Index));
  Value Zero = index(0);
  Value At = select(less(Raw, Zero), add(Raw, Size), Raw);
  Value InRange =
      both(compare(arith::CmpIPredicate::sge, At, Zero), less(At, Size));
  return {At, InRange};
}
