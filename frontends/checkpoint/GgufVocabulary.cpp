// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the vocabularies of GGUF files.

#include "frontends/checkpoint/GgufVocabulary.h"

#include "frontends/onnx/Refusal.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace dure::checkpoint {
namespace {

constexpr std::string_view Space = "\xe2\x96\x81"; // U+2581

/// What finding merges may cost: the squares of the tokens' lengths.
constexpr uint64_t MaxMergeWork = uint64_t(1) << 32;

std::string keyOf(std::string_view Name) {
  return "tokenizer.ggml." + std::string(Name);
}

std::optional<VocabularyModel> modelOf(std::string_view Name) {
  static constexpr std::pair<std::string_view, VocabularyModel> Known[] = {
      {"gpt2", VocabularyModel::ByteLevel},
      {"llama", VocabularyModel::SentencePiece},
      {"t5", VocabularyModel::Unigram},
      {"bert", VocabularyModel::WordPiece},
  };
  for (const auto &[Each, Model] : Known)
    if (Each == Name)
      return Model;
  return std::nullopt;
}

/// Ids that a model has where the file does not name them.
struct UsualIds {
  std::optional<int64_t> Bos, Eos, Unknown, Pad, Separator, Mask;
};

UsualIds usualIds(VocabularyModel Model) {
  switch (Model) {
  case VocabularyModel::SentencePiece:
    return {1, 2, 0, {}, {}, {}};
  case VocabularyModel::Unigram:
    return {{}, 1, 2, 0, {}, {}};
  case VocabularyModel::WordPiece:
    return {101, {}, 100, 0, 102, 103};
  case VocabularyModel::ByteLevel:
    break;
  }
  return {};
}

class VocabularyReader {
public:
  VocabularyReader(const GgufFile &File, Refusals &Problems)
      : File(File), Problems(Problems), Before(Problems.list().size()) {}

  std::optional<Vocabulary> read() {
    const auto Model = File.text(keyOf("model"), Problems);
    const auto Texts = File.texts(keyOf("tokens"), Problems);
    if (!Model || !Texts || *Model == "no_vocab" || *Model == "none")
      return std::nullopt;
    const std::optional<VocabularyModel> Known = modelOf(*Model);
    if (!Known) {
      Problems.add(RefusalCode::GgufTokenizer, File.place(),
                   {std::string(*Model)});
      return std::nullopt;
    }
    V.Model = *Known;
    V.Tokens.assign(Texts->begin(), Texts->end());
    readKinds();
    readScores();
    respell();
    index();
    readIds();
    if (Problems.list().size() != Before)
      return std::nullopt;
    return std::move(V);
  }

private:
  void readKinds() {
    V.Kinds.assign(V.Tokens.size(), TokenKind::Normal);
    const auto Kinds = File.integers(keyOf("token_type"), Problems);
    if (!Kinds || !checkCount("token_type", Kinds->size()))
      return;
    for (size_t I = 0; I < V.Kinds.size(); ++I)
      V.Kinds[I] = TokenKind((*Kinds)[I]);
  }

  void readScores() {
    auto Scores = File.numbers(keyOf("scores"), Problems);
    if (!Scores || !checkCount("scores", Scores->size()))
      return;
    // Scores are compared.
    if (std::any_of(Scores->begin(), Scores->end(),
                    [](double Each) { return std::isnan(Each); }))
      return Problems.add(RefusalCode::JsonKind, File.place(),
                          {keyOf("scores"), "[0.5, ...]"});
    V.Scores = std::move(*Scores);
  }

  bool checkCount(const char *Name, size_t Count) {
    if (Count >= V.Tokens.size())
      return true;
    Problems.add(
        RefusalCode::TokenizerCount, File.place(),
        {keyOf(Name), std::to_string(Count), std::to_string(V.Tokens.size())});
    return false;
  }

  /// Gemma's runs of spaces are stored as the spaces that they match, other
  /// tokens with the sign that stands for one.
  void respell() {
    const auto Family = File.text("general.architecture", Problems);
    for (size_t I = 0; I < V.Tokens.size(); ++I) {
      std::string &Token = V.Tokens[I];
      if (Token.empty())
        Token = "[EMPTY_" + std::to_string(I) + "]";
      const bool IsBlank = Token.find_first_not_of(' ') == Token.npos;
      if (!IsBlank || V.Model != VocabularyModel::SentencePiece || !Family ||
          !Family->starts_with("gemma"))
        continue;
      std::string Signs;
      for (size_t J = 0; J < Token.size(); ++J)
        Signs += Space;
      Token = std::move(Signs);
      V.Kinds[I] = TokenKind::Normal;
    }
  }

  void index() {
    V.Ids.reserve(V.Tokens.size());
    for (size_t I = 0; I < V.Tokens.size(); ++I)
      if (!V.Ids.emplace(V.Tokens[I], int64_t(I)).second)
        Problems.add(RefusalCode::TokenTwice, File.place(),
                     {onnx::printable(V.Tokens[I]),
                      std::to_string(V.Ids[V.Tokens[I]]), std::to_string(I)});
  }

  void readIds() {
    const UsualIds Usual = usualIds(V.Model);
    V.Bos = id("bos_token_id", Usual.Bos);
    V.Eos = id("eos_token_id", Usual.Eos);
    V.Unknown = id("unknown_token_id", Usual.Unknown);
    V.Pad = id("padding_token_id", Usual.Pad);
    // So spelled in the format.
    V.Separator = id("seperator_token_id", Usual.Separator);
    V.Cls = id("cls_token_id", V.Bos);
    V.Mask = id("mask_token_id", Usual.Mask);
  }

  std::optional<int64_t> id(const char *Name, std::optional<int64_t> Usual) {
    const int64_t Count = int64_t(V.Tokens.size());
    const auto Given = File.integer(keyOf(Name), Problems);
    // Converters write -1 for none.
    if (Given && *Given != int64_t(UINT32_MAX)) {
      if (*Given < Count)
        return Given;
      Problems.add(
          RefusalCode::TokenizerId, File.place(),
          {keyOf(Name), std::to_string(*Given), std::to_string(Count)});
      return std::nullopt;
    }
    return Usual && *Usual < Count ? Usual : std::nullopt;
  }

  const GgufFile &File;
  Refusals &Problems;
  const size_t Before;
  Vocabulary V;
};

/// Merges of the file: "left right".
std::optional<std::vector<Merge>>
storedMerges(const GgufFile &File, const Vocabulary &V,
             const std::vector<std::string_view> &Texts, Refusals &Problems) {
  std::vector<Merge> Out;
  std::string Both;
  for (std::string_view Text : Texts) {
    // A token may begin with a space, not be empty.
    const size_t At = Text.find(' ', 1);
    const std::string_view Left = Text.substr(0, At);
    const std::string_view Right =
        At == Text.npos ? std::string_view() : Text.substr(At + 1);
    Both.assign(Left).append(Right);
    if (Right.empty() || !V.find(Left) || !V.find(Right) || !V.find(Both)) {
      Problems.add(RefusalCode::TokenizerMerge, File.place(),
                   {onnx::printable(Text)});
      return std::nullopt;
    }
    Out.emplace_back(Left, Right);
  }
  return Out;
}

/// A cut of token `Whole` in two tokens. Lengths count characters.
struct Cut {
  double Score;
  size_t LeftLength, RightLength;
  int64_t Whole, Left, Right;

  /// By score, then the longer the better, then in the order of ids.
  bool operator<(const Cut &C) const {
    return std::tie(C.Score, C.LeftLength, C.RightLength, Whole, Left, Right) <
           std::tie(Score, LeftLength, RightLength, C.Whole, C.Left, C.Right);
  }
};

void addCuts(const Vocabulary &V, int64_t Whole, double Score,
             std::vector<Cut> &Out) {
  const std::string_view Token = V.Tokens[size_t(Whole)];
  const auto IsFirst = [](char C) { return (C & 0xC0) != 0x80; };
  const size_t Length =
      size_t(std::count_if(Token.begin(), Token.end(), IsFirst));
  size_t Characters = 0;
  for (size_t I = 1; I < Token.size(); ++I) {
    if (!IsFirst(Token[I]))
      continue;
    ++Characters;
    const auto Left = V.find(Token.substr(0, I)),
               Right = V.find(Token.substr(I));
    if (Left && Right)
      Out.push_back(
          {Score, Characters, Length - Characters, Whole, *Left, *Right});
  }
}

} // namespace

std::optional<Vocabulary> readVocabulary(const GgufFile &File,
                                         Refusals &Problems) {
  return VocabularyReader(File, Problems).read();
}

std::optional<std::vector<Merge>>
mergesOf(const GgufFile &File, const Vocabulary &V, Refusals &Problems) {
  const size_t Before = Problems.list().size();
  const auto Texts = File.texts(keyOf("merges"), Problems);
  if (Problems.list().size() != Before)
    return std::nullopt;
  if (Texts)
    return storedMerges(File, V, *Texts, Problems);
  if (V.Model != VocabularyModel::SentencePiece || V.Scores.empty()) {
    Problems.add(RefusalCode::GgufMissing, File.place(), {keyOf("merges")});
    return std::nullopt;
  }
  uint64_t Work = 0;
  for (const std::string &Token : V.Tokens)
    Work += std::min(MaxMergeWork, uint64_t(Token.size()) * Token.size());
  if (Work > MaxMergeWork) {
    Problems.add(RefusalCode::TokenizerSize, File.place());
    return std::nullopt;
  }
  const auto Family = File.text("general.architecture", Problems);
  // Gemma's scores do not follow the order of its merges; the ids do.
  const bool ById = Family && Family->starts_with("gemma");
  std::vector<Cut> Cuts;
  for (size_t I = 0; I < V.Tokens.size(); ++I)
    // SentencePiece never puts the other kinds together of pieces.
    if (V.Kinds[I] == TokenKind::Normal || V.Kinds[I] == TokenKind::UserDefined)
      addCuts(V, int64_t(I), ById ? -double(I) : V.Scores[I], Cuts);
  std::sort(Cuts.begin(), Cuts.end());
  std::vector<Merge> Out;
  Out.reserve(Cuts.size());
  for (const Cut &Each : Cuts)
    Out.emplace_back(V.Tokens[size_t(Each.Left)], V.Tokens[size_t(Each.Right)]);
  return Out;
}

} // namespace dure::checkpoint
