// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Typed reading of configurations.

#include "frontends/checkpoint/Config.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace dure::checkpoint {
namespace {

constexpr auto HarmlessKeys = std::to_array<std::string_view>({
#define DURE_KEY(NAME) NAME,
#include "frontends/checkpoint/HarmlessKeys.def"
});

} // namespace

bool isHarmlessKey(std::string_view Key) {
  return std::find(HarmlessKeys.begin(), HarmlessKeys.end(), Key) !=
         HarmlessKeys.end();
}

const Json *Config::get(std::string_view Key) {
  Read.emplace(Key);
  const Json *Found = Object.find(Key);
  return Found && !Found->isNull() ? Found : nullptr;
}

bool Config::has(std::string_view Key) const {
  const Json *Found = Object.find(Key);
  return Found && !Found->isNull();
}

const Json *Config::wrongKind(std::string_view Key, const char *Kind) {
  Problems.add(RefusalCode::JsonKind, Place, {std::string(Key), Kind});
  return nullptr;
}

int64_t Config::count(std::string_view Key, std::optional<int64_t> Default) {
  const Json *Found = get(Key);
  if (!Found && !Default)
    Problems.add(RefusalCode::ConfigMissing, Place, {std::string(Key)});
  if (!Found)
    return Default.value_or(1);
  const int64_t *Number = Found->integer();
  if (Number && *Number >= 1 && *Number <= INT32_MAX)
    return *Number;
  wrongKind(Key, "1..2147483647");
  return 1;
}

int64_t Config::count(std::initializer_list<std::string_view> Keys) {
  ignore(Keys);
  for (std::string_view Key : Keys)
    if (has(Key))
      return count(Key);
  return count(*Keys.begin());
}

int64_t Config::countOrZero(std::string_view Key, int64_t Default) {
  const Json *Found = get(Key);
  if (!Found)
    return Default;
  const int64_t *Number = Found->integer();
  if (Number && *Number >= 0 && *Number <= INT32_MAX)
    return *Number;
  wrongKind(Key, "0..2147483647");
  return 0;
}

double Config::number(std::string_view Key, std::optional<double> Default) {
  const Json *Found = get(Key);
  if (!Found && !Default)
    Problems.add(RefusalCode::ConfigMissing, Place, {std::string(Key)});
  if (!Found)
    return Default.value_or(1);
  const std::optional<double> Number = Found->number();
  if (Number && std::isfinite(float(*Number)))
    return *Number;
  wrongKind(Key, "1.0");
  return 1;
}

bool Config::flag(std::string_view Key, bool Default) {
  const Json *Found = get(Key);
  if (!Found)
    return Default;
  if (const bool *Truth = Found->boolean())
    return *Truth;
  wrongKind(Key, "true / false");
  return Default;
}

std::string Config::text(std::string_view Key, std::string_view Default) {
  const Json *Found = get(Key);
  if (!Found)
    return std::string(Default);
  if (const std::string *Text = Found->string())
    return *Text;
  wrongKind(Key, "\"...\"");
  return std::string(Default);
}

std::vector<std::string> Config::texts(std::string_view Key) {
  std::vector<std::string> Out;
  const Json *Found = get(Key);
  if (!Found)
    return Out;
  if (const Json::Array *Items = Found->array()) {
    for (const Json &Each : *Items)
      if (const std::string *Text = Each.string())
        Out.push_back(*Text);
    if (Out.size() == Items->size())
      return Out;
  }
  wrongKind(Key, "[\"...\", ...]");
  return {};
}

std::vector<double> Config::numbers(std::string_view Key) {
  std::vector<double> Out;
  const Json *Found = get(Key);
  if (!Found)
    return Out;
  if (const Json::Array *Items = Found->array()) {
    for (const Json &Each : *Items)
      if (const auto Number = Each.number();
          Number && std::isfinite(float(*Number)))
        Out.push_back(*Number);
    if (Out.size() == Items->size())
      return Out;
  }
  wrongKind(Key, "[1.0, ...]");
  return {};
}

void Config::expect(std::string_view Key, bool Value) {
  if (flag(Key, Value) != Value)
    refuseValue(Key);
}

void Config::expect(std::string_view Key, std::string_view Value) {
  if (text(Key, Value) != Value)
    refuseValue(Key);
}

void Config::refuseValue(std::string_view Key) {
  Problems.add(RefusalCode::ConfigValue, Place, {std::string(Key)});
}

void Config::ignore(std::initializer_list<std::string_view> Keys) {
  for (std::string_view Key : Keys)
    Read.emplace(Key);
}

void Config::finish() {
  const Json::Object *Members = Object.object();
  if (!Members)
    return;
  for (const auto &[Key, Value] : *Members)
    if (!Value.isNull() && !Read.count(Key) && !isHarmlessKey(Key))
      Problems.add(RefusalCode::ConfigKey, Place, {Key});
}

} // namespace dure::checkpoint
