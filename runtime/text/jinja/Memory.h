// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one rendering has used of its time and memory.
#ifndef DURE_RUNTIME_TEXT_JINJA_MEMORY_H
#define DURE_RUNTIME_TEXT_JINJA_MEMORY_H

#include "runtime/text/jinja/Failure.h"
#include "runtime/text/jinja/Limits.h"

#include <string_view>

namespace dure::jinja {

/// One thread uses it. What is held is asked for before it is taken.
class Meter {
public:
  explicit Meter(const RenderLimits &Limits) : Limits(Limits) {}

  /// Counts work: one step is about one operation, or 64 bytes moved.
  void step(uint64_t Count = 1) {
    if (Count > Limits.Steps - Used)
      failLimit("rendering takes too long; the template or what it is given "
                "is too large");
    Used += Count;
  }
  void hold(uint64_t Bytes) {
    step(1 + Bytes / 64);
    if (Bytes > Limits.Bytes - Held)
      failLimit("rendering takes too much memory; the template or what it is "
                "given is too large");
    Held += Bytes;
  }
  void release(uint64_t Bytes) noexcept { Held -= Bytes; }

  /// Fails if `Count` pieces of `Size` bytes are more than may be held.
  void expect(uint64_t Count, uint64_t Size) {
    uint64_t Room = Limits.Bytes - Held;
    if (Size && Count > Room / Size)
      hold(Room + 1);
    step(Count * Size / 64);
  }

  const RenderLimits Limits;

private:
  uint64_t Used = 0;
  uint64_t Held = 0;
};

/// A text that grows within what may be held.
class TextBuilder {
public:
  explicit TextBuilder(Meter &M) : M(M) {}
  ~TextBuilder() { M.release(Held); }
  TextBuilder(const TextBuilder &) = delete;
  TextBuilder &operator=(const TextBuilder &) = delete;

  void add(std::string_view More) {
    M.hold(More.size());
    Held += More.size();
    Text += More;
  }
  void add(uint64_t Count, std::string_view More) {
    M.expect(Count, More.size());
    while (Count--)
      add(More);
  }
  const std::string &text() const { return Text; }
  std::string take() { return std::move(Text); }

private:
  Meter &M;
  uint64_t Held = 0;
  std::string Text;
};

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_MEMORY_H
