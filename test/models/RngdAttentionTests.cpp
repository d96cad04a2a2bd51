// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of many shapes on RNGD against sums in double. Shapes are what
// divides it differently: few queries and many, keys that no power of two
// divides, heads that share keys, masks of each form.
#include "test/models/OnnxByHand.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>

using namespace dure;
using namespace dure::byhand;

namespace {

enum class Mask { None, Bool, Float };

struct Shape {
  int64_t Batch, Groups, Heads, Queries, Keys, Depth, Width;
  bool IsCausal = false;
  Mask Kind = Mask::None;
  bool PerBatch = false, PerHead = false;
  float Softcap = 0;
};

void PrintTo(const Shape &S, std::ostream *Out) {
  *Out << S.Batch << "_" << S.Groups << "_" << S.Heads << "_" << S.Queries
       << "_" << S.Keys << "_" << S.Depth << "_" << S.Width
       << (S.IsCausal ? "_causal" : "")
       << (S.Kind == Mask::Bool    ? "_bool"
           : S.Kind == Mask::Float ? "_float"
                                   : "")
       << (S.PerBatch ? "_batches" : "") << (S.PerHead ? "_heads" : "")
       << (S.Softcap != 0 ? "_softcap" : "");
}

std::string attribute(const std::string &Name, int64_t Value) {
  return bytes(5, bytes(1, Name) + number(3, Value) + number(20, 2));
}

std::string attribute(const std::string &Name, float Value) {
  std::string Raw(4, '\0');
  std::memcpy(Raw.data(), &Value, 4);
  return bytes(5, bytes(1, Name) + varint(2 << 3 | 5) + Raw + number(20, 1));
}

/// One attention: its tensors, and what it must give.
class Case {
public:
  explicit Case(const Shape &S);

  io::Tensor Q, K, V, Y, M;

private:
  void fillMask(std::mt19937 &Random);
  /// What a mask adds to a score; none for a hidden key.
  std::optional<float> added(int64_t B, int64_t H, int64_t T, int64_t Key);
  void row(int64_t B, int64_t H, int64_t T);

  const Shape &S;
};

} // namespace

Case::Case(const Shape &S) : S(S) {
  int64_t Heads = S.Groups * S.Heads;
  Q = tensor("q", {S.Batch, Heads, S.Queries, S.Depth});
  K = tensor("k", {S.Batch, S.Groups, S.Keys, S.Depth});
  V = tensor("v", {S.Batch, S.Groups, S.Keys, S.Width});
  Y = tensor("y", {S.Batch, Heads, S.Queries, S.Width});
  std::mt19937 Random(11);
  for (io::Tensor *Each : {&Q, &K, &V})
    fill(*Each, Random);
  if (S.Kind != Mask::None)
    fillMask(Random);
  for (int64_t B = 0; B != S.Batch; ++B)
    for (int64_t H = 0; H != Heads; ++H)
      for (int64_t T = 0; T != S.Queries; ++T)
        row(B, H, T);
}

/// Hides some keys, one from all queries, whose rows are no numbers, and all
/// from one query.
void Case::fillMask(std::mt19937 &Random) {
  M = tensor("m",
             {S.PerBatch ? S.Batch : 1, S.PerHead ? S.Groups * S.Heads : 1,
              S.Queries, S.Keys},
             S.Kind == Mask::Bool ? io::ElementType::Bool
                                  : io::ElementType::Float32);
  for (int64_t I = 0; I != M.elementCount(); ++I) {
    int64_t Key = I % S.Keys, Query = I / S.Keys % S.Queries;
    bool Sees = Random() % 4 != 0 && Key != 2 && (S.Queries == 1 || Query != 1);
    if (S.Kind == Mask::Bool)
      M.Bytes[static_cast<size_t>(I)] = std::byte(Sees);
    else
      floats(M)[I] = Sees ? static_cast<float>(Random() % 16) / 8 - 1
                          : -std::numeric_limits<float>::infinity();
  }
  float NaN = std::numeric_limits<float>::quiet_NaN();
  for (int64_t G = 0; G != S.Batch * S.Groups; ++G) {
    for (int64_t D = 0; D != S.Depth; ++D)
      floats(K)[(G * S.Keys + 2) * S.Depth + D] = NaN;
    for (int64_t E = 0; E != S.Width; ++E)
      floats(V)[(G * S.Keys + 2) * S.Width + E] = NaN;
  }
}

std::optional<float> Case::added(int64_t B, int64_t H, int64_t T, int64_t Key) {
  if (S.IsCausal && Key > T + S.Keys - S.Queries)
    return std::nullopt;
  if (S.Kind == Mask::None)
    return 0.0f;
  int64_t Row = S.PerBatch ? B : 0;
  if (S.PerHead)
    Row = Row * S.Groups * S.Heads + H;
  int64_t I = (Row * S.Queries + T) * S.Keys + Key;
  if (S.Kind == Mask::Bool)
    return M.Bytes[static_cast<size_t>(I)] != std::byte(0) ? std::optional(0.0f)
                                                           : std::nullopt;
  float Value = floats(M)[I];
  return std::isinf(Value) ? std::nullopt : std::optional(Value);
}

void Case::row(int64_t B, int64_t H, int64_t T) {
  int64_t Heads = S.Groups * S.Heads, G = B * S.Groups + H / S.Heads;
  const float *Query = floats(Q) + ((B * Heads + H) * S.Queries + T) * S.Depth;
  std::vector<double> Scores;
  double Highest = -1e300, Sum = 0;
  for (int64_t Key = 0; Key != S.Keys; ++Key) {
    std::optional<float> More = added(B, H, T, Key);
    double Score = 0;
    const float *Row = floats(K) + (G * S.Keys + Key) * S.Depth;
    for (int64_t D = 0; D != S.Depth; ++D)
      Score += double(Query[D]) * Row[D];
    Score /= std::sqrt(double(S.Depth));
    if (S.Softcap != 0)
      Score = S.Softcap * std::tanh(Score / S.Softcap);
    Scores.push_back(More ? Score + *More
                          : -std::numeric_limits<double>::infinity());
    Highest = std::max(Highest, Scores.back());
  }
  for (double &Each : Scores)
    Sum += Each = std::exp(Each - Highest);
  for (int64_t E = 0; E != S.Width; ++E) {
    double Value = 0;
    for (int64_t Key = 0; Key != S.Keys; ++Key)
      if (double Weight = Scores[static_cast<size_t>(Key)]; Weight != 0)
        Value += Weight / Sum * floats(V)[(G * S.Keys + Key) * S.Width + E];
    floats(Y)[((B * Heads + H) * S.Queries + T) * S.Width + E] =
        static_cast<float>(Value);
  }
}

namespace {
class RngdAttention : public testing::TestWithParam<Shape> {};
} // namespace

TEST_P(RngdAttention, IsTheSumInDouble) {
  const Shape &S = GetParam();
  Case C(S);
  bool IsMasked = S.Kind != Mask::None;
  std::vector<std::string> Names = {"q", "k", "v"};
  if (IsMasked)
    Names.push_back("m");
  std::string Attributes = attribute("is_causal", int64_t(S.IsCausal));
  if (S.Softcap != 0)
    Attributes += attribute("softcap", S.Softcap);
  std::string Graph = bytes(1, node("Attention", Names, "y", Attributes)) +
                      bytes(2, "attention") + bytes(11, valueInfo(C.Q)) +
                      bytes(11, valueInfo(C.K)) + bytes(11, valueInfo(C.V));
  if (IsMasked)
    Graph += bytes(11, valueInfo(C.M));
  Graph += bytes(12, valueInfo(C.Y));
  modeltest::RunData Data;
  for (io::Tensor *Each : {&C.Q, &C.K, &C.V})
    Data.Inputs.push_back(std::move(*Each));
  if (IsMasked)
    Data.Inputs.push_back(std::move(C.M));
  Data.Expected.push_back({0, std::move(C.Y)});
  // Weights are rounded to bf16, by up to 1 / 256 of each.
  checkOnRngd(Graph, 23, Data, {4e-3, 4e-3});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RngdAttention,
    testing::Values(
        // One query, keys over all slices; ends that fill no slice.
        Shape{1, 8, 4, 1, 2048, 64, 64}, Shape{1, 2, 1, 1, 1037, 32, 16},
        Shape{2, 1, 7, 1, 16, 16, 8}, Shape{1, 4, 2, 2, 4099, 128, 128},
        // Causal: stretches of keys that a tile does not see.
        Shape{1, 2, 4, 512, 512, 64, 64, true},
        Shape{1, 3, 2, 61, 61, 32, 32, true},
        Shape{2, 2, 2, 100, 100, 48, 24, true},
        // Heads that are no whole flits.
        Shape{1, 2, 2, 24, 24, 24, 24, true}, Shape{2, 2, 1, 1, 300, 72, 72},
        Shape{1, 2, 3, 33, 64, 10, 8, false, Mask::Bool},
        Shape{1, 1, 4, 256, 256, 8, 16, true},
        // Many groups; more heads than registers have statistics for.
        Shape{40, 12, 1, 8, 24, 16, 16}, Shape{1, 1, 160, 3, 32, 32, 32},
        Shape{1, 1, 71, 33, 33, 64, 64, true},
        // Masks: of truth values or numbers, of all, each batch or head.
        Shape{2, 2, 2, 24, 72, 32, 32, false, Mask::Bool, true},
        Shape{2, 2, 2, 24, 72, 32, 32, false, Mask::Bool, true, true},
        Shape{2, 2, 3, 48, 48, 32, 32, true, Mask::Bool},
        Shape{2, 2, 2, 24, 72, 32, 32, false, Mask::Float, true},
        // And of the stretches that a tile sees.
        Shape{1, 2, 2, 512, 512, 32, 32, true, Mask::Bool},
        Shape{1, 2, 2, 512, 512, 32, 32, true, Mask::Float, false, true},
        Shape{2, 1, 2, 500, 500, 32, 32, true, Mask::Float, true},
        Shape{1, 2, 2, 10, 30, 32, 32, false, Mask::Float},
        Shape{2, 2, 2, 24, 40, 32, 32, false, Mask::Float, false, true},
        Shape{1, 4, 2, 1, 1000, 64, 64, false, Mask::Bool},
        Shape{1, 2, 2, 64, 64, 32, 32, true, Mask::None, false, false, 0.5f},
        Shape{1, 2, 2, 30, 64, 32, 32, false, Mask::Float, false, false, 2}),
    testing::PrintToStringParamName());
