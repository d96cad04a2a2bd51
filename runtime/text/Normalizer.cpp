// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The normalizers, one class each, and reading them.

#include "runtime/text/Normalizer.h"
#include "runtime/text/CharsMap.h"
#include "runtime/text/Regex.h"
#include "runtime/text/Unicode.h"

#include <array>

using namespace dure;
using namespace dure::text;

static std::array<std::string, 256> makeByteCharacters() {
  std::array<std::string, 256> Table;
  char32_t Next = 0x100;
  for (unsigned Byte = 0; Byte != 256; ++Byte) {
    bool IsPrinted =
        (Byte >= '!' && Byte <= '~') || (Byte >= 0xA1 && Byte != 0xAD);
    appendCharacter(Table[Byte], IsPrinted ? Byte : Next++);
  }
  return Table;
}

const std::string &text::characterOfByte(unsigned char Byte) {
  static const std::array<std::string, 256> Table = makeByteCharacters();
  return Table[Byte];
}

int text::byteOfCharacter(char32_t Character) {
  static const std::array<int16_t, 0x144> Table = [] {
    std::array<int16_t, 0x144> Bytes;
    Bytes.fill(-1);
    for (unsigned Byte = 0; Byte != 256; ++Byte) {
      size_t At = 0;
      Bytes[nextCharacter(characterOfByte(static_cast<unsigned char>(Byte)),
                          At)] = static_cast<int16_t>(Byte);
    }
    return Bytes;
  }();
  return Character < Table.size() ? Table[Character] : -1;
}

Status text::growsTooLong() {
  return Status(StatusCode::ResourceExhausted,
                "the rules of the tokenizer make the text longer and longer");
}

namespace {

/// Rewrites a text character by character: MAP(to, character) appends what
/// stands for one.
template <typename F> void mapCharacters(NormalizedText &Text, F Map) {
  std::string Out;
  Out.reserve(Text.Bytes.size());
  size_t FirstBytes = 0;
  for (size_t At = 0; At != Text.Bytes.size();) {
    bool IsFirst = At < Text.FirstBytes;
    Map(Out, nextCharacter(Text.Bytes, At));
    if (IsFirst)
      FirstBytes = Out.size();
  }
  Text.Bytes = std::move(Out);
  Text.FirstBytes = FirstBytes;
}

class Normalize : public Normalizer {
public:
  explicit Normalize(NormalizationForm Form) : Form(Form) {}
  Status apply(NormalizedText &Text) const override {
    if (isSurelyNormalized(Text.Bytes, Form))
      return Status::success();
    std::string Out;
    Out.reserve(Text.Bytes.size());
    appendNormalized(Out, Text.Bytes, Form);
    // What the first character alone becomes; what joins it changes nothing.
    if (Text.FirstBytes != 0) {
      std::string First;
      appendNormalized(
          First, std::string_view(Text.Bytes).substr(0, Text.FirstBytes), Form);
      Text.FirstBytes = std::min(First.size(), Out.size());
    }
    Text.Bytes = std::move(Out);
    return Status::success();
  }

private:
  NormalizationForm Form;
};

class Lowercase : public Normalizer {
public:
  Status apply(NormalizedText &Text) const override {
    mapCharacters(Text, appendLowercase);
    return Status::success();
  }
};

class StripAccents : public Normalizer {
public:
  Status apply(NormalizedText &Text) const override {
    mapCharacters(Text, [](std::string &To, char32_t C) {
      if (C < 0x300 || !isMark(C))
        appendCharacter(To, C);
    });
    return Status::success();
  }
};

/// What neural machine translation does away with (SentencePiece's "nmt").
class Nmt : public Normalizer {
public:
  Status apply(NormalizedText &Text) const override {
    mapCharacters(Text, [](std::string &To, char32_t C) {
      bool IsDropped = (C >= 0x01 && C <= 0x08) || C == 0x0B ||
                       (C >= 0x0E && C <= 0x1F) || C == 0x7F || C == 0x8F ||
                       C == 0x9F;
      bool IsSpace = C == 0x09 || C == 0x0A || C == 0x0C || C == 0x0D ||
                     C == 0x1680 || (C >= 0x200B && C <= 0x200F) ||
                     C == 0x2028 || C == 0x2029 || C == 0x2581 || C == 0xFEFF ||
                     C == 0xFFFD;
      if (!IsDropped)
        appendCharacter(To, IsSpace ? U' ' : C);
    });
    return Status::success();
  }
};

class ByteLevelNormalizer : public Normalizer {
public:
  Status apply(NormalizedText &Text) const override {
    std::string Out;
    Out.reserve(2 * Text.Bytes.size());
    size_t FirstBytes = 0;
    for (size_t I = 0; I != Text.Bytes.size(); ++I) {
      Out += characterOfByte(static_cast<unsigned char>(Text.Bytes[I]));
      if (I < Text.FirstBytes)
        FirstBytes = Out.size();
    }
    Text.Bytes = std::move(Out);
    Text.FirstBytes = FirstBytes;
    return Status::success();
  }
};

class Strip : public Normalizer {
public:
  Strip(bool Left, bool Right) : Left(Left), Right(Right) {}
  Status apply(NormalizedText &Text) const override {
    std::string_view Bytes = Text.Bytes;
    size_t Begin = 0, End = Bytes.size();
    if (Left)
      for (size_t At = 0; At != Bytes.size(); Begin = At)
        if (!isSpace(nextCharacter(Bytes, At)))
          break;
    if (Right)
      for (size_t At = End; At > Begin; End = At)
        if (!isSpace(previousCharacter(Bytes, At)))
          break;
    Text.FirstBytes = std::max(Text.FirstBytes, Begin) - Begin;
    Text.FirstBytes = std::min(Text.FirstBytes, End - Begin);
    Text.Bytes = std::string(Bytes.substr(Begin, End - Begin));
    return Status::success();
  }

private:
  bool Left, Right;
};

class Prepend : public Normalizer {
public:
  explicit Prepend(std::string What) : What(std::move(What)) {}
  Status apply(NormalizedText &Text) const override {
    if (Text.Bytes.empty())
      return Status::success();
    Text.Bytes.insert(0, What);
    if (Text.FirstBytes != 0)
      Text.FirstBytes += What.size();
    return Status::success();
  }

private:
  std::string What;
};

class Replace : public Normalizer {
public:
  Replace(Regex Pattern, std::string Content)
      : Pattern(std::move(Pattern)), Content(std::move(Content)) {}
  Status apply(NormalizedText &Text) const override {
    std::string Out;
    size_t At = 0, FirstBytes = 0;
    Regex::Matches Matches(Pattern, Text.Bytes);
    // What replaces a match counts as its last character.
    auto Keep = [&](size_t End) {
      Out.append(Text.Bytes, At, End - At);
      if (At < Text.FirstBytes)
        FirstBytes = Out.size() - (End - std::min(End, Text.FirstBytes));
    };
    while (Matches.next()) {
      Keep(Matches.begin());
      Out += Content;
      if (Out.size() > Text.MaxBytes)
        return growsTooLong();
      At = Matches.end();
      if (At != 0 ? At - 1 < Text.FirstBytes : true)
        FirstBytes = Out.size();
    }
    DURE_RETURN_IF_ERROR(Matches.status());
    Keep(Text.Bytes.size());
    Text.Bytes = std::move(Out);
    Text.FirstBytes = FirstBytes;
    return Status::success();
  }

private:
  Regex Pattern;
  std::string Content;
};

/// A literal Replace: the most common normalizer of all, ' ' by '▁'.
class ReplaceText : public Normalizer {
public:
  ReplaceText(std::string From, std::string Content)
      : From(std::move(From)), Content(std::move(Content)) {}
  Status apply(NormalizedText &Text) const override {
    size_t Found = From.empty() ? Text.Bytes.npos : Text.Bytes.find(From);
    if (Found == Text.Bytes.npos)
      return Status::success();
    std::string Out;
    Out.reserve(Text.Bytes.size() + Text.Bytes.size() / 4);
    size_t At = 0, FirstBytes = Text.FirstBytes;
    for (; Found != Text.Bytes.npos; Found = Text.Bytes.find(From, At)) {
      Out.append(Text.Bytes, At, Found - At);
      At = Found + From.size();
      Out += Content;
      if (Out.size() > Text.MaxBytes)
        return growsTooLong();
      if (At - 1 < Text.FirstBytes)
        FirstBytes = Out.size() + (Text.FirstBytes - At);
      else if (Found < Text.FirstBytes)
        FirstBytes = Out.size() - Content.size();
    }
    Out.append(Text.Bytes, At);
    Text.Bytes = std::move(Out);
    Text.FirstBytes = FirstBytes;
    return Status::success();
  }

private:
  std::string From, Content;
};

class Bert : public Normalizer {
public:
  Bert(bool CleansText, bool ParesChinese, bool StripsAccents, bool Lowers)
      : CleansText(CleansText), ParesChinese(ParesChinese),
        StripsAccents(StripsAccents), Lowers(Lowers) {}

  Status apply(NormalizedText &Text) const override {
    if (CleansText)
      mapCharacters(Text, [](std::string &To, char32_t C) {
        if (isSpace(C) && C < 0x80 && C != '\v' && C != '\f')
          To += ' ';
        else if (C != 0 && C != 0xFFFD && !isOther(C))
          appendCharacter(To, isSpace(C) ? U' ' : C);
      });
    if (ParesChinese)
      mapCharacters(Text, [](std::string &To, char32_t C) {
        bool Is = isChinese(C);
        if (Is)
          To += ' ';
        appendCharacter(To, C);
        if (Is)
          To += ' ';
      });
    if (StripsAccents) {
      DURE_RETURN_IF_ERROR(Normalize(NormalizationForm()).apply(Text));
      mapCharacters(Text, [](std::string &To, char32_t C) {
        if (!isNonspacingMark(C))
          appendCharacter(To, C);
      });
    }
    if (Lowers)
      mapCharacters(Text, appendLowercase);
    return Status::success();
  }

private:
  static bool isChinese(char32_t C) {
    return (C >= 0x4E00 && C <= 0x9FFF) || (C >= 0x3400 && C <= 0x4DBF) ||
           (C >= 0x20000 && C <= 0x2A6DF) || (C >= 0x2A700 && C <= 0x2B73F) ||
           (C >= 0x2B740 && C <= 0x2B81F) || (C >= 0x2B920 && C <= 0x2CEAF) ||
           (C >= 0xF900 && C <= 0xFAFF) || (C >= 0x2F800 && C <= 0x2FA1F);
  }

  bool CleansText, ParesChinese, StripsAccents, Lowers;
};

class Precompiled : public Normalizer {
public:
  explicit Precompiled(CharsMap Map) : Map(std::move(Map)) {}

  /// Clusters of less than 6 bytes are looked up whole, then character by
  /// character.
  Status apply(NormalizedText &Text) const override {
    std::string Out;
    Out.reserve(Text.Bytes.size());
    std::string_view Bytes = Text.Bytes;
    size_t FirstBytes = 0;
    ClusterWalk Walk;
    for (size_t Begin = 0; Begin != Bytes.size();) {
      size_t At = Begin;
      char32_t Previous = nextCharacter(Bytes, At);
      size_t End = At;
      while (At != Bytes.size()) {
        char32_t Next = nextCharacter(Bytes, At);
        if (Walk.isBoundary(Previous, Next))
          break;
        Previous = Next;
        End = At;
      }
      size_t First = cluster(Out, Bytes.substr(Begin, End - Begin));
      if (Out.size() > Text.MaxBytes)
        return growsTooLong();
      if (Begin < Text.FirstBytes)
        FirstBytes = First;
      Begin = End;
    }
    // Where a rule drops the first character, the reference takes the next for
    // it.
    if (Text.FirstBytes != 0 && FirstBytes == 0 && !Out.empty())
      FirstBytes = lengthOfCharacter(Out[0]);
    Text.Bytes = std::move(Out);
    Text.FirstBytes = FirstBytes;
    return Status::success();
  }

private:
  /// Appends what stands for a cluster; returns where that of its first
  /// character ends.
  size_t cluster(std::string &Out, std::string_view Cluster) const {
    size_t Begin = Out.size(), First = 0;
    size_t Character = lengthOfCharacter(Cluster[0]);
    if (Cluster.size() < 6) {
      if (std::optional<std::string_view> Found = Map.find(Cluster)) {
        Out += *Found;
        bool IsOne = Cluster.size() == Character || Found->empty();
        return Begin + (IsOne ? Found->size() : lengthOfCharacter((*Found)[0]));
      }
    }
    for (size_t At = 0; At != Cluster.size();) {
      std::string_view One = Cluster.substr(At, lengthOfCharacter(Cluster[At]));
      std::optional<std::string_view> Found = Map.find(One);
      Out += Found ? *Found : One;
      At += One.size();
      if (At == Character)
        First = Out.size();
    }
    return First;
  }

  CharsMap Map;
};

class NormalizerSequence : public Normalizer {
public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> Parts)
      : Parts(std::move(Parts)) {}
  Status apply(NormalizedText &Text) const override {
    for (const std::unique_ptr<Normalizer> &Part : Parts) {
      DURE_RETURN_IF_ERROR(Part->apply(Text));
      if (Text.Bytes.size() > Text.MaxBytes)
        return growsTooLong();
    }
    return Status::success();
  }

private:
  std::vector<std::unique_ptr<Normalizer>> Parts;
};

} // namespace

static std::unique_ptr<Normalizer> readReplace(Component &Part) {
  std::string Content = Part.string("content");
  const JsonValue *Pattern = Part.get("pattern");
  const JsonValue *Literal = Pattern ? Pattern->field("String") : nullptr;
  const JsonValue *Expression = Pattern ? Pattern->field("Regex") : nullptr;
  if (Literal && Literal->is(JsonValue::Kind::String))
    return std::make_unique<ReplaceText>(Literal->String, std::move(Content));
  if (!Expression || !Expression->is(JsonValue::Kind::String)) {
    Part.refuse("the field 'pattern' has neither a String nor a Regex");
    return nullptr;
  }
  Result<Regex> Compiled = Regex::compile(Expression->String);
  if (!Compiled) {
    Part.refuse(Compiled.status().message());
    return nullptr;
  }
  return std::make_unique<Replace>(Compiled.take(), std::move(Content));
}

static std::unique_ptr<Normalizer> readSequence(Component &Part) {
  std::vector<std::unique_ptr<Normalizer>> Parts;
  for (const JsonValue *Item : Part.list("normalizers"))
    if (auto New = readNormalizer(
            *Item, Part.placeOf("normalizers", Parts.size()), Part.problems()))
      Parts.push_back(std::move(New));
  return std::make_unique<NormalizerSequence>(std::move(Parts));
}

std::unique_ptr<Normalizer> text::readNormalizer(const JsonValue &Value,
                                                 const std::string &Place,
                                                 Refusals &Problems) {
  if (Value.isNull())
    return nullptr;
  Component Part(Value, Place, Problems);
  const std::string &Type = Part.type();
  if (Type == "NFC" || Type == "NFD" || Type == "NFKC" || Type == "NFKD")
    return std::make_unique<Normalize>(
        NormalizationForm{Type.size() == 4, Type.back() == 'C'});
  if (Type == "Lowercase")
    return std::make_unique<Lowercase>();
  if (Type == "StripAccents")
    return std::make_unique<StripAccents>();
  if (Type == "Nmt")
    return std::make_unique<Nmt>();
  if (Type == "ByteLevel")
    return std::make_unique<ByteLevelNormalizer>();
  if (Type == "Strip") {
    bool Left = Part.flag("strip_left");
    return std::make_unique<Strip>(Left, Part.flag("strip_right"));
  }
  if (Type == "Prepend")
    return std::make_unique<Prepend>(Part.string("prepend"));
  if (Type == "Replace")
    return readReplace(Part);
  if (Type == "BertNormalizer" || Type == "Bert") {
    bool Cleans = Part.flag("clean_text");
    bool Chinese = Part.flag("handle_chinese_chars");
    bool Lowers = Part.flag("lowercase");
    return std::make_unique<Bert>(Cleans, Chinese,
                                  Part.flag("strip_accents", Lowers), Lowers);
  }
  if (Type == "Precompiled") {
    Result<CharsMap> Map = CharsMap::read(Part.string("precompiled_charsmap"));
    if (Map)
      return std::make_unique<Precompiled>(Map.take());
    Part.refuse(Map.status().message());
    return nullptr;
  }
  if (Type == "Sequence")
    return readSequence(Part);
  Part.refuseType();
  return nullptr;
}
