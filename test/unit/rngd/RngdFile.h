// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RNGD's machine description, for the tests of this folder.
#ifndef DURE_TEST_UNIT_RNGD_RNGDFILE_H
#define DURE_TEST_UNIT_RNGD_RNGDFILE_H

#include "targets/Machine.h"

#include "gtest/gtest.h"

#include <fstream>
#include <sstream>
#include <string>

namespace dure::rngd {

inline std::string rngdText() {
  std::ifstream File(DURE_SOURCE_DIR "/targets/rngd/machine/rngd.json");
  std::stringstream Text;
  Text << File.rdbuf();
  return Text.str();
}

/// A timing profile of a description that has all it needs.
template <typename Timing> Timing timingOf(const std::string &Text) {
  Result<Machine> Chip = Machine::parse(Text, "rngd.json");
  EXPECT_TRUE(Chip.ok()) << Chip.status().message();
  Result<Timing> Made = Timing::of(*Chip);
  EXPECT_TRUE(Made.ok()) << Made.status().message();
  return *Made;
}

} // namespace dure::rngd

#endif // DURE_TEST_UNIT_RNGD_RNGDFILE_H
