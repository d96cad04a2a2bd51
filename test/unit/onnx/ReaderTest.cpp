// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ONNX reader: what it takes from a file, and what it refuses.

#include "frontends/onnx/Reader.h"

#include "test/unit/onnx/Protos.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

/// A folder that exists only in the test.
class FakeFolder : public ExternalFileSource {
public:
  explicit FakeFolder(std::map<std::string, uint64_t> Sizes)
      : Sizes(std::move(Sizes)) {}
  bool open(std::string_view Location, ExternalFile &File,
            std::string &Error) override {
    ++Opened;
    auto It = Sizes.find(std::string(Location));
    if (It == Sizes.end()) {
      Error = "there is no such file";
      return false;
    }
    File.Path = "/folder/" + It->first;
    File.Size = It->second;
    return true;
  }
  int Opened = 0;

private:
  std::map<std::string, uint64_t> Sizes;
};

/// x -> Relu -> y, with more of everything added.
GraphParts reluGraph() {
  GraphParts Parts;
  Parts.Inputs = {value("x", 1, {"batch", 4})};
  Parts.Outputs = {value("y", 1, {"batch", 4})};
  Parts.Nodes = {node("Relu", {"x"}, {"y"}, {}, "act")};
  return Parts;
}

/// The code of the refusal, or "ok".
std::string codeOf(const std::string &Bytes,
                   ExternalFileSource *Files = nullptr,
                   const ReadLimits &Limits = {}) {
  ReadResult Result = readModel(Bytes, "m.onnx", Files, Limits);
  EXPECT_EQ(Result.M == nullptr, Result.Error.has_value());
  return Result.Error ? std::string(codeName(Result.Error->Code)) : "ok";
}

std::string codeWith(const std::string &Initializer,
                     ExternalFileSource *Files = nullptr) {
  GraphParts Parts = reluGraph();
  Parts.Initializers = {Initializer};
  return codeOf(model(graph(Parts)), Files);
}

TEST(OnnxReader, ReadsAGraph) {
  GraphParts Parts = reluGraph();
  Parts.Nodes = {node("Softmax", {"x"}, {"y"}, {intAttribute("axis", -1)},
                      "soft", "ai.onnx")};
  std::string Bytes = model(graph(Parts), 18);
  ReadResult Result = readModel(Bytes, "m.onnx");
  ASSERT_TRUE(Result.M) << toString(*Result.Error);
  const Model &M = *Result.M;
  EXPECT_EQ(M.Opsets[0].Version, 18);
  ASSERT_EQ(M.Main.Inputs.size(), 1u);
  const TypeInfo &Type = M.Main.Inputs[0].Type;
  EXPECT_EQ(Type.Element, DataType::Float);
  ASSERT_TRUE(Type.Shape);
  EXPECT_EQ((*Type.Shape)[0].Name, "batch");
  EXPECT_EQ((*Type.Shape)[1].Value, 4);
  const Node &N = M.Main.Nodes[0];
  EXPECT_EQ(N.OpType, "Softmax");
  EXPECT_EQ(N.Domain, "");
  EXPECT_EQ(N.Attributes[0].Int, -1);
}

TEST(OnnxReader, RawDataIsARangeOfTheFile) {
  std::vector<float> Values = {1, 2, 3, 4};
  GraphParts Parts = reluGraph();
  Parts.Initializers = {rawTensorOf<float>("w", 1, {2, 2}, Values)};
  std::string Bytes = model(graph(Parts));
  ReadResult Result = readModel(Bytes, "m.onnx");
  ASSERT_TRUE(Result.M);
  const Tensor &T = Result.M->Main.Initializers[0];
  ASSERT_EQ(T.Kind, Tensor::Storage::File);
  EXPECT_EQ(T.Range.File, 0u);
  ASSERT_EQ(T.Range.Size, 16u);
  EXPECT_EQ(std::memcmp(Bytes.data() + T.Range.Offset, Values.data(), 16), 0);
}

TEST(OnnxReader, PackedFloatsAreARangeToo) {
  std::vector<float> Values = {1, 2, 3};
  std::string T = message([&](Writer &W) {
    W.add_int64(1, 3);
    W.add_int32(2, 1);
    W.add_packed_float(4, Values.begin(), Values.end());
    W.add_string(8, "w");
  });
  GraphParts Parts = reluGraph();
  Parts.Initializers = {T};
  std::string Bytes = model(graph(Parts));
  ReadResult Result = readModel(Bytes, "m.onnx");
  ASSERT_TRUE(Result.M);
  EXPECT_EQ(Result.M->Main.Initializers[0].Kind, Tensor::Storage::File);
  EXPECT_EQ(Result.M->Main.Initializers[0].Range.Size, 12u);
}

TEST(OnnxReader, VarintElementsAreDecodedToTheirWidth) {
  std::vector<int32_t> Values = {-1, 2};
  std::string T = message([&](Writer &W) {
    W.add_int64(1, 2);
    W.add_int32(2, 3); // int8
    W.add_packed_int32(5, Values.begin(), Values.end());
    W.add_string(8, "w");
  });
  GraphParts Parts = reluGraph();
  Parts.Initializers = {T};
  std::string Bytes = model(graph(Parts));
  ReadResult Result = readModel(Bytes, "m.onnx");
  ASSERT_TRUE(Result.M) << toString(*Result.Error);
  EXPECT_EQ(Result.M->Main.Initializers[0].Bytes, std::string("\xff\x02", 2));
}

TEST(OnnxReader, VarintsBeyondTheTypeAreRefused) {
  std::vector<int32_t> Values = {300};
  EXPECT_EQ(codeWith(message([&](Writer &W) {
              W.add_int64(1, 1);
              W.add_int32(2, 3);
              W.add_packed_int32(5, Values.begin(), Values.end());
              W.add_string(8, "w");
            })),
            "tensor-data");
}

TEST(OnnxReader, FourBitTensorsRoundUp) {
  EXPECT_EQ(codeWith(rawTensor("w", 22, {3}, "\x12\x03")), "ok");
  EXPECT_EQ(codeWith(rawTensor("w", 22, {3}, "\x12")), "tensor-size");
}

TEST(OnnxReader, DataThatDisagreesWithDimsIsRefused) {
  EXPECT_EQ(codeWith(rawTensor("w", 1, {4}, "123")), "tensor-size");
  EXPECT_EQ(codeWith(rawTensor("w", 1, {-1}, "1234")), "tensor-dims");
  EXPECT_EQ(
      codeWith(rawTensor("w", 1, {int64_t(1) << 40, int64_t(1) << 40}, "1234")),
      "tensor-dims");
  EXPECT_EQ(codeWith(rawTensor("w", 99, {1}, "1234")), "tensor-type");
  EXPECT_EQ(codeWith(rawTensor("w", 1, std::vector<int64_t>(65, 1), "1234")),
            "tensor-dims");
}

TEST(OnnxReader, EmptyTensorsNeedNoData) {
  EXPECT_EQ(codeWith(rawTensor("w", 1, {0, 7}, "")), "ok");
  EXPECT_EQ(codeWith(message([&](Writer &W) {
              W.add_int64(1, 0);
              W.add_int32(2, 7);
              W.add_string(8, "w");
            })),
            "ok");
}

TEST(OnnxReader, ExternalDataIsCheckedBeforeUse) {
  FakeFolder Folder({{"w.bin", 100}});
  EXPECT_EQ(
      codeWith(externalTensor(
                   "w", 1, {4},
                   {{"location", "w.bin"}, {"offset", "84"}, {"length", "16"}}),
               &Folder),
      "ok");
  using Keys = std::vector<std::pair<std::string, std::string>>;
  const Keys Bad[] = {
      {{"location", "w.bin"}, {"offset", "88"}},
      {{"location", "w.bin"}, {"offset", "18446744073709551615"}},
      {{"location", "w.bin"}, {"offset", "99999999999999999999"}},
      {{"location", "w.bin"}, {"offset", "-1"}},
      {{"location", "w.bin"}, {"offset", "1x"}},
      {{"offset", "0"}},
      {{"location", "w.bin"}, {"evil", "1"}},
      // Readers that disagree about which one counts would read another file.
      {{"location", "w.bin"}, {"location", "w.bin"}},
      {{"location", "w.bin"}, {"offset", "0"}, {"offset", "84"}},
      {{"location", "w.bin"}, {"length", "16"}, {"length", "16"}},
  };
  for (const Keys &Each : Bad)
    EXPECT_EQ(codeWith(externalTensor("w", 1, {4}, Each), &Folder),
              "external-data");
  EXPECT_EQ(codeWith(externalTensor(
                         "w", 1, {4},
                         {{"location", "w.bin"}, {"length", "99999999999"}}),
                     &Folder),
            "tensor-size");
  // A file that is not there is another matter than an entry that is wrong.
  EXPECT_EQ(codeWith(externalTensor("w", 1, {4}, {{"location", "other.bin"}}),
                     &Folder),
            "external-file");
  EXPECT_EQ(codeWith(externalTensor("w", 1, {4}, {{"location", "w.bin"}})),
            "external-file");
}

/// The code for one Relu with `Count` attributes named by `Name`.
static std::string codeOfAttributes(size_t Count,
                                    std::function<std::string(size_t)> Name) {
  GraphParts Parts = reluGraph();
  std::vector<std::string> Attributes;
  for (size_t I = 0; I < Count; ++I)
    Attributes.push_back(intAttribute(Name(I), 1));
  Parts.Nodes.push_back(node("Relu", {"x"}, {"z"}, Attributes));
  return codeOf(model(graph(Parts)));
}

TEST(OnnxReader, ListsThatOnlyHostileFilesHaveAreBounded) {
  auto Unlike = [](size_t I) { return "a" + std::to_string(I); };
  EXPECT_EQ(codeOfAttributes(10'000, Unlike), "ok");
  EXPECT_EQ(codeOfAttributes(10'001, Unlike), "too-many");
  EXPECT_EQ(codeOfAttributes(2, [](size_t) { return std::string("a"); }),
            "duplicate-name");
  std::string Bytes = model(graph(reluGraph()));
  for (int I = 0; I < 10'000; ++I)
    Bytes += message([&](Writer &W) {
      W.add_message(8, opset(1, "d" + std::to_string(I)));
    });
  EXPECT_EQ(codeOf(Bytes), "too-many");
}

TEST(OnnxReader, AFileIsOpenedOnce) {
  // However its name is spelled.
  FakeFolder Folder({{"w.bin", 100}});
  GraphParts Parts = reluGraph();
  for (const char *Spelling : {"w.bin", "./w.bin", ".//./w.bin"})
    Parts.Initializers.push_back(
        externalTensor(Spelling, 1, {4}, {{"location", Spelling}}));
  std::string Bytes = model(graph(Parts));
  ReadResult Result = readModel(Bytes, "m.onnx", &Folder);
  ASSERT_TRUE(Result.M);
  EXPECT_EQ(Folder.Opened, 1);
  EXPECT_EQ(Result.M->ExternalFiles.size(), 1u);
  EXPECT_EQ(Result.M->Main.Initializers[2].Range.File, 1u);
}

TEST(OnnxReader, EveryTruncationIsRefusedOrRead) {
  GraphParts Parts = reluGraph();
  Parts.Initializers = {rawTensorOf<float>("w", 1, {2}, {1, 2})};
  Parts.Nodes[0] = node("Relu", {"x"}, {"y"}, {intsAttribute("k", {1, 300})});
  std::string Bytes = model(graph(Parts));
  // Pages behind the text must not be read: give the exact bytes.
  for (size_t Size = 0; Size < Bytes.size(); ++Size) {
    std::string Cut = Bytes.substr(0, Size);
    codeOf(Cut);
  }
  for (size_t I = 0; I < Bytes.size(); ++I)
    for (unsigned Bit = 0; Bit < 8; ++Bit) {
      std::string Flipped = Bytes;
      Flipped[I] = static_cast<char>(Flipped[I] ^ (1 << Bit));
      codeOf(Flipped);
    }
}

TEST(OnnxReader, NoModelAtAll) {
  EXPECT_EQ(codeOf(""), "file-malformed");
  EXPECT_EQ(codeOf("PK\x03\x04 a zip file"), "file-malformed");
  std::string Twice = model(graph(reluGraph()));
  EXPECT_EQ(codeOf(Twice + Twice), "file-malformed");
}

TEST(OnnxReader, WrongWireTypes) {
  std::string Bytes = message([&](Writer &W) { W.add_string(1, "ten"); });
  EXPECT_EQ(codeOf(Bytes), "file-malformed");
}

TEST(OnnxReader, VersionsFromTheFuture) {
  std::string Bytes = message([&](Writer &W) {
    W.add_int64(1, 99);
    W.add_message(7, graph(reluGraph()));
    W.add_message(8, opset(20));
  });
  EXPECT_EQ(codeOf(Bytes), "ir-version");
}

TEST(OnnxReader, DepthIsBounded) {
  std::string Inner = graph(reluGraph());
  for (int I = 0; I < 200; ++I) {
    GraphParts Parts = reluGraph();
    Parts.Nodes.push_back(
        node("If", {"x"}, {"z"}, {graphAttribute("then_branch", Inner)}));
    Inner = graph(Parts);
  }
  EXPECT_EQ(codeOf(model(Inner)), "file-too-deep");
}

TEST(OnnxReader, CountsAreBounded) {
  GraphParts Parts = reluGraph();
  for (int I = 0; I < 20; ++I)
    Parts.Nodes.push_back(node("Relu", {"x"}, {"r" + std::to_string(I)}));
  ReadLimits Limits;
  Limits.MaxNodes = 10;
  EXPECT_EQ(codeOf(model(graph(Parts)), nullptr, Limits), "too-many");
  Limits = {};
  Limits.MaxMemory = 1000;
  EXPECT_EQ(codeOf(model(graph(Parts)), nullptr, Limits), "too-many");
  const std::string Bytes = model(graph(reluGraph()));
  Limits = {};
  Limits.MaxFileBytes = Bytes.size();
  EXPECT_EQ(codeOf(Bytes, nullptr, Limits), "ok");
  --Limits.MaxFileBytes;
  EXPECT_EQ(codeOf(Bytes, nullptr, Limits), "file-size");
}

TEST(OnnxReader, NamesMustBeText) {
  for (std::string Name :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xc0\x80"),
        std::string("\xed\xa0\x80"), std::string(20000, 'a')}) {
    GraphParts Parts = reluGraph();
    Parts.Nodes.push_back(node("Relu", {"x"}, {Name}));
    EXPECT_EQ(codeOf(model(graph(Parts))), "bad-name");
  }
  GraphParts Parts = reluGraph();
  Parts.Nodes.push_back(node("Relu", {"x"}, {"두레/ε"}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "ok");
}

TEST(OnnxReader, NamesAreUniqueAndDefined) {
  GraphParts Parts = reluGraph();
  Parts.Nodes.push_back(node("Relu", {"x"}, {"y"}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "duplicate-name");
  Parts = reluGraph();
  Parts.Inputs.push_back(value("x", 1, {1}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "duplicate-name");
  Parts = reluGraph();
  Parts.Nodes.push_back(node("Relu", {"nobody"}, {"z"}, {}, "lost"));
  ReadResult Result = readModel(model(graph(Parts)), "m.onnx");
  ASSERT_TRUE(Result.Error);
  EXPECT_EQ(codeName(Result.Error->Code), "undefined-name");
  EXPECT_NE(Result.Error->Place.find("'lost' (Relu)"), std::string::npos);
  Parts = reluGraph();
  Parts.Outputs.push_back(value("nothing", 1, {1}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "undefined-name");
}

// Tests that the outputs and functions of a model are told apart by their
// names, and that a branch, whose outputs are told apart by their order, may
// give one value twice.
TEST(OnnxReader, OutputsAndFunctionsAreToldApart) {
  GraphParts Parts = reluGraph();
  Parts.Outputs.push_back(value("x", 1, {"batch", 4}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "ok");
  Parts.Outputs.push_back(value("y", 1, {"batch", 4}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "duplicate-name");
  Parts.Outputs.back() = value("", 1, {"batch", 4});
  EXPECT_EQ(codeOf(model(graph(Parts))), "bad-name");
  Parts.Outputs.clear();
  EXPECT_EQ(codeOf(model(graph(Parts))), "file-malformed");

  GraphParts Branch;
  Branch.Outputs = {value("x", 1, {"batch", 4}), value("x", 1, {"batch", 4})};
  Parts = reluGraph();
  Parts.Inputs.push_back(value("c", 9, {}));
  Parts.Nodes.push_back(node("If", {"c"}, {"p", "q"},
                             {graphAttribute("then_branch", graph(Branch)),
                              graphAttribute("else_branch", graph(Branch))}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "ok");

  const std::string Bytes = graph(reluGraph());
  auto Functions = [&](const std::vector<std::string> &All) {
    return codeOf(model(Bytes, 20, All));
  };
  FunctionParts F{"F", {"a"}, {"b"}, {}, {node("Relu", {"a"}, {"b"})}};
  FunctionParts G = F;
  G.Name = "G";
  EXPECT_EQ(Functions({function(F), function(G)}), "ok");
  EXPECT_EQ(Functions({function(F), function(F, "elsewhere")}), "ok");
  EXPECT_EQ(Functions({function(F), function(F)}), "duplicate-name");
  F.Name = "";
  EXPECT_EQ(Functions({function(F)}), "bad-name");
}

TEST(OnnxReader, AnInitializerMayBackAnInput) {
  GraphParts Parts = reluGraph();
  Parts.Inputs.push_back(value("w", 1, {1}));
  Parts.Initializers = {rawTensorOf<float>("w", 1, {1}, {1})};
  EXPECT_EQ(codeOf(model(graph(Parts))), "ok");
  Parts.Initializers.push_back(Parts.Initializers[0]);
  EXPECT_EQ(codeOf(model(graph(Parts))), "duplicate-name");
}

TEST(OnnxReader, UnsortedNodesAreSorted) {
  GraphParts Parts = reluGraph();
  Parts.Nodes = {node("C", {"b"}, {"y"}), node("A", {"x"}, {"a"}),
                 node("B", {"a"}, {"b"})};
  std::string Bytes = model(graph(Parts));
  ReadResult Result = readModel(Bytes, "m.onnx");
  ASSERT_TRUE(Result.M);
  std::string Order;
  for (const Node &N : Result.M->Main.Nodes)
    Order += N.OpType;
  EXPECT_EQ(Order, "ABC");
}

TEST(OnnxReader, CyclesAreRefused) {
  GraphParts Parts = reluGraph();
  Parts.Nodes.push_back(node("Add", {"x", "q"}, {"p"}));
  Parts.Nodes.push_back(node("Relu", {"p"}, {"q"}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "cycle");
  Parts = reluGraph();
  Parts.Nodes.push_back(node("Relu", {"p"}, {"p"}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "cycle");
}

TEST(OnnxReader, SubgraphsSeeOuterNames) {
  GraphParts Inner;
  Inner.Nodes = {node("Relu", {"x"}, {"t"})};
  Inner.Outputs = {value("t", 1, {1})};
  GraphParts Parts = reluGraph();
  Parts.Nodes.push_back(
      node("If", {"x"}, {"z"}, {graphAttribute("then_branch", graph(Inner))}));
  EXPECT_EQ(codeOf(model(graph(Parts))), "ok");
  Inner.Nodes = {node("Relu", {"nobody"}, {"t"})};
  Parts.Nodes.back() =
      node("If", {"x"}, {"z"}, {graphAttribute("then_branch", graph(Inner))});
  EXPECT_EQ(codeOf(model(graph(Parts))), "undefined-name");
}

TEST(OnnxReader, AttributesHoldWhatTheirTypeSays) {
  std::string Wrong = message([&](Writer &W) {
    W.add_string(1, "axis");
    W.add_float(2, 1.5f);
    W.add_int32(20, 2);
  });
  GraphParts Parts = reluGraph();
  Parts.Nodes[0] = node("Relu", {"x"}, {"y"}, {Wrong});
  EXPECT_EQ(codeOf(model(graph(Parts))), "attribute");
  Parts.Nodes[0] =
      node("Relu", {"x"}, {"y"}, {intAttribute("k", 1), intAttribute("k", 2)});
  EXPECT_EQ(codeOf(model(graph(Parts))), "duplicate-name");
}

TEST(OnnxReader, FunctionsAreRead) {
  FunctionParts F{"Twice", {"a"}, {"b"}, {"k"}, {node("Relu", {"a"}, {"b"})}};
  std::string Bytes = model(graph(reluGraph()), 20, {function(F)});
  ReadResult Result = readModel(Bytes, "m.onnx");
  ASSERT_TRUE(Result.M) << toString(*Result.Error);
  ASSERT_EQ(Result.M->Functions.size(), 1u);
  EXPECT_EQ(Result.M->Functions[0].Name, "Twice");
  F.Nodes = {node("Relu", {"x"}, {"b"})}; // Functions see no outer names.
  EXPECT_EQ(codeOf(model(graph(reluGraph()), 20, {function(F)})),
            "undefined-name");
}

TEST(OnnxRefusal, TextsAreCompleteInBothLanguages) {
  std::map<std::string_view, int> Seen;
  for (const RefusalTexts &T : allRefusalTexts()) {
    EXPECT_EQ(Seen[T.Code]++, 0) << T.Code;
    EXPECT_FALSE(T.Reason.empty() || T.ReasonKo.empty() || T.Remedy.empty() ||
                 T.RemedyKo.empty())
        << T.Code;
  }
  Refusal R{};
  R.Code = RefusalCode::DuplicateName;
  R.Arguments = {"w"};
  EXPECT_EQ(reasonOf(R), "The name 'w' is defined twice.");
  EXPECT_EQ(reasonOf(R, Language::Korean),
            "이름 'w'이(가) 두 번 정의되었습니다.");
}

} // namespace
