// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of compatibility strings and the choice between CPU variants.
#include "targets/cpu/driver/CpuFeatures.h"
#include "tools/dure-conformance/Harness.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

using namespace dure::cpu;
using dure::conformance::Library;
using dure::conformance::Options;
using dure::conformance::Result;
using dure::conformance::Session;

static Requirements read(const char *Text) {
  Requirements R;
  std::string Error;
  EXPECT_TRUE(parseCompatibility(Text, R, Error)) << Error;
  return R;
}

TEST(CpuFeatures, RefusesStringsWithoutForm) {
  for (const char *Text : {"", "avx2", ":avx2", "x86_64"}) {
    Requirements R;
    std::string Error;
    EXPECT_FALSE(parseCompatibility(Text, R, Error)) << Text;
    EXPECT_NE(Error.find("compatibility string"), std::string::npos);
  }
}

TEST(CpuFeatures, ReadsLists) {
  Requirements R = read("riscv64:v,+zfh,");
  EXPECT_EQ(R.Architecture, "riscv64");
  EXPECT_EQ(R.Features, (std::vector<std::string>{"v", "zfh"}));
  EXPECT_EQ(read("native:avx2").Architecture, architecture());
  EXPECT_TRUE(read("native:").Features.empty());
}

TEST(CpuFeatures, UnknownFeaturesAreMissing) {
  Requirements R = read("native:no-such-feature");
  EXPECT_EQ(missingFeatures(R, machineFeatures()),
            std::vector<std::string>{"no-such-feature"});
}

TEST(CpuFeatures, MachineSatisfiesItself) {
  Requirements R;
  for (std::string_view F : machineFeatures())
    R.Features.emplace_back(F);
  EXPECT_FALSE(R.Features.empty());
  EXPECT_TRUE(missingFeatures(R, machineFeatures()).empty());
  EXPECT_EQ(unusedStrength(R, machineFeatures()), "");
}

/// The kernel's own list is an independent reading of CPUID.
TEST(CpuFeatures, AgreesWithTheKernel) {
  std::ifstream In("/proc/cpuinfo");
  std::string Line, Flags;
  while (std::getline(In, Line))
    if (Line.rfind("flags", 0) == 0)
      Flags = Line + " ";
  if (Flags.empty())
    GTEST_SKIP() << "/proc/cpuinfo lists no flags";
  const auto &Machine = machineFeatures();
  for (auto [Name, Kernel] :
       {std::pair("sse2", " sse2 "), std::pair("fma", " fma "),
        std::pair("f16c", " f16c "), std::pair("bmi2", " bmi2 "),
        std::pair("avx", " avx "), std::pair("avx2", " avx2 "),
        std::pair("avx512f", " avx512f "), std::pair("avx512bw", " avx512bw "),
        std::pair("avx512vl", " avx512vl "),
        std::pair("avx512vnni", " avx512_vnni "),
        std::pair("avx512bf16", " avx512_bf16 "),
        std::pair("avxvnni", " avx_vnni ")}) {
    bool Here =
        std::find(Machine.begin(), Machine.end(), Name) != Machine.end();
    EXPECT_EQ(Here, Flags.find(Kernel) != std::string::npos) << Name;
  }
}

#if defined(__x86_64__)

TEST(CpuFeatures, LevelsGrow) {
  uint32_t Before = 0;
  for (const char *Level : {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    uint32_t Score = score(read(Level));
    EXPECT_GT(Score, Before) << Level;
    Before = Score;
  }
  EXPECT_NE(read("x86-64-v9").Architecture, architecture());
}

TEST(CpuFeatures, NamesWhatIsMissing) {
  std::vector<std::string_view> Haswell = {
      "cmov",   "cx8",  "fxsr",   "mmx",    "sse",   "sse2", "cx16", "sahf",
      "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3", "avx",  "avx2", "bmi",
      "bmi2",   "f16c", "fma",    "lzcnt",  "movbe", "xsave"};
  EXPECT_TRUE(missingFeatures(read("x86-64-v3"), Haswell).empty());
  EXPECT_EQ(missingFeatures(read("x86-64-v4"), Haswell),
            (std::vector<std::string>{"avx512f", "avx512bw", "avx512cd",
                                      "avx512dq", "avx512vl"}));
  EXPECT_EQ(unusedStrength(read("x86-64-v2"), Haswell), "avx2");
  EXPECT_EQ(unusedStrength(read("x86-64-v3"), Haswell), "");
}

#endif

namespace {

struct Answer {
  uint32_t Verdict, Score;
  std::string Reason;
};

class CpuDriver : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(L.open(DURE_CPU_DRIVER), "");
    S = std::make_unique<Session>(L, O);
    ASSERT_TRUE(S->ready()) << S->failure();
  }
  void TearDown() override {
    S->close();
    EXPECT_FALSE(S->failed()) << S->failure();
  }
  Answer validate(const char *Text) {
    dure_drv_compatibility C = {};
    C.struct_size = sizeof(C);
    EXPECT_TRUE(Result(S->Exe->validate(S->Dev, Text, &C)).ok());
    Result Reason(C.reason);
    return {C.verdict, C.score, std::string(Reason.message())};
  }

  Library L;
  Options O;
  std::unique_ptr<Session> S;
};

} // namespace

TEST_F(CpuDriver, RefusesByName) {
  Answer A = validate("native:no-such-feature,neither-this");
  EXPECT_EQ(A.Verdict, uint32_t(DURE_DRV_UNSUPPORTED));
  EXPECT_NE(A.Reason.find("lacks no-such-feature, neither-this"),
            std::string::npos)
      << A.Reason;
  A = validate("riscv64:v");
  EXPECT_EQ(A.Verdict, uint32_t(DURE_DRV_UNSUPPORTED));
  EXPECT_NE(A.Reason.find("riscv64"), std::string::npos) << A.Reason;
}

TEST_F(CpuDriver, AcceptsWhatItReports) {
  Answer A = validate(S->Info.features);
  EXPECT_EQ(A.Verdict, uint32_t(DURE_DRV_OPTIMAL)) << A.Reason;
  EXPECT_GT(A.Score, validate("native:").Score);
}

TEST_F(CpuDriver, ChecksOptions) {
  for (auto [Key, Value] :
       {std::pair("threads", "0"), std::pair("threads", "two"),
        std::pair("threads", "-1"), std::pair("threads", "9999"),
        std::pair("cpu.memory_limit", "1G")}) {
    Options Bad;
    Bad.Config = {{Key, Value}};
    Session Other(L, Bad);
    EXPECT_FALSE(Other.ready());
    EXPECT_NE(Other.failure().find(Key), std::string::npos);
    EXPECT_NE(Other.failure().find(Value), std::string::npos);
  }
}

TEST_F(CpuDriver, KeepsItsMemoryLimit) {
  Options Limited;
  Limited.Config = {{"cpu.memory_limit", "1000"}};
  Session Small(L, Limited);
  ASSERT_TRUE(Small.ready()) << Small.failure();
  dure_drv_buffer *A = Small.buffer(600);
  ASSERT_TRUE(A);
  dure_drv_buffer_params P = {sizeof(P), nullptr, 600, 0, 0, 0};
  dure_drv_buffer *B = nullptr;
  EXPECT_EQ(Result(Small.Mem->allocate(Small.Dev, &P, &B)).code(),
            DURE_DRV_RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Result(Small.Mem->free(A)).ok());
  Small.forget(A);
  EXPECT_TRUE(Small.buffer(600));
}
