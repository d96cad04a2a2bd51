// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Decoding and comparing elements.
#include "tools/io/Compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

namespace dure::io {
namespace {

constexpr double Infinity = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

/// How a narrow floating-point type spends its bits.
struct Format {
  int Exponent;
  int Mantissa;
  int Bias;
  /// Ieee: the top exponent is infinity and NaN. Fn: only all ones is NaN, no
  /// infinity. Fnuz: negative zero is NaN. Finite: every code is a number.
  enum { Ieee, Fn, Fnuz, Finite } Special;
};

constexpr Format Half = {5, 10, 15, Format::Ieee};
constexpr Format Brain = {8, 7, 127, Format::Ieee};
constexpr Format E4M3FN = {4, 3, 7, Format::Fn};
constexpr Format E4M3FNUZ = {4, 3, 8, Format::Fnuz};
constexpr Format E5M2 = {5, 2, 15, Format::Ieee};
constexpr Format E5M2FNUZ = {5, 2, 16, Format::Fnuz};
constexpr Format E2M1 = {2, 1, 1, Format::Finite};

double decode(unsigned Code, const Format &F) {
  const unsigned MantissaMask = (1u << F.Mantissa) - 1;
  const unsigned ExponentMask = (1u << F.Exponent) - 1;
  const unsigned Mantissa = Code & MantissaMask;
  const unsigned Exponent = (Code >> F.Mantissa) & ExponentMask;
  const bool Negative = (Code >> (F.Mantissa + F.Exponent)) & 1;
  const double Sign = Negative ? -1.0 : 1.0;
  if (F.Special == Format::Ieee && Exponent == ExponentMask)
    return Mantissa ? NaN : Sign * std::numeric_limits<double>::infinity();
  if (F.Special == Format::Fn && Exponent == ExponentMask &&
      Mantissa == MantissaMask)
    return NaN;
  if (F.Special == Format::Fnuz && Negative && !Exponent && !Mantissa)
    return NaN;
  if (Exponent == 0)
    return Sign * std::ldexp(double(Mantissa), 1 - F.Bias - F.Mantissa);
  return Sign * std::ldexp(double(Mantissa | (1u << F.Mantissa)),
                           int(Exponent) - F.Bias - F.Mantissa);
}

template <typename V> V load(const Tensor &T, int64_t Index) {
  V Value;
  std::memcpy(&Value, T.Bytes.data() + size_t(Index) * sizeof(V), sizeof(V));
  return Value;
}

/// Code of a packed element of `Bits` bits.
unsigned loadPacked(const Tensor &T, int64_t Index, unsigned Bits) {
  const int64_t PerByte = 8 / Bits;
  const unsigned Byte = unsigned(T.Bytes[size_t(Index / PerByte)]);
  return (Byte >> (unsigned(Index % PerByte) * Bits)) & ((1u << Bits) - 1);
}

int signExtend(unsigned Code, unsigned Bits) {
  const int Sign = 1 << (Bits - 1);
  return (int(Code) ^ Sign) - Sign;
}

/// Float `Index` of a tensor whose elements are floats of `Type`; complex
/// numbers count as two.
double loadFloat(const Tensor &T, ElementType Type, int64_t Index) {
  switch (Type) {
  case ElementType::Float32:
  case ElementType::Complex64:
    return load<float>(T, Index);
  case ElementType::Float64:
  case ElementType::Complex128:
    return load<double>(T, Index);
  case ElementType::Float16:
    return decode(load<uint16_t>(T, Index), Half);
  case ElementType::BFloat16:
    return decode(load<uint16_t>(T, Index), Brain);
  case ElementType::Float8E4M3FN:
    return decode(load<uint8_t>(T, Index), E4M3FN);
  case ElementType::Float8E4M3FNUZ:
    return decode(load<uint8_t>(T, Index), E4M3FNUZ);
  case ElementType::Float8E5M2:
    return decode(load<uint8_t>(T, Index), E5M2);
  case ElementType::Float8E5M2FNUZ:
    return decode(load<uint8_t>(T, Index), E5M2FNUZ);
  case ElementType::Float4E2M1:
    return decode(loadPacked(T, Index, 4), E2M1);
  case ElementType::Float8E8M0: {
    const uint8_t Code = load<uint8_t>(T, Index);
    return Code == 0xff ? NaN : std::ldexp(1.0, int(Code) - 127);
  }
  default:
    return NaN;
  }
}

void compareFloats(const Tensor &Got, const Tensor &Expected, Tolerance Allowed,
                   Comparison &C) {
  const bool Complex = elementTypeInfo(Got.Type).Kind == ElementKind::Complex;
  const int64_t Parts = Complex ? 2 : 1;
  for (int64_t I = 0; I < C.Elements; ++I) {
    bool Match = true;
    for (int64_t P = 0; P < Parts; ++P) {
      const double A = loadFloat(Got, Got.Type, I * Parts + P);
      const double B = loadFloat(Expected, Got.Type, I * Parts + P);
      if (std::isnan(A) || std::isnan(B)) {
        // A number where there is none, or the other way round, is infinitely
        // wrong; a difference of 0 would say the contrary.
        if (std::isnan(A) != std::isnan(B)) {
          Match = false;
          C.MaxAbsolute = C.MaxRelative = Infinity;
        }
      } else if (std::isinf(A) || std::isinf(B)) {
        if (A != B) {
          Match = false;
          C.MaxAbsolute = C.MaxRelative = Infinity;
        }
      } else {
        const double Difference = std::fabs(A - B);
        C.MaxAbsolute = std::max(C.MaxAbsolute, Difference);
        if (B != 0)
          C.MaxRelative = std::max(C.MaxRelative, Difference / std::fabs(B));
        Match &=
            Difference <= Allowed.Absolute + Allowed.Relative * std::fabs(B);
      }
    }
    if (Match)
      continue;
    if (C.Mismatches++ == 0)
      C.FirstMismatch = I;
  }
}

/// Types that match exactly; bits beyond the last packed element do not count.
void compareExactly(const Tensor &Got, const Tensor &Expected, Comparison &C) {
  const ElementTypeInfo &Info = elementTypeInfo(Got.Type);
  const size_t Width = Info.Bits / 8;
  for (int64_t I = 0; I < C.Elements; ++I) {
    bool Match;
    if (Info.Kind == ElementKind::String)
      Match = Got.Strings[size_t(I)] == Expected.Strings[size_t(I)];
    else if (Info.Bits < 8)
      Match =
          loadPacked(Got, I, Info.Bits) == loadPacked(Expected, I, Info.Bits);
    else if (Info.Kind == ElementKind::Bool)
      Match = (load<uint8_t>(Got, I) != 0) == (load<uint8_t>(Expected, I) != 0);
    else
      Match =
          std::memcmp(Got.Bytes.data() + size_t(I) * Width,
                      Expected.Bytes.data() + size_t(I) * Width, Width) == 0;
    if (Match)
      continue;
    if (C.Mismatches++ == 0)
      C.FirstMismatch = I;
    if (Info.Kind == ElementKind::Integer)
      C.MaxAbsolute =
          std::max(C.MaxAbsolute, std::fabs(elementAsDouble(Got, I) -
                                            elementAsDouble(Expected, I)));
  }
}

} // namespace

Tolerance defaultTolerance(ElementType Type) {
  if (elementTypeInfo(Type).Kind != ElementKind::Float &&
      elementTypeInfo(Type).Kind != ElementKind::Complex)
    return {0, 0};
  switch (Type) {
  case ElementType::Float16:
    return {2e-3, 2e-3};
  case ElementType::BFloat16:
    return {1.6e-2, 1.6e-2};
  case ElementType::Float8E4M3FN:
  case ElementType::Float8E4M3FNUZ:
    return {2e-2, 0.13};
  case ElementType::Float8E5M2:
  case ElementType::Float8E5M2FNUZ:
    return {2e-2, 0.26};
  case ElementType::Float4E2M1:
  case ElementType::Float8E8M0:
    return {0, 0};
  default:
    return {1e-4, 1e-4};
  }
}

Comparison compareTensors(const Tensor &Got, const Tensor &Expected,
                          Tolerance Allowed) {
  Comparison C;
  C.SameType = Got.Type == Expected.Type;
  C.SameDims = Got.Dims == Expected.Dims;
  if (!C.SameType || !C.SameDims)
    return C;
  C.Elements = Got.elementCount();
  const ElementKind Kind = elementTypeInfo(Got.Type).Kind;
  if (Kind == ElementKind::Float || Kind == ElementKind::Complex)
    compareFloats(Got, Expected, Allowed, C);
  else
    compareExactly(Got, Expected, C);
  return C;
}

double elementAsDouble(const Tensor &T, int64_t Index) {
  switch (T.Type) {
  case ElementType::UInt8:
  case ElementType::Bool:
    return load<uint8_t>(T, Index);
  case ElementType::Int8:
    return load<int8_t>(T, Index);
  case ElementType::UInt16:
    return load<uint16_t>(T, Index);
  case ElementType::Int16:
    return load<int16_t>(T, Index);
  case ElementType::Int32:
    return load<int32_t>(T, Index);
  case ElementType::UInt32:
    return load<uint32_t>(T, Index);
  case ElementType::Int64:
    return double(load<int64_t>(T, Index));
  case ElementType::UInt64:
    return double(load<uint64_t>(T, Index));
  case ElementType::UInt4:
    return loadPacked(T, Index, 4);
  case ElementType::UInt2:
    return loadPacked(T, Index, 2);
  case ElementType::Int4:
    return signExtend(loadPacked(T, Index, 4), 4);
  case ElementType::Int2:
    return signExtend(loadPacked(T, Index, 2), 2);
  case ElementType::Complex64:
  case ElementType::Complex128:
    return loadFloat(T, T.Type, 2 * Index);
  default:
    return loadFloat(T, T.Type, Index);
  }
}

std::string elementAsText(const Tensor &T, int64_t Index) {
  if (T.Type == ElementType::String)
    return "\"" + T.Strings[size_t(Index)] + "\"";
  if (T.Type == ElementType::Int64)
    return std::to_string(load<int64_t>(T, Index));
  if (T.Type == ElementType::UInt64)
    return std::to_string(load<uint64_t>(T, Index));
  char Buffer[64];
  const auto print = [&](double Value) {
    std::snprintf(Buffer, sizeof(Buffer), "%.9g", Value);
    return std::string(Buffer);
  };
  if (elementTypeInfo(T.Type).Kind == ElementKind::Complex)
    return print(loadFloat(T, T.Type, 2 * Index)) + " + " +
           print(loadFloat(T, T.Type, 2 * Index + 1)) + "i";
  return print(elementAsDouble(T, Index));
}

std::string formatPosition(std::span<const int64_t> Dims, int64_t Index) {
  std::vector<int64_t> Position(Dims.size());
  for (size_t D = Dims.size(); D-- > 0;) {
    Position[D] = Dims[D] ? Index % Dims[D] : 0;
    Index = Dims[D] ? Index / Dims[D] : 0;
  }
  return formatDims(Position);
}

} // namespace dure::io
