// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether text may be given to MLIR's parser.
//
// Included by whatever reads IR from files. The parser trusts its text: it
// recurses as deep as brackets nest and operators follow each other, quotes
// lines as they are, and prints an alias as often as it is used. Here hostile
// text is told from the rest before it is parsed. Messages are English, as are
// those of the parser: they are for whoever works on the IR.
#ifndef DURE_COMPILER_IRTEXT_H
#define DURE_COMPILER_IRTEXT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace dure {

/// "PATH:LINE:COLUMN: why" for text that must not be parsed; empty when
/// it may be.
std::string problemOfIrText(llvm::StringRef Path, llvm::StringRef Text);

/// The text of a regular file, fit to be parsed; or the message why not.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readIrText(llvm::StringRef Path);

} // namespace dure

#endif // DURE_COMPILER_IRTEXT_H
