// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes GGUF files: no input may crash the reader or make it allocate much
// more than the input holds; what it accepts has sound text files, and tensors
// of just the bytes that they say.
#include "frontends/checkpoint/Checkpoint.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace dure;
using namespace dure::checkpoint;

static void checkTensor(const Checkpoint &C, const Tensor &T) {
  uint64_t Bytes = 0;
  const Status Done =
      T.Convert(C.stored(T), [&](std::span<const std::byte> Piece) {
        Bytes += Piece.size();
        return Status::success();
      });
  if (!Done.ok() || Bytes != T.bytes())
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  // A file of its own name, without a file system.
  static const int Fd = memfd_create("fuzz", 0);
  static const std::string Path = "/proc/self/fd/" + std::to_string(Fd);
  if (Fd < 0 || ftruncate(Fd, off_t(Size)) != 0 ||
      pwrite(Fd, Data, Size, 0) != ssize_t(Size))
    std::abort();
  Refusals Problems;
  const auto C = Checkpoint::open(Path, {}, Problems);
  if (bool(C) != Problems.empty())
    std::abort();
  for (const Refusal &Each : Problems.list())
    if (toString(Each, checkpoint::Language::Korean).empty())
      std::abort();
  if (!C)
    return 0;
  for (const auto &[Name, T] : C->Tensors) {
    checkTensor(*C, T);
    if (!T.Blocks)
      continue;
    checkTensor(*C, *T.Blocks->Integers);
    checkTensor(*C, *T.Blocks->Scales);
    if (T.Blocks->Offsets)
      checkTensor(*C, *T.Blocks->Offsets);
  }
  for (const auto &[Name, Text] : C->Texts) {
    const JsonLimits Limits = {1 << 26, 1 << 24, 32};
    Refusals Faults;
    if (!parseJson(Text.text(), Name, Limits, Faults) &&
        Faults.list().front().Code != RefusalCode::JsonDuplicate)
      std::abort();
  }
  return 0;
}
