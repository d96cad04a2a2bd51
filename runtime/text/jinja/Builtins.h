// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a template can use by name: filters, tests, globals, attributes.
#ifndef DURE_RUNTIME_TEXT_JINJA_BUILTINS_H
#define DURE_RUNTIME_TEXT_JINJA_BUILTINS_H

#include "runtime/text/jinja/Value.h"

#include <initializer_list>

namespace dure::jinja {

/// A filter gets its input as first argument, and so does a test.
using Builtin = Value (*)(Interpreter &, const Arguments &);

/// True for all of Jinja's, also for those that are not implemented.
bool knowsFilter(std::string_view Name);
bool knowsTest(std::string_view Name);
Value callFilter(Interpreter &In, std::string_view Name,
                 const Arguments &Given);
bool callTest(Interpreter &In, std::string_view Name, const Arguments &Given);

/// A function or class that every template sees, or Missing.
Value findGlobal(Interpreter &In, const std::string &Name);

/// V.Name; undefined where there is none.
Value attribute(Interpreter &In, const Value &V, const std::string &Name);
/// V[Key]
Value item(Interpreter &In, const Value &V, const Value &Key);
/// V[Start:Stop:Step], absent parts being Missing.
Value slice(Interpreter &In, const Value &V, const Value &Start,
            const Value &Stop, const Value &Step);
/// A method of str, or Missing.
Value stringMethod(Interpreter &In, const Value &V, const std::string &Name);
/// Calls V, which need not be callable.
Value call(Interpreter &In, const Value &V, const Arguments &Given);

/// Values of parameters, Missing for what is not given. Fails where arguments
/// do not fit. The first `Required` must be given, the first `Unnamed` not by
/// name.
std::vector<Value> bindArguments(const char *Function, const Arguments &Given,
                                 std::initializer_list<const char *> Names,
                                 size_t Required, size_t Unnamed = 0);
/// An int, for use as a count or an index.
int64_t toIndex(const Value &V, const char *What);
/// A str.
const std::string &toText(const Value &V, const char *What);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_BUILTINS_H
