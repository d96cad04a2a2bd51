// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From plain structs to the metadata FlatBuffer. Internal to runtime/package.
#ifndef DURE_RUNTIME_PACKAGE_ENCODER_H
#define DURE_RUNTIME_PACKAGE_ENCODER_H

#include "runtime/base/Status.h"
#include "runtime/package/Package.h"

#include <string>

namespace dure {

/// The FlatBuffer of CONTENT: equal contents give equal bytes.
Result<std::string> encodeMetadata(const Package &Content);

} // namespace dure

#endif // DURE_RUNTIME_PACKAGE_ENCODER_H
