// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filling and reading tensors.
#include "runtime/llm/Tensors.h"

#include <bit>
#include <cstring>
#include <numeric>

using namespace dure;

namespace {

float halfToFloat(uint16_t Bits) {
  const uint32_t Sign = uint32_t(Bits & 0x8000) << 16;
  const uint32_t Exponent = Bits >> 10 & 0x1F, Fraction = Bits & 0x3FF;
  if (Exponent == 0x1F)
    return std::bit_cast<float>(Sign | 0x7F800000 | Fraction << 13);
  if (Exponent == 0) {
    // Subnormal: a whole number of 2^-24.
    const float Size = static_cast<float>(Fraction) * 0x1p-24f;
    return Sign ? -Size : Size;
  }
  return std::bit_cast<float>(Sign | (Exponent + 112) << 23 | Fraction << 13);
}

template <typename T>
std::vector<std::byte> bytesOf(std::span<const int64_t> Values) {
  std::vector<std::byte> Out(Values.size() * sizeof(T));
  for (size_t I = 0; I != Values.size(); ++I) {
    const T Value = static_cast<T>(Values[I]);
    std::memcpy(Out.data() + I * sizeof(T), &Value, sizeof(T));
  }
  return Out;
}

std::vector<std::byte> bytesOf(int32_t Type, std::span<const int64_t> Values) {
  switch (Type) {
  case DURE_TYPE_I64:
    return bytesOf<int64_t>(Values);
  case DURE_TYPE_I32:
    return bytesOf<int32_t>(Values);
  default:
    return bytesOf<uint8_t>(Values); // bool: one byte, 0 or 1
  }
}

struct IntegerTensor {
  std::vector<int64_t> Values, Dims;
};

IntegerTensor fill(const IntegerInput &Input, std::span<const int64_t> New,
                   size_t Past, bool KeepAll) {
  const auto Count = static_cast<int64_t>(New.size());
  IntegerTensor T{{}, {1, Count}};
  switch (Input.Role) {
  case InputRole::Tokens:
    T.Values.assign(New.begin(), New.end());
    return T;
  case InputRole::Mask:
    T.Values.assign(New.size() + (Input.IsTotal ? Past : 0), 1);
    T.Dims[1] = static_cast<int64_t>(T.Values.size());
    return T;
  case InputRole::CachePosition:
    T.Dims.erase(T.Dims.begin());
    [[fallthrough]];
  case InputRole::Positions:
    T.Values.resize(New.size());
    std::iota(T.Values.begin(), T.Values.end(), static_cast<int64_t>(Past));
    return T;
  case InputRole::TokenTypes:
    T.Values.assign(New.size(), 0);
    return T;
  case InputRole::LogitsToKeep:
    T.Values.assign(1, KeepAll ? Count : 1);
    T.Dims.assign(static_cast<size_t>(Input.Rank), 1);
    return T;
  }
  return T;
}

} // namespace

dure_tensor dure::lendTensor(int32_t Type, const std::vector<int64_t> &Dims,
                             std::vector<std::byte> &Bytes) {
  dure_tensor T = {};
  T.struct_size = sizeof(T);
  T.type = Type;
  T.rank = static_cast<int32_t>(Dims.size());
  T.dims = Dims.data();
  T.data = Bytes.data();
  T.size = Bytes.size();
  return T;
}

void dure::toFloats(const void *From, int32_t Type, std::span<float> To) {
  if (Type == DURE_TYPE_F32) {
    std::memcpy(To.data(), From, To.size_bytes());
    return;
  }
  const auto *Halves = static_cast<const uint16_t *>(From);
  for (size_t I = 0; I != To.size(); ++I)
    To[I] = Type == DURE_TYPE_BF16
                ? std::bit_cast<float>(uint32_t(Halves[I]) << 16)
                : halfToFloat(Halves[I]);
}

Status dure::bindTokens(dure_call *Call, std::span<const IntegerInput> Inputs,
                        std::span<const int64_t> New, size_t Past, bool KeepAll,
                        std::vector<std::vector<std::byte>> &Bound) {
  for (const IntegerInput &Each : Inputs) {
    const IntegerTensor Filled = fill(Each, New, Past, KeepAll);
    Bound.push_back(bytesOf(Each.Type, Filled.Values));
    const dure_tensor Tensor = lendTensor(Each.Type, Filled.Dims, Bound.back());
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_call_bind_input(Call, Each.Index, &Tensor)));
  }
  return Status::success();
}
