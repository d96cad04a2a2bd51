// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the expressions that a program's checks are put back into.
#include "runtime/api/Requirements.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

/// One input [batch, past + sequence] and a program of `Instructions`.
std::vector<SizeRequirement> requirementsOf(std::vector<Instruction> Code) {
  Package P;
  Entry Main;
  Main.Inputs.push_back(
      {"x", ElementType::F32, {{-1, "batch"}, {-1, "a + b"}}});
  P.Entries.push_back(Main);
  Program Prog;
  Prog.Blocks.emplace_back();
  Prog.Blocks[0].Instructions = std::move(Code);
  return sizeRequirements(P, Prog);
}

TEST(Requirements, AreExpressionsOverInputSizes) {
  const auto Found =
      requirementsOf({InputDimOp{0, 0, 0}, InputDimOp{1, 0, 1}, ConstOp{2, 64},
                      ScalarOp{ScalarOpKind::Min, 3, 1, 2, 0},
                      CheckOp{Relation::Le, 0, 3, "why"}});
  ASSERT_EQ(Found.size(), 1u);
  EXPECT_EQ(Found[0].Left, "(batch)");
  EXPECT_EQ(Found[0].Relation, "<=");
  EXPECT_EQ(Found[0].Right, "min((a + b), 64)");
}

TEST(Requirements, LeaveOutWhatRunsOrValuesDecide) {
  EXPECT_TRUE(requirementsOf({InputDimOp{0, 0, 0}, ReadScalarOp{1},
                              CheckOp{Relation::Eq, 0, 1, "value"}})
                  .empty());
  EXPECT_TRUE(requirementsOf({InputDimOp{0, 0, 0}, DispatchOp{},
                              CheckOp{Relation::Eq, 0, 0, "later"}})
                  .empty());
}

TEST(Requirements, StayShortWhateverTheProgram) {
  // Each doubles the text of the last: 2^40 characters, written out.
  std::vector<Instruction> Code = {InputDimOp{0, 0, 0}};
  for (ScalarReg I = 1; I <= 40; ++I)
    Code.push_back(ScalarOp{ScalarOpKind::Add, I, I - 1, I - 1, 0});
  Code.push_back(CheckOp{Relation::Eq, 0, 40, "large"});
  EXPECT_TRUE(requirementsOf(std::move(Code)).empty());
}

} // namespace
