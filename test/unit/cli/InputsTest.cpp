// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of inputs checked against a signature, made up, and read from folders.
#include "tools/dure/Inputs.h"
#include "tools/dure/DataSets.h"
#include "tools/io/Npy.h"
#include "tools/io/Npz.h"
#include "tools/io/TensorProto.h"

#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

namespace dure {
namespace {

/// ids: int64[batch, seq] and some_mask: float32[batch, 2] to two outputs.
Signature exampleSignature() {
  Signature S;
  S.Inputs = {
      {"ids", DURE_TYPE_I64, {{-1, "batch"}, {-1, "seq"}}},
      {"some_mask", DURE_TYPE_F32, {{-1, "batch"}, {2, ""}}},
  };
  S.Outputs = {{"a/b", DURE_TYPE_F32, {{-1, "batch"}}},
               {"c", DURE_TYPE_I64, {}}};
  S.Symbols = {{"batch", 1, 8, 1}, {"seq", 0, 64, 4}};
  return S;
}

io::Tensor tensor(const char *Name, io::ElementType Type,
                  std::vector<int64_t> Dims) {
  io::Tensor T;
  T.Name = Name;
  T.Type = Type;
  T.Dims = std::move(Dims);
  T.Bytes.resize(size_t(*io::storageBytes(Type, T.elementCount())));
  return T;
}

io::Tensor ids(std::vector<int64_t> Dims) {
  return tensor("ids", io::ElementType::Int64, std::move(Dims));
}
io::Tensor mask(std::vector<int64_t> Dims) {
  return tensor("some_mask", io::ElementType::Float32, std::move(Dims));
}

class Inputs : public testing::Test {
protected:
  std::string Problems;
  Console Out{Language::English, &Problems};
  Signature S = exampleSignature();

  bool said(const char *Text) const {
    return Problems.find(Text) != std::string::npos;
  }
};

TEST_F(Inputs, ArrangesByTheSignature) {
  auto Arranged = arrangeInputs(Out, "m", S, {mask({2, 2}), ids({2, 8})});
  ASSERT_TRUE(Arranged) << Problems;
  EXPECT_EQ((*Arranged)[0].Name, "ids");
  EXPECT_EQ((*Arranged)[1].Name, "some_mask");
}

TEST_F(Inputs, RefusesAllAtOnceWithTheSignature) {
  EXPECT_FALSE(arrangeInputs(
      Out, "m", S, {mask({2, 3}), tensor("x", io::ElementType::Bool, {})}));
  EXPECT_TRUE(said("the inputs do not fit m"));
  EXPECT_TRUE(said("ids: missing"));
  EXPECT_TRUE(said("some_mask: shape [2, 3], but [batch, 2] is expected"));
  EXPECT_TRUE(said("x: the model has no such input"));
  EXPECT_TRUE(said("  ids: int64[batch, seq]\n"));
}

TEST_F(Inputs, RefusesSizesThatDisagreeOrLeaveTheRange) {
  EXPECT_FALSE(arrangeInputs(Out, "m", S, {ids({2, 8}), mask({3, 2})}));
  EXPECT_TRUE(
      said("some_mask: shape [3, 2] makes batch = 3, but ids makes it 2"));
  Problems.clear();
  EXPECT_FALSE(arrangeInputs(Out, "m", S, {ids({9, 8}), mask({9, 2})}));
  EXPECT_TRUE(said("batch = 9, outside 1 to 8"));
  Problems.clear();
  EXPECT_FALSE(arrangeInputs(Out, "m", S, {ids({2, 6}), mask({2, 2})}));
  EXPECT_TRUE(said("seq = 6, outside 0 to 64 in steps of 4"));
}

TEST_F(Inputs, MakesValuesForTiming) {
  auto Made = makeInputs(Out, S, {{"batch", 2}, {"seq", 4}}).Tensors;
  ASSERT_TRUE(Made) << Problems;
  EXPECT_EQ((*Made)[0].Dims, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(io::storageBytes(io::ElementType::Int64, 8),
            int64_t((*Made)[0].Bytes.size()));
  MadeInputs Missing = makeInputs(Out, S, {{"batch", 2}});
  EXPECT_FALSE(Missing.Tensors);
  EXPECT_EQ(Missing.Exit, ExitUsage);
  // What was given stays, and the other fits its multiple.
  EXPECT_TRUE(
      said("--dims lacks a size for: seq (write --dims batch=2,seq=4)"));
  // As the model's file writes it.
  S.Symbols.push_back({"past_len", 0, 9, 1});
  S.Inputs.push_back({"p", DURE_TYPE_F32, {{-1, "past_len"}}});
  EXPECT_TRUE(
      makeInputs(Out, S, {{"batch", 2}, {"seq", 4}, {"past-len", 3}}).Tensors)
      << Problems;
  S = exampleSignature();
  MadeInputs Unknown = makeInputs(Out, S, {{"batch", 2}, {"seq", 4}, {"x", 1}});
  EXPECT_EQ(Unknown.Exit, ExitUsage);
  EXPECT_TRUE(said("--dims names 'x'"));
}

TEST_F(Inputs, RefusesSizesThatNoMemoryHolds) {
  // Overflowing, and merely more than any machine has.
  EXPECT_FALSE(makeInputs(Out, S, {{"batch", INT64_MAX}, {"seq", 4}}).Tensors);
  MadeInputs Large =
      makeInputs(Out, S, {{"batch", int64_t(1) << 50}, {"seq", 4}});
  EXPECT_FALSE(Large.Tensors);
  EXPECT_EQ(Large.Exit, ExitFailed);
  EXPECT_TRUE(said("the inputs take"));
}

TEST_F(Inputs, WorksOutDimsThatAreExpressions) {
  S.Inputs.push_back(
      {"mask", DURE_TYPE_I64, {{-1, "batch"}, {-1, "min(3, batch) + 2*seq"}}});
  auto Made = makeInputs(Out, S, {{"batch", 5}, {"seq", 8}}).Tensors;
  ASSERT_TRUE(Made) << Problems;
  EXPECT_EQ((*Made)[2].Dims, (std::vector<int64_t>{5, 19}));
  // A size below zero is the fault of --dims.
  S.Inputs.back().Dims[1].Expression = "batch - seq";
  MadeInputs Below = makeInputs(Out, S, {{"batch", 5}, {"seq", 8}});
  EXPECT_EQ(Below.Exit, ExitUsage);
  EXPECT_TRUE(said("'batch - seq' would be -3"));
}

TEST_F(Inputs, DerivesAndSuggestsSizesThatThePackageAsksFor) {
  // An equality fixes the size: it need not be given.
  S.Symbols = {{"batch", 0, 64, 1}, {"seq", 0, 64, 1}, {"total", 0, 99, 1}};
  S.Inputs.push_back({"m", DURE_TYPE_I64, {{-1, "total"}}});
  auto Made = makeInputs(Out, S, {{"batch", 2}, {"seq", 4}},
                         {{"total", "==", "(batch + (2 * seq))"}})
                  .Tensors;
  ASSERT_TRUE(Made) << Problems;
  EXPECT_EQ((*Made)[2].Dims, std::vector<int64_t>{10});
  // A bound does not, but the suggestion meets it.
  MadeInputs Bound = makeInputs(Out, S, {{"batch", 2}, {"seq", 4}},
                                {{"max(batch + seq, total)", "==", "total"}});
  EXPECT_FALSE(Bound.Tensors);
  EXPECT_TRUE(said("(write --dims batch=2,seq=4,total=6)"));
}

class Folders : public Inputs {
protected:
  void SetUp() override {
    std::string Pattern =
        (std::filesystem::temp_directory_path() / "dure-cli-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(Pattern.data()));
    Folder = Pattern;
  }
  void TearDown() override { std::filesystem::remove_all(Folder); }

  void writeProto(const std::string &Name, const io::Tensor &T) {
    const std::string Path = Folder + "/" + Name;
    std::filesystem::create_directories(
        std::filesystem::path(Path).parent_path());
    ASSERT_TRUE(io::writeTensorProto(Path, T));
  }

  std::string Folder;
};

TEST_F(Folders, ReadsSetsInTheOrderOfTheirNumbers) {
  for (const char *Set : {"test_data_set_10", "test_data_set_2"}) {
    writeProto(std::string(Set) + "/input_0.pb", ids({2, 4}));
    writeProto(std::string(Set) + "/input_1.pb", mask({2, 2}));
    writeProto(std::string(Set) + "/output_1.pb",
               tensor("any", io::ElementType::Int64, {}));
  }
  auto Sets = readDataSets(Out, Folder, "", S);
  ASSERT_TRUE(Sets) << Problems;
  ASSERT_EQ(Sets->size(), 2u);
  EXPECT_EQ((*Sets)[0].Name, "test_data_set_2");
  EXPECT_EQ((*Sets)[0].Inputs[1].Name, "some_mask");
  ASSERT_EQ((*Sets)[0].Expected.size(), 1u);
  EXPECT_EQ((*Sets)[0].Expected[0].first, 1u);
}

TEST_F(Folders, RefusesNumbersThatTheModelLacks) {
  writeProto("test_data_set_0/input_2.pb", ids({2, 4}));
  EXPECT_FALSE(readDataSets(Out, Folder, "", S));
  EXPECT_TRUE(said("input_2.pb: the model has only 2 inputs"));
}

TEST_F(Folders, ReadsNamedFilesAndExpectedOutputs) {
  ASSERT_TRUE(io::writeNpy(Folder + "/ids.npy", ids({2, 4})));
  writeProto("some_mask.pb", mask({2, 2}));
  std::vector<io::Tensor> Expected = {
      tensor("a/b", io::ElementType::Float32, {2})};
  ASSERT_TRUE(io::writeNpz(Folder + "/x.npz", Expected));
  auto Sets = readDataSets(Out, Folder, Folder + "/x.npz", S);
  ASSERT_TRUE(Sets) << Problems;
  ASSERT_EQ((*Sets)[0].Inputs.size(), 2u);
  ASSERT_EQ((*Sets)[0].Expected.size(), 1u);
  EXPECT_EQ((*Sets)[0].Expected[0].first, 0u);

  Expected[0].Name = "nothing";
  ASSERT_TRUE(io::writeNpz(Folder + "/x.npz", Expected));
  EXPECT_FALSE(readDataSets(Out, Folder, Folder + "/x.npz", S));
  EXPECT_TRUE(said("no output 'nothing'; its outputs are: a/b, c"));
}

TEST_F(Folders, RefusesTwoFilesOfOneNumberAndTellsOutputsWithoutExpectation) {
  writeProto("test_data_set_0/input_0.pb", ids({2, 4}));
  writeProto("test_data_set_0/output_1.pb",
             tensor("any", io::ElementType::Int64, {}));
  auto Sets = readDataSets(Out, Folder, "", S);
  ASSERT_TRUE(Sets) << Problems;
  EXPECT_EQ((*Sets)[0].withoutExpected(S), std::vector<std::string>{"a/b"});
  writeProto("test_data_set_0/input_00.pb", ids({2, 4}));
  EXPECT_FALSE(readDataSets(Out, Folder, "", S));
  EXPECT_TRUE(said("have the same number"));
}

TEST_F(Folders, SaysThatAFolderIsMissing) {
  EXPECT_FALSE(isFolder(Out, Folder + "/none"));
  EXPECT_TRUE(said("/none: there is no such folder"));
  EXPECT_TRUE(isFolder(Out, Folder));
  EXPECT_FALSE(readDataSets(Out, Folder + "/none", "", S));
  EXPECT_TRUE(said("cannot read the folder: No such file or directory"));
}

TEST_F(Folders, RefusesEmptyFolders) {
  EXPECT_FALSE(readDataSets(Out, Folder, "", S));
  EXPECT_TRUE(said("no test_data_set_*/"));
}

} // namespace
} // namespace dure
