// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention over blocks of keys: scores, running softmax, weighted values.

#include "targets/cpu/compiler/AttentionKernel.h"

#include "targets/cpu/compiler/DotRows.h"
#include "targets/cpu/compiler/MicroKernel.h"

#include "dialects/dure/ScalarMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace dure::cpu {
namespace {

/// Keys of a block: K and V of it stay in L2 at head dim 128.
constexpr int64_t kBlockKeys = 128;
static_assert(kBlockKeys % kDotColumns == 0);
constexpr int64_t kBlockRows = kAttentionBlockRows;
/// Their blocks take 3 MiB of scratch.
constexpr int64_t kMaxHeadDim = 2048;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// What a workgroup works on; every Value is i64 or a pointer.
struct Position {
  Value batch, keyHead, groupSize;
  /// First of the block's rows in [0, groupSize * queries), and their number.
  Value firstRow, rows;
  Value queries, keys;
  /// i1: weights of hidden keys are marked, and their values not touched.
  Value isCareful;
};

/// Columns of the keys with room for packing each part, which writes whole
/// vectors of them.
int64_t paddedColumns(const AttentionKernel &kernel, int64_t lanes) {
  int64_t first = 0, end = 0;
  for (const KeyPart &part : kernel.k) {
    end = std::max(end, first + int64_t(llvm::alignTo(part.columns, lanes)));
    first += part.columns;
  }
  return llvm::alignTo(end, lanes);
}

struct Emitter {
  ModuleOp module;
  KernelBuilder &b;
  const AttentionKernel &kernel;
  TileShape shape;
  int64_t keyDimPadded, valueDimPadded;

  Emitter(ModuleOp module, KernelBuilder &b, const AttentionKernel &kernel)
      : module(module), b(b), kernel(kernel), shape(b.variant),
        keyDimPadded(paddedColumns(kernel, shape.lanes)),
        valueDimPadded(llvm::alignTo(kernel.valueDim, kPanelWidth)) {}

  // Scratch, in elements: queries, packed keys, packed values, scores, sums,
  // then a maximum and a denominator for each row.
  int64_t queriesAt() const { return 0; }
  int64_t keysAt() const { return kBlockRows * keyDimPadded; }
  int64_t valuesAt() const { return keysAt() + kBlockKeys * keyDimPadded; }
  int64_t scoresAt() const {
    return valuesAt() + (packsValues() ? kBlockKeys * valueDimPadded : 0);
  }
  int64_t sumsAt() const { return scoresAt() + kBlockRows * kBlockKeys; }
  int64_t maximaAt() const { return sumsAt() + kBlockRows * valueDimPadded; }
  int64_t weightsAt() const { return maximaAt() + kBlockRows; }
  int64_t scratchElements() const { return weightsAt() + kBlockRows; }

  /// Values are read in place where they are f32 and whole strips cover them.
  bool packsValues() const {
    return kernel.copiesValues || kernel.valueDim % shape.stripWidth != 0 ||
           !kernel.v.element.isF32();
  }

  Value f32At(Value pointer, Value offset) {
    return b.at(pointer, b.getF32Type(), offset);
  }
  Value f32At(Value pointer, int64_t offset) {
    return b.at(pointer, b.getF32Type(), offset);
  }

  Position locate(KernelFrame &frame);
  /// Query head and query of a row of the block.
  std::pair<Value, Value> headAndQuery(const Position &at, Value row);
  Value rowPointer(KernelFrame &frame, const HeadOperand &operand,
                   const Position &at, Value row);
  Value headPointer(KernelFrame &frame, const HeadOperand &operand,
                    const Position &at);

  void emitBody(KernelFrame &frame);
  void loadQueries(KernelFrame &frame, const Position &at);
  std::pair<Value, Value> keyRange(const Position &at);
  void emitBlock(KernelFrame &frame, const Position &at, Value firstKey,
                 Value keys);
  void packKeys(KernelFrame &frame, const Position &at, Value firstKey,
                Value keys);
  void emitDots(KernelFrame &frame, const Position &at, Value firstKey,
                Value keys);
  void emitPackedScores(KernelFrame &frame, const Position &at, Value firstKey,
                        Value keys);
  void emitScores(KernelFrame &frame, const Position &at, Value firstKey,
                  Value keys);
  Values emitSoftmaxRow(KernelFrame &frame, const Position &at, Value row,
                        Value firstKey, Value keys, ValueRange seenSoFar);
  Value maskScores(KernelFrame &frame, Value maskRow, Value scores, Value key,
                   Value keysLeft);
  Value emitWeights(Value scores, Value keys, Value references,
                    bool marksHidden);
  void emitValuesCarefully(KernelFrame &frame, const Position &at,
                           Value firstKey, Value skipped, Value keys);
  Value hasNonFinite(KernelFrame &frame, const Position &at);
  void emitValues(KernelFrame &frame, const Position &at, Value firstKey,
                  Value skipped, Value keys);
  void storeRow(KernelFrame &frame, const Position &at, Value row);
  void storeMeanRow(KernelFrame &frame, const Position &at, Value out);
  /// For each vector of `count` elements (static): offset and, in the last
  /// one, a mask if it is not whole.
  void forVectors(int64_t count, function_ref<void(int64_t, Value)> body);
};

void Emitter::forVectors(int64_t count,
                         function_ref<void(int64_t, Value)> body) {
  for (int64_t i = 0; i < count; i += shape.lanes) {
    int64_t left = count - i;
    body(i, left >= shape.lanes ? Value()
                                : b.laneMask(b.constant(left), shape.lanes));
  }
}

Position Emitter::locate(KernelFrame &frame) {
  Position at;
  at.queries = kernel.queries(b, frame);
  at.keys = kernel.keys(b, frame);
  Value keyHeads = kernel.keyHeads(b, frame);
  at.groupSize = b.div(kernel.heads(b, frame), keyHeads);
  Value allRows = b.mul(at.groupSize, at.queries);
  Value blockRows = kernel.blockRows(b, frame);
  Value blocks =
      b.div(b.add(allRows, b.sub(blockRows, b.constant(1))), blockRows);
  Value block = b.rem(frame.workgroup(), blocks);
  Value head = b.div(frame.workgroup(), blocks);
  at.keyHead = b.rem(head, keyHeads);
  at.batch = b.div(head, keyHeads);
  at.firstRow = b.mul(block, blockRows);
  at.rows = b.min(blockRows, b.sub(allRows, at.firstRow));
  return at;
}

std::pair<Value, Value> Emitter::headAndQuery(const Position &at, Value row) {
  Value flat = b.add(at.firstRow, row);
  Value head = b.add(b.mul(at.keyHead, at.groupSize), b.div(flat, at.queries));
  return {head, b.rem(flat, at.queries)};
}

Value Emitter::headPointer(KernelFrame &frame, const HeadOperand &operand,
                           const Position &at) {
  Value offset = b.add(b.mul(at.batch, operand.batchStride(b, frame)),
                       b.mul(at.keyHead, operand.headStride(b, frame)));
  return b.at(operand.pointer(b, frame), operand.element, offset);
}

Value Emitter::rowPointer(KernelFrame &frame, const HeadOperand &operand,
                          const Position &at, Value row) {
  auto [head, query] = headAndQuery(at, row);
  Value offset = b.add(b.mul(at.batch, operand.batchStride(b, frame)),
                       b.mul(head, operand.headStride(b, frame)));
  offset = b.add(offset, b.mul(query, operand.rowStride(b, frame)));
  return b.at(operand.pointer(b, frame), operand.element, offset);
}

/// Copies the block's queries, times the scale, and starts the softmax.
void Emitter::loadQueries(KernelFrame &frame, const Position &at) {
  Value scale = b.splatF32(kernel.scale), zero = b.splatF32(0);
  b.forEach(b.constant(0), at.rows, 1, [&](Value row) {
    Value source = rowPointer(frame, kernel.q, at, row);
    Value target =
        f32At(f32At(frame.scratch(), queriesAt()), b.mul(row, keyDimPadded));
    forVectors(kernel.keyDim, [&](int64_t i, Value mask) {
      Type element = kernel.q.element;
      Value q = b.loadAsF32(element, b.at(source, element, i), mask);
      b.store(b.mulF(q, scale), f32At(target, i));
    });
    Value sums =
        f32At(f32At(frame.scratch(), sumsAt()), b.mul(row, valueDimPadded));
    for (int64_t i = 0; i < valueDimPadded; i += shape.lanes)
      b.store(zero, f32At(sums, i));
    Value maximum = b.constantF32(-kInfinity), weight = b.constantF32(0);
    if (kernel.sinks) {
      // A sink is a score that was seen first and weighs nothing.
      Value head = headAndQuery(at, row).first;
      maximum =
          b.loadScalarAsF32(kernel.sinkElement, b.at(kernel.sinks(b, frame),
                                                     kernel.sinkElement, head));
      weight = b.constantF32(1);
    }
    b.store(maximum, f32At(f32At(frame.scratch(), maximaAt()), row));
    b.store(weight, f32At(f32At(frame.scratch(), weightsAt()), row));
  });
}

/// Keys that any row of the block may see: [begin, end).
std::pair<Value, Value> Emitter::keyRange(const Position &at) {
  Value begin = b.constant(0), end = at.keys;
  if (!kernel.causal && kernel.window == 0)
    return {begin, end};
  // Rows of one head are neighbours in time; a block over several heads may
  // hold any query.
  Value last = b.add(at.firstRow, b.sub(at.rows, b.constant(1)));
  Value oneHead =
      b.equal(b.div(at.firstRow, at.queries), b.div(last, at.queries));
  Value firstQuery = b.select(oneHead, b.rem(at.firstRow, at.queries), begin);
  Value lastQuery = b.select(oneHead, b.rem(last, at.queries),
                             b.sub(at.queries, b.constant(1)));
  Value shift = b.sub(at.keys, at.queries);
  if (kernel.causal)
    end = b.max(b.min(end, b.add(b.add(lastQuery, shift), 1)), begin);
  if (kernel.window > 0) {
    Value first = b.add(b.add(firstQuery, shift), 1 - kernel.window);
    // Whole blocks, so that a block's keys never depend on the rows.
    first = b.max(first, b.constant(0));
    begin = b.mul(b.div(first, b.constant(kBlockKeys)), kBlockKeys);
  }
  return {begin, end};
}

/// Packs a block of keys part by part: each one's columns are rows of the
/// panels, and what it writes behind them the next one overwrites.
void Emitter::packKeys(KernelFrame &frame, const Position &at, Value firstKey,
                       Value keys) {
  Value packed = f32At(frame.scratch(), keysAt()), one = b.constant(1);
  int64_t firstColumn = 0;
  for (const KeyPart &part : kernel.k) {
    Value source = headPointer(frame, part.operand, at);
    Value stride = part.operand.rowStride(b, frame);
    PackOperands pack{part.operand.element,
                      source,
                      one,
                      one,
                      b.constant(part.columns),
                      keys,
                      f32At(packed, firstColumn * kPanelWidth),
                      b.constant(keyDimPadded * kPanelWidth)};
    firstColumn += part.columns;
    if (part.isTransposed) {
      pack.kStride = stride;
      pack.source = b.at(source, pack.element, firstKey);
      callPackRows(module, b, pack);
    } else {
      pack.nStride = stride;
      pack.source = b.at(source, pack.element, b.mul(firstKey, stride));
      callPackColumns(module, b, pack);
    }
  }
}

/// Scores of few rows: keys are multiplied where they lie.
void Emitter::emitDots(KernelFrame &frame, const Position &at, Value firstKey,
                       Value keys) {
  int64_t firstColumn = 0;
  for (const KeyPart &part : kernel.k) {
    DotOperands dots;
    Value stride = part.operand.rowStride(b, frame);
    dots.a = f32At(f32At(frame.scratch(), queriesAt()), firstColumn);
    dots.aRowStride = b.constant(keyDimPadded);
    dots.bElement = part.operand.element;
    dots.b = b.at(headPointer(frame, part.operand, at), dots.bElement,
                  b.mul(firstKey, stride));
    dots.bRowStride = stride;
    dots.k = b.constant(part.columns);
    dots.rows = at.rows;
    dots.columns = keys;
    dots.c = f32At(frame.scratch(), scoresAt());
    dots.cRowStride = b.constant(kBlockKeys);
    dots.accumulate = b.less(b.constant(0), b.constant(firstColumn));
    callDotRows(module, b, dots);
    firstColumn += part.columns;
  }
}

void Emitter::emitScores(KernelFrame &frame, const Position &at, Value firstKey,
                         Value keys) {
  if (llvm::any_of(kernel.k, [](const KeyPart &p) { return p.isTransposed; }))
    return emitPackedScores(frame, at, firstKey, keys);
  b.ifElse(
      b.less(b.constant(kDotRows), at.rows), {},
      [&] {
        emitPackedScores(frame, at, firstKey, keys);
        return Values();
      },
      [&] {
        emitDots(frame, at, firstKey, keys);
        return Values();
      });
}

void Emitter::emitPackedScores(KernelFrame &frame, const Position &at,
                               Value firstKey, Value keys) {
  packKeys(frame, at, firstKey, keys);
  Value one = b.constant(1);
  TileLoop loop;
  loop.operands.a = f32At(frame.scratch(), queriesAt());
  loop.operands.aRowStride = b.constant(keyDimPadded);
  loop.operands.b = f32At(frame.scratch(), keysAt());
  loop.operands.bElement = b.getF32Type();
  loop.operands.bPanelStride = b.constant(keyDimPadded * kPanelWidth);
  loop.operands.bRowStride = b.constant(kPanelWidth);
  loop.operands.k = b.constant(kernel.keyDim);
  loop.operands.c = f32At(frame.scratch(), scoresAt());
  loop.operands.cRowStride = b.constant(kBlockKeys);
  loop.operands.accumulate = b.less(one, one);
  loop.rows = at.rows;
  loop.firstStrip = b.constant(0);
  loop.stripEnd = b.ceilDiv(keys, shape.stripWidth);
  loop.maxStrips = kBlockKeys / shape.stripWidth;
  emitTileLoop(module, b, loop, [](Value, int64_t, Value, int64_t) {});
}

/// Softcap and mask of one vector of scores; lanes from keysLeft on hold
/// anything.
Value Emitter::maskScores(KernelFrame &frame, Value maskRow, Value scores,
                          Value key, Value keysLeft) {
  if (kernel.softcap > 0) {
    Value cap = b.splatF32(kernel.softcap);
    Value capped = ScalarMath(b, b.getLoc())
                       .tanh(b.mulF(scores, b.splatF32(1 / kernel.softcap)));
    scores = b.mulF(capped, cap);
  }
  if (kernel.maskKind == AttentionMask::None)
    return scores;
  bool isBool = kernel.maskKind == AttentionMask::Bool;
  Type element = kernel.mask.element;
  VectorType vector = b.vectorType(element);
  Value mask;
  if (kernel.maskBroadcastsKeys) {
    mask = b.splat(b.load(element, maskRow));
  } else {
    Value pointer = b.at(maskRow, element, key);
    Value whole = b.less(b.constant(shape.lanes - 1), keysLeft);
    mask = b.ifElse(
                whole, vector, [&] { return Values{b.load(vector, pointer)}; },
                [&] {
                  return Values{b.maskedLoad(
                      vector, pointer, b.laneMask(keysLeft, shape.lanes))};
                })
               .front();
  }
  Value lowest = b.splatF32(-kInfinity);
  if (!isBool) {
    // What minus infinity hides stays hidden whatever its score: the key may
    // hold anything, NaN too.
    mask = ScalarMath(b, b.getLoc()).convert(mask, element, b.getF32Type());
    Value isHidden =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, mask, lowest);
    return b.select(isHidden, lowest, b.addF(scores, mask));
  }
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
  Value seen = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, mask, zero);
  return b.select(seen, scores, lowest);
}

/// Turns a row's scores into weights. Returns a vector of their sum. Weights of
/// hidden keys are zero, with `marksHidden` the negative one: seen keys whose
/// weight is zero have the positive one.
Value Emitter::emitWeights(Value scores, Value keys, Value references,
                           bool marksHidden) {
  return b
      .forEach(b.constant(0), keys, shape.lanes, ValueRange{b.splatF32(0)},
               [&](Value key, ValueRange current) {
                 Value pointer = f32At(scores, key);
                 Value s = b.load(b.f32Vector(), pointer);
                 Value p = b.expNonPositive(b.subF(s, references));
                 Value sum = b.addF(current[0], p);
                 if (marksHidden) {
                   Value isHidden = arith::CmpFOp::create(
                       b, arith::CmpFPredicate::OEQ, s, b.splatF32(-kInfinity));
                   p = b.select(isHidden, b.splatF32(-0.0f), p);
                 }
                 b.store(p, pointer);
                 return Values{sum};
               })
      .front();
}

/// Turns a row of scores into weights and brings the row's maximum,
/// denominator and sums up to date. `seen` and the result are two vectors of
/// i32: in each lane the first and the last key of the block that some row saw.
Values Emitter::emitSoftmaxRow(KernelFrame &frame, const Position &at,
                               Value row, Value firstKey, Value keys,
                               ValueRange seenSoFar) {
  Type f32 = b.getF32Type();
  VectorType vector = b.f32Vector();
  Value scratch = frame.scratch();
  Value scores = f32At(f32At(scratch, scoresAt()), b.mul(row, kBlockKeys));
  Value maximumAt = f32At(f32At(scratch, maximaAt()), row);
  Value weightAt = f32At(f32At(scratch, weightsAt()), row);
  Value lowest = b.splatF32(-kInfinity);
  Value ids = b.laneIds(shape.lanes);
  Type i32 = b.getI32Type();

  // The row sees the block's keys [begin, end).
  Value begin = b.constant(0), end = keys;
  auto [head, query] = headAndQuery(at, row);
  Value own = b.sub(b.add(query, b.sub(at.keys, at.queries)), firstKey);
  if (kernel.causal)
    end = b.min(end, b.add(own, 1));
  if (kernel.window > 0)
    begin = b.max(begin, b.add(own, 1 - kernel.window));
  auto splatI32 = [&](Value x) {
    return b.splat(arith::TruncIOp::create(b, i32, x));
  };
  Value beginIds = kernel.window > 0 ? splatI32(begin) : Value();
  Value endIds = splatI32(b.max(end, b.constant(0)));
  Value maskRow;
  if (kernel.maskKind != AttentionMask::None) {
    maskRow = rowPointer(frame, kernel.mask, at, row);
    if (!kernel.maskBroadcastsKeys)
      maskRow = b.at(maskRow, kernel.mask.element, firstKey);
  }

  Values swept = b.forEach(
      b.constant(0), keys, shape.lanes,
      ValueRange{lowest, seenSoFar[0], seenSoFar[1]},
      [&](Value key, ValueRange current) {
        Value pointer = f32At(scores, key);
        Value s = maskScores(frame, maskRow, b.load(vector, pointer), key,
                             b.sub(keys, key));
        Value id = arith::AddIOp::create(b, splatI32(key), ids);
        Value seen =
            arith::CmpIOp::create(b, arith::CmpIPredicate::slt, id, endIds);
        if (beginIds)
          seen = arith::AndIOp::create(
              b, seen,
              arith::CmpIOp::create(b, arith::CmpIPredicate::sge, id,
                                    beginIds));
        s = b.select(seen, s, lowest);
        b.store(s, pointer);
        Value isHidden =
            arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, s, lowest);
        Value first = b.min(current[1], id);
        Value last = b.max(current[2], id);
        return Values{b.maxF(current[0], s),
                      b.select(isHidden, current[1], first),
                      b.select(isHidden, current[2], last)};
      });
  Value blockMaximum =
      b.reduceLanes(swept[0], [&](Value x, Value y) { return b.maxF(x, y); });
  Value oldMaximum = b.load(f32, maximumAt);
  Value maximum = b.maxF(oldMaximum, blockMaximum);
  b.store(maximum, maximumAt);
  // While nothing was seen, -inf minus -inf must not become NaN.
  Value nothing = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, maximum,
                                        b.constantF32(-kInfinity));
  Value reference = b.select(nothing, b.constantF32(0), maximum);
  Value references = b.splat(reference);
  auto weights = [&](bool marksHidden) {
    return [&, marksHidden] {
      return Values{emitWeights(scores, keys, references, marksHidden)};
    };
  };
  Value sums =
      b.ifElse(at.isCareful, vector, weights(true), weights(false)).front();
  Value sum =
      b.reduceLanes(sums, [&](Value x, Value y) { return b.addF(x, y); });
  Value correction = b.expNonPositive(b.subF(oldMaximum, reference));
  b.store(b.fma(b.load(f32, weightAt), correction, sum), weightAt);
  Value corrections = b.splat(correction);
  Value rowSums = f32At(f32At(scratch, sumsAt()), b.mul(row, valueDimPadded));
  for (int64_t i = 0; i < valueDimPadded; i += shape.lanes) {
    Value pointer = f32At(rowSums, i);
    b.store(b.mulF(b.load(vector, pointer), corrections), pointer);
  }
  return {swept[1], swept[2]};
}

/// Adds the weighted values of `keys` keys from `firstKey` on; `skipped` of the
/// block's keys, whose weights come first, are before them.
void Emitter::emitValues(KernelFrame &frame, const Position &at, Value firstKey,
                         Value skipped, Value keys) {
  Value one = b.constant(1);
  Value stride = kernel.v.rowStride(b, frame);
  Value source = b.at(headPointer(frame, kernel.v, at), kernel.v.element,
                      b.mul(firstKey, stride));
  TileLoop loop;
  loop.operands.a = f32At(f32At(frame.scratch(), scoresAt()), skipped);
  loop.operands.aRowStride = b.constant(kBlockKeys);
  loop.operands.k = keys;
  loop.operands.c = f32At(frame.scratch(), sumsAt());
  loop.operands.cRowStride = b.constant(valueDimPadded);
  loop.operands.accumulate = b.equal(one, one);
  loop.operands.bElement = b.getF32Type();
  if (packsValues()) {
    Value packed = f32At(frame.scratch(), valuesAt());
    PackOperands pack{kernel.v.element,
                      source,
                      stride,
                      one,
                      keys,
                      b.constant(kernel.valueDim),
                      packed,
                      b.constant(kBlockKeys * kPanelWidth)};
    callPackRows(module, b, pack);
    loop.operands.b = packed;
    loop.operands.bPanelStride = pack.panelStride;
    loop.operands.bRowStride = b.constant(kPanelWidth);
  } else {
    loop.operands.b = source;
    loop.operands.bPanelStride = b.constant(kPanelWidth);
    loop.operands.bRowStride = stride;
  }
  loop.rows = at.rows;
  loop.firstStrip = b.constant(0);
  loop.maxStrips = llvm::divideCeil(kernel.valueDim, shape.stripWidth);
  loop.stripEnd = b.constant(loop.maxStrips);
  emitTileLoop(module, b, loop, [](Value, int64_t, Value, int64_t) {});
}

/// The same, key by key and only for the rows that see the key.
void Emitter::emitValuesCarefully(KernelFrame &frame, const Position &at,
                                  Value firstKey, Value skipped, Value keys) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  Type element = kernel.v.element;
  Value stride = kernel.v.rowStride(b, frame);
  Value source =
      b.at(headPointer(frame, kernel.v, at), element, b.mul(firstKey, stride));
  Value hidden =
      arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(1u << 31)));
  b.forEach(b.constant(0), at.rows, 1, [&](Value row) {
    Value weights = f32At(f32At(frame.scratch(), scoresAt()),
                          b.add(b.mul(row, kBlockKeys), skipped));
    Value sums =
        f32At(f32At(frame.scratch(), sumsAt()), b.mul(row, valueDimPadded));
    b.forEach(b.constant(0), keys, 1, [&](Value key) {
      Value bits = b.load(i32, f32At(weights, key));
      Value isSeen =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bits, hidden);
      b.ifThen(isSeen, [&] {
        Value weight = b.splat(b.load(f32, f32At(weights, key)));
        Value value = b.at(source, element, b.mul(key, stride));
        forVectors(kernel.valueDim, [&](int64_t i, Value mask) {
          Value v = b.loadAsF32(element, b.at(value, element, i), mask);
          Value sum = f32At(sums, i);
          b.store(b.fma(weight, v, b.load(b.f32Vector(), sum)), sum);
        });
      });
    });
  });
}

/// Whether a sum of any row is NaN or infinite: i1.
Value Emitter::hasNonFinite(KernelFrame &frame, const Position &at) {
  Value sums = f32At(frame.scratch(), sumsAt());
  Value zero = b.splatF32(0);
  // A finite number times zero is zero, any other is NaN.
  Value products = b.forEach(b.constant(0), b.mul(at.rows, valueDimPadded),
                             shape.lanes, ValueRange{zero},
                             [&](Value i, ValueRange current) {
                               Value sum =
                                   b.load(b.f32Vector(), f32At(sums, i));
                               return Values{b.fma(sum, zero, current[0])};
                             })
                       .front();
  Value all =
      b.reduceLanes(products, [&](Value x, Value y) { return b.addF(x, y); });
  return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, all, all);
}

void Emitter::emitBlock(KernelFrame &frame, const Position &at, Value firstKey,
                        Value keys) {
  emitScores(frame, at, firstKey, keys);
  VectorType ids = b.vectorType(b.getI32Type());
  ScalarMath math(b, b.getLoc());
  Values seen = b.forEach(
      b.constant(0), at.rows, 1,
      ValueRange{math.integer(ids, kBlockKeys), math.integer(ids, -1)},
      [&](Value row, ValueRange current) {
        return emitSoftmaxRow(frame, at, row, firstKey, keys, current);
      });
  // Values that no row sees are not read: beyond the length of a cache they may
  // hold anything, and zero times NaN is NaN.
  Value first =
      b.reduceLanes(seen[0], [&](Value x, Value y) { return b.min(x, y); });
  Value last =
      b.reduceLanes(seen[1], [&](Value x, Value y) { return b.max(x, y); });
  first = arith::ExtSIOp::create(b, b.getI64Type(), first);
  last = arith::ExtSIOp::create(b, b.getI64Type(), last);
  Value count = b.add(b.sub(last, first), 1);
  b.ifThen(b.less(b.constant(0), count), [&] {
    Value key = b.add(firstKey, first);
    b.ifElse(
        at.isCareful, {},
        [&] {
          emitValuesCarefully(frame, at, key, first, count);
          return Values();
        },
        [&] {
          emitValues(frame, at, key, first, count);
          return Values();
        });
  });
}

/// The mean of all values of the head: what equal weights give.
void Emitter::storeMeanRow(KernelFrame &frame, const Position &at, Value out) {
  Value source = headPointer(frame, kernel.v, at);
  Value stride = kernel.v.rowStride(b, frame);
  // Without any keys the sum, 0, stays.
  Value count =
      arith::SIToFPOp::create(b, b.getF32Type(), b.max(at.keys, b.constant(1)));
  Value counts = b.splat(count);
  forVectors(kernel.valueDim, [&](int64_t i, Value mask) {
    Value sum = b.forEach(b.constant(0), at.keys, 1, ValueRange{b.splatF32(0)},
                          [&](Value key, ValueRange current) {
                            Type element = kernel.v.element;
                            Value place = b.add(b.mul(key, stride), i);
                            Value v = b.loadAsF32(
                                element, b.at(source, element, place), mask);
                            return Values{b.addF(current[0], v)};
                          })
                    .front();
    Type element = kernel.result.element;
    b.storeRounded(b.divF(sum, counts), element, b.at(out, element, i), mask);
  });
}

void Emitter::storeRow(KernelFrame &frame, const Position &at, Value row) {
  VectorType vector = b.f32Vector();
  Type element = kernel.result.element;
  Value out = rowPointer(frame, kernel.result, at, row);
  Value weight =
      b.load(b.getF32Type(), f32At(f32At(frame.scratch(), weightsAt()), row));
  Value isEmpty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, weight,
                                        b.constantF32(0));
  Value sums =
      f32At(f32At(frame.scratch(), sumsAt()), b.mul(row, valueDimPadded));
  auto storeQuotient = [&](Value divisor) {
    Value inverse = b.splat(b.divF(b.constantF32(1), divisor));
    forVectors(kernel.valueDim, [&](int64_t i, Value mask) {
      Value value = b.mulF(b.load(vector, f32At(sums, i)), inverse);
      b.storeRounded(value, element, b.at(out, element, i), mask);
    });
  };
  // Sums of an empty row are zero: divided by one they stay so, by zero (a
  // product with infinity) they become NaN. Without any keys at all they stay.
  if (kernel.emptyRows == EmptyRows::NaN)
    return storeQuotient(
        b.select(b.equal(at.keys, b.constant(0)), b.constantF32(1), weight));
  storeQuotient(b.select(isEmpty, b.constantF32(1), weight));
  if (kernel.emptyRows == EmptyRows::Mean)
    b.ifThen(isEmpty, [&] { storeMeanRow(frame, at, out); });
}

void Emitter::emitBody(KernelFrame &frame) {
  frame.loadBindings(kernel.bindings);
  Position at = locate(frame);
  auto [begin, end] = keyRange(at);
  // A key that one row sees and another does not is multiplied in both, by
  // zero where it is hidden: right unless its value is infinite or NaN, which
  // shows in the sums. Then, and only then, everything is done again with care.
  Value one = b.constant(1), isFirst = b.equal(one, one);
  b.forEach(b.constant(0), b.constant(2), 1, ValueRange{isFirst},
            [&, begin = begin, end = end](Value pass, ValueRange isNeeded) {
              at.isCareful = b.equal(pass, one);
              return b.ifElse(
                  isNeeded[0], b.getI1Type(),
                  [&] {
                    loadQueries(frame, at);
                    b.forEach(begin, end, kBlockKeys, [&](Value firstKey) {
                      Value left = b.sub(end, firstKey);
                      emitBlock(frame, at, firstKey,
                                b.min(b.constant(kBlockKeys), left));
                    });
                    return Values{hasNonFinite(frame, at)};
                  },
                  [&] { return Values{isNeeded[0]}; });
            });
  b.forEach(b.constant(0), at.rows, 1,
            [&](Value row) { storeRow(frame, at, row); });
}

} // namespace

bool isAttentionSupported(int64_t keyDim, int64_t valueDim) {
  return keyDim > 0 && keyDim <= kMaxHeadDim && valueDim > 0 &&
         valueDim <= kMaxHeadDim;
}

int64_t emitAttentionKernel(ModuleOp module, KernelBuilder &builder,
                            const AttentionKernel &kernel) {
  Emitter emitter(module, builder, kernel);
  int64_t bytes = emitter.scratchElements() * 4;
  emitEntry(module, builder, kernel.name, bytes,
            [&](KernelFrame &frame) { emitter.emitBody(frame); });
  return bytes;
}

} // namespace dure::cpu
