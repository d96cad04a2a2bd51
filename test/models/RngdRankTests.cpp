// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TopK on RNGD against a stable sort: ties, zeros of both signs, infinities,
// what is no number, odd numbers of picks; and rows of softmax and sums whose
// length no packet divides.
#include "test/models/OnnxByHand.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace dure;
using namespace dure::byhand;

namespace {

struct Ranked {
  std::vector<int64_t> Dims;
  int64_t Picks;
  bool Largest = true;
  /// A few numbers again and again, and such as are none.
  bool IsHard = false;
};

void PrintTo(const Ranked &R, std::ostream *Out) {
  *Out << R.Picks << (R.Largest ? "_largest_of" : "_smallest_of");
  for (int64_t Dim : R.Dims)
    *Out << "_" << Dim;
}

constexpr float Inf = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();
const float Hard[] = {0, -0.0f, 1, -1, 0.5f, Inf, -Inf, NaN, -NaN, 1e-45f};

void fill(io::Tensor &X, bool IsHard) {
  std::mt19937 Random(3);
  std::uniform_real_distribution<float> Any(-4, 4);
  std::uniform_int_distribution<size_t> Which(0, std::size(Hard) - 1);
  for (int64_t I = 0; I != X.elementCount(); ++I)
    floats(X)[I] = IsHard ? Hard[Which(Random)] : Any(Random);
}

/// A number above all others stands for what is none.
bool isBelow(float A, float B) {
  return !std::isnan(A) && (std::isnan(B) || A < B);
}

class RngdRank : public testing::TestWithParam<Ranked> {};
class RngdRows : public testing::TestWithParam<std::vector<int64_t>> {};

} // namespace

TEST_P(RngdRank, IsAStableSort) {
  const Ranked &R = GetParam();
  std::vector<int64_t> To = R.Dims;
  To.back() = R.Picks;
  io::Tensor X = tensor("x", R.Dims), V = tensor("v", To),
             Places = tensor("i", To, io::ElementType::Int64);
  fill(X, R.IsHard);
  int64_t Length = R.Dims.back(), Rows = X.elementCount() / Length;
  std::vector<int64_t> Order(static_cast<size_t>(Length));
  for (int64_t Row = 0; Row != Rows; ++Row) {
    const float *Of = floats(X) + Row * Length;
    std::iota(Order.begin(), Order.end(), 0);
    std::sort(Order.begin(), Order.end(), [&](int64_t A, int64_t B) {
      float Low = Of[R.Largest ? B : A], High = Of[R.Largest ? A : B];
      return isBelow(Low, High) || (!isBelow(High, Low) && A < B);
    });
    for (int64_t I = 0; I != R.Picks; ++I) {
      int64_t To = Row * R.Picks + I, From = Order[static_cast<size_t>(I)];
      floats(V)[To] = Of[From];
      std::memcpy(&Places.Bytes[static_cast<size_t>(To) * 8], &From, 8);
    }
  }
  std::string Count =
      number(1, 1) + number(2, 7) + bytes(8, "k") +
      bytes(9, {reinterpret_cast<const char *>(&R.Picks), sizeof(R.Picks)});
  std::string TopK =
      bytes(1, "x") + bytes(1, "k") + bytes(2, "v") + bytes(2, "i") +
      bytes(4, "TopK") +
      bytes(5, bytes(1, "largest") + number(3, R.Largest) + number(20, 2));
  std::string Graph = bytes(1, TopK) + bytes(2, "ranks") + bytes(5, Count) +
                      bytes(11, valueInfo(X)) + bytes(12, valueInfo(V)) +
                      bytes(12, valueInfo(Places));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(X));
  Data.Expected.push_back({0, std::move(V)});
  Data.Expected.push_back({1, std::move(Places)});
  checkOnRngd(Graph, 21, Data, {0, 0});
}

INSTANTIATE_TEST_SUITE_P(
    Routers, RngdRank,
    testing::Values(Ranked{{1, 128}, 8}, Ranked{{1, 128}, 1},
                    Ranked{{7, 64}, 6}, Ranked{{2, 3, 256}, 8, false},
                    Ranked{{100, 8}, 3}, Ranked{{512, 32}, 4},
                    Ranked{{1, 1024}, 1024}, Ranked{{33, 16}, 5, true, true},
                    Ranked{{3, 40}, 40, true, true},
                    Ranked{{64, 128}, 7, false, true}));

TEST_P(RngdRows, AreSoftmaxAndSums) {
  const std::vector<int64_t> &Dims = GetParam();
  io::Tensor X = tensor("x", Dims), Y = tensor("y", Dims);
  fill(X, false);
  int64_t Length = Dims.back(), Rows = X.elementCount() / Length;
  io::Tensor S = tensor("s", {Rows});
  for (int64_t Row = 0; Row != Rows; ++Row) {
    const float *Of = floats(X) + Row * Length;
    double Sum = 0, Exps = 0;
    for (int64_t I = 0; I != Length; ++I) {
      Sum += double(Of[I]) * Of[I];
      Exps += std::exp(double(Of[I]));
    }
    floats(S)[Row] = static_cast<float>(Sum);
    for (int64_t I = 0; I != Length; ++I)
      floats(Y)[Row * Length + I] =
          static_cast<float>(std::exp(double(Of[I])) / Exps);
  }
  int64_t Axis = 1;
  std::string Axes =
      number(1, 1) + number(2, 7) + bytes(8, "axes") +
      bytes(9, {reinterpret_cast<const char *>(&Axis), sizeof(Axis)});
  std::string Drop =
      bytes(5, bytes(1, "keepdims") + number(3, 0) + number(20, 2));
  std::string Graph =
      bytes(1, node("Softmax", {"x"}, "y")) +
      bytes(1, node("ReduceSumSquare", {"x", "axes"}, "s", Drop)) +
      bytes(2, "rows") + bytes(5, Axes) + bytes(11, valueInfo(X)) +
      bytes(12, valueInfo(Y)) + bytes(12, valueInfo(S));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(X));
  Data.Expected.push_back({0, std::move(Y)});
  Data.Expected.push_back({1, std::move(S)});
  checkOnRngd(Graph, 18, Data, {1e-5, 1e-5});
}

INSTANTIATE_TEST_SUITE_P(Lengths, RngdRows,
                         testing::Values(std::vector<int64_t>{8, 2},
                                         std::vector<int64_t>{2, 6},
                                         std::vector<int64_t>{64, 4},
                                         std::vector<int64_t>{6, 130},
                                         std::vector<int64_t>{30, 1028}));
