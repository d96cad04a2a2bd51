// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks of a host program, put back into expressions.

#include "runtime/api/Requirements.h"

#include <map>
#include <optional>

using namespace dure;

namespace {

// Shared subexpressions are written out at each use, so a short program can
// make a text of any length; no model's sizes need more.
constexpr size_t MaxText = 1024;

std::optional<std::string> binary(ScalarOpKind Kind, const std::string &A,
                                  const std::string &B) {
  switch (Kind) {
  case ScalarOpKind::Add:
    return "(" + A + " + " + B + ")";
  case ScalarOpKind::Sub:
    return "(" + A + " - " + B + ")";
  case ScalarOpKind::Mul:
    return "(" + A + " * " + B + ")";
  case ScalarOpKind::FloorDiv:
    return "floordiv(" + A + ", " + B + ")";
  case ScalarOpKind::CeilDiv:
    return "ceildiv(" + A + ", " + B + ")";
  case ScalarOpKind::Mod:
    return "mod(" + A + ", " + B + ")";
  case ScalarOpKind::Min:
    return "min(" + A + ", " + B + ")";
  case ScalarOpKind::Max:
    return "max(" + A + ", " + B + ")";
  default:
    return std::nullopt;
  }
}

const char *relationText(Relation Rel) {
  switch (Rel) {
  case Relation::Eq:
    return "==";
  case Relation::Ne:
    return "!=";
  case Relation::Lt:
    return "<";
  default:
    return "<=";
  }
}

} // namespace

std::vector<SizeRequirement> dure::sizeRequirements(const Package &P,
                                                    const Program &Prog) {
  const std::vector<TensorInfo> &Inputs = P.Entries[Prog.Entry].Inputs;
  std::map<ScalarReg, std::string> Texts;
  std::vector<SizeRequirement> Out;
  if (Prog.Blocks.empty())
    return Out;
  for (const Instruction &I : Prog.Blocks.front().Instructions) {
    if (std::holds_alternative<DispatchOp>(I))
      break;
    if (auto *Const = std::get_if<ConstOp>(&I)) {
      Texts[Const->Result] = std::to_string(Const->Value);
    } else if (auto *Dim = std::get_if<InputDimOp>(&I)) {
      const SignatureDim &D = Inputs[Dim->Input].Dims[Dim->Axis];
      Texts[Dim->Result] =
          D.Value >= 0 ? std::to_string(D.Value) : "(" + D.Expression + ")";
    } else if (auto *Op = std::get_if<ScalarOp>(&I)) {
      auto A = Texts.find(Op->A), B = Texts.find(Op->B);
      std::optional<std::string> Text;
      if (A != Texts.end() && B != Texts.end())
        Text = binary(Op->Kind, A->second, B->second);
      if (Text && Text->size() <= MaxText)
        Texts[Op->Result] = std::move(*Text);
      else
        Texts.erase(Op->Result);
    } else if (auto *Check = std::get_if<CheckOp>(&I)) {
      auto A = Texts.find(Check->A), B = Texts.find(Check->B);
      // An input whose size has an expression is checked to have it.
      if (A != Texts.end() && B != Texts.end() && A->second != B->second)
        Out.push_back({A->second, relationText(Check->Rel), B->second});
    }
  }
  return Out;
}
