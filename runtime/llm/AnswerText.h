// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text of an answer, token by token, as it goes on from its prompt.
//
// Included by who shows an answer as it is made. Needs runtime/text.
#ifndef DURE_RUNTIME_LLM_ANSWERTEXT_H
#define DURE_RUNTIME_LLM_ANSWERTEXT_H

#include "runtime/text/Tokenizer.h"

#include <cstdint>
#include <span>

namespace dure {

class AnswerText {
public:
  /// Fails as decoding the prompt does.
  static Result<AnswerText> create(const Tokenizer &Source,
                                   std::span<const int64_t> Prompt);

  /// The text that a token makes certain: whole characters, special tokens left
  /// out.
  Result<std::string> push(int64_t Token);
  /// What was held back, but for a character that the tokens do not complete.
  Result<std::string> finish();

private:
  explicit AnswerText(const Tokenizer &Source) : Stream(Source) {}
  std::string withoutPrompt(std::string Text);

  DecodeStream Stream;
  size_t PromptBytes = 0; // of the stream's text that are the prompt's
};

} // namespace dure

#endif // DURE_RUNTIME_LLM_ANSWERTEXT_H
