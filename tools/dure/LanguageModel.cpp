// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening language models.
#include "tools/dure/LanguageModel.h"

#include "runtime/base/Korean.h"

#include <algorithm>
#include <random>

namespace dure {

int fail(const Console &Out, const Status &Why) {
  if (Why.code() == StatusCode::Cancelled && interrupted())
    return Out.failCancelled();
  return Out.fail(Out.language() == Language::Korean ? inKorean(Why.message())
                                                     : Why.message());
}

void interruptible(dure_call *Call) {
  setInterruptedCall(Call);
  // An interrupt just before found no call to cancel.
  if (Call && interrupted())
    dure_call_cancel(Call);
}

std::optional<LanguageModel> LanguageModel::open(const Console &Out,
                                                 const Options &O, int &Exit) {
  Prepared Ready = preparePackage(Out, O);
  Exit = Ready.Exit;
  if (!Ready.Package)
    return std::nullopt;
  Exit = ExitFailed;
  LanguageModel Opened;
  Opened.Package = std::move(Ready.Package);
  Result<GenerationConfig> Config = readGenerationConfig(
      Opened.asset("generation_config.json"), Opened.asset("config.json"));
  if (!Config) {
    fail(Out, Config.status());
    return std::nullopt;
  }
  Opened.Config = Config.take();
  const std::string_view Words = Opened.asset("tokenizer.json");
  if (Words.empty())
    return Opened;
  Result<Tokenizer> Read =
      Tokenizer::read(Words, Opened.asset("tokenizer_config.json"));
  if (!Read) {
    fail(Out, Read.status());
    return std::nullopt;
  }
  Opened.Words = Read.take();
  return Opened;
}

std::string_view LanguageModel::asset(const char *Name) const {
  size_t Index = 0;
  dure_asset_info Info = {};
  Info.struct_size = sizeof(Info);
  dure_status *Status =
      dure_package_find_asset(Package->package(), Name, &Index);
  if (!Status)
    Status = dure_package_get_asset(Package->package(), Index, &Info);
  dure_status_free(Status);
  return {static_cast<const char *>(Info.data), Info.size};
}

std::optional<std::vector<int64_t>> LanguageModel::encode(const Console &Out,
                                                          std::string_view Text,
                                                          bool Whole) const {
  if (!Words) {
    Out.fail(Message::NoTokenizer);
    return std::nullopt;
  }
  Result<std::vector<TokenId>> Ids = Words->encode(Text, Whole);
  if (!Ids) {
    fail(Out, Ids.status());
    return std::nullopt;
  }
  return std::vector<int64_t>(Ids->begin(), Ids->end());
}

bool LanguageModel::openTemplate(const Console &Out) {
  if (!Words) {
    Out.fail(Message::NoTokenizer);
    return false;
  }
  const std::string_view File = asset("chat_template.jinja");
  Result<ChatTemplate> Read = ChatTemplate::fromConfig(
      asset("tokenizer_config.json"),
      File.empty() ? std::nullopt : std::optional(File));
  if (!Read && Read.status().code() == StatusCode::NotFound) {
    Out.fail(Message::NoChatTemplate);
    return false;
  }
  if (!Read) {
    fail(Out, Read.status());
    return false;
  }
  Form = Read.take();
  return true;
}

std::optional<std::vector<int64_t>>
LanguageModel::encodeChat(const Console &Out,
                          std::span<const ChatMessage> Messages) const {
  Result<std::string> Prompt = renderConversation(*Form, Messages);
  if (!Prompt) {
    fail(Out, Prompt.status());
    return std::nullopt;
  }
  // The template writes what stands around the text itself.
  return encode(Out, *Prompt, /*Whole=*/false);
}

bool LanguageModel::createGenerator(const Console &Out, const Options &O,
                                    int64_t Needed) {
  GeneratorOptions Settings;
  Settings.Context = O.Text.Context.value_or(
      Config.MaxPositions > 0 ? std::min(Needed, Config.MaxPositions) : Needed);
  Settings.ContextMayShrink = !O.Text.Context;
  Settings.OnRun = interruptible;
  Result<std::unique_ptr<Generator>> Made =
      Generator::create(Package->package(), Package->session(), Settings);
  if (!Made) {
    fail(Out, Made.status());
    return false;
  }
  Model = Made.take();
  return true;
}

std::optional<AnswerOptions>
LanguageModel::answerOptions(const Console &Out, const Options &O) const {
  const TextOptions &T = O.Text;
  AnswerOptions Made;
  SamplingOptions &S = Made.Sampling;
  S = Config.Sampling;
  S.Temperature = T.Temperature.value_or(S.Temperature);
  S.TopK = T.TopK.value_or(S.TopK);
  S.TopP = T.TopP.value_or(S.TopP);
  S.MinP = T.MinP.value_or(S.MinP);
  S.RepetitionPenalty = T.RepetitionPenalty.value_or(S.RepetitionPenalty);
  S.PresencePenalty = T.PresencePenalty.value_or(0);
  S.FrequencyPenalty = T.FrequencyPenalty.value_or(0);
  // Told as a number that --seed takes.
  S.Seed = T.Seed.value_or(std::random_device()());
  if (Status Checked = checkSampling(S); !Checked.ok()) {
    fail(Out, Checked);
    return std::nullopt;
  }
  Made.EndTokens = Config.EndTokens;
  Made.Stop = T.Stop;
  Made.LogProbs = T.LogProbs.value_or(-1);
  return Made;
}

uint64_t LanguageModel::weightBytes() const {
  dure_session_info Info = {};
  Info.struct_size = sizeof(Info);
  dure_status_free(dure_session_get_info(Package->session(), &Info));
  return Info.weight_bytes;
}

} // namespace dure
