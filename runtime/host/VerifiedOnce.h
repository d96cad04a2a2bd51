// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Remembers which files were hashed in full, for --verify=once.
//
// One empty file per verified content in the user's cache folder, named by a
// hash of everything that identifies the content. Where there is no such
// folder, or others can write it, nothing is remembered.
#ifndef DURE_RUNTIME_HOST_VERIFIEDONCE_H
#define DURE_RUNTIME_HOST_VERIFIEDONCE_H

#include <string>

namespace dure {

/// True if rememberVerified(KEY) was called before, by this user. KEY is hex.
bool wasVerified(const std::string &Key);
/// Best effort.
void rememberVerified(const std::string &Key);

} // namespace dure

#endif // DURE_RUNTIME_HOST_VERIFIEDONCE_H
