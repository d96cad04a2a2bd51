// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the C API's own rules: structs, names, refusals, lifetimes.

#include "test/unit/runtime/TestPackages.h"

#include <cstddef>
#include <cstring>
#include <limits>
#include <sys/stat.h>
#include <utility>

using namespace dure;
using namespace dure::test;

extern "C" const char *dure_test_version_from_c(void);

namespace {

void expectIn(const std::string &Message, const char *Part) {
  EXPECT_NE(Message.find(Part), std::string::npos) << Message;
}

} // namespace

// Tests that C and C++ see the same library.
TEST(Api, VersionFromC) {
  EXPECT_STREQ(dure_test_version_from_c(), dure_version());
}

// Tests that a caller with shorter structs gets what it knows and no more.
TEST(Api, ShorterStructs) {
  Loaded Made = loadFake(encoderPackage());
  struct {
    dure_package_info Info;
    char Guard[8];
  } Short;
  std::memset(&Short, 0x5a, sizeof(Short));
  Short.Info.struct_size = offsetof(dure_package_info, producer);
  ASSERT_OK(dure_package_get_info(Made.Package.get(), &Short.Info));
  EXPECT_EQ(Short.Info.format_version, 1u);
  EXPECT_EQ(Short.Info.struct_size, offsetof(dure_package_info, producer));
  EXPECT_EQ(reinterpret_cast<unsigned char *>(&Short.Info.producer)[0], 0x5a);
  Short.Info.struct_size = 0;
  EXPECT_EQ(
      Outcome(dure_package_get_info(Made.Package.get(), &Short.Info)).Code,
      DURE_STATUS_INVALID_ARGUMENT);
}

// Tests that the signature is told as the compiler wrote it.
TEST(Api, Signature) {
  Loaded Made = loadFake(stepPackage());
  dure_signature S = {};
  S.struct_size = sizeof(S);
  ASSERT_OK(
      dure_package_get_signature(Made.Package.get(), 0, DURE_INPUT, 0, &S));
  EXPECT_STREQ(S.name, "x");
  EXPECT_EQ(S.type, DURE_TYPE_F32);
  ASSERT_EQ(S.rank, 3);
  EXPECT_STREQ(S.dims[1].expression, "sequence");
  EXPECT_EQ(S.dims[2].value, 3);
  ASSERT_OK(
      dure_package_get_signature(Made.Package.get(), 0, DURE_STATE, 0, &S));
  EXPECT_STREQ(S.dims[1].expression, "capacity");
  EXPECT_EQ(Outcome(dure_package_get_signature(Made.Package.get(), 0,
                                               DURE_INPUT, 1, &S))
                .Code,
            DURE_STATUS_OUT_OF_RANGE);
  dure_text *Text = nullptr;
  ASSERT_OK(dure_package_describe(Made.Package.get(), &Text));
  Owned<dure_text> Json(Text);
  expectIn(dure_text_data(Text), "\"dims\":[\"batch\",\"capacity\",3]");
}

// Tests that wrong inputs are refused with what came and what is expected.
TEST(Api, InputsAreChecked) {
  Loaded Made = loadFake(encoderPackage());
  Owned<dure_call> Call = makeCall(Made, "main");
  Outcome Out = bind(Call.get(), 0, Tensor<float>{{1, 1}, {0}});
  expectIn(Out.Message,
           "input 'ids' is int64 [batch, sequence], got float32 [1, 1]");
  EXPECT_FALSE(bind(Call.get(), 0, Tensor<int64_t>{{1}, {0}}).ok());
  EXPECT_FALSE(bind(Call.get(), 0, Tensor<int64_t>{{2, 2}, {0}}).ok());
  EXPECT_FALSE(bind(Call.get(), 0, Tensor<int64_t>{{-1, 1}, {}}).ok());
  Out = dure_call_run(Call.get(), nullptr);
  expectIn(Out.Message, "inputs are missing: 'ids' (int64 [batch, sequence]), "
                        "'mask'");
  ASSERT_OK(bind(Call.get(), 0, Tensor<int64_t>{{1, 2}, {0, 0}}));
  ASSERT_OK(bind(Call.get(), 1, Tensor<int64_t>{{1, 3}, {0, 0, 0}}));
  Out = dure_call_run(Call.get(), nullptr);
  expectIn(Out.Message, "'sequence' is 2 in input 'ids' and 3 in input 'mask'");
  Tensor<int64_t> Wide{{1, 513}, std::vector<int64_t>(513)};
  ASSERT_OK(bind(Call.get(), 0, Wide));
  ASSERT_OK(bind(Call.get(), 1, Wide));
  Out = dure_call_run(Call.get(), nullptr);
  expectIn(Out.Message, "is 513, the model takes from 0 to 512");
  dure_tensor T = {};
  T.struct_size = sizeof(T);
  Out = dure_call_bind_input_by_name(Call.get(), "nothing", &T);
  expectIn(Out.Message, "the inputs are 'ids' (int64 [batch, sequence])");
  EXPECT_EQ(Outcome(dure_call_get_output(Call.get(), 0, &T)).Code,
            DURE_STATUS_FAILED_PRECONDITION);
}

// Tests that the best variant is taken, a named one on request, and that the
// reasons of a refusal are told.
TEST(Api, VariantsAreChosen) {
  Package P = encoderPackage();
  Variant Base = P.Variants[0];
  P.Variants.clear();
  for (auto [Name, Compatibility] :
       {std::pair<const char *, const char *>{"alien", "other:9"},
        {"slow", "fake:1"},
        {"fast", "fake:5"},
        {"equal", "fake:5"}}) {
    P.Variants.push_back(Base);
    P.Variants.back().Name = Name;
    P.Variants.back().Compatibility = Compatibility;
  }
  Loaded Made = loadFake(P);
  dure_session_info Info = {};
  Info.struct_size = sizeof(Info);
  ASSERT_OK(dure_session_get_info(Made.Session.get(), &Info));
  EXPECT_STREQ(Info.variant_name, "fast");
  expectIn(Info.rejected, "variant 'alien'");
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.driver = DURE_FAKE_DRIVER;
  dure_session *Session = nullptr;
  Options.variant = "slow";
  ASSERT_OK(dure_session_create(Made.Package.get(), &Options, &Session));
  Owned<dure_session> Slow(Session);
  ASSERT_OK(dure_session_get_info(Session, &Info));
  EXPECT_STREQ(Info.variant_name, "slow");
  Options.variant = "alien";
  Outcome Out = dure_session_create(Made.Package.get(), &Options, &Session);
  EXPECT_EQ(Out.Code, DURE_STATUS_INCOMPATIBLE);
  expectIn(Out.Message, "nothing here can run the package");
  Options.variant = "none";
  Out = dure_session_create(Made.Package.get(), &Options, &Session);
  expectIn(Out.Message, "'alien', 'slow', 'fast', 'equal'");
  Options.variant = nullptr;
  Options.driver = "no-such-driver";
  Out = dure_session_create(Made.Package.get(), &Options, &Session);
  expectIn(Out.Message, "libdure-driver-no-such-driver.so");
}

// Tests that things made from a package outlive its handle.
TEST(Api, HandlesMayGoInAnyOrder) {
  Loaded Made = loadFake(encoderPackage());
  Owned<dure_call> Call = makeCall(Made, "main");
  Made.Package.reset();
  Made.Session.reset();
  ASSERT_OK(bind(Call.get(), 0, Tensor<int64_t>{{1, 1}, {2}}));
  ASSERT_OK(bind(Call.get(), 1, Tensor<int64_t>{{1, 1}, {1}}));
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
  EXPECT_EQ(floatOutput(Call.get(), 1).Values.size(), 5u);
}

// Tests that files which are no packages are refused plainly.
TEST(Api, OtherFilesAreRefused) {
  TemporaryFolder T;
  T.write("model.onnx", "something else");
  dure_package *P = nullptr;
  Outcome Out = dure_package_load(T.path("model.onnx").c_str(), nullptr, &P);
  expectIn(Out.Message, "not a Dure package");
  Out = dure_package_load(T.path("missing").c_str(), nullptr, &P);
  EXPECT_EQ(Out.Code, DURE_STATUS_NOT_FOUND);
  Out = dure_package_load(T.folder().c_str(), nullptr, &P);
  EXPECT_FALSE(Out.ok());
}

namespace {

/// Each call must refuse, with a message.
struct Sweep {
  unsigned Calls = 0;
  void operator()(dure_status *S, const char *What) {
    ++Calls;
    Outcome Out(S);
    EXPECT_FALSE(Out.ok()) << What;
    EXPECT_TRUE(Out.ok() || !Out.Message.empty()) << What;
  }
};
#define REFUSES(CALL) Refuses(CALL, #CALL)

template <typename T> T sized() {
  T Value = {};
  Value.struct_size = sizeof(Value);
  return Value;
}

} // namespace

// Tests that no function of packages and devices takes NULL, a struct without
// its size or an index that is not there.
TEST(Api, PackagesRefuseWrongArguments) {
  Sweep Refuses;
  Loaded Made = loadFake(encoderPackage());
  dure_package *P = Made.Package.get(), *Q = nullptr;
  size_t Index = 0;
  REFUSES(dure_package_load(nullptr, nullptr, &Q));
  REFUSES(dure_package_load("x", nullptr, nullptr));
  REFUSES(dure_package_load_memory(nullptr, 5, nullptr, &Q));
  REFUSES(dure_package_load_memory("abc", 3, nullptr, nullptr));
  for (size_t Size : {0, 3})
    REFUSES(dure_package_load_memory("abc", Size, nullptr, &Q));
  auto Load = sized<dure_load_options>();
  for (Load.struct_size = 0; Load.struct_size != sizeof(size_t);
       ++Load.struct_size)
    REFUSES(dure_package_load_memory(Made.Bytes.data(), Made.Bytes.size(),
                                     &Load, &Q));
  Load.struct_size = sizeof(Load);
  for (int32_t Verify : {-1, 3}) {
    Load.verify = Verify;
    REFUSES(dure_package_load_memory(Made.Bytes.data(), Made.Bytes.size(),
                                     &Load, &Q));
  }
  EXPECT_EQ(Q, nullptr);
  auto Info = sized<dure_package_info>();
  REFUSES(dure_package_get_info(P, nullptr));
  REFUSES(dure_package_get_info(nullptr, &Info));
  Info.struct_size = 3;
  REFUSES(dure_package_get_info(P, &Info));
  auto Symbol = sized<dure_symbol_info>();
  REFUSES(dure_package_get_symbol(P, 99, &Symbol));
  REFUSES(dure_package_get_symbol(P, 0, nullptr));
  auto Entry = sized<dure_entry_info>();
  REFUSES(dure_package_get_entry(P, 9, &Entry));
  REFUSES(dure_package_get_entry(P, 0, nullptr));
  REFUSES(dure_package_find_entry(P, nullptr, &Index));
  REFUSES(dure_package_find_entry(P, "main", nullptr));
  REFUSES(dure_package_find_entry(P, "x", &Index));
  auto Signature = sized<dure_signature>();
  for (int32_t Kind : {-1, 3})
    REFUSES(dure_package_get_signature(P, 0, Kind, 0, &Signature));
  REFUSES(dure_package_get_signature(P, ~size_t(0), 0, 0, &Signature));
  REFUSES(dure_package_get_signature(P, 0, 0, ~size_t(0), &Signature));
  REFUSES(dure_package_get_signature(P, 0, 0, 0, nullptr));
  auto Variant = sized<dure_variant_info>();
  REFUSES(dure_package_get_variant(P, 5, &Variant));
  REFUSES(dure_package_get_variant(P, 0, nullptr));
  dure_text *Text = nullptr;
  REFUSES(dure_package_describe(P, nullptr));
  REFUSES(dure_package_describe(nullptr, &Text));
  auto Device = sized<dure_device_info>();
  REFUSES(dure_devices_list(nullptr, nullptr));
  REFUSES(dure_devices_get(nullptr, 0, &Device));
  dure_devices *None = nullptr;
  ASSERT_OK(dure_devices_list("/nonexistent", &None));
  EXPECT_EQ(dure_devices_count(None), 0u);
  REFUSES(dure_devices_get(None, 0, &Device));
  dure_devices_destroy(None);
  EXPECT_GT(Refuses.Calls, 35u);
}

// Tests the same of sessions and states, and their limits.
TEST(Api, SessionsRefuseWrongArguments) {
  Sweep Refuses;
  Loaded Made = loadFake(stepPackage());
  dure_package *P = Made.Package.get();
  dure_session *S = nullptr;
  auto Options = sized<dure_session_options>();
  REFUSES(dure_session_create(nullptr, nullptr, &S));
  REFUSES(dure_session_create(P, nullptr, nullptr));
  auto Open = [&] { return dure_session_create(P, &Options, &S); };
  Options.struct_size = 4;
  REFUSES(Open());
  Options = sized<dure_session_options>();
  Options.driver = DURE_FAKE_DRIVER;
  for (int32_t Threads : {-1, DURE_MAX_THREADS + 1, 2000000000}) {
    Options.threads = Threads;
    Outcome Out = Open();
    EXPECT_EQ(Out.Code, DURE_STATUS_INVALID_ARGUMENT);
    expectIn(Out.Message, "give 1 to 1024");
  }
  Options.threads = DURE_MAX_THREADS;
  ASSERT_OK(Open());
  dure_session_destroy(std::exchange(S, nullptr));
  Options.threads = 0;
  Options.device = 9;
  REFUSES(Open());
  Options.device = 0;
  Options.driver_option_count = 3;
  REFUSES(Open());
  dure_option Half = {"key", nullptr};
  Options.driver_options = &Half;
  Options.driver_option_count = 1;
  REFUSES(Open());
  Options.driver_option_count = 0;
  for (const char *Driver : {"x/../y", "/dev/null", "/proc/self/exe", ""}) {
    Options.driver = Driver;
    REFUSES(Open());
  }
  EXPECT_EQ(S, nullptr);
  S = Made.Session.get();
  auto Info = sized<dure_session_info>();
  REFUSES(dure_session_get_info(nullptr, &Info));
  REFUSES(dure_session_get_info(S, nullptr));

  dure_state *State = nullptr;
  auto Size = sized<dure_state_options>();
  REFUSES(dure_state_create(S, "step", nullptr, &State));
  Size.batch = Size.capacity = 4;
  REFUSES(dure_state_create(nullptr, "step", &Size, &State));
  REFUSES(dure_state_create(S, nullptr, &Size, &State));
  REFUSES(dure_state_create(S, "main", &Size, &State));
  REFUSES(dure_state_create(S, "step", &Size, nullptr));
  constexpr int64_t Most = std::numeric_limits<int64_t>::max();
  for (auto [Batch, Capacity] : {std::pair<int64_t, int64_t>{0, 4},
                                 {4, 0},
                                 {-1, 4},
                                 {Most, 1},
                                 {1, Most},
                                 {Most, Most},
                                 {int64_t(1) << 39, 1},
                                 {(int64_t(1) << 24) + 1, 1},
                                 {1 << 24, int64_t(1) << 40}}) {
    Size.batch = Batch;
    Size.capacity = Capacity;
    REFUSES(dure_state_create(S, "step", &Size, &State));
  }
  Size.batch = Size.capacity = 4;
  ASSERT_OK(dure_state_create(S, "step", &Size, &State));
  Owned<dure_state> Cache(State);
  int64_t Lengths[5] = {};
  auto T = sized<dure_tensor>();
  REFUSES(dure_state_get_lengths(nullptr, Lengths, 4));
  REFUSES(dure_state_get_lengths(State, nullptr, 4));
  REFUSES(dure_state_get_lengths(State, Lengths, 5));
  REFUSES(dure_state_set_lengths(nullptr, Lengths, 4));
  REFUSES(dure_state_set_lengths(State, nullptr, 4));
  REFUSES(dure_state_set_lengths(State, Lengths, 3));
  Lengths[0] = 5;
  REFUSES(dure_state_set_lengths(State, Lengths, 4));
  REFUSES(dure_state_read(nullptr, 0, &T));
  REFUSES(dure_state_read(State, 0, nullptr));
  REFUSES(dure_state_read(State, 1, &T));
  REFUSES(dure_state_write(nullptr, 0, &T));
  REFUSES(dure_state_write(State, 0, nullptr));
  REFUSES(dure_state_write(State, 0, &T));
  EXPECT_GT(Refuses.Calls, 35u);
}

// Tests the same of calls and traces.
TEST(Api, CallsRefuseWrongArguments) {
  Sweep Refuses;
  Loaded Made = loadFake(encoderPackage());
  dure_session *S = Made.Session.get();
  dure_call *Call = nullptr;
  REFUSES(dure_call_create(S, nullptr, &Call));
  REFUSES(dure_call_create(S, "main", nullptr));
  REFUSES(dure_call_create(nullptr, "main", &Call));
  REFUSES(dure_call_create(S, "nope", &Call));
  ASSERT_OK(dure_call_create(S, "main", &Call));
  Owned<dure_call> Owner(Call);
  int64_t Dims[DURE_MAX_RANK + 1] = {1, 1};
  int64_t Data[4] = {};
  auto Good = sized<dure_tensor>();
  Good.type = DURE_TYPE_I64;
  Good.rank = 2;
  Good.dims = Dims;
  Good.data = Data;
  Good.size = 8;
  ASSERT_OK(dure_call_bind_input(Call, 0, &Good));
  REFUSES(dure_call_bind_input(Call, 0, nullptr));
  REFUSES(dure_call_bind_input(Call, 9, &Good));
  REFUSES(dure_call_bind_input(nullptr, 0, &Good));
  REFUSES(dure_call_bind_input_by_name(Call, nullptr, &Good));
  REFUSES(dure_call_bind_input_by_name(nullptr, "ids", &Good));
  REFUSES(dure_call_bind_state(Call, nullptr));
  REFUSES(dure_call_bind_state(nullptr, nullptr));
  for (size_t Size = 0; Size != sizeof(Good); ++Size) {
    dure_tensor T = Good;
    T.struct_size = Size;
    REFUSES(dure_call_bind_input(Call, 0, &T));
  }
  for (void (*Change)(dure_tensor &) :
       {+[](dure_tensor &T) { T.rank = DURE_MAX_RANK + 1; },
        +[](dure_tensor &T) { T.rank = -1; },
        +[](dure_tensor &T) { T.dims = nullptr; },
        +[](dure_tensor &T) { T.data = nullptr; },
        +[](dure_tensor &T) { T.size = 7; },
        +[](dure_tensor &T) { T.type = 1000; },
        +[](dure_tensor &T) { T.type = -4; },
        +[](dure_tensor &T) { T.type = DURE_TYPE_NONE; }}) {
    dure_tensor T = Good;
    Change(T);
    REFUSES(dure_call_bind_input(Call, 0, &T));
  }
  for (int64_t Dim : {std::numeric_limits<int64_t>::max(), int64_t(-1)}) {
    Dims[0] = Dim;
    REFUSES(dure_call_bind_input(Call, 0, &Good));
  }
  auto Run = sized<dure_run_options>();
  REFUSES(dure_call_run(nullptr, nullptr));
  REFUSES(dure_call_run(Call, nullptr)); // the mask is missing
  Run.struct_size = 2;
  REFUSES(dure_call_run(Call, &Run));
  auto Out = sized<dure_tensor>();
  REFUSES(dure_call_get_output(Call, 0, &Out));
  REFUSES(dure_call_get_output(nullptr, 0, &Out));
  auto Stats = sized<dure_call_stats>();
  REFUSES(dure_call_get_stats(Call, nullptr));
  REFUSES(dure_call_get_stats(nullptr, &Stats));
  Stats.struct_size = 0;
  REFUSES(dure_call_get_stats(Call, &Stats));
  auto Dispatch = sized<dure_dispatch_stats>();
  REFUSES(dure_call_get_dispatch(Call, 0, &Dispatch));
  auto Counter = sized<dure_counter>();
  REFUSES(dure_call_get_counter(Call, 0, &Counter));
  REFUSES(dure_call_get_counter(nullptr, 0, &Counter));
  dure_trace *Trace = nullptr;
  REFUSES(dure_trace_create(nullptr));
  REFUSES(dure_trace_write(nullptr, "x"));
  ASSERT_OK(dure_trace_create(&Trace));
  Owned<dure_trace> Spans(Trace);
  TemporaryFolder Folder;
  REFUSES(dure_trace_write(Trace, nullptr));
  REFUSES(dure_trace_write(Trace, Folder.path("no/such").c_str()));
  REFUSES(dure_trace_write(Trace, Folder.folder().c_str()));
  EXPECT_GT(Refuses.Calls, 70u);
}

// Tests that limits at their ends are limits, not accidents.
TEST(Api, RunLimitsAtTheirEnds) {
  Loaded Made = loadFake(encoderPackage());
  Owned<dure_call> Call = makeCall(Made, "main");
  ASSERT_OK(bind(Call.get(), 0, Tensor<int64_t>{{1, 1}, {2}}));
  ASSERT_OK(bind(Call.get(), 1, Tensor<int64_t>{{1, 1}, {1}}));
  auto Run = sized<dure_run_options>();
  Run.timeout_ns = ~uint64_t(0);
  ASSERT_OK(dure_call_run(Call.get(), &Run));
  Run.timeout_ns = 1;
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), &Run)).Code,
            DURE_STATUS_DEADLINE_EXCEEDED);
  Run.timeout_ns = 0;
  Run.memory_limit = 10;
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), &Run)).Code,
            DURE_STATUS_RESOURCE_EXHAUSTED);
  Run.memory_limit = 0;
  Run.fuel = 3;
  EXPECT_EQ(Outcome(dure_call_run(Call.get(), &Run)).Code,
            DURE_STATUS_RESOURCE_EXHAUSTED);
}

// Tests that a session that cannot be made says what kind of failure it was.
TEST(Api, RefusedSessionsKeepTheirScope) {
  Package P = encoderPackage();
  P.Variants[0].Driver = "cpu"; // the fault layer below answers for it
  Loaded Made;
  Made.Bytes = *writePackageToMemory(P);
  ASSERT_OK(Made.load());
  dure_option Driver[] = {{"fault.inner", DURE_FAKE_DRIVER},
                          {"fault.rules", "open@1:fail=UNAVAILABLE"}};
  auto Options = sized<dure_session_options>();
  Options.driver = DURE_FAULT_DRIVER;
  Options.driver_options = Driver;
  Options.driver_option_count = 2;
  dure_session *S = nullptr;
  dure_status *Failure = dure_session_create(Made.Package.get(), &Options, &S);
  EXPECT_EQ(dure_status_get_code(Failure), DURE_STATUS_UNAVAILABLE);
  EXPECT_TRUE(dure_status_is_retryable(Failure));
  dure_status_free(Failure);
}

// Tests that destroying nothing is allowed.
TEST(Api, NullHandles) {
  dure_package_destroy(nullptr);
  dure_session_destroy(nullptr);
  dure_call_destroy(nullptr);
  dure_call_cancel(nullptr);
  dure_status_free(nullptr);
  EXPECT_EQ(dure_status_get_code(nullptr), DURE_STATUS_OK);
  EXPECT_STREQ(dure_status_message(nullptr), "");
  EXPECT_STREQ(dure_type_name(99), "?");
  EXPECT_EQ(dure_type_bits(DURE_TYPE_I4), 4u);
}
