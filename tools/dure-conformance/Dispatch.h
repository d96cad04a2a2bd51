// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dispatch of a conformance kernel, with the arrays that it points to.
#ifndef DURE_TOOLS_CONFORMANCE_DISPATCH_H
#define DURE_TOOLS_CONFORMANCE_DISPATCH_H

#include "tools/dure-conformance/Harness.h"

#include <initializer_list>

namespace dure::conformance {

/// Binds whole buffers. Devices that take no grid get none; those that take no
/// constants have an entry for each set of them, such as "add 64 -5". Movable:
/// the arrays stay where they are.
struct Dispatch {
  Dispatch(Session &S, dure_drv_executable *E, const char *Entry,
           uint64_t Workgroups, std::initializer_list<dure_drv_buffer *> Bound,
           std::initializer_list<int64_t> Values)
      : Constants(Values) {
    std::string Name = Entry;
    if (S.Info.max_constants == 0) {
      for (int64_t Each : Constants)
        Name += " " + std::to_string(Each);
      Constants.clear();
    }
    for (dure_drv_buffer *B : Bound)
      Bindings.push_back({B, 0, S.Mem->size(B)});
    std::memset(&Command, 0, sizeof(Command));
    Command.struct_size = sizeof(Command);
    Command.kind = DURE_DRV_COMMAND_DISPATCH;
    dure_drv_dispatch &D = Command.u.dispatch;
    D.executable = E;
    D.grid_rank = S.Info.max_grid_rank ? 1 : 0;
    D.grid[0] = Workgroups;
    D.bindings = Bindings.data();
    D.binding_count = Bindings.size();
    D.constants = Constants.data();
    D.constant_count = Constants.size();
    if (Result R = S.Exe->lookup(E, Name.c_str(), &D.entry); !R.ok())
      S.fail(__FILE__, __LINE__, "executable.lookup gave " + describe(R));
  }

  std::vector<dure_drv_buffer_ref> Bindings;
  std::vector<int64_t> Constants;
  dure_drv_command Command;
};

} // namespace dure::conformance

#endif // DURE_TOOLS_CONFORMANCE_DISPATCH_H
