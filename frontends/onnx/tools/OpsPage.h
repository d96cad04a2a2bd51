// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// docs/supported-ops.md and the list of types that it shows.
//
// Included by onnx-import. A line of the list is
//
//   Equal float32->bool: test_equal test_equal_bcast
//
// an operator, the types of its first input and output (one, if they are the
// same), and the tests that have no other operator. A test that a target
// is not expected to pass tells nothing of what that target supports.

#ifndef DURE_FRONTENDS_ONNX_TOOLS_OPSPAGE_H
#define DURE_FRONTENDS_ONNX_TOOLS_OPSPAGE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace dure::onnx {

/// Prints the list of the tests below FOLDERS. False, having said why, when a
/// folder cannot be read. Models that the reader refuses are left out.
bool printNodeTypes(llvm::ArrayRef<std::string> Folders, llvm::raw_ostream &OS);

/// Prints the page. EXPECTED are "TARGET=FILE", the lists of tests that a
/// target does not pass. False, having said why, when a file cannot be read.
bool printOpsPage(const std::string &Types,
                  llvm::ArrayRef<std::string> Expected, llvm::raw_ostream &OS);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_TOOLS_OPSPAGE_H
