// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON values read from files that strangers wrote.
//
// Included by the readers of checkpoints. nlohmann-json, which throws, stays in
// Json.cpp. Depth, number of values and bytes are bounded; a key that stands
// twice is refused, since readers disagree about which one counts.

#ifndef DURE_FRONTENDS_CHECKPOINT_JSON_H
#define DURE_FRONTENDS_CHECKPOINT_JSON_H

#include "frontends/checkpoint/Refusal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dure::checkpoint {

class Json {
public:
  using Array = std::vector<Json>;
  /// In the order of the file.
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(bool V) : Value(V) {}
  Json(int64_t V) : Value(V) {}
  Json(double V) : Value(V) {}
  Json(std::string V) : Value(std::move(V)) {}
  Json(const char *V) : Value(std::string(V)) {}
  Json(Array V) : Value(std::move(V)) {}
  Json(Object V) : Value(std::move(V)) {}

  bool isNull() const { return std::holds_alternative<std::monostate>(Value); }
  const bool *boolean() const { return std::get_if<bool>(&Value); }
  const int64_t *integer() const { return std::get_if<int64_t>(&Value); }
  const std::string *string() const { return std::get_if<std::string>(&Value); }
  const Array *array() const { return std::get_if<Array>(&Value); }
  const Object *object() const { return std::get_if<Object>(&Value); }
  Array *array() { return std::get_if<Array>(&Value); }
  Object *object() { return std::get_if<Object>(&Value); }
  /// Also of integers.
  std::optional<double> number() const;

  /// The member of an object; null when this is none or has none.
  const Json *find(std::string_view Key) const;
  /// Puts a member into an object, or in place of the one that is there.
  void set(std::string_view Key, Json V);

private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array,
               Object>
      Value;
};

struct JsonLimits {
  uint64_t MaxBytes = uint64_t(16) << 20;
  uint64_t MaxValues = 200'000;
  unsigned MaxDepth = 32;
};

/// The value of `Text`, an integer beyond int64 being a double; nothing, having
/// refused it, when there is none. `Place` is for messages.
std::optional<Json> parseJson(std::string_view Text, const std::string &Place,
                              const JsonLimits &Limits, Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_JSON_H
