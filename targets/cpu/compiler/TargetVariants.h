// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TargetVariants: what the targets whose kernels run on the CPU answer alike.
//
// Contract: included by the plug-ins `cpu` and `reference`. Depends on the
// target interface and on CpuVariant.
#ifndef DURE_TARGETS_CPU_COMPILER_TARGETVARIANTS_H
#define DURE_TARGETS_CPU_COMPILER_TARGETVARIANTS_H

#include "compiler/Target.h"

namespace dure::cpu {

/// Target::variants for the `--cpu` arguments `names`, "native" without any;
/// each variant once.
mlir::FailureOr<std::vector<TargetVariant>>
describeVariants(llvm::ArrayRef<std::string> names, std::string &error);

/// The refusal of an op that has elements of a type without storage in
/// kernels, or none when `element` is null.
std::optional<Unsupported> refuseElement(mlir::Type element);

/// Target::inKorean for what is said here, by the code generator and by the
/// target `cpu`.
std::string inKorean(llvm::StringRef text);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_TARGETVARIANTS_H
