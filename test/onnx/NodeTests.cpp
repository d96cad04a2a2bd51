// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-node-tests: ONNX's backend tests, compiled and run for one target.
//
// A test is a folder: model.onnx and test_data_set_*/ with input_N.pb and
// output_N.pb, as in the onnx package under backend/test/data. README.md tells
// how results are judged.
#include "test/onnx/CompiledModel.h"
#include "test/onnx/ExpectedList.h"
#include "test/onnx/Suite.h"
#include "tools/io/File.h"

#include <cstdio>
#include <cstring>
#include <filesystem>

using namespace dure;
using namespace dure::modeltest;

namespace {

/// The tolerance of onnx.backend.test; what has few bits gets a few units in
/// the last place, and types of 8 bits and less, which only conversions make,
/// must match.
io::Tolerance nodeTolerance(io::ElementType Type) {
  switch (Type) {
  case io::ElementType::Float32:
  case io::ElementType::Float64:
  case io::ElementType::Complex64:
  case io::ElementType::Complex128:
    return {1e-7, 1e-3};
  case io::ElementType::Float16:
  case io::ElementType::BFloat16:
    return io::defaultTolerance(Type);
  default:
    return {0, 0};
  }
}

/// What products of operands that are rounded to bf16, by a 512th at most each,
/// and a softmax of them may be off by.
io::Tolerance bf16Tolerance(io::ElementType Type) {
  const io::Tolerance Usual = nodeTolerance(Type);
  if (Type != io::ElementType::Float32)
    return Usual;
  return {1.0 / 256, 1.0 / 128};
}

/// Whether a node of the model is a product: looks for NodeProto.op_type.
bool hasProduct(const std::string &Path) {
  const io::Result<io::MappedFile> File = io::MappedFile::open(Path);
  if (!File)
    return false;
  const std::string_view Model(
      reinterpret_cast<const char *>(File->bytes().data()),
      File->bytes().size());
  for (const char *Op : {"MatMul", "Gemm", "Einsum", "Attention", "Conv",
                         "CausalConvWithState"}) {
    const std::string Field =
        std::string("\x22") + static_cast<char>(std::strlen(Op)) + Op;
    if (Model.find(Field) != std::string_view::npos)
      return true;
  }
  return false;
}

Outcome runTest(const dure_compiler_api *Compiler, const SuiteOptions &Options,
                const Test &T, const std::string &PackagePath) {
  Outcome Result;
  std::string Unused;
  const std::optional<RunData> First =
      readRunData(T.Folder + "/test_data_set_0", Unused);
  const CompileSettings Settings = {.Target = Options.Target,
                                    .LoadTarget = Options.LoadTarget,
                                    .NoRaise = Options.NoRaise,
                                    .NoFallback = Options.NoFallback,
                                    .Threads = 1,
                                    .Values = First ? &*First : nullptr};
  const std::optional<CompiledModel> Model = CompiledModel::create(
      Compiler, T.Folder + "/model.onnx", PackagePath, Settings, Result);
  if (!Model)
    return Result;
  const TolerancePolicy Allowed =
      Options.Bf16Products && hasProduct(T.Folder + "/model.onnx")
          ? bf16Tolerance
          : nodeTolerance;
  size_t Sets = 0;
  std::error_code Ignored;
  for (;; ++Sets) {
    const std::string Folder =
        T.Folder + "/test_data_set_" + std::to_string(Sets);
    if (!std::filesystem::exists(Folder, Ignored))
      break;
    std::string Problem;
    const std::optional<RunData> Data = readRunData(Folder, Problem);
    if (!Data) {
      Result.Kind = OutcomeKind::Failed;
      Result.Code = "data";
      Result.Detail = Problem;
      return Result;
    }
    if (!Model->check(*Data, Allowed, Result))
      return Result;
  }
  if (Sets == 0) {
    Result.Kind = OutcomeKind::Failed;
    Result.Code = "data";
    Result.Detail = T.Folder + ": no test_data_set_0";
  }
  return Result;
}

bool update(const SuiteOptions &Options, const ExpectedList &Expected,
            const TestResults &Results) {
  const io::Status Written = io::writeFile(
      Options.Expected, Expected.updated(Results).text(Options.Target));
  if (!Written)
    std::fprintf(stderr, "%s\n", Written.failure().text().c_str());
  else
    std::printf("wrote %s\n", Options.Expected.c_str());
  return bool(Written);
}

/// Prints and writes the results; the exit status.
int report(const SuiteOptions &Options, const ExpectedList &Expected,
           const TestResults &Results) {
  const Judge Objection = [&](const std::string &Name, const Outcome &Got) {
    return Expected.objection(Name, Got);
  };
  size_t Missing = 0;
  // With a filter the rest of the list has not been looked at.
  if (Options.Filter.empty())
    for (const auto &[Name, Entry] : Expected.entries())
      if (!Results.count(Name)) {
        ++Missing;
        std::printf("FAIL %s: is listed, but there is no such test\n",
                    Name.c_str());
      }
  const int ExitStatus = printResults(Options, Results, Objection, Missing);
  return writeResults(Options, Results, Objection) ? ExitStatus : ExitFailed;
}

} // namespace

int main(int ArgumentCount, char **Arguments) {
  int ExitStatus = 0;
  const std::optional<SuiteOptions> Options =
      parseSuiteOptions(SuiteKind::Nodes, ArgumentCount, Arguments, ExitStatus);
  if (!Options)
    return ExitStatus;
  std::error_code Ignored;
  for (const std::string &Folder : Options->Data)
    if (!std::filesystem::is_directory(Folder, Ignored)) {
      std::printf("skipped: no ONNX tests at %s; tools/test fetches them\n",
                  Folder.c_str());
      return ExitSkipped;
    }
  const std::optional<std::vector<Test>> Tests = findTests(*Options);
  if (!Tests)
    return ExitUsage;
  if (Options->List) {
    for (const Test &T : *Tests)
      std::printf("%s\n", T.Name.c_str());
    return 0;
  }
  if (Tests->empty()) {
    std::fprintf(stderr, "no test is selected\n");
    return ExitFailed;
  }
  if (!Options->Expected.empty() && !Options->Update &&
      !std::filesystem::exists(Options->Expected, Ignored)) {
    std::fprintf(stderr, "%s is not there; --update makes it\n",
                 Options->Expected.c_str());
    return ExitUsage;
  }
  std::string Problem;
  const std::optional<ExpectedList> Expected =
      ExpectedList::read(Options->Expected, Problem);
  if (!Expected) {
    std::fprintf(stderr, "%s\n", Problem.c_str());
    return ExitUsage;
  }
  const dure_compiler_api *Compiler = loadCompiler(libraryFolder());
  if (!Compiler)
    return ExitFailed;
  const std::optional<TestResults> Results =
      runTests(*Options, *Tests, [&](const Test &T, const std::string &Path) {
        return runTest(Compiler, *Options, T, Path);
      });
  if (!Results)
    return ExitFailed;
  if (!Options->Update)
    return report(*Options, *Expected, *Results);
  if (!Options->Filter.empty()) {
    std::fprintf(stderr, "--update needs every test: leave --filter out\n");
    return ExitUsage;
  }
  if (!update(*Options, *Expected, *Results))
    return ExitFailed;
  // What is left is what a person must look at.
  return report(*Options, Expected->updated(*Results), *Results);
}
