// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the parts of a tokenizer.json and notes all that cannot be used.
//
// Included inside runtime/text only.
#ifndef DURE_RUNTIME_TEXT_COMPONENT_H
#define DURE_RUNTIME_TEXT_COMPONENT_H

#include "runtime/text/Json.h"

#include <initializer_list>
#include <optional>

namespace dure::text {

/// Why a tokenizer cannot be used, each reason with its place.
class Refusals {
public:
  /// PLACE is the path of a value in the file.
  void refuse(const std::string &Place, const std::string &Text);
  bool empty() const { return Lines.empty(); }
  /// One failure that says all of it.
  Status status() const;

private:
  std::vector<std::string> Lines;
};

/// An object of the file with a "type". Fields that are asked for are known;
/// what is left is refused in the end, for it may change what the part does.
class Component {
public:
  Component(const JsonValue &Value, std::string Place, Refusals &Problems);
  ~Component();
  Component(const Component &) = delete;
  Component &operator=(const Component &) = delete;

  const std::string &type() const { return Type; }
  const std::string &place() const { return Place; }
  Refusals &problems() const { return Problems; }
  void refuse(const std::string &Text) const { Problems.refuse(Place, Text); }
  void refuseType();
  /// Names that say nothing about what the part does here.
  void ignore(std::initializer_list<std::string_view> Names);

  /// The field, or null; a null of the file counts as none.
  const JsonValue *get(std::string_view Name);
  /// The field's value. A missing one is DEFAULT, or refused without it.
  bool flag(std::string_view Name, std::optional<bool> Default = {});
  uint64_t number(std::string_view Name, std::optional<uint64_t> Default = {});
  std::string string(std::string_view Name,
                     std::optional<std::string> Default = {});
  /// A string of one character.
  char32_t character(std::string_view Name,
                     std::optional<char32_t> Default = {});
  /// A string that must be one of WORDS: which.
  size_t choice(std::string_view Name,
                std::initializer_list<std::string_view> Words,
                std::optional<size_t> Default = {});
  /// The values of an array of parts.
  std::vector<const JsonValue *> list(std::string_view Name);
  std::string placeOf(std::string_view Name, size_t Index) const;

private:
  const JsonValue *need(std::string_view Name, bool IsOptional,
                        JsonValue::Kind Kind, const char *What);

  const JsonValue &Value;
  std::string Place;
  std::string Type;
  Refusals &Problems;
  std::vector<std::string> Known;
  bool IsRefused = false;
};

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_COMPONENT_H
