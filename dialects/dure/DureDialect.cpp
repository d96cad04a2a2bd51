// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the dure dialect, its attributes, and op creation.
#include "dialects/dure/DureOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure;

#include "dialects/dure/DureDialect.cpp.inc"
#include "dialects/dure/DureEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dure/DureAttrs.cpp.inc"

void DureDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/dure/DureAttrs.cpp.inc"
      >();
}

void DureDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/dure/DureOps.cpp.inc"
      >();
}

/// What folders give becomes an op again where it is a constant of IR.
Operation *DureDialect::materializeConstant(OpBuilder &Builder, Attribute Value,
                                            Type Type, Location Loc) {
  auto Dense = dyn_cast<DenseElementsAttr>(Value);
  if (!Dense || Dense.getType() != Type)
    return nullptr;
  return ConstantOp::create(Builder, Loc, Dense);
}

//===----------------------------------------------------------------------===//
// DimsAttr
//===----------------------------------------------------------------------===//

/// A message must stay readable whatever a file holds.
static std::string shortened(StringRef Text) {
  constexpr size_t Most = 200;
  return Text.size() <= Most ? Text.str() : Text.take_front(Most).str() + "...";
}

LogicalResult DimsAttr::verify(llvm::function_ref<InFlightDiagnostic()> Emit,
                               ArrayRef<StringAttr> Texts) {
  for (StringAttr Text : Texts) {
    std::optional<DimExpr> Expr = DimExpr::parse(Text.getValue());
    if (!Expr)
      return Emit() << "'" << shortened(Text.getValue())
                    << "' is not a dimension expression";
    if (Expr->str() != Text.getValue())
      return Emit() << "'" << shortened(Text.getValue())
                    << "' is not canonical, write '" << shortened(Expr->str())
                    << "'";
  }
  return success();
}

LogicalResult
DimsAttr::verifyEncoding(ArrayRef<int64_t> Shape, Type,
                         llvm::function_ref<InFlightDiagnostic()> Emit) const {
  if (Shape.size() != size())
    return Emit() << "encoding has " << size() << " dimensions, the type "
                  << Shape.size();
  for (auto [Static, Text] : llvm::zip(Shape, getTexts())) {
    std::optional<int64_t> Value = DimExpr::parse(Text.getValue())->constant();
    if (ShapedType::isDynamic(Static) ? Value.has_value() : Value != Static)
      return Emit() << "dimension "
                    << (ShapedType::isDynamic(Static) ? "?"
                                                      : std::to_string(Static))
                    << " does not agree with '" << Text.getValue() << "'";
  }
  return success();
}

DimsAttr DimsAttr::get(MLIRContext *Context, ArrayRef<DimExpr> Exprs) {
  SmallVector<StringAttr> Texts;
  for (const DimExpr &Expr : Exprs)
    Texts.push_back(StringAttr::get(Context, Expr.str()));
  return get(Context, Texts);
}

DimExpr DimsAttr::expr(size_t I) const {
  return *DimExpr::parse(getTexts()[I].getValue());
}

SmallVector<DimExpr> DimsAttr::exprs() const {
  SmallVector<DimExpr> Out;
  for (size_t I = 0; I < size(); ++I)
    Out.push_back(expr(I));
  return Out;
}

//===----------------------------------------------------------------------===//
// Op creation
//===----------------------------------------------------------------------===//

FailureOr<Operation *> dure::createInferredOp(OpBuilder &Builder, Location Loc,
                                              StringRef Name,
                                              ValueRange Operands,
                                              ArrayRef<NamedAttribute> Attrs,
                                              std::string *Error) {
  MLIRContext *Context = Builder.getContext();
  // A caller that does not ask for the reason only wanted to know whether: its
  // IR is valid, so nobody is told.
  ScopedDiagnosticHandler Collect(Context, [&](Diagnostic &D) {
    if (!Error)
      return success();
    if (!Error->empty())
      *Error += "; ";
    *Error += D.str();
    return success();
  });

  OperationName OpName(Name, Context);
  auto *Infer = OpName.getInterface<InferTypeOpInterface>();
  if (!Infer) {
    emitError(Loc) << "'" << Name << "' does not infer its result type";
    return failure();
  }
  // The op gets its properties from the attributes, defaults filled in, before
  // inference asks for them.
  OperationState State(Loc, OpName, Operands, {}, Attrs);
  NamedAttrList AttrList(Attrs);
  OpName.populateDefaultAttrs(AttrList);
  OpaqueProperties Properties = State.getRawProperties();
  llvm::SmallVector<char, 512> Storage;
  if (int Size = OpName.getOpPropertyByteSize()) {
    Storage.resize(Size + alignof(std::max_align_t));
    void *Aligned = reinterpret_cast<void *>(
        llvm::alignAddr(Storage.data(), llvm::Align::Of<std::max_align_t>()));
    Properties = OpaqueProperties(Aligned);
    OpName.initOpProperties(Properties, OpaqueProperties(nullptr));
    auto Emit = [&] { return emitError(Loc); };
    if (failed(OpName.setOpPropertiesFromAttribute(
            OpName, Properties, AttrList.getDictionary(Context), Emit))) {
      OpName.destroyOpProperties(Properties);
      return failure();
    }
  }
  SmallVector<Type> Types;
  LogicalResult Inferred = Infer->inferReturnTypes(
      Context, Loc, Operands, AttrList.getDictionary(Context), Properties, {},
      Types);
  if (!Storage.empty())
    OpName.destroyOpProperties(Properties);
  if (failed(Inferred))
    return failure();
  State.addTypes(Types);
  State.attributes = AttrList;
  return Builder.create(State);
}
