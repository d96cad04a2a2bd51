// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of quantized matrices on RNGD against sums of integers: to the bit
// where the result is of integers, and where they are scaled afterwards, to
// what f32 rounds.
#include "test/models/OnnxByHand.h"

#include <algorithm>
#include <cmath>

using namespace dure;
using namespace dure::byhand;

namespace {

using io::ElementType;

/// Where a zero point comes from.
enum class Zero { None, Constant, Vector, Input };

struct Integers {
  int64_t Batch, M, N, K;
  bool LeftSigned, RightSigned;
  Zero Left = Zero::None, Right = Zero::None;
  /// The right matrix is an input, too: always with several batches.
  bool RightIsInput = false;
};

void print(Zero Of, const char *Name, std::ostream *Out) {
  if (Of == Zero::None)
    return;
  *Out << "_" << Name
       << (Of == Zero::Constant ? "_constant"
           : Of == Zero::Vector ? "_vector"
                                : "_input");
}

void PrintTo(const Integers &I, std::ostream *Out) {
  *Out << I.Batch << "_" << I.M << "_" << I.N << "_" << I.K
       << (I.LeftSigned ? "_i8" : "_u8") << (I.RightSigned ? "_i8" : "_u8");
  print(I.Left, "left", Out);
  print(I.Right, "right", Out);
  *Out << (I.RightIsInput ? "_both_inputs" : "");
}

io::Tensor typed(const std::string &Name, std::vector<int64_t> Dims,
                 ElementType Type) {
  io::Tensor T = tensor(Name, std::move(Dims), Type);
  bool IsByte = Type == ElementType::UInt8 || Type == ElementType::Int8;
  T.Bytes.resize(static_cast<size_t>(T.elementCount()) * (IsByte ? 1 : 4));
  return T;
}

std::string info(const io::Tensor &T) {
  std::string Dims;
  for (int64_t Dim : T.Dims)
    Dims += bytes(1, number(1, Dim));
  return bytes(1, T.Name) +
         bytes(2, bytes(1, number(1, static_cast<int64_t>(T.Type)) +
                               bytes(2, Dims)));
}

std::string stored(const io::Tensor &T) {
  std::string Text;
  for (int64_t Dim : T.Dims)
    Text += number(1, Dim);
  return bytes(
      5,
      Text + number(2, static_cast<int64_t>(T.Type)) + bytes(8, T.Name) +
          bytes(9, std::string(reinterpret_cast<const char *>(T.Bytes.data()),
                               T.Bytes.size())));
}

int64_t byteAt(const io::Tensor &T, int64_t At) {
  auto Byte = static_cast<uint8_t>(T.Bytes[static_cast<size_t>(At)]);
  return T.Type == ElementType::Int8 ? static_cast<int8_t>(Byte) : Byte;
}

/// All bytes alike often: the least and the largest, which sums overflow by.
void fillBytes(io::Tensor &T, std::mt19937 &Random) {
  std::uniform_int_distribution<int> Any(0, 255), Kind(0, 3);
  for (auto &Byte : T.Bytes) {
    int Value =
        Kind(Random) == 0 ? (Any(Random) & 1 ? 0x80 : 0x7f) : Any(Random);
    Byte = static_cast<std::remove_reference_t<decltype(Byte)>>(Value);
  }
}

/// A graph under way: what it reads, and what it is of.
struct Graph {
  std::string Nodes, Stored, Inputs;
  modeltest::RunData Data;

  void constant(const io::Tensor &T) { Stored += stored(T); }
  void input(io::Tensor T) {
    Inputs += bytes(11, info(T));
    Data.Inputs.push_back(std::move(T));
  }
  void op(const std::string &Kind, const std::vector<std::string> &In,
          const std::string &Out, const std::string &Attributes = {}) {
    Nodes += bytes(1, node(Kind, In, Out, Attributes));
  }
  void check(io::Tensor Result, io::Tolerance Allowed) {
    std::string All = Nodes + bytes(2, "integers") + Stored + Inputs +
                      bytes(12, info(Result));
    Data.Expected.push_back({0, std::move(Result)});
    for (const char *Variant : {"rngd", "rngd-tcc"}) {
      SCOPED_TRACE(Variant);
      checkOnRngd(All, 21, Data, Allowed, Variant);
    }
  }
};

/// A zero point as a graph has it, of a matrix with so many columns; its name.
std::string zeroPoint(Graph &To, const char *Name, Zero From, ElementType Type,
                      int64_t Columns, std::mt19937 &Random, int64_t &Value) {
  Value = 0;
  if (From == Zero::None)
    return "";
  bool IsVector = From == Zero::Vector;
  io::Tensor T = typed(
      Name, IsVector ? std::vector<int64_t>{Columns} : std::vector<int64_t>{},
      Type);
  int Any = std::uniform_int_distribution<int>(0, 255)(Random);
  for (auto &Byte : T.Bytes)
    Byte = static_cast<std::remove_reference_t<decltype(Byte)>>(Any);
  Value = byteAt(T, 0);
  if (From == Zero::Input)
    To.input(std::move(T));
  else
    To.constant(T);
  return Name;
}

class RngdIntegerProduct : public testing::TestWithParam<Integers> {};

} // namespace

TEST_P(RngdIntegerProduct, IsExact) {
  const Integers &I = GetParam();
  std::mt19937 Random(23);
  Graph To;
  bool IsMany = I.Batch > 1;
  auto Shape = [&](int64_t Rows, int64_t Columns) {
    return IsMany ? std::vector<int64_t>{I.Batch, Rows, Columns}
                  : std::vector<int64_t>{Rows, Columns};
  };
  ElementType Left = I.LeftSigned ? ElementType::Int8 : ElementType::UInt8,
              Right = I.RightSigned ? ElementType::Int8 : ElementType::UInt8;
  io::Tensor A = typed("a", Shape(I.M, I.K), Left),
             B = typed("b", Shape(I.K, I.N), Right),
             C = typed("c", Shape(I.M, I.N), ElementType::Int32);
  fillBytes(A, Random);
  fillBytes(B, Random);
  int64_t ZeroA, ZeroB;
  std::string NameA = zeroPoint(To, "za", I.Left, Left, 1, Random, ZeroA),
              NameB = zeroPoint(To, "zb", I.Right, Right, I.N, Random, ZeroB);
  auto *Sums = reinterpret_cast<int32_t *>(C.Bytes.data());
  for (int64_t L = 0; L != I.Batch; ++L)
    for (int64_t M = 0; M != I.M; ++M)
      for (int64_t N = 0; N != I.N; ++N) {
        uint32_t Sum = 0; // wraps
        for (int64_t K = 0; K != I.K; ++K)
          Sum += static_cast<uint32_t>(
              (byteAt(A, (L * I.M + M) * I.K + K) - ZeroA) *
              (byteAt(B, (L * I.K + K) * I.N + N) - ZeroB));
        Sums[(L * I.M + M) * I.N + N] = static_cast<int32_t>(Sum);
      }
  To.op("MatMulInteger", {"a", "b", NameA, NameB}, "c");
  To.input(std::move(A));
  if (I.RightIsInput)
    To.input(std::move(B));
  else
    To.constant(B);
  To.check(std::move(C), {0, 0});
}

INSTANTIATE_TEST_SUITE_P(
    Forms, RngdIntegerProduct,
    testing::Values(
        Integers{1, 4, 64, 64, true, true},
        Integers{1, 1, 8, 32, false, true, Zero::Constant},
        Integers{1, 128, 384, 384, false, true, Zero::Constant, Zero::Vector},
        Integers{1, 3, 40, 96, true, false, Zero::Constant, Zero::Constant},
        Integers{1, 17, 72, 224, false, false, Zero::Input, Zero::Constant},
        Integers{1, 1, 256, 1056, true, false, Zero::Input, Zero::None},
        // Whatever sizes.
        Integers{1, 3, 5, 7, true, true},
        Integers{1, 1, 1, 1, false, false, Zero::Constant, Zero::Constant},
        Integers{1, 13, 30, 33, false, true, Zero::Input, Zero::None},
        Integers{1, 9, 21, 100, true, false, Zero::Input, Zero::Constant},
        Integers{1, 6, 11, 45, true, true, Zero::Constant, Zero::Vector},
        Integers{1, 2, 10, 9001, false, false, Zero::Constant, Zero::Constant},
        Integers{1, 5, 27, 50, false, false, Zero::Input, Zero::Constant, true},
        Integers{3, 7, 15, 50, true, false, Zero::Constant, Zero::Constant,
                 true},
        // Sums that continue; sums that wrap.
        Integers{1, 33, 128, 12800, false, true, Zero::Constant},
        Integers{1, 5, 24, 9216, false, false, Zero::Input, Zero::Vector},
        Integers{1, 2, 16, 262144, false, false},
        // What only a run tells of both sides.
        Integers{1, 20, 48, 64, false, true, Zero::Constant, Zero::None, true},
        Integers{1, 9, 136, 160, true, false, Zero::Input, Zero::Constant,
                 true},
        Integers{6, 17, 32, 64, false, false, Zero::Constant, Zero::Constant,
                 true},
        Integers{2, 40, 24, 96, true, true, Zero::None, Zero::None, true}),
    testing::PrintToStringParamName());

namespace {

/// Products between dequantized operands, as exporters write them.
struct Scaled {
  int64_t M, N, K;
  bool LeftSigned;
  int ZeroA, ZeroB;
  bool ByColumns;
};

void PrintTo(const Scaled &S, std::ostream *Out) {
  auto Sign = [](int Zero) { return Zero < 0 ? "minus" : ""; };
  *Out << S.M << "_" << S.N << "_" << S.K << (S.LeftSigned ? "_i8" : "_u8")
       << "_less_" << Sign(S.ZeroA) << std::abs(S.ZeroA) << "_and_"
       << Sign(S.ZeroB) << std::abs(S.ZeroB) << (S.ByColumns ? "_columns" : "");
}

class RngdScaledProduct : public testing::TestWithParam<Scaled> {
protected:
  void make();
  /// A byte by itself.
  static io::Tensor one(const std::string &Name, ElementType Type, int Value) {
    io::Tensor T = typed(Name, {}, Type);
    T.Bytes[0] =
        static_cast<std::remove_reference_t<decltype(T.Bytes[0])>>(Value);
    return T;
  }
  static io::Tensor one(const std::string &Name, float Value) {
    io::Tensor T = tensor(Name, {});
    floats(T)[0] = Value;
    return T;
  }
  double sum(int64_t M, int64_t N) const {
    int64_t Sum = 0, Inner = A.Dims[1], Columns = B.Dims[1];
    for (int64_t K = 0; K != Inner; ++K)
      Sum += (byteAt(A, M * Inner + K) - GetParam().ZeroA) *
             (byteAt(B, K * Columns + N) - GetParam().ZeroB);
    return double(Sum);
  }

  static constexpr float ScaleA = 0.037f;
  std::mt19937 Random{7};
  io::Tensor A, B, ScaleB;
};

} // namespace

void RngdScaledProduct::make() {
  const Scaled &S = GetParam();
  A = typed("a", {S.M, S.K},
            S.LeftSigned ? ElementType::Int8 : ElementType::UInt8);
  B = typed("b", {S.K, S.N}, ElementType::Int8);
  fillBytes(A, Random);
  fillBytes(B, Random);
  ScaleB = tensor("sb", S.ByColumns ? std::vector<int64_t>{S.N}
                                    : std::vector<int64_t>{});
  for (int64_t N = 0; N != ScaleB.elementCount(); ++N)
    floats(ScaleB)[N] =
        std::uniform_real_distribution<float>(0.001f, 0.1f)(Random);
}

// Nothing is rounded to bf16: dequantized operands would be, by 2^-9.
TEST_P(RngdScaledProduct, IsExactBeforeItIsScaled) {
  const Scaled &S = GetParam();
  make();
  io::Tensor C = tensor("c", {S.M, S.N});
  double Largest = 0;
  for (int64_t M = 0; M != S.M; ++M)
    for (int64_t N = 0; N != S.N; ++N) {
      double Scale = floats(ScaleB)[S.ByColumns ? N : 0];
      double Value = sum(M, N) * double(ScaleA) * Scale;
      floats(C)[M * S.N + N] = static_cast<float>(Value);
      Largest = std::max(Largest, std::abs(Value));
    }
  Graph To;
  To.constant(one("sa", ScaleA));
  To.constant(one("za", A.Type, S.ZeroA));
  io::Tensor ZeroB = typed("zb", ScaleB.Dims, ElementType::Int8);
  for (auto &Byte : ZeroB.Bytes)
    Byte = static_cast<std::remove_reference_t<decltype(Byte)>>(S.ZeroB);
  To.constant(ZeroB);
  To.constant(B);
  To.constant(ScaleB);
  To.op("DequantizeLinear", {"a", "sa", "za"}, "d");
  To.op("DequantizeLinear", {"b", "sb", "zb"}, "w");
  To.op("MatMul", {"d", "w"}, "c");
  To.input(std::move(A));
  To.check(std::move(C), {Largest * 0x1p-24, 3 * 0x1p-24});
}

// As between queries and keys: both sides are computed, the right one here is
// turned.
TEST_P(RngdScaledProduct, TakesBothSidesAsTheyCome) {
  const Scaled &S = GetParam();
  make();
  io::Tensor C = tensor("c", {S.M, S.N}),
             Turned = typed("b", {S.N, S.K}, B.Type);
  float Scale = floats(ScaleB)[0];
  double Largest = 0;
  for (int64_t M = 0; M != S.M; ++M)
    for (int64_t N = 0; N != S.N; ++N) {
      double Value = sum(M, N) * double(ScaleA) * double(Scale);
      floats(C)[M * S.N + N] = static_cast<float>(Value);
      Largest = std::max(Largest, std::abs(Value));
    }
  for (int64_t N = 0; N != S.N; ++N)
    for (int64_t K = 0; K != S.K; ++K)
      Turned.Bytes[static_cast<size_t>(N * S.K + K)] =
          B.Bytes[static_cast<size_t>(K * S.N + N)];
  Graph To;
  To.constant(one("sa", ScaleA));
  To.constant(one("za", A.Type, S.ZeroA));
  To.constant(one("sb", Scale));
  To.constant(one("zb", B.Type, S.ZeroB));
  To.op("DequantizeLinear", {"a", "sa", "za"}, "d");
  To.op("DequantizeLinear", {"b", "sb", "zb"}, "w");
  To.op("Transpose", {"w"}, "t");
  To.op("MatMul", {"d", "t"}, "c");
  To.input(std::move(A));
  To.input(std::move(Turned));
  To.check(std::move(C), {Largest * 0x1p-24, 3 * 0x1p-24});
}

// QLinearMatMul: the sum, times a number, rounded to a byte again.
TEST_P(RngdScaledProduct, IsQuantizedAgain) {
  const Scaled &S = GetParam();
  make();
  constexpr float ScaleC = 40;
  constexpr int ZeroC = 100;
  ElementType Type = A.Type;
  int Low = S.LeftSigned ? -128 : 0, High = Low + 255;
  io::Tensor C = typed("c", {S.M, S.N}, Type);
  int64_t Ties = 0;
  for (int64_t M = 0; M != S.M; ++M)
    for (int64_t N = 0; N != S.N; ++N) {
      float Factor = ScaleA * floats(ScaleB)[S.ByColumns ? N : 0] / ScaleC;
      float Scaled = static_cast<float>(sum(M, N)) * Factor;
      double Whole = double(std::nearbyintf(Scaled)) + ZeroC;
      Ties += std::abs(std::abs(Scaled - std::floor(Scaled)) - 0.5f) < 1e-4f;
      C.Bytes[static_cast<size_t>(M * S.N + N)] =
          static_cast<std::remove_reference_t<decltype(C.Bytes[0])>>(
              static_cast<int>(std::clamp(Whole, double(Low), double(High))));
    }
  Graph To;
  To.constant(one("sa", ScaleA));
  To.constant(one("za", Type, S.ZeroA));
  To.constant(B);
  To.constant(ScaleB);
  io::Tensor ZeroB = typed("zb", ScaleB.Dims, ElementType::Int8);
  for (auto &Byte : ZeroB.Bytes)
    Byte = static_cast<std::remove_reference_t<decltype(Byte)>>(S.ZeroB);
  To.constant(ZeroB);
  To.constant(one("sc", ScaleC));
  To.constant(one("zc", Type, ZeroC));
  To.op("QLinearMatMul", {"a", "sa", "za", "b", "sb", "zb", "sc", "zc"}, "c");
  To.input(std::move(A));
  // How factors are multiplied is nobody's rule: near a tie either is right.
  To.check(std::move(C), {Ties > 0 ? 1.0 : 0.0, 0});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RngdScaledProduct,
    testing::Values(Scaled{4, 64, 64, true, 0, 0, true},
                    Scaled{128, 384, 384, false, 117, 0, true},
                    Scaled{1, 256, 1056, false, 128, 0, false},
                    Scaled{33, 40, 96, true, -90, 3, false},
                    Scaled{16, 72, 320, false, 255, -128, true},
                    Scaled{7, 48, 12288, false, 3, 0, true},
                    Scaled{2, 16, 10240, true, 5, -7, true},
                    // Whatever sizes.
                    Scaled{5, 24, 48, false, 117, 0, true},
                    Scaled{3, 21, 100, true, -9, 4, true},
                    Scaled{9, 30, 33, false, 200, -5, false},
                    Scaled{2, 13, 7, false, 3, 0, true}),
    testing::PrintToStringParamName());

namespace {

/// Both operands in fp8.
struct Fp8 {
  int64_t M, N, K;
  bool IsE5M2, ByColumns;
};

void PrintTo(const Fp8 &F, std::ostream *Out) {
  *Out << F.M << "_" << F.N << "_" << F.K << (F.IsE5M2 ? "_f8e5m2" : "_f8e4m3")
       << (F.ByColumns ? "_columns" : "");
}

/// To nearest even, or the largest number; below 2 * `Largest`.
float rounded(float X, int Mantissa, int LeastExponent, float Largest) {
  if (X == 0)
    return 0;
  int Exponent = std::max(std::ilogb(X), LeastExponent) - Mantissa;
  float Near = std::ldexp(std::nearbyintf(std::ldexp(X, -Exponent)), Exponent);
  return std::clamp(Near, -Largest, Largest);
}

class RngdFp8Product : public testing::TestWithParam<Fp8> {};

} // namespace

TEST_P(RngdFp8Product, AddsUpInF32) {
  const Fp8 &F = GetParam();
  std::mt19937 Random(3);
  int Mantissa = F.IsE5M2 ? 2 : 3, Bias = F.IsE5M2 ? 15 : 7;
  float Largest = F.IsE5M2 ? 57344 : 448;
  constexpr float ScaleA = 0.004f; // some x are beyond 448 of it
  io::Tensor A = tensor("a", {F.M, F.K}), C = tensor("c", {F.M, F.N});
  std::normal_distribution<float> Any(0, 1);
  for (int64_t I = 0; I != A.elementCount(); ++I)
    floats(A)[I] = Any(Random);
  std::string Codes;
  std::vector<double> Right;
  for (int64_t I = 0; I != F.K * F.N; ++I) {
    int Exponent = std::uniform_int_distribution<int>(0, 3)(Random),
        Fraction =
            std::uniform_int_distribution<int>(0, (1 << Mantissa) - 1)(Random),
        Sign = std::uniform_int_distribution<int>(0, 1)(Random);
    Codes +=
        static_cast<char>(Sign << 7 | (Exponent + Bias) << Mantissa | Fraction);
    Right.push_back((Sign ? -1 : 1) *
                    std::ldexp(1 + Fraction / double(1 << Mantissa), Exponent));
  }
  io::Tensor ScaleB = tensor("sb", F.ByColumns ? std::vector<int64_t>{F.N}
                                               : std::vector<int64_t>{});
  for (int64_t N = 0; N != ScaleB.elementCount(); ++N)
    floats(ScaleB)[N] =
        std::uniform_real_distribution<float>(0.001f, 0.1f)(Random);
  double Size = 0;
  for (int64_t M = 0; M != F.M; ++M)
    for (int64_t N = 0; N != F.N; ++N) {
      double Sum = 0, Terms = 0;
      for (int64_t K = 0; K != F.K; ++K) {
        double Term = double(rounded(floats(A)[M * F.K + K] / ScaleA, Mantissa,
                                     1 - Bias, Largest)) *
                      Right[static_cast<size_t>(K * F.N + N)];
        Sum += Term;
        Terms += std::abs(Term);
      }
      double Scale = double(ScaleA) * floats(ScaleB)[F.ByColumns ? N : 0];
      floats(C)[M * F.N + N] = static_cast<float>(Sum * Scale);
      Size = std::max(Size, Terms * Scale);
    }
  auto Small = [&](const std::string &Name, const std::vector<int64_t> &Dims,
                   const std::string &Raw) {
    std::string Text;
    for (int64_t Dim : Dims)
      Text += number(1, Dim);
    return bytes(5, Text + number(2, F.IsE5M2 ? 19 : 17) + bytes(8, Name) +
                        bytes(9, Raw));
  };
  Graph To;
  To.Stored =
      Small("b", {F.K, F.N}, Codes) + Small("z", {}, std::string(1, '\0'));
  io::Tensor Scale = tensor("sa", {});
  floats(Scale)[0] = ScaleA;
  To.constant(Scale);
  To.constant(ScaleB);
  // The chip's f8e5m2 has infinities, which nothing here becomes.
  To.op("QuantizeLinear", {"a", "sa", "z"}, "q",
        bytes(5, bytes(1, "saturate") + number(3, F.IsE5M2 ? 0 : 1) +
                     number(20, 2)));
  To.op("DequantizeLinear", {"q", "sa"}, "d");
  To.op("DequantizeLinear", {"b", "sb"}, "w");
  To.op("MatMul", {"d", "w"}, "c");
  To.input(std::move(A));
  To.check(std::move(C), {Size * 0x1p-23, 1e-6});
}

INSTANTIATE_TEST_SUITE_P(Shapes, RngdFp8Product,
                         testing::Values(Fp8{4, 64, 64, false, true},
                                         Fp8{128, 128, 352, false, false},
                                         Fp8{9, 24, 224, true, true},
                                         Fp8{3, 48, 9280 - 64, false, true},
                                         Fp8{1, 256, 12288, true, false},
                                         Fp8{5, 24, 48, false, true},
                                         Fp8{4, 21, 50, true, true},
                                         Fp8{2, 9, 33, false, false}),
                         testing::PrintToStringParamName());
