// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of reading safetensors files, hostile ones above all.
#include "test/unit/checkpoint/TestCheckpoint.h"

namespace dure::checkpoint {
namespace {

/// The code with which a folder of that one file of weights is refused; "" when
/// it opens.
std::string refusalOf(const std::string &File) {
  TestFolder Folder;
  Folder.write("config.json", "{}");
  Folder.write("model.safetensors", File);
  Refusals Problems;
  const auto C = Checkpoint::open(Folder.Path, {}, Problems);
  EXPECT_EQ(C == nullptr, !Problems.empty());
  return C ? "" : std::string(codeName(Problems.list().front().Code));
}

std::string entry(const std::string &Type, const std::string &Shape,
                  const std::string &Offsets) {
  return R"({"dtype":")" + Type + R"(","shape":)" + Shape +
         R"(,"data_offsets":)" + Offsets + "}";
}

TEST(Safetensors, GivesTensorsByName) {
  TestFolder Folder;
  Folder.write("config.json", "{\"a\": 1}");
  // Padded with blanks, as writers do, so that data begins at 8 bytes.
  std::string Header = R"({"__metadata__":{"format":"pt"},"w":)" +
                       entry("F32", "[1,2]", "[0,8]") + R"(,"b":)" +
                       entry("BF16", "[3]", "[8,14]") + R"(,"s":)" +
                       entry("I64", "[0]", "[14,14]") + "}";
  // A tensor without elements lies anywhere between others.
  Header.resize((Header.size() + 7) / 8 * 8, ' ');
  Header.replace(Header.find("[14,14]"), 7, "[8,8]  ");
  Folder.write("model.safetensors", safetensors(Header, std::string(14, 'x')));
  Refusals Problems;
  const auto C = Checkpoint::open(Folder.Path, {}, Problems);
  ASSERT_TRUE(C) << toString(Problems.list().front());
  EXPECT_EQ(C->Tensors.size(), 3u);
  const Tensor *W = C->find("w");
  ASSERT_TRUE(W);
  EXPECT_EQ(W->Shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(W->bytes(), 8u);
  EXPECT_EQ(C->stored(*W).size(), 8u);
  EXPECT_EQ(C->find("b")->Type, DataType::BFloat16);
  EXPECT_EQ(C->find("b")->Offset, W->Offset + 8);
  EXPECT_FALSE(C->find("c"));
}

TEST(Safetensors, RefusesLengthsThatDoNotFit) {
  EXPECT_EQ(refusalOf(""), "header-size");
  EXPECT_EQ(refusalOf("1234567"), "header-size");
  EXPECT_EQ(refusalOf(std::string("\x02\0\0\0\0\0\0\0{", 9)), "header-size");
  EXPECT_EQ(refusalOf(std::string(8, '\xff') + "{}"), "header-size");
  // 100,000,001 bytes of header.
  EXPECT_EQ(refusalOf(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10)),
            "header-size");
}

TEST(Safetensors, RefusesHeadersThatAreNoHeaders) {
  EXPECT_EQ(refusalOf(safetensors("", "")), "json-malformed");
  EXPECT_EQ(refusalOf(safetensors("{", "")), "json-malformed");
  EXPECT_EQ(refusalOf(safetensors("{}x", "")), "json-malformed");
  EXPECT_EQ(refusalOf(safetensors("[]", "")), "json-kind");
  EXPECT_EQ(refusalOf(safetensors(R"({"w":1})", "")), "json-kind");
  EXPECT_EQ(refusalOf(safetensors(R"({"w":{"a":{"b":{"c":{}}}}})", "")),
            "json-too-deep");
  EXPECT_EQ(
      refusalOf(safetensors(R"({"w":)" + entry("F32", "[1]", "[0,4]") +
                                R"(,"w":)" + entry("F32", "[1]", "[4,8]") + "}",
                            std::string(8, 0))),
      "json-duplicate");
  EXPECT_EQ(refusalOf(safetensors(
                R"({"\n":)" + entry("U8", "[1]", "[0,1]") + "}", "x")),
            "bad-name");
}

TEST(Safetensors, RefusesTensorsThatAreNoTensors) {
  const auto Of = [](const std::string &Entry) {
    return refusalOf(safetensors("{\"w\":" + Entry + "}", "12345678"));
  };
  EXPECT_EQ(Of(entry("F99", "[2]", "[0,8]")), "tensor-type");
  EXPECT_EQ(Of(entry("F32", "2", "[0,8]")), "json-kind");
  EXPECT_EQ(Of(entry("F32", "[-2]", "[0,8]")), "json-kind");
  EXPECT_EQ(Of(entry("F32", "[1.5]", "[0,8]")), "json-kind");
  EXPECT_EQ(Of(entry("F32", "[2]", "[0]")), "json-kind");
  EXPECT_EQ(Of(entry("F32", "[2]", "[-1,8]")), "json-kind");
  EXPECT_EQ(Of(entry("F32", "[2]", "[8,0]")), "tensor-range");
  EXPECT_EQ(Of(entry("F32", "[2]", "[4,12]")), "tensor-range");
  EXPECT_EQ(Of(entry("F32", "[2]", "[0,9223372036854775807]")), "tensor-range");
  EXPECT_EQ(Of(entry("F32", "[3]", "[0,8]")), "tensor-size");
  // 2^32 * 2^32 elements wrap to none; 2^62 bytes of a rank that is too high.
  EXPECT_EQ(Of(entry("F32", "[4294967296,4294967296]", "[0,8]")),
            "tensor-dims");
  EXPECT_EQ(Of(entry("U8", "[9223372036854775807,2]", "[0,8]")), "tensor-dims");
  EXPECT_EQ(Of(entry("U8", "[1,1,1,1,1,1,1,1,8]", "[0,8]")), "tensor-dims");
  EXPECT_EQ(Of(entry("U8", "[7]", "[0,7]")), "data-left-over");
  EXPECT_EQ(Of(entry("U8", "[7]", "[1,8]")), "tensor-overlap");
}

TEST(Safetensors, RefusesOverlapsAndGaps) {
  const auto Of = [](const std::string &First, const std::string &Second) {
    return refusalOf(safetensors("{\"a\":" + entry("U8", "[4]", First) +
                                     ",\"b\":" + entry("U8", "[4]", Second) +
                                     "}",
                                 "12345678"));
  };
  EXPECT_EQ(Of("[4,8]", "[0,4]"), "");
  EXPECT_EQ(Of("[0,4]", "[0,4]"), "tensor-overlap");
  EXPECT_EQ(Of("[0,4]", "[2,6]"), "tensor-overlap");
  EXPECT_EQ(Of("[1,5]", "[4,8]"), "tensor-overlap");
}

TEST(Safetensors, RefusesElementsThatCannotBeMapped) {
  // Data begins behind 8 bytes and the header, here at an odd byte.
  std::string Header = "{\"w\":" + entry("F32", "[2]", "[0,8]") + "}";
  while (Header.size() % 4 != 1)
    Header += ' ';
  EXPECT_EQ(refusalOf(safetensors(Header, "12345678")), "tensor-alignment");
}

TEST(Checkpoint, RefusesPickles) {
  TestFolder Folder;
  EXPECT_EQ(Folder.refusals(), "no-checkpoint");
  Folder.write("config.json", "{}");
  EXPECT_EQ(Folder.refusals(), "no-weights");
  Folder.write("pytorch_model.bin", "\x80\x02");
  EXPECT_EQ(Folder.refusals(), "pickle");
}

TEST(Checkpoint, RefusesIndicesThatLie) {
  const std::string One =
      safetensors("{\"w\":" + entry("U8", "[1]", "[0,1]") + "}", "x");
  TestFolder Folder;
  Folder.write("config.json", "{}");
  Folder.write("a.safetensors", One);
  const auto Of = [&](const std::string &Index) {
    Folder.write("model.safetensors.index.json", Index);
    Refusals Problems;
    const auto C = Checkpoint::open(Folder.Path, {}, Problems);
    return C ? std::string() : std::string(codeName(Problems.list()[0].Code));
  };
  EXPECT_EQ(Of(R"({"weight_map":{"w":"a.safetensors"}})"), "");
  EXPECT_EQ(Of(R"({"weight_map":{"v":"a.safetensors"}})"), "tensor-elsewhere");
  EXPECT_EQ(Of(R"({"weight_map":{"w":"b.safetensors"}})"), "file-open");
  EXPECT_EQ(Of(R"({"weight_map":{"w":"../a.safetensors"}})"), "file-open");
  EXPECT_EQ(Of(R"({"weight_map":{"w":"/etc/passwd"}})"), "file-open");
  EXPECT_EQ(Of(R"({"weight_map":{"w":1}})"), "json-kind");
  EXPECT_EQ(Of(R"({"weight_map":[]})"), "json-kind");
  EXPECT_EQ(Of("{}"), "json-kind");
  Folder.write("b.safetensors", One);
  EXPECT_EQ(Of(R"({"weight_map":{"w":"a.safetensors","v":"b.safetensors"}})"),
            "tensor-twice");
}

TEST(Checkpoint, FollowsLinksWhereTheyAreWanted) {
  TestFolder Folder, Elsewhere;
  Folder.write("config.json", "{}");
  Elsewhere.write("blob", safetensors("{}", ""));
  std::filesystem::create_symlink(Elsewhere.Path + "/blob",
                                  Folder.Path + "/model.safetensors");
  Refusals Problems;
  EXPECT_FALSE(Checkpoint::open(Folder.Path, {}, Problems));
  EXPECT_EQ(codeName(Problems.list().at(0).Code), "file-open");
  LinkPolicy Links;
  Links.AllowLinks = true;
  Refusals None;
  EXPECT_TRUE(Checkpoint::open(Folder.Path, Links, None));
  Links.Root = Folder.Path;
  EXPECT_FALSE(Checkpoint::open(Folder.Path, Links, None));
}

} // namespace
} // namespace dure::checkpoint
