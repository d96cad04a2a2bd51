// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts of refusals.

#include "frontends/checkpoint/Refusal.h"

#include "frontends/onnx/Refusal.h"
#include "runtime/base/Korean.h"

#include <array>

namespace dure::checkpoint {
namespace {

/// An argument may be a text of the file layer, and no longer than this.
constexpr size_t LongText = 4096;

struct Texts {
  std::string_view Code, Reason, ReasonKo, Remedy, RemedyKo;
};

constexpr auto Table = std::to_array<Texts>({
#define DURE_REFUSAL(ID, CODE, REASON, REASON_KO, REMEDY, REMEDY_KO)           \
  {CODE, REASON, REASON_KO, REMEDY, REMEDY_KO},
#include "frontends/checkpoint/Refusals.def"
});

const Texts &textsOf(RefusalCode Code) {
  return Table[static_cast<size_t>(Code)];
}

std::string fill(std::string_view Text, const Refusal &R, Language L) {
  std::vector<std::string> Arguments;
  for (const std::string &Each : R.Arguments)
    Arguments.push_back(onnx::printable(
        L == Language::Korean ? inKorean(Each) : Each, LongText));
  return onnx::fillText(Text, Arguments);
}

} // namespace

std::string_view codeName(RefusalCode Code) { return textsOf(Code).Code; }

std::string reasonOf(const Refusal &R, Language L) {
  const Texts &T = textsOf(R.Code);
  return fill(L == Language::Korean ? T.ReasonKo : T.Reason, R, L);
}

std::string remedyOf(const Refusal &R, Language L) {
  const Texts &T = textsOf(R.Code);
  return fill(L == Language::Korean ? T.RemedyKo : T.Remedy, R, L);
}

std::string toString(const Refusal &R, Language L) {
  std::string Out;
  if (!R.Place.empty())
    Out += onnx::printable(R.Place, LongText) + ": ";
  return Out + reasonOf(R, L) + " [" + std::string(codeName(R.Code)) + "] " +
         remedyOf(R, L);
}

} // namespace dure::checkpoint
