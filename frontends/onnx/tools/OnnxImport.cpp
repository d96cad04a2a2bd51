// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// onnx-import FILE.onnx: prints the imported module, or every refusal.
//
// For tests of the importer; users have `dure compile --stop-after=import`.

#include "dialects/dure/DureOps.h"
#include "frontends/onnx/Importer.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static cl::opt<std::string> Input(cl::Positional, cl::Required,
                                  cl::desc("FILE.onnx"));
static cl::opt<bool> Korean("korean", cl::desc("Print refusals in Korean"));
static cl::opt<bool> Locations("locations", cl::desc("Print locations"));
static cl::opt<bool> AllowLinks("allow-links",
                                cl::desc("Follow links to external data"));
static cl::opt<bool> Table("list-ops", cl::desc("Print the operators instead"));

static int printTable() {
  for (const dure::onnx::SupportedOp &Op : dure::onnx::supportedOps()) {
    outs() << (Op.Domain.empty() ? "ai.onnx" : Op.Domain) << " " << Op.Name;
    for (int64_t Since : Op.Since)
      outs() << " " << Since;
    outs() << "\n";
  }
  return 0;
}

int main(int Argc, char **Argv) {
  cl::ParseCommandLineOptions(Argc, Argv, "ONNX importer\n");
  if (Table)
    return printTable();
  mlir::DialectRegistry Registry;
  Registry.insert<dure::DureDialect>();
  mlir::MLIRContext Context(Registry, mlir::MLIRContext::Threading::DISABLED);
  dure::onnx::ImportOptions Options;
  Options.Links.AllowLinks = AllowLinks;
  dure::onnx::ImportResult Result =
      dure::onnx::importOnnx(Input, Context, Options);
  for (const dure::onnx::Refusal &R : Result.Refusals)
    errs() << toString(R, Korean ? dure::onnx::Language::Korean
                                 : dure::onnx::Language::English)
           << "\n";
  if (!Result.Module)
    return 1;
  mlir::OpPrintingFlags Flags;
  if (Locations)
    Flags.enableDebugInfo(true, true);
  Result.Module->print(outs(), Flags);
  outs() << "\n";
  return mlir::failed(mlir::verify(*Result.Module));
}
