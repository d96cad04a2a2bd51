// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The fetch engine reads an element as often as a word has room for it, or the
// first of each word.
#include "targets/rngd/compiler/WordMove.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

/// Elements that a slice has at a time, 12 bytes each at most; it reads and
/// writes whole flits of both.
static constexpr int64_t MostElements = DmStep / 16 / FlitBytes * FlitBytes;

namespace {

/// What a slice has: elements, of so many bytes, and the words that they fill.
struct Local {
  Grid grid;
  /// Their bits, and how many a word has.
  Type type;
  int64_t bytes, times;
  /// In data memory elements, words, and words by elements; in HBM either.
  DigitList elements, words, all;
};

} // namespace

static int64_t elementBytes(Value memory) {
  Type type = cast<HbmType>(memory.getType()).getElementType();
  return type.getIntOrFloatBitWidth() / 8;
}

static Local localOf(KernelBuilder &k, const Share &share, int64_t bytes) {
  int64_t each = llvm::alignTo(share.each, FlitBytes / bytes);
  Local local;
  local.grid = k.grid("e", share);
  local.bytes = bytes;
  local.times = DmaAlignment / bytes;
  local.type = k.b.getIntegerType(static_cast<unsigned>(bytes * 8));
  local.elements = {k.digit("e", share.each, 1, each)};
  local.words = {k.digit("e", share.each, 1, each), k.digit("w", local.times)};
  local.all = {k.digit("e", share.rows())};
  return local;
}

/// All elements, and those that end in their last 8 bytes.
static SmallVector<Share> sharesOf(int64_t count, int64_t bytes) {
  int64_t unit = DmaAlignment / bytes;
  return divide(llvm::alignTo(count, unit), MostElements,
                std::max<int64_t>(unit, 8));
}

void widenElements(KernelBuilder &k, Value source, Value words, int64_t count) {
  Type word = cast<HbmType>(words.getType()).getElementType();
  int64_t bytes = elementBytes(source);
  for (const Share &share : sharesOf(count, bytes)) {
    k.releaseAll();
    Local local = localOf(k, share, bytes);
    Value in = k.dm(local.type, local.grid, local.elements);
    k.copy(k.hbm(source, local.all, share.first, local.type), in);
    Value out = k.dm(local.type, local.grid, local.words);
    int64_t some = std::gcd<int64_t>(share.each, FlitBytes / DmaAlignment);
    k.exec(Context::Main, [&] {
      DigitList time = {k.digit("e", share.each / some, some)};
      k.commit(k.collect(k.fetch(
                   in, time, {k.digit("e", some), k.digit("w", local.times)})),
               out);
    });
    k.copy(k.dmOver(out, word, local.grid, local.elements),
           k.hbm(words, local.all, share.first));
  }
}

void narrowWords(KernelBuilder &k, Value words, Value target, int64_t count) {
  Type type = cast<HbmType>(target.getType()).getElementType();
  Type word = cast<HbmType>(words.getType()).getElementType();
  int64_t bytes = elementBytes(target);
  for (const Share &share : sharesOf(count, bytes)) {
    k.releaseAll();
    Local local = localOf(k, share, bytes);
    Value in = k.dm(word, local.grid, local.elements);
    k.copy(k.hbm(words, local.all, share.first), in);
    DigitList firsts(local.words);
    firsts.back() = k.digit("w", 1, 1, local.times);
    Value some = k.part(in, firsts, 0, local.type);
    Value out = k.dm(local.type, local.grid, local.elements);
    int64_t width = std::min<int64_t>(share.each, FlitBytes / bytes);
    if (bytes < 4)
      width = std::gcd(share.each, width);
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
