// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts that models consist of, as nodes: norms, linear layers,
// activations, rotation, attention, MLPs.
//
// Included by the graphs of decoders and encoders. From opset 23 on, norms,
// rotation and attention are operators; before, they are written out in the
// forms that exporters write, which the compiler's phase raise recognises.

#ifndef DURE_FRONTENDS_CHECKPOINT_BLOCKS_H
#define DURE_FRONTENDS_CHECKPOINT_BLOCKS_H

#include "frontends/checkpoint/Decoder.h"
#include "frontends/checkpoint/Weights.h"

namespace dure::checkpoint {

/// x of [..., In] times the matrix of that name, of (Out, In).
Value product(GraphBuilder &G, Weights &W, const Value &X,
              const std::string &Name, int64_t In, int64_t Out);

/// x of [..., In] times the matrix Name.weight, and Name.bias.
Value linear(GraphBuilder &G, Weights &W, const Value &X,
             const std::string &Name, int64_t In, int64_t Out, bool Bias);

/// x / sqrt(mean(x^2) + epsilon) * w over the last axis; 1 + w where OnePlus.
Value rmsNorm(GraphBuilder &G, Weights &W, const Value &X,
              const std::string &Name, int64_t Width, double Epsilon,
              bool OnePlus);

Value activate(GraphBuilder &G, const Value &X, Activation Act);

/// Cosines and sines of all tokens, [batch, sequence, pairs].
struct RopeTables {
  Value Cos, Sin;
};
RopeTables ropeTables(GraphBuilder &G, const Value &Positions, const Rope &R);

/// x of [batch, heads, sequence, Width], its first elements turned.
Value rotate(GraphBuilder &G, const Value &X, int64_t Width, const Rope &R,
             const RopeTables &Tables);

/// What attention is computed of; q, k and v are [batch, heads, positions,
/// width], with heads of keys and values in groups.
struct AttentionOperands {
  Value Q, K, V;
  /// True where a query sees a key: [batch, 1, queries or 1, keys].
  Value Mask;
  int64_t Heads = 0, KeyHeads = 0, KeyWidth = 0, ValueWidth = 0;
  double Scale = 1;
  double Softcap = 0;
};
Value attention(GraphBuilder &G, const AttentionOperands &A);

/// [batch, positions, heads * width] and [batch, heads, positions, width].
Value splitHeads(GraphBuilder &G, const Value &X, int64_t Heads, int64_t Width);
Value joinHeads(GraphBuilder &G, const Value &X, int64_t Width);

/// down(act(gate(x)) * up(x))
Value gatedMlp(GraphBuilder &G, Weights &W, const Value &X,
               const std::string &Name, int64_t Hidden, const GatedMlp &M);

/// The chosen experts' MLPs times their weights, and the shared ones. Written
/// as exporters do that trace every expert on every token, times 0 where it is
/// not chosen: a form with the experts' weights where they lie, each by itself,
/// which the compiler turns into one op.
Value mixture(GraphBuilder &G, Weights &W, const Value &X,
              const std::string &Name, int64_t Hidden, const Experts &E);

/// c tanh(x / c); x where c is 0.
Value softcapped(GraphBuilder &G, const Value &X, double Cap);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_BLOCKS_H
