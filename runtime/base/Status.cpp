// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one status that is made before it is needed.

#include "runtime/base/Status.h"

using namespace dure;

Status dure::outOfMemory() {
  static const Status NoMemory(
      StatusCode::ResourceExhausted,
      "there is no memory left for this; free some, or use a "
      "smaller model, batch or sequence",
      StatusScope::Call, /*Retryable=*/true);
  return NoMemory;
}

// Made when the library is loaded: later there may be no memory for it.
[[maybe_unused]] static const Status MadeEarly = outOfMemory();
