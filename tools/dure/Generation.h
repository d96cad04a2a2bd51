// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One prompt and its answer, shown as it comes.
//
// Included by generate and chat.
#ifndef DURE_TOOLS_DURE_GENERATION_H
#define DURE_TOOLS_DURE_GENERATION_H

#include "tools/dure/LanguageModel.h"

#include <string>
#include <vector>

namespace dure {

struct Generation {
  std::vector<int64_t> Prompt;
  /// Of the prompt, that were in the context already.
  size_t Kept = 0;
  double PromptSeconds = 0;
  AnswerOptions Asked;
  AnswerResult Answer;
  /// Seconds that a simulated chip would have taken, in the order of the above.
  double PromptSimulated = 0, AnswerSimulated = 0;
  std::string Text;                    // of the answer
  std::vector<TokenLogProbs> LogProbs; // by token, if asked for
};

/// Runs what the model's context lacks of G.Prompt, then answers. With `Shows`
/// the answer goes to stdout as it comes: text, or the tokens' numbers where
/// the package has no tokenizer. False, having said why, when that fails; an
/// answer that was stopped is none of these.
bool generate(const Console &Out, const LanguageModel &Model, bool Shows,
              Generation &G);

/// Speed, memory and why it ended, a line each.
std::string describeGeneration(const Console &Out, const LanguageModel &Model,
                               const Generation &G);

/// "end_token", ...: for JSON.
const char *endName(AnswerEnd End);

/// Of a step of the answer, with everything that belongs to it; 0 where there
/// was none.
double stepSeconds(const AnswerResult &A);
/// The same by a simulated chip's clock.
double simulatedStepSeconds(const Generation &G);

} // namespace dure

#endif // DURE_TOOLS_DURE_GENERATION_H
