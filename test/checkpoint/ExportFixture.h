// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The fixture of tests of exported checkpoints.
//
// Included by ExportTests.cpp, GenaiTests.cpp and TargetTests.cpp. A parameter
// is
// "<family>-<opset>"; README.md describes the data.
#ifndef DURE_TEST_CHECKPOINT_EXPORTFIXTURE_H
#define DURE_TEST_CHECKPOINT_EXPORTFIXTURE_H

#include "frontends/checkpoint/Export.h"
#include "frontends/checkpoint/WriteModel.h"
#include "test/models/StepFixture.h"

#include <fstream>
#include <sstream>

namespace dure::exporttest {

namespace fs = std::filesystem;

class Exported : public steptest::StepFixture {
protected:
  explicit Exported(checkpoint::GraphStyle Style = checkpoint::GraphStyle::Onnx)
      : Style(Style) {}

  /// Exports into a folder of its own, to which the data sets are linked.
  void SetUp() override {
    const std::string Name = GetParam();
    const size_t Dash = Name.rfind('-');
    const fs::path Family =
        fs::path(DURE_TEST_CHECKPOINTS) / Name.substr(0, Dash);
    setFolder(testing::TempDir() + "exported-" +
              (Style == checkpoint::GraphStyle::Onnx ? "" : "genai-") + Name +
              "-" + std::to_string(getpid()));
    fs::create_directories(Folder);
    for (const auto &Entry : fs::directory_iterator(Family))
      if (Entry.is_directory() || Entry.path().filename() == "cases.json")
        fs::create_symlink(Entry.path(),
                           fs::path(Folder) / Entry.path().filename());

    checkpoint::Refusals Problems;
    const fs::path Gguf = Family / "model.gguf";
    const auto C = checkpoint::Checkpoint::open(
        (fs::exists(Gguf) ? Gguf : Family).string(), {}, Problems);
    ASSERT_TRUE(C) << toString(Problems.list().front());
    checkpoint::ExportOptions Options;
    Options.Style = Style;
    Options.Opset = std::stoi(Name.substr(Dash + 1));
    const auto M = checkpoint::exportModel(*C, Options, Problems);
    ASSERT_TRUE(M) << toString(Problems.list().front());
    const auto Plan = checkpoint::planWrite(*C, *M, Folder + "/model.onnx");
    const Status Written =
        checkpoint::writeModel(*C, *M, Plan, Options.DataFile, {});
    ASSERT_TRUE(Written.ok()) << Written.message();
    GenaiConfig = M->GenaiConfig;
  }
  void TearDown() override {
    StepFixture::TearDown();
    fs::remove_all(Folder);
  }

  /// Runs all cases of the family that `Prepare` does not turn down, on a
  /// package for `Settings`, or for exact shapes on one each.
  template <typename PrepareFn>
  void expectReferences(const modeltest::CompileSettings &Settings,
                        bool ExactShapes, PrepareFn Prepare) {
    const dure_compiler_api *Compiler =
        modeltest::loadCompiler(DURE_TEST_LIBRARIES);
    ASSERT_TRUE(Compiler);
    modeltest::Outcome Result;
    const auto Compile = [&](const modeltest::CompileSettings &How) {
      return modeltest::CompiledModel::create(Compiler, Folder + "/model.onnx",
                                              Path, How, Result);
    };
    // Without exact shapes, what runs; with them, what knows the dims' names.
    auto Model = Compile(ExactShapes ? modeltest::CompileSettings() : Settings);
    ASSERT_TRUE(Model) << Result.Detail;
    std::string Problem;
    const auto Cases = modeltest::readCases(Folder + "/cases.json", Problem);
    ASSERT_TRUE(Cases) << Problem;
    EXPECT_GE(Cases->size(), 3u);
    modeltest::Figures Measured;
    for (const modeltest::Case &Each : *Cases) {
      auto Data = modeltest::readRunData(Folder + "/" + Each.Set, Problem);
      ASSERT_TRUE(Data) << Problem;
      Data->Valid = Each.Valid;
      if (!Prepare(Each, *Data))
        continue;
      std::optional<modeltest::CompiledModel> Exact;
      if (ExactShapes) {
        modeltest::CompileSettings How = Settings;
        How.Buckets = {Model->bucketOf(*Data)};
        Exact = Compile(How);
        ASSERT_TRUE(Exact) << Each.Name << ": " << Result.Detail;
      }
      EXPECT_TRUE((Exact ? *Exact : *Model)
                      .check(*Data, io::defaultTolerance, Result, &Measured))
          << Each.Name << ": " << Result.Detail;
    }
    expectWithin(Settings.Target, Measured);
  }

  const checkpoint::GraphStyle Style;
  std::string GenaiConfig;

private:
  /// Errors are within the bounds that figures.txt has for this checkpoint on
  /// the target. They go to the file that DURE_FIGURES names, if it names one;
  /// models_page.py makes bounds of them.
  void expectWithin(const std::string &Target, const modeltest::Figures &F) {
    const std::string Name = GetParam();
    const size_t Dash = Name.rfind('-');
    const std::string Key =
        Name.substr(0, Dash) +
        (Style == checkpoint::GraphStyle::Onnx ? " onnx" : " genai") +
        Name.substr(Dash) + " " + Target;
    if (const char *File = std::getenv("DURE_FIGURES")) {
      std::ofstream(File, std::ios::app)
          << Key << " " << F.MaxAbsolute << " " << 1 - F.LeastCosine << "\n";
      return;
    }
    std::ifstream Stored(DURE_TEST_FIGURES);
    for (std::string Line; std::getline(Stored, Line);) {
      if (!Line.starts_with(Key + " "))
        continue;
      std::istringstream Numbers(Line.substr(Key.size()));
      double MaxAbsolute = -1, CosineLoss = -1;
      Numbers >> MaxAbsolute >> CosineLoss;
      EXPECT_LE(F.MaxAbsolute, MaxAbsolute) << Key;
      EXPECT_LE(1 - F.LeastCosine, CosineLoss) << Key;
      return;
    }
    ADD_FAILURE() << DURE_TEST_FIGURES << " has no line for " << Key
                  << ": README.md says how it gets one";
  }
};

inline std::string testName(const testing::TestParamInfo<const char *> &Info) {
  std::string Name = Info.param;
  std::replace(Name.begin(), Name.end(), '-', '_');
  return Name;
}

} // namespace dure::exporttest

#endif // DURE_TEST_CHECKPOINT_EXPORTFIXTURE_H
