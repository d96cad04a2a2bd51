// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads machine files with nlohmann-json. No exception leaves this file.
#include "targets/Machine.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

using namespace dure;
using nlohmann::json;

static constexpr std::array<std::pair<std::string_view, Grade>, 5> GradeWords{
    {{"vendor", Grade::Vendor},
     {"log", Grade::Log},
     {"third-party", Grade::ThirdParty},
     {"secondary", Grade::Secondary},
     {"derived", Grade::Derived}}};

/// A word of the file: a lower-case letter, then letters, digits and `Extra`.
static bool isWord(std::string_view Text, char Extra) {
  auto IsLetter = [](char C) { return C >= 'a' && C <= 'z'; };
  return !Text.empty() && IsLetter(Text.front()) &&
         std::all_of(Text.begin(), Text.end(), [&](char C) {
           return IsLetter(C) || (C >= '0' && C <= '9') || C == Extra;
         });
}

namespace {

/// Reads one file. Each function returns false once `Problem` says what is
/// wrong.
class MachineReader {
public:
  explicit MachineReader(Machine &Out) : Out(Out) {}

  bool read(const json &Root, std::map<std::string, Figure, std::less<>> &To) {
    if (!checkFields(Root, "the file",
                     {"name", "vendor", "description", "sources", "figures"},
                     {}) ||
        !text(Root, "name", "the file", Out.Name) ||
        !text(Root, "vendor", "the file", Out.Vendor) ||
        !text(Root, "description", "the file", Out.Description))
      return false;
    if (!isWord(Out.Name, '-'))
      return fail("'name' is no word of lower-case letters");
    return readSources(Root["sources"]) && readFigures(Root["figures"], To);
  }

  std::string Problem;

private:
  bool fail(std::string Text) {
    Problem = std::move(Text);
    return false;
  }

  bool checkFields(const json &Object, const std::string &Where,
                   std::initializer_list<const char *> Required,
                   std::initializer_list<const char *> Optional) {
    if (!Object.is_object())
      return fail(Where + " is no object");
    for (const char *Name : Required)
      if (!Object.contains(Name))
        return fail(Where + " lacks '" + Name + "'");
    for (const auto &Item : Object.items())
      if (auto Is = [&](const char *Name) { return Item.key() == Name; };
          std::none_of(Required.begin(), Required.end(), Is) &&
          std::none_of(Optional.begin(), Optional.end(), Is))
        return fail(Where + " has the unknown field '" + Item.key() + "'");
    return true;
  }

  /// An optional field may be absent, not empty.
  bool text(const json &Object, const char *Name, const std::string &Where,
            std::string &To) {
    auto Found = Object.find(Name);
    if (Found == Object.end())
      return true;
    if (!Found->is_string() || Found->get_ref<const std::string &>().empty())
      return fail(Where + ": '" + Name + "' is no text");
    To = Found->get<std::string>();
    return true;
  }

  bool readSources(const json &All) {
    if (!All.is_object() || All.empty())
      return fail("'sources' names no source");
    for (const auto &Item : All.items()) {
      std::string Where = "source '" + Item.key() + "'";
      MachineSource Source;
      if (!isWord(Item.key(), '-'))
        return fail(Where + " is no word of lower-case letters");
      if (!checkFields(Item.value(), Where, {"title", "version"},
                       {"license"}) ||
          !text(Item.value(), "title", Where, Source.Title) ||
          !text(Item.value(), "version", Where, Source.Version) ||
          !text(Item.value(), "license", Where, Source.License))
        return false;
      Out.Sources[Item.key()] = std::move(Source);
    }
    return true;
  }

  bool readFigures(const json &All,
                   std::map<std::string, Figure, std::less<>> &To) {
    if (!All.is_object() || All.empty())
      return fail("'figures' has no section");
    for (const auto &Section : All.items()) {
      if (!isWord(Section.key(), '_'))
        return fail("section '" + Section.key() + "' is no word");
      if (!Section.value().is_object() || Section.value().empty())
        return fail("section '" + Section.key() + "' has no figure");
      for (const auto &Item : Section.value().items()) {
        std::string Key = Section.key() + "." + Item.key();
        if (!isWord(Item.key(), '_'))
          return fail("figure '" + Key + "' is no word");
        if (!readFigure(Item.value(), "figure '" + Key + "'", To[Key]))
          return false;
      }
    }
    return true;
  }

  bool readFigure(const json &Object, const std::string &Where, Figure &To) {
    if (!Object.is_object() || !Object.contains("value"))
      return fail(Where + " lacks 'value'; what is not public is null");
    if (Object["value"].is_null())
      return checkFields(Object, Where, {"value", "unit"}, {"note"}) &&
             text(Object, "unit", Where, To.Unit) &&
             text(Object, "note", Where, To.Note);
    std::string Word;
    if (!checkFields(Object, Where,
                     {"value", "unit", "grade", "source", "place"}, {"note"}) ||
        !text(Object, "unit", Where, To.Unit) ||
        !text(Object, "grade", Where, Word) ||
        !text(Object, "source", Where, To.Source) ||
        !text(Object, "place", Where, To.Place) ||
        !text(Object, "note", Where, To.Note))
      return false;
    for (const auto &[Name, Value] : GradeWords)
      if (Word == Name)
        To.HowKnown = Value;
    if (!To.HowKnown)
      return fail(Where + " has the unknown grade '" + Word + "'");
    if (!Out.Sources.count(To.Source))
      return fail(Where + " names the source '" + To.Source +
                  "', which is not listed");
    return readValue(Object["value"], Where, To);
  }

  bool readValue(const json &Value, const std::string &Where, Figure &To) {
    if (Value.is_number())
      To.Number = Value.get<double>();
    else if (Value.is_string() && !Value.get_ref<const std::string &>().empty())
      To.Word = Value.get<std::string>();
    else if (!Value.is_array() || Value.empty())
      return fail(Where + " is no number, word or list");
    if (!Value.is_array())
      return true;
    for (const json &Each : Value) {
      if (Each.is_number())
        To.Numbers.push_back(Each.get<double>());
      else if (Each.is_string())
        To.Words.push_back(Each.get<std::string>());
      else
        return fail(Where + " is a list of other things than numbers or words");
    }
    if (!To.Numbers.empty() && !To.Words.empty())
      return fail(Where + " is a list of numbers and words");
    return true;
  }

  Machine &Out;
};

} // namespace

Result<Machine> Machine::parse(std::string_view Text, std::string_view Origin) {
  auto Fail = [&](const std::string &Problem) {
    return Status(StatusCode::InvalidArgument,
                  "machine file " + std::string(Origin) + ": " + Problem);
  };
  json Root = json::parse(Text, nullptr, /*allow_exceptions=*/false);
  if (Root.is_discarded())
    return Fail("it is not JSON");
  Machine Out;
  MachineReader Reader(Out);
  if (!Reader.read(Root, Out.Figures))
    return Fail(Reader.Problem);
  return Out;
}

const Figure *Machine::find(std::string_view Key) const {
  auto Found = Figures.find(Key);
  return Found == Figures.end() ? nullptr : &Found->second;
}

Result<double> Machine::number(std::string_view Key) const {
  const Figure *Found = find(Key);
  auto Fail = [&](const char *Problem) {
    return Status(StatusCode::FailedPrecondition,
                  "machine '" + Name + "': " + std::string(Key) + Problem);
  };
  if (!Found)
    return Fail(" is not in its description");
  if (!Found->isKnown())
    return Fail(" is not public");
  if (!Found->Number)
    return Fail(" is not one number");
  return *Found->Number;
}

Result<int64_t> Machine::count(std::string_view Key) const {
  Result<double> Value = number(Key);
  if (!Value)
    return Value.status();
  if (*Value < 0 || *Value > 0x1p53 || *Value != std::floor(*Value))
    return Status(StatusCode::FailedPrecondition, "machine '" + Name +
                                                      "': " + std::string(Key) +
                                                      " is no count");
  return static_cast<int64_t>(*Value);
}
