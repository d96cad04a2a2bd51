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

/// Asks for kernels as text, with no output.
struct Texts {
  Texts(const char *Emit, const char *Oracle) {
    const char *Target = "rngd";
    dure_compiler_model Model = {};
    Model.struct_size = sizeof(Model);
    Model.path = DURE_SOURCE_DIR "/test/targets/rngd/tcl.mlir";
    Model.targets = &Target;
    Model.target_count = 1;
    dure_compiler_compile_request Request = {};
    Request.struct_size = sizeof(Request);
    Request.model = &Model;
    Request.start_from = "specialize";
    Request.emit = Emit;
    Request.oracle = Oracle;
    Api = dure_compiler_query(DURE_COMPILER_VERSION);
    Result = Api->compile(&Request);
  }
  ~Texts() { Api->release(Result); }

  const dure_compiler_api *Api;
  const dure_compiler_result *Result;
};

// Tests that kernels' texts are part of the result, each with what there is of
// it, and that cycles are counted for an oracle only.
TEST(CompilerApi, KernelsAsText) {
  Texts Run("tcl", nullptr);
  ASSERT_EQ(Run.Result->status, DURE_COMPILER_OK) << Run.Result->message;
  EXPECT_EQ(Run.Result->oracle, nullptr);
  size_t Written = 0, Refused = 0;
  for (size_t I = 0; I != Run.Result->kernel_count; ++I) {
    const dure_compiler_kernel &K = Run.Result->kernels[I];
    EXPECT_EQ(K.struct_size, sizeof(K));
    EXPECT_EQ(K.cycles, -1) << K.name;
    EXPECT_NE(std::string(K.text).empty(), std::string(K.code).empty())
        << K.name;
    ++(*K.text ? Written : Refused);
  }
  EXPECT_EQ(Written, 11u);
  EXPECT_EQ(Refused, 1u);
}

// Tests that an oracle comes with how it is called, and that the target's own
// kernels are counted, the host's not.
TEST(CompilerApi, KernelsForAnOracle) {
  Texts Run(nullptr, "furiosa-tcc");
  ASSERT_EQ(Run.Result->status, DURE_COMPILER_OK) << Run.Result->message;
  ASSERT_NE(Run.Result->oracle, nullptr);
  EXPECT_STREQ(Run.Result->oracle->variable, "DURE_FURIOSA_TCC");
  EXPECT_STREQ(Run.Result->oracle->extension, ".tc");
  EXPECT_GT(Run.Result->oracle->argument_count, 0u);
  for (size_t I = 0; I != Run.Result->kernel_count; ++I) {
    const dure_compiler_kernel &K = Run.Result->kernels[I];
    EXPECT_EQ(K.cycles > 0, std::string(K.target) == "rngd") << K.name;
  }
}

// Tests that a request for both makes no sense.
TEST(CompilerApi, EmitOrOracle) {
  Texts Run("tcl", "furiosa-tcc");
  EXPECT_EQ(Run.Result->status, DURE_COMPILER_INVALID_REQUEST);
  EXPECT_EQ(Run.Result->kernel_count, 0u);
}

} // namespace
