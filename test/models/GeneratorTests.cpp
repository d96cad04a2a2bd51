// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The generator against torch's references: the logits of whole sequences, with
// the entry `step`, with `main`, and with code for fixed shapes alone, in
// chunks of several sizes, and after a part of the sequence was forgotten.
#include "runtime/llm/Generator.h"
#include "test/onnx/CompiledModel.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace dure;

namespace {

/// How a model is compiled.
enum class Form { Step, Main, FixedShapes };

/// One row of a batch, from its first token to its last.
struct Row {
  std::vector<int64_t> Tokens;
  std::vector<std::vector<float>> Logits; // by position
};

constexpr int64_t Capacity = 24;

class GeneratorTest
    : public testing::TestWithParam<std::tuple<const char *, Form>> {
protected:
  void SetUp() override {
    const auto &[Name, How] = GetParam();
    Folder = std::string(DURE_TEST_MODELS) + "/" + Name;
    Path = testing::TempDir() + "generator-" + Name + "-" +
           std::to_string(int(How)) + "-" + std::to_string(getpid()) + ".dure";
    ASSERT_NO_FATAL_FAILURE(readRow());
    ASSERT_NO_FATAL_FAILURE(compile(How));
  }
  void TearDown() override { std::filesystem::remove(Path); }

  void compile(Form How) {
    const dure_compiler_api *Compiler =
        modeltest::loadCompiler(DURE_TEST_LIBRARIES);
    ASSERT_TRUE(Compiler);
    dure_compiler_model What = {};
    What.struct_size = sizeof(What);
    const std::string Model = Folder + "/model.onnx";
    What.path = Model.c_str();
    What.no_raise = How == Form::Main;
    const char *Target = "static-cpu";
    const char *Plugin = DURE_TEST_PLUGINS "/static-cpu.so";
    const char *Bucket = "batch=1,sequence=1,3,capacity=24";
    if (How == Form::FixedShapes) {
      What.targets = &Target;
      What.load_targets = &Plugin;
      What.buckets = &Bucket;
      What.target_count = What.load_target_count = What.bucket_count = 1;
    }
    dure_compiler_compile_request Request = {};
    Request.struct_size = sizeof(Request);
    Request.model = &What;
    Request.output_path = Path.c_str();
    const dure_compiler_result *Result = Compiler->compile(&Request);
    ASSERT_TRUE(Result);
    ASSERT_EQ(Result->status, DURE_COMPILER_OK) << Result->message;
    Compiler->release(Result);
    dure_package *Loaded = nullptr;
    ASSERT_TRUE(
        takeFailure(dure_package_load(Path.c_str(), nullptr, &Loaded)).ok());
    Package.reset(Loaded);
    dure_session_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.threads = 2;
    dure_session *Created = nullptr;
    ASSERT_TRUE(
        takeFailure(dure_session_create(Loaded, &Options, &Created)).ok());
    Session.reset(Created);
  }

  /// The prompt and three steps behind it, of the last row of their batch.
  void readRow() {
    std::string Problem;
    auto Cases = modeltest::readCases(Folder + "/cases.json", Problem);
    ASSERT_TRUE(Cases) << Problem;
    for (const char *Wanted : {"prefill", "decode-1", "decode-2", "decode-3"})
      for (const modeltest::Case &Each : *Cases) {
        if (Each.Name != Wanted)
          continue;
        auto Data = modeltest::readRunData(Folder + "/" + Each.Set, Problem);
        ASSERT_TRUE(Data) << Problem;
        for (const io::Tensor &Input : Data->Inputs)
          if (Input.Name == "input_ids")
            addTokens(Input);
        for (const auto &[Index, Expected] : Data->Expected)
          if (Expected.Name == "logits")
            addLogits(Expected);
      }
    ASSERT_GT(Whole.Tokens.size(), 5u);
    ASSERT_EQ(Whole.Tokens.size(), Whole.Logits.size());
  }

  void addTokens(const io::Tensor &From) {
    const auto *Last = reinterpret_cast<const int64_t *>(From.Bytes.data()) +
                       (From.Dims[0] - 1) * From.Dims[1];
    Whole.Tokens.insert(Whole.Tokens.end(), Last, Last + From.Dims[1]);
  }

  void addLogits(const io::Tensor &From) {
    const int64_t Size = From.Dims[2];
    for (int64_t I = (From.Dims[0] - 1) * From.Dims[1];
         I != From.Dims[0] * From.Dims[1]; ++I) {
      const auto *At =
          reinterpret_cast<const float *>(From.Bytes.data()) + I * Size;
      Whole.Logits.emplace_back(At, At + Size);
    }
  }

  std::unique_ptr<Generator> create(int64_t Context, int64_t Chunk) {
    GeneratorOptions Options;
    Options.Context = Context;
    Options.Chunk = Chunk;
    Result<std::unique_ptr<Generator>> Made =
        Generator::create(Package.get(), Session.get(), Options);
    EXPECT_TRUE(Made.ok()) << Made.status().message();
    return Made ? Made.take() : nullptr;
  }

  void expectLogits(size_t Position, std::span<const float> Got) {
    const std::vector<float> &Want = Whole.Logits[Position];
    ASSERT_EQ(Got.size(), Want.size());
    for (size_t I = 0; I != Want.size(); ++I)
      ASSERT_NEAR(Got[I], Want[I], 1e-4 + 1e-4 * std::abs(Want[I]))
          << "position " << Position << ", token " << I;
  }

  /// Appends tokens [First, End) and checks the logits of all of them.
  void expectAppend(Generator &To, size_t First, size_t End) {
    size_t Next = First;
    const Status Done =
        To.append(std::span(Whole.Tokens).subspan(First, End - First),
                  [&](int64_t Position, std::span<const float> Got) {
                    EXPECT_EQ(Position, static_cast<int64_t>(Next));
                    expectLogits(Next++, Got);
                    return Status::success();
                  });
    ASSERT_TRUE(Done.ok()) << Done.message();
    EXPECT_EQ(Next, End);
    EXPECT_EQ(To.length(), static_cast<int64_t>(End));
    expectLogits(End - 1, To.logits());
  }

  void expectChunks();
  void expectForgetting();
  void expectRefusals();

  std::string Folder, Path;
  Row Whole;
  // The session goes before the package.
  PackagePointer Package;
  SessionPointer Session;
};

// The logits are torch's, in chunks of every kind.
void GeneratorTest::expectChunks() {
  const size_t Count = Whole.Tokens.size();
  for (const int64_t Chunk : {512, 4, 1}) {
    SCOPED_TRACE(Chunk);
    std::unique_ptr<Generator> All = create(Capacity, Chunk);
    ASSERT_TRUE(All);
    EXPECT_EQ(All->usesStep(), std::get<1>(GetParam()) != Form::Main);
    ASSERT_NO_FATAL_FAILURE(expectAppend(*All, 0, Count));
    // Where nobody asks for the others, the last token's alone are computed.
    std::unique_ptr<Generator> Last = create(Capacity, Chunk);
    ASSERT_TRUE(Last);
    for (const auto &[First, End] :
         {std::pair(size_t(0), Count - 4), std::pair(Count - 4, Count)}) {
      const Status Done = Last->append(
          std::span(Whole.Tokens).subspan(First, End - First), nullptr);
      ASSERT_TRUE(Done.ok()) << Done.message();
      expectLogits(End - 1, Last->logits());
    }
    std::unique_ptr<Generator> Parts = create(Capacity, Chunk);
    ASSERT_TRUE(Parts);
    ASSERT_NO_FATAL_FAILURE(expectAppend(*Parts, 0, Count - 3));
    for (size_t I = Count - 3; I != Count; ++I)
      ASSERT_NO_FATAL_FAILURE(expectAppend(*Parts, I, I + 1));
  }
}

// What was forgotten leaves no trace.
void GeneratorTest::expectForgetting() {
  const size_t Count = Whole.Tokens.size();
  std::unique_ptr<Generator> G = create(Capacity, 512);
  ASSERT_TRUE(G);
  ASSERT_NO_FATAL_FAILURE(expectAppend(*G, 0, 3));
  const std::vector<int64_t> Others = {7, 7, 7, 7};
  ASSERT_TRUE(G->append(Others).ok());
  const bool CanTruncate = G->canTruncate();
  Result<int64_t> Left = G->truncate(3);
  ASSERT_TRUE(Left.ok());
  EXPECT_EQ(*Left, CanTruncate ? 3 : 0);
  EXPECT_EQ(G->length(), *Left);
  EXPECT_TRUE(G->logits().empty());
  ASSERT_NO_FATAL_FAILURE(expectAppend(*G, static_cast<size_t>(*Left), Count));
  EXPECT_EQ(*G->truncate(0), 0);
  ASSERT_NO_FATAL_FAILURE(expectAppend(*G, 0, Count));
}

// More than the context, tokens that the model lacks and contexts without code
// are refused, and change nothing.
void GeneratorTest::expectRefusals() {
  const size_t Count = Whole.Tokens.size();
  std::unique_ptr<Generator> G = create(static_cast<int64_t>(Count), 512);
  ASSERT_TRUE(G);
  ASSERT_NO_FATAL_FAILURE(expectAppend(*G, 0, Count - 1));
  const std::vector<int64_t> Two = {1, 1}, Unknown = {1 << 20}, Negative = {-1};
  EXPECT_EQ(G->append(Two).code(), StatusCode::ResourceExhausted);
  EXPECT_EQ(G->append(Unknown).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(G->append(Negative).code(), StatusCode::InvalidArgument);
  ASSERT_NO_FATAL_FAILURE(expectAppend(*G, Count - 1, Count));
  if (std::get<1>(GetParam()) != Form::FixedShapes)
    return;
  GeneratorOptions Large;
  Large.Context = Capacity + 1;
  auto Refused = Generator::create(Package.get(), Session.get(), Large);
  EXPECT_EQ(Refused.status().code(), StatusCode::InvalidArgument);
  Large.ContextMayShrink = true;
  auto Smaller = Generator::create(Package.get(), Session.get(), Large);
  ASSERT_TRUE(Smaller.ok()) << Smaller.status().message();
  EXPECT_EQ((*Smaller)->context(), Capacity);
}

std::string nameOf(const testing::TestParamInfo<GeneratorTest::ParamType> &I) {
  static constexpr const char *Forms[] = {"step", "main", "fixed_shapes"};
  std::string Name = std::string(std::get<0>(I.param)) + "_" +
                     Forms[int(std::get<1>(I.param))];
  std::replace(Name.begin(), Name.end(), '-', '_');
  return Name;
}

} // namespace

// Compiling takes most of the time: one test for all.
TEST_P(GeneratorTest, FeedsTheModel) {
  ASSERT_NO_FATAL_FAILURE(expectChunks());
  ASSERT_NO_FATAL_FAILURE(expectForgetting());
  expectRefusals();
}

INSTANTIATE_TEST_SUITE_P(
    Models, GeneratorTest,
    testing::Combine(testing::Values("llama-20", "llama-23", "gpt2-20",
                                     "gemma3-23", "exaone4-20", "axk1-20"),
                     testing::Values(Form::Step, Form::Main)),
    nameOf);
INSTANTIATE_TEST_SUITE_P(FixedShapes, GeneratorTest,
                         testing::Combine(testing::Values("llama-20",
                                                          "gemma3-23"),
                                          testing::Values(Form::FixedShapes)),
                         nameOf);
