// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON as Python's json.dumps writes it, and values from JSON.
#include "runtime/text/jinja/Json.h"

#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Sort.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace dure;
using namespace dure::jinja;

namespace {
class JsonWriter {
public:
  JsonWriter(Meter &M, const JsonStyle &Style) : M(M), Style(Style), Out(M) {}

  void write(const Value &V, unsigned Level);
  std::string take() { return Out.take(); }

private:
  void writeText(const std::string &Text);
  void writeNumber(const Value &V);
  void writeDict(const Value &V, unsigned Level);
  std::string keyText(const Value &Key) const;
  void beginItem(bool IsFirst, unsigned Level) {
    if (!IsFirst)
      Out.add(Style.ItemSeparator);
    newLine(Level);
  }
  void newLine(unsigned Level) {
    if (!Style.Indent)
      return;
    Out.add("\n");
    if (!Style.Indent->empty())
      Out.add(Level, *Style.Indent);
  }

  Meter &M;
  const JsonStyle &Style;
  TextBuilder Out;
};
} // namespace

static void appendCode(std::string &To, unsigned Unit) {
  char Code[8];
  std::snprintf(Code, sizeof(Code), "\\u%04x", Unit);
  To += Code;
}

void JsonWriter::writeText(const std::string &Text) {
  M.expect(Text.size(), 6);
  M.step(Text.size() / 4);
  std::string Quoted = "\"";
  for (size_t At = 0; At < Text.size();) {
    size_t Begin = At;
    char32_t C = nextCharacter(Text, At);
    static constexpr std::string_view Short = "\"\\\n\r\t\f\b";
    if (size_t Found = C < 0x80 ? Short.find(char(C)) : Short.npos;
        Found != Short.npos) {
      Quoted += '\\';
      Quoted += "\"\\nrtfb"[Found];
    } else if (C < 0x20) {
      appendCode(Quoted, C);
    } else if (C < 0x7F || !Style.EnsureAscii) {
      Quoted += std::string_view(Text).substr(Begin, At - Begin);
    } else if (C < 0x10000) {
      appendCode(Quoted, C);
    } else {
      appendCode(Quoted, 0xD800 + ((C - 0x10000) >> 10));
      appendCode(Quoted, 0xDC00 + ((C - 0x10000) & 0x3FF));
    }
  }
  Out.add(Quoted += '"');
}

static std::string numberText(const Value &V) {
  if (V.is(Kind::Bool))
    return V.boolean() ? "true" : "false";
  if (V.is(Kind::Int))
    return std::to_string(V.integer());
  double D = V.number();
  if (std::isnan(D))
    return "NaN";
  if (std::isinf(D))
    return D < 0 ? "-Infinity" : "Infinity";
  return floatRepr(D);
}

std::string JsonWriter::keyText(const Value &Key) const {
  if (Key.isString())
    return Key.text();
  if (Key.is(Kind::None))
    return "null";
  if (!Key.isNumber())
    fail("JSON has no keys of type " + typeName(Key));
  return numberText(Key);
}

void JsonWriter::writeDict(const Value &V, unsigned Level) {
  std::vector<std::pair<Value, Value>> Items = V.dict().Items;
  if (Style.SortKeys)
    stableSort(Items, [&](const auto &A, const auto &B) {
      std::optional<int> Order = compare(M, A.first, B.first);
      return Order && *Order < 0;
    });
  Out.add("{");
  bool IsFirst = true;
  for (const auto &[Key, Each] : Items) {
    beginItem(IsFirst, Level + 1);
    IsFirst = false;
    writeText(keyText(Key));
    Out.add(Style.KeySeparator);
    write(Each, Level + 1);
  }
  if (!IsFirst)
    newLine(Level);
  Out.add("}");
}

void JsonWriter::write(const Value &V, unsigned Level) {
  switch (V.kind()) {
  case Kind::None:
    return Out.add("null");
  case Kind::Bool:
  case Kind::Int:
  case Kind::Float:
    return Out.add(numberText(V));
  case Kind::String:
    return writeText(V.text());
  case Kind::List:
  case Kind::Tuple: {
    Out.add("[");
    bool IsFirst = true;
    for (const Value &Each : V.items()) {
      beginItem(IsFirst, Level + 1);
      IsFirst = false;
      write(Each, Level + 1);
    }
    if (!IsFirst)
      newLine(Level);
    return Out.add("]");
  }
  case Kind::Dict:
    return writeDict(V, Level);
  default:
    fail("JSON has no form for " + typeName(V));
  }
}

std::string jinja::writeJson(Meter &M, const Value &V, const JsonStyle &Style) {
  JsonWriter Writer(M, Style);
  Writer.write(V, 0);
  return Writer.take();
}

static Value fromJsonAt(const Maker &Make, const nlohmann::ordered_json &From,
                        unsigned Depth) {
  if (Depth > MaxValueDepth)
    failLimit("values are too deep inside each other");
  auto Text = [&](const std::string &Of) {
    if (!isUtf8(Of))
      fail("a text that the template is given is not UTF-8");
    return Make.string(Of);
  };
  switch (From.type()) {
  case nlohmann::json::value_t::null:
    return Value::none();
  case nlohmann::json::value_t::boolean:
    return Value::boolean(From.get<bool>());
  case nlohmann::json::value_t::number_integer:
    return Value::integer(From.get<int64_t>());
  case nlohmann::json::value_t::number_unsigned:
    if (From.get<uint64_t>() > uint64_t(INT64_MAX))
      fail("the number " + std::to_string(From.get<uint64_t>()) +
           " is too large; ints have 64 bits");
    return Value::integer(int64_t(From.get<uint64_t>()));
  case nlohmann::json::value_t::number_float:
    return Value::real(From.get<double>());
  case nlohmann::json::value_t::string:
    return Text(From.get_ref<const std::string &>());
  case nlohmann::json::value_t::array: {
    Make.M.expect(From.size(), sizeof(Value));
    std::vector<Value> Items;
    Items.reserve(From.size());
    for (const auto &Each : From)
      Items.push_back(fromJsonAt(Make, Each, Depth + 1));
    return Make.list(std::move(Items));
  }
  case nlohmann::json::value_t::object: {
    Make.M.expect(From.size(), 2 * sizeof(Value));
    std::vector<std::pair<Value, Value>> Items;
    Items.reserve(From.size());
    for (const auto &[Key, Each] : From.items())
      Items.emplace_back(Text(Key), fromJsonAt(Make, Each, Depth + 1));
    return Make.dict(std::move(Items));
  }
  default:
    fail("a value that the template is given is no JSON");
  }
}

Value jinja::fromJson(const Maker &Make, const nlohmann::ordered_json &From) {
  return fromJsonAt(Make, From, 0);
}
