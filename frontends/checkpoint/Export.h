// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints to ONNX: `dure export`, and the first half of `dure compile
// CHECKPOINT`.
//
// Included by the command and tests. The graph refers to the checkpoint's own
// files; nothing of the weights is read but what has to be converted. Needs no
// LLVM; throws nothing but out of memory.

#ifndef DURE_FRONTENDS_CHECKPOINT_EXPORT_H
#define DURE_FRONTENDS_CHECKPOINT_EXPORT_H

#include "frontends/checkpoint/Checkpoint.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dure::checkpoint {

/// What graphs of decoders are made of: ONNX's own operators, or, beside them,
/// those of onnxruntime as onnxruntime-genai's models have them.
enum class GraphStyle { Onnx, Genai };

struct ExportOptions {
  GraphStyle Style = GraphStyle::Onnx;
  /// 20 or 23; 21 too in the style genai.
  int64_t Opset = 23;
  /// Name of the graph, for what lies beside it to refer to.
  std::string GraphFile = "model.onnx";
  /// Name of a file beside the graph, for weights that are stored otherwise
  /// than ONNX has them.
  std::string DataFile = "model.onnx.data";
  /// Weights that are stored in few bits stay so where the opset or style can
  /// say it; else they become f32.
  bool KeepBlocks = true;
};

/// A model as a graph, before anything is written.
struct ExportedModel {
  std::string Architecture;
  /// The ONNX file.
  std::string Graph;
  size_t Nodes = 0;
  uint64_t Parameters = 0;
  std::map<DataType, uint64_t> BytesByType;
  /// What the caches hold for one position; 0 for encoders.
  uint64_t CacheBytesAPosition = 0;
  /// What sets the model apart from the plainest one: featuresOf().
  std::vector<std::string> Features;
  /// Numbers of the checkpoint's files that the graph refers to.
  std::set<uint32_t> Files;
  /// What goes into DataFile, at which offset, in ascending order.
  struct Converted {
    const Tensor *From;
    uint64_t Offset;
  };
  std::vector<Converted> InDataFile;
  /// Those of them that the checkpoint does not hold.
  std::vector<std::shared_ptr<const Tensor>> Made;
  /// genai_config.json; empty in other styles.
  std::string GenaiConfig;
};

/// The graph of a checkpoint, which must outlive it; nothing, having said
/// everything that stands in the way, when there is none.
std::optional<ExportedModel> exportModel(const Checkpoint &C,
                                         const ExportOptions &Options,
                                         Refusals &Problems);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_EXPORT_H
