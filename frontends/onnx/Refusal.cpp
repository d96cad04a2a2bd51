// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts of refusals.

#include "frontends/onnx/Refusal.h"

#include "runtime/base/Korean.h"

#include <array>
#include <cstddef>
#include <optional>

namespace dure::onnx {

/// For texts that Dure writes around what a file says.
static constexpr size_t LongText = 4096;

/// Length of the UTF-8 sequence at `Text[I]`; 0 when it is not valid. Overlong
/// forms, surrogates and values above U+10FFFF are not.
size_t utf8Length(std::string_view Text, size_t I) {
  auto Byte = [&](size_t K) { return static_cast<unsigned char>(Text[K]); };
  unsigned char First = Byte(I);
  if (First < 0x80)
    return 1;
  size_t Length = First >= 0xF0 ? 4 : First >= 0xE0 ? 3 : 2;
  if (First < 0xC2 || First > 0xF4 || I + Length > Text.size())
    return 0;
  for (size_t K = 1; K < Length; ++K)
    if ((Byte(I + K) & 0xC0) != 0x80)
      return 0;
  unsigned char Second = Byte(I + 1);
  if ((First == 0xE0 && Second < 0xA0) || (First == 0xED && Second > 0x9F) ||
      (First == 0xF0 && Second < 0x90) || (First == 0xF4 && Second > 0x8F))
    return 0;
  return Length;
}

std::string printable(std::string_view Text, size_t Limit) {
  std::string Out;
  for (size_t I = 0; I < Text.size() && Out.size() < Limit;) {
    size_t Length = utf8Length(Text, I);
    // Terminals obey U+0080 to U+009F as well.
    bool IsControl = static_cast<unsigned char>(Text[I]) < 0x20 ||
                     Text[I] == 0x7f ||
                     (Length == 2 && Text[I] == '\xC2' && Text[I + 1] < '\xA0');
    if (Length == 0 || IsControl) {
      Out += '?';
      ++I;
      continue;
    }
    Out += Text.substr(I, Length);
    I += Length;
  }
  return Out.size() < Text.size() && Out.size() >= Limit ? Out + "..." : Out;
}

const std::vector<RefusalTexts> &allRefusalTexts() {
  static const std::vector<RefusalTexts> Texts = {
#define DURE_REFUSAL(ID, CODE, REASON, REASON_KO, REMEDY, REMEDY_KO)           \
  {CODE, REASON, REASON_KO, REMEDY, REMEDY_KO},
#include "frontends/onnx/Refusals.def"
  };
  return Texts;
}

static constexpr auto Clauses = std::to_array<Translation>({
#define DURE_CLAUSE(ENGLISH, KOREAN) {ENGLISH, KOREAN},
#include "frontends/onnx/Clauses.def"
});

static const RefusalTexts &textsOf(RefusalCode Code) {
  return allRefusalTexts()[static_cast<size_t>(Code)];
}

std::string_view codeName(RefusalCode Code) { return textsOf(Code).Code; }

std::string fillText(std::string_view Text,
                     const std::vector<std::string> &Arguments) {
  std::string Out;
  for (size_t I = 0; I < Text.size(); ++I) {
    bool IsHole = Text[I] == '{' && I + 2 < Text.size() && Text[I + 1] >= '0' &&
                  Text[I + 1] <= '9' && Text[I + 2] == '}';
    if (!IsHole) {
      Out += Text[I];
      continue;
    }
    size_t Index = static_cast<size_t>(Text[I + 1] - '0');
    if (Index < Arguments.size())
      Out += Arguments[Index];
    I += 2;
  }
  return Out;
}

/// A clause in Korean; as it is when there is no translation. What the file
/// layer says is a text of the runtime.
static std::string clauseInKorean(const std::string &Clause) {
  std::optional<std::string> Own = translate(Clauses, Clause);
  return Own ? *Own : inKorean(Clause);
}

/// The arguments, fit for a terminal.
static std::vector<std::string> argumentsOf(const Refusal &R, Language L) {
  std::vector<std::string> Out;
  for (const std::string &Each : R.Arguments)
    Out.push_back(printable(L == Language::Korean ? clauseInKorean(Each) : Each,
                            LongText));
  return Out;
}

std::string reasonOf(const Refusal &R, Language L) {
  const RefusalTexts &T = textsOf(R.Code);
  return fillText(L == Language::Korean ? T.ReasonKo : T.Reason,
                  argumentsOf(R, L));
}

std::string remedyOf(const Refusal &R, Language L) {
  const RefusalTexts &T = textsOf(R.Code);
  return fillText(L == Language::Korean ? T.RemedyKo : T.Remedy,
                  argumentsOf(R, L));
}

std::string toString(const Refusal &R, Language L) {
  std::string Out;
  if (!R.Place.empty())
    Out += printable(R.Place, LongText) + ": ";
  if (!R.Op.empty()) {
    Out += L == Language::Korean ? "노드 '" : "node '";
    Out += printable(R.Node) + "' (" +
           (R.Domain.empty() ? "" : printable(R.Domain) + ".") +
           printable(R.Op);
    if (R.Opset > 0)
      Out += ", opset " + std::to_string(R.Opset);
    Out += "): ";
  }
  Out += reasonOf(R, L) + " [" + std::string(codeName(R.Code)) + "]";
  if (std::string Remedy = remedyOf(R, L); !Remedy.empty())
    Out += " " + Remedy;
  return Out;
}

} // namespace dure::onnx
