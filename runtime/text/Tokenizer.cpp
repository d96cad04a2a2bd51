// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Puts the parts of a tokenizer together.

#include "runtime/text/Tokenizer.h"
#include "runtime/text/AddedTokens.h"
#include "runtime/text/Decoder.h"
#include "runtime/text/Model.h"
#include "runtime/text/Normalizer.h"
#include "runtime/text/PostProcessor.h"
#include "runtime/text/PreTokenizer.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <array>

using namespace dure;
using namespace dure::text;

// A character of more bytes is handed out in parts.
static constexpr size_t MaxHeldBytes = 1024;

struct text::TokenizerData {
  std::unique_ptr<Normalizer> Rules;
  std::unique_ptr<PreTokenizer> Cutter;
  std::unique_ptr<Model> Words;
  AddedTokens Added;
  Frame Around;
  std::optional<Decoders> Back;

  std::vector<TokenId> Specials;
  std::array<std::optional<TokenId>, 7> Roles;

  Status encodeSection(std::string_view Text, bool IsFirst, Scratch &Memory,
                       std::vector<TokenId> &Ids) const;
  Status encodePieces(NormalizedText Text, Scratch &Memory,
                      std::vector<TokenId> &Ids) const;
  std::optional<std::string_view> textOf(TokenId Id, bool SkipsSpecial) const;
  void readRoles(const JsonValue &Config);
};

//===-- Reading
//------------------------------------------------------------===//

void TokenizerData::readRoles(const JsonValue &Config) {
  // In the order of TokenRole.
  constexpr const char *Names[] = {"bos_token", "eos_token", "unk_token",
                                   "pad_token", "sep_token", "cls_token",
                                   "mask_token"};
  for (size_t I = 0; I != std::size(Names); ++I) {
    const JsonValue *Field = Config.field(Names[I]);
    // A string, or an object that describes the token.
    if (Field && Field->is(JsonValue::Kind::Object))
      Field = Field->field("content");
    if (!Field || !Field->is(JsonValue::Kind::String))
      continue;
    TokenId Id = Words->vocabulary().find(Field->String);
    if (const AddedToken *Token = Added.find(Field->String))
      Id = Token->Id;
    if (Id != NoToken)
      Roles[I] = Id;
  }
}

/// The field NAME of the file; a null where there is none.
static const JsonValue &fieldOf(const JsonValue &Root, std::string_view Name) {
  static const JsonValue None;
  const JsonValue *Found = Root.field(Name);
  return Found ? *Found : None;
}

Result<Tokenizer> Tokenizer::read(std::string_view TokenizerJson,
                                  std::string_view ConfigJson) {
  JsonValue Root, Config;
  ModelTables Tables;
  if (Status Failed = readTokenizerJson(TokenizerJson, Root, Tables);
      !Failed.ok())
    return Failed.at("tokenizer.json");
  if (!ConfigJson.empty())
    if (Status Failed = readJson(ConfigJson, Config); !Failed.ok())
      return Failed.at("tokenizer_config.json");

  Refusals Problems;
  auto New = std::make_shared<TokenizerData>();
  if (const JsonValue &Version = fieldOf(Root, "version");
      !Version.isNull() && Version.String != "1.0")
    Problems.refuse("version", "the version '" + Version.String +
                                   "' is not known to this version of Dure");
  New->Rules =
      readNormalizer(fieldOf(Root, "normalizer"), "normalizer", Problems);
  New->Cutter = readPreTokenizer(fieldOf(Root, "pre_tokenizer"),
                                 "pre_tokenizer", Problems);
  New->Around = readPostProcessor(fieldOf(Root, "post_processor"), Problems);
  if (const JsonValue &Decoder = fieldOf(Root, "decoder"); !Decoder.isNull())
    readDecoder(Decoder, "decoder", Problems, New->Back.emplace());
  New->Words = readModel(fieldOf(Root, "model"), Tables, Problems);
  if (New->Words)
    New->Added = AddedTokens::read(Root.field("added_tokens"), Config,
                                   *New->Words, New->Rules.get(), Problems);
  if (!Problems.empty())
    return Problems.status();

  if (New->Cutter && New->Cutter->endsInByteCharacters() &&
      New->Words->takeRawBytes())
    New->Cutter->dropByteCharacters();
  for (const AddedToken &Token : New->Added.all())
    if (Token.IsSpecial)
      New->Specials.push_back(Token.Id);
  std::sort(New->Specials.begin(), New->Specials.end());
  New->readRoles(Config);
  return Tokenizer(std::move(New));
}

//===-- Encoding
//-----------------------------------------------------------===//

Status TokenizerData::encodePieces(NormalizedText Text, Scratch &Memory,
                                   std::vector<TokenId> &Ids) const {
  Pieces All;
  All.List.push_back({0, Text.Bytes.size(), Text.FirstBytes});
  All.Bytes = std::move(Text.Bytes);
  if (Cutter)
    DURE_RETURN_IF_ERROR(Cutter->apply(All));
  for (const Pieces::Range &Piece : All.List)
    DURE_RETURN_IF_ERROR(Words->encode(All.text(Piece), Memory, Ids));
  return Status::success();
}

/// Encodes what stands between two tokens that are not normalized.
Status TokenizerData::encodeSection(std::string_view Section, bool IsFirst,
                                    Scratch &Memory,
                                    std::vector<TokenId> &Ids) const {
  NormalizedText Text;
  Text.Bytes = Section;
  Text.MaxBytes = NormalizedText::maxBytesFrom(Section.size());
  Text.FirstBytes = IsFirst ? lengthOfCharacter(Section[0]) : 0;
  if (Rules)
    DURE_RETURN_IF_ERROR(Rules->apply(Text));
  std::vector<text::Section> Sections;
  Added.cut(Text.Bytes, true, Sections);
  for (const text::Section &S : Sections) {
    if (S.Id != NoToken) {
      Ids.push_back(S.Id);
      continue;
    }
    NormalizedText Part;
    if (Sections.size() == 1)
      Part.Bytes = std::move(Text.Bytes);
    else
      Part.Bytes = Text.Bytes.substr(S.Begin, S.End - S.Begin);
    Part.FirstBytes =
        std::min(Text.FirstBytes, S.End) - std::min(Text.FirstBytes, S.Begin);
    DURE_RETURN_IF_ERROR(encodePieces(std::move(Part), Memory, Ids));
  }
  return Status::success();
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view Text,
                                               bool AddSpecialTokens) const {
  std::string Repaired;
  if (validPrefix(Text) != Text.size()) {
    Repaired = replaceInvalid(Text);
    Text = Repaired;
  }
  Scratch Memory;
  std::vector<TokenId> Ids;
  Ids.reserve(Text.size() / 3 + 8);
  std::vector<text::Section> Sections;
  Data->Added.cut(Text, false, Sections);
  for (const text::Section &S : Sections) {
    if (S.Id != NoToken) {
      Ids.push_back(S.Id);
      continue;
    }
    if (Status Failed = Data->encodeSection(
            Text.substr(S.Begin, S.End - S.Begin), S.Begin == 0, Memory, Ids);
        !Failed.ok())
      return Failed;
  }
  const std::vector<TokenId> &Around =
      AddSpecialTokens ? Data->Around.WithSpecial : Data->Around.WithoutSpecial;
  if (Around.size() == 1 && Around[0] == NoToken)
    return Ids;
  std::vector<TokenId> All;
  All.reserve(Ids.size() + Around.size());
  for (TokenId Id : Around)
    if (Id == NoToken)
      All.insert(All.end(), Ids.begin(), Ids.end());
    else
      All.push_back(Id);
  return All;
}

//===-- Decoding
//-----------------------------------------------------------===//

/// The token that decoding sees for an id.
std::optional<std::string_view> TokenizerData::textOf(TokenId Id,
                                                      bool SkipsSpecial) const {
  std::optional<std::string_view> Text;
  if (const AddedToken *Token = Added.find(Id))
    Text = Token->Pattern;
  else
    Text = Words->vocabulary().tokenOf(Id);
  if (Text && SkipsSpecial && Added.isSpecialText(*Text))
    return std::nullopt;
  return Text;
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> Ids,
                                      bool SkipSpecialTokens) const {
  DecodeChain Chain(Data->Back ? &*Data->Back : nullptr);
  for (TokenId Id : Ids)
    if (auto Text = Data->textOf(Id, SkipSpecialTokens))
      if (Status Failed = Chain.token(*Text); !Failed.ok())
        return Failed;
  if (Status Failed = Chain.end(); !Failed.ok())
    return Failed;
  return std::move(Chain.Out);
}

DecodeStream::DecodeStream(const Tokenizer &Source, bool SkipSpecialTokens)
    : Source(Source), SkipSpecialTokens(SkipSpecialTokens) {}
DecodeStream::DecodeStream(DecodeStream &&) noexcept = default;
DecodeStream &DecodeStream::operator=(DecodeStream &&) noexcept = default;
DecodeStream::~DecodeStream() = default;

std::string DecodeStream::takeCertain() {
  size_t Certain = beginOfOpenCluster(Held);
  if (Held.size() - Certain > MaxHeldBytes) {
    Certain = Held.size();
    previousCharacter(Held, Certain);
  }
  std::string Out = Held.substr(0, Certain);
  Held.erase(0, Certain);
  return Out;
}

Result<std::string> DecodeStream::push(TokenId Id) {
  const TokenizerData &Data = *Source.Data;
  if (!Chain)
    Chain = std::make_unique<DecodeChain>(Data.Back ? &*Data.Back : nullptr);
  if (auto Text = Data.textOf(Id, SkipSpecialTokens))
    if (Status Failed = Chain->token(*Text); !Failed.ok())
      return Failed;
  Held += Chain->Out;
  Chain->Out.clear();
  return takeCertain();
}

Result<std::string> DecodeStream::finish() {
  std::string Out = std::move(Held);
  Held.clear();
  std::unique_ptr<DecodeChain> Ended = std::move(Chain);
  if (!Ended)
    return Out;
  if (Status Failed = Ended->end(); !Failed.ok())
    return Failed;
  return Out + Ended->Out;
}

//===-- Tokens
//-------------------------------------------------------------===//

size_t Tokenizer::size() const {
  size_t End = Data->Words->vocabulary().idEnd();
  for (const AddedToken &Token : Data->Added.all())
    End = std::max(End, size_t(Token.Id) + 1);
  return End;
}

std::optional<std::string_view> Tokenizer::tokenOf(TokenId Id) const {
  if (const AddedToken *Token = Data->Added.find(Id))
    return Token->Content;
  return Data->Words->vocabulary().tokenOf(Id);
}

std::optional<TokenId> Tokenizer::idOf(std::string_view Token) const {
  if (const AddedToken *Found = Data->Added.find(Token))
    return Found->Id;
  TokenId Id = Data->Words->vocabulary().find(Token);
  return Id == NoToken ? std::nullopt : std::optional(Id);
}

bool Tokenizer::isSpecial(TokenId Id) const {
  return std::binary_search(Data->Specials.begin(), Data->Specials.end(), Id);
}

const std::vector<TokenId> &Tokenizer::specialTokens() const {
  return Data->Specials;
}

std::optional<TokenId> Tokenizer::role(TokenRole Role) const {
  return Data->Roles[static_cast<size_t>(Role)];
}
