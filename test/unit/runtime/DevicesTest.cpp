// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of variants that run on several devices: what is loaded where, copies
// between devices, state beside the variant's own device, failures of each, and
// what the verifier refuses. The null driver's device computes nothing, but its
// memory is real.

#include "runtime/package/Reader.h"
#include "runtime/package/Verifier.h"
#include "test/unit/runtime/TestPackages.h"

#include <filesystem>

using namespace dure;
using namespace dure::test;

namespace {

std::string folderOf(const char *Driver) {
  return std::filesystem::path(Driver).parent_path().string();
}

VariantDevice device(const char *Driver, const char *Compatibility) {
  VariantDevice D;
  D.Target = D.Driver = Driver;
  D.Compatibility = Compatibility;
  return D;
}

/// y = x + 2: once on the fake device, then over the null device and back.
Package twoDevices(const char *Other = "null") {
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n"})};
  P.Entries[0].Outputs = {tensor("y", ElementType::F32, {"n"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0), Zero = B.constant(0);
  ScalarReg Size = B.mul(N, B.constant(4));
  BufferReg Near = B.allocate(Space::Transient, Size);
  BufferReg Far = B.newBuffer(), Back = B.allocate(Space::Result, Size);
  B.add(AllocateOp{Far, Space::Transient, Size, 1});
  B.add(CopyOp{B.input(0), Zero, Near, Zero, Size});
  B.barrier();
  B.dispatch(kernel("increment"), {updates(Near)}, {N}, {}, 0);
  B.add(CopyOp{Near, Zero, Far, Zero, Size});
  B.add(CopyOp{Far, Zero, Back, Zero, Size});
  B.dispatch(kernel("increment"), {updates(Back)}, {N}, {}, 1);
  B.result({{Back, {N}}});
  B.Made.Trace = {{"first", {"/a"}, {}, -1, -1},
                  {"second", {"/b"}, {}, -1, -1}};
  Variant V = fakeVariant({});
  V.Programs.push_back(B.Made);
  V.Devices.push_back(device(Other, "any"));
  P.Variants.push_back(V);
  return P;
}

/// A session on DRIVER, further devices from FOLDER.
Outcome open(Loaded &To, const char *Driver, const std::string &Folder,
             std::vector<dure_option> DriverOptions = {}) {
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.driver = Driver;
  Options.driver_folder = Folder.c_str();
  Options.driver_options = DriverOptions.data();
  Options.driver_option_count = DriverOptions.size();
  dure_session *Made = nullptr;
  Outcome Done = dure_session_create(To.Package.get(), &Options, &Made);
  To.Session.reset(Made);
  return Done;
}

Loaded load(const Package &Content) {
  Loaded Made;
  Result<std::string> Bytes = writePackageToMemory(Content);
  EXPECT_TRUE(Bytes.ok()) << Bytes.status().message();
  if (Bytes)
    Made.Bytes = Bytes.take();
  EXPECT_TRUE(Made.load().ok());
  return Made;
}

std::string refusal(const Package &P) {
  return verifyPackage(P, {0, 0, /*BeforeWriting=*/true}).message();
}

/// The refusal of twoDevices() with another program.
template <typename Function> std::string programRefusal(Function Fill) {
  Package P = twoDevices();
  ProgramBuilder B;
  ScalarReg Zero = B.constant(0);
  BufferReg Out = B.allocate(Space::Result, Zero);
  Fill(B, Zero, Out);
  B.result({{Out, {Zero}}});
  P.Variants[0].Programs = {B.Made};
  return refusal(P);
}

} // namespace

// Tests that values are copied there and back, whole, and that the trace and
// the session's facts name both devices.
TEST(Devices, CopiesBetweenThem) {
  Loaded Made = load(twoDevices());
  Outcome Opened = open(Made, DURE_FAKE_DRIVER, folderOf(DURE_NULL_DRIVER));
  ASSERT_TRUE(Opened.ok()) << Opened.Message;
  Owned<dure_call> Call = makeCall(Made, "main");
  for (int64_t N : {1, 5, 4096}) {
    Tensor<float> X{{N}, {}};
    for (int64_t I = 0; I != N; ++I)
      X.Values.push_back(static_cast<float>(I));
    ASSERT_OK(bind(Call.get(), 0, X));
    dure_run_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.profile = 1;
    ASSERT_OK(dure_call_run(Call.get(), &Options));
    Tensor<float> Y = floatOutput(Call.get(), 0);
    for (int64_t I = 0; I != N; ++I)
      ASSERT_EQ(Y.Values[static_cast<size_t>(I)], static_cast<float>(I + 2));
  }
  dure_dispatch_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  ASSERT_OK(dure_call_get_dispatch(Call.get(), 1, &Stats));
  EXPECT_STREQ(Stats.device, "fake device");
  dure_session_info Info = {};
  Info.struct_size = sizeof(Info);
  ASSERT_OK(dure_session_get_info(Made.Session.get(), &Info));
  ASSERT_EQ(Info.device_count, 2u);
  dure_session_device Other = {};
  Other.struct_size = sizeof(Other);
  ASSERT_OK(dure_session_get_device(Made.Session.get(), 1, &Other));
  EXPECT_STREQ(Other.device, "null device");
  EXPECT_FALSE(
      Outcome(dure_session_get_device(Made.Session.get(), 2, &Other)).ok());
}

// Tests that a variant one of whose devices is missing is not taken, and that
// the driver that lacks is named.
TEST(Devices, NeedsAllOfThem) {
  Loaded Made = load(twoDevices("nowhere"));
  Outcome Opened = open(Made, DURE_FAKE_DRIVER, folderOf(DURE_NULL_DRIVER));
  EXPECT_NE(Opened.Message.find("nowhere"), std::string::npos)
      << Opened.Message;
}

// Tests that a failure of the second device ends the run with its own words,
// and that what it could not do is not done by halves: the next run is right.
TEST(Devices, FailuresOfEitherEndTheRun) {
  Loaded Made = load(twoDevices("fault"));
  Outcome Opened = open(Made, DURE_FAKE_DRIVER, folderOf(DURE_FAULT_DRIVER),
                        {{"fault.inner", DURE_NULL_DRIVER},
                         {"fault.rules", "map@2:fail=INTERNAL"}});
  ASSERT_TRUE(Opened.ok()) << Opened.Message;
  Owned<dure_call> Call = makeCall(Made, "main");
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{3}, {1, 2, 3}}));
  Outcome Run = dure_call_run(Call.get(), nullptr);
  EXPECT_NE(Run.Message.find("device 'null device': fault layer: map number 2"),
            std::string::npos)
      << Run.Message;
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(floatOutput(Call.get(), 0).Values, (std::vector<float>{3, 4, 5}));
}

// Tests that state and lengths lie where the program says, not on the variant's
// own device.
TEST(Devices, StateOnTheSecond) {
  Package P = stepPackage();
  Variant &V = P.Variants[0];
  for (Instruction &I : V.Programs[0].Blocks[0].Instructions)
    std::visit(
        [](auto &Op) {
          if constexpr (requires { Op.Device; })
            Op.Device = 1;
        },
        I);
  V.CodeObjects[0].Device = 1;
  V.Devices.push_back(device("fake", "fake:1"));
  Loaded Made = load(P);
  Outcome Opened = open(Made, DURE_NULL_DRIVER, folderOf(DURE_FAKE_DRIVER));
  ASSERT_TRUE(Opened.ok()) << Opened.Message;
  dure_state_options Options = {sizeof(Options), 1, 8};
  dure_state *State = nullptr;
  ASSERT_OK(dure_state_create(Made.Session.get(), "step", &Options, &State));
  Owned<dure_state> Cache(State);
  Owned<dure_call> Call = makeCall(Made, "step");
  ASSERT_OK(dure_call_bind_state(Call.get(), State));
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{1, 1, 3}, {2, 4, 6}}));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  ASSERT_OK(bind(Call.get(), 0, Tensor<float>{{1, 1, 3}, {4, 8, 12}}));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(floatOutput(Call.get(), 0).Values, (std::vector<float>{3, 6, 9}));
  std::vector<float> Kept(24);
  dure_tensor T = {};
  T.struct_size = sizeof(T);
  T.data = Kept.data();
  T.size = Kept.size() * 4;
  ASSERT_OK(dure_state_read(State, 0, &T));
  EXPECT_EQ(Kept[4], 8);
}

// Tests that the verifier accepts these packages and refuses programs whose
// buffers are not where they are used.
TEST(Devices, VerifierKeepsThemApart) {
  EXPECT_EQ(refusal(twoDevices()), "");
  auto ExpectIn = [](const std::string &Message, const char *Part) {
    EXPECT_NE(Message.find(Part), std::string::npos) << Message;
  };
  EXPECT_EQ(programRefusal([](ProgramBuilder &, ScalarReg, BufferReg) {}), "");
  ExpectIn(programRefusal([](ProgramBuilder &B, ScalarReg Zero, BufferReg) {
             BufferReg Far = B.newBuffer();
             B.add(AllocateOp{Far, Space::Transient, Zero, 1});
             B.dispatch(kernel("increment"), {updates(Far)}, {Zero});
           }),
           "is on device 1, its user on device 0");
  ExpectIn(programRefusal([](ProgramBuilder &B, ScalarReg Zero, BufferReg Out) {
             B.add(AllocateOp{Out, Space::Transient, Zero, 1});
           }),
           "holds buffers of two devices");
  ExpectIn(programRefusal([](ProgramBuilder &B, ScalarReg Zero, BufferReg) {
             B.add(AllocateOp{B.newBuffer(), Space::Transient, Zero, 2});
           }),
           "the variant has no device 2");
  ExpectIn(programRefusal([](ProgramBuilder &B, ScalarReg Zero, BufferReg Out) {
             BufferReg Far = B.newBuffer();
             B.add(AllocateOp{Far, Space::Transient, Zero, 1});
             CopyCornerOp Corner;
             Corner.Source = Far;
             Corner.Target = Out;
             Corner.ElementSize = 4;
             B.add(Corner);
           }),
           "is on device 0, its user on device 1");
  // A view is where its buffer is.
  ExpectIn(programRefusal([](ProgramBuilder &B, ScalarReg Zero, BufferReg) {
             BufferReg Far = B.newBuffer();
             B.add(AllocateOp{Far, Space::Transient, Zero, 1});
             BufferReg Part = B.subspan(Far, Zero, Zero);
             B.dispatch(kernel("increment"), {updates(Part)}, {Zero});
           }),
           "is on device 1, its user on device 0");
}

// Tests that devices are checked like variants, and state for one place.
TEST(Devices, VerifierChecksTheirTable) {
  Package P = twoDevices();
  P.Variants[0].CodeObjects[0].Device = 2;
  EXPECT_NE(refusal(P).find("a code object is for no device of it"),
            std::string::npos);
  P = twoDevices();
  P.Variants[0].Devices[0].Driver = "folder/driver.so";
  EXPECT_NE(refusal(P).find("one of its devices names no driver"),
            std::string::npos);
  P = stepPackage();
  P.Variants[0].Devices.push_back(device("null", ""));
  Program &Step = P.Variants[0].Programs[0];
  Step.Blocks[0].Instructions.insert(
      Step.Blocks[0].Instructions.begin(),
      StateBufferOp{Step.BufferRegisters++, 0, 1});
  EXPECT_NE(refusal(P).find("state 'cache' is on two devices"),
            std::string::npos)
      << refusal(P);
}

// Tests that a reader that knows one device only would refuse the file: the
// feature bit is set, and one that is missing is noticed.
TEST(Devices, AreAFeature) {
  Package P = twoDevices();
  EXPECT_NE(verifyPackage(P, {4096, 0, /*BeforeWriting=*/false})
                .message()
                .find("several devices without their feature bit"),
            std::string::npos);
  Loaded Made = load(P);
  dure_package_info Info = {};
  Info.struct_size = sizeof(Info);
  ASSERT_OK(dure_package_get_info(Made.Package.get(), &Info));
  EXPECT_EQ(Info.required_features & PackageFeatureDevices,
            uint64_t(PackageFeatureDevices));
}
