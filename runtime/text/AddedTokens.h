// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokens beside the model's vocabulary, found in a text before all else.
//
// Included inside runtime/text only. Filled once and const after.
#ifndef DURE_RUNTIME_TEXT_ADDEDTOKENS_H
#define DURE_RUNTIME_TEXT_ADDEDTOKENS_H

#include "runtime/text/Model.h"
#include "runtime/text/Normalizer.h"

#include <unordered_map>

namespace dure::text {

struct AddedToken {
  std::string Content;
  /// What it looks like in a normalized text, where that is looked for.
  std::string Pattern;
  TokenId Id = 0;
  bool IsSingleWord = false;   // not within a word
  bool TakesSpaceLeft = false; // lstrip
  bool TakesSpaceRight = false;
  bool IsNormalized = false; // looked for in the normalized text
  bool IsSpecial = false;

  bool operator==(const AddedToken &) const = default;
};

/// A part of a text: a token, or what is between two.
struct Section {
  size_t Begin, End;
  TokenId Id; // NoToken between tokens
};

class AddedTokens {
public:
  /// Reads the field "added_tokens" of a tokenizer.json, and what the
  /// tokenizer_config.json beside it (null: none) has besides: the tokens of
  /// "added_tokens_decoder", and those with a role. A token that the model has
  /// keeps its id, the others follow behind; what the files say of ids gives
  /// the second file's tokens their order and does not count otherwise.
  static AddedTokens read(const JsonValue *Value, const JsonValue &Config,
                          const Model &Words, const Normalizer *Rules,
                          Refusals &Problems);

  /// Cuts TEXT at the tokens of one of the two kinds.
  void cut(std::string_view Text, bool IsNormalized,
           std::vector<Section> &Sections) const;

  /// The token with an id as decoding sees it, or null.
  const AddedToken *find(TokenId Id) const;
  const AddedToken *find(std::string_view Content) const;
  const std::vector<AddedToken> &all() const { return List; }
  /// Whether decoding drops what reads like a special token.
  bool isSpecialText(std::string_view Text) const;

private:
  void add(AddedToken Token, const Model &Words, TokenId &NextId);
  void makeTries();

  /// Never grows beyond what was reserved: the maps hold views of it.
  std::vector<AddedToken> List;
  std::unordered_map<TokenId, size_t> ById;
  std::unordered_map<std::string_view, size_t> ByContent;
  Trie Plain, Normalized;
};

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_ADDEDTOKENS_H
