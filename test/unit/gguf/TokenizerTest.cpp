// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the tokenizers that are made of GGUF files, against
// vocabularies.npz, which vocabularies.py writes; and of vocabularies that must
// be refused.
#include "runtime/text/Tokenizer.h"
#include "GgufFileBuilder.h"
#include "frontends/checkpoint/GgufTokenizer.h"
#include "frontends/checkpoint/Json.h"
#include "tools/io/Npz.h"

#include "gtest/gtest.h"

#include <cmath>
#include <map>

namespace dure::checkpoint {
namespace {

using Files = std::map<std::string, std::string, std::less<>>;

/// What a file's vocabulary becomes, with the code of the first refusal.
std::pair<Files, std::string> filesOf(const std::string &Bytes) {
  Refusals P;
  const auto File = GgufFile::read(bytesOf(Bytes), "m.gguf", P);
  Files Made;
  if (File)
    Made = makeTokenizerFiles(*File, P);
  return {Made, P.empty() ? "" : std::string(codeName(P.list().front().Code))};
}

struct Reference {
  std::string File;
  std::vector<std::string> Texts;
  std::vector<int64_t> Counts, Ids;
};

std::map<std::string, Reference> references() {
  auto Read = io::readNpz(std::string(DURE_SOURCE_DIR) +
                          "/test/unit/gguf/vocabularies.npz");
  if (!Read) {
    ADD_FAILURE() << Read.failure().text();
    return {};
  }
  std::map<std::string, Reference> Out;
  for (const io::Tensor &T : *Read) {
    const size_t Dot = T.Name.rfind('.');
    Reference &R = Out[T.Name.substr(0, Dot)];
    const std::string What = T.Name.substr(Dot + 1);
    const std::string_view Bytes(reinterpret_cast<const char *>(T.Bytes.data()),
                                 T.Bytes.size());
    const auto *Numbers = reinterpret_cast<const int64_t *>(T.Bytes.data());
    if (What == "gguf")
      R.File = Bytes;
    else if (What == "counts")
      R.Counts.assign(Numbers, Numbers + T.elementCount());
    else if (What == "ids")
      R.Ids.assign(Numbers, Numbers + T.elementCount());
    else
      for (size_t At = 0; At < Bytes.size();) {
        const size_t End = Bytes.find('\0', At);
        R.Texts.emplace_back(Bytes.substr(At, End - At));
        At = End + 1;
      }
  }
  return Out;
}

TEST(GgufTokenizer, GivesTheIdsOfItsOrigin) {
  const auto All = references();
  EXPECT_EQ(All.size(), 13u);
  for (const auto &[Name, R] : All) {
    const auto [Made, Code] = filesOf(R.File);
    ASSERT_EQ(Code, "") << Name;
    const auto Read = Tokenizer::read(Made.at("tokenizer.json"),
                                      Made.at("tokenizer_config.json"));
    ASSERT_TRUE(Read) << Name << ": " << Read.status().message();
    ASSERT_EQ(R.Texts.size(), R.Counts.size()) << Name;
    size_t At = 0;
    for (size_t I = 0; I < R.Texts.size(); ++I) {
      const auto Ids = Read->encode(R.Texts[I]);
      ASSERT_TRUE(Ids) << Name << ": " << Ids.status().message();
      const std::vector<int64_t> Have(Ids->begin(), Ids->end());
      const auto Begin = R.Ids.begin() + ptrdiff_t(At);
      At += size_t(R.Counts[I]);
      const std::vector<int64_t> Want(Begin, R.Ids.begin() + ptrdiff_t(At));
      EXPECT_EQ(Have, Want) << Name << ": '" << R.Texts[I] << "'";
    }
  }
}

/// Byte-level, with tokens a, b, ab and two special ones.
GgufFileBuilder small(const std::vector<std::string> &Merges = {"a b"}) {
  GgufFileBuilder B;
  B.text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2");
  B.text("tokenizer.ggml.pre", "gpt-2");
  B.texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<s>", "<|im_end|>"});
  B.texts("tokenizer.ggml.merges", Merges);
  B.numbers<int32_t>("tokenizer.ggml.token_type", GgufKind::I32,
                     {1, 1, 1, 3, 3});
  return B;
}

TEST(GgufTokenizer, WritesTemplatesAndEnds) {
  GgufFileBuilder B = small();
  B.u32("tokenizer.ggml.bos_token_id", 3).u32("tokenizer.ggml.eos_token_id", 3);
  B.u32("tokenizer.ggml.padding_token_id", UINT32_MAX);
  B.text("tokenizer.chat_template", "{{ \"가\" }}\n");
  B.f32("general.sampling.temp", 0.6f).u32("general.sampling.top_k", 20);
  const auto [Made, Code] = filesOf(B.build());
  ASSERT_EQ(Code, "");
  Refusals P;
  const auto Config = parseJson(Made.at("tokenizer_config.json"), "", {}, P);
  ASSERT_TRUE(Config);
  EXPECT_EQ(*Config->find("chat_template")->string(), "{{ \"가\" }}\n");
  EXPECT_EQ(*Config->find("bos_token")->string(), "<s>");
  EXPECT_EQ(Config->find("pad_token"), nullptr);
  const auto Generation =
      parseJson(Made.at("generation_config.json"), "", {}, P);
  ASSERT_TRUE(Generation);
  const Json::Array *Ends = Generation->find("eos_token_id")->array();
  ASSERT_TRUE(Ends);
  ASSERT_EQ(Ends->size(), 2u);
  EXPECT_EQ(*(*Ends)[0].integer(), 3);
  EXPECT_EQ(*(*Ends)[1].integer(), 4);
  EXPECT_EQ(Generation->find("temperature")->number(), double(0.6f));
  EXPECT_EQ(*Generation->find("top_k")->integer(), 20);
}

TEST(GgufTokenizer, IsAbsentWithoutVocabulary) {
  for (const char *Model : {"none", "no_vocab"}) {
    const auto [Made, Code] =
        filesOf(GgufFileBuilder().text("tokenizer.ggml.model", Model).build());
    EXPECT_TRUE(Made.empty());
    EXPECT_EQ(Code, "");
  }
}

TEST(GgufTokenizer, RefusesWhatItDoesNotKnow) {
  const auto With = [](const char *Key, const char *Value) {
    GgufFileBuilder B;
    for (const auto &[Name, Usual] : {std::pair("tokenizer.ggml.model", "gpt2"),
                                      std::pair("tokenizer.ggml.pre", "gpt-2")})
      B.text(Name, std::string_view(Key) == Name ? Value : Usual);
    B.texts("tokenizer.ggml.tokens", {"a"}).texts("tokenizer.ggml.merges", {});
    return filesOf(B.build()).second;
  };
  EXPECT_EQ(With("tokenizer.ggml.model", "rwkv"), "gguf-tokenizer");
  EXPECT_EQ(With("tokenizer.ggml.pre", "kimi-k2"), "gguf-pre-tokenizer");
  EXPECT_EQ(With("tokenizer.ggml.pre", "gpt-2"), "");
}

TEST(GgufTokenizer, RefusesWhatDoesNotFit) {
  const auto Code = [](const GgufFileBuilder &B) {
    return filesOf(B.build()).second;
  };
  EXPECT_EQ(Code(small({"a a"})), "tokenizer-merge");
  EXPECT_EQ(Code(small({"ab"})), "tokenizer-merge");
  EXPECT_EQ(Code(small({"a "})), "tokenizer-merge");
  EXPECT_EQ(Code(small({""})), "tokenizer-merge");
  EXPECT_EQ(Code(small().u32("tokenizer.ggml.eos_token_id", 5)),
            "tokenizer-id");
  EXPECT_EQ(Code(small().text("tokenizer.ggml.add_bos_token", "yes")),
            "json-kind");
  EXPECT_EQ(
      Code(small().numbers<float>("tokenizer.ggml.scores", GgufKind::F32, {1})),
      "tokenizer-count");
  EXPECT_EQ(Code(small().numbers<float>("tokenizer.ggml.scores", GgufKind::F32,
                                        std::vector<float>(5, NAN))),
            "json-kind");
  GgufFileBuilder Twice;
  Twice.text("tokenizer.ggml.model", "gpt2");
  Twice.texts("tokenizer.ggml.tokens", {"a", "a"});
  EXPECT_EQ(Code(Twice), "token-twice");
  GgufFileBuilder NoMerges;
  NoMerges.text("tokenizer.ggml.model", "gpt2");
  NoMerges.texts("tokenizer.ggml.tokens", {"a"});
  EXPECT_EQ(Code(NoMerges), "gguf-missing");
}

// Tests that finding merges in long tokens takes no time to speak of.
TEST(GgufTokenizer, BoundsTheSearchForMerges) {
  std::vector<std::string> Tokens = {std::string(200'000, 'a'), "<unk>"};
  GgufFileBuilder B;
  B.text("tokenizer.ggml.model", "llama");
  B.texts("tokenizer.ggml.tokens", Tokens);
  B.numbers<float>("tokenizer.ggml.scores", GgufKind::F32, {0, 0});
  EXPECT_EQ(filesOf(B.build()).second, "tokenizer-size");
}

} // namespace
} // namespace dure::checkpoint
