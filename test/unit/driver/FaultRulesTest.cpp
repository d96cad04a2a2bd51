// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the fault layer: its rules and what they do to a driver.
#include "runtime/drivers/fault/Rules.h"
#include "tools/dure-conformance/Harness.h"

#include <gtest/gtest.h>

using namespace dure::driver;
using dure::conformance::Library;
using dure::conformance::Options;
using dure::conformance::Result;
using dure::conformance::Session;

TEST(FaultRules, ReadsEveryForm) {
  Rules R;
  std::string Error;
  EXPECT_TRUE(R.parse("", Error));
  EXPECT_TRUE(R.parse(" allocate@3:fail=RESOURCE_EXHAUSTED ;"
                      "submit@2+:delay=10us; load@*:fail=INCOMPATIBLE;"
                      "submit@5:lose;submit@1:complete=DEVICE_HANG",
                      Error))
      << Error;
}

TEST(FaultRules, RefusesWhatItCannotRead) {
  for (const char *Text :
       {"allocate", "allocate@3", "allocate@0:lose", "allocate@x:lose",
        "nothing@1:lose", "submit@1:explode", "submit@1:fail=NO_SUCH_CODE",
        "submit@1:fail=OK", "submit@1:delay=10", "submit@1:delay=9999999s",
        "allocate@1:complete=ABORTED", "allocate:3@lose", "submit@1-2:lose"}) {
    Rules R;
    std::string Error;
    EXPECT_FALSE(R.parse(Text, Error)) << Text;
    EXPECT_NE(Error.find(Text), std::string::npos) << Error;
  }
}

TEST(FaultRules, CountsEachKindOfCall) {
  Rules R;
  std::string Error;
  ASSERT_TRUE(R.parse("allocate@2:lose; load@2+:fail=ABORTED", Error));
  uint64_t Number = 0, Delay = 0;
  EXPECT_EQ(R.count(Call::Allocate, Number, Delay).A, Action::None);
  EXPECT_EQ(R.count(Call::Load, Number, Delay).A, Action::None);
  EXPECT_EQ(R.count(Call::Allocate, Number, Delay).A, Action::Lose);
  EXPECT_EQ(Number, 2u);
  EXPECT_EQ(R.count(Call::Allocate, Number, Delay).A, Action::None);
  EXPECT_EQ(R.count(Call::Load, Number, Delay).A, Action::Fail);
  EXPECT_EQ(R.count(Call::Load, Number, Delay).A, Action::Fail);
}

namespace {

class FaultLayer : public testing::Test {
protected:
  void start(const char *Rules) {
    ASSERT_EQ(L.open(DURE_FAULT_DRIVER), "");
    O.Config = {{"fault.inner", DURE_NULL_DRIVER}, {"fault.rules", Rules}};
    S = std::make_unique<Session>(L, O);
    ASSERT_TRUE(S->ready()) << S->failure();
  }
  int32_t allocate() {
    dure_drv_buffer_params P = {sizeof(P), nullptr, 64, 0, 0, 0};
    dure_drv_buffer *B = nullptr;
    int32_t Code = Result(S->Mem->allocate(S->Dev, &P, &B)).code();
    if (B) {
      EXPECT_TRUE(Result(S->Mem->free(B)).ok());
    }
    return Code;
  }
  void TearDown() override {
    if (!S)
      return;
    S->close();
    EXPECT_FALSE(S->failed()) << S->failure();
  }

  Library L;
  Options O;
  std::unique_ptr<Session> S;
};

} // namespace

TEST_F(FaultLayer, FailsTheNthAllocation) {
  start("allocate@2:fail=RESOURCE_EXHAUSTED");
  EXPECT_EQ(allocate(), DURE_DRV_OK);
  EXPECT_EQ(allocate(), DURE_DRV_RESOURCE_EXHAUSTED);
  EXPECT_EQ(allocate(), DURE_DRV_OK);
}

TEST_F(FaultLayer, FailsSubmissionsLater) {
  start("submit@1:complete=DEVICE_HANG");
  dure_drv_queue *Q = S->queue();
  dure_drv_timeline *T = S->timeline(), *After = S->timeline();
  ASSERT_TRUE(Q && T && After);
  EXPECT_TRUE(S->submit(Q, {}, T, 1).ok());
  // What waits for it fails for the same reason.
  EXPECT_TRUE(S->submit(Q, {}, After, 1, T, 1).ok());
  EXPECT_EQ(Result(S->Time->wait(After, 1, S->Host.after(20000))).code(),
            DURE_DRV_DEVICE_HANG);
}

TEST_F(FaultLayer, LosesTheDevice) {
  start("submit@2:lose");
  dure_drv_queue *Q = S->queue();
  dure_drv_timeline *Done = S->timeline(), *Open = S->timeline();
  ASSERT_TRUE(Q && Done && Open);
  EXPECT_TRUE(S->submit(Q, {}, Done, 1).ok());
  EXPECT_TRUE(Result(S->Time->wait(Done, 1, S->Host.after(20000))).ok());
  EXPECT_EQ(S->submit(Q, {}, Open, 1).code(), DURE_DRV_DEVICE_LOST);
  // Waiters are told, what was reached stays so, and nothing new begins.
  EXPECT_EQ(Result(S->Time->wait(Open, 1, DURE_DRV_NO_DEADLINE)).code(),
            DURE_DRV_DEVICE_LOST);
  EXPECT_TRUE(Result(S->Time->wait(Done, 1, DURE_DRV_NO_DEADLINE)).ok());
  EXPECT_EQ(allocate(), DURE_DRV_DEVICE_LOST);
}

TEST_F(FaultLayer, Delays) {
  start("submit@1:delay=30ms");
  dure_drv_queue *Q = S->queue();
  ASSERT_TRUE(Q);
  uint64_t Begin = S->Host.now();
  EXPECT_TRUE(S->submit(Q, {}, nullptr, 0).ok());
  EXPECT_GE(S->Host.now() - Begin, 30000000u);
}

TEST(FaultLayerOptions, AreChecked) {
  Library L;
  ASSERT_EQ(L.open(DURE_FAULT_DRIVER), "");
  auto Message = [&](Options O) {
    Session S(L, O);
    EXPECT_FALSE(S.ready());
    return S.failure();
  };
  auto Has = [](const std::string &Text, const char *Part) {
    EXPECT_NE(Text.find(Part), std::string::npos) << Text;
  };
  Options O;
  Has(Message(O), "fault.inner");
  O.Config = {{"fault.inner", "/nonexistent/driver.so"}};
  Has(Message(O), "/nonexistent/driver.so");
  O.Config = {{"fault.inner", DURE_FAULT_DRIVER}};
  Has(Message(O), "itself");
  O.Config = {{"fault.inner", DURE_NULL_DRIVER}, {"fault.rules", "x"}};
  Has(Message(O), "cannot read 'x'");
}
