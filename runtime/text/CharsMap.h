// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A SentencePiece normalization rule set ("precompiled_charsmap").
//
// Included inside runtime/text only.
#ifndef DURE_RUNTIME_TEXT_CHARSMAP_H
#define DURE_RUNTIME_TEXT_CHARSMAP_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure::text {

/// A map from short texts to what replaces them: a double array (Darts) of
/// keys, and the replacements, each ended by a NUL.
class CharsMap {
public:
  static Result<CharsMap> read(std::string_view Base64);

  /// What replaces the shortest key that TEXT begins with.
  std::optional<std::string_view> find(std::string_view Text) const;

private:
  std::vector<uint32_t> Units;
  std::string Replacements;
};

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_CHARSMAP_H
