// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tokens that a file puts around a text.
//
// Included inside runtime/text only.
#ifndef DURE_RUNTIME_TEXT_POSTPROCESSOR_H
#define DURE_RUNTIME_TEXT_POSTPROCESSOR_H

#include "runtime/text/Component.h"
#include "runtime/text/Vocabulary.h"

namespace dure::text {

/// What an encoded text becomes: ids, and NoToken where the text itself stands.
/// All post-processors of a file are worked out once, when it is read.
struct Frame {
  std::vector<TokenId> WithSpecial{NoToken};
  std::vector<TokenId> WithoutSpecial{NoToken};
};

/// Reads the field "post_processor".
Frame readPostProcessor(const JsonValue &Value, Refusals &Problems);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_POSTPROCESSOR_H
