// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows, stages and columns around the evaluator.

#include "targets/cpu/compiler/RowKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Elements of a workgroup: enough to hide the call, few enough to share.
constexpr int64_t kBlockElements = 4096;
/// Rows of a workgroup when their length is known only at run time.
constexpr int64_t kBlockRows = 4;
/// Elements of a row that are joined before they are added to the others.
constexpr int64_t kSumBlock = 4096;
/// Chains of additions in flight.
constexpr int64_t kChains = 4;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

SmallVector<DimExpr> rowDims(RankedTensorType type) {
  SmallVector<DimExpr> dims = dimsOf(type);
  if (!dims.empty())
    dims.pop_back();
  return dims;
}

DimExpr columnsOf(RankedTensorType type) {
  return type.getRank() == 0 ? DimExpr(1) : dimOf(type, type.getRank() - 1);
}

/// Whether an op reduces its operand's last axis and no other.
bool isStage(Operation *op) {
  int64_t last =
      op->getNumOperands() ? typeOf(op->getOperand(0)).getRank() - 1 : -1;
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    return int64_t(softmax.getAxis()) == last;
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return int64_t(norm.getAxis()) == last;
  if (auto norm = dyn_cast<RMSNormOp>(op))
    return int64_t(norm.getAxis()) == last;
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getAxes().size() == 1 && reduce.getAxes()[0] == last;
  return false;
}

/// Every tensor has the results' shape or one element, and every op is
/// elementwise.
bool isFlat(func::FuncOp function) {
  SmallVector<DimExpr> dims =
      dimsOf(cast<RankedTensorType>(function.getResultTypes().front()));
  auto fits = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return elementCount(tensor).isConstant(1) || dimsOf(tensor) == dims;
  };
  if (!llvm::all_of(function.getArgumentTypes(), fits))
    return false;
  for (Type type : function.getResultTypes())
    if (dimsOf(cast<RankedTensorType>(type)) != dims)
      return false;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (!isElementwise(&op) && !isa<ConstantOp>(op))
      return false;
    if (!fits(op.getResult(0).getType()))
      return false;
  }
  return true;
}

/// Rows that need no coordinates of their own: every tensor has the rows of
/// the result or one, and every op is elementwise or reduces rows.
bool hasPlainRows(func::FuncOp function, ArrayRef<DimExpr> space) {
  auto fits = [&](Type type) {
    SmallVector<DimExpr> dims = rowDims(cast<RankedTensorType>(type));
    return dims == space ||
           llvm::all_of(dims, [](const DimExpr &d) { return d.isConstant(1); });
  };
  if (!llvm::all_of(function.getArgumentTypes(), fits))
    return false;
  return llvm::all_of(
      function.getBody().front().without_terminator(), [&](Operation &op) {
        // A result without the reduced dimension has other rows.
        auto reduce = dyn_cast<ReduceOp>(&op);
        bool isRowOp = isElementwise(&op) || isa<ConstantOp>(op) ||
                       (isStage(&op) && (!reduce || reduce.getKeepDims()) &&
                        rowDims(typeOf(op.getOperand(0))) == space);
        return isRowOp && fits(op.getResult(0).getType());
      });
}

/// The results of the function: what is returned, and the binding it goes to.
struct Output {
  Value value;
  int64_t binding;
};

class Emitter {
public:
  Emitter(ModuleOp module, KernelBuilder &b, func::FuncOp function,
          DimSlots &slots)
      : module(module), b(b), function(function), slots(slots) {
    Block &body = function.getBody().front();
    int64_t binding = function.getNumArguments();
    for (Value value : body.getTerminator()->getOperands())
      outputs.push_back({value, binding++});
    space = rowDims(typeOf(outputs.front().value));
    for (Operation &op : body)
      if (isStage(&op) && rowDims(typeOf(op.getOperand(0))) == space)
        stages.push_back(&op);
    bindings = binding;
  }

  RowKernelInfo emit(StringRef name);

private:
  RowKernelInfo emitFlat(StringRef name);
  int64_t rowsPerWorkgroup() const;
  void planKept();
  void emitRow(Evaluator &e, ArrayRef<Index> row);
  void emitStage(Evaluator &e, Operation *stage, ArrayRef<Index> row);
  bool keepsPowers(Operation *stage) const;
  void emitSoftmaxInPlace(Evaluator &e, SoftmaxOp softmax, Value count,
                          const Sweep &sweep,
                          std::function<bool(const Point &)> isHere);
  void emitOutputs(Evaluator &e, const DimExpr &columns, ArrayRef<Index> row);
  Sweep rowSweep(Evaluator &e, Value x, ArrayRef<Index> row,
                 std::function<void(Value, const Point &)> keep);
  Point columnPoint(Evaluator &e, ArrayRef<Index> row, int64_t rank,
                    Value column, Value mask);
  Value
  joinColumns(Evaluator &e, const DimExpr &columns, int64_t chains, Value init,
              function_ref<Value(Value column, Value mask, Value sum)> step,
              Combine combine);
  /// Calls `body` for each vector of columns, with the accumulators.
  Values sweepColumns(
      Evaluator &e, const DimExpr &columns, ValueRange inits,
      function_ref<Values(Value column, Value mask, ValueRange sums)> body);

  ModuleOp module;
  KernelBuilder &b;
  func::FuncOp function;
  DimSlots &slots;
  SmallVector<Output> outputs;
  /// Dims of the row coordinates.
  SmallVector<DimExpr> space;
  SmallVector<Operation *> stages;
  int64_t bindings = 0;
  /// Operands of stages that scratch holds: offset in bytes.
  llvm::MapVector<Value, int64_t> kept;
  int64_t scratchBytes = 0;
  /// Outputs that a stage has stored already.
  llvm::DenseSet<Value> stored;
};

int64_t Emitter::rowsPerWorkgroup() const {
  int64_t longest = 1;
  auto add = [&](Value value) {
    std::optional<int64_t> columns = columnsOf(typeOf(value)).constant();
    longest = columns && longest > 0 ? std::max(longest, *columns) : -1;
  };
  for (const Output &output : outputs)
    add(output.value);
  for (Operation *stage : stages)
    add(stage->getOperand(0));
  if (longest < 0)
    return kBlockRows;
  return std::max<int64_t>(1, kBlockElements / std::max<int64_t>(longest, 16));
}

/// Decides which stage operands are kept in scratch: those that are computed
/// and are not a result. A row of one element is in a register already, and
/// may be asked for at the column of a longer row that it broadcasts to.
void Emitter::planKept() {
  for (Operation *stage : stages) {
    Value x = stage->getOperand(0);
    std::optional<int64_t> columns = columnsOf(typeOf(x)).constant();
    if (isa<BlockArgument>(x) || kept.contains(x) || !columns ||
        *columns <= 1 || *columns > kMaxKeptRow ||
        llvm::any_of(outputs, [&](const Output &o) { return o.value == x; }))
      continue;
    kept[x] = scratchBytes;
    unsigned bits = typeOf(x).getElementType().getIntOrFloatBitWidth();
    scratchBytes += llvm::alignTo(*columns * std::max(1u, bits / 8), 64);
  }
}

Values
Emitter::sweepColumns(Evaluator &e, const DimExpr &columns, ValueRange inits,
                      function_ref<Values(Value, Value, ValueRange)> body) {
  int64_t lanes = b.variant.lanes();
  Value zero = b.constant(0), extent = e.dim(columns);
  Value whole = b.mul(b.div(extent, b.constant(lanes)), lanes);
  std::optional<int64_t> fixed = columns.constant();
  Values sums(inits.begin(), inits.end());
  if (!fixed || *fixed >= lanes)
    sums = b.forEach(zero, whole, lanes, sums,
                     [&](Value column, ValueRange current) {
                       Evaluator::Scope scope(e);
                       return body(column, Value(), current);
                     });
  if (fixed && *fixed % lanes == 0)
    return sums;
  auto tail = [&] {
    Evaluator::Scope scope(e);
    Value mask = b.laneMask(b.sub(extent, whole), lanes);
    return body(whole, mask, sums);
  };
  if (fixed)
    return tail();
  return b.ifElse(b.less(whole, extent), inits.getTypes(), tail,
                  [&] { return sums; });
}

Point Emitter::columnPoint(Evaluator &e, ArrayRef<Index> row, int64_t rank,
                           Value column, Value mask) {
  Point point{SmallVector<Index>(row), mask};
  if (rank > 0 || e.layout == Evaluator::Layout::Rows)
    point.at.push_back({column, 1, {}});
  return point;
}

/// Joins the elements of a row: in blocks, so that rounding errors grow with
/// the root of its length, and in several chains where reading is all the work,
/// so that the latency of an addition does not matter.
Value Emitter::joinColumns(Evaluator &e, const DimExpr &columns, int64_t chains,
                           Value init,
                           function_ref<Value(Value, Value, Value)> step,
                           Combine combine) {
  int64_t lanes = b.variant.lanes();
  Value extent = e.dim(columns);
  Value whole = b.mul(b.div(extent, b.constant(lanes)), lanes);
  std::optional<int64_t> fixed = columns.constant();
  auto oneByOne = [&](Value begin, Value end, Value sum) {
    return b
        .forEach(begin, end, lanes, sum,
                 [&](Value column, ValueRange current) {
                   Evaluator::Scope scope(e);
                   return Values{step(column, Value(), current[0])};
                 })
        .front();
  };
  auto joinBlock = [&](Value begin, Value end) {
    if (chains == 1)
      return oneByOne(begin, end, init);
    Value pace = b.constant(chains * lanes);
    Value main = b.add(begin, b.mul(b.div(b.sub(end, begin), pace), pace));
    Values sums = b.forEach(
        begin, main, chains * lanes, Values(chains, init),
        [&](Value column, ValueRange current) {
          Evaluator::Scope scope(e);
          Values next;
          for (int64_t i = 0; i < chains; ++i)
            next.push_back(step(b.add(column, i * lanes), Value(), current[i]));
          return next;
        });
    for (int64_t half = chains / 2; half > 0; half /= 2)
      for (int64_t i = 0; i < half; ++i)
        sums[i] = combine(sums[i], sums[i + half]);
    return oneByOne(main, end, sums[0]);
  };
  Value sum = init;
  if (fixed && *fixed <= kSumBlock) {
    if (*fixed >= lanes)
      sum = joinBlock(b.constant(0), whole);
  } else {
    sum = b.forEach(b.constant(0), whole, kSumBlock, init,
                    [&](Value begin, ValueRange current) {
                      Value end = b.min(b.add(begin, kSumBlock), whole);
                      return Values{combine(current[0], joinBlock(begin, end))};
                    })
              .front();
  }
  if (fixed && *fixed % lanes == 0)
    return sum;
  auto tail = [&] {
    Evaluator::Scope scope(e);
    Value mask = b.laneMask(b.sub(extent, whole), lanes);
    return b.select(mask, step(whole, mask, sum), sum);
  };
  if (fixed)
    return tail();
  return b
      .ifElse(
          b.less(whole, extent), sum.getType(), [&] { return Values{tail()}; },
          [&] { return Values{sum}; })
      .front();
}

/// A sweep over one row of `x`. `keep`, when given, gets what the first sweep
/// computed.
Sweep Emitter::rowSweep(Evaluator &e, Value x, ArrayRef<Index> row,
                        std::function<void(Value, const Point &)> keep) {
  auto isFirst = std::make_shared<bool>(true);
  return [=, this, &e](Value init, Step step, Combine combine) {
    bool keeps = keep && *isFirst;
    *isFirst = false;
    RankedTensorType type = typeOf(x);
    // What is computed keeps the machine busy without.
    bool onlyReads = isa<BlockArgument>(x) || (keep && !keeps);
    Value sums = joinColumns(
        e, columnsOf(type), onlyReads ? kChains : 1, init,
        [&](Value column, Value mask, Value sum) {
          Point at = columnPoint(e, row, type.getRank(), column, mask);
          Value elements = e.eval(x, at);
          if (keeps)
            keep(elements, at);
          return step(sum, elements, at);
        },
        combine);
    return b.splat(b.reduceLanes(sums, combine));
  };
}

/// Whether a softmax can keep its powers of e where its result goes, rather
/// than compute them twice: nothing else reads the result, which then holds
/// both one after the other, and keeping rounds nothing.
bool Emitter::keepsPowers(Operation *stage) const {
  auto softmax = dyn_cast<SoftmaxOp>(stage);
  return softmax && !softmax.getLog() &&
         ScalarMath::computeType(typeOf(softmax.getX()).getElementType()) ==
             typeOf(softmax.getResult()).getElementType() &&
         llvm::count_if(outputs,
                        [&](const Output &o) {
                          return o.value == softmax.getResult();
                        }) == 1 &&
         softmax.getResult().hasOneUse();
}

void Emitter::emitSoftmaxInPlace(Evaluator &e, SoftmaxOp softmax, Value count,
                                 const Sweep &sweep,
                                 std::function<bool(const Point &)> isHere) {
  Value result = softmax.getResult();
  RankedTensorType type = typeOf(result);
  auto output = llvm::find_if(
      outputs, [&](const Output &o) { return o.value == result; });
  Value base = e.frame.binding(output->binding);
  RowStats stats =
      emitRowStats(e, softmax, count, sweep, [&](Value power, const Point &at) {
        e.storeResult(power, type, base, at);
      });
  e.redirect(result, [=, &e](const Point &at) {
    return isHere(at) ? e.b.mulF(e.loadResult(base, type, at), stats.factor)
                      : Value();
  });
}

/// Computes what a stage needs to know of the row and lets the evaluator use
/// it for points of this row.
void Emitter::emitStage(Evaluator &e, Operation *stage, ArrayRef<Index> row) {
  Value x = stage->getOperand(0);
  RankedTensorType type = typeOf(x);
  SmallVector<Index> here(row);
  auto isHere = [here](const Point &point) {
    return ArrayRef<Index>(point.at).take_front(here.size()) ==
           ArrayRef<Index>(here);
  };
  std::function<void(Value, const Point &)> keep;
  Evaluator::Read readKept;
  auto output =
      llvm::find_if(outputs, [&](const Output &o) { return o.value == x; });
  if (output != outputs.end() && stored.insert(x).second) {
    Value base = e.frame.binding(output->binding);
    keep = [&e, base, type](Value elements, const Point &at) {
      e.storeResult(elements, type, base, at);
    };
    readKept = [&e, base, type, isHere](const Point &at) {
      return isHere(at) ? e.loadResult(base, type, at) : Value();
    };
  } else if (kept.contains(x)) {
    // The row alone: its type has one dimension.
    auto rowType = tensorOf({columnsOf(type)}, type.getElementType());
    Value base = b.at(e.frame.scratch(), b.getI8Type(), kept[x]);
    auto inRow = [](const Point &at) { return Point{{at.at.back()}, at.mask}; };
    keep = [&e, base, rowType, inRow](Value elements, const Point &at) {
      e.store(elements, rowType, base, inRow(at));
    };
    readKept = [&e, base, rowType, inRow, isHere](const Point &at) {
      return isHere(at) ? e.loadFrom(base, rowType, inRow(at)) : Value();
    };
    kept.erase(x);
  }
  Sweep sweep = rowSweep(e, x, here, keep);
  Sweep keepingSweep = [&](Value init, Step step, Combine combine) {
    Value result = sweep(init, step, combine);
    if (readKept)
      e.redirect(x, readKept);
    return result;
  };
  Value count = e.dim(columnsOf(type));
  if (auto reduce = dyn_cast<ReduceOp>(stage)) {
    Value result = emitReduction(e, reduce.getKind(), type.getElementType(),
                                 count, keepingSweep);
    e.redirect(reduce.getResult(),
               [=](const Point &at) { return isHere(at) ? result : Value(); });
    return;
  }
  if (keepsPowers(stage))
    return emitSoftmaxInPlace(e, cast<SoftmaxOp>(stage), count, keepingSweep,
                              isHere);
  RowStats stats = emitRowStats(e, stage, count, keepingSweep);
  e.redirect(stage->getResult(0), [=, &e](const Point &at) {
    return isHere(at) ? emitNormalized(e, stage, e.eval(x, at), stats, at)
                      : Value();
  });
}

/// Stores all outputs whose rows have this length.
void Emitter::emitOutputs(Evaluator &e, const DimExpr &columns,
                          ArrayRef<Index> row) {
  auto storeAll = [&](Value column, Value mask) {
    for (const Output &output : outputs) {
      RankedTensorType type = typeOf(output.value);
      if (columnsOf(type) != columns || stored.contains(output.value))
        continue;
      Point at = columnPoint(e, row, type.getRank(), column, mask);
      // One element, not a vector with one lane.
      if (columns.isConstant(1) && at.at.size() > row.size())
        at.at.back() = e.uniform(int64_t(0));
      e.storeResult(e.eval(output.value, at), type,
                    e.frame.binding(output.binding), at);
    }
  };
  if (columns.isConstant(1)) {
    Evaluator::Scope scope(e);
    storeAll(b.constant(0), Value());
    return;
  }
  sweepColumns(e, columns, {}, [&](Value column, Value mask, ValueRange) {
    storeAll(column, mask);
    return Values{};
  });
}

void Emitter::emitRow(Evaluator &e, ArrayRef<Index> row) {
  for (Operation *stage : stages)
    emitStage(e, stage, row);
  SmallVector<DimExpr> lengths;
  for (const Output &output : outputs) {
    DimExpr columns = columnsOf(typeOf(output.value));
    if (!llvm::is_contained(lengths, columns) &&
        !stored.contains(output.value)) {
      lengths.push_back(columns);
    }
  }
  for (const DimExpr &columns : lengths)
    emitOutputs(e, columns, row);
}

RowKernelInfo Emitter::emitFlat(StringRef name) {
  DimExpr total = elementCount(typeOf(outputs.front().value));
  emitEntry(module, b, name, 0, [&](KernelFrame &frame) {
    frame.loadBindings(bindings);
    Evaluator e(module, b, frame, slots);
    e.layout = Evaluator::Layout::Flat;
    int64_t lanes = b.variant.lanes();
    auto storeAll = [&](Value position, Value mask) {
      Evaluator::Scope scope(e);
      Point at{{{position, 1, {}}}, mask};
      for (const Output &output : outputs)
        e.storeResult(e.eval(output.value, at), typeOf(output.value),
                      frame.binding(output.binding), at);
    };
    Value begin = b.mul(frame.workgroup(), kBlockElements);
    Value end = b.min(b.add(begin, kBlockElements), e.dim(total));
    Value whole =
        b.add(begin, b.mul(b.div(b.sub(end, begin), b.constant(lanes)), lanes));
    b.forEach(begin, whole, lanes,
              [&](Value position) { storeAll(position, Value()); });
    b.ifThen(b.less(whole, end),
             [&] { storeAll(whole, b.laneMask(b.sub(end, whole), lanes)); });
  });
  return {DimExpr::ceilDiv(total, kBlockElements), 0};
}

RowKernelInfo Emitter::emit(StringRef name) {
  if (isFlat(function))
    return emitFlat(name);
  planKept();
  int64_t bytes = scratchBytes, block = rowsPerWorkgroup();
  DimExpr rows = 1;
  for (const DimExpr &dim : space)
    rows = rows * dim;
  emitEntry(module, b, name, bytes, [&](KernelFrame &frame) {
    frame.loadBindings(bindings);
    Evaluator e(module, b, frame, slots);
    if (hasPlainRows(function, space))
      e.layout = Evaluator::Layout::Rows;
    Value begin = b.mul(frame.workgroup(), block);
    Value end = b.min(b.add(begin, block), e.dim(rows));
    b.forEach(begin, end, 1, [&](Value row) {
      Evaluator::Scope scope(e);
      if (e.layout == Evaluator::Layout::Rows)
        emitRow(e, e.uniform(row));
      else
        emitRow(e, e.delinearize(row, space));
    });
  });
  return {DimExpr::ceilDiv(rows, block), bytes};
}

} // namespace

bool isRowKernel(func::FuncOp function) {
  Block &body = function.getBody().front();
  auto results = body.getTerminator()->getOperands();
  if (results.empty())
    return false;
  SmallVector<DimExpr> space = rowDims(typeOf(results.front()));
  return llvm::all_of(
             results,
             [&](Value result) { return rowDims(typeOf(result)) == space; }) &&
         llvm::all_of(body.without_terminator(), [](Operation &op) {
           return Evaluator::isSupported(&op);
         });
}

RowKernelInfo emitRowKernel(ModuleOp module, KernelBuilder &builder,
                            func::FuncOp function, StringRef name,
                            DimSlots &slots) {
  return Emitter(module, builder, function, slots).emit(name);
}

} // namespace dure::cpu
