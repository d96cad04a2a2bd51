// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CompiledKernel: a dispatch function in text, compiled by the reference code
// generation or as a kernel of the CPU target, and loaded. Shared by the tests
// of this folder.
#ifndef DURE_TEST_UNIT_LOWERING_COMPILEDKERNEL_H
#define DURE_TEST_UNIT_LOWERING_COMPILEDKERNEL_H

#include "targets/cpu/abi/CpuLibrary.h"

#include "gtest/gtest.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace dure::test {

inline constexpr float Inf = std::numeric_limits<float>::infinity();
inline constexpr float NaN = std::numeric_limits<float>::quiet_NaN();

/// The only entry of a code object. Failures to compile or load are test
/// failures that show the diagnostics.
class CompiledKernel {
public:
  /// `Text` is the body of a module that holds one dispatch function. With a
  /// `Variant` (native, x86-64-v3, ...) it becomes a kernel of the CPU target;
  /// sizes must be static then.
  explicit CompiledKernel(const std::string &Text,
                          const std::string &Variant = "");
  ~CompiledKernel();
  CompiledKernel(const CompiledKernel &) = delete;

  /// Runs all workgroups; bindings are operands, then results. Returns the
  /// largest fault code, or -1 when there is no kernel.
  int32_t run(std::vector<void *> Bindings,
              std::vector<int64_t> Constants = {}) const;

private:
  void *Library = nullptr;
  const dure_cpu_entry *Entry = nullptr;
  int64_t Workgroups = 1;
};

/// A dispatch function of one op. Types are spelled as in MLIR without
/// `tensor<>`; a dynamic size is a name: "n x 4 x f32" becomes
/// tensor<?x4xf32, #dure.dims<["n", "4"]>>. `Body` is the op and its
/// attributes, without types.
std::string dispatch(const std::string &Op,
                     const std::vector<std::string> &Operands,
                     const std::string &Attributes, const std::string &Result,
                     const std::vector<std::string> &Symbols = {});

/// The tensor type of `dispatch`'s short spelling.
std::string tensorType(const std::string &Short);

inline void *pointer(const void *Data) { return const_cast<void *>(Data); }

/// Compiles and runs a dispatch of one result of `Count` elements of type `T`.
template <typename T, typename... Inputs>
std::vector<T> evaluate(const std::string &Text, size_t Count,
                        std::vector<int64_t> Constants,
                        const Inputs &...Operands) {
  CompiledKernel Kernel(Text);
  // One spare element: zero-size tensors need an address too.
  std::vector<T> Result(Count + 1);
  EXPECT_EQ(Kernel.run({pointer(Operands.data())..., Result.data()}, Constants),
            0);
  Result.resize(Count);
  return Result;
}

/// Equal, NaN being equal to NaN, within `Ulps` of f32 otherwise.
inline void expectNear(const std::vector<float> &Got,
                       const std::vector<float> &Want, double Relative = 2e-7,
                       double Absolute = 1e-37) {
  ASSERT_EQ(Got.size(), Want.size());
  for (size_t I = 0; I < Got.size(); ++I) {
    if (Want[I] != Want[I])
      EXPECT_NE(Got[I], Got[I]) << "element " << I;
    else if (std::abs(Want[I]) == Inf)
      EXPECT_EQ(Got[I], Want[I]) << "element " << I;
    else
      EXPECT_NEAR(Got[I], Want[I], Absolute + Relative * std::abs(Want[I]))
          << "element " << I;
  }
}

} // namespace dure::test

#endif // DURE_TEST_UNIT_LOWERING_COMPILEDKERNEL_H
