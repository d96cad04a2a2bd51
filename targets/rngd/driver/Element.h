// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values of RNGD's types: decoding, and rounding to nearest even.
//
// Included by the driver only. f8e4m3 is the type without infinities, f8e5m2
// has them (the book's scalars; targets/rngd/machine has no more about them).
#ifndef DURE_TARGETS_RNGD_DRIVER_ELEMENT_H
#define DURE_TARGETS_RNGD_DRIVER_ELEMENT_H

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace dure::rngd {

inline float fromBf16(uint16_t Bits) {
  return std::bit_cast<float>(uint32_t(Bits) << 16);
}

inline uint16_t toBf16(float Value) {
  uint32_t Bits = std::bit_cast<uint32_t>(Value);
  uint32_t Rounded = (Bits + 0x7fff + ((Bits >> 16) & 1)) >> 16;
  bool IsNan = (Bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>(IsNan ? (Bits >> 16) | 0x40 : Rounded);
}

/// Of 8 bits and fewer: mantissa and exponent bits, and whether the largest
/// exponent is kept for infinity and NaN.
struct SmallFloat {
  int Mantissa, Exponent;
  bool HasInfinity, HasNan;

  constexpr int bias() const { return (1 << (Exponent - 1)) - 1; }
  constexpr int width() const { return Mantissa + Exponent; }
  constexpr uint32_t most() const {
    if (HasInfinity)
      return (((1u << Exponent) - 1) << Mantissa) - 1;
    return (1u << width()) - (HasNan ? 2 : 1);
  }
};
constexpr SmallFloat F8E4M3 = {3, 4, false, true};
constexpr SmallFloat F8E5M2 = {2, 5, true, true};
constexpr SmallFloat F4E2M1 = {1, 2, false, false};

inline float decodeSmall(uint32_t Bits, const SmallFloat &F) {
  uint32_t Magnitude = Bits & ((1u << F.width()) - 1);
  float Sign = (Bits >> F.width()) & 1 ? -1.0f : 1.0f;
  if (Magnitude > F.most()) {
    bool IsInfinity = F.HasInfinity && Magnitude == F.most() + 1;
    return IsInfinity ? Sign * std::numeric_limits<float>::infinity()
                      : std::numeric_limits<float>::quiet_NaN();
  }
  int Exponent = static_cast<int>(Magnitude >> F.Mantissa);
  int Mantissa = static_cast<int>(Magnitude & ((1u << F.Mantissa) - 1));
  if (Exponent == 0)
    return Sign * std::ldexp(float(Mantissa), 1 - F.bias() - F.Mantissa);
  return Sign * std::ldexp(float(Mantissa + (1 << F.Mantissa)),
                           Exponent - F.bias() - F.Mantissa);
}

/// Overflow gives infinity, or NaN's code's neighbour, the largest number, in a
/// type without.
inline uint8_t encodeSmall(float Value, const SmallFloat &F) {
  uint32_t Sign = std::signbit(Value) ? 1u << F.width() : 0;
  if (std::isnan(Value))
    return static_cast<uint8_t>(Sign | ((1u << F.width()) - 1));
  float Magnitude = std::fabs(Value);
  uint32_t Overflow = F.most() + (F.HasInfinity ? 1 : 0);
  if (std::isinf(Magnitude))
    return static_cast<uint8_t>(Sign | Overflow);
  if (Magnitude == 0)
    return static_cast<uint8_t>(Sign);
  int Exponent = std::max(std::ilogb(Magnitude), 1 - F.bias());
  float Ulps = std::nearbyint(std::ldexp(Magnitude, F.Mantissa - Exponent));
  float Bits = Ulps + std::ldexp(float(Exponent + F.bias() - 1), F.Mantissa);
  if (Bits > float(F.most()))
    return static_cast<uint8_t>(Sign | Overflow);
  return static_cast<uint8_t>(Sign | static_cast<uint32_t>(Bits));
}

inline int32_t saturate(int64_t Value, int Bits) {
  int64_t Most = (int64_t(1) << (Bits - 1)) - 1;
  return static_cast<int32_t>(std::clamp(Value, -Most - 1, Most));
}

/// The even element of a byte is in its low half.
inline int32_t nibble(const uint8_t *Data, int64_t Element) {
  uint8_t Byte = Data[Element / 2];
  return Element % 2 ? Byte >> 4 : Byte & 15;
}
inline int32_t signedNibble(int32_t Nibble) { return (Nibble ^ 8) - 8; }

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_ELEMENT_H
