// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the names that outputs are saved under.
#include "tools/dure/Outputs.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

using Names = std::vector<std::string>;

TEST(OutputFileStems, KeepsPlainNames) {
  EXPECT_EQ(outputFileStems({"logits", "present.0.key", "a-b_C9"}),
            (Names{"logits", "present.0.key", "a-b_C9"}));
}

TEST(OutputFileStems, ReplacesEachCharacterByOneUnderscore) {
  EXPECT_EQ(outputFileStems({"/model/out:0", "출력", "a b", ""}),
            (Names{"_model_out_0", "__", "a_b", "_"}));
  // Invalid UTF-8 goes byte by byte.
  EXPECT_EQ(outputFileStems({"x\xff\xfey"}), Names{"x__y"});
}

TEST(OutputFileStems, NumbersNamesThatCollide) {
  EXPECT_EQ(outputFileStems({"a/b", "a_b", "a:b"}),
            (Names{"a_b", "a_b__2", "a_b__3"}));
  // A number that is itself taken is passed over.
  EXPECT_EQ(outputFileStems({"a__2", "a", "a", "a"}),
            (Names{"a__2", "a", "a__3", "a__4"}));
}

TEST(OutputFileStems, CutsNamesThatNoFileSystemTakes) {
  const Names Stems =
      outputFileStems({std::string(1000, 'x'), std::string(1000, 'x')});
  EXPECT_LT(Stems[0].size(), 250u);
  EXPECT_NE(Stems[0], Stems[1]);
}

TEST(Types, MapBothWays) {
  int Mapped = 0;
  for (int Code = 1; Code <= 26; ++Code) {
    const auto Type = io::ElementType(Code);
    const std::optional<int32_t> Runtime = runtimeType(Type);
    if (!Runtime)
      continue;
    ++Mapped;
    EXPECT_EQ(tensorType(*Runtime), Type);
    EXPECT_EQ(dure_type_bits(*Runtime), io::elementTypeInfo(Type).Bits);
  }
  // All that <dure/dure.h> has.
  EXPECT_EQ(Mapped, int(DURE_TYPE_F8E5M2FNUZ));
}

} // namespace
} // namespace dure
