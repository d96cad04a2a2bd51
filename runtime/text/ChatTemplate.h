// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A conversation as the text that a model was trained on.
//
// Models bring their format as a Jinja template: in tokenizer_config.json, in
// chat_template.jinja beside it, or in the metadata of a GGUF file. What a
// template sees is what transformers' apply_chat_template shows it.
//
// Included by whatever talks to a language model. Depends on runtime/base and
// on the forward declarations of nlohmann-json; no exception but out of memory
// leaves.
#ifndef DURE_RUNTIME_TEXT_CHATTEMPLATE_H
#define DURE_RUNTIME_TEXT_CHATTEMPLATE_H

#include "runtime/text/jinja/Template.h"

#include <map>
#include <vector>

namespace dure {

/// The names of special tokens that templates use, such as "bos_token", and
/// their texts.
using SpecialTokens = std::map<std::string, std::string>;

/// A template and its name; "default" if it has none.
struct NamedTemplate {
  std::string Name = "default";
  std::string Source;
};

/// What is rendered. The JSON belongs to the caller.
struct ChatRequest {
  /// An array of objects, such as {"role": "user", "content": "..."}. Required.
  const nlohmann::ordered_json *Messages = nullptr;
  /// An array of JSON schemas of functions; null if there are none.
  const nlohmann::ordered_json *Tools = nullptr;
  /// An array of objects; null if there are none.
  const nlohmann::ordered_json *Documents = nullptr;
  /// An object with further variables, such as {"enable_thinking": false}. They
  /// go before special tokens. May be null.
  const nlohmann::ordered_json *Extra = nullptr;
  /// Ends the text where the model's answer begins.
  bool AddGenerationPrompt = false;
  /// Which of several templates; empty to choose: "tool_use" if there are
  /// tools and such a template, else "default".
  std::string Name;
};

/// The chat templates of one model. Immutable; several threads may use it.
class ChatTemplate {
public:
  /// Fails with NotFound if there is no template. One that is wrong fails when
  /// it is used: a model may have others.
  static Result<ChatTemplate> create(std::vector<NamedTemplate> Templates,
                                     SpecialTokens Tokens);

  /// From the text of tokenizer_config.json, and that of chat_template.jinja,
  /// which goes before it, if there is one.
  static Result<ChatTemplate>
  fromConfig(std::string_view TokenizerConfig,
             std::optional<std::string_view> JinjaFile = std::nullopt);

  /// Fails with InvalidArgument for messages that are none or that the template
  /// refuses, with ResourceExhausted at a limit. `Now`, if given, is the time
  /// that the template sees.
  Result<std::string> render(const ChatRequest &Request,
                             const RenderLimits &Limits = {},
                             std::optional<std::tm> Now = std::nullopt) const;

  /// In the order in which they were given.
  std::vector<std::string> names() const;

private:
  struct Entry {
    std::string Name;
    Result<jinja::Template> Parsed;
  };

  ChatTemplate() = default;
  Result<const Entry *> choose(const ChatRequest &Request) const;

  std::vector<Entry> Entries;
  SpecialTokens Tokens;
};

} // namespace dure

#endif // DURE_RUNTIME_TEXT_CHATTEMPLATE_H
