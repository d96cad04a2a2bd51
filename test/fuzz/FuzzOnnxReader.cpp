// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the ONNX reader: no input may crash it, and what it accepts must lie
// inside the files.
#include "frontends/onnx/Reader.h"

#include <cstdlib>

using namespace dure::onnx;

namespace {

/// Every location is a file of 4096 bytes, but for those with a 'q'.
class AnyFolder : public ExternalFileSource {
public:
  bool open(std::string_view Location, ExternalFile &File,
            std::string &Error) override {
    if (Location.find('q') != Location.npos) {
      Error = "there is no such file";
      return false;
    }
    File.Size = 4096;
    return true;
  }
};

void check(const Model &M, const Tensor &T, size_t ModelSize) {
  if (T.Kind != Tensor::Storage::File)
    return;
  uint64_t Size =
      T.Range.File == 0 ? ModelSize : M.ExternalFiles[T.Range.File - 1].Size;
  if (T.Range.Offset > Size || T.Range.Size > Size - T.Range.Offset ||
      T.Range.Size != (T.ElementCount * bitWidth(T.Type) + 7) / 8)
    std::abort();
}

void check(const Model &M, const Graph &G, size_t ModelSize) {
  for (const Tensor &T : G.Initializers)
    check(M, T, ModelSize);
  for (const Node &N : G.Nodes)
    for (const Attribute &A : N.Attributes) {
      for (const Tensor &T : A.Tensors)
        check(M, T, ModelSize);
      for (const Graph &Inner : A.Graphs)
        check(M, Inner, ModelSize);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  AnyFolder Folder;
  ReadResult Result = readModel({reinterpret_cast<const char *>(Data), Size},
                                "fuzz.onnx", &Folder);
  if ((Result.M == nullptr) != Result.Error.has_value())
    std::abort();
  if (Result.M)
    check(*Result.M, Result.M->Main, Size);
  else
    toString(*Result.Error, Language::Korean);
  return 0;
}
