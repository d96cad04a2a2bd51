// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What verifiers of the tcp dialect share.
//
// Included by the dialect's own sources only.
#ifndef DURE_DIALECTS_TCP_CHECKS_H
#define DURE_DIALECTS_TCP_CHECKS_H

#include "dialects/tcp/Steps.h"

#include "llvm/ADT/TypeSwitch.h"

namespace dure::tcp {

inline int64_t bitsOf(mlir::Type type) { return type.getIntOrFloatBitWidth(); }

inline StreamType streamOf(mlir::Value value) {
  return mlir::cast<StreamType>(value.getType());
}

/// An i4 or i8 less a zero point (fetch-adapter.md, Contraction-Only Staging).
inline bool isStaged(mlir::Type type) {
  return type.isSignlessInteger(5) || type.isSignlessInteger(9);
}

/// What an element takes of a flit: a staged one as much as before.
inline int64_t placeBits(mlir::Type type) {
  return bitsOf(type) - (isStaged(type) ? 1 : 0);
}

inline int64_t packetBits(StreamType stream) {
  return positions(stream.getPacket().getDigits()) *
         placeBits(stream.getElementType());
}

inline bool sameDigits(MapAttr a, MapAttr b) {
  return normalized(a.getDigits()) == normalized(b.getDigits());
}

/// Whether a list of the machine description has the type.
bool isListed(llvm::ArrayRef<std::string> list, mlir::Type type);

/// A memory's part in each slice, and a stream's.
template <typename Memory>
mlir::LogicalResult sameSlices(mlir::Operation *op, Memory memory,
                               StreamType stream) {
  if (sameDigits(memory.getCluster(), stream.getCluster()) &&
      sameDigits(memory.getSlice(), stream.getSlice()))
    return mlir::success();
  return op->emitOpError("moves data between slices, which the switch does "
                         "(computing-tensors/switch-engine.md)");
}

/// What most steps keep: clusters, slices and lanes.
mlir::LogicalResult samePlaces(mlir::Operation *op, StreamType from,
                               StreamType to);

/// The instruction as a whole: order of the engines, and the vector engine's
/// steps.
mlir::LogicalResult verifyVectorSteps(ExecOp exec);

} // namespace dure::tcp

#endif // DURE_DIALECTS_TCP_CHECKS_H
