// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where in the model an instruction of a host program belongs, for messages.
//
// Internal to libdure; asked only once something went wrong.
#ifndef DURE_RUNTIME_HOST_PLACES_H
#define DURE_RUNTIME_HOST_PLACES_H

#include "runtime/base/Status.h"
#include "runtime/package/Package.h"

#include <string>

namespace dure {

/// The failure with "node 'a'", or "one of the nodes 'a', 'b' and 3 more", in
/// front; as it is without nodes.
Status atNodes(const Status &Failure, const std::vector<std::string> &Nodes);

/// The failure with the place of instruction AT in block IN in front: what
/// memory that it allocates is for, or the node that comes next. As it is when
/// that is not known.
Status atInstruction(const Status &Failure, const Entry &E, const Program &P,
                     const Block &In, size_t At);

} // namespace dure

#endif // DURE_RUNTIME_HOST_PLACES_H
