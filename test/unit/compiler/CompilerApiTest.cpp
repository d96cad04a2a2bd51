// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the compiler's C entry that the command line cannot make.
#include "dure/compiler.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

/// Compiles a small module and cancels as soon as phase PHASE begins.
struct Cancelled {
  explicit Cancelled(const char *Phase) : Phase(Phase) {
    Folder = fs::temp_directory_path() /
             ("dure-cancel-" + std::to_string(getpid()) + "-" + Phase);
    fs::create_directories(Folder);
    std::string Output = Folder / "out.dure";
    dure_compiler_model Model = {};
    Model.struct_size = sizeof(Model);
    Model.path = DURE_SOURCE_DIR "/test/compiler/Inputs/rope.mlir";
    dure_compiler_compile_request Request = {};
    Request.struct_size = sizeof(Request);
    Request.model = &Model;
    Request.output_path = Output.c_str();
    Request.start_from = "raise";
    Request.cancel = &Cancel;
    Request.user = this;
    Request.progress = [](void *User, const char *Now, double) {
      auto *Self = static_cast<Cancelled *>(User);
      if (Self->Phase == Now)
        Self->Cancel = 1;
    };
    const dure_compiler_api *Api = dure_compiler_query(DURE_COMPILER_VERSION);
    const dure_compiler_result *Result = Api->compile(&Request);
    Status = Result->status;
    Message = Result->message;
    LeftFile = fs::exists(Output);
    Api->release(Result);
    fs::remove_all(Folder);
  }

  std::string Phase;
  fs::path Folder;
  volatile int Cancel = 0;
  dure_compiler_status Status;
  std::string Message;
  bool LeftFile;
};

// Tests that a module compiles when nobody cancels.
TEST(CompilerApi, NotCancelled) {
  Cancelled Run("no phase of this name");
  EXPECT_EQ(Run.Status, DURE_COMPILER_OK) << Run.Message;
  EXPECT_TRUE(Run.LeftFile);
}

// Tests that code generation, which takes longest, is given up between kernels
// rather than at its end, and leaves no file.
TEST(CompilerApi, CancelledInCodeGeneration) {
  Cancelled Run("lower");
  EXPECT_EQ(Run.Status, DURE_COMPILER_CANCELLED);
  EXPECT_EQ(Run.Message, "cancelled during phase lower");
  EXPECT_FALSE(Run.LeftFile);
}

// Tests that no further phase begins once the user has cancelled.
TEST(CompilerApi, CancelledBeforeSpecialization) {
  Cancelled Run("raise");
  EXPECT_EQ(Run.Status, DURE_COMPILER_CANCELLED);
  EXPECT_EQ(Run.Message, "cancelled during phase specialize");
  EXPECT_FALSE(Run.LeftFile);
}

} // namespace
