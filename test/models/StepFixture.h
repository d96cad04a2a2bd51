// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The fixture of tests of the entry `step`: a model is compiled, and data sets
// of a folder run on a state.
//
// Included by dure-step-tests and by the tests of exported checkpoints, each
// one program of its own. DURE_TEST_LIBRARIES and DURE_TEST_PLUGINS say where
// the compiler and the plug-ins of tests are.
#ifndef DURE_TEST_MODELS_STEPFIXTURE_H
#define DURE_TEST_MODELS_STEPFIXTURE_H

#include "test/onnx/CompiledModel.h"
#include "tools/io/TensorProto.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <dure/dure.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

namespace dure::steptest {

struct StateDestroyer {
  void operator()(dure_state *State) const { dure_state_destroy(State); }
};
using StatePointer = std::unique_ptr<dure_state, StateDestroyer>;

inline std::string take(dure_status *Status) {
  if (!Status)
    return {};
  std::string Message = dure_status_message(Status);
  dure_status_free(Status);
  return Message.empty() ? "failed without a message" : Message;
}

#define ASSERT_DURE_OK(CALL) ASSERT_EQ(take(CALL), "")

inline const float *floats(const io::Tensor &T) {
  return reinterpret_cast<const float *>(T.Bytes.data());
}

/// "past_key_values.0.key", a state or an input, is "present.0.key" when it
/// comes out.
inline std::string presentName(const std::string &Past) {
  return "present" + Past.substr(Past.find('.'));
}

/// Leaves the last of [batch, positions, width].
inline void keepLast(io::Tensor &T) {
  const size_t Row = T.Bytes.size() / static_cast<size_t>(T.Dims[0]);
  const size_t Last = Row / static_cast<size_t>(T.Dims[1]);
  for (size_t I = 0; I != static_cast<size_t>(T.Dims[0]); ++I)
    std::copy_n(T.Bytes.begin() + (I + 1) * Row - Last, Last,
                T.Bytes.begin() + I * Last);
  T.Bytes.resize(static_cast<size_t>(T.Dims[0]) * Last);
  T.Dims[1] = 1;
}

/// Whether position At of batch row Row may be compared.
inline bool isValid(const modeltest::ValidPart *Part, int64_t Row, int64_t At) {
  if (!Part)
    return true;
  auto [First, End] = Part->Ranges[static_cast<size_t>(Row)];
  return At >= First && At < End;
}

/// The target of code with static shapes, where it is not the test's own, whose
/// products round to bf16.
inline const char *staticTarget() {
  return std::getenv("DURE_STEP_STATIC_TARGET");
}

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
inline std::string compileModel(const std::string &Model,
                                const std::string &Package, bool NoRaise,
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
    Plugin = staticTarget() ? std::getenv("DURE_STEP_STATIC_PLUGIN")
                            : DURE_TEST_PLUGINS "/static-cpu.so";
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

/// Of the folder with the data sets and, beside them, model.onnx.
class StepFixture : public testing::TestWithParam<const char *> {
protected:
  void setFolder(const std::string &Name) {
    Folder = Name;
    Path = testing::TempDir() + "step-" +
           std::filesystem::path(Name).filename().string() + "-" +
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
    size_t Step = 0, Found = 0;
    HasPrefill =
        take(dure_package_find_entry(Package.get(), "prefill", &Found)).empty();
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

  StatePointer makeState(int64_t Batch) {
    dure_state_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.batch = Batch;
    Options.capacity = Capacity;
    dure_state *Created = nullptr;
    EXPECT_EQ(
        take(dure_state_create(Session.get(), "step", &Options, &Created)), "");
    return StatePointer(Created);
  }

  void createState(int64_t Batch, int64_t Positions) {
    Capacity = Positions;
    State = makeState(Batch);
    ASSERT_TRUE(State);
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

  void writeState(size_t Index, io::Tensor &Held) {
    dure_tensor T = {};
    T.struct_size = sizeof(T);
    T.type = DURE_TYPE_F32;
    T.rank = static_cast<int32_t>(Held.Dims.size());
    T.dims = Held.Dims.data();
    T.data = Held.Bytes.data();
    T.size = Held.Bytes.size();
    ASSERT_DURE_OK(dure_state_write(State.get(), Index, &T));
  }

  /// Puts the set's pasts into the state, as if it had been run up to there: of
  /// a window the last positions.
  void writePasts(const Set &S) {
    for (size_t I = 0; I != States.size(); ++I) {
      io::Tensor Cache = readState(I);
      const io::Tensor &Past = S.Pasts.at(States[I]);
      ASSERT_EQ(Cache.Dims.size(), 4u);
      size_t Row = static_cast<size_t>(Past.Dims[3]) * sizeof(float);
      size_t All = static_cast<size_t>(S.Past) * Row;
      size_t Room = static_cast<size_t>(Cache.Dims[2]) * Row;
      size_t Used = std::min(All, Room);
      for (size_t Head = 0; Used && Head != Past.Bytes.size() / All; ++Head)
        std::copy_n(Past.Bytes.begin() + (Head + 1) * All - Used, Used,
                    Cache.Bytes.begin() + Head * Room);
      ASSERT_NO_FATAL_FAILURE(writeState(I, Cache));
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

  /// Of a call that gives the last position alone or all of them.
  void expectOutput(const Set &S, size_t Output, dure_call *Of,
                    bool IsLast = false) {
    io::Tensor Want = S.Outputs.at(Outputs[Output]);
    if (IsLast)
      keepLast(Want);
    dure_tensor Got = {};
    Got.struct_size = sizeof(Got);
    ASSERT_DURE_OK(dure_call_get_output(Of, Output, &Got));
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
      int64_t At = IsLast ? S.Length - 1 : Token % Want.Dims[1];
      if (isValid(Valid, Row, At))
        ASSERT_TRUE(Near.add(Values[Index], floats(Want)[Index]))
            << Outputs[Output] << ", row " << Row << ", element " << Index
            << ": " << Values[Index] << " for " << floats(Want)[Index];
    }
    EXPECT_TRUE(Near.holds()) << Outputs[Output];
  }

  /// The caches hold what `main` returns as present, windows the end of it.
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
      const int64_t First = std::max<int64_t>(Want.Dims[2] - Got.Dims[2], 0);
      Closeness Near(ByCosine);
      for (int64_t Head = 0; Head != S.Batch * Got.Dims[1]; ++Head)
        for (int64_t T = 0; T != Want.Dims[2]; ++T)
          for (int64_t D = 0; D != Want.Dims[3]; ++D, ++Index) {
            if (T < First)
              continue;
            float Value = floats(
                Got)[(Head * Got.Dims[2] + T - First) * Want.Dims[3] + D];
            if (T >= Hidden[static_cast<size_t>(Head / Got.Dims[1])] &&
                isValid(Valid, Head / Got.Dims[1], T))
              ASSERT_TRUE(Near.add(Value, floats(Want)[Index]))
                  << Name << ", head " << Head << ", position " << T << ": "
                  << Value << " for " << floats(Want)[Index];
          }
      EXPECT_TRUE(Near.holds()) << Name;
    }
  }

  /// `prefill` gives the last position of what `step` gives, and leaves the
  /// same in the state; run on a copy of it.
  void expectPrefill(const Set &S) {
    StatePointer Own = std::move(State);
    State = makeState(S.Batch);
    ASSERT_TRUE(State);
    for (size_t I = 0; I != States.size(); ++I) {
      std::swap(Own, State);
      io::Tensor Held = readState(I);
      std::swap(Own, State);
      ASSERT_NO_FATAL_FAILURE(writeState(I, Held));
    }
    std::vector<int64_t> Lengths(static_cast<size_t>(S.Batch));
    ASSERT_DURE_OK(
        dure_state_get_lengths(Own.get(), Lengths.data(), Lengths.size()));
    ASSERT_DURE_OK(
        dure_state_set_lengths(State.get(), Lengths.data(), Lengths.size()));
    dure_call *Created = nullptr;
    ASSERT_DURE_OK(dure_call_create(Session.get(), "prefill", &Created));
    CallPointer Prefill(Created);
    ASSERT_DURE_OK(dure_call_bind_state(Prefill.get(), State.get()));
    ASSERT_EQ(bindInputs(Prefill.get(), S.Inputs), "");
    ASSERT_DURE_OK(dure_call_run(Prefill.get(), nullptr));
    for (size_t Output = 0; Output != Outputs.size(); ++Output)
      ASSERT_NO_FATAL_FAILURE(expectOutput(S, Output, Prefill.get(), true));
    ASSERT_NO_FATAL_FAILURE(expectCaches(S));
    State = std::move(Own);
  }

  void expectStep(const std::string &Name) {
    SCOPED_TRACE(Name);
    const Set &S = Sets.at(Name);
    if (HasPrefill)
      ASSERT_NO_FATAL_FAILURE(expectPrefill(S));
    ASSERT_EQ(runStep(S), "");
    expectLengths(S.Batch, S.Past + S.Length);
    for (size_t Output = 0; Output != Outputs.size(); ++Output)
      ASSERT_NO_FATAL_FAILURE(expectOutput(S, Output, Call.get()));
    expectCaches(S);
    // What a padded position left in the caches stays there, behind the mask.
    if (const modeltest::ValidPart *Valid = S.valid("logits"))
      for (size_t Row = 0; Row != Hidden.size(); ++Row)
        Hidden[Row] = S.Past + Valid->Ranges[Row].first;
  }

  std::string Folder, Path;
  bool ByCosine = false, HasPrefill = false;
  int64_t Capacity = 0; // of the state
  std::vector<std::string> States, Outputs;
  std::map<std::string, Set> Sets;
  /// Positions of each row that are padding, from the first on.
  std::vector<int64_t> Hidden;
  PackagePointer Package;
  SessionPointer Session;
  StatePointer State;
  CallPointer Call;
};

} // namespace dure::steptest

#endif // DURE_TEST_MODELS_STEPFIXTURE_H
