// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the CPU driver's executor: same bits for any number of threads.
#include "tools/dure-conformance/Dispatch.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

using namespace dure::conformance;

static Options options(const char *Threads) {
  Options O;
  O.Compatibility = "native:";
  O.Config = {{"threads", Threads}};
  for (const char *Path : {DURE_ARTIFACT_1, DURE_ARTIFACT_2}) {
    std::ifstream In(Path, std::ios::binary);
    EXPECT_TRUE(In) << Path;
    O.Artifacts.push_back(
        {std::string(std::istreambuf_iterator<char>(In), {})});
  }
  return O;
}

/// Dispatches of many shapes, with and without barriers between them, and
/// transfers large enough to be shared.
static std::vector<uint8_t> runMixture(const char *Threads) {
  Library L;
  EXPECT_EQ(L.open(DURE_CPU_DRIVER), "");
  Options O = options(Threads);
  Session S(L, O);
  EXPECT_TRUE(S.ready()) << S.failure();
  constexpr uint64_t N = 100000;
  dure_drv_executable *E = S.executable();
  dure_drv_buffer *A = S.buffer(N * 4), *B = S.buffer(N * 4),
                  *C = S.buffer(N * 4), *Out = S.buffer(4 * N * 4);
  if (!E || !A || !B || !C || !Out)
    return {};
  auto Add = [&](dure_drv_buffer *From, dure_drv_buffer *To, int64_t Count,
                 int64_t Value) {
    return Dispatch(S, E, "add", static_cast<uint64_t>(Count + 63) / 64,
                    {From, To}, {Count, Value});
  };
  Dispatch D[] = {Add(A, B, N, 1),   Add(A, C, N, 2), Add(B, A, 64, 3),
                  Add(C, B, 64, 4),  Add(B, C, 1, 5), Add(C, A, 64 * 7, 6),
                  Add(A, C, N, 1000)};
  Dispatch Sum(S, E, "scratch", 1000, {B}, {});
  std::vector<dure_drv_command> Commands = {
      fill(A, 0, N * 4, 0x01020304, 4),
      barrier(),
      D[0].Command,
      D[1].Command,
      barrier(),
      barrier(),
      D[2].Command,
      barrier(),
      D[3].Command,
      barrier(),
      D[4].Command,
      barrier(),
      D[5].Command,
      barrier(),
      Sum.Command,
      barrier(),
      copy(A, 0, Out, 0, N * 4),
      copy(B, 0, Out, N * 4, N * 4),
      copy(C, 0, Out, N * 8, N * 4),
      barrier(),
      D[6].Command,
      barrier(),
      copy(C, 4, Out, N * 12 + 4, N * 4 - 8)};
  Commands.push_back(fill(Out, N * 12, 4, 0, 4));
  Commands.push_back(fill(Out, N * 16 - 4, 4, 0, 4));
  Result R = S.run(Commands);
  EXPECT_TRUE(R.ok()) << R.message();
  std::vector<uint8_t> Bytes = S.read(Out);
  S.close();
  EXPECT_FALSE(S.failed()) << S.failure();
  return Bytes;
}

TEST(ParallelExecutor, SameBitsForAnyThreads) {
  std::vector<uint8_t> Expected = runMixture("1");
  ASSERT_FALSE(Expected.empty());
  for (const char *Threads : {"2", "3", "4", "7", "16"})
    EXPECT_EQ(runMixture(Threads), Expected) << Threads;
}

// One thread meets a fault while the others are anywhere: all leave together,
// and the next submission finds the team whole.
TEST(ParallelExecutor, FaultsStopTheWholeTeam) {
  Library L;
  ASSERT_EQ(L.open(DURE_CPU_DRIVER), "");
  Options O = options("4");
  Session S(L, O);
  ASSERT_TRUE(S.ready()) << S.failure();
  dure_drv_executable *E = S.executable();
  dure_drv_buffer *A = S.buffer(4 * 4096), *B = S.buffer(4 * 4096);
  ASSERT_TRUE(E && A && B);
  Dispatch Good(S, E, "add", 64, {A, B}, {4096, 1});
  for (int64_t Group = 0; Group != 64; ++Group) {
    Dispatch Bad(S, E, "fault", 64, {}, {Group, 99});
    std::vector<dure_drv_command> C;
    for (int I = 0; I != 4; ++I) {
      C.push_back(Good.Command);
      C.push_back(I == 2 ? Bad.Command : Good.Command);
      if (I % 2)
        C.push_back(barrier());
    }
    Result R = S.run(C);
    EXPECT_EQ(R.code(), DURE_DRV_KERNEL_FAULT);
    std::string Where = "workgroup " + std::to_string(Group) + " of 64";
    EXPECT_NE(R.message().find(Where), std::string_view::npos) << R.message();
  }
  EXPECT_TRUE(S.run({&Good.Command, 1}).ok());
}

// Tests that a fault is told in words, not as a number alone.
TEST(ParallelExecutor, FaultsAreDescribed) {
  Library L;
  ASSERT_EQ(L.open(DURE_CPU_DRIVER), "");
  Options O = options("1");
  Session S(L, O);
  ASSERT_TRUE(S.ready()) << S.failure();
  dure_drv_executable *E = S.executable();
  ASSERT_TRUE(E);
  for (auto [Code, Text] : {std::pair(1, "an index lies outside the dimension"),
                            std::pair(2, "an integer is divided by zero"),
                            std::pair(99, "unknown fault")}) {
    Dispatch Bad(S, E, "fault", 1, {}, {0, Code});
    Result R = S.run({&Bad.Command, 1});
    EXPECT_EQ(R.code(), DURE_DRV_KERNEL_FAULT);
    EXPECT_NE(R.message().find(Text), std::string_view::npos) << R.message();
  }
}

TEST(ParallelExecutor, TimesEveryCommand) {
  Library L;
  ASSERT_EQ(L.open(DURE_CPU_DRIVER), "");
  Options O = options("3");
  Session S(L, O);
  ASSERT_TRUE(S.ready()) << S.failure();
  dure_drv_executable *E = S.executable();
  dure_drv_buffer *A = S.buffer(4 * 4096), *B = S.buffer(4 * 4096);
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  ASSERT_TRUE(E && A && B && Q && T);
  Dispatch D(S, E, "add", 64, {A, B}, {4096, 1});
  Dispatch Small(S, E, "add", 1, {A, B}, {64, 1});
  // No barriers: timing must not need them.
  std::vector<dure_drv_command> C;
  for (uint64_t I = 0; I != 10; ++I) {
    C.push_back(I % 3 ? D.Command : Small.Command);
    C.back().tag = I;
  }
  std::vector<dure_drv_command_timing> Seen;
  dure_drv_profile_extension X = {};
  X.header = {sizeof(X), DURE_DRV_EXTENSION_TYPE_PROFILE, 0, nullptr};
  X.user = &Seen;
  X.on_command = [](void *User, const dure_drv_command_timing *Timing) {
    static_cast<decltype(Seen) *>(User)->push_back(*Timing);
  };
  dure_drv_timeline_point P = {T, 1};
  ASSERT_TRUE(Result(S.Que->submit(Q, C.data(), C.size(), nullptr, 0, &P, 1, 0,
                                   &X.header))
                  .ok());
  ASSERT_TRUE(Result(S.Time->wait(T, 1, S.Host.after(20000))).ok());
  ASSERT_EQ(Seen.size(), 10u);
  for (uint64_t I = 0; I != 10; ++I) {
    EXPECT_EQ(Seen[I].tag, I);
    if (I) {
      EXPECT_GE(Seen[I].begin_ns, Seen[I - 1].end_ns);
    }
  }
}
