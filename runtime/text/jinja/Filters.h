// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters, by what they are about. Each file has a table of its own.
#ifndef DURE_RUNTIME_TEXT_JINJA_FILTERS_H
#define DURE_RUNTIME_TEXT_JINJA_FILTERS_H

#include "runtime/text/jinja/Builtins.h"

#include <map>

namespace dure::jinja {

using FilterTable = std::map<std::string_view, Builtin>;

/// Of lists and other values with items.
const FilterTable &sequenceFilters();
/// Of texts.
const FilterTable &textFilters();
/// Of numbers and single values.
const FilterTable &valueFilters();

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_FILTERS_H
