// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the C API's own rules: structs, names, refusals, lifetimes.

#include "test/unit/runtime/TestPackages.h"

#include <cstddef>
#include <cstring>
#include <sys/stat.h>

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
  expectIn(Out.Message, "input 'ids' is int64 [batch, sequence], got float32 [1, 1]");
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
