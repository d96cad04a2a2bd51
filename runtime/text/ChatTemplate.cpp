// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which template is used, and the variables that it sees.
#include "runtime/text/ChatTemplate.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

using namespace dure;
using Json = nlohmann::ordered_json;

/// The names that transformers gives special tokens in a template.
static constexpr std::array<const char *, 7> TokenNames = {
    "bos_token", "eos_token", "unk_token", "sep_token",
    "pad_token", "cls_token", "mask_token"};

/// Lists and objects inside each other in a tokenizer's configuration.
static constexpr int MaxConfigDepth = 32;

Result<ChatTemplate> ChatTemplate::create(std::vector<NamedTemplate> Templates,
                                          SpecialTokens Tokens) {
  if (Templates.empty())
    return Status(StatusCode::NotFound,
                  "the model has no chat template; it may be no chat model, or "
                  "give one with chat_template.jinja beside it");
  ChatTemplate Made;
  for (const NamedTemplate &Each : Templates)
    Made.Entries.push_back({Each.Name, jinja::Template::parse(Each.Source)});
  Made.Tokens = std::move(Tokens);
  return Made;
}

//===-- tokenizer_config.json
//----------------------------------------------===//

static Result<Json> parseConfig(std::string_view Text) {
  bool IsTooDeep = false;
  Json Config = Json::parse(
      Text,
      [&](int Depth, Json::parse_event_t, Json &) {
        IsTooDeep |= Depth > MaxConfigDepth;
        return !IsTooDeep;
      },
      /*allow_exceptions=*/false);
  if (IsTooDeep)
    return invalidArgument("tokenizer_config.json: lists and objects are too "
                           "deep inside each other");
  if (!Config.is_object())
    return invalidArgument("tokenizer_config.json is no JSON object");
  return Config;
}

/// A token is a text, or an object that holds it.
static std::optional<std::string> tokenText(const Json &Token) {
  if (Token.is_string())
    return Token.get<std::string>();
  if (Token.is_object())
    if (auto Found = Token.find("content");
        Found != Token.end() && Found->is_string())
      return Found->get<std::string>();
  return std::nullopt;
}

/// The field chat_template: a text, a list of {name, template}, or an object
/// from names to texts.
static Status readTemplates(const Json &Field, std::vector<NamedTemplate> &To) {
  Status Wrong = invalidArgument(
      "tokenizer_config.json: chat_template is neither a text nor a list of "
      "texts with names");
  auto Add = [&](const Json &Name, const Json &Source) {
    if (!Name.is_string() || !Source.is_string())
      return false;
    To.push_back({Name.get<std::string>(), Source.get<std::string>()});
    return true;
  };
  if (Field.is_null())
    return Status::success();
  if (Field.is_string())
    return Add("default", Field) ? Status::success() : Wrong;
  if (Field.is_object()) {
    for (const auto &[Name, Source] : Field.items())
      if (!Add(Name, Source))
        return Wrong;
    return Status::success();
  }
  if (!Field.is_array())
    return Wrong;
  for (const Json &Each : Field)
    if (!Each.is_object() || !Each.contains("name") ||
        !Each.contains("template") || !Add(Each["name"], Each["template"]))
      return Wrong;
  return Status::success();
}

Result<ChatTemplate>
ChatTemplate::fromConfig(std::string_view TokenizerConfig,
                         std::optional<std::string_view> JinjaFile) {
  Result<Json> Config = parseConfig(TokenizerConfig);
  if (!Config)
    return Config.status();
  SpecialTokens Tokens;
  for (const char *Name : TokenNames)
    if (auto Found = Config->find(Name); Found != Config->end())
      if (std::optional<std::string> Text = tokenText(*Found))
        Tokens[Name] = *Text;
  std::vector<NamedTemplate> Templates;
  if (JinjaFile)
    Templates.push_back({"default", std::string(*JinjaFile)});
  else if (auto Found = Config->find("chat_template"); Found != Config->end())
    DURE_RETURN_IF_ERROR(readTemplates(*Found, Templates));
  return create(std::move(Templates), std::move(Tokens));
}

//===-- Rendering
//----------------------------------------------------------===//

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> Names;
  for (const Entry &Each : Entries)
    Names.push_back(Each.Name);
  return Names;
}

Result<const ChatTemplate::Entry *>
ChatTemplate::choose(const ChatRequest &Request) const {
  auto Find = [&](std::string_view Name) -> const Entry * {
    for (const Entry &Each : Entries)
      if (Each.Name == Name)
        return &Each;
    return nullptr;
  };
  if (!Request.Name.empty()) {
    if (const Entry *Found = Find(Request.Name))
      return Found;
    return Status(StatusCode::NotFound,
                  "the model has no chat template '" + Request.Name + "'");
  }
  if (Request.Tools && !Request.Tools->is_null())
    if (const Entry *Found = Find("tool_use"))
      return Found;
  if (const Entry *Found = Find("default"))
    return Found;
  return Status(StatusCode::NotFound,
                "none of the model's chat templates is its default; choose one "
                "by its name");
}

/// A message as templates expect it: without fields that are null, and with its
/// reasoning under the names that templates read it by.
static Json prepared(const Json &Message) {
  static constexpr const char *Fields[] = {"reasoning_content", "thinking",
                                           "reasoning"};
  Json Plain = Json::object();
  for (const auto &[Key, Each] : Message.items())
    if (!Each.is_null())
      Plain[Key] = Each;
  auto Found =
      std::find_if(std::begin(Fields), std::end(Fields),
                   [&](const char *Name) { return Plain.contains(Name); });
  if (Found == std::end(Fields))
    return Plain;
  Json Reasoning = Plain[*Found];
  Json Made = Json::object();
  Made["thinking"] = Reasoning;
  for (const auto &[Key, Each] : Plain.items())
    Made[Key] = Each;
  Made["reasoning_content"] = Reasoning;
  return Made;
}

/// An array of objects.
static bool isListOfObjects(const Json &List) {
  return List.is_array() &&
         std::all_of(List.begin(), List.end(),
                     [](const Json &Each) { return Each.is_object(); });
}

Result<std::string> ChatTemplate::render(const ChatRequest &Request,
                                         const RenderLimits &Limits,
                                         std::optional<std::tm> Now) const {
  if (!Request.Messages || !isListOfObjects(*Request.Messages))
    return invalidArgument("the messages of a chat are a list of objects");
  if (Request.Messages->empty())
    return invalidArgument("a chat has at least one message");
  auto IsAbsent = [](const Json *List) { return !List || List->is_null(); };
  if (!IsAbsent(Request.Tools) && !isListOfObjects(*Request.Tools))
    return invalidArgument("the tools of a chat are a list of JSON schemas");
  if (!IsAbsent(Request.Documents) && !isListOfObjects(*Request.Documents))
    return invalidArgument("the documents of a chat are a list of objects");
  if (!IsAbsent(Request.Extra) && !Request.Extra->is_object())
    return invalidArgument("the variables of a chat template are an object");
  Result<const Entry *> Chosen = choose(Request);
  if (!Chosen)
    return Chosen.status();
  if (!(*Chosen)->Parsed)
    return (*Chosen)->Parsed.status();

  Json Variables = Json::object();
  for (const auto &[Name, Text] : Tokens)
    Variables[Name] = Text;
  if (!IsAbsent(Request.Extra))
    for (const auto &[Name, Each] : Request.Extra->items())
      Variables[Name] = Each;
  Json &Messages = Variables["messages"] = Json::array();
  for (const Json &Each : *Request.Messages)
    Messages.push_back(prepared(Each));
  Variables["tools"] = IsAbsent(Request.Tools) ? Json() : *Request.Tools;
  Variables["documents"] =
      IsAbsent(Request.Documents) ? Json() : *Request.Documents;
  Variables["add_generation_prompt"] = Request.AddGenerationPrompt;
  return (*Chosen)->Parsed->render(Variables, Limits, Now);
}
