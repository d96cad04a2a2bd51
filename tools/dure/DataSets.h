// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inputs and expected outputs in the layouts that `dure check` reads.
//
// Included by check and its tests.
#ifndef DURE_TOOLS_DURE_DATASETS_H
#define DURE_TOOLS_DURE_DATASETS_H

#include "tools/dure/Package.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dure {

struct DataSet {
  /// "test_data_set_0", or the folder's own name.
  std::string Name;
  /// Named after the model's inputs.
  std::vector<io::Tensor> Inputs;
  /// Index of an output of the model, and what it should be.
  std::vector<std::pair<size_t, io::Tensor>> Expected;

  /// Names of the outputs that nothing is expected of.
  std::vector<std::string> withoutExpected(const Signature &Model) const;
};

/// Whether there is such a folder; false, having said so, when not.
bool isFolder(const Console &Out, const std::string &Path);

/// Reads `Folder`: each test_data_set_*/ in it, in the order of their numbers;
/// else its own input_N.pb; else its NAME.npy or NAME.pb for each input NAME.
/// `Against`, when not empty, is an .npz whose arrays are expected outputs by
/// name, for every set, in place of output_N.pb. Nothing, having said why, when
/// there is no data or it does not fit the model.
std::optional<std::vector<DataSet>> readDataSets(const Console &Out,
                                                 const std::string &Folder,
                                                 const std::string &Against,
                                                 const Signature &Model);

} // namespace dure

#endif // DURE_TOOLS_DURE_DATASETS_H
