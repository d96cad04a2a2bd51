// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Vectors of texts, by an encoder model.
//
// Included by who embeds text. Works on a package and a session of the public C
// API, whatever the target. One object belongs to one thread at a time; package
// and session must outlive it.
#ifndef DURE_RUNTIME_LLM_EMBEDDER_H
#define DURE_RUNTIME_LLM_EMBEDDER_H

#include "runtime/base/Status.h"
#include "runtime/llm/Ports.h"

#include <dure/dure.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace dure {

/// How the vectors of tokens become that of a text, as sentence-transformers
/// names it.
enum class Pooling { Mean, First, Last, Max, MeanSqrtLength };

struct EmbeddingConfig {
  Pooling Pool = Pooling::Mean;
  /// Most tokens that a text may have; 0: not said.
  int64_t MaxTokens = 0;
};

/// Reads the texts of 1_Pooling/config.json, sentence_bert_config.json and
/// config.json; empty where there is none. Refuses ways of pooling that are not
/// above.
Result<EmbeddingConfig> readEmbeddingConfig(std::string_view PoolingJson,
                                            std::string_view SentenceJson,
                                            std::string_view ConfigJson);

class Embedder {
public:
  /// Fails where the package is not an encoder's. `OnRun` as in
  /// GeneratorOptions.
  static Result<std::unique_ptr<Embedder>>
  create(dure_package *Package, dure_session *Session, Pooling Pool,
         std::function<void(dure_call *)> OnRun);

  /// The vector of a text of at least one token, of length 1 (a vector of
  /// zeros stays what it is).
  Result<std::vector<float>> embed(std::span<const int64_t> Tokens);

private:
  struct Destroyer {
    void operator()(dure_call *Call) const { dure_call_destroy(Call); }
  };

  Embedder() = default;
  Status pool(const dure_tensor &Hidden, std::vector<float> &To) const;

  EncoderPorts Ports;
  Pooling Pool = Pooling::Mean;
  std::function<void(dure_call *)> OnRun;
  std::unique_ptr<dure_call, Destroyer> Call;
};

} // namespace dure

#endif // DURE_RUNTIME_LLM_EMBEDDER_H
