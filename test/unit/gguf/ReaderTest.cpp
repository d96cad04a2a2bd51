// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the reader of GGUF files: what it gives, and what it must refuse.
#include "GgufFileBuilder.h"

#include "gtest/gtest.h"

namespace dure::checkpoint {
namespace {

constexpr const char *Place = "m.gguf";

/// The code of the one refusal; empty when the file is read.
std::string refusalOf(const std::string &Bytes) {
  Refusals Problems;
  // On the heap and of its exact size: AddressSanitizer sees what lies behind.
  const std::vector<char> Copy(Bytes.begin(), Bytes.end());
  const auto File =
      GgufFile::read(std::as_bytes(std::span(Copy)), Place, Problems);
  EXPECT_EQ(bool(File), Problems.empty());
  EXPECT_LE(Problems.list().size(), 1u);
  for (const Refusal &R : Problems.list()) {
    EXPECT_FALSE(toString(R, Language::English).empty());
    EXPECT_NE(toString(R, Language::Korean), toString(R, Language::English));
  }
  return Problems.empty() ? "" : std::string(codeName(Problems.list()[0].Code));
}

GgufFileBuilder sample() {
  GgufFileBuilder B;
  B.text("general.architecture", "llama").u32("llama.block_count", 2);
  B.f32("eps", 0.5f).boolean("flag", true).texts("names", {"가", "", "b"});
  B.numbers<int32_t>("kinds", GgufKind::I32, {1, -3});
  B.tensor("a", {32, 2}, GgmlType::Q4_0, std::string(36, 1));
  B.tensor("b", {3}, GgmlType::F32, std::string(12, 2));
  return B;
}

TEST(GgufReader, GivesKeysAndTensors) {
  const std::string Bytes = sample().build();
  Refusals P;
  const auto File = GgufFile::read(bytesOf(Bytes), Place, P);
  ASSERT_TRUE(File);
  EXPECT_EQ(File->text("general.architecture", P), "llama");
  EXPECT_EQ(File->integer("llama.block_count", P), 2);
  EXPECT_EQ(File->number("llama.block_count", P), 2.0);
  EXPECT_EQ(File->number("eps", P), 0.5);
  EXPECT_EQ(File->boolean("flag", P), true);
  EXPECT_EQ(File->texts("names", P),
            (std::vector<std::string_view>{"가", "", "b"}));
  EXPECT_EQ(File->integers("kinds", P), (std::vector<int64_t>{1, -3}));
  EXPECT_EQ(File->integer("absent", P), std::nullopt);
  EXPECT_TRUE(P.empty());
  ASSERT_EQ(File->tensors().size(), 2u);
  const GgufTensor &A = File->tensors()[0], &B = File->tensors()[1];
  EXPECT_EQ(A.Name, "a");
  EXPECT_EQ(A.Shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(A.Bytes, 36u);
  EXPECT_EQ(Bytes.substr(B.Offset, B.Bytes), std::string(12, 2));
}

TEST(GgufReader, RefusesValuesOfOtherTypes) {
  const std::string Bytes = sample().text("bad", "\xff").build();
  Refusals P;
  const auto File = GgufFile::read(bytesOf(Bytes), Place, P);
  ASSERT_TRUE(File);
  EXPECT_EQ(File->integer("general.architecture", P), std::nullopt);
  EXPECT_EQ(File->integer("eps", P), std::nullopt);
  EXPECT_EQ(File->integer("kinds", P), std::nullopt);
  EXPECT_EQ(File->number("names", P), std::nullopt);
  EXPECT_EQ(File->boolean("eps", P), std::nullopt);
  EXPECT_EQ(File->text("bad", P), std::nullopt);
  EXPECT_EQ(File->text("names", P), std::nullopt);
  EXPECT_EQ(File->texts("kinds", P), std::nullopt);
  EXPECT_EQ(File->bytes("kinds", P), std::nullopt);
  EXPECT_EQ(P.list().size(), 9u);
}

TEST(GgufReader, RefusesOtherFiles) {
  EXPECT_EQ(refusalOf(""), "gguf-magic");
  EXPECT_EQ(refusalOf("GGJT"), "gguf-magic");
  GgufFileBuilder B = sample();
  B.Version = 1;
  EXPECT_EQ(refusalOf(B.build()), "gguf-version");
  B.Version = 4;
  EXPECT_EQ(refusalOf(B.build()), "gguf-version");
  B.Version = 0x03000000;
  EXPECT_EQ(refusalOf(B.build()), "gguf-big-endian");
  B.Version = 2;
  EXPECT_EQ(refusalOf(B.build()), "");
}

// Each prefix of a file lacks something; none may be read past its end.
TEST(GgufReader, RefusesFilesCutOff) {
  const std::string Bytes = sample().build();
  for (size_t Size = 0; Size < Bytes.size(); ++Size)
    EXPECT_NE(refusalOf(Bytes.substr(0, Size)), "") << Size;
}

TEST(GgufReader, BoundsCounts) {
  const auto Header = [](uint64_t Tensors, uint64_t Keys) {
    return Fields().raw("GGUF").add(3u).add(Tensors).add(Keys).Bytes;
  };
  EXPECT_EQ(refusalOf(Header(0, 0)), "");
  EXPECT_EQ(refusalOf(Header(1'000'000, 0)), "gguf-too-many");
  EXPECT_EQ(refusalOf(Header(0, 1'000'000)), "gguf-too-many");
  EXPECT_EQ(refusalOf(Header(0, UINT64_MAX)), "gguf-too-many");
  EXPECT_EQ(refusalOf(Header(1, 1)), "gguf-cut-off");
}

TEST(GgufReader, BoundsValues) {
  const auto With = [](GgufKind Kind, const Fields &F) {
    return refusalOf(GgufFileBuilder().key("k", Kind, F).build());
  };
  const auto Array = [](uint32_t Kind, uint64_t Count) {
    return Fields().add(Kind).add(Count);
  };
  EXPECT_EQ(With(GgufKind(13), {}), "gguf-value-type");
  EXPECT_EQ(With(GgufKind(~0u), {}), "gguf-value-type");
  EXPECT_EQ(With(GgufKind::Array, Array(99, 1)), "gguf-value-type");
  EXPECT_EQ(With(GgufKind::String, Fields().add(UINT64_MAX)), "gguf-cut-off");
  EXPECT_EQ(With(GgufKind::Array, Array(0, UINT64_MAX)), "gguf-cut-off");
  // 2^61 times 8 bytes is 0 in 64 bits.
  EXPECT_EQ(With(GgufKind::Array, Array(10, uint64_t(1) << 61)),
            "gguf-cut-off");
  EXPECT_EQ(With(GgufKind::Array, Array(8, UINT64_MAX)), "gguf-cut-off");
  Fields Nested;
  for (int I = 0; I < 100; ++I)
    Nested.add(9u).add<uint64_t>(1);
  EXPECT_EQ(With(GgufKind::Array, Nested.add(0u).add<uint64_t>(0)),
            "json-too-deep");
  Fields Two;
  Two.add(9u).add<uint64_t>(1).add(0u).add<uint64_t>(0);
  EXPECT_EQ(With(GgufKind::Array, Two), "");
}

TEST(GgufReader, RefusesNames) {
  EXPECT_EQ(refusalOf(GgufFileBuilder().u32("a", 1).u32("a", 1).build()),
            "json-duplicate");
  for (std::string_view Name : {std::string_view(), std::string_view("\xff"),
                                std::string_view("a\0", 2)})
    EXPECT_EQ(refusalOf(GgufFileBuilder().u32(Name, 1).build()), "bad-name");
  EXPECT_EQ(refusalOf(GgufFileBuilder().u32(std::string(5000, 'a'), 1).build()),
            "bad-name");
  const std::string Data(4, 0);
  EXPECT_EQ(refusalOf(GgufFileBuilder()
                          .tensor("t", {1}, GgmlType::F32, Data)
                          .tensor("t", {1}, GgmlType::F32, Data)
                          .build()),
            "tensor-twice");
}

TEST(GgufReader, ChecksTensors) {
  const auto With = [](const std::vector<uint64_t> &Shape, uint32_t Type,
                       uint64_t Offset) {
    return refusalOf(GgufFileBuilder()
                         .tensorAt("t", Shape, Type, Offset, std::string(64, 0))
                         .build());
  };
  constexpr uint64_t Big = uint64_t(1) << 32;
  EXPECT_EQ(With({16}, 0, 0), "");
  EXPECT_EQ(With({17}, 0, 0), "gguf-tensor-range");
  EXPECT_EQ(With({1}, 0, 64), "gguf-tensor-range");
  EXPECT_EQ(With({1}, 0, UINT64_MAX & ~uint64_t(31)), "gguf-tensor-range");
  EXPECT_EQ(With({1}, 0, 4), "gguf-tensor-alignment");
  EXPECT_EQ(With({1}, 4, 0), "gguf-tensor-type");
  EXPECT_EQ(With({1}, UINT32_MAX, 0), "gguf-tensor-type");
  EXPECT_EQ(With({31}, 2, 0), "tensor-dims");
  EXPECT_EQ(With({32}, 2, 0), "");
  EXPECT_EQ(With({0}, 0, 0), "tensor-dims");
  EXPECT_EQ(With({Big, Big}, 0, 0), "tensor-dims");
  EXPECT_EQ(With({Big, Big / 2}, 0, 0), "tensor-dims");
  EXPECT_EQ(With({Big, Big / 8}, 0, 0), "gguf-tensor-range");
  EXPECT_EQ(With({UINT64_MAX}, 0, 0), "tensor-dims");
  EXPECT_EQ(With({1, 1, 1, 1, 1}, 0, 0), "gguf-too-many");
  EXPECT_EQ(refusalOf(GgufFileBuilder()
                          .tensorAt("t", {9}, 0, 0, std::string(64, 0))
                          .tensorAt("u", {1}, 0, 32, "")
                          .build()),
            "tensor-overlap");
}

TEST(GgufReader, ChecksAlignment) {
  const auto With = [](uint32_t Alignment) {
    return refusalOf(
        GgufFileBuilder().u32("general.alignment", Alignment).build());
  };
  for (uint32_t Good : {1u, 8u, 32u, 4096u})
    EXPECT_EQ(With(Good), "") << Good;
  for (uint32_t Bad : {0u, 3u, 48u, 1u << 31, ~0u})
    EXPECT_EQ(With(Bad), "gguf-alignment") << Bad;
  EXPECT_EQ(refusalOf(GgufFileBuilder().text("general.alignment", "8").build()),
            "json-kind");
  GgufFileBuilder B;
  B.Alignment = 64;
  B.u32("general.alignment", 64);
  B.tensor("a", {1}, GgmlType::F32, std::string(4, 1));
  B.tensor("b", {1}, GgmlType::F32, std::string(4, 2));
  EXPECT_EQ(refusalOf(B.build()), "");
}

} // namespace
} // namespace dure::checkpoint
