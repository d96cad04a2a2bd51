// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A checkpoint's tensors as values of a graph.
//
// Included by the blocks. Graphs compute in f32 whatever the checkpoint's type:
// a weight in f16 or bf16 stays so in its file, and a Cast stands behind it,
// which Dure makes part of how the weight is read and onnxruntime folds. So one
// graph runs everywhere (few kernels of onnxruntime's CPU provider take bf16),
// and rounding is that of the weights alone.

#ifndef DURE_FRONTENDS_CHECKPOINT_WEIGHTS_H
#define DURE_FRONTENDS_CHECKPOINT_WEIGHTS_H

#include "frontends/checkpoint/Checkpoint.h"
#include "frontends/checkpoint/GraphBuilder.h"

#include <set>

namespace dure::checkpoint {

class Weights {
public:
  /// How tensors in few bits stay so: as DequantizeLinear, which takes opset
  /// 21, and matrices as MatMulNBits (FewBits.h).
  struct BlockUse {
    bool Dequantize = false, Multiply = false;
  };

  /// `DataFile` is the name of a file beside the graph for tensors that are not
  /// stored as the graph needs them.
  Weights(const Checkpoint &C, GraphBuilder &G, std::string DataFile,
          BlockUse Blocks, Refusals &Problems)
      : C(C), G(G), DataFile(std::move(DataFile)), Blocks(Blocks),
        Problems(Problems) {}

  bool has(std::string_view Name) const { return C.find(Name) != nullptr; }

  /// A tensor of that shape in f32. One that is missing or of another shape is
  /// refused, and a placeholder comes back.
  Value get(const std::string &Name, const std::vector<int64_t> &Shape);
  /// As stored, for picking rows before they are cast; in f32 when it has
  /// blocks.
  Value table(const std::string &Name, const std::vector<int64_t> &Shape);
  /// A linear layer's matrix (out, in) as the right side of a product.
  Value transposed(const std::string &Name, int64_t Out, int64_t In);

  /// A matrix that is stored in blocks which stay so where it is multiplied;
  /// null for others, which get() and its like say what is wrong with.
  const Tensor *inBlocks(const std::string &Name,
                         const std::vector<int64_t> &Shape);
  /// A tensor that the checkpoint does not hold, which its Convert makes; one
  /// for each name.
  Value make(const std::string &Name, const std::function<Tensor()> &Describe);

  /// Tensors of such names are read by nothing, and need not be.
  void ignore(std::string Suffix) { Ignored.push_back(std::move(Suffix)); }
  void ignoreBelow(std::string Prefix) {
    IgnoredPrefixes.push_back(std::move(Prefix));
  }

  /// Refuses the tensors that nobody asked for.
  void finish();

  /// What finish() found in use.
  struct Converted {
    const Tensor *From;
    uint64_t Offset;
  };
  /// Those that go into the data file, in its order.
  const std::vector<Converted> &converted() const { return InDataFile; }
  /// What of it was made, which converted() points to.
  std::vector<std::shared_ptr<const Tensor>> takeMade() {
    return std::move(Made);
  }
  /// Numbers of the checkpoint's files that the graph refers to.
  const std::set<uint32_t> &files() const { return UsedFiles; }
  uint64_t parameters() const { return Parameters; }
  const std::map<DataType, uint64_t> &bytesByType() const { return Bytes; }

private:
  Value raw(const std::string &Name, const std::vector<int64_t> &Shape,
            const Tensor *&Found);
  ExternalPlace placeOf(const Tensor &T);
  Value dequantized(const std::string &Name, const BlockedTensor &B);

  const Checkpoint &C;
  GraphBuilder &G;
  std::string DataFile;
  const BlockUse Blocks;
  Refusals &Problems;
  /// By name, what has been made of a tensor.
  std::map<std::string, Value> Raw, Wide, Turned, ByMaking;
  std::set<std::string, std::less<>> Asked;
  std::vector<std::string> Ignored, IgnoredPrefixes;
  std::vector<Converted> InDataFile;
  std::vector<std::shared_ptr<const Tensor>> Made;
  uint64_t DataBytes = 0;
  std::set<uint32_t> UsedFiles;
  uint64_t Parameters = 0;
  std::map<DataType, uint64_t> Bytes;
};

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_WEIGHTS_H
