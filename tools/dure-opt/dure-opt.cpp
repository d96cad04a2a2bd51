// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-opt: mlir-opt with the dialects and passes of Dure.

#include "compiler/IrText.h"
#include "compiler/passes/Passes.h"
#include "dialects/dure/DureOps.h"
#include "dialects/dure/Lowering/Lowering.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  dure::registerLoweringPasses();
  dure::registerCompilerPasses();
  dure::registerCompilerPipelines();

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<dure::DureDialect>();
  auto [Input, Output] = mlir::registerAndParseCLIOptions(
      argc, argv, "Dure optimizer driver\n", registry);
  // What comes through a pipe is the user's own; files come from anywhere.
  if (Input != "-")
    if (auto Text = dure::readIrText(Input); !Text) {
      llvm::errs() << "error: " << llvm::toString(Text.takeError()) << "\n";
      return 1;
    }
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, Input, Output, registry));
}
