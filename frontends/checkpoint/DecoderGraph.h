// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The graph of a decoder.
//
// Included by the exporter. Inputs are those that exporters give a decoder:
// input_ids and position_ids (batch, sequence), attention_mask (batch,
// total_sequence), past_key_values.N.key and .value (batch, heads,
// past_sequence, width); outputs are logits and present.N.key and .value. One
// graph serves prefill, with a past of no positions, and decoding.

#ifndef DURE_FRONTENDS_CHECKPOINT_DECODERGRAPH_H
#define DURE_FRONTENDS_CHECKPOINT_DECODERGRAPH_H

#include "frontends/checkpoint/Decoder.h"
#include "frontends/checkpoint/Weights.h"

namespace dure::checkpoint {

/// Bytes that the caches hold for one position.
uint64_t cacheBytesAPosition(const Decoder &D);

/// Tensors that checkpoints of the decoder may hold and its graph does not use.
void ignoreUnused(const Decoder &D, Weights &W);

void buildDecoder(const Decoder &D, Weights &W, GraphBuilder &G);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_DECODERGRAPH_H
