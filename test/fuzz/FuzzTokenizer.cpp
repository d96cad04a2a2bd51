// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes tokenizers: no file may crash the reader, and no text a tokenizer that
// was read. The input is a tokenizer.json, a byte 0xFF, and a text. What is
// decoded must be UTF-8, the same as a whole and as a stream.
#include "runtime/base/Korean.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unicode.h"

#include <cstdlib>
#include <string_view>

using namespace dure;

// An expression may take a million steps at each byte of a text.
static constexpr size_t MaxText = 64;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  std::string_view Input(reinterpret_cast<const char *>(Data), Size);
  size_t End = std::min(Input.find('\xFF'), Input.size());
  Result<Tokenizer> Read = Tokenizer::read(Input.substr(0, End));
  if (!Read) {
    inKorean(Read.status().message());
    return 0;
  }
  std::string_view Text = End == Size ? "" : Input.substr(End + 1, MaxText);
  Result<std::vector<TokenId>> Ids = Read->encode(Text);
  if (!Ids)
    return 0;
  for (TokenId Id : *Ids)
    if (Read->tokenOf(Id) && Id >= Read->size())
      std::abort();
  Result<std::string> Whole = Read->decode(*Ids, false);
  DecodeStream Stream(*Read, false);
  std::string Parts;
  for (TokenId Id : *Ids) {
    Result<std::string> Part = Stream.push(Id);
    if (!Part)
      return 0;
    Parts += *Part;
  }
  Result<std::string> Rest = Stream.finish();
  if (Whole.ok() != Rest.ok())
    std::abort();
  if (Whole &&
      (*Whole != Parts + *Rest || text::validPrefix(*Whole) != Whole->size()))
    std::abort();
  return 0;
}
