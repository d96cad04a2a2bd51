// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop of generation: sample, show, feed back, until something ends it.
//
// Included by who generates text. Knows tokens; text comes from the caller's
// decoder.
#ifndef DURE_RUNTIME_LLM_ANSWER_H
#define DURE_RUNTIME_LLM_ANSWER_H

#include "runtime/llm/Generator.h"
#include "runtime/llm/Sampler.h"

#include <functional>
#include <string>
#include <vector>

namespace dure {

/// Why an answer ended.
enum class AnswerEnd {
  EndToken,    // one of EndTokens came
  StopString,  // one of Stop came
  MaxTokens,   // there are as many as were wanted
  ContextFull, // the context has no place for more
  Cancelled,   // the caller did not want more, or cancelled the call
};

struct AnswerOptions {
  SamplingOptions Sampling;
  int64_t MaxTokens = 0;
  std::vector<int64_t> EndTokens; // ascending
  std::vector<std::string> Stop;
  /// How many of the most probable tokens are told for each; -1: not even the
  /// chosen one's.
  int64_t LogProbs = -1;
};

struct AnswerCallbacks {
  /// The text that a token of the answer makes certain, and what is left when
  /// the answer has ended. Without them there is no text, and Stop ends
  /// nothing.
  std::function<Result<std::string>(int64_t Token)> Decode;
  std::function<Result<std::string>()> DecodeRest;
  /// A token of the answer; LogProbs is NULL where none are wanted. False ends
  /// the answer.
  std::function<bool(int64_t Token, const TokenLogProbs *LogProbs)> OnToken;
  /// A piece of its text, before any stop string. False ends the answer.
  std::function<bool(std::string_view Text)> OnText;
};

struct AnswerResult {
  /// Without the one of EndTokens that ended it.
  std::vector<int64_t> Tokens;
  AnswerEnd End = AnswerEnd::MaxTokens;
  int64_t Steps = 0;    // tokens that were fed
  uint64_t StepNs = 0;  // in the model, for them
  uint64_t WholeNs = 0; // of the loop: the rest is sampling and text
};

/// Answers what `From` has been fed, of which there must be some. The last
/// token of the answer has not been fed. A failure of the model is the
/// call's; what was shown before stays shown.
Result<AnswerResult> answer(Generator &From, const AnswerOptions &Options,
                            const AnswerCallbacks &Callbacks);

} // namespace dure

#endif // DURE_RUNTIME_LLM_ANSWER_H
