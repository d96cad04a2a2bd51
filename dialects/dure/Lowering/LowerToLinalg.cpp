// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-lower-to-linalg: the canonical lowering of whole functions.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace dure;

CanonicalTypeConverter::CanonicalTypeConverter() {
  addConversion([](Type Other) { return Other; });
  addConversion([](RankedTensorType Tensor) {
    Tensor = storageOf(Tensor);
    return RankedTensorType::get(Tensor.getShape(),
                                 signlessElement(Tensor.getElementType()));
  });
  auto Cast = [](OpBuilder &Builder, Type To, ValueRange From,
                 Location Loc) -> Value {
    return UnrealizedConversionCastOp::create(Builder, Loc, To, From)
        .getResult(0);
  };
  addSourceMaterialization(Cast);
  addTargetMaterialization(Cast);
}

void dure::populateCanonicalLowering(RewritePatternSet &Patterns,
                                     const TypeConverter &Converter,
                                     LoweringScope &Scope) {
  LoweringPatterns Families{Patterns, Converter, Scope};
  addElementwiseLowering(Families);
  addSourceLowerings(Families);
  addDataMovementLowerings(Families);
  addGatherLowerings(Families);
  addReductionLowerings(Families);
  addNormalizationLowerings(Families);
  addMatMulLowerings(Families);
  addAttentionLowerings(Families);
  addLinearAttentionLowering(Families);
}

/// Every symbol that types and attributes of the function use must be an
/// argument; so lowerings need not ask.
static LogicalResult verifySymbols(func::FuncOp Function,
                                   const LoweringScope &Scope) {
  AttrTypeWalker Walker;
  std::string Missing;
  Walker.addWalk([&](DimsAttr Dims) {
    std::set<std::string> Names;
    for (const DimExpr &Expr : Dims.exprs())
      Expr.collectSymbols(Names);
    for (const std::string &Name : Names)
      if (!Scope.Symbols.contains(Name))
        Missing = Name;
  });
  Function.walk([&](Operation *Op) {
    Walker.walk(Op->getAttrDictionary());
    for (Type Type : Op->getResultTypes())
      Walker.walk(Type);
  });
  Walker.walk(Function.getFunctionType());
  if (Missing.empty())
    return success();
  return Function.emitError("symbol '")
         << Missing << "' is used but not listed in 'dure.symbols' of @"
         << Function.getName();
}

namespace {

/// Gives a function its lowered signature; the body still works on the old
/// types, by way of casts.
class SignatureRewriter {
public:
  SignatureRewriter(func::FuncOp Function, LoweringScope &Scope)
      : Function(Function), Scope(Scope), B(Function.getContext()) {}

  void rewriteArguments();
  /// Replaces the return: results into their destinations, and the fault.
  void rewriteReturn();

private:
  Value cast(Value V, Type To) {
    return UnrealizedConversionCastOp::create(B, V.getLoc(), To, V)
        .getResult(0);
  }

  func::FuncOp Function;
  LoweringScope &Scope;
  CanonicalTypeConverter Converter;
  OpBuilder B;
  SmallVector<Value> Destinations;
};

} // namespace

void SignatureRewriter::rewriteArguments() {
  Block &Body = Function.getBody().front();
  B.setInsertionPointToStart(&Body);
  SmallVector<Type> Results;
  for (Type Type : Function.getResultTypes())
    Results.push_back(Converter.convertType(Type));
  unsigned OperandCount = Body.getNumArguments();

  for (BlockArgument Argument : Body.getArguments()) {
    Type Old = Argument.getType();
    Argument.setType(Converter.convertType(Old));
    Value Typed = cast(Argument, Old);
    Argument.replaceAllUsesExcept(Typed, Typed.getDefiningOp());
  }
  for (Type Type : Results)
    Destinations.push_back(Body.addArgument(Type, Function.getLoc()));
  if (auto Names = Function->getAttrOfType<ArrayAttr>("dure.symbols"))
    for (auto Name : Names.getAsRange<StringAttr>())
      Scope.Symbols[Name.getValue()] =
          Body.addArgument(B.getIndexType(), Function.getLoc());

  Operation *Return = Body.getTerminator();
  for (auto [Result, Destination] :
       llvm::zip(Return->getOperands(), Destinations))
    if (Operation *Def = Result.getDefiningOp())
      Scope.Destinations.try_emplace(Def, Destination);

  Results.push_back(B.getI32Type());
  Function.setFunctionType(
      FunctionType::get(B.getContext(), Body.getArgumentTypes(), Results));
  // Attributes of arguments and results are about the old signature.
  Function.removeArgAttrsAttr();
  Function.removeResAttrsAttr();
  StringRef Writable = bufferization::BufferizationDialect::kWritableAttrName;
  for (unsigned I = 0; I < OperandCount; ++I)
    Function.setArgAttr(I, Writable, B.getBoolAttr(false));
  for (unsigned I = 0; I < Destinations.size(); ++I)
    Function.setArgAttr(OperandCount + I, Writable, B.getBoolAttr(true));
}

/// What a chain of casts between old and new types started from.
static Value stripCasts(Value V) {
  while (auto Cast = V.getDefiningOp<UnrealizedConversionCastOp>())
    V = Cast.getOperand(0);
  return V;
}

void SignatureRewriter::rewriteReturn() {
  auto Return =
      mlir::cast<func::ReturnOp>(Function.getBody().front().getTerminator());
  B.setInsertionPoint(Return);
  SmallVector<Value> Results;
  for (auto [Result, Destination] :
       llvm::zip(Return.getOperands(), Destinations)) {
    Value Typed = cast(Result, Destination.getType());
    // A loop on the destination gives the destination. Anything else may be
    // folded away by canonicalization, down to an operand: then this copies.
    // (Bufferization does not see that a nest of loops is its destination.)
    if (!Destination.use_empty() &&
        isa_and_nonnull<scf::ForOp>(stripCasts(Typed).getDefiningOp())) {
      Results.push_back(Typed);
      continue;
    }
    Results.push_back(bufferization::MaterializeInDestinationOp::create(
                          B, Return.getLoc(), Typed, Destination)
                          .getResult());
  }
  Value Code;
  for (Value Fault : Scope.Faults)
    Code =
        Code ? arith::MaxSIOp::create(B, Return.getLoc(), Code, Fault) : Fault;
  if (!Code)
    Code =
        arith::ConstantOp::create(B, Return.getLoc(), B.getI32IntegerAttr(0));
  Results.push_back(Code);
  Return.getOperandsMutable().assign(Results);
}

/// Casts that undo each other are no casts.
static void foldCasts(func::FuncOp Function) {
  SmallVector<UnrealizedConversionCastOp> Casts;
  Function.walk(
      [&](UnrealizedConversionCastOp Cast) { Casts.push_back(Cast); });
  for (UnrealizedConversionCastOp Cast : Casts) {
    Value Source = stripCasts(Cast.getOperand(0));
    if (Source.getType() == Cast.getType(0))
      Cast.getResult(0).replaceAllUsesWith(Source);
  }
  for (UnrealizedConversionCastOp Cast : llvm::reverse(Casts))
    if (Cast.use_empty())
      Cast.erase();
}

LogicalResult dure::lowerToLinalg(func::FuncOp Function) {
  if (!Function.getBody().hasOneBlock())
    return Function.emitError("the canonical lowering works on functions of "
                              "one block");
  LoweringScope Scope;
  if (auto Names = Function->getAttrOfType<ArrayAttr>("dure.symbols"))
    for (auto Name : Names.getAsRange<StringAttr>())
      Scope.Symbols[Name.getValue()] = Value();
  if (failed(verifySymbols(Function, Scope)))
    return failure();

  SignatureRewriter Signature(Function, Scope);
  Signature.rewriteArguments();

  MLIRContext *Context = Function.getContext();
  CanonicalTypeConverter Converter;
  RewritePatternSet Patterns(Context);
  populateCanonicalLowering(Patterns, Converter, Scope);
  ConversionTarget Target(*Context);
  Target.addIllegalDialect<DureDialect>();
  Target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(applyPartialConversion(Function, Target, std::move(Patterns))))
    return failure();
  Signature.rewriteReturn();
  foldCasts(Function);
  return success();
}

namespace {

struct LowerToLinalgPass
    : PassWrapper<LowerToLinalgPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerToLinalgPass)

  LowerToLinalgPass() = default;
  LowerToLinalgPass(const LowerToLinalgPass &Other) : PassWrapper(Other) {}

  StringRef getArgument() const override { return "dure-lower-to-linalg"; }
  StringRef getDescription() const override {
    return "Canonical lowering of dispatch functions to linalg on tensors";
  }
  void getDependentDialects(DialectRegistry &Registry) const override {
    Registry.insert<arith::ArithDialect, bufferization::BufferizationDialect,
                    linalg::LinalgDialect, math::MathDialect, scf::SCFDialect,
                    tensor::TensorDialect>();
  }
  void runOnOperation() override {
    for (auto Function : getOperation().getOps<func::FuncOp>()) {
      bool IsDispatch = Function->hasAttr(DureDialect::DispatchFnAttr);
      if (Function.isExternal() || (!IsDispatch && !AllFunctions))
        continue;
      if (failed(lowerToLinalg(Function)))
        return signalPassFailure();
    }
  }

  Option<bool> AllFunctions{
      *this, "all-functions",
      llvm::cl::desc("Lower every function, not only dispatch functions"),
      llvm::cl::init(false)};
};

} // namespace

std::unique_ptr<Pass> dure::createLowerToLinalgPass() {
  return std::make_unique<LowerToLinalgPass>();
}

void dure::registerLoweringPasses() { PassRegistration<LowerToLinalgPass>(); }
