// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that templates give what jinja2 gave, character by character, and fail
// where it failed.
#include "runtime/text/ChatTemplate.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace dure;
using Json = nlohmann::ordered_json;

/// The time in oracle.py.
static std::tm now() {
  std::tm Now{};
  Now.tm_year = 2025 - 1900;
  Now.tm_mon = 2;
  Now.tm_mday = 9;
  Now.tm_hour = 14;
  Now.tm_min = 5;
  Now.tm_sec = 7;
  Now.tm_yday = 67;
  return Now;
}

static std::ifstream open(const std::string &Name) {
  return std::ifstream(std::string(DURE_JINJA_CASES) + "/" + Name);
}

/// Compares a result with a case; counts what differs, and shows some of it.
static void check(const Json &Case, const Result<std::string> &Got,
                  size_t &Different) {
  bool IsSame = Case.contains("text")
                    ? Got.ok() && *Got == Case["text"].get<std::string>()
                    : !Got.ok();
  if (IsSame || ++Different > 20)
    return;
  ADD_FAILURE() << Case["template"].get<std::string>() << "\nwanted: "
                << (Case.contains("text") ? Case["text"].dump()
                                          : Case["error"].dump())
                << "\ngot:    "
                << (Got.ok() ? Json(*Got).dump() : Got.status().message());
}

TEST(JinjaOracle, Templates) {
  Json Random = Json::parse(open("random.json"));
  std::ifstream File = open("templates.jsonl");
  size_t Count = 0, Failing = 0, Different = 0;
  for (std::string Line; std::getline(File, Line); ++Count) {
    Json Case = Json::parse(Line);
    Json Values = Case.value("values", Json::object());
    if (Values.is_string())
      Values = Random;
    Failing += Case.contains("error");
    auto Parsed = jinja::Template::parse(Case["template"].get<std::string>());
    check(Case,
          Parsed.ok() ? Parsed->render(Values, {}, now())
                      : Result<std::string>(Parsed.status()),
          Different);
  }
  EXPECT_EQ(Different, 0u);
  EXPECT_GT(Count - Failing, 10000u);
  EXPECT_GT(Failing, 1000u);
}

TEST(JinjaOracle, Chats) {
  std::ifstream File = open("chats.jsonl");
  size_t Count = 0, Different = 0;
  for (std::string Line; std::getline(File, Line); ++Count) {
    Json Case = Json::parse(Line);
    ChatRequest Request;
    auto Field = [&](const char *Name) {
      return Case.contains(Name) ? &Case[Name] : nullptr;
    };
    Request.Messages = Field("messages");
    Request.Tools = Field("tools");
    Request.Documents = Field("documents");
    Request.Extra = Field("extra");
    Request.AddGenerationPrompt = Case.value("add_generation_prompt", false);
    auto Made = ChatTemplate::create({{"default", Case["template"]}},
                                     Case["tokens"].get<SpecialTokens>());
    ASSERT_TRUE(Made.ok());
    check(Case, Made->render(Request, {}, now()), Different);
  }
  EXPECT_EQ(Different, 0u);
  EXPECT_GT(Count, 500u);
}
