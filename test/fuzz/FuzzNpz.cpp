// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the .npz reader: no archive may crash it or make it allocate more than
// deflate can hold, and what it accepts must be whole, each name once.
#include "tools/io/Compare.h"
#include "tools/io/Npz.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace dure::io;

namespace {

/// The reader opens a file by its path: one that exists in memory alone.
class MemoryFile {
public:
  MemoryFile() : Descriptor(::memfd_create("fuzz", 0)) {
    if (Descriptor < 0)
      std::abort();
  }
  ~MemoryFile() { ::close(Descriptor); }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;

  void write(const uint8_t *Data, size_t Size) {
    if (::write(Descriptor, Data, Size) != ssize_t(Size))
      std::abort();
  }
  std::string path() const {
    return "/proc/self/fd/" + std::to_string(Descriptor);
  }

private:
  int Descriptor;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  MemoryFile File;
  File.write(Data, Size);
  Result<std::vector<Tensor>> Tensors = readNpz(File.path());
  if (!Tensors) {
    Tensors.failure().text(dure::Language::Korean);
    return 0;
  }
  for (size_t I = 0; I != Tensors->size(); ++I) {
    const Tensor &T = (*Tensors)[I];
    if (int64_t(T.Bytes.size()) != storageBytes(T.Type, T.elementCount()) ||
        !compareTensors(T, T, {0, 0}).matches())
      std::abort();
    for (size_t J = 0; J != I; ++J)
      if ((*Tensors)[J].Name == T.Name)
        std::abort();
  }
  return 0;
}
