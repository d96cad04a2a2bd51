// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Input tensors: gathered from files, made up for timing, and checked against a
// signature.
//
// Included by run, check and bench.
#ifndef DURE_TOOLS_DURE_INPUTS_H
#define DURE_TOOLS_DURE_INPUTS_H

#include "tools/dure/JsonText.h"
#include "tools/dure/Package.h"

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace dure {

/// Reads --inputs and then --input, which wins over it. Each tensor is named
/// after the input it is for. Nothing, having said why, when a file is bad or
/// a name is given twice.
std::optional<std::vector<io::Tensor>> readInputs(const Console &Out,
                                                  const Options &O);

/// Puts the tensors in the signature's order. When they do not fit (missing,
/// unknown, wrong type or shape) says all that is wrong and the expected
/// signature, and gives nothing.
std::optional<std::vector<io::Tensor>>
arrangeInputs(const Console &Out, const std::string &Path,
              const Signature &Expected, std::vector<io::Tensor> Tensors);

/// Inputs, or the exit status of a command that cannot have them.
struct MadeInputs {
  std::optional<std::vector<io::Tensor>> Tensors;
  /// Of every symbol.
  std::map<std::string, int64_t> Sizes;
  int Exit = ExitUsage;
};

/// Inputs of the sizes in `Dims` with values that any transformer takes:
/// floats from -1 to 1, integers alternately 0 and 1, all ones where the name
/// holds "mask". Sizes that `Requirements` fix need not be given. `Further`
/// symbols, which no input may have, get sizes, too. No tensors, having said
/// why, when a size is missing or unknown, or memory cannot hold them.
MadeInputs makeInputs(const Console &Out, const Signature &Expected,
                      const NamedSizes &Dims,
                      const std::vector<SizeRequirement> &Requirements = {},
                      const std::set<std::string> &Further = {});

/// "  input_ids: int64[batch, sequence]" lines.
std::string describePorts(const std::vector<Port> &Ports);

} // namespace dure

#endif // DURE_TOOLS_DURE_INPUTS_H
