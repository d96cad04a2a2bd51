// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dure dialect: its definition, attributes and enums.

#ifndef DURE_DIALECT_TD
#define DURE_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Dure_Dialect : Dialect {
  let name = "dure";
  let cppNamespace = "::dure";
  let summary = "Named, target-neutral tensor operations of transformers";
  let description = [{
    One op per idea that a chip vendor matches: `dure.rms_norm`, not a generic
    loop nest. Every op has one canonical lowering to linalg, tensor, arith,
    math and scf, which is its reference semantics.

    Tensors have a static rank. A type with a dynamic dimension carries a
    `#dure.dims` encoding with one expression a dimension over named symbols;
    symbols are bound where a function argument has a bare symbol as a
    dimension, or by `dure.define_dims`. Shape operands are therefore not
    needed: result types and `#dure.dims` attributes say every size.

    Element types: f16, bf16, f32, f64, the fp8 types (`f8E4M3FN`, `f8E5M2`,
    their FNUZ forms and `f8E8M0FNU`), i1, and integers of 4, 8, 16, 32 and 64
    bits, signless (signed in meaning) or unsigned (`ui8`).

    Where two sizes must be equal and are unlike expressions, the op is valid,
    and the pair belongs into the function's `dure.equal_dims`: the runtime
    refuses inputs of other sizes. Broadcasting is decided by types: a dimension
    repeats if it has the static size 1.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::tensor::TensorDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::func::FuncDialect"
  ];
  let extraClassDeclaration = [{
    /// Name of the module attribute that says which phase has been finished.
    static constexpr ::llvm::StringLiteral PhaseAttr = "dure.phase";
    /// Module attribute: array of strings, the files that weights lie in.
    static constexpr ::llvm::StringLiteral FilesAttr = "dure.files";
    /// Argument and result attribute: the ONNX name.
    static constexpr ::llvm::StringLiteral NameAttr = "dure.name";
    /// Function attribute: array of [expr, expr] that must be equal at run
    /// time; the runtime refuses the inputs otherwise.
    static constexpr ::llvm::StringLiteral EqualDimsAttr = "dure.equal_dims";
    /// Op attribute: the target that `place` chose.
    static constexpr ::llvm::StringLiteral TargetAttr = "dure.target";
    /// Unit attribute of functions that hold the body of one dispatch.
    static constexpr ::llvm::StringLiteral DispatchFnAttr = "dure.dispatch_fn";

    void registerAttributes();
  }];
}

class Dure_Attr<string name, string mnemonicText, list<Trait> traits = []>
    : AttrDef<Dure_Dialect, name, traits> {
  let mnemonic = mnemonicText;
}

//===----------------------------------------------------------------------===//
// Dimensions
//===----------------------------------------------------------------------===//

def Dure_DimsAttr : Dure_Attr<"Dims", "dims", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "One canonical dimension expression a dimension";
  let description = [{
    As a tensor encoding: the size of every dimension, static ones too.
    As an op attribute: any list of expressions (slice starts, say).

    Example: `#dure.dims<["batch", "past_sequence + sequence", "64"]>`
  }];
  let parameters = (ins OptionalArrayRefParameter<"::mlir::StringAttr">:$texts);
  let assemblyFormat = "`<` `[` (`]`) : ($texts^ `]`)? `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static DimsAttr get(::mlir::MLIRContext *Context,
                        ::llvm::ArrayRef<::dure::DimExpr> Exprs);
    size_t size() const { return getTexts().size(); }
    ::dure::DimExpr expr(size_t I) const;
    ::llvm::SmallVector<::dure::DimExpr> exprs() const;
  }];
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def Dure_DataAttr : Dure_Attr<"Data", "data"> {
  let summary = "A byte range of one of the module's files and its type";
  let description = [{
    `file` indexes the module's `dure.files`; offset and size are bytes; `type`
    is the type of what is stored there, before any recipe.

    Example: `#dure.data<file = 0, offset = 4096, size = 1024, type = tensor<16x16xf32>>`
  }];
  let parameters = (ins "int64_t":$file, "int64_t":$offset, "int64_t":$size,
                        "::mlir::RankedTensorType":$type);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Dure_RecipeKind : I32EnumAttr<"RecipeKind", "One step of a weight recipe", [
    I32EnumAttrCase<"Cast", 0, "cast">,
    I32EnumAttrCase<"Transpose", 1, "transpose">,
    I32EnumAttrCase<"Reshape", 2, "reshape">,
    I32EnumAttrCase<"Slice", 3, "slice">,
    I32EnumAttrCase<"Multiply", 4, "multiply">,
    I32EnumAttrCase<"Add", 5, "add">,
    I32EnumAttrCase<"Subtract", 6, "subtract">,
    I32EnumAttrCase<"Pad", 7, "pad">,
    I32EnumAttrCase<"PackPanels", 8, "pack_panels">,
    I32EnumAttrCase<"Concat", 9, "concat">]> {
  let cppNamespace = "::dure";
  let genSpecializedAttr = 0;
}

def Dure_StepAttr : Dure_Attr<"Step", "step"> {
  let summary = "One typed step from stored bytes to the weight's tensor";
  let description = [{
    `kind` with its integers (`transpose`: the permutation; `slice`: starts,
    then sizes, then steps; `pad`: low, then high; `pack_panels`: the panel
    width; `concat`: the axis), the other operand of `multiply`, `add`,
    `subtract` and `concat`, and the type after the step. The operand is a weight
    or a small constant. It broadcasts as ONNX does; with integers (axis, block)
    element i along the axis meets the operand's element i / block there. That
    of `concat` is a weight and lies behind the value along the axis.
  }];
  let parameters = (ins EnumParameter<Dure_RecipeKind>:$kind,
                        "::mlir::RankedTensorType":$type,
                        OptionalArrayRefParameter<"int64_t">:$ints,
                        OptionalParameter<"::mlir::FlatSymbolRefAttr">:$other,
                        OptionalParameter<"::mlir::DenseElementsAttr">:$constant);
  let assemblyFormat = [{
    `<` $kind (`[` $ints^ `]`)? (`with` $other^)? (`by` $constant^)? `->` $type `>`
  }];
}

//===----------------------------------------------------------------------===//
// Enums of ops
//===----------------------------------------------------------------------===//

class Dure_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::dure";
  let genSpecializedAttr = 0;
}
class Dure_EnumAttr<EnumAttrInfo info, string mnemonic>
    : EnumAttr<Dure_Dialect, info, mnemonic>;

def Dure_ComparePredicate : Dure_Enum<"ComparePredicate", "Comparison", [
    I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">,
    I32EnumAttrCase<"LT", 2, "lt">, I32EnumAttrCase<"LE", 3, "le">,
    I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]>;
def Dure_ComparePredicateAttr
    : Dure_EnumAttr<Dure_ComparePredicate, "predicate">;

def Dure_ReduceKind : Dure_Enum<"ReduceKind", "Reduction", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"Prod", 4, "prod">, I32EnumAttrCase<"SumSquare", 5, "sum_square">,
    I32EnumAttrCase<"L1", 6, "l1">, I32EnumAttrCase<"L2", 7, "l2">,
    I32EnumAttrCase<"LogSum", 8, "log_sum">,
    I32EnumAttrCase<"LogSumExp", 9, "log_sum_exp">]>;
def Dure_ReduceKindAttr : Dure_EnumAttr<Dure_ReduceKind, "reduce_kind">;

def Dure_GeluForm : Dure_Enum<"GeluForm", "Form of GELU", [
    I32EnumAttrCase<"Erf", 0, "erf">, I32EnumAttrCase<"Tanh", 1, "tanh">]>;
def Dure_GeluFormAttr : Dure_EnumAttr<Dure_GeluForm, "gelu_form">;

def Dure_RopeLayout : Dure_Enum<"RopeLayout", "Pairing of rotated elements", [
    I32EnumAttrCase<"Half", 0, "half">,
    I32EnumAttrCase<"Interleaved", 1, "interleaved">]>;
def Dure_RopeLayoutAttr : Dure_EnumAttr<Dure_RopeLayout, "rope_layout">;

def Dure_EmptyRow : Dure_Enum<"EmptyRow", "What a fully masked row gives", [
    I32EnumAttrCase<"Zero", 0, "zero">, I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"NaN", 2, "nan">]>;
def Dure_EmptyRowAttr : Dure_EnumAttr<Dure_EmptyRow, "empty_row">;

def Dure_ScatterReduction : Dure_Enum<"ScatterReduction", "Scatter update", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">]>;
def Dure_ScatterReductionAttr
    : Dure_EnumAttr<Dure_ScatterReduction, "scatter_reduction">;

def Dure_PadMode : Dure_Enum<"PadMode", "Padding mode", [
    I32EnumAttrCase<"Constant", 0, "constant">,
    I32EnumAttrCase<"Reflect", 1, "reflect">,
    I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]>;
def Dure_PadModeAttr : Dure_EnumAttr<Dure_PadMode, "pad_mode">;

def Dure_GluActivation : Dure_Enum<"GluActivation", "Activation of a feed-forward layer", [
    I32EnumAttrCase<"Silu", 0, "silu">, I32EnumAttrCase<"GeluErf", 1, "gelu_erf">,
    I32EnumAttrCase<"GeluTanh", 2, "gelu_tanh">,
    I32EnumAttrCase<"Relu", 3, "relu">, I32EnumAttrCase<"Sigmoid", 4, "sigmoid">,
    I32EnumAttrCase<"Identity", 5, "identity">]>;
def Dure_GluActivationAttr : Dure_EnumAttr<Dure_GluActivation, "glu_activation">;

#endif // DURE_DIALECT_TD
