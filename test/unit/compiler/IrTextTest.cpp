// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of what text is given to MLIR's parser.
#include "compiler/IrText.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dure;

namespace {

std::string repeated(std::string_view Part, size_t Count) {
  std::string Text;
  for (size_t I = 0; I != Count; ++I)
    Text += Part;
  return Text;
}

std::string problem(const std::string &Text) {
  return problemOfIrText("a.mlir", Text);
}

// Tests that text as people and passes write it is let through.
TEST(IrText, OrdinaryTextIsRead) {
  EXPECT_EQ(problem(""), "");
  EXPECT_EQ(
      problem("module {\n\tfunc.func @f() -> i64 { // 두레 (\n  }\r\n}\n"), "");
  EXPECT_EQ(problem(repeated("%0 = \"a\"() : () -> (i1)\n", 1000)), "");
  EXPECT_EQ(problem(repeated("(", 500) + repeated(")", 500)), "");
  EXPECT_EQ(problem(repeated("// ((((\n", 1000)), "");
  EXPECT_EQ(
      problem("\"" + repeated("(", 1000) + "\\\"" + repeated("[", 1000) + "\""),
      "");
}

// Tests that brackets that nest too deeply are named by line and column, and
// that arrows and comparisons open nothing.
TEST(IrText, NestingIsBounded) {
  EXPECT_EQ(problem("x\n " + repeated("(", 501)),
            "a.mlir:2:502: this text is not read: it nests too deeply");
  EXPECT_NE(problem(repeated("tensor<", 501)), "");
  EXPECT_NE(problem(repeated("({[<", 126)), "");
  EXPECT_EQ(problem(repeated("a -> ", 1000)), "");
  EXPECT_EQ(problem(repeated("(d0 < 4) ", 1000)), "");
}

// Tests that operators in a row are bounded, and that commas part the rows.
TEST(IrText, RowsOfOperatorsAreBounded) {
  EXPECT_EQ(problem(repeated("1 + ", 500)), "");
  EXPECT_EQ(problem(repeated("1 + ", 501)),
            "a.mlir:1:2003: this text is not read: too many operators follow "
            "each other");
  EXPECT_NE(problem(repeated("-", 501)), "");
  EXPECT_NE(problem(repeated("d0 floordiv ", 501)), "");
  EXPECT_NE(problem(repeated("d0 mod ", 501)), "");
  EXPECT_EQ(problem(repeated("d0 + 1, ", 2000)), "");
}

/// Aliases of which each holds the one before twice.
std::string doubling(size_t Count, std::string_view Between = "") {
  std::string Text = "!t0 = i1\n";
  for (size_t I = 1; I <= Count; ++I) {
    const std::string Last = "!t" + std::to_string(I - 1);
    Text += "!t" + std::to_string(I) + " = tuple<" + Last + ", " + Last +
            ">\n" + std::string(Between);
  }
  return Text;
}

// Tests that an alias which doubles again and again is refused before anybody
// writes it out.
TEST(IrText, AliasesAreBoundedAsWrittenOut) {
  EXPECT_EQ(problem(doubling(10)), "");
  EXPECT_NE(problem(doubling(40))
                .find("an alias is too large when it is "
                      "written out"),
            std::string::npos);
  EXPECT_NE(problem(doubling(40, "// a comment between\n")), "");
}

// Tests that an alias ends where an operation begins: what operations use is
// not counted as if it were the alias's own.
TEST(IrText, AnAliasEndsWhereAnOperationBegins) {
  for (const char *Begin :
       {"%0 = ", "\"test.op\"", "^bb: ", "@f ", "func.func @f", "module "}) {
    const std::string Line = std::string(Begin) + "(!t10, !t10)\n";
    EXPECT_EQ(problem(doubling(10) + repeated(Line, 2000)), "") << Begin;
  }
  // A value may go on in the next line.
  EXPECT_NE(problem(doubling(10) + "!u = tuple<\n" +
                    repeated("  !t10,\n", 2000) + ">\n"),
            "");
  EXPECT_NE(problem("#a0 = 1\n#a1 =\n  [" + repeated("#a0, ", 2'000'000)), "");
}

// Tests that bytes which a terminal would obey are refused with their place.
TEST(IrText, OddBytesAreRefused) {
  EXPECT_EQ(problem("module {\n  \x1b[2J}\n"),
            "a.mlir:2:3: this text is not read: it holds a control character");
  EXPECT_NE(problem(std::string("a\0b", 3)), "");
  EXPECT_NE(problem("a\x7f"), "");
  EXPECT_EQ(problem("ab\xff"),
            "a.mlir:1:3: this text is not read: it is not valid UTF-8");
}

// Tests that only regular files are read, whole.
TEST(IrText, FilesAreReadWhole) {
  namespace fs = std::filesystem;
  const fs::path Folder =
      fs::temp_directory_path() / ("dure-ir-" + std::to_string(::getpid()));
  fs::create_directories(Folder);
  std::ofstream(Folder / "good.mlir") << "module {}\n";
  std::ofstream(Folder / "bad.mlir") << "module {\x01}\n";
  ASSERT_EQ(::mkfifo((Folder / "fifo").c_str(), 0600), 0);
  auto Good = readIrText((Folder / "good.mlir").string());
  ASSERT_TRUE(bool(Good)) << llvm::toString(Good.takeError());
  EXPECT_EQ((*Good)->getBuffer(), "module {}\n");
  for (const char *Name : {"bad.mlir", "fifo", "missing", "."}) {
    auto Bad = readIrText((Folder / Name).string());
    ASSERT_FALSE(bool(Bad)) << Name;
    EXPECT_NE(llvm::toString(Bad.takeError()).find(Name), std::string::npos);
  }
  fs::remove_all(Folder);
}

} // namespace
