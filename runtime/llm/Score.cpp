// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scoring in windows.
#include "runtime/llm/Score.h"

#include "runtime/llm/Sampler.h"

#include <algorithm>
#include <cmath>

using namespace dure;

double TextScore::perplexity() const {
  return std::exp(-LogLikelihood /
                  static_cast<double>(std::max<int64_t>(Count, 1)));
}

Result<TextScore> dure::score(Generator &Model, std::span<const int64_t> Tokens,
                              int64_t Stride,
                              const std::function<void(size_t)> &Progress) {
  const auto Window = static_cast<size_t>(Model.context());
  if (Stride < 0 || static_cast<size_t>(Stride) > Window)
    return invalidArgument("a stride is from 1 to the context, " +
                           std::to_string(Window) + " tokens");
  const size_t Step =
      Stride ? static_cast<size_t>(Stride) : std::max<size_t>(Window / 2, 1);
  TextScore Out;
  size_t Scored = 1; // the first token has nothing before it
  for (size_t Begin = 0; Scored < Tokens.size(); Begin += Step) {
    const size_t End = std::min(Begin + Window, Tokens.size());
    Result<int64_t> Empty = Model.truncate(0);
    if (!Empty)
      return Empty.status();
    const auto Each = [&](int64_t Position, std::span<const float> Logits) {
      const size_t Next = Begin + static_cast<size_t>(Position) + 1;
      if (Next < Scored || Next >= Tokens.size())
        return Status::success();
      const int64_t Token = Tokens[Next];
      if (Token < 0 || static_cast<size_t>(Token) >= Logits.size())
        return invalidArgument("there is no token " + std::to_string(Token) +
                               "; the model has " +
                               std::to_string(Logits.size()));
      Out.LogLikelihood += logProbsOf(Logits, Token, 0).Chosen;
      ++Out.Count;
      Scored = Next + 1;
      if (Progress)
        Progress(Scored);
      return Status::success();
    };
    DURE_RETURN_IF_ERROR(
        Model.append(Tokens.subspan(Begin, End - Begin), Each));
  }
  return Out;
}
