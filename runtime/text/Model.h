// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From pieces of text to ids: the four kinds of models.
//
// Included inside runtime/text only. Objects are read once and const after.
#ifndef DURE_RUNTIME_TEXT_MODEL_H
#define DURE_RUNTIME_TEXT_MODEL_H

#include "runtime/text/Component.h"
#include "runtime/text/Vocabulary.h"

#include <memory>

namespace dure::text {

/// Memory that encoding takes again and again. One for each call of encode.
struct Scratch {
  std::vector<TokenId> Symbols;
  std::vector<uint32_t> Places; // where each symbol begins in the piece
  std::vector<uint64_t> Ranks;
  std::vector<uint64_t> Heap;
  std::vector<int32_t> Next, Previous;
  std::vector<double> Scores;
  std::string Text;
};

class Model {
public:
  virtual ~Model() = default;

  /// Appends the ids of PIECE, which is not empty.
  virtual Status encode(std::string_view Piece, Scratch &Memory,
                        std::vector<TokenId> &Ids) const = 0;

  /// From now on a piece's bytes stand for the characters of a byte-level
  /// vocabulary, as if each had been replaced by its own. False where the model
  /// cannot do that; the replacing must then be done.
  virtual bool takeRawBytes() { return false; }

  const Vocabulary &vocabulary() const { return Words; }
  /// How many tokens the file lists, which decides about the ids of tokens that
  /// are added.
  virtual size_t listed() const { return Words.count(); }

protected:
  Vocabulary Words;
};

/// Reads the field "model" with its tables; null if it was refused.
std::unique_ptr<Model> readModel(const JsonValue &Value,
                                 const ModelTables &Tables, Refusals &Problems);

// One for each type, for readModel alone. The vocabulary is filled already.
std::unique_ptr<Model> readBpe(Component &Part, const ModelTables &Tables,
                               Vocabulary Words);
std::unique_ptr<Model> readUnigram(Component &Part, const ModelTables &Tables,
                                   Vocabulary Words);
std::unique_ptr<Model> readWordPiece(Component &Part, Vocabulary Words);
std::unique_ptr<Model> readWordLevel(Component &Part, Vocabulary Words);

/// The token that stands for a byte where a vocabulary has such: "<0x0A>".
std::string byteFallbackToken(unsigned char Byte);

/// The failure of a text that has what the vocabulary lacks.
Status missingUnknown(std::string_view Token);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_MODEL_H
