// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The languages messages come in, and the one way to fill a message.
//
// Included by everything under tools/ that talks to a person. Depends on the
// standard library only. A message is a template with {0}, {1}, ... for its
// arguments; a brace that is not such a number stands for itself.
#ifndef DURE_TOOLS_IO_LANGUAGE_H
#define DURE_TOOLS_IO_LANGUAGE_H

#include <span>
#include <string>
#include <string_view>

namespace dure {

enum class Language { English, Korean };

/// Replaces {N} in `Template` by `Arguments[N]`. A number without an argument
/// is left as it is, so a wrong table entry shows rather than crashes.
std::string formatMessage(std::string_view Template,
                          std::span<const std::string> Arguments);

} // namespace dure

#endif // DURE_TOOLS_IO_LANGUAGE_H
