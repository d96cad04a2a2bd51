// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the ONNX importer: every file gives a module that verifies, or reasons
// why not.
#include "dialects/dure/DureOps.h"
#include "frontends/onnx/Importer.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  // The importer maps a file by its path: one that exists in memory alone.
  int Fd = memfd_create("fuzz", 0);
  if (Fd < 0 || write(Fd, Data, Size) != static_cast<ssize_t>(Size))
    std::abort();
  mlir::MLIRContext Context(mlir::MLIRContext::Threading::DISABLED);
  dure::onnx::ImportOptions Options;
  Options.MaxInlinedNodes = 10'000;
  dure::onnx::ImportResult Result = dure::onnx::importOnnx(
      "/proc/self/fd/" + std::to_string(Fd), Context, Options);
  close(Fd);
  if (!Result.Module != !Result.Refusals.empty())
    std::abort();
  for (const dure::onnx::Refusal &R : Result.Refusals)
    toString(R, dure::onnx::Language::Korean);
  if (Result.Module && failed(mlir::verify(*Result.Module)))
    std::abort();
  return 0;
}
