// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// QuantizeLinear and DequantizeLinear on RNGD against the formulas of ONNX, to
// the bit: ties, what saturates, zero points of all sizes; and products between
// them.
#include "test/models/OnnxByHand.h"

#include <algorithm>
#include <cmath>

using namespace dure;
using namespace dure::byhand;

namespace {

struct Quantized {
  std::vector<int64_t> Dims;
  float Scale;
  int Zero;
  bool IsUnsigned;
  /// Of a product with weights of 8 bits that follows; 0: none does.
  int64_t Columns = 0;
};

void PrintTo(const Quantized &Q, std::ostream *Out) {
  *Out << (Q.IsUnsigned ? "u8" : "i8");
  for (int64_t Dim : Q.Dims)
    *Out << "_" << Dim;
  *Out << "_zero" << (Q.Zero < 0 ? "_minus" : "") << std::abs(Q.Zero);
  if (Q.Columns > 0)
    *Out << "_times" << Q.Columns;
}

std::string stored(const std::string &Name, int64_t Type,
                   const std::vector<int64_t> &Dims, const std::string &Raw) {
  std::string Text;
  for (int64_t Dim : Dims)
    Text += number(1, Dim);
  return bytes(5, Text + number(2, Type) + bytes(8, Name) + bytes(9, Raw));
}

std::string rawOf(float Value) {
  return {reinterpret_cast<const char *>(&Value), sizeof(Value)};
}

/// Ties, their neighbours, and numbers far out of range among others.
void fillAround(io::Tensor &X, float Scale, std::mt19937 &Random) {
  std::uniform_int_distribution<int> Half(-600, 600), Kind(0, 15);
  std::uniform_real_distribution<float> Any(-300, 300);
  const float Far[] = {1e10f, -1e10f, 6e6f, -6e6f, 3e38f, -3e38f, 2e7f, -2e7f};
  for (int64_t I = 0; I != X.elementCount(); ++I) {
    int What = Kind(Random);
    float Value = static_cast<float>(Half(Random)) / 2 * Scale;
    if (What == 0)
      Value = Far[I % 8] * std::min(Scale, 1.0f);
    else if (What < 4)
      Value = std::nextafterf(Value, What == 1 ? 1e30f : -1e30f);
    else if (What < 10)
      Value = Any(Random) * Scale;
    floats(X)[I] = Value;
  }
}

/// What quantizing and dequantizing makes of x.
float back(float X, const Quantized &Q) {
  float Low = Q.IsUnsigned ? 0 : -128, High = Q.IsUnsigned ? 255 : 127;
  float Whole = std::nearbyintf(X / Q.Scale) + static_cast<float>(Q.Zero);
  return (std::clamp(Whole, Low, High) - static_cast<float>(Q.Zero)) * Q.Scale;
}

/// y = x times numbers of 8 bits, by a scale of 1/4.
std::string product(const Quantized &Q, const io::Tensor &X, io::Tensor &Y,
                    std::mt19937 &Random) {
  int64_t Inner = X.Dims.back(), Rows = X.elementCount() / Inner;
  std::string Weights;
  for (int64_t I = 0; I != Inner * Q.Columns; ++I)
    Weights += static_cast<char>(
        std::uniform_int_distribution<int>(-128, 127)(Random));
  for (int64_t M = 0; M != Rows; ++M)
    for (int64_t N = 0; N != Q.Columns; ++N) {
      double Sum = 0;
      for (int64_t K = 0; K != Inner; ++K) {
        float Of;
        std::memcpy(&Of, &X.Bytes[static_cast<size_t>(M * Inner + K) * 4], 4);
        Sum += double(back(Of, Q)) *
               static_cast<signed char>(Weights[K * Q.Columns + N]) / 4;
      }
      floats(Y)[M * Q.Columns + N] = static_cast<float>(Sum);
    }
  return stored("w", 3, {Inner, Q.Columns}, Weights) +
         stored("sw", 1, {}, rawOf(0.25f));
}

class RngdQuantize : public testing::TestWithParam<Quantized> {};

} // namespace

TEST_P(RngdQuantize, RoundsAndSaturatesAsOnnx) {
  const Quantized &Q = GetParam();
  std::mt19937 Random(5);
  std::vector<int64_t> To = Q.Dims;
  if (Q.Columns > 0)
    To.back() = Q.Columns;
  io::Tensor X = tensor("x", Q.Dims), Y = tensor("y", To);
  fillAround(X, Q.Scale, Random);
  std::string Graph = bytes(1, node("QuantizeLinear", {"x", "s", "z"}, "q")) +
                      bytes(1, node("DequantizeLinear", {"q", "s", "z"},
                                    Q.Columns > 0 ? "d" : "y"));
  std::string Constants = stored("s", 1, {}, rawOf(Q.Scale)) +
                          stored("z", Q.IsUnsigned ? 2 : 3, {},
                                 std::string(1, static_cast<char>(Q.Zero)));
  if (Q.Columns > 0) {
    Graph += bytes(1, node("DequantizeLinear", {"w", "sw"}, "wd")) +
             bytes(1, node("MatMul", {"d", "wd"}, "y"));
    Constants += product(Q, X, Y, Random);
  } else {
    for (int64_t I = 0; I != X.elementCount(); ++I)
      floats(Y)[I] = back(floats(X)[I], Q);
  }
  Graph += bytes(2, "quantized") + Constants + bytes(11, valueInfo(X)) +
           bytes(12, valueInfo(Y));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(X));
  Data.Expected.push_back({0, std::move(Y)});
  io::Tolerance Exact{0, 0}, OfSums{1e-3, 1e-6};
  checkOnRngd(Graph, 21, Data, Q.Columns > 0 ? OfSums : Exact);
}

INSTANTIATE_TEST_SUITE_P(
    Types, RngdQuantize,
    testing::Values(Quantized{{8}, 1, 0, false},
                    Quantized{{1, 4, 1, 17}, 0.05f, 11, true},
                    Quantized{{3, 101}, 0.05f, -11, false},
                    Quantized{{4, 64}, 0.1f, 0, false},
                    Quantized{{3, 40}, 0.037f, -128, false},
                    Quantized{{2, 7, 72}, 0.5f, 127, false},
                    Quantized{{16, 256}, 0.02f, 128, true},
                    Quantized{{5, 24}, 2.5f, 255, true},
                    Quantized{{1000, 1032}, 0.3f, 3, true},
                    Quantized{{1, 8, 64}, 0.25f, 0, false, 32},
                    Quantized{{33, 128}, 0.5f, 0, true, 64},
                    Quantized{{2, 21, 96}, 0.037f, 97, true, 40},
                    Quantized{{7, 160}, 0.05f, -31, false, 16}),
    testing::PrintToStringParamName());

namespace {

/// DynamicQuantizeLinear of numbers around a center.
struct Dynamic {
  std::vector<int64_t> Dims;
  float Center, Spread;
};

void PrintTo(const Dynamic &D, std::ostream *Out) {
  *Out << "around" << (D.Center < 0 ? "_minus_" : "_")
       << std::abs(std::lround(10 * D.Center)) << "_tenths";
  for (int64_t Dim : D.Dims)
    *Out << "_" << Dim;
}

class RngdDynamic : public testing::TestWithParam<Dynamic> {};

std::string byteInfo(const std::string &Name,
                     const std::vector<int64_t> &Dims) {
  std::string Text;
  for (int64_t Dim : Dims)
    Text += bytes(1, number(1, Dim));
  return bytes(1, Name) + bytes(2, bytes(1, number(1, 2) + bytes(2, Text)));
}

io::Tensor byteTensor(const std::string &Name, std::vector<int64_t> Dims) {
  io::Tensor T = tensor(Name, std::move(Dims), io::ElementType::UInt8);
  T.Bytes.resize(static_cast<size_t>(T.elementCount()));
  return T;
}

} // namespace

TEST_P(RngdDynamic, ScalesByTheRangeAsOnnx) {
  const Dynamic &D = GetParam();
  std::mt19937 Random(9);
  io::Tensor X = tensor("x", D.Dims), Y = byteTensor("y", D.Dims),
             Scale = tensor("s", {}), Zero = byteTensor("z", {});
  std::uniform_real_distribution<float> Any(D.Center - D.Spread,
                                            D.Center + D.Spread);
  float Low = 0, High = 0;
  for (int64_t I = 0; I != X.elementCount(); ++I) {
    floats(X)[I] = D.Spread == 0 ? D.Center : Any(Random);
    Low = std::min(Low, floats(X)[I]);
    High = std::max(High, floats(X)[I]);
  }
  float Step = (High - Low) / 255;
  Step = Step == 0 ? 1 : Step;
  auto Byte = [](float Whole) {
    return static_cast<std::remove_reference_t<decltype(Y.Bytes[0])>>(
        static_cast<int>(std::clamp(Whole, 0.0f, 255.0f)));
  };
  floats(Scale)[0] = Step;
  float Point = std::clamp(std::nearbyintf((0 - Low) / Step), 0.0f, 255.0f);
  Zero.Bytes[0] = Byte(Point);
  for (int64_t I = 0; I != X.elementCount(); ++I)
    Y.Bytes[static_cast<size_t>(I)] =
        Byte(std::nearbyintf(floats(X)[I] / Step) + Point);
  std::string Node = bytes(1, "x") + bytes(2, "y") + bytes(2, "s") +
                     bytes(2, "z") + bytes(4, "DynamicQuantizeLinear");
  std::string Graph =
      bytes(1, Node) + bytes(2, "dynamic") + bytes(11, valueInfo(X)) +
      bytes(12, byteInfo("y", D.Dims)) + bytes(12, valueInfo(Scale)) +
      bytes(12, byteInfo("z", {}));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(X));
  Data.Expected.push_back({0, std::move(Y)});
  Data.Expected.push_back({1, std::move(Scale)});
  Data.Expected.push_back({2, std::move(Zero)});
  for (const char *Variant : {"rngd", "rngd-tcc"}) {
    SCOPED_TRACE(Variant);
    checkOnRngd(Graph, 21, Data, {0, 0}, Variant);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ranges, RngdDynamic,
    testing::Values(Dynamic{{6}, 0, 1}, Dynamic{{4, 8}, 3, 1},
                    Dynamic{{1, 7, 64}, -2, 0.1f}, Dynamic{{33, 42}, 5, 40},
                    Dynamic{{2, 3, 5, 4}, 0, 0}, Dynamic{{512, 384}, 0.5f, 2},
                    Dynamic{{1000, 1032}, -1, 30}),
    testing::PrintToStringParamName());
