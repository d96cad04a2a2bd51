// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiling and loading of test kernels.
#include "CompiledKernel.h"

#include "dialects/dure/DureOps.h"
#include "targets/cpu/compiler/CpuVariant.h"
#include "targets/cpu/compiler/DispatchLowering.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/reference/compiler/ReferenceCodegen.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace dure;

/// Lowers the dispatch functions of `Source` into `Kernels`: as kernels of the
/// CPU target for `Machine`, which sets the number of workgroups, or, without
/// one, canonically.
static bool lower(ModuleOp Source, ModuleOp Kernels,
                  const cpu::CpuVariant *Machine, int64_t &Workgroups) {
  for (auto Function : Source.getOps<func::FuncOp>()) {
    if (!Machine) {
      if (failed(reference::lowerDispatch(Function, Kernels)))
        return false;
      continue;
    }
    auto Info = cpu::lowerDispatch(Function, Kernels, *Machine);
    if (failed(Info) || !Info->workgroups.constant())
      return false;
    Workgroups = *Info->workgroups.constant();
  }
  return true;
}

/// The shared object of the module's dispatch functions; empty on failure.
static SmallVector<char, 0> compile(const std::string &Text,
                                    const std::string &Variant,
                                    int64_t &Workgroups) {
  DialectRegistry Registry;
  reference::registerDialects(Registry);
  cpu::registerKernelDialects(Registry);
  MLIRContext Context(Registry, MLIRContext::Threading::DISABLED);
  Context.loadAllAvailableDialects();
  auto Source = parseSourceString<ModuleOp>(Text, &Context);
  if (!Source) {
    ADD_FAILURE() << "does not parse:\n" << Text;
    return {};
  }
  auto Machine = cpu::resolveCpuVariants(Variant.empty() ? "native" : Variant);
  if (!Machine) {
    ADD_FAILURE() << llvm::toString(Machine.takeError());
    return {};
  }
  OwningOpRef<ModuleOp> Kernels = ModuleOp::create(Source->getLoc());
  if (!lower(*Source, *Kernels, Variant.empty() ? nullptr : &Machine->front(),
             Workgroups)) {
    ADD_FAILURE() << "is not lowered:\n" << Text;
    return {};
  }
  cpu::ObjectCodeOptions Options;
  // As the targets do: the reference computes what is written, no more.
  if (Variant.empty()) {
    Options.allowContraction = false;
    Options.optimizationLevel = 1;
  }
  auto Bytes = cpu::emitObjectCode(*Kernels, Machine->front(), Options);
  if (!Bytes) {
    ADD_FAILURE() << llvm::toString(Bytes.takeError()) << "\n" << Text;
    return {};
  }
  return std::move(*Bytes);
}

test::CompiledKernel::CompiledKernel(const std::string &Text,
                                     const std::string &Variant) {
  SmallVector<char, 0> Bytes = compile(Text, Variant, Workgroups);
  int File = memfd_create("kernel", MFD_CLOEXEC);
  if (Bytes.empty() ||
      write(File, Bytes.data(), Bytes.size()) != ssize_t(Bytes.size()))
    return;
  // The file stays open: closed, the next library would get the same path, and
  // dlopen would return this one for it.
  std::string Path = "/proc/self/fd/" + std::to_string(File);
  Library = dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!Library) {
    ADD_FAILURE() << dlerror();
    return;
  }
  auto Query = reinterpret_cast<dure_cpu_library_fn>(
      dlsym(Library, DURE_CPU_LIBRARY_SYMBOL));
  Entry = Query()->entries;
}

test::CompiledKernel::~CompiledKernel() {
  if (Library)
    dlclose(Library);
}

int32_t test::CompiledKernel::run(std::vector<void *> Bindings,
                                  std::vector<int64_t> Constants) const {
  if (!Entry)
    return -1;
  std::vector<char> Scratch(Entry->scratch_bytes + DURE_CPU_ALIGNMENT);
  auto Address = reinterpret_cast<uintptr_t>(Scratch.data());
  Address = llvm::alignTo(Address, DURE_CPU_ALIGNMENT);
  int32_t Fault = 0;
  for (int64_t I = 0; I < Workgroups; ++I)
    Fault = std::max(Fault, Entry->function(Bindings.data(), Constants.data(),
                                            I, Workgroups,
                                            reinterpret_cast<void *>(Address)));
  return Fault;
}

std::string test::tensorType(const std::string &Short) {
  SmallVector<StringRef> Parts;
  StringRef(Short).split(Parts, 'x', -1, /*KeepEmpty=*/false);
  std::string Shape, Dims;
  bool Dynamic = false;
  for (StringRef Part : ArrayRef(Parts).drop_back()) {
    Part = Part.trim();
    bool IsStatic = !Part.empty() && isdigit(Part.front());
    Dynamic |= !IsStatic;
    Shape += (IsStatic ? Part : "?").str() + "x";
    Dims += (Dims.empty() ? "\"" : ", \"") + Part.str() + "\"";
  }
  Shape += Parts.back().trim();
  if (Dynamic)
    Shape += ", #dure.dims<[" + Dims + "]>";
  return "tensor<" + Shape + ">";
}

std::string test::dispatch(const std::string &Op,
                           const std::vector<std::string> &Operands,
                           const std::string &Attributes,
                           const std::string &Result,
                           const std::vector<std::string> &Symbols) {
  std::string Arguments, Names, Types, SymbolText;
  for (auto [I, Operand] : llvm::enumerate(Operands)) {
    std::string Separator = I ? ", " : "";
    std::string Name = "%a" + std::to_string(I);
    Names += Separator + Name;
    Types += Separator + tensorType(Operand);
    Arguments += Separator + Name + ": " + tensorType(Operand);
  }
  for (auto [I, Symbol] : llvm::enumerate(Symbols))
    SymbolText += (I ? ", \"" : "\"") + Symbol + "\"";
  std::string Out = tensorType(Result);
  // The generic form: it spells all ops alike.
  return "func.func private @kernel(" + Arguments + ") -> " + Out +
         " attributes {dure.dispatch_fn, dure.symbols = [" + SymbolText +
         "]} {\n  %r = \"dure." + Op + "\"(" + Names + ") " + "{" + Attributes +
         "} : (" + Types + ") -> " + Out + "\n  return %r : " + Out + "\n}\n";
}
