// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of gathers and scatters and of the cache update: copies
// whose places are data. Indices are checked in a pass of their own over the
// index tensor; an element whose index is out of range is then not touched.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace dure;

namespace {

RankedTensorType typeOf(Value V) { return cast<RankedTensorType>(V.getType()); }

/// An index tensor and what it selects from.
struct Indices {
  Value Tensor;
  RankedTensorType Type;

  LoweringBuilder::Position at(LoweringBuilder &B, ValueRange At,
                               Value Size) const {
    return B.position(B.get(Tensor, At), Type.getElementType(), Size);
  }
};

/// Element `At` of x with the index along `Axis` replaced; out of range too
/// where the index tensor is larger than x along another dimension.
LoweringBuilder::Position alongAxis(LoweringBuilder &B, const Indices &Places,
                                    ValueRange At, RankedTensorType X,
                                    int64_t Axis) {
  auto Place = Places.at(B, At, B.dim(X, Axis));
  for (int64_t I = 0; I < X.getRank(); ++I)
    if (I != Axis && dimOf(X, I) != dimOf(Places.Type, I))
      Place.InRange = B.both(Place.InRange, B.less(At[I], B.dim(X, I)));
  return Place;
}

/// Tuples along the last dimension of an index tensor: one position for each
/// of the dimensions `First`, `First` + 1, ... of a tensor of `Sizes`.
struct TuplePosition {
  Values At;
  Value InRange;
};
TuplePosition tupleAt(LoweringBuilder &B, const Indices &Tuples, ValueRange Row,
                      ValueRange Sizes) {
  TuplePosition Result;
  Result.InRange = B.truth(true);
  int64_t Count = Tuples.Type.getDimSize(Tuples.Type.getRank() - 1);
  for (int64_t I = 0; I < Count; ++I) {
    Values Place(Row);
    Place.push_back(B.index(I));
    auto Position = Tuples.at(B, Place, Sizes[I]);
    Result.At.push_back(Position.At);
    Result.InRange = B.both(Result.InRange, Position.InRange);
  }
  return Result;
}

Value negated(LoweringBuilder &B, Value Truth) {
  return arith::XOrIOp::create(B, Truth, B.truth(true));
}

/// x at `From` if that is in range, else zero.
Value getChecked(LoweringBuilder &B, Value X, Value InRange, ValueRange From) {
  Type Element = cast<RankedTensorType>(X.getType()).getElementType();
  return B.ifElse(
      InRange, [&] { return B.get(X, From); }, [&] { return B.zero(Element); });
}

} // namespace

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

/// result[i.., j.., k..] = x[i.., indices[j..], k..]
static Value lowerGather(GatherOp Op, GatherOp::Adaptor Operands,
                         LoweringBuilder &B) {
  Indices Rows{Operands.getIndices(), typeOf(Op.getIndices())};
  int64_t Axis = Op.getAxis(), Count = Rows.Type.getRank();
  Value Size = B.dim(typeOf(Op.getX()), Axis);
  B.faultIfAny(B.sizes(Rows.Type), Fault::IndexOutOfRange, [&](ValueRange At) {
    return negated(B, Rows.at(B, At, Size).InRange);
  });
  return B.generate(typeOf(Op), [&](ValueRange At) {
    auto Row = Rows.at(B, At.slice(Axis, Count), Size);
    Values From(At.take_front(Axis));
    From.push_back(Row.At);
    llvm::append_range(From, At.drop_front(Axis + Count));
    return getChecked(B, Operands.getX(), Row.InRange, From);
  });
}

/// result[i] = x[i with i[axis] replaced by indices[i]]
static Value lowerGatherElements(GatherElementsOp Op,
                                 GatherElementsOp::Adaptor Operands,
                                 LoweringBuilder &B) {
  Indices Places{Operands.getIndices(), typeOf(Op.getIndices())};
  auto PlaceOf = [&](ValueRange At) {
    return alongAxis(B, Places, At, typeOf(Op.getX()), Op.getAxis());
  };
  B.faultIfAny(B.sizes(Places.Type), Fault::IndexOutOfRange,
               [&](ValueRange At) { return negated(B, PlaceOf(At).InRange); });
  return B.generate(typeOf(Op), [&](ValueRange At) {
    auto Place = PlaceOf(At);
    Values From(At);
    From[Op.getAxis()] = Place.At;
    return getChecked(B, Operands.getX(), Place.InRange, From);
  });
}

/// result[b.., j.., k..] = x[b.., indices[b.., j.., :].., k..]
static Value lowerGatherND(GatherNDOp Op, GatherNDOp::Adaptor Operands,
                           LoweringBuilder &B) {
  Indices Tuples{Operands.getIndices(), typeOf(Op.getIndices())};
  int64_t Batch = Op.getBatchDims(), Rows = Tuples.Type.getRank() - 1;
  Values Sizes = B.sizes(typeOf(Op.getX()));
  ValueRange Indexed = ValueRange(Sizes).drop_front(Batch);
  Values Counts = B.sizes(Tuples.Type);
  Counts.pop_back();
  B.faultIfAny(Counts, Fault::IndexOutOfRange, [&](ValueRange At) {
    return negated(B, tupleAt(B, Tuples, At, Indexed).InRange);
  });
  return B.generate(typeOf(Op), [&](ValueRange At) {
    auto Tuple = tupleAt(B, Tuples, At.take_front(Rows), Indexed);
    Values From(At.take_front(Batch));
    llvm::append_range(From, Tuple.At);
    llvm::append_range(From, At.drop_front(Rows));
    return getChecked(B, Operands.getX(), Tuple.InRange, From);
  });
}

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

/// The new value of an element, old joined with its update.
static Value reduced(LoweringBuilder &B, ScatterReduction Kind, Type Element,
                     Value Old, Value Update) {
  if (Kind == ScatterReduction::None)
    return Update;
  Type Compute = ScalarMath::computeType(Element);
  Value L = B.math().convert(Old, Element, Compute);
  Value R = B.math().convert(Update, Element, Compute);
  bool Unsigned = Element.isUnsignedInteger() || Element.isInteger(1);
  Value Result;
  if (isa<FloatType>(Element)) {
    Result = Kind == ScatterReduction::Add   ? B.addF(L, R)
             : Kind == ScatterReduction::Mul ? B.mulF(L, R)
             : Kind == ScatterReduction::Max
                 ? B.maxF(L, R)
                 : Value(arith::MinimumFOp::create(B, L, R));
    return B.rounded(Result, Element);
  }
  switch (Kind) {
  case ScatterReduction::Add:
    return B.add(L, R);
  case ScatterReduction::Mul:
    return B.mul(L, R);
  case ScatterReduction::Max:
    return Unsigned ? Value(arith::MaxUIOp::create(B, L, R)) : B.max(L, R);
  default:
    return Unsigned ? Value(arith::MinUIOp::create(B, L, R)) : B.min(L, R);
  }
}

/// A copy of x in which updates are written one after another; `Target` says
/// where update `At` goes.
static Value scatter(LoweringBuilder &B, RankedTensorType Type, Value X,
                     RankedTensorType UpdatesType, Value Updates,
                     ScatterReduction Kind,
                     function_ref<TuplePosition(ValueRange)> Target) {
  Value Copy =
      linalg::CopyOp::create(B, ValueRange{X}, ValueRange{B.empty(Type)})
          .getResult(0);
  return B.fold(B.sizes(UpdatesType), Copy, [&](ValueRange At, Value Result) {
    TuplePosition To = Target(At);
    return B.ifElse(
        To.InRange,
        [&] {
          Value Old = B.get(Result, To.At);
          Value New =
              reduced(B, Kind, Type.getElementType(), Old, B.get(Updates, At));
          return B.set(New, Result, To.At);
        },
        [&] { return Result; });
  });
}

/// result = x; result[indices[j.., :].., k..] = updates[j.., k..]
static Value lowerScatterND(ScatterNDOp Op, ScatterNDOp::Adaptor Operands,
                            LoweringBuilder &B) {
  Indices Tuples{Operands.getIndices(), typeOf(Op.getIndices())};
  int64_t Rows = Tuples.Type.getRank() - 1;
  Values Sizes = B.sizes(typeOf(Op)), Counts = B.sizes(Tuples.Type);
  Counts.pop_back();
  B.faultIfAny(Counts, Fault::IndexOutOfRange, [&](ValueRange At) {
    return negated(B, tupleAt(B, Tuples, At, Sizes).InRange);
  });
  return scatter(B, typeOf(Op), Operands.getX(), typeOf(Op.getUpdates()),
                 Operands.getUpdates(), Op.getReduction(), [&](ValueRange At) {
                   auto Tuple = tupleAt(B, Tuples, At.take_front(Rows), Sizes);
                   llvm::append_range(Tuple.At, At.drop_front(Rows));
                   return Tuple;
                 });
}

/// result = x; result[i with i[axis] replaced by indices[i]] = updates[i]
static Value lowerScatterElements(ScatterElementsOp Op,
                                  ScatterElementsOp::Adaptor Operands,
                                  LoweringBuilder &B) {
  Indices Places{Operands.getIndices(), typeOf(Op.getIndices())};
  auto PlaceOf = [&](ValueRange At) {
    return alongAxis(B, Places, At, typeOf(Op), Op.getAxis());
  };
  B.faultIfAny(B.sizes(Places.Type), Fault::IndexOutOfRange,
               [&](ValueRange At) { return negated(B, PlaceOf(At).InRange); });
  // Updates have the shape of the indices.
  return scatter(B, typeOf(Op), Operands.getX(), Places.Type,
                 Operands.getUpdates(), Op.getReduction(), [&](ValueRange At) {
                   auto Place = PlaceOf(At);
                   Values To(At);
                   To[Op.getAxis()] = Place.At;
                   return TuplePosition{To, Place.InRange};
                 });
}

//===----------------------------------------------------------------------===//
// Cache
//===----------------------------------------------------------------------===//

/// Row c of batch b is update row c - lengths[b] where there is one. Each
/// element depends on the cache at its own place only, so result and cache may
/// be one buffer.
static Value lowerCacheUpdate(CacheUpdateOp Op, CacheUpdateOp::Adaptor Operands,
                              LoweringBuilder &B) {
  RankedTensorType Cache = typeOf(Op.getCache());
  Value Rows = B.dim(typeOf(Op.getUpdate()), 2), Capacity = B.dim(Cache, 2);
  auto Length = [&](Value Batch) -> Value {
    return arith::IndexCastOp::create(B, B.getIndexType(),
                                      B.get(Operands.getLengths(), Batch));
  };
  B.faultIfAny(B.dim(Cache, 0), Fault::CacheOverflow, [&](ValueRange At) {
    Value Begin = Length(At[0]);
    Value Negative = B.less(Begin, B.index(0));
    Value Beyond = B.less(B.sub(Capacity, Rows), Begin);
    return arith::OrIOp::create(B, Negative, Beyond);
  });
  return B.generate(typeOf(Op), [&](ValueRange At) {
    Value Row = B.sub(At[2], Length(At[0]));
    Value IsNew = B.both(B.compare(arith::CmpIPredicate::sge, Row, B.index(0)),
                         B.less(Row, Rows));
    return B.ifElse(
        IsNew,
        [&] {
          return B.get(Operands.getUpdate(), {At[0], At[1], Row, At[3]});
        },
        [&] { return B.get(Operands.getCache(), At); });
  });
}

void dure::addGatherLowerings(LoweringPatterns &Patterns) {
  Patterns.add<GatherOp>(lowerGather);
  Patterns.add<GatherElementsOp>(lowerGatherElements);
  Patterns.add<GatherNDOp>(lowerGatherND);
  Patterns.add<ScatterNDOp>(lowerScatterND);
  Patterns.add<ScatterElementsOp>(lowerScatterElements);
  Patterns.add<CacheUpdateOp>(lowerCacheUpdate);
}
