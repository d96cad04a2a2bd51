// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokenizers small enough to write by hand.
#ifndef DURE_TEST_UNIT_TEXT_TESTTOKENIZERS_H
#define DURE_TEST_UNIT_TEXT_TESTTOKENIZERS_H

#include "runtime/text/Tokenizer.h"

#include <gtest/gtest.h>

#include <string>

namespace dure::test {

/// A tokenizer.json with the given parts; FIELDS are others, each begun by a
/// comma.
inline std::string tokenizerJson(const std::string &Model,
                                 const std::string &Fields = "") {
  return R"({"version":"1.0","model":)" + Model + Fields + "}";
}

/// The vocabulary of the 256 characters of a byte level, their ids the bytes.
std::string byteLevelModel(const std::string &MoreTokens = "",
                           const std::string &Merges = "");

/// Reads what must be right.
inline Tokenizer readTokenizer(const std::string &Json,
                               const std::string &Config = "") {
  Result<Tokenizer> Read = Tokenizer::read(Json, Config);
  EXPECT_TRUE(Read.ok()) << Read.status().message();
  if (!Read.ok())
    std::abort();
  return Read.take();
}

inline std::vector<TokenId> encode(const Tokenizer &Source,
                                   std::string_view Text,
                                   bool AddSpecialTokens = true) {
  Result<std::vector<TokenId>> Ids = Source.encode(Text, AddSpecialTokens);
  EXPECT_TRUE(Ids.ok()) << Ids.status().message();
  return Ids.ok() ? Ids.take() : std::vector<TokenId>();
}

inline std::string decode(const Tokenizer &Source,
                          const std::vector<TokenId> &Ids,
                          bool SkipSpecialTokens = true) {
  Result<std::string> Text = Source.decode(Ids, SkipSpecialTokens);
  EXPECT_TRUE(Text.ok()) << Text.status().message();
  return Text.ok() ? Text.take() : std::string();
}

/// A byte-level tokenizer of 256 tokens: every text is its bytes.
Tokenizer byteTokenizer();

} // namespace dure::test

#endif // DURE_TEST_UNIT_TEXT_TESTTOKENIZERS_H
