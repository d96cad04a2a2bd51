// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one encoder is, and its graph.
//
// Included by families, which fill it, and by the exporter. Inputs of the graph
// are input_ids and attention_mask (batch, sequence), and token_type_ids where
// there are several types; outputs last_hidden_state and, where the checkpoint
// has a pooler, pooler_output.

#ifndef DURE_FRONTENDS_CHECKPOINT_ENCODER_H
#define DURE_FRONTENDS_CHECKPOINT_ENCODER_H

#include "frontends/checkpoint/Decoder.h"
#include "frontends/checkpoint/Weights.h"

namespace dure::checkpoint {

/// BERT's layers: x = norm(x + attention(x)); x = norm(x + mlp(x)).
struct Encoder {
  int64_t Vocabulary = 0, Hidden = 0, Layers = 0, Heads = 0, Inner = 0;
  int64_t Positions = 0, TokenTypes = 0;
  Activation Act = Activation::Gelu;
  double NormEpsilon = 1e-12;
  /// Positions count the tokens that are not this one, from one behind it on;
  /// none: they count from 0.
  std::optional<int64_t> PaddingToken;
};

void buildEncoder(const Encoder &E, Weights &W, GraphBuilder &G);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_ENCODER_H
