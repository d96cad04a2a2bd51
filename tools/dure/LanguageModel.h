// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A package as a language model: its generator, and what its files say.
//
// Included by the commands that work on text.
#ifndef DURE_TOOLS_DURE_LANGUAGEMODEL_H
#define DURE_TOOLS_DURE_LANGUAGEMODEL_H

#include "runtime/llm/Answer.h"
#include "runtime/llm/Conversation.h"
#include "runtime/llm/GenerationConfig.h"
#include "runtime/text/Tokenizer.h"
#include "tools/dure/Commands.h"

#include <memory>
#include <optional>
#include <string>

namespace dure {

/// Says what a status of the runtime says, in the user's language. Returns
/// ExitFailed.
int fail(const Console &Out, const Status &Why);

/// For generators and embedders: lets Ctrl-C cancel the call that runs.
void interruptible(dure_call *Call);

class LanguageModel {
public:
  /// Opens what the user named. Nothing, having said why and set `Exit`, when
  /// that fails.
  static std::optional<LanguageModel> open(const Console &Out, const Options &O,
                                           int &Exit);

  /// A file that the package carries; empty where it does not.
  std::string_view asset(const char *Name) const;

  /// Null where the package has none.
  const Tokenizer *tokenizer() const { return Words ? &*Words : nullptr; }
  /// The tokens of a text; `Whole`: with those that stand around a text of its
  /// own. Nothing, having said why, where that fails.
  std::optional<std::vector<int64_t>>
  encode(const Console &Out, std::string_view Text, bool Whole) const;

  /// Reads the chat template. False, having said why, when there is none.
  bool openTemplate(const Console &Out);
  /// The prompt that asks for an answer to the last message, by the template,
  /// which was opened.
  std::optional<std::vector<int64_t>>
  encodeChat(const Console &Out, std::span<const ChatMessage> Messages) const;

  /// Makes the generator, for at least `Needed` positions unless the user or
  /// the model say otherwise. False, having said why, when that fails.
  bool createGenerator(const Console &Out, const Options &O, int64_t Needed);
  Generator &generator() const { return *Model; }

  const LoadedPackage &package() const { return *Package; }
  const GenerationConfig &config() const { return Config; }
  /// What the user asks for, completed by what the model's files say. Nothing,
  /// having said why, when an option is out of range.
  std::optional<AnswerOptions> answerOptions(const Console &Out,
                                             const Options &O) const;
  /// Bytes of weights that the session holds.
  uint64_t weightBytes() const;

private:
  LanguageModel() = default;

  // The generator goes before the package.
  std::optional<LoadedPackage> Package;
  GenerationConfig Config;
  std::optional<Tokenizer> Words;
  std::optional<ChatTemplate> Form;
  std::unique_ptr<Generator> Model;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_LANGUAGEMODEL_H
