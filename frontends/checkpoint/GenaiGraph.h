// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The graph of a decoder in the form that onnxruntime-genai's models have.
//
// Included by the exporter. Attention is GroupQueryAttention, which rotates by
// tables and keeps the cache; norms take the residual sum along. Inputs are
// input_ids (batch_size, sequence_length), attention_mask (batch_size,
// total_sequence_length) and past_key_values.N.key and .value; outputs are
// logits and present.N.key and .value. Heads of sizes that attention does not
// rotate are rotated before, by position_ids. Rows that are shorter than others
// are padded behind, not before: the operator takes lengths, no mask.
//
// What is where follows the model builder of github.com/microsoft/
// onnxruntime-genai (src/python/py/models/builders/base.py), but for the
// weights: theirs stay in the checkpoint's files, so queries, keys and values
// are three products.

#ifndef DURE_FRONTENDS_CHECKPOINT_GENAIGRAPH_H
#define DURE_FRONTENDS_CHECKPOINT_GENAIGRAPH_H

#include "frontends/checkpoint/Decoder.h"
#include "frontends/checkpoint/Weights.h"

namespace dure::checkpoint {

/// Refuses a decoder that the form cannot say. `Positions` is how many the
/// tables of cosines and sines have.
void checkGenai(const Decoder &D, int64_t Positions, const std::string &Place,
                Refusals &Problems);

/// Whether the graph has the input position_ids.
bool genaiTakesPositions(const Decoder &D);

/// Of a decoder that checkGenai has nothing against.
void buildGenaiDecoder(const Decoder &D, int64_t Positions, Weights &W,
                       GraphBuilder &G);

/// The text of genai_config.json.
std::string genaiConfig(const Checkpoint &C, const Decoder &D,
                        int64_t Positions, const std::string &GraphFile,
                        Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GENAIGRAPH_H
