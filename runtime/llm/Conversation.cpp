// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages as the template's JSON.
#include "runtime/llm/Conversation.h"

#include <nlohmann/json.hpp>

using namespace dure;

Result<std::string>
dure::renderConversation(const ChatTemplate &Form,
                         std::span<const ChatMessage> Messages) {
  nlohmann::ordered_json List = nlohmann::ordered_json::array();
  for (const ChatMessage &Each : Messages)
    List.push_back({{"role", Each.Role}, {"content", Each.Content}});
  ChatRequest Request;
  Request.Messages = &List;
  Request.AddGenerationPrompt = true;
  return Form.render(Request);
}
