// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 10,000 strings of each kind through every tokenizer, compared with what
// generate.py stored of the reference's ids and texts.

#include "runtime/text/Tokenizer.h"
#include "test/text/Corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

using namespace dure;
using namespace dure::test;

namespace {

// As in generate.py.
constexpr size_t Chunk = 250;

/// CRC-32 as zlib computes it.
class Checksum {
public:
  void add(std::string_view Bytes) {
    static const std::array<uint32_t, 256> Table = [] {
      std::array<uint32_t, 256> Values;
      for (uint32_t I = 0; I != 256; ++I) {
        uint32_t Value = I;
        for (unsigned Bit = 0; Bit != 8; ++Bit)
          Value = Value & 1 ? 0xEDB88320 ^ Value >> 1 : Value >> 1;
        Values[I] = Value;
      }
      return Values;
    }();
    for (char C : Bytes)
      State =
          Table[(State ^ static_cast<unsigned char>(C)) & 0xFF] ^ State >> 8;
  }
  void add(uint32_t Number) {
    char Bytes[4];
    for (unsigned I = 0; I != 4; ++I)
      Bytes[I] = static_cast<char>(Number >> 8 * I);
    add(std::string_view(Bytes, 4));
  }
  uint32_t value() const { return ~State; }

private:
  uint32_t State = ~uint32_t(0);
};

const Corpus &corpus() {
  static const Corpus All(DURE_TOKENIZERS "/fragments.txt");
  return All;
}

std::vector<std::string> names() {
  std::vector<std::string> Found;
  std::error_code Ignored;
  for (const auto &Entry :
       std::filesystem::directory_iterator(DURE_TOKENIZERS, Ignored))
    if (Entry.path().extension() == ".expected")
      Found.push_back(Entry.path().stem());
  std::sort(Found.begin(), Found.end());
  return Found;
}

/// The file of a tokenizer; the real ones are downloaded.
std::string fileOf(const std::string &Name) {
  if (Name.starts_with("real-"))
    return readFile(DURE_REAL_TOKENIZERS "/" + Name.substr(5) +
                    "/tokenizer.json");
  return readFile(DURE_TOKENIZERS "/" + Name + ".json");
}

/// Decodes token by token; no part of a character may come out alone.
void expectStreamed(const Tokenizer &Source, const std::vector<TokenId> &Ids,
                    const std::string &Whole) {
  DecodeStream Stream(Source, false);
  std::string Out;
  for (TokenId Id : Ids) {
    Result<std::string> Part = Stream.push(Id);
    ASSERT_TRUE(Part.ok()) << Part.status().message();
    Out += *Part;
  }
  Result<std::string> Rest = Stream.finish();
  ASSERT_TRUE(Rest.ok()) << Rest.status().message();
  ASSERT_EQ(Out + *Rest, Whole);
}

class Oracle : public testing::TestWithParam<std::string> {};

} // namespace

// Tests that ids and decoded texts are the reference's, and that streams give
// the same text.
TEST_P(Oracle, SameIdsAndText) {
  ASSERT_FALSE(corpus().empty());
  std::string Json = fileOf(GetParam());
  if (Json.empty() && GetParam().starts_with("real-"))
    GTEST_SKIP() << "no tokenizer.json for it in " DURE_REAL_TOKENIZERS
                    "; tools/test fetches it";
  Result<Tokenizer> Read = Tokenizer::read(Json);
  ASSERT_TRUE(Read.ok()) << Read.status().message();

  std::istringstream Expected(
      readFile(DURE_TOKENIZERS "/" + GetParam() + ".expected"));
  size_t Kinds = 0;
  for (std::string Line; std::getline(Expected, Line); ++Kinds) {
    std::istringstream Words(Line);
    std::string Kind, Sum;
    Words >> Kind;
    ASSERT_LT(Kinds, CorpusKinds.size());
    ASSERT_EQ(Kind, CorpusKinds[Kinds]);
    size_t Index = 0;
    while (Words >> Sum) {
      Checksum Found;
      for (size_t End = Index + Chunk; Index != End; ++Index) {
        std::string Text = corpus().string(Kinds, Index);
        Result<std::vector<TokenId>> Ids = Read->encode(Text);
        ASSERT_TRUE(Ids.ok()) << Ids.status().message();
        Found.add(static_cast<uint32_t>(Ids->size()));
        for (TokenId Id : *Ids)
          Found.add(Id);
        for (bool Skip : {true, false}) {
          Result<std::string> Back = Read->decode(*Ids, Skip);
          ASSERT_TRUE(Back.ok()) << Back.status().message();
          Found.add(*Back);
          Found.add(std::string_view("\0", 1));
          if (!Skip && Index % 8 == 0)
            expectStreamed(*Read, *Ids, *Back);
        }
      }
      EXPECT_EQ(Found.value(), std::stoul(Sum, nullptr, 16))
          << Kind << ", strings " << Index - Chunk << " to " << Index - 1;
    }
    EXPECT_GE(Index, 10'000u);
  }
  EXPECT_EQ(Kinds, CorpusKinds.size());
}

INSTANTIATE_TEST_SUITE_P(All, Oracle, testing::ValuesIn(names()),
                         [](const auto &Info) {
                           std::string Name = Info.param;
                           std::replace(Name.begin(), Name.end(), '-', '_');
                           return Name;
                         });
