// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CpuVariant: the machine that one object of a package's CPU code is made for.
//
// Contract: included by the CPU target's code generation and by whoever
// resolves `--cpu`. Depends on LLVM only. A variant is a value; resolving one
// initializes the LLVM targets lazily and may be done from any thread.
#ifndef DURE_TARGETS_CPU_COMPILER_CPUVARIANT_H
#define DURE_TARGETS_CPU_COMPILER_CPUVARIANT_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>

namespace dure::cpu {

/// One machine class. All variants of a package share one packed copy of the
/// weights: panels are `kPanelWidth` columns wide whatever the vector width.
struct CpuVariant {
  /// How reports name it: "x86-64-v4", "native", "znver4", "aarch64", ...
  std::string name;
  /// LLVM triple, always Linux: kernels make no system calls, so it only picks
  /// the calling convention and the object format.
  std::string triple;
  /// LLVM cpu name whose instructions may be used.
  std::string cpu;
  /// LLVM cpu name whose pipeline the scheduler assumes; may be empty.
  std::string tuneCpu;
  /// LLVM feature string on top of `cpu`.
  std::string features;
  /// Bits of a vector register.
  unsigned vectorBits = 128;
  /// Number of vector registers that a kernel may keep live.
  unsigned vectorRegisters = 16;
  /// Whether masked loads and stores of any element cost one instruction.
  bool hasMaskRegisters = false;
  /// "<arch>:<feature>,<feature>,...": what the driver must find on the
  /// machine before it loads the object. Features are spelled as LLVM does
  /// (levels: "x86-64-v3", "x86-64-v4"); all are in the table of the CPU driver
  /// (targets/cpu/driver/CpuFeatures.h).
  std::string compatibility;

  /// Lanes of a vector of 32-bit elements.
  unsigned lanes() const { return vectorBits / 32; }
  bool isX86() const;
};

/// Columns of one packed panel of a matmul's right operand.
inline constexpr int64_t kPanelWidth = 32;

/// Resolves one `--cpu` argument: "native", "portable" (x86-64-v3 and
/// x86-64-v4) or an LLVM cpu name of x86-64 or AArch64 ("aarch64" alone means
/// the baseline). Unknown names and machines below AVX2+FMA are errors that
/// say what to write instead.
llvm::Expected<llvm::SmallVector<CpuVariant>>
resolveCpuVariants(llvm::StringRef request);

/// Creates LLVM's machine for the variant, at -O3 and position independent.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const CpuVariant &variant);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_CPUVARIANT_H
