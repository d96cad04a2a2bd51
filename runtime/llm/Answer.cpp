// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop of generation.
#include "runtime/llm/Answer.h"

#include "runtime/llm/StopStrings.h"

#include <algorithm>
#include <chrono>
#include <optional>

using namespace dure;

namespace {

uint64_t nowNs() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

/// One answer under way.
class Loop {
public:
  Loop(Generator &From, const AnswerOptions &Options,
       const AnswerCallbacks &Callbacks)
      : From(From), Options(Options), Callbacks(Callbacks),
        Sampling(Options.Sampling), Stop(Options.Stop) {
    Sampling.addPrompt(From.tokens());
  }

  Result<AnswerResult> run() {
    const uint64_t Begin = nowNs();
    while (!End) {
      if (Status Taken = takeToken(); !Taken.ok())
        return Taken;
      if (End)
        break;
      const uint64_t Fed = nowNs();
      Status Run = From.append(std::span(&Out.Tokens.back(), 1));
      Out.StepNs += nowNs() - Fed;
      ++Out.Steps;
      if (Run.code() == StatusCode::Cancelled)
        End = AnswerEnd::Cancelled;
      else if (!Run.ok())
        return Run;
    }
    Out.End = *End;
    Out.WholeNs = nowNs() - Begin;
    if (Status Rest = showRest(); !Rest.ok())
      return Rest;
    return std::move(Out);
  }

private:
  /// The next token, shown; sets End where it is the last.
  Status takeToken() {
    if (static_cast<int64_t>(Out.Tokens.size()) >= Options.MaxTokens) {
      End = AnswerEnd::MaxTokens;
      return Status::success();
    }
    Result<int64_t> Token =
        Sampling.sample(From.logits(), static_cast<uint64_t>(From.length()));
    if (!Token)
      return Token.status();
    if (std::binary_search(Options.EndTokens.begin(), Options.EndTokens.end(),
                           *Token)) {
      End = AnswerEnd::EndToken;
      return Status::success();
    }
    Out.Tokens.push_back(*Token);
    Sampling.addAnswer(*Token);
    std::optional<TokenLogProbs> LogProbs;
    if (Options.LogProbs >= 0)
      LogProbs = logProbsOf(From.logits(), *Token,
                            static_cast<size_t>(Options.LogProbs));
    if (Callbacks.OnToken &&
        !Callbacks.OnToken(*Token, LogProbs ? &*LogProbs : nullptr))
      End = AnswerEnd::Cancelled;
    if (Callbacks.Decode) {
      Result<std::string> Text = Callbacks.Decode(*Token);
      if (!Text)
        return Text.status();
      show(Stop.push(*Text));
    }
    if (Stop.stopped())
      End = AnswerEnd::StopString;
    // The token needs a place of its own to be fed.
    else if (!End &&
             static_cast<int64_t>(Out.Tokens.size()) == Options.MaxTokens)
      End = AnswerEnd::MaxTokens;
    else if (!End && From.length() == From.context())
      End = AnswerEnd::ContextFull;
    return Status::success();
  }

  void show(const std::string &Text) {
    if (!Text.empty() && Callbacks.OnText && !Callbacks.OnText(Text) && !End)
      End = AnswerEnd::Cancelled;
  }

  Status showRest() {
    if (!Callbacks.DecodeRest || Stop.stopped())
      return Status::success();
    Result<std::string> Text = Callbacks.DecodeRest();
    if (!Text)
      return Text.status();
    show(Stop.push(*Text));
    if (Stop.stopped())
      Out.End = AnswerEnd::StopString;
    else
      show(Stop.finish());
    return Status::success();
  }

  Generator &From;
  const AnswerOptions &Options;
  const AnswerCallbacks &Callbacks;
  Sampler Sampling;
  StopStrings Stop;
  AnswerResult Out;
  std::optional<AnswerEnd> End;
};

} // namespace

Result<AnswerResult> dure::answer(Generator &From, const AnswerOptions &Options,
                                  const AnswerCallbacks &Callbacks) {
  if (From.logits().empty())
    return invalidArgument("there is no prompt to answer");
  return Loop(From, Options, Callbacks).run();
}
