// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What was said so far, as the text that a model was trained on.
//
// Included by who talks with a model. JSON stays in the source.
#ifndef DURE_RUNTIME_LLM_CONVERSATION_H
#define DURE_RUNTIME_LLM_CONVERSATION_H

#include "runtime/base/Status.h"
#include "runtime/text/ChatTemplate.h"

#include <span>
#include <string>

namespace dure {

struct ChatMessage {
  std::string Role; // "system", "user", "assistant"
  std::string Content;
};

/// The prompt that asks for an answer to the last of `Messages`. Fails where
/// the template refuses them.
Result<std::string> renderConversation(const ChatTemplate &Form,
                                       std::span<const ChatMessage> Messages);

} // namespace dure

#endif // DURE_RUNTIME_LLM_CONVERSATION_H
