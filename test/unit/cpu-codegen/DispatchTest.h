// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs dispatch functions twice, as one kernel of the CPU target and op by op
// by the canonical lowerings, on the same random data, and compares the
// results. The fixture of this folder's tests.
#ifndef DURE_TEST_UNIT_CPU_CODEGEN_DISPATCHTEST_H
#define DURE_TEST_UNIT_CPU_CODEGEN_DISPATCHTEST_H

#include "targets/cpu/abi/CpuLibrary.h"
#include "targets/cpu/compiler/DispatchLowering.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace dure::cpu::test {

/// Memory as the driver gives it, with guard bytes behind it.
class Buffer {
public:
  /// A buffer of no bytes in a page that faults when it is touched.
  struct NoAccess {};
  explicit Buffer(NoAccess) : Size(0), Mapped(true) {
    Data = static_cast<char *>(mmap(nullptr, PageBytes, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  explicit Buffer(size_t size) : Size(size) {
    size_t Rounded = (size + GuardBytes + 63) / 64 * 64;
    Data = static_cast<char *>(std::aligned_alloc(64, Rounded));
    std::memset(Data, 0x5a, Rounded);
  }
  Buffer(Buffer &&Other)
      : Size(Other.Size), Data(Other.Data), Mapped(Other.Mapped) {
    Other.Data = nullptr;
  }
  ~Buffer() {
    if (Mapped && Data)
      munmap(Data, PageBytes);
    else
      std::free(Data);
  }
  bool isGuardIntact() const {
    for (size_t I = 0; I < GuardBytes; ++I)
      if (Data[Size + I] != 0x5a)
        return false;
    return true;
  }
  static constexpr size_t GuardBytes = 64, PageBytes = 4096;
  size_t Size;
  char *Data;
  bool Mapped = false;
};

/// A code object, loaded as the driver loads it.
class Library {
public:
  explicit Library(llvm::ArrayRef<char> Bytes) {
    Descriptor = memfd_create("dure-test", MFD_CLOEXEC);
    EXPECT_EQ(write(Descriptor, Bytes.data(), Bytes.size()),
              ssize_t(Bytes.size()));
    std::string Path = "/proc/self/fd/" + std::to_string(Descriptor);
    Handle = dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(Handle) << dlerror();
    Table = reinterpret_cast<dure_cpu_library_fn>(
        dlsym(Handle, DURE_CPU_LIBRARY_SYMBOL))();
  }
  ~Library() {
    dlclose(Handle);
    close(Descriptor);
  }
  const dure_cpu_entry &entry(llvm::StringRef Name) const {
    for (uint32_t I = 0; I < Table->entry_count; ++I)
      if (Name == Table->entries[I].name)
        return Table->entries[I];
    ADD_FAILURE() << "no entry " << Name.str();
    return Table->entries[0];
  }
  int Descriptor;
  void *Handle;
  const dure_cpu_library *Table;
};

using Dims = std::map<std::string, int64_t>;

struct Options {
  double Tolerance = 1e-5;
  int32_t Fault = 0;
  /// Integer operands are drawn from [Low, High].
  int64_t Low = -3, High = 3;
  /// What the reference computes, where that is another function.
  std::string ReferenceText = {};
  /// Called with the operands of the kernel when they are made.
  std::function<void(std::vector<Buffer> &, const Dims &)> Prepare = nullptr;
  /// Empty operands lie where nothing may be read.
  bool NoAccess = false;
};

class DispatchTest : public testing::TestWithParam<const char *> {
protected:
  DispatchTest() {
    mlir::DialectRegistry Registry;
    registerKernelDialects(Registry);
    Context = std::make_unique<mlir::MLIRContext>(
        Registry, mlir::MLIRContext::Threading::DISABLED);
    Context->loadAllAvailableDialects();
    auto Variants = resolveCpuVariants(GetParam());
    EXPECT_TRUE(bool(Variants));
    Variant = Variants->front();
  }

  /// Lowers `Text` (one function @f) and runs it with each assignment.
  void check(llvm::StringRef Text, llvm::ArrayRef<Dims> Sizes,
             Options Expect = {});

private:
  std::vector<Buffer> makeOperands(mlir::func::FuncOp Function,
                                   const Dims &Sizes, const Options &Expect);
  std::vector<Buffer> run(Library &Code, const KernelInfo &Info,
                          mlir::TypeRange Results, const Dims &Sizes,
                          llvm::ArrayRef<Buffer *> Operands, int32_t &Fault);
  /// Functions of one op each, in a module of their own, compiled together.
  void compileReference(mlir::func::FuncOp Function);
  /// The same by the canonical lowering of each op.
  std::vector<Buffer> runReference(mlir::func::FuncOp Function,
                                   const Dims &Sizes,
                                   std::vector<Buffer> &Operands,
                                   int32_t &Fault);
  void compare(mlir::func::FuncOp Function, std::vector<Buffer> &Got,
               std::vector<Buffer> &Want, double Tolerance);
  std::unique_ptr<Library> compile(mlir::ModuleOp Module);

  std::unique_ptr<mlir::MLIRContext> Context;
  CpuVariant Variant;
  std::unique_ptr<Library> Reference;
  /// How to call the reference's kernel of an op.
  llvm::DenseMap<mlir::Operation *, KernelInfo> ReferenceInfos;
};

inline const Dims NoDims[] = {{}};

/// `Text` with each `From` replaced by `To`.
std::string replaceAll(std::string Text, const std::string &From,
                       const std::string &To);

} // namespace dure::cpu::test

#endif // DURE_TEST_UNIT_CPU_CODEGEN_DISPATCHTEST_H
