// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writing JSON.
#include "tools/dure/Json.h"

#include "tools/dure/Utf8.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace dure {

std::string quoteJson(std::string_view Text) {
  std::string Out = "\"";
  while (!Text.empty()) {
    const Utf8Character C = firstCharacter(Text);
    if (C.Code == '"' || C.Code == '\\') {
      Out += '\\';
      Out += char(C.Code);
    } else if (C.Code == '\n') {
      Out += "\\n";
    } else if (C.Code < 0x20 || C.Code == 0x7F) {
      char Escape[8];
      std::snprintf(Escape, sizeof(Escape), "\\u%04x", unsigned(C.Code));
      Out += Escape;
    } else if (C.Code == 0xFFFD) {
      Out += "\xEF\xBF\xBD";
    } else {
      Out += Text.substr(0, C.Bytes);
    }
    Text.remove_prefix(C.Bytes);
  }
  return Out + '"';
}

void JsonWriter::separate() {
  if (AfterKey) {
    AfterKey = false;
    return;
  }
  if (Levels.empty())
    return;
  Text += Levels.back().Empty ? "\n" : ",\n";
  Levels.back().Empty = false;
  Text.append(2 * Levels.size(), ' ');
}

JsonWriter &JsonWriter::open(char Begin, char End) {
  separate();
  Text += Begin;
  Levels.push_back({End, true});
  return *this;
}

JsonWriter &JsonWriter::end() {
  const Level Last = Levels.back();
  Levels.pop_back();
  if (!Last.Empty) {
    Text += '\n';
    Text.append(2 * Levels.size(), ' ');
  }
  Text += Last.End;
  return *this;
}

JsonWriter &JsonWriter::key(std::string_view Key) {
  separate();
  Text += quoteJson(Key) + ": ";
  AfterKey = true;
  return *this;
}

JsonWriter &JsonWriter::raw(std::string_view Json) {
  separate();
  Text += Json;
  return *this;
}

JsonWriter &JsonWriter::value(std::string_view Value) {
  return raw(quoteJson(Value));
}

JsonWriter &JsonWriter::value(int64_t Number) {
  return raw(std::to_string(Number));
}

JsonWriter &JsonWriter::value(double Number) {
  if (!std::isfinite(Number))
    return null();
  char Buffer[32];
  const auto End = std::to_chars(Buffer, Buffer + sizeof(Buffer), Number);
  return raw(std::string_view(Buffer, size_t(End.ptr - Buffer)));
}

JsonWriter &JsonWriter::value(bool Truth) {
  return raw(Truth ? "true" : "false");
}

JsonWriter &JsonWriter::null() { return raw("null"); }

} // namespace dure
