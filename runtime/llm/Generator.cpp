// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Feeding a language model.
#include "runtime/llm/Generator.h"

#include "runtime/llm/Tensors.h"

#include <algorithm>
#include <charconv>

using namespace dure;

namespace {

/// Numbers in the logits of one run that gives them for all of its tokens.
constexpr int64_t MaxLogits = int64_t(16) << 20;
/// Tokens of a run: more do not make it faster.
constexpr int64_t MaxChunk = 512;

Status contextFull(int64_t Context) {
  return Status(StatusCode::ResourceExhausted,
                "the context of " + std::to_string(Context) +
                    " tokens is full; give a larger one (--context N)");
}

} // namespace

Result<std::unique_ptr<Generator>>
Generator::create(dure_package *Package, dure_session *Session,
                  const GeneratorOptions &Options) {
  // What chunks and positions are computed from, far below overflow.
  constexpr int64_t Most = int64_t(1) << 31;
  if (Options.Context < 1 || Options.Context > Most || Options.Chunk < 0 ||
      Options.Chunk > Most)
    return invalidArgument("a context is from 1 to " + std::to_string(Most) +
                           " tokens, and so is a chunk");
  std::unique_ptr<Generator> Made(new Generator);
  Made->Options = Options;
  Made->Session = Session;
  size_t Index = 0;
  Status HasStep =
      takeFailure(dure_package_find_entry(Package, "step", &Index));
  if (!HasStep.ok()) {
    Made->Entry = "main";
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_package_find_entry(Package, "main", &Index)));
  }
  Result<Ports> Found = findPorts(Package, Index);
  if (!Found)
    return Found.status();
  Made->Inputs = Found.take();
  Result<std::vector<Bucket>> Buckets = Made->readBuckets(Made->Entry);
  if (!Buckets)
    return Buckets.status();
  Made->Buckets = Buckets.take();
  // A model's own number of tokens is no symbol.
  if (Made->Buckets.empty() && Made->Inputs.Sequence >= 0)
    Made->Buckets.push_back({Made->Inputs.Sequence, -1, false});
  for (auto &Each : Made->Calls) {
    dure_call *Call = nullptr;
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_call_create(Session, Made->Entry, &Call)));
    Each.reset(Call);
    if (HasStep.ok())
      break;
  }
  if (!HasStep.ok())
    return Made;
  DURE_RETURN_IF_ERROR(Made->addPrefill(Package));
  DURE_RETURN_IF_ERROR(Made->chooseCapacity());
  DURE_RETURN_IF_ERROR(Made->createState());
  DURE_RETURN_IF_ERROR(Made->describeState(Package, Index));
  return Made;
}

//===----------------------------------------------------------------------===//
// Fixed shapes and state
//===----------------------------------------------------------------------===//

/// Reads "batch=1, sequence=..128, capacity=512"; false for a bucket of more
/// than one row.
bool Generator::parseBucket(std::string_view Text, const Ports &Of,
                            Bucket &To) {
  while (!Text.empty()) {
    const size_t End = Text.find(", ");
    std::string_view Part = Text.substr(0, End);
    Text.remove_prefix(End == Text.npos ? Text.size() : End + 2);
    const size_t Equals = Part.rfind('=');
    if (Equals == Part.npos)
      continue;
    const std::string_view Name = Part.substr(0, Equals);
    Part.remove_prefix(Equals + 1);
    const bool IsPadded = Part.starts_with("..");
    Part.remove_prefix(IsPadded ? 2 : 0);
    int64_t Size = 0;
    std::from_chars(Part.data(), Part.data() + Part.size(), Size);
    if (Name == Of.BatchSymbol && Size != 1 && !IsPadded)
      return false;
    if (Name == Of.SequenceSymbol) {
      To.Sequence = Size;
      To.IsPadded = IsPadded;
    }
    if (Name == "capacity")
      To.Capacity = Size;
  }
  return true;
}

Result<std::vector<Generator::Bucket>>
Generator::readBuckets(const char *Of) const {
  std::vector<Bucket> Out;
  for (size_t I = 0;; ++I) {
    const char *Text = nullptr;
    Status Read = takeFailure(dure_session_get_bucket(Session, Of, I, &Text));
    if (Read.code() == StatusCode::OutOfRange)
      return Out;
    DURE_RETURN_IF_ERROR(Read);
    if (Bucket Each{Inputs.Sequence, -1, false};
        parseBucket(Text, Inputs, Each))
      Out.push_back(Each);
  }
}

/// Where there is one that takes the same runs as `step`.
Status Generator::addPrefill(dure_package *Package) {
  size_t Index = 0;
  if (!takeFailure(dure_package_find_entry(Package, "prefill", &Index)).ok())
    return Status::success();
  Result<Ports> Own = findPorts(Package, Index);
  Result<std::vector<Bucket>> Known = readBuckets("prefill");
  if (!Own || !Own->hasSameRoles(Inputs) || !Known || *Known != Buckets)
    return Status::success();
  dure_call *Made = nullptr;
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_call_create(Session, "prefill", &Made)));
  Prefill.reset(Made);
  return Status::success();
}

/// The smallest that holds the context; others have no code.
Status Generator::chooseCapacity() {
  int64_t Best = -1, Largest = 0;
  bool IsFree = Buckets.empty();
  for (const Bucket &Each : Buckets) {
    IsFree |= Each.Capacity < 0;
    Largest = std::max(Largest, Each.Capacity);
    if (Each.Capacity >= Options.Context && (Best < 0 || Each.Capacity < Best))
      Best = Each.Capacity;
  }
  Capacity = Options.Context;
  if (IsFree)
    return Status::success();
  if (Best < 0 && Options.ContextMayShrink && Largest > 0)
    Best = Options.Context = Largest;
  if (Best < 0)
    return invalidArgument(
        "the package has code for contexts of up to " +
        std::to_string(Largest) + " tokens here, not for " +
        std::to_string(Options.Context) +
        "; give a smaller --context, or compile the model with --bucket "
        "capacity=" +
        std::to_string(Options.Context));
  std::erase_if(Buckets,
                [&](const Bucket &Each) { return Each.Capacity != Best; });
  Capacity = Best;
  return Status::success();
}

/// An empty one, instead of the one that there may be.
Status Generator::createState() {
  dure_state_options Shape = {};
  Shape.struct_size = sizeof(Shape);
  Shape.batch = 1;
  Shape.capacity = Capacity;
  dure_state *Made = nullptr;
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_state_create(Session, Entry, &Shape, &Made)));
  State.reset(Made);
  if (Prefill)
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_call_bind_state(Prefill.get(), Made)));
  return takeFailure(dure_call_bind_state(call(), Made));
}

Status Generator::describeState(dure_package *Package, size_t EntryIndex) {
  dure_entry_info Info = {};
  Info.struct_size = sizeof(Info);
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_package_get_entry(Package, EntryIndex, &Info)));
  Held = Capacity;
  for (size_t I = 0; I != Info.state_count; ++I) {
    dure_tensor Tensor = {};
    Tensor.struct_size = sizeof(Tensor);
    DURE_RETURN_IF_ERROR(takeFailure(dure_state_read(State.get(), I, &Tensor)));
    StateSize += Tensor.size;
    dure_signature S = {};
    S.struct_size = sizeof(S);
    DURE_RETURN_IF_ERROR(takeFailure(
        dure_package_get_signature(Package, EntryIndex, DURE_STATE, I, &S)));
    // A window holds the last positions, a recurrent state what they left.
    bool IsOfPositions = false;
    for (int32_t D = 0; D != S.rank; ++D) {
      const std::string_view Text = S.dims[D].expression;
      IsOfPositions |= Text == "capacity" || Text == "window";
      if (Text == "window")
        Held = std::min(Held, Tensor.dims[D]);
    }
    CanForget &= IsOfPositions;
  }
  return Status::success();
}

/// Whether `prefill` runs them: a single token is its own last.
bool Generator::runsPrefill(int64_t Tokens, bool IsLastEnough) const {
  return Prefill && IsLastEnough && Tokens > 1;
}

/// How many of the tokens that are left the next run takes.
Result<int64_t> Generator::nextChunk(int64_t Left, bool IsLastEnough) const {
  int64_t Best = 0;
  bool IsFree = Buckets.empty();
  for (const Bucket &Each : Buckets) {
    IsFree |= Each.Sequence < 0;
    const int64_t Takes =
        Each.IsPadded ? std::min(Each.Sequence, Left) : Each.Sequence;
    if (Takes <= Left)
      Best = std::max(Best, Takes);
  }
  if (IsFree && Options.Chunk != 0)
    return std::min(Left, Options.Chunk);
  if (IsFree)
    return std::min(Left,
                    runsPrefill(Left, IsLastEnough)
                        ? MaxChunk
                        : std::clamp<int64_t>(
                              MaxLogits / std::max<int64_t>(vocabulary(), 1),
                              32, MaxChunk));
  if (Best == 0)
    return Status(StatusCode::FailedPrecondition,
                  "the package has no code here for a step of one token; "
                  "compile the model with one more --bucket, of " +
                      (Inputs.SequenceSymbol.empty() ? "sequence"
                                                     : Inputs.SequenceSymbol) +
                      "=1");
  return Best;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Status Generator::append(std::span<const int64_t> Tokens,
                         const EachPosition &Each) {
  for (int64_t Token : Tokens)
    if (Token < 0 || (Inputs.Vocabulary >= 0 && Token >= Inputs.Vocabulary))
      return invalidArgument("there is no token " + std::to_string(Token) +
                             "; the model has " +
                             std::to_string(Inputs.Vocabulary));
  if (static_cast<int64_t>(Tokens.size()) > Options.Context - length())
    return contextFull(Options.Context);
  while (!Tokens.empty()) {
    Result<int64_t> Chunk =
        nextChunk(static_cast<int64_t>(Tokens.size()), !Each);
    if (!Chunk)
      return Chunk.status();
    const auto New = static_cast<size_t>(*Chunk);
    DURE_RETURN_IF_ERROR(run(Tokens.first(New), Each));
    Tokens = Tokens.subspan(New);
  }
  return Status::success();
}

Status Generator::run(std::span<const int64_t> New, const EachPosition &Each) {
  const size_t Past = Sequence.size();
  Last = {};
  // Without a past in any form, all of the sequence is new each time.
  const bool Anew = !State && Inputs.Pasts.empty();
  Sequence.insert(Sequence.end(), New.begin(), New.end());
  Bound.clear();
  dure_call *Runs = runsPrefill(static_cast<int64_t>(New.size()), !Each)
                        ? Prefill.get()
                        : call();
  Status Done = bindTokens(Runs, Inputs.Integers, Anew ? Sequence : New,
                           Anew ? 0 : Past, Each != nullptr, Bound);
  if (Done.ok())
    Done = bindPasts();
  if (Done.ok())
    Done = runCall(Runs);
  if (Done.ok())
    Done = takeLogits(Runs, New.size(), Each);
  else
    Sequence.resize(Past);
  // What the run may have moved is not where it was.
  if (!Done.ok() && State && (!CanForget || Held < Capacity))
    DURE_RETURN_IF_ERROR(forgetAll());
  return Done;
}

Status Generator::runCall(dure_call *Call) {
  // Counters come with a profile, which costs: the first run tells whether
  // there are any.
  const bool Profiles = !HasRun || OnChip;
  dure_run_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  Settings.profile = Profiles;
  if (Options.OnRun)
    Options.OnRun(Call);
  Status Done = takeFailure(dure_call_run(Call, &Settings));
  if (Options.OnRun)
    Options.OnRun(nullptr);
  if (Done.ok() && Profiles)
    Done = countSimulated(Call);
  HasRun |= Done.ok();
  return Done;
}

/// Adds what the run has taken on a simulated chip.
Status Generator::countSimulated(dure_call *Call) {
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  DURE_RETURN_IF_ERROR(takeFailure(dure_call_get_stats(Call, &Stats)));
  for (size_t I = 0; I != Stats.counter_count; ++I) {
    dure_counter Counter = {};
    Counter.struct_size = sizeof(Counter);
    DURE_RETURN_IF_ERROR(takeFailure(dure_call_get_counter(Call, I, &Counter)));
    if (std::string_view(Counter.name) != "makespan" ||
        std::string_view(Counter.unit) != "ns")
      continue;
    if (!OnChip)
      OnChip = {0, Counter.model};
    OnChip->Seconds += Counter.value * 1e-9;
  }
  return Status::success();
}

/// The presents of the other call's run, or pasts of no positions.
Status Generator::bindPasts() {
  for (const PastInput &Past : Inputs.Pasts) {
    dure_tensor Tensor = {};
    Tensor.struct_size = sizeof(Tensor);
    if (!HasPast) {
      uint64_t Bits = dure_type_bits(Past.Type);
      for (int64_t Dim : Past.Dims)
        Bits *= static_cast<uint64_t>(Dim);
      Bound.emplace_back(Bits / 8);
      Tensor = lendTensor(Past.Type, Past.Dims, Bound.back());
    } else {
      DURE_RETURN_IF_ERROR(takeFailure(dure_call_get_output(
          Calls[1 - Current].get(), Past.Output, &Tensor)));
    }
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_call_bind_input(call(), Past.Input, &Tensor)));
  }
  return Status::success();
}

/// Of a run with `New` new tokens, which succeeded.
Status Generator::takeLogits(dure_call *Of, size_t New,
                             const EachPosition &Each) {
  dure_tensor Logits = {};
  Logits.struct_size = sizeof(Logits);
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_call_get_output(Of, Inputs.Logits, &Logits)));
  if (!Inputs.Pasts.empty()) {
    HasPast = true;
    Current = 1 - Current;
  }
  const auto Vocabulary =
      static_cast<size_t>(std::max<int64_t>(Logits.dims[Logits.rank - 1], 1));
  const size_t Bytes = dure_type_bits(Logits.type) / 8;
  const size_t Rows = Logits.size / Bytes / Vocabulary;
  if (Rows == 0 || (Each && Rows < New))
    return Status(StatusCode::FailedPrecondition,
                  "the model gives logits for " + std::to_string(Rows) +
                      " of " + std::to_string(New) +
                      " positions; export it so that it gives all");
  // Only what is read is converted: a vocabulary is large.
  const auto Row = [&](size_t Index) -> std::span<const float> {
    const auto *At = static_cast<const std::byte *>(Logits.data) +
                     Index * Vocabulary * Bytes;
    if (Logits.type == DURE_TYPE_F32)
      return {reinterpret_cast<const float *>(At), Vocabulary};
    Converted.resize(Vocabulary);
    toFloats(At, Logits.type, Converted);
    return Converted;
  };
  const int64_t First = length() - static_cast<int64_t>(New);
  for (size_t I = 0; Each && I != New; ++I)
    DURE_RETURN_IF_ERROR(
        Each(First + static_cast<int64_t>(I), Row(Rows - New + I)));
  Last = Row(Rows - 1);
  return Status::success();
}

bool Generator::canTruncate() const {
  return State ? CanForget && length() <= Held : Inputs.Pasts.empty();
}

Status Generator::forgetAll() {
  Sequence.clear();
  return createState();
}

Result<int64_t> Generator::truncate(int64_t Length) {
  Last = {};
  if (Length >= length())
    return length();
  const bool KeepsPart = canTruncate();
  if (Length < 0 || !KeepsPart)
    Length = 0;
  if (State && KeepsPart)
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_state_set_lengths(State.get(), &Length, 1)));
  else if (State)
    DURE_RETURN_IF_ERROR(forgetAll());
  HasPast = false;
  Sequence.resize(static_cast<size_t>(Length));
  return Length;
}
