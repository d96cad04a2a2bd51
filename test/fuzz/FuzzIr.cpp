// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes text of IR on the way that it takes through dure-opt and --start-from:
// what is looked at and let through must be parsed, verified and printed, or
// refused with a diagnostic, without harm.
//
// MLIR itself is not compiled with coverage. The dialects are those of Dure's
// IR between phases; the rest of what dure-opt knows has authors of its own.
#include "compiler/IrText.h"
#include "dialects/dure/DureOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  const std::string Text(reinterpret_cast<const char *>(Data), Size);
  if (!dure::problemOfIrText("fuzz.mlir", Text).empty())
    return 0;
  mlir::DialectRegistry Registry;
  Registry.insert<dure::DureDialect, mlir::func::FuncDialect,
                  mlir::arith::ArithDialect>();
  mlir::MLIRContext Context(Registry, mlir::MLIRContext::Threading::DISABLED);
  std::string Said;
  mlir::ScopedDiagnosticHandler Handler(&Context, [&](mlir::Diagnostic &D) {
    Said += D.str();
    return mlir::success();
  });
  mlir::OwningOpRef<mlir::ModuleOp> Module =
      mlir::parseSourceString<mlir::ModuleOp>(Text, &Context);
  if (!Module) {
    if (Said.empty())
      std::abort();
    return 0;
  }
  if (failed(mlir::verify(*Module)))
    std::abort(); // the parser verifies
  llvm::raw_null_ostream Nowhere;
  Module->print(Nowhere);
  return 0;
}
