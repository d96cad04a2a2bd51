// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gathers commands into submissions and waits for them.

#include "runtime/host/CommandBatch.h"

#include "runtime/host/Places.h"

#include <algorithm>
#include <cstring>

using namespace dure;

namespace {

// How soon a cancellation is noticed, at the latest, while a device works.
constexpr uint64_t PollNs = 10'000'000;
// How long a device may take to stop before it counts as hung.
constexpr uint64_t GraceNs = 30'000'000'000;

// What one submission holds at most: some MiB.
constexpr size_t MaxCommands = 1 << 14;
constexpr size_t MaxArguments = 1 << 18;

} // namespace

Status RunLimits::check() const {
  if (Cancel && Cancel->load(std::memory_order_relaxed))
    return Status(StatusCode::Cancelled, "the run was cancelled");
  if (DeadlineNs != DURE_DRV_NO_DEADLINE && monotonicNs() >= DeadlineNs)
    return Status(StatusCode::DeadlineExceeded,
                  "the run did not end within its time limit",
                  StatusScope::Call, /*Retryable=*/true);
  return Status::success();
}

CommandBatch::~CommandBatch() {
  if (Timeline)
    (void)takeStatus(Target->driver().table().timeline->destroy(Timeline));
}

dure_drv_command &CommandBatch::add(uint32_t Kind) {
  dure_drv_command &Command = Commands.emplace_back();
  std::memset(&Command, 0, sizeof(Command));
  Command.struct_size = sizeof(Command);
  Command.kind = Kind;
  return Command;
}

void CommandBatch::dispatch(const Executable &Code, uint32_t Entry,
                            std::span<const uint64_t> Grid,
                            std::span<const BufferView *const> Views,
                            std::span<const int64_t> Values, uint64_t Tag,
                            const TraceInfo *Row) {
  dure_drv_command &Command = add(DURE_DRV_COMMAND_DISPATCH);
  Command.tag = Tag;
  dure_drv_dispatch &D = Command.u.dispatch;
  D.executable = Code.handle();
  D.entry = Entry;
  D.grid_rank = static_cast<uint32_t>(Grid.size());
  std::copy(Grid.begin(), Grid.end(), D.grid);
  D.binding_count = Views.size();
  D.constant_count = Values.size();
  for (const BufferView *View : Views) {
    Bindings.push_back(View->ref(0, View->Size));
    keep(*View);
  }
  Constants.insert(Constants.end(), Values.begin(), Values.end());
  if (Row && !Row->Nodes.empty())
    Sources.push_back({Tag, Row});
}

void CommandBatch::copy(const BufferView &Source, uint64_t SourceOffset,
                        const BufferView &To, uint64_t ToOffset,
                        uint64_t Size) {
  if (Size == 0)
    return;
  dure_drv_command &Command = add(DURE_DRV_COMMAND_COPY);
  Command.u.copy.source = Source.ref(SourceOffset, Size);
  Command.u.copy.target = To.ref(ToOffset, Size);
  keep(Source);
  keep(To);
}

void CommandBatch::fill(const BufferView &To, uint64_t Offset, uint64_t Size,
                        uint64_t Pattern, uint32_t PatternSize) {
  if (Size == 0)
    return;
  dure_drv_command &Command = add(DURE_DRV_COMMAND_FILL);
  Command.u.fill.target = To.ref(Offset, Size);
  // Little endian, as every machine that this runs on.
  std::memcpy(Command.u.fill.pattern, &Pattern, sizeof(Pattern));
  Command.u.fill.pattern_length = PatternSize;
  keep(To);
}

void CommandBatch::barrier() {
  // Two in a row order nothing more than one; nor does a first one.
  if (!Commands.empty() && Commands.back().kind != DURE_DRV_COMMAND_BARRIER)
    add(DURE_DRV_COMMAND_BARRIER);
}

Status CommandBatch::submit() {
  const dure_driver &Table = Target->driver().table();
  if (!Timeline)
    DURE_RETURN_IF_ERROR(
        takeStatus(Table.timeline->create(Target->handle(), 0, &Timeline)));
  size_t NextBinding = 0, NextConstant = 0;
  for (dure_drv_command &Command : Commands) {
    if (Command.kind != DURE_DRV_COMMAND_DISPATCH)
      continue;
    dure_drv_dispatch &D = Command.u.dispatch;
    D.bindings = Bindings.data() + NextBinding;
    D.constants = Constants.data() + NextConstant;
    NextBinding += D.binding_count;
    NextConstant += D.constant_count;
  }
  dure_drv_profile_extension Profile = {};
  Profile.header.struct_size = sizeof(Profile);
  Profile.header.type = DURE_DRV_EXTENSION_TYPE_PROFILE;
  Profile.user = Timer;
  Profile.on_command = [](void *User, const dure_drv_command_timing *Timing) {
    static_cast<CommandTimer *>(User)->ran(Timing->tag, Timing->begin_ns,
                                           Timing->end_ns);
  };
  Profile.on_simulated = [](void *User, const dure_drv_simulated *What) {
    if (!What || What->struct_size < sizeof(*What))
      return;
    // A driver's thread must not see an exception; what there is no memory for
    // is missing from the report.
    try {
      static_cast<CommandTimer *>(User)->simulated(*What);
    } catch (const std::bad_alloc &) {
    }
  };
  bool Timed = Timer && Target->driver().can(DURE_DRV_CAP_TIMESTAMPS);
  dure_drv_timeline_point Done = {Timeline, Value + 1};
  DURE_RETURN_IF_ERROR(takeStatus(Table.queue->submit(
      Target->queue(), Commands.data(), Commands.size(), nullptr, 0, &Done, 1,
      Limits.DeadlineNs, Timed ? &Profile.header : nullptr)));
  ++Value;
  ++Submissions;
  return Status::success();
}

Status CommandBatch::waitIdle() {
  Status Idle = takeStatus(Target->driver().table().queue->wait_idle(
      Target->queue(), monotonicNs() + GraceNs));
  Stuck = !Idle.ok();
  return Idle;
}

/// The failure at the nodes of the model that the command was made from.
Status CommandBatch::namingSource(const Status &Failure,
                                  std::optional<uint64_t> Tag) const {
  if (!Tag)
    return Failure;
  auto Found =
      std::lower_bound(Sources.begin(), Sources.end(), *Tag,
                       [](const Source &S, uint64_t T) { return S.Tag < T; });
  if (Found == Sources.end() || Found->Tag != *Tag)
    return Failure;
  return atNodes(Failure, Found->Row->Nodes);
}

Status CommandBatch::wait() {
  const dure_drv_timeline_api *Api = Target->driver().table().timeline;
  while (true) {
    uint64_t Until = monotonicNs() + PollNs;
    if (Limits.DeadlineNs != DURE_DRV_NO_DEADLINE)
      Until = std::min(Until, Limits.DeadlineNs);
    Status Waited = takeStatus(Api->wait(Timeline, Value, Until));
    if (Waited.ok())
      return Waited;
    // The timeline's own failure, or only the end of this wait?
    uint64_t Reached = 0;
    std::optional<uint64_t> Tag;
    Status Failure = takeStatus(Api->query(Timeline, &Reached), &Tag);
    if (Reached >= Value)
      return Status::success();
    Status Ended = Limits.check();
    if (Failure.ok() && Waited.code() == StatusCode::DeadlineExceeded &&
        Ended.ok())
      continue;
    if (!Failure.ok())
      Waited = namingSource(Failure, Tag);
    if (!Ended.ok() && Failure.ok()) {
      // Fails the timeline, so that the driver stops at its next chance.
      Waited = Ended;
      (void)takeStatus(Api->fail(Timeline, makeDriverStatus(Ended)));
    }
    if (Status Idle = waitIdle(); !Idle.ok())
      return Status(StatusCode::DeviceHang,
                    "the device did not stop after: " + Waited.message(),
                    StatusScope::Device);
    return Waited;
  }
}

Status CommandBatch::flushIfFull() {
  if (Commands.size() < MaxCommands &&
      Bindings.size() + Constants.size() < MaxArguments)
    return Status::success();
  DURE_RETURN_IF_ERROR(Limits.check());
  return flush();
}

Status CommandBatch::flush() {
  // Barriers at the end order nothing.
  while (!Commands.empty() && Commands.back().kind == DURE_DRV_COMMAND_BARRIER)
    Commands.pop_back();
  Status Done;
  if (!Commands.empty()) {
    Done = submit();
    if (Done.ok())
      Done = wait();
  }
  Commands.clear();
  Bindings.clear();
  Constants.clear();
  Sources.clear();
  // Buffers that a stuck device may still write are given up when freed.
  Kept.clear();
  return Done;
}
