// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of where templates come from, which one is used, and what errors say.
#include "runtime/text/ChatTemplate.h"

#include "runtime/base/Korean.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace dure;
using Json = nlohmann::ordered_json;

namespace {
/// A conversation of one message, and what tests change in it.
struct Chat {
  Json Messages = Json::parse(R"([{"role": "user", "content": "hi"}])");
  Json Tools, Extra;
  ChatRequest Request;

  ChatRequest &request() {
    Request.Messages = &Messages;
    Request.Tools = &Tools;
    Request.Extra = &Extra;
    return Request;
  }
};
} // namespace

static std::string message(const Result<std::string> &Got) {
  return Got.ok() ? "no error: " + *Got : Got.status().message();
}

static Result<std::string> render(std::string Source) {
  auto Made = ChatTemplate::create({{"default", std::move(Source)}}, {});
  return Made.ok() ? Made->render(Chat().request()) : Made.status();
}

TEST(ChatTemplate, ReadsTokensAndTemplateOfAConfig) {
  auto Made = ChatTemplate::fromConfig(R"({
    "bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
    "pad_token": null, "model_max_length": 1e30,
    "chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ pad_token is defined }}"})");
  ASSERT_TRUE(Made.ok()) << Made.status().message();
  auto Text = Made->render(Chat().request());
  ASSERT_TRUE(Text.ok()) << Text.status().message();
  EXPECT_EQ(*Text, "<s>hi</s>False");
}

TEST(ChatTemplate, FileGoesBeforeConfig) {
  auto Made = ChatTemplate::fromConfig(R"({"chat_template": "config"})",
                                       "{{ messages|length }} of file\n");
  ASSERT_TRUE(Made.ok());
  EXPECT_EQ(*Made->render(Chat().request()), "1 of file");
}

TEST(ChatTemplate, VariablesOfTheCallerGoBeforeTokens) {
  auto Made = ChatTemplate::create({{"default", "{{ bos_token }}{{ x }}"}},
                                   {{"bos_token", "<s>"}});
  ASSERT_TRUE(Made.ok());
  Chat C;
  C.Extra = Json{{"x", 1}, {"bos_token", "<b>"}};
  EXPECT_EQ(*Made->render(C.request()), "<b>1");
}

TEST(ChatTemplate, ChoosesAmongSeveral) {
  auto Made = ChatTemplate::fromConfig(R"({"chat_template": [
    {"name": "default", "template": "plain"},
    {"name": "tool_use", "template": "with {{ tools|length }} tools"},
    {"name": "rag", "template": "{{ broken"}]})");
  ASSERT_TRUE(Made.ok()) << Made.status().message();
  EXPECT_EQ(Made->names(),
            (std::vector<std::string>{"default", "tool_use", "rag"}));
  Chat C;
  EXPECT_EQ(*Made->render(C.request()), "plain");
  C.Tools = Json::parse(R"([{"name": "f"}])");
  EXPECT_EQ(*Made->render(C.request()), "with 1 tools");
  C.Request.Name = "default";
  EXPECT_EQ(*Made->render(C.request()), "plain");
  // One that is wrong harms nobody who does not use it.
  C.Request.Name = "rag";
  EXPECT_EQ(message(Made->render(C.request())),
            "chat template, line 1, column 10: expected '}}', found the end of "
            "the template");
  C.Request.Name = "nosuch";
  EXPECT_EQ(message(Made->render(C.request())),
            "the model has no chat template 'nosuch'");
}

TEST(ChatTemplate, NeedsADefaultAmongSeveral) {
  auto Made =
      ChatTemplate::fromConfig(R"({"chat_template": {"a": "x", "b": "y"}})");
  ASSERT_TRUE(Made.ok());
  EXPECT_EQ(Made->render(Chat().request()).status().code(),
            StatusCode::NotFound);
}

TEST(ChatTemplate, ReasoningHasAllItsNames) {
  auto Made =
      ChatTemplate::create({{"default", "{{ messages[0].keys()|join(',') }} "
                                        "{{ messages[0].reasoning_content }}"}},
                           {});
  ASSERT_TRUE(Made.ok());
  Chat C;
  C.Messages = Json::parse(
      R"([{"role": "assistant", "content": null, "reasoning": "why"}])");
  EXPECT_EQ(*Made->render(C.request()),
            "thinking,role,reasoning,reasoning_content why");
}

TEST(ChatTemplate, RefusesWhatIsNoConfig) {
  EXPECT_FALSE(ChatTemplate::fromConfig("").ok());
  EXPECT_FALSE(ChatTemplate::fromConfig("[]").ok());
  EXPECT_FALSE(ChatTemplate::fromConfig("{\"a\": }").ok());
  EXPECT_FALSE(ChatTemplate::fromConfig(std::string(100000, '[')).ok());
  EXPECT_FALSE(ChatTemplate::fromConfig(R"({"chat_template": 5})").ok());
  EXPECT_FALSE(ChatTemplate::fromConfig(R"({"chat_template": [5]})").ok());
  EXPECT_FALSE(
      ChatTemplate::fromConfig(R"({"chat_template": [{"name": "a"}]})").ok());
  EXPECT_EQ(ChatTemplate::fromConfig("{}").status().code(),
            StatusCode::NotFound);
}

TEST(ChatTemplate, RefusesWhatIsNoChat) {
  auto Made = ChatTemplate::create({{"default", "x"}}, {});
  ASSERT_TRUE(Made.ok());
  for (const char *Wrong : {"[]", "{}", "null", "[1]", "\"hi\""}) {
    Chat C;
    C.Messages = Json::parse(Wrong);
    EXPECT_FALSE(Made->render(C.request()).ok()) << Wrong;
  }
  for (const char *Wrong : {"{}", "[1]", "1"}) {
    Chat C;
    C.Tools = Json::parse(Wrong);
    EXPECT_FALSE(Made->render(C.request()).ok()) << Wrong;
  }
  EXPECT_FALSE(Made->render(ChatRequest()).ok());
}

TEST(ChatTemplate, ErrorsNameThePlace) {
  EXPECT_EQ(message(render("a\n  {{ nope.x }}")),
            "chat template, line 2, column 10: 'nope' is undefined");
  EXPECT_EQ(message(render("{{ '한글' }}{{ 1 + 'a' }}")),
            "chat template, line 1, column 16: there is no + for int and str");
  EXPECT_EQ(message(render("{% if x %}\n{{ 1 }}")),
            "chat template, line 2, column 8: expected '{% endif %}', found "
            "the end of the template");
  EXPECT_EQ(message(render("{{ raise_exception('roles must alternate') }}")),
            "chat template, line 1, column 19: the template refuses the "
            "conversation: roles must alternate");
  EXPECT_EQ(message(render("{{ {'a': 1}.b.c }}")),
            "chat template, line 1, column 14: dict has no attribute 'b'");
  EXPECT_EQ(message(render("{{ [1].append(2) }}")),
            "chat template, line 1, column 14: a template may not use 'append' "
            "of list, which changes it");
}

TEST(ChatTemplate, ErrorsAreThereInKorean) {
  EXPECT_EQ(inKorean(message(render("{{ nope.x }}"))),
            "채팅 템플릿 1행 8열: 'nope'이(가) 정의되지 않았습니다");
  EXPECT_EQ(inKorean(message(render("{{ raise_exception('no') }}"))),
            "채팅 템플릿 1행 19열: 템플릿이 이 대화를 거부했습니다: no");
  EXPECT_EQ(inKorean(message(render("{% nosuch %}"))),
            "채팅 템플릿 1행 4열: 태그 'nosuch'은(는) 여기에 쓸 수 없습니다");
}
