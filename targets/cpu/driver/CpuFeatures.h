// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which instruction set extensions this machine has, and compatibility strings.
//
// Contract: used by the CPU driver only. A compatibility string names what a
// code object needs, in one of these forms:
//
//   x86-64, x86-64-v2, x86-64-v3, x86-64-v4     levels of the x86-64 psABI
//   x86_64:avx2,fma,...                         architecture and LLVM's names
//   aarch64:neon,dotprod,...
//   native:avx2,fma,...                         as above, this architecture
//
// A feature that is not known here counts as missing: the answer is then a
// refusal, never an illegal instruction.
#ifndef DURE_TARGETS_CPU_DRIVER_CPUFEATURES_H
#define DURE_TARGETS_CPU_DRIVER_CPUFEATURES_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::cpu {

/// The architecture that this driver was built for: "x86_64" or "aarch64".
const char *architecture();

/// "AMD EPYC 9R14", or the architecture if the machine does not say.
std::string modelName();

/// All known features that the machine and the operating system offer, in the
/// order of the table.
const std::vector<std::string_view> &machineFeatures();

/// Whether the table of ARCHITECTURE ("x86_64" or "aarch64") has the feature or
/// level: what is not in it is missing on every machine.
bool isKnownFeature(std::string_view Architecture, std::string_view Name);

struct Requirements {
  std::string Architecture;
  std::vector<std::string> Features;
};

/// Reads COMPATIBILITY; false and ERROR if it has none of the forms above.
bool parseCompatibility(std::string_view Compatibility, Requirements &Result,
                        std::string &Error);

/// Required features that MACHINE lacks.
std::vector<std::string>
missingFeatures(const Requirements &R,
                const std::vector<std::string_view> &Machine);

/// Orders code objects that can run: more and stronger features score higher.
uint32_t score(const Requirements &R);

/// A vector feature of MACHINE that code of R leaves unused, or empty.
std::string_view unusedStrength(const Requirements &R,
                                const std::vector<std::string_view> &Machine);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_DRIVER_CPUFEATURES_H
