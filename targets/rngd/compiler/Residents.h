// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that stay in data memory from the kernel that makes them to those
// that read them.
//
// Included by KernelBuilder. Data memory is to HBM what a cache that writes
// back is: what a kernel would store stays where it is, and is stored when its
// bytes are needed for something else, or when somebody reads what data memory
// cannot give.
#ifndef DURE_TARGETS_RNGD_COMPILER_RESIDENTS_H
#define DURE_TARGETS_RNGD_COMPILER_RESIDENTS_H

#include "dialects/tcp/TcpOps.h"
#include "targets/rngd/compiler/Numbering.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dure::rngd {

/// A copy from data memory to HBM.
struct Store {
  mlir::Value source, target;
  /// Commands, at least.
  int64_t least;
  /// The bytes of each slice that it reads.
  int64_t begin, end;
};

/// A part of a value, or all of it, that lies in data memory.
struct Resident {
  /// The value's place in HBM.
  mlir::Value root;
  /// Its elements by number (Numbering.h), those from `first` on.
  mlir::Value local;
  int64_t first;
  Store store;
  /// HBM has it too, or will.
  bool stored;
};

/// The whole place in HBM that `hbm` is a view of; the number of its first
/// element there.
mlir::Value wholeOf(mlir::Value hbm);
int64_t firstOf(mlir::Value hbm);
/// The bytes of a slice that a place in data memory, or a part of one, lies in.
std::pair<int64_t, int64_t> bytesOf(mlir::Value place);

/// What `store` leaves in data memory; none where its layout cannot be said by
/// numbers.
std::optional<Resident> residentOf(mlir::ImplicitLocOpBuilder &b,
                                   const Store &store);

/// A copy's ends by numbers: what `source`, a view in HBM, names, where
/// `resident` has it, and `target`, in data memory. None where `resident` lacks
/// some of it.
std::optional<std::pair<mlir::Value, mlir::Value>>
endsOf(mlir::ImplicitLocOpBuilder &b, const Resident &resident,
       mlir::Value source, mlir::Value target);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_RESIDENTS_H
