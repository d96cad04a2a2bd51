// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels in upstream dialects to LLVM IR, to an object, to a shared object.

#include "targets/cpu/compiler/ObjectCode.h"

#include "targets/cpu/abi/CpuLibrary.h"
#include "targets/cpu/compiler/LowerToLLVM.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;
using mlir::ModuleOp;

namespace dure::cpu {
namespace {

/// What LLVM may call on its own account. noinline and no-builtins keep a body
/// from being turned into a call of itself.
constexpr StringLiteral kMemoryFunctions = R"(
define hidden ptr @memcpy(ptr noalias %to, ptr noalias %from, i64 %size) #0 {
entry:
  %any = icmp ne i64 %size, 0
  br i1 %any, label %loop, label %done
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %source = getelementptr i8, ptr %from, i64 %i
  %target = getelementptr i8, ptr %to, i64 %i
  %byte = load i8, ptr %source
  store i8 %byte, ptr %target
  %next = add nuw i64 %i, 1
  %more = icmp ult i64 %next, %size
  br i1 %more, label %loop, label %done
done:
  ret ptr %to
}
define hidden ptr @memmove(ptr %to, ptr %from, i64 %size) #0 {
entry:
  %forward = icmp ult ptr %to, %from
  %any = icmp ne i64 %size, 0
  br i1 %any, label %begin, label %done
begin:
  br i1 %forward, label %up, label %down
up:
  %i = phi i64 [ 0, %begin ], [ %up.next, %up ]
  %up.source = getelementptr i8, ptr %from, i64 %i
  %up.target = getelementptr i8, ptr %to, i64 %i
  %up.byte = load i8, ptr %up.source
  store i8 %up.byte, ptr %up.target
  %up.next = add nuw i64 %i, 1
  %up.more = icmp ult i64 %up.next, %size
  br i1 %up.more, label %up, label %done
down:
  %left = phi i64 [ %size, %begin ], [ %down.at, %down ]
  %down.at = sub i64 %left, 1
  %down.source = getelementptr i8, ptr %from, i64 %down.at
  %down.target = getelementptr i8, ptr %to, i64 %down.at
  %down.byte = load i8, ptr %down.source
  store i8 %down.byte, ptr %down.target
  %down.more = icmp ne i64 %down.at, 0
  br i1 %down.more, label %down, label %done
done:
  ret ptr %to
}
define hidden ptr @memset(ptr %to, i32 %value, i64 %size) #0 {
entry:
  %byte = trunc i32 %value to i8
  %any = icmp ne i64 %size, 0
  br i1 %any, label %loop, label %done
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %target = getelementptr i8, ptr %to, i64 %i
  store i8 %byte, ptr %target
  %next = add nuw i64 %i, 1
  %more = icmp ult i64 %next, %size
  br i1 %more, label %loop, label %done
done:
  ret ptr %to
}
attributes #0 = { noinline nounwind "no-builtins" }
)";

struct Entry {
  std::string name;
  int64_t scratchBytes;
};

/// The entries in the order of the module, read before the attributes go.
SmallVector<Entry> collectEntries(ModuleOp module) {
  SmallVector<Entry> entries;
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (!function->hasAttr(kKernelAttr))
      continue;
    auto scratch =
        function->getAttrOfType<mlir::IntegerAttr>(kScratchBytesAttr);
    entries.push_back(
        {function.getName().str(), scratch ? scratch.getInt() : 0});
  }
  return entries;
}

Error saveTemp(const ObjectCodeOptions &options, StringRef suffix,
               function_ref<void(raw_ostream &)> print) {
  if (options.saveTempsPrefix.empty())
    return Error::success();
  std::string path = options.saveTempsPrefix + suffix.str();
  std::error_code code;
  raw_fd_ostream stream(path, code);
  if (code)
    return createStringError("cannot write " + path + ": " + code.message());
  print(stream);
  return Error::success();
}

/// Runs the MLIR pipeline; diagnostics become the error's text.
Error lowerToLLVMDialect(ModuleOp module) {
  std::string messages;
  raw_string_ostream stream(messages);
  mlir::ScopedDiagnosticHandler handler(
      module.getContext(), [&](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          stream << diagnostic.getLocation() << ": " << diagnostic << "; ";
        return mlir::success();
      });
  mlir::PassManager pm(module.getContext(), ModuleOp::getOperationName());
  buildLowerToLLVMPipeline(pm);
  if (failed(pm.run(module)))
    return createStringError("lowering CPU kernels to LLVM failed: " +
                             messages);
  return Error::success();
}

Error addMemoryFunctions(llvm::Module &module) {
  SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> library =
      parseAssemblyString(kMemoryFunctions, diagnostic, module.getContext());
  if (!library)
    return createStringError("memory functions do not parse: " +
                             diagnostic.getMessage());
  library->setDataLayout(module.getDataLayout());
  library->setTargetTriple(module.getTargetTriple());
  if (Linker::linkModules(module, std::move(library)))
    return createStringError("memory functions do not link");
  return Error::success();
}

/// Sets what every function of the variant has in common.
void setFunctionAttributes(llvm::Module &module, const CpuVariant &variant,
                           ArrayRef<Entry> entries) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", variant.cpu);
    if (!variant.tuneCpu.empty())
      function.addFnAttr("tune-cpu", variant.tuneCpu);
    if (!variant.features.empty())
      function.addFnAttr("target-features", variant.features);
    if (variant.isX86())
      function.addFnAttr("prefer-vector-width",
                         std::to_string(variant.vectorBits));
    function.addFnAttr(Attribute::NoUnwind);
    if (!function.hasHiddenVisibility())
      function.setLinkage(GlobalValue::InternalLinkage);
  }
  // Bindings of one dispatch do not overlap, but neither they nor scratch are
  // marked noalias: only what they point to is disjoint.
  for (const Entry &entry : entries) {
    Function *function = module.getFunction(entry.name);
    for (unsigned argument : {0u, 1u}) {
      function->addParamAttr(argument, Attribute::ReadOnly);
      function->addParamAttr(argument, Attribute::NoAlias);
    }
  }
}

/// Lets products fuse with the sums that read them, and nothing else: on two
/// roundings in a row (f64 to f32 to f16) the flag makes one of them, with
/// other results and with a library function where the processor has no such
/// instruction.
void allowContraction(llvm::Module &module) {
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (Instruction &instruction : block)
        switch (instruction.getOpcode()) {
        case Instruction::FAdd:
        case Instruction::FSub:
        case Instruction::FMul:
        case Instruction::FNeg:
          instruction.setHasAllowContract(true);
          break;
        default:
          break;
        }
}

/// Adds the table of entries and `dure_cpu_library`, which returns it.
void addLibraryTable(llvm::Module &module, ArrayRef<Entry> entries) {
  LLVMContext &context = module.getContext();
  Type *i32 = Type::getInt32Ty(context), *i64 = Type::getInt64Ty(context);
  PointerType *pointer = PointerType::getUnqual(context);
  StructType *entryType = StructType::get(context, {pointer, pointer, i64});
  SmallVector<Constant *> rows;
  for (const Entry &entry : entries) {
    Constant *text = ConstantDataArray::getString(context, entry.name);
    auto *name = new GlobalVariable(module, text->getType(), true,
                                    GlobalValue::PrivateLinkage, text);
    rows.push_back(ConstantStruct::get(
        entryType, {name, module.getFunction(entry.name),
                    ConstantInt::get(i64, entry.scratchBytes)}));
  }
  ArrayType *rowsType = ArrayType::get(entryType, rows.size());
  auto *table =
      new GlobalVariable(module, rowsType, true, GlobalValue::PrivateLinkage,
                         ConstantArray::get(rowsType, rows));
  StructType *libraryType =
      StructType::get(context, {i64, i32, i32, i64, pointer});
  const DataLayout &layout = module.getDataLayout();
  Constant *library = ConstantStruct::get(
      libraryType,
      {ConstantInt::get(i64, layout.getTypeAllocSize(libraryType)),
       ConstantInt::get(i32, DURE_CPU_LIBRARY_VERSION),
       ConstantInt::get(i32, entries.size()),
       ConstantInt::get(i64, layout.getTypeAllocSize(entryType)), table});
  auto *global = new GlobalVariable(module, libraryType, true,
                                    GlobalValue::PrivateLinkage, library);
  Function *query = Function::Create(FunctionType::get(pointer, false),
                                     GlobalValue::ExternalLinkage,
                                     "dure_cpu_library", module);
  IRBuilder<> builder(BasicBlock::Create(context, "", query));
  builder.CreateRet(global);
}

void optimize(llvm::Module &module, TargetMachine &machine,
              const ObjectCodeOptions &options) {
  if (options.optimizationLevel == 0)
    return;
  unsigned level = std::min(options.optimizationLevel, 3u);
  // What is left of a cancelled optimization is skipped: LLVM has no other way
  // to be stopped.
  PassInstrumentationCallbacks callbacks;
  callbacks.registerShouldRunOptionalPassCallback([&](StringRef, Any) {
    return !options.cancelled || !options.cancelled();
  });
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = level > 1;
  tuning.SLPVectorization = level > 1;
  PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  OptimizationLevel levels[] = {OptimizationLevel::O1, OptimizationLevel::O2,
                                OptimizationLevel::O3};
  builder.buildPerModuleDefaultPipeline(levels[level - 1]).run(module, modules);
}

Expected<SmallVector<char, 0>>
emitFile(llvm::Module &module, TargetMachine &machine, CodeGenFileType type) {
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream(bytes);
  legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return createStringError("LLVM cannot emit objects for " +
                             machine.getTargetTriple().str());
  passes.run(module);
  return bytes;
}

/// LLVM's own diagnostics (inline assembly, unsupported operations) are
/// collected instead of printed and exiting.
struct DiagnosticCollector : DiagnosticHandler {
  explicit DiagnosticCollector(std::string &messages) : messages(messages) {}
  bool handleDiagnostics(const DiagnosticInfo &info) override {
    if (info.getSeverity() != DS_Error)
      return true;
    raw_string_ostream stream(messages);
    DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    stream << "; ";
    return true;
  }
  std::string &messages;
};

/// An error when the user has cancelled.
Error checkCancelled(const ObjectCodeOptions &options) {
  if (options.cancelled && options.cancelled())
    return createStringError("cancelled");
  return Error::success();
}

/// Turns the LLVM dialect module into an optimized LLVM module.
Expected<std::unique_ptr<llvm::Module>>
makeLLVMModule(ModuleOp module, LLVMContext &context, TargetMachine &machine,
               const CpuVariant &variant, ArrayRef<Entry> entries,
               const ObjectCodeOptions &options) {
  std::unique_ptr<llvm::Module> result =
      mlir::translateModuleToLLVMIR(module, context, "dure_cpu_code");
  if (!result)
    return createStringError("translating CPU kernels to LLVM IR failed");
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  result->setPICLevel(PICLevel::BigPIC);
  if (Error error = addMemoryFunctions(*result))
    return error;
  setFunctionAttributes(*result, variant, entries);
  if (options.allowContraction)
    allowContraction(*result);
  addLibraryTable(*result, entries);
  std::string messages;
  raw_string_ostream stream(messages);
  if (verifyModule(*result, &stream))
    return createStringError("CPU code is not valid LLVM IR: " + messages);
  if (Error error = saveTemp(options, ".unoptimized.ll",
                             [&](raw_ostream &os) { os << *result; }))
    return error;
  optimize(*result, machine, options);
  if (Error error =
          saveTemp(options, ".ll", [&](raw_ostream &os) { os << *result; }))
    return error;
  return result;
}

} // namespace

void registerObjectCodeDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::affine::AffineDialect, mlir::arith::ArithDialect,
                  mlir::cf::ControlFlowDialect, mlir::func::FuncDialect,
                  mlir::index::IndexDialect, mlir::LLVM::LLVMDialect,
                  mlir::math::MathDialect, mlir::memref::MemRefDialect,
                  mlir::scf::SCFDialect, mlir::ub::UBDialect,
                  mlir::vector::VectorDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

Expected<SmallVector<char, 0>>
emitObjectCode(ModuleOp module, const CpuVariant &variant,
               const ObjectCodeOptions &options) {
  auto machine = createTargetMachine(variant);
  if (!machine)
    return machine.takeError();
  SmallVector<Entry> entries = collectEntries(module);
  if (Error error = lowerToLLVMDialect(module))
    return error;
  if (Error error = saveTemp(options, ".llvm.mlir",
                             [&](raw_ostream &os) { module.print(os); }))
    return error;

  if (Error error = checkCancelled(options))
    return error;

  LLVMContext context;
  std::string messages;
  context.setDiagnosticHandler(std::make_unique<DiagnosticCollector>(messages));
  auto code =
      makeLLVMModule(module, context, **machine, variant, entries, options);
  if (!code)
    return code.takeError();
  if (!options.saveTempsPrefix.empty()) {
    std::unique_ptr<llvm::Module> copy = CloneModule(**code);
    auto text = emitFile(*copy, **machine, CodeGenFileType::AssemblyFile);
    if (!text)
      return text.takeError();
    if (Error error = saveTemp(options, ".s", [&](raw_ostream &os) {
          os.write(text->data(), text->size());
        }))
      return error;
  }
  if (Error error = checkCancelled(options))
    return error;
  auto object = emitFile(**code, **machine, CodeGenFileType::ObjectFile);
  if (!object)
    return object.takeError();
  if (Error error = saveTemp(options, ".o", [&](raw_ostream &os) {
        os.write(object->data(), object->size());
      }))
    return error;
  if (Error error = checkCancelled(options))
    return error;
  if (!messages.empty())
    return createStringError("generating CPU code failed: " + messages);
  return linkSharedObject(*object);
}

} // namespace dure::cpu
