// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes checkpoints: no configuration and no safetensors file may crash the
// exporter or make it allocate much more than they hold. An input is a length
// of two bytes, config.json of that length, and the weights.
#include "frontends/checkpoint/Export.h"
#include "frontends/checkpoint/Safetensors.h"

#include <cstdlib>
#include <cstring>

using namespace dure;
using namespace dure::checkpoint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  uint16_t Length = 0;
  if (Size < sizeof(Length))
    return 0;
  std::memcpy(&Length, Data, sizeof(Length));
  const std::string_view Rest(reinterpret_cast<const char *>(Data) + 2,
                              Size - 2);
  const std::string_view Text = Rest.substr(0, Length);
  const std::string_view Weights = Rest.substr(Text.size());

  Refusals Problems;
  Checkpoint C;
  C.Files.emplace_back();
  C.Files.back().Name = "model.safetensors";
  if (std::optional<Json> Config = parseJson(Text, "config.json", {}, Problems))
    C.Config = std::move(*Config);
  readSafetensors(
      {reinterpret_cast<const std::byte *>(Weights.data()), Weights.size()}, 0,
      "model.safetensors", C, Problems);
  if (Problems.empty())
    for (const auto &[Name, T] : C.Tensors)
      if (T.Offset + T.bytes() > Weights.size())
        std::abort();
  // What a reader refused is exported nowhere; here it may be.
  if (C.Config.object()) {
    const bool WasWhole = Problems.empty();
    const auto M = exportModel(C, {}, Problems);
    if (WasWhole && bool(M) != Problems.empty())
      std::abort();
  }
  for (const Refusal &Each : Problems.list())
    if (toString(Each).empty() ||
        toString(Each, checkpoint::Language::Korean).empty())
      std::abort();
  return 0;
}
