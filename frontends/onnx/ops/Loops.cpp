// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontends/onnx/ops/Loops.h"

#include "frontends/onnx/GraphImporter.h"

using namespace mlir;

namespace dure::onnx {

std::optional<SmallVector<Value>> overTime(OpImport &C, const DimExpr &Length,
                                           ArrayRef<Value> States,
                                           StepFn Step) {
  for (Value Each : States)
    if (!Each)
      return std::nullopt;
  std::optional<DimExpr> Trips = C.nonNegative(Length);
  if (!Trips)
    return std::nullopt;
  Region Body;
  Block &Into = Body.emplaceBlock();
  SmallVector<Type> Results;
  for (Value Each : States) {
    Into.addArgument(Each.getType(), C.loc());
    Results.push_back(Each.getType());
  }
  std::string Induction = C.graph().freshName("iteration");
  {
    OpBuilder::InsertionGuard Guard(C.builder());
    C.builder().setInsertionPointToEnd(&Into);
    Value Time = C.integers({DimExpr::symbol(Induction)}, /*Scalar=*/true);
    SmallVector<Value> Yielded = Step(Time, Into.getArguments());
    for (auto [I, Each] : llvm::enumerate(Yielded)) {
      if (!Each)
        return std::nullopt;
      if (I < States.size()) {
        // Sizes that are equal, but not written alike, would be other types.
        Each = C.reshape(Each, dimsOf(typeOf(States[I])));
        if (!Each)
          return std::nullopt;
        continue;
      }
      Dims Stacked = dimsOf(typeOf(Each));
      Stacked.insert(Stacked.begin(), *Trips);
      Results.push_back(tensorOf(Stacked, elementOf(Each)));
    }
    YieldOp::create(C.builder(), C.loc(), Yielded);
  }
  auto Made =
      IterateOp::create(C.builder(), C.loc(), Results, Induction,
                        DimsAttr::get(C.context(), {*Trips}),
                        C.graph().freshName("size"), DimsAttr(), States);
  Made.getBody().takeBody(Body);
  return SmallVector<Value>(Made.getResults());
}

Value atPlace(OpImport &C, Value X, Value Place, int64_t Axis) {
  return C.create<GatherOp>({X, Place}, {C.named("axis", Axis)});
}

Value zeros(OpImport &C, ArrayRef<DimExpr> Shape, Type Element) {
  return C.broadcast(C.scalar(Element, 0), Shape);
}

} // namespace dure::onnx
