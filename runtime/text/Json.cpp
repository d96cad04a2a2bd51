// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads JSON with nlohmann-json's event interface. No exception leaves this
// file but out of memory.

#include "runtime/text/Json.h"

#include <nlohmann/json.hpp>

#include <limits>

using namespace dure;
using namespace dure::text;

const JsonValue *JsonValue::field(std::string_view Name) const {
  for (size_t I = Fields.size(); I != 0; --I)
    if (Fields[I - 1].Name == Name)
      return &Fields[I - 1].Value;
  return nullptr;
}

namespace {

/// Takes the events of a JSON text. Each function returns false once `Problem`
/// says what is wrong.
class Reader : public nlohmann::json_sax<nlohmann::json> {
public:
  /// TABLES is null where no table is to be read apart.
  Reader(JsonValue &Root, ModelTables *Tables) : Tables(Tables) {
    Open.push_back(&Root);
  }

  std::string Problem;

  bool null() override { return InTable ? wrongInTable() : place(JsonValue()); }
  bool boolean(bool Value) override {
    if (InTable)
      return wrongInTable();
    JsonValue New;
    New.Type = JsonValue::Kind::Boolean;
    New.Boolean = Value;
    return place(std::move(New));
  }
  bool number_integer(number_integer_t Value) override {
    return number(true, Value, static_cast<double>(Value));
  }
  bool number_unsigned(number_unsigned_t Value) override {
    bool Fits = Value <= std::numeric_limits<int64_t>::max();
    return number(Fits, static_cast<int64_t>(Value),
                  static_cast<double>(Value));
  }
  bool number_float(number_float_t Value, const string_t &) override {
    return number(false, 0, Value);
  }
  bool binary(binary_t &) override { return false; }
  bool string(string_t &Value) override {
    if (InTable)
      return tableString(Value);
    JsonValue New;
    New.Type = JsonValue::Kind::String;
    New.String = std::move(Value);
    return place(std::move(New));
  }

  bool start_object(size_t) override { return start(true); }
  bool start_array(size_t) override { return start(false); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }

  bool key(string_t &Name) override {
    if (InTable) {
      if (Name.size() > MaxTokenBytes)
        return tooLong();
      Pending.clear();
      Pending.push_back(store(Name));
      return true;
    }
    if (Open.size() == 2)
      IsModel = Name == "model";
    if (Tables && IsModel && Open.size() == 3 &&
        (Name == "vocab" || Name == "merges")) {
      Table = Name == "vocab" ? Vocabulary : Merges;
      IsTableNext = true;
      return true;
    }
    Open.back()->Fields.push_back({std::move(Name), JsonValue()});
    return true;
  }

  bool parse_error(size_t Position, const std::string &,
                   const nlohmann::detail::exception &) override {
    return fail("it is no valid JSON at byte " + std::to_string(Position));
  }

private:
  enum WhichTable { Vocabulary, Merges };

  bool fail(std::string Text) {
    if (Problem.empty())
      Problem = std::move(Text);
    return false;
  }
  bool tooLong() {
    return fail("a token has more than " + std::to_string(MaxTokenBytes) +
                " bytes");
  }
  bool wrongInTable() {
    if (Table == Vocabulary)
      return fail("model.vocab is neither an object of ids nor a list of "
                  "tokens with scores");
    return fail("model.merges is no list of pairs");
  }

  //===-- The tree
  //---------------------------------------------------------===//

  /// The value that Open.back() is waiting for.
  bool place(JsonValue New) {
    if (IsTableNext) {
      IsTableNext = false;
      // A table may be null, and is then not there.
      return New.isNull() || wrongInTable();
    }
    *slot() = std::move(New);
    return !hasTooMany();
  }
  bool hasTooMany() {
    return Values > MaxJsonValues &&
           !fail("it has more than " + std::to_string(MaxJsonValues) +
                 " values");
  }
  JsonValue *slot() {
    ++Values;
    JsonValue *Top = Open.back();
    if (Top->is(JsonValue::Kind::Array))
      return &Top->Items.emplace_back();
    if (Top->is(JsonValue::Kind::Object))
      return &Top->Fields.back().Value;
    return Top;
  }
  bool number(bool IsInteger, int64_t Integer, double Real) {
    if (InTable)
      return tableNumber(IsInteger, Integer, Real);
    JsonValue New;
    New.Type = IsInteger ? JsonValue::Kind::Integer : JsonValue::Kind::Real;
    New.Integer = Integer;
    New.Real = Real;
    return place(std::move(New));
  }
  bool start(bool IsObject) {
    if (InTable || IsTableNext)
      return startInTable(IsObject);
    if (Open.size() > MaxJsonDepth)
      return fail("it is nested more than " + std::to_string(MaxJsonDepth) +
                  " deep");
    JsonValue *New = slot();
    if (hasTooMany())
      return false;
    New->Type = IsObject ? JsonValue::Kind::Object : JsonValue::Kind::Array;
    // An array that grows moves its items, but never while one of them is open.
    Open.push_back(New);
    return true;
  }
  bool end() {
    if (InTable)
      return endInTable();
    Open.pop_back();
    return true;
  }

  //===-- The tables
  //-------------------------------------------------------===//

  TableString store(std::string_view Text) {
    TableString S{Tables->Bytes.size(), static_cast<uint32_t>(Text.size())};
    Tables->Bytes += Text;
    return S;
  }
  bool startInTable(bool IsObject) {
    if (IsTableNext) {
      IsTableNext = false;
      InTable = true;
      TableDepth = 1;
      bool Again =
          Table == Vocabulary ? Tables->HasVocabulary : Tables->HasMerges;
      if (Again)
        return fail("a table of the model is there twice");
      if (Table == Vocabulary) {
        Tables->HasVocabulary = true;
        Tables->HasScores = !IsObject;
        return true;
      }
      Tables->HasMerges = true;
      return !IsObject || wrongInTable();
    }
    bool TakesLists = Table == Merges || Tables->HasScores;
    if (TableDepth != 1 || IsObject || !TakesLists)
      return wrongInTable();
    TableDepth = 2;
    Pending.clear();
    HasScore = false;
    return true;
  }
  bool endInTable() {
    if (TableDepth-- == 1) {
      InTable = false;
      return true;
    }
    if (Table == Merges) {
      if (Pending.size() != 2)
        return wrongInTable();
      Tables->Merges.push_back({Pending[0], Pending[1]});
      return true;
    }
    if (Pending.size() != 1 || !HasScore)
      return wrongInTable();
    Tables->Tokens.push_back({Pending[0], 0, Score});
    return true;
  }
  bool tableString(std::string_view Value) {
    if (Value.size() > 2 * MaxTokenBytes)
      return tooLong();
    if (TableDepth == 2) {
      if (Pending.size() == 2)
        return wrongInTable();
      Pending.push_back(store(Value));
      return true;
    }
    if (Table == Vocabulary)
      return wrongInTable();
    // A pair as one string, with a line that older files begin with.
    if (Value.starts_with("#version"))
      return true;
    size_t Space = Value.find(' ');
    if (Space == Value.npos || Value.find(' ', Space + 1) != Value.npos)
      return fail("the merge '" + std::string(Value.substr(0, 100)) +
                  "' is no pair of tokens with a space between them");
    TableString Left = store(Value.substr(0, Space));
    Tables->Merges.push_back({Left, store(Value.substr(Space + 1))});
    return true;
  }
  bool tableNumber(bool IsInteger, int64_t Integer, double Real) {
    if (Table == Merges)
      return wrongInTable();
    if (Tables->HasScores) {
      if (TableDepth != 2 || Pending.size() != 1 || HasScore)
        return wrongInTable();
      Score = Real;
      HasScore = true;
      return true;
    }
    if (!IsInteger || Integer < 0 ||
        Integer > std::numeric_limits<uint32_t>::max())
      return wrongInTable();
    Tables->Tokens.push_back({Pending[0], static_cast<uint32_t>(Integer), 0});
    return true;
  }

  ModelTables *Tables;
  /// The arrays and objects that are open, outermost first.
  std::vector<JsonValue *> Open;
  size_t Values = 0;
  bool IsModel = false;
  bool IsTableNext = false, InTable = false;
  WhichTable Table = Vocabulary;
  unsigned TableDepth = 0;
  std::vector<TableString> Pending;
  bool HasScore = false;
  double Score = 0;
};

} // namespace

static Status readWith(std::string_view Text, JsonValue &Root,
                       ModelTables *Tables) {
  if (Text.size() > MaxJsonBytes)
    return dataLoss("the JSON text has more than " +
                    std::to_string(MaxJsonBytes) + " bytes");
  Reader Events(Root, Tables);
  if (!nlohmann::json::sax_parse(Text.begin(), Text.end(), &Events))
    return dataLoss("the JSON text cannot be read: " + Events.Problem);
  return Status::success();
}

Status text::readTokenizerJson(std::string_view Text, JsonValue &Root,
                               ModelTables &Tables) {
  return readWith(Text, Root, &Tables);
}

Status text::readJson(std::string_view Text, JsonValue &Root) {
  return readWith(Text, Root, nullptr);
}
