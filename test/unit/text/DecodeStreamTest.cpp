// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Streams hand out characters as a reader sees them, and all of the text.

#include "runtime/text/Unicode.h"
#include "test/unit/text/TestTokenizers.h"

using namespace dure;
using namespace dure::test;

namespace {

/// The pieces of a text that comes byte by byte; the last is what finish()
/// adds.
std::vector<std::string> piecesOf(const std::string &Text) {
  static const Tokenizer Source = byteTokenizer();
  DecodeStream Stream(Source);
  std::vector<std::string> Pieces;
  for (char C : Text) {
    Result<std::string> Piece = Stream.push(static_cast<unsigned char>(C));
    EXPECT_TRUE(Piece.ok());
    if (!Piece->empty())
      Pieces.push_back(*Piece);
  }
  Result<std::string> Rest = Stream.finish();
  EXPECT_TRUE(Rest.ok());
  Pieces.push_back(*Rest);
  return Pieces;
}

using Pieces = std::vector<std::string>;

} // namespace

// Tests that a Hangul syllable comes as one, whether it is one character or
// jamo.
TEST(DecodeStream, Hangul) {
  EXPECT_EQ(piecesOf("한국"), (Pieces{"한", "국"}));
  EXPECT_EQ(piecesOf("\u1112\u1161\u11AB\u1100"),
            (Pieces{"\u1112\u1161\u11AB", "\u1100"}));
  EXPECT_EQ(piecesOf("\uAC00\u11A8x"), (Pieces{"\uAC00\u11A8", "x"}));
}

// Tests that marks stay with their base.
TEST(DecodeStream, CombiningMarks) {
  EXPECT_EQ(piecesOf("e\u0301\u0323a"), (Pieces{"e\u0301\u0323", "a"}));
}

// Tests that emoji of several characters come as one: skin, families, flags.
TEST(DecodeStream, Emoji) {
  std::string Family = "\U0001F468\u200D\U0001F469\u200D\U0001F467";
  std::string Thumb = "\U0001F44D\U0001F3FD";
  std::string Korea = "\U0001F1F0\U0001F1F7", Japan = "\U0001F1EF\U0001F1F5";
  EXPECT_EQ(piecesOf(Family + Thumb + Korea + Japan),
            (Pieces{Family, Thumb, Korea, Japan}));
  EXPECT_EQ(piecesOf("\u2764\uFE0F!"), (Pieces{"\u2764\uFE0F", "!"}));
}

// Tests that a line is not held back, but a carriage return waits for its line
// feed.
TEST(DecodeStream, Lines) {
  EXPECT_EQ(piecesOf("a\n"), (Pieces{"a\n", ""}));
  EXPECT_EQ(piecesOf("a\r\nb"), (Pieces{"a", "\r\n", "b"}));
}

// Tests that broken bytes come out as U+FFFD, as early as it is certain.
TEST(DecodeStream, BrokenBytes) {
  EXPECT_EQ(piecesOf("\xEA\xB0"
                     "a"),
            (Pieces{"\uFFFD", "a"}));
  EXPECT_EQ(piecesOf("a\xEA"), (Pieces{"a\uFFFD"}));
}

// Tests that a character without end is cut, so that memory is bounded.
TEST(DecodeStream, EndlessCharacter) {
  std::string Text = "e";
  for (unsigned I = 0; I != 2000; ++I)
    Text += "\u0301";
  std::string All;
  for (const std::string &Piece : piecesOf(Text)) {
    EXPECT_LE(Piece.size(), 1100u);
    EXPECT_EQ(text::validPrefix(Piece), Piece.size());
    All += Piece;
  }
  EXPECT_EQ(All, Text);
}

// Tests that a stream begins anew after its end.
TEST(DecodeStream, BeginsAnew) {
  Tokenizer Source = readTokenizer(
      tokenizerJson(R"({"type":"WordLevel","unk_token":"▁a","vocab":{"▁a":0}})",
                    R"(,"decoder":{"type":"Metaspace","replacement":"▁"})"));
  DecodeStream Stream(Source);
  for (unsigned Round = 0; Round != 2; ++Round) {
    std::string Text = *Stream.push(0) + *Stream.push(0) + *Stream.finish();
    EXPECT_EQ(Text, "a a");
  }
}

// Tests that a run of byte tokens waits for its end: one wrong byte makes all
// of them wrong.
TEST(DecodeStream, ByteFallback) {
  Tokenizer Source = readTokenizer(tokenizerJson(
      R"({"type":"WordLevel","unk_token":"a","vocab":{"a":0,"<0xEA>":1,
          "<0xB0>":2,"<0x80>":3}})",
      R"(,"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},
          {"type":"Fuse"}]})"));
  DecodeStream Stream(Source);
  for (TokenId Id : {1u, 2u, 3u})
    EXPECT_EQ(*Stream.push(Id), "");
  EXPECT_EQ(*Stream.push(0), "\uAC00");
  EXPECT_EQ(*Stream.push(1), "");
  EXPECT_EQ(*Stream.finish(), "a\uFFFD");
  EXPECT_EQ(decode(Source, {1, 2, 3, 1}), "\uFFFD\uFFFD\uFFFD\uFFFD");
}
