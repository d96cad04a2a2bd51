// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and finding added tokens.

#include "runtime/text/AddedTokens.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

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

AddedTokens AddedTokens::read(const JsonValue *Value, const Model &Words,
                              const Normalizer *Rules, Refusals &Problems) {
  AddedTokens All;
  if (!Value || Value->isNull())
    return All;
  if (!Value->is(JsonValue::Kind::Array)) {
    Problems.refuse("added_tokens", "it is no list");
    return All;
  }
  All.List.reserve(Value->Items.size());
  auto NextId = static_cast<TokenId>(Words.listed());
  for (size_t I = 0; I != Value->Items.size(); ++I) {
    Component Part(Value->Items[I], "added_tokens[" + std::to_string(I) + "]",
                   Problems);
    AddedToken New;
    New.Content = Part.string("content");
    New.IsSingleWord = Part.flag("single_word");
    New.TakesSpaceLeft = Part.flag("lstrip");
    New.TakesSpaceRight = Part.flag("rstrip");
    New.IsNormalized = Part.flag("normalized");
    New.IsSpecial = Part.flag("special");
    Part.ignore({"id"});
    if (New.Content.size() > MaxTokenBytes)
      Part.refuse("a token has more than " + std::to_string(MaxTokenBytes) +
                  " bytes");
    if (New.Content.empty() || New.Content.size() > MaxTokenBytes)
      continue;
    New.Pattern = New.Content;
    if (New.IsNormalized && Rules) {
      NormalizedText Text;
      Text.Bytes = New.Content;
      if (Status Failed = Rules->apply(Text); !Failed.ok())
        Part.refuse(Failed.message());
      New.Pattern = std::move(Text.Bytes);
      if (New.Pattern.size() > MaxTokenBytes)
        Part.refuse("a token has more than " + std::to_string(MaxTokenBytes) +
                    " bytes");
    }
    All.add(std::move(New), Words, NextId);
  }
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
