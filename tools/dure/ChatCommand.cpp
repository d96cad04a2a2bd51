// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure chat.
#include "runtime/llm/Conversation.h"
#include "tools/dure/Generation.h"
#include "tools/dure/TextInput.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace dure {
namespace {

/// Positions of a conversation, where neither the user nor the model says.
constexpr int64_t DefaultContext = 4096;

/// A conversation with the user, line by line.
class Chat {
public:
  Chat(const Console &Out, const Options &O, const LanguageModel &Model,
       AnswerOptions Asked)
      : Out(Out), O(O), Model(Model), Asked(std::move(Asked)),
        IsTerminal(::isatty(STDIN_FILENO) == 1) {
    clear();
  }

  int run() {
    if (IsTerminal)
      say(Out.text(Message::ChatHello) + "\n");
    for (;;) {
      if (IsTerminal)
        say("> ");
      std::optional<std::string> Line = Lines.next();
      if (!Line || *Line == "/exit")
        break;
      if (*Line == "/clear")
        clear();
      else if (!Line->empty() && !turn(*Line))
        return ExitFailed;
    }
    if (IsTerminal)
      say("\n");
    if (interrupted() && !IsTerminal)
      return Out.failCancelled();
    return ExitOk;
  }

private:
  /// What is not the model's goes to stderr.
  static void say(const std::string &Text) { std::fputs(Text.c_str(), stderr); }

  void clear() {
    Said.clear();
    if (O.Text.System)
      Said.push_back({"system", *O.Text.System});
  }

  /// Asks, and keeps question and answer. False when nothing more can be asked.
  bool turn(const std::string &Line) {
    Said.push_back({"user", Line});
    std::optional<std::vector<int64_t>> Prompt = Model.encodeChat(Out, Said);
    if (!Prompt)
      return false;
    Generation G;
    G.Prompt = std::move(*Prompt);
    G.Asked = Asked;
    const int64_t Room = Model.generator().context() - int64_t(G.Prompt.size());
    if (Room < 1) {
      Out.fail(Message::ChatFull,
               {std::to_string(G.Prompt.size()),
                std::to_string(Model.generator().context())});
      Said.pop_back();
      return IsTerminal;
    }
    G.Asked.MaxTokens = std::min(Room, O.Text.MaxTokens.value_or(Room));
    if (!generate(Out, Model, /*Shows=*/true, G))
      return false;
    Said.push_back({"assistant", G.Text});
    if (IsTerminal)
      say(describeGeneration(Out, Model, G));
    // At a terminal Ctrl-C ends an answer, not the conversation.
    if (G.Answer.End == AnswerEnd::Cancelled && IsTerminal)
      forgetInterrupt();
    return G.Answer.End != AnswerEnd::Cancelled || IsTerminal;
  }

  const Console &Out;
  const Options &O;
  const LanguageModel &Model;
  const AnswerOptions Asked;
  const bool IsTerminal;
  LineReader Lines;
  std::vector<ChatMessage> Said;
};

} // namespace

int runChat(const Console &Out, const Options &O) {
  int Exit = ExitFailed;
  std::optional<LanguageModel> Model = LanguageModel::open(Out, O, Exit);
  if (!Model)
    return Exit;
  std::optional<AnswerOptions> Asked = Model->answerOptions(Out, O);
  if (!Asked || !Model->openTemplate(Out) ||
      !Model->createGenerator(Out, O, DefaultContext))
    return ExitFailed;
  return Chat(Out, O, *Model, std::move(*Asked)).run();
}

} // namespace dure
