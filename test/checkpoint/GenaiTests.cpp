// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiny checkpoints exported in the style genai, compiled and run: `main` gives
// what transformers gives.
//
// The graphs take lengths in place of masks, so rows that the data pad before
// are padded behind here.
#include "test/checkpoint/ExportFixture.h"

#include <cstring>

using namespace dure;
using namespace dure::exporttest;

namespace {

class GenaiModel : public Exported {
protected:
  GenaiModel() : Exported(checkpoint::GraphStyle::Genai) {}
};

bool isCache(const std::string &Name) {
  return Name.starts_with("past") || Name.starts_with("present");
}

/// Positions of each row that its mask leaves out, all before the others.
std::vector<int64_t> paddingBefore(const io::Tensor &Mask) {
  std::vector<int64_t> Out;
  const auto *Kept = reinterpret_cast<const int64_t *>(Mask.Bytes.data());
  for (int64_t Row = 0; Row != Mask.Dims[0]; ++Row) {
    const int64_t *First = Kept + Row * Mask.Dims[1];
    Out.push_back(std::find(First, First + Mask.Dims[1], 1) - First);
  }
  return Out;
}

/// Each row's first positions, which are along an axis, behind its others.
void moveBehind(io::Tensor &T, const std::vector<int64_t> &Pads, size_t Axis) {
  if (T.Bytes.empty())
    return;
  size_t Outer = 1, Inner = T.Bytes.size() / size_t(T.Dims[0]);
  for (size_t I = 1; I != Axis; ++I)
    Outer *= size_t(T.Dims[I]);
  Inner /= Outer;
  for (size_t Row = 0; Row != Pads.size(); ++Row)
    for (size_t I = 0; I != Outer; ++I) {
      const auto First = T.Bytes.begin() + ptrdiff_t((Row * Outer + I) * Inner);
      const size_t Each = Inner / size_t(T.Dims[Axis]);
      std::rotate(First, First + ptrdiff_t(size_t(Pads[Row]) * Each),
                  First + ptrdiff_t(Inner));
    }
}

/// A call as the graph takes it.
void padBehind(modeltest::RunData &Data, bool HasPositions) {
  const auto Find = [&](const char *Name) {
    return std::find_if(Data.Inputs.begin(), Data.Inputs.end(),
                        [&](const io::Tensor &T) { return T.Name == Name; });
  };
  const std::vector<int64_t> MaskDims = Find("attention_mask")->Dims;
  const std::vector<int64_t> Pads = paddingBefore(*Find("attention_mask"));
  const bool IsPrompt = Find("input_ids")->Dims == MaskDims;
  if (!HasPositions)
    Data.Inputs.erase(Find("position_ids"));
  if (std::all_of(Pads.begin(), Pads.end(), [](int64_t P) { return P == 0; }))
    return;
  for (io::Tensor &T : Data.Inputs)
    if (IsPrompt || isCache(T.Name) || T.Name == "attention_mask")
      moveBehind(T, Pads, isCache(T.Name) ? 2 : 1);
  for (auto &[Index, T] : Data.Expected) {
    if (!IsPrompt && !isCache(T.Name))
      continue;
    moveBehind(T, Pads, isCache(T.Name) ? 2 : 1);
    modeltest::ValidPart &Part = Data.Valid[T.Name];
    Part.Axis = isCache(T.Name) ? 2 : 1;
    Part.Ranges.clear();
    for (const int64_t Pad : Pads)
      Part.Ranges.push_back({0, MaskDims[1] - Pad});
  }
}

} // namespace

// Tests that prefill, steps and padded batches give what transformers gives.
TEST_P(GenaiModel, GivesWhatTransformersGives) {
  const bool HasPositions =
      GenaiConfig.find("\"position_ids\"") != std::string::npos;
  expectReferences({}, /*ExactShapes=*/false,
                   [&](const auto &, modeltest::RunData &Data) {
                     padBehind(Data, HasPositions);
                     return true;
                   });
}

// At the builder's opset, and a few at the others.
static const char *const Decoders[] = {
    "llama-21",    "qwen2-21",      "qwen3-21",       "exaone3-21",
    "exaone4-21",  "granite-21",    "hyperclovax-21", "exaone4-global-21",
    "gemma3-21",   "exaone-moe-21", "solar-open-21",  "qwen3-moe-21",
    "glm4-moe-21", "qwen2-20",      "hyperclovax-23", "qwen3-23"};
static const char *const Quantized[] = {
    "llama-gguf-21",          "qwen2-gguf-21",     "qwen3-gguf-21",
    "exaone4-gguf-21",        "gemma3-gguf-21",    "granite-gguf-21",
    "exaone-moe-gguf-21",     "qwen3-moe-gguf-21", "solar-open-gguf-21",
    "exaone4-global-gguf-21", "llama-gguf-20",     "qwen2-gguf-23",
    "glm4-moe-gguf-21"};

INSTANTIATE_TEST_SUITE_P(Quantized, GenaiModel, testing::ValuesIn(Quantized),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, GenaiModel, testing::ValuesIn(Decoders),
                         testName);
