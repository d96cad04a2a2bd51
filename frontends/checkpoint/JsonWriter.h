// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes JSON as text, front to back.
//
// Included by what makes tokenizer.json and the other files that a GGUF file
// stands for. A vocabulary has hundreds of thousands of values, so text is made
// at once rather than a tree first. Throws nothing but out of memory.
#ifndef DURE_FRONTENDS_CHECKPOINT_JSONWRITER_H
#define DURE_FRONTENDS_CHECKPOINT_JSONWRITER_H

#include "frontends/checkpoint/Json.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace dure::checkpoint {

/// The caller opens and closes in order, and gives a key before each member.
class JsonWriter {
public:
  JsonWriter &beginObject() { return open('{'); }
  JsonWriter &endObject() { return close('}'); }
  JsonWriter &beginArray() { return open('['); }
  JsonWriter &endArray() { return close(']'); }
  JsonWriter &key(std::string_view Name);

  /// Valid UTF-8.
  JsonWriter &text(std::string_view V);
  JsonWriter &integer(int64_t V);
  /// The shortest decimal that reads back as V; null for what JSON has no
  /// number for.
  JsonWriter &number(double V);
  JsonWriter &boolean(bool V);
  JsonWriter &null();
  JsonWriter &value(const Json &V);

  // Members.
  JsonWriter &member(std::string_view Name, std::string_view V) {
    return key(Name).text(V);
  }
  JsonWriter &member(std::string_view Name, const char *V) {
    return key(Name).text(V);
  }
  JsonWriter &member(std::string_view Name, bool V) {
    return key(Name).boolean(V);
  }
  JsonWriter &member(std::string_view Name, int64_t V) {
    return key(Name).integer(V);
  }

  std::string take() { return std::move(Out); }

private:
  JsonWriter &open(char Bracket);
  JsonWriter &close(char Bracket);
  void separate();
  void quote(std::string_view Text);

  std::string Out;
};

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_JSONWRITER_H
