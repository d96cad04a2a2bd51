// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Padding to a shape bucket and cropping back, as copies and fills.
//
// Internal to libdure. The corner that two row-major tensors have in common is
// copied run by run; what is left of the target is filled.
#ifndef DURE_RUNTIME_HOST_CORNERCOPY_H
#define DURE_RUNTIME_HOST_CORNERCOPY_H

#include "runtime/host/CommandBatch.h"

#include <cstdint>
#include <vector>

namespace dure {

struct CornerCopy {
  std::vector<int64_t> SourceDims;
  std::vector<int64_t> TargetDims; // as many
  uint64_t ElementSize = 1;
  uint64_t Pattern = 0;

  /// Adds the commands. ROWS is the number of copies, at most LIMIT, else
  /// ResourceExhausted. OutOfRange if a shape does not fit its buffer.
  Status emit(const BufferView &Source, const BufferView &Target,
              uint64_t Limit, CommandBatch &Batch, uint64_t &Rows) const;
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_CORNERCOPY_H
