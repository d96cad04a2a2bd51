// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One loop over independent pieces of work, on several threads.
//
// Used where weights are hashed, evaluated and loaded: pieces large enough that
// a thread more or less does not matter. Depends on the C++ library only.
#ifndef DURE_RUNTIME_BASE_PARALLEL_H
#define DURE_RUNTIME_BASE_PARALLEL_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <functional>

namespace dure {

/// How many threads to use: REQUESTED, or for 0 the processors, but no more
/// than pay when memory is what limits.
unsigned workerThreads(unsigned Requested = 0);

/// Calls WORK for 0 to COUNT - 1 on up to THREADS threads, this one among
/// them; fewer where the system gives no more. All pieces are worked on, also
/// after a failure, and the failure of the smallest index comes back, so that
/// the message does not depend on the number of threads. Out of memory in a
/// piece is its failure.
Status parallelFor(size_t Count, unsigned Threads,
                   const std::function<Status(size_t)> &Work);

} // namespace dure

#endif // DURE_RUNTIME_BASE_PARALLEL_H
