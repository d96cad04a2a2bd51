// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of configurations that are refused, and of tensors that do not fit
// them.
#include "test/unit/checkpoint/TestCheckpoint.h"

namespace dure::checkpoint {
namespace {

/// A Llama of one layer, whose tensors are all there: hidden 4, two heads of 2,
/// one of keys, inner 3, vocabulary 5.
class Config : public testing::Test {
protected:
  void SetUp() override {
    Tensors = {{"model.embed_tokens.weight", {5, 4}},
               {"model.norm.weight", {4}},
               {"lm_head.weight", {5, 4}},
               {"model.layers.0.input_layernorm.weight", {4}},
               {"model.layers.0.post_attention_layernorm.weight", {4}},
               {"model.layers.0.self_attn.q_proj.weight", {4, 4}},
               {"model.layers.0.self_attn.k_proj.weight", {2, 4}},
               {"model.layers.0.self_attn.v_proj.weight", {2, 4}},
               {"model.layers.0.self_attn.o_proj.weight", {4, 4}},
               {"model.layers.0.mlp.gate_proj.weight", {3, 4}},
               {"model.layers.0.mlp.up_proj.weight", {3, 4}},
               {"model.layers.0.mlp.down_proj.weight", {4, 3}}};
    Keys = {{"architectures", "[\"LlamaForCausalLM\"]"},
            {"vocab_size", "5"},
            {"hidden_size", "4"},
            {"num_hidden_layers", "1"},
            {"num_attention_heads", "2"},
            {"num_key_value_heads", "1"},
            {"intermediate_size", "3"}};
  }

  std::string refusals() {
    std::string Text, Header, Data;
    for (const auto &[Key, Value] : Keys)
      Text += (Text.empty() ? "{\"" : ",\"") + Key + "\":" + Value;
    for (const auto &[Name, Shape] : Tensors) {
      std::string Dims;
      uint64_t Bytes = 2;
      for (int64_t Each : Shape) {
        Dims += (Dims.empty() ? "" : ",") + std::to_string(Each);
        Bytes *= uint64_t(Each);
      }
      Header += (Header.empty() ? "{\"" : ",\"") + Name + "\":{\"dtype\":\"" +
                Type + "\",\"shape\":[" + Dims + "],\"data_offsets\":[" +
                std::to_string(Data.size()) + "," +
                std::to_string(Data.size() + Bytes) + "]}";
      Data.resize(Data.size() + Bytes);
    }
    Header += "}";
    Header.resize((Header.size() + 7) / 8 * 8, ' ');
    Folder.write("config.json", Text + "}");
    Folder.write("model.safetensors", safetensors(Header, Data));
    return Folder.refusals();
  }

  TestFolder Folder;
  std::map<std::string, std::vector<int64_t>> Tensors;
  std::map<std::string, std::string> Keys;
  std::string Type = "BF16";
};

TEST_F(Config, ExportsWhatFits) { EXPECT_EQ(refusals(), ""); }

TEST_F(Config, RefusesUnknownKeysAllAtOnce) {
  Keys["temperature"] = "1.0";
  Keys["some_new_gate"] = "true";
  Keys["another_scale"] = "0.5";
  Keys["nothing"] = "null";
  EXPECT_EQ(refusals(), "config-key config-key");
}

TEST_F(Config, RefusesUnknownKeysOfRope) {
  Keys["rope_scaling"] = R"({"rope_type":"linear","factor":2.0,"mystery":1})";
  EXPECT_EQ(refusals(), "config-key");
  Keys["rope_scaling"] = R"({"type":"linear","factor":2.0})";
  EXPECT_EQ(refusals(), "");
  Keys["rope_scaling"] = R"({"rope_type":"dynamic","factor":2.0})";
  EXPECT_NE(refusals().find("config-value"), std::string::npos);
  Keys["rope_scaling"] =
      R"({"rope_type":"yarn","factor":0,"original_max_position_embeddings":8})";
  EXPECT_NE(refusals().find("config-value"), std::string::npos);
}

TEST_F(Config, RefusesUnknownClasses) {
  Keys["architectures"] = "[\"NoSuchModel\"]";
  EXPECT_EQ(refusals(), "architecture-unknown");
  Keys["architectures"] = "[]";
  EXPECT_EQ(refusals(), "architecture-missing");
  Keys.erase("architectures");
  EXPECT_EQ(refusals(), "architecture-missing");
}

TEST_F(Config, RefusesSizesThatAreNone) {
  for (const char *Bad : {"0", "-1", "2147483648", "1.5", "\"4\"", "[4]",
                          "99999999999999999999"}) {
    Keys["hidden_size"] = Bad;
    EXPECT_EQ(refusals().substr(0, 9), "json-kind") << Bad;
  }
  Keys.erase("hidden_size");
  EXPECT_EQ(refusals().substr(0, 14), "config-missing");
}

TEST_F(Config, RefusesSizesThatDoNotFit) {
  Keys["num_key_value_heads"] = "3";
  EXPECT_EQ(refusals(), "config-value");
  Keys["num_key_value_heads"] = "1";
  Keys["num_hidden_layers"] = "2147483647";
  EXPECT_EQ(refusals(), "config-value");
  Keys["num_hidden_layers"] = "1";
  Keys["head_dim"] = "3";
  EXPECT_NE(refusals().find("config-value"), std::string::npos);
  Keys.erase("head_dim");
  Keys["hidden_act"] = "\"relu6\"";
  EXPECT_EQ(refusals(), "config-value");
  Keys["hidden_act"] = "\"relu\"";
  EXPECT_EQ(refusals(), "");
}

// A layer of a mixture whose MLP is that of a dense model.
TEST_F(Config, ReadsWhichLayersHaveExperts) {
  Keys["architectures"] = "[\"Qwen3MoeForCausalLM\"]";
  Keys["head_dim"] = "2";
  Keys["num_experts"] = "2";
  Keys["num_experts_per_tok"] = "1";
  Keys["moe_intermediate_size"] = "3";
  for (const char *Norm : {"q_norm", "k_norm"})
    Tensors[std::string("model.layers.0.self_attn.") + Norm + ".weight"] = {2};
  EXPECT_NE(refusals(), "");
  Keys["mlp_only_layers"] = "[0]";
  EXPECT_EQ(refusals(), "");
  for (const char *Bad : {"[1]", "[-1]", "[0.5]"}) {
    Keys["mlp_only_layers"] = Bad;
    EXPECT_NE(refusals().find("config-value"), std::string::npos) << Bad;
  }
  Keys["mlp_only_layers"] = "[\"0\"]";
  EXPECT_NE(refusals().find("json-kind"), std::string::npos);
}

TEST_F(Config, RefusesMissingTensorsAllAtOnce) {
  Tensors.erase("model.norm.weight");
  Tensors.erase("lm_head.weight");
  EXPECT_EQ(refusals(), "weight-missing weight-missing");
  // A tied head needs none of its own.
  Tensors["model.norm.weight"] = {4};
  Keys["tie_word_embeddings"] = "true";
  EXPECT_EQ(refusals(), "");
}

TEST_F(Config, RefusesTensorsOfAnotherModel) {
  Tensors["model.layers.0.self_attn.q_proj.bias"] = {4};
  EXPECT_EQ(refusals(), "weight-unread");
  Keys["attention_bias"] = "true";
  EXPECT_EQ(refusals(), "weight-missing weight-missing weight-missing");
  Keys.erase("attention_bias");
  Tensors.erase("model.layers.0.self_attn.q_proj.bias");
  // What old checkpoints save and nothing reads.
  Tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {1};
  EXPECT_EQ(refusals(), "");
  Tensors["model.norm.weight"] = {5};
  EXPECT_EQ(refusals(), "weight-shape");
}

TEST_F(Config, RefusesQuantizedWeights) {
  Type = "I16";
  EXPECT_EQ(refusals().substr(0, 11), "weight-type");
  Type = "BF16";
  Keys["quantization_config"] = R"({"quant_method":"gptq","bits":4})";
  EXPECT_EQ(refusals(), "config-key");
}

// More tensors are missing than anybody reads.
TEST_F(Config, BoundsTheListOfRefusals) {
  Keys["num_hidden_layers"] = "4000";
  const std::string Codes = refusals();
  EXPECT_EQ(size_t(std::count(Codes.begin(), Codes.end(), ' ')),
            Refusals::Limit - 1);
}

} // namespace
} // namespace dure::checkpoint
