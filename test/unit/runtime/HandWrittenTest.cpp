// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Three host programs as the schema's users need them, written by hand: a loop
// over an encoder's layers, a decoder's step on its caches, a layer that exists
// for a few static shapes. docs/experiments.md tells what each asks of the
// schema; the numbers are compared with plain loops in double precision.

#include "test/unit/runtime/TestSupport.h"
#include "test/unit/runtime/TransformerKernels.h"

#include <cmath>
#include <span>

using namespace dure;
using namespace dure::test;

namespace {

/// A host program whose dispatches wait for one another.
class Writer : public ProgramBuilder {
public:
  void launch(const char *Name, std::vector<Binding> Bindings,
              std::vector<ScalarReg> Constants) {
    std::span<const TransformerKernel> All = transformerKernels();
    for (uint32_t I = 0; I != All.size(); ++I)
      if (std::string(All[I].Name) == Name) {
        dispatch(I, std::move(Bindings), std::move(Constants));
        barrier();
        return;
      }
    ADD_FAILURE() << "no kernel " << Name;
  }
  ScalarReg add(ScalarReg A, ScalarReg B) {
    return op(ScalarOpKind::Add, A, B);
  }
  using ProgramBuilder::add;
  ScalarReg times(std::initializer_list<ScalarReg> Factors) {
    ScalarReg Product = constant(1);
    for (ScalarReg Each : Factors)
      Product = mul(Product, Each);
    return Product;
  }
  /// Room for F32 values.
  BufferReg floats(Space Where, std::initializer_list<ScalarReg> Dims) {
    return allocate(Where, mul(times(Dims), constant(4)));
  }
};

/// A package of one entry, whose program is W's.
Package packageOf(Package P, const Writer &W) {
  P.Producer = "by hand";
  std::vector<uint32_t> Weights;
  for (uint32_t I = 0; I != P.Weights.size(); ++I)
    Weights.push_back(I);
  Variant V = fakeVariant(Weights);
  V.CodeObjects[0].Exports.clear();
  for (const TransformerKernel &Each : transformerKernels())
    V.CodeObjects[0].Exports.push_back(
        {Each.Name, Each.Bindings, Each.Constants});
  V.Programs.push_back(W.Made);
  P.Variants.push_back(V);
  return P;
}

/// Numbers around CENTER, other ones for each SEED.
std::vector<float> values(size_t Count, int Seed, float Center = 0) {
  std::vector<float> Values;
  for (size_t I = 0; I != Count; ++I)
    Values.push_back(Center + 0.4f * std::sin(1.7f * static_cast<float>(I) +
                                              static_cast<float>(Seed)));
  return Values;
}

using Matrix = std::vector<std::vector<double>>;

/// x w, with w [rows of x, Columns] from W on.
Matrix product(const Matrix &X, const float *W, int64_t Columns) {
  Matrix Y(X.size(), std::vector<double>(static_cast<size_t>(Columns), 0));
  for (size_t I = 0; I != X.size(); ++I)
    for (size_t J = 0; J != Y[I].size(); ++J)
      for (size_t K = 0; K != X[I].size(); ++K)
        Y[I][J] += X[I][K] * W[K * Y[I].size() + J];
  return Y;
}

/// Softmax(q k / sqrt(d)) v of one head, columns from Q, K and V on.
template <typename Function>
Matrix attend(const Matrix &Qkv, size_t Q, size_t K, size_t V, size_t Dim,
              Function Sees) {
  Matrix Out(Qkv.size(), std::vector<double>(Dim, 0));
  for (size_t T = 0; T != Qkv.size(); ++T) {
    std::vector<double> Weights(Qkv.size(), 0);
    double Sum = 0;
    for (size_t S = 0; S != Qkv.size(); ++S) {
      double Score = 0;
      for (size_t I = 0; I != Dim; ++I)
        Score += Qkv[T][Q + I] * Qkv[S][K + I];
      if (Sees(T, S))
        Weights[S] = std::exp(Score / std::sqrt(static_cast<double>(Dim)));
      Sum += Weights[S];
    }
    for (size_t S = 0; S != Qkv.size(); ++S)
      for (size_t I = 0; I != Dim && Sum > 0; ++I)
        Out[T][I] += Weights[S] / Sum * Qkv[S][V + I];
  }
  return Out;
}

void expectRow(std::span<const float> Got, const std::vector<double> &Want,
               const std::string &Where) {
  ASSERT_EQ(Got.size(), Want.size());
  for (size_t I = 0; I != Want.size(); ++I)
    ASSERT_NEAR(Got[I], Want[I], 1e-4 + 1e-4 * std::abs(Want[I]))
        << Where << ", column " << I;
}

//===----------------------------------------------------------------------===//
// An encoder like MiniLM
//===----------------------------------------------------------------------===//

namespace encoder {

constexpr int64_t Vocabulary = 11, Hidden = 16, Heads = 2, Dim = 8, Inner = 32,
                  Layers = 3;
// Where a layer's tensors start in its part of the weights, in elements.
enum Field : int64_t {
  Qkv = 0,
  Output = Qkv + Hidden * 3 * Hidden,
  Gain1 = Output + Hidden * Hidden,
  Bias1 = Gain1 + Hidden,
  Up = Bias1 + Hidden,
  Down = Up + Hidden * Inner,
  Gain2 = Down + Inner * Hidden,
  Bias2 = Gain2 + Hidden,
  LayerSize = Bias2 + Hidden,
};

std::vector<float> table() { return values(Vocabulary * Hidden, 1); }
std::vector<float> layers() { return values(Layers * LayerSize, 2); }

/// Equal layers share their kernels, and here the program too: a loop whose
/// body takes its weights from a stack of layers by the loop's index.
Package make() {
  Package P;
  P.Symbols = {{"batch", 0, 64, 1}, {"sequence", 0, 512, 1}};
  P.Weights = {inlineWeight("table", table(), {Vocabulary, Hidden}),
               inlineWeight("layers", layers(), {Layers, LayerSize})};
  Entry Main;
  Main.Name = "main";
  Main.Inputs = {tensor("ids", ElementType::I64, {"batch", "sequence"}),
                 tensor("mask", ElementType::I64, {"batch", "sequence"})};
  Main.Outputs = {
      tensor("hidden", ElementType::F32, {"batch", "sequence", "16"})};
  P.Entries.push_back(Main);

  Writer W;
  ScalarReg B = W.dim(0, 0), S = W.dim(0, 1), Rows = W.mul(B, S);
  ScalarReg H = W.constant(Hidden), I = W.constant(Inner),
            N = W.constant(Heads), D = W.constant(Dim), Zero = W.constant(0),
            One = W.constant(1), Three = W.constant(3);
  ScalarReg Threefold = W.mul(H, Three);
  BufferReg X = W.floats(Space::Result, {Rows, H});
  BufferReg Qkv = W.floats(Space::Transient, {Rows, Threefold});
  BufferReg Heard = W.floats(Space::Transient, {Rows, H});
  BufferReg Wide = W.floats(Space::Transient, {Rows, I});
  BufferReg Narrow = W.floats(Space::Transient, {Rows, H});
  BufferReg Mask = W.input(1), Stack = W.weight(1);
  W.launch("lookup", {reads(W.input(0)), reads(W.weight(0)), writes(X)},
           {Rows, H});

  uint32_t Body = W.newBlock();
  ScalarReg Layer = W.newScalar();
  auto weight = [&](Field From, Field End) {
    ScalarReg Start =
        W.add(W.mul(Layer, W.constant(4 * LayerSize)), W.constant(4 * From));
    return reads(W.subspan(Stack, Start, W.constant(4 * (End - From))));
  };
  W.launch("linear", {reads(X), weight(Field::Qkv, Output), writes(Qkv)},
           {Rows, H, Threefold, Zero});
  W.launch("masked_attention", {reads(Qkv), reads(Mask), writes(Heard)},
           {B, S, N, D});
  W.launch("linear", {reads(Heard), weight(Output, Gain1), writes(Narrow)},
           {Rows, H, H, Zero});
  W.launch("add_layer_norm",
           {updates(X), reads(Narrow), weight(Gain1, Bias1), weight(Bias1, Up)},
           {Rows, H});
  W.launch("linear", {reads(X), weight(Up, Down), writes(Wide)},
           {Rows, H, I, One});
  W.launch("linear", {reads(Wide), weight(Down, Gain2), writes(Narrow)},
           {Rows, I, H, Zero});
  W.launch("add_layer_norm",
           {updates(X), reads(Narrow), weight(Gain2, Bias2),
            weight(Bias2, LayerSize)},
           {Rows, H});
  W.setBlock(0);
  W.add(LoopOp{Layer, Zero, W.constant(Layers), One, -1, Body});
  W.result({{X, {B, S, H}}});
  return packageOf(P, W);
}

void addNorm(Matrix &X, const Matrix &R, const float *Gain, const float *Bias) {
  for (size_t I = 0; I != X.size(); ++I) {
    double Mean = 0, Square = 0;
    for (size_t J = 0; J != X[I].size(); ++J)
      Mean += (X[I][J] += R[I][J]) / Hidden;
    for (double Each : X[I])
      Square += (Each - Mean) * (Each - Mean) / Hidden;
    for (size_t J = 0; J != X[I].size(); ++J)
      X[I][J] = (X[I][J] - Mean) / std::sqrt(Square + 1e-5) * Gain[J] + Bias[J];
  }
}

/// One sequence.
Matrix reference(std::span<const int64_t> Ids, std::span<const int64_t> Mask) {
  std::vector<float> Table = table(), Stack = layers();
  Matrix X;
  for (int64_t Id : Ids)
    X.emplace_back(Table.begin() + Id * Hidden,
                   Table.begin() + (Id + 1) * Hidden);
  for (int64_t Layer = 0; Layer != Layers; ++Layer) {
    const float *W = Stack.data() + Layer * LayerSize;
    Matrix Projected = product(X, W + Qkv, 3 * Hidden);
    Matrix Heard(X.size());
    for (size_t Head = 0; Head != Heads; ++Head) {
      Matrix One = attend(Projected, Head * Dim, Hidden + Head * Dim,
                          2 * Hidden + Head * Dim, Dim,
                          [&](size_t, size_t S) { return Mask[S] != 0; });
      for (size_t T = 0; T != X.size(); ++T)
        Heard[T].insert(Heard[T].end(), One[T].begin(), One[T].end());
    }
    addNorm(X, product(Heard, W + Output, Hidden), W + Gain1, W + Bias1);
    Matrix Wide = product(X, W + Up, Inner);
    for (std::vector<double> &Row : Wide)
      for (double &Each : Row)
        Each = Each / 2 * (1 + std::erf(Each / std::sqrt(2.0)));
    addNorm(X, product(Wide, W + Down, Hidden), W + Gain2, W + Bias2);
  }
  return X;
}

} // namespace encoder

//===----------------------------------------------------------------------===//
// A decoder like Llama
//===----------------------------------------------------------------------===//

namespace decoder {

constexpr int64_t Vocabulary = 13, Hidden = 16, Heads = 4, KeyHeads = 2,
                  Dim = 4, Inner = 24, Layers = 2;
constexpr int64_t QkvColumns = (Heads + 2 * KeyHeads) * Dim;

std::vector<float> table() { return values(Vocabulary * Hidden, 3); }
/// A layer's tensors, in the order of use.
std::vector<std::vector<float>> layer(int64_t L) {
  int Seed = static_cast<int>(10 * (L + 1));
  return {values(Hidden, Seed, 1),
          values(Hidden * QkvColumns, Seed + 1),
          values(Hidden * Hidden, Seed + 2),
          values(Hidden, Seed + 3, 1),
          values(Hidden * 2 * Inner, Seed + 4),
          values(Inner * Hidden, Seed + 5)};
}

/// What a layer of the step needs beside its own weights and caches.
struct StepValues {
  ScalarReg B, S, Rows, Capacity;
  BufferReg X, Normed, Qkv, Query, Heard, Narrow, Wide, Gated, Lengths;
};

void writeLayer(Writer &W, const StepValues &V, int64_t L) {
  ScalarReg H = W.constant(Hidden), N = W.constant(Heads),
            G = W.constant(KeyHeads), D = W.constant(Dim),
            I = W.constant(Inner), Zero = W.constant(0);
  uint32_t First = static_cast<uint32_t>(1 + 6 * L);
  auto weight = [&](uint32_t Index) { return reads(W.weight(First + Index)); };
  BufferReg Keys = W.newBuffer(), Cached = W.newBuffer();
  W.add(StateBufferOp{Keys, static_cast<uint32_t>(2 * L)});
  W.add(StateBufferOp{Cached, static_cast<uint32_t>(2 * L + 1)});
  W.launch("rms_norm", {reads(V.X), weight(0), writes(V.Normed)}, {V.Rows, H});
  W.launch("linear", {reads(V.Normed), weight(1), writes(V.Qkv)},
           {V.Rows, H, W.constant(QkvColumns), Zero});
  W.launch("rotate_append",
           {reads(V.Qkv), reads(V.Lengths), writes(V.Query), updates(Keys),
            updates(Cached)},
           {V.B, V.S, N, G, D, V.Capacity});
  W.launch("cached_attention",
           {reads(V.Query), reads(Keys), reads(Cached), reads(V.Lengths),
            writes(V.Heard)},
           {V.B, V.S, N, G, D, V.Capacity});
  W.launch("linear", {reads(V.Heard), weight(2), writes(V.Narrow)},
           {V.Rows, H, H, Zero});
  W.launch("accumulate", {updates(V.X), reads(V.Narrow)}, {W.mul(V.Rows, H)});
  W.launch("rms_norm", {reads(V.X), weight(3), writes(V.Normed)}, {V.Rows, H});
  W.launch("linear", {reads(V.Normed), weight(4), writes(V.Wide)},
           {V.Rows, H, W.constant(2 * Inner), Zero});
  W.launch("swiglu", {reads(V.Wide), writes(V.Gated)}, {V.Rows, I});
  W.launch("linear", {reads(V.Gated), weight(5), writes(V.Narrow)},
           {V.Rows, I, H, Zero});
  W.launch("accumulate", {updates(V.X), reads(V.Narrow)}, {W.mul(V.Rows, H)});
}

/// The entry and its weights: a table, read by both ends of the model, and six
/// tensors a layer.
Package signature() {
  Package P;
  P.Weights = {inlineWeight("table", table(), {Vocabulary, Hidden})};
  const int64_t Shapes[][2] = {{Hidden, 1},         {Hidden, QkvColumns},
                               {Hidden, Hidden},    {Hidden, 1},
                               {Hidden, 2 * Inner}, {Inner, Hidden}};
  Entry Step;
  Step.Name = "step";
  Step.Inputs = {tensor("ids", ElementType::I64, {"batch", "sequence"})};
  Step.Outputs = {
      tensor("logits", ElementType::F32, {"batch", "sequence", "13"})};
  for (int64_t L = 0; L != Layers; ++L) {
    std::vector<std::vector<float>> Tensors = layer(L);
    for (size_t I = 0; I != Tensors.size(); ++I)
      P.Weights.push_back(
          inlineWeight("layer." + std::to_string(L) + "." + std::to_string(I),
                       Tensors[I], {Shapes[I][0], Shapes[I][1]}));
    for (const char *What : {"key", "value"})
      Step.States.push_back({"cache." + std::to_string(L) + "." + What,
                             ElementType::F32,
                             {{0, StateAxis::Batch},
                              {KeyHeads, StateAxis::Fixed},
                              {0, StateAxis::Capacity},
                              {Dim, StateAxis::Fixed}}});
  }
  P.Entries.push_back(Step);
  return P;
}

/// Prefill and decode are one program: they differ by the sequence length and
/// by what the state's lengths say.
Package make() {
  Writer W;
  StepValues V;
  V.B = W.dim(0, 0);
  V.S = W.dim(0, 1);
  W.add(CheckOp{Relation::Eq, V.B, W.state(StateProperty::Batch),
                "the state was made for another batch"});
  V.Rows = W.mul(V.B, V.S);
  V.Capacity = W.state(StateProperty::Capacity);
  W.add(StateAppendOp{V.S});
  V.Lengths = W.newBuffer();
  W.add(StateLengthsOp{V.Lengths});
  ScalarReg H = W.constant(Hidden);
  auto floats = [&](int64_t Columns) {
    return W.floats(Space::Transient, {V.Rows, W.constant(Columns)});
  };
  V.X = floats(Hidden);
  V.Normed = floats(Hidden);
  V.Qkv = floats(QkvColumns);
  V.Query = floats(Hidden);
  V.Heard = floats(Hidden);
  V.Narrow = floats(Hidden);
  V.Wide = floats(2 * Inner);
  V.Gated = floats(Inner);
  W.launch("lookup", {reads(W.input(0)), reads(W.weight(0)), writes(V.X)},
           {V.Rows, H});
  for (int64_t L = 0; L != Layers; ++L)
    writeLayer(W, V, L);
  ScalarReg Columns = W.constant(Vocabulary);
  BufferReg Logits = W.floats(Space::Result, {V.Rows, Columns});
  W.launch("linear_transposed",
           {reads(V.X), reads(W.weight(0)), writes(Logits)},
           {V.Rows, H, Columns});
  W.result({{Logits, {V.B, V.S, Columns}}});
  return packageOf(signature(), W);
}

Matrix norm(const Matrix &X, const std::vector<float> &Gain) {
  Matrix Y = X;
  for (std::vector<double> &Row : Y) {
    double Square = 0;
    for (double Each : Row)
      Square += Each * Each / Hidden;
    for (size_t J = 0; J != Row.size(); ++J)
      Row[J] = Row[J] / std::sqrt(Square + 1e-5) * Gain[J];
  }
  return Y;
}

void rotate(std::vector<double> &Row, size_t At, size_t Position) {
  for (size_t I = 0; I != Dim / 2; ++I) {
    double Angle = static_cast<double>(Position) *
                   std::pow(100.0, -2.0 * static_cast<double>(I) / Dim);
    double A = Row[At + I], Z = Row[At + I + Dim / 2];
    Row[At + I] = A * std::cos(Angle) - Z * std::sin(Angle);
    Row[At + I + Dim / 2] = Z * std::cos(Angle) + A * std::sin(Angle);
  }
}

void addTo(Matrix &X, const Matrix &Y) {
  for (size_t I = 0; I != X.size(); ++I)
    for (size_t J = 0; J != X[I].size(); ++J)
      X[I][J] += Y[I][J];
}

/// The logits of a whole sequence, without a cache.
Matrix reference(std::span<const int64_t> Ids) {
  std::vector<float> Table = table();
  Matrix X;
  for (int64_t Id : Ids)
    X.emplace_back(Table.begin() + Id * Hidden,
                   Table.begin() + (Id + 1) * Hidden);
  for (int64_t L = 0; L != Layers; ++L) {
    std::vector<std::vector<float>> T = layer(L);
    Matrix Qkv = product(norm(X, T[0]), T[1].data(), QkvColumns);
    for (size_t Row = 0; Row != Qkv.size(); ++Row)
      for (size_t Head = 0; Head != Heads + KeyHeads; ++Head)
        rotate(Qkv[Row], Head * Dim, Row);
    Matrix Heard(X.size());
    for (size_t Head = 0; Head != Heads; ++Head) {
      size_t Shared = Head / (Heads / KeyHeads);
      Matrix One = attend(Qkv, Head * Dim, (Heads + Shared) * Dim,
                          (Heads + KeyHeads + Shared) * Dim, Dim,
                          [](size_t Row, size_t S) { return S <= Row; });
      for (size_t Row = 0; Row != X.size(); ++Row)
        Heard[Row].insert(Heard[Row].end(), One[Row].begin(), One[Row].end());
    }
    addTo(X, product(Heard, T[2].data(), Hidden));
    Matrix Wide = product(norm(X, T[3]), T[4].data(), 2 * Inner);
    for (std::vector<double> &Row : Wide) {
      for (size_t J = 0; J != Inner; ++J)
        Row[J] = Row[J] / (1 + std::exp(-Row[J])) * Row[Inner + J];
      Row.resize(Inner);
    }
    addTo(X, product(Wide, T[5].data(), Hidden));
  }
  Matrix Logits(X.size(), std::vector<double>(Vocabulary, 0));
  for (size_t Row = 0; Row != X.size(); ++Row)
    for (size_t V = 0; V != Vocabulary; ++V)
      for (size_t J = 0; J != Hidden; ++J)
        Logits[Row][V] += X[Row][J] * Table[V * Hidden + J];
  return Logits;
}

} // namespace decoder

//===----------------------------------------------------------------------===//
// A layer of static shapes
//===----------------------------------------------------------------------===//

/// x [batch, n, 16] and mask [batch, n] for n up to 16; the layer exists for
/// one sequence of 4, 8 or 16 rows.
Package bucketedLayer() {
  Package P;
  Entry Main;
  Main.Name = "main";
  Main.Inputs = {tensor("x", ElementType::F32, {"batch", "n", "16"}),
                 tensor("mask", ElementType::I64, {"batch", "n"})};
  Main.Outputs = {tensor("y", ElementType::F32, {"batch", "n", "16"})};
  P.Entries.push_back(Main);

  Writer W;
  ScalarReg Batch = W.dim(0, 0), N = W.dim(0, 1);
  ScalarReg Width = W.constant(StaticLayerWidth), Zero = W.constant(0),
            One = W.constant(1), Four = W.constant(4), Eight = W.constant(8),
            Sixteen = W.constant(16);
  W.add(CheckOp{Relation::Eq, W.dim(1, 1), N, "x and mask differ in length"});
  W.add(CheckOp{Relation::Le, N, Sixteen, "the largest bucket has 16 rows"});
  ScalarReg Small = W.op(ScalarOpKind::Le, N, Four);
  ScalarReg Middle = W.op(ScalarOpKind::Le, N, Eight);
  ScalarReg Bucket = W.op(ScalarOpKind::Select, Small, Four,
                          W.op(ScalarOpKind::Select, Middle, Eight, Sixteen));
  BufferReg X = W.input(0), Mask = W.input(1);
  BufferReg Result = W.floats(Space::Result, {Batch, N, Width});
  BufferReg PaddedX = W.floats(Space::Transient, {Bucket, Width});
  BufferReg PaddedMask = W.allocate(Space::Transient, W.mul(Bucket, Eight));
  BufferReg PaddedY = W.floats(Space::Transient, {Bucket, Width});
  ScalarReg Bytes = W.times({N, Width, Four}), MaskBytes = W.mul(N, Eight);

  // One sequence of the batch: pad, run the layer of this bucket, crop.
  uint32_t Body = W.newBlock();
  ScalarReg I = W.newScalar();
  auto part = [&](BufferReg Whole, ScalarReg Size) {
    return W.subspan(Whole, W.mul(I, Size), Size);
  };
  W.add(
      CopyCornerOp{part(X, Bytes), {N, Width}, PaddedX, {Bucket, Width}, 4, 0});
  // Zero hides the rows that are only there to fill the bucket.
  W.add(CopyCornerOp{part(Mask, MaskBytes), {N}, PaddedMask, {Bucket}, 8, 0});
  W.barrier();
  auto layer = [&](const char *Name) {
    uint32_t Block = W.newBlock();
    W.launch(Name, {reads(PaddedX), reads(PaddedMask), writes(PaddedY)}, {});
    return Block;
  };
  // A block is entered from one before it.
  uint32_t Of4 = layer("static_layer_4"), Larger = W.newBlock();
  uint32_t Of8 = layer("static_layer_8"), Of16 = layer("static_layer_16");
  W.setBlock(Larger);
  W.add(IfOp{Middle, Of8, static_cast<int32_t>(Of16)});
  W.setBlock(Body);
  W.add(IfOp{Small, Of4, static_cast<int32_t>(Larger)});
  W.add(CopyCornerOp{
      PaddedY, {Bucket, Width}, part(Result, Bytes), {N, Width}, 4, 0});
  W.barrier();
  W.setBlock(0);
  W.add(LoopOp{I, Zero, Batch, One, -1, Body});
  W.result({{Result, {Batch, N, Width}}});
  return packageOf(P, W);
}

} // namespace

// Tests a loop over layers for several batch and sequence lengths, zero
// included, with padding hidden by the mask.
TEST(HandWritten, EncoderLoopsOverItsLayers) {
  Loaded Made = loadFake(encoder::make());
  Owned<dure_call> Call = makeCall(Made, "main");
  for (auto [Batch, Sequence] :
       {std::pair<int64_t, int64_t>{1, 1}, {2, 5}, {3, 17}, {1, 0}, {0, 4}}) {
    Tensor<int64_t> Ids{{Batch, Sequence}, {}}, Mask{{Batch, Sequence}, {}};
    for (int64_t I = 0; I != Batch * Sequence; ++I) {
      Ids.Values.push_back((I * 5 + 3) % encoder::Vocabulary);
      Mask.Values.push_back(I % 5 != 4);
    }
    ASSERT_OK(bind(Call.get(), 0, Ids));
    ASSERT_OK(bind(Call.get(), 1, Mask));
    ASSERT_OK(dure_call_run(Call.get(), nullptr));
    Tensor<float> Out = floatOutput(Call.get(), 0);
    EXPECT_EQ(Out.Dims, (std::vector<int64_t>{Batch, Sequence, 16}));
    auto sequence = [&, Length = static_cast<size_t>(Sequence)](
                        const std::vector<int64_t> &All, int64_t B) {
      return std::span<const int64_t>(All.data() + B * Sequence, Length);
    };
    for (int64_t B = 0; B != Batch; ++B) {
      Matrix Want =
          encoder::reference(sequence(Ids.Values, B), sequence(Mask.Values, B));
      for (int64_t T = 0; T != Sequence; ++T)
        expectRow({Out.Values.data() + (B * Sequence + T) * 16, 16}, Want[T],
                  "row " + std::to_string(B * Sequence + T));
    }
  }
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  ASSERT_OK(bind(Call.get(), 0, Tensor<int64_t>{{1, 2}, {1, 2}}));
  ASSERT_OK(bind(Call.get(), 1, Tensor<int64_t>{{1, 2}, {1, 1}}));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  ASSERT_OK(dure_call_get_stats(Call.get(), &Stats));
  // Nothing in the loop needs a number from the device: one submission.
  EXPECT_EQ(Stats.dispatches, 1u + 7 * encoder::Layers);
  EXPECT_EQ(Stats.submissions, 1u);
}

// Tests a prefill, three decode steps and a chunk on one state, whose rows have
// lengths of their own: every token gets the logits that its whole sequence
// gives at this place.
TEST(HandWritten, DecoderStepsOnItsCaches) {
  Loaded Made = loadFake(decoder::make());
  Owned<dure_call> Call = makeCall(Made, "step");
  constexpr int64_t Capacity = 16;
  dure_state_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.batch = 2;
  Options.capacity = Capacity;
  dure_state *Created = nullptr;
  ASSERT_OK(dure_state_create(Made.Session.get(), "step", &Options, &Created));
  Owned<dure_state> State(Created);
  ASSERT_OK(dure_call_bind_state(Call.get(), State.get()));

  std::vector<int64_t> Sequences[2];
  auto step = [&](int64_t Count) {
    Tensor<int64_t> Ids{{2, Count}, {}};
    for (size_t Row = 0; Row != 2; ++Row)
      for (int64_t T = 0; T != Count; ++T) {
        size_t At = Sequences[Row].size();
        Ids.Values.push_back(static_cast<int64_t>(At * (4 + Row) + 2 + Row) %
                             decoder::Vocabulary);
        Sequences[Row].push_back(Ids.Values.back());
      }
    ASSERT_OK(bind(Call.get(), 0, Ids));
    ASSERT_OK(dure_call_run(Call.get(), nullptr));
    dure_call_stats Stats = {};
    Stats.struct_size = sizeof(Stats);
    ASSERT_OK(dure_call_get_stats(Call.get(), &Stats));
    EXPECT_EQ(Stats.dispatches, 2u + 11 * decoder::Layers);
    EXPECT_EQ(Stats.submissions, 1u);
    Tensor<float> Out = floatOutput(Call.get(), 0);
    for (size_t Row = 0; Row != 2; ++Row) {
      Matrix Want = decoder::reference(Sequences[Row]);
      for (int64_t T = 0; T != Count; ++T)
        expectRow(
            {Out.Values.data() + (static_cast<int64_t>(Row) * Count + T) * 13,
             13},
            Want[Want.size() - static_cast<size_t>(Count - T)],
            "sequence " + std::to_string(Row) + ", token " + std::to_string(T));
    }
  };
  step(5);
  // The second prompt was shorter: its last two tokens were padding.
  Sequences[1].resize(3);
  const int64_t Lengths[] = {5, 3};
  ASSERT_OK(dure_state_set_lengths(State.get(), Lengths, 2));
  for (int64_t Count : {1, 1, 1, 4})
    step(Count);
  int64_t After[2] = {};
  ASSERT_OK(dure_state_get_lengths(State.get(), After, 2));
  EXPECT_EQ(After[0], 12);
  EXPECT_EQ(After[1], 10);
  // No room for five more: refused, and nothing is lost.
  ASSERT_OK(
      bind(Call.get(), 0, Tensor<int64_t>{{2, 5}, std::vector<int64_t>(10)}));
  Outcome Full = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Full.Code, DURE_STATUS_RESOURCE_EXHAUSTED) << Full.Message;
  step(1);
}

// Tests that layers of 4, 8 and 16 rows serve 0 to 16, each sequence of a batch
// padded and cropped, and that 17 is refused.
TEST(HandWritten, BucketsOfStaticShapes) {
  Loaded Made = loadFake(bucketedLayer());
  Owned<dure_call> Call = makeCall(Made, "main");
  constexpr size_t Width = StaticLayerWidth;
  for (int64_t N = 0; N <= 16; ++N) {
    int64_t Batch = 1 + N % 3;
    size_t Rows = static_cast<size_t>(Batch * N);
    Tensor<float> X{{Batch, N, 16}, values(Rows * Width, 5)};
    Tensor<int64_t> Mask{{Batch, N}, {}};
    for (size_t I = 0; I != Rows; ++I)
      Mask.Values.push_back(I % 4 != 3);
    ASSERT_OK(bind(Call.get(), 0, X));
    ASSERT_OK(bind(Call.get(), 1, Mask));
    ASSERT_OK(dure_call_run(Call.get(), nullptr));
    Tensor<float> Out = floatOutput(Call.get(), 0);
    EXPECT_EQ(Out.Dims, (std::vector<int64_t>{Batch, N, 16}));
    for (size_t B = 0; B != static_cast<size_t>(Batch); ++B) {
      Matrix One;
      size_t First = B * static_cast<size_t>(N);
      for (size_t T = 0; T != static_cast<size_t>(N); ++T)
        One.emplace_back(X.Values.begin() + (First + T) * Width,
                         X.Values.begin() + (First + T + 1) * Width);
      Matrix Want = attend(One, 0, 0, 0, Width, [&](size_t, size_t S) {
        return Mask.Values[First + S] != 0;
      });
      for (size_t T = 0; T != One.size(); ++T) {
        for (size_t I = 0; I != Width; ++I)
          Want[T][I] += One[T][I];
        expectRow({Out.Values.data() + (First + T) * Width, Width}, Want[T],
                  "n " + std::to_string(N) + ", row " + std::to_string(T));
      }
    }
    dure_call_stats Stats = {};
    Stats.struct_size = sizeof(Stats);
    ASSERT_OK(dure_call_get_stats(Call.get(), &Stats));
    EXPECT_EQ(Stats.dispatches, static_cast<uint64_t>(Batch));
    EXPECT_EQ(Stats.submissions, 1u);
    // The bucket decides what is allocated.
    uint64_t Bucket = N <= 4 ? 4 : N <= 8 ? 8 : 16;
    EXPECT_EQ(Stats.peak_transient, Bucket * (2 * Width * 4 + 8));
  }
  ASSERT_OK(bind(Call.get(), 0,
                 Tensor<float>{{1, 17, 16}, std::vector<float>(17 * Width)}));
  ASSERT_OK(
      bind(Call.get(), 1, Tensor<int64_t>{{1, 17}, std::vector<int64_t>(17)}));
  Outcome Refused = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Refused.Code, DURE_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(Refused.Message.find("largest bucket has 16 rows"),
            std::string::npos)
      << Refused.Message;
}
