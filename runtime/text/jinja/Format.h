// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Python's text for numbers and other values.
#ifndef DURE_RUNTIME_TEXT_JINJA_FORMAT_H
#define DURE_RUNTIME_TEXT_JINJA_FORMAT_H

#include "runtime/text/jinja/Value.h"

namespace dure::jinja {

/// The shortest text that reads as the same float, as repr() writes it.
std::string floatRepr(double D);
/// A string with quotes and escapes.
std::string stringRepr(std::string_view Text);

/// `Format % Values` for a str: a tuple, a dict for named values, or one value.
Value formatPercent(const Maker &Make, const Value &Format,
                    const Value &Values);
/// Format.format(...). `Attribute` and `Item` look into a value.
Value formatBraces(Interpreter &In, const Value &Format,
                   const Arguments &Given);

/// int() and float() of a text; none where it is no number. Fails for an int of
/// more than 64 bits.
std::optional<int64_t> parseInt(std::string_view Text, int Base);
std::optional<double> parseFloat(std::string_view Text);

/// Escaped for HTML.
std::string escapeHtml(std::string_view Text);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_FORMAT_H
