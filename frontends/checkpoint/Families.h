// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model families, one file each in families/.
//
// Included by the exporter. A family reads a configuration; what it describes
// is built by the same blocks for all.

#ifndef DURE_FRONTENDS_CHECKPOINT_FAMILIES_H
#define DURE_FRONTENDS_CHECKPOINT_FAMILIES_H

#include "frontends/checkpoint/Decoder.h"
#include "frontends/checkpoint/Encoder.h"

#include <span>
#include <string_view>
#include <variant>

namespace dure::checkpoint {

/// A class name in `architectures`, and what reads its configuration.
struct Family {
  std::string_view Architecture;
  std::variant<Decoder (*)(Config &), Encoder (*)(Config &)> Read;
};

/// Sorted by name.
std::span<const Family> families();

Decoder readAxK1(Config &C);
Encoder readBert(Config &C);
Decoder readDeepSeekV2(Config &C);
Decoder readDeepSeekV3(Config &C);
Decoder readExaone3(Config &C);
Decoder readExaone4(Config &C);
Decoder readExaoneMoe(Config &C);
Decoder readGemma3(Config &C);
Decoder readGlm4Moe(Config &C);
Decoder readGranite(Config &C);
Decoder readHyperClovaX(Config &C);
Decoder readLlama(Config &C);
Decoder readQwen2(Config &C);
Decoder readQwen3(Config &C);
Decoder readQwen3Moe(Config &C);
Decoder readSolarOpen(Config &C);
Encoder readXlmRoberta(Config &C);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_FAMILIES_H
