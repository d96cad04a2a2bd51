// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A checkpoint on disk: its configuration, its tensors by name, its tokenizer.
//
// Included by the exporter, by what packs tokenizers, and by each reader of a
// format (Safetensors.h, Gguf.h), which fill the same view: whoever asks for
// "model.layers.0.mlp.up_proj.weight" does not know where it comes from. Needs
// neither LLVM nor Python and throws nothing but out of memory. Files stay
// mapped as long as the object lives; nothing of their content is copied.

#ifndef DURE_FRONTENDS_CHECKPOINT_CHECKPOINT_H
#define DURE_FRONTENDS_CHECKPOINT_CHECKPOINT_H

#include "frontends/checkpoint/Json.h"
#include "frontends/checkpoint/Refusal.h"
#include "frontends/onnx/Model.h"
#include "runtime/io/SafeFile.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dure::checkpoint {

using onnx::DataType;

/// Takes a tensor's bytes, piece by piece and in order.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

struct Tensor;

/// A tensor in few bits, part by part: Integers * Scales + Offsets, the scales
/// and offsets being those of blocks of `BlockSize` elements of the last axis.
/// That is DequantizeLinear, and Add. Converting it gives the tensor that has
/// these blocks, bit for bit.
struct BlockedTensor {
  int64_t BlockSize = 0;
  /// Of the tensor's shape.
  std::shared_ptr<const Tensor> Integers;
  /// Of its shape with the last dimension divided by BlockSize, in f32 or,
  /// where they are stored so, f16.
  std::shared_ptr<const Tensor> Scales;
  /// As Scales, and of their type; null: none.
  std::shared_ptr<const Tensor> Offsets;
};

/// A tensor by the name that Hugging Face's code gives it, row-major and
/// little-endian. Matrices of linear layers are (out, in).
struct Tensor {
  /// What a graph gets: bytes of `Type` and `Shape`.
  DataType Type = DataType::Undefined;
  std::vector<int64_t> Shape;
  /// Where it is stored: Checkpoint::Files[File].
  uint32_t File = 0;
  uint64_t Offset = 0;
  uint64_t StoredBytes = 0;
  /// Makes the bytes that a graph gets of those that are stored. Empty: they
  /// are the same, and a graph may refer to the file.
  std::function<Status(std::span<const std::byte> Stored, const ByteSink &Sink)>
      Convert;
  /// The same in few bits, where it is stored so.
  std::optional<BlockedTensor> Blocks;

  /// Of Type and Shape, which readers have checked to fit.
  uint64_t bytes() const;
  uint64_t elements() const;
};

/// A mapped file with its name relative to Checkpoint::Folder.
struct WeightFile {
  std::string Name;
  MappedFile Mapping;
};

/// A file of text beside the weights: mapped, or made of what a GGUF file
/// holds.
struct TextFile {
  MappedFile Mapping;
  std::string Made;
  std::string_view text() const;
};

class Checkpoint {
public:
  /// Opens a folder or a GGUF file; null, having said why, when it is not a
  /// checkpoint that can be read whole.
  static std::unique_ptr<Checkpoint>
  open(const std::string &Path, const LinkPolicy &Links, Refusals &Problems);

  /// As the user named it.
  std::string Path;
  /// The folder in which its files lie.
  std::string Folder;
  /// config.json, or what a reader made of its own metadata: an object.
  Json Config;
  std::vector<WeightFile> Files;
  /// By name.
  std::map<std::string, Tensor, std::less<>> Tensors;
  /// Those of textFileNames() that there are, by name.
  std::map<std::string, TextFile, std::less<>> Texts;
  /// Names, relative to Folder, that were looked for, whether there is such a
  /// file or not: what the checkpoint is made of.
  std::set<std::string, std::less<>> Looked;

  const Tensor *find(std::string_view Name) const {
    auto It = Tensors.find(Name);
    return It == Tensors.end() ? nullptr : &It->second;
  }
  std::span<const std::byte> stored(const Tensor &T) const {
    return Files[T.File].Mapping.bytes().subspan(T.Offset, T.StoredBytes);
  }
};

/// What generation and tokenizing need: tokenizer.json, chat_template.jinja,
/// ...
std::span<const std::string_view> textFileNames();

/// Bounds on tensors, whatever the format.
constexpr uint64_t MaxTensors = 500'000;
constexpr size_t MaxTensorRank = 8;
constexpr size_t MaxTensorNameBytes = 1024;

/// The bytes of that many elements; nothing when a dimension is negative or
/// something does not fit.
std::optional<uint64_t> tensorBytes(DataType Type,
                                    std::span<const int64_t> Shape);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_CHECKPOINT_H
