// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of contained reading and of whole-file writing.

#include "runtime/io/SafeFile.h"
#include "runtime/io/TemporaryFiles.h"
#include "test/unit/runtime/TestSupport.h"

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dure;
using namespace dure::test;
namespace fs = std::filesystem;

namespace {

/// Refusal that MAP meets, or Ok.
StatusCode refusal(const SafeFolder &Folder, const std::string &Name) {
  Result<MappedFile> File = Folder.map(Name);
  return File ? StatusCode::Ok : File.status().code();
}

/// Makes openat2 answer as on a kernel that lacks it, for this process and for
/// good. False when that cannot be arranged.
bool forgetOpenat2() {
  sock_filter Program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog Filter = {std::size(Program), Program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &Filter) == 0;
}

constexpr int CannotForget = 77;

/// The exit status of a child that runs CHECK without openat2: 0 when it is
/// true, CannotForget when the machine does not let it.
template <typename Fn> int withoutOpenat2(Fn &&Check) {
  pid_t Child = ::fork();
  if (Child == 0)
    ::_exit(!forgetOpenat2() ? CannotForget : Check() ? 0 : 1);
  int Status = 0;
  ::waitpid(Child, &Status, 0);
  return WIFEXITED(Status) ? WEXITSTATUS(Status) : -1;
}

} // namespace

// Tests that kernels without openat2 get the same answers.
TEST(SafeFile, TheFallbackRefusesTheSame) {
  TemporaryFolder T;
  fs::create_directories(T.path("model/sub"));
  fs::create_directories(T.path("elsewhere"));
  T.write("secret", "s");
  T.write("elsewhere/w.bin", "w");
  T.write("model/sub/b.bin", "b");
  fs::create_symlink(T.path("secret"), T.path("model/link"));
  fs::create_symlink(T.path("elsewhere"), T.path("model/dir"));
  fs::create_symlink("sub", T.path("model/inner"));
  fs::create_hard_link(T.path("secret"), T.path("model/hard"));
  Result<SafeFolder> Folder = SafeFolder::open(T.path("model"));
  ASSERT_TRUE(Folder.ok());
  std::vector<StatusCode> Expected;
  const char *const Names[] = {
      "sub/b.bin", "./sub//b.bin", "link",        "dir/w.bin",   "inner/b.bin",
      "hard",      "missing",      "sub/missing", "sub/b.bin/c", "sub"};
  for (const char *Name : Names)
    Expected.push_back(refusal(*Folder, Name));
  EXPECT_EQ(Expected[0], StatusCode::Ok);
  EXPECT_EQ(Expected[2], StatusCode::PermissionDenied);
  int Exit = withoutOpenat2([&] {
    bool Same = true;
    for (size_t I = 0; I < std::size(Names); ++I)
      Same &= refusal(*Folder, Names[I]) == Expected[I];
    return Same;
  });
  if (Exit == CannotForget)
    GTEST_SKIP() << "no seccomp filters here";
  EXPECT_EQ(Exit, 0);
}

// Tests that any link may be followed without a root, hard links under links
// included, and that what is no file is refused all the same.
TEST(SafeFile, AllowedLinksWithoutARootLeadAnywhere) {
  TemporaryFolder T;
  fs::create_directories(T.path("model"));
  T.write("secret", "s");
  fs::create_hard_link(T.path("secret"), T.path("hard"));
  fs::create_symlink(T.path("hard"), T.path("model/link"));
  fs::create_symlink(T.path("model"), T.path("model/folder"));
  LinkPolicy Policy;
  Policy.AllowLinks = true;
  Result<SafeFolder> Folder = SafeFolder::open(T.path("model"), Policy);
  ASSERT_TRUE(Folder.ok());
  EXPECT_EQ(refusal(*Folder, "link"), StatusCode::Ok);
  EXPECT_EQ(refusal(*Folder, "folder"), StatusCode::PermissionDenied);
  EXPECT_EQ(refusal(*Folder, "../secret"), StatusCode::PermissionDenied);
}

// Tests that files in the folder and below it are mapped.
TEST(SafeFile, ReadsBelowTheFolder) {
  TemporaryFolder T;
  fs::create_directories(T.path("model/sub"));
  T.write("model/a.bin", "alpha");
  T.write("model/sub/b.bin", "");
  Result<SafeFolder> Folder = SafeFolder::open(T.path("model"));
  ASSERT_TRUE(Folder.ok());
  Result<MappedFile> A = Folder->map("./a.bin");
  ASSERT_TRUE(A.ok()) << A.status().message();
  EXPECT_EQ(std::memcmp(A->data(), "alpha", A->size()), 0);
  Result<MappedFile> B = Folder->map("sub/b.bin");
  ASSERT_TRUE(B.ok());
  EXPECT_EQ(B->size(), 0u);
  EXPECT_EQ(refusal(*Folder, "missing"), StatusCode::NotFound);
}

// Tests that names which leave the folder, or go through links, are refused
// and the remedy is named.
TEST(SafeFile, RefusesEscapesAndLinks) {
  TemporaryFolder T;
  fs::create_directories(T.path("model/sub"));
  fs::create_directories(T.path("elsewhere"));
  T.write("secret", "s");
  T.write("elsewhere/w.bin", "w");
  T.write("model/a.bin", "a");
  fs::create_symlink(T.path("secret"), T.path("model/link"));
  fs::create_symlink(T.path("elsewhere"), T.path("model/dir"));
  fs::create_symlink("a.bin", T.path("model/inner"));
  fs::create_hard_link(T.path("secret"), T.path("model/hard"));
  ASSERT_EQ(::mkfifo(T.path("model/fifo").c_str(), 0600), 0);
  Result<SafeFolder> Folder = SafeFolder::open(T.path("model"));
  ASSERT_TRUE(Folder.ok());
  for (const char *Name : {"../secret", "sub/../../secret", "/etc/passwd",
                           "link", "dir/w.bin", "inner", "hard", "fifo", "sub"})
    EXPECT_EQ(refusal(*Folder, Name), StatusCode::PermissionDenied) << Name;
  EXPECT_EQ(refusal(*Folder, std::string("a.bin\0x", 7)),
            StatusCode::PermissionDenied);
  EXPECT_EQ(refusal(*Folder, ""), StatusCode::InvalidArgument);
  EXPECT_NE(Folder->map("link").status().message().find("--allow-links"),
            std::string::npos);
}

// Tests that admitted links may lead below their root and nowhere else.
TEST(SafeFile, AllowedLinksStayBelowTheRoot) {
  TemporaryFolder T;
  for (const char *Name : {"model", "cache", "other"})
    fs::create_directories(T.path(Name));
  T.write("cache/blob", "blob");
  T.write("other/blob", "x");
  T.write("model/own", "own");
  fs::create_symlink("../cache/blob", T.path("model/good"));
  fs::create_symlink("../other/blob", T.path("model/bad"));
  Result<SafeFolder> Folder =
      SafeFolder::open(T.path("model"), {true, T.path("cache")});
  ASSERT_TRUE(Folder.ok());
  EXPECT_EQ(refusal(*Folder, "good"), StatusCode::Ok);
  EXPECT_EQ(refusal(*Folder, "own"), StatusCode::Ok);
  EXPECT_EQ(refusal(*Folder, "bad"), StatusCode::PermissionDenied);
  EXPECT_EQ(refusal(*Folder, "../other/blob"), StatusCode::PermissionDenied);
}

// Tests that a file appears with commit, whole, and not without.
TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  TemporaryFolder T;
  std::string Path = T.path("out");
  {
    Result<AtomicFile> File = AtomicFile::create(Path);
    ASSERT_TRUE(File.ok());
    ASSERT_TRUE(File->write("half", 4).ok());
  }
  EXPECT_TRUE(fs::is_empty(T.folder()));
  T.write("out", "old");
  Result<AtomicFile> File = AtomicFile::create(Path);
  ASSERT_TRUE(File.ok());
  ASSERT_TRUE(File->write("0123", 4).ok());
  ASSERT_TRUE(File->writeAt("x", 1, 2).ok());
  EXPECT_EQ(readFile(Path), "old");
  ASSERT_TRUE(File->commit().ok());
  EXPECT_EQ(readFile(Path), "01x3");
  EXPECT_EQ(std::distance(fs::directory_iterator(T.folder()), {}), 1);
}

// Tests that a process which ends at once removes what is on its list, and only
// that. It frees nothing any more, so it is a process of its own.
TEST(TemporaryFiles, AreRemovedAtOnce) {
  TemporaryFolder T;
  EXPECT_EXIT(
      {
        for (const char *Name : {"half", "whole", "other"}) {
          T.write(Name, "x");
          addTemporaryFile(T.path(Name));
        }
        dropTemporaryFile(T.path("whole"));
        dropTemporaryFile(T.path("never-there"));
        removeTemporaryFiles();
        if (fs::exists(T.path("half")))
          ::_exit(1);
        // The list is empty now: a file of the same name is another one.
        T.write("half", "x");
        removeTemporaryFiles();
        ::_exit(0);
      },
      ::testing::ExitedWithCode(0), "");
  EXPECT_TRUE(fs::exists(T.path("half")));
  EXPECT_FALSE(fs::exists(T.path("other")));
  EXPECT_TRUE(fs::exists(T.path("whole")));
}

// Tests that more files than the list holds are written all the same.
TEST(TemporaryFiles, TheListIsBounded) {
  TemporaryFolder T;
  T.write("many", "x");
  for (int I = 0; I < 1000; ++I)
    addTemporaryFile(T.path("many"));
  for (int I = 0; I < 1000; ++I)
    dropTemporaryFile(T.path("many"));
  removeTemporaryFiles();
  EXPECT_TRUE(fs::exists(T.path("many")));
}

// Tests that a folder or a missing folder is refused before work is done.
TEST(AtomicFile, RefusesBadPlaces) {
  TemporaryFolder T;
  EXPECT_FALSE(AtomicFile::create(T.folder()).ok());
  EXPECT_EQ(AtomicFile::create(T.path("no/such")).status().code(),
            StatusCode::NotFound);
}
