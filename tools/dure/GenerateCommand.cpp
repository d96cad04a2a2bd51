// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure generate.
#include "tools/dure/Generation.h"
#include "tools/dure/Json.h"
#include "tools/dure/Memory.h"
#include "tools/dure/TextInput.h"

#include <cstdio>

namespace dure {
namespace {

constexpr int64_t DefaultMaxTokens = 256;

/// A token by its number and, where there is a tokenizer, as it is written.
void writeToken(JsonWriter &Json, const LanguageModel &Model, int64_t Token,
                double LogProb) {
  Json.member("token", Token);
  if (const Tokenizer *T = Model.tokenizer())
    if (const auto Text = T->tokenOf(TokenId(Token)))
      Json.member("text", std::string(*Text));
  Json.member("logprob", LogProb);
}

void writeLogProbs(JsonWriter &Json, const LanguageModel &Model,
                   const Generation &G) {
  Json.key("logprobs").beginArray();
  for (size_t I = 0; I != G.LogProbs.size(); ++I) {
    Json.beginObject();
    writeToken(Json, Model, G.Answer.Tokens[I], G.LogProbs[I].Chosen);
    Json.key("top").beginArray();
    for (const auto &[Token, LogProb] : G.LogProbs[I].Top) {
      Json.beginObject();
      writeToken(Json, Model, Token, LogProb);
      Json.end();
    }
    Json.end().end();
  }
  Json.end();
}

void writeSpeed(JsonWriter &Json, const LanguageModel &Model,
                const Generation &G) {
  const double Step = stepSeconds(G.Answer);
  const double Outside = double(G.Answer.WholeNs - G.Answer.StepNs) * 1e-9;
  const double Fed = double(G.Prompt.size() - G.Kept);
  Json.member("prompt_seconds", G.PromptSeconds)
      .member("prompt_tokens_per_second", Fed / G.PromptSeconds)
      .member("step_seconds", Step)
      .member("step_tokens_per_second", Step > 0 ? 1 / Step : 0)
      .member("step_seconds_outside_model",
              G.Answer.Steps ? Outside / double(G.Answer.Steps) : 0)
      .member("weight_bytes", int64_t(Model.weightBytes()))
      .member("context_tokens", Model.generator().context())
      .member("context_bytes", int64_t(Model.generator().stateBytes()))
      .member("peak_rss_bytes", peakMemory());
  if (const auto &OnChip = Model.generator().simulated())
    Json.key("simulated")
        .beginObject()
        .member("model", OnChip->Model)
        .member("prompt_seconds", G.PromptSimulated)
        .member("step_seconds", simulatedStepSeconds(G))
        .end();
}

std::string jsonText(const Options &O, const LanguageModel &Model,
                     const Generation &G) {
  JsonWriter Json;
  Json.beginObject()
      .member("producer", std::string("dure ") + dure_version())
      .member("source", O.Path)
      .member("variant", Model.package().variant())
      .member("compile_cache", cacheUseName(Model.package().cacheUse()));
  if (Model.tokenizer())
    Json.member("text", G.Text);
  Json.member("finish_reason", endName(G.Answer.End))
      .member("seed", int64_t(G.Asked.Sampling.Seed))
      .member("prompt_tokens", int64_t(G.Prompt.size()))
      .key("tokens")
      .beginArray();
  for (int64_t Token : G.Answer.Tokens)
    Json.value(Token);
  Json.end();
  if (G.Asked.LogProbs >= 0)
    writeLogProbs(Json, Model, G);
  writeSpeed(Json, Model, G);
  return Json.end().text() + "\n";
}

/// What the user gave as prompt; exactly one thing.
int checkPrompt(const Console &Out, const Options &O) {
  const TextOptions &T = O.Text;
  const int Given =
      T.Prompt.has_value() + !T.PromptFile.empty() + T.PromptIds.has_value();
  if (Given == 0)
    return Out.usage(Message::PromptMissing);
  if (Given > 1)
    return Out.usage(Message::PromptTwice);
  if (T.System && !T.IsChat)
    return Out.usage(Message::UsageSystem);
  if (T.PromptIds && T.IsChat)
    return Out.usage(Message::UsageChatIds);
  if (T.LogProbs && !O.Json)
    return Out.usage(Message::UsageNeedsJson, {"--logprobs"});
  return ExitOk;
}

/// The prompt's tokens.
std::optional<std::vector<int64_t>> encodePrompt(const Console &Out,
                                                 const Options &O,
                                                 LanguageModel &Model,
                                                 const std::string &Text) {
  if (O.Text.PromptIds)
    return O.Text.PromptIds;
  if (!O.Text.IsChat)
    return Model.encode(Out, Text, /*Whole=*/true);
  std::vector<ChatMessage> Messages;
  if (O.Text.System)
    Messages.push_back({"system", *O.Text.System});
  Messages.push_back({"user", Text});
  if (!Model.openTemplate(Out))
    return std::nullopt;
  return Model.encodeChat(Out, Messages);
}

} // namespace

int runGenerate(const Console &Out, const Options &O) {
  if (const int Wrong = checkPrompt(Out, O))
    return Wrong;
  // Before the model, which takes longer to load.
  std::optional<std::string> Text = readPrompt(Out, O);
  if (!Text && !O.Text.PromptIds)
    return ExitFailed;
  int Exit = ExitFailed;
  std::optional<LanguageModel> Model = LanguageModel::open(Out, O, Exit);
  if (!Model)
    return Exit;
  Generation G;
  std::optional<AnswerOptions> Asked = Model->answerOptions(Out, O);
  if (!Asked)
    return ExitFailed;
  G.Asked = std::move(*Asked);
  G.Asked.MaxTokens = O.Text.MaxTokens.value_or(DefaultMaxTokens);
  auto Prompt = encodePrompt(Out, O, *Model, Text.value_or(""));
  if (!Prompt)
    return ExitFailed;
  G.Prompt = std::move(*Prompt);
  if (G.Prompt.empty())
    return Out.fail(Message::PromptEmpty);
  resetPeakMemory();
  if (!Model->createGenerator(Out, O,
                              int64_t(G.Prompt.size()) + G.Asked.MaxTokens) ||
      !generate(Out, *Model, /*Shows=*/!O.Json, G))
    return ExitFailed;
  if (O.Json && !Out.printJson(jsonText(O, *Model, G)))
    return ExitFailed;
  if (!O.Json)
    std::fputs(describeGeneration(Out, *Model, G).c_str(), stderr);
  return G.Answer.End == AnswerEnd::Cancelled ? ExitFailed : ExitOk;
}

} // namespace dure
