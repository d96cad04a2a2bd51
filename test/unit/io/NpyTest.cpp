// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of reading and writing .npy, and of what must be refused.
#include "tools/io/Npy.h"

#include "TestFiles.h"
#include "tools/io/File.h"

#include <fstream>

namespace dure::io {
namespace {

TEST(Npy, RoundTripsEveryNumpyType) {
  TestFolder Folder;
  for (int Code = 1; Code <= 26; ++Code) {
    const ElementTypeInfo &Info = *findElementType(Code);
    Tensor T;
    T.Type = Info.Type;
    T.Dims = {2, 3};
    T.Bytes.resize(size_t(*storageBytes(T.Type, 6)));
    for (size_t I = 0; I < T.Bytes.size(); ++I)
      T.Bytes[I] = std::byte(I * 37 % 251);
    const std::string Path = Folder.file(std::string(Info.Name) + ".npy");
    Status Written = writeNpy(Path, T);
    if (Info.Npy.empty()) {
      ASSERT_FALSE(Written);
      EXPECT_EQ(Written.failure().Id, ErrorId::NpyCannotHold);
      EXPECT_FALSE(std::filesystem::exists(Path));
      continue;
    }
    ASSERT_TRUE(Written) << Written.failure().text();
    Result<Tensor> Read = readNpy(Path);
    ASSERT_TRUE(Read) << Read.failure().text();
    EXPECT_EQ(Read->Type, T.Type);
    EXPECT_EQ(Read->Dims, T.Dims);
    EXPECT_EQ(Read->Bytes, T.Bytes);
    EXPECT_EQ((std::filesystem::file_size(Path) - T.Bytes.size()) % 64, 0u);
  }
}

// Tests that a tensor's memory can be bound in place: what is not aligned is
// copied at each run.
TEST(Npy, TensorsAreAligned) {
  Tensor T;
  for (size_t Size : {1, 100, 5000, 1 << 20}) {
    T.Bytes.assign(Size, std::byte(7));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(T.Bytes.data()) % TensorAlignment, 0u)
        << Size;
  }
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  Result<Tensor> Scalar = parseNpy(
      "s", bytesOf(npyFile("{'descr':'<i4','fortran_order':False,'shape':()}",
                           std::string("\x05\0\0\0", 4))));
  ASSERT_TRUE(Scalar) << Scalar.failure().text();
  EXPECT_TRUE(Scalar->Dims.empty());
  EXPECT_EQ(Scalar->Bytes.size(), 4u);
  // The zero wins over a product that would overflow.
  Result<Tensor> Empty = parseNpy(
      "e", bytesOf(npyFile("{'descr': '<f8', 'fortran_order': False, 'shape': "
                           "(9223372036854775807, 0, 9223372036854775807), }\n",
                           "")));
  ASSERT_TRUE(Empty) << Empty.failure().text();
  EXPECT_EQ(Empty->elementCount(), 0);
}

TEST(Npy, ConvertsColumnMajorAndBigEndian) {
  // [[1, 2, 3], [4, 5, 6]] in Fortran order, big-endian.
  const std::string Data("\0\x01\0\x04\0\x02\0\x05\0\x03\0\x06", 12);
  Result<Tensor> T = parseNpy(
      "f",
      bytesOf(npyFile(
          "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", Data)));
  ASSERT_TRUE(T) << T.failure().text();
  const Tensor Expected =
      makeTensor<int16_t>(ElementType::Int16, {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(T->Bytes, Expected.Bytes);
}

TEST(Npy, ReadsVersionsTwoAndThree) {
  const std::string Dict = "{'descr':'|u1','fortran_order':False,'shape':(1,)}";
  for (const char Major : {'\x02', '\x03'}) {
    std::string File = "\x93NUMPY";
    File += Major;
    File += '\0';
    File += char(Dict.size());
    File += std::string(3, '\0');
    File += Dict + "\x07";
    Result<Tensor> T = parseNpy("v", bytesOf(File));
    ASSERT_TRUE(T) << T.failure().text();
    EXPECT_EQ(T->Bytes[0], std::byte(7));
  }
}

struct Refused {
  const char *Dict;
  ErrorId Id;
};

TEST(Npy, RefusesBadHeaders) {
  const Refused Cases[] = {
      {"", ErrorId::NpyHeader},
      {"{", ErrorId::NpyHeader},
      {"{'descr':'<f4'}", ErrorId::NpyHeader},
      {"{'descr':'<f4','descr':'<f4'}", ErrorId::NpyHeader},
      {"{'descr':[('a','<f4')],'fortran_order':False,'shape':(1,)}",
       ErrorId::NpyHeader},
      {"{'descr':'<f4','fortran_order':0,'shape':(1,)}", ErrorId::NpyHeader},
      {"{'descr':'<f4','fortran_order':False,'shape':(-1,)}",
       ErrorId::NpyHeader},
      {"{'descr':'<f4','fortran_order':False,'shape':(99999999999999999999,)}",
       ErrorId::NpyHeader},
      {"{'descr':'<f4','fortran_order':False,'shape':(1,)} x",
       ErrorId::NpyHeader},
      {"{'descr':'<f4','fortran_order':False,'shape':(4294967296,4294967296)}",
       ErrorId::BadShape},
      {"{'descr':'<f4','fortran_order':False,'shape':(4611686018427387904,)}",
       ErrorId::BadShape},
      {"{'descr':'<f4','fortran_order':False,'shape':(1000000000000,)}",
       ErrorId::DataSize},
      {"{'descr':'<f4','fortran_order':False,'shape':(2,)}", ErrorId::DataSize},
      {"{'descr':'|O','fortran_order':False,'shape':(1,)}", ErrorId::NpyType},
      {"{'descr':'<U5','fortran_order':False,'shape':(1,)}", ErrorId::NpyType},
      {"{'descr':'','fortran_order':False,'shape':(1,)}", ErrorId::NpyType},
  };
  for (const Refused &Case : Cases) {
    Result<Tensor> T = parseNpy("x", bytesOf(npyFile(Case.Dict, "abcd")));
    ASSERT_FALSE(T) << Case.Dict;
    EXPECT_EQ(T.failure().Id, Case.Id) << T.failure().text();
  }
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string File =
      npyFile("{'descr':'<f4','fortran_order':False,'shape':(1,)}", "abcd");
  for (size_t Size = 0; Size < File.size(); ++Size)
    EXPECT_FALSE(parseNpy("t", bytesOf(File.substr(0, Size)))) << Size;
}

TEST(Npy, NamesThePlaceInBothLanguages) {
  Result<Tensor> T = readNpy("/nonexistent/x.npy");
  ASSERT_FALSE(T);
  EXPECT_NE(T.failure().text(Language::English).find("/nonexistent/x.npy"),
            std::string::npos);
  EXPECT_NE(T.failure().text(Language::Korean).find("열 수 없습니다"),
            std::string::npos);
}

TEST(File, RefusesWhatIsNotAFile) {
  TestFolder Folder;
  EXPECT_EQ(readNpy(Folder.path()).failure().Id, ErrorId::NotAFile);
}

TEST(File, LeavesTheOldFileWhenNotCommitted) {
  TestFolder Folder;
  const std::string Path = Folder.file("a");
  ASSERT_TRUE(writeFile(Path, "old"));
  {
    Result<AtomicFile> File = AtomicFile::create(Path);
    ASSERT_TRUE(File);
    ASSERT_TRUE(File->write("new"));
  }
  std::string Content;
  std::ifstream(Path) >> Content;
  EXPECT_EQ(Content, "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(Folder.path()),
                          std::filesystem::directory_iterator()),
            1);
}

} // namespace
} // namespace dure::io
