// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts of the domain com.microsoft: MoE and QMoE.

#include "frontends/onnx/ops/PackedNumbers.h"

#include <cmath>

using namespace mlir;

namespace dure::onnx {
namespace {

/// One linear layer of all experts: w [E, N, K], b [E, N].
struct Layer {
  Value W, B;
};

/// The attributes that both operators have.
struct Attributes {
  int64_t K;
  bool Normalize;
  bool IsGlu = false; ///< swiglu
  int64_t Fusion;     ///< How swiglu's gate lies beside what it gates.
  GluActivation Activation;
  float Alpha, Offset, Limit = 0;
};

/// Tokens and where they go.
struct Routing {
  Value X; ///< [T, H]
  Value Experts, Weights;
};

std::optional<GluActivation> activation(llvm::StringRef Name) {
  if (Name == "relu")
    return GluActivation::Relu;
  if (Name == "gelu") // onnxruntime's experts have the tanh form.
    return GluActivation::GeluTanh;
  if (Name == "silu" || Name == "swiglu")
    return GluActivation::Silu;
  if (Name == "identity")
    return GluActivation::Identity;
  return std::nullopt;
}

std::optional<Attributes> attributes(OpImport &C) {
  Attributes A;
  A.K = C.intAttr("k", 1);
  A.Normalize = C.boolAttr("normalize_routing_weights", false);
  A.Fusion = C.intAttr("swiglu_fusion", 0);
  llvm::StringRef Name = C.stringAttr("activation_type", "relu");
  float Alpha = C.floatAttr("activation_alpha", 1),
        Beta = C.floatAttr("activation_beta", 0);
  bool HasLimit = C.attribute("swiglu_limit") != nullptr;
  float Limit = C.floatAttr("swiglu_limit", 0);
  if (C.boolAttr("use_sparse_mixer", false))
    return C.refuse(RefusalCode::FormUnsupported, {"the sparse mixer"});
  if (C.boolAttr("swiglu_limit_after_activation", false))
    return C.refuse(RefusalCode::FormUnsupported,
                    {"a limit after the activation"});
  std::optional<GluActivation> Known = activation(Name);
  if (!Known)
    return C.refuse(
        RefusalCode::AttributeBad,
        {"activation_type", "must be relu, gelu, silu, swiglu or identity"});
  if (A.K < 1)
    return C.refuse(RefusalCode::AttributeBad, {"k", "must be positive"});
  A.IsGlu = Name == "swiglu";
  A.Activation = *Known;
  A.Alpha = A.IsGlu ? Alpha : 1;
  A.Offset = A.IsGlu ? Beta : 0;
  if (A.Fusion < 0 || A.Fusion > 2)
    return C.refuse(RefusalCode::AttributeBad,
                    {"swiglu_fusion", "must be 0, 1 or 2"});
  if (!A.IsGlu || !HasLimit || Limit == INFINITY)
    return A;
  if (!(Limit > 0))
    return C.refuse(RefusalCode::AttributeBad,
                    {"swiglu_limit", "must be positive"});
  A.Limit = Limit;
  return A;
}

//===----------------------------------------------------------------------===//
// The router
//===----------------------------------------------------------------------===//

/// Inputs 0 and `Scores`: tokens as rows, and their scores for the experts.
bool tokens(OpImport &C, unsigned Scores, Value &X, Value &Router) {
  X = C.in(0);
  Router = C.in(Scores);
  if (!X || !Router)
    return false;
  if ((rankOf(X) != 2 && rankOf(X) != 3) || rankOf(Router) != 2) {
    (void)C.refuse(RefusalCode::ShapeRank,
                   {"tokens have rank 2 or 3, their scores rank 2"});
    return false;
  }
  Dims S = dimsOf(typeOf(X));
  X = C.reshape(X, {countOf(ArrayRef(S).drop_back()), S.back()});
  Router = C.cast(Router, C.builder().getF32Type());
  return X && Router && C.equal(dimOf(typeOf(X), 0), dimOf(typeOf(Router), 0));
}

Value largest(OpImport &C, Value Scores, int64_t K) {
  return C.create<TopKOp>({Scores},
                          {C.named("axis", int64_t(1)),
                           C.named("k", ArrayRef<DimExpr>(DimExpr(K)))});
}

Value chosen(OpImport &C, Value Scores, Value Experts) {
  return C.create<GatherElementsOp>({Scores, Experts},
                                    {C.named("axis", int64_t(1))});
}

Value softmax(OpImport &C, Value X) {
  return C.create<SoftmaxOp>({X}, {C.named("axis", int64_t(1))});
}

/// w / sum w, or 0 where the sum is 0.
Value normalized(OpImport &C, Value Weights) {
  Value Sum = C.reduce(Weights, ReduceKind::Sum, {1}, /*KeepDims=*/true);
  if (!Sum)
    return {};
  Value Zero = C.scalarLike(Sum, 0);
  Value IsZero = C.compare(Sum, Zero, ComparePredicate::EQ);
  return C.create<SelectOp>({IsZero, Zero, C.create<DivOp>({Weights, Sum})});
}

//===----------------------------------------------------------------------===//
// The experts
//===----------------------------------------------------------------------===//

/// `Count` outputs of a layer, from `Start` on by `Step`.
Layer outputs(OpImport &C, const Layer &Of, int64_t Start, int64_t Count,
              int64_t Step) {
  auto Cut = [&](Value X) -> Value {
    if (!X)
      return {};
    Dims Sizes = dimsOf(typeOf(X)), Starts(Sizes.size(), DimExpr(0));
    SmallVector<int64_t> Steps(Sizes.size(), 1);
    Starts[1] = Start;
    Sizes[1] = Count;
    Steps[1] = Step;
    return C.create<SliceOp>({X}, {C.named("starts", Starts),
                                   C.named("sizes", Sizes),
                                   C.named("steps", ArrayRef(Steps))});
  };
  return {Cut(Of.W), Cut(Of.B)};
}

/// The gate and what it gates; no gate where the activation has none.
LogicalResult gates(OpImport &C, const Attributes &A, const Layer &First,
                    const Layer &Third, Layer &Gate, Layer &Up) {
  if (Third.W || (A.IsGlu && A.Fusion == 0)) {
    if (!Third.W || (A.IsGlu && A.Fusion != 0))
      return C.refuse(RefusalCode::FormUnsupported,
                      {"swiglu whose layers are neither two nor fused"});
    Gate = First;
    Up = Third;
    return success();
  }
  if (!A.IsGlu) {
    Up = First;
    return success();
  }
  RankedTensorType Type = typeOf(First.W);
  int64_t Count = Type.getDimSize(1);
  if (Type.isDynamicDim(1) || Count % 2 != 0 ||
      (First.B && typeOf(First.B).getRank() != 2))
    return C.refuse(RefusalCode::ShapeRank,
                    {"swiglu needs an even number of outputs"});
  bool IsInterleaved = A.Fusion == 1;
  int64_t Step = IsInterleaved ? 2 : 1;
  Gate = outputs(C, First, 0, Count / 2, Step);
  Up = outputs(C, First, IsInterleaved ? 1 : Count / 2, Count / 2, Step);
  return success(Gate.W && Up.W && !Gate.B == !First.B && !Up.B == !First.B);
}

/// y = sum over a token's experts of weight * (h w2 + b2)
LogicalResult importExperts(OpImport &C, const Attributes &A, const Routing &R,
                            const Layer &First, const Layer &Second,
                            const Layer &Third) {
  for (const Layer &Each : {First, Second, Third})
    if (Each.W && rankOf(Each.W) != 3)
      return C.refuse(RefusalCode::ShapeRank, {"experts' weights have rank 3"});
  Layer Gate, Up;
  if (!R.X || !R.Experts || !R.Weights || !First.W || !Second.W ||
      failed(gates(C, A, First, Third, Gate, Up)))
    return failure();
  // The op's matrices are [E, K, N].
  auto Turned = [&](Value W) { return C.transpose(W, {0, 2, 1}); };
  SmallVector<Value> Operands = {R.X, R.Experts, R.Weights};
  if (Gate.W)
    Operands.push_back(Turned(Gate.W));
  Operands.append({Turned(Up.W), Turned(Second.W)});
  SmallVector<int32_t> Segments = {1, 1, 1, Gate.W ? 1 : 0, 1, 1};
  for (Value Bias : {Gate.B, Up.B, Second.B}) {
    Segments.push_back(Bias ? 1 : 0);
    if (Bias)
      Operands.push_back(Bias);
  }
  Value Y = C.create<MoEOp>(
      Operands,
      {C.named("activation", GluActivationAttr::get(C.context(), A.Activation)),
       C.named("alpha", A.Alpha), C.named("offset", A.Offset),
       C.named("limit", A.Limit),
       C.named("operandSegmentSizes",
               C.builder().getDenseI32ArrayAttr(Segments))});
  return C.result(C.reshape(Y, dimsOf(typeOf(C.in(0)))));
}

//===----------------------------------------------------------------------===//
// MoE
//===----------------------------------------------------------------------===//

/// Inputs `I` and `I` + 1: weights and biases, none where they are not given.
Layer layer(OpImport &C, unsigned I) {
  Layer L;
  if (C.has(I))
    L.W = C.in(I);
  if (C.has(I + 1))
    L.B = C.in(I + 1);
  return L;
}

/// y = experts of the k largest of softmax(router), by those probabilities
LogicalResult importMoE(OpImport &C) {
  std::optional<Attributes> A = attributes(C);
  Routing R;
  Value Router;
  if (!A || !tokens(C, 1, R.X, Router))
    return failure();
  Value Probabilities = softmax(C, Router);
  R.Experts = largest(C, Probabilities, A->K);
  R.Weights = chosen(C, Probabilities, R.Experts);
  if (A->Normalize)
    R.Weights = normalized(C, R.Weights);
  return importExperts(C, *A, R, layer(C, 2), layer(C, 4), layer(C, 6));
}

//===----------------------------------------------------------------------===//
// QMoE
//===----------------------------------------------------------------------===//

/// Where a layer's inputs are, and how its weights are stored.
struct Stored {
  unsigned First; ///< weights, scales, bias
  unsigned Zeros;
  int64_t Bits, Block;
};

/// Scales and zero points of rows of `Columns` numbers: one for each block of a
/// row, or one a row.
struct Parameters {
  Value Scale, Zero;
};

Value zeroPoints(OpImport &C, const Stored &S, Value W, Dims Shape,
                 bool InPlace) {
  if (!C.has(S.Zeros)) {
    Value Middle = C.scalarLike(W, S.Bits == 4 ? 8 : 128);
    return Middle ? C.broadcast(Middle, Shape) : Value();
  }
  // Packed along the last dimension, each row in whole bytes.
  int64_t Rows = *Shape[0].constant(), Columns = *Shape[1].constant();
  int64_t PerByte = 8 / S.Bits;
  int64_t Padded = (Columns + PerByte - 1) / PerByte * PerByte;
  return firstColumns(C, packedInput(C, S.Zeros, Rows, Padded, S.Bits, InPlace),
                      Columns);
}

/// w = (q - zero point) * scale, [E, N, K] of the tokens' type
Layer dequantized(OpImport &C, const Stored &S) {
  Layer None;
  Value Packed = C.in(S.First), Scale = C.in(S.First + 1);
  if (!Packed || !Scale)
    return None;
  RankedTensorType Type = typeOf(Packed), ScaleType = typeOf(Scale);
  auto Refuse = [&](const char *Why) {
    (void)C.refuse(RefusalCode::ShapeRank, {Why});
    return None;
  };
  if (Type.getRank() != 3 || !Type.hasStaticShape() ||
      !ScaleType.hasStaticShape() || ScaleType.getRank() < 2 ||
      ScaleType.getRank() > 3)
    return Refuse("experts' weights have rank 3, their scales rank 2 or 3");
  // Sizes that could be a tensor's: their products fit 64 bits.
  int64_t Experts = Type.getDimSize(0), N = Type.getDimSize(1);
  int64_t Rows = Experts * N, K = Type.getDimSize(2) * (8 / S.Bits);
  // One scale a row, in whatever rank.
  bool IsBlocked = ScaleType.getRank() == 3 && ScaleType.getDimSize(2) != 1;
  int64_t Blocks = IsBlocked ? ScaleType.getDimSize(2) : 1;
  if (IsBlocked && (S.Block < 16 || Blocks != (K + S.Block - 1) / S.Block))
    return Refuse("scales and block_size do not fit the experts' weights");
  // What is left over behind a row's zero points keeps them from being read in
  // place.
  int64_t Together = IsBlocked ? Blocks : N;
  bool InPlace = C.initializer(S.First) &&
                 (!C.has(S.Zeros) ||
                  (C.initializer(S.Zeros) && Together % (8 / S.Bits) == 0));
  Value W = packedInput(C, S.First, Rows, K, S.Bits, InPlace);
  if (!W)
    return None;
  DimExpr Row(Rows);
  Dims Shape = IsBlocked ? Dims{Row, DimExpr(Blocks)}
                         : Dims{DimExpr(Experts), DimExpr(N)};
  Value Zero = zeroPoints(C, S, W, Shape, InPlace);
  Dims Flat = IsBlocked ? Shape : Dims{Row};
  if (!Zero)
    return None;
  W = C.create<DequantizeOp>(
      {W, C.reshape(Scale, Flat), C.reshape(Zero, Flat)},
      {C.named("axis", int64_t(IsBlocked ? 1 : 0)),
       C.named("block", IsBlocked ? S.Block : int64_t(0))});
  Layer L;
  L.W = C.cast(C.reshape(W, {DimExpr(Experts), DimExpr(N), DimExpr(K)}),
               elementOf(C.in(0)));
  if (C.has(S.First + 2))
    L.B = C.in(S.First + 2);
  return L;
}

/// Refuses what is no integer quantization of 4 or 8 bits.
bool readStorage(OpImport &C, Stored (&Layers)[3]) {
  int64_t Bits = C.intAttr("expert_weight_bits", 4);
  int64_t Block = C.intAttr("block_size", 0);
  int64_t Prepacked = C.intAttr("weights_prepacked", -1);
  C.intAttr("accuracy_level", 0); // How little may be enough; more is fine.
  llvm::StringRef Type = C.stringAttr("quant_type", "int");
  for (unsigned I = 0; I < 3; ++I) {
    std::string Own = "fc" + std::to_string(I + 1) + "_expert_weight_bits";
    Layers[I] = {2 + 3 * I, 11 + I, C.intAttr(Own, Bits), Block};
    if (Layers[I].Bits != 4 && Layers[I].Bits != 8) {
      (void)C.refuse(RefusalCode::AttributeBad, {Own, "must be 4 or 8"});
      return false;
    }
  }
  if (Type != "int")
    (void)C.refuse(RefusalCode::FormUnsupported,
                   {"experts that are quantized other than to integers"});
  else if (Prepacked == 1)
    (void)C.refuse(RefusalCode::FormUnsupported,
                   {"experts that are packed for another device"});
  else if (llvm::any_of(llvm::seq(15u, std::max(15u, C.numInputs())),
                        [&](unsigned I) { return C.has(I); }))
    (void)C.refuse(RefusalCode::FormUnsupported,
                   {"scales of whole experts or of activations"});
  else
    return true;
  return false;
}

/// y = experts of the k largest scores, by the softmax of those, or by what
/// other weights say
LogicalResult importQMoE(OpImport &C) {
  std::optional<Attributes> A = attributes(C);
  Stored Layers[3];
  Routing R;
  Value Router;
  if (!A || !readStorage(C, Layers) || !tokens(C, 1, R.X, Router))
    return failure();
  R.Experts = largest(C, Router, A->K);
  if (!C.has(14)) {
    // onnxruntime's CPU kernel normalizes them whether or not it is asked to.
    R.Weights = softmax(C, chosen(C, Router, R.Experts));
  } else {
    Value Weights = C.cast(C.in(14), C.builder().getF32Type());
    if (!Weights || rankOf(Weights) != 2)
      return C.refuse(RefusalCode::ShapeRank, {"it needs rank 2"});
    R.Weights = chosen(C, Weights, R.Experts);
    if (A->Normalize)
      R.Weights = normalized(C, R.Weights);
  }
  Layer First = dequantized(C, Layers[0]), Second = dequantized(C, Layers[1]);
  if (!First.W || !Second.W)
    return failure();
  Layer Third;
  if (C.has(Layers[2].First)) {
    Third = dequantized(C, Layers[2]);
    if (!Third.W)
      return failure();
  }
  return importExperts(C, *A, R, First, Second, Third);
}

} // namespace

ArrayRef<OpEntry> microsoftExpertOps() {
  constexpr const char *Domain = "com.microsoft";
  static const OpEntry Table[] = {
      {"MoE", {1}, 5, 8, importMoE, Domain},
      {"QMoE", {1}, 7, 21, importQMoE, Domain},
  };
  return Table;
}

} // namespace dure::onnx
