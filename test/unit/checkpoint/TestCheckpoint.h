// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A checkpoint's folder, made for a test and gone with it.
//
// Included by the tests of frontends/checkpoint.
#ifndef DURE_TEST_UNIT_CHECKPOINT_TESTCHECKPOINT_H
#define DURE_TEST_UNIT_CHECKPOINT_TESTCHECKPOINT_H

#include "frontends/checkpoint/Export.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace dure::checkpoint {

/// The bytes of a safetensors file: length, header, data.
inline std::string safetensors(const std::string &Header,
                               const std::string &Data) {
  const uint64_t Length = Header.size();
  return std::string(reinterpret_cast<const char *>(&Length), sizeof(Length)) +
         Header + Data;
}

class TestFolder {
public:
  TestFolder() {
    std::string Pattern = testing::TempDir() + "checkpoint-XXXXXX";
    Path = ::mkdtemp(Pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(Path); }

  void write(const std::string &Name, const std::string &Bytes) const {
    std::ofstream(Path + "/" + Name, std::ios::binary) << Bytes;
  }

  /// What opening it, and exporting it then, has against it: codes, in order.
  std::string refusals() const {
    Refusals Problems;
    const auto C = Checkpoint::open(Path, {}, Problems);
    if (C)
      (void)exportModel(*C, {}, Problems);
    std::string Out;
    for (const Refusal &Each : Problems.list())
      Out += (Out.empty() ? "" : " ") + std::string(codeName(Each.Code));
    return Out;
  }

  std::string Path;
};

} // namespace dure::checkpoint

#endif // DURE_TEST_UNIT_CHECKPOINT_TESTCHECKPOINT_H
