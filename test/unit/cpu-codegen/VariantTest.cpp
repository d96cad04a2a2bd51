// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What --cpu resolves to, and what a code object looks like from outside.
#include "targets/cpu/compiler/KernelBuilder.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/cpu/driver/CpuFeatures.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Object/ELFObjectFile.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace dure::cpu;

namespace {

// Tests that portable means two variants that share a panel width.
TEST(CpuVariant, Portable) {
  auto Variants = resolveCpuVariants("portable");
  ASSERT_TRUE(bool(Variants));
  ASSERT_EQ(Variants->size(), 2u);
  EXPECT_EQ((*Variants)[0].compatibility, "x86_64:x86-64-v3");
  EXPECT_EQ((*Variants)[0].vectorBits, 256u);
  EXPECT_EQ((*Variants)[1].compatibility, "x86_64:x86-64-v4");
  EXPECT_EQ((*Variants)[1].vectorBits, 512u);
}

// Tests that extras above a level are named, and that AMX is not, since no
// kernel uses it.
TEST(CpuVariant, NamedCpus) {
  auto Variants = resolveCpuVariants("sapphirerapids");
  ASSERT_TRUE(bool(Variants));
  llvm::StringRef Compatibility = Variants->front().compatibility;
  EXPECT_TRUE(Compatibility.starts_with("x86_64:x86-64-v4,"));
  EXPECT_TRUE(Compatibility.contains("avx512fp16"));
  EXPECT_FALSE(Compatibility.contains("amx"));
  auto Arm = resolveCpuVariants("neoverse-n1");
  ASSERT_TRUE(bool(Arm));
  EXPECT_FALSE(Arm->front().isX86());
}

// Tests that refusals name the cpu and say what to write instead.
TEST(CpuVariant, Refusals) {
  for (const char *Name : {"nehalem", "pentium-9", ""}) {
    auto Variants = resolveCpuVariants(Name);
    ASSERT_FALSE(bool(Variants));
    std::string Message = llvm::toString(Variants.takeError());
    EXPECT_NE(Message.find("portable"), std::string::npos) << Message;
    EXPECT_NE(Message.find(Name), std::string::npos) << Message;
  }
}

// Tests that the driver knows every feature that code may ask for: what it does
// not know would be missing on every machine.
TEST(CpuVariant, DriverKnowsFeatures) {
  for (const char *Name :
       {"native", "x86-64-v3", "x86-64-v4", "znver4", "haswell",
        "skylake-avx512", "sapphirerapids", "graniterapids", "aarch64",
        "neoverse-n1", "neoverse-v1", "neoverse-v2", "cortex-a72", "apple-m1",
        "ampere1"}) {
    auto Variants = resolveCpuVariants(Name);
    ASSERT_TRUE(bool(Variants)) << llvm::toString(Variants.takeError());
    auto [Architecture, Features] =
        llvm::StringRef(Variants->front().compatibility).split(':');
    EXPECT_FALSE(Features.empty()) << Name;
    for (llvm::StringRef Feature : llvm::split(Features, ','))
      EXPECT_TRUE(isKnownFeature(Architecture, Feature))
          << Name << ": " << Feature.str();
  }
  EXPECT_FALSE(isKnownFeature("aarch64", "neoverse-n1"));
  EXPECT_FALSE(isKnownFeature("x86_64", "dotprod"));
}

// Tests that AArch64 code may use what it asks of a machine, and no more.
TEST(CpuVariant, ArmFeatures) {
  auto Variants = resolveCpuVariants("neoverse-n1");
  ASSERT_TRUE(bool(Variants));
  EXPECT_EQ(Variants->front().cpu, "generic");
  EXPECT_EQ(Variants->front().compatibility,
            "aarch64:neon,lse,rdm,dotprod,fullfp16");
  EXPECT_EQ(Variants->front().features, "+lse,+rdm,+dotprod,+fullfp16");
  EXPECT_EQ(llvm::cantFail(resolveCpuVariants("aarch64")).front().compatibility,
            "aarch64:neon");
}

class ObjectCodeTest : public testing::Test {
protected:
  ObjectCodeTest() {
    DialectRegistry Registry;
    registerObjectCodeDialects(Registry);
    Context = std::make_unique<MLIRContext>(Registry,
                                            MLIRContext::Threading::DISABLED);
    Context->loadAllAvailableDialects();
  }
  /// A kernel that computes exp of its first binding's elements.
  llvm::Expected<llvm::SmallVector<char, 0>> compile(llvm::StringRef Cpu) {
    CpuVariant Variant = llvm::cantFail(resolveCpuVariants(Cpu)).front();
    OwningOpRef<ModuleOp> Module =
        ModuleOp::create(UnknownLoc::get(Context.get()));
    KernelBuilder B(UnknownLoc::get(Context.get()), Variant, Context.get());
    emitEntry(*Module, B, "exp", 128, [&](KernelFrame &Frame) {
      Value Pointer = Frame.binding(0);
      Value X = B.load(B.f32Vector(), Pointer);
      B.store(math::ExpOp::create(B, X), Pointer);
    });
    return emitObjectCode(*Module, Variant);
  }
  std::unique_ptr<MLIRContext> Context;
};

// Tests that an object exports one function, imports nothing and needs no
// library, on both architectures.
TEST_F(ObjectCodeTest, OneExportNoImports) {
  for (const char *Cpu : {"x86-64-v3", "x86-64-v4", "aarch64"}) {
    auto Bytes = compile(Cpu);
    ASSERT_TRUE(bool(Bytes)) << llvm::toString(Bytes.takeError());
    auto Object =
        llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(
            llvm::StringRef(Bytes->data(), Bytes->size()), "object"));
    ASSERT_TRUE(bool(Object));
    auto *Elf = llvm::cast<llvm::object::ELFObjectFileBase>(Object->get());
    EXPECT_EQ(Elf->getEMachine(), llvm::StringRef(Cpu) == "aarch64"
                                      ? llvm::ELF::EM_AARCH64
                                      : llvm::ELF::EM_X86_64);
    unsigned Count = 0;
    for (const auto &Symbol : Elf->getDynamicSymbolIterators()) {
      EXPECT_EQ(llvm::cantFail(Symbol.getName()), "dure_cpu_library");
      ++Count;
    }
    EXPECT_EQ(Count, 1u);
    auto &File = llvm::cast<llvm::object::ELF64LEObjectFile>(*Elf).getELFFile();
    for (const auto &Entry : llvm::cantFail(File.dynamicEntries())) {
      EXPECT_NE(Entry.getTag(), llvm::ELF::DT_NEEDED);
      EXPECT_NE(Entry.getTag(), llvm::ELF::DT_INIT_ARRAY);
      EXPECT_NE(Entry.getTag(), llvm::ELF::DT_TEXTREL);
    }
  }
}

// Tests that the same input gives the same bytes.
TEST_F(ObjectCodeTest, Deterministic) {
  auto First = compile("x86-64-v4");
  auto Second = compile("x86-64-v4");
  ASSERT_TRUE(First && Second);
  EXPECT_EQ(*First, *Second);
}

// Tests that a call of a function that is not there is an error by name.
TEST_F(ObjectCodeTest, ImportIsAnError) {
  CpuVariant Variant = llvm::cantFail(resolveCpuVariants("x86-64-v3")).front();
  OwningOpRef<ModuleOp> Module =
      ModuleOp::create(UnknownLoc::get(Context.get()));
  KernelBuilder B(UnknownLoc::get(Context.get()), Variant, Context.get());
  B.setInsertionPointToStart(Module->getBody());
  auto Missing =
      func::FuncOp::create(B, "cblas_sgemm", B.getFunctionType({}, {}));
  Missing.setPrivate();
  emitEntry(*Module, B, "f", 0, [&](KernelFrame &) { B.call(Missing, {}); });
  auto Bytes = emitObjectCode(*Module, Variant);
  ASSERT_FALSE(bool(Bytes));
  std::string Message = llvm::toString(Bytes.takeError());
  EXPECT_NE(Message.find("cblas_sgemm"), std::string::npos) << Message;
}

} // namespace
