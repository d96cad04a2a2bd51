// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The small files of a model that its package carries: how text becomes tokens.
//
// Included by the commands that compile.
#ifndef DURE_TOOLS_DURE_CARRIEDFILES_H
#define DURE_TOOLS_DURE_CARRIEDFILES_H

#include "tools/dure/Console.h"
#include "tools/dure/Options.h"

#include <optional>
#include <string>
#include <vector>

namespace dure {

struct CarriedFile {
  std::string Name; // relative to the model's folder
  std::string Bytes;
};

/// Those that are there: of the folder that O names, or `Made`, or if there are
/// none those of O.Path, a folder or a file in it. Links are admitted as for
/// the model's weights. Nothing, having said why, when a file is refused or
/// cannot be read.
std::optional<std::vector<CarriedFile>>
readCarriedFiles(const Console &Out, const Options &O,
                 std::vector<CarriedFile> Made);

/// Where they are looked for; nothing where they are not.
std::vector<std::string> carriedFilePaths(const Options &O);

} // namespace dure

#endif // DURE_TOOLS_DURE_CARRIEDFILES_H
