// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tokens of a GGUF file, and what the file says of them.
//
// Private to GgufTokenizer.cpp and its neighbours.
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUFVOCABULARY_H
#define DURE_FRONTENDS_CHECKPOINT_GGUFVOCABULARY_H

#include "frontends/checkpoint/Gguf.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dure::checkpoint {

/// The numbers are the file's.
enum class TokenKind : int64_t {
  Undefined = 0,
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6,
};

/// "tokenizer.ggml.model", where Dure knows it.
enum class VocabularyModel {
  ByteLevel,     ///< "gpt2": byte-pair encoding of bytes spelled as letters.
  SentencePiece, ///< "llama": byte-pair encoding by scores, unknown bytes.
  Unigram,       ///< "t5"
  WordPiece,     ///< "bert"
};

struct Vocabulary {
  VocabularyModel Model = VocabularyModel::ByteLevel;
  std::vector<std::string> Tokens; ///< By id; no two alike, none empty.
  std::vector<TokenKind> Kinds;    ///< By id.
  std::vector<double> Scores;      ///< By id; empty when the file has none.
  std::unordered_map<std::string_view, int64_t> Ids;
  std::optional<int64_t> Bos, Eos, Unknown, Pad, Separator, Cls, Mask;

  std::optional<int64_t> find(std::string_view Token) const {
    auto It = Ids.find(Token);
    return It == Ids.end() ? std::nullopt : std::optional(It->second);
  }
};

/// Nothing, with a refusal, when the vocabulary is not sound; nothing without
/// one when the file has no vocabulary.
std::optional<Vocabulary> readVocabulary(const GgufFile &File,
                                         Refusals &Problems);

/// A pair of tokens that becomes one.
using Merge = std::pair<std::string_view, std::string_view>;

/// The merges in order of rank: those of the file, each of which must make a
/// token, or those that the scores of a SentencePiece vocabulary imply. They
/// point into `V` and the file. Nothing when refused.
std::optional<std::vector<Merge>>
mergesOf(const GgufFile &File, const Vocabulary &V, Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUFVOCABULARY_H
