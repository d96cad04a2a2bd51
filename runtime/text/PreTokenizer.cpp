// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pre-tokenizers, one class each, and reading them.

#include "runtime/text/PreTokenizer.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/Regex.h"
#include "runtime/text/Scripts.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

using namespace dure;
using namespace dure::text;

namespace {

using Range = Pieces::Range;

/// What becomes of the delimiters that a text is cut at.
enum class Behavior {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous
};

/// A part of a piece, a delimiter or what is between two.
struct Part {
  size_t Begin, End;
  bool IsMatch;
};

/// Cuts pieces at delimiters.
class Splitter {
public:
  explicit Splitter(Behavior How) : How(How) {}

  /// FIND(text, parts) fills in the parts of one piece, without gaps.
  template <typename F> Status apply(Pieces &All, F Find) const {
    std::vector<Range> Cut;
    Cut.reserve(2 * All.List.size());
    std::vector<Part> Parts;
    for (const Range &Piece : All.List) {
      Parts.clear();
      DURE_RETURN_IF_ERROR(Find(All.text(Piece), Parts));
      merge(Parts);
      for (const Part &P : Parts)
        if (P.Begin != P.End && (How != Behavior::Removed || !P.IsMatch))
          Cut.push_back({Piece.Begin + P.Begin, Piece.Begin + P.End,
                         std::min(Piece.FirstBytes, P.End) -
                             std::min(Piece.FirstBytes, P.Begin)});
    }
    All.List = std::move(Cut);
    return Status::success();
  }

  /// Cuts at each character for which IS says so.
  template <typename F> Status applyToCharacters(Pieces &All, F Is) const {
    return apply(All, [&](std::string_view Text, std::vector<Part> &Parts) {
      size_t From = 0;
      for (size_t At = 0; At != Text.size();) {
        size_t Begin = At;
        if (!Is(nextCharacter(Text, At)))
          continue;
        if (From != Begin)
          Parts.push_back({From, Begin, false});
        Parts.push_back({Begin, At, true});
        From = At;
      }
      if (From != Text.size())
        Parts.push_back({From, Text.size(), false});
      return Status::success();
    });
  }

private:
  /// Joins parts that stay together.
  void merge(std::vector<Part> &Parts) const {
    if (How == Behavior::Removed || How == Behavior::Isolated)
      return;
    bool IsBackward = How == Behavior::MergedWithNext;
    if (IsBackward)
      std::reverse(Parts.begin(), Parts.end());
    std::vector<Part> Joined;
    bool WasMatch = false;
    for (const Part &P : Parts) {
      bool Joins = How == Behavior::Contiguous ? P.IsMatch == WasMatch
                                               : P.IsMatch && !WasMatch;
      WasMatch = P.IsMatch;
      if (!Joins || Joined.empty())
        Joined.push_back(P);
      else if (IsBackward)
        Joined.back().Begin = P.Begin;
      else
        Joined.back().End = P.End;
    }
    if (IsBackward)
      std::reverse(Joined.begin(), Joined.end());
    Parts = std::move(Joined);
  }

  Behavior How;
};

/// Writes all pieces anew: WRITE(to, piece, text) appends one.
template <typename F> void rewrite(Pieces &All, F Write) {
  std::string Out;
  Out.reserve(All.Bytes.size() + All.Bytes.size() / 4 + All.List.size());
  for (Range &Piece : All.List) {
    size_t Begin = Out.size();
    size_t First = Write(Out, Piece, All.text(Piece));
    Piece = {Begin, Out.size(), First};
  }
  All.Bytes = std::move(Out);
}

/// Cuts at what an expression matches, or at what it does not.
Status splitByRegex(Pieces &All, const Regex &Pattern, Behavior How,
                    bool IsInverted) {
  return Splitter(How).apply(
      All, [&](std::string_view Text, std::vector<Part> &Parts) {
        size_t From = 0;
        Regex::Matches Matches(Pattern, Text);
        while (Matches.next()) {
          if (From != Matches.begin())
            Parts.push_back({From, Matches.begin(), IsInverted});
          Parts.push_back({Matches.begin(), Matches.end(), !IsInverted});
          From = Matches.end();
        }
        if (From != Text.size())
          Parts.push_back({From, Text.size(), IsInverted});
        return Matches.status();
      });
}

class Split : public PreTokenizer {
public:
  Split(Regex Pattern, Behavior How, bool IsInverted)
      : Pattern(std::move(Pattern)), How(How), IsInverted(IsInverted) {}
  Status apply(Pieces &All) const override {
    return splitByRegex(All, Pattern, How, IsInverted);
  }

private:
  Regex Pattern;
  Behavior How;
  bool IsInverted;
};

class ByteLevel : public PreTokenizer {
public:
  ByteLevel(bool AddsSpace, std::optional<Regex> Words)
      : AddsSpace(AddsSpace), Words(std::move(Words)) {}

  /// GPT-2's expression.
  static constexpr std::string_view Pattern =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

  Status apply(Pieces &All) const override {
    if (AddsSpace)
      rewrite(All,
              [](std::string &To, const Range &Piece, std::string_view Text) {
                bool Adds = !Text.starts_with(' ');
                if (Adds)
                  To += ' ';
                To += Text;
                return Piece.FirstBytes + (Adds && Piece.FirstBytes != 0);
              });
    if (Words)
      DURE_RETURN_IF_ERROR(
          splitByRegex(All, *Words, Behavior::Isolated, false));
    if (!IsDropped)
      rewrite(All,
              [](std::string &To, const Range &Piece, std::string_view Text) {
                size_t Begin = To.size(), First = 0;
                for (size_t I = 0; I != Text.size(); ++I) {
                  To += characterOfByte(static_cast<unsigned char>(Text[I]));
                  if (I < Piece.FirstBytes)
                    First = To.size() - Begin;
                }
                return First;
              });
    return Status::success();
  }
  bool endsInByteCharacters() const override { return true; }
  void dropByteCharacters() override { IsDropped = true; }

private:
  bool AddsSpace;
  std::optional<Regex> Words;
  bool IsDropped = false;
};

class Metaspace : public PreTokenizer {
public:
  enum Scheme { First, Never, Always };

  Metaspace(char32_t Mark, Scheme When, bool Splits)
      : When(When), Splits(Splits), Character(Mark) {
    appendCharacter(Replacement, Mark);
  }

  Status apply(Pieces &All) const override {
    rewrite(
        All, [&](std::string &To, const Range &Piece, std::string_view Text) {
          size_t Begin = To.size(), Bytes = 0;
          bool Begins = Text.starts_with(' ') || Text.starts_with(Replacement);
          if (!Begins &&
              (When == Always || (When == First && Piece.FirstBytes != 0)))
            To += Replacement;
          for (size_t I = 0; I != Text.size(); ++I) {
            if (Text[I] == ' ')
              To += Replacement;
            else
              To += Text[I];
            if (I < Piece.FirstBytes)
              Bytes = To.size() - Begin;
          }
          return Bytes;
        });
    if (!Splits)
      return Status::success();
    return Splitter(Behavior::MergedWithNext)
        .applyToCharacters(All, [&](char32_t C) { return C == Character; });
  }

private:
  Scheme When;
  bool Splits;
  char32_t Character;
  std::string Replacement;
};

/// Cuts at the characters that a function finds.
class CharacterSplit : public PreTokenizer {
public:
  CharacterSplit(std::function<bool(char32_t)> Is, Behavior How)
      : Is(std::move(Is)), How(How) {}
  Status apply(Pieces &All) const override {
    return Splitter(How).applyToCharacters(All, Is);
  }

private:
  std::function<bool(char32_t)> Is;
  Behavior How;
};

/// Runs of word characters, and of others that are no space.
class Whitespace : public PreTokenizer {
public:
  Status apply(Pieces &All) const override {
    auto KindOf = [](char32_t C) {
      return isWord(C) ? Word : isSpace(C) ? Space : Other;
    };
    return Splitter(Behavior::Removed)
        .apply(All, [&](std::string_view Text, std::vector<Part> &Parts) {
          Kind Last = Space;
          for (size_t At = 0; At != Text.size();) {
            size_t Begin = At;
            Kind Now = KindOf(nextCharacter(Text, At));
            if (Now == Last && !Parts.empty())
              Parts.back().End = At;
            else
              Parts.push_back({Begin, At, Now == Space});
            Last = Now;
          }
          return Status::success();
        });
  }

private:
  enum Kind { Word, Space, Other };
};

class FixedLength : public PreTokenizer {
public:
  explicit FixedLength(uint64_t Length) : Length(Length) {}
  Status apply(Pieces &All) const override {
    return Splitter(Behavior::Isolated)
        .apply(All, [&](std::string_view Text, std::vector<Part> &Parts) {
          uint64_t Count = 0;
          for (size_t At = 0; At != Text.size(); ++Count) {
            size_t Begin = At;
            At += lengthOfCharacter(Text[At]);
            if (Count % Length == 0)
              Parts.push_back({Begin, At, false});
            Parts.back().End = At;
          }
          return Status::success();
        });
  }

private:
  uint64_t Length;
};

/// Cuts where the script changes.
class UnicodeScripts : public PreTokenizer {
public:
  Status apply(Pieces &All) const override {
    return Splitter(Behavior::Isolated)
        .apply(All, [&](std::string_view Text, std::vector<Part> &Parts) {
          Script Last = AnyScript;
          for (size_t At = 0; At != Text.size();) {
            size_t Begin = At;
            Script Now = scriptForWords(nextCharacter(Text, At));
            bool Changes = Now != AnyScript && Now != Last;
            if (Changes)
              Last = Now;
            // What stands before the first script is no piece at all.
            if (Changes)
              Parts.push_back({Begin, At, false});
            else if (!Parts.empty())
              Parts.back().End = At;
          }
          return Status::success();
        });
  }
};

class PreTokenizerSequence : public PreTokenizer {
public:
  explicit PreTokenizerSequence(
      std::vector<std::unique_ptr<PreTokenizer>> Steps)
      : Steps(std::move(Steps)) {}
  Status apply(Pieces &All) const override {
    size_t MaxBytes = NormalizedText::maxBytesFrom(All.Bytes.size());
    for (const std::unique_ptr<PreTokenizer> &Step : Steps) {
      DURE_RETURN_IF_ERROR(Step->apply(All));
      if (All.Bytes.size() > MaxBytes)
        return growsTooLong();
    }
    return Status::success();
  }
  bool endsInByteCharacters() const override {
    return !Steps.empty() && Steps.back()->endsInByteCharacters();
  }
  void dropByteCharacters() override { Steps.back()->dropByteCharacters(); }

private:
  std::vector<std::unique_ptr<PreTokenizer>> Steps;
};

} // namespace

static Behavior readBehavior(Component &Part, std::optional<size_t> Default) {
  // In the order of the enumeration.
  return static_cast<Behavior>(
      Part.choice("behavior",
                  {"Removed", "Isolated", "MergedWithPrevious",
                   "MergedWithNext", "Contiguous"},
                  Default));
}

static std::unique_ptr<PreTokenizer> readSplit(Component &Part) {
  Behavior How = readBehavior(Part, std::nullopt);
  bool IsInverted = Part.flag("invert");
  const JsonValue *Pattern = Part.get("pattern");
  const JsonValue *Literal = Pattern ? Pattern->field("String") : nullptr;
  const JsonValue *Expression = Pattern ? Pattern->field("Regex") : nullptr;
  std::string Text;
  if (Literal && Literal->is(JsonValue::Kind::String)) {
    Text = quotePattern(Literal->String);
  } else if (Expression && Expression->is(JsonValue::Kind::String)) {
    Text = Expression->String;
  } else {
    Part.refuse("the field 'pattern' has neither a String nor a Regex");
    return nullptr;
  }
  Result<Regex> Compiled = Regex::compile(Text);
  if (!Compiled) {
    Part.refuse(Compiled.status().message());
    return nullptr;
  }
  return std::make_unique<Split>(Compiled.take(), How, IsInverted);
}

static std::unique_ptr<PreTokenizer> readByteLevel(Component &Part) {
  bool AddsSpace = Part.flag("add_prefix_space");
  Part.ignore({"trim_offsets"}); // about places in the text
  std::optional<Regex> Words;
  if (Part.flag("use_regex", true)) {
    Result<Regex> Compiled = Regex::compile(ByteLevel::Pattern);
    if (!Compiled) {
      Part.refuse(Compiled.status().message());
      return nullptr;
    }
    Words = Compiled.take();
  }
  return std::make_unique<ByteLevel>(AddsSpace, std::move(Words));
}

static std::unique_ptr<PreTokenizer> readMetaspace(Component &Part) {
  char32_t Mark = Part.character("replacement");
  size_t Scheme = Part.choice("prepend_scheme", {"first", "never", "always"},
                              Metaspace::Always);
  Part.ignore({"str_rep"}); // the replacement again
  if (!Part.flag("add_prefix_space", true)) {
    if (Part.get("prepend_scheme") && Scheme != Metaspace::Never)
      Part.refuse("'add_prefix_space' and 'prepend_scheme' contradict each "
                  "other");
    Scheme = Metaspace::Never;
  }
  return std::make_unique<Metaspace>(
      Mark, static_cast<Metaspace::Scheme>(Scheme), Part.flag("split", true));
}

static std::unique_ptr<PreTokenizer> readSequence(Component &Part) {
  std::vector<std::unique_ptr<PreTokenizer>> Steps;
  size_t Index = 0;
  for (const JsonValue *Item : Part.list("pretokenizers"))
    if (auto New = readPreTokenizer(
            *Item, Part.placeOf("pretokenizers", Index++), Part.problems()))
      Steps.push_back(std::move(New));
  return std::make_unique<PreTokenizerSequence>(std::move(Steps));
}

/// The types that cut at single characters.
static std::unique_ptr<PreTokenizer> readCharacterSplit(Component &Part) {
  const std::string &Type = Part.type();
  auto Make = [](std::function<bool(char32_t)> Is, Behavior How) {
    return std::make_unique<CharacterSplit>(std::move(Is), How);
  };
  if (Type == "WhitespaceSplit")
    return Make(isSpace, Behavior::Removed);
  if (Type == "Punctuation")
    return Make(isPunctuation,
                readBehavior(Part, static_cast<size_t>(Behavior::Isolated)));
  if (Type == "Digits")
    return Make(isNumeric, Part.flag("individual_digits")
                               ? Behavior::Isolated
                               : Behavior::Contiguous);
  if (Type == "BertPreTokenizer") {
    std::vector<std::unique_ptr<PreTokenizer>> Steps;
    Steps.push_back(Make(isSpace, Behavior::Removed));
    Steps.push_back(Make(isPunctuation, Behavior::Isolated));
    return std::make_unique<PreTokenizerSequence>(std::move(Steps));
  }
  if (Type == "CharDelimiterSplit") {
    char32_t Mark = Part.character("delimiter");
    return Make([Mark](char32_t C) { return C == Mark; }, Behavior::Removed);
  }
  return nullptr;
}

std::unique_ptr<PreTokenizer> text::readPreTokenizer(const JsonValue &Value,
                                                     const std::string &Place,
                                                     Refusals &Problems) {
  if (Value.isNull())
    return nullptr;
  Component Part(Value, Place, Problems);
  const std::string &Type = Part.type();
  if (Type == "ByteLevel")
    return readByteLevel(Part);
  if (Type == "Split")
    return readSplit(Part);
  if (Type == "Metaspace")
    return readMetaspace(Part);
  if (Type == "Whitespace")
    return std::make_unique<Whitespace>();
  if (Type == "FixedLength") {
    uint64_t Length = Part.number("length", 5);
    if (Length == 0)
      Part.refuse("the field 'length' is 0");
    return std::make_unique<FixedLength>(Length);
  }
  if (Type == "UnicodeScripts")
    return std::make_unique<UnicodeScripts>();
  if (Type == "Sequence")
    return readSequence(Part);
  if (auto New = readCharacterSplit(Part))
    return New;
  Part.refuseType();
  return nullptr;
}
