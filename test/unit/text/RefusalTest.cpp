// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What cannot be used is refused: all of it at once, with its place, in both
// languages; and nothing that a file says can hurt.

#include "runtime/base/Korean.h"
#include "test/unit/text/TestTokenizers.h"

using namespace dure;
using namespace dure::test;

namespace {

const char *const Plain =
    R"({"type":"WordLevel","unk_token":"a","vocab":{"a":0}})";

std::string refusalOf(const std::string &Json) {
  Result<Tokenizer> Read = Tokenizer::read(Json);
  EXPECT_FALSE(Read.ok()) << Json.substr(0, 200);
  return Read.ok() ? "" : Read.status().message();
}

void expectRefused(const std::string &Json, const std::string &Words) {
  std::string Message = refusalOf(Json);
  EXPECT_NE(Message.find(Words), std::string::npos) << Message;
  // Every line has its Korean.
  std::string Korean = inKorean(Message);
  for (size_t Begin = 0; Begin < Korean.size();) {
    size_t End = std::min(Korean.find('\n', Begin), Korean.size());
    std::string Line = Korean.substr(Begin, End - Begin);
    bool HasHangul = false;
    for (char C : Line)
      HasHangul |= static_cast<unsigned char>(C) >= 0xEA;
    EXPECT_TRUE(HasHangul) << Line;
    Begin = End + 1;
  }
}

} // namespace

// Tests that all parts that are not known are named together.
TEST(Refusal, AllAtOnce) {
  std::string Json = tokenizerJson(
      R"({"type":"Morphemes","vocab":{}})",
      R"(,"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},
          {"type":"Romanize"}]},
          "pre_tokenizer":{"type":"Jieba"},
          "post_processor":{"type":"Reverse"},
          "decoder":{"type":"Sequence","decoders":[{"type":"Shout"}]})");
  for (const char *Words :
       {"model: the type 'Morphemes'",
        "normalizer.normalizers[1]: the type 'Romanize'",
        "pre_tokenizer: the type 'Jieba'", "post_processor: the type 'Reverse'",
        "decoder.decoders[0]: the type 'Shout'"})
    expectRefused(Json, Words);
}

// Tests that a field that is not known is refused, and none that is null.
TEST(Refusal, UnknownFields) {
  expectRefused(
      tokenizerJson(Plain, R"(,"normalizer":{"type":"NFC","strength":3})"),
      "normalizer: the field 'strength' of 'NFC'");
  EXPECT_TRUE(
      Tokenizer::read(
          tokenizerJson(Plain, R"(,"normalizer":{"type":"NFC","x":null})"))
          .ok());
}

// Tests that values of another kind, or none where one is needed, are refused.
TEST(Refusal, WrongValues) {
  auto With = [](const std::string &Part) {
    return tokenizerJson(Plain, ",\"pre_tokenizer\":" + Part);
  };
  expectRefused(With(R"({"type":"Digits","individual_digits":1})"),
                "the field 'individual_digits' is not true or false");
  expectRefused(With(R"({"type":"Split","pattern":{"Regex":"a"},"invert":false,
                         "behavior":"Sideways"})"),
                "'Sideways' as 'behavior'");
  expectRefused(With(R"({"type":"Split","pattern":{"Regex":"("},"invert":false,
                         "behavior":"Isolated"})"),
                "the regular expression '(' cannot be used");
  expectRefused(With(R"({"type":"Metaspace","replacement":"ab"})"),
                "the field 'replacement' is not one character");
  expectRefused(With(R"({"type":"FixedLength","length":0})"), "'length' is 0");
  expectRefused(With(R"({"type":"FixedLength","length":-1})"), "negative");
  expectRefused(With("[1]"), "it is no object");
  expectRefused(With(R"({"type":"Sequence"})"),
                "the field 'pretokenizers' is missing");
  expectRefused(tokenizerJson(Plain, R"(,"added_tokens":{})"), "it is no list");
  expectRefused(R"({"version":"2.0","model":)" + std::string(Plain) + "}",
                "the version '2.0'");
  expectRefused(tokenizerJson(Plain, R"(,"normalizer":{"type":"Precompiled",
                               "precompiled_charsmap":"AAAA"})"),
                "its map of characters is damaged");
}

// Tests that models whose tables do not fit together are refused.
TEST(Refusal, Models) {
  expectRefused("{}", "model");
  expectRefused(tokenizerJson(R"({"type":"BPE","vocab":{"a":0}})"),
                "'merges' is missing");
  expectRefused(
      tokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":["a a"]})"),
      "merge 0 joins 'a' and 'a'");
  expectRefused(
      tokenizerJson(R"({"type":"BPE","vocab":{"a":0},"merges":["a a a"]})"),
      "the merge 'a a a'");
  expectRefused(
      tokenizerJson(R"({"type":"BPE","vocab":[["a",0]],"merges":[]})"),
      "'vocab' is missing or of another kind");
  expectRefused(
      tokenizerJson(R"({"type":"WordLevel","unk_token":"a","vocab":{"a":-1}})"),
      "model.vocab is neither");
  expectRefused(tokenizerJson(R"({"type":"WordLevel","unk_token":"a",
                                  "vocab":{"a":4294967295}})"),
                "the id 4294967295 is too large");
  expectRefused(tokenizerJson(R"({"type":"Unigram","unk_id":1,
                                  "vocab":[["a",0]]})"),
                "the unk_id 1");
  expectRefused(tokenizerJson(R"({"type":"Unigram","vocab":[["a"]]})"),
                "model.vocab is neither");
  std::string Long(20000, 'x');
  expectRefused(
      tokenizerJson(R"({"type":"WordLevel","unk_token":"a","vocab":{")" + Long +
                    R"(":0}})"),
      "a token has more than 16384 bytes");
}

// Tests that templates that would run over or ask for what is not there are
// refused.
TEST(Refusal, Templates) {
  auto With = [](const std::string &Single, const std::string &Specials) {
    return tokenizerJson(
        Plain, R"(,"post_processor":{"type":"TemplateProcessing","pair":[],
               "single":)" +
                   Single + R"(,"special_tokens":)" + Specials + "}");
  };
  expectRefused(With(R"([{"Sequence":{"id":"B","type_id":0}}])", "{}"),
                "asks for a second");
  expectRefused(With(R"([{"SpecialToken":{"id":"x","type_id":0}}])", "{}"),
                "the template names 'x'");
  expectRefused(With(R"([{"SpecialToken":{"id":"x","type_id":0}}])",
                     R"({"x":{"ids":[-1]}})"),
                "an id of 'x' is no id");
  std::string Nested = R"({"type":"Sequence","processors":[)";
  for (unsigned I = 0; I != 12; ++I)
    Nested += std::string(I ? "," : "") +
              R"({"type":"TemplateProcessing","pair":[],"special_tokens":{},
                  "single":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]})";
  expectRefused(tokenizerJson(Plain, ",\"post_processor\":" + Nested + "]}"),
                "post_processor.processors[2]: the template for one text asks");
}

// Tests that JSON is checked: syntax, depth, UTF-8.
TEST(Refusal, Json) {
  expectRefused("", "it is no valid JSON at byte");
  expectRefused("{\"model\":", "it is no valid JSON at byte");
  expectRefused("{\"model\":\"\xFF\"}", "it is no valid JSON at byte");
  expectRefused(std::string(100000, '['), "nested more than 64 deep");
  std::string Deep = R"({"normalizer":)";
  for (unsigned I = 0; I != 100; ++I)
    Deep += R"({"type":"Sequence","normalizers":[)";
  expectRefused(Deep, "nested more than 64 deep");
}

// Tests that an expression that would run forever ends, with a reason: whether
// one match takes too long or all of them together.
TEST(Refusal, EndlessExpression) {
  Tokenizer Slow = readTokenizer(tokenizerJson(
      Plain, R"(,"pre_tokenizer":{"type":"Split","behavior":"Isolated",
                 "invert":false,"pattern":{"Regex":"(?:(?!b)[a])*[cd]"}})"));
  EXPECT_TRUE(Slow.encode(std::string(2000, 'a')).ok());
  EXPECT_FALSE(Slow.encode(std::string(100'000, 'a')).ok());

  Tokenizer T = readTokenizer(tokenizerJson(
      Plain, R"(,"pre_tokenizer":{"type":"Split","behavior":"Isolated",
                 "invert":false,"pattern":{"Regex":"(a|a|aa)+[bc]"}})"));
  Result<std::vector<TokenId>> Failed = T.encode(std::string(5000, 'a'));
  ASSERT_FALSE(Failed.ok());
  EXPECT_EQ(Failed.status().code(), StatusCode::ResourceExhausted);
}

// Tests that rules that multiply a text are stopped, in every part that has
// rules.
TEST(Refusal, EndlessGrowth) {
  auto Repeat = [](const std::string &Part) {
    std::string Parts = Part;
    for (unsigned I = 0; I != 39; ++I)
      Parts += "," + Part;
    return Parts + "]}";
  };
  std::string Doubling =
      R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})";
  for (const std::string &Json :
       {tokenizerJson(Plain,
                      R"(,"normalizer":{"type":"Sequence","normalizers":[)" +
                          Repeat(Doubling)),
        tokenizerJson(
            Plain, R"(,"pre_tokenizer":{"type":"Sequence","pretokenizers":[)" +
                       Repeat(R"({"type":"ByteLevel","add_prefix_space":true,
                                  "use_regex":false})"))}) {
    Result<std::vector<TokenId>> Failed = readTokenizer(Json).encode("aé");
    ASSERT_FALSE(Failed.ok());
    EXPECT_EQ(Failed.status().code(), StatusCode::ResourceExhausted);
  }
  Tokenizer T = readTokenizer(
      tokenizerJson(Plain, R"(,"decoder":{"type":"Sequence","decoders":[)" +
                               Repeat(Doubling)));
  EXPECT_FALSE(T.decode(std::vector<TokenId>{0}).ok());
}
