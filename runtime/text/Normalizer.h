// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is done to a text before it is cut up.
//
// Included inside runtime/text only. Objects are read once and const after.
#ifndef DURE_RUNTIME_TEXT_NORMALIZER_H
#define DURE_RUNTIME_TEXT_NORMALIZER_H

#include "runtime/text/Component.h"

#include <memory>

namespace dure::text {

/// A text on its way, valid UTF-8, and how much of its beginning comes from the
/// first character of the whole text: Metaspace's scheme "first" asks whether a
/// piece begins there.
struct NormalizedText {
  std::string Bytes;
  size_t FirstBytes = 0;
  /// Rules that make more bytes of the text are hostile.
  size_t MaxBytes = maxBytesFrom(0);

  static size_t maxBytesFrom(size_t Bytes) {
    return (size_t(1) << 20) + 64 * Bytes;
  }
};

/// The failure of a text that rules make too long.
Status growsTooLong();

class Normalizer {
public:
  virtual ~Normalizer() = default;
  virtual Status apply(NormalizedText &Text) const = 0;
};

/// Reads the field "normalizer"; null where it names none or was refused.
std::unique_ptr<Normalizer> readNormalizer(const JsonValue &Value,
                                           const std::string &Place,
                                           Refusals &Problems);

/// The character that stands for a byte in byte-level vocabularies (GPT-2), as
/// UTF-8.
const std::string &characterOfByte(unsigned char Byte);
/// The byte that a character stands for, or -1.
int byteOfCharacter(char32_t Character);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_NORMALIZER_H
