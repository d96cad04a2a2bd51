// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Resolution of --cpu into variants, and LLVM's machine for each.

#include "targets/cpu/compiler/CpuVariant.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace llvm;

namespace dure::cpu {
namespace {

constexpr StringLiteral kX86Triple = "x86_64-unknown-linux-gnu";
constexpr StringLiteral kArmTriple = "aarch64-unknown-linux-gnu";

/// Features above a level that code generation makes use of. Others (clzero,
/// rdpid, ...) never reach a kernel, and naming them would only refuse
/// machines that can run it.
constexpr StringLiteral kX86Extras[] = {
    "avx512vnni",  "avx512bf16",   "avx512fp16", "avx512vbmi",
    "avx512vbmi2", "avx512bitalg", "avx512ifma", "avx512vpopcntdq",
    "avxvnni",     "gfni"};

/// AArch64 features beyond the baseline that code generation may make use of:
/// names that are LLVM's and the driver's alike. SVE is not among them: kernels
/// are made of 128-bit vectors.
constexpr StringLiteral kArmExtras[] = {
    "lse", "rdm", "dotprod", "fullfp16", "i8mm", "fp16fml", "bf16"};

void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

Expected<const Target *> lookup(StringRef triple) {
  initializeTargets();
  std::string message;
  const Target *target = TargetRegistry::lookupTarget(Triple(triple), message);
  if (!target)
    return createStringError("this LLVM has no code generator for " +
                             triple.str() + ": " + message);
  return target;
}

/// The subtarget of a cpu name, or null when the target does not know it.
std::unique_ptr<MCSubtargetInfo> subtargetOf(const Target &target,
                                             StringRef triple, StringRef cpu,
                                             StringRef features = "") {
  // The plain subtarget knows the names; asking it for an unknown cpu would
  // print a warning, hence the empty name first.
  std::unique_ptr<MCSubtargetInfo> probe(
      target.createMCSubtargetInfo(Triple(triple), "", ""));
  if (!probe || !probe->isCPUStringValid(cpu))
    return nullptr;
  return std::unique_ptr<MCSubtargetInfo>(
      target.createMCSubtargetInfo(Triple(triple), cpu, features));
}

bool has(const MCSubtargetInfo &info, StringRef feature) {
  return info.checkFeatures(("+" + feature).str());
}

bool hasAll(const MCSubtargetInfo &info, ArrayRef<StringRef> features) {
  return all_of(features, [&](StringRef f) { return has(info, f); });
}

/// Describes an x86 machine by its psABI level and the extras above it.
Expected<CpuVariant> describeX86(StringRef name, const MCSubtargetInfo &info,
                                 StringRef tuneCpu) {
  CpuVariant variant;
  variant.name = name;
  variant.triple = kX86Triple;
  variant.tuneCpu = tuneCpu;
  if (!hasAll(info, {"avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"}))
    return createStringError(
        "--cpu=" + name.str() +
        ": the cpu is below x86-64-v3 (AVX2, FMA, F16C), the least that CPU "
        "kernels are made for; use --cpu=portable and a newer machine");
  bool isV4 =
      hasAll(info, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  variant.cpu = isV4 ? "x86-64-v4" : "x86-64-v3";
  variant.vectorBits = isV4 ? 512 : 256;
  variant.vectorRegisters = isV4 ? 32 : 16;
  variant.hasMaskRegisters = isV4;
  variant.compatibility = "x86_64:" + variant.cpu;
  // Tunings of Intel's servers prefer 256-bit vectors, which halves the peak.
  variant.features = "-prefer-256-bit";
  for (StringRef extra : kX86Extras) {
    if (!has(info, extra) || (!isV4 && extra.starts_with("avx512")))
      continue;
    variant.features += (",+" + extra).str();
    variant.compatibility += ("," + extra).str();
  }
  return variant;
}

/// The features of the cpu, not its name: another cpu that has them runs the
/// code as well, and the driver finds features on a machine, not names.
CpuVariant describeArm(StringRef name, const MCSubtargetInfo &info,
                       StringRef tuneCpu) {
  CpuVariant variant;
  variant.name = name;
  variant.triple = kArmTriple;
  variant.cpu = "generic";
  variant.tuneCpu = tuneCpu;
  variant.vectorBits = 128;
  variant.vectorRegisters = 32;
  variant.compatibility = "aarch64:neon";
  for (StringRef extra : kArmExtras) {
    if (!has(info, extra))
      continue;
    variant.features += (variant.features.empty() ? "+" : ",+") + extra.str();
    variant.compatibility += ("," + extra).str();
  }
  return variant;
}

Expected<CpuVariant> resolveNative() {
  Triple host(sys::getProcessTriple());
  bool isArm = host.getArch() == Triple::aarch64;
  if (!isArm && host.getArch() != Triple::x86_64)
    return createStringError("--cpu=native: this machine is " +
                             host.getArchName().str() +
                             "; kernels exist for x86_64 and aarch64");
  StringRef triple = isArm ? kArmTriple : kX86Triple;
  StringRef baseline = isArm ? "generic" : "x86-64";
  Expected<const Target *> target = lookup(triple);
  if (!target)
    return target.takeError();
  // The host's own list, since a hypervisor may hide what the cpu name says.
  std::string features;
  for (const auto &feature : sys::getHostCPUFeatures())
    features += (features.empty() ? "" : ",") +
                std::string(feature.second ? "+" : "-") + feature.first().str();
  auto info = subtargetOf(**target, triple, baseline, features);
  if (!info)
    return createStringError("--cpu=native: LLVM does not know " +
                             baseline.str());
  if (isArm)
    return describeArm("native", *info, sys::getHostCPUName());
  return describeX86("native", *info, sys::getHostCPUName());
}

Expected<CpuVariant> resolveNamed(StringRef name) {
  Expected<const Target *> x86 = lookup(kX86Triple);
  if (!x86)
    return x86.takeError();
  if (auto info = subtargetOf(**x86, kX86Triple, name))
    return describeX86(name, *info, name.starts_with("x86-64") ? "" : name);
  Expected<const Target *> arm = lookup(kArmTriple);
  if (!arm)
    return arm.takeError();
  StringRef cpu = name == "aarch64" ? StringRef("generic") : name;
  if (auto info = subtargetOf(**arm, kArmTriple, cpu))
    return describeArm(name, *info, cpu == "generic" ? "" : cpu);
  return createStringError(
      "--cpu=" + name.str() +
      ": unknown cpu; use native, portable, aarch64 or an LLVM cpu name such "
      "as x86-64-v3, x86-64-v4, znver4, sapphirerapids, neoverse-n1");
}

} // namespace

bool CpuVariant::isX86() const {
  return Triple(triple).getArch() == Triple::x86_64;
}

Expected<SmallVector<CpuVariant>> resolveCpuVariants(StringRef request) {
  SmallVector<StringRef> names;
  if (request == "portable")
    names = {"x86-64-v3", "x86-64-v4"};
  else
    names = {request};
  SmallVector<CpuVariant> variants;
  for (StringRef name : names) {
    Expected<CpuVariant> variant =
        name == "native" ? resolveNative() : resolveNamed(name);
    if (!variant)
      return variant.takeError();
    variants.push_back(std::move(*variant));
  }
  return variants;
}

Expected<std::unique_ptr<TargetMachine>>
createTargetMachine(const CpuVariant &variant) {
  Expected<const Target *> target = lookup(variant.triple);
  if (!target)
    return target.takeError();
  TargetOptions options;
  options.FunctionSections = true;
  options.DataSections = true;
  std::unique_ptr<TargetMachine> machine((*target)->createTargetMachine(
      Triple(variant.triple), variant.cpu, variant.features, options,
      Reloc::PIC_, CodeModel::Small, CodeGenOptLevel::Aggressive));
  if (!machine)
    return createStringError("LLVM has no machine for " + variant.triple);
  return machine;
}

} // namespace dure::cpu
