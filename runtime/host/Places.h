// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where in the model an instruction of a host program belongs, for messages.
//
// Internal to libdure; asked only once something went wrong.
#ifndef DURE_RUNTIME_HOST_PLACES_H
#define DURE_RUNTIME_HOST_PLACES_H

#include "runtime/package/Package.h"

#include <string>

namespace dure {

/// "node 'a'", or "one of the nodes 'a', 'b' and 3 more". Empty without nodes.
std::string nodesText(const std::vector<std::string> &Nodes);

/// The place of instruction AT in BLOCK: what memory that it allocates is for,
/// or the node that comes next. Empty when that is not known.
std::string placeOf(const Entry &E, const Program &P, const Block &In,
                    size_t At);

} // namespace dure

#endif // DURE_RUNTIME_HOST_PLACES_H
