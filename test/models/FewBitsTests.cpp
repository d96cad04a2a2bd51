// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products with weights in few bits against sums in double, on RNGD and the
// CPU. Scales are powers of two, so that what RNGD makes of a weight is exact
// in bf16 and only the order of sums differs.
#include "test/models/OnnxByHand.h"

#include <bit>
#include <cmath>

using namespace dure;
using namespace dure::byhand;

namespace {

/// Element types by ONNX's numbers.
enum Kind {
  None16 = 0,
  U8 = 2,
  I8 = 3,
  F16 = 10,
  BF16 = 16,
  F8E4M3 = 17,
  F8E5M2 = 19,
  U4 = 21,
  I4 = 22
};

struct FewBits {
  int64_t M, N, K;
  Kind Stored;
  /// None: a cast.
  enum { Tensor, Columns, Blocks, None } Scales;
  int64_t Block = 0;
  bool HasZero = false, IsTransposed = false;
  /// A number is added to each block, as of GGUF's Q4_1.
  bool HasOffset = false;
  /// A transposed one is cut into a matrix for each head, without its first
  /// column, and multiplied as a batch of them.
  int64_t Heads = 0;
  /// F16 or BF16: scales and offsets are cast to f32; else they are f32.
  Kind Parameters = None16;
};

const char *nameOf(Kind Stored) {
  switch (Stored) {
  case U8:
    return "u8";
  case I8:
    return "i8";
  case F16:
    return "f16";
  case BF16:
    return "bf16";
  case F8E4M3:
    return "f8e4m3";
  case F8E5M2:
    return "f8e5m2";
  case U4:
    return "u4";
  case I4:
    return "i4";
  case None16:
    break;
  }
  return "";
}

void PrintTo(const FewBits &F, std::ostream *Out) {
  *Out << nameOf(F.Stored) << "_" << F.M << "_" << F.N << "_" << F.K;
  if (F.Scales == FewBits::Columns)
    *Out << "_columns";
  if (F.Scales == FewBits::Blocks)
    *Out << "_blocks" << F.Block;
  *Out << (F.HasZero ? "_zero" : "") << (F.HasOffset ? "_offset" : "")
       << (F.IsTransposed ? "_transposed" : "");
  if (F.Heads)
    *Out << "_heads" << F.Heads;
  if (F.Parameters)
    *Out << "_by_" << nameOf(F.Parameters);
}

/// Numbers of a type, and the bytes that store them.
struct Numbers {
  std::vector<double> Values;
  std::string Bytes;
};

Numbers numbersOf(Kind Stored, int64_t Count, std::mt19937 &Random) {
  Numbers Made;
  auto Pick = [&](int Low, int High) {
    return std::uniform_int_distribution<int>(Low, High)(Random);
  };
  for (int64_t I = 0; I != Count; ++I) {
    int Code = 0;
    double Value = 0;
    if (Stored == F16 || Stored == BF16) {
      // 1.0 to 1.984 and their negatives.
      int Fraction = Pick(0, 127), Sign = Pick(0, 1);
      int Ones = Stored == F16 ? 15 << 10 : 127 << 7;
      Code = Sign << 15 | Ones | Fraction << (Stored == F16 ? 3 : 0);
      Value = (Sign ? -1 : 1) * (1 + Fraction / 128.0);
      Made.Bytes += static_cast<char>(Code);
      Code >>= 8;
    } else if (Stored == F8E4M3 || Stored == F8E5M2) {
      // 1.0 to 3.5 and their negatives: exponent and upper bits of fraction.
      int Mantissa = Stored == F8E4M3 ? 3 : 2, Bias = Stored == F8E4M3 ? 7 : 15;
      int Exponent = Pick(0, 1), Fraction = Pick(0, (1 << Mantissa) - 1);
      int Sign = Pick(0, 1);
      Code = Sign << 7 | (Exponent + Bias) << Mantissa | Fraction;
      Value = (Sign ? -1 : 1) *
              std::ldexp(1 + Fraction / double(1 << Mantissa), Exponent);
    } else {
      int Bits = Stored == I4 || Stored == U4 ? 4 : 8;
      bool IsSigned = Stored == I4 || Stored == I8;
      int Low = IsSigned ? -(1 << (Bits - 1)) : 0;
      int Number = Pick(Low, Low + (1 << Bits) - 1);
      Code = Number & ((1 << Bits) - 1);
      Value = Number;
    }
    Made.Values.push_back(Value);
    if ((Stored == I4 || Stored == U4) && I % 2 == 1)
      Made.Bytes.back() = static_cast<char>(Made.Bytes.back() | Code << 4);
    else
      Made.Bytes += static_cast<char>(Code);
  }
  return Made;
}

std::string stored(const std::string &Name, int Type,
                   const std::vector<int64_t> &Dims, const std::string &Raw) {
  std::string Text;
  for (int64_t Dim : Dims)
    Text += number(1, Dim);
  return bytes(5, Text + number(2, Type) + bytes(8, Name) + bytes(9, Raw));
}

std::string integerAttribute(const std::string &Name, int64_t Value) {
  return bytes(5, bytes(1, Name) + number(3, Value) + number(20, 2));
}

std::string integersAttribute(const std::string &Name,
                              const std::vector<int64_t> &Values) {
  std::string Text = bytes(1, Name);
  for (int64_t Each : Values)
    Text += number(8, Each);
  return bytes(5, Text + number(20, 7));
}

/// The bytes of powers of two of either sign.
std::string powersOf(Kind Type, const std::vector<float> &Values) {
  std::string Raw;
  for (float Each : Values) {
    uint32_t Code = std::bit_cast<uint32_t>(Each);
    const uint32_t Sign = Code >> 31 << 15;
    if (Type == F16)
      Code = Each == 0 ? 0 : Sign | ((Code >> 23 & 255) - 127 + 15) << 10;
    else if (Type == BF16)
      Code >>= 16;
    for (size_t I = 0; I != (Type == None16 ? 4u : 2u); ++I)
      Raw += static_cast<char>(Code >> (8 * I));
  }
  return Raw;
}

/// A graph, its input and what it gives.
struct Case {
  std::string Graph;
  modeltest::RunData Data;
  io::Tolerance Allowed;
};

/// What a product with the heads' matrices gives, of one with all columns.
io::Tensor byHeads(io::Tensor &All, const FewBits &F) {
  const int64_t Width = F.N / F.Heads;
  io::Tensor Out = tensor("c", {F.Heads, F.M, Width - 1});
  float *To = floats(Out);
  for (int64_t Head = 0; Head != F.Heads; ++Head)
    for (int64_t M = 0; M != F.M; ++M)
      for (int64_t N = 1; N != Width; ++N)
        *To++ = floats(All)[M * F.N + Head * Width + N];
  return Out;
}

Case makeCase(const FewBits &F) {
  std::mt19937 Random(11);
  io::Tensor A = tensor("a", {F.M, F.K}), C = tensor("c", {F.M, F.N});
  fill(A, Random);
  // As stored: [K, N], or [N, K] where a transposition follows.
  auto Dims = [&](int64_t K, int64_t N) {
    return F.IsTransposed ? std::vector<int64_t>{N, K}
                          : std::vector<int64_t>{K, N};
  };
  int64_t Parts = F.Scales == FewBits::Blocks ? F.K / F.Block : 1;
  bool IsScaled = F.Scales != FewBits::None;
  int64_t Columns = F.Scales == FewBits::Tensor ? 1 : F.N;
  std::vector<int64_t> ParameterDims;
  if (F.Scales == FewBits::Columns)
    ParameterDims = {F.N};
  if (F.Scales == FewBits::Blocks)
    ParameterDims = Dims(Parts, F.N);
  Numbers Weight = numbersOf(F.Stored, F.K * F.N, Random),
          Zero = numbersOf(F.Stored, Parts * Columns, Random);
  std::vector<float> Scale, Offset;
  for (int64_t I = 0; I != Parts * Columns; ++I) {
    std::uniform_int_distribution<int> Exponent(-4, 1);
    Scale.push_back(IsScaled ? std::ldexp(1.0f, Exponent(Random)) : 1);
    Offset.push_back(F.HasOffset ? std::ldexp(-1.0f, Exponent(Random)) : 0);
  }

  auto At = [&](int64_t K, int64_t N, int64_t Ks, int64_t Ns) {
    return static_cast<size_t>(F.IsTransposed ? N * Ks + K : K * Ns + N);
  };
  // What the terms of a sum come to without their signs, at most: f32 rounds
  // parts of it by 2^-24 of that, each way.
  double Largest = 0;
  for (int64_t M = 0; M != F.M; ++M)
    for (int64_t N = 0; N != F.N; ++N) {
      double Sum = 0, Size = 0;
      for (int64_t K = 0; K != F.K; ++K) {
        size_t Of = At(K / (F.K / Parts), Columns == 1 ? 0 : N, Parts, Columns);
        double Right = Weight.Values[At(K, N, F.K, F.N)];
        Right -= F.HasZero ? Zero.Values[Of] : 0;
        Right = Right * double(Scale[Of]) + double(Offset[Of]);
        double Term = floats(A)[M * F.K + K] * Right;
        Sum += Term;
        Size += std::abs(Term);
      }
      Largest = std::max(Largest, Size);
      floats(C)[M * F.N + N] = static_cast<float>(Sum);
    }

  std::vector<std::string> Operands = {"b", "s"};
  if (F.HasZero)
    Operands.push_back("z");
  int64_t SumAxis = F.IsTransposed ? 1 : 0;
  std::string Attributes = integerAttribute(
      "axis", F.Scales == FewBits::Blocks ? SumAxis : 1 - SumAxis);
  if (F.Scales == FewBits::Blocks)
    Attributes += integerAttribute("block_size", F.Block);
  std::string Graph;
  auto Parameter = [&](const std::string &Name,
                       const std::vector<int64_t> &Dims,
                       const std::vector<float> &Values) {
    const bool IsCast = F.Parameters != None16;
    const std::string Stored = IsCast ? Name + "16" : Name;
    if (IsCast)
      Graph +=
          bytes(1, node("Cast", {Stored}, Name, integerAttribute("to", 1)));
    return stored(Stored, IsCast ? int(F.Parameters) : 1, Dims,
                  powersOf(F.Parameters, Values));
  };
  std::string Scales, Offsets;
  if (IsScaled)
    Scales = Parameter("s", ParameterDims, Scale);
  Graph +=
      bytes(1, IsScaled ? node("DequantizeLinear", Operands, "w", Attributes)
                        : node("Cast", {"b"}, "w", integerAttribute("to", 1)));
  auto Raw = [](const auto &Numbers) {
    return std::string(reinterpret_cast<const char *>(Numbers.data()),
                       Numbers.size() * sizeof(Numbers[0]));
  };
  auto DimsOf = [&](const std::string &Name, const std::vector<int64_t> &Dims) {
    Graph += stored(Name, 7, {static_cast<int64_t>(Dims.size())}, Raw(Dims));
  };
  if (F.HasOffset) {
    std::vector<int64_t> Cut = Dims(Parts, F.N), Ones;
    Cut.insert(Cut.begin() + SumAxis + 1, F.Block);
    Ones = Cut;
    Ones[SumAxis + 1] = 1;
    Offsets = Parameter("o", Ones, Offset);
    Graph += bytes(1, node("Reshape", {"w", "blocks"}, "wb"));
    Graph += bytes(1, node("Add", {"wb", "o"}, "wo"));
    Graph += bytes(1, node("Reshape", {"wo", "whole"}, "ww"));
    DimsOf("blocks", Cut);
    DimsOf("whole", Dims(F.K, F.N));
  }
  std::string Wide = F.HasOffset ? "ww" : "w";
  if (F.Heads) {
    const int64_t Width = F.N / F.Heads;
    Graph += bytes(1, node("Reshape", {Wide, "heads"}, "wh"));
    Graph += bytes(1, node("Slice", {"wh", "first", "end", "rows"}, "wr"));
    Graph += bytes(1, node("Transpose", {"wr"}, "t",
                           integersAttribute("perm", {0, 2, 1})));
    DimsOf("heads", {F.Heads, Width, F.K});
    auto One = [&](const std::string &Name, int64_t Value) {
      Graph += stored(Name, 7, {1}, Raw(std::vector<int64_t>{Value}));
    };
    One("first", 1);
    One("end", Width);
    One("rows", 1);
    C = byHeads(C, F);
  } else if (F.IsTransposed) {
    Graph += bytes(1, node("Transpose", {Wide}, "t"));
  }
  Graph += bytes(1, node("MatMul", {"a", F.IsTransposed ? "t" : Wide}, "c"));
  Graph += bytes(2, "few");
  Graph += stored("b", F.Stored, Dims(F.K, F.N), Weight.Bytes);
  Graph += Scales + Offsets;
  if (F.HasZero)
    Graph += stored("z", F.Stored, ParameterDims, Zero.Bytes);
  Graph += bytes(11, valueInfo(A));
  Graph += bytes(12, valueInfo(C));
  Case Made{std::move(Graph), {}, {Largest * 0x1p-23, 1e-5}};
  Made.Data.Inputs.push_back(std::move(A));
  Made.Data.Expected.push_back({0, std::move(C)});
  return Made;
}

class RngdFewBits : public testing::TestWithParam<FewBits> {};

TEST_P(RngdFewBits, AreWidenedOnTheChip) {
  Case Of = makeCase(GetParam());
  for (const char *Variant : {"rngd", "rngd-tcc"}) {
    SCOPED_TRACE(Variant);
    checkOnRngd(Of.Graph, 21, Of.Data, Of.Allowed, Variant);
  }
}

class CpuFewBits : public testing::TestWithParam<FewBits> {};

TEST_P(CpuFewBits, AreWidenedAsTheyAreRead) {
  Case Of = makeCase(GetParam());
  // Vectors of all widths that this machine has.
  std::vector<std::string> Variants = {"native"};
#ifdef __x86_64__
  Variants.push_back("x86-64-v3");
#endif
  for (const std::string &Variant : Variants) {
    SCOPED_TRACE(Variant);
    checkOnCpu(Of.Graph, 21, Of.Data, Of.Allowed, Variant);
  }
}

} // namespace

INSTANTIATE_TEST_SUITE_P(
    Formats, CpuFewBits,
    testing::Values(
        FewBits{1, 64, 64, U4, FewBits::Blocks, 32, false, true, true},
        FewBits{8, 576, 576, U4, FewBits::Blocks, 32, false, true, true},
        FewBits{70, 100, 1536, U4, FewBits::Blocks, 32, true, true, true},
        FewBits{3, 17, 96, U4, FewBits::Blocks, 16, true, false, true},
        FewBits{2, 33, 1024, I4, FewBits::Blocks, 128, false, true},
        // Parameters of 16 bits.
        FewBits{1, 64, 64, U4, FewBits::Blocks, 32, false, true, true, 0, F16},
        FewBits{70, 100, 1536, U4, FewBits::Blocks, 32, true, true, true, 0,
                F16},
        FewBits{3, 45, 256, I8, FewBits::Blocks, 32, false, true, false, 0,
                F16},
        FewBits{9, 31, 640, I4, FewBits::Blocks, 32, true, false, false, 0,
                BF16},
        FewBits{4, 64, 1000, U8, FewBits::Columns, 0, true, false, false, 0,
                F16},
        FewBits{5, 96, 200, I8, FewBits::Tensor, 0, false, true, false, 0, F16},
        FewBits{9, 31, 640, I4, FewBits::Blocks, 32, true},
        FewBits{11, 40, 4096, I4, FewBits::Blocks, 1024, true, true},
        FewBits{130, 200, 700, I4, FewBits::Columns, 0, true, true},
        FewBits{1, 300, 768, U8, FewBits::Columns, 0, true, true},
        FewBits{5, 96, 200, U8, FewBits::Tensor, 0, true},
        FewBits{33, 257, 512, I8, FewBits::Blocks, 64, false, true},
        FewBits{4, 64, 1000, I8, FewBits::Columns},
        FewBits{20, 48, 333, I8, FewBits::Tensor, 0, false, true},
        // Batches of matrices.
        FewBits{1, 160, 64, U4, FewBits::Blocks, 32, false, true, true, 4},
        FewBits{3, 99, 96, I4, FewBits::Blocks, 32, true, true, false, 3},
        FewBits{2, 66, 128, I8, FewBits::Columns, 0, false, true, false, 2},
        FewBits{70, 258, 200, U8, FewBits::Blocks, 8, true, true, false, 6},
        FewBits{5, 80, 700, BF16, FewBits::None, 0, false, true, false, 5},
        // Blocks that no kernel has.
        FewBits{3, 32, 1200, I8, FewBits::Blocks, 600, false, true},
        FewBits{3, 32, 96, U4, FewBits::Blocks, 48, true},
        FewBits{1, 600, 1100, F16, FewBits::None, 0, false, true},
        FewBits{6, 45, 700, F16, FewBits::None},
        FewBits{90, 129, 640, BF16, FewBits::None, 0, false, true},
        FewBits{1, 1000, 64, BF16, FewBits::None}),
    testing::PrintToStringParamName());

INSTANTIATE_TEST_SUITE_P(
    Formats, RngdFewBits,
    testing::Values(
        FewBits{4, 64, 64, I8, FewBits::Columns},
        FewBits{128, 384, 384, I8, FewBits::Columns},
        FewBits{3, 96, 256, U8, FewBits::Columns, 0, true, true},
        FewBits{5, 96, 256, U8, FewBits::Tensor, 0, true},
        FewBits{5, 40, 256, I8, FewBits::Tensor, 0, true, true},
        // Sums that continue, whole columns or blocks of them at a time.
        FewBits{1, 256, 6144, I8, FewBits::Columns},
        FewBits{128, 512, 12288, I8, FewBits::Columns, 0, true},
        FewBits{1, 128, 12288, U4, FewBits::Blocks, 128, true, true},
        FewBits{17, 512, 4096, I4, FewBits::Blocks, 32, false, true},
        FewBits{33, 128, 512, I8, FewBits::Blocks, 64, true, true},
        FewBits{33, 128, 512, I4, FewBits::Blocks, 32, false, true, false, 0,
                F16},
        FewBits{128, 288, 7968, I8, FewBits::Blocks, 16},
        FewBits{2, 48, 160, I4, FewBits::Blocks, 16, false, true},
        FewBits{2, 48, 64, I4, FewBits::Blocks, 64, true, true},
        FewBits{3, 128, 256, I8, FewBits::Blocks, 64, true, true, false, 4},
        // An odd number of blocks: stored as bf16.
        FewBits{3, 64, 160, I4, FewBits::Blocks, 32, true, true},
        FewBits{7, 64, 192, U4, FewBits::Blocks, 32, true},
        FewBits{64, 384, 1536, U4, FewBits::Columns, 0, true},
        FewBits{9, 128, 256, F8E4M3, FewBits::Columns},
        FewBits{9, 128, 256, F8E5M2, FewBits::Tensor, 0, false, true}),
    testing::PrintToStringParamName());
