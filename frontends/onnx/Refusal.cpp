// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts of refusals.

#include "frontends/onnx/Refusal.h"

#include <cstddef>

namespace dure::onnx {

const std::vector<RefusalTexts> &allRefusalTexts() {
  static const std::vector<RefusalTexts> Texts = {
#define DURE_REFUSAL(ID, CODE, REASON, REASON_KO, REMEDY, REMEDY_KO)           \
  {CODE, REASON, REASON_KO, REMEDY, REMEDY_KO},
#include "frontends/onnx/Refusals.def"
  };
  return Texts;
}

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

std::string reasonOf(const Refusal &R, Language L) {
  const RefusalTexts &T = textsOf(R.Code);
  return fillText(L == Language::Korean ? T.ReasonKo : T.Reason, R.Arguments);
}

std::string remedyOf(const Refusal &R, Language L) {
  const RefusalTexts &T = textsOf(R.Code);
  return fillText(L == Language::Korean ? T.RemedyKo : T.Remedy, R.Arguments);
}

std::string toString(const Refusal &R, Language L) {
  std::string Out;
  if (!R.Place.empty())
    Out += R.Place + ": ";
  if (!R.Op.empty()) {
    Out += L == Language::Korean ? "노드 '" : "node '";
    Out += R.Node + "' (" + (R.Domain.empty() ? "" : R.Domain + ".") + R.Op;
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
