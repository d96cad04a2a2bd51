// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the inputs and outputs of a language model's entry are for.
//
// Internal to runtime/llm. Models name them as the exporters of Hugging Face
// and onnxruntime-genai do; an input that is none of these cannot be filled and
// is refused.
#ifndef DURE_RUNTIME_LLM_PORTS_H
#define DURE_RUNTIME_LLM_PORTS_H

#include "runtime/base/Status.h"

#include <dure/dure.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dure {

/// What an input of integers is filled with.
enum class InputRole {
  Tokens,        // [batch, n]: ids of the new tokens
  Mask,          // [batch, n or total]: ones
  Positions,     // [batch, n]: of the new tokens
  TokenTypes,    // [batch, n]: zeros
  CachePosition, // [n]: positions
  LogitsToKeep,  // scalar or [1]: of how many last positions logits come out
};

struct IntegerInput {
  size_t Index; // among the entry's inputs
  InputRole Role;
  int32_t Type; // i64, i32 or bool
  int32_t Rank;
  bool IsTotal = false; // Mask: over past and new positions together
  bool operator==(const IntegerInput &) const = default;
};

/// A past of the entry `main`, and the output that takes its place next time.
struct PastInput {
  size_t Input, Output;
  std::string Name;
  int32_t Type;
  std::vector<int64_t> Dims; // of the first call: batch 1, past 0
};

struct Ports {
  std::vector<IntegerInput> Integers;
  std::vector<PastInput> Pasts; // `main` only
  size_t Logits = 0;            // among the entry's outputs
  /// Of tokens, as the signature has it, or -1.
  int64_t Vocabulary = -1;
  /// How many tokens a run takes: the number, or -1 and the symbol's name.
  int64_t Sequence = -1;
  std::string SequenceSymbol, BatchSymbol;

  /// Whether what is bound for the one is right for the other.
  bool hasSameRoles(const Ports &Other) const {
    return Integers == Other.Integers && Logits == Other.Logits;
  }
};

/// Roles for entry number `Entry` of the package. Says which input or output is
/// wrong where the entry is not a language model's.
Result<Ports> findPorts(const dure_package *Package, size_t Entry);

/// What an encoder gives.
struct EncoderPorts {
  std::vector<IntegerInput> Integers;
  size_t Output = 0;
  /// The output is one vector a row, rather than one a token.
  bool IsPooled = false;
  int64_t Sequence = -1; // as of Ports
};

/// The same for an encoder of text, whose output is `sentence_embedding`
/// [batch, width], or else `last_hidden_state`, `token_embeddings` or the first
/// of floats [batch, sequence, width].
Result<EncoderPorts> findEncoderPorts(const dure_package *Package,
                                      size_t Entry);

/// A failure of the C API, which this frees, as a Status.
Status takeFailure(dure_status *Failure);

} // namespace dure

#endif // DURE_RUNTIME_LLM_PORTS_H
