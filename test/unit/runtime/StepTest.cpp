// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of entries with state.

#include "test/unit/runtime/TestPackages.h"

using namespace dure;
using namespace dure::test;

namespace {

Owned<dure_state> makeState(const Loaded &From, int64_t Batch,
                            int64_t Capacity) {
  dure_state_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.batch = Batch;
  Options.capacity = Capacity;
  dure_state *Made = nullptr;
  Outcome Done = dure_state_create(From.Session.get(), "step", &Options, &Made);
  EXPECT_TRUE(Done.ok()) << Done.Message;
  return Owned<dure_state>(Made);
}

Tensor<float> rows(int64_t Batch, int64_t Sequence, float First) {
  Tensor<float> X{{Batch, Sequence, 3}, {}};
  for (int64_t I = 0; I != Batch * Sequence * 3; ++I)
    X.Values.push_back(First + static_cast<float>(I % 13));
  return X;
}

} // namespace

// Tests that a prefill and single steps give what one run over all gives.
TEST(Step, StepsContinueAPrefill) {
  Loaded Made = loadFake(stepPackage());
  Owned<dure_call> Call = makeCall(Made, "step");
  Tensor<float> All = rows(1, 6, 1);
  Owned<dure_state> Whole = makeState(Made, 1, 6);
  ASSERT_OK(dure_call_bind_state(Call.get(), Whole.get()));
  ASSERT_OK(bind(Call.get(), 0, All));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  std::vector<float> Expected = floatOutput(Call.get(), 0).Values;

  Owned<dure_state> State = makeState(Made, 1, 6);
  ASSERT_OK(dure_call_bind_state(Call.get(), State.get()));
  std::vector<float> Got;
  for (auto [From, Count] :
       {std::pair<int64_t, int64_t>{0, 3}, {3, 1}, {4, 1}, {5, 1}}) {
    Tensor<float> Part{{1, Count, 3},
                       {All.Values.begin() + From * 3,
                        All.Values.begin() + (From + Count) * 3}};
    ASSERT_OK(bind(Call.get(), 0, Part));
    ASSERT_OK(dure_call_run(Call.get(), nullptr));
    Tensor<float> Out = floatOutput(Call.get(), 0);
    Got.insert(Got.end(), Out.Values.begin(), Out.Values.end());
  }
  EXPECT_EQ(Got, Expected);
  int64_t Length = 0;
  ASSERT_OK(dure_state_get_lengths(State.get(), &Length, 1));
  EXPECT_EQ(Length, 6);
}

// Tests that rows of different length continue each where it ended.
TEST(Step, RowsHaveLengthsOfTheirOwn) {
  Loaded Made = loadFake(stepPackage());
  Owned<dure_call> Call = makeCall(Made, "step");
  Owned<dure_state> State = makeState(Made, 2, 8);
  ASSERT_OK(dure_call_bind_state(Call.get(), State.get()));
  Tensor<float> First{{2, 2, 3}, {2, 2, 2, 4, 4, 4, 10, 10, 10, 0, 0, 0}};
  ASSERT_OK(bind(Call.get(), 0, First));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  const int64_t Lengths[] = {2, 1}; // the second row's last one was padding
  ASSERT_OK(dure_state_set_lengths(State.get(), Lengths, 2));
  Tensor<float> Next{{2, 1, 3}, {6, 6, 6, 20, 20, 20}};
  ASSERT_OK(bind(Call.get(), 0, Next));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(floatOutput(Call.get(), 0).Values,
            (std::vector<float>{4, 4, 4, 15, 15, 15}));
}

// Tests that a full state refuses and keeps its lengths.
TEST(Step, FullStateIsRefused) {
  Loaded Made = loadFake(stepPackage());
  Owned<dure_call> Call = makeCall(Made, "step");
  Owned<dure_state> State = makeState(Made, 1, 4);
  ASSERT_OK(dure_call_bind_state(Call.get(), State.get()));
  ASSERT_OK(bind(Call.get(), 0, rows(1, 3, 0)));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  ASSERT_OK(bind(Call.get(), 0, rows(1, 2, 0)));
  Outcome Out = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Out.Code, DURE_STATUS_RESOURCE_EXHAUSTED);
  EXPECT_NE(Out.Message.find("room for 1"), std::string::npos) << Out.Message;
  int64_t Length = 0;
  ASSERT_OK(dure_state_get_lengths(State.get(), &Length, 1));
  EXPECT_EQ(Length, 3);
}

// Tests that caches are read and written whole.
TEST(Step, CachesAreReadAndWritten) {
  Loaded Made = loadFake(stepPackage());
  Owned<dure_call> Call = makeCall(Made, "step");
  Owned<dure_state> State = makeState(Made, 1, 2);
  dure_tensor Cache = {};
  Cache.struct_size = sizeof(Cache);
  ASSERT_OK(dure_state_read(State.get(), 0, &Cache));
  EXPECT_EQ(Cache.size, 24u);
  ASSERT_EQ(Cache.rank, 3);
  EXPECT_EQ(Cache.dims[1], 2);
  float Values[6] = {3, 3, 3, 0, 0, 0};
  Cache.data = Values;
  ASSERT_OK(dure_state_write(State.get(), 0, &Cache));
  const int64_t One = 1;
  ASSERT_OK(dure_state_set_lengths(State.get(), &One, 1));
  ASSERT_OK(dure_call_bind_state(Call.get(), State.get()));
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{1, 1, 3}, {5, 5, 5}}));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(floatOutput(Call.get(), 0).Values, (std::vector<float>{4, 4, 4}));
  ASSERT_OK(dure_state_read(State.get(), 0, &Cache));
  EXPECT_EQ(Values[3], 5);
}

// Tests that a window is as long as the capacity or its own bound, that its
// rows have one length, and that a run that failed within it ends the sequence,
// while one that was refused before does not.
TEST(Step, WindowsHoldTheLastPositions) {
  Package P = stepPackage();
  P.Entries[0].States.push_back(
      {"window",
       ElementType::F32,
       {{0, StateAxis::Batch}, {3, StateAxis::Window}, {3, StateAxis::Fixed}}});
  // Runs for ever behind the first one's work.
  P.Entries.push_back(P.Entries[0]);
  P.Entries[1].Name = "endless";
  P.Entries[1].Outputs.clear();
  ProgramBuilder B(1);
  B.add(StateAppendOp{B.dim(0, 1)});
  ScalarReg Zero = B.constant(0), One = B.constant(1),
            Most = B.constant(int64_t(1) << 40);
  uint32_t Body = B.newBlock();
  B.setBlock(0);
  B.add(LoopOp{B.newScalar(), Zero, Most, One, -1, Body});
  B.result({});
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  for (auto [Capacity, Rows] : {std::pair<int64_t, int64_t>{2, 2}, {8, 3}}) {
    Owned<dure_state> State = makeState(Made, 2, Capacity);
    dure_tensor Window = {};
    Window.struct_size = sizeof(Window);
    ASSERT_OK(dure_state_read(State.get(), 1, &Window));
    EXPECT_EQ(Window.dims[1], Rows);
    const int64_t Unlike[] = {2, 1}, Like[] = {1, 1};
    EXPECT_EQ(Outcome(dure_state_set_lengths(State.get(), Unlike, 2)).Code,
              DURE_STATUS_INVALID_ARGUMENT);
    ASSERT_OK(dure_state_set_lengths(State.get(), Like, 2));
  }
  Owned<dure_state> State = makeState(Made, 1, 4);
  Owned<dure_call> Call = makeCall(Made, "step"),
                   Endless = makeCall(Made, "endless");
  for (dure_call *Each : {Call.get(), Endless.get()})
    ASSERT_OK(dure_call_bind_state(Each, State.get()));
  ASSERT_OK(bind(Call.get(), 0, rows(1, 5, 0)));
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), nullptr)).Code,
            DURE_STATUS_RESOURCE_EXHAUSTED);
  ASSERT_OK(bind(Call.get(), 0, rows(1, 2, 0)));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  ASSERT_OK(bind(Endless.get(), 0, rows(1, 1, 0)));
  dure_run_options Short = {};
  Short.struct_size = sizeof(Short);
  Short.fuel = 1000;
  EXPECT_EQ(Outcome(dure_call_run(Endless.get(), &Short)).Code,
            DURE_STATUS_RESOURCE_EXHAUSTED);
  Outcome Lost = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Lost.Code, DURE_STATUS_FAILED_PRECONDITION);
  EXPECT_NE(Lost.Message.find("set its lengths to 0"), std::string::npos)
      << Lost.Message;
  const int64_t None = 0;
  ASSERT_OK(dure_state_set_lengths(State.get(), &None, 1));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
}

// Tests that calls without a state, or with one of another shape, are refused.
TEST(Step, StateIsChecked) {
  Loaded Made = loadFake(stepPackage()), Other = loadFake(stepPackage());
  Owned<dure_call> Call = makeCall(Made, "step");
  ASSERT_OK(bind(Call.get(), 0, rows(1, 1, 0)));
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), nullptr)).Code,
            DURE_STATUS_FAILED_PRECONDITION);
  Owned<dure_state> Foreign = makeState(Other, 1, 4);
  EXPECT_EQ(Outcome(dure_call_bind_state(Call.get(), Foreign.get())).Code,
            DURE_STATUS_INVALID_ARGUMENT);
  Owned<dure_state> Two = makeState(Made, 2, 4);
  ASSERT_OK(dure_call_bind_state(Call.get(), Two.get()));
  Outcome Out = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Out.Code, DURE_STATUS_INVALID_ARGUMENT);
  const int64_t Long[] = {5, 0};
  EXPECT_EQ(Outcome(dure_state_set_lengths(Two.get(), Long, 2)).Code,
            DURE_STATUS_INVALID_ARGUMENT);
  dure_state_options None = {};
  None.struct_size = sizeof(None);
  dure_state *NoState = nullptr;
  EXPECT_EQ(
      Outcome(dure_state_create(Made.Session.get(), "step", &None, &NoState))
          .Code,
      DURE_STATUS_INVALID_ARGUMENT);
}
