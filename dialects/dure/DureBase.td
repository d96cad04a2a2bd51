// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Base classes of dure ops.

#ifndef DURE_BASE_TD
#define DURE_BASE_TD

include "dialects/dure/DureDialect.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Marks the elementwise family: numpy broadcasting of operands, one result,
/// scalar semantics given by `dure::buildElementwise`.
def Dure_BroadcastElementwise : NativeOpTrait<"BroadcastElementwise"> {
  let cppNamespace = "::dure";
}

/// What every operand and result is; the rules are `dure::isDureTensor`.
def Dure_Tensor : Type<CPred<"::dure::isDureTensor($_self)">,
    "ranked tensor of a dure element type, with '#dure.dims' if dynamic",
    "::mlir::RankedTensorType">;

class Dure_Op<string mnemonic, list<Trait> traits = []>
    : Op<Dure_Dialect, mnemonic, traits>;

/// An op with one tensor result whose type follows from operands and
/// attributes; it is created with `dure::createOp`, which reports an impossible
/// combination instead of aborting.
class Dure_InferredOp<string mnemonic, list<Trait> traits = []>
    : Dure_Op<mnemonic, !listconcat(traits,
          [Pure, InferTypeOpAdaptorWithIsCompatible])> {
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}

class Dure_ElementwiseOp<string mnemonic, string what, list<Trait> traits = []>
    : Dure_InferredOp<mnemonic,
          !listconcat(traits, [Dure_BroadcastElementwise])> {
  let summary = what;
}

class Dure_UnaryOp<string mnemonic, string formula, list<Trait> traits = []>
    : Dure_ElementwiseOp<mnemonic, "Elementwise: " # formula, traits> {
  let arguments = (ins Dure_Tensor:$x);
}

class Dure_BinaryOp<string mnemonic, string formula, list<Trait> traits = []>
    : Dure_ElementwiseOp<mnemonic, "Elementwise: " # formula, traits> {
  let arguments = (ins Dure_Tensor:$lhs, Dure_Tensor:$rhs);
}

#endif // DURE_BASE_TD
