// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sizes on RNGD that its kernels do not divide: products, rows of softmax,
// norms and sums, masks over any number of keys.
#include "test/models/OnnxByHand.h"

#include <cmath>

using namespace dure;
using namespace dure::byhand;

namespace {

std::string attribute(const std::string &Name, int64_t Value) {
  return bytes(5, bytes(1, Name) + number(3, Value) + number(20, 2));
}

void check(const std::string &Nodes, std::vector<io::Tensor> Inputs,
           std::vector<io::Tensor> Weights, io::Tensor Y,
           io::Tolerance Allowed) {
  std::string Graph = Nodes + bytes(2, "odd");
  for (const io::Tensor &Each : Weights)
    Graph += bytes(5, initializer(Each));
  for (const io::Tensor &Each : Inputs)
    Graph += bytes(11, valueInfo(Each));
  Graph += bytes(12, valueInfo(Y));
  modeltest::RunData Data;
  Data.Inputs = std::move(Inputs);
  Data.Expected.push_back({0, std::move(Y)});
  checkOnRngd(Graph, 23, Data, Allowed);
}

struct Sizes {
  int64_t Batch, M, K, N;
  bool IsWeight, IsTurned;
};

void PrintTo(const Sizes &S, std::ostream *Out) {
  *Out << S.Batch << "_" << S.M << "_" << S.K << "_" << S.N
       << (S.IsWeight ? "_weight" : "") << (S.IsTurned ? "_turned" : "");
}

class RngdOddProduct : public testing::TestWithParam<Sizes> {};

struct Rows {
  int64_t Outer, Count, Inner;
};

void PrintTo(const Rows &R, std::ostream *Out) {
  *Out << R.Outer << "_" << R.Count << "_" << R.Inner;
}

class RngdOddRows : public testing::TestWithParam<Rows> {};

class RngdOddKeys : public testing::TestWithParam<int64_t> {};

/// Along the middle axis, one row after the other.
template <typename Row>
void alongRows(const Rows &R, io::Tensor &X, io::Tensor &Y, Row Apply) {
  std::vector<double> Values(static_cast<size_t>(R.Count));
  for (int64_t O = 0; O != R.Outer; ++O)
    for (int64_t I = 0; I != R.Inner; ++I) {
      auto at = [&](int64_t C) { return (O * R.Count + C) * R.Inner + I; };
      for (int64_t C = 0; C != R.Count; ++C)
        Values[static_cast<size_t>(C)] = floats(X)[at(C)];
      Apply(Values);
      for (int64_t C = 0; C != R.Count; ++C)
        floats(Y)[at(C)] = static_cast<float>(Values[static_cast<size_t>(C)]);
    }
}

} // namespace

// Gemm turns the left operand; batches share one right operand.
TEST_P(RngdOddProduct, IsFilledUp) {
  const Sizes &S = GetParam();
  std::mt19937 Random(41);
  std::vector<int64_t> Left = {S.Batch, S.M, S.K}, Right = {S.K, S.N},
                       Result = {S.Batch, S.M, S.N};
  if (S.IsTurned) {
    Left = {S.K, S.M};
    Result = {S.M, S.N};
  }
  io::Tensor A = tensor("a", Left), B = tensor("b", Right),
             Y = tensor("y", Result);
  fill(A, Random);
  fill(B, Random);
  for (int64_t I = 0; I != S.Batch * S.M; ++I)
    for (int64_t N = 0; N != S.N; ++N) {
      double Sum = 0;
      for (int64_t K = 0; K != S.K; ++K)
        Sum += double(floats(A)[S.IsTurned ? K * S.M + I : I * S.K + K]) *
               floats(B)[K * S.N + N];
      floats(Y)[I * S.N + N] = static_cast<float>(Sum);
    }
  std::string Node = S.IsTurned
                         ? node("Gemm", {"a", "b"}, "y", attribute("transA", 1))
                         : node("MatMul", {"a", "b"}, "y");
  std::vector<io::Tensor> Inputs = {A}, Weights;
  (S.IsWeight ? Weights : Inputs).push_back(B);
  check(bytes(1, Node), Inputs, Weights, std::move(Y), {1e-4, 1e-4});
}

INSTANTIATE_TEST_SUITE_P(Sizes, RngdOddProduct,
                         testing::Values(Sizes{1, 1, 1, 1, false, false},
                                         Sizes{1, 5, 768, 2, true, false},
                                         Sizes{2, 3, 100, 7, true, false},
                                         Sizes{3, 4, 17, 50, false, false},
                                         Sizes{1, 33, 130, 257, true, false},
                                         Sizes{1, 1, 64, 1003, true, false},
                                         Sizes{1, 9, 70, 30, false, true},
                                         Sizes{1, 16, 32, 8, true, true},
                                         Sizes{1, 2, 9000, 3, true, false}),
                         testing::PrintToStringParamName());

TEST_P(RngdOddRows, Softmax) {
  const Rows &R = GetParam();
  std::mt19937 Random(42);
  io::Tensor X = tensor("x", {R.Outer, R.Count, R.Inner}),
             Y = tensor("y", {R.Outer, R.Count, R.Inner});
  fill(X, Random);
  alongRows(R, X, Y, [](std::vector<double> &Row) {
    double Sum = 0;
    for (double &Each : Row)
      Sum += Each = std::exp(Each);
    for (double &Each : Row)
      Each /= Sum;
  });
  check(bytes(1, node("Softmax", {"x"}, "y", attribute("axis", 1))), {X}, {},
        std::move(Y), {1e-5, 1e-4});
}

TEST_P(RngdOddRows, SumsAndNorms) {
  const Rows &R = GetParam();
  std::mt19937 Random(43);
  // The norm is over both last axes; the sum over the middle one.
  io::Tensor X = tensor("x", {R.Outer, R.Count, R.Inner}),
             Scale = tensor("s", {R.Count, R.Inner}),
             Bias = tensor("b", {R.Count, R.Inner}),
             Y = tensor("y", {R.Outer, R.Inner});
  io::Tensor Axes = tensor("axes", {1}, io::ElementType::Int64);
  fill(X, Random);
  fill(Scale, Random);
  fill(Bias, Random);
  int64_t Columns = R.Count * R.Inner;
  for (int64_t O = 0; O != R.Outer; ++O) {
    const float *Row = floats(X) + O * Columns;
    double Mean = 0, Variance = 0;
    for (int64_t C = 0; C != Columns; ++C)
      Mean += double(Row[C]) / double(Columns);
    for (int64_t C = 0; C != Columns; ++C)
      Variance += (Row[C] - Mean) * (Row[C] - Mean) / double(Columns);
    for (int64_t I = 0; I != R.Inner; ++I) {
      double Sum = 0;
      for (int64_t C = I; C < Columns; C += R.Inner)
        Sum += (Row[C] - Mean) / std::sqrt(Variance + 1e-5) * floats(Scale)[C] +
               floats(Bias)[C];
      floats(Y)[O * R.Inner + I] = static_cast<float>(Sum);
    }
  }
  std::string Nodes =
      bytes(1, node("LayerNormalization", {"x", "s", "b"}, "n",
                    attribute("axis", 1))) +
      bytes(1, node("ReduceSum", {"n", "axes"}, "y", attribute("keepdims", 0)));
  std::string Given =
      bytes(5, number(1, 1) + number(2, 7) + bytes(8, "axes") +
                   bytes(9, std::string("\1\0\0\0\0\0\0\0", 8)));
  check(Nodes + Given, {X}, {Scale, Bias}, std::move(Y), {2e-4, 2e-4});
}

INSTANTIATE_TEST_SUITE_P(Shapes, RngdOddRows,
                         testing::Values(Rows{1, 3, 1}, Rows{5, 7, 1},
                                         Rows{3, 5, 3}, Rows{7, 197, 1},
                                         Rows{2, 9, 13}, Rows{1, 1001, 1},
                                         Rows{64, 33, 2}),
                         testing::PrintToStringParamName());

// Two heads, three queries: some keys are hidden, the first never.
TEST_P(RngdOddKeys, MaskHides) {
  const int64_t Keys = GetParam(), Heads = 2, Queries = 3, Depth = 16;
  std::mt19937 Random(44);
  io::Tensor Q = tensor("q", {1, Heads, Queries, Depth}),
             K = tensor("k", {1, Heads, Keys, Depth}),
             V = tensor("v", {1, Heads, Keys, Depth}),
             Mask = tensor("m", {1, 1, Queries, Keys}, io::ElementType::Bool),
             Y = tensor("y", {1, Heads, Queries, Depth});
  fill(Q, Random);
  fill(K, Random);
  fill(V, Random);
  for (int64_t I = 0; I != Mask.elementCount(); ++I)
    Mask.Bytes[static_cast<size_t>(I)] =
        std::byte(I % Keys == 0 || Random() % 3 != 0);
  for (int64_t H = 0; H != Heads; ++H)
    for (int64_t M = 0; M != Queries; ++M) {
      std::vector<double> Values(Depth);
      double Sum = 0;
      for (int64_t T = 0; T != Keys; ++T) {
        if (Mask.Bytes[static_cast<size_t>(M * Keys + T)] == std::byte(0))
          continue;
        double Score = 0;
        for (int64_t D = 0; D != Depth; ++D)
          Score += double(floats(Q)[(H * Queries + M) * Depth + D]) *
                   floats(K)[(H * Keys + T) * Depth + D];
        double Weight = std::exp(Score / 4);
        Sum += Weight;
        for (int64_t D = 0; D != Depth; ++D)
          Values[static_cast<size_t>(D)] +=
              Weight * floats(V)[(H * Keys + T) * Depth + D];
      }
      for (int64_t D = 0; D != Depth; ++D)
        floats(Y)[(H * Queries + M) * Depth + D] =
            static_cast<float>(Values[static_cast<size_t>(D)] / Sum);
    }
  check(bytes(1, node("Attention", {"q", "k", "v", "m"}, "y")), {Q, K, V, Mask},
        {}, std::move(Y), {1.0 / 256, 1.0 / 128});
}

INSTANTIATE_TEST_SUITE_P(Keys, RngdOddKeys,
                         testing::Values(1, 2, 3, 5, 7, 9, 12, 33, 100, 257));
