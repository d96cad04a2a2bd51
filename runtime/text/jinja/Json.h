// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON in and out of a template.
#ifndef DURE_RUNTIME_TEXT_JINJA_JSON_H
#define DURE_RUNTIME_TEXT_JINJA_JSON_H

#include "runtime/text/jinja/Value.h"

#include <nlohmann/json_fwd.hpp>

namespace dure::jinja {

/// How Python's json.dumps writes.
struct JsonStyle {
  bool EnsureAscii = false;
  bool SortKeys = false;
  /// A line for each item, with this in front, once for each level.
  std::optional<std::string> Indent;
  std::string ItemSeparator = ", ";
  std::string KeySeparator = ": ";
};

/// Fails for what JSON has no form for.
std::string writeJson(Meter &M, const Value &V, const JsonStyle &Style);

/// Keys stay in their order.
Value fromJson(const Maker &Make, const nlohmann::ordered_json &From);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_JSON_H
