// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one decoder is, in the terms in which model cards tell them apart.
//
// Included by families, which fill it from a configuration, and by the blocks,
// which build a graph of it (DecoderGraph.h). Adding a family that differs only
// in what is here is adding no code but the reading of its configuration:
// docs/adding-a-family.md.

#ifndef DURE_FRONTENDS_CHECKPOINT_DECODER_H
#define DURE_FRONTENDS_CHECKPOINT_DECODER_H

#include "frontends/checkpoint/Config.h"
#include "frontends/checkpoint/Rope.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dure::checkpoint {

/// What the matrices of an MLP are called.
struct MlpNames {
  std::string Gate = "gate_proj", Up = "up_proj", Down = "down_proj";
};

/// Where norms stand in a layer, by the names of their weights; an empty name
/// is no norm. x + after(attention(before(x))), and so for the MLP.
struct LayerNorms {
  std::string BeforeAttention = {}, AfterAttention = {}, BeforeMlp = {},
              AfterMlp = {};
};

/// What the parts are called in the checkpoint.
struct DecoderNames {
  std::string Embedding = "model.embed_tokens";
  /// Before a layer's number.
  std::string Layers = "model.layers.";
  std::string FinalNorm = "model.norm";
  std::string Head = "lm_head";
  std::string Attention = "self_attn";
  std::string Output = "o_proj";
  std::string Mlp = "mlp";
};

/// Heads of their own: queries, and groups of keys and values.
struct GroupedAttention {
  int64_t Heads = 0, KeyHeads = 0, HeadSize = 0;
  bool QkvBias = false, OutputBias = false;
  /// A norm of each head's query and key before they turn.
  bool QkNorm = false;
};

/// Keys and values made of one latent (MLA: DeepSeek-V2, arXiv 2405.04434). The
/// cache holds the latent and the part of the key that turns.
struct LatentAttention {
  int64_t Heads = 0;
  /// 0: queries have no latent.
  int64_t QueryRank = 0;
  int64_t KeyRank = 0, PlainSize = 0, RotarySize = 0, ValueSize = 0;
  bool Bias = false;
  double NormEpsilon = 1e-6;
};

enum class Activation { Silu, GeluTanh, Gelu, Relu };

/// down(act(gate(x)) * up(x))
struct GatedMlp {
  int64_t Inner = 0;
  Activation Act = Activation::Silu;
  bool Bias = false;
  MlpNames Names = {};
};

/// A mixture of experts: each token goes to a few of them.
struct Experts {
  int64_t Count = 0, Chosen = 0, Inner = 0;
  /// Experts that all tokens go to, as one MLP of so many times Inner.
  int64_t Shared = 0;
  Activation Act = Activation::Silu;
  /// Scores by sigmoid; else softmax over all experts.
  bool IsSigmoid = false;
  /// A bias on scores that counts in the choice and not in the weights, where
  /// the checkpoint has it.
  std::string BiasName = "gate.e_score_correction_bias";
  /// Chosen ones come from the best of these groups alone. A group is as good
  /// as its two best experts together, or as its best one.
  int64_t Groups = 1, ChosenGroups = 1;
  bool BestOfGroup = false;
  bool NormalizeWeights = false;
  double WeightScale = 1;
  /// A norm of the layer, on what this gives.
  std::string NormAfter = {};
};

struct DecoderLayer {
  /// Which of Decoder::Ropes turns queries and keys; none: positions are not
  /// seen (NoPE).
  std::optional<size_t> Rope = 0;
  /// How many keys a query sees, its own included; 0: all before it.
  int64_t Window = 0;
  /// The MLP is Decoder::Mixture.
  bool IsSparse = false;
};

struct Decoder {
  DecoderNames Names;
  int64_t Vocabulary = 0, Hidden = 0;
  std::vector<DecoderLayer> Layers;
  std::vector<Rope> Ropes;

  GroupedAttention Grouped;
  std::optional<LatentAttention> Latent; ///< In place of Grouped.
  /// On scores; 1 / sqrt of the key's width unless said otherwise.
  double ScoreScale = 0;
  double ScoreSoftcap = 0;

  GatedMlp Mlp;
  Experts Mixture; ///< Of layers that are sparse.

  LayerNorms Norms;
  double NormEpsilon = 1e-6;
  /// Norms multiply by 1 + w.
  bool NormOfOnePlus = false;

  /// The head's matrix is the table of embeddings.
  bool IsTied = false;
  double EmbeddingScale = 1, ResidualScale = 1, LogitScale = 1;
  double LogitSoftcap = 0;

  /// Tensors of checkpoints of the family that the model does not use: their
  /// names' ends and beginnings.
  std::vector<std::string> UnusedEnds = {"rotary_emb.inv_freq"};
  std::vector<std::string> UnusedBegins;
};

/// More layers than any model has, and few enough to build a graph of.
constexpr int64_t MaxLayers = 4096;
constexpr int64_t MaxExperts = 4096;

/// The keys that nearly all decoders share: sizes, heads, MLP, epsilon, tied
/// head; the norms stand before attention and before the MLP. A model without
/// dense MLPs has no width of theirs.
struct DecoderKeys {
  const char *Layers = "num_hidden_layers";
  const char *Activation = "hidden_act";
  const char *Epsilon = "rms_norm_eps";
  double DefaultEpsilon = 1e-6;
};
Decoder readDecoder(Config &C, bool HasMlp = true,
                    const DecoderKeys &Keys = {});

/// The router of DeepSeek-V3 and its descendants, arXiv 2412.19437: sigmoid,
/// groups. `CountKey` names the number of experts where it is not called
/// num_local_experts, `SharedKey` that of shared ones.
Experts readSigmoidExperts(Config &C, const char *CountKey,
                           const char *SharedKey);
/// The router of DeepSeek-V2, arXiv 2405.04434: softmax, and groups where
/// "topk_method" says so.
Experts readGreedyExperts(Config &C);

/// Which layers have experts: "mlp_layer_types", or all from
/// "first_k_dense_replace" on, `DefaultDense` without it, every
/// "moe_layer_freq"th.
void readSparseLayers(Config &C, Decoder &D, int64_t DefaultDense);

/// Every layer turns by one rope, read by `readRope`.
void readOneRope(Config &C, Decoder &D, RopeKeys Keys = {});

/// The activation of that name; refuses one that is not known.
Activation readActivation(Config &C, std::string_view Key,
                          std::string_view Default);

/// Which layers have a window: "layer_types" where it is given, one entry a
/// layer; else every `Pattern`th layer has none.
std::vector<bool> readWindowedLayers(Config &C, size_t Layers, int64_t Pattern);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_DECODER_H
