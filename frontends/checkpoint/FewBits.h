// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrices in few bits as operators of onnxruntime: MatMulNBits and
// GatherBlockQuantized.
//
// Included by the blocks and by the graph of the style genai. Both operators
// take unsigned integers q in blocks of a row, with a scale s and a zero point
// z a block: s (q - z). What is stored with an offset o, s q + o, is said
// exactly all the same: z = 0, and x W^T gets the sums of x's blocks times the
// offsets.

#ifndef DURE_FRONTENDS_CHECKPOINT_FEWBITS_H
#define DURE_FRONTENDS_CHECKPOINT_FEWBITS_H

#include "frontends/checkpoint/Weights.h"

namespace dure::checkpoint {

/// x of [..., In] times the matrix `T` of (Out, In), which Weights::inBlocks
/// gave.
Value fewBitsProduct(GraphBuilder &G, Weights &W, const Value &X,
                     const std::string &Name, const Tensor &T);

/// Its rows that `Ids` of [batch, sequence] name.
Value fewBitsRows(GraphBuilder &G, Weights &W, const Value &Ids,
                  const std::string &Name, const Tensor &T);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_FEWBITS_H
