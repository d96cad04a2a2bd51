// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Words for what models have.

#include "frontends/checkpoint/Features.h"

#include <algorithm>
#include <cmath>

namespace dure::checkpoint {
namespace {

using Words = std::vector<std::string>;

void addIf(Words &To, bool Has, const char *Word) {
  if (Has)
    To.push_back(Word);
}

void addGrouped(Words &To, const Decoder &D) {
  const GroupedAttention &A = D.Grouped;
  To.push_back(A.KeyHeads == A.Heads ? "mha" : "gqa");
  addIf(To, A.QkNorm, "qk-norm");
  addIf(To, A.QkvBias, "qkv-bias");
  addIf(To, A.OutputBias, "output-bias");
}

void addRopes(Words &To, const Decoder &D) {
  const int64_t Turning = D.Latent ? D.Latent->RotarySize : D.Grouped.HeadSize;
  addIf(To, D.Ropes.size() > 1, "two-ropes");
  for (const Rope &R : D.Ropes) {
    if (R.Scaling != "default")
      To.push_back("rope-" + R.Scaling);
    addIf(To, 2 * int64_t(R.Frequencies.size()) != Turning, "partial-rope");
    addIf(To, R.Interleaved, "interleaved-rope");
  }
}

void addExperts(Words &To, const Decoder &D) {
  const auto IsSparse = [](const DecoderLayer &L) { return L.IsSparse; };
  if (std::none_of(D.Layers.begin(), D.Layers.end(), IsSparse))
    return;
  const Experts &E = D.Mixture;
  To.push_back(E.IsSigmoid ? "moe-sigmoid" : "moe-softmax");
  addIf(To, E.Groups > 1, "expert-groups");
  addIf(To, E.Shared > 0, "shared-experts");
  addIf(To, !E.NormAfter.empty(), "moe-norm");
}

/// Whether scores are scaled by something of the model's own.
bool hasOwnScoreScale(const Decoder &D) {
  if (D.ScoreScale == 0 || D.Latent)
    return false;
  const double Usual = 1 / std::sqrt(double(D.Grouped.HeadSize));
  return std::fabs(D.ScoreScale - Usual) > 1e-6 * Usual;
}

} // namespace

Words featuresOf(const Decoder &D) {
  Words Out;
  if (D.Latent)
    Out.push_back("mla");
  else
    addGrouped(Out, D);
  const auto Any = [&](auto Has) {
    return std::any_of(D.Layers.begin(), D.Layers.end(), Has);
  };
  addIf(Out, Any([](const DecoderLayer &L) { return L.Window != 0; }),
        "window");
  addIf(Out, Any([](const DecoderLayer &L) { return !L.Rope; }), "nope");
  addRopes(Out, D);
  const bool HasAfter = !D.Norms.AfterAttention.empty();
  addIf(Out, D.Norms.BeforeAttention.empty(), "no-norm-before");
  addIf(Out, HasAfter, "norm-after");
  addIf(Out, D.NormOfOnePlus, "norm-1+w");
  addIf(Out, D.Mlp.Act == Activation::Relu, "relu");
  addIf(Out, D.Mlp.Act == Activation::Gelu || D.Mlp.Act == Activation::GeluTanh,
        "gelu");
  addIf(Out, D.Mlp.Bias, "mlp-bias");
  addExperts(Out, D);
  addIf(Out, D.EmbeddingScale != 1, "embedding-scale");
  addIf(Out, D.ResidualScale != 1, "residual-scale");
  addIf(Out, hasOwnScoreScale(D), "score-scale");
  addIf(Out, D.ScoreSoftcap != 0, "score-softcap");
  addIf(Out, D.LogitScale != 1, "logit-scale");
  addIf(Out, D.LogitSoftcap != 0, "logit-softcap");
  addIf(Out, D.IsTied, "tied-head");
  return Out;
}

Words featuresOf(const Encoder &E) {
  Words Out = {"encoder", "mha", "learned-positions"};
  addIf(Out, E.PaddingToken.has_value(), "positions-without-padding");
  addIf(Out, E.TokenTypes > 1, "token-types");
  return Out;
}

} // namespace dure::checkpoint
