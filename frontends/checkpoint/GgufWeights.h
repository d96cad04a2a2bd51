// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors of GGUF files as tensors of a checkpoint.
//
// Private to GgufCheckpoint.cpp and tests. Nothing is converted before somebody
// asks for the bytes: a tensor holds a function that streams them, a megabyte
// at a time.
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUFWEIGHTS_H
#define DURE_FRONTENDS_CHECKPOINT_GGUFWEIGHTS_H

#include "frontends/checkpoint/Checkpoint.h"
#include "frontends/checkpoint/Gguf.h"

namespace dure::checkpoint {

/// In what a GGUF file's tensor differs from the one it was made of.
struct GgufChange {
  /// Not 0: so many heads, whose rows hold the pairs that rope turns side by
  /// side; they have the first halves in front of the second ones here.
  int64_t PairedHeads = 0;
  /// Was added to all elements, and is taken away.
  float Added = 0;
};

/// The tensor in f32, or in its own type when it has no blocks and nothing is
/// taken away; with its blocks, where it has some. `File` is its number in
/// Checkpoint::Files. Nothing, having refused it, when Dure cannot read its
/// type or it does not have whole heads.
std::optional<Tensor> convertTensor(const GgufTensor &From, uint32_t File,
                                    const GgufChange &Change,
                                    const std::string &Place,
                                    Refusals &Problems);

/// What makes keys and values of a latent, as one matrix of the heads' rows for
/// keys and then values: of [heads, rank, key width] and [heads, value width,
/// rank], in f32. The bytes must live as long as the tensor.
struct GgufMatrix {
  const GgufTensor &Tensor;
  std::span<const std::byte> Bytes;
};
std::optional<Tensor> joinLatents(const GgufMatrix &Keys,
                                  const GgufMatrix &Values, uint32_t File,
                                  const std::string &Place, Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUFWEIGHTS_H
