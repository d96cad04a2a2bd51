// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-model-tests: Dure's test models and MiniLM against their references.
//
// A test is a folder that README.md describes: model.onnx, cases.json and its
// data sets. Everything must pass: there is no list of expected failures.
#include "test/onnx/CompiledModel.h"
#include "test/onnx/Suite.h"
#include "tools/io/Npy.h"
#include "tools/io/Npz.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>

using namespace dure;
using namespace dure::modeltest;

namespace {

constexpr const char *MiniLmName = "minilm";

/// The folders that README.md lists: a run over all of them must find each.
constexpr const char *Models[] = {"axk1-18",
                                  "axk1-20",
                                  "axk1-20-eager",
                                  "axk1-23",
                                  "bert-18",
                                  "bert-20",
                                  "bert-23",
                                  "control-flow-if-demand",
                                  "control-flow-if-in-loop",
                                  "control-flow-if-nested",
                                  "control-flow-if-shapes",
                                  "control-flow-if-squeeze",
                                  "control-flow-if-weights",
                                  "control-flow-loop-grow",
                                  "control-flow-loop-nested",
                                  "control-flow-loop-outer",
                                  "control-flow-loop-slice",
                                  "control-flow-loop-swap",
                                  "control-flow-loop-while",
                                  "control-flow-scan-dirs",
                                  "deepseek-v3-18",
                                  "deepseek-v3-20",
                                  "deepseek-v3-20-dense",
                                  "deepseek-v3-20-eager",
                                  "deepseek-v3-23",
                                  "element-types-Abs",
                                  "element-types-Add",
                                  "element-types-And",
                                  "element-types-ArgMax",
                                  "element-types-ArgMin",
                                  "element-types-Asinh",
                                  "element-types-Atan",
                                  "element-types-Attention",
                                  "element-types-BitwiseAnd",
                                  "element-types-BitwiseNot",
                                  "element-types-BitwiseOr",
                                  "element-types-BitwiseXor",
                                  "element-types-Cast-bfloat16",
                                  "element-types-Cast-bool",
                                  "element-types-Cast-double",
                                  "element-types-Cast-float",
                                  "element-types-Cast-float16",
                                  "element-types-Cast-int16",
                                  "element-types-Cast-int32",
                                  "element-types-Cast-int64",
                                  "element-types-Cast-int8",
                                  "element-types-Cast-uint16",
                                  "element-types-Cast-uint32",
                                  "element-types-Cast-uint64",
                                  "element-types-Cast-uint8",
                                  "element-types-Ceil",
                                  "element-types-Celu",
                                  "element-types-Clip",
                                  "element-types-Concat",
                                  "element-types-Conv",
                                  "element-types-Cos",
                                  "element-types-Cosh",
                                  "element-types-CumSum",
                                  "element-types-Div",
                                  "element-types-Elu",
                                  "element-types-Equal",
                                  "element-types-Erf",
                                  "element-types-Exp",
                                  "element-types-Expand",
                                  "element-types-Flatten",
                                  "element-types-Floor",
                                  "element-types-Gather",
                                  "element-types-GatherElements",
                                  "element-types-GatherND",
                                  "element-types-Gelu",
                                  "element-types-Gemm",
                                  "element-types-Greater",
                                  "element-types-GreaterOrEqual",
                                  "element-types-HardSigmoid",
                                  "element-types-HardSwish",
                                  "element-types-Hardmax",
                                  "element-types-Identity",
                                  "element-types-IsInf",
                                  "element-types-IsNaN",
                                  "element-types-LayerNormalization",
                                  "element-types-LeakyRelu",
                                  "element-types-Less",
                                  "element-types-LessOrEqual",
                                  "element-types-Log",
                                  "element-types-LogSoftmax",
                                  "element-types-MatMul",
                                  "element-types-Max",
                                  "element-types-Mean",
                                  "element-types-Min",
                                  "element-types-Mish",
                                  "element-types-Mod",
                                  "element-types-Mul",
                                  "element-types-Neg",
                                  "element-types-NonZero",
                                  "element-types-Not",
                                  "element-types-OneHot",
                                  "element-types-Or",
                                  "element-types-PRelu",
                                  "element-types-Pad",
                                  "element-types-Pow",
                                  "element-types-RMSNormalization",
                                  "element-types-Range",
                                  "element-types-Reciprocal",
                                  "element-types-ReduceL1",
                                  "element-types-ReduceL2",
                                  "element-types-ReduceLogSum",
                                  "element-types-ReduceLogSumExp",
                                  "element-types-ReduceMax",
                                  "element-types-ReduceMean",
                                  "element-types-ReduceMin",
                                  "element-types-ReduceProd",
                                  "element-types-ReduceSum",
                                  "element-types-ReduceSumSquare",
                                  "element-types-Relu",
                                  "element-types-Reshape",
                                  "element-types-RotaryEmbedding",
                                  "element-types-Round",
                                  "element-types-ScatterElements",
                                  "element-types-ScatterND",
                                  "element-types-Selu",
                                  "element-types-Shape",
                                  "element-types-Sigmoid",
                                  "element-types-Sign",
                                  "element-types-Sin",
                                  "element-types-Sinh",
                                  "element-types-Size",
                                  "element-types-Slice",
                                  "element-types-Softmax",
                                  "element-types-Softplus",
                                  "element-types-Softsign",
                                  "element-types-Split",
                                  "element-types-Sqrt",
                                  "element-types-Squeeze",
                                  "element-types-Sub",
                                  "element-types-Sum",
                                  "element-types-Swish",
                                  "element-types-Tan",
                                  "element-types-Tanh",
                                  "element-types-Tile",
                                  "element-types-TopK",
                                  "element-types-Transpose",
                                  "element-types-Trilu",
                                  "element-types-Unsqueeze",
                                  "element-types-Where",
                                  "element-types-Xor",
                                  "exaone-moe-18",
                                  "exaone-moe-20",
                                  "exaone-moe-20-dense",
                                  "exaone-moe-20-eager",
                                  "exaone-moe-20-grouped",
                                  "exaone-moe-23",
                                  "exaone-moe-23-grouped",
                                  "exaone4-18",
                                  "exaone4-20",
                                  "exaone4-23",
                                  "exaone4-global-18",
                                  "exaone4-global-20",
                                  "exaone4-global-20-eager",
                                  "exaone4-global-23",
                                  "gemma3-18",
                                  "gemma3-20",
                                  "gemma3-20-eager",
                                  "gemma3-23",
                                  "gpt-neox-18",
                                  "gpt-neox-20",
                                  "gpt-neox-20-eager",
                                  "gpt-neox-23",
                                  "gpt2-18",
                                  "gpt2-20",
                                  "gpt2-23",
                                  "granite-18",
                                  "granite-20",
                                  "granite-20-eager",
                                  "granite-23",
                                  "hyperclovax-18",
                                  "hyperclovax-20",
                                  "hyperclovax-20-eager",
                                  "hyperclovax-23",
                                  "llama-18",
                                  "llama-20",
                                  "llama-20-32layers",
                                  "llama-20-eager",
                                  "llama-23",
                                  "llama-genai-int4",
                                  "llama-qdq-int8",
                                  "qwen2-18",
                                  "qwen2-20",
                                  "qwen2-20-eager",
                                  "qwen2-20-f16",
                                  "qwen2-23",
                                  "qwen2-23-eager",
                                  "qwen3-18",
                                  "qwen3-20",
                                  "qwen3-23",
                                  "qwen3-genai-int4",
                                  "qwen3-moe-18",
                                  "qwen3-moe-20",
                                  "qwen3-moe-20-dense",
                                  "qwen3-moe-20-eager",
                                  "qwen3-moe-20-grouped",
                                  "qwen3-moe-23",
                                  "qwen3-moe-23-grouped",
                                  "semantics-01-logits-scaling-granite",
                                  "semantics-01-logits-scaling-hyperclovax",
                                  "semantics-02-rope-by-layer-exaone4-1.2b",
                                  "semantics-02-rope-by-layer-exaone4-32b",
                                  "semantics-03-norm-placement-peri",
                                  "semantics-03-norm-placement-post",
                                  "semantics-04-norm-one-plus",
                                  "semantics-04-norm-weight-after-cast",
                                  "semantics-04-norm-weight-before-cast",
                                  "semantics-05-rope-half-split",
                                  "semantics-05-rope-interleaved",
                                  "semantics-05-rope-llama3",
                                  "semantics-05-rope-partial",
                                  "semantics-05-rope-regrouped",
                                  "semantics-05-rope-strided",
                                  "semantics-05-rope-yarn",
                                  "semantics-06-unequal-head-widths",
                                  "semantics-07-router-groups",
                                  "semantics-07-router-sigmoid-bias",
                                  "semantics-07-router-softmax",
                                  "semantics-08-states-by-layer",
                                  "semantics-09-tied-embedding",
                                  "semantics-10-window-onnx",
                                  "semantics-10-window-onnxruntime",
                                  "semantics-10-window-transformers",
                                  "solar-open-18",
                                  "solar-open-20",
                                  "solar-open-20-eager",
                                  "solar-open-23",
                                  "vit-18",
                                  "vit-20",
                                  "vit-20-eager",
                                  "vit-23",
                                  "whisper-encoder-18",
                                  "whisper-encoder-20",
                                  "whisper-encoder-20-eager",
                                  "whisper-encoder-23"};

/// What Dure promises for models, or what the case says of its floats.
io::Tolerance modelTolerance(std::optional<double> Declared,
                             io::ElementType Type) {
  if (Declared && io::elementTypeInfo(Type).Kind == io::ElementKind::Float)
    return {*Declared, *Declared};
  return io::defaultTolerance(Type);
}

Outcome failure(Outcome Result, std::string Code, std::string Detail) {
  Result.Kind = OutcomeKind::Failed;
  Result.Code = std::move(Code);
  Result.Detail = std::move(Detail);
  return Result;
}

std::optional<CompiledModel>
compileModel(const dure_compiler_api *Compiler, const SuiteOptions &Options,
             const std::string &Model, const std::string &PackagePath,
             Outcome &Result, std::vector<std::string> Buckets = {}) {
  const CompileSettings Settings = {.Target = Options.Target,
                                    .LoadTarget = Options.LoadTarget,
                                    .NoRaise = Options.NoRaise,
                                    .NoFallback = Options.NoFallback,
                                    .Buckets = std::move(Buckets),
                                    .Cosine = Options.Cosine,
                                    .Threads = 2};
  return CompiledModel::create(Compiler, Model, PackagePath, Settings, Result);
}

/// Compiles once and runs all cases; says of each that is wrong what is.
Outcome runModel(const dure_compiler_api *Compiler, const SuiteOptions &Options,
                 const Test &T, const std::string &PackagePath) {
  Outcome Result;
  std::string Problem;
  const std::optional<std::vector<Case>> Cases =
      readCases(T.Folder + "/cases.json", Problem);
  if (!Cases)
    return failure(Result, "data", Problem);
  if (Cases->empty())
    return failure(Result, "data", T.Folder + "/cases.json: no case");
  // Where each case has code of its own, this one is for what the inputs are.
  SuiteOptions First = Options;
  if (Options.ExactShapes)
    First.Target = "cpu";
  std::optional<CompiledModel> Model = compileModel(
      Compiler, First, T.Folder + "/model.onnx", PackagePath, Result);
  if (!Model)
    return Result;
  const std::optional<CompiledModel> AnyShape =
      Options.ExactShapes ? std::move(Model) : std::nullopt;
  std::string Details;
  for (const Case &C : *Cases) {
    std::optional<RunData> Data = readRunData(T.Folder + "/" + C.Set, Problem);
    if (!Data)
      return failure(Result, "data", Problem);
    Data->Valid = C.Valid;
    if (AnyShape) {
      const std::string Bucket = AnyShape->bucketOf(*Data);
      Model = compileModel(Compiler, Options, T.Folder + "/model.onnx",
                           PackagePath + ".exact", Result,
                           Bucket.empty() ? std::vector<std::string>()
                                          : std::vector{Bucket});
      if (!Model)
        return Result;
    }
    const TolerancePolicy Allowed =
        std::bind_front(modelTolerance, C.Tolerance);
    if (!Model->check(*Data, Allowed, Result))
      Details += C.Name + ": " + Result.Detail +
                 (Result.Detail.ends_with('\n') ? "" : "\n");
  }
  Result.Detail = Details;
  return Result;
}

/// MiniLM's inputs are .npy files, its reference is an .npz.
std::optional<RunData> readMiniLmData(const std::string &Folder,
                                      std::string &Problem) {
  RunData Data;
  for (const char *Name : {"input_ids", "attention_mask", "token_type_ids"}) {
    io::Result<io::Tensor> Tensor = io::readNpy(Folder + "/" + Name + ".npy");
    if (!Tensor) {
      Problem = Tensor.failure().text();
      return std::nullopt;
    }
    Tensor->Name = Name;
    Data.Inputs.push_back(std::move(*Tensor));
  }
  io::Result<std::vector<io::Tensor>> Reference =
      io::readNpz(Folder + "/reference.npz");
  if (!Reference) {
    Problem = Reference.failure().text();
    return std::nullopt;
  }
  for (io::Tensor &Tensor : *Reference)
    if (Tensor.Name == "last_hidden_state")
      Data.Expected.emplace_back(0, std::move(Tensor));
  if (Data.Expected.empty()) {
    Problem = Folder + "/reference.npz: no last_hidden_state";
    return std::nullopt;
  }
  return Data;
}

Outcome runMiniLm(const dure_compiler_api *Compiler,
                  const SuiteOptions &Options, const std::string &PackagePath) {
  Outcome Result;
  std::string Problem;
  const std::optional<RunData> Data =
      readMiniLmData(Options.MiniLmReference, Problem);
  if (!Data)
    return failure(Result, "data", Problem);
  const std::optional<CompiledModel> Model =
      compileModel(Compiler, Options, Options.MiniLm, PackagePath, Result);
  if (Model)
    Model->check(*Data, io::defaultTolerance, Result);
  return Result;
}

/// Layers that are equal are compiled once: a deeper model of a family, named
/// "<model>-<N>layers", has no more device functions than <model>.
void checkFunctions(TestResults &Results) {
  for (auto &[Name, Deep] : Results) {
    const size_t Dash = Name.rfind('-');
    if (Dash == std::string::npos || !Name.ends_with("layers") ||
        !Deep.passed())
      continue;
    const auto Base = Results.find(Name.substr(0, Dash));
    if (Base == Results.end() || !Base->second.passed())
      continue;
    std::printf("device functions: %ld in %s, %ld in %s\n", Deep.Functions,
                Name.c_str(), Base->second.Functions, Base->first.c_str());
    // No function at all: the report does not say how many there are.
    if (Base->second.Functions <= 0 || Deep.Functions > Base->second.Functions)
      Deep = failure(Deep, "functions",
                     std::to_string(Deep.Functions) + " device functions; " +
                         Base->first + " has " +
                         std::to_string(Base->second.Functions));
  }
}

/// How many of Models are not among the results of a run without a filter.
size_t countMissing(const SuiteOptions &Options, const TestResults &Results) {
  size_t Missing = 0;
  for (const char *Name : Models)
    if (Options.Filter.empty() && !Results.count(Name)) {
      ++Missing;
      std::printf("FAIL %s: there is no such folder, or no cases.json in it\n",
                  Name);
    }
  return Missing;
}

/// Adds MiniLM when it is wanted and there; says so when it is not there.
void addMiniLm(const SuiteOptions &Options, std::vector<Test> &Tests) {
  std::error_code Ignored;
  if (Options.MiniLm.empty() ||
      (!Options.Filter.empty() &&
       std::string(MiniLmName).find(Options.Filter) == std::string::npos))
    return;
  if (std::filesystem::exists(Options.MiniLm, Ignored))
    Tests.push_back({MiniLmName, ""});
  else
    std::printf("skipped %s: %s is not there; tools/test fetches it\n",
                MiniLmName, Options.MiniLm.c_str());
}

} // namespace

int main(int ArgumentCount, char **Arguments) {
  int ExitStatus = 0;
  const std::optional<SuiteOptions> Options = parseSuiteOptions(
      SuiteKind::Models, ArgumentCount, Arguments, ExitStatus);
  if (!Options)
    return ExitStatus;
  std::optional<std::vector<Test>> Tests = findTests(*Options);
  if (!Tests)
    return ExitUsage;
  // llama-1b is for measurements: it has no data.
  std::erase_if(*Tests, [](const Test &T) {
    std::error_code Ignored;
    return !std::filesystem::exists(T.Folder + "/cases.json", Ignored);
  });
  addMiniLm(*Options, *Tests);
  if (Tests->empty() && !Options->Filter.empty()) {
    std::fprintf(stderr, "no test is selected\n");
    return ExitFailed;
  }
  if (Options->List) {
    for (const Test &T : *Tests)
      std::printf("%s\n", T.Name.c_str());
    return 0;
  }
  const dure_compiler_api *Compiler = loadCompiler(libraryFolder());
  if (!Compiler)
    return ExitFailed;
  std::optional<TestResults> Results =
      runTests(*Options, *Tests, [&](const Test &T, const std::string &Path) {
        return T.Folder.empty() ? runMiniLm(Compiler, *Options, Path)
                                : runModel(Compiler, *Options, T, Path);
      });
  if (!Results)
    return ExitFailed;
  checkFunctions(*Results);
  const Judge Objection = [](const std::string &, const Outcome &Got) {
    return Got.passed() ? std::nullopt
                        : std::optional(std::string(kindName(Got.Kind)) + " (" +
                                        Got.reason() + ")");
  };
  ExitStatus = printResults(*Options, *Results, Objection,
                            countMissing(*Options, *Results));
  return writeResults(*Options, *Results, Objection) ? ExitStatus : ExitFailed;
}
