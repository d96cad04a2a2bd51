// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A GGUF file as a checkpoint.
//
// Included by Checkpoint.cpp. A model that was split into several files is
// opened by its first one.
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUFCHECKPOINT_H
#define DURE_FRONTENDS_CHECKPOINT_GGUFCHECKPOINT_H

#include "frontends/checkpoint/Checkpoint.h"

namespace dure::checkpoint {

/// Fills `C`, whose Path and Folder are set, from the file `Name` in the
/// folder: configuration, tensors, tokenizer. All of it is refused or usable.
void openGguf(Checkpoint &C, const std::string &Name, const LinkPolicy &Links,
              Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUFCHECKPOINT_H
