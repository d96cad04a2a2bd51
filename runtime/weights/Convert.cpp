// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conversions between element types.

#include "runtime/weights/Convert.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace dure;

namespace {

/// A binary floating-point format of at most 16 bits.
struct SmallFloat {
  int MantissaBits;
  int ExponentBits;
  int Bias;
  bool HasInfinity;    // the largest exponent holds infinity and NaN, as IEEE
  uint16_t MaxFinite;  // bits of the largest finite number
  uint16_t NaN;        // 0: the format has none
  bool IsFnuz = false; // no negative zero: its code is the only NaN
};

constexpr SmallFloat F16Format = {10, 5, 15, true, 0x7bff, 0x7e00};
constexpr SmallFloat BF16Format = {7, 8, 127, true, 0x7f7f, 0x7fc0};
constexpr SmallFloat F8E4M3Format = {3, 4, 7, false, 0x7e, 0x7f};
constexpr SmallFloat F8E5M2Format = {2, 5, 15, true, 0x7b, 0x7e};
constexpr SmallFloat F8E4M3FNUZFormat = {3, 4, 8, false, 0x7f, 0x80, true};
constexpr SmallFloat F8E5M2FNUZFormat = {2, 5, 16, false, 0x7f, 0x80, true};
constexpr SmallFloat F4E2M1Format = {1, 2, 1, false, 0x7, 0};

double decodeSmall(uint32_t Bits, const SmallFloat &Format) {
  int Width = Format.MantissaBits + Format.ExponentBits;
  uint32_t Magnitude = Bits & ((1u << Width) - 1);
  if (Format.IsFnuz && Bits == Format.NaN)
    return std::numeric_limits<double>::quiet_NaN();
  double Sign = (Bits >> Width) & 1 ? -1.0 : 1.0;
  int Exponent = static_cast<int>(Magnitude >> Format.MantissaBits);
  uint32_t Mantissa = Magnitude & ((1u << Format.MantissaBits) - 1);
  if (Magnitude > Format.MaxFinite) {
    if (Format.HasInfinity && Mantissa == 0)
      return Sign * std::numeric_limits<double>::infinity();
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (Exponent == 0)
    return Sign * std::ldexp(Mantissa, 1 - Format.Bias - Format.MantissaBits);
  return Sign * std::ldexp(Mantissa + (1u << Format.MantissaBits),
                           Exponent - Format.Bias - Format.MantissaBits);
}

uint32_t encodeSmall(double Value, const SmallFloat &Format) {
  int Width = Format.MantissaBits + Format.ExponentBits;
  uint32_t Sign = std::signbit(Value) ? 1u << Width : 0;
  if (std::isnan(Value))
    return Format.NaN | (Format.NaN ? Sign : 0);
  double Magnitude = std::fabs(Value);
  uint32_t Overflow = Format.MaxFinite + (Format.HasInfinity ? 1 : 0);
  if (std::isinf(Magnitude))
    return Sign | Overflow;
  if (Magnitude == 0)
    return Format.IsFnuz ? 0 : Sign;
  // The unit in the last place where the number lies; subnormals share one.
  int Exponent = std::max(std::ilogb(Magnitude), 1 - Format.Bias);
  double Ulps =
      std::nearbyint(std::ldexp(Magnitude, Format.MantissaBits - Exponent));
  // A carry out of the mantissa runs into the exponent, as it should.
  double Bits =
      Ulps + std::ldexp(Exponent + Format.Bias - 1, Format.MantissaBits);
  if (Bits > Format.MaxFinite)
    return Sign | Overflow;
  return (Format.IsFnuz && Bits == 0 ? 0 : Sign) | static_cast<uint32_t>(Bits);
}

template <typename T> T loadAs(const std::byte *Source) {
  T Value;
  std::memcpy(&Value, Source, sizeof(T));
  return Value;
}

float halfToFloat(uint16_t Half) {
  uint32_t Sign = static_cast<uint32_t>(Half & 0x8000) << 16;
  uint32_t Rest = Half & 0x7fff;
  if (Rest >= 0x7c00) // infinity and NaN
    return std::bit_cast<float>(Sign | 0x7f800000 | ((Rest & 0x3ff) << 13));
  if (Rest >= 0x400)
    return std::bit_cast<float>(Sign | ((Rest << 13) + ((127 - 15) << 23)));
  float Magnitude = static_cast<float>(Rest) * 0x1p-24f;
  return std::bit_cast<float>(Sign | std::bit_cast<uint32_t>(Magnitude));
}

uint16_t floatToBFloat(float Value) {
  uint32_t Bits = std::bit_cast<uint32_t>(Value);
  if (std::isnan(Value))
    return static_cast<uint16_t>((Bits >> 16) | 0x40);
  return static_cast<uint16_t>((Bits + 0x7fff + ((Bits >> 16) & 1)) >> 16);
}

bool isFloat(ElementType Type) {
  switch (Type) {
  case ElementType::F32:
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::F64:
  case ElementType::F8E4M3FN:
  case ElementType::F8E5M2:
  case ElementType::F8E4M3FNUZ:
  case ElementType::F8E5M2FNUZ:
  case ElementType::F8E8M0:
  case ElementType::F4E2M1:
    return true;
  default:
    return false;
  }
}

double loadFloat(ElementType Type, const std::byte *Source) {
  auto Byte = [&] { return static_cast<uint32_t>(*Source); };
  switch (Type) {
  case ElementType::F32:
    return loadAs<float>(Source);
  case ElementType::F64:
    return loadAs<double>(Source);
  case ElementType::F16:
    return halfToFloat(loadAs<uint16_t>(Source));
  case ElementType::BF16:
    return std::bit_cast<float>(uint32_t(loadAs<uint16_t>(Source)) << 16);
  case ElementType::F8E4M3FN:
    return decodeSmall(Byte(), F8E4M3Format);
  case ElementType::F8E5M2:
    return decodeSmall(Byte(), F8E5M2Format);
  case ElementType::F8E4M3FNUZ:
    return decodeSmall(Byte(), F8E4M3FNUZFormat);
  case ElementType::F8E5M2FNUZ:
    return decodeSmall(Byte(), F8E5M2FNUZFormat);
  case ElementType::F4E2M1:
    return decodeSmall(Byte(), F4E2M1Format);
  case ElementType::F8E8M0: // a bare exponent; 0xff is NaN
    return Byte() == 0xff ? std::numeric_limits<double>::quiet_NaN()
                          : std::ldexp(1.0, static_cast<int>(Byte()) - 127);
  default:
    return 0;
  }
}

int64_t loadInt(ElementType Type, const std::byte *Source) {
  switch (Type) {
  case ElementType::I8:
  case ElementType::I4:
    return loadAs<int8_t>(Source);
  case ElementType::U8:
  case ElementType::U4:
    return loadAs<uint8_t>(Source);
  case ElementType::Bool:
    return loadAs<uint8_t>(Source) != 0;
  case ElementType::I16:
    return loadAs<int16_t>(Source);
  case ElementType::U16:
    return loadAs<uint16_t>(Source);
  case ElementType::I32:
    return loadAs<int32_t>(Source);
  case ElementType::U32:
    return loadAs<uint32_t>(Source);
  case ElementType::I64:
    return loadAs<int64_t>(Source);
  case ElementType::U64:
    return static_cast<int64_t>(loadAs<uint64_t>(Source));
  default:
    return 0;
  }
}

template <typename T> void storeAs(T Value, std::byte *Target) {
  std::memcpy(Target, &Value, sizeof(T));
}

template <typename T> T saturate(double Value, double Min, double Max) {
  if (std::isnan(Value))
    return 0;
  Value = std::trunc(Value);
  // The limits as doubles may lie one past the type's: compare, do not clamp.
  if (Value <= Min)
    return static_cast<T>(Min);
  if (Value >= Max)
    return std::is_same_v<T, uint64_t>
               ? static_cast<T>(std::numeric_limits<uint64_t>::max())
           : sizeof(T) == 8
               ? static_cast<T>(std::numeric_limits<int64_t>::max())
               : static_cast<T>(Max);
  return static_cast<T>(Value);
}

template <typename T> void storeSaturated(double Value, std::byte *Target) {
  storeAs(saturate<T>(Value, static_cast<double>(std::numeric_limits<T>::min()),
                      static_cast<double>(std::numeric_limits<T>::max())),
          Target);
}

void storeInt(ElementType Type, int64_t Value, std::byte *Target) {
  switch (Type) {
  case ElementType::Bool:
    return storeAs<uint8_t>(Value != 0, Target);
  case ElementType::I4: // kept sign-extended in its unit
    return storeAs<int8_t>(
        static_cast<int8_t>(static_cast<uint8_t>(Value << 4)) >> 4, Target);
  case ElementType::U4:
    return storeAs<uint8_t>(Value & 15, Target);
  case ElementType::I8:
  case ElementType::U8:
    return storeAs(static_cast<uint8_t>(Value), Target);
  case ElementType::I16:
  case ElementType::U16:
    return storeAs(static_cast<uint16_t>(Value), Target);
  case ElementType::I32:
  case ElementType::U32:
    return storeAs(static_cast<uint32_t>(Value), Target);
  default:
    return storeAs(Value, Target);
  }
}

template <typename T, typename Op>
void combineAs(std::byte *Target, const std::byte *Operand, size_t Step,
               size_t Count, Op Combine) {
  for (size_t I = 0; I != Count; ++I) {
    T A = loadAs<T>(Target + I * sizeof(T));
    T B = loadAs<T>(Operand + I * Step * sizeof(T));
    storeAs<T>(static_cast<T>(Combine(A, B)), Target + I * sizeof(T));
  }
}

template <typename T>
void combineTyped(StepKind Kind, std::byte *Target, const std::byte *Operand,
                  size_t Step, size_t Count) {
  // Integers wrap: compute in an unsigned type wide enough not to be promoted
  // to a signed one.
  using Wide = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  auto Run = [&](auto Op) {
    combineAs<T>(Target, Operand, Step, Count, [&](T A, T B) {
      return Op(static_cast<Wide>(A), static_cast<Wide>(B));
    });
  };
  if (Kind == StepKind::Multiply)
    Run([](Wide A, Wide B) { return A * B; });
  else if (Kind == StepKind::Add)
    Run([](Wide A, Wide B) { return A + B; });
  else
    Run([](Wide A, Wide B) { return A - B; });
}

} // namespace

size_t dure::unitSize(ElementType Type) {
  unsigned Bits = elementBits(Type);
  return Bits < 8 ? 1 : Bits / 8;
}

void dure::storeDouble(ElementType Type, double Value, std::byte *Target) {
  auto Small = [&](const SmallFloat &Format) {
    storeAs(static_cast<uint8_t>(encodeSmall(Value, Format)), Target);
  };
  switch (Type) {
  case ElementType::F32:
    return storeAs(static_cast<float>(Value), Target);
  case ElementType::F64:
    return storeAs(Value, Target);
  case ElementType::F16:
    return storeAs(static_cast<uint16_t>(encodeSmall(Value, F16Format)),
                   Target);
  case ElementType::BF16:
    return storeAs(static_cast<uint16_t>(encodeSmall(Value, BF16Format)),
                   Target);
  case ElementType::F8E4M3FN:
    return Small(F8E4M3Format);
  case ElementType::F8E5M2:
    return Small(F8E5M2Format);
  case ElementType::F8E4M3FNUZ:
    return Small(F8E4M3FNUZFormat);
  case ElementType::F8E5M2FNUZ:
    return Small(F8E5M2FNUZFormat);
  case ElementType::F4E2M1:
    return Small(F4E2M1Format);
  case ElementType::F8E8M0: {
    // Powers of two only: the nearest one, at least 2^-127, no sign.
    if (!(Value > 0) || std::isinf(Value))
      return storeAs<uint8_t>(std::isnan(Value) || Value > 0 ? 0xff : 0,
                              Target);
    double Exponent = std::nearbyint(std::log2(Value)) + 127;
    return storeAs(static_cast<uint8_t>(std::clamp(Exponent, 0.0, 254.0)),
                   Target);
  }
  case ElementType::Bool:
    return storeAs<uint8_t>(Value != 0, Target);
  case ElementType::I4:
    return storeAs(saturate<int8_t>(Value, -8, 7), Target);
  case ElementType::U4:
    return storeAs(saturate<uint8_t>(Value, 0, 15), Target);
  case ElementType::I8:
    return storeSaturated<int8_t>(Value, Target);
  case ElementType::U8:
    return storeSaturated<uint8_t>(Value, Target);
  case ElementType::I16:
    return storeSaturated<int16_t>(Value, Target);
  case ElementType::U16:
    return storeSaturated<uint16_t>(Value, Target);
  case ElementType::I32:
    return storeSaturated<int32_t>(Value, Target);
  case ElementType::U32:
    return storeSaturated<uint32_t>(Value, Target);
  case ElementType::I64:
    return storeSaturated<int64_t>(Value, Target);
  case ElementType::U64:
    return storeSaturated<uint64_t>(Value, Target);
  case ElementType::None:
    return;
  }
}

void dure::convertUnits(ElementType From, const std::byte *Source,
                        ElementType To, std::byte *Target, size_t Count) {
  size_t FromSize = unitSize(From), ToSize = unitSize(To);
  if (From == To) {
    std::memcpy(Target, Source, Count * FromSize);
    return;
  }
  // The conversions of whole models first, then everything else.
  if (To == ElementType::F32 &&
      (From == ElementType::F16 || From == ElementType::BF16 ||
       From == ElementType::I8)) {
    for (size_t I = 0; I != Count; ++I) {
      const std::byte *Unit = Source + I * FromSize;
      float Value =
          From == ElementType::I8 ? loadAs<int8_t>(Unit)
          : From == ElementType::F16
              ? halfToFloat(loadAs<uint16_t>(Unit))
              : std::bit_cast<float>(uint32_t(loadAs<uint16_t>(Unit)) << 16);
      storeAs(Value, Target + I * ToSize);
    }
    return;
  }
  if (From == ElementType::F32 && To == ElementType::BF16) {
    for (size_t I = 0; I != Count; ++I)
      storeAs(floatToBFloat(loadAs<float>(Source + I * 4)), Target + I * 2);
    return;
  }
  bool FromFloat = isFloat(From), ToFloat = isFloat(To);
  for (size_t I = 0; I != Count; ++I) {
    const std::byte *Unit = Source + I * FromSize;
    std::byte *Place = Target + I * ToSize;
    if (FromFloat)
      storeDouble(To, loadFloat(From, Unit), Place);
    else if (!ToFloat)
      storeInt(To, loadInt(From, Unit), Place);
    else if (To == ElementType::F32)
      // Not by way of double: one rounding only.
      storeAs(From == ElementType::U64
                  ? static_cast<float>(loadAs<uint64_t>(Unit))
                  : static_cast<float>(loadInt(From, Unit)),
              Place);
    else
      storeDouble(To,
                  From == ElementType::U64
                      ? static_cast<double>(loadAs<uint64_t>(Unit))
                      : static_cast<double>(loadInt(From, Unit)),
                  Place);
  }
}

void dure::combineUnits(StepKind Kind, ElementType Type, std::byte *Target,
                        const std::byte *Operand, size_t Step, size_t Count) {
  switch (Type) {
  case ElementType::F32:
    return combineTyped<float>(Kind, Target, Operand, Step, Count);
  case ElementType::F64:
    return combineTyped<double>(Kind, Target, Operand, Step, Count);
  case ElementType::I8:
  case ElementType::U8:
    return combineTyped<uint8_t>(Kind, Target, Operand, Step, Count);
  case ElementType::I16:
  case ElementType::U16:
    return combineTyped<uint16_t>(Kind, Target, Operand, Step, Count);
  case ElementType::I32:
  case ElementType::U32:
    return combineTyped<uint32_t>(Kind, Target, Operand, Step, Count);
  case ElementType::I64:
  case ElementType::U64:
    return combineTyped<uint64_t>(Kind, Target, Operand, Step, Count);
  case ElementType::F16:
  case ElementType::BF16:
    for (size_t I = 0; I != Count; ++I) {
      float A = static_cast<float>(loadFloat(Type, Target + I * 2));
      float B = static_cast<float>(loadFloat(Type, Operand + I * Step * 2));
      float Value = Kind == StepKind::Multiply ? A * B
                    : Kind == StepKind::Add    ? A + B
                                               : A - B;
      storeDouble(Type, Value, Target + I * 2);
    }
    return;
  default: // inferSteps admits no other type
    return;
  }
}
