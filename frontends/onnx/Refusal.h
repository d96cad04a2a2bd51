// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Why a model is not accepted: a code, a place, and what to change.
//
// Shared by the reader and the importer, read by tools that show refusals. It
// depends on the standard library alone. Codes are part of Dure's interface:
// scripts match on them, so a code is never renamed. The texts, English and
// Korean, live in Refusals.def, from which docs/refusals.md is generated.

#ifndef DURE_FRONTENDS_ONNX_REFUSAL_H
#define DURE_FRONTENDS_ONNX_REFUSAL_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::onnx {

enum class RefusalCode {
#define DURE_REFUSAL(ID, CODE, REASON, REASON_KO, REMEDY, REMEDY_KO) ID,
#include "frontends/onnx/Refusals.def"
};

enum class Language { English, Korean };

/// One reason to refuse a model. The node fields are empty when the file as a
/// whole is at fault.
struct Refusal {
  RefusalCode Code;
  std::string Node;   ///< Name of the node, or of its first output.
  std::string Op;     ///< Operator type.
  std::string Domain; ///< "" for the default domain.
  int64_t Opset = 0;  ///< Version of Domain that the model imports; 0: unknown.
  std::string Place;  ///< Where in the file or model, in English.
  /// Values for the {0}, {1}, ... of the texts.
  std::vector<std::string> Arguments;
};

/// `Text` with {0} to {9} replaced; a number without an argument gives nothing.
std::string fillText(std::string_view Text,
                     const std::vector<std::string> &Arguments);

/// Length of the UTF-8 sequence at `Text[I]`; 0 when it is not valid. Overlong
/// forms, surrogates and values above U+10FFFF are not.
size_t utf8Length(std::string_view Text, size_t I);

/// Text of a file made fit for a terminal: control characters and what is not
/// UTF-8 replaced, cut at `Limit` bytes.
std::string printable(std::string_view Text, size_t Limit = 120);

/// The stable code: "op-unknown".
std::string_view codeName(RefusalCode Code);

/// What is wrong, one sentence.
std::string reasonOf(const Refusal &R, Language L = Language::English);

/// What the user can change, one sentence; may be empty.
std::string remedyOf(const Refusal &R, Language L = Language::English);

/// Place, reason, code and remedy as one line for a terminal.
std::string toString(const Refusal &R, Language L = Language::English);

/// The number of codes, and the raw texts of each, for generated tables.
struct RefusalTexts {
  std::string_view Code, Reason, ReasonKo, Remedy, RemedyKo;
};
const std::vector<RefusalTexts> &allRefusalTexts();

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_REFUSAL_H
