// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Helpers of the io tests: a folder for one test, and tensors from values.
#ifndef DURE_TEST_UNIT_IO_TESTFILES_H
#define DURE_TEST_UNIT_IO_TESTFILES_H

#include "tools/io/Tensor.h"

#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <unistd.h>
#include <vector>

namespace dure::io {

/// A new folder that is removed with its content.
class TestFolder {
public:
  TestFolder() {
    std::string Pattern =
        (std::filesystem::temp_directory_path() / "dure-io-XXXXXX").string();
    Path = ::mkdtemp(Pattern.data()) ? Pattern : std::string();
  }
  ~TestFolder() {
    std::error_code Ignored;
    std::filesystem::remove_all(Path, Ignored);
  }
  std::string file(const std::string &Name) const { return Path + "/" + Name; }
  const std::string &path() const { return Path; }

private:
  std::string Path;
};

template <typename V>
Tensor makeTensor(ElementType Type, std::vector<int64_t> Dims,
                  std::initializer_list<V> Values) {
  Tensor T;
  T.Type = Type;
  T.Dims = std::move(Dims);
  T.Bytes.resize(Values.size() * sizeof(V));
  if (Values.size())
    std::memcpy(T.Bytes.data(), Values.begin(), T.Bytes.size());
  return T;
}

inline std::span<const std::byte> bytesOf(const std::string &Text) {
  return std::as_bytes(std::span(Text.data(), Text.size()));
}

/// An .npy of version 1 with the given header text and data.
inline std::string npyFile(const std::string &Dict, const std::string &Data) {
  std::string File("\x93NUMPY\x01\0", 8);
  File += char(Dict.size() & 0xff);
  File += char(Dict.size() >> 8);
  return File + Dict + Data;
}

} // namespace dure::io

#endif // DURE_TEST_UNIT_IO_TESTFILES_H
