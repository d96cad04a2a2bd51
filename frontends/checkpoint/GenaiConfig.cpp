// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// genai_config.json: what onnxruntime-genai has to know beside the graph. Its
// keys are those that src/config.cpp of github.com/microsoft/onnxruntime-genai
// reads.

#include "frontends/checkpoint/GenaiGraph.h"
#include "frontends/checkpoint/JsonWriter.h"

namespace dure::checkpoint {
namespace {

/// What a model says of itself, generation_config.json first.
class Sources {
public:
  Sources(const Checkpoint &C, Refusals &Problems) : Model(C.Config) {
    const char *File = "generation_config.json";
    if (const auto It = C.Texts.find(File); It != C.Texts.end())
      if (auto Read =
              parseJson(It->second.text(), C.Folder + "/" + File, {}, Problems))
        Generation = std::move(*Read);
  }

  const Json *find(std::string_view Key) const {
    for (const Json *From : {&Generation, &Model})
      if (const Json *V = From->find(Key); V && !V->isNull())
        return V;
    return nullptr;
  }
  double number(std::string_view Key, double Default) const {
    const Json *V = find(Key);
    return V ? V->number().value_or(Default) : Default;
  }
  int64_t integer(std::string_view Key, int64_t Default) const {
    const Json *V = find(Key);
    const int64_t *Int = V ? V->integer() : nullptr;
    return Int ? *Int : Default;
  }
  bool flag(std::string_view Key, bool Default) const {
    const Json *V = find(Key);
    const bool *Bool = V ? V->boolean() : nullptr;
    return Bool ? *Bool : Default;
  }

private:
  Json Generation;
  const Json &Model;
};

/// The tokens that end a text: one, several or none.
std::vector<int64_t> endTokens(const Sources &S) {
  std::vector<int64_t> Out;
  if (const Json *V = S.find("eos_token_id")) {
    if (const int64_t *One = V->integer())
      Out = {*One};
    else if (const Json::Array *All = V->array())
      for (const Json &Each : *All)
        if (const int64_t *Token = Each.integer())
          Out.push_back(*Token);
  }
  return Out;
}

void writeDecoder(JsonWriter &Json, const Decoder &D,
                  const std::string &GraphFile) {
  Json.key("decoder").beginObject();
  Json.key("session_options").beginObject();
  Json.member("log_id", "onnxruntime-genai");
  Json.key("provider_options").beginArray().endArray();
  Json.endObject();
  Json.member("filename", GraphFile)
      .member("head_size", D.Grouped.HeadSize)
      .member("hidden_size", D.Hidden)
      .member("num_attention_heads", D.Grouped.Heads)
      .member("num_hidden_layers", int64_t(D.Layers.size()))
      .member("num_key_value_heads", D.Grouped.KeyHeads);
  Json.key("inputs")
      .beginObject()
      .member("input_ids", "input_ids")
      .member("attention_mask", "attention_mask");
  if (genaiTakesPositions(D))
    Json.member("position_ids", "position_ids");
  Json.member("past_key_names", "past_key_values.%d.key")
      .member("past_value_names", "past_key_values.%d.value")
      .endObject();
  Json.key("outputs")
      .beginObject()
      .member("logits", "logits")
      .member("present_key_names", "present.%d.key")
      .member("present_value_names", "present.%d.value")
      .endObject();
  Json.endObject();
}

void writeSearch(JsonWriter &Json, const Sources &S, int64_t Positions) {
  Json.key("search")
      .beginObject()
      .member("do_sample", S.flag("do_sample", false))
      .member("early_stopping", true)
      .member("max_length", Positions)
      .member("min_length", int64_t(0))
      .member("num_beams", S.integer("num_beams", 1))
      .member("num_return_sequences", S.integer("num_return_sequences", 1))
      // GroupQueryAttention writes into the past where both are one buffer.
      .member("past_present_share_buffer", true)
      .member("top_k", S.integer("top_k", 50));
  const std::pair<const char *, double> Numbers[] = {
      {"diversity_penalty", 0},
      {"length_penalty", 1},
      {"repetition_penalty", 1},
      {"temperature", 1},
      {"top_p", 1},
  };
  for (const auto &[Key, Default] : Numbers)
    Json.key(Key).number(S.number(Key, Default));
  Json.endObject();
}

} // namespace

std::string genaiConfig(const Checkpoint &C, const Decoder &D,
                        int64_t Positions, const std::string &GraphFile,
                        Refusals &Problems) {
  const Sources S(C, Problems);
  const std::vector<int64_t> Ends = endTokens(S);
  const int64_t FirstEnd = Ends.empty() ? 0 : Ends.front();
  JsonWriter Json;
  Json.beginObject().key("model").beginObject();
  // Its decoder of no family: the graph says all that the families differ by.
  Json.member("type", "decoder")
      .member("vocab_size", D.Vocabulary)
      .member("context_length", Positions)
      .member("bos_token_id", S.integer("bos_token_id", 1))
      .member("pad_token_id", S.integer("pad_token_id", FirstEnd));
  Json.key("eos_token_id").beginArray();
  for (const int64_t Each : Ends)
    Json.integer(Each);
  Json.endArray();
  writeDecoder(Json, D, GraphFile);
  Json.endObject();
  writeSearch(Json, S, Positions);
  Json.endObject();
  return Json.take() + "\n";
}

} // namespace dure::checkpoint
