// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading a model's vocabulary, and the two models that only look up words.

#include "runtime/text/Model.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

using namespace dure;
using namespace dure::text;

std::string text::byteFallbackToken(unsigned char Byte) {
  constexpr char Digits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', Digits[Byte >> 4], Digits[Byte & 15], '>'};
}

Status text::missingUnknown(std::string_view Token) {
  return Status(StatusCode::FailedPrecondition,
                "the text has a character that the vocabulary lacks, and its "
                "token for such, '" +
                    std::string(Token) + "', is missing, too");
}

namespace {

/// The longest tokens from left to right, or the unknown token for all.
class WordPiece : public Model {
public:
  WordPiece(Component &Part, Vocabulary NewWords) {
    Words = std::move(NewWords);
    UnknownToken = Part.string("unk_token", "[UNK]");
    Prefix = Part.string("continuing_subword_prefix", "##");
    MaxCharacters = Part.number("max_input_chars_per_word", 100);
    Unknown = Words.find(UnknownToken);
    std::vector<Trie::Word> First, Others;
    Words.forEach([&](std::string_view Token, TokenId Id) {
      First.push_back({Token, Id});
      if (Token.starts_with(Prefix))
        Others.push_back({Token.substr(Prefix.size()), Id});
    });
    Beginnings = Trie(std::move(First));
    Continuations = Trie(std::move(Others));
  }

  Status encode(std::string_view Piece, Scratch &,
                std::vector<TokenId> &Ids) const override {
    auto Characters = static_cast<uint64_t>(
        Piece.size() - static_cast<size_t>(std::count_if(
                           Piece.begin(), Piece.end(), isContinuation)));
    size_t Before = Ids.size(), At = 0;
    while (Characters <= MaxCharacters && At != Piece.size()) {
      size_t Longest = 0;
      TokenId Id = NoToken;
      (At == 0 ? Beginnings : Continuations)
          .forEachPrefix(Piece.substr(At), [&](size_t Length, uint32_t Value) {
            Longest = Length;
            Id = Value;
          });
      if (Longest == 0)
        break;
      Ids.push_back(Id);
      At += Longest;
    }
    if (At == Piece.size())
      return Status::success();
    Ids.resize(Before);
    if (Unknown == NoToken)
      return missingUnknown(UnknownToken);
    Ids.push_back(Unknown);
    return Status::success();
  }

private:
  std::string UnknownToken, Prefix;
  uint64_t MaxCharacters;
  TokenId Unknown;
  Trie Beginnings, Continuations;
};

/// Whole pieces only.
class WordLevel : public Model {
public:
  WordLevel(Component &Part, Vocabulary NewWords) {
    Words = std::move(NewWords);
    UnknownToken = Part.string("unk_token", "<unk>");
    Unknown = Words.find(UnknownToken);
  }

  Status encode(std::string_view Piece, Scratch &,
                std::vector<TokenId> &Ids) const override {
    TokenId Id = Words.find(Piece);
    if (Id == NoToken)
      Id = Unknown;
    if (Id == NoToken)
      return missingUnknown(UnknownToken);
    Ids.push_back(Id);
    return Status::success();
  }

private:
  std::string UnknownToken;
  TokenId Unknown;
};

} // namespace

std::unique_ptr<Model> text::readWordPiece(Component &Part, Vocabulary Words) {
  return std::make_unique<WordPiece>(Part, std::move(Words));
}

std::unique_ptr<Model> text::readWordLevel(Component &Part, Vocabulary Words) {
  return std::make_unique<WordLevel>(Part, std::move(Words));
}

/// The type of a file from before models named theirs.
static std::string typeOfUnnamed(const JsonValue &Value,
                                 const ModelTables &Tables) {
  if (Tables.HasMerges)
    return "BPE";
  if (Tables.HasScores)
    return "Unigram";
  return Value.field("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

std::unique_ptr<Model> text::readModel(const JsonValue &Value,
                                       const ModelTables &Tables,
                                       Refusals &Problems) {
  Component Part(Value, "model", Problems);
  std::string Type = Part.type();
  if (Type.empty())
    Type = typeOfUnnamed(Value, Tables);
  bool IsUnigram = Type == "Unigram";
  if (Type != "BPE" && !IsUnigram && Type != "WordPiece" &&
      Type != "WordLevel") {
    Part.refuseType();
    return nullptr;
  }
  if (!Tables.HasVocabulary || Tables.HasScores != IsUnigram) {
    Part.refuse("the field 'vocab' is missing or of another kind of model");
    return nullptr;
  }
  Vocabulary Words;
  size_t Count = Tables.Tokens.size();
  Words.reserve(Count, Tables.Bytes.size());
  uint64_t Limit = Vocabulary::idLimit(Count);
  for (size_t I = 0; I != Count; ++I) {
    const ModelTables::Token &T = Tables.Tokens[I];
    uint64_t Id = IsUnigram ? I : T.Id;
    if (Id >= Limit) {
      Part.refuse("the id " + std::to_string(Id) + " is too large for " +
                  std::to_string(Count) + " tokens");
      return nullptr;
    }
    if (T.Text.Length > MaxTokenBytes) {
      Part.refuse("a token has more than " + std::to_string(MaxTokenBytes) +
                  " bytes");
      return nullptr;
    }
    Words.add(Tables.text(T.Text), static_cast<TokenId>(Id));
  }
  if (Type == "BPE")
    return readBpe(Part, Tables, std::move(Words));
  if (IsUnigram)
    return readUnigram(Part, Tables, std::move(Words));
  if (Type == "WordPiece")
    return readWordPiece(Part, std::move(Words));
  return readWordLevel(Part, std::move(Words));
}
