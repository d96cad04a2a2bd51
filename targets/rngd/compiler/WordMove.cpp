// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The fetch engine reads an element twice, or every second one.
#include "targets/rngd/compiler/WordMove.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

/// Elements that a slice has at a time, 12 bytes each; it reads and writes
/// whole flits of both.
static constexpr int64_t MostElements = DmStep / 16 / 8 * 8;

namespace {

/// A slice's elements, and twice as many.
struct Local {
  Grid grid;
  DigitList elements, words, all;
};

} // namespace

static Local localOf(KernelBuilder &k, const Share &share) {
  int64_t each = llvm::alignTo(share.each, 8);
  Local local;
  local.grid = k.grid("e", share);
  local.elements = {k.digit("e", share.each, 1, each)};
  local.words = {k.digit("e", share.each, 1, each), k.digit("w", 2)};
  local.all = {k.digit("e", share.rows())};
  return local;
}

void widenElements(KernelBuilder &k, Value source, Value words, int64_t count) {
  Type word = cast<HbmType>(words.getType()).getElementType();
  for (const Share &share :
       divide(llvm::alignTo(count, 2), MostElements, /*unit=*/8)) {
    k.releaseAll();
    Local local = localOf(k, share);
    Value in = k.dm(k.i32(), local.grid, local.elements);
    k.copy(k.hbm(source, local.all, share.first, k.i32()), in);
    Value out = k.dm(k.i32(), local.grid, local.words);
    int64_t some = std::gcd<int64_t>(share.each, 4);
    k.exec(Context::Main, [&] {
      DigitList time = {k.digit("e", share.each / some, some)};
      k.commit(
          k.collect(k.fetch(in, time, {k.digit("e", some), k.digit("w", 2)})),
          out);
    });
    k.copy(k.dmOver(out, word, local.grid, local.elements),
           k.hbm(words, local.all, share.first));
  }
}

void narrowWords(KernelBuilder &k, Value words, Value target, int64_t count) {
  Type type = cast<HbmType>(target.getType()).getElementType();
  if (type.getIntOrFloatBitWidth() != 32)
    type = k.i32();
  Type word = cast<HbmType>(words.getType()).getElementType();
  for (const Share &share :
       divide(llvm::alignTo(count, 2), MostElements, /*unit=*/8)) {
    k.releaseAll();
    Local local = localOf(k, share);
    Value in = k.dm(word, local.grid, local.elements);
    k.copy(k.hbm(words, local.all, share.first), in);
    DigitList firsts(local.words);
    firsts.back() = k.digit("w", 1, 1, 2);
    Value some = k.part(in, firsts, 0, k.i32());
    Value out = k.dm(k.i32(), local.grid, local.elements);
    int64_t width = std::min<int64_t>(share.each, 8);
    k.exec(Context::Main, [&] {
      k.commit(
          k.collect(k.fetch(
              some, {k.digit("e", llvm::divideCeil(share.each, width), width)},
              {k.digit("e", width)})),
          out);
    });
    // As what it is: a kernel may read it from where it lies.
    k.copy(k.part(out, local.elements, 0, type),
           k.hbm(target, local.all, share.first, type));
  }
}

} // namespace dure::rngd
