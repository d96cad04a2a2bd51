// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-lsp-server: mlir-lsp-server with the dialects of Dure.

#include "dialects/dure/DureOps.h"
#include "dialects/tcp/TcpOps.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<dure::DureDialect, dure::tcp::TcpDialect>();
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
