// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that no template takes more time, memory or stack than it may.
#include "runtime/text/jinja/Template.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace dure;
using jinja::Template;
using Json = nlohmann::ordered_json;

static Result<std::string> render(const std::string &Source,
                                  const Json &Values = Json::object(),
                                  const RenderLimits &Limits = {}) {
  auto Parsed = Template::parse(Source);
  if (!Parsed.ok())
    return Parsed.status();
  return Parsed->render(Values, Limits);
}

static std::string repeated(const std::string &What, size_t Count) {
  std::string Text;
  for (size_t I = 0; I < Count; ++I)
    Text += What;
  return Text;
}

class JinjaLimit : public testing::TestWithParam<const char *> {};

// Each asks for far more than the limits.
TEST_P(JinjaLimit, EndsWithAnError) {
  auto Got = render(GetParam(), Json{{"big", std::string(1 << 20, 'x')}});
  ASSERT_FALSE(Got.ok()) << Got->size();
  EXPECT_EQ(Got.status().code(), StatusCode::ResourceExhausted)
      << Got.status().message();
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, JinjaLimit,
    testing::Values(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
        "{% endfor %}",
        "{{ 'x' * 9000000000000000000 }}", "{{ [0] * 9000000000000000000 }}",
        "{{ 'ab'.center(9000000000000000000) }}", "{{ 'a'.zfill(10**15) }}",
        "{{ '%999999999999d' % 1 }}", "{{ '{:>999999999999}'.format(1) }}",
        "{{ '%.99999f' % 1.0 }}", "{{ [1]|tojson(indent=10**12) }}",
        "{{ [1]|batch(10**12, 0)|list }}", "{{ [1]|slice(10**12)|list }}",
        "{{ 'a'|indent(10**15) }}", "{{ '\\t'.expandtabs(10**15) }}",
        "{{ ([big] * 100000)|string }}", "{{ ([big] * 100000)|join }}",
        "{{ ([big] * 100000)|tojson }}", "{{ big.replace('', big) }}",
        "{% set ns = namespace(x='x') %}{% for i in range(99) %}"
        "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}"
        "{% set ns.x = [ns.x] %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(9999) %}"
        "{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
        "{% for i in range(99999) %}{{ big }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
        "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(9999) %}"
        "{% set ns.x = namespace(y=ns.x) %}{% endfor %}{{ ns }}",
        // What is kept by what is kept by ...: freed and read step by step.
        "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}"
        "{% set ns.x = ns.x|map('string') %}{% endfor %}{{ ns.x|list }}",
        "{% set ns = namespace(x=1) %}{% for i in range(99999) %}"
        "{% set ns.x = {'a': ns.x}.items() %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=1) %}{% for i in range(99999) %}"
        "{% set ns.x = {'a': ns.x}.get %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(99999) %}"
        "{% set ns.x = cycler(ns.x) %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(99999) %}"
        "{% set ns.x = joiner(ns.x) %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(99999) %}"
        "{% for y in [ns.x] %}{% set ns.x = loop %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(9999) %}"
        "{% set ns.x = namespace(y=[[[[ns.x]]]]) %}{% endfor %}{{ ns }}",
        // Searches that go back again and again.
        "{% for i in range(9999) %}{{ big.find('x' * 500000 + 'y') }}"
        "{{ big.rfind('y' + 'x' * 500000) }}{% endfor %}",
        "{% set t = (big, big) %}{{ {t: 1} }}",
        "{% set d = dict.fromkeys(range(99999)) %}{% for i in range(9999) %}"
        "{{ d == d.copy()|dictsort|list }}{% endfor %}"));

TEST(JinjaLimit, OfTheCaller) {
  std::string Loop = "{% for i in range(1000) %}x{% endfor %}";
  EXPECT_TRUE(render(Loop).ok());
  RenderLimits Few;
  Few.Steps = 500;
  EXPECT_FALSE(render(Loop, Json::object(), Few).ok());
  RenderLimits Short;
  Short.Output = 999;
  EXPECT_FALSE(render(Loop, Json::object(), Short).ok());
  Short.Output = 1000;
  EXPECT_TRUE(render(Loop, Json::object(), Short).ok());
  RenderLimits Small;
  Small.Bytes = 1000;
  EXPECT_FALSE(render(Loop, Json::object(), Small).ok());
}

TEST(JinjaLimit, NestingOfTheSource) {
  for (size_t Count : {size_t(1000), size_t(100000)}) {
    EXPECT_FALSE(render("{{ " + repeated("(", Count) + "1" +
                        repeated(")", Count) + " }}")
                     .ok());
    EXPECT_FALSE(
        render("{{ " + repeated("[", Count) + repeated("]", Count) + " }}")
            .ok());
    EXPECT_FALSE(render("{{ " + repeated("not ", Count) + "1 }}").ok());
    EXPECT_FALSE(render("{{ " + repeated("-", Count) + "1 }}").ok());
    EXPECT_FALSE(render("{{ 1" + repeated(" + 1", Count) + " }}").ok());
    EXPECT_FALSE(render("{{ 1" + repeated("|abs", Count) + " }}").ok());
    EXPECT_FALSE(render("{{ a" + repeated(".b", Count) + " }}").ok());
    EXPECT_FALSE(render("{{ 1" + repeated(" if 1 else 1", Count) + " }}").ok());
    EXPECT_FALSE(
        render(repeated("{% if 1 %}", Count) + repeated("{% endif %}", Count))
            .ok());
    EXPECT_FALSE(render("{{ 1 is eq" + repeated(" [1 is eq", Count)).ok());
  }
  // As deep as it may be.
  EXPECT_EQ(*render("{{ " + repeated("[", 50) + repeated("]", 50) + " }}"),
            repeated("[", 50) + repeated("]", 50));
}

// The list of texts that a loop was asked about ends with it.
TEST(JinjaLimit, LoopsForget) {
  EXPECT_EQ(*render("{% set ns = namespace(x=1) %}{% for i in range(5000) %}"
                    "{% for y in [1] %}{% if loop.changed(ns.x) %}"
                    "{% set ns.x = loop %}{% endif %}{% endfor %}{% endfor %}"),
            "");
}

TEST(JinjaLimit, NestingOfTheValues) {
  Json Deep = 1;
  for (int I = 0; I < 1000; ++I)
    Deep = Json::array({std::move(Deep)});
  EXPECT_FALSE(render("{{ v }}", Json{{"v", Deep}}).ok());
}

TEST(JinjaLimit, LongSource) {
  EXPECT_FALSE(Template::parse(std::string((1 << 20) + 1, 'x')).ok());
  std::string Many = repeated("{% if a %}{{ b }}{% endif %}", 30000);
  EXPECT_EQ(*render(Many), "");
}

TEST(JinjaLimit, TextsAreUtf8) {
  EXPECT_FALSE(Template::parse("\xff").ok());
  EXPECT_FALSE(Template::parse("\xed\xa0\x80").ok());
  EXPECT_FALSE(render("{{ v }}", Json{{"v", "\xc3"}}).ok());
}

TEST(JinjaLimit, IntsHave64Bits) {
  for (const char *Each :
       {"9223372036854775808", "9223372036854775807 + 1",
        "-9223372036854775807 - 2", "9223372036854775807 * 2", "2 ** 63",
        "'9223372036854775808'|int", "1e19|int", "10 ** 18 * 10",
        "(-9223372036854775807 - 1) // -1", "-(-9223372036854775807 - 1)",
        "(-9223372036854775807 - 1)|abs", "9223372036854775807|round(-1)"})
    EXPECT_FALSE(render("{{ " + std::string(Each) + " }}").ok()) << Each;
  EXPECT_EQ(*render("{{ 2 ** 62 }} {{ 9223372036854775807 }} "
                    "{{ (-9223372036854775807 - 1) % -1 }}"),
            "4611686018427387904 9223372036854775807 0");
  EXPECT_FALSE(
      render("{{ v }}", Json{{"v", uint64_t(9223372036854775808u)}}).ok());
}

TEST(JinjaLimit, OneTemplateRendersManyTimes) {
  auto Parsed = Template::parse(
      "{% set ns = namespace(n=0) %}{% macro m() %}{{ v }}{% endmacro %}"
      "{% for i in range(v) %}{% set ns.n = ns.n + i %}{% endfor %}"
      "{{ m() }}:{{ ns.n }}");
  ASSERT_TRUE(Parsed.ok());
  EXPECT_EQ(*Parsed->render(Json{{"v", 3}}), "3:3");
  EXPECT_EQ(*Parsed->render(Json{{"v", 4}}), "4:6");
}
