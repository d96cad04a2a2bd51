// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-opt: mlir-opt with the dialects and passes of Dure.

#include "compiler/IrText.h"
#include "compiler/passes/Passes.h"
#include "dialects/dure/DureOps.h"
#include "dialects/dure/Lowering/Lowering.h"
#include "dialects/tcp/TcpOps.h"
#include "tools/io/CutOff.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

/// What MLIR's own main does with a file, but for how the file is read: into
/// memory at once, so that the text which was looked at is the one that is
/// parsed.
static llvm::LogicalResult runOnFile(llvm::StringRef Input,
                                     llvm::StringRef Output,
                                     mlir::DialectRegistry &Registry) {
  auto Text = dure::readIrText(Input);
  if (!Text) {
    llvm::errs() << "error: " << llvm::toString(Text.takeError()) << "\n";
    return llvm::failure();
  }
  std::string Error;
  std::unique_ptr<llvm::ToolOutputFile> File =
      mlir::openOutputFile(Output, &Error);
  if (!File) {
    llvm::errs() << Error << "\n";
    return llvm::failure();
  }
  if (failed(mlir::MlirOptMain(File->os(), std::move(*Text), Registry,
                               mlir::MlirOptMainConfig::createFromCLOptions())))
    return llvm::failure();
  // What was written in case of a failure is removed again.
  File->keep();
  return llvm::success();
}

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  dure::registerLoweringPasses();
  dure::registerCompilerPasses();
  dure::registerCompilerPipelines();

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<dure::DureDialect, dure::tcp::TcpDialect>();
  auto [Input, Output] = mlir::registerAndParseCLIOptions(
      argc, argv, "Dure optimizer driver\n", registry);
  const auto Config = mlir::MlirOptMainConfig::createFromCLOptions();
  // What comes through a pipe is the user's own; files come from anywhere.
  if (Input == "-" || Config.shouldShowDialects() || Config.shouldListPasses())
    return mlir::asMainReturnCode(
        mlir::MlirOptMain(argc, argv, Input, Output, registry));
  llvm::InitLLVM Start(argc, argv);
  // After LLVM's handlers, which print a stack for whatever else goes wrong.
  dure::io::endWhenFileIsCutOff("error: ", " was cut off while it was read");
  return mlir::asMainReturnCode(runOnFile(Input, Output, registry));
}
