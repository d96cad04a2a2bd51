// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A language model that is fed tokens and gives logits.
//
// Included by who generates or scores text. Works on a package and a session of
// the public C API, whatever the target. Keeps one sequence:
//
//  * where the package has the entry `step`, on a state that is made once for
//    all positions of the context and updated in place; by the entry `prefill`,
//    which works on the same state, where only the last position's logits are
//    wanted of many;
//  * else with `main`, handing the presents of one run to the next as its
//    pasts, or, where it has none, running the whole sequence again.
//
// One object belongs to one thread at a time. The package and the session must
// outlive it.
#ifndef DURE_RUNTIME_LLM_GENERATOR_H
#define DURE_RUNTIME_LLM_GENERATOR_H

#include "runtime/base/Status.h"
#include "runtime/llm/Ports.h"

#include <dure/dure.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

struct GeneratorOptions {
  /// Positions that the sequence may have.
  int64_t Context = 1024;
  /// Fewer will do where there is no code for so many.
  bool ContextMayShrink = false;
  /// Most tokens that one run takes; where the code is for fixed shapes, those
  /// decide. 0: as many as pay, but, where it gives logits for all of them, not
  /// so many that these need much memory.
  int64_t Chunk = 0;
  /// Told the call that runs next, and NULL when it has ended: for who wants to
  /// cancel it.
  std::function<void(dure_call *)> OnRun;
};

class Generator {
public:
  /// Called with the position of a token and the logits that follow it; a
  /// failure ends the work.
  using EachPosition =
      std::function<Status(int64_t Position, std::span<const float> Logits)>;

  /// Fails where the package is not a language model's, or has no code for such
  /// a context.
  static Result<std::unique_ptr<Generator>>
  create(dure_package *Package, dure_session *Session,
         const GeneratorOptions &Options);

  /// Appends tokens to the sequence, in chunks. Fails, with the sequence as far
  /// as whole chunks have come, where the context is full or a run fails; with
  /// no sequence, where a state that cannot go back was under way.
  Status append(std::span<const int64_t> Tokens,
                const EachPosition &Each = nullptr);
  /// What follows the last token that was appended: one number a token of the
  /// vocabulary. Good until the next call.
  std::span<const float> logits() const { return Last; }

  /// The sequence.
  std::span<const int64_t> tokens() const { return Sequence; }
  int64_t length() const { return static_cast<int64_t>(Sequence.size()); }
  int64_t context() const { return Options.Context; }
  /// Whether the first tokens can be kept and the others forgotten.
  bool canTruncate() const;
  /// Forgets all but the first `Length` tokens; all of them where that cannot
  /// be. The length that is left.
  Result<int64_t> truncate(int64_t Length);

  /// Tokens of the vocabulary; 0 where only a run tells.
  int64_t vocabulary() const {
    return Inputs.Vocabulary < 0 ? 0 : Inputs.Vocabulary;
  }
  /// Whether the past stays in place.
  bool usesStep() const { return State != nullptr; }
  /// Of the state, all positions of it.
  uint64_t stateBytes() const { return StateSize; }

  /// What a simulated chip would have taken for the runs so far, and by whose
  /// rules; nothing where none is simulated.
  struct Simulated {
    double Seconds = 0;
    std::string Model;
  };
  const std::optional<Simulated> &simulated() const { return OnChip; }

private:
  struct Destroyer {
    void operator()(dure_call *Call) const { dure_call_destroy(Call); }
    void operator()(dure_state *State) const { dure_state_destroy(State); }
  };

  /// A run that there is code for, where that is for fixed shapes. -1: any.
  struct Bucket {
    int64_t Sequence = -1, Capacity = -1;
    bool IsPadded = false; // also smaller sequences
    bool operator==(const Bucket &) const = default;
  };

  Generator() = default;
  Status addPrefill(dure_package *Package);
  Result<std::vector<Bucket>> readBuckets(const char *Of) const;
  static bool parseBucket(std::string_view Text, const Ports &Of, Bucket &To);
  Status chooseCapacity();
  Status createState();
  Status forgetAll();
  Status describeState(dure_package *Package, size_t EntryIndex);
  Result<int64_t> nextChunk(int64_t Left, bool IsLastEnough) const;
  bool runsPrefill(int64_t Tokens, bool IsLastEnough) const;

  Status run(std::span<const int64_t> New, const EachPosition &Each);
  Status runCall(dure_call *Call);
  Status countSimulated(dure_call *Call);
  Status bindPasts();
  Status takeLogits(dure_call *Of, size_t New, const EachPosition &Each);
  dure_call *call() const { return Calls[Current].get(); }

  GeneratorOptions Options;
  dure_session *Session = nullptr;
  const char *Entry = "step";
  Ports Inputs;
  std::vector<Bucket> Buckets;
  /// Two for `main`: the outputs of one are the pasts of the other.
  std::unique_ptr<dure_call, Destroyer> Calls[2];
  size_t Current = 0;
  bool HasPast = false; // the other call has run
  /// Of `prefill`, or none. Its inputs and outputs are those of `step`.
  std::unique_ptr<dure_call, Destroyer> Prefill;
  std::unique_ptr<dure_state, Destroyer> State;
  int64_t Capacity = 0; // of the state
  uint64_t StateSize = 0;
  bool CanForget = true; // the state's last positions
  int64_t Held = 0;      // the longest sequence of which windows hold all

  bool HasRun = false; // and so it is known whether anything is simulated
  std::optional<Simulated> OnChip;

  std::vector<int64_t> Sequence;
  std::span<const float> Last;
  std::vector<float> Converted; // of logits that are not f32
  // What inputs are bound to while a run is under way.
  std::vector<std::vector<std::byte>> Bound;
};

} // namespace dure

#endif // DURE_RUNTIME_LLM_GENERATOR_H
