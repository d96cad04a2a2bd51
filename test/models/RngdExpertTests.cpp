// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Experts that a run chooses on RNGD against sums in double. Matrices that no
// token names hold NaN, which must not be seen.
#include "test/models/OnnxByHand.h"

#include <cmath>
#include <limits>

using namespace dure;
using namespace dure::byhand;

namespace {

struct Shape {
  int64_t Tokens, Slots, Experts, K, N;
  /// Each slot has a row of its own, rather than a token's slots one.
  bool HasRows = false;
  /// The matrices are in a file, rather than computed.
  bool IsWeight = false;
  /// All rows of a token have one expert.
  bool HasOneExpert = false;
};

void PrintTo(const Shape &S, std::ostream *Out) {
  *Out << S.Tokens << "_" << S.Slots << "_" << S.Experts << "_" << S.K << "_"
       << S.N << (S.HasRows ? "_rows" : "") << (S.IsWeight ? "_weight" : "")
       << (S.HasOneExpert ? "_one" : "");
}

std::string typeOf(const io::Tensor &T) {
  std::string Text = "tensor<";
  for (int64_t Dim : T.Dims)
    Text += std::to_string(Dim) + "x";
  return Text + (T.Type == io::ElementType::Int64 ? "i64>" : "f32>");
}

io::Tensor experts(int64_t Tokens, int64_t Slots, int64_t Of,
                   std::mt19937 &Random) {
  io::Tensor T = tensor("e", {Tokens, Slots}, io::ElementType::Int64);
  std::vector<int64_t> Chosen(static_cast<size_t>(Tokens * Slots));
  // The last one never: somebody must be left out.
  std::uniform_int_distribution<int64_t> Any(0, std::max<int64_t>(0, Of - 2));
  for (int64_t &Each : Chosen)
    Each = Any(Random);
  T.Bytes.resize(Chosen.size() * 8);
  std::memcpy(T.Bytes.data(), Chosen.data(), T.Bytes.size());
  return T;
}

int64_t expertOf(const io::Tensor &T, int64_t Row) {
  int64_t Expert;
  std::memcpy(&Expert, T.Bytes.data() + Row * 8, 8);
  return Expert;
}

io::Tensor matrices(const std::string &Name, int64_t Experts, int64_t K,
                    int64_t N, const io::Tensor &Chosen, std::mt19937 &Random) {
  io::Tensor W = tensor(Name, {Experts, K, N});
  fill(W, Random);
  std::vector<bool> Named(static_cast<size_t>(Experts));
  for (int64_t Row = 0; Row != Chosen.elementCount(); ++Row)
    Named[static_cast<size_t>(expertOf(Chosen, Row))] = true;
  for (int64_t E = 0; E != Experts; ++E)
    if (!Named[static_cast<size_t>(E)])
      std::fill_n(floats(W) + E * K * N, K * N,
                  std::numeric_limits<float>::quiet_NaN());
  return W;
}

/// x w[e], of one row.
std::vector<double> product(const std::vector<double> &X, io::Tensor &W,
                            int64_t Expert) {
  auto K = static_cast<int64_t>(X.size()), N = W.Dims[2];
  std::vector<double> Sums(static_cast<size_t>(N));
  for (int64_t I = 0; I != K; ++I)
    for (int64_t J = 0; J != N; ++J)
      Sums[static_cast<size_t>(J)] +=
          X[static_cast<size_t>(I)] * floats(W)[(Expert * K + I) * N + J];
  return Sums;
}

std::vector<double> row(io::Tensor &X, int64_t Row) {
  const float *From = floats(X) + Row * X.Dims.back();
  return {From, From + X.Dims.back()};
}

/// A module whose function is one op, operand by operand.
class OneOp {
public:
  explicit OneOp(bool AreWeights) : AreWeights(AreWeights) {}

  void input(io::Tensor T) {
    Arguments += std::string(Arguments.empty() ? "" : ", ") + "%" + T.Name +
                 ": " + typeOf(T) + " {dure.name = \"" + T.Name + "\"}";
    addType(T);
    Data.Inputs.push_back(std::move(T));
  }
  /// A weight, or one more input.
  void matrices(io::Tensor T) {
    if (!AreWeights)
      return input(std::move(T));
    std::string Type = typeOf(T);
    Weights += "dure.weight @" + T.Name +
               " from <file = 0, offset = " + std::to_string(File.size()) +
               ", size = " + std::to_string(T.Bytes.size()) +
               ", type = " + Type + "> : " + Type + "\n";
    Reads +=
        "%" + T.Name + " = dure.get_weight @" + T.Name + " : " + Type + "\n";
    File.append(reinterpret_cast<const char *>(T.Bytes.data()), T.Bytes.size());
    addType(T);
  }
  void check(const std::string &Op, io::Tensor Expected,
             io::Tolerance Allowed) {
    std::string To = typeOf(Expected), Of = temporary() + ".bin";
    std::ofstream(Of, std::ios::binary) << File;
    Data.Expected.push_back({0, std::move(Expected)});
    for (const char *Variant : {"rngd", "rngd-tcc"}) {
      SCOPED_TRACE(Variant);
      std::ofstream(temporary() + ".mlir")
          << "module attributes {dure.files = [\"" << Of
          << "\"], dure.phase = \"raise\"} {\n"
          << Weights << "func.func @main(" << Arguments << ") -> (" << To
          << " {dure.name = \"y\"}) {\n"
          << Reads << "%y = " << Op << " : (" << Types << ") -> " << To
          << "\nreturn %y : " << To << "\n}\n}\n";
      checkFileOnRngd(temporary() + ".mlir", "specialize", Data, Allowed,
                      Variant);
    }
    std::remove(Of.c_str());
  }

private:
  void addType(const io::Tensor &T) {
    Types += (Types.empty() ? "" : ", ") + typeOf(T);
  }

  bool AreWeights;
  std::string Arguments, Weights, Reads, Types, File;
  modeltest::RunData Data;
};

class RngdExperts : public testing::TestWithParam<Shape> {};
class RngdMixture : public testing::TestWithParam<Shape> {};

} // namespace

TEST_P(RngdExperts, EachRowHasItsMatrix) {
  const Shape &S = GetParam();
  std::mt19937 Random(7);
  io::Tensor X = S.HasRows ? tensor("x", {S.Tokens, S.Slots, S.K})
                           : tensor("x", {S.Tokens, S.K});
  fill(X, Random);
  int64_t Named = S.HasOneExpert ? 1 : S.Slots;
  io::Tensor E = experts(S.Tokens, Named, S.Experts, Random);
  io::Tensor W = matrices("w", S.Experts, S.K, S.N, E, Random);
  io::Tensor Y = tensor("y", {S.Tokens, S.Slots, S.N});
  for (int64_t Row = 0; Row != S.Tokens * S.Slots; ++Row) {
    std::vector<double> Sums = product(row(X, S.HasRows ? Row : Row / S.Slots),
                                       W, expertOf(E, Row / (S.Slots / Named)));
    std::copy(Sums.begin(), Sums.end(), floats(Y) + Row * S.N);
  }
  OneOp Op(S.IsWeight);
  Op.input(std::move(X));
  Op.input(std::move(E));
  Op.matrices(std::move(W));
  Op.check("dure.expert_matmul %x, %e, %w", std::move(Y), {1e-3, 1e-4});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RngdExperts,
    testing::Values(
        Shape{1, 8, 16, 256, 96, false, true}, Shape{1, 8, 16, 96, 256, true},
        // Batches that slices divide unevenly, sums that continue, few columns.
        Shape{3, 2, 5, 64, 48}, Shape{4, 3, 7, 4128, 24, false, true},
        Shape{7, 5, 11, 160, 200, true, true}, Shape{1, 1, 2, 32, 8},
        Shape{3, 1, 4, 512, 3072, false, true},
        Shape{5, 2, 3, 16, 8, true, true}, Shape{2, 6, 4, 6144, 520, true},
        // As many as are taken.
        Shape{512, 8, 4, 32, 16, false, true},
        // A matrix for several rows.
        Shape{5, 8, 4, 512, 136, true, true, true},
        Shape{3, 64, 5, 96, 40, true, false, true},
        Shape{7, 16, 3, 2080, 24, true, true, true}),
    testing::PrintToStringParamName());

/// sum of p (silu(x g) * (x u)) d, of which the chip rounds what `d` multiplies
/// to bf16.
TEST_P(RngdMixture, IsTheWeightedSum) {
  const Shape &S = GetParam();
  std::mt19937 Random(11);
  io::Tensor X = tensor("x", {S.Tokens, S.K}),
             P = tensor("p", {S.Tokens, S.Slots});
  fill(X, Random);
  fill(P, Random);
  io::Tensor E = experts(S.Tokens, S.Slots, S.Experts, Random);
  io::Tensor G = matrices("g", S.Experts, S.K, S.N, E, Random);
  io::Tensor U = matrices("u", S.Experts, S.K, S.N, E, Random);
  io::Tensor D = matrices("d", S.Experts, S.N, S.K, E, Random);
  io::Tensor Y = tensor("y", {S.Tokens, S.K});
  double Largest = 0;
  for (int64_t T = 0; T != S.Tokens; ++T) {
    std::vector<double> Sum(static_cast<size_t>(S.K));
    for (int64_t Slot = 0; Slot != S.Slots; ++Slot) {
      int64_t Row = T * S.Slots + Slot, Expert = expertOf(E, Row);
      std::vector<double> Gate = product(row(X, T), G, Expert),
                          Hidden = product(row(X, T), U, Expert);
      for (size_t I = 0; I != Hidden.size(); ++I)
        Hidden[I] *= Gate[I] / (1 + std::exp(-Gate[I]));
      std::vector<double> Out = product(Hidden, D, Expert);
      for (size_t I = 0; I != Sum.size(); ++I)
        Sum[I] += floats(P)[Row] * Out[I];
    }
    for (double Each : Sum)
      Largest = std::max(Largest, std::abs(Each));
    std::copy(Sum.begin(), Sum.end(), floats(Y) + T * S.K);
  }
  OneOp Op(S.IsWeight);
  Op.input(std::move(X));
  Op.input(std::move(E));
  Op.input(std::move(P));
  for (io::Tensor *Each : {&G, &U, &D})
    Op.matrices(std::move(*Each));
  Op.check("dure.moe %x to %e by %p gate %g up %u down %d "
           "{activation = #dure<glu_activation silu>}",
           std::move(Y), {0.004 * Largest, 0});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RngdMixture,
    testing::Values(Shape{1, 8, 16, 256, 96, false, true},
                    Shape{1, 4, 6, 2048, 768, false, true},
                    Shape{3, 2, 5, 64, 48}, Shape{9, 6, 7, 160, 208},
                    // Columns of the sum that are no whole units of HBM.
                    Shape{2, 3, 4, 336, 80, false, true},
                    Shape{40, 8, 12, 64, 32, false, true},
                    // Of many tokens rows are grouped by their experts: few
                    // large ones, tiles that are not full, odd sizes, more rows
                    // than are counted at once.
                    Shape{48, 2, 4, 512, 768, false, true},
                    Shape{1100, 4, 6, 64, 40}, Shape{2057, 2, 9, 50, 20},
                    Shape{700, 6, 64, 128, 16, false, true},
                    Shape{8200, 8, 3, 16, 8, false, true}),
    testing::PrintToStringParamName());

class RngdBiasedMixture : public testing::TestWithParam<int64_t> {};

/// Biases of each expert, and no gate: sum of p (relu(x u + c) d + f).
TEST_P(RngdBiasedMixture, IsTheWeightedSum) {
  const int64_t Tokens = GetParam();
  constexpr int64_t Slots = 4, Experts = 9, K = 64, N = 96;
  std::mt19937 Random(13);
  io::Tensor X = tensor("x", {Tokens, K}), P = tensor("p", {Tokens, Slots});
  fill(X, Random);
  fill(P, Random);
  io::Tensor E = experts(Tokens, Slots, Experts, Random);
  io::Tensor U = matrices("u", Experts, K, N, E, Random);
  io::Tensor D = matrices("d", Experts, N, K, E, Random);
  io::Tensor C = matrices("c", Experts, 1, N, E, Random);
  io::Tensor F = matrices("f", Experts, 1, K, E, Random);
  C.Dims = {Experts, N};
  F.Dims = {Experts, K};
  io::Tensor Y = tensor("y", {Tokens, K});
  double Largest = 0;
  for (int64_t T = 0; T != Tokens; ++T) {
    std::vector<double> Sum(K);
    for (int64_t Row = T * Slots; Row != (T + 1) * Slots; ++Row) {
      int64_t Expert = expertOf(E, Row);
      std::vector<double> Hidden = product(row(X, T), U, Expert),
                          Bias = row(C, Expert), Last = row(F, Expert);
      for (size_t I = 0; I != Hidden.size(); ++I)
        Hidden[I] = std::max(0.0, Hidden[I] + Bias[I]);
      std::vector<double> Out = product(Hidden, D, Expert);
      for (size_t I = 0; I != Sum.size(); ++I)
        Sum[I] += floats(P)[Row] * (Out[I] + Last[I]);
    }
    for (double Each : Sum)
      Largest = std::max(Largest, std::abs(Each));
    std::copy(Sum.begin(), Sum.end(), floats(Y) + T * K);
  }
  OneOp Op(/*AreWeights=*/true);
  for (io::Tensor *Each : {&X, &E, &P})
    Op.input(std::move(*Each));
  for (io::Tensor *Each : {&U, &D, &C, &F})
    Op.matrices(std::move(*Each));
  Op.check("dure.moe %x to %e by %p up %u + %c down %d + %f "
           "{activation = #dure<glu_activation relu>}",
           std::move(Y), {0.004 * Largest, 0});
}

// Of the many, rows are grouped.
INSTANTIATE_TEST_SUITE_P(Tokens, RngdBiasedMixture, testing::Values(6, 1100));
