// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The architectures of GGUF files. Facts from src/llama-model.cpp and the
// converters of github.com/ggml-org/llama.cpp.

#include "frontends/checkpoint/GgufFamilies.h"

#include "frontends/onnx/Refusal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace dure::checkpoint {

//===----------------------------------------------------------------------===//
// Reading keys
//===----------------------------------------------------------------------===//

/// A number that was stored in f32, by its shortest spelling: 1e-05 rather than
/// 9.999999747378752e-06. In f32 they are the same.
static double shortest(double V) {
  const float Narrow = float(V);
  if (double(Narrow) != V)
    return V;
  char Digits[32];
  const auto End = std::to_chars(Digits, Digits + sizeof(Digits), Narrow).ptr;
  double Out = V;
  std::from_chars(Digits, End, Out);
  return Out;
}

GgufConfigMaker::GgufConfigMaker(const GgufFile &File,
                                 const StoredTensors &Tensors,
                                 Refusals &Problems)
    : File(File), Tensors(Tensors), Problems(Problems) {
  Prefix =
      std::string(File.text("general.architecture", Problems).value_or("")) +
      ".";
}

std::string GgufConfigMaker::keyOf(std::string_view Name) {
  std::string Key = Prefix + std::string(Name);
  Read.insert(Key);
  return Key;
}

std::optional<int64_t> GgufConfigMaker::integer(std::string_view Name) {
  const auto All = File.integers(keyOf(Name), Problems);
  if (!All || All->empty())
    return std::nullopt;
  const int64_t First = All->front();
  if (First >= 0 && First <= INT32_MAX &&
      std::all_of(All->begin(), All->end(),
                  [&](int64_t Each) { return Each == First; }))
    return First;
  refuseValue(Name);
  return std::nullopt;
}

std::optional<double> GgufConfigMaker::number(std::string_view Name) {
  const auto Value = File.number(keyOf(Name), Problems);
  if (!Value || std::isfinite(*Value))
    return Value ? std::optional(shortest(*Value)) : std::nullopt;
  refuseValue(Name);
  return std::nullopt;
}

std::optional<std::string> GgufConfigMaker::text(std::string_view Name) {
  const auto Value = File.text(keyOf(Name), Problems);
  return Value ? std::optional<std::string>(*Value) : std::nullopt;
}

std::optional<std::vector<bool>>
GgufConfigMaker::booleans(std::string_view Name) {
  return File.booleans(keyOf(Name), Problems);
}

bool GgufConfigMaker::isArray(std::string_view Name) {
  const auto Found = File.metadata().find(keyOf(Name));
  return Found != File.metadata().end() && Found->second.IsArray;
}

int64_t GgufConfigMaker::needed(std::string_view Name) {
  const size_t Before = Problems.list().size();
  const auto Value = integer(Name);
  if (Value && *Value > 0)
    return *Value;
  if (Value)
    refuseValue(Name);
  else if (Problems.list().size() == Before)
    Problems.add(RefusalCode::GgufMissing, File.place(), {keyOf(Name)});
  return 1;
}

void GgufConfigMaker::expect(std::string_view Name, double Value) {
  const auto Given = number(Name);
  if (Given && *Given != Value)
    refuseValue(Name);
}

bool GgufConfigMaker::flag(std::string_view Name, bool Default) {
  return File.boolean(keyOf(Name), Problems).value_or(Default);
}

void GgufConfigMaker::expectFlag(std::string_view Name, bool Value) {
  if (flag(Name, Value) != Value)
    refuseValue(Name);
}

void GgufConfigMaker::ignore(std::initializer_list<std::string_view> Names) {
  for (std::string_view Each : Names)
    keyOf(Each);
}

void GgufConfigMaker::refuseValue(std::string_view Name) {
  Problems.add(RefusalCode::GgufKeyValue, File.place(), {keyOf(Name)});
}

const StoredTensor *GgufConfigMaker::tensor(std::string_view Name) const {
  auto It = Tensors.find(Name);
  return It == Tensors.end() ? nullptr : &It->second;
}

bool GgufConfigMaker::copy(std::string_view Name, std::string_view Key) {
  const auto Value = number(Name);
  if (Value)
    set(Key, *Value);
  return bool(Value);
}

void GgufConfigMaker::finish() {
  for (const auto &[Key, Value] : File.metadata())
    if (Key.starts_with(Prefix) && !Read.count(Key))
      Problems.add(RefusalCode::GgufKeyUnknown, File.place(),
                   {std::string(Key)});
}

//===----------------------------------------------------------------------===//
// What families share
//===----------------------------------------------------------------------===//

/// Divisors of the frequencies, one a pair, which a file may have in place of
/// the numbers that they came from.
static void readRopeFactors(GgufConfigMaker &M, int64_t Width) {
  const StoredTensor *T = M.tensor("rope_freqs.weight");
  if (!T)
    return;
  const std::vector<int64_t> Wanted = {Width / 2};
  if (T->Tensor->Type != GgmlType::F32 || T->Tensor->Shape != Wanted)
    return M.refuseValue("rope.dimension_count");
  std::vector<float> Factors(size_t(Width / 2));
  dequantize(GgmlType::F32, T->Bytes, Factors);
  Json::Array List;
  for (float Each : Factors) {
    if (!(Each > 0) || !std::isfinite(Each))
      return M.refuseValue("rope.freq_base");
    List.emplace_back(shortest(Each));
  }
  Json Scaling{Json::Object()};
  Scaling.set("rope_type", "longrope");
  Scaling.set("short_factor", List);
  Scaling.set("long_factor", List);
  Scaling.set("factor", 1.0);
  Scaling.set("attention_factor", 1.0);
  M.set("rope_scaling", std::move(Scaling));
}

/// `HasLatents`: scores are scaled with the rope.
static void readRopeScaling(GgufConfigMaker &M, int64_t Width,
                            bool HasLatents) {
  const std::string Type = M.text("rope.scaling.type").value_or("none");
  M.ignore({"rope.scaling.finetuned"});
  M.expect("rope.scaling.attn_factor", 1);
  M.expect("rope.scaling.yarn_ext_factor", 1);
  M.expect("rope.scaling.yarn_attn_factor", 1);
  M.expect("rope.scale_linear", 1);
  const auto Factor = M.number("rope.scaling.factor");
  const auto Old = M.integer("rope.scaling.original_context_length");
  const auto Fast = M.number("rope.scaling.yarn_beta_fast"),
             Slow = M.number("rope.scaling.yarn_beta_slow");
  const double Log = M.number("rope.scaling.yarn_log_multiplier").value_or(0);
  if (Log < 0 || (Log != 0 && !HasLatents))
    M.refuseValue("rope.scaling.yarn_log_multiplier");
  readRopeFactors(M, Width);
  if (Type == "none" || (Type == "linear" && Factor.value_or(1) == 1))
    return;
  if (M.hasTensor("rope_freqs.weight") || !Factor || !(*Factor > 0))
    return M.refuseValue("rope.scaling.type");
  Json Scaling{Json::Object()};
  Scaling.set("rope_type", Type);
  Scaling.set("factor", *Factor);
  if (Type == "yarn") {
    if (!Old)
      return M.refuseValue("rope.scaling.type");
    Scaling.set("original_max_position_embeddings", *Old);
    if (Fast)
      Scaling.set("beta_fast", *Fast);
    if (Slow)
      Scaling.set("beta_slow", *Slow);
    // Of both the same: what is kept of them is a tenth of the second.
    for (const char *Key : {"mscale", "mscale_all_dim"})
      if (Log != 0)
        Scaling.set(Key, Log / 0.1);
  } else if (Type != "linear") {
    return M.refuseValue("rope.scaling.type");
  }
  M.set("rope_scaling", std::move(Scaling));
}

/// Heads; their width comes back.
static int64_t configureHeads(GgufConfigMaker &M, int64_t Hidden) {
  const int64_t Heads = M.needed("attention.head_count");
  M.set("num_attention_heads", Heads);
  M.set("num_key_value_heads",
        M.integer("attention.head_count_kv").value_or(Heads));
  const int64_t Width = std::max<int64_t>(
      1, M.integer("attention.key_length").value_or(Hidden / Heads));
  if (M.integer("attention.value_length").value_or(Width) != Width)
    M.refuseValue("attention.value_length");
  M.set("head_dim", Width);
  return Width;
}

/// The widths of keys and values that are made of one latent; that of the part
/// that turns comes back.
static int64_t configureLatents(GgufConfigMaker &M) {
  const int64_t Heads = M.needed("attention.head_count");
  M.set("num_attention_heads", Heads);
  M.set("num_key_value_heads", Heads);
  const int64_t Rank = M.needed("attention.kv_lora_rank");
  M.set("kv_lora_rank", Rank);
  M.set("q_lora_rank", M.integer("attention.q_lora_rank").value_or(0));
  const int64_t Turning = M.needed("rope.dimension_count");
  int64_t Key = M.needed("attention.key_length"),
          Value = M.needed("attention.value_length"), KeyHeads = Heads;
  // Files that give the widths of the heads by these names give those of the
  // cache, which all heads share, by the others.
  if (const auto OfHead = M.integer("attention.key_length_mla")) {
    if (Key != Rank + Turning)
      M.refuseValue("attention.key_length");
    if (Value != Rank)
      M.refuseValue("attention.value_length");
    Key = *OfHead;
    Value = M.needed("attention.value_length_mla");
    KeyHeads = 1;
  }
  if (const auto Given = M.integer("attention.head_count_kv");
      Given && *Given != KeyHeads)
    M.refuseValue("attention.head_count_kv");
  if (Key <= Turning)
    M.refuseValue("rope.dimension_count");
  M.set("qk_nope_head_dim", std::max<int64_t>(1, Key - Turning));
  M.set("qk_rope_head_dim", Turning);
  M.set("v_head_dim", Value);
  return Turning;
}

/// The layers that predict the next token.
static int64_t layersOf(GgufConfigMaker &M) {
  const int64_t All = M.needed("block_count");
  const int64_t Others = M.integer("nextn_predict_layers").value_or(0);
  if (Others >= All)
    M.refuseValue("nextn_predict_layers");
  else if (Others)
    M.LayerEnd = All - Others;
  return std::max<int64_t>(1, All - Others);
}

/// What all decoders have: sizes, heads, rope, norms, whether the head is the
/// table of embeddings.
static void configureDecoder(GgufConfigMaker &M, bool HasMlp = true,
                             bool HasLatents = false) {
  const int64_t Hidden = M.needed("embedding_length");
  M.set("hidden_size", Hidden);
  M.set("num_hidden_layers", layersOf(M));
  if (HasMlp)
    M.set("intermediate_size", M.needed("feed_forward_length"));
  const int64_t Width =
      HasLatents ? configureLatents(M) : configureHeads(M, Hidden);
  if (!M.copy("attention.layer_norm_rms_epsilon", "rms_norm_eps"))
    M.needed("attention.layer_norm_rms_epsilon");
  M.set("max_position_embeddings", M.needed("context_length"));
  if (!M.copy("rope.freq_base", "rope_theta"))
    M.set("rope_theta", 10000.0);
  const int64_t Turning = M.integer("rope.dimension_count").value_or(Width);
  if (Turning > Width || Turning < 1)
    M.refuseValue("rope.dimension_count");
  else if (Turning != Width)
    M.set("partial_rotary_factor", double(Turning) / double(Width));
  readRopeScaling(M, Turning, HasLatents);
  // A vocabulary may be longer than what the file says.
  if (const StoredTensor *T = M.tensor("token_embd.weight");
      T && T->Tensor->Shape.size() == 2)
    M.set("vocab_size", T->Tensor->Shape[0]);
  else
    M.set("vocab_size", M.needed("vocab_size"));
  M.set("tie_word_embeddings", !M.hasTensor("output.weight"));
  M.set("torch_dtype", "float32");
  M.ignore({"vocab_size", "tensor_data_layout"});
  M.expectFlag("attention.causal", true);
}

static void refuseExperts(GgufConfigMaker &M) {
  M.expect("expert_count", 0);
  M.expect("expert_used_count", 0);
}

/// How many experts, and how many a token goes to; `Scoring` is the number of
/// the function that their scores go through.
static void configureExperts(GgufConfigMaker &M, int64_t Scoring,
                             std::string_view CountKey = "num_experts") {
  M.set(CountKey, M.needed("expert_count"));
  M.set("num_experts_per_tok", M.needed("expert_used_count"));
  M.set("moe_intermediate_size", M.needed("expert_feed_forward_length"));
  M.expect("expert_gating_func", double(Scoring));
}

static void configureBiases(GgufConfigMaker &M) {
  M.set("attention_bias", M.hasTensor("blk.0.attn_q.bias"));
  M.set("mlp_bias", M.hasTensor("blk.0.ffn_up.bias"));
}

/// Which layers have a window: a list of them, or every how manieth has none.
static void configureWindows(GgufConfigMaker &M, int64_t Layers,
                             int64_t UsualPattern) {
  constexpr std::string_view Key = "attention.sliding_window_pattern";
  Json::Array Types;
  const auto Add = [&](bool HasWindow) {
    Types.emplace_back(HasWindow ? "sliding_attention" : "full_attention");
  };
  // More layers than the exporter takes need no list.
  if (Layers > 4096)
    return M.refuseValue("block_count");
  if (M.isArray(Key)) {
    const auto Given = M.booleans(Key);
    if (!Given || int64_t(Given->size()) != Layers)
      return M.refuseValue(Key);
    for (bool Each : *Given)
      Add(Each);
  } else {
    const int64_t Pattern =
        std::max<int64_t>(1, M.integer(Key).value_or(UsualPattern));
    for (int64_t I = 0; I < Layers; ++I)
      Add((I + 1) % Pattern != 0);
  }
  M.set("layer_types", std::move(Types));
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

static void configureLlama(GgufConfigMaker &M) {
  configureDecoder(M);
  refuseExperts(M);
  configureBiases(M);
}

static void configureQwen2(GgufConfigMaker &M) {
  configureDecoder(M);
  refuseExperts(M);
}

static void configureQwen3(GgufConfigMaker &M) {
  configureDecoder(M);
  refuseExperts(M);
  M.set("attention_bias", M.hasTensor("blk.0.attn_q.bias"));
}

static void configureQwen3Moe(GgufConfigMaker &M) {
  configureDecoder(M);
  M.set("attention_bias", M.hasTensor("blk.0.attn_q.bias"));
  configureExperts(M, 1);
  M.set("norm_topk_prob", true);
  M.expect("expert_weights_scale", 1);
}

static void configureGranite(GgufConfigMaker &M) {
  configureLlama(M);
  M.copy("embedding_scale", "embedding_multiplier");
  M.copy("residual_scale", "residual_multiplier");
  M.copy("attention.scale", "attention_multiplier");
  M.copy("logit_scale", "logits_scaling");
}

static void configureExaone4(GgufConfigMaker &M) {
  configureDecoder(M);
  refuseExperts(M);
  // Files of 32B may not say so, of which these layers tell.
  const int64_t Layers = M.needed("block_count");
  const int64_t Window =
      M.integer("attention.sliding_window").value_or(Layers == 64 ? 4096 : 0);
  if (Window == 0)
    return M.ignore({"attention.sliding_window_pattern"});
  M.set("sliding_window", Window);
  configureWindows(M, Layers, 4);
}

/// Groups, experts that all tokens go to, and dense layers before them; scores
/// by sigmoid unless `Scoring` is another number.
static void configureSharedExperts(GgufConfigMaker &M,
                                   std::string_view CountKey,
                                   std::string_view SharedKey,
                                   int64_t Scoring = 2) {
  configureExperts(M, Scoring, CountKey);
  const int64_t Inner = M.needed("expert_feed_forward_length");
  const int64_t Shared = M.integer("expert_shared_count").value_or(0);
  M.set(SharedKey, Shared);
  if (M.integer("expert_shared_feed_forward_length").value_or(Shared * Inner) !=
      Shared * Inner)
    M.refuseValue("expert_shared_feed_forward_length");
  M.set("first_k_dense_replace",
        M.integer("leading_dense_block_count").value_or(0));
  M.set("n_group", M.integer("expert_group_count").value_or(1));
  M.set("topk_group", M.integer("expert_group_used_count").value_or(1));
  M.set("norm_topk_prob", M.flag("expert_weights_norm", true));
  M.set("routed_scaling_factor",
        M.number("expert_weights_scale").value_or(1.0));
}

/// GLM 4.5, and Solar Open, whose layers are GLM's without norms of heads, with
/// experts in all layers and heads that turn whole: as such a file does not say
/// which it is, it counts as Solar Open.
static void configureGlm4Moe(GgufConfigMaker &M) {
  configureDecoder(M, /*HasMlp=*/false);
  configureSharedExperts(M, "n_routed_experts", "n_shared_experts");
  M.set("attention_bias", M.hasTensor("blk.0.attn_q.bias"));
  // Parts of pictures have positions of several numbers; all of a text's are
  // the same.
  M.ignore({"feed_forward_length", "rope.dimension_sections"});
  const bool HasHeadNorms = M.hasTensor("blk.0.attn_q_norm.weight");
  const bool HasDense = *M.Config.find("first_k_dense_replace")->integer() > 0;
  if (!HasHeadNorms && !HasDense && !M.Config.find("partial_rotary_factor")) {
    M.set("architectures", Json::Array{Json("SolarOpenForCausalLM")});
    return M.set("model_type", "solar_open");
  }
  M.set("use_qk_norm", HasHeadNorms);
  M.set("intermediate_size", M.needed(HasDense ? "feed_forward_length"
                                               : "expert_feed_forward_length"));
  if (!M.Config.find("partial_rotary_factor"))
    M.set("partial_rotary_factor", 1.0);
}

static void configureExaoneMoe(GgufConfigMaker &M) {
  configureDecoder(M);
  configureSharedExperts(M, "num_experts", "num_shared_experts");
  M.set("sliding_window", M.needed("attention.sliding_window"));
  configureWindows(M, layersOf(M), 4);
}

/// DeepSeek-V3 and its descendants, and V2, whose experts' scores go through a
/// softmax: its files either say so or say nothing.
static void configureDeepSeek(GgufConfigMaker &M) {
  configureDecoder(M, /*HasMlp=*/true, /*HasLatents=*/true);
  const bool IsV2 = M.number("expert_gating_func").value_or(1) == 1;
  configureSharedExperts(M, "n_routed_experts", "n_shared_experts",
                         IsV2 ? 1 : 2);
  // Of this architecture, files say it of models that do.
  M.set("norm_topk_prob", M.flag("expert_weights_norm", false));
  if (!IsV2)
    return;
  M.set("architectures", Json::Array{Json("DeepseekV2ForCausalLM")});
  M.set("model_type", "deepseek_v2");
  const bool HasGroups = *M.Config.find("n_group")->integer() > 1;
  M.set("topk_method", HasGroups ? "group_limited_greedy" : "greedy");
}

static void configureGemma3(GgufConfigMaker &M) {
  configureDecoder(M);
  refuseExperts(M);
  const int64_t Layers = M.needed("block_count");
  // The models have heads of 256 but the one of 27B, of 62 layers.
  const int64_t Width = M.integer("attention.key_length").value_or(256);
  M.set("head_dim", Width);
  M.set("query_pre_attn_scalar",
        Layers == 62
            ? M.needed("embedding_length") / M.needed("attention.head_count")
            : Width);
  M.set("rope_local_base_freq",
        M.number("rope.freq_base_swa").value_or(10000.0));
  if (!M.number("rope.freq_base"))
    M.set("rope_theta", 1e6);
  const auto Softcap = M.number("final_logit_softcapping");
  if (Softcap && *Softcap != 0)
    M.set("final_logit_softcapping", *Softcap);
  const int64_t Window = M.integer("attention.sliding_window").value_or(0);
  M.set("sliding_window", Window);
  configureWindows(M, Layers, Window ? 6 : 1);
}

/// XLM-RoBERTa is one: its table of positions lacks the rows that are never
/// read.
static void configureBert(GgufConfigMaker &M) {
  M.set("hidden_size", M.needed("embedding_length"));
  M.set("num_hidden_layers", M.needed("block_count"));
  M.set("intermediate_size", M.needed("feed_forward_length"));
  M.set("num_attention_heads", M.needed("attention.head_count"));
  if (!M.copy("attention.layer_norm_epsilon", "layer_norm_eps"))
    M.needed("attention.layer_norm_epsilon");
  const std::pair<const char *, const char *> Tables[] = {
      {"token_embd.weight", "vocab_size"},
      {"position_embd.weight", "max_position_embeddings"},
      {"token_types.weight", "type_vocab_size"}};
  for (const auto &[Name, Key] : Tables)
    if (const StoredTensor *T = M.tensor(Name); T && !T->Tensor->Shape.empty())
      M.set(Key, T->Tensor->Shape[0]);
  M.set("hidden_act", "gelu");
  M.expectFlag("attention.causal", false);
  // How a text's vector is made of its tokens' is not the encoder's business.
  M.ignore({"context_length", "vocab_size", "pooling_type"});
}

// The parts that layers are made of.

static constexpr GgufName PlainNorms[] = {
    {"attn_norm", "input_layernorm"}, {"ffn_norm", "post_attention_layernorm"}};

static constexpr GgufName GlmNorms[] = {
    {"attn_norm", "input_layernorm"},
    {"post_attention_norm", "post_attention_layernorm"}};

static constexpr GgufName Exaone4Norms[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"}};

static constexpr GgufName Gemma3Norms[] = {
    {"attn_norm", "input_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"}};

static constexpr GgufName Attention[] = {{"attn_q", "self_attn.q_proj"},
                                         {"attn_k", "self_attn.k_proj"},
                                         {"attn_v", "self_attn.v_proj"},
                                         {"attn_output", "self_attn.o_proj"}};

static constexpr GgufName HeadNorms[] = {{"attn_q_norm", "self_attn.q_norm"},
                                         {"attn_k_norm", "self_attn.k_norm"}};

static constexpr GgufName Latents[] = {
    {"attn_q", "self_attn.q_proj"},
    {"attn_q_a", "self_attn.q_a_proj"},
    {"attn_q_a_norm", "self_attn.q_a_layernorm"},
    {"attn_q_b", "self_attn.q_b_proj"},
    {"attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"},
    {"attn_kv_a_norm", "self_attn.kv_a_layernorm"},
    {"attn_kv_b", "self_attn.kv_b_proj"},
    {"attn_output", "self_attn.o_proj"}};

static constexpr GgufName Mlp[] = {{"ffn_gate", "mlp.gate_proj"},
                                   {"ffn_up", "mlp.up_proj"},
                                   {"ffn_down", "mlp.down_proj"}};

static constexpr GgufName ExpertPiles[] = {
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_exps", "mlp.experts.{}.gate_proj"},
    {"ffn_up_exps", "mlp.experts.{}.up_proj"},
    {"ffn_gate_up_exps", "mlp.experts.{}.gate_up_proj"},
    {"ffn_down_exps", "mlp.experts.{}.down_proj"},
    {"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_experts.up_proj"},
    {"ffn_down_shexp", "mlp.shared_experts.down_proj"}};

/// The bias of a choice: of the router's, or of the layer's MLP.
static constexpr GgufName GateBias[] = {
    {"exp_probs_b", "mlp.gate.e_score_correction_bias"}};
static constexpr GgufName MlpBias[] = {
    {"exp_probs_b", "mlp.e_score_correction_bias"}};

// Layers.

static constexpr GgufNames LlamaLayer[] = {PlainNorms, Attention, Mlp};
static constexpr GgufNames Qwen3Layer[] = {PlainNorms, Attention, HeadNorms,
                                           Mlp};
static constexpr GgufNames Qwen3MoeLayer[] = {PlainNorms, Attention, HeadNorms,
                                              ExpertPiles};
static constexpr GgufNames ExaoneMoeLayer[] = {
    PlainNorms, Attention, HeadNorms, Mlp, ExpertPiles, MlpBias};
static constexpr GgufNames DeepSeekLayer[] = {PlainNorms, Latents, Mlp,
                                              ExpertPiles, GateBias};
static constexpr GgufNames GlmLayer[] = {GlmNorms, Attention,   HeadNorms,
                                         Mlp,      ExpertPiles, GateBias};
static constexpr GgufNames Exaone4Layer[] = {Exaone4Norms, Attention, HeadNorms,
                                             Mlp};
// Behind attention and MLP it has the norms that EXAONE 4 has.
static constexpr GgufNames Gemma3Layer[] = {Gemma3Norms, Exaone4Norms,
                                            Attention, HeadNorms, Mlp};

static constexpr GgufName DecoderNames[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"}};

static constexpr GgufName BertNames[] = {
    {"token_embd.weight", "embeddings.word_embeddings.weight"},
    {"position_embd.weight", "embeddings.position_embeddings.weight"},
    {"token_types.weight", "embeddings.token_type_embeddings.weight"},
    {"token_embd_norm.weight", "embeddings.LayerNorm.weight"},
    {"token_embd_norm.bias", "embeddings.LayerNorm.bias"}};

static constexpr GgufName BertParts[] = {
    {"attn_q", "attention.self.query"},
    {"attn_k", "attention.self.key"},
    {"attn_v", "attention.self.value"},
    {"attn_output", "attention.output.dense"},
    {"attn_output_norm", "attention.output.LayerNorm"},
    {"ffn_up", "intermediate.dense"},
    {"ffn_down", "output.dense"},
    {"layer_output_norm", "output.LayerNorm"}};
static constexpr GgufNames BertLayer[] = {BertParts};

static constexpr std::string_view Layers = "model.layers.";

/// EXAONE 3 computes what Llama does.
static constexpr GgufFamily Families[] = {
    {"bert", "BertModel", "bert", BertNames, BertLayer, "encoder.layer.",
     configureBert},
    {"deepseek2", "DeepseekV3ForCausalLM", "deepseek_v3", DecoderNames,
     DeepSeekLayer, Layers, configureDeepSeek, false, false, true},
    {"exaone", "LlamaForCausalLM", "llama", DecoderNames, LlamaLayer, Layers,
     configureLlama},
    {"exaone-moe", "ExaoneMoeForCausalLM", "exaone_moe", DecoderNames,
     ExaoneMoeLayer, Layers, configureExaoneMoe},
    {"exaone4", "Exaone4ForCausalLM", "exaone4", DecoderNames, Exaone4Layer,
     Layers, configureExaone4},
    {"gemma3", "Gemma3ForCausalLM", "gemma3_text", DecoderNames, Gemma3Layer,
     Layers, configureGemma3, false, true},
    {"glm4moe", "Glm4MoeForCausalLM", "glm4_moe", DecoderNames, GlmLayer,
     Layers, configureGlm4Moe},
    {"granite", "GraniteForCausalLM", "granite", DecoderNames, LlamaLayer,
     Layers, configureGranite, true},
    {"llama", "LlamaForCausalLM", "llama", DecoderNames, LlamaLayer, Layers,
     configureLlama, true},
    {"qwen2", "Qwen2ForCausalLM", "qwen2", DecoderNames, LlamaLayer, Layers,
     configureQwen2},
    {"qwen3", "Qwen3ForCausalLM", "qwen3", DecoderNames, Qwen3Layer, Layers,
     configureQwen3},
    {"qwen3moe", "Qwen3MoeForCausalLM", "qwen3_moe", DecoderNames,
     Qwen3MoeLayer, Layers, configureQwen3Moe},
};

const GgufFamily *findGgufFamily(std::string_view Architecture) {
  for (const GgufFamily &Each : Families)
    if (Each.Architecture == Architecture)
      return &Each;
  return nullptr;
}

std::string knownGgufArchitectures() {
  std::string Out;
  for (const GgufFamily &Each : Families)
    Out += (Out.empty() ? "" : ", ") + std::string(Each.Architecture);
  return Out;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// "blk.7.attn_q.weight" as {"7", "attn_q", ".weight"}.
static std::optional<std::array<std::string_view, 3>>
partsOf(std::string_view Name) {
  constexpr std::string_view Begin = "blk.";
  if (!Name.starts_with(Begin))
    return std::nullopt;
  Name.remove_prefix(Begin.size());
  const size_t Dot = Name.find('.'), End = Name.rfind('.');
  if (Dot == Name.npos || End == Dot || Dot == 0 || Dot > 6 ||
      Name.substr(0, Dot).find_first_not_of("0123456789") != Name.npos ||
      (Dot > 1 && Name[0] == '0'))
    return std::nullopt;
  return {{Name.substr(0, Dot), Name.substr(Dot + 1, End - Dot - 1),
           Name.substr(End)}};
}

int64_t layerOf(std::string_view Name) {
  int64_t Layer = -1;
  if (const auto Parts = partsOf(Name))
    std::from_chars((*Parts)[0].data(), (*Parts)[0].data() + (*Parts)[0].size(),
                    Layer);
  return Layer;
}

std::optional<GgufTensorMeaning> meaningOf(const GgufFamily &Family,
                                           std::string_view Name,
                                           int64_t QueryHeads,
                                           int64_t KeyHeads) {
  GgufTensorMeaning Out;
  for (const auto &[Theirs, Ours] : Family.Names)
    if (Theirs == Name)
      Out.Name = Ours;
  if (const auto Parts = partsOf(Name)) {
    const auto &[Layer, What, End] = *Parts;
    // The bias of a choice is a tensor of its own, not one beside a weight.
    const bool IsBare = What == "exp_probs_b";
    for (const GgufNames &Part : Family.LayerParts)
      for (const auto &[Theirs, Ours] : Part)
        if (Theirs == What && (End == ".bias" || (End == ".weight" && !IsBare)))
          Out.Name = std::string(Family.LayerPrefix) + std::string(Layer) +
                     "." + std::string(Ours) + std::string(IsBare ? "" : End);
    if (Family.HasPairedRows && (What == "attn_q" || What == "attn_k"))
      Out.Change.PairedHeads = What == "attn_q" ? QueryHeads : KeyHeads;
  }
  if (Out.Name.empty())
    return std::nullopt;
  if (Family.HasNormsOfOnePlus && Name.ends_with("norm.weight"))
    Out.Change.Added = 1;
  return Out;
}

} // namespace dure::checkpoint
