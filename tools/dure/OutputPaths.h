// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Refusing to write over what is read, or twice to one place.
//
// Included by the commands that write files of their own.
#ifndef DURE_TOOLS_DURE_OUTPUTPATHS_H
#define DURE_TOOLS_DURE_OUTPUTPATHS_H

#include "tools/dure/Console.h"
#include "tools/dure/Options.h"
#include "tools/dure/Package.h"

namespace dure {

/// ExitUsage, having said why, when --output, --report or --trace would be
/// written over the model, a file that is read beside it (`Files`: inputs,
/// weights), or each other: the same path, or another name of the same file.
/// ExitFailed when one cannot be written at all. Else ExitOk.
int checkOutputPaths(const Console &Out, const Options &O,
                     const std::vector<std::string> &Files);

/// The same for --trace and the files that the package reads its weights from.
int checkTracePath(const Console &Out, const Options &O,
                   const LoadedPackage &Package);

} // namespace dure

#endif // DURE_TOOLS_DURE_OUTPUTPATHS_H
