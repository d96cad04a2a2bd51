// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels in a target's text form: --emit and --oracle.
//
// Included by Compilation.cpp.
#ifndef DURE_COMPILER_KERNELTEXTS_H
#define DURE_COMPILER_KERNELTEXTS_H

#include "compiler/Compilation.h"
#include "compiler/Target.h"

namespace dure {

inline bool asksForTexts(const CompilationRequest &Request) {
  return !Request.Emit.empty() || !Request.Oracle.empty();
}

/// Finds the form, and the oracle, that the request names among the target's,
/// and notes them in the report. False with `Error`, which names those that
/// there are.
bool findTextForm(const CompilationRequest &Request, const Target &T,
                  CompilationReport &Report, TextForm &Form,
                  std::string &Error);

/// Adds a report for each dispatch function of a module after form-dispatches,
/// the fallback's included. Fails with a diagnostic where the target cannot
/// count cycles.
mlir::LogicalResult addKernelTexts(mlir::ModuleOp Formed, const Target &T,
                                   const CompilationRequest &Request,
                                   CompilationReport &Report);

/// A file of kernels: its path and what is in it.
using TextFiles = std::vector<std::pair<std::string, std::string>>;

/// What to write for an output path: one file, or one a kernel where the path
/// is a folder or ends in '/'. Such a folder is made. On failure `Error`.
bool textFiles(const std::string &Output, const TextForm &Form,
               const CompilationReport &Report, TextFiles &Out,
               std::string &Error);

} // namespace dure

#endif // DURE_COMPILER_KERNELTEXTS_H
