// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure score.
#include "runtime/llm/Score.h"
#include "tools/dure/Json.h"
#include "tools/dure/LanguageModel.h"
#include "tools/dure/TextInput.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace dure {
namespace {

/// Longer contexts make a text more probable, and cost more.
constexpr int64_t DefaultContext = 2048;

struct Scored {
  TextScore Score;
  size_t Tokens = 0, Bytes = 0;
  double Seconds = 0;

  /// Comparable between tokenizers.
  double bitsPerByte() const {
    return Bytes ? -Score.LogLikelihood / std::log(2.0) / double(Bytes) : 0;
  }
};

std::string jsonText(const Options &O, const LanguageModel &Model,
                     const Scored &S) {
  JsonWriter Json;
  Json.beginObject()
      .member("producer", std::string("dure ") + dure_version())
      .member("source", O.Path)
      .member("variant", Model.package().variant())
      .member("compile_cache", cacheUseName(Model.package().cacheUse()))
      .member("text", O.Text.File)
      .member("bytes", int64_t(S.Bytes))
      .member("tokens", int64_t(S.Tokens))
      .member("scored_tokens", S.Score.Count)
      .member("log_likelihood", S.Score.LogLikelihood)
      .member("perplexity", S.Score.perplexity())
      .member("bits_per_byte", S.bitsPerByte())
      .member("context_tokens", Model.generator().context())
      .member("seconds", S.Seconds);
  return Json.end().text() + "\n";
}

std::string tableText(const Console &Out, const Scored &S) {
  TextTable Table;
  Table.row({Out.text(Message::ScoreTokens),
             std::to_string(S.Score.Count) + " / " + std::to_string(S.Tokens)});
  Table.row({Out.text(Message::ScoreLikelihood),
             formatNumber(S.Score.LogLikelihood)});
  Table.row(
      {Out.text(Message::ScorePerplexity), formatNumber(S.Score.perplexity())});
  Table.row({Out.text(Message::ScoreBits), formatNumber(S.bitsPerByte())});
  Table.row({Out.text(Message::ScoreTime), formatSeconds(S.Seconds)});
  return Table.text();
}

} // namespace

int runScore(const Console &Out, const Options &O) {
  std::optional<std::string> Text = readTextFile(Out, O.Text.File);
  if (!Text)
    return ExitFailed;
  int Exit = ExitFailed;
  std::optional<LanguageModel> Model = LanguageModel::open(Out, O, Exit);
  if (!Model)
    return Exit;
  auto Tokens = Model->encode(Out, *Text, true);
  if (!Tokens)
    return ExitFailed;
  if (Tokens->size() < 2)
    return Out.fail(Message::ScoreTooShort, {O.Text.File});
  if (!Model->createGenerator(
          Out, O, std::min(DefaultContext, int64_t(Tokens->size()))))
    return ExitFailed;
  Scored S;
  S.Tokens = Tokens->size();
  S.Bytes = Text->size();
  ProgressBar Bar(Out, Message::PhaseScore);
  const auto Begin = std::chrono::steady_clock::now();
  Result<TextScore> Score = score(
      Model->generator(), *Tokens, O.Text.Stride.value_or(0), [&](size_t Done) {
        Bar.update("", double(Done) / double(Tokens->size()));
      });
  Bar.clear();
  if (!Score)
    return fail(Out, Score.status());
  S.Score = *Score;
  S.Seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - Begin)
          .count();
  return (O.Json ? Out.printJson(jsonText(O, *Model, S))
                 : Out.print(tableText(Out, S)))
             ? ExitOk
             : ExitFailed;
}

} // namespace dure
