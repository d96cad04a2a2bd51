// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model families, one file each in families/.
//
// Included by the exporter. A family reads a configuration; what it describes
// is built by the same blocks for all.

#ifndef DURE_FRONTENDS_CHECKPOINT_FAMILIES_H
#define DURE_FRONTENDS_CHECKPOINT_FAMILIES_H

#include "frontends/checkpoint/Decoder.h"

#include <span>
#include <string_view>

namespace dure::checkpoint {

/// A class name in `architectures`, and what reads its configuration.
struct DecoderFamily {
  std::string_view Architecture;
  Decoder (*Read)(Config &C);
};

std::span<const DecoderFamily> decoderFamilies();

Decoder readExaone4(Config &C);
Decoder readGemma3(Config &C);
Decoder readGranite(Config &C);
Decoder readHyperClovaX(Config &C);
Decoder readLlama(Config &C);
Decoder readQwen2(Config &C);
Decoder readQwen3(Config &C);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_FAMILIES_H
