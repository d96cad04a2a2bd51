// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which instruction set extensions this machine has, and compatibility strings.
//
// The bits are those of Intel's and AMD's manuals for CPUID, the names those
// of LLVM's x86 and AArch64 targets, the levels those of the x86-64 psABI.
#include "targets/cpu/driver/CpuFeatures.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <elf.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

using namespace dure::cpu;

namespace {

// What the operating system must save on a context switch before an extension
// may be used.
enum class State : uint8_t { None, Avx, Avx512, Amx };
enum Register : uint8_t { EAX, EBX, ECX, EDX };

struct Feature {
  const char *Name;
  uint32_t Leaf, Subleaf;
  Register Reg;
  uint8_t Bit;
  State Needs;
  uint16_t Weight; ///< In the score: what it is worth to a tensor kernel.
};

struct Level {
  const char *Name;
  const char *Features; ///< On top of the level before.
};

} // namespace

// The tables of both architectures are there on each: which names exist is
// asked for code of the other one too.

static const Feature X86Table[] = {
    {"cx8", 1, 0, EDX, 8, State::None, 1},
    {"cmov", 1, 0, EDX, 15, State::None, 1},
    {"mmx", 1, 0, EDX, 23, State::None, 1},
    {"fxsr", 1, 0, EDX, 24, State::None, 1},
    {"sse", 1, 0, EDX, 25, State::None, 1},
    {"sse2", 1, 0, EDX, 26, State::None, 1},
    {"64bit", 0x80000001, 0, EDX, 29, State::None, 1},
    {"sse3", 1, 0, ECX, 0, State::None, 1},
    {"pclmul", 1, 0, ECX, 1, State::None, 1},
    {"ssse3", 1, 0, ECX, 9, State::None, 1},
    {"fma", 1, 0, ECX, 12, State::Avx, 16},
    {"cx16", 1, 0, ECX, 13, State::None, 1},
    {"sse4.1", 1, 0, ECX, 19, State::None, 1},
    {"sse4.2", 1, 0, ECX, 20, State::None, 1},
    {"crc32", 1, 0, ECX, 20, State::None, 1},
    {"movbe", 1, 0, ECX, 22, State::None, 1},
    {"popcnt", 1, 0, ECX, 23, State::None, 1},
    {"aes", 1, 0, ECX, 25, State::None, 1},
    {"xsave", 1, 0, ECX, 27, State::None, 1},
    {"avx", 1, 0, ECX, 28, State::Avx, 16},
    {"f16c", 1, 0, ECX, 29, State::Avx, 2},
    {"rdrnd", 1, 0, ECX, 30, State::None, 1},
    {"sahf", 0x80000001, 0, ECX, 0, State::None, 1},
    {"lzcnt", 0x80000001, 0, ECX, 5, State::None, 1},
    {"sse4a", 0x80000001, 0, ECX, 6, State::None, 1},
    {"prfchw", 0x80000001, 0, ECX, 8, State::None, 1},
    {"xop", 0x80000001, 0, ECX, 11, State::Avx, 1},
    {"fma4", 0x80000001, 0, ECX, 16, State::Avx, 1},
    {"tbm", 0x80000001, 0, ECX, 21, State::None, 1},
    {"mwaitx", 0x80000001, 0, ECX, 29, State::None, 1},
    {"clzero", 0x80000008, 0, EBX, 0, State::None, 1},
    {"rdpru", 0x80000008, 0, EBX, 4, State::None, 1},
    {"wbnoinvd", 0x80000008, 0, EBX, 9, State::None, 1},
    {"fsgsbase", 7, 0, EBX, 0, State::None, 1},
    {"sgx", 7, 0, EBX, 2, State::None, 1},
    {"bmi", 7, 0, EBX, 3, State::None, 1},
    {"avx2", 7, 0, EBX, 5, State::Avx, 64},
    {"bmi2", 7, 0, EBX, 8, State::None, 1},
    {"invpcid", 7, 0, EBX, 10, State::None, 1},
    {"rtm", 7, 0, EBX, 11, State::None, 1},
    {"avx512f", 7, 0, EBX, 16, State::Avx512, 512},
    {"avx512dq", 7, 0, EBX, 17, State::Avx512, 16},
    {"rdseed", 7, 0, EBX, 18, State::None, 1},
    {"adx", 7, 0, EBX, 19, State::None, 1},
    {"avx512ifma", 7, 0, EBX, 21, State::Avx512, 1},
    {"clflushopt", 7, 0, EBX, 23, State::None, 1},
    {"clwb", 7, 0, EBX, 24, State::None, 1},
    {"avx512cd", 7, 0, EBX, 28, State::Avx512, 1},
    {"sha", 7, 0, EBX, 29, State::None, 1},
    {"avx512bw", 7, 0, EBX, 30, State::Avx512, 16},
    {"avx512vl", 7, 0, EBX, 31, State::Avx512, 16},
    {"avx512vbmi", 7, 0, ECX, 1, State::Avx512, 4},
    {"pku", 7, 0, ECX, 4, State::None, 1},
    {"waitpkg", 7, 0, ECX, 5, State::None, 1},
    {"avx512vbmi2", 7, 0, ECX, 6, State::Avx512, 1},
    {"shstk", 7, 0, ECX, 7, State::None, 1},
    {"gfni", 7, 0, ECX, 8, State::None, 1},
    {"vaes", 7, 0, ECX, 9, State::Avx, 1},
    {"vpclmulqdq", 7, 0, ECX, 10, State::Avx, 1},
    {"avx512vnni", 7, 0, ECX, 11, State::Avx512, 128},
    {"avx512bitalg", 7, 0, ECX, 12, State::Avx512, 1},
    {"avx512vpopcntdq", 7, 0, ECX, 14, State::Avx512, 1},
    {"rdpid", 7, 0, ECX, 22, State::None, 1},
    {"cldemote", 7, 0, ECX, 25, State::None, 1},
    {"movdiri", 7, 0, ECX, 27, State::None, 1},
    {"movdir64b", 7, 0, ECX, 28, State::None, 1},
    {"enqcmd", 7, 0, ECX, 29, State::None, 1},
    {"uintr", 7, 0, EDX, 5, State::None, 1},
    {"avx512vp2intersect", 7, 0, EDX, 8, State::Avx512, 1},
    {"serialize", 7, 0, EDX, 14, State::None, 1},
    {"tsxldtrk", 7, 0, EDX, 16, State::None, 1},
    {"pconfig", 7, 0, EDX, 18, State::None, 1},
    {"amx-bf16", 7, 0, EDX, 22, State::Amx, 1024},
    {"avx512fp16", 7, 0, EDX, 23, State::Avx512, 128},
    {"amx-tile", 7, 0, EDX, 24, State::Amx, 1024},
    {"amx-int8", 7, 0, EDX, 25, State::Amx, 1024},
    {"sha512", 7, 1, EAX, 0, State::Avx, 1},
    {"sm3", 7, 1, EAX, 1, State::Avx, 1},
    {"sm4", 7, 1, EAX, 2, State::Avx, 1},
    {"avxvnni", 7, 1, EAX, 4, State::Avx, 64},
    {"avx512bf16", 7, 1, EAX, 5, State::Avx512, 128},
    {"cmpccxadd", 7, 1, EAX, 7, State::None, 1},
    {"amx-fp16", 7, 1, EAX, 21, State::Amx, 1024},
    {"hreset", 7, 1, EAX, 22, State::None, 1},
    {"avxifma", 7, 1, EAX, 23, State::Avx, 1},
    {"avxvnniint8", 7, 1, EDX, 4, State::Avx, 64},
    {"avxneconvert", 7, 1, EDX, 5, State::Avx, 16},
    {"amx-complex", 7, 1, EDX, 8, State::Amx, 1},
    {"avxvnniint16", 7, 1, EDX, 10, State::Avx, 64},
    {"prefetchi", 7, 1, EDX, 14, State::None, 1},
    {"usermsr", 7, 1, EDX, 15, State::None, 1},
    {"xsaveopt", 13, 1, EAX, 0, State::None, 1},
    {"xsavec", 13, 1, EAX, 1, State::None, 1},
    {"xsaves", 13, 1, EAX, 3, State::None, 1},
    {"ptwrite", 20, 0, EBX, 4, State::None, 1},
};

static const Level X86Levels[] = {
    {"x86-64", "cmov,cx8,fxsr,mmx,sse,sse2"},
    {"x86-64-v2", "cx16,sahf,popcnt,sse3,sse4.1,sse4.2,ssse3"},
    {"x86-64-v3", "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe,xsave"},
    {"x86-64-v4", "avx512f,avx512bw,avx512cd,avx512dq,avx512vl"},
};

// Leaf is the auxiliary vector entry: AT_HWCAP or AT_HWCAP2.
static const Feature ArmTable[] = {
    {"fp-armv8", AT_HWCAP, 0, EAX, 0, State::None, 1},
    {"neon", AT_HWCAP, 0, EAX, 1, State::None, 1},
    {"aes", AT_HWCAP, 0, EAX, 3, State::None, 1},
    {"sha2", AT_HWCAP, 0, EAX, 6, State::None, 1},
    {"crc", AT_HWCAP, 0, EAX, 7, State::None, 1},
    {"lse", AT_HWCAP, 0, EAX, 8, State::None, 1},
    {"fullfp16", AT_HWCAP, 0, EAX, 10, State::None, 64},
    {"rdm", AT_HWCAP, 0, EAX, 12, State::None, 1},
    {"dotprod", AT_HWCAP, 0, EAX, 20, State::None, 64},
    {"sve", AT_HWCAP, 0, EAX, 22, State::None, 128},
    {"fp16fml", AT_HWCAP, 0, EAX, 23, State::None, 16},
    {"sve2", AT_HWCAP2, 0, EAX, 1, State::None, 128},
    {"i8mm", AT_HWCAP2, 0, EAX, 13, State::None, 128},
    {"bf16", AT_HWCAP2, 0, EAX, 14, State::None, 128},
};

static const Level ArmLevels[] = {{"armv8-a", "fp-armv8,neon"}};

#if defined(__x86_64__)

const char *dure::cpu::architecture() { return "x86_64"; }
static constexpr auto &Table = X86Table;
static constexpr auto &Levels = X86Levels;

/// Bit I is set if the operating system saves state component I.
static uint64_t savedState() {
  unsigned A, B, C, D;
  if (!__get_cpuid(1, &A, &B, &C, &D) || !(C & bit_OSXSAVE))
    return 0;
  uint32_t Low, High;
  __asm__("xgetbv" : "=a"(Low), "=d"(High) : "c"(0));
  return (uint64_t(High) << 32) | Low;
}

/// Linux hands out the 8 KiB of AMX tile data to processes that ask for them.
static bool requestAmx() {
#ifdef SYS_arch_prctl
  constexpr int RequestPermission = 0x1023, TileData = 18;
  return syscall(SYS_arch_prctl, RequestPermission, TileData) == 0;
#else
  return false;
#endif
}

static std::vector<std::string_view> readMachine() {
  constexpr uint64_t AvxMask = 0x6, Avx512Mask = 0xe6, AmxMask = 0x60000;
  uint64_t Saved = savedState();
  bool HasAvx = (Saved & AvxMask) == AvxMask;
  bool HasAvx512 = (Saved & Avx512Mask) == Avx512Mask;
  bool HasAmx = (Saved & AmxMask) == AmxMask && requestAmx();
  std::vector<std::string_view> Result;
  for (const Feature &F : Table) {
    unsigned Regs[4] = {};
    if (!__get_cpuid_count(F.Leaf, F.Subleaf, &Regs[EAX], &Regs[EBX],
                           &Regs[ECX], &Regs[EDX]) ||
        !(Regs[F.Reg] >> F.Bit & 1))
      continue;
    if ((F.Needs == State::Avx && !HasAvx) ||
        (F.Needs == State::Avx512 && !HasAvx512) ||
        (F.Needs == State::Amx && !HasAmx))
      continue;
    Result.push_back(F.Name);
  }
  return Result;
}

std::string dure::cpu::modelName() {
  unsigned Brand[12] = {};
  for (unsigned I = 0; I != 3; ++I)
    if (!__get_cpuid(0x80000002 + I, &Brand[4 * I], &Brand[4 * I + 1],
                     &Brand[4 * I + 2], &Brand[4 * I + 3]))
      return architecture();
  char Text[sizeof(Brand) + 1] = {};
  std::memcpy(Text, Brand, sizeof(Brand));
  std::string Name = Text;
  Name.erase(0, Name.find_first_not_of(' '));
  Name.erase(Name.find_last_not_of(' ') + 1);
  return Name.empty() ? architecture() : Name;
}

#elif defined(__aarch64__)

const char *dure::cpu::architecture() { return "aarch64"; }
static constexpr auto &Table = ArmTable;
static constexpr auto &Levels = ArmLevels;

static std::vector<std::string_view> readMachine() {
  std::vector<std::string_view> Result;
  for (const Feature &F : Table)
    if (getauxval(F.Leaf) >> F.Bit & 1)
      Result.push_back(F.Name);
  return Result;
}

std::string dure::cpu::modelName() { return architecture(); }

#else
#error "the CPU driver knows x86-64 and AArch64"
#endif

bool dure::cpu::isKnownFeature(std::string_view Architecture,
                               std::string_view Name) {
  auto IsNamed = [&](const auto &Each) { return Name == Each.Name; };
  auto Has = [&](const auto &Features, const auto &Named) {
    return std::any_of(std::begin(Features), std::end(Features), IsNamed) ||
           std::any_of(std::begin(Named), std::end(Named), IsNamed);
  };
  if (Architecture == "x86_64")
    return Has(X86Table, X86Levels);
  return Architecture == "aarch64" && Has(ArmTable, ArmLevels);
}

const std::vector<std::string_view> &dure::cpu::machineFeatures() {
  static const std::vector<std::string_view> Features = readMachine();
  return Features;
}

static void appendList(std::string_view List, std::vector<std::string> &Out) {
  while (!List.empty()) {
    size_t Comma = std::min(List.find(','), List.size());
    std::string_view Item = List.substr(0, Comma);
    // LLVM writes features to be switched on as "+avx2".
    if (!Item.empty() && Item.front() == '+')
      Item.remove_prefix(1);
    if (!Item.empty())
      Out.emplace_back(Item);
    List.remove_prefix(std::min(Comma + 1, List.size()));
  }
}

/// Puts a level's features, and those of the levels below it, in its place.
static void expandLevels(std::vector<std::string> &Features) {
  std::vector<std::string> Expanded;
  for (const std::string &Each : Features) {
    auto IsNamed = [&](const Level &L) { return Each == L.Name; };
    const Level *Named =
        std::find_if(std::begin(Levels), std::end(Levels), IsNamed);
    if (Named == std::end(Levels)) {
      Expanded.push_back(Each);
      continue;
    }
    for (const Level *L = std::begin(Levels); L <= Named; ++L)
      appendList(L->Features, Expanded);
  }
  Features = std::move(Expanded);
}

bool dure::cpu::parseCompatibility(std::string_view Text, Requirements &Result,
                                   std::string &Error) {
  Result = {};
  Result.Architecture = architecture();
  std::vector<std::string> Features;
  for (const Level &L : Levels) {
    appendList(L.Features, Features);
    if (Text == L.Name) {
      Result.Features = std::move(Features);
      return true;
    }
  }
  if (Text.substr(0, 7) == "x86-64-" || Text == "x86-64" || Text == "armv8-a") {
    // A level of another architecture, or one that is newer than this driver.
    Result.Architecture = Text;
    return true;
  }
  size_t Colon = Text.find(':');
  if (Colon == 0 || Colon == std::string_view::npos) {
    Error = "compatibility string '" + std::string(Text) +
            "' is neither a level such as x86-64-v3 nor "
            "<architecture>:<feature>,...";
    return false;
  }
  if (std::string_view Arch = Text.substr(0, Colon); Arch != "native")
    Result.Architecture = Arch;
  appendList(Text.substr(Colon + 1), Result.Features);
  expandLevels(Result.Features);
  return true;
}

template <typename Range>
static bool contains(const Range &R, std::string_view Name) {
  return std::find(R.begin(), R.end(), Name) != R.end();
}

std::vector<std::string>
dure::cpu::missingFeatures(const Requirements &R,
                           const std::vector<std::string_view> &Machine) {
  std::vector<std::string> Missing;
  for (const std::string &F : R.Features)
    if (!contains(Machine, F) && !contains(Missing, F))
      Missing.push_back(F);
  return Missing;
}

uint32_t dure::cpu::score(const Requirements &R) {
  uint32_t Sum = 0;
  for (const Feature &F : Table)
    if (contains(R.Features, F.Name))
      Sum += F.Weight;
  return Sum;
}

std::string_view
dure::cpu::unusedStrength(const Requirements &R,
                          const std::vector<std::string_view> &Machine) {
  // Only what doubles the width of a vector; the rest is a few percent.
  for (std::string_view F : {"avx512f", "avx2", "sve"})
    if (contains(Machine, F) && !contains(R.Features, F))
      return F;
  return {};
}
