// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rules of tokenizers, one by one, on files written by hand. That all of them
// together do what the reference does is tested in test/text.

#include "test/unit/text/TestTokenizers.h"

#include <chrono>
#include <thread>

using namespace dure;
using namespace dure::test;

using Ids = std::vector<TokenId>;

std::string dure::test::byteLevelModel(const std::string &MoreTokens,
                                       const std::string &Merges) {
  std::string Tokens;
  unsigned Next = 0x100;
  for (unsigned Byte = 0; Byte != 256; ++Byte) {
    bool IsPrinted =
        (Byte >= '!' && Byte <= '~') || (Byte >= 0xA1 && Byte != 0xAD);
    char Escaped[8];
    std::snprintf(Escaped, sizeof(Escaped), "\\u%04x",
                  IsPrinted ? Byte : Next++);
    Tokens += (Byte == 0 ? "\"" : ",\"") + std::string(Escaped) +
              "\":" + std::to_string(Byte);
  }
  return R"({"type":"BPE","vocab":{)" + Tokens + MoreTokens +
         R"(},"merges":[)" + Merges + "]}";
}

Tokenizer dure::test::byteTokenizer() {
  return readTokenizer(tokenizerJson(
      byteLevelModel(),
      R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
          "decoder":{"type":"ByteLevel"})"));
}

// Tests that merges go by rank, and among equals from the left.
TEST(Bpe, LowestRankFirst) {
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"BPE","vocab":{"a":0,"b":1,"c":2,"bc":3,"ab":4,"aa":5},
          "merges":["b c",["a","b"],["a","a"]]})"));
  EXPECT_EQ(encode(T, "abc"), (Ids{0, 3}));
  EXPECT_EQ(encode(T, "aab"), (Ids{0, 4}));
  EXPECT_EQ(encode(T, "aaa"), (Ids{5, 0}));
}

// Tests that a token that its merges do not give is used only where the file
// says that merges do not count.
TEST(Bpe, WholeTokensNeedTheirMerges) {
  std::string Model =
      R"({"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[],
          "ignore_merges":)";
  EXPECT_EQ(encode(readTokenizer(tokenizerJson(Model + "false}")), "ab"),
            (Ids{0, 1}));
  EXPECT_EQ(encode(readTokenizer(tokenizerJson(Model + "true}")), "ab"),
            (Ids{2}));
}

// Tests that what the vocabulary lacks becomes bytes where it has all of them,
// else one unknown token for each character, or for a row of them.
TEST(Bpe, UnknownCharacters) {
  std::string Model =
      R"({"type":"BPE","vocab":{"a":0,"?":1,"<0xC3>":2,"<0xA9>":3},"merges":[],
          "byte_fallback":true,"unk_token":"?","fuse_unk":)";
  Tokenizer Single = readTokenizer(tokenizerJson(Model + "false}"));
  Tokenizer Fused = readTokenizer(tokenizerJson(Model + "true}"));
  EXPECT_EQ(encode(Single, "aéa"), (Ids{0, 2, 3, 0}));
  EXPECT_EQ(encode(Single, "가나a"), (Ids{1, 1, 0}));
  EXPECT_EQ(encode(Fused, "가나a"), (Ids{1, 0}));
}

// Tests that encoding fails where the unknown token is itself unknown.
TEST(Bpe, MissingUnknownToken) {
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"})"));
  EXPECT_EQ(encode(T, "aa"), (Ids{0, 0}));
  Result<Ids> Failed = T.encode("ab");
  ASSERT_FALSE(Failed.ok());
  EXPECT_NE(Failed.status().message().find("'?'"), std::string::npos);
}

// Tests that the most likely cut wins, and that unknown characters are one.
TEST(Unigram, MostLikelyCut) {
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"Unigram","unk_id":0,"vocab":[["?",0],["a",-1],["b",-1],
          ["ab",-3],["ba",-1.5]]})"));
  EXPECT_EQ(encode(T, "ab"), (Ids{1, 2}));
  EXPECT_EQ(encode(T, "ba"), (Ids{4}));
  EXPECT_EQ(encode(T, "가나a다"), (Ids{0, 1, 0}));
}

// Tests that a word of which a part is unknown is unknown as a whole.
TEST(WordPiece, LongestFirstOrUnknown) {
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"WordPiece","unk_token":"?","continuing_subword_prefix":"##",
          "max_input_chars_per_word":5,
          "vocab":{"?":0,"a":1,"ab":2,"##b":3,"##c":4}})",
      R"(,"pre_tokenizer":{"type":"WhitespaceSplit"},
          "decoder":{"type":"WordPiece","prefix":"##","cleanup":false})"));
  EXPECT_EQ(encode(T, "abc ab"), (Ids{2, 4, 2}));
  EXPECT_EQ(encode(T, "abd a"), (Ids{0, 1}));
  EXPECT_EQ(encode(T, "abbbbb"), (Ids{0}));
  EXPECT_EQ(decode(T, {2, 4, 2}), "abc ab");
}

// Tests how added tokens are found: not within words, with spaces around,
// before or after normalization, the longest of several.
TEST(AddedTokens, WhereTheyMatch) {
  auto Added = [](const std::string &Content, const std::string &Flag) {
    std::string Text = R"({"id":0,"content":")" + Content + '"';
    for (const char *Name :
         {"single_word", "lstrip", "rstrip", "normalized", "special"})
      Text +=
          std::string(",\"") + Name + "\":" + (Flag == Name ? "true" : "false");
    return Text + "}";
  };
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"WordLevel","unk_token":"?","vocab":{"?":0}})",
      R"(,"normalizer":{"type":"Lowercase"},"added_tokens":[)" +
          Added("word", "single_word") + "," + Added("<l>", "lstrip") + "," +
          Added("<r>", "rstrip") + "," + Added("ABC", "normalized") + "," +
          Added("<r>x", "special") + "]"));
  EXPECT_EQ(T.size(), 6u);
  EXPECT_EQ(T.idOf("ABC"), 4u);
  EXPECT_EQ(encode(T, "word"), (Ids{1}));
  EXPECT_EQ(encode(T, "words"), (Ids{0}));
  EXPECT_EQ(encode(T, "나word"), (Ids{0}));
  EXPECT_EQ(encode(T, "(word)"), (Ids{0, 1, 0}));
  EXPECT_EQ(encode(T, "  <l> "), (Ids{2, 0}));
  EXPECT_EQ(encode(T, " <r>  <r>"), (Ids{0, 3, 3}));
  EXPECT_EQ(encode(T, "abcABCaBc"), (Ids{4, 4, 4}));
  EXPECT_EQ(encode(T, "<r>x"), (Ids{5}));
  EXPECT_TRUE(T.isSpecial(5));
  EXPECT_FALSE(T.isSpecial(4));
  EXPECT_EQ(T.specialTokens(), (Ids{5}));
}

// Tests that tokens that tokenizer_config.json alone has are added as
// transformers adds them (its ids): by their numbers, changed where both files
// have one, and tokens with a role behind them.
TEST(AddedTokens, OfTheConfiguration) {
  auto Described = [](const std::string &Content, const std::string &Flags) {
    std::string Text = R"({"content":")" + Content + '"';
    for (const std::string Name :
         {"single_word", "lstrip", "rstrip", "normalized", "special"})
      Text += ",\"" + Name +
              "\":" + (Flags.find(Name) != Flags.npos ? "true" : "false");
    return Text + "}";
  };
  const std::string Config =
      R"({"bos_token":"<s>","pad_token":"<pad>","eos_token":)" +
      Described("<e>", "rstrip") +
      R"(,"additional_special_tokens":["<more>"],"added_tokens_decoder":{"12":)" +
      Described("<late>", "normalized") +
      ",\"3\":" + Described("<x>", "lstrip special") +
      ",\"7\":" + Described("<Call>", "normalized") +
      ",\"9\":" + Described("<pad>", "") + "}}";
  const std::string Json = tokenizerJson(
      R"({"type":"WordLevel","unk_token":"?","vocab":{"?":0,"a":1,"<s>":2}})",
      R"(,"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"Whitespace"},
          "added_tokens":[{"id":3,"content":"<x>","single_word":false,
          "lstrip":false,"rstrip":false,"normalized":false,"special":false}])");
  EXPECT_EQ(readTokenizer(Json).size(), 4u);
  Tokenizer T = readTokenizer(Json, Config);
  EXPECT_EQ(T.size(), 9u);
  EXPECT_EQ(encode(T, "a <x>a"), (Ids{1, 3, 1}));
  EXPECT_EQ(encode(T, "<call> <CALL>"), (Ids{4, 4}));
  EXPECT_EQ(encode(T, "a <pad> a"), (Ids{1, 5, 1}));
  EXPECT_EQ(encode(T, "<late>"), (Ids{6}));
  EXPECT_EQ(encode(T, "<e>  a"), (Ids{7, 1}));
  EXPECT_EQ(encode(T, "<s>a"), (Ids{2, 1}));
  EXPECT_EQ(encode(T, "<more>"), (Ids{8}));
  EXPECT_EQ(encode(T, "<S>"), (Ids{0, 0, 0}));
  EXPECT_EQ(T.specialTokens(), (Ids{2, 3, 5, 7, 8}));
  EXPECT_EQ(T.role(TokenRole::Padding), 5u);

  Result<Tokenizer> Refused =
      Tokenizer::read(Json, R"({"added_tokens_decoder":{"x":{}}})");
  ASSERT_FALSE(Refused.ok());
  EXPECT_NE(Refused.status().message().find(
                "tokenizer_config.json: added_tokens_decoder: 'x' is no "
                "token's number"),
            std::string::npos)
      << Refused.status().message();
}

// Tests that the frame is put around a text, and is left out on demand.
TEST(PostProcessor, Template) {
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"WordLevel","unk_token":"a","vocab":{"a":0,"<s>":1,"</s>":2}})",
      R"(,"post_processor":{"type":"TemplateProcessing","pair":[],
          "single":[{"SpecialToken":{"id":"<s>","type_id":0}},
                    {"Sequence":{"id":"A","type_id":0}},
                    {"SpecialToken":{"id":"end","type_id":0}}],
          "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]},
                            "end":{"id":"end","ids":[2,2],"tokens":["x","x"]}}})"));
  EXPECT_EQ(encode(T, "a"), (Ids{1, 0, 2, 2}));
  EXPECT_EQ(encode(T, "a", false), (Ids{0}));
  EXPECT_EQ(encode(T, ""), (Ids{1, 2, 2}));
}

// Tests that roles come from the configuration, as names or as objects.
TEST(Tokenizer, Roles) {
  Tokenizer T = readTokenizer(
      tokenizerJson(
          R"({"type":"WordLevel","unk_token":"a","vocab":{"a":0,"</s>":1}})"),
      R"({"bos_token":null,"eos_token":{"content":"</s>"},"unk_token":"a",
          "pad_token":"nowhere","cls_token":7})");
  EXPECT_EQ(T.role(TokenRole::End), 1u);
  EXPECT_EQ(T.role(TokenRole::Unknown), 0u);
  EXPECT_EQ(T.role(TokenRole::Begin), std::nullopt);
  // One that no file has is added.
  EXPECT_EQ(T.role(TokenRole::Padding), 2u);
  EXPECT_EQ(T.role(TokenRole::Classify), std::nullopt);
  EXPECT_EQ(T.tokenOf(1), "</s>");
  EXPECT_EQ(T.tokenOf(7), std::nullopt);
  EXPECT_EQ(T.idOf("b"), std::nullopt);
}

// Tests that bytes that are no UTF-8 count as U+FFFD, and that decoding always
// gives UTF-8.
TEST(Tokenizer, InvalidUtf8) {
  Tokenizer T = byteTokenizer();
  EXPECT_EQ(encode(T, "\x80"
                      "a\xEA\xB0"),
            encode(T, "\uFFFDa\uFFFD"));
  EXPECT_EQ(encode(T, "\xED\xA0\x80"), encode(T, "\uFFFD\uFFFD\uFFFD"));
  EXPECT_EQ(decode(T, {0xEA, 0xB0}), "\uFFFD");
  EXPECT_EQ(decode(T, {0xEA, 0xB0, 'a', 0x80}), "\uFFFDa\uFFFD");
  EXPECT_EQ(decode(T, {'a', 100000, 'b'}), "ab");
}

// Tests that NUL is a character like any other.
TEST(Tokenizer, Nul) {
  Tokenizer T = byteTokenizer();
  std::string Text("a\0b", 3);
  EXPECT_EQ(encode(T, Text), (Ids{'a', 0, 'b'}));
  EXPECT_EQ(decode(T, {'a', 0, 'b'}), Text);
}

// Tests that one long word takes time in proportion: a quadratic merge of this
// one would take hours.
TEST(Tokenizer, LongWordsTakeLinearTime) {
  Tokenizer T = readTokenizer(tokenizerJson(
      R"({"type":"BPE","vocab":{"a":0,"aa":1,"aaaa":2,"b":3,"ab":4},
          "merges":["a a","aa aa","a b"]})"));
  auto Begin = std::chrono::steady_clock::now();
  EXPECT_EQ(encode(T, std::string(size_t(1) << 21, 'a')).size(), 1u << 19);
  EXPECT_LT(std::chrono::steady_clock::now() - Begin, std::chrono::seconds(60));
}

// Tests that threads that share a tokenizer get what one gets.
TEST(Tokenizer, ManyThreads) {
  Tokenizer T = readTokenizer(tokenizerJson(
      byteLevelModel(R"(,"ab":256,"abab":257,"cd":258)",
                     R"("a b","ab ab","c d")"),
      R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false})"));
  std::string Text;
  for (unsigned I = 0; I != 2000; ++I)
    Text += I % 3 == 0 ? "abab" : I % 3 == 1 ? " cd" : "ab한글 ";
  std::vector<Ids> Found(4);
  std::vector<std::thread> Threads;
  for (Ids &Each : Found)
    Threads.emplace_back([&] { Each = encode(T, Text); });
  for (std::thread &Each : Threads)
    Each.join();
  Ids Alone = encode(T, Text);
  for (const Ids &Each : Found)
    EXPECT_EQ(Each, Alone);
}
