// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and finding added tokens.

#include "runtime/text/AddedTokens.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

using namespace dure;
using namespace dure::text;

void AddedTokens::add(AddedToken Token, const Model &Words, TokenId &NextId) {
  auto Found = ByContent.find(Token.Content);
  if (Found != ByContent.end()) {
    // The same token again: its properties change, its id does not.
    AddedToken &Old = List[Found->second];
    Token.Id = Old.Id;
    Token.IsSpecial |= Old.IsSpecial;
    Token.Content = std::move(Old.Content);
    ByContent.erase(Found);
    Old = std::move(Token);
    ByContent.emplace(Old.Content, static_cast<size_t>(&Old - List.data()));
    return;
  }
  Token.Id = Words.vocabulary().find(Token.Content);
  if (Token.Id == NoToken)
    Token.Id = NextId++;
  List.push_back(std::move(Token));
  ByContent.emplace(List.back().Content, List.size() - 1);
  ById[List.back().Id] = List.size() - 1;
}

namespace {

/// Reads tokens and what they look like in a text.
class TokenReader {
public:
  TokenReader(const Normalizer *Rules, Refusals &Problems)
      : Rules(Rules), Problems(Problems) {}

  /// Of a file whose tokens have all properties, or of one in which those that
  /// are missing are false.
  std::optional<AddedToken> read(const JsonValue &Value, std::string Place,
                                 bool MayLack) const;
  /// A token that is given as an object or by its text alone, and special
  /// either way; nothing where it is neither.
  std::optional<AddedToken> readSpecial(const JsonValue &Value,
                                        const std::string &Place) const;

private:
  bool makePattern(AddedToken &Token, const std::string &Place) const;

  const Normalizer *Rules;
  Refusals &Problems;
};

} // namespace

bool TokenReader::makePattern(AddedToken &Token,
                              const std::string &Place) const {
  const auto IsShort = [&](const std::string &Text) {
    if (Text.size() > MaxTokenBytes)
      Problems.refuse(Place, "a token has more than " +
                                 std::to_string(MaxTokenBytes) + " bytes");
    return Text.size() <= MaxTokenBytes;
  };
  if (Token.Content.empty() || !IsShort(Token.Content))
    return false;
  Token.Pattern = Token.Content;
  if (!Token.IsNormalized || !Rules)
    return true;
  NormalizedText Text;
  Text.Bytes = Token.Content;
  if (Status Failed = Rules->apply(Text); !Failed.ok())
    Problems.refuse(Place, Failed.message());
  Token.Pattern = std::move(Text.Bytes);
  return IsShort(Token.Pattern);
}

std::optional<AddedToken> TokenReader::read(const JsonValue &Value,
                                            std::string Place,
                                            bool MayLack) const {
  Component Part(Value, Place, Problems);
  const std::optional<bool> Else =
      MayLack ? std::optional(false) : std::nullopt;
  AddedToken New;
  New.Content = Part.string("content");
  New.IsSingleWord = Part.flag("single_word", Else);
  New.TakesSpaceLeft = Part.flag("lstrip", Else);
  New.TakesSpaceRight = Part.flag("rstrip", Else);
  New.IsSpecial = Part.flag("special", Else);
  New.IsNormalized = Part.flag(
      "normalized", MayLack ? std::optional(!New.IsSpecial) : std::nullopt);
  Part.ignore({"id", "__type"});
  return makePattern(New, Place) ? std::optional(std::move(New)) : std::nullopt;
}

std::optional<AddedToken>
TokenReader::readSpecial(const JsonValue &Value,
                         const std::string &Place) const {
  if (Value.is(JsonValue::Kind::Object)) {
    std::optional<AddedToken> New = read(Value, Place, /*MayLack=*/true);
    if (New)
      New->IsSpecial = true;
    return New;
  }
  AddedToken New;
  New.Content = Value.String;
  New.IsSpecial = true;
  return Value.is(JsonValue::Kind::String) && makePattern(New, Place)
             ? std::optional(std::move(New))
             : std::nullopt;
}

/// The tokens of "added_tokens_decoder" by what it says their ids are.
static std::vector<AddedToken> readDecoderTokens(const JsonValue *Value,
                                                 const TokenReader &Reader,
                                                 Refusals &Problems) {
  const std::string Name = "tokenizer_config.json: added_tokens_decoder";
  std::map<uint64_t, AddedToken> ById;
  if (!Value || !Value->is(JsonValue::Kind::Object))
    return {};
  for (const JsonField &Each : Value->Fields) {
    uint64_t Id = 0;
    const char *Begin = Each.Name.data(), *End = Begin + Each.Name.size();
    const auto [Stop, Failed] = std::from_chars(Begin, End, Id);
    if (Failed != std::errc() || Stop != End) {
      Problems.refuse(Name, "'" + Each.Name + "' is no token's number");
      continue;
    }
    if (auto New = Reader.read(Each.Value, Name + "[" + Each.Name + "]", true))
      ById.insert_or_assign(Id, std::move(*New));
  }
  std::vector<AddedToken> Out;
  for (auto &[Id, Token] : ById)
    Out.push_back(std::move(Token));
  return Out;
}

/// The tokens with a role, and others that the file calls special.
static std::vector<AddedToken> readNamedTokens(const JsonValue &Config,
                                               const TokenReader &Reader) {
  std::vector<AddedToken> Out;
  const auto Add = [&](const JsonValue &Value, const std::string &Name) {
    if (auto New = Reader.readSpecial(Value, "tokenizer_config.json: " + Name))
      Out.push_back(std::move(*New));
  };
  for (const char *Name : {"bos_token", "eos_token", "unk_token", "sep_token",
                           "pad_token", "cls_token", "mask_token"})
    if (const JsonValue *Value = Config.field(Name))
      Add(*Value, Name);
  for (const char *Name :
       {"additional_special_tokens", "extra_special_tokens"}) {
    const JsonValue *List = Config.field(Name);
    if (!List)
      continue;
    for (const JsonValue &Each : List->Items)
      Add(Each, Name);
    for (const JsonField &Each : List->Fields)
      Add(Each.Value, Name);
  }
  return Out;
}

AddedTokens AddedTokens::read(const JsonValue *Value, const JsonValue &Config,
                              const Model &Words, const Normalizer *Rules,
                              Refusals &Problems) {
  AddedTokens All;
  const TokenReader Reader(Rules, Problems);
  std::vector<AddedToken> Own;
  if (Value && !Value->isNull() && !Value->is(JsonValue::Kind::Array))
    Problems.refuse("added_tokens", "it is no list");
  for (size_t I = 0; Value && I != Value->Items.size(); ++I)
    if (auto New = Reader.read(Value->Items[I],
                               "added_tokens[" + std::to_string(I) + "]",
                               /*MayLack=*/false))
      Own.push_back(std::move(*New));
  std::vector<AddedToken> Later =
      readDecoderTokens(Config.field("added_tokens_decoder"), Reader, Problems);
  const std::vector<AddedToken> Named = readNamedTokens(Config, Reader);

  All.List.reserve(Own.size() + Later.size() + Named.size());
  auto NextId = static_cast<TokenId>(Words.listed());
  for (AddedToken &Each : Own)
    All.add(std::move(Each), Words, NextId);
  std::set<std::string> Roles;
  for (const AddedToken &Each : Named)
    Roles.insert(Each.Content);
  for (AddedToken &Each : Later) {
    const AddedToken *Old = All.find(Each.Content);
    Each.Id = Old ? Old->Id : 0;
    if (Old && *Old == Each)
      continue;
    Each.IsSpecial |= Roles.count(Each.Content) != 0;
    All.add(std::move(Each), Words, NextId);
  }
  for (const AddedToken &Each : Named)
    if (!All.find(Each.Content))
      All.add(Each, Words, NextId);
  All.makeTries();
  return All;
}

void AddedTokens::makeTries() {
  std::vector<Trie::Word> Words[2];
  for (size_t I = 0; I != List.size(); ++I)
    Words[List[I].IsNormalized].push_back(
        {List[I].Pattern, static_cast<uint32_t>(I)});
  Plain = Trie(std::move(Words[0]));
  Normalized = Trie(std::move(Words[1]));
}

void AddedTokens::cut(std::string_view Text, bool IsNormalized,
                      std::vector<Section> &Sections) const {
  const Trie &Words = IsNormalized ? Normalized : Plain;
  size_t From = 0;
  for (size_t At = 0; !Words.empty() && At < Text.size();) {
    if (!Words.begins(Text[At])) {
      ++At;
      continue;
    }
    size_t Length = 0;
    uint32_t Which = 0;
    Words.forEachPrefix(Text.substr(At), [&](size_t Bytes, uint32_t Value) {
      Length = Bytes;
      Which = Value;
    });
    if (Length == 0) {
      ++At;
      continue;
    }
    const AddedToken &Token = List[Which];
    size_t Begin = At, End = At + Length;
    At = End;
    if (Token.IsSingleWord) {
      size_t Before = Begin, After = End;
      if ((Begin != 0 && isWord(previousCharacter(Text, Before))) ||
          (End != Text.size() && isWord(nextCharacter(Text, After))))
        continue;
    }
    // Spaces that the token before took stay with it.
    if (Token.TakesSpaceLeft)
      for (size_t Next = Begin; Next > From; Begin = Next)
        if (!isSpace(previousCharacter(Text, Next)))
          break;
    if (Token.TakesSpaceRight)
      for (size_t Next = End; Next != Text.size(); End = Next)
        if (!isSpace(nextCharacter(Text, Next)))
          break;
    if (From < Begin)
      Sections.push_back({From, Begin, NoToken});
    Sections.push_back({Begin, End, Token.Id});
    From = End;
  }
  if (From < Text.size())
    Sections.push_back({From, Text.size(), NoToken});
}

const AddedToken *AddedTokens::find(TokenId Id) const {
  auto Found = ById.find(Id);
  return Found == ById.end() ? nullptr : &List[Found->second];
}

const AddedToken *AddedTokens::find(std::string_view Content) const {
  auto Found = ByContent.find(Content);
  return Found == ByContent.end() ? nullptr : &List[Found->second];
}

bool AddedTokens::isSpecialText(std::string_view Text) const {
  const AddedToken *Found = find(Text);
  return Found && Found->IsSpecial;
}
