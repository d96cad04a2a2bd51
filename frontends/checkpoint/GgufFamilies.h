// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a GGUF file says of a model, in the terms of Hugging Face's files.
//
// Private to GgufCheckpoint.cpp and tests. GGUF has its own names for the same
// configuration and the same tensors; one table an architecture tells them. A
// key of the architecture that nobody asked for is refused, as in Config.h.
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUFFAMILIES_H
#define DURE_FRONTENDS_CHECKPOINT_GGUFFAMILIES_H

#include "frontends/checkpoint/GgufWeights.h"
#include "frontends/checkpoint/Json.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace dure::checkpoint {

/// The tensors of all parts of a model by name, with the bytes of each.
struct StoredTensor {
  const GgufTensor *Tensor = nullptr;
  uint32_t File = 0;
  std::span<const std::byte> Bytes;
};
using StoredTensors = std::map<std::string_view, StoredTensor>;

/// Reads the keys of one architecture and writes config.json of them.
class GgufConfigMaker {
public:
  GgufConfigMaker(const GgufFile &File, const StoredTensors &Tensors,
                  Refusals &Problems);

  /// A number of the architecture; one that differs from layer to layer is
  /// refused. Nothing when the key is absent.
  std::optional<int64_t> integer(std::string_view Name);
  std::optional<double> number(std::string_view Name);
  std::optional<std::string> text(std::string_view Name);
  std::optional<std::vector<bool>> booleans(std::string_view Name);
  bool isArray(std::string_view Name);
  bool flag(std::string_view Name, bool Default);
  /// Absence is refused; 1 comes back then.
  int64_t needed(std::string_view Name);
  /// Refuses any other value than this, absence aside.
  void expect(std::string_view Name, double Value);
  void expectFlag(std::string_view Name, bool Value);
  void ignore(std::initializer_list<std::string_view> Names);
  void refuseValue(std::string_view Name);

  bool hasTensor(std::string_view Name) const { return Tensors.count(Name); }
  const StoredTensor *tensor(std::string_view Name) const;

  void set(std::string_view Key, Json Value) {
    Config.set(Key, std::move(Value));
  }
  /// Copies a number under another name; false when it is absent.
  bool copy(std::string_view Name, std::string_view Key);

  /// Refuses the keys that nobody asked for.
  void finish();

  Json Config{Json::Object()};
  /// Layers from this one on belong to another model, which predicts several
  /// tokens, and are left out.
  int64_t LayerEnd = INT64_MAX;

private:
  std::string keyOf(std::string_view Name);

  const GgufFile &File;
  const StoredTensors &Tensors;
  Refusals &Problems;
  std::string Prefix;
  std::set<std::string, std::less<>> Read;
};

/// What something is called in GGUF, and here.
using GgufName = std::pair<std::string_view, std::string_view>;
using GgufNames = std::span<const GgufName>;

struct GgufFamily {
  std::string_view Architecture; ///< "general.architecture"
  std::string_view Class;        ///< In `architectures`, as a rule.
  std::string_view ModelType;
  /// Of whole tensors: GGUF's name, ours.
  GgufNames Names;
  /// Of what a layer is made of, which goes on with ".weight" or ".bias".
  std::span<const GgufNames> LayerParts;
  std::string_view LayerPrefix;
  void (*Configure)(GgufConfigMaker &M);
  /// Rows of queries and keys hold rope's pairs side by side.
  bool HasPairedRows = false;
  /// Norms hold 1 + w.
  bool HasNormsOfOnePlus = false;
  /// The matrix that makes keys and values of a latent, "attn_kv_b", may be
  /// two: "attn_k_b", turned, and "attn_v_b".
  bool HasSplitLatents = false;
};

/// Null for an architecture that is not known.
const GgufFamily *findGgufFamily(std::string_view Architecture);
/// All names, sorted and joined by commas.
std::string knownGgufArchitectures();

/// What a tensor is called, and what has to be done to it. A name with "{}" is
/// that of each matrix of a pile of them.
struct GgufTensorMeaning {
  std::string Name;
  GgufChange Change;
};
/// The layer that a tensor is of; -1: none.
int64_t layerOf(std::string_view Name);
/// Nothing for a name that the family does not have.
std::optional<GgufTensorMeaning> meaningOf(const GgufFamily &Family,
                                           std::string_view Name,
                                           int64_t QueryHeads,
                                           int64_t KeyHeads);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUFFAMILIES_H
