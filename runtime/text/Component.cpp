// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fields of parts, with what is wrong about them.

#include "runtime/text/Component.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

using namespace dure;
using namespace dure::text;

// More would be no help to anybody.
static constexpr size_t MaxLines = 20;

void Refusals::refuse(const std::string &Place, const std::string &Text) {
  Lines.push_back("tokenizer.json, " + Place + ": " + Text);
}

Status Refusals::status() const {
  std::string Text = "this tokenizer cannot be used";
  for (size_t I = 0; I != std::min(Lines.size(), MaxLines); ++I)
    Text += "\n" + Lines[I];
  if (Lines.size() > MaxLines)
    Text += "\nand " + std::to_string(Lines.size() - MaxLines) + " more";
  return Status(StatusCode::Unimplemented, Text);
}

Component::Component(const JsonValue &Value, std::string Place,
                     Refusals &Problems)
    : Value(Value), Place(std::move(Place)), Problems(Problems) {
  Known.emplace_back("type");
  if (!Value.is(JsonValue::Kind::Object)) {
    refuse("it is no object");
    IsRefused = true;
    return;
  }
  if (const JsonValue *Field = Value.field("type"))
    Type = Field->String;
}

Component::~Component() {
  if (IsRefused)
    return;
  for (const auto &[Name, Field] : Value.Fields)
    if (!Field.isNull() &&
        std::find(Known.begin(), Known.end(), Name) == Known.end())
      refuse("the field '" + Name + "' of '" + Type +
             "' is not known to this version of Dure");
}

void Component::refuseType() {
  if (!IsRefused)
    refuse("the type '" + Type + "' is not known to this version of Dure");
  IsRefused = true;
}

void Component::ignore(std::initializer_list<std::string_view> Names) {
  Known.insert(Known.end(), Names.begin(), Names.end());
}

const JsonValue *Component::get(std::string_view Name) {
  Known.emplace_back(Name);
  const JsonValue *Field = Value.field(Name);
  return Field && !Field->isNull() ? Field : nullptr;
}

const JsonValue *Component::need(std::string_view Name, bool IsOptional,
                                 JsonValue::Kind Kind, const char *What) {
  const JsonValue *Field = get(Name);
  if (Field && Field->is(Kind))
    return Field;
  if (Field)
    refuse("the field '" + std::string(Name) + "' is not " + What);
  else if (!IsOptional)
    refuse("the field '" + std::string(Name) + "' is missing");
  return nullptr;
}

bool Component::flag(std::string_view Name, std::optional<bool> Default) {
  const JsonValue *Field = need(Name, Default.has_value(),
                                JsonValue::Kind::Boolean, "true or false");
  return Field ? Field->Boolean : Default.value_or(false);
}

uint64_t Component::number(std::string_view Name,
                           std::optional<uint64_t> Default) {
  const JsonValue *Field = need(Name, Default.has_value(),
                                JsonValue::Kind::Integer, "a whole number");
  if (Field && Field->Integer < 0) {
    refuse("the field '" + std::string(Name) + "' is negative");
    return 0;
  }
  return Field ? static_cast<uint64_t>(Field->Integer) : Default.value_or(0);
}

std::string Component::string(std::string_view Name,
                              std::optional<std::string> Default) {
  const JsonValue *Field =
      need(Name, Default.has_value(), JsonValue::Kind::String, "a string");
  return Field ? Field->String : Default.value_or("");
}

char32_t Component::character(std::string_view Name,
                              std::optional<char32_t> Default) {
  const JsonValue *Field =
      need(Name, Default.has_value(), JsonValue::Kind::String, "a string");
  if (!Field)
    return Default.value_or(0);
  const std::string &Text = Field->String;
  if (Text.empty() || lengthOfCharacter(Text[0]) != Text.size()) {
    refuse("the field '" + std::string(Name) + "' is not one character");
    return 0;
  }
  size_t At = 0;
  return nextCharacter(Text, At);
}

size_t Component::choice(std::string_view Name,
                         std::initializer_list<std::string_view> Words,
                         std::optional<size_t> Default) {
  const JsonValue *Field =
      need(Name, Default.has_value(), JsonValue::Kind::String, "a string");
  if (!Field)
    return Default.value_or(0);
  auto Found = std::find(Words.begin(), Words.end(), Field->String);
  if (Found == Words.end()) {
    refuse("'" + Field->String + "' as '" + std::string(Name) +
           "' is not known to this version of Dure");
    return 0;
  }
  return static_cast<size_t>(Found - Words.begin());
}

std::vector<const JsonValue *> Component::list(std::string_view Name) {
  std::vector<const JsonValue *> Items;
  if (const JsonValue *Field =
          need(Name, false, JsonValue::Kind::Array, "a list"))
    for (const JsonValue &Item : Field->Items)
      Items.push_back(&Item);
  return Items;
}

std::string Component::placeOf(std::string_view Name, size_t Index) const {
  return Place + "." + std::string(Name) + "[" + std::to_string(Index) + "]";
}
