// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of reading and writing TensorProto, and of what must be refused.
#include "tools/io/TensorProto.h"

#include "TestFiles.h"
#include "tools/io/Compare.h"

namespace dure::io {
namespace {

Result<Tensor> parse(const std::string &Message) {
  return parseTensorProto("t.pb", bytesOf(Message));
}

// Tag bytes are field << 3 | wire type.
TEST(TensorProto, RoundTripsEveryType) {
  TestFolder Folder;
  for (int Code = 1; Code <= 26; ++Code) {
    const ElementTypeInfo &Info = *findElementType(Code);
    Tensor T;
    T.Type = Info.Type;
    T.Name = "이름";
    T.Dims = {3, 1};
    if (T.Type == ElementType::String) {
      T.Strings = {"", "a", std::string("\0b", 2)};
    } else {
      T.Bytes.resize(size_t(*storageBytes(T.Type, 3)));
      for (size_t I = 0; I < T.Bytes.size(); ++I)
        T.Bytes[I] = std::byte(I + 1);
    }
    const std::string Path = Folder.file("t.pb");
    Status Written = writeTensorProto(Path, T);
    ASSERT_TRUE(Written) << Written.failure().text();
    Result<Tensor> Read = readTensorFile(Path);
    ASSERT_TRUE(Read) << Info.Name << ": " << Read.failure().text();
    EXPECT_EQ(Read->Name, T.Name);
    EXPECT_EQ(Read->Type, T.Type);
    EXPECT_EQ(Read->Dims, T.Dims);
    EXPECT_EQ(Read->Bytes, T.Bytes);
    EXPECT_EQ(Read->Strings, T.Strings);
  }
}

TEST(TensorProto, ReadsTypedFieldsPackedOrNot) {
  // dims [2] unpacked, type FLOAT, float_data [1, 2] unpacked.
  Result<Tensor> Unpacked = parse(std::string("\x08\x02\x10\x01"
                                              "\x25\0\0\x80\x3f"
                                              "\x25\0\0\0\x40",
                                              14));
  ASSERT_TRUE(Unpacked) << Unpacked.failure().text();
  EXPECT_EQ(elementAsDouble(*Unpacked, 1), 2.0);
  // The same with both packed.
  Result<Tensor> Packed = parse(std::string("\x0a\x01\x02\x10\x01"
                                            "\x22\x08\0\0\x80\x3f\0\0\0\x40",
                                            15));
  ASSERT_TRUE(Packed) << Packed.failure().text();
  EXPECT_EQ(Packed->Bytes, Unpacked->Bytes);
}

TEST(TensorProto, ReadsNarrowTypesFromInt32Data) {
  // INT8 [-1, 5]: -1 is a ten-byte varint.
  Result<Tensor> Int8 =
      parse(std::string("\x08\x02\x10\x03\x2a\x0b"
                        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05",
                        17));
  ASSERT_TRUE(Int8) << Int8.failure().text();
  EXPECT_EQ(elementAsText(*Int8, 0), "-1");
  EXPECT_EQ(elementAsText(*Int8, 1), "5");
  // FLOAT16 1.0 = 0x3c00.
  Result<Tensor> Half =
      parse(std::string("\x08\x01\x10\x0a\x2a\x02\x80\x78", 8));
  ASSERT_TRUE(Half) << Half.failure().text();
  EXPECT_EQ(elementAsDouble(*Half, 0), 1.0);
  // INT4 [1, -2, 3]: two elements a byte, so two entries.
  Result<Tensor> Int4 =
      parse(std::string("\x08\x03\x10\x16\x2a\x03\xe1\x01\x03", 9));
  ASSERT_TRUE(Int4) << Int4.failure().text();
  EXPECT_EQ(elementAsText(*Int4, 0), "1");
  EXPECT_EQ(elementAsText(*Int4, 1), "-2");
  EXPECT_EQ(elementAsText(*Int4, 2), "3");
}

TEST(TensorProto, RefusesWhatDoesNotFit) {
  const struct {
    std::string Message;
    ErrorId Id;
  } Cases[] = {
      {"", ErrorId::ProtoType},
      {std::string("\x10\x1b", 2), ErrorId::ProtoType},
      {std::string("\x08\x02\x10\x01", 4), ErrorId::DataSize},
      // A dim of -1.
      {std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01", 13),
       ErrorId::BadShape},
      // 2^62 floats in raw_data of no bytes.
      {std::string("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x40\x10\x01\x4a\0",
                   14),
       ErrorId::BadShape},
      {std::string("\x08\x02\x10\x08\x32\x01"
                   "a",
                   7),
       ErrorId::ElementCount},
      // data_location EXTERNAL.
      {std::string("\x08\x01\x10\x01\x70\x01", 6), ErrorId::ProtoExternal},
      {std::string("\x1a\0", 2), ErrorId::ProtoSegment},
      // raw_data longer than the message.
      {std::string("\x4a\xff\xff\xff\x7f", 5), ErrorId::ProtoMalformed},
      // A varint without end, field 0, a float field as varint.
      {std::string("\x08\xff\xff", 3), ErrorId::ProtoMalformed},
      {std::string("\x00\x01", 2), ErrorId::ProtoMalformed},
  };
  for (const auto &Case : Cases) {
    Result<Tensor> T = parse(Case.Message);
    ASSERT_FALSE(T) << testing::PrintToString(Case.Message);
    EXPECT_EQ(T.failure().Id, Case.Id) << T.failure().text();
  }
}

TEST(TensorProto, SurvivesChangedBytes) {
  const std::string Good("\x0a\x01\x02\x10\x01\x22\x08\0\0\x80\x3f\0\0\0\x40",
                         15);
  for (size_t I = 0; I < Good.size(); ++I)
    for (int Value = 0; Value < 256; ++Value) {
      std::string Message = Good;
      Message[I] = char(Value);
      Result<Tensor> T = parse(Message);
      if (!T || T->Type == ElementType::String)
        continue;
      EXPECT_EQ(T->Bytes.size(),
                size_t(*storageBytes(T->Type, T->elementCount())));
    }
}

TEST(TensorFile, GoesByTheEnding) {
  EXPECT_EQ(readTensorFile("a.txt").failure().Id, ErrorId::UnknownFormat);
}

TEST(TensorProto, SaysThatAModelIsNoTensor) {
  // ir_version 9 and a graph whose name is "g".
  Result<Tensor> Model = parse(std::string("\x08\x09\x3a\x03\x12\x01g", 7));
  ASSERT_FALSE(Model);
  EXPECT_EQ(Model.failure().Id, ErrorId::NotATensor);
  // What protozero calls a fault is not for users.
  Result<Tensor> Broken = parse(std::string("\x0f\x09", 2));
  ASSERT_FALSE(Broken);
  EXPECT_EQ(Broken.failure().text().find("exception"), std::string::npos)
      << Broken.failure().text();
}

} // namespace
} // namespace dure::io
