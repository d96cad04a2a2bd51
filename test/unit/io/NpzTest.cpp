// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of reading and writing .npz, and of what must be refused.
#include "tools/io/Npz.h"

#include "TestFiles.h"
#include "tools/io/File.h"

namespace dure::io {
namespace {

std::vector<Tensor> twoTensors() {
  std::vector<Tensor> Tensors = {
      makeTensor<float>(ElementType::Float32, {2, 2}, {1, 2, 3, 4}),
      makeTensor<int64_t>(ElementType::Int64, {3}, {7, 8, 9})};
  Tensors[0].Name = "first";
  Tensors[1].Name = "둘째/b";
  return Tensors;
}

std::string content(const std::string &Path) {
  Result<MappedFile> File = MappedFile::open(Path);
  if (!File)
    return "";
  return {reinterpret_cast<const char *>(File->bytes().data()),
          File->bytes().size()};
}

TEST(Npz, RoundTrips) {
  TestFolder Folder;
  const std::string Path = Folder.file("a.npz");
  const std::vector<Tensor> Tensors = twoTensors();
  Status Written = writeNpz(Path, Tensors);
  ASSERT_TRUE(Written) << Written.failure().text();
  Result<std::vector<Tensor>> Read = readNpz(Path);
  ASSERT_TRUE(Read) << Read.failure().text();
  ASSERT_EQ(Read->size(), 2u);
  for (size_t I = 0; I < 2; ++I) {
    EXPECT_EQ((*Read)[I].Name, Tensors[I].Name);
    EXPECT_EQ((*Read)[I].Type, Tensors[I].Type);
    EXPECT_EQ((*Read)[I].Dims, Tensors[I].Dims);
    EXPECT_EQ((*Read)[I].Bytes, Tensors[I].Bytes);
  }
}

TEST(Npz, SameTensorsGiveTheSameBytes) {
  TestFolder Folder;
  ASSERT_TRUE(writeNpz(Folder.file("a.npz"), twoTensors()));
  ASSERT_TRUE(writeNpz(Folder.file("b.npz"), twoTensors()));
  EXPECT_EQ(content(Folder.file("a.npz")), content(Folder.file("b.npz")));
}

// python3 -c "import zipfile; zipfile.ZipFile('z','w',zipfile.ZIP_DEFLATED)
//   .writestr('x.npy', <npy of 4096 bytes of 1>)" gives such a file.
TEST(Npz, ReadsDeflatedEntries) {
  Result<std::vector<Tensor>> Read =
      readNpz(std::string(DURE_SOURCE_DIR) + "/test/unit/io/deflated.npz");
  ASSERT_TRUE(Read) << Read.failure().text();
  ASSERT_EQ(Read->size(), 1u);
  EXPECT_EQ((*Read)[0].Name, "x");
  EXPECT_EQ((*Read)[0].Type, ElementType::UInt8);
  EXPECT_EQ((*Read)[0].Dims, std::vector<int64_t>({4096}));
  EXPECT_EQ((*Read)[0].Bytes, TensorBytes(4096, std::byte(1)));
}

TEST(Npz, RefusesWhatIsNotZip) {
  TestFolder Folder;
  const std::string Path = Folder.file("a.npz");
  ASSERT_TRUE(writeFile(Path, "not a zip file at all"));
  EXPECT_EQ(readNpz(Path).failure().Id, ErrorId::NotNpz);
  EXPECT_EQ(readNpz(Folder.file("none.npz")).failure().Id, ErrorId::NotNpz);
}

TEST(Npz, RefusesEntriesThatAreNotNpy) {
  TestFolder Folder;
  const std::string Path = Folder.file("a.npz");
  ASSERT_TRUE(writeNpz(Path, twoTensors()));
  std::string Bytes = content(Path);
  const size_t At = Bytes.find("NUMPY");
  ASSERT_NE(At, std::string::npos);
  const auto readWith = [&](size_t Where) {
    std::string Changed = Bytes;
    Changed[Where] ^= 1;
    EXPECT_TRUE(writeFile(Path, Changed));
    Result<std::vector<Tensor>> Read = readNpz(Path);
    EXPECT_FALSE(Read);
    return Read ? ErrorId::CannotOpen : Read.failure().Id;
  };
  EXPECT_EQ(readWith(At), ErrorId::NotNpy);
  // The data starts 128 bytes after the magic; the CRC notices.
  EXPECT_EQ(readWith(At - 1 + 128), ErrorId::NpzEntry);
}

TEST(Npz, RefusesSizesThatDeflateCannotReach) {
  TestFolder Folder;
  const std::string Path = Folder.file("a.npz");
  std::string Bytes =
      content(std::string(DURE_SOURCE_DIR) + "/test/unit/io/deflated.npz");
  // The uncompressed size in the central directory, at offset 24 of it.
  const size_t Central = Bytes.find("PK\x01\x02");
  ASSERT_NE(Central, std::string::npos);
  Bytes[Central + 27] = '\x7f';
  ASSERT_TRUE(writeFile(Path, Bytes));
  Result<std::vector<Tensor>> Read = readNpz(Path);
  ASSERT_FALSE(Read);
  EXPECT_EQ(Read.failure().Id, ErrorId::NpzRatio) << Read.failure().text();
}

TEST(Npz, SurvivesEveryTruncation) {
  TestFolder Folder;
  const std::string Path = Folder.file("a.npz");
  ASSERT_TRUE(writeNpz(Path, twoTensors()));
  const std::string Bytes = content(Path);
  for (size_t Size = 0; Size < Bytes.size(); Size += 7) {
    ASSERT_TRUE(writeFile(Path, Bytes.substr(0, Size)));
    EXPECT_FALSE(readNpz(Path)) << Size;
  }
}

} // namespace
} // namespace dure::io
