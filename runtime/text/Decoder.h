// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From tokens to text, token by token.
//
// Included inside runtime/text only. A decoder of a file is a rule, read once;
// for each text that is decoded it makes a step with the state of that text.
// Steps hand on fragments as early as they can, so that decoding a stream and
// decoding a whole are the same code.
#ifndef DURE_RUNTIME_TEXT_DECODER_H
#define DURE_RUNTIME_TEXT_DECODER_H

#include "runtime/text/Component.h"

#include <memory>

namespace dure::text {

/// Takes tokens in fragments.
class DecodeStep {
public:
  virtual ~DecodeStep() = default;
  /// A fragment of the current token; ENDSTOKEN if it is the last of it.
  virtual Status take(std::string_view Text, bool EndsToken) = 0;
  /// No more tokens.
  virtual Status end() = 0;
};

class Decoder {
public:
  virtual ~Decoder() = default;
  /// A step for one text that hands on to NEXT, which outlives it.
  virtual std::unique_ptr<DecodeStep> start(DecodeStep &Next) const = 0;
};

using Decoders = std::vector<std::unique_ptr<Decoder>>;

/// Reads the field "decoder", sequences laid out flat.
void readDecoder(const JsonValue &Value, const std::string &Place,
                 Refusals &Problems, Decoders &To);

/// The steps of one text, first to last.
class DecodeChain {
public:
  /// Without rules, tokens are put together with spaces between them.
  explicit DecodeChain(const Decoders *Rules);
  DecodeChain(const DecodeChain &) = delete;
  DecodeChain &operator=(const DecodeChain &) = delete;

  Status token(std::string_view Text) { return First->take(Text, true); }
  Status end() { return First->end(); }

  /// What came out and was not taken away.
  std::string Out;

private:
  std::unique_ptr<DecodeStep> Last;
  std::vector<std::unique_ptr<DecodeStep>> Steps; // last to first
  DecodeStep *First;
};

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_DECODER_H
