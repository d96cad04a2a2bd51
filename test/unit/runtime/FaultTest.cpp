// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that whatever a driver answers, and whatever a driver lacks, ends in a
// status: the CPU driver under the fault layer, and drivers that are broken.

#include "test/unit/runtime/TestPackages.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

using namespace dure;
using namespace dure::test;

namespace {

/// y = x + 5 on i32, twice, with a host copy between; run by the CPU driver on
/// the conformance kernels.
Package cpuPackage() {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::I32, {"n"})};
  P.Entries[0].Outputs = {tensor("y", ElementType::I32, {"n"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0), Zero = B.constant(0), Five = B.constant(5);
  ScalarReg Size = B.mul(N, B.constant(4));
  ScalarReg Groups = B.op(ScalarOpKind::CeilDiv, N, B.constant(64));
  BufferReg Once = B.allocate(Space::Transient, Size);
  BufferReg Copy = B.allocate(Space::Transient, Size);
  BufferReg Twice = B.allocate(Space::Result, Size);
  B.dispatch(0, {reads(B.input(0)), writes(Once)}, {N, Five}, {Groups});
  // Waits, so that a run has two submissions.
  B.add(ReadScalarOp{B.newScalar(), Once, ElementType::I32, Zero});
  B.add(CopyOp{Once, Zero, Copy, Zero, Size});
  B.barrier();
  B.dispatch(0, {reads(Copy), writes(Twice)}, {N, Five}, {Groups});
  B.result({{Twice, {N}}});
  Variant V;
  V.Name = V.Target = V.Driver = "cpu";
  V.Compatibility = "native:";
  CodeObject Code;
  Code.Format = "elf";
  Code.Bytes = std::make_shared<std::string>(readFile(DURE_ARTIFACT_1));
  Code.Exports = {{"add", 2, 2}};
  V.CodeObjects.push_back(Code);
  V.Programs.push_back(B.Made);
  P.Variants.push_back(V);
  return P;
}

/// Runs it under RULES three times. True if each was right.
bool runUnder(dure_package *From, const std::string &Rules) {
  SCOPED_TRACE(Rules);
  dure_option Driver[] = {{"fault.inner", DURE_CPU_DRIVER},
                          {"fault.rules", Rules.c_str()}};
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.threads = 2;
  Options.driver = DURE_FAULT_DRIVER;
  Options.driver_options = Driver;
  Options.driver_option_count = std::size(Driver);
  dure_session *Made = nullptr;
  Outcome Opened = dure_session_create(From, &Options, &Made);
  EXPECT_EQ(Opened.ok(), Made != nullptr);
  EXPECT_EQ(Opened.ok(), Opened.Message.empty());
  Owned<dure_session> Session(Made);
  if (!Opened.ok())
    return false;
  dure_call *MadeCall = nullptr;
  if (!Outcome(dure_call_create(Made, "main", &MadeCall)).ok())
    return false;
  Owned<dure_call> Call(MadeCall);
  std::vector<int32_t> X(100);
  for (int32_t I = 0; I != 100; ++I)
    X[static_cast<size_t>(I)] = 3 * I;
  int64_t Dims[] = {100};
  dure_tensor T = {sizeof(T), DURE_TYPE_I32, 1, Dims, X.data(), 400};
  EXPECT_TRUE(Outcome(dure_call_bind_input(MadeCall, 0, &T)).ok());
  bool All = true;
  for (int Round = 0; Round != 3; ++Round) {
    dure_run_options Run = {};
    Run.struct_size = sizeof(Run);
    Run.timeout_ns = 5'000'000'000;
    Outcome Ran = dure_call_run(MadeCall, &Run);
    EXPECT_EQ(Ran.ok(), Ran.Message.empty());
    All = All && Ran.ok();
    dure_tensor Y = {};
    Y.struct_size = sizeof(Y);
    Outcome Got = dure_call_get_output(MadeCall, 0, &Y);
    EXPECT_EQ(Got.ok(), Ran.ok());
    for (size_t I = 0; Got.ok() && I != 100; ++I)
      EXPECT_EQ(static_cast<const int32_t *>(Y.data)[I], X[I] + 10);
  }
  return All;
}

} // namespace

// Tests every call of a driver failing, hanging and losing the device, the
// first time and later: each outcome is a status, or the right result.
TEST(Fault, EveryCallOfADriverFails) {
  Loaded Made;
  Result<std::string> Bytes = writePackageToMemory(cpuPackage());
  ASSERT_TRUE(Bytes.ok()) << Bytes.status().message();
  Made.Bytes = Bytes.take();
  dure_load_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.trust_code = 1;
  ASSERT_OK(Made.load(&Options));
  EXPECT_TRUE(runUnder(Made.Package.get(), ""));
  unsigned Failed = 0, Rules = 0;
  for (const char *Call : {"open", "allocate", "import", "map", "load",
                           "timeline", "signal", "wait", "queue", "submit"})
    for (const char *Action : {"fail=RESOURCE_EXHAUSTED", "fail=DEVICE_HANG",
                               "fail=THERMAL", "lose"})
      for (const char *When : {"1", "2", "4", "*"}) {
        ++Rules;
        Failed += !runUnder(Made.Package.get(),
                            std::string(Call) + "@" + When + ":" + Action);
      }
  // Most fail; some calls are not made, or not that often.
  EXPECT_GT(Failed, Rules / 3);
  EXPECT_LT(Failed, Rules);
  EXPECT_FALSE(runUnder(Made.Package.get(), "submit@2:complete=ABORTED"));
  EXPECT_TRUE(runUnder(Made.Package.get(), "submit@*:delay=20ms"));
  // And all is well again without rules.
  EXPECT_TRUE(runUnder(Made.Package.get(), ""));
}

// Tests that native code needs trust on a driver that runs it here, also under
// a layer, and none on one that says it does not.
TEST(Fault, TrustIsTheDriversWord) {
  Loaded Made;
  Result<std::string> Bytes = writePackageToMemory(cpuPackage());
  ASSERT_TRUE(Bytes.ok()) << Bytes.status().message();
  Made.Bytes = Bytes.take();
  ASSERT_OK(Made.load());
  auto OpenOn = [&](const char *Driver) {
    dure_option Inner = {"fault.inner", DURE_CPU_DRIVER};
    dure_session_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.driver = Driver;
    Options.driver_options = &Inner;
    Options.driver_option_count = 1;
    dure_session *Session = nullptr;
    Outcome Out = dure_session_create(Made.Package.get(), &Options, &Session);
    dure_session_destroy(Session);
    return Out.Code;
  };
  EXPECT_EQ(OpenOn(DURE_CPU_DRIVER), DURE_STATUS_PERMISSION_DENIED);
  EXPECT_EQ(OpenOn(DURE_FAULT_DRIVER), DURE_STATUS_PERMISSION_DENIED);
  EXPECT_EQ(OpenOn(DURE_NULL_DRIVER), DURE_STATUS_OK);
}

// Tests that drivers which lack something, or speak another ABI, are told so
// and never called.
TEST(Fault, BrokenDriversAreRefused) {
  dure_devices *Made = nullptr;
  ASSERT_OK(dure_devices_list(DURE_BROKEN_DRIVERS, &Made));
  Owned<dure_devices> Devices(Made);
  std::string Problems;
  size_t Count = dure_devices_count(Made);
  EXPECT_GE(Count, 12u);
  for (size_t I = 0; I != Count; ++I) {
    dure_device_info Info = {};
    Info.struct_size = sizeof(Info);
    ASSERT_OK(dure_devices_get(Made, I, &Info));
    EXPECT_EQ(Info.name, nullptr);
    EXPECT_STRNE(Info.problem, "");
    Problems += Info.problem + std::string("\n");
  }
  for (const char *Part :
       {"answered with nothing", "speaks driver ABI 7.", "lacks destroy",
        "lacks build_info", "lacks memory,", "lacks memory.free",
        "lacks memory.unmap", "lacks timeline.wait", "lacks queue.submit",
        "lacks executable,", "lacks executable.validate",
        "built with sanitizer 'moonlight'"})
    EXPECT_NE(Problems.find(Part), std::string::npos) << Part << Problems;
  // Also where one is named, bare or under the fault layer.
  Loaded Encoder;
  Encoder.Bytes = *writePackageToMemory(encoderPackage());
  ASSERT_OK(Encoder.load());
  for (const auto &File :
       std::filesystem::directory_iterator(DURE_BROKEN_DRIVERS)) {
    std::string Path = File.path();
    dure_option Inner = {"fault.inner", Path.c_str()};
    dure_session_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.driver_options = &Inner;
    Options.driver_option_count = 1;
    for (const char *Driver : {Path.c_str(), DURE_FAULT_DRIVER}) {
      Options.driver = Driver;
      dure_session *Session = nullptr;
      Outcome Out =
          dure_session_create(Encoder.Package.get(), &Options, &Session);
      EXPECT_FALSE(Out.ok()) << Path;
    }
  }
}
