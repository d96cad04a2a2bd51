// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of what a program does when a mapped file becomes shorter.
#include "tools/io/CutOff.h"

#include "tools/io/File.h"

#include <csignal>
#include <cstdio>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace dure::io {
namespace {

void cleanUp() {
  const char Text[] = "cleaned\n";
  (void)!::write(STDERR_FILENO, Text, sizeof(Text) - 1);
}

void install() { endWhenFileIsCutOff("error: ", " was cut off", cleanUp); }

/// Maps the file, cuts it off behind `Left` bytes and reads the byte `At`.
void readBehindEnd(const std::string &Path, off_t Left, size_t At) {
  Result<MappedFile> File = MappedFile::open(Path);
  if (!File || ::truncate(Path.c_str(), Left) != 0)
    std::exit(3);
  const auto *Bytes =
      reinterpret_cast<const volatile char *>(File->bytes().data());
  std::exit(Bytes[At] == 'x' ? 4 : 5);
}

std::string largeFile(const std::string &Name) {
  const std::string Path = ::testing::TempDir() + Name;
  EXPECT_TRUE(writeFile(Path, std::string(5 << 16, 'x')));
  return Path;
}

// Tests that the end is plain, names the file and cleans up, whichever thread
// reads it and whatever its name holds.
TEST(CutOff, NamesTheFile) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string Path = largeFile("cut off.bin");
  EXPECT_EXIT((install(), readBehindEnd(Path, 0, 0)),
              ::testing::ExitedWithCode(1),
              "^error: /[^\n]*/cut off\\.bin was cut off\ncleaned\n$");
  EXPECT_TRUE(writeFile(Path, std::string(5 << 16, 'x')));
  EXPECT_EXIT((install(),
               std::thread([&] { readBehindEnd(Path, 4096, 4 << 16); }).join()),
              ::testing::ExitedWithCode(1), "/cut off\\.bin was cut off\n");
  ::unlink(Path.c_str());
  const std::string Odd = largeFile("a\x1b[2J\xC2\x9B (deleted)");
  EXPECT_EXIT((install(), readBehindEnd(Odd, 0, 0)),
              ::testing::ExitedWithCode(1), "/a\\?\\[2J\\?\\? was cut off\n");
  ::unlink(Odd.c_str());
}

// Tests that a file which is removed as well is named by the path it had.
TEST(CutOff, NamesAFileThatIsGone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string Path = largeFile("gone.bin");
  EXPECT_EXIT(
      {
        install();
        Result<MappedFile> File = MappedFile::open(Path);
        (void)::truncate(Path.c_str(), 0);
        ::unlink(Path.c_str());
        const auto *Bytes =
            reinterpret_cast<const volatile char *>(File->bytes().data());
        std::exit(Bytes[0] == 'x' ? 4 : 5);
      },
      ::testing::ExitedWithCode(1), "/gone\\.bin was cut off\n");
}

// Tests that what is still there is read.
TEST(CutOff, ReadsWhatIsLeft) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string Path = largeFile("left.bin");
  EXPECT_EXIT((install(), readBehindEnd(Path, 4096, 7)),
              ::testing::ExitedWithCode(4), "^$");
  ::unlink(Path.c_str());
}

// Tests that a signal which somebody sends still ends the process.
TEST(CutOff, LeavesOtherSignalsAlone) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT((std::signal(SIGBUS, SIG_DFL), install(), std::raise(SIGBUS)),
              ::testing::KilledBySignal(SIGBUS), "^$");
  EXPECT_EXIT((std::signal(SIGBUS, [](int) { std::_Exit(9); }), install(),
               std::raise(SIGBUS)),
              ::testing::ExitedWithCode(9), "^$");
}

} // namespace
} // namespace dure::io
