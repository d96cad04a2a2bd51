// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An in-tree target, for plug-ins of tests that change one thing about it.
#ifndef DURE_TEST_COMPILER_PLUGINS_INTREETARGET_H
#define DURE_TEST_COMPILER_PLUGINS_INTREETARGET_H

#include "compiler/Target.h"

#include <dlfcn.h>
#include <memory>

namespace dure::test {

/// A new target from the library at `Path`; null where none can be loaded. A
/// process keeps the library.
inline std::unique_ptr<Target> createInTreeTarget(const char *Path) {
  void *Library = dlopen(Path, RTLD_NOW | RTLD_LOCAL);
  if (!Library)
    return nullptr;
  using QueryFn = const TargetPlugin *(*)();
  auto Query = reinterpret_cast<QueryFn>(dlsym(Library, TargetPluginSymbol));
  return Query ? Query()->Create() : nullptr;
}

} // namespace dure::test

#endif // DURE_TEST_COMPILER_PLUGINS_INTREETARGET_H
