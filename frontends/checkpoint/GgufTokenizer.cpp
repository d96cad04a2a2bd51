// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes tokenizer.json and its neighbours for the vocabulary of a GGUF file.

#include "frontends/checkpoint/GgufTokenizer.h"

#include "frontends/checkpoint/GgufVocabulary.h"
#include "frontends/checkpoint/JsonWriter.h"

#include <algorithm>
#include <array>
#include <set>

namespace dure::checkpoint {
namespace {

constexpr std::string_view Space = "\xe2\x96\x81"; // U+2581

enum SplitFlag : unsigned {
  IgnoreMerges = 1,
  AddBos = 2,
  AddSeparator = 4,
  Nfc = 8
};

enum class SplitId {
#define DURE_SPLIT(ID, ...) ID,
#include "frontends/checkpoint/GgufPreTokenizers.def"
};

/// Steps that are no expressions.
constexpr std::string_view Digits = "\1digits";
constexpr std::string_view Gpt2 = "\1gpt2";

using Steps = std::vector<std::string_view>;

const Steps &stepsOf(SplitId Id) {
  static const std::array Table = {
#define DURE_SPLIT(ID, ...) Steps{__VA_ARGS__},
#include "frontends/checkpoint/GgufPreTokenizers.def"
  };
  return Table[size_t(Id)];
}

struct PreTokenizer {
  std::string_view Name;
  SplitId Split;
  unsigned Flags;
};

constexpr PreTokenizer PreTokenizers[] = {
#define DURE_PRE_TOKENIZER(NAME, ID, FLAGS) {NAME, SplitId::ID, FLAGS},
#include "frontends/checkpoint/GgufPreTokenizers.def"
};

const PreTokenizer *findPreTokenizer(std::string_view Name) {
  const auto *Found =
      std::find_if(std::begin(PreTokenizers), std::end(PreTokenizers),
                   [&](const PreTokenizer &Each) { return Each.Name == Name; });
  return Found == std::end(PreTokenizers) ? nullptr : Found;
}

std::string base64(std::span<const std::byte> Bytes) {
  static constexpr char Letters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string Out;
  for (size_t I = 0; I < Bytes.size(); I += 3) {
    const size_t Count = std::min<size_t>(3, Bytes.size() - I);
    uint32_t Bits = 0;
    for (size_t J = 0; J < 3; ++J)
      Bits = Bits << 8 | (J < Count ? uint32_t(Bytes[I + J]) : 0);
    for (size_t J = 0; J < 4; ++J)
      Out += J <= Count ? Letters[Bits >> (18 - 6 * J) & 63] : '=';
  }
  return Out;
}

/// Writes the files of one vocabulary.
class TokenizerFiles {
public:
  TokenizerFiles(const GgufFile &File, Vocabulary V, Refusals &Problems)
      : File(File), Problems(Problems), V(std::move(V)) {}

  bool prepare();
  std::string tokenizer();
  std::string config();
  std::string generation();

private:
  bool isFlag(const char *Name, bool Usual) {
    return File.boolean("tokenizer.ggml." + std::string(Name), Problems)
        .value_or(Usual);
  }
  bool isGemma() {
    const auto Family = File.text("general.architecture", Problems);
    return Family && Family->starts_with("gemma");
  }

  void writeAddedTokens();
  void writeNormalizer();
  void writePreTokenizer();
  void writePostProcessor();
  void writeTemplate(bool IsPair);
  void writeDecoder();
  void writeModel();
  void writeBpe();
  void writeVocabulary();
  void writeUnigram();
  void writeWordPiece();
  void writeMetaspace(std::string_view Scheme, bool Splits);
  void writeTemplates(JsonWriter &To);

  const GgufFile &File;
  Refusals &Problems;
  const Vocabulary V;
  const PreTokenizer *Pre = nullptr;
  std::vector<Merge> Merges;
  bool AddsBos = false, AddsEos = false, AddsSeparator = false;
  bool HasPrefix = false;
  JsonWriter W;
};

} // namespace

/// Whether the file says all that is needed.
bool TokenizerFiles::prepare() {
  const size_t Before = Problems.list().size();
  const bool IsByteLevel = V.Model == VocabularyModel::ByteLevel;
  const bool IsPieces = V.Model == VocabularyModel::SentencePiece;
  if (IsByteLevel) {
    // Files from before the key was there are cut as "default" says.
    const std::string Name(
        File.text("tokenizer.ggml.pre", Problems).value_or("default"));
    Pre = findPreTokenizer(Name);
    if (!Pre)
      Problems.add(RefusalCode::GgufPreTokenizer, File.place(), {Name});
  }
  if (IsByteLevel || IsPieces)
    if (auto Found = mergesOf(File, V, Problems))
      Merges = std::move(*Found);
  if (V.Model == VocabularyModel::Unigram && V.Scores.empty())
    Problems.add(RefusalCode::GgufMissing, File.place(),
                 {"tokenizer.ggml.scores"});
  const unsigned Flags = Pre ? Pre->Flags : 0;
  const bool IsWords = V.Model == VocabularyModel::WordPiece;
  AddsBos = isFlag("add_bos_token", IsPieces || IsWords || Flags & AddBos);
  AddsEos = isFlag("add_eos_token", V.Model == VocabularyModel::Unigram);
  AddsSeparator = isFlag("add_sep_token", IsWords || Flags & AddSeparator);
  AddsBos = AddsBos && (IsWords ? V.Cls : V.Bos);
  AddsEos = AddsEos && V.Eos;
  AddsSeparator = AddsSeparator && V.Separator;
  HasPrefix = isFlag("add_space_prefix",
                     IsPieces || V.Model == VocabularyModel::Unigram) &&
              !isGemma();
  return Problems.list().size() == Before;
}

//===----------------------------------------------------------------------===//
// tokenizer.json
//===----------------------------------------------------------------------===//

std::string TokenizerFiles::tokenizer() {
  W.beginObject().member("version", "1.0");
  W.key("truncation").null().key("padding").null();
  writeAddedTokens();
  writeNormalizer();
  writePreTokenizer();
  writePostProcessor();
  writeDecoder();
  writeModel();
  W.endObject();
  return W.take();
}

/// Tokens that are found in text as they are.
void TokenizerFiles::writeAddedTokens() {
  std::set<int64_t> Special;
  for (const auto &Each :
       {V.Bos, V.Eos, V.Unknown, V.Pad, V.Separator, V.Cls, V.Mask})
    if (Each)
      Special.insert(*Each);
  W.key("added_tokens").beginArray();
  for (size_t I = 0; I < V.Tokens.size(); ++I) {
    const bool IsSpecial =
        V.Kinds[I] == TokenKind::Control || Special.count(int64_t(I));
    if (!IsSpecial && V.Kinds[I] != TokenKind::UserDefined)
      continue;
    W.beginObject().member("id", int64_t(I));
    W.member("content", V.Tokens[I]).member("single_word", false);
    W.member("lstrip", false).member("rstrip", false);
    W.member("normalized", false).member("special", IsSpecial).endObject();
  }
  W.endArray();
}

void TokenizerFiles::writeNormalizer() {
  W.key("normalizer");
  switch (V.Model) {
  case VocabularyModel::ByteLevel:
    if (Pre->Flags & Nfc)
      W.beginObject().member("type", "NFC").endObject();
    else
      W.null();
    return;
  case VocabularyModel::SentencePiece:
    if (!isGemma()) {
      W.null();
      return;
    }
    W.beginObject().member("type", "Replace");
    W.key("pattern").beginObject().member("String", " ").endObject();
    W.member("content", Space).endObject();
    return;
  case VocabularyModel::Unigram: {
    const auto Map =
        File.bytes("tokenizer.ggml.precompiled_charsmap", Problems);
    if (!Map || Map->empty()) {
      W.null();
      return;
    }
    W.beginObject().member("type", "Precompiled");
    W.member("precompiled_charsmap", base64(*Map)).endObject();
    return;
  }
  case VocabularyModel::WordPiece: {
    const bool Lower = isFlag("normalizer.lowercase", true);
    W.beginObject().member("type", "BertNormalizer");
    W.member("clean_text", true).member("handle_chinese_chars", true);
    W.member("strip_accents", isFlag("normalizer.strip_accents", Lower));
    W.member("lowercase", Lower).endObject();
    return;
  }
  }
}

void TokenizerFiles::writeMetaspace(std::string_view Scheme, bool Splits) {
  W.beginObject().member("type", "Metaspace").member("replacement", Space);
  W.member("prepend_scheme", Scheme).member("split", Splits).endObject();
}

void TokenizerFiles::writePreTokenizer() {
  W.key("pre_tokenizer");
  if (V.Model == VocabularyModel::SentencePiece) {
    if (isGemma())
      W.null();
    else
      writeMetaspace(HasPrefix ? "first" : "never", false);
    return;
  }
  if (V.Model == VocabularyModel::WordPiece) {
    W.beginObject().member("type", "BertPreTokenizer").endObject();
    return;
  }
  W.beginObject().member("type", "Sequence").key("pretokenizers").beginArray();
  if (V.Model == VocabularyModel::Unigram) {
    if (isFlag("remove_extra_whitespaces", true))
      W.beginObject().member("type", "WhitespaceSplit").endObject();
    writeMetaspace(HasPrefix ? "always" : "never", true);
    W.endArray().endObject();
    return;
  }
  bool CutsByGpt2 = false;
  for (std::string_view Step : stepsOf(Pre->Split)) {
    if (Step == Gpt2) {
      CutsByGpt2 = true;
      continue;
    }
    W.beginObject();
    if (Step == Digits) {
      W.member("type", "Digits").member("individual_digits", true).endObject();
      continue;
    }
    W.member("type", "Split").key("pattern").beginObject();
    W.member("Regex", Step).endObject();
    W.member("behavior", "Isolated").member("invert", false).endObject();
  }
  W.beginObject().member("type", "ByteLevel");
  W.member("add_prefix_space", isFlag("add_space_prefix", false));
  W.member("trim_offsets", true).member("use_regex", CutsByGpt2).endObject();
  W.endArray().endObject();
}

/// What stands around one text, or around each of two.
void TokenizerFiles::writeTemplate(bool IsPair) {
  const bool IsWords = V.Model == VocabularyModel::WordPiece;
  const auto First = IsWords ? V.Cls : V.Bos;
  const auto Token = [&](int64_t Id, int64_t Type) {
    W.beginObject().key("SpecialToken").beginObject();
    W.member("id", V.Tokens[size_t(Id)]).member("type_id", Type);
    W.endObject().endObject();
  };
  W.key(IsPair ? "pair" : "single").beginArray();
  for (int64_t Part = 0; Part < (IsPair ? 2 : 1); ++Part) {
    // BERT's second text has no token in front.
    if (AddsBos && !(IsWords && Part))
      Token(*First, Part);
    W.beginObject().key("Sequence").beginObject();
    W.member("id", Part ? "B" : "A").member("type_id", Part);
    W.endObject().endObject();
    if (AddsSeparator)
      Token(*V.Separator, Part);
    else if (AddsEos)
      Token(*V.Eos, Part);
  }
  W.endArray();
}

void TokenizerFiles::writePostProcessor() {
  W.key("post_processor");
  W.beginObject().member("type", "TemplateProcessing");
  writeTemplate(false);
  writeTemplate(true);
  std::set<int64_t> Used;
  if (AddsBos)
    Used.insert(V.Model == VocabularyModel::WordPiece ? *V.Cls : *V.Bos);
  if (AddsSeparator)
    Used.insert(*V.Separator);
  else if (AddsEos)
    Used.insert(*V.Eos);
  W.key("special_tokens").beginObject();
  for (int64_t Id : Used) {
    const std::string &Token = V.Tokens[size_t(Id)];
    W.key(Token).beginObject().member("id", Token);
    W.key("ids").beginArray().integer(Id).endArray();
    W.key("tokens").beginArray().text(Token).endArray().endObject();
  }
  W.endObject().endObject();
}

void TokenizerFiles::writeDecoder() {
  W.key("decoder");
  switch (V.Model) {
  case VocabularyModel::ByteLevel:
    W.beginObject().member("type", "ByteLevel");
    W.member("add_prefix_space", true).member("trim_offsets", true);
    W.member("use_regex", true).endObject();
    return;
  case VocabularyModel::SentencePiece:
    W.beginObject().member("type", "Sequence").key("decoders").beginArray();
    W.beginObject().member("type", "Replace");
    W.key("pattern").beginObject().member("String", Space).endObject();
    W.member("content", " ").endObject();
    W.beginObject().member("type", "ByteFallback").endObject();
    W.beginObject().member("type", "Fuse").endObject();
    if (HasPrefix) {
      W.beginObject().member("type", "Strip").member("content", " ");
      W.member("start", int64_t(1)).member("stop", int64_t(0)).endObject();
    }
    W.endArray().endObject();
    return;
  case VocabularyModel::Unigram:
    writeMetaspace(HasPrefix ? "always" : "never", true);
    return;
  case VocabularyModel::WordPiece:
    W.beginObject().member("type", "WordPiece").member("prefix", "##");
    W.member("cleanup", true).endObject();
    return;
  }
}

void TokenizerFiles::writeModel() {
  W.key("model").beginObject();
  switch (V.Model) {
  case VocabularyModel::ByteLevel:
  case VocabularyModel::SentencePiece:
    writeBpe();
    break;
  case VocabularyModel::Unigram:
    writeUnigram();
    break;
  case VocabularyModel::WordPiece:
    writeWordPiece();
    break;
  }
  W.endObject();
}

void TokenizerFiles::writeVocabulary() {
  W.key("vocab").beginObject();
  for (size_t I = 0; I < V.Tokens.size(); ++I)
    W.member(V.Tokens[I], int64_t(I));
  W.endObject();
}

void TokenizerFiles::writeBpe() {
  const bool IsPieces = V.Model == VocabularyModel::SentencePiece;
  W.member("type", "BPE").key("dropout").null().key("unk_token");
  if (IsPieces && V.Unknown)
    W.text(V.Tokens[size_t(*V.Unknown)]);
  else
    W.null();
  W.key("continuing_subword_prefix").null().key("end_of_word_suffix").null();
  W.member("fuse_unk", IsPieces).member("byte_fallback", IsPieces);
  W.member("ignore_merges", Pre && Pre->Flags & IgnoreMerges);
  writeVocabulary();
  W.key("merges").beginArray();
  for (const auto &[Left, Right] : Merges)
    W.beginArray().text(Left).text(Right).endArray();
  W.endArray();
}

void TokenizerFiles::writeUnigram() {
  W.member("type", "Unigram").key("unk_id");
  if (V.Unknown)
    W.integer(*V.Unknown);
  else
    W.null();
  W.key("vocab").beginArray();
  for (size_t I = 0; I < V.Tokens.size(); ++I)
    W.beginArray().text(V.Tokens[I]).number(V.Scores[I]).endArray();
  W.endArray();
  W.member("byte_fallback", std::find(V.Kinds.begin(), V.Kinds.end(),
                                      TokenKind::Byte) != V.Kinds.end());
}

/// A GGUF file marks the beginnings of words rather than what goes on.
static std::string asContinued(const std::string &Token, TokenKind Kind) {
  if (Kind == TokenKind::Control)
    return Token;
  return Token.starts_with(Space) ? Token.substr(Space.size()) : "##" + Token;
}

void TokenizerFiles::writeWordPiece() {
  W.member("type", "WordPiece").key("unk_token");
  W.text(V.Unknown ? std::string_view(V.Tokens[size_t(*V.Unknown)]) : "[UNK]");
  W.member("continuing_subword_prefix", "##");
  W.member("max_input_chars_per_word", int64_t(100));
  W.key("vocab").beginObject();
  for (size_t I = 0; I < V.Tokens.size(); ++I)
    W.member(asContinued(V.Tokens[I], V.Kinds[I]), int64_t(I));
  W.endObject();
}

//===----------------------------------------------------------------------===//
// tokenizer_config.json, generation_config.json
//===----------------------------------------------------------------------===//

std::string TokenizerFiles::config() {
  JsonWriter To;
  To.beginObject().member("tokenizer_class", "PreTrainedTokenizerFast");
  const std::pair<const char *, std::optional<int64_t>> Tokens[] = {
      {"bos_token", V.Bos},       {"eos_token", V.Eos},
      {"unk_token", V.Unknown},   {"pad_token", V.Pad},
      {"sep_token", V.Separator}, {"mask_token", V.Mask}};
  for (const auto &[Name, Id] : Tokens)
    if (Id)
      To.member(Name, V.Tokens[size_t(*Id)]);
  if (V.Cls && V.Model == VocabularyModel::WordPiece)
    To.member("cls_token", V.Tokens[size_t(*V.Cls)]);
  To.member("add_bos_token", AddsBos).member("add_eos_token", AddsEos);
  To.member("clean_up_tokenization_spaces", false);
  const auto Family = File.text("general.architecture", Problems);
  if (Family)
    if (const auto Length =
            File.integer(std::string(*Family) + ".context_length", Problems))
      To.member("model_max_length", *Length);
  writeTemplates(To);
  To.endObject();
  return To.take();
}

/// One template, or several with names.
void TokenizerFiles::writeTemplates(JsonWriter &To) {
  const std::string Key = "tokenizer.chat_template";
  std::vector<std::pair<std::string, std::string_view>> Named;
  if (const auto Text = File.text(Key, Problems))
    Named.emplace_back("default", *Text);
  for (const auto &[Name, Value] : File.metadata())
    if (Name.starts_with(Key + "."))
      if (const auto Text = File.text(Name, Problems))
        Named.emplace_back(Name.substr(Key.size() + 1), *Text);
  if (Named.empty())
    return;
  To.key("chat_template");
  if (Named.size() == 1 && Named[0].first == "default") {
    To.text(Named[0].second);
    return;
  }
  To.beginArray();
  for (const auto &[Name, Text] : Named)
    To.beginObject().member("name", Name).member("template", Text).endObject();
  To.endArray();
}

/// Tokens that end an answer, by what they look like: files name one, chats
/// have several. Facts from src/llama-vocab.cpp of llama.cpp.
static bool endsText(std::string_view Token) {
  static constexpr std::string_view Ends[] = {
      "<|eot_id|>",      "<|im_end|>",        "<|end|>",   "<|return|>",
      "<|call|>",        "<|flush|>",         "<|calls|>", "<end_of_turn>",
      "<|endoftext|>",   "<|eom_id|>",        "<EOT>",     "[EOT]",
      "<|end_of_text|>", "<end_of_utterance>"};
  return std::find(std::begin(Ends), std::end(Ends), Token) != std::end(Ends);
}

std::string TokenizerFiles::generation() {
  std::vector<int64_t> Ends;
  const auto Add = [&](std::optional<int64_t> Id) {
    if (Id && *Id < int64_t(V.Tokens.size()) &&
        std::find(Ends.begin(), Ends.end(), *Id) == Ends.end())
      Ends.push_back(*Id);
  };
  Add(V.Eos);
  Add(File.integer("tokenizer.ggml.eot_token_id", Problems));
  Add(File.integer("tokenizer.ggml.eom_token_id", Problems));
  // Where a model has calls, the plain end only ends one of several parts.
  const bool HasParts = (V.find("<|return|>") && V.find("<|call|>")) ||
                        (V.find("<|flush|>") && V.find("<|calls|>"));
  for (size_t I = 0; I < V.Tokens.size(); ++I)
    if (V.Kinds[I] == TokenKind::Control && endsText(V.Tokens[I]) &&
        !(HasParts && V.Tokens[I] == "<|end|>"))
      Add(int64_t(I));
  JsonWriter To;
  To.beginObject();
  if (V.Bos)
    To.member("bos_token_id", *V.Bos);
  if (Ends.size() == 1)
    To.member("eos_token_id", Ends[0]);
  if (Ends.size() > 1) {
    To.key("eos_token_id").beginArray();
    for (int64_t Each : Ends)
      To.integer(Each);
    To.endArray();
  }
  if (V.Pad)
    To.member("pad_token_id", *V.Pad);
  const std::string Sampling = "general.sampling.";
  if (File.has(Sampling + "temp"))
    To.member("do_sample", true);
  const std::pair<const char *, const char *> Numbers[] = {
      {"temp", "temperature"},
      {"top_p", "top_p"},
      {"min_p", "min_p"},
      {"penalty_repeat", "repetition_penalty"}};
  for (const auto &[Theirs, Name] : Numbers)
    if (const auto Value = File.number(Sampling + Theirs, Problems))
      To.key(Name).number(*Value);
  if (const auto K = File.integer(Sampling + "top_k", Problems))
    To.member("top_k", *K);
  To.endObject();
  return To.take();
}

std::map<std::string, std::string, std::less<>>
makeTokenizerFiles(const GgufFile &File, Refusals &Problems) {
  std::optional<Vocabulary> V = readVocabulary(File, Problems);
  if (!V)
    return {};
  TokenizerFiles Files(File, std::move(*V), Problems);
  if (!Files.prepare())
    return {};
  return {{"tokenizer.json", Files.tokenizer()},
          {"tokenizer_config.json", Files.config()},
          {"generation_config.json", Files.generation()}};
}

} // namespace dure::checkpoint
