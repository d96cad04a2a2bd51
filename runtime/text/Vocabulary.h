// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokens by their text and by their id, and all tokens that begin a text.
//
// Included inside runtime/text only.
#ifndef DURE_RUNTIME_TEXT_VOCABULARY_H
#define DURE_RUNTIME_TEXT_VOCABULARY_H

#include "runtime/text/Tokenizer.h"

#include <array>
#include <cstring>

namespace dure::text {

inline constexpr TokenId NoToken = ~TokenId(0);

/// A hash that nobody outside the process can make collide.
uint64_t hashOf(std::string_view Text);
uint64_t hashOf(uint64_t Number);

/// A map from the text of tokens to ids and back. Ids may have gaps, within
/// bounds.
class Vocabulary {
public:
  /// Ids must be below this for COUNT tokens: the way back is a table.
  static uint64_t idLimit(size_t Count) { return (1u << 22) + 4 * Count; }

  void reserve(size_t Tokens, size_t Bytes);
  /// A token that is there already gets the new id. ID is below idLimit().
  void add(std::string_view Token, TokenId Id);

  /// The id of a token, or NoToken.
  TokenId find(std::string_view Token) const;
  /// The same for many at once, which waits for memory once rather than for
  /// each of them.
  void findMany(std::span<const std::string_view> Tokens,
                std::span<TokenId> Ids) const;
  std::optional<std::string_view> tokenOf(TokenId Id) const;

  /// Different tokens.
  size_t count() const { return Entries.size(); }
  /// One more than the largest id.
  size_t idEnd() const { return ById.size(); }
  /// Calls VISIT(token, id) for all, in the order in which they came.
  template <typename F> void forEach(F Visit) const {
    for (const Entry &E : Entries)
      Visit(textOf(E), E.Id);
  }

private:
  struct Entry {
    uint64_t Offset;
    uint32_t Length;
    TokenId Id;
  };
  struct Slot {
    uint32_t Hash = 0;
    uint32_t Index = 0; // of an entry, plus 1; 0 is free
  };

  std::string_view textOf(const Entry &E) const {
    return std::string_view(Bytes).substr(E.Offset, E.Length);
  }
  /// The slot of a token, or the free one where it belongs.
  size_t slotOf(std::string_view Token, uint64_t Hash) const;

  std::string Bytes;
  std::vector<Entry> Entries;
  std::vector<Slot> Slots;
  std::vector<uint32_t> ById; // an entry, plus 1
};

/// All tokens that a text begins with, shortest first, in time that grows with
/// the longest of them.
class Trie {
public:
  struct Word {
    std::string_view Text;
    uint32_t Value;
  };

  Trie() = default;
  /// Of two words with the same text the last counts. Empty ones are left out.
  explicit Trie(std::vector<Word> Words);

  /// Calls VISIT(length, value) for each word that TEXT begins with.
  template <typename F>
  void forEachPrefix(std::string_view Text, F Visit) const {
    if (Text.empty())
      return;
    uint32_t Node = Roots[static_cast<unsigned char>(Text[0])];
    for (size_t Length = 1; Node != 0; ++Length) {
      const TrieNode &N = Nodes[Node];
      if (N.Value != None)
        Visit(Length, N.Value);
      if (Length == Text.size() || N.Count == 0)
        return;
      const char *First = Labels.data() + N.Child;
      const void *Found =
          std::memchr(First, static_cast<unsigned char>(Text[Length]), N.Count);
      if (!Found)
        return;
      Node = N.Child +
             static_cast<uint32_t>(static_cast<const char *>(Found) - First);
    }
  }

  /// Whether a word begins with BYTE.
  bool begins(char Byte) const {
    return Roots[static_cast<unsigned char>(Byte)] != 0;
  }
  bool empty() const { return Nodes.size() < 2; }

private:
  static constexpr uint32_t None = ~uint32_t(0);
  /// The children of a node lie side by side, their labels in Labels.
  struct TrieNode {
    uint32_t Child = 0;
    uint16_t Count = 0;
    uint32_t Value = None;
  };

  std::array<uint32_t, 256> Roots{};
  std::vector<TrieNode> Nodes;
  std::vector<char> Labels;
};

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_VOCABULARY_H
