// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the values of a program lie, and which commands must wait for which.
//
// Included by the encoder, and by what orders copies before it.
#ifndef DURE_TARGETS_RNGD_COMPILER_PLACES_H
#define DURE_TARGETS_RNGD_COMPILER_PLACES_H

#include "dialects/tcp/TcpOps.h"
#include "targets/rngd/schema/program_generated.h"

#include "mlir/IR/Value.h"

namespace dure::rngd {

/// Whether a value, no view, is given to its program and no command writes it:
/// what it reads, and constants.
bool isGiven(mlir::Value value);

/// Bytes that one command touches: of HBM (by space and index), or of every
/// slice's data memory or register file.
struct Access {
  enum Memory { Binding, Workspace, Constants, DataMemory, Trf, Vrf };
  Memory memory;
  uint32_t index;
  int64_t begin, end;
  bool writes;
  /// Every byte of the range is touched, in the first so many clusters and
  /// slices.
  bool dense = false;
  int64_t clusters = 1, slices = 1;
  /// Of data memory, the first slice, over both clusters.
  int64_t firstSlice = 0;
  /// What is given: nobody waits for who reads it.
  bool fixed = false;

  bool covers(const Access &other) const {
    return dense && memory == other.memory && index == other.index &&
           firstSlice == 0 && other.firstSlice == 0 && begin <= other.begin &&
           other.end <= end && other.clusters <= clusters &&
           other.slices <= slices;
  }
  bool conflicts(const Access &other) const {
    return (writes || other.writes) && memory == other.memory &&
           index == other.index && begin < other.end && other.begin < end;
  }
};

/// Values and their addresses.
class Places {
public:
  explicit Places(fb::ModuleT &module) : module(module) {}

  void bind(mlir::BlockArgument argument);
  /// An alloc, constant or view.
  mlir::LogicalResult define(mlir::Operation *op);

  /// As DMA names it; a value in HBM or data memory.
  fb::Address address(mlir::Value value) const;
  /// Bytes from the start of its memory.
  int64_t offset(mlir::Value value) const { return known.lookup(value).begin; }
  Access access(mlir::Value value, bool writes) const;
  uint64_t workspaceBytes() const { return workspace; }

private:
  llvm::DenseMap<mlir::Value, Access> known;
  fb::ModuleT &module;
  uint64_t workspace = 0;
};

/// For each command the latest ones of other lanes that it must follow.
class Dependences {
public:
  /// Lane: 0 main, 1 sub, 2 and up the DMA engines. Returns command numbers.
  /// Commands of one `group`, parts of one transfer, do not wait for each
  /// other.
  llvm::SmallVector<uint32_t> add(uint32_t command, unsigned lane,
                                  unsigned group,
                                  llvm::ArrayRef<Access> accesses);

private:
  struct Earlier {
    uint32_t command;
    unsigned lane, group;
    Access access;
  };
  void forgetCovered();

  std::vector<Earlier> earlier;
  /// The latest group, and what it writes.
  unsigned group = 0;
  llvm::SmallVector<Access> written;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_PLACES_H
