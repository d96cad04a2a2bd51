// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of families.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

std::span<const DecoderFamily> decoderFamilies() {
  static constexpr DecoderFamily Table[] = {
      {"LlamaForCausalLM", readLlama},
  };
  return Table;
}

} // namespace dure::checkpoint
