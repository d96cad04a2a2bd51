// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rendering of one template may use. Header only, no dependencies.
#ifndef DURE_RUNTIME_TEXT_JINJA_LIMITS_H
#define DURE_RUNTIME_TEXT_JINJA_LIMITS_H

#include <cstdint>

namespace dure {

/// Templates come with models that strangers publish: each limit ends a
/// rendering with an error.
struct RenderLimits {
  /// Operations, about a second in all.
  uint64_t Steps = 20'000'000;
  /// Bytes of all values that live at once, the text included.
  uint64_t Bytes = uint64_t(256) << 20;
  /// Characters of the text, in bytes.
  uint64_t Output = uint64_t(64) << 20;
  /// Statements, expressions and calls inside each other.
  uint32_t Depth = 1000;
};

namespace jinja {
/// What holds for every template.
constexpr uint64_t MaxSource = uint64_t(1) << 20;
constexpr unsigned MaxNesting = 200;
/// Values inside each other, those of the conversation included.
constexpr unsigned MaxValueDepth = 200;
/// Jinja's sandbox has the same.
constexpr int64_t MaxRange = 100'000;
} // namespace jinja

} // namespace dure

#endif // DURE_RUNTIME_TEXT_JINJA_LIMITS_H
