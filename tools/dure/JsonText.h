// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// JSON as text for people.
//
// Included by inspect. nlohmann-json, which throws, stays in JsonText.cpp.
#ifndef DURE_TOOLS_DURE_JSONTEXT_H
#define DURE_TOOLS_DURE_JSONTEXT_H

#include <string>
#include <string_view>

namespace dure {

/// One line a scalar, nested parts indented, lists of scalars on one line.
/// Text that is no JSON comes back unchanged.
std::string renderJson(std::string_view Json);

} // namespace dure

#endif // DURE_TOOLS_DURE_JSONTEXT_H
