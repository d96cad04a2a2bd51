// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the TensorProto reader: no input may crash it or make it allocate far
// more than the input holds, and what it accepts must be whole.
#include "tools/io/Compare.h"
#include "tools/io/TensorProto.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  using namespace dure::io;
  Result<Tensor> T =
      parseTensorProto("fuzz", std::as_bytes(std::span(Data, Size)));
  if (!T) {
    T.failure().text(dure::Language::Korean);
    return 0;
  }
  const bool Whole = T->Type == ElementType::String
                         ? int64_t(T->Strings.size()) == T->elementCount()
                         : int64_t(T->Bytes.size()) ==
                               storageBytes(T->Type, T->elementCount());
  if (!Whole || !compareTensors(*T, *T, {0, 0}).matches())
    std::abort();
  return 0;
}
