// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading values of a JSON file.
#include "runtime/llm/Json.h"

using namespace dure;

using Json = nlohmann::json;

Result<JsonFile> JsonFile::parse(const char *Name, std::string_view Text) {
  JsonFile Out;
  Out.Name = Name;
  if (Text.empty())
    return Out;
  Out.Object = Json::parse(Text, nullptr, /*allow_exceptions=*/false);
  if (!Out.Object.is_object())
    return dataLoss(std::string(Name) + " is not a JSON object");
  return Out;
}

const Json *JsonFile::find(const char *Key) const {
  const auto Found = Object.find(Key);
  return Found == Object.end() || Found->is_null() ? nullptr : &*Found;
}

JsonFile JsonFile::inner(const char *Key) const {
  JsonFile Out;
  Out.Name = Name;
  if (const Json *Value = find(Key); Value && Value->is_object())
    Out.Object = *Value;
  return Out;
}

Status JsonFile::readNumber(const char *Key, double &To) const {
  const Json *Value = find(Key);
  if (!Value)
    return Status::success();
  if (!Value->is_number())
    return fail(Key, "a number");
  To = Value->get<double>();
  return Status::success();
}

Status JsonFile::readInteger(const char *Key, int64_t &To) const {
  const Json *Value = find(Key);
  if (!Value)
    return Status::success();
  if (!Value->is_number_integer())
    return fail(Key, "a whole number");
  To = Value->get<int64_t>();
  return Status::success();
}

Status JsonFile::readBool(const char *Key, bool &To) const {
  const Json *Value = find(Key);
  if (!Value)
    return Status::success();
  if (!Value->is_boolean())
    return fail(Key, "true or false");
  To = Value->get<bool>();
  return Status::success();
}

Status JsonFile::fail(const char *Key, const char *Expected) const {
  return dataLoss(std::string(Name) + ": \"" + Key + "\" is not " + Expected);
}
