// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The fixture of tests of exported checkpoints.
//
// Included by ExportTests.cpp and GenaiTests.cpp. A parameter is
// "<family>-<opset>"; README.md describes the data.
#ifndef DURE_TEST_CHECKPOINT_EXPORTFIXTURE_H
#define DURE_TEST_CHECKPOINT_EXPORTFIXTURE_H

#include "frontends/checkpoint/Export.h"
#include "frontends/checkpoint/WriteModel.h"
#include "test/models/StepFixture.h"

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

  const checkpoint::GraphStyle Style;
  std::string GenaiConfig;
};

inline std::string testName(const testing::TestParamInfo<const char *> &Info) {
  std::string Name = Info.param;
  std::replace(Name.begin(), Name.end(), '-', '_');
  return Name;
}

} // namespace dure::exporttest

#endif // DURE_TEST_CHECKPOINT_EXPORTFIXTURE_H
