// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads safetensors files: https://huggingface.co/docs/safetensors, "Format".
//
// Included by Checkpoint.cpp and tests. A file is a length of 8 bytes, a header
// in JSON of that length, then the tensors' data, which they cover without gap
// or overlap.

#ifndef DURE_FRONTENDS_CHECKPOINT_SAFETENSORS_H
#define DURE_FRONTENDS_CHECKPOINT_SAFETENSORS_H

#include "frontends/checkpoint/Checkpoint.h"

namespace dure::checkpoint {

/// The format's own bound on its header.
constexpr uint64_t MaxSafetensorsHeader = 100'000'000;

/// Adds the tensors of `Bytes`, which are C.Files[File], to C.Tensors. `Place`
/// is for messages.
void readSafetensors(std::span<const std::byte> Bytes, uint32_t File,
                     const std::string &Place, Checkpoint &C,
                     Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_SAFETENSORS_H
