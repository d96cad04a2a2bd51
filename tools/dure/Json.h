// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A writer of JSON text, for manifests and `--json`.
//
// Included by the commands. Writes keys in the order given, two spaces deep, so
// that output can be compared. Reading JSON is in JsonText.h.
#ifndef DURE_TOOLS_DURE_JSON_H
#define DURE_TOOLS_DURE_JSON_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

class JsonWriter {
public:
  JsonWriter &beginObject() { return open('{', '}'); }
  JsonWriter &beginArray() { return open('[', ']'); }
  /// Ends the innermost object or array.
  JsonWriter &end();

  JsonWriter &key(std::string_view Key);
  JsonWriter &value(std::string_view Text);
  JsonWriter &value(const char *Text) { return value(std::string_view(Text)); }
  JsonWriter &value(const std::string &Text) {
    return value(std::string_view(Text));
  }
  JsonWriter &value(int64_t Number);
  /// NaN and infinities, which JSON lacks, become null.
  JsonWriter &value(double Number);
  JsonWriter &value(bool Truth);
  JsonWriter &null();
  /// JSON text from elsewhere, put in as it is.
  JsonWriter &raw(std::string_view Json);

  template <typename T> JsonWriter &member(std::string_view Key, T Value) {
    return key(Key).value(Value);
  }

  const std::string &text() const { return Text; }

private:
  JsonWriter &open(char Begin, char End);
  void separate();

  std::string Text;
  struct Level {
    char End;
    bool Empty;
  };
  std::vector<Level> Levels;
  bool AfterKey = false;
};

/// `Text` between quotes. Bytes that are no UTF-8 become U+FFFD.
std::string quoteJson(std::string_view Text);

} // namespace dure

#endif // DURE_TOOLS_DURE_JSON_H
