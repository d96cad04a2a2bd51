// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Answering a prompt.
#include "tools/dure/Generation.h"

#include "runtime/llm/AnswerText.h"
#include "tools/dure/Memory.h"

#include <algorithm>
#include <chrono>

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

Message endMessage(AnswerEnd End) {
  switch (End) {
  case AnswerEnd::EndToken:
    return Message::EndedByToken;
  case AnswerEnd::StopString:
    return Message::EndedByStop;
  case AnswerEnd::MaxTokens:
    return Message::EndedByMax;
  case AnswerEnd::ContextFull:
    return Message::EndedByContext;
  case AnswerEnd::Cancelled:
    break;
  }
  return Message::EndedByUser;
}

double simulatedSeconds(const Generator &Model) {
  return Model.simulated() ? Model.simulated()->Seconds : 0;
}

/// Feeds what is new. What the context has in common with the prompt stays, but
/// for its last token, whose logits are wanted.
Status feedPrompt(Generator &Model, Generation &G) {
  const auto Has = Model.tokens();
  size_t Same = 0;
  while (Same < std::min(Has.size(), G.Prompt.size()) &&
         Has[Same] == G.Prompt[Same])
    ++Same;
  if (Same == G.Prompt.size() && Same != 0)
    --Same;
  Result<int64_t> Left = Model.truncate(int64_t(Same));
  if (!Left)
    return Left.status();
  G.Kept = size_t(*Left);
  const Clock::time_point Begin = Clock::now();
  Status Fed = Model.append(std::span(G.Prompt).subspan(G.Kept));
  G.PromptSeconds = std::chrono::duration<double>(Clock::now() - Begin).count();
  return Fed;
}

/// Answers, with the callbacks that keep and show what comes.
Status answerPrompt(const Console &Out, const LanguageModel &Model, bool Shows,
                    Generation &G) {
  AnswerCallbacks Callbacks;
  std::optional<AnswerText> Text;
  if (const Tokenizer *Source = Model.tokenizer()) {
    Result<AnswerText> Made = AnswerText::create(*Source, G.Prompt);
    if (!Made)
      return Made.status();
    Text.emplace(Made.take());
    Callbacks.Decode = [&](int64_t Token) { return Text->push(Token); };
    Callbacks.DecodeRest = [&] { return Text->finish(); };
  }
  bool IsFirst = true;
  Callbacks.OnToken = [&](int64_t Token, const TokenLogProbs *LogProbs) {
    if (LogProbs)
      G.LogProbs.push_back(*LogProbs);
    if (Shows && !Text &&
        !Out.print((IsFirst ? "" : " ") + std::to_string(Token)))
      return false;
    IsFirst = false;
    return !interrupted();
  };
  Callbacks.OnText = [&](std::string_view Piece) {
    G.Text += Piece;
    return !Shows || Out.printText(Piece);
  };
  Result<AnswerResult> Answered = answer(Model.generator(), G.Asked, Callbacks);
  if (Shows && !G.Text.ends_with('\n'))
    Out.print("\n");
  if (!Answered)
    return Answered.status();
  G.Answer = Answered.take();
  return Status::success();
}

double perSecond(size_t Count, double Seconds) {
  return Seconds > 0 ? double(Count) / Seconds : 0;
}

} // namespace

bool generate(const Console &Out, const LanguageModel &Model, bool Shows,
              Generation &G) {
  const double Before = simulatedSeconds(Model.generator());
  Status Done = feedPrompt(Model.generator(), G);
  const double Fed = simulatedSeconds(Model.generator());
  G.PromptSimulated = Fed - Before;
  if (Done.ok())
    Done = answerPrompt(Out, Model, Shows, G);
  G.AnswerSimulated = simulatedSeconds(Model.generator()) - Fed;
  if (!Done.ok())
    fail(Out, Done);
  return Done.ok();
}

const char *endName(AnswerEnd End) {
  switch (End) {
  case AnswerEnd::EndToken:
    return "end_token";
  case AnswerEnd::StopString:
    return "stop";
  case AnswerEnd::MaxTokens:
    return "max_tokens";
  case AnswerEnd::ContextFull:
    return "context";
  case AnswerEnd::Cancelled:
    break;
  }
  return "cancelled";
}

double stepSeconds(const AnswerResult &A) {
  return A.Steps ? double(A.WholeNs) * 1e-9 / double(A.Steps) : 0;
}

double simulatedStepSeconds(const Generation &G) {
  return G.Answer.Steps ? G.AnswerSimulated / double(G.Answer.Steps) : 0;
}

std::string describeGeneration(const Console &Out, const LanguageModel &Model,
                               const Generation &G) {
  const double Step = stepSeconds(G.Answer);
  const size_t Fed = G.Prompt.size() - G.Kept;
  std::string Text =
      Out.text(Message::GeneratePrompt,
               {std::to_string(Fed), formatSeconds(G.PromptSeconds),
                formatNumber(perSecond(Fed, G.PromptSeconds))}) +
      "\n" +
      Out.text(Message::GenerateAnswer,
               {std::to_string(G.Answer.Tokens.size()),
                Step > 0 ? formatSeconds(Step) : "-",
                Step > 0 ? formatNumber(1 / Step) : "-",
                Out.text(endMessage(G.Answer.End))}) +
      "\n";
  if (const auto &OnChip = Model.generator().simulated()) {
    const double Chip = simulatedStepSeconds(G);
    Text += Out.text(Message::GenerateSimulated,
                     {OnChip->Model, formatSeconds(G.PromptSimulated),
                      Chip > 0 ? formatSeconds(Chip) : "-",
                      Chip > 0 ? formatNumber(1 / Chip) : "-"}) +
            "\n";
  }
  if (G.Asked.Sampling.Temperature > 0)
    Text += Out.text(Message::GenerateSeed,
                     {std::to_string(G.Asked.Sampling.Seed)}) +
            "\n";
  return Text +
         Out.text(Message::GenerateMemory,
                  {formatBytes(double(Model.weightBytes())),
                   std::to_string(Model.generator().context()),
                   formatBytes(double(Model.generator().stateBytes())),
                   formatBytes(double(peakMemory()))}) +
         "\n";
}

} // namespace dure
