// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text to token ids and back, as a tokenizer.json says.
//
// Included by whatever feeds text to a model or shows what it says. Depends on
// runtime/base; what reads JSON, regular expressions and Unicode tables stays
// in the sources. The reference for every rule is Hugging Face's `tokenizers`
// library: the same file gives the same ids and the same text. Where it differs
// is said in runtime/text/README.md.
//
// A file is hostile input: what it names and this library does not know is
// refused, all of it at once; sizes are bounded; text of any length and bytes
// of any value are taken in time proportional to their length.
#ifndef DURE_RUNTIME_TEXT_TOKENIZER_H
#define DURE_RUNTIME_TEXT_TOKENIZER_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

using TokenId = uint32_t;

namespace text {
struct TokenizerData;
class DecodeChain;
} // namespace text

/// The tokens that a model's files give a role.
enum class TokenRole {
  Begin,    // bos_token
  End,      // eos_token
  Unknown,  // unk_token
  Padding,  // pad_token
  Separate, // sep_token
  Classify, // cls_token
  Mask,     // mask_token
};

/// A tokenizer. Cheap to copy: copies share what was read. Every function may
/// be called from several threads at once.
class Tokenizer {
public:
  /// Reads the text of a tokenizer.json and, for the tokens with a role and
  /// others that the first lacks, that of the tokenizer_config.json beside it,
  /// as transformers does; empty where there is none.
  /// Truncation and padding that the file asks for are left to the caller.
  static Result<Tokenizer> read(std::string_view TokenizerJson,
                                std::string_view ConfigJson = {});

  /// The ids of TEXT; bytes that are not UTF-8 count as U+FFFD, one for each
  /// longest piece of a character. ADDSPECIALTOKENS puts the tokens around it
  /// that the file's post-processor names. Special tokens that stand in TEXT
  /// are read as such. Fails where the vocabulary lacks a character and has no
  /// token for what it lacks, and where a regular expression of the file takes
  /// unreasonably long.
  Result<std::vector<TokenId>> encode(std::string_view Text,
                                      bool AddSpecialTokens = true) const;

  /// The text of IDS, always valid UTF-8. Ids that no token has are left out;
  /// special tokens are, too, if SKIPSPECIALTOKENS.
  Result<std::string> decode(std::span<const TokenId> Ids,
                             bool SkipSpecialTokens = true) const;

  /// One more than the largest id; there may be ids below without a token.
  size_t size() const;

  /// The token of an id as the vocabulary writes it ("Ġhello"), and the id of
  /// a token written so. The view lives as long as any copy of the tokenizer.
  std::optional<std::string_view> tokenOf(TokenId Id) const;
  std::optional<TokenId> idOf(std::string_view Token) const;

  /// Whether decoding with SkipSpecialTokens leaves the token out.
  bool isSpecial(TokenId Id) const;
  /// The ids of all special tokens, ascending.
  const std::vector<TokenId> &specialTokens() const;
  /// The token with a role, if the tokenizer_config.json names one.
  std::optional<TokenId> role(TokenRole Role) const;

private:
  friend class DecodeStream;
  explicit Tokenizer(std::shared_ptr<const text::TokenizerData> Data)
      : Data(std::move(Data)) {}

  std::shared_ptr<const text::TokenizerData> Data;
};

/// Decodes ids as they arrive. What push() and finish() return, put together,
/// is what Tokenizer::decode returns for all the ids; and every piece ends
/// where a character does as a reader sees it: bytes, jamo, combining marks
/// and emoji joined to what follows are held back until it is known that
/// nothing more belongs to them. Only a character of more than a kibibyte is
/// cut (between code points). Not for several threads at once.
class DecodeStream {
public:
  explicit DecodeStream(const Tokenizer &Source, bool SkipSpecialTokens = true);
  DecodeStream(DecodeStream &&) noexcept;
  DecodeStream &operator=(DecodeStream &&) noexcept;
  ~DecodeStream();

  /// The text that ID makes certain; often empty.
  Result<std::string> push(TokenId Id);
  /// What was held back. The stream then begins anew.
  Result<std::string> finish();

private:
  std::string takeCertain();

  Tokenizer Source;
  bool SkipSpecialTokens;
  std::unique_ptr<text::DecodeChain> Chain;
  /// Decoded and not returned yet.
  std::string Held;
};

} // namespace dure

#endif // DURE_RUNTIME_TEXT_TOKENIZER_H
