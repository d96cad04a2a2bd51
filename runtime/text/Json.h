// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a tokenizer.json holds, before it means anything: its large tables as
// tables, the rest as a tree.
//
// Included inside runtime/text only. nlohmann-json, which throws, stays in
// Json.cpp. Why not its tree for all of it: a vocabulary and its merges are a
// million small strings, and reading them takes most of the time that loading a
// tokenizer does.
#ifndef DURE_RUNTIME_TEXT_JSON_H
#define DURE_RUNTIME_TEXT_JSON_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::text {

struct JsonField;

/// A value of a JSON text. Fields keep their order; of two with one name the
/// last counts.
struct JsonValue {
  enum class Kind { Null, Boolean, Integer, Real, String, Array, Object };

  Kind Type = Kind::Null;
  bool Boolean = false;
  int64_t Integer = 0;
  double Real = 0; // of an Integer, too
  std::string String;
  std::vector<JsonValue> Items;
  std::vector<JsonField> Fields;

  bool is(Kind Wanted) const { return Type == Wanted; }
  bool isNull() const { return Type == Kind::Null; }
  /// The field of an object; null where there is none.
  const JsonValue *field(std::string_view Name) const;
};

struct JsonField {
  std::string Name;
  JsonValue Value;
};

/// A string of ModelTables.
struct TableString {
  uint64_t Offset = 0;
  uint32_t Length = 0;
};

/// The tables of the field "model", in the order of the file.
struct ModelTables {
  struct Token {
    TableString Text;
    uint32_t Id = 0;  // of a vocabulary that is an object
    double Score = 0; // of a vocabulary that is an array
  };
  struct Merge {
    TableString Left, Right;
  };

  std::string Bytes;
  std::vector<Token> Tokens;
  std::vector<Merge> Merges;
  bool HasVocabulary = false;
  bool HasScores = false;
  bool HasMerges = false;

  std::string_view text(TableString S) const {
    return std::string_view(Bytes).substr(S.Offset, S.Length);
  }
};

/// Bounds of what is read.
inline constexpr size_t MaxJsonBytes = size_t(1) << 30;
inline constexpr size_t MaxJsonDepth = 64;
inline constexpr size_t MaxJsonValues = size_t(1) << 19; // tables not counted
inline constexpr size_t MaxTokenBytes = size_t(1) << 14;

/// Reads a tokenizer.json; TABLES takes "vocab" and "merges" of the field
/// "model", ROOT the rest.
Status readTokenizerJson(std::string_view Text, JsonValue &Root,
                         ModelTables &Tables);

/// Reads any JSON text.
Status readJson(std::string_view Text, JsonValue &Root);

} // namespace dure::text

#endif // DURE_RUNTIME_TEXT_JSON_H
