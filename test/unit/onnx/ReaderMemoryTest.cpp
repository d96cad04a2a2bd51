// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that being out of memory ends in a refusal, wherever it happens.
#include "frontends/onnx/Reader.h"
#include "test/unit/onnx/Protos.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

using namespace dure::onnx;
using namespace dure::onnx::test;

namespace {

// The allocation of this thread that fails, counted down; negative: none.
thread_local int64_t FailsAfter = -1;

void *allocate(size_t Size) {
  if (FailsAfter >= 0 && FailsAfter-- == 0)
    return nullptr;
  return std::malloc(Size != 0 ? Size : 1);
}

} // namespace

// The program's own allocation functions, so that one of them can fail.
void *operator new(size_t Size) {
  if (void *Memory = allocate(Size))
    return Memory;
  throw std::bad_alloc();
}
void *operator new(size_t Size, const std::nothrow_t &) noexcept {
  return allocate(Size);
}
void operator delete(void *Memory) noexcept { std::free(Memory); }
void operator delete(void *Memory, size_t) noexcept { std::free(Memory); }

namespace {

/// A model with something of everything that the reader makes lists of.
std::string fullModel() {
  GraphParts Branch, Main;
  Branch.Nodes = {node("Relu", {"x"}, {"b"})};
  Branch.Outputs = {value("b", 1, {"batch", 4})};
  Main.Inputs = {value("x", 1, {"batch", 4}), value("c", 9, {})};
  Main.Outputs = {value("y", 1, {"batch", 4})};
  Main.Initializers = {ints("w", {1, 2, 3})};
  Main.Nodes = {
      node("If", {"c"}, {"z"},
           {graphAttribute("then_branch", graph(Branch)),
            graphAttribute("else_branch", graph(Branch))}),
      node("F", {"z"}, {"y"}, {intAttribute("axis", 1)}, "call", "local")};
  FunctionParts F{
      "F",
      {"a"},
      {"b"},
      {"axis"},
      {node("Softmax", {"a"}, {"b"}, {refAttribute("axis", "axis", 2)})}};
  return model(graph(Main), 20, {function(F)});
}

TEST(OnnxReader, MemoryMayRunOutAnywhere) {
  const std::string Bytes = fullModel();
  int64_t Failed = 0;
  for (;; ++Failed) {
    FailsAfter = Failed;
    ReadResult Result = readModel(Bytes, "m.onnx");
    const bool HasFailed = FailsAfter < 0;
    FailsAfter = -1;
    if (!HasFailed) {
      EXPECT_TRUE(Result.M) << toString(*Result.Error);
      break;
    }
    ASSERT_TRUE(Result.Error) << "allocation " << Failed;
    ASSERT_EQ(codeName(Result.Error->Code), "out-of-memory");
    ASSERT_EQ(Result.Error->Place, "m.onnx");
  }
  EXPECT_GT(Failed, 50);
}

} // namespace
