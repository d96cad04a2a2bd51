// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Linking of one object into a shared object with ld.lld.
//
// Why a process rather than the lld library: Debian's liblld is a package of
// its own with global state, and lld may exit on bad input. One link takes
// some 20 ms.

#include "targets/cpu/compiler/ObjectCode.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace dure::cpu {
namespace {

Expected<std::string> findLinker() {
  // DURE_LLVM_TOOLS_DIR is where the LLVM that we were built with keeps its
  // tools; the names after it serve an installation elsewhere.
  for (StringRef name : {"ld.lld-22", "ld.lld"}) {
    if (auto path = sys::findProgramByName(name, {DURE_LLVM_TOOLS_DIR}))
      return *path;
    if (auto path = sys::findProgramByName(name))
      return *path;
  }
  return createStringError("no linker: neither ld.lld-22 nor ld.lld is on the "
                           "PATH; install the package lld-22");
}

Error ioError(const Twine &what, StringRef path, std::error_code code) {
  return createStringError("cannot " + what + " " + path.str() + ": " +
                           code.message());
}

Error writeFile(StringRef path, ArrayRef<char> bytes) {
  std::error_code code;
  raw_fd_ostream stream(path, code, sys::fs::OF_None);
  if (code)
    return ioError("write", path, code);
  stream.write(bytes.data(), bytes.size());
  stream.close();
  if (stream.has_error()) {
    code = stream.error();
    stream.clear_error();
    return ioError("write", path, code);
  }
  return Error::success();
}

/// Reads what the linker said, for the error message. An absent file is "".
std::string readText(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().trim().str() : std::string();
}

} // namespace

Expected<SmallVector<char, 0>> linkSharedObject(ArrayRef<char> object) {
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();

  SmallString<128> directory;
  if (std::error_code code =
          sys::fs::createUniqueDirectory("dure-link", directory))
    return ioError("create a temporary directory", directory, code);
  auto inDirectory = [&](StringRef name) {
    SmallString<128> path = directory;
    sys::path::append(path, name);
    // A killed compilation leaves nothing behind either.
    sys::RemoveFileOnSignal(path);
    return path;
  };
  SmallString<128> input = inDirectory("kernels.o");
  SmallString<128> output = inDirectory("kernels.so");
  SmallString<128> messages = inDirectory("messages");
  scope_exit cleanUp([&] {
    for (StringRef path : {input, output, messages}) {
      (void)sys::fs::remove(path);
      sys::DontRemoveFileOnSignal(path);
    }
    (void)sys::fs::remove(directory);
  });

  if (Error error = writeFile(input, object))
    return error;
  SmallVector<StringRef> arguments = {*linker,
                                      "-shared",
                                      "-z",
                                      "defs",
                                      "-z",
                                      "relro",
                                      "-z",
                                      "noexecstack",
                                      "--gc-sections",
                                      "--build-id=none",
                                      "--hash-style=gnu",
                                      "--threads=1",
                                      "-o",
                                      output,
                                      input};
  std::string spawnError;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(messages),
                                          StringRef(messages)};
  int status = sys::ExecuteAndWait(*linker, arguments, std::nullopt, redirects,
                                   /*SecondsToWait=*/120, /*MemoryLimit=*/0,
                                   &spawnError);
  if (status != 0) {
    std::string text = readText(messages);
    return createStringError(
        "linking CPU code failed: " +
        (text.empty()
             ? (spawnError.empty() ? "status " + itostr(status) : spawnError)
             : text));
  }
  auto buffer = MemoryBuffer::getFile(output, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return ioError("read", output, buffer.getError());
  StringRef bytes = (*buffer)->getBuffer();
  return SmallVector<char, 0>(bytes.begin(), bytes.end());
}

} // namespace dure::cpu
