// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Padding and cropping as copies and fills.

#include "runtime/host/CornerCopy.h"

#include "runtime/base/Checked.h"
#include "runtime/package/Package.h"

#include <algorithm>

using namespace dure;

namespace {

bool fits(const std::vector<int64_t> &Dims, uint64_t ElementSize,
          uint64_t Size) {
  uint64_t Count = 0, Bytes = 0;
  return elementCount(Dims, Count) && checkedMul(Count, ElementSize, Bytes) &&
         Bytes <= Size;
}

} // namespace

Status CornerCopy::emit(const BufferView &Source, const BufferView &Target,
                        uint64_t Limit, CommandBatch &Batch,
                        uint64_t &Rows) const {
  if (!fits(SourceDims, ElementSize, Source.Size) ||
      !fits(TargetDims, ElementSize, Target.Size))
    return Status(StatusCode::OutOfRange,
                  "a host program pads or crops beyond a buffer");
  size_t Rank = SourceDims.size();
  uint64_t TargetCount = 1;
  bool Covers = true; // the corner is all of the target
  for (size_t I = 0; I != Rank; ++I) {
    TargetCount *= static_cast<uint64_t>(TargetDims[I]);
    Covers = Covers && TargetDims[I] <= SourceDims[I];
  }
  if (!Covers) {
    Batch.fill(Target, 0, TargetCount * ElementSize, Pattern,
               static_cast<uint32_t>(ElementSize));
    Batch.barrier();
  }
  // Inner dims that agree form one run with the first that does not.
  size_t Outer = Rank;
  uint64_t Run = ElementSize;
  while (Outer != 0) {
    --Outer;
    Run *=
        static_cast<uint64_t>(std::min(SourceDims[Outer], TargetDims[Outer]));
    if (SourceDims[Outer] != TargetDims[Outer])
      break;
  }
  std::vector<uint64_t> Counts, SourceSteps(Outer), TargetSteps(Outer);
  Rows = Run == 0 ? 0 : 1;
  for (size_t I = 0; I != Outer; ++I) {
    Counts.push_back(
        static_cast<uint64_t>(std::min(SourceDims[I], TargetDims[I])));
    if (!checkedMul(Rows, Counts[I], Rows) || Rows > Limit)
      return Status(StatusCode::ResourceExhausted,
                    "padding or cropping needs more copies than the run has "
                    "fuel");
  }
  if (Rows == 0)
    return Status::success();
  uint64_t SourceStep = ElementSize, TargetStep = ElementSize;
  for (size_t I = Rank; I-- != 0;) {
    if (I < Outer) {
      SourceSteps[I] = SourceStep;
      TargetSteps[I] = TargetStep;
    }
    SourceStep *= static_cast<uint64_t>(SourceDims[I]);
    TargetStep *= static_cast<uint64_t>(TargetDims[I]);
  }
  std::vector<uint64_t> At(Outer, 0);
  for (uint64_t Row = 0; Row != Rows; ++Row) {
    uint64_t From = 0, To = 0;
    for (size_t I = 0; I != Outer; ++I) {
      From += At[I] * SourceSteps[I];
      To += At[I] * TargetSteps[I];
    }
    Batch.copy(Source, From, Target, To, Run);
    DURE_RETURN_IF_ERROR(Batch.flushIfFull());
    for (size_t I = Outer; I-- != 0;) {
      if (++At[I] != Counts[I])
        break;
      At[I] = 0;
    }
  }
  return Status::success();
}
