// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors that live between runs.

#include "runtime/host/State.h"

#include <algorithm>
#include <cstring>

using namespace dure;

static int64_t sizeOf(const StateDim &Dim, int64_t Batch, int64_t Capacity) {
  switch (Dim.Axis) {
  case StateAxis::Batch:
    return Batch;
  case StateAxis::Capacity:
    return Capacity;
  case StateAxis::Window:
    return std::min(Capacity, Dim.Value);
  case StateAxis::Fixed:
    break;
  }
  return Dim.Value;
}

Result<std::shared_ptr<State>> State::create(std::shared_ptr<Session> Owner,
                                             size_t EntryIndex, int64_t Batch,
                                             int64_t Capacity) {
  const Entry &E = Owner->content().Entries[EntryIndex];
  if (E.States.empty())
    return invalidArgument("entry '" + E.Name + "' has no state");
  // Upper bounds that keep every later sum of lengths in range, and lengths,
  // which the host keeps too, in a little memory.
  constexpr int64_t MaxBatch = int64_t(1) << 24;
  constexpr int64_t MaxCapacity = int64_t(1) << 40;
  if (Batch < 1 || Batch > MaxBatch || Capacity < 1 || Capacity > MaxCapacity)
    return invalidArgument(
        "a state needs a batch from 1 to " + std::to_string(MaxBatch) +
        " and a capacity from 1 to " + std::to_string(MaxCapacity) + ", got " +
        std::to_string(Batch) + " and " + std::to_string(Capacity));
  std::shared_ptr<State> Made(new State);
  Made->Owner = std::move(Owner);
  Made->EntryIndex = EntryIndex;
  Made->Batch = Batch;
  Made->Capacity = Capacity;
  Made->On = Made->Owner->stateDevices(EntryIndex);
  for (const StateInfo &Info : E.States) {
    std::vector<int64_t> Shape;
    for (const StateDim &Dim : Info.Dims) {
      Shape.push_back(sizeOf(Dim, Batch, Capacity));
      const bool IsWindow = Dim.Axis == StateAxis::Window;
      Made->HasWindows |= IsWindow;
      Made->RowsMove |= IsWindow && Shape.back() < Capacity;
    }
    uint64_t Count = 0, Bytes = 0;
    if (!elementCount(Shape, Count) || !elementBytes(Info.Type, Count, Bytes))
      return Status(StatusCode::ResourceExhausted,
                    "state '" + Info.Name + "' would be too large");
    const Device &Target = Made->device(Made->Tensors.size());
    Result<std::shared_ptr<DeviceBuffer>> Buffer = Target.allocate(Bytes);
    if (!Buffer)
      return Buffer.status().at("state '" + Info.Name + "'");
    DURE_RETURN_IF_ERROR(Target.upload(
        *Buffer, 0, Bytes, [](uint64_t, std::span<std::byte> Piece) {
          std::memset(Piece.data(), 0, Piece.size());
        }));
    Made->Shapes.push_back(std::move(Shape));
    Made->Tensors.push_back(Buffer.take());
  }
  // Last: a batch that does not fit memory was refused above.
  for (DeviceIndex I = 0; I != Made->Owner->deviceCount(); ++I) {
    Result<std::shared_ptr<DeviceBuffer>> Lengths =
        Made->Owner->device(I)->allocate(static_cast<uint64_t>(Batch) * 8);
    if (!Lengths)
      return Lengths.status();
    Made->LengthsBuffers.push_back(Lengths.take());
  }
  Made->Lengths.assign(static_cast<size_t>(Batch), 0);
  return Made;
}

bool State::fits(size_t Entry) const {
  if (Entry == EntryIndex)
    return true;
  const Package &Content = Owner->content();
  return Content.Entries[Entry].States == Content.Entries[EntryIndex].States &&
         Owner->stateDevices(Entry) == On;
}

int64_t State::longest() const {
  return *std::max_element(Lengths.begin(), Lengths.end());
}

Status State::setLengths(std::span<const int64_t> New) {
  if (New.size() != Lengths.size())
    return invalidArgument("the state has " + std::to_string(Lengths.size()) +
                           " rows, got " + std::to_string(New.size()) +
                           " lengths");
  for (int64_t Length : New)
    if (Length < 0 || Length > Capacity)
      return invalidArgument("a length of " + std::to_string(Length) +
                             " is not in [0, " + std::to_string(Capacity) +
                             "]");
  // What comes next is put behind the longest row's last positions.
  if (HasWindows && std::any_of(New.begin(), New.end(), [&](int64_t Length) {
        return Length != New.front();
      }))
    return invalidArgument("rows of a state with windows have one length");
  Lengths.assign(New.begin(), New.end());
  Lost = false;
  return Status::success();
}

void State::append(int64_t Count) {
  for (int64_t &Length : Lengths)
    Length += Count;
}

Result<std::shared_ptr<DeviceBuffer>>
State::lengthsOnDevice(DeviceIndex Index) {
  auto Produce = [this](uint64_t Offset, std::span<std::byte> Piece) {
    std::memcpy(Piece.data(),
                reinterpret_cast<const std::byte *>(Lengths.data()) + Offset,
                Piece.size());
  };
  DURE_RETURN_IF_ERROR(Owner->device(Index)->upload(
      LengthsBuffers[Index], 0, Lengths.size() * 8, Produce));
  return LengthsBuffers[Index];
}
