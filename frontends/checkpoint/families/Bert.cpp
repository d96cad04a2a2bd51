// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// BertModel: BERT, MiniLM, KoBERT, KLUE.  XLMRobertaModel and RobertaModel:
// multilingual E5, BGE-M3, ko-sroberta.
//
// One shape; the RoBERTas count positions from one behind the padding token's
// number on, and leave padding out.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

static Encoder readEncoder(Config &C) {
  Encoder E;
  E.Vocabulary = C.count("vocab_size");
  E.Hidden = C.count("hidden_size");
  E.Layers = C.count("num_hidden_layers");
  E.Heads = C.count("num_attention_heads");
  E.Inner = C.count("intermediate_size");
  E.Positions = C.count("max_position_embeddings", 512);
  E.TokenTypes = C.count("type_vocab_size", 2);
  E.Act = readActivation(C, "hidden_act", "gelu");
  E.NormEpsilon = C.number("layer_norm_eps", 1e-12);
  if (E.Hidden % E.Heads)
    C.refuseValue("num_attention_heads");
  if (E.Layers > MaxLayers)
    C.refuseValue("num_hidden_layers");
  C.expect("position_embedding_type", "absolute");
  C.expect("is_decoder", false);
  C.expect("add_cross_attention", false);
  // Of the head, which an encoder has not.
  C.ignore({"tie_word_embeddings"});
  return E;
}

Encoder readBert(Config &C) { return readEncoder(C); }

Encoder readXlmRoberta(Config &C) {
  Encoder E = readEncoder(C);
  E.PaddingToken = C.countOrZero("pad_token_id", 1);
  return E;
}

} // namespace dure::checkpoint
