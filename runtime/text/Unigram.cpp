// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The most likely cut of a piece into tokens (Viterbi), as SentencePiece's
// unigram models do it.

#include "runtime/text/Model.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <limits>

using namespace dure;
using namespace dure::text;

// How much less likely than the least likely token an unknown character is.
static constexpr double UnknownPenalty = 10;

namespace {

class Unigram : public Model {
public:
  Unigram(Component &Part, const ModelTables &Tables, Vocabulary NewWords) {
    Words = std::move(NewWords);
    FallsBack = Part.flag("byte_fallback", false);
    Part.ignore({"alpha", "nbest_size"}); // sampling, for training
    if (Part.get("unk_id")) {
      uint64_t Id = Part.number("unk_id");
      if (Id >= Tables.Tokens.size())
        Part.refuse("the unk_id " + std::to_string(Id) + " is no token");
      else
        Unknown = static_cast<TokenId>(Id);
    }
    std::vector<Trie::Word> All;
    for (size_t I = 0; I != Tables.Tokens.size(); ++I) {
      Scores.push_back(Tables.Tokens[I].Score);
      Least = std::min(Least, Scores.back());
      All.push_back(
          {Tables.text(Tables.Tokens[I].Text), static_cast<uint32_t>(I)});
    }
    Tokens = Trie(std::move(All));
    for (unsigned Byte = 0; Byte != 256; ++Byte)
      FallbackIds[Byte] =
          Words.find(byteFallbackToken(static_cast<unsigned char>(Byte)));
  }

  Status encode(std::string_view Piece, Scratch &Memory,
                std::vector<TokenId> &Ids) const override {
    if (!findBest(Piece, Memory))
      return missingUnknown("unk_id");
    // The cuts, from the end: runs of unknown characters count as one.
    std::vector<uint32_t> &Cuts = Memory.Places;
    Cuts.clear();
    bool WasUnknown = false;
    for (size_t End = Piece.size(); End != 0;) {
      bool Is = Memory.Symbols[End] == Unknown && Unknown != NoToken;
      if (!Is || !WasUnknown)
        Cuts.push_back(static_cast<uint32_t>(End));
      WasUnknown = Is;
      End -= Memory.Ranks[End];
    }
    size_t Begin = 0;
    for (size_t I = Cuts.size(); I-- != 0;) {
      size_t End = Cuts[I];
      emit(Piece.substr(Begin, End - Begin), Memory.Symbols[End], Ids);
      Begin = End;
    }
    return Status::success();
  }

  size_t listed() const override { return Scores.size(); }

private:
  /// For each place in PIECE that a cut can have: the token that ends there
  /// (Symbols), its length (Ranks) and the score of all up to there (Scores).
  bool findBest(std::string_view Piece, Scratch &Memory) const {
    size_t Size = Piece.size();
    Memory.Symbols.assign(Size + 1, NoToken);
    Memory.Ranks.assign(Size + 1, 0);
    Memory.Scores.assign(Size + 1, 0);
    double UnknownScore = Least - UnknownPenalty;
    for (size_t At = 0; At != Size;) {
      double Before = Memory.Scores[At];
      size_t Character = lengthOfCharacter(Piece[At]);
      bool HasCharacter = false;
      auto Offer = [&](size_t Length, TokenId Id, double Score) {
        size_t End = At + Length;
        if (Memory.Ranks[End] != 0 && !(Before + Score > Memory.Scores[End]))
          return;
        Memory.Scores[End] = Before + Score;
        Memory.Ranks[End] = Length;
        Memory.Symbols[End] = Id;
      };
      Tokens.forEachPrefix(Piece.substr(At), [&](size_t Length, uint32_t Id) {
        Offer(Length, Id, Scores[Id]);
        HasCharacter |= Length == Character;
      });
      if (!HasCharacter) {
        // Reached or not: the reference fails where the unknown token would
        // have to be used.
        bool IsBetter = Memory.Ranks[At + Character] == 0 ||
                        Before + UnknownScore > Memory.Scores[At + Character];
        if (IsBetter && Unknown == NoToken)
          return false;
        Offer(Character, Unknown, UnknownScore);
      }
      At += Character;
    }
    return true;
  }

  /// The ids of one cut-out text.
  void emit(std::string_view Text, TokenId Id,
            std::vector<TokenId> &Ids) const {
    if (Id != Unknown || Unknown == NoToken) {
      Ids.push_back(Id);
      return;
    }
    // Several unknown characters may make a token after all.
    TokenId Whole = Words.find(Text);
    if (Whole != NoToken) {
      Ids.push_back(Whole);
      return;
    }
    auto FallbackOf = [&](char Byte) {
      return FallbackIds[static_cast<unsigned char>(Byte)];
    };
    if (!FallsBack || !std::all_of(Text.begin(), Text.end(), [&](char Byte) {
          return FallbackOf(Byte) != NoToken;
        })) {
      Ids.push_back(Unknown);
      return;
    }
    for (char Byte : Text)
      Ids.push_back(FallbackOf(Byte));
  }

  std::vector<double> Scores;
  double Least = std::numeric_limits<double>::infinity();
  TokenId Unknown = NoToken;
  bool FallsBack = false;
  TokenId FallbackIds[256];
  Trie Tokens;
};

} // namespace

std::unique_ptr<Model> text::readUnigram(Component &Part,
                                         const ModelTables &Tables,
                                         Vocabulary Words) {
  return std::make_unique<Unigram>(Part, Tables, std::move(Words));
}
