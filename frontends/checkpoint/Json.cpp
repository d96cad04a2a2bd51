// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds Json of nlohmann's events, counting on the way. No exception leaves
// this file.

#include "frontends/checkpoint/Json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace dure::checkpoint {

std::optional<double> Json::number() const {
  if (const int64_t *I = integer())
    return double(*I);
  if (const double *D = std::get_if<double>(&Value))
    return *D;
  return std::nullopt;
}

const Json *Json::find(std::string_view Key) const {
  const Object *Members = object();
  if (!Members)
    return nullptr;
  auto It = std::find_if(Members->begin(), Members->end(),
                         [&](const auto &Each) { return Each.first == Key; });
  return It == Members->end() ? nullptr : &It->second;
}

void Json::set(std::string_view Key, Json V) {
  if (const Json *Old = find(Key))
    *const_cast<Json *>(Old) = std::move(V);
  else
    object()->emplace_back(Key, std::move(V));
}

namespace {

using Sax = nlohmann::json_sax<nlohmann::json>;

class Builder : public Sax {
public:
  Builder(const std::string &Place, const JsonLimits &Limits,
          Refusals &Problems)
      : Place(Place), Limits(Limits), Problems(Problems) {}

  bool null() override { return add(Json()); }
  bool boolean(bool V) override { return add(Json(V)); }
  bool number_integer(number_integer_t V) override {
    return add(Json(int64_t(V)));
  }
  bool number_unsigned(number_unsigned_t V) override {
    return add(V <= uint64_t(INT64_MAX) ? Json(int64_t(V)) : Json(double(V)));
  }
  bool number_float(number_float_t V, const string_t &) override {
    return add(Json(V));
  }
  bool string(string_t &V) override { return add(Json(std::move(V))); }
  bool binary(binary_t &) override { return false; }

  bool start_object(std::size_t) override { return open(Json(Json::Object())); }
  bool start_array(std::size_t) override { return open(Json(Json::Array())); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t &V) override {
    Level &L = Levels.back();
    if (!L.Keys.insert(V).second)
      return refuse(RefusalCode::JsonDuplicate, V);
    L.Key = std::move(V);
    return true;
  }

  bool parse_error(std::size_t At, const std::string &,
                   const nlohmann::json::exception &) override {
    return refuse(RefusalCode::JsonMalformed, std::to_string(At));
  }

  Json Root;

private:
  struct Level {
    Json Value;
    std::string Key; ///< Of the member that comes next.
    std::unordered_set<std::string> Keys;
  };

  bool refuse(RefusalCode Code, std::string Argument) {
    Problems.add(Code, Place, {std::move(Argument)});
    return false;
  }

  bool count() {
    return ++Count <= Limits.MaxValues ||
           refuse(RefusalCode::JsonTooMany, std::to_string(Limits.MaxValues));
  }

  bool add(Json V) {
    if (!count())
      return false;
    place(std::move(V));
    return true;
  }

  void place(Json V) {
    if (Levels.empty())
      Root = std::move(V);
    else if (Json::Array *Items = Levels.back().Value.array())
      Items->push_back(std::move(V));
    else
      Levels.back().Value.object()->emplace_back(std::move(Levels.back().Key),
                                                 std::move(V));
  }

  bool open(Json V) {
    if (Levels.size() == Limits.MaxDepth)
      return refuse(RefusalCode::JsonTooDeep, std::to_string(Limits.MaxDepth));
    if (!count())
      return false;
    Levels.push_back({std::move(V), {}, {}});
    return true;
  }

  bool close() {
    Json V = std::move(Levels.back().Value);
    Levels.pop_back();
    place(std::move(V));
    return true;
  }

  const std::string &Place;
  const JsonLimits &Limits;
  Refusals &Problems;
  std::vector<Level> Levels;
  uint64_t Count = 0;
};

} // namespace

std::optional<Json> parseJson(std::string_view Text, const std::string &Place,
                              const JsonLimits &Limits, Refusals &Problems) {
  if (Text.size() > Limits.MaxBytes) {
    Problems.add(
        RefusalCode::FileSize, Place,
        {std::to_string(Text.size()), std::to_string(Limits.MaxBytes)});
    return std::nullopt;
  }
  Builder B(Place, Limits, Problems);
  // The parser keeps its own stack: depth costs no stack of ours.
  if (!nlohmann::json::sax_parse(Text.begin(), Text.end(), &B))
    return std::nullopt;
  return std::move(B.Root);
}

} // namespace dure::checkpoint
