// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The entry `step` against torch's references: a prefill and three decode steps
// on one state give what `main` gives with past in and present out.
#include "test/onnx/CompiledModel.h"
#include "tools/io/TensorProto.h"

#include <dure/dure.h>
#include <filesystem>
#include <gtest/gtest.h>

using namespace dure;

namespace {

struct StateDestroyer {
  void operator()(dure_state *State) const { dure_state_destroy(State); }
};
using StatePointer = std::unique_ptr<dure_state, StateDestroyer>;

std::string take(dure_status *Status) {
  if (!Status)
    return {};
  std::string Message = dure_status_message(Status);
  dure_status_free(Status);
  return Message.empty() ? "failed without a message" : Message;
}

#define ASSERT_DURE_OK(CALL) ASSERT_EQ(take(CALL), "")

io::Tensor readInput(const std::string &Set, int Index) {
  auto Read =
      io::readTensorProto(Set + "/input_" + std::to_string(Index) + ".pb");
  EXPECT_TRUE(Read);
  return Read ? std::move(*Read) : io::Tensor();
}

int32_t typeOf(const io::Tensor &T) {
  return T.Type == io::ElementType::Int64 ? DURE_TYPE_I64 : DURE_TYPE_F32;
}

/// Compiles a model of the test data and holds what a step needs.
class StepTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    Folder = std::string(DURE_TEST_MODELS) + "/" + GetParam();
    Path = testing::TempDir() + "step-" + GetParam() + "-" +
           std::to_string(getpid()) + ".dure";
    const dure_compiler_api *Compiler =
        modeltest::loadCompiler(DURE_TEST_LIBRARIES);
    ASSERT_NE(Compiler, nullptr);
    std::string Model = Folder + "/model.onnx";
    dure_compiler_model What = {};
    What.struct_size = sizeof(What);
    What.path = Model.c_str();
    dure_compiler_compile_request Request = {};
    Request.struct_size = sizeof(Request);
    Request.model = &What;
    Request.output_path = Path.c_str();
    const dure_compiler_result *Result = Compiler->compile(&Request);
    ASSERT_NE(Result, nullptr);
    std::string Message = Result->message;
    bool Ok = Result->status == DURE_COMPILER_OK;
    Compiler->release(Result);
    ASSERT_TRUE(Ok) << Message;

    dure_package *LoadedPackage = nullptr;
    ASSERT_DURE_OK(dure_package_load(Path.c_str(), nullptr, &LoadedPackage));
    Package.reset(LoadedPackage);
    dure_session_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.threads = 2;
    dure_session *Created = nullptr;
    ASSERT_DURE_OK(dure_session_create(Package.get(), &Options, &Created));
    Session.reset(Created);
    dure_call *CreatedCall = nullptr;
    ASSERT_DURE_OK(dure_call_create(Session.get(), "step", &CreatedCall));
    Call.reset(CreatedCall);
  }
  void TearDown() override { std::filesystem::remove(Path); }

  void createState(int64_t Batch, int64_t Capacity) {
    dure_state_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.batch = Batch;
    Options.capacity = Capacity;
    dure_state *Created = nullptr;
    ASSERT_DURE_OK(
        dure_state_create(Session.get(), "step", &Options, &Created));
    State.reset(Created);
    ASSERT_DURE_OK(dure_call_bind_state(Call.get(), State.get()));
  }

  /// Binds the inputs that a step has: all of the model's but the pasts.
  void bind(const std::vector<io::Tensor> &Inputs) {
    for (const io::Tensor &Input : Inputs) {
      dure_tensor T = {};
      T.struct_size = sizeof(T);
      T.type = typeOf(Input);
      T.rank = static_cast<int32_t>(Input.Dims.size());
      T.dims = Input.Dims.data();
      T.data = const_cast<std::byte *>(Input.Bytes.data());
      T.size = Input.Bytes.size();
      ASSERT_DURE_OK(
          dure_call_bind_input_by_name(Call.get(), Input.Name.c_str(), &T));
    }
  }

  std::vector<io::Tensor> inputsOf(int Set) const {
    std::vector<io::Tensor> Inputs;
    for (int I = 0; I < 3; ++I)
      Inputs.push_back(readInput(setFolder(Set), I));
    return Inputs;
  }
  std::string setFolder(int Set) const {
    return Folder + "/test_data_set_" + std::to_string(Set);
  }

  /// Compares logits with those of the data set.
  void expectLogits(int Set) {
    auto Expected = io::readTensorProto(setFolder(Set) + "/output_0.pb");
    ASSERT_TRUE(Expected);
    dure_tensor Got = {};
    Got.struct_size = sizeof(Got);
    ASSERT_DURE_OK(dure_call_get_output(Call.get(), 0, &Got));
    ASSERT_EQ(Got.size, Expected->Bytes.size());
    auto *Values = static_cast<const float *>(Got.data);
    auto *Wanted = reinterpret_cast<const float *>(Expected->Bytes.data());
    for (size_t I = 0; I < Got.size / sizeof(float); ++I)
      ASSERT_NEAR(Values[I], Wanted[I], 1e-4 + 1e-4 * std::abs(Wanted[I]))
          << "set " << Set << ", element " << I;
  }

  std::string Folder, Path;
  PackagePointer Package;
  SessionPointer Session;
  StatePointer State;
  CallPointer Call;
};

} // namespace

TEST_P(StepTest, PrefillAndThreeDecodeSteps) {
  std::vector<io::Tensor> Prefill = inputsOf(0);
  int64_t Batch = Prefill[0].Dims[0], Length = Prefill[0].Dims[1];
  // Room for more than is used: what lies behind must not be read.
  createState(Batch, Length + 9);
  for (int Set = 0; Set < 4; ++Set) {
    std::vector<io::Tensor> Inputs = inputsOf(Set);
    bind(Inputs);
    ASSERT_DURE_OK(dure_call_run(Call.get(), nullptr));
    expectLogits(Set);
    std::vector<int64_t> Lengths(Batch);
    ASSERT_DURE_OK(
        dure_state_get_lengths(State.get(), Lengths.data(), Lengths.size()));
    for (int64_t Each : Lengths)
      EXPECT_EQ(Each, Length + Set);
  }
}

TEST_P(StepTest, AStateWithoutRoomRefusesTheStepAndKeepsItsLengths) {
  std::vector<io::Tensor> Prefill = inputsOf(0);
  int64_t Batch = Prefill[0].Dims[0], Length = Prefill[0].Dims[1];
  createState(Batch, Length);
  bind(Prefill);
  ASSERT_DURE_OK(dure_call_run(Call.get(), nullptr));
  expectLogits(0);
  std::vector<io::Tensor> Decode = inputsOf(1);
  bind(Decode);
  EXPECT_NE(take(dure_call_run(Call.get(), nullptr)).find("capacity"),
            std::string::npos);
  std::vector<int64_t> Lengths(Batch);
  ASSERT_DURE_OK(
      dure_state_get_lengths(State.get(), Lengths.data(), Lengths.size()));
  EXPECT_EQ(Lengths.front(), Length);
}

INSTANTIATE_TEST_SUITE_P(Families, StepTest,
                         testing::Values("llama-20", "llama-23", "gpt2-20",
                                         "qwen3-20", "exaone4-20"),
                         [](const auto &Info) {
                           std::string Name = Info.param;
                           Name[Name.find('-')] = '_';
                           return Name;
                         });
