// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of GGUF files as checkpoints: configuration, names, parts, and what
// must be refused.
#include "frontends/checkpoint/Checkpoint.h"
#include "GgufFileBuilder.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <unistd.h>

namespace dure::checkpoint {
namespace {

namespace fs = std::filesystem;

class GgufCheckpoint : public testing::Test {
protected:
  void SetUp() override {
    Folder = testing::TempDir() + "gguf-" + std::to_string(getpid());
    fs::create_directories(Folder);
  }
  void TearDown() override { fs::remove_all(Folder); }

  std::string put(const std::string &Name, const std::string &Bytes) {
    std::ofstream(Folder + "/" + Name, std::ios::binary) << Bytes;
    return Folder + "/" + Name;
  }
  std::unique_ptr<Checkpoint> open(const std::string &Path) {
    Codes.clear();
    Refusals P;
    auto C = Checkpoint::open(Path, {}, P);
    EXPECT_EQ(bool(C), P.empty());
    for (const Refusal &Each : P.list())
      Codes.emplace_back(codeName(Each.Code));
    return C;
  }
  std::unique_ptr<Checkpoint> open(const GgufFileBuilder &B) {
    return open(put("m.gguf", B.build()));
  }

  std::string Folder;
  std::vector<std::string> Codes;
};

using Strings = std::vector<std::string>;

/// A model of one head of 4 elements, without a layer's tensors.
GgufFileBuilder model(std::string_view Architecture = "llama") {
  const std::string A(Architecture);
  GgufFileBuilder B;
  B.text("general.architecture", A).u32(A + ".block_count", 1);
  B.u32(A + ".embedding_length", 4).u32(A + ".feed_forward_length", 4);
  B.u32(A + ".context_length", 16).u32(A + ".attention.head_count", 1);
  B.f32(A + ".attention.layer_norm_rms_epsilon", 1e-5f);
  return B.u32(A + ".vocab_size", 3);
}

std::string floats(const std::vector<float> &V) {
  return {reinterpret_cast<const char *>(V.data()), V.size() * sizeof(float)};
}

std::vector<float> converted(const Checkpoint &C, const Tensor &T) {
  std::string Bytes;
  const Status Done =
      T.Convert(C.stored(T), [&](std::span<const std::byte> Piece) {
        Bytes.append(reinterpret_cast<const char *>(Piece.data()),
                     Piece.size());
        return Status::success();
      });
  EXPECT_TRUE(Done.ok());
  EXPECT_EQ(Bytes.size(), T.bytes());
  std::vector<float> Out(Bytes.size() / sizeof(float));
  std::memcpy(Out.data(), Bytes.data(), Out.size() * sizeof(float));
  return Out;
}

TEST_F(GgufCheckpoint, HasConfigurationAndNames) {
  GgufFileBuilder B = model();
  B.f32("llama.rope.freq_base", 5e5f).u32("llama.rope.dimension_count", 2);
  B.tensor("token_embd.weight", {4, 3}, GgmlType::F32,
           floats(std::vector<float>(12)));
  const auto C = open(B);
  ASSERT_TRUE(C) << Codes.front();
  const auto Number = [&](const char *Key) {
    const Json *Found = C->Config.find(Key);
    return Found ? Found->number().value_or(-1) : -2;
  };
  EXPECT_EQ(Number("hidden_size"), 4);
  EXPECT_EQ(Number("vocab_size"), 3);
  EXPECT_EQ(Number("head_dim"), 4);
  EXPECT_EQ(Number("rms_norm_eps"), 1e-5);
  EXPECT_EQ(Number("rope_theta"), 5e5);
  EXPECT_EQ(Number("partial_rotary_factor"), 0.5);
  EXPECT_EQ(*C->Config.find("tie_word_embeddings")->boolean(), true);
  EXPECT_EQ(*C->Config.find("architectures")->array()->front().string(),
            "LlamaForCausalLM");
  ASSERT_TRUE(C->find("model.embed_tokens.weight"));
  EXPECT_EQ(C->find("model.embed_tokens.weight")->Shape,
            (std::vector<int64_t>{3, 4}));
}

// Rows 2j and 2j + 1 are a pair; pairs have their first rows in front here.
TEST_F(GgufCheckpoint, PutsPairedRowsApart) {
  GgufFileBuilder B = model();
  B.tensor("blk.0.attn_q.weight", {1, 4}, GgmlType::F32, floats({0, 2, 1, 3}));
  B.tensor("blk.0.attn_q.bias", {4}, GgmlType::F32, floats({0, 2, 1, 3}));
  B.tensor("blk.0.attn_v.weight", {1, 4}, GgmlType::F32, floats({0, 2, 1, 3}));
  const auto C = open(B);
  ASSERT_TRUE(C) << Codes.front();
  const std::vector<float> Apart = {0, 1, 2, 3};
  for (const char *Name : {"q_proj.weight", "q_proj.bias"})
    EXPECT_EQ(converted(*C, *C->find("model.layers.0.self_attn." +
                                     std::string(Name))),
              Apart);
  EXPECT_EQ(converted(*C, *C->find("model.layers.0.self_attn.v_proj.weight")),
            (std::vector<float>{0, 2, 1, 3}));
}

// A pile of matrices becomes one for each expert.
TEST_F(GgufCheckpoint, TakesExpertsApart) {
  GgufFileBuilder B = model("exaone-moe");
  const std::string A = "exaone-moe.";
  B.u32(A + "nextn_predict_layers", 0).u32(A + "expert_count", 2);
  B.u32(A + "expert_used_count", 1).u32(A + "expert_gating_func", 2);
  B.u32(A + "expert_feed_forward_length", 1);
  B.u32(A + "attention.sliding_window", 4);
  B.tensor("blk.0.ffn_up_exps.weight", {2, 1, 2}, GgmlType::F32,
           floats({1, 2, 3, 4}));
  B.tensor("blk.0.exp_probs_b.bias", {2}, GgmlType::F32, floats({5, 6}));
  const auto C = open(B);
  ASSERT_TRUE(C) << Codes.front();
  const Tensor *Second = C->find("model.layers.0.mlp.experts.1.up_proj.weight");
  ASSERT_TRUE(Second);
  EXPECT_EQ(Second->Shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(converted(*C, *Second), (std::vector<float>{3, 4}));
  EXPECT_TRUE(C->find("model.layers.0.mlp.e_score_correction_bias"));
  EXPECT_EQ(C->Tensors.size(), 3u);
}

/// Of a latent of two numbers: keys of 32 that stay and 2 that turn, values of
/// one.
GgufFileBuilder latentModel() {
  GgufFileBuilder B = model("deepseek2");
  const std::string A = "deepseek2.";
  B.u32(A + "expert_count", 2).u32(A + "expert_used_count", 1);
  B.u32(A + "expert_feed_forward_length", 1);
  B.u32(A + "attention.kv_lora_rank", 2).u32(A + "rope.dimension_count", 2);
  return B;
}

/// With the widths of the cache beside those of the heads.
GgufFileBuilder splitLatentModel() {
  GgufFileBuilder B = latentModel();
  const std::string A = "deepseek2.attention.";
  B.u32("deepseek2.expert_gating_func", 2).u32(A + "head_count_kv", 1);
  B.u32(A + "key_length", 4).u32(A + "value_length", 2);
  return B.u32(A + "key_length_mla", 34).u32(A + "value_length_mla", 1);
}

// Two rows of one block each: 0, 1, 2 .. 31 and twice the negatives.
std::string keysInBlocks() {
  std::string Out;
  for (int Row = 0; Row < 2; ++Row) {
    // 1 and -2 in f16.
    Out += Row ? std::string("\x00\xC0", 2) : std::string("\x00\x3C", 2);
    for (int I = 0; I < 32; ++I)
      Out += char(I);
  }
  return Out;
}

// The halves of the latent's matrix become one, the keys' rows turned back.
TEST_F(GgufCheckpoint, JoinsTheLatentsMatrices) {
  GgufFileBuilder B = splitLatentModel();
  B.tensor("blk.0.attn_k_b.weight", {32, 2, 1}, GgmlType::Q8_0, keysInBlocks());
  B.tensor("blk.0.attn_v_b.weight", {2, 1, 1}, GgmlType::F32, floats({5, 6}));
  const auto C = open(B);
  ASSERT_TRUE(C) << Codes.front();
  const Tensor *Joined = C->find("model.layers.0.self_attn.kv_b_proj.weight");
  ASSERT_TRUE(Joined);
  EXPECT_EQ(C->Tensors.size(), 1u);
  EXPECT_EQ(Joined->Shape, (std::vector<int64_t>{33, 2}));
  std::vector<float> Want;
  for (int I = 0; I < 32; ++I)
    Want.insert(Want.end(), {float(I), float(-2 * I)});
  Want.insert(Want.end(), {5, 6});
  EXPECT_EQ(converted(*C, *Joined), Want);
  EXPECT_EQ(C->Config.find("qk_nope_head_dim")->number(), 32);
  EXPECT_EQ(C->Config.find("v_head_dim")->number(), 1);
}

// Older files have it whole, and the widths of heads alone.
TEST_F(GgufCheckpoint, ReadsTheLatentsMatrixWhole) {
  GgufFileBuilder B = latentModel().u32("deepseek2.expert_gating_func", 2);
  B.u32("deepseek2.attention.key_length", 34);
  B.u32("deepseek2.attention.value_length", 1);
  B.tensor("blk.0.attn_kv_b.weight", {2, 33}, GgmlType::F32,
           floats(std::vector<float>(66)));
  const auto C = open(B);
  ASSERT_TRUE(C) << Codes.front();
  EXPECT_TRUE(C->find("model.layers.0.self_attn.kv_b_proj.weight"));
  EXPECT_EQ(C->Config.find("qk_nope_head_dim")->number(), 32);
  EXPECT_EQ(C->Config.find("v_head_dim")->number(), 1);
}

TEST_F(GgufCheckpoint, RefusesLatentsThatDoNotFit) {
  const std::string V = floats({5, 6});
  GgufFileBuilder Half = splitLatentModel();
  Half.tensor("blk.0.attn_v_b.weight", {2, 1, 1}, GgmlType::F32, V);
  EXPECT_FALSE(open(Half));
  EXPECT_EQ(Codes, Strings{"gguf-half"});
  // Keys and values have the sum of widths that the metadata gives, each
  // another one; other ranks; matrices in place of heads.
  const std::vector<std::pair<std::vector<uint64_t>, std::vector<uint64_t>>>
      Shapes = {
          {{1, 2, 1}, {2, 32, 1}}, {{32, 1, 1}, {2, 1, 1}}, {{32, 2}, {2, 1}}};
  for (const auto &[Keys, Values] : Shapes) {
    const auto Zeros = [](const std::vector<uint64_t> &Shape) {
      size_t Count = 1;
      for (uint64_t Each : Shape)
        Count *= size_t(Each);
      return floats(std::vector<float>(Count));
    };
    GgufFileBuilder B = splitLatentModel();
    B.tensor("blk.0.attn_k_b.weight", Keys, GgmlType::F32, Zeros(Keys));
    B.tensor("blk.0.attn_v_b.weight", Values, GgmlType::F32, Zeros(Values));
    EXPECT_FALSE(open(B));
    EXPECT_EQ(Codes, Strings{"gguf-latents"});
  }
}

// Scores of experts go through a softmax where nothing says otherwise.
TEST_F(GgufCheckpoint, TellsTheVersionsOfDeepSeekApart) {
  const auto Class = [&](GgufFileBuilder B) {
    B.u32("deepseek2.attention.key_length", 34);
    B.u32("deepseek2.attention.value_length", 1);
    const auto C = open(B);
    return C ? *(*C->Config.find("architectures")->array())[0].string()
             : Codes.front();
  };
  EXPECT_EQ(Class(latentModel()), "DeepseekV2ForCausalLM");
  EXPECT_EQ(Class(latentModel().u32("deepseek2.expert_gating_func", 1)),
            "DeepseekV2ForCausalLM");
  EXPECT_EQ(Class(latentModel().u32("deepseek2.expert_gating_func", 2)),
            "DeepseekV3ForCausalLM");
  EXPECT_EQ(Class(latentModel().u32("deepseek2.expert_gating_func", 3)),
            "gguf-key-value");
}

// Gates and ups of all experts in one pile.
TEST_F(GgufCheckpoint, TakesGatesAndUpsApart) {
  const auto Pile = [](uint64_t Rows) {
    GgufFileBuilder B = latentModel();
    B.u32("deepseek2.attention.key_length", 34);
    B.u32("deepseek2.attention.value_length", 1);
    std::vector<float> Values(size_t(2 * Rows * 2));
    std::iota(Values.begin(), Values.end(), 0.0f);
    return B.tensor("blk.0.ffn_gate_up_exps.weight", {2, Rows, 2},
                    GgmlType::F32, floats(Values));
  };
  const auto C = open(Pile(2));
  ASSERT_TRUE(C) << Codes.front();
  const std::string Second = "model.layers.0.mlp.experts.1.";
  const Tensor *Gate = C->find(Second + "gate_proj.weight"),
               *Up = C->find(Second + "up_proj.weight");
  ASSERT_TRUE(Gate && Up);
  EXPECT_EQ(converted(*C, *Gate), (std::vector<float>{4, 5}));
  EXPECT_EQ(converted(*C, *Up), (std::vector<float>{6, 7}));
  EXPECT_EQ(C->Tensors.size(), 4u);
  // Not two halves: no part of a model that is known.
  const auto Odd = open(Pile(3));
  ASSERT_TRUE(Odd);
  EXPECT_FALSE(Odd->find(Second + "up_proj.weight"));
}

// What predicts further tokens is left out, whatever its tensors are called.
TEST_F(GgufCheckpoint, LeavesLaterPredictionsOut) {
  GgufFileBuilder B = model("qwen3");
  B.u32("qwen3.nextn_predict_layers", 1);
  EXPECT_FALSE(open(B));
  EXPECT_EQ(Codes, Strings{"gguf-key-value"});
  GgufFileBuilder Two;
  Two.text("general.architecture", "qwen3").u32("qwen3.block_count", 2);
  Two.u32("qwen3.nextn_predict_layers", 1).u32("qwen3.vocab_size", 3);
  Two.u32("qwen3.embedding_length", 4).u32("qwen3.feed_forward_length", 4);
  Two.u32("qwen3.context_length", 16).u32("qwen3.attention.head_count", 1);
  Two.f32("qwen3.attention.layer_norm_rms_epsilon", 1e-5f);
  Two.tensor("blk.0.attn_norm.weight", {1}, GgmlType::F32, floats({1}));
  Two.tensor("blk.1.nextn.eh_proj.weight", {1}, GgmlType::F32, floats({1}));
  const auto C = open(Two);
  ASSERT_TRUE(C) << Codes.front();
  EXPECT_EQ(*C->Config.find("num_hidden_layers")->integer(), 1);
  EXPECT_EQ(C->Tensors.size(), 1u);
}

TEST_F(GgufCheckpoint, TakesOneFromNormsOfGemma) {
  GgufFileBuilder B = model("gemma3");
  B.tensor("output_norm.weight", {4}, GgmlType::F32, floats({1, 2, 0.5f, -1}));
  const auto C = open(B);
  ASSERT_TRUE(C) << Codes.front();
  EXPECT_EQ(converted(*C, *C->find("model.norm.weight")),
            (std::vector<float>{0, 1, -0.5f, -2}));
}

TEST_F(GgufCheckpoint, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(open(model("mamba")));
  EXPECT_EQ(Codes, Strings{"gguf-architecture"});
  EXPECT_FALSE(open(GgufFileBuilder()));
  EXPECT_EQ(Codes, Strings{"gguf-architecture"});
  // All at once.
  EXPECT_FALSE(
      open(model().u32("llama.new_thing", 1).u32("llama.other_thing", 1)));
  EXPECT_EQ(Codes, (Strings{"gguf-key-unknown", "gguf-key-unknown"}));
  EXPECT_FALSE(open(model().u32("llama.expert_count", 8)));
  EXPECT_EQ(Codes, Strings{"gguf-key-value"});
  EXPECT_FALSE(open(model().text("llama.rope.scaling.type", "odd")));
  EXPECT_EQ(Codes, Strings{"gguf-key-value"});
  EXPECT_FALSE(open(GgufFileBuilder().text("general.architecture", "llama")));
  EXPECT_EQ(Codes, Strings(7, "gguf-missing"));
  for (const char *Name :
       {"blk.0.attn_x.weight", "blk.00.attn_q.weight", "blk.a.attn_q.weight",
        "blk.0.attn_q", "blk..weight", "odd"}) {
    EXPECT_FALSE(open(model().tensor(Name, {1}, GgmlType::F32, floats({1}))));
    EXPECT_EQ(Codes, Strings{"gguf-tensor-unknown"}) << Name;
  }
  EXPECT_FALSE(open(model().tensor("output.weight", {256}, GgmlType::IQ1_S,
                                   std::string(50, 0))));
  EXPECT_EQ(Codes, Strings{"gguf-tensor-type"});
  EXPECT_FALSE(open(model().tensor("blk.0.attn_q.weight", {1, 3}, GgmlType::F32,
                                   floats({1, 2, 3}))));
  EXPECT_EQ(Codes, Strings{"gguf-heads"});
}

TEST_F(GgufCheckpoint, ReadsParts) {
  const auto Part = [](uint16_t Number, const char *Name) {
    GgufFileBuilder B = Number == 0 ? model() : GgufFileBuilder();
    B.key("split.no", GgufKind::U16, Fields().add(Number));
    B.key("split.count", GgufKind::U16, Fields().add(uint16_t(2)));
    return B.tensor(Name, {1}, GgmlType::F32, floats({float(Number)})).build();
  };
  const std::string First =
      put("m-00001-of-00002.gguf", Part(0, "output_norm.weight"));
  EXPECT_FALSE(open(First));
  EXPECT_EQ(Codes, Strings{"file-open"});
  const std::string Second =
      put("m-00002-of-00002.gguf", Part(1, "blk.0.attn_norm.weight"));
  const auto C = open(First);
  ASSERT_TRUE(C) << Codes.front();
  EXPECT_EQ(C->Files.size(), 2u);
  EXPECT_EQ(converted(*C, *C->find("model.layers.0.input_layernorm.weight")),
            std::vector<float>{1});
  EXPECT_FALSE(open(Second));
  EXPECT_EQ(Codes, Strings{"gguf-part"});
  EXPECT_FALSE(open(put("n.gguf", Part(0, "output_norm.weight"))));
  EXPECT_EQ(Codes, Strings{"gguf-part-name"});
  put("m-00002-of-00002.gguf", Part(0, "output_norm.weight"));
  EXPECT_FALSE(open(First));
  EXPECT_EQ(Codes, Strings{"gguf-part-other"});
  put("m-00002-of-00002.gguf", Part(1, "output_norm.weight"));
  EXPECT_FALSE(open(First));
  EXPECT_EQ(Codes, Strings{"tensor-twice"});
}

} // namespace
} // namespace dure::checkpoint
