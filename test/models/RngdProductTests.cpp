// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of many shapes on RNGD against sums in double: inputs are numbers of
// bf16, so that only the order of sums differs. Shapes are what divides them
// differently: few rows, rings of all sizes, sums that continue, sizes that no
// power of two divides, k divided over slices.
#include "test/models/OnnxByHand.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>

using namespace dure;
using namespace dure::byhand;

namespace {

struct Shape {
  int64_t Batch, M, N, K;
  bool IsWeight = false, IsTransposed = false;
  /// A pass of the vector engine follows, where the product has left its sums.
  bool IsFollowed = false;
};

void PrintTo(const Shape &S, std::ostream *Out) {
  *Out << S.Batch << "_" << S.M << "_" << S.N << "_" << S.K
       << (S.IsWeight ? "_weight" : "") << (S.IsTransposed ? "_transposed" : "")
       << (S.IsFollowed ? "_followed" : "");
}

//===----------------------------------------------------------------------===//
// One product
//===----------------------------------------------------------------------===//

class RngdProduct : public testing::TestWithParam<Shape> {};

} // namespace

TEST_P(RngdProduct, IsTheSumInDouble) {
  const Shape &S = GetParam();
  auto Dims = [&](int64_t Rows, int64_t Columns) {
    return S.Batch == 1 ? std::vector<int64_t>{Rows, Columns}
                        : std::vector<int64_t>{S.Batch, Rows, Columns};
  };
  std::mt19937 Random(7);
  io::Tensor A = tensor("a", Dims(S.M, S.K)), C = tensor("c", Dims(S.M, S.N));
  io::Tensor B = tensor("b", S.IsTransposed ? Dims(S.N, S.K) : Dims(S.K, S.N));
  fill(A, Random);
  fill(B, Random);
  for (int64_t Batch = 0; Batch != S.Batch; ++Batch)
    for (int64_t M = 0; M != S.M; ++M) {
      std::vector<double> Row(static_cast<size_t>(S.N));
      for (int64_t K = 0; K != S.K; ++K) {
        double Left = floats(A)[(Batch * S.M + M) * S.K + K];
        const float *Right = floats(B) + Batch * S.K * S.N;
        for (int64_t N = 0; N != S.N; ++N)
          Row[static_cast<size_t>(N)] +=
              Left * Right[S.IsTransposed ? N * S.K + K : K * S.N + N];
      }
      for (int64_t N = 0; N != S.N; ++N)
        floats(C)[(Batch * S.M + M) * S.N + N] = static_cast<float>(
            S.IsFollowed ? std::abs(Row[static_cast<size_t>(N)])
                         : Row[static_cast<size_t>(N)]);
    }

  std::string Graph;
  if (S.IsTransposed) {
    std::string Order = S.Batch == 1
                            ? number(8, 1) + number(8, 0)
                            : number(8, 0) + number(8, 2) + number(8, 1);
    Graph += bytes(1, node("Transpose", {"b"}, "t",
                           bytes(5, bytes(1, "perm") + Order + number(20, 7))));
  }
  Graph += bytes(1, node("MatMul", {"a", S.IsTransposed ? "t" : "b"},
                         S.IsFollowed ? "p" : "c"));
  if (S.IsFollowed)
    Graph += bytes(1, node("Abs", {"p"}, "c"));
  Graph += bytes(2, "product");
  if (S.IsWeight)
    Graph += bytes(5, initializer(B));
  Graph += bytes(11, valueInfo(A));
  if (!S.IsWeight)
    Graph += bytes(11, valueInfo(B));
  Graph += bytes(12, valueInfo(C));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(A));
  if (!S.IsWeight)
    Data.Inputs.push_back(std::move(B));
  Data.Expected.push_back({0, std::move(C)});
  for (const char *Variant : {"rngd", "rngd-tcc"}) {
    SCOPED_TRACE(Variant);
    checkOnRngd(Graph, 17, Data, {1e-3, 1e-4}, Variant);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RngdProduct,
    testing::Values(
        // Few rows: all slices have columns of their own.
        Shape{1, 1, 512, 4096, true}, Shape{1, 1, 4096, 256, true},
        Shape{1, 3, 1024, 1600, true}, Shape{1, 7, 40, 16, true},
        Shape{1, 1, 20000, 1024, true, true}, Shape{1, 1, 9216, 2048, true},
        // Rows go round rings.
        Shape{1, 128, 384, 384, true}, Shape{1, 512, 512, 512, true},
        Shape{1, 700, 320, 1024, true}, Shape{1, 125, 88, 240},
        // Sums that continue, the last part of k smaller.
        Shape{1, 64, 512, 6144, true}, Shape{1, 33, 128, 9632, true, true},
        Shape{1, 300, 1000, 800, true, true},
        // k divided over slices: few columns for their sums, one part or
        // several; by the profile tcc with the operands in each other's place,
        // of one row and many.
        Shape{1, 128, 384, 1536, true}, Shape{1, 300, 768, 6144, true},
        Shape{1, 1, 560, 8192, true}, Shape{1, 5, 120, 8192, true},
        Shape{1, 2, 936, 2048, true, true}, Shape{1, 16, 256, 2048, true},
        Shape{1, 1, 1120, 9632, true}, Shape{2, 24, 40, 1024},
        Shape{1, 64, 384, 1536, true, false, true},
        Shape{1, 5, 64, 1024, true, false, true},
        // Operands that are computed, not packed.
        Shape{1, 200, 256, 512, false, true}, Shape{1, 17, 520, 96},
        Shape{12, 128, 128, 32}, Shape{3, 31, 64, 112, false, true},
        Shape{16, 1, 64, 128}),
    testing::PrintToStringParamName());
