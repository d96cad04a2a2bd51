// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks of a host program under construction.
//
// Private to compiler/package: whatever translates to If or Loop.
#ifndef DURE_COMPILER_PACKAGE_BLOCKSCOPE_H
#define DURE_COMPILER_PACKAGE_BLOCKSCOPE_H

#include "compiler/package/ProgramBuilder.h"

namespace dure {

/// Instructions go to a block of their own. What is computed there is not known
/// behind it, since it need not run.
class ProgramBuilder::BlockScope {
public:
  explicit BlockScope(ProgramBuilder &Owner)
      : Owner(Owner), EmitTo(Owner.EmitTo), Scalars(Owner.Scalars),
        Buffers(Owner.Buffers), WeightBuffers(Owner.WeightBuffers) {
    Owner.EmitTo = static_cast<uint32_t>(Owner.Out.Blocks.size());
    Owner.Out.Blocks.emplace_back();
  }
  ~BlockScope() {
    Owner.EmitTo = EmitTo;
    Owner.Scalars = std::move(Scalars);
    Owner.Buffers = std::move(Buffers);
    Owner.WeightBuffers = std::move(WeightBuffers);
    // What has been written in the block is seen by everything behind it.
    Owner.Written.clear();
    Owner.Read.clear();
  }
  BlockScope(const BlockScope &) = delete;
  uint32_t block() const { return Owner.EmitTo; }

private:
  ProgramBuilder &Owner;
  uint32_t EmitTo;
  std::map<std::string, ScalarReg> Scalars;
  BufferMap Buffers;
  std::map<WeightKey, BufferReg> WeightBuffers;
};

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_BLOCKSCOPE_H
