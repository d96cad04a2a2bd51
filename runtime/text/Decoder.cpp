// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The decoders, one rule and one step each, and reading them.

#include "runtime/text/Decoder.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/Regex.h"
#include "runtime/text/Unicode.h"

#include <optional>

using namespace dure;
using namespace dure::text;

namespace {

/// A step that hands on to another.
class LinkedStep : public DecodeStep {
public:
  explicit LinkedStep(DecodeStep &Next) : Next(Next) {}
  Status end() override { return Next.end(); }

protected:
  DecodeStep &Next;
};

/// A step that must see a token as a whole.
class WholeStep : public LinkedStep {
public:
  using LinkedStep::LinkedStep;
  Status take(std::string_view Text, bool EndsToken) final {
    Token += Text;
    if (!EndsToken)
      return Status::success();
    Status Done = token();
    Token.clear();
    return Done;
  }

protected:
  /// Handles Token, which it may change.
  virtual Status token() = 0;
  std::string Token;
};

/// A rule whose step is made of the rule itself.
template <typename Step, typename Rule> class DecoderOf : public Decoder {
public:
  explicit DecoderOf(Rule What) : What(std::move(What)) {}
  std::unique_ptr<DecodeStep> start(DecodeStep &Next) const override {
    return std::make_unique<Step>(Next, What);
  }

private:
  Rule What;
};

struct NoRule {};

// What a token can be at most; rules that make more of it are hostile.
constexpr size_t MaxDecodedToken = size_t(16) << 20;

/// False if the text gets too long.
bool replaceAll(std::string &Text, std::string_view From,
                std::string_view Content) {
  if (From.empty())
    return true;
  size_t Found = Text.find(From);
  if (Found == Text.npos)
    return true;
  std::string Out;
  size_t At = 0;
  for (; Found != Text.npos; Found = Text.find(From, At)) {
    Out.append(Text, At, Found - At);
    Out += Content;
    At = Found + From.size();
    if (Out.size() > MaxDecodedToken && Content.size() > From.size())
      return false;
  }
  Out.append(Text, At);
  Text = std::move(Out);
  return true;
}

/// English as it is written, from tokens with spaces between.
void cleanUp(std::string &Text) {
  if (Text.find(' ') == Text.npos)
    return;
  constexpr std::pair<std::string_view, std::string_view> Rules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto &[From, Content] : Rules)
    replaceAll(Text, From, Content);
}

/// Characters of a byte-level vocabulary become bytes, all tokens one text. A
/// token with another character stands for its own bytes.
class ByteLevelStep : public WholeStep {
public:
  ByteLevelStep(DecodeStep &Next, const NoRule &) : WholeStep(Next) {}

  Status token() override {
    size_t Before = Bytes.size();
    for (size_t At = 0; At != Token.size();) {
      int Byte = byteOfCharacter(nextCharacter(Token, At));
      if (Byte < 0) {
        Bytes.resize(Before);
        Bytes += Token;
        break;
      }
      Bytes += static_cast<char>(Byte);
    }
    return flush(false);
  }
  Status end() override {
    DURE_RETURN_IF_ERROR(flush(true));
    DURE_RETURN_IF_ERROR(Next.take("", true));
    return Next.end();
  }

private:
  /// Hands on what is certain: all but the beginning of a character.
  Status flush(bool IsLast) {
    std::string_view Rest = Bytes;
    std::string Out;
    while (!Rest.empty()) {
      size_t Valid = validPrefix(Rest);
      Out += Rest.substr(0, Valid);
      Rest.remove_prefix(Valid);
      if (Rest.empty())
        break;
      bool IsCutOff;
      size_t Length = maximalSubpart(Rest, IsCutOff);
      if (IsCutOff && !IsLast)
        break;
      Rest.remove_prefix(Length);
      Out += ReplacementCharacter;
    }
    Bytes.erase(0, Bytes.size() - Rest.size());
    return Next.take(Out, false);
  }

  std::string Bytes;
};

/// Tokens of bytes ("<0xEA>") become characters. A run of them is right or
/// wrong as a whole, so it waits for its end.
class ByteFallbackStep : public WholeStep {
public:
  ByteFallbackStep(DecodeStep &Next, const NoRule &) : WholeStep(Next) {}

  Status token() override {
    if (std::optional<char> Byte = byteOf(Token)) {
      Run += *Byte;
      return Status::success();
    }
    DURE_RETURN_IF_ERROR(flush());
    return Next.take(Token, true);
  }
  Status end() override {
    DURE_RETURN_IF_ERROR(flush());
    return Next.end();
  }

private:
  static std::optional<char> byteOf(std::string_view Text) {
    if (Text.size() != 6 || !Text.starts_with("<0x") || Text[5] != '>')
      return std::nullopt;
    unsigned Value = 0;
    for (char C : Text.substr(3, 2)) {
      char Lower = C >= 'A' && C <= 'F' ? static_cast<char>(C + 32) : C;
      if (C >= '0' && C <= '9')
        Value = Value * 16 + static_cast<unsigned>(C - '0');
      else if (Lower >= 'a' && Lower <= 'f')
        Value = Value * 16 + static_cast<unsigned>(Lower - 'a' + 10);
      else
        return std::nullopt;
    }
    return static_cast<char>(Value);
  }
  Status flush() {
    std::string Bytes = std::move(Run);
    Run.clear();
    if (Bytes.empty())
      return Status::success();
    if (validPrefix(Bytes) == Bytes.size())
      return Next.take(Bytes, true);
    for (size_t I = 0; I != Bytes.size(); ++I)
      DURE_RETURN_IF_ERROR(Next.take(ReplacementCharacter, true));
    return Status::success();
  }

  std::string Run;
};

/// All tokens become one.
class FuseStep : public LinkedStep {
public:
  FuseStep(DecodeStep &Next, const NoRule &) : LinkedStep(Next) {}
  Status take(std::string_view Text, bool) override {
    return Next.take(Text, false);
  }
  Status end() override {
    DURE_RETURN_IF_ERROR(Next.take("", true));
    return Next.end();
  }
};

struct MetaspaceRule {
  std::string Replacement;
  bool IsNeverPrepended;
};

/// Marks become spaces, those of the first token nothing.
class MetaspaceStep : public LinkedStep {
public:
  MetaspaceStep(DecodeStep &Next, const MetaspaceRule &Rule)
      : LinkedStep(Next), Rule(Rule) {}
  Status take(std::string_view Text, bool EndsToken) override {
    std::string Out(Text);
    replaceAll(Out, Rule.Replacement,
               IsFirst && !Rule.IsNeverPrepended ? "" : " ");
    if (EndsToken)
      IsFirst = false;
    return Next.take(Out, EndsToken);
  }

private:
  MetaspaceRule Rule;
  bool IsFirst = true;
};

struct WordPieceRule {
  std::string Prefix;
  bool CleansUp;
};

class WordPieceStep : public WholeStep {
public:
  WordPieceStep(DecodeStep &Next, const WordPieceRule &Rule)
      : WholeStep(Next), Rule(Rule) {}
  Status token() override {
    if (!IsFirst) {
      if (Token.starts_with(Rule.Prefix))
        Token.erase(0, Rule.Prefix.size());
      else
        Token.insert(0, " ");
    }
    IsFirst = false;
    if (Rule.CleansUp)
      cleanUp(Token);
    return Next.take(Token, true);
  }

private:
  WordPieceRule Rule;
  bool IsFirst = true;
};

struct CtcRule {
  std::string Padding, Delimiter;
  bool CleansUp;
};

/// Repeated tokens count once, padding not at all.
class CtcStep : public WholeStep {
public:
  CtcStep(DecodeStep &Next, const CtcRule &Rule)
      : WholeStep(Next), Rule(Rule) {}
  Status token() override {
    if (Last == Token)
      return Status::success();
    Last = Token;
    replaceAll(Token, Rule.Padding, "");
    if (Rule.CleansUp) {
      cleanUp(Token);
      replaceAll(Token, Rule.Delimiter, " ");
    }
    return Token.empty() ? Status::success() : Next.take(Token, true);
  }

private:
  CtcRule Rule;
  std::optional<std::string> Last;
};

/// The end of a word becomes a space, but not that of the last token.
class SuffixStep : public WholeStep {
public:
  SuffixStep(DecodeStep &Next, const std::string &Suffix)
      : WholeStep(Next), Suffix(Suffix) {}
  Status token() override {
    std::optional<std::string> Before = std::move(Waiting);
    Waiting = Token;
    if (!Before)
      return Status::success();
    replaceAll(*Before, Suffix, " ");
    return Next.take(*Before, true);
  }
  Status end() override {
    if (Waiting) {
      replaceAll(*Waiting, Suffix, "");
      DURE_RETURN_IF_ERROR(Next.take(*Waiting, true));
    }
    return Next.end();
  }

private:
  std::string Suffix;
  std::optional<std::string> Waiting;
};

struct ReplaceRule {
  std::string Literal;
  std::optional<Regex> Pattern; // instead of Literal
  std::string Content;
};

class ReplaceStep : public WholeStep {
public:
  ReplaceStep(DecodeStep &Next, const ReplaceRule &Rule)
      : WholeStep(Next), Rule(Rule) {}
  Status token() override {
    if (!Rule.Pattern) {
      if (!replaceAll(Token, Rule.Literal, Rule.Content))
        return growsTooLong();
      return Next.take(Token, true);
    }
    std::string Out;
    size_t At = 0;
    Regex::Matches Matches(*Rule.Pattern, Token);
    // The reference leaves an empty token alone.
    while (!Token.empty() && Matches.next()) {
      Out.append(Token, At, Matches.begin() - At);
      Out += Rule.Content;
      if (Out.size() > MaxDecodedToken && Out.size() > Token.size())
        return growsTooLong();
      At = Matches.end();
    }
    DURE_RETURN_IF_ERROR(Matches.status());
    Out.append(Token, At);
    return Next.take(Out, true);
  }

private:
  const ReplaceRule &Rule;
};

struct StripRule {
  std::string Character;
  uint64_t Left, Right;
};

/// Up to so many characters are dropped at both ends of each token.
class StripStep : public LinkedStep {
public:
  StripStep(DecodeStep &Next, const StripRule &Rule)
      : LinkedStep(Next), Rule(Rule) {}
  Status take(std::string_view Text, bool EndsToken) override {
    std::string Out;
    while (!Text.empty()) {
      size_t Length = lengthOfCharacter(Text[0]);
      bool Is = Text.substr(0, Length) == Rule.Character;
      if (Is && Dropped < Rule.Left) {
        ++Dropped;
      } else if (Is) {
        // Perhaps the end: as many wait as would be dropped there.
        if (Waiting == Rule.Right)
          Out += Rule.Character;
        else
          ++Waiting;
        Dropped = Rule.Left;
      } else {
        for (; Waiting != 0; --Waiting)
          Out += Rule.Character;
        Out += Text.substr(0, Length);
        Dropped = Rule.Left;
      }
      Text.remove_prefix(Length);
    }
    if (EndsToken)
      Dropped = Waiting = 0;
    return Next.take(Out, EndsToken);
  }

private:
  StripRule Rule;
  uint64_t Dropped = 0, Waiting = 0;
};

/// The end of the chain.
class OutputStep : public DecodeStep {
public:
  OutputStep(std::string &Out, bool PutsSpaces)
      : Out(Out), PutsSpaces(PutsSpaces) {}
  Status take(std::string_view Text, bool) override {
    if (PutsSpaces && !IsFirst)
      Out += ' ';
    IsFirst = false;
    Out += Text;
    return Status::success();
  }
  Status end() override { return Status::success(); }

private:
  std::string &Out;
  bool PutsSpaces;
  bool IsFirst = true;
};

template <typename Step, typename Rule>
std::unique_ptr<Decoder> make(Rule What) {
  return std::make_unique<DecoderOf<Step, Rule>>(std::move(What));
}

} // namespace

DecodeChain::DecodeChain(const Decoders *Rules)
    : Last(std::make_unique<OutputStep>(Out, !Rules)), First(Last.get()) {
  if (!Rules)
    return;
  for (size_t I = Rules->size(); I-- != 0;) {
    Steps.push_back((*Rules)[I]->start(*First));
    First = Steps.back().get();
  }
}

static std::unique_ptr<Decoder> readReplace(Component &Part) {
  ReplaceRule Rule;
  Rule.Content = Part.string("content");
  const JsonValue *Pattern = Part.get("pattern");
  const JsonValue *Literal = Pattern ? Pattern->field("String") : nullptr;
  const JsonValue *Expression = Pattern ? Pattern->field("Regex") : nullptr;
  if (Literal && Literal->is(JsonValue::Kind::String)) {
    Rule.Literal = Literal->String;
  } else if (Expression && Expression->is(JsonValue::Kind::String)) {
    Result<Regex> Compiled = Regex::compile(Expression->String);
    if (Compiled)
      Rule.Pattern = Compiled.take();
    else
      Part.refuse(Compiled.status().message());
  } else {
    Part.refuse("the field 'pattern' has neither a String nor a Regex");
  }
  return make<ReplaceStep>(std::move(Rule));
}

static std::unique_ptr<Decoder> readMetaspace(Component &Part) {
  MetaspaceRule Rule;
  appendCharacter(Rule.Replacement, Part.character("replacement"));
  size_t Scheme =
      Part.choice("prepend_scheme", {"first", "never", "always"}, 2);
  Rule.IsNeverPrepended = !Part.flag("add_prefix_space", true) || Scheme == 1;
  Part.ignore({"str_rep", "split"});
  return make<MetaspaceStep>(std::move(Rule));
}

static std::unique_ptr<Decoder> readOne(Component &Part) {
  const std::string &Type = Part.type();
  if (Type == "ByteLevel") {
    Part.ignore({"add_prefix_space", "trim_offsets", "use_regex"});
    return make<ByteLevelStep>(NoRule());
  }
  if (Type == "ByteFallback")
    return make<ByteFallbackStep>(NoRule());
  if (Type == "Fuse")
    return make<FuseStep>(NoRule());
  if (Type == "Metaspace")
    return readMetaspace(Part);
  if (Type == "WordPiece") {
    std::string Prefix = Part.string("prefix", "##");
    return make<WordPieceStep>(
        WordPieceRule{std::move(Prefix), Part.flag("cleanup", true)});
  }
  if (Type == "CTC") {
    std::string Padding = Part.string("pad_token", "<pad>");
    std::string Delimiter = Part.string("word_delimiter_token", "|");
    return make<CtcStep>(CtcRule{std::move(Padding), std::move(Delimiter),
                                 Part.flag("cleanup", true)});
  }
  if (Type == "BPEDecoder")
    return make<SuffixStep>(Part.string("suffix", "</w>"));
  if (Type == "Replace")
    return readReplace(Part);
  if (Type == "Strip") {
    StripRule Rule;
    appendCharacter(Rule.Character, Part.character("content"));
    Rule.Left = Part.number("start");
    Rule.Right = Part.number("stop");
    return make<StripStep>(std::move(Rule));
  }
  Part.refuseType();
  return nullptr;
}

void text::readDecoder(const JsonValue &Value, const std::string &Place,
                       Refusals &Problems, Decoders &To) {
  Component Part(Value, Place, Problems);
  if (Part.type() == "Sequence") {
    size_t Index = 0;
    for (const JsonValue *Item : Part.list("decoders"))
      readDecoder(*Item, Part.placeOf("decoders", Index++), Problems, To);
    return;
  }
  if (std::unique_ptr<Decoder> New = readOne(Part))
    To.push_back(std::move(New));
}
