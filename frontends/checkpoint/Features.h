// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a model has that others have not, as words for reports and tables.
//
// Included by the exporter. The words are stable: `dure export --json` gives
// them, and docs/models.md says what each means.

#ifndef DURE_FRONTENDS_CHECKPOINT_FEATURES_H
#define DURE_FRONTENDS_CHECKPOINT_FEATURES_H

#include "frontends/checkpoint/Decoder.h"
#include "frontends/checkpoint/Encoder.h"

#include <string>
#include <vector>

namespace dure::checkpoint {

/// "gqa", "qk-norm", "window", ...: attention first, then the layer, experts,
/// and what is multiplied by what.
std::vector<std::string> featuresOf(const Decoder &D);
std::vector<std::string> featuresOf(const Encoder &E);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_FEATURES_H
