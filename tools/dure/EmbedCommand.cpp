// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure embed.
#include "runtime/llm/Embedder.h"
#include "tools/dure/Json.h"
#include "tools/dure/LanguageModel.h"
#include "tools/dure/OutputPaths.h"
#include "tools/dure/TextInput.h"
#include "tools/io/File.h"
#include "tools/io/Npy.h"

#include <chrono>
#include <cstdio>
#include <cstring>

namespace dure {
namespace {

std::vector<std::string> linesOf(const std::string &Text) {
  std::vector<std::string> Lines;
  for (size_t Begin = 0; Begin < Text.size();) {
    const size_t End = std::min(Text.find('\n', Begin), Text.size());
    Lines.push_back(Text.substr(Begin, End - Begin));
    if (Lines.back().ends_with('\r'))
      Lines.back().pop_back();
    Begin = End + 1;
  }
  return Lines;
}

/// The vectors of all lines.
struct Embedded {
  std::vector<std::vector<float>> Rows;
  size_t CutShort = 0; // lines with more tokens than the model takes
  double Seconds = 0;
};

/// Cuts a text to what the model takes; the token that ends it stays at its
/// end.
bool cut(std::vector<int64_t> &Tokens, int64_t Most) {
  if (Most < 2 || int64_t(Tokens.size()) <= Most)
    return false;
  Tokens[size_t(Most) - 1] = Tokens.back();
  Tokens.resize(size_t(Most));
  return true;
}

std::optional<Embedded> embedLines(const Console &Out,
                                   const LanguageModel &Model,
                                   const std::vector<std::string> &Lines) {
  Result<EmbeddingConfig> Config = readEmbeddingConfig(
      Model.asset("1_Pooling/config.json"),
      Model.asset("sentence_bert_config.json"), Model.asset("config.json"));
  if (!Config) {
    fail(Out, Config.status());
    return std::nullopt;
  }
  Result<std::unique_ptr<Embedder>> Made =
      Embedder::create(Model.package().package(), Model.package().session(),
                       Config->Pool, interruptible);
  if (!Made) {
    fail(Out, Made.status());
    return std::nullopt;
  }
  Embedded All;
  ProgressBar Bar(Out, Message::PhaseEmbed);
  const auto Begin = std::chrono::steady_clock::now();
  for (const std::string &Line : Lines) {
    auto Tokens = Model.encode(Out, Line, true);
    if (!Tokens)
      return std::nullopt;
    All.CutShort += cut(*Tokens, Config->MaxTokens);
    Result<std::vector<float>> Vector = (*Made)->embed(*Tokens);
    if (!Vector) {
      Bar.clear();
      fail(Out,
           Vector.status().at("line " + std::to_string(All.Rows.size() + 1)));
      return std::nullopt;
    }
    All.Rows.push_back(Vector.take());
    Bar.update("", double(All.Rows.size()) / double(Lines.size()));
  }
  All.Seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - Begin)
          .count();
  return All;
}

io::Tensor tensorOf(const Embedded &All) {
  io::Tensor T;
  T.Type = io::ElementType::Float32;
  const size_t Width = All.Rows.front().size();
  T.Dims = {int64_t(All.Rows.size()), int64_t(Width)};
  T.Bytes.resize(All.Rows.size() * Width * sizeof(float));
  for (size_t I = 0; I != All.Rows.size(); ++I)
    std::memcpy(T.Bytes.data() + I * Width * sizeof(float), All.Rows[I].data(),
                Width * sizeof(float));
  return T;
}

std::string jsonText(const Options &O, const LanguageModel &Model,
                     const Embedded &All) {
  JsonWriter Json;
  Json.beginObject()
      .member("producer", std::string("dure ") + dure_version())
      .member("source", O.Path)
      .member("variant", Model.package().variant())
      .member("compile_cache", cacheUseName(Model.package().cacheUse()))
      .member("seconds", All.Seconds)
      .member("cut_short", int64_t(All.CutShort))
      .key("embeddings")
      .beginArray();
  for (const std::vector<float> &Row : All.Rows) {
    Json.beginArray();
    for (float Value : Row)
      Json.value(double(Value));
    Json.end();
  }
  return Json.end().end().text() + "\n";
}

} // namespace

int runEmbed(const Console &Out, const Options &O) {
  if (O.Output.empty() && !O.Json)
    return Out.usage(Message::EmbedNoOutput);
  if (const int Exit = checkOutputPaths(Out, O, {}); Exit != ExitOk)
    return Exit;
  std::optional<std::string> Text = readTextFile(Out, O.Text.File);
  if (!Text)
    return ExitFailed;
  const std::vector<std::string> Lines = linesOf(*Text);
  if (Lines.empty())
    return Out.fail(Message::EmbedNoLines, {O.Text.File});
  int Exit = ExitFailed;
  std::optional<LanguageModel> Model = LanguageModel::open(Out, O, Exit);
  if (!Model)
    return Exit;
  std::optional<Embedded> All = embedLines(Out, *Model, Lines);
  if (!All)
    return ExitFailed;
  if (!O.Output.empty()) {
    io::Status Written =
        O.Output.ends_with(".json")
            ? io::writeFile(O.Output, jsonText(O, *Model, *All))
            : io::writeNpy(O.Output, tensorOf(*All));
    if (!Written)
      return Out.fail(Written.failure());
  }
  if (O.Json)
    return Out.printJson(jsonText(O, *Model, *All)) ? ExitOk : ExitFailed;
  std::string Said =
      Out.text(Message::EmbedDone, {O.Output, std::to_string(All->Rows.size()),
                                    std::to_string(All->Rows.front().size()),
                                    formatSeconds(All->Seconds)});
  if (All->CutShort)
    Said += "\n" + Out.text(Message::EmbedCut, {std::to_string(All->CutShort)});
  return Out.print(Said + "\n") ? ExitOk : ExitFailed;
}

} // namespace dure
