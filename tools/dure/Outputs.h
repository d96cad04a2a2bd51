// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Saving outputs: file names, formats, manifest.
//
// Included by run and its tests.
#ifndef DURE_TOOLS_DURE_OUTPUTS_H
#define DURE_TOOLS_DURE_OUTPUTS_H

#include "tools/dure/Package.h"

#include <string>
#include <vector>

namespace dure {

/// File names without ending for outputs of these names, in order: characters
/// other than [A-Za-z0-9._-] become '_', and a name that is taken by then gets
/// "__2", "__3" and so on. Names that are too long for a file are cut.
std::vector<std::string> outputFileStems(const std::vector<std::string> &Names);

/// Makes the folder and its parents; false, having said why, when it cannot.
bool makeFolder(const Console &Out, const std::string &Path);

/// Writes every tensor to FOLDER/<stem>.npy, or .pb where numpy lacks the type,
/// and gives the file names. Nothing, having said why, when a file cannot be
/// written.
std::optional<std::vector<std::string>>
writeOutputs(const Console &Out, const std::string &Folder,
             const std::vector<io::Tensor> &Tensors);

} // namespace dure

#endif // DURE_TOOLS_DURE_OUTPUTS_H
