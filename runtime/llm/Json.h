// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A JSON file of a model, read key by key.
//
// Internal to runtime/llm. The file is hostile input: a value of another type
// than is asked for is refused with the file and the key; what is absent or
// null leaves the caller's value as it is.
#ifndef DURE_RUNTIME_LLM_JSON_H
#define DURE_RUNTIME_LLM_JSON_H

#include "runtime/base/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace dure {

class JsonFile {
public:
  /// An object; an empty one for an empty text.
  static Result<JsonFile> parse(const char *Name, std::string_view Text);

  /// Null for what is absent or null.
  const nlohmann::json *find(const char *Key) const;
  /// The object that is the value of a key, or an empty one.
  JsonFile inner(const char *Key) const;
  Status readNumber(const char *Key, double &To) const;
  Status readInteger(const char *Key, int64_t &To) const;
  Status readBool(const char *Key, bool &To) const;
  /// That the value of a key is not what is expected.
  Status fail(const char *Key, const char *Expected) const;

private:
  const char *Name = "";
  nlohmann::json Object = nlohmann::json::object();
};

} // namespace dure

#endif // DURE_RUNTIME_LLM_JSON_H
