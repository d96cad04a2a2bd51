// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keeps a target's passes away from what is placed on other targets.
#ifndef DURE_COMPILER_DISPATCH_OTHERREGIONS_H
#define DURE_COMPILER_DISPATCH_OTHERREGIONS_H

#include "compiler/Target.h"

namespace dure {

/// While it lives, every dure.region of the module that is not of `Mine` is out
/// of it, and a dure.dispatch that reads and gives the same values stands
/// there. Why: a target's passes rewrite ops wherever they find them, and what
/// another target was found to take must stay as it is.
class OtherRegionsHidden {
public:
  OtherRegionsHidden(mlir::ModuleOp Module, const Target &Mine);
  ~OtherRegionsHidden();
  OtherRegionsHidden(const OtherRegionsHidden &) = delete;
  OtherRegionsHidden &operator=(const OtherRegionsHidden &) = delete;

private:
  void hide(RegionOp Op);

  mlir::ModuleOp Module;
  std::vector<RegionOp> Hidden;
};

} // namespace dure

#endif // DURE_COMPILER_DISPATCH_OTHERREGIONS_H
