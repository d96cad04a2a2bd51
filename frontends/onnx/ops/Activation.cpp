// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Activation functions, and softmax.

#include "frontends/onnx/OpImport.h"

using namespace mlir;

namespace dure::onnx {

static LogicalResult importRelu(OpImport &C) {
  return C.result(C.create<ReluOp>({C.in(0)}));
}
static LogicalResult importSigmoid(OpImport &C) {
  return C.result(C.create<SigmoidOp>({C.in(0)}));
}
static LogicalResult importTanh(OpImport &C) {
  return C.result(C.create<TanhOp>({C.in(0)}));
}
static LogicalResult importSoftplus(OpImport &C) {
  return C.result(C.create<SoftplusOp>({C.in(0)}));
}

/// y = x Phi(x), or its tanh form
static LogicalResult importGelu(OpImport &C) {
  llvm::StringRef Form = C.stringAttr("approximate", "none");
  if (Form != "none" && Form != "tanh")
    return C.refuse(RefusalCode::AttributeBad,
                    {"approximate", "must be none or tanh"});
  auto Kind = GeluFormAttr::get(C.context(), Form == "tanh" ? GeluForm::Tanh
                                                            : GeluForm::Erf);
  return C.result(C.create<GeluOp>({C.in(0)}, {C.named("form", Kind)}));
}

/// x sigmoid(alpha x)
static Value swish(OpImport &C, Value X) {
  float Alpha = C.floatAttr("alpha", 1);
  if (Alpha == 1)
    return C.create<SiluOp>({X});
  Value Scaled = C.create<MulOp>({X, C.scalarLike(X, Alpha)});
  return C.create<MulOp>({X, C.create<SigmoidOp>({Scaled})});
}

static LogicalResult importSwish(OpImport &C) {
  return C.result(swish(C, C.in(0)));
}

/// y = swish(a) b
static LogicalResult importSwiGLU(OpImport &C) {
  Value Gate = swish(C, C.in(0)), Linear = C.in(1);
  if (!Gate || !Linear)
    return failure();
  if (rankOf(Gate) != rankOf(Linear))
    return C.refuse(RefusalCode::ShapeRank, {"A and B must have one shape"});
  for (auto [L, R] : llvm::zip(dimsOf(typeOf(Gate)), dimsOf(typeOf(Linear))))
    if (!C.equal(L, R))
      return failure();
  return C.result(C.create<MulOp>({Gate, Linear}));
}

/// y = x < 0 ? negative(x) : x, the form of many activations
static Value whereNegative(OpImport &C, Value X, Value Negative,
                           Value Otherwise) {
  Value IsNegative = C.compare(X, C.scalarLike(X, 0), ComparePredicate::LT);
  return C.create<SelectOp>({IsNegative, Negative, Otherwise});
}

/// y = x < 0 ? alpha x : x
static LogicalResult importLeakyRelu(OpImport &C) {
  Value X = C.in(0);
  Value Alpha = C.scalarLike(X, C.floatAttr("alpha", 0.01f));
  return C.result(whereNegative(C, X, C.create<MulOp>({X, Alpha}), X));
}

/// y = x < 0 ? slope x : x; slope broadcasts to x
static LogicalResult importPRelu(OpImport &C) {
  Value X = C.in(0);
  return C.result(whereNegative(C, X, C.create<MulOp>({X, C.in(1)}), X));
}

/// alpha (e^x - 1)
static Value scaledExpMinusOne(OpImport &C, Value X, float Alpha) {
  Value Grown = C.create<SubOp>({C.create<ExpOp>({X}), C.scalarLike(X, 1)});
  return C.create<MulOp>({Grown, C.scalarLike(X, Alpha)});
}

/// y = x < 0 ? alpha (e^x - 1) : x
static LogicalResult importElu(OpImport &C) {
  Value X = C.in(0);
  Value Negative = scaledExpMinusOne(C, X, C.floatAttr("alpha", 1));
  return C.result(whereNegative(C, X, Negative, X));
}

/// y = max(0, x) + min(0, alpha (e^(x / alpha) - 1))
static LogicalResult importCelu(OpImport &C) {
  Value X = C.in(0);
  float Alpha = C.floatAttr("alpha", 1);
  Value Scaled = C.create<DivOp>({X, C.scalarLike(X, Alpha)});
  Value Negative = scaledExpMinusOne(C, Scaled, Alpha);
  return C.result(whereNegative(C, X, Negative, X));
}

/// y = gamma (x <= 0 ? alpha (e^x - 1) : x)
static LogicalResult importSelu(OpImport &C) {
  Value X = C.in(0);
  float Alpha = C.floatAttr("alpha", 1.67326319217681884765625f);
  float Gamma = C.floatAttr("gamma", 1.05070102214813232421875f);
  Value Y = whereNegative(C, X, scaledExpMinusOne(C, X, Alpha), X);
  return C.result(C.create<MulOp>({Y, C.scalarLike(X, Gamma)}));
}

/// max(0, min(1, alpha x + beta))
static Value hardSigmoid(OpImport &C, Value X, float Alpha, float Beta) {
  Value Y = C.create<MulOp>({X, C.scalarLike(X, Alpha)});
  Y = C.create<AddOp>({Y, C.scalarLike(X, Beta)});
  Y = C.create<MinOp>({Y, C.scalarLike(X, 1)});
  return C.create<MaxOp>({Y, C.scalarLike(X, 0)});
}

static LogicalResult importHardSigmoid(OpImport &C) {
  float Alpha = C.floatAttr("alpha", 0.2f), Beta = C.floatAttr("beta", 0.5f);
  return C.result(hardSigmoid(C, C.in(0), Alpha, Beta));
}

/// y = x max(0, min(1, x / 6 + 0.5))
static LogicalResult importHardSwish(OpImport &C) {
  Value X = C.in(0);
  return C.result(C.create<MulOp>({X, hardSigmoid(C, X, 1.0f / 6.0f, 0.5f)}));
}

/// y = x tanh(ln(1 + e^x))
static LogicalResult importMish(OpImport &C) {
  Value X = C.in(0);
  Value Gate = C.create<TanhOp>({C.create<SoftplusOp>({X})});
  return C.result(C.create<MulOp>({X, Gate}));
}

/// y = x / (1 + |x|)
static LogicalResult importSoftsign(OpImport &C) {
  Value X = C.in(0);
  Value Size = C.create<AddOp>({C.create<AbsOp>({X}), C.scalarLike(X, 1)});
  return C.result(C.create<DivOp>({X, Size}));
}

/// y = x > alpha ? x : 0
static LogicalResult importThresholdedRelu(OpImport &C) {
  Value X = C.in(0);
  Value Alpha = C.scalarLike(X, C.floatAttr("alpha", 1));
  Value Above = C.compare(X, Alpha, ComparePredicate::GT);
  return C.result(C.create<SelectOp>({Above, X, C.scalarLike(X, 0)}));
}

/// y = x < -lambd ? x + bias : x > lambd ? x - bias : 0
static LogicalResult importShrink(OpImport &C) {
  Value X = C.in(0);
  float Lambda = C.floatAttr("lambd", 0.5f), Bias = C.floatAttr("bias", 0);
  Value Low = C.create<AddOp>({X, C.scalarLike(X, Bias)});
  Value High = C.create<SubOp>({X, C.scalarLike(X, Bias)});
  Value IsLow = C.compare(X, C.scalarLike(X, -Lambda), ComparePredicate::LT);
  Value IsHigh = C.compare(X, C.scalarLike(X, Lambda), ComparePredicate::GT);
  Value Y = C.create<SelectOp>({IsHigh, High, C.scalarLike(X, 0)});
  return C.result(C.create<SelectOp>({IsLow, Low, Y}));
}

/// y = softmax(x) along an axis, or its logarithm. Before version 13 the
/// tensor is seen as a matrix, rows being the dims before the axis.
static LogicalResult importSoftmax(OpImport &C) {
  Value X = C.in(0);
  int64_t Given = C.intAttr("axis", C.version() < 13 ? 1 : -1);
  bool Log = C.op() == "LogSoftmax";
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis)
    return failure();
  bool AsMatrix = C.version() < 13 && *Axis != rankOf(X) - 1;
  Dims Shape = dimsOf(typeOf(X));
  if (AsMatrix) {
    ArrayRef<DimExpr> All = Shape;
    X = C.reshape(
        X, {countOf(All.take_front(*Axis)), countOf(All.drop_front(*Axis))});
    Axis = 1;
  }
  Value Y =
      C.create<SoftmaxOp>({X}, {C.named("axis", *Axis), C.named("log", Log)});
  return C.result(AsMatrix ? C.reshape(Y, Shape) : Y);
}

ArrayRef<OpEntry> activationOps() {
  static const OpEntry Table[] = {
      {"Relu", {6, 13, 14}, 1, 1, importRelu},
      {"Sigmoid", {6, 13}, 1, 1, importSigmoid},
      {"Tanh", {6, 13}, 1, 1, importTanh},
      {"Softplus", {1, 22}, 1, 1, importSoftplus},
      {"Softsign", {1, 22}, 1, 1, importSoftsign},
      {"Gelu", {20}, 1, 1, importGelu},
      {"Swish", {24}, 1, 1, importSwish},
      {"SwiGLU", {28}, 2, 2, importSwiGLU},
      {"LeakyRelu", {6, 16}, 1, 1, importLeakyRelu},
      {"PRelu", {7, 9, 16}, 2, 2, importPRelu},
      {"Elu", {6, 22}, 1, 1, importElu},
      {"Celu", {12, 28}, 1, 1, importCelu},
      {"Selu", {6, 22}, 1, 1, importSelu},
      {"HardSigmoid", {6, 22}, 1, 1, importHardSigmoid},
      {"HardSwish", {14, 22}, 1, 1, importHardSwish},
      {"Mish", {18, 22}, 1, 1, importMish},
      {"ThresholdedRelu", {10, 22}, 1, 1, importThresholdedRelu},
      {"Shrink", {9}, 1, 1, importShrink},
      {"Softmax", {1, 11, 13}, 1, 1, importSoftmax},
      {"LogSoftmax", {1, 11, 13}, 1, 1, importSoftmax},
  };
  return Table;
}

} // namespace dure::onnx
