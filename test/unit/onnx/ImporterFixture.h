// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What tests of the ONNX importer share: a folder for their files, and what
// became of them.
#ifndef DURE_TEST_UNIT_ONNX_IMPORTERFIXTURE_H
#define DURE_TEST_UNIT_ONNX_IMPORTERFIXTURE_H

#include "dialects/dure/DureOps.h"
#include "frontends/onnx/Importer.h"
#include "test/unit/onnx/Protos.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace dure::onnx::test {

/// Element types as ONNX numbers them.
inline constexpr int Float = 1, UInt8 = 2, Int8 = 3, Int32 = 6, Int64 = 7,
                     String = 8, Bool = 9;

class OnnxImporter : public ::testing::Test {
protected:
  OnnxImporter() {
    Folder = std::filesystem::temp_directory_path() /
             ("dure-importer-" + std::to_string(::getpid()));
    std::filesystem::create_directories(Folder);
  }
  ~OnnxImporter() override { std::filesystem::remove_all(Folder); }

  ImportResult import(const std::string &Bytes,
                      const ImportOptions &Options = {}) {
    std::string Path = (Folder / "m.onnx").string();
    std::ofstream(Path, std::ios::binary) << Bytes;
    return importOnnx(Path, Context, Options);
  }

  /// The module as text; the test fails when there are refusals.
  std::string textOf(const std::string &Bytes,
                     const ImportOptions &Options = {}) {
    ImportResult Result = import(Bytes, Options);
    for (const Refusal &R : Result.Refusals)
      ADD_FAILURE() << toString(R);
    if (!Result.Module)
      return "";
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*Result.Module)));
    std::string Text;
    llvm::raw_string_ostream Stream(Text);
    Result.Module->print(Stream);
    return Text;
  }

  /// The codes of all refusals, joined by spaces.
  std::string codesOf(const std::string &Bytes,
                      const ImportOptions &Options = {}) {
    std::string Codes;
    ImportResult Result = import(Bytes, Options);
    EXPECT_EQ(!Result.Module, !Result.Refusals.empty());
    if (Result.Module)
      EXPECT_TRUE(mlir::succeeded(mlir::verify(*Result.Module)));
    for (const Refusal &R : Result.Refusals)
      Codes += (Codes.empty() ? "" : " ") + std::string(codeName(R.Code));
    return Codes;
  }

  mlir::MLIRContext Context{mlir::MLIRContext::Threading::DISABLED};
  std::filesystem::path Folder;
};

#define EXPECT_HAS(TEXT, PART)                                                 \
  EXPECT_NE((TEXT).find(PART), std::string::npos) << (TEXT)
#define EXPECT_LACKS(TEXT, PART)                                               \
  EXPECT_EQ((TEXT).find(PART), std::string::npos) << (TEXT)

/// One node from inputs to the output y (of rank 1; types are inferred).
inline std::string one(const std::string &Node, std::vector<std::string> Inputs,
                       int Type = Float,
                       std::vector<std::string> Initializers = {},
                       int64_t Opset = 20) {
  GraphParts G;
  G.Nodes = {Node};
  G.Inputs = std::move(Inputs);
  G.Initializers = std::move(Initializers);
  G.Outputs = {value("y", Type, {})};
  return model(graph(G), Opset);
}

} // namespace dure::onnx::test

#endif // DURE_TEST_UNIT_ONNX_IMPORTERFIXTURE_H
