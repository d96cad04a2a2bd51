// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that the driver header is C89 and C++20, and what a driver exports.
#include <dure/driver.h>

#include "runtime/drivers/support/Host.h"
#include "targets/cpu/abi/CpuLibrary.h"

#include <gtest/gtest.h>

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int dure_test_header_c89(void);

TEST(DriverHeader, WorksInC89) { EXPECT_EQ(dure_test_header_c89(), 1); }

TEST(DriverHeader, FeatureTestLooksAtSize) {
  dure_drv_memory_api Table = {};
  Table.map = [](dure_drv_buffer *, uint64_t, uint64_t, uint32_t,
                 void **) -> dure_drv_status * { return nullptr; };
  const dure_drv_memory_api *Api = &Table;
  Table.struct_size = offsetof(dure_drv_memory_api, map) + 1;
  EXPECT_FALSE(DURE_DRV_HAS(Api, map));
  Table.struct_size = sizeof(Table);
  EXPECT_TRUE(DURE_DRV_HAS(Api, map));
  EXPECT_FALSE(DURE_DRV_HAS(Api, unmap));
}

template <typename T> static T at(const std::string &Bytes, size_t Offset) {
  T Value = {};
  if (Offset <= Bytes.size() && sizeof(T) <= Bytes.size() - Offset)
    std::memcpy(&Value, Bytes.data() + Offset, sizeof(T));
  return Value;
}

/// Names of the defined symbols in the dynamic symbol table of a library.
static std::vector<std::string> exportsOf(const char *Path) {
  std::ifstream In(Path, std::ios::binary);
  EXPECT_TRUE(In) << Path;
  std::string Bytes(std::istreambuf_iterator<char>(In), {});
  auto Header = at<Elf64_Ehdr>(Bytes, 0);
  auto Section = [&](size_t I) {
    return at<Elf64_Shdr>(Bytes, Header.e_shoff + I * sizeof(Elf64_Shdr));
  };
  std::vector<std::string> Names;
  for (size_t I = 0; I != Header.e_shnum; ++I) {
    Elf64_Shdr Symbols = Section(I);
    if (Symbols.sh_type != SHT_DYNSYM)
      continue;
    Elf64_Shdr Strings = Section(Symbols.sh_link);
    for (size_t N = 0; N != Symbols.sh_size / sizeof(Elf64_Sym); ++N) {
      auto S = at<Elf64_Sym>(Bytes, Symbols.sh_offset + N * sizeof(Elf64_Sym));
      if (S.st_shndx != SHN_UNDEF && ELF64_ST_BIND(S.st_info) != STB_LOCAL)
        Names.push_back(Bytes.c_str() + Strings.sh_offset + S.st_name);
    }
  }
  return Names;
}

TEST(DriverLibraries, ExportTheQueryAlone) {
  if (std::string_view(dure::driver::sanitizerName()) != "none")
    GTEST_SKIP() << "sanitizers export symbols of their own";
  for (const char *Path :
       {DURE_CPU_DRIVER, DURE_NULL_DRIVER, DURE_FAULT_DRIVER})
    EXPECT_EQ(exportsOf(Path), std::vector<std::string>{"dure_driver_query"})
        << Path;
}
