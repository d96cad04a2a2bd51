// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Outcomes as text.
#include "test/onnx/Outcome.h"

#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

namespace dure::modeltest {
namespace {

constexpr auto Names = std::to_array<std::pair<OutcomeKind, std::string_view>>({
    {OutcomeKind::Passed, "passed"},
    {OutcomeKind::Refused, "refused"},
    {OutcomeKind::Wrong, "wrong"},
    {OutcomeKind::Failed, "failed"},
    {OutcomeKind::Crashed, "crashed"},
});

/// Fields of an encoded outcome end with a byte that no message holds.
constexpr char FieldEnd = '\0';

} // namespace

std::string_view kindName(OutcomeKind Kind) {
  for (const auto &[Known, Name] : Names)
    if (Known == Kind)
      return Name;
  return "failed";
}

std::optional<OutcomeKind> findKind(std::string_view Name) {
  for (const auto &[Kind, Known] : Names)
    if (Known == Name)
      return Kind;
  return std::nullopt;
}

std::string Outcome::reason() const {
  return Subject.empty() ? Code : Code + ": " + Subject;
}

std::string Outcome::encode() const {
  std::string Text;
  for (const std::string &Field :
       {std::string(kindName(Kind)), Code, Subject, Detail,
        std::to_string(CompileSeconds), std::to_string(RunSeconds),
        std::to_string(Functions)}) {
    for (const char C : Field)
      Text += C == FieldEnd ? '?' : C;
    Text += FieldEnd;
  }
  return Text;
}

std::optional<Outcome> Outcome::decode(std::string_view Text) {
  std::vector<std::string> Fields;
  for (size_t End; (End = Text.find(FieldEnd)) != Text.npos;) {
    Fields.emplace_back(Text.substr(0, End));
    Text.remove_prefix(End + 1);
  }
  if (Fields.size() != 7 || !Text.empty())
    return std::nullopt;
  const std::optional<OutcomeKind> Kind = findKind(Fields[0]);
  if (!Kind)
    return std::nullopt;
  Outcome Result;
  Result.Kind = *Kind;
  Result.Code = Fields[1];
  Result.Subject = Fields[2];
  Result.Detail = Fields[3];
  Result.CompileSeconds = std::strtod(Fields[4].c_str(), nullptr);
  Result.RunSeconds = std::strtod(Fields[5].c_str(), nullptr);
  Result.Functions = std::strtol(Fields[6].c_str(), nullptr, 10);
  return Result;
}

} // namespace dure::modeltest
