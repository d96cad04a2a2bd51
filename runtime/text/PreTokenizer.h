// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a normalized text is cut into the pieces that the model sees.
//
// Included inside runtime/text only. Objects are read once and const after.
#ifndef DURE_RUNTIME_TEXT_PRETOKENIZER_H
#define DURE_RUNTIME_TEXT_PRETOKENIZER_H

#include "runtime/text/Component.h"

#include <functional>
#include <memory>

namespace dure::text {

/// Pieces of one text, in order. Steps cut them further, drop some, or write
/// the text anew.
struct Pieces {
  struct Range {
    size_t Begin = 0, End = 0;
    /// Bytes from Begin on that come from the first character of all.
    size_t FirstBytes = 0;
  };

  std::string Bytes;
  std::vector<Range> List;

  std::string_view text(const Range &Piece) const {
    return std::string_view(Bytes).substr(Piece.Begin, Piece.End - Piece.Begin);
  }
};

class PreTokenizer {
public:
  virtual ~PreTokenizer() = default;
  virtual Status apply(Pieces &All) const = 0;
  /// Whether the last thing done is to put a character for each byte, and
  /// leaving that out.
  virtual bool endsInByteCharacters() const { return false; }
  virtual void dropByteCharacters() {}
};

/// Reads the field "pre_tokenizer"; null where it names none or was refused.
std::unique_ptr<PreTokenizer> readPreTokenizer(const JsonValue &Value,
                                               const std::string &Place,
                                               Refusals &Problems);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_PRETOKENIZER_H
