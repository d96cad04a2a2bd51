// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that being out of memory ends in a status, wherever it happens.

#include "test/unit/runtime/TestPackages.h"

#include <atomic>
#include <cstdlib>
#include <new>

using namespace dure;
using namespace dure::test;

namespace {

// How many more allocations of this thread succeed; negative: all.
thread_local int64_t Left = -1;

void *allocate(size_t Size) {
  if (Left == 0)
    return nullptr;
  if (Left > 0)
    --Left;
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

/// Calls FN with ever more allocations allowed until it succeeds; each failure
/// must say that memory is short. Returns how many calls failed.
template <typename Function> int64_t failEachAllocation(Function Fn) {
  for (int64_t Allowed = 0; Allowed != 1000000; ++Allowed) {
    Left = Allowed;
    dure_status *S = Fn();
    Left = -1;
    Outcome Out(S);
    if (Out.ok())
      return Allowed;
    EXPECT_EQ(Out.Code, DURE_STATUS_RESOURCE_EXHAUSTED) << Out.Message;
    EXPECT_NE(Out.Message.find("no memory left"), std::string::npos)
        << Out.Message;
    if (Out.Code != DURE_STATUS_RESOURCE_EXHAUSTED)
      return Allowed;
  }
  return -1;
}

} // namespace

// Tests each allocation of loading and describing a package, in turn.
TEST(Memory, EachAllocationOfLoadingFails) {
  std::string Bytes = *writePackageToMemory(encoderPackage());
  dure_package *Package = nullptr;
  dure_load_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.verify = DURE_VERIFY_FULL;
  EXPECT_GT(failEachAllocation([&] {
              return dure_package_load_memory(Bytes.data(), Bytes.size(),
                                              &Options, &Package);
            }),
            50);
  ASSERT_NE(Package, nullptr);
  Owned<dure_package> Loaded(Package);
  dure_text *Text = nullptr;
  EXPECT_GT(
      failEachAllocation([&] { return dure_package_describe(Package, &Text); }),
      100);
  Owned<dure_text> Json(Text);
}

// Tests that a run which meets the end of memory fails, frees what it held and
// leaves the session good.
TEST(Memory, EachAllocationOfARunFails) {
  // A program that stays on the host: the driver's allocations are its own
  // affair.
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0), Sum = B.newScalar(), Zero = B.constant(0);
  B.add(ConstOp{Sum, 0});
  uint32_t Body = B.newBlock();
  ScalarReg One = B.constant(1);
  B.add(ScalarOp{ScalarOpKind::Add, Sum, Sum, One, 0});
  B.setBlock(0);
  ScalarReg Step = B.constant(1);
  B.add(LoopOp{B.newScalar(), Zero, N, Step, -1, Body});
  B.add(CheckOp{Relation::Eq, Sum, N, "the loop counts"});
  B.result({});
  Package P;
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n"})};
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  Loaded Made = loadFake(P);
  Owned<dure_call> Call = makeCall(Made, "main");
  Tensor<float> X{{3}, {1, 2, 3}};
  ASSERT_OK(bind(Call.get(), 0, X));
  EXPECT_GT(
      failEachAllocation([&] { return dure_call_run(Call.get(), nullptr); }),
      0);
  ASSERT_OK(dure_call_run(Call.get(), nullptr));
}
