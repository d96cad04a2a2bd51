// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of taking blocks apart, against blocks.npz, which blocks.py writes with
// PyPI's gguf.
#include "frontends/checkpoint/GgufBlocks.h"
#include "tools/io/Npz.h"

#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>

namespace dure::checkpoint {
namespace {

struct Reference {
  GgmlType Type = GgmlType::F32;
  std::vector<std::byte> Blocks;
  std::vector<float> Values;
};

std::map<std::string, Reference> references() {
  auto Read =
      io::readNpz(std::string(DURE_SOURCE_DIR) + "/test/unit/gguf/blocks.npz");
  if (!Read) {
    ADD_FAILURE() << Read.failure().text();
    return {};
  }
  std::map<std::string, Reference> Out;
  for (const io::Tensor &T : *Read) {
    const size_t Dot = T.Name.find('.');
    Reference &R = Out[T.Name.substr(0, Dot)];
    if (T.Name.substr(Dot) == ".blocks") {
      R.Blocks.assign(T.Bytes.begin(), T.Bytes.end());
      continue;
    }
    R.Values.resize(T.Bytes.size() / sizeof(float));
    std::memcpy(R.Values.data(), T.Bytes.data(), T.Bytes.size());
  }
  for (auto &[Name, R] : Out)
    for (uint32_t Number = 0; Number < 64; ++Number)
      if (auto Info = infoOf(GgmlType(Number)); Info && Info->Name == Name)
        R.Type = GgmlType(Number);
  return Out;
}

/// NaN is NaN, whatever its bits; all else is equal to the bit.
void expectSame(const std::vector<float> &Have, const std::vector<float> &Want,
                const std::string &Name) {
  ASSERT_EQ(Have.size(), Want.size()) << Name;
  for (size_t I = 0; I < Want.size(); ++I) {
    if (std::isnan(Want[I]))
      ASSERT_TRUE(std::isnan(Have[I])) << Name << " " << I;
    else
      ASSERT_EQ(std::bit_cast<uint32_t>(Have[I]),
                std::bit_cast<uint32_t>(Want[I]))
          << Name << " element " << I << ": " << Have[I] << ", not " << Want[I];
  }
}

TEST(GgufBlocks, DequantizeToTheBit) {
  const auto All = references();
  EXPECT_EQ(All.size(), 15u);
  for (const auto &[Name, R] : All) {
    std::vector<float> Have(R.Values.size());
    dequantize(R.Type, R.Blocks, Have);
    expectSame(Have, R.Values, Name);
  }
}

/// What DequantizeLinear and Add make of the parts is the same to the bit, and
/// the integers fit the type that the form names.
TEST(GgufBlocks, PartsMakeTheSame) {
  for (const auto &[Name, R] : references()) {
    const auto Form = blockForm(R.Type);
    if (!Form)
      continue;
    const size_t Count = R.Values.size(), Groups = Count / Form->Group;
    std::vector<int16_t> Integers(Count);
    std::vector<float> Scales(Groups), Offsets(Form->HasOffsets ? Groups : 0);
    decodeBlocks(R.Type, R.Blocks, {Integers, Scales, Offsets});
    const bool IsSigned =
        Form->Integers == DataType::Int4 || Form->Integers == DataType::Int8;
    const int Range = 1 << onnx::bitWidth(Form->Integers);
    const int Least = IsSigned ? -Range / 2 : 0;
    std::vector<float> Have(Count);
    for (size_t I = 0; I < Count; ++I) {
      ASSERT_GE(Integers[I], Least) << Name;
      ASSERT_LT(Integers[I], Least + Range) << Name;
      volatile float Product = Scales[I / Form->Group] * float(Integers[I]);
      Have[I] = Product;
      if (Form->HasOffsets)
        Have[I] += Offsets[I / Form->Group];
    }
    expectSame(Have, R.Values, Name);
  }
}

TEST(GgufBlocks, UnknownNumbersAreNoTypes) {
  for (uint32_t Number : {4u, 5u, 31u, 38u, 42u, 0xffffffffu})
    EXPECT_FALSE(infoOf(GgmlType(Number))) << Number;
  EXPECT_FALSE(blockForm(GgmlType::F32));
  EXPECT_FALSE(blockForm(GgmlType::IQ1_S));
  EXPECT_EQ(plainType(GgmlType::BF16), DataType::BFloat16);
  EXPECT_EQ(plainType(GgmlType::Q4_0), DataType::Undefined);
}

} // namespace
} // namespace dure::checkpoint
