// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of writing models: what lies beside the graph, and what is left behind.
#include "frontends/checkpoint/WriteModel.h"
#include "test/unit/checkpoint/TestCheckpoint.h"

#include <cstring>

namespace dure::checkpoint {
namespace {

namespace fs = std::filesystem;

std::string readAll(const std::string &Path) {
  std::ifstream File(Path, std::ios::binary);
  return {std::istreambuf_iterator<char>(File), {}};
}

/// A checkpoint of one file, and a model that refers to it and converts `a` by
/// doubling its bytes.
class WriteModel : public testing::Test {
protected:
  void SetUp() override {
    From.write("weights.safetensors", "header-abcd");
    C.Folder = C.Path = From.Path;
    auto Mapped = MappedFile::open(From.Path + "/weights.safetensors");
    ASSERT_TRUE(Mapped);
    C.Files.push_back({"weights.safetensors", Mapped.take()});
    Converted.Type = DataType::UInt8;
    Converted.Shape = {8};
    Converted.Offset = 7;
    Converted.StoredBytes = 4;
    Converted.Convert = [](std::span<const std::byte> Stored,
                           const ByteSink &Sink) {
      DURE_RETURN_IF_ERROR(Sink(Stored));
      return Sink(Stored);
    };
    M.Graph = "graph";
    M.Files = {0};
    M.InDataFile = {{&Converted, 0}, {&Converted, 4096}};
  }

  Status write(const std::string &Path, const WriteHooks &Hooks = {}) {
    return writeModel(C, M, planWrite(C, M, Path), "out.data", Hooks);
  }

  TestFolder From, To;
  Checkpoint C;
  Tensor Converted;
  ExportedModel M;
};

TEST_F(WriteModel, LeavesWeightsWhereTheyAre) {
  EXPECT_EQ(planWrite(C, M, From.Path + "/model.onnx").CopiedBytes, 0u);
  const auto Before = fs::last_write_time(From.Path + "/weights.safetensors");
  ASSERT_TRUE(write(From.Path + "/model.onnx").ok());
  EXPECT_EQ(readAll(From.Path + "/model.onnx"), "graph");
  EXPECT_EQ(fs::last_write_time(From.Path + "/weights.safetensors"), Before);
}

TEST_F(WriteModel, TakesWeightsAlong) {
  const WritePlan Plan = planWrite(C, M, To.Path + "/model.onnx");
  EXPECT_EQ(Plan.CopiedBytes, 11u);
  EXPECT_EQ(Plan.ConvertedBytes, 4096u + 8u);
  double Last = 0;
  WriteHooks Hooks;
  Hooks.Progress = [&](double Fraction) { Last = Fraction; };
  ASSERT_TRUE(write(To.Path + "/model.onnx", Hooks).ok());
  EXPECT_EQ(readAll(To.Path + "/weights.safetensors"), "header-abcd");
  const std::string Data = readAll(To.Path + "/out.data");
  EXPECT_EQ(Data.size(), 4096u + 8u);
  EXPECT_EQ(Data.substr(0, 8), "abcdabcd");
  EXPECT_EQ(Data.substr(4096), "abcdabcd");
  EXPECT_GT(Last, 0.0);
}

TEST_F(WriteModel, LeavesNothingWhenItIsStopped) {
  const volatile int Stop = 1;
  WriteHooks Hooks;
  Hooks.Cancel = &Stop;
  M.Files.clear();
  const Status Written = write(To.Path + "/model.onnx", Hooks);
  EXPECT_EQ(Written.code(), StatusCode::Cancelled);
  EXPECT_TRUE(fs::is_empty(To.Path));
}

TEST_F(WriteModel, LeavesNoGraphWithoutItsWeights) {
  Converted.Convert = [](std::span<const std::byte>, const ByteSink &) {
    return dataLoss("a block is damaged");
  };
  const Status Written = write(To.Path + "/model.onnx");
  EXPECT_EQ(Written.message(), "a block is damaged");
  EXPECT_FALSE(fs::exists(To.Path + "/model.onnx"));
  EXPECT_FALSE(fs::exists(To.Path + "/out.data"));
}

TEST_F(WriteModel, SaysWhereItCannotWrite) {
  const Status Written = write(To.Path + "/none/model.onnx");
  EXPECT_FALSE(Written.ok());
}

} // namespace
} // namespace dure::checkpoint
