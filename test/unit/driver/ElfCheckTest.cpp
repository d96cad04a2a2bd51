// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that a CPU code object is refused before the loader sees it unless it
// is self-contained, and that damaged ones never crash the check.
#include "targets/cpu/driver/ElfCheck.h"

#include <gtest/gtest.h>

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

using namespace dure::cpu;

/// A code object of test/unit/driver/objects, by name.
static std::string object(const std::string &Name) {
  std::string Path = std::string(DURE_TEST_OBJECTS) + "/" + Name + ".so";
  std::ifstream In(Path, std::ios::binary);
  EXPECT_TRUE(In) << Path;
  return std::string(std::istreambuf_iterator<char>(In), {});
}

static std::string check(const std::string &Bytes) {
  // A heap block of exactly this size, so that a sanitizer sees any overrun.
  auto Copy = std::make_unique<char[]>(Bytes.size());
  std::memcpy(Copy.get(), Bytes.data(), Bytes.size());
  ElfExtent Extent;
  return checkElf(Copy.get(), Bytes.size(), Extent);
}

static void expectRefused(const std::string &Name, const char *Part) {
  std::string Why = check(object(Name));
  EXPECT_NE(Why.find(Part), std::string::npos) << Name << ": '" << Why << "'";
}

TEST(ElfCheck, AcceptsSelfContained) {
  EXPECT_EQ(check(object("plain")), "");
  ElfExtent Extent;
  std::string Bytes = object("plain");
  ASSERT_EQ(checkElf(Bytes.data(), Bytes.size(), Extent), "");
  EXPECT_LT(Extent.Begin, Extent.End);
}

TEST(ElfCheck, RefusesNeededLibraries) {
  expectRefused("needed", "needs the library 'libm.so.6'");
}
TEST(ElfCheck, RefusesConstructors) {
  expectRefused("constructor", "constructors");
}
TEST(ElfCheck, RefusesDestructors) {
  expectRefused("destructor", "destructors");
}
TEST(ElfCheck, RefusesUndefinedFunctions) {
  expectRefused("undefined", "needs the symbol 'system'");
}
TEST(ElfCheck, RefusesUndefinedData) {
  expectRefused("undefined_data", "needs the symbol 'environ'");
}
TEST(ElfCheck, RefusesThreadLocals) { expectRefused("tls", "thread-local"); }
TEST(ElfCheck, RefusesPreemptibleSymbols) {
  expectRefused("preemptible", "may bind 'helper'");
}
TEST(ElfCheck, AcceptsSymbolicBinding) {
  EXPECT_EQ(check(object("symbolic")), "");
}
TEST(ElfCheck, RefusesIndirectFunctions) {
  // By the relocation or by the symbol, as the linker chose.
  EXPECT_NE(check(object("ifunc")), "");
}
TEST(ElfCheck, RefusesExecutableStack) {
  expectRefused("execstack", "executable stack");
}

TEST(ElfCheck, RefusesOtherMachines) {
  std::string Bytes = object("plain");
  Elf64_Half Machine = EM_RISCV;
  std::memcpy(&Bytes[offsetof(Elf64_Ehdr, e_machine)], &Machine, 2);
  EXPECT_NE(check(Bytes).find("ELF machine 243"), std::string::npos);
}

TEST(ElfCheck, RefusesOtherFiles) {
  EXPECT_NE(check(""), "");
  EXPECT_NE(check("#!/bin/sh\n"), "");
  EXPECT_NE(check(std::string(100000, '\0')), "");
}

TEST(ElfCheck, SurvivesEveryTruncation) {
  std::string Bytes = object("plain");
  for (size_t Size = 0; Size < Bytes.size(); Size += Size < 2048 ? 1 : 97)
    check(Bytes.substr(0, Size));
}

TEST(ElfCheck, SurvivesDamage) {
  std::string Good = object("plain");
  std::mt19937 Random(20261122);
  std::uniform_int_distribution<size_t> Position(0, Good.size() - 1);
  std::uniform_int_distribution<size_t> Header(0, 1023);
  std::uniform_int_distribution<int> Byte(0, 255);
  for (int I = 0; I != 20000; ++I) {
    std::string Bad = Good;
    for (int N = 0; N != 1 + I % 8; ++N)
      Bad[I % 2 ? Header(Random) : Position(Random)] =
          static_cast<char>(I % 3 ? Byte(Random) : 255);
    check(Bad);
  }
}
