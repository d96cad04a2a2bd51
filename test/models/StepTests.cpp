// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The entry `step` against torch's references, for every decoder and opset: on
// a state it gives what `main` gives with past in and present out, the caches
// included. So do both entries where they are buckets of static shapes.
#include "test/models/StepFixture.h"

using namespace dure;
using namespace dure::steptest;

namespace {

class StepTest : public StepFixture {
protected:
  void SetUp() override {
    setFolder(std::string(DURE_TEST_MODELS) + "/" + GetParam());
  }
};

} // namespace

// Tests that calls in a row on one state, one with left padding too, give what
// `main` gives, and that a call the state has no room for changes nothing.
TEST_P(StepTest, AgreesWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_EQ(Outputs, std::vector<std::string>{"logits"});
  EXPECT_TRUE(HasPrefill);
  ASSERT_NO_FATAL_FAILURE(readSets());
  const std::vector<std::string> Sequences[] = {
      {"prefill", "decode-1", "decode-2", "decode-3"},
      {"prefill-other-shape"},
      {"left-padding", "left-padding-decode"}};
  for (const std::vector<std::string> &Sequence : Sequences) {
    const Set &Last = Sets.at(Sequence.back());
    // Room for more than is used: what lies behind must not be read.
    createState(Last.Batch, Last.Past + Last.Length + 9);
    for (const std::string &Name : Sequence)
      ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
  // Every case by itself, the chunk of several tokens among them, on caches
  // that hold the given past.
  for (const auto &[Name, S] : Sets) {
    createState(S.Batch, S.Past + S.Length);
    ASSERT_NO_FATAL_FAILURE(writePasts(S));
    ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
  EXPECT_EQ(Sets.size(), 8u);
  EXPECT_GT(Sets.at("chunk").Length, 1);
  EXPECT_GT(Sets.at("chunk").Past, 0);

  const Set &Prefill = Sets.at("prefill");
  createState(Prefill.Batch, Prefill.Length);
  ASSERT_NO_FATAL_FAILURE(expectStep("prefill"));
  EXPECT_NE(runStep(Sets.at("decode-1")).find("capacity"), std::string::npos);
  expectLengths(Prefill.Batch, Prefill.Length);
}

// Tests that code of static shapes gives the same: `step` on a state of the
// bucket's capacity, with calls of the buckets' sizes, and `main` without a
// past, whose inputs are padded.
class StaticShapes : public StepTest {
protected:
  /// Whether the first layer sees less than all positions.
  static bool hasWindows() {
    return std::string_view(GetParam()).starts_with("gemma3") ||
           std::string_view(GetParam()) == "exaone4-20";
  }

  void expectMain(const std::string &Name) {
    SCOPED_TRACE(Name);
    const Set &S = Sets.at(Name);
    dure_call *Created = nullptr;
    ASSERT_DURE_OK(dure_call_create(Session.get(), "main", &Created));
    CallPointer Main(Created);
    ASSERT_EQ(bindInputs(Main.get(), S.Inputs), "");
    std::vector<io::Tensor> Pasts;
    for (const auto &[Name, Past] : S.Pasts)
      Pasts.push_back(Past);
    ASSERT_EQ(bindInputs(Main.get(), Pasts), "");
    ASSERT_DURE_OK(dure_call_run(Main.get(), nullptr));
    size_t Entry = 0;
    ASSERT_DURE_OK(dure_package_find_entry(Package.get(), "main", &Entry));
    for (size_t I = 0; I != S.Outputs.size(); ++I) {
      dure_signature Output = {};
      Output.struct_size = sizeof(Output);
      ASSERT_DURE_OK(dure_package_get_signature(Package.get(), Entry,
                                                DURE_OUTPUT, I, &Output));
      dure_tensor Got = {};
      Got.struct_size = sizeof(Got);
      ASSERT_DURE_OK(dure_call_get_output(Main.get(), I, &Got));
      ASSERT_NO_FATAL_FAILURE(expectTensor(S, Output.name, Got));
    }
  }

  void expectTensor(const Set &S, const std::string &Name,
                    const dure_tensor &Got) {
    const io::Tensor &Want = S.Outputs.at(Name);
    ASSERT_EQ(std::vector<int64_t>(Got.dims, Got.dims + Got.rank), Want.Dims);
    const modeltest::ValidPart *Valid = S.valid(Name);
    const int64_t Count = static_cast<int64_t>(Got.size / sizeof(float));
    int64_t Axis = Valid ? Valid->Axis : 0, Inner = 1;
    for (size_t I = static_cast<size_t>(Axis) + 1; I != Want.Dims.size(); ++I)
      Inner *= Want.Dims[I];
    Closeness Near(ByCosine);
    for (int64_t Index = 0; Index != Count; ++Index)
      if (isValid(Valid, Index / (Count / Want.Dims[0]),
                  Index / Inner % Want.Dims[static_cast<size_t>(Axis)]))
        ASSERT_TRUE(Near.add(static_cast<const float *>(Got.data)[Index],
                             floats(Want)[Index]))
            << Name << ", element " << Index << ": "
            << static_cast<const float *>(Got.data)[Index] << " for "
            << floats(Want)[Index];
    EXPECT_TRUE(Near.holds()) << Name;
  }
};

TEST_P(StaticShapes, AgreeWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_NO_FATAL_FAILURE(readSets());
  constexpr int64_t Capacity = 24;
  std::set<std::string> Buckets = {"batch=4,sequence=13"};
  for (const auto &[Name, S] : Sets)
    Buckets.insert("batch=" + std::to_string(S.Batch) +
                   ",sequence=" + std::to_string(S.Length) +
                   ",capacity=" + std::to_string(Capacity));
  ASSERT_NO_FATAL_FAILURE(compile(Buckets));
  createState(1, Capacity);
  EXPECT_EQ(hasWindows(), readState(0).Dims[2] < Capacity);
  for (const std::vector<std::string> &Sequence :
       {std::vector<std::string>{"prefill", "decode-1", "decode-2", "decode-3"},
        {"prefill-other-shape"},
        {"left-padding", "left-padding-decode"}}) {
    createState(Sets.at(Sequence.front()).Batch, Capacity);
    for (const std::string &Name : Sequence)
      ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
  for (const auto &[Name, S] : Sets) {
    createState(S.Batch, Capacity);
    ASSERT_NO_FATAL_FAILURE(writePasts(S));
    ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
  // A state of another capacity has no code.
  const Set &Prefill = Sets.at("prefill");
  createState(Prefill.Batch, Capacity + 1);
  std::string Refused = runStep(Prefill);
  EXPECT_NE(Refused.find("none of which takes this 'capacity'"),
            std::string::npos)
      << Refused;
  EXPECT_NE(Refused.find("(25 == 24 does not hold)"), std::string::npos)
      << Refused;
  expectLengths(Prefill.Batch, 0);

  // One bucket that is larger than every prompt.
  ASSERT_NO_FATAL_FAILURE(compile({"batch=4,sequence=13"}));
  for (const auto &[Name, S] : Sets)
    if (S.Past == 0)
      ASSERT_NO_FATAL_FAILURE(expectMain(Name));
}

// Tests that tokens of all sequences in one list, as experts take them, are
// padded by whole sequences, and that a sequence of a batch is not.
class StaticShapesOfLists : public StaticShapes {};
TEST_P(StaticShapesOfLists, AgreeWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_NO_FATAL_FAILURE(readSets());
  std::set<std::string> Buckets;
  for (const auto &[Name, S] : Sets)
    if (S.Past == 0)
      Buckets.insert("batch=4,sequence=" + std::to_string(S.Length));
  ASSERT_NO_FATAL_FAILURE(compile(Buckets));
  for (const auto &[Name, S] : Sets)
    if (S.Past == 0)
      ASSERT_NO_FATAL_FAILURE(expectMain(Name));
  Set Shorter = Sets.at("prefill");
  dure_call *Created = nullptr;
  ASSERT_DURE_OK(dure_call_create(Session.get(), "main", &Created));
  CallPointer Main(Created);
  for (io::Tensor &Input : Shorter.Inputs) {
    Input.Dims[1] = 1;
    Input.Bytes.resize(static_cast<size_t>(Input.Dims[0] * Input.Dims[1]) * 8);
  }
  ASSERT_EQ(bindInputs(Main.get(), Shorter.Inputs), "");
  for (auto &[Name, Past] : Shorter.Pasts)
    ASSERT_EQ(bindInputs(Main.get(), {Past}), "");
  std::string Refused = take(dure_call_run(Main.get(), nullptr));
  EXPECT_NE(Refused.find("none of which takes this 'sequence'"),
            std::string::npos)
      << Refused;
}

// Tests that a state takes the caches that grow, and leaves the rings, memories
// and matrices of other layers among the inputs and outputs.
class StatesByLayer : public StepTest {};
TEST_P(StatesByLayer, AgreesWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_NO_FATAL_FAILURE(readSets());
  ASSERT_EQ(States.size(), 2u);
  EXPECT_GE(Sets.size(), 3u);
  for (const auto &[Name, S] : Sets) {
    createState(S.Batch, S.Past + S.Length + 2);
    ASSERT_NO_FATAL_FAILURE(writePasts(S));
    ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
}

// Tests that there is no step where raise, which finds the caches, is off.
class WithoutRaise : public StepTest {};
TEST_P(WithoutRaise, HasNoStep) {
  ASSERT_EQ(compileModel(Folder + "/model.onnx", Path, true), "");
  dure_package *Loaded = nullptr;
  ASSERT_DURE_OK(dure_package_load(Path.c_str(), nullptr, &Loaded));
  Package.reset(Loaded);
  size_t Entry = 0;
  ASSERT_DURE_OK(dure_package_find_entry(Package.get(), "main", &Entry));
  EXPECT_NE(take(dure_package_find_entry(Package.get(), "step", &Entry)), "");
}

static std::string testName(const testing::TestParamInfo<const char *> &Info) {
  std::string Name = Info.param;
  std::replace(Name.begin(), Name.end(), '-', '_');
  return Name;
}

INSTANTIATE_TEST_SUITE_P(
    Decoders, StepTest,
    testing::Values(
        "llama-18", "llama-20", "llama-20-eager", "llama-23", "gpt2-18",
        "gpt2-20", "gpt2-23", "qwen3-18", "qwen3-20", "qwen3-23", "exaone4-18",
        "exaone4-20", "exaone4-23", "qwen2-18", "qwen2-20", "qwen2-23",
        "qwen2-20-eager", "qwen2-23-eager", "gemma3-18", "gemma3-20",
        "gemma3-23", "gemma3-20-eager", "granite-18", "granite-20",
        "granite-23", "granite-20-eager", "gpt-neox-18", "gpt-neox-20",
        "gpt-neox-23", "gpt-neox-20-eager", "exaone4-global-18",
        "exaone4-global-20", "exaone4-global-23", "exaone4-global-20-eager",
        "hyperclovax-18", "hyperclovax-20", "hyperclovax-23",
        "hyperclovax-20-eager", "qwen3-moe-18", "qwen3-moe-20", "qwen3-moe-23",
        "qwen3-moe-20-eager", "qwen3-moe-20-dense", "qwen3-moe-20-grouped",
        "qwen3-moe-23-grouped", "solar-open-18", "solar-open-20",
        "solar-open-23", "solar-open-20-eager", "deepseek-v3-18",
        "deepseek-v3-20", "deepseek-v3-23", "deepseek-v3-20-eager",
        "deepseek-v3-20-dense", "axk1-18", "axk1-20", "axk1-23",
        "axk1-20-eager", "exaone-moe-18", "exaone-moe-20", "exaone-moe-23",
        "exaone-moe-20-eager", "exaone-moe-20-dense", "exaone-moe-20-grouped",
        "exaone-moe-23-grouped"),
    testName);
INSTANTIATE_TEST_SUITE_P(Decoders, StaticShapes,
                         testing::Values("llama-20", "llama-20-eager",
                                         "gemma3-20", "gemma3-20-eager",
                                         "gpt-neox-20", "exaone4-20",
                                         "exaone4-global-20"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, StaticShapesOfLists,
                         testing::Values("gpt2-20", "qwen3-moe-20",
                                         "deepseek-v3-20"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Parts, StatesByLayer,
                         testing::Values("semantics-06-unequal-head-widths",
                                         "semantics-08-states-by-layer"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, WithoutRaise,
                         testing::Values("llama-20", "gpt2-20", "qwen3-20",
                                         "exaone4-20", "qwen2-20", "gemma3-20",
                                         "granite-20", "gpt-neox-20",
                                         "exaone4-global-20", "hyperclovax-20",
                                         "qwen3-moe-20", "solar-open-20",
                                         "deepseek-v3-20", "axk1-20",
                                         "exaone-moe-20"),
                         testName);
