// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The conformance tests, by area.
#ifndef DURE_TOOLS_CONFORMANCE_TESTS_H
#define DURE_TOOLS_CONFORMANCE_TESTS_H

#include "tools/dure-conformance/Harness.h"

namespace dure::conformance {

extern const std::vector<TestCase> QueryTests;
extern const std::vector<TestCase> MemoryTests;
extern const std::vector<TestCase> TimelineTests;
extern const std::vector<TestCase> QueueTests;
extern const std::vector<TestCase> ExecutableTests;
extern const std::vector<TestCase> ConcurrencyTests;

} // namespace dure::conformance

#endif // DURE_TOOLS_CONFORMANCE_TESTS_H
