// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading, judging by and writing the list of expected failures.
#include "test/onnx/ExpectedList.h"

#include <filesystem>
#include <fstream>
#include <vector>

namespace dure::modeltest {
namespace {

std::string_view trim(std::string_view Text) {
  const size_t Begin = Text.find_first_not_of(" \t\r");
  if (Begin == Text.npos)
    return "";
  return Text.substr(Begin, Text.find_last_not_of(" \t\r") - Begin + 1);
}

/// What stands before the first ':'.
std::string_view beforeColon(std::string_view Text) {
  return trim(Text.substr(0, Text.find(':')));
}

ExpectedList::Entry parseReason(std::string_view Reason) {
  const std::string_view Head = beforeColon(Reason);
  const std::optional<OutcomeKind> Kind = findKind(Head);
  if (Kind && *Kind != OutcomeKind::Passed && *Kind != OutcomeKind::Refused)
    return {*Kind, "", std::string(Reason)};
  return {OutcomeKind::Refused, std::string(Head), std::string(Reason)};
}

} // namespace

std::optional<ExpectedList> ExpectedList::read(const std::string &Path,
                                               std::string &Problem) {
  ExpectedList List;
  std::error_code Ignored;
  if (!std::filesystem::exists(Path, Ignored))
    return List;
  std::ifstream File(Path);
  std::string Line;
  for (size_t Number = 1; std::getline(File, Line); ++Number) {
    const std::string_view Text = trim(Line);
    if (Text.empty() || Text.starts_with('#'))
      continue;
    const auto fail = [&](const char *Why) {
      Problem = Path + ":" + std::to_string(Number) + ": " + Why;
      return std::nullopt;
    };
    const size_t Hash = Text.find('#');
    if (Hash == Text.npos)
      return fail("expected 'name  # reason'");
    const std::string Name(trim(Text.substr(0, Hash)));
    const std::string_view Reason = trim(Text.substr(Hash + 1));
    if (Name.empty() || Reason.empty())
      return fail("expected 'name  # reason'");
    if (!List.Entries.emplace(Name, parseReason(Reason)).second)
      return fail("the test is listed twice");
  }
  if (File.bad() || (!File.eof() && File.fail())) {
    Problem = Path + ": cannot be read";
    return std::nullopt;
  }
  return List;
}

const ExpectedList::Entry *ExpectedList::find(const std::string &Name) const {
  const auto Found = Entries.find(Name);
  return Found == Entries.end() ? nullptr : &Found->second;
}

std::optional<std::string> ExpectedList::objection(const std::string &Name,
                                                   const Outcome &Got) const {
  const Entry *Expected = find(Name);
  if (!Expected) {
    if (Got.passed())
      return std::nullopt;
    return std::string(kindName(Got.Kind)) + " (" + Got.reason() + ")";
  }
  if (Got.passed())
    return "passes, but is listed: " + Expected->Reason;
  if (Got.Kind != Expected->Kind ||
      (Got.Kind == OutcomeKind::Refused && Got.Code != Expected->Code))
    return std::string(kindName(Got.Kind)) + " (" + Got.reason() +
           "), but is listed: " + Expected->Reason;
  return std::nullopt;
}

ExpectedList
ExpectedList::updated(const std::map<std::string, Outcome> &Results) const {
  ExpectedList New;
  for (const auto &[Name, Got] : Results) {
    if (Got.passed())
      continue;
    if (Got.Kind == OutcomeKind::Refused)
      New.Entries[Name] = {Got.Kind, Got.Code, Got.reason()};
    else if (const Entry *Old = find(Name); Old && Old->Kind == Got.Kind)
      New.Entries[Name] = *Old;
  }
  return New;
}

std::string ExpectedList::text(const std::string &Target) const {
  std::string Text =
      "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n"
      "# ONNX's backend tests that target " +
      Target +
      " does not pass, by reason. Refusals are\n"
      "# written by `dure-node-tests --update`; a line with \"wrong:\", "
      "\"failed:\" or\n"
      "# \"crashed:\" was added by hand and says why.\n";
  // By the reason's first word, so that hand-made entries stand together too.
  std::map<std::string, std::vector<std::string>> Groups;
  for (const auto &[Name, Each] : Entries)
    Groups[std::string(beforeColon(Each.Reason))].push_back(Name + "  # " +
                                                            Each.Reason);
  for (const auto &[Reason, Lines] : Groups) {
    Text += "\n# --- " + Reason + " (" + std::to_string(Lines.size()) + ")\n";
    for (const std::string &Line : Lines)
      Text += Line + "\n";
  }
  return Text;
}

} // namespace dure::modeltest
