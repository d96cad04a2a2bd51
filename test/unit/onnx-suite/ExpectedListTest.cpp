// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The list of expected failures is strict: what it says must be so.

#include "test/onnx/ExpectedList.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace dure::modeltest;

namespace {

class ExpectedListTest : public testing::Test {
protected:
  ExpectedListTest()
      : Path(testing::TempDir() + "expected-" + std::to_string(getpid())) {}
  ~ExpectedListTest() override { std::filesystem::remove(Path); }

  std::optional<ExpectedList> read(const std::string &Text) {
    std::ofstream(Path) << Text;
    Problem.clear();
    return ExpectedList::read(Path, Problem);
  }

  std::string Path, Problem;
};

Outcome outcome(OutcomeKind Kind, std::string Code = "",
                std::string Subject = "") {
  Outcome Made;
  Made.Kind = Kind;
  Made.Code = std::move(Code);
  Made.Subject = std::move(Subject);
  return Made;
}

constexpr const char *Text = "# a comment\n"
                             "\n"
                             "test_loop  # op-unknown: Loop\n"
                             "test_mod # wrong: the sign, in the reference\n"
                             "  test_big  #  crashed: 2^40 elements  \n";

} // namespace

// Tests that reasons become kinds and codes, whatever the spaces.
TEST_F(ExpectedListTest, ReadsReasons) {
  std::optional<ExpectedList> List = read(Text);
  ASSERT_TRUE(List) << Problem;
  ASSERT_EQ(List->entries().size(), 3u);
  const ExpectedList::Entry *Loop = List->find("test_loop");
  ASSERT_TRUE(Loop);
  EXPECT_EQ(Loop->Kind, OutcomeKind::Refused);
  EXPECT_EQ(Loop->Code, "op-unknown");
  EXPECT_EQ(Loop->Reason, "op-unknown: Loop");
  EXPECT_EQ(List->find("test_mod")->Kind, OutcomeKind::Wrong);
  EXPECT_EQ(List->find("test_mod")->Code, "");
  EXPECT_EQ(List->find("test_big")->Kind, OutcomeKind::Crashed);
  EXPECT_EQ(List->find("test_big")->Reason, "crashed: 2^40 elements");
  EXPECT_FALSE(List->find("test_abs"));
}

// Tests that lines of another form are refused with their place.
TEST_F(ExpectedListTest, RefusesOtherLines) {
  for (const char *Line :
       {"test_abs\n", "test_abs #\n", "# fine\n  # fine\ntest_abs # \n",
        "test_a # wrong: x\ntest_a # wrong: y\n"})
    EXPECT_FALSE(read(Line)) << Line;
  EXPECT_FALSE(read("test_a # x\n\ntest_b\n"));
  EXPECT_NE(Problem.find(":3: expected 'name  # reason'"), std::string::npos)
      << Problem;
  EXPECT_FALSE(read("test_a # x\ntest_a # x\n"));
  EXPECT_NE(Problem.find(":2: the test is listed twice"), std::string::npos)
      << Problem;
}

// Tests that a list which is not there is empty: everything must pass.
TEST_F(ExpectedListTest, AMissingListIsEmpty) {
  std::optional<ExpectedList> List =
      ExpectedList::read(Path + ".missing", Problem);
  ASSERT_TRUE(List) << Problem;
  EXPECT_TRUE(List->entries().empty());
}

// Tests that a test may end in one way only: passed when it is not listed, and
// otherwise as listed, with the same code when it is refused.
TEST_F(ExpectedListTest, JudgesStrictly) {
  ExpectedList List = *read(Text);
  auto objects = [&](const char *Name, const Outcome &Got) {
    return List.objection(Name, Got).has_value();
  };
  EXPECT_FALSE(objects("test_abs", outcome(OutcomeKind::Passed)));
  for (OutcomeKind Kind : {OutcomeKind::Refused, OutcomeKind::Wrong,
                           OutcomeKind::Failed, OutcomeKind::Crashed})
    EXPECT_TRUE(objects("test_abs", outcome(Kind, "op-unknown")));

  EXPECT_FALSE(
      objects("test_loop", outcome(OutcomeKind::Refused, "op-unknown")));
  EXPECT_TRUE(objects("test_loop", outcome(OutcomeKind::Refused, "op-form")));
  EXPECT_TRUE(objects("test_loop", outcome(OutcomeKind::Wrong, "op-unknown")));
  EXPECT_TRUE(objects("test_loop", outcome(OutcomeKind::Passed)));
  EXPECT_NE(List.objection("test_loop", outcome(OutcomeKind::Passed))
                ->find("passes, but is listed"),
            std::string::npos);

  EXPECT_FALSE(objects("test_mod", outcome(OutcomeKind::Wrong, "wrong")));
  EXPECT_TRUE(objects("test_mod", outcome(OutcomeKind::Crashed, "SIGSEGV")));
  EXPECT_TRUE(objects("test_mod", outcome(OutcomeKind::Passed)));
}

// Tests that an update takes refusals as they are and what a person has written
// as long as it is so, and never a new wrong result.
TEST_F(ExpectedListTest, UpdatesRefusalsOnly) {
  ExpectedList Old = *read(Text);
  ExpectedList New = Old.updated(
      {{"test_abs", outcome(OutcomeKind::Passed)},
       {"test_loop", outcome(OutcomeKind::Passed)},
       {"test_if", outcome(OutcomeKind::Refused, "op-unknown", "If")},
       {"test_new", outcome(OutcomeKind::Wrong, "wrong")},
       {"test_mod", outcome(OutcomeKind::Wrong, "wrong")},
       {"test_big", outcome(OutcomeKind::Failed, "run")}});
  ASSERT_EQ(New.entries().size(), 2u);
  EXPECT_EQ(New.find("test_if")->Reason, "op-unknown: If");
  EXPECT_EQ(New.find("test_mod")->Reason, "wrong: the sign, in the reference");
}

// Tests that the written text reads back as the same list.
TEST_F(ExpectedListTest, TextReadsBack) {
  ExpectedList List = *read(Text);
  std::string Written = List.text("cpu");
  EXPECT_NE(Written.find("# --- op-unknown (1)"), std::string::npos) << Written;
  std::optional<ExpectedList> Again = read(Written);
  ASSERT_TRUE(Again) << Problem;
  ASSERT_EQ(Again->entries().size(), List.entries().size());
  for (const auto &[Name, Entry] : List.entries()) {
    ASSERT_TRUE(Again->find(Name)) << Name;
    EXPECT_EQ(Again->find(Name)->Kind, Entry.Kind);
    EXPECT_EQ(Again->find(Name)->Reason, Entry.Reason);
  }
}
