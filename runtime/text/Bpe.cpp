// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Byte pair encoding: the pair of lowest rank is merged until none is left.
//
// Three things make it fast, and change no result:
//  * a piece is cut where no merge joins the two characters (Junctions), so
//    that long pieces are many short ones;
//  * a short piece that is a token is looked up, once it is known that merging
//    gives that token (Whole);
//  * short pieces are merged in an array, long ones with a heap.

#include "runtime/text/Model.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <atomic>

using namespace dure;
using namespace dure::text;

namespace {

/// What merging a pair gives. Pairs are numbers of 64 bits.
class MergeTable {
public:
  struct Slot {
    uint64_t Pair = Free;
    uint32_t Rank = 0;
    TokenId Result = 0;
  };
  static constexpr uint64_t Free = ~uint64_t(0);

  static uint64_t pairOf(TokenId Left, TokenId Right) {
    return uint64_t(Left) << 32 | Right;
  }

  void reserve(size_t Count) {
    size_t Size = 16;
    while (Size < 2 * Count)
      Size *= 2;
    Slots.assign(Size, Slot());
  }
  void set(uint64_t Pair, uint32_t Rank, TokenId Result) {
    Slots[placeOf(Pair)] = {Pair, Rank, Result};
  }
  const Slot *find(uint64_t Pair) const {
    const Slot &S = Slots[placeOf(Pair)];
    return S.Pair == Free ? nullptr : &S;
  }

private:
  size_t placeOf(uint64_t Pair) const {
    size_t Mask = Slots.size() - 1;
    size_t I = hashOf(Pair) & Mask;
    while (Slots[I].Pair != Pair && Slots[I].Pair != Free)
      I = (I + 1) & Mask;
    return I;
  }

  std::vector<Slot> Slots;
};

/// Tokens of one character, by the character.
class CharacterTable {
public:
  CharacterTable() : Pages(0x1100, nullptr) {}
  void set(char32_t C, TokenId Id) {
    std::unique_ptr<TokenId[]> *Found = nullptr;
    if (!Pages[C >> 8]) {
      Found = &Owned.emplace_back(new TokenId[256]);
      std::fill_n(Found->get(), 256, NoToken);
      Pages[C >> 8] = Found->get();
    }
    Pages[C >> 8][C & 0xFF] = Id;
  }
  TokenId find(char32_t C) const {
    const TokenId *Page = Pages[C >> 8];
    return Page ? Page[C & 0xFF] : NoToken;
  }

private:
  std::vector<TokenId *> Pages;
  std::vector<std::unique_ptr<TokenId[]>> Owned;
};

class Bpe : public Model {
public:
  Bpe(Component &Part, const ModelTables &Tables, Vocabulary NewWords);

  Status encode(std::string_view Piece, Scratch &Memory,
                std::vector<TokenId> &Ids) const override;
  bool takeRawBytes() override;

private:
  /// What is known of a token: whether merging its characters gives it alone.
  enum Wholeness : uint8_t { NotTried, IsWhole, IsNot };
  /// Pieces of more characters are merged with a heap.
  static constexpr size_t ShortPiece = 48;
  /// Bytes of a prefix or suffix, which every character is looked up with.
  static constexpr size_t MaxAffix = 256;

  void readMerges(Component &Part, const ModelTables &Tables);
  bool addMerge(Component &Part, size_t Rank, const std::string_view *Texts,
                const TokenId *Ids);
  void addJunction(std::string_view Left, std::string_view Right);

  Status split(std::string_view Run, Scratch &Memory) const;
  Status encodeRun(std::string_view Run, Scratch &Memory,
                   std::vector<TokenId> &Ids) const;
  Status merged(std::string_view Run, Scratch &Memory,
                std::vector<TokenId> &Ids) const;
  void mergeShort(Scratch &Memory, std::vector<TokenId> &Ids) const;
  void mergeLong(Scratch &Memory, std::vector<TokenId> &Ids) const;

  std::string UnknownToken, Prefix, Suffix;
  TokenId Unknown = NoToken;
  bool HasUnknown, FusesUnknown, FallsBack, IgnoresMerges;
  MergeTable Merges;
  CharacterTable Characters;
  TokenId FallbackIds[256];

  /// Set when pieces are bytes: tokens by the bytes that they stand for, and
  /// the tokens of single bytes.
  bool IsRaw = false;
  Vocabulary RawWords;
  TokenId RawIds[256];

  /// Pairs of characters that a merge joins, where cutting between others
  /// changes nothing.
  bool CanCut = false;
  MergeTable Junctions;
  mutable std::vector<std::atomic<uint8_t>> Whole;
  /// Two tokens have one id: then an id does not say which text it is.
  bool HasSharedIds = false;
};

} // namespace

Bpe::Bpe(Component &Part, const ModelTables &Tables, Vocabulary NewWords) {
  Words = std::move(NewWords);
  // Dropout is for training.
  Part.ignore({"dropout", "cache_capacity"});
  HasUnknown = Part.get("unk_token") != nullptr;
  UnknownToken = Part.string("unk_token", "");
  Prefix = Part.string("continuing_subword_prefix", "");
  Suffix = Part.string("end_of_word_suffix", "");
  if (Prefix.size() > MaxAffix || Suffix.size() > MaxAffix)
    Part.refuse("what marks parts of words has more than " +
                std::to_string(MaxAffix) + " bytes");
  FusesUnknown = Part.flag("fuse_unk", false);
  FallsBack = Part.flag("byte_fallback", false);
  IgnoresMerges = Part.flag("ignore_merges", false);
  if (HasUnknown)
    Unknown = Words.find(UnknownToken);
  Words.forEach([&](std::string_view Token, TokenId Id) {
    if (!Token.empty() && lengthOfCharacter(Token[0]) == Token.size()) {
      size_t At = 0;
      Characters.set(nextCharacter(Token, At), Id);
    }
  });
  for (unsigned Byte = 0; Byte != 256; ++Byte)
    FallbackIds[Byte] =
        Words.find(byteFallbackToken(static_cast<unsigned char>(Byte)));
  Whole = std::vector<std::atomic<uint8_t>>(Words.idEnd());
  Words.forEach([&](std::string_view Token, TokenId Id) {
    HasSharedIds |= Words.tokenOf(Id) != Token;
  });
  if (!Tables.HasMerges) {
    Part.refuse("the field 'merges' is missing");
    return;
  }
  readMerges(Part, Tables);
}

void Bpe::readMerges(Component &Part, const ModelTables &Tables) {
  CanCut = Prefix.empty() && Suffix.empty() && !HasSharedIds;
  Merges.reserve(Tables.Merges.size());
  Junctions.reserve(CanCut ? Tables.Merges.size() : 0);
  constexpr size_t Block = 64;
  std::string Joined[Block];
  std::string_view Texts[3 * Block];
  TokenId Ids[3 * Block];
  for (size_t Begin = 0; Begin < Tables.Merges.size(); Begin += Block) {
    size_t Count = std::min(Block, Tables.Merges.size() - Begin);
    for (size_t I = 0; I != Count; ++I) {
      std::string_view Left = Tables.text(Tables.Merges[Begin + I].Left);
      std::string_view Right = Tables.text(Tables.Merges[Begin + I].Right);
      Joined[I] = Left;
      Joined[I] += Right.substr(std::min(Prefix.size(), Right.size()));
      Texts[3 * I] = Left;
      Texts[3 * I + 1] = Right;
      Texts[3 * I + 2] = Joined[I];
    }
    Words.findMany({Texts, 3 * Count}, Ids);
    for (size_t I = 0; I != Count; ++I)
      if (!addMerge(Part, Begin + I, Texts + 3 * I, Ids + 3 * I))
        return;
  }
}

/// Adds one merge: left, right and result.
bool Bpe::addMerge(Component &Part, size_t Rank, const std::string_view *Texts,
                   const TokenId *Ids) {
  auto Shown = [](std::string_view Token) {
    return std::string(Token.substr(0, 100));
  };
  if (Ids[0] == NoToken || Ids[1] == NoToken || Ids[2] == NoToken ||
      Texts[1].size() < Prefix.size()) {
    Part.refuse("merge " + std::to_string(Rank) + " joins '" + Shown(Texts[0]) +
                "' and '" + Shown(Texts[1]) +
                "', but the vocabulary lacks one of them or the result");
    return false;
  }
  Merges.set(MergeTable::pairOf(Ids[0], Ids[1]), static_cast<uint32_t>(Rank),
             Ids[2]);
  if (CanCut)
    addJunction(Texts[0], Texts[1]);
  return true;
}

void Bpe::addJunction(std::string_view Left, std::string_view Right) {
  auto IsByte = [&](std::string_view Token) {
    return Token.size() == 6 && Token.starts_with("<0x");
  };
  // Tokens of bytes have no characters to look at.
  if (Left.empty() || Right.empty() ||
      (FallsBack && (IsByte(Left) || IsByte(Right)))) {
    CanCut = false;
    return;
  }
  size_t End = Left.size(), Begin = 0;
  char32_t Last = previousCharacter(Left, End);
  Junctions.set(MergeTable::pairOf(Last, nextCharacter(Right, Begin)), 0, 0);
}

bool Bpe::takeRawBytes() {
  if (!Prefix.empty() || !Suffix.empty())
    return false;
  for (unsigned Byte = 0; Byte != 256; ++Byte) {
    RawIds[Byte] =
        Words.find(characterOfByte(static_cast<unsigned char>(Byte)));
    // Then what is unknown is a character, not a byte.
    if (RawIds[Byte] == NoToken)
      return false;
  }
  RawWords.reserve(Words.count(), 0);
  std::string Raw;
  Words.forEach([&](std::string_view Token, TokenId Id) {
    Raw.clear();
    for (size_t At = 0; At != Token.size();) {
      int Byte = byteOfCharacter(nextCharacter(Token, At));
      if (Byte < 0)
        return;
      Raw += static_cast<char>(Byte);
    }
    RawWords.add(Raw, Id);
  });
  IsRaw = true;
  return true;
}

/// Fills Memory.Symbols with the tokens of the characters of RUN.
Status Bpe::split(std::string_view Run, Scratch &Memory) const {
  std::vector<TokenId> &Symbols = Memory.Symbols;
  Symbols.clear();
  if (IsRaw) {
    for (char C : Run)
      Symbols.push_back(RawIds[static_cast<unsigned char>(C)]);
    return Status::success();
  }
  bool IsPlain = Prefix.empty() && Suffix.empty();
  // The unknown token waits for the next known one, and falls behind bytes: so
  // the reference does it.
  bool IsUnknownPending = false;
  for (size_t At = 0; At != Run.size();) {
    size_t Begin = At;
    char32_t C = nextCharacter(Run, At);
    std::string_view Text = Run.substr(Begin, At - Begin);
    TokenId Id;
    if (IsPlain) {
      Id = Characters.find(C);
    } else {
      Memory.Text = Begin != 0 ? Prefix : "";
      Memory.Text += Text;
      if (At == Run.size())
        Memory.Text += Suffix;
      Text = Memory.Text;
      Id = Words.find(Text);
    }
    if (Id != NoToken) {
      if (IsUnknownPending)
        Symbols.push_back(Unknown);
      IsUnknownPending = false;
      Symbols.push_back(Id);
      continue;
    }
    if (FallsBack && std::all_of(Text.begin(), Text.end(), [&](char Byte) {
          return FallbackIds[static_cast<unsigned char>(Byte)] != NoToken;
        })) {
      for (char Byte : Text)
        Symbols.push_back(FallbackIds[static_cast<unsigned char>(Byte)]);
      continue;
    }
    if (!HasUnknown)
      continue;
    if (Unknown == NoToken)
      return missingUnknown(UnknownToken);
    if (IsUnknownPending && !FusesUnknown)
      Symbols.push_back(Unknown);
    IsUnknownPending = true;
  }
  if (IsUnknownPending)
    Symbols.push_back(Unknown);
  return Status::success();
}

void Bpe::mergeShort(Scratch &Memory, std::vector<TokenId> &Ids) const {
  TokenId *Symbols = Memory.Symbols.data();
  size_t Count = Memory.Symbols.size();
  // Rank and result of each symbol with the next; the last has none.
  constexpr uint64_t None = ~uint64_t(0);
  uint64_t Ranks[ShortPiece];
  auto RankOf = [&](size_t I) {
    const MergeTable::Slot *Found =
        Merges.find(MergeTable::pairOf(Symbols[I], Symbols[I + 1]));
    return Found ? uint64_t(Found->Rank) << 32 | Found->Result : None;
  };
  for (size_t I = 0; I + 1 < Count; ++I)
    Ranks[I] = RankOf(I);
  while (Count > 1) {
    size_t Best = 0;
    for (size_t I = 1; I + 1 < Count; ++I)
      if (Ranks[I] < Ranks[Best])
        Best = I;
    if (Ranks[Best] == None)
      break;
    Symbols[Best] = static_cast<TokenId>(Ranks[Best]);
    std::copy(Symbols + Best + 2, Symbols + Count, Symbols + Best + 1);
    --Count;
    if (Best + 1 < Count) {
      std::copy(Ranks + Best + 2, Ranks + Count, Ranks + Best + 1);
      Ranks[Best] = RankOf(Best);
    }
    if (Best != 0)
      Ranks[Best - 1] = RankOf(Best - 1);
  }
  Ids.insert(Ids.end(), Symbols, Symbols + Count);
}

void Bpe::mergeLong(Scratch &Memory, std::vector<TokenId> &Ids) const {
  std::vector<TokenId> &Symbols = Memory.Symbols;
  auto Count = static_cast<int32_t>(Symbols.size());
  std::vector<int32_t> &Next = Memory.Next, &Previous = Memory.Previous;
  Next.resize(Symbols.size());
  Previous.resize(Symbols.size());
  for (int32_t I = 0; I != Count; ++I) {
    Next[I] = I + 1;
    Previous[I] = I - 1;
  }
  // Lowest rank first, then leftmost. An entry counts if its pair still has
  // that rank.
  std::vector<uint64_t> &Heap = Memory.Heap;
  Heap.clear();
  auto Push = [&](int32_t I, bool Sifts) {
    const MergeTable::Slot *Found =
        Merges.find(MergeTable::pairOf(Symbols[I], Symbols[Next[I]]));
    if (!Found)
      return;
    Heap.push_back(uint64_t(Found->Rank) << 32 | static_cast<uint32_t>(I));
    if (Sifts)
      std::push_heap(Heap.begin(), Heap.end(), std::greater<>());
  };
  for (int32_t I = 0; I + 1 < Count; ++I)
    Push(I, false);
  std::make_heap(Heap.begin(), Heap.end(), std::greater<>());
  while (!Heap.empty()) {
    std::pop_heap(Heap.begin(), Heap.end(), std::greater<>());
    uint64_t Top = Heap.back();
    Heap.pop_back();
    auto I = static_cast<int32_t>(Top);
    if (Symbols[I] == NoToken || Next[I] == Count)
      continue;
    int32_t Gone = Next[I];
    const MergeTable::Slot *Found =
        Merges.find(MergeTable::pairOf(Symbols[I], Symbols[Gone]));
    if (!Found || Found->Rank != Top >> 32)
      continue;
    Symbols[I] = Found->Result;
    Symbols[Gone] = NoToken;
    Next[I] = Next[Gone];
    if (Next[I] != Count) {
      Previous[Next[I]] = I;
      Push(I, true);
    }
    if (Previous[I] >= 0)
      Push(Previous[I], true);
  }
  for (int32_t I = 0; I < Count; I = Next[I])
    Ids.push_back(Symbols[I]);
}

Status Bpe::merged(std::string_view Run, Scratch &Memory,
                   std::vector<TokenId> &Ids) const {
  DURE_RETURN_IF_ERROR(split(Run, Memory));
  if (Memory.Symbols.size() <= ShortPiece)
    mergeShort(Memory, Ids);
  else
    mergeLong(Memory, Ids);
  return Status::success();
}

/// Encodes a run that is merged as a whole.
Status Bpe::encodeRun(std::string_view Run, Scratch &Memory,
                      std::vector<TokenId> &Ids) const {
  TokenId Id = NoToken;
  if (Run.size() <= ShortPiece && !HasSharedIds)
    Id = IsRaw ? RawWords.find(Run) : Words.find(Run);
  if (Id == NoToken)
    return merged(Run, Memory, Ids);
  uint8_t Known = Whole[Id].load(std::memory_order_relaxed);
  if (Known == IsWhole) {
    Ids.push_back(Id);
    return Status::success();
  }
  size_t Before = Ids.size();
  DURE_RETURN_IF_ERROR(merged(Run, Memory, Ids));
  bool Is = Ids.size() == Before + 1 && Ids.back() == Id;
  Whole[Id].store(Is ? IsWhole : IsNot, std::memory_order_relaxed);
  return Status::success();
}

Status Bpe::encode(std::string_view Piece, Scratch &Memory,
                   std::vector<TokenId> &Ids) const {
  if (IgnoresMerges) {
    TokenId Id = IsRaw ? RawWords.find(Piece) : Words.find(Piece);
    if (Id != NoToken) {
      Ids.push_back(Id);
      return Status::success();
    }
  }
  if (IsRaw || !CanCut)
    return encodeRun(Piece, Memory, Ids);
  size_t Begin = 0, At = 0;
  char32_t Last = nextCharacter(Piece, At);
  // Only between two known characters: an unknown one may be joined to what is
  // before it, or wait for what comes.
  bool IsLastKnown = Characters.find(Last) != NoToken;
  while (At != Piece.size()) {
    size_t Here = At;
    char32_t C = nextCharacter(Piece, At);
    bool IsKnown = Characters.find(C) != NoToken;
    if (IsLastKnown && IsKnown &&
        !Junctions.find(MergeTable::pairOf(Last, C))) {
      DURE_RETURN_IF_ERROR(
          encodeRun(Piece.substr(Begin, Here - Begin), Memory, Ids));
      Begin = Here;
    }
    Last = C;
    IsLastKnown = IsKnown;
  }
  return encodeRun(Piece.substr(Begin), Memory, Ids);
}

std::unique_ptr<Model> text::readBpe(Component &Part, const ModelTables &Tables,
                                     Vocabulary Words) {
  return std::make_unique<Bpe>(Part, Tables, std::move(Words));
}
