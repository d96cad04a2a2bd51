// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The entry `step` against torch's references, for every decoder and opset: on
// a state it gives what `main` gives with past in and present out, the caches
// included. So do both entries where they are buckets of static shapes.
#include "test/onnx/CompiledModel.h"
#include "tools/io/TensorProto.h"

#include <cmath>
#include <cstdlib>
#include <dure/dure.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

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

const float *floats(const io::Tensor &T) {
  return reinterpret_cast<const float *>(T.Bytes.data());
}

/// "past_key_values.0.key", a state or an input, is "present.0.key" when it
/// comes out.
std::string presentName(const std::string &Past) {
  return "present" + Past.substr(Past.find('.'));
}

/// Whether position At of batch row Row may be compared.
bool isValid(const modeltest::ValidPart *Part, int64_t Row, int64_t At) {
  if (!Part)
    return true;
  auto [First, End] = Part->Ranges[static_cast<size_t>(Row)];
  return At >= First && At < End;
}

/// The target of code with static shapes, where it is not the test's own, whose
/// products round to bf16.
const char *staticTarget() { return std::getenv("DURE_STEP_STATIC_TARGET"); }

/// Compares numbers one by one, or all of a tensor by the cosine.
class Closeness {
public:
  explicit Closeness(bool ByCosine) : ByCosine(ByCosine) {}

  /// Whether these are near by themselves, or need not be.
  bool add(float Got, float Want) {
    Both += double(Got) * Want;
    OfGot += double(Got) * Got;
    OfWant += double(Want) * Want;
    return ByCosine || std::abs(Got - Want) <= 1e-4 + 1e-4 * std::abs(Want);
  }
  /// Of all that was added.
  bool holds() const {
    return !ByCosine || Both >= 0.999 * std::sqrt(OfGot * OfWant);
  }

private:
  bool ByCosine;
  double Both = 0, OfGot = 0, OfWant = 0;
};

/// One call of the references: what goes in and what comes out, by name.
struct Set {
  std::vector<io::Tensor> Inputs; // without the pasts
  std::map<std::string, io::Tensor> Pasts, Outputs;
  std::map<std::string, modeltest::ValidPart> Valid;
  int64_t Batch = 0, Past = 0, Length = 0;

  const modeltest::ValidPart *valid(const std::string &Name) const {
    auto Found = Valid.find(Name);
    return Found == Valid.end() ? nullptr : &Found->second;
  }
};

/// Compiles to PackagePath; what is wrong, or nothing.
/// With buckets, for the CPU by code of static shapes alone.
std::string compileModel(const std::string &Model, const std::string &Package,
                         bool NoRaise,
                         const std::set<std::string> &Buckets = {}) {
  const dure_compiler_api *Compiler =
      modeltest::loadCompiler(DURE_TEST_LIBRARIES);
  if (!Compiler)
    return "no compiler";
  dure_compiler_model What = {};
  What.struct_size = sizeof(What);
  What.path = Model.c_str();
  What.no_raise = NoRaise;
  // Another target than cpu, and where it comes from: CMakeLists.txt's.
  const char *Target = std::getenv("DURE_STEP_TARGET");
  const char *Plugin = std::getenv("DURE_STEP_PLUGIN");
  std::vector<const char *> Texts;
  for (const std::string &Each : Buckets)
    Texts.push_back(Each.c_str());
  if (!Buckets.empty()) {
    Target = staticTarget() ? staticTarget() : "static-cpu";
    Plugin = staticTarget() ? nullptr : DURE_TEST_PLUGINS "/static-cpu.so";
    What.buckets = Texts.data();
    What.bucket_count = Texts.size();
  }
  What.targets = &Target;
  What.target_count = Target ? 1 : 0;
  What.load_targets = &Plugin;
  What.load_target_count = Plugin ? 1 : 0;
  dure_compiler_compile_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.model = &What;
  Request.output_path = Package.c_str();
  const dure_compiler_result *Result = Compiler->compile(&Request);
  if (!Result)
    return "no result";
  std::string Message =
      Result->status == DURE_COMPILER_OK ? "" : Result->message;
  Compiler->release(Result);
  return Message;
}

class StepTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    Folder = std::string(DURE_TEST_MODELS) + "/" + GetParam();
    Path = testing::TempDir() + "step-" + GetParam() + "-" +
           std::to_string(getpid()) + ".dure";
  }
  void TearDown() override { std::filesystem::remove(Path); }

  void compile(const std::set<std::string> &Buckets = {}) {
    ASSERT_EQ(compileModel(Folder + "/model.onnx", Path, false, Buckets), "");
    ByCosine = !Buckets.empty() && staticTarget();
    State.reset();
    Call.reset();
    Session.reset();
    States.clear();
    Outputs.clear();
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
    size_t Step = 0;
    ASSERT_DURE_OK(dure_package_find_entry(Package.get(), "step", &Step));
    dure_entry_info Entry = {};
    Entry.struct_size = sizeof(Entry);
    ASSERT_DURE_OK(dure_package_get_entry(Package.get(), Step, &Entry));
    for (size_t I = 0; I != Entry.state_count; ++I) {
      dure_signature State = {};
      State.struct_size = sizeof(State);
      ASSERT_DURE_OK(dure_package_get_signature(Package.get(), Step, DURE_STATE,
                                                I, &State));
      States.push_back(State.name);
    }
    for (size_t I = 0; I != Entry.output_count; ++I) {
      dure_signature Output = {};
      Output.struct_size = sizeof(Output);
      ASSERT_DURE_OK(dure_package_get_signature(Package.get(), Step,
                                                DURE_OUTPUT, I, &Output));
      Outputs.push_back(Output.name);
    }
  }

  void readSets() {
    std::string Problem;
    auto Cases = modeltest::readCases(Folder + "/cases.json", Problem);
    ASSERT_TRUE(Cases) << Problem;
    for (const modeltest::Case &Each : *Cases) {
      auto Data = modeltest::readRunData(Folder + "/" + Each.Set, Problem);
      ASSERT_TRUE(Data) << Problem;
      Set Made;
      Made.Valid = Each.Valid;
      for (io::Tensor &Input : Data->Inputs) {
        if (std::count(States.begin(), States.end(), Input.Name))
          Made.Pasts.emplace(Input.Name, Input);
        else
          Made.Inputs.push_back(Input);
        if (Input.Name == "input_ids" || Input.Name == "x") {
          Made.Batch = Input.Dims[0];
          Made.Length = Input.Dims[1];
        }
      }
      ASSERT_EQ(Made.Pasts.size(), States.size());
      Made.Past = Made.Pasts.begin()->second.Dims[2];
      for (auto &[Index, Expected] : Data->Expected)
        Made.Outputs.emplace(Expected.Name, std::move(Expected));
      Sets.emplace(Each.Name, std::move(Made));
    }
  }

  void createState(int64_t Batch, int64_t Capacity) {
    dure_state_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.batch = Batch;
    Options.capacity = Capacity;
    dure_state *Created = nullptr;
    ASSERT_DURE_OK(
        dure_state_create(Session.get(), "step", &Options, &Created));
    State.reset(Created);
    Hidden.assign(static_cast<size_t>(Batch), 0);
    ASSERT_DURE_OK(dure_call_bind_state(Call.get(), State.get()));
  }

  /// The bytes of a state tensor; its dims are [batch, heads, capacity, dim].
  io::Tensor readState(size_t Index) {
    io::Tensor Result;
    dure_tensor T = {};
    T.struct_size = sizeof(T);
    EXPECT_EQ(take(dure_state_read(State.get(), Index, &T)), "");
    Result.Dims.assign(T.dims, T.dims + T.rank);
    Result.Bytes.resize(T.size);
    T.data = Result.Bytes.data();
    EXPECT_EQ(take(dure_state_read(State.get(), Index, &T)), "");
    return Result;
  }

  /// Puts the set's pasts into the state, as if it had been run up to there.
  void writePasts(const Set &S) {
    for (size_t I = 0; I != States.size(); ++I) {
      io::Tensor Cache = readState(I);
      const io::Tensor &Past = S.Pasts.at(States[I]);
      ASSERT_EQ(Cache.Dims.size(), 4u);
      size_t Row = static_cast<size_t>(Past.Dims[3]) * sizeof(float);
      size_t Used = static_cast<size_t>(S.Past) * Row;
      size_t Room = static_cast<size_t>(Cache.Dims[2]) * Row;
      for (size_t Head = 0; Used && Head != Past.Bytes.size() / Used; ++Head)
        std::copy_n(Past.Bytes.begin() + Head * Used, Used,
                    Cache.Bytes.begin() + Head * Room);
      dure_tensor T = {};
      T.struct_size = sizeof(T);
      T.type = DURE_TYPE_F32;
      T.rank = 4;
      T.dims = Cache.Dims.data();
      T.data = Cache.Bytes.data();
      T.size = Cache.Bytes.size();
      ASSERT_DURE_OK(dure_state_write(State.get(), I, &T));
    }
    std::vector<int64_t> Lengths(static_cast<size_t>(S.Batch), S.Past);
    ASSERT_DURE_OK(
        dure_state_set_lengths(State.get(), Lengths.data(), Lengths.size()));
  }

  /// The call's outcome; the inputs are all of the model's but the pasts.
  std::string runStep(const Set &S) {
    std::string Problem = bindInputs(Call.get(), S.Inputs);
    return Problem.empty() ? take(dure_call_run(Call.get(), nullptr)) : Problem;
  }

  static std::string bindInputs(dure_call *To,
                                const std::vector<io::Tensor> &Inputs) {
    for (const io::Tensor &Input : Inputs) {
      dure_tensor T = {};
      T.struct_size = sizeof(T);
      T.type =
          Input.Type == io::ElementType::Int64 ? DURE_TYPE_I64 : DURE_TYPE_F32;
      T.rank = static_cast<int32_t>(Input.Dims.size());
      T.dims = Input.Dims.data();
      T.data = const_cast<std::byte *>(Input.Bytes.data());
      T.size = Input.Bytes.size();
      std::string Problem =
          take(dure_call_bind_input_by_name(To, Input.Name.c_str(), &T));
      if (!Problem.empty())
        return Problem;
    }
    return {};
  }

  void expectLengths(int64_t Batch, int64_t Wanted) {
    std::vector<int64_t> Lengths(static_cast<size_t>(Batch));
    ASSERT_DURE_OK(
        dure_state_get_lengths(State.get(), Lengths.data(), Lengths.size()));
    EXPECT_EQ(Lengths,
              std::vector<int64_t>(static_cast<size_t>(Batch), Wanted));
  }

  void expectOutput(const Set &S, size_t Output) {
    const io::Tensor &Want = S.Outputs.at(Outputs[Output]);
    dure_tensor Got = {};
    Got.struct_size = sizeof(Got);
    ASSERT_DURE_OK(dure_call_get_output(Call.get(), Output, &Got));
    ASSERT_EQ(std::vector<int64_t>(Got.dims, Got.dims + Got.rank), Want.Dims);
    ASSERT_EQ(Got.size, Want.Bytes.size());
    auto *Values = static_cast<const float *>(Got.data);
    const modeltest::ValidPart *Valid = S.valid(Outputs[Output]);
    const int64_t Count = static_cast<int64_t>(Got.size / sizeof(float));
    Closeness Near(ByCosine);
    for (int64_t Index = 0; Index != Count; ++Index) {
      // Positions count along axis 1.
      int64_t Token = Index / (Count / Want.Dims[0] / Want.Dims[1]);
      int64_t Row = Token / Want.Dims[1];
      if (isValid(Valid, Row, Token % Want.Dims[1]))
        ASSERT_TRUE(Near.add(Values[Index], floats(Want)[Index]))
            << Outputs[Output] << ", row " << Row << ", element " << Index
            << ": " << Values[Index] << " for " << floats(Want)[Index];
    }
    EXPECT_TRUE(Near.holds()) << Outputs[Output];
  }

  /// The caches hold what `main` returns as present.
  void expectCaches(const Set &S) {
    for (size_t I = 0; I != States.size(); ++I) {
      io::Tensor Got = readState(I);
      std::string Name = presentName(States[I]);
      const io::Tensor &Want = S.Outputs.at(Name);
      ASSERT_EQ(Want.Dims,
                (std::vector<int64_t>{S.Batch, Got.Dims[1], S.Past + S.Length,
                                      Got.Dims[3]}));
      const modeltest::ValidPart *Valid = S.valid(Name);
      int64_t Index = 0;
      Closeness Near(ByCosine);
      for (int64_t Head = 0; Head != S.Batch * Got.Dims[1]; ++Head)
        for (int64_t T = 0; T != Want.Dims[2]; ++T)
          for (int64_t D = 0; D != Want.Dims[3]; ++D, ++Index) {
            float Value =
                floats(Got)[(Head * Got.Dims[2] + T) * Want.Dims[3] + D];
            if (T >= Hidden[static_cast<size_t>(Head / Got.Dims[1])] &&
                isValid(Valid, Head / Got.Dims[1], T))
              ASSERT_TRUE(Near.add(Value, floats(Want)[Index]))
                  << Name << ", head " << Head << ", position " << T << ": "
                  << Value << " for " << floats(Want)[Index];
          }
      EXPECT_TRUE(Near.holds()) << Name;
    }
  }

  void expectStep(const std::string &Name) {
    SCOPED_TRACE(Name);
    const Set &S = Sets.at(Name);
    ASSERT_EQ(runStep(S), "");
    expectLengths(S.Batch, S.Past + S.Length);
    for (size_t Output = 0; Output != Outputs.size(); ++Output)
      ASSERT_NO_FATAL_FAILURE(expectOutput(S, Output));
    expectCaches(S);
    // What a padded position left in the caches stays there, behind the mask.
    if (const modeltest::ValidPart *Valid = S.valid("logits"))
      for (size_t Row = 0; Row != Hidden.size(); ++Row)
        Hidden[Row] = S.Past + Valid->Ranges[Row].first;
  }

  std::string Folder, Path;
  bool ByCosine = false;
  std::vector<std::string> States, Outputs;
  std::map<std::string, Set> Sets;
  /// Positions of each row that are padding, from the first on.
  std::vector<int64_t> Hidden;
  PackagePointer Package;
  SessionPointer Session;
  StatePointer State;
  CallPointer Call;
};

} // namespace

// Tests that calls in a row on one state, one with left padding too, give what
// `main` gives, and that a call the state has no room for changes nothing.
TEST_P(StepTest, AgreesWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_EQ(Outputs, std::vector<std::string>{"logits"});
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
                                         "gemma3-20", "gpt-neox-20",
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
