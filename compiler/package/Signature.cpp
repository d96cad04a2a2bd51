// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signatures of entries, from functions' types.
#include "compiler/package/ElementTypes.h"
#include "compiler/package/HostProgram.h"
#include "compiler/passes/Passes.h"

using namespace mlir;
using namespace dure;

static FailureOr<TensorInfo> tensorInfo(func::FuncOp Function, Type Given,
                                        StringAttr Name) {
  auto Type = cast<RankedTensorType>(Given);
  TensorInfo Info;
  Info.Name = Name ? Name.str() : "";
  Info.Type = packageElementType(Type.getElementType());
  if (Info.Type == ElementType::None)
    return Function.emitError("'")
           << Info.Name << "' has element type " << Type.getElementType()
           << ", which no package holds";
  for (const DimExpr &Dim : dimsOf(Type)) {
    SignatureDim Out;
    if (std::optional<int64_t> Value = Dim.constant())
      Out.Value = *Value;
    else
      Out.Expression = Dim.str();
    Info.Dims.push_back(std::move(Out));
  }
  return Info;
}

/// N where the text is min(N, capacity).
static std::optional<int64_t> windowOf(StringRef Text, StringRef Capacity) {
  DimExpr Symbol = DimExpr::symbol(Capacity);
  std::optional<DimExpr> Dim = DimExpr::parse(Text);
  std::optional<int64_t> Most =
      Dim ? Dim->evaluate(
                {{Capacity.str(), std::numeric_limits<int64_t>::max()}})
          : std::nullopt;
  return Most && DimExpr::min(DimExpr(*Most), Symbol) == *Dim ? Most
                                                              : std::nullopt;
}

/// A cache argument as a state tensor: its batch first, its capacity where the
/// symbol says so.
static StateInfo stateInfo(const TensorInfo &Info, StringRef Capacity) {
  StateInfo Out;
  Out.Name = Info.Name;
  Out.Type = Info.Type;
  for (auto [I, Dim] : llvm::enumerate(Info.Dims)) {
    StateDim Each;
    if (I == 0)
      Each.Axis = StateAxis::Batch;
    else if (Dim.Expression == Capacity)
      Each.Axis = StateAxis::Capacity;
    else if (std::optional<int64_t> Most = windowOf(Dim.Expression, Capacity))
      Each = {*Most, StateAxis::Window};
    else
      Each.Value = Dim.Value;
    Out.Dims.push_back(Each);
  }
  return Out;
}

FailureOr<Entry> dure::buildSignature(func::FuncOp Function) {
  Entry Out;
  Out.Name = Function.getSymName().str();
  StringRef Key = DureDialect::NameAttr;
  auto Capacity = Function->getAttrOfType<StringAttr>(StateCapacitySymbolAttr);
  // An entry with buckets has types without a body's arguments.
  for (auto [I, Type] : llvm::enumerate(Function.getArgumentTypes())) {
    unsigned Index = I;
    if (Function.getArgAttr(Index, StateLengthsAttr))
      continue;
    FailureOr<TensorInfo> Info = tensorInfo(
        Function, Type, Function.getArgAttrOfType<StringAttr>(Index, Key));
    if (failed(Info))
      return failure();
    if (Function.getArgAttr(Index, StateAttr))
      Out.States.push_back(stateInfo(*Info, Capacity.getValue()));
    else
      Out.Inputs.push_back(*Info);
  }
  for (auto [I, Type] : llvm::enumerate(Function.getResultTypes())) {
    FailureOr<TensorInfo> Info = tensorInfo(
        Function, Type, Function.getResultAttrOfType<StringAttr>(I, Key));
    if (failed(Info))
      return failure();
    Out.Outputs.push_back(*Info);
  }
  return Out;
}
