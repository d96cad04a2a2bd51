// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Open addressing over one block of bytes; a trie laid out level by level.

#include "runtime/text/Vocabulary.h"

#include <algorithm>
#include <random>

using namespace dure;
using namespace dure::text;

// A file could otherwise hold tokens that all fall into one slot.
static const uint64_t Seed = [] {
  std::random_device Source;
  return uint64_t(Source()) << 32 | Source();
}();

static uint64_t mix(uint64_t Hash) {
  Hash *= 0x9E3779B97F4A7C15;
  return Hash ^ Hash >> 32;
}

uint64_t text::hashOf(uint64_t Number) { return mix(mix(Number ^ Seed)); }

uint64_t text::hashOf(std::string_view Text) {
  uint64_t Hash = Seed ^ Text.size();
  while (Text.size() >= 8) {
    uint64_t Word;
    std::memcpy(&Word, Text.data(), 8);
    Hash = mix(Hash ^ Word);
    Text.remove_prefix(8);
  }
  uint64_t Last = 0;
  std::memcpy(&Last, Text.data(), Text.size());
  return mix(mix(Hash ^ Last));
}

void Vocabulary::reserve(size_t Tokens, size_t ByteCount) {
  Bytes.reserve(ByteCount);
  Entries.reserve(Tokens);
  size_t Size = 16;
  while (Size < 2 * Tokens)
    Size *= 2;
  if (Size <= Slots.size())
    return;
  Slots.assign(Size, Slot());
  for (size_t I = 0; I != Entries.size(); ++I) {
    uint64_t Hash = hashOf(textOf(Entries[I]));
    Slots[slotOf(textOf(Entries[I]), Hash)] = {
        static_cast<uint32_t>(Hash >> 32), static_cast<uint32_t>(I + 1)};
  }
}

size_t Vocabulary::slotOf(std::string_view Token, uint64_t Hash) const {
  size_t Mask = Slots.size() - 1;
  auto High = static_cast<uint32_t>(Hash >> 32);
  for (size_t I = Hash & Mask;; I = (I + 1) & Mask) {
    const Slot &S = Slots[I];
    if (S.Index == 0 ||
        (S.Hash == High && textOf(Entries[S.Index - 1]) == Token))
      return I;
  }
}

void Vocabulary::add(std::string_view Token, TokenId Id) {
  if (2 * (Entries.size() + 1) > Slots.size())
    reserve(2 * Entries.size() + 8, Bytes.capacity());
  uint64_t Hash = hashOf(Token);
  Slot &S = Slots[slotOf(Token, Hash)];
  if (S.Index == 0) {
    Entries.push_back({Bytes.size(), static_cast<uint32_t>(Token.size()), Id});
    Bytes += Token;
    S = {static_cast<uint32_t>(Hash >> 32),
         static_cast<uint32_t>(Entries.size())};
  } else {
    Entries[S.Index - 1].Id = Id;
  }
  if (Id >= ById.size())
    ById.resize(size_t(Id) + 1);
  ById[Id] = S.Index;
}

TokenId Vocabulary::find(std::string_view Token) const {
  if (Slots.empty())
    return NoToken;
  const Slot &S = Slots[slotOf(Token, hashOf(Token))];
  return S.Index == 0 ? NoToken : Entries[S.Index - 1].Id;
}

void Vocabulary::findMany(std::span<const std::string_view> Tokens,
                          std::span<TokenId> Ids) const {
  constexpr size_t Block = 64;
  for (size_t Begin = 0; Begin < Tokens.size() && !Slots.empty();
       Begin += Block) {
    size_t Count = std::min(Block, Tokens.size() - Begin);
    // The places where each search begins, then what lies there.
    size_t Places[Block];
    for (size_t I = 0; I != Count; ++I) {
      Places[I] = hashOf(Tokens[Begin + I]) & (Slots.size() - 1);
      __builtin_prefetch(&Slots[Places[I]]);
    }
    for (size_t I = 0; I != Count; ++I)
      if (uint32_t Index = Slots[Places[I]].Index)
        __builtin_prefetch(&Entries[Index - 1]);
    for (size_t I = 0; I != Count; ++I)
      if (uint32_t Index = Slots[Places[I]].Index)
        __builtin_prefetch(Bytes.data() + Entries[Index - 1].Offset);
    for (size_t I = 0; I != Count; ++I)
      Ids[Begin + I] = find(Tokens[Begin + I]);
  }
}

std::optional<std::string_view> Vocabulary::tokenOf(TokenId Id) const {
  if (Id >= ById.size() || ById[Id] == 0)
    return std::nullopt;
  return textOf(Entries[ById[Id] - 1]);
}

Trie::Trie(std::vector<Word> Words) {
  std::erase_if(Words, [](const Word &W) { return W.Text.empty(); });
  // By text, and as they came. Most differ in their first eight bytes.
  struct Key {
    uint64_t Head;
    size_t Index;
  };
  std::vector<Key> Order;
  Order.reserve(Words.size());
  for (const Word &W : Words) {
    uint64_t Head = 0;
    for (size_t I = 0; I != 8; ++I)
      Head = Head << 8 |
             (I < W.Text.size() ? static_cast<unsigned char>(W.Text[I]) : 0);
    Order.push_back({Head, Order.size()});
  }
  std::sort(Order.begin(), Order.end(), [&](const Key &A, const Key &B) {
    if (A.Head != B.Head)
      return A.Head < B.Head;
    int Compared = Words[A.Index].Text.compare(Words[B.Index].Text);
    return Compared != 0 ? Compared < 0 : A.Index < B.Index;
  });
  std::vector<Word> Sorted;
  Sorted.reserve(Words.size());
  for (const Key &Each : Order)
    Sorted.push_back(Words[Each.Index]);
  Words = std::move(Sorted);
  // A node and the words below it, which lie side by side.
  struct Range {
    size_t Begin, End, Depth;
  };
  std::vector<Range> Ranges{{0, Words.size(), 0}};
  Nodes.emplace_back();
  Labels.push_back(0);
  for (size_t Node = 0; Node != Nodes.size(); ++Node) {
    Range R = Ranges[Node];
    while (R.Begin != R.End && Words[R.Begin].Text.size() == R.Depth)
      Nodes[Node].Value = Words[R.Begin++].Value;
    Nodes[Node].Child = static_cast<uint32_t>(Nodes.size());
    while (R.Begin != R.End) {
      char Label = Words[R.Begin].Text[R.Depth];
      size_t End = R.Begin;
      while (End != R.End && Words[End].Text[R.Depth] == Label)
        ++End;
      if (Node == 0)
        Roots[static_cast<unsigned char>(Label)] =
            static_cast<uint32_t>(Nodes.size());
      ++Nodes[Node].Count;
      Nodes.emplace_back();
      Labels.push_back(Label);
      Ranges.push_back({R.Begin, End, R.Depth + 1});
      R.Begin = End;
    }
  }
}
