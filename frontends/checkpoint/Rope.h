// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rotary position embeddings as configurations say them: Su et al., arXiv
// 2104.09864; Llama 3's piecewise scaling; YaRN, arXiv 2309.00071.
//
// Included by families. The angles of position p are p times the frequencies.

#ifndef DURE_FRONTENDS_CHECKPOINT_ROPE_H
#define DURE_FRONTENDS_CHECKPOINT_ROPE_H

#include "frontends/checkpoint/Config.h"

#include <string>
#include <vector>

namespace dure::checkpoint {

struct Rope {
  /// How the frequencies were made, as configurations name it: "llama3".
  std::string Scaling = "default";
  /// One a pair of turned elements: half as many as elements turn.
  std::vector<float> Frequencies;
  /// On cosines and sines.
  double Factor = 1;
  /// Pairs are neighbours where they come from; turned, they stand by halves,
  /// as DeepSeek's code leaves them. Otherwise they stand by halves throughout.
  bool Interleaved = false;
  /// YaRN's mscale_all_dim correction of the softmax's scale, where a family
  /// has it.
  double ScoreFactor = 1;
};

/// Where a configuration says how positions turn: "rope_parameters", or the
/// older "rope_theta", "rope_scaling" and "partial_rotary_factor" beside each
/// other.
struct RopeKeys {
  /// Of a head.
  int64_t HeadSize = 0;
  double DefaultTheta = 10000;
  double DefaultPartial = 1;
  /// Where each kind of layer has its own: "sliding_attention".
  std::string LayerType = {};
  /// The older name of that kind's base, which is then not scaled.
  std::string ThetaKey = "rope_theta";
  bool IsScaled = true;
};

Rope readRope(Config &C, const RopeKeys &Keys);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_ROPE_H
