// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of host programs run through the C API on the fake driver.

#include "test/unit/runtime/TestPackages.h"

#include <cstring>
#include <thread>

using namespace dure;
using namespace dure::test;

namespace {

Tensor<int64_t> ids(int64_t Batch, int64_t Sequence) {
  Tensor<int64_t> T{{Batch, Sequence}, {}};
  for (int64_t I = 0; I != Batch * Sequence; ++I)
    T.Values.push_back((I * 5 + 3) % 7);
  return T;
}

Tensor<int64_t> mask(int64_t Batch, int64_t Sequence) {
  Tensor<int64_t> T{{Batch, Sequence}, {}};
  for (int64_t I = 0; I != Batch * Sequence; ++I)
    T.Values.push_back(I % 4 != 3);
  return T;
}

void expectEncoder(const Loaded &From, float Scale, int64_t Batch,
                   int64_t Sequence) {
  Owned<dure_call> Call = makeCall(From, "main");
  Tensor<int64_t> Ids = ids(Batch, Sequence), Mask = mask(Batch, Sequence);
  ASSERT_OK(bind(Call.get(), 0, Ids));
  ASSERT_OK(bind(Call.get(), 1, Mask));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  std::vector<float> Hidden, Pooled;
  encoderReference(Scale, Ids, Mask, Hidden, Pooled);
  Tensor<float> Out = floatOutput(Call.get(), 0);
  EXPECT_EQ(Out.Dims, (std::vector<int64_t>{Batch, Sequence, 5}));
  EXPECT_EQ(Out.Values, Hidden);
  EXPECT_EQ(floatOutput(Call.get(), 1).Values, Pooled);
}

/// A package of one entry without inputs and outputs.
Package emptyPackage(const ProgramBuilder &B) {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  return P;
}

dure_run_options runOptions() {
  dure_run_options Options = {};
  Options.struct_size = sizeof(Options);
  return Options;
}

} // namespace

// Tests that one package serves all batch and sequence lengths, zero included.
TEST(Run, EncoderOfTwoDynamicDims) {
  Loaded Encoder = loadFake(encoderPackage());
  for (auto [Batch, Sequence] :
       {std::pair<int64_t, int64_t>{1, 1}, {2, 5}, {8, 128}, {1, 0}, {0, 4}})
    expectEncoder(Encoder, 1, Batch, Sequence);
}

// Tests that two packages loaded from memory at one time do not mix.
TEST(Run, TwoPackagesFromMemory) {
  Loaded First = loadFake(encoderPackage(1)),
         Second = loadFake(encoderPackage(3));
  expectEncoder(First, 1, 2, 3);
  expectEncoder(Second, 3, 2, 3);
  expectEncoder(First, 1, 4, 1);
}

// Tests that calls of one session from several threads give their own results.
TEST(Run, CallsFromThreads) {
  Loaded Encoder = loadFake(encoderPackage());
  std::vector<std::thread> Threads;
  for (int64_t I = 1; I != 5; ++I)
    Threads.emplace_back([&, I] {
      for (int64_t Round = 0; Round != 10; ++Round)
        expectEncoder(Encoder, 1, I, 3 + Round);
    });
  for (std::thread &Thread : Threads)
    Thread.join();
}

// Tests that a straight-line program is one submission, and that memory, spans
// and sums are reported.
TEST(Run, StatisticsAndTrace) {
  Loaded Encoder = loadFake(encoderPackage());
  Owned<dure_call> Call = makeCall(Encoder, "main");
  Tensor<int64_t> Ids = ids(2, 3), Mask = mask(2, 3);
  ASSERT_OK(bind(Call.get(), 0, Ids));
  ASSERT_OK(bind(Call.get(), 1, Mask));
  dure_trace *Made = nullptr;
  ASSERT_OK(dure_trace_create(&Made));
  Owned<dure_trace> Trace(Made);
  dure_run_options Options = runOptions();
  Options.trace = Trace.get();
  ASSERT_OK(dure_call_run(Call.get(), &Options));
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  ASSERT_OK(dure_call_get_stats(Call.get(), &Stats));
  EXPECT_EQ(Stats.dispatches, 3u);
  EXPECT_EQ(Stats.submissions, 1u);
  EXPECT_EQ(Stats.peak_transient, 128u); // 2 * 3 * 3 floats, aligned
  EXPECT_EQ(Stats.output_bytes, (2 * 3 * 5 + 2 * 5) * 4u);
  ASSERT_EQ(Stats.dispatch_count, 3u);
  EXPECT_EQ(Stats.flops, -1); // not known of all
  dure_dispatch_stats Dispatch = {};
  Dispatch.struct_size = sizeof(Dispatch);
  ASSERT_OK(dure_call_get_dispatch(Call.get(), 1, &Dispatch));
  EXPECT_STREQ(Dispatch.name, "project");
  EXPECT_EQ(Dispatch.flops, 2 * 6 * 3 * 5);
  ASSERT_EQ(Dispatch.node_count, 2u);
  EXPECT_STREQ(Dispatch.nodes[1], "/dense/Add");
  EXPECT_LE(Dispatch.begin_ns, Dispatch.end_ns);
  EXPECT_LE(Dispatch.end_ns, Stats.wall_ns);
  // What is simulated stands apart from what was measured, and adds up.
  ASSERT_EQ(Stats.counter_count, 1u);
  dure_counter Counter = {};
  Counter.struct_size = sizeof(Counter);
  ASSERT_OK(dure_call_get_counter(Call.get(), 0, &Counter));
  EXPECT_STREQ(Counter.name, "makespan");
  EXPECT_STREQ(Counter.unit, "ns");
  EXPECT_STREQ(Counter.model, "fake, profile test");
  EXPECT_EQ(Counter.value, 3 * 2000);
  EXPECT_EQ(Counter.limit, 0);

  TemporaryFolder Folder;
  std::string Path = Folder.path("trace.json");
  ASSERT_OK(dure_trace_write(Trace.get(), Path.c_str()));
  std::string Json = readFile(Path);
  EXPECT_NE(Json.find("\"name\":\"embed\""), std::string::npos);
  EXPECT_NE(Json.find("\"flops\":180"), std::string::npos);
  EXPECT_NE(Json.find("\"/dense/MatMul\""), std::string::npos);
  // The driver's own span of it, on the driver's own track.
  EXPECT_NE(Json.find("\"name\":\"matmul_panels\",\"cat\":\"driver\""),
            std::string::npos);
  EXPECT_NE(Json.find("\"driver fake\""), std::string::npos);
  EXPECT_NE(Json.find("\"simulated (fake, profile test): lane\""),
            std::string::npos);
  EXPECT_NE(Json.find("\"name\":\"work\",\"cat\":\"simulated\""),
            std::string::npos);
}

// Tests that values of dispatches are shown in order with shape and nodes, and
// that the callback can end the run.
TEST(Run, ValuesOfDispatches) {
  Loaded Encoder = loadFake(encoderPackage());
  Owned<dure_call> Call = makeCall(Encoder, "main");
  Tensor<int64_t> Ids = ids(2, 3), Mask = mask(2, 3);
  ASSERT_OK(bind(Call.get(), 0, Ids));
  ASSERT_OK(bind(Call.get(), 1, Mask));
  struct Seen {
    std::vector<std::string> Names;
    std::vector<float> Hidden;
    size_t StopAfter = 100;
  } Seen;
  dure_run_options Options = runOptions();
  Options.user = &Seen;
  Options.on_value = [](void *User, const dure_value *Value) -> int32_t {
    auto &S = *static_cast<struct Seen *>(User);
    S.Names.push_back(std::string(Value->dispatch) + "/" + Value->name);
    if (S.Names.size() == 2) {
      EXPECT_EQ(Value->tensor->rank, 3);
      S.Hidden.resize(Value->tensor->size / 4);
      std::memcpy(S.Hidden.data(), Value->tensor->data, Value->tensor->size);
    }
    return S.Names.size() >= S.StopAfter;
  };
  ASSERT_OK(dure_call_run(Call.get(), &Options));
  EXPECT_EQ(Seen.Names, (std::vector<std::string>{"embed/x", "project/hidden",
                                                  "pool/pooled"}));
  EXPECT_EQ(Seen.Hidden, floatOutput(Call.get(), 0).Values);
  Seen = {};
  Seen.StopAfter = 2;
  Outcome Stopped = dure_call_run(Call.get(), &Options);
  EXPECT_EQ(Stopped.Code, DURE_STATUS_CANCELLED);
  EXPECT_EQ(Seen.Names.size(), 2u);
}

// Tests that a layer compiled for 4 and 8 rows serves 0 to 8, padded and
// cropped by the runtime, and refuses 9.
TEST(Run, BucketsOfStaticShapes) {
  Loaded Bucket = loadFake(bucketPackage());
  Owned<dure_call> Call = makeCall(Bucket, "main");
  for (int64_t N = 0; N <= 8; ++N) {
    Tensor<float> X{{N, 3}, {}};
    std::vector<float> Expected;
    for (int64_t I = 0; I != N; ++I) {
      float A = static_cast<float>(I), B = 1, C = -2 * A;
      X.Values.insert(X.Values.end(), {A, B, C});
      for (float V : {A, B, C})
        Expected.push_back(V + A + B + C);
    }
    ASSERT_OK(bind(Call.get(), 0, X));
    ASSERT_OK(dure_call_run(Call.get(), nullptr));
    EXPECT_EQ(floatOutput(Call.get(), 0).Values, Expected) << N;
  }
  Tensor<float> Large{{9, 3}, std::vector<float>(27)};
  ASSERT_OK(bind(Call.get(), 0, Large));
  Outcome Refused = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Refused.Code, DURE_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(Refused.Message.find("largest bucket has 8 rows (9 <= 8"),
            std::string::npos)
      << Refused.Message;
}

// Tests that an output's shape may be a number that a kernel computed.
TEST(Run, ShapeComputedDuringTheRun) {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n"})};
  P.Entries[0].Outputs = {tensor("i", ElementType::I64, {"count"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0), Eight = B.constant(8), Zero = B.constant(0);
  BufferReg All = B.allocate(Space::Transient, B.mul(N, Eight));
  BufferReg Count = B.allocate(Space::Transient, Eight);
  B.dispatch(kernel("non_zero"),
             {reads(B.input(0)), writes(All), writes(Count)}, {N});
  ScalarReg Found = B.newScalar();
  B.add(ReadScalarOp{Found, Count, ElementType::I64, Zero});
  ScalarReg Size = B.mul(Found, Eight);
  BufferReg Out = B.allocate(Space::Result, Size);
  B.add(CopyOp{All, Zero, Out, Zero, Size});
  B.result({{Out, {Found}}});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  Owned<dure_call> Call = makeCall(Made, "main");
  Tensor<float> X{{5}, {0, 2, 0, 0, 4}};
  ASSERT_OK(bind(Call.get(), 0, X));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(intOutput(Call.get(), 0).Values, (std::vector<int64_t>{1, 4}));
  X.Values.assign(5, 0);
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(intOutput(Call.get(), 0).Dims, (std::vector<int64_t>{0}));
}

// Tests that loops carry registers and reuse what they allocate.
TEST(Run, LoopAllocatesWithoutGrowing) {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n"})};
  P.Entries[0].Outputs = {tensor("y", ElementType::F32, {"n"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0), Zero = B.constant(0), One = B.constant(1);
  ScalarReg Rounds = B.constant(10);
  ScalarReg Size = B.mul(N, B.constant(4));
  BufferReg Out = B.allocate(Space::Result, Size);
  B.add(CopyOp{B.input(0), Zero, Out, Zero, Size});
  uint32_t Body = B.newBlock();
  BufferReg Scratch = B.allocate(Space::Transient, Size);
  B.barrier();
  B.add(CopyOp{Out, Zero, Scratch, Zero, Size});
  B.barrier();
  B.dispatch(kernel("increment"), {updates(Scratch)}, {N});
  B.barrier();
  B.add(CopyOp{Scratch, Zero, Out, Zero, Size});
  // Waits, so that the scratch of this round is free in the next.
  ScalarReg Ignored = B.newScalar();
  B.add(ReadScalarOp{Ignored, Out, ElementType::I32, Zero});
  B.setBlock(0);
  ScalarReg Induction = B.newScalar();
  B.add(LoopOp{Induction, Zero, Rounds, One, -1, Body});
  B.result({{Out, {N}}});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  Owned<dure_call> Call = makeCall(Made, "main");
  Tensor<float> X{{3}, {1, 2, 3}};
  ASSERT_OK(bind(Call.get(), 0, X));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(floatOutput(Call.get(), 0).Values,
            (std::vector<float>{11, 12, 13}));
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  ASSERT_OK(dure_call_get_stats(Call.get(), &Stats));
  EXPECT_LE(Stats.peak_transient, 24u);
}

// Tests that inputs returned, twice too, are copies that the caller owns.
TEST(Run, ReturnsInputsAndOneBufferTwice) {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n"})};
  P.Entries[0].Outputs = {tensor("a", ElementType::F32, {"n"}),
                          tensor("b", ElementType::F32, {"n"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0);
  BufferReg X = B.input(0);
  B.result({{X, {N}}, {X, {N}}});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  Owned<dure_call> Call = makeCall(Made, "main");
  Tensor<float> In{{2}, {1, 2}};
  ASSERT_OK(bind(Call.get(), 0, In));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  In.Values = {7, 7};
  EXPECT_EQ(floatOutput(Call.get(), 0).Values, (std::vector<float>{1, 2}));
  EXPECT_EQ(floatOutput(Call.get(), 1).Values, (std::vector<float>{1, 2}));
}

// Tests that an endless loop ends with its fuel, and by its time limit.
TEST(Run, FuelAndTimeLimitEndLoops) {
  ProgramBuilder B;
  ScalarReg Zero = B.constant(0), One = B.constant(1);
  ScalarReg Many = B.constant(std::numeric_limits<int64_t>::max());
  uint32_t Body = B.newBlock();
  B.setBlock(0);
  ScalarReg Induction = B.newScalar();
  B.add(LoopOp{Induction, Zero, Many, One, -1, Body});
  B.result({});
  Loaded Made = loadFake(emptyPackage(B));
  Owned<dure_call> Call = makeCall(Made, "main");
  dure_run_options Options = runOptions();
  Options.fuel = 100000;
  Outcome Out = dure_call_run(Call.get(), &Options);
  EXPECT_EQ(Out.Code, DURE_STATUS_RESOURCE_EXHAUSTED) << Out.Message;
  Options.fuel = 0;
  Options.timeout_ns = 20'000'000;
  Out = dure_call_run(Call.get(), &Options);
  EXPECT_EQ(Out.Code, DURE_STATUS_DEADLINE_EXCEEDED) << Out.Message;
}

// Tests that a loop of commands is handed over in pieces rather than gathered
// without end, and that a pad of many rows is, too.
TEST(Run, CommandsAreNotGatheredWithoutEnd) {
  auto Submissions = [](const ProgramBuilder &B, uint64_t TimeoutNs,
                        int32_t Expected) {
    Loaded Made = loadFake(emptyPackage(B));
    Owned<dure_call> Call = makeCall(Made, "main");
    dure_run_options Options = runOptions();
    Options.timeout_ns = TimeoutNs;
    // Each copy costs some.
    Options.fuel = uint64_t(1) << 32;
    Outcome Out = dure_call_run(Call.get(), &Options);
    EXPECT_EQ(Out.Code, Expected) << Out.Message;
    dure_call_stats Stats = {};
    Stats.struct_size = sizeof(Stats);
    EXPECT_TRUE(Outcome(dure_call_get_stats(Call.get(), &Stats)).ok());
    return Stats.submissions;
  };
  ProgramBuilder Loop;
  ScalarReg Zero = Loop.constant(0), One = Loop.constant(1);
  ScalarReg Many = Loop.constant(100000);
  BufferReg Buffer = Loop.allocate(Space::Transient, One);
  uint32_t Body = Loop.newBlock();
  Loop.add(FillOp{Buffer, Zero, One, 1, 1});
  Loop.setBlock(0);
  Loop.add(LoopOp{Loop.newScalar(), Zero, Many, One, -1, Body});
  Loop.result({});
  EXPECT_GE(Submissions(Loop, 0, DURE_STATUS_OK), 6u);

  // 2^28 rows: more copies than memory could hold.
  ProgramBuilder Corner;
  ScalarReg Rows = Corner.constant(1 << 28);
  ScalarReg Single = Corner.constant(1), Two = Corner.constant(2);
  BufferReg From = Corner.allocate(Space::Transient, Rows);
  BufferReg To = Corner.allocate(Space::Transient, Corner.mul(Rows, Two));
  Corner.add(CopyCornerOp{From, {Rows, Single}, To, {Rows, Two}, 1, 0});
  Corner.result({});
  EXPECT_GE(Submissions(Corner, 1'500'000'000, DURE_STATUS_DEADLINE_EXCEEDED),
            1u);
}

// Tests that a time limit and a cancellation hold while a call waits for
// another call of the session.
TEST(Run, TimeLimitAndCancelWhileWaiting) {
  ProgramBuilder B;
  ScalarReg Ms = B.constant(20);
  for (int I = 0; I != 500; ++I) {
    B.dispatch(kernel("pause"), {}, {Ms});
    B.barrier();
  }
  B.result({});
  Loaded Made = loadFake(emptyPackage(B));
  Owned<dure_call> Long = makeCall(Made, "main");
  std::thread Holder(
      [&] { (void)Outcome(dure_call_run(Long.get(), nullptr)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  auto Begin = std::chrono::steady_clock::now();
  Owned<dure_call> Limited = makeCall(Made, "main");
  dure_run_options Options = runOptions();
  Options.timeout_ns = 50'000'000;
  Outcome Out = dure_call_run(Limited.get(), &Options);
  EXPECT_EQ(Out.Code, DURE_STATUS_DEADLINE_EXCEEDED) << Out.Message;
  Owned<dure_call> Cancelled = makeCall(Made, "main");
  std::thread Other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dure_call_cancel(Cancelled.get());
  });
  Out = dure_call_run(Cancelled.get(), nullptr);
  Other.join();
  EXPECT_EQ(Out.Code, DURE_STATUS_CANCELLED) << Out.Message;
  // Neither waited for the ten seconds of the first.
  EXPECT_LT(std::chrono::steady_clock::now() - Begin, std::chrono::seconds(5));
  dure_call_cancel(Long.get());
  Holder.join();
}

// Tests that a device at work stops at the time limit and on cancellation, and
// that the session runs on.
TEST(Run, TimeLimitAndCancelStopTheDevice) {
  ProgramBuilder B;
  ScalarReg Ms = B.constant(20);
  for (int I = 0; I != 500; ++I) {
    B.dispatch(kernel("pause"), {}, {Ms});
    B.barrier();
  }
  B.result({});
  Loaded Made = loadFake(emptyPackage(B));
  Owned<dure_call> Call = makeCall(Made, "main");
  dure_run_options Options = runOptions();
  Options.timeout_ns = 50'000'000;
  Outcome Out = dure_call_run(Call.get(), &Options);
  EXPECT_EQ(Out.Code, DURE_STATUS_DEADLINE_EXCEEDED) << Out.Message;
  std::thread Other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dure_call_cancel(Call.get());
  });
  Out = dure_call_run(Call.get(), nullptr);
  Other.join();
  EXPECT_EQ(Out.Code, DURE_STATUS_CANCELLED) << Out.Message;
  // Before the run: it ends at once.
  dure_call_cancel(Call.get());
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), nullptr)).Code,
            DURE_STATUS_CANCELLED);
}

// Tests that a kernel's fault ends the run with its message and nothing else.
TEST(Run, KernelFaultIsReported) {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("fail", ElementType::F32, {"n"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0);
  uint32_t Then = B.newBlock();
  B.dispatch(kernel("fault"), {}, {});
  B.setBlock(0);
  B.add(IfOp{N, Then, -1});
  B.result({});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  Owned<dure_call> Call = makeCall(Made, "main");
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{1}, {0}}));
  Outcome Out = dure_call_run(Call.get(), nullptr);
  EXPECT_EQ(Out.Code, DURE_STATUS_KERNEL_FAULT);
  EXPECT_NE(Out.Message.find("the fault kernel ran"), std::string::npos);
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{0}, {}}));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
}

// Tests that a kernel's fault names the nodes of the dispatch that reported it,
// and that a dispatch of many nodes names some.
TEST(Run, KernelFaultNamesItsNodes) {
  auto MessageOf = [](int32_t Row) {
    ProgramBuilder B;
    B.Made.Trace = {{"other", {"/other/Add"}, {}, -1, -1},
                    {"one", {"/embed/Gather"}, {}, -1, -1},
                    {"many", {"a", "b", "c", "d", "e", "f"}, {}, -1, -1}};
    BufferReg Out = B.allocate(Space::Transient, B.constant(4));
    B.dispatch(kernel("increment"), {updates(Out)}, {B.constant(1)}, {}, 0);
    B.barrier();
    B.dispatch(kernel("fault"), {}, {}, {}, Row);
    B.result({});
    Loaded Made = loadFake(emptyPackage(B));
    Owned<dure_call> Call = makeCall(Made, "main");
    return Outcome(dure_call_run(Call.get(), nullptr)).Message;
  };
  EXPECT_NE(MessageOf(1).find("node '/embed/Gather': the fault kernel ran"),
            std::string::npos)
      << MessageOf(1);
  EXPECT_NE(MessageOf(2).find("one of the nodes 'a', 'b', 'c', 'd' and 2 "
                              "more: the fault kernel ran"),
            std::string::npos)
      << MessageOf(2);
  EXPECT_EQ(MessageOf(-1).find("node"), std::string::npos);
}

// Tests that values of shapes are checked where they are used.
TEST(Run, BadSizesAreRefused) {
  auto RunWith = [](void (*Fill)(ProgramBuilder &)) {
    ProgramBuilder B;
    Fill(B);
    B.result({});
    Loaded Made = loadFake(emptyPackage(B));
    Owned<dure_call> Call = makeCall(Made, "main");
    return Outcome(dure_call_run(Call.get(), nullptr)).Code;
  };
  EXPECT_EQ(RunWith([](ProgramBuilder &B) {
              B.allocate(Space::Transient, B.constant(-1));
            }),
            DURE_STATUS_OUT_OF_RANGE);
  EXPECT_EQ(RunWith([](ProgramBuilder &B) {
              B.allocate(Space::Transient, B.constant(int64_t(1) << 60));
            }),
            DURE_STATUS_RESOURCE_EXHAUSTED);
  EXPECT_EQ(RunWith([](ProgramBuilder &B) {
              ScalarReg Big = B.constant(int64_t(1) << 40);
              B.mul(Big, Big);
            }),
            DURE_STATUS_OUT_OF_RANGE);
  EXPECT_EQ(RunWith([](ProgramBuilder &B) {
              BufferReg All = B.allocate(Space::Transient, B.constant(8));
              B.subspan(All, B.constant(4), B.constant(5));
            }),
            DURE_STATUS_OUT_OF_RANGE);
  EXPECT_EQ(RunWith([](ProgramBuilder &B) {
              BufferReg All = B.allocate(Space::Transient, B.constant(8));
              B.add(ReadScalarOp{B.newScalar(), All, ElementType::I32,
                                 B.constant(2)});
            }),
            DURE_STATUS_OUT_OF_RANGE);
  EXPECT_EQ(RunWith([](ProgramBuilder &B) {
              BufferReg All = B.allocate(Space::Transient, B.constant(8));
              ScalarReg Five = B.constant(5);
              B.add(CopyOp{All, Five, All, B.constant(0), Five});
            }),
            DURE_STATUS_OUT_OF_RANGE);
}

// Tests that a program cannot write an input.
TEST(Run, InputsAreReadOnly) {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0);
  B.dispatch(kernel("increment"), {updates(B.input(0))}, {N});
  B.result({});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  Owned<dure_call> Call = makeCall(Made, "main");
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{1}, {0}}));
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), nullptr)).Code,
            DURE_STATUS_FAILED_PRECONDITION);
}
