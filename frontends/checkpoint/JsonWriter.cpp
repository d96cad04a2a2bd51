// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes JSON as text.

#include "frontends/checkpoint/JsonWriter.h"

#include <charconv>
#include <cmath>

namespace dure::checkpoint {

/// A comma behind the value before.
void JsonWriter::separate() {
  if (!Out.empty() && Out.back() != '{' && Out.back() != '[' &&
      Out.back() != ':')
    Out += ',';
}

JsonWriter &JsonWriter::open(char Bracket) {
  separate();
  Out += Bracket;
  return *this;
}

JsonWriter &JsonWriter::close(char Bracket) {
  Out += Bracket;
  return *this;
}

void JsonWriter::quote(std::string_view Text) {
  static constexpr char Hex[] = "0123456789abcdef";
  Out += '"';
  for (char C : Text) {
    const auto Byte = static_cast<unsigned char>(C);
    if (C == '"' || C == '\\') {
      Out += '\\';
      Out += C;
    } else if (Byte < 0x20) {
      Out += "\\u00";
      Out += Hex[Byte >> 4];
      Out += Hex[Byte & 15];
    } else {
      Out += C;
    }
  }
  Out += '"';
}

JsonWriter &JsonWriter::key(std::string_view Name) {
  separate();
  quote(Name);
  Out += ':';
  return *this;
}

JsonWriter &JsonWriter::text(std::string_view V) {
  separate();
  quote(V);
  return *this;
}

JsonWriter &JsonWriter::integer(int64_t V) {
  separate();
  Out += std::to_string(V);
  return *this;
}

JsonWriter &JsonWriter::number(double V) {
  if (!std::isfinite(V))
    return null();
  separate();
  char Digits[32];
  const auto End = std::to_chars(Digits, Digits + sizeof(Digits), V).ptr;
  const std::string_view Text(Digits, size_t(End - Digits));
  Out += Text;
  // What is written as an integer is read as one.
  if (Text.find_first_of(".e") == Text.npos)
    Out += ".0";
  return *this;
}

JsonWriter &JsonWriter::boolean(bool V) {
  separate();
  Out += V ? "true" : "false";
  return *this;
}

JsonWriter &JsonWriter::null() {
  separate();
  Out += "null";
  return *this;
}

JsonWriter &JsonWriter::value(const Json &V) {
  if (const bool *Truth = V.boolean())
    return boolean(*Truth);
  if (const int64_t *Integer = V.integer())
    return integer(*Integer);
  if (const std::string *Text = V.string())
    return text(*Text);
  if (const Json::Array *Items = V.array()) {
    beginArray();
    for (const Json &Each : *Items)
      value(Each);
    return endArray();
  }
  if (const Json::Object *Members = V.object()) {
    beginObject();
    for (const auto &[Name, Each] : *Members)
      key(Name).value(Each);
    return endObject();
  }
  if (const std::optional<double> Number = V.number())
    return number(*Number);
  return null();
}

} // namespace dure::checkpoint
