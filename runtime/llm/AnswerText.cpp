// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Decoding an answer behind its prompt.
#include "runtime/llm/AnswerText.h"

#include <algorithm>
#include <limits>
#include <string_view>

using namespace dure;

namespace {

/// Enough of the prompt to know how its end joins what follows: a tokenizer may
/// write a word at the start of a text without the space before it.
constexpr size_t PromptTokens = 16;

/// What stands for bytes that are no character, such as half of one.
constexpr std::string_view Replacement = "\xEF\xBF\xBD";

/// An id that the tokenizer may have; others are left out of the text.
TokenId idOf(int64_t Token) {
  constexpr int64_t Most = std::numeric_limits<TokenId>::max();
  return static_cast<TokenId>(Token < 0 || Token > Most ? Most : Token);
}

} // namespace

Result<AnswerText> AnswerText::create(const Tokenizer &Source,
                                      std::span<const int64_t> Prompt) {
  std::vector<TokenId> Ids;
  for (int64_t Token : Prompt.last(std::min(Prompt.size(), PromptTokens)))
    Ids.push_back(idOf(Token));
  Result<std::string> Text = Source.decode(Ids);
  if (!Text)
    return Text.status();
  AnswerText Made(Source);
  Made.PromptBytes = Text->size();
  for (TokenId Id : Ids) {
    Result<std::string> Piece = Made.Stream.push(Id);
    if (!Piece)
      return Piece.status();
    (void)Made.withoutPrompt(Piece.take());
  }
  return Made;
}

Result<std::string> AnswerText::push(int64_t Token) {
  Result<std::string> Piece = Stream.push(idOf(Token));
  return Piece ? Result<std::string>(withoutPrompt(Piece.take())) : Piece;
}

Result<std::string> AnswerText::finish() {
  Result<std::string> Piece = Stream.finish();
  if (!Piece)
    return Piece;
  std::string Text = withoutPrompt(Piece.take());
  while (Text.ends_with(Replacement))
    Text.resize(Text.size() - Replacement.size());
  return Text;
}

std::string AnswerText::withoutPrompt(std::string Text) {
  size_t Skipped = std::min(PromptBytes, Text.size());
  PromptBytes -= Skipped;
  // A prompt that ended within a character had another length by itself.
  while (Skipped != 0 && Skipped < Text.size() &&
         (static_cast<unsigned char>(Text[Skipped]) & 0xC0) == 0x80)
    ++Skipped;
  return Text.substr(Skipped);
}
