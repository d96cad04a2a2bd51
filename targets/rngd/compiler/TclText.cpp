// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dispatch function as TCL: what each family of ops joins and writes.
#include "targets/rngd/compiler/TclText.h"

#include "targets/rngd/compiler/IntegerProduct.h"
#include "targets/rngd/compiler/TclWriter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dure::rngd {
namespace {

using Axes = SmallVector<unsigned>;

/// An op in its two rounds.
struct TclForm {
  void (*join)(TclWriter &, Operation *);
  void (*write)(TclWriter &, Operation *);
};

/// Steps of the vector engine are of floating types; refuses others.
bool isComputed(TclWriter &w, const TclTensor &tensor) {
  if (!tensor.isFloat())
    w.refuse("the vector engine's steps in TCL are of floating types");
  return tensor.isFloat();
}

/// Axes of those dimensions that are no dimension of size 1.
Axes axesOf(TclWriter &w, Value value, ArrayRef<int64_t> dims) {
  Axes out;
  for (int64_t dim : dims)
    if (std::optional<unsigned> at = w.axis(value, dim))
      out.push_back(*at);
  return out;
}

SmallVector<int64_t> dimsFrom(TclWriter &w, Value value, int64_t first) {
  return llvm::to_vector(
      llvm::seq<int64_t>(first, static_cast<int64_t>(w.shape(value).size())));
}

std::string reduction(TclWriter &w, StringRef how, unsigned axis,
                      const std::string &of) {
  return how.str() + " t[" + w.axisName(axis) + "] " + of;
}

std::string numberOr(TclWriter &w, double value) {
  std::optional<std::string> text = tclNumber(value);
  if (!text)
    w.refuse("a number is not finite");
  return text.value_or("f0.0");
}

//===-- Elementwise -------------------------------------------------------===//

void joinElementwise(TclWriter &w, Operation *op) {
  for (Value operand : op->getOperands())
    if (!w.immediate(operand))
      w.joinAligned(operand, op->getResult(0));
}

void writeElementwise(TclWriter &w, Operation *op) {
  TclTensor result = w.tensor(op->getResult(0));
  SmallVector<TclTensor> tensors;
  if (!isComputed(w, result))
    return;
  for (Value operand : op->getOperands()) {
    if (w.immediate(operand))
      continue;
    tensors.push_back(w.tensor(operand));
    // The condition of a choice is compared, not computed with.
    bool isCondition = isa<SelectOp>(op) && operand == op->getOperand(0);
    if (!isCondition && !isComputed(w, tensors.back()))
      return;
  }
  auto isFull = [&](const TclTensor &each) {
    return llvm::equal(each.axes, result.axes);
  };
  auto full = llvm::find_if(tensors, isFull);
  if (full == tensors.end())
    return w.refuse("no operand has the result's shape");
  // Two whole operands come in turns, as one pass reads them from memory.
  bool interleaves = isa<AddOp, SubOp, MulOp, DivOp, MinOp, MaxOp>(op) &&
                     llvm::count_if(tensors, isFull) == 2 &&
                     tensors[0].name != tensors[1].name;
  TclStatement at(w, interleaves ? "Interleaving" : "Elementwise", result);
  // The first that is read says how large the pass is.
  at.read(*full);
  for (const TclTensor &each : tensors)
    at.read(each);
  SmallVector<std::string> in;
  for (Value operand : op->getOperands())
    in.push_back(at.operand(operand));
  if (!tclSteps(at, op, in))
    return w.refuse("the vector engine's steps do not make it");
  at.end();
}

void joinSame(TclWriter &w, Operation *op) {
  w.joinAligned(op->getOperand(0), op->getResult(0));
}

/// Numbers in few bits, which TCL's products do not take with their scales: the
/// operand is what they are widened to.
void writeDequantize(TclWriter &w, Operation *op) {
  auto read = mlir::cast<DequantizeOp>(op);
  bool isWeight = isWidenedByProducts(read);
  if (!isWeight && !isReadByNarrowProducts(op))
    return w.refuse(
        "of numbers in few bits only operands of products have one");
  SmallVector<unsigned> axes;
  for (int64_t i = 0, e = w.shape(read.getResult()).size(); i < e; ++i)
    if (std::optional<unsigned> at = w.axis(read.getResult(), i))
      axes.push_back(*at);
  w.alias(read.getResult(),
          isWeight
              ? w.extraOperand("w", axes, "bf16", "weights, widened to bf16")
              : w.extraOperand("q", axes, "bf16", "quantized, as bf16"));
}

/// A cast: the statement says both types. Products read numbers of fewer bits
/// as they are.
void writeCast(TclWriter &w, Operation *op) {
  auto cast = mlir::cast<CastOp>(op);
  bool onlyProducts = llvm::all_of(
      op->getUsers(), [](Operation *user) { return isa<MatMulOp>(user); });
  Type stored = getElementTypeOrSelf(cast.getX());
  if (onlyProducts &&
      ((cast.getTo().isF32() && stored.isBF16()) ||
       (cast.getTo().isSignlessInteger(32) && stored.isSignlessInteger(8))))
    return w.alias(cast.getResult(), cast.getX());
  TclTensor from = w.tensor(op->getOperand(0));
  TclTensor to = w.tensor(op->getResult(0));
  if (!from.isFloat() || !to.isFloat())
    return w.refuse("casts in TCL are between floating types");
  TclStatement at(w, "TensorOperation", to);
  at.read(from);
  at.end();
}

void joinTranspose(TclWriter &w, Operation *op) {
  auto transpose = cast<dure::TransposeOp>(op);
  for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
    w.join(transpose.getX(), from, transpose.getResult(), i);
}

void writeTranspose(TclWriter &w, Operation *op) {
  TclStatement at(w, "TensorOperation", w.tensor(op->getResult(0)));
  at.read(w.tensor(op->getOperand(0)));
  at.end();
}

//===-- Rows --------------------------------------------------------------===//

void joinReduce(TclWriter &w, Operation *op) {
  auto reduce = cast<ReduceOp>(op);
  int64_t next = 0;
  for (int64_t i : dimsFrom(w, reduce.getX(), 0)) {
    bool reduced = llvm::is_contained(reduce.getAxes(), i);
    if (!reduced)
      w.join(reduce.getX(), i, reduce.getResult(), next);
    next += !reduced || reduce.getKeepDims();
  }
}

/// The steps before the sum, and after it, of a kind of reduction.
std::string beforeSum(TclStatement &at, ReduceKind kind, const std::string &x) {
  if (kind == ReduceKind::L1)
    return at.step(x + " max_f " + at.step(x + " * f-1.0"));
  if (kind == ReduceKind::L2 || kind == ReduceKind::SumSquare)
    return at.step(x + " * " + x);
  return x;
}

void afterSum(TclWriter &w, TclStatement &at, ReduceKind kind, int64_t count,
              const std::string &sum) {
  if (kind == ReduceKind::Mean)
    at.step(sum + " * " + numberOr(w, 1.0 / static_cast<double>(count)));
  else if (kind == ReduceKind::L2)
    at.step("sqrt " + sum);
  else if (kind == ReduceKind::LogSum)
    at.step("log " + sum);
}

void writeReduce(TclWriter &w, Operation *op) {
  auto reduce = cast<ReduceOp>(op);
  ReduceKind kind = reduce.getKind();
  Axes along = axesOf(w, reduce.getX(), reduce.getAxes());
  TclTensor from = w.tensor(reduce.getX());
  TclTensor result = w.tensor(reduce.getResult());
  if (!isComputed(w, from))
    return;
  if (along.empty())
    return w.refuse("it reduces nothing");
  if (kind == ReduceKind::Prod)
    return w.refuse("the vector engine's steps do not make it");
  if (kind == ReduceKind::LogSumExp && along.size() > 1)
    return w.refuse("it reduces over several axes at once");
  StringRef how = kind == ReduceKind::Max   ? "max_f"
                  : kind == ReduceKind::Min ? "min_f"
                                            : "+";
  int64_t count = 1;
  for (unsigned axis : along)
    count *= w.sizeOf(axis);
  // A statement reduces along one axis.
  for (auto [i, axis] : llvm::enumerate(along)) {
    bool isFirst = i == 0, isLast = i + 1 == along.size();
    TclTensor to = result;
    if (!isLast) {
      Axes rest = from.axes;
      llvm::erase(rest, axis);
      to = w.temporary(rest, "f32");
    }
    TclStatement at(w, "ReduceByVe", to);
    std::string x = at.read(from);
    if (kind == ReduceKind::LogSumExp) {
      std::string most = at.step(reduction(w, "max_f", axis, x));
      x = at.step("exp " + at.step(x + " - " + most));
      x = at.step(reduction(w, "+", axis, x));
      at.step(at.step("log " + x) + " + " + most);
    } else {
      if (isFirst)
        x = beforeSum(at, kind, x);
      x = at.step(reduction(w, how, axis, x));
      if (isLast)
        afterSum(w, at, kind, count, x);
    }
    at.end();
    from = to;
  }
}

/// exp(x - max) / sum along an axis, or its logarithm.
void softmaxSteps(TclWriter &w, TclStatement &at, unsigned axis, bool log,
                  const std::string &x) {
  std::string most = at.step(reduction(w, "max_f", axis, x));
  std::string less = at.step(x + " - " + most);
  std::string power = at.step("exp " + less);
  std::string sum = at.step(reduction(w, "+", axis, power));
  if (log)
    at.step(less + " - " + at.step("log " + sum));
  else
    at.step(power + " / " + sum);
}

void writeSoftmax(TclWriter &w, Operation *op) {
  auto softmax = cast<SoftmaxOp>(op);
  std::optional<unsigned> axis = w.axis(softmax.getX(), softmax.getAxis());
  TclTensor from = w.tensor(softmax.getX());
  if (!axis)
    return w.refuse("it reduces nothing");
  TclStatement at(w, "ReduceByVe", w.tensor(softmax.getResult()));
  softmaxSteps(w, at, *axis, softmax.getLog(), at.read(from));
  at.end();
}

/// The one axis that a norm runs along.
std::optional<unsigned> normAxis(TclWriter &w, Value x, int64_t first) {
  Axes along = axesOf(w, x, dimsFrom(w, x, first));
  if (along.size() != 1) {
    w.refuse(along.empty() ? "it reduces nothing"
                           : "it reduces over several axes at once");
    return std::nullopt;
  }
  return along.front();
}

std::string meanOf(TclWriter &w, TclStatement &at, unsigned axis,
                   const std::string &x) {
  std::string sum = at.step(reduction(w, "+", axis, x));
  double part = 1.0 / static_cast<double>(w.sizeOf(axis));
  return at.step(sum + " * " + numberOr(w, part));
}

void writeLayerNorm(TclWriter &w, Operation *op) {
  auto norm = cast<LayerNormOp>(op);
  std::optional<unsigned> axis = normAxis(w, norm.getX(), norm.getAxis());
  if (!axis)
    return;
  TclStatement at(w, "ReduceByVe", w.tensor(norm.getResult()));
  std::string x = at.operand(norm.getX());
  std::string scale = at.operand(norm.getScale()), bias;
  if (norm.getBias())
    bias = at.operand(norm.getBias());
  std::string centred = at.step(x + " - " + meanOf(w, at, *axis, x));
  std::string variance =
      meanOf(w, at, *axis, at.step(centred + " * " + centred));
  std::string root = at.step(
      "sqrt " + at.step(variance + " + " +
                        numberOr(w, norm.getEpsilon().convertToFloat())));
  std::string out = at.step(at.step(centred + " / " + root) + " * " + scale);
  if (!bias.empty())
    at.step(out + " + " + bias);
  at.end();
}

void writeRmsNorm(TclWriter &w, Operation *op) {
  auto norm = cast<RMSNormOp>(op);
  std::optional<unsigned> axis = normAxis(w, norm.getX(), norm.getAxis());
  if (!axis)
    return;
  TclStatement at(w, "ReduceByVe", w.tensor(norm.getResult()));
  std::string x = at.operand(norm.getX());
  std::string scale = at.operand(norm.getScale());
  std::string mean = meanOf(w, at, *axis, at.step(x + " * " + x));
  std::string root = at.step(
      "sqrt " +
      at.step(mean + " + " + numberOr(w, norm.getEpsilon().convertToFloat())));
  at.step(at.step(x + " / " + root) + " * " + scale);
  at.end();
}

//===-- Products ----------------------------------------------------------===//

/// f32 is rounded to bf16 on the way, also beside bf16; bytes have a sign.
bool areContracted(const TclTensor &a, const TclTensor &b) {
  auto isWide = [](const TclTensor &each) {
    return each.element == "f32" || each.element == "bf16";
  };
  return (isWide(a) && isWide(b)) ||
         (a.element == b.element &&
          (StringRef(a.element).starts_with("f8") || a.element == "i8"));
}

/// result = a times b, summed over the axes that the result lacks.
void contract(TclWriter &w, const TclTensor &a, const TclTensor &b,
              const TclTensor &result) {
  if (!areContracted(a, b))
    return w.refuse("products in TCL are of f32, bf16, fp8 or i8");
  bool sums = llvm::any_of(
      a.axes, [&](unsigned axis) { return b.has(axis) && !result.has(axis); });
  if (!sums || result.axes.empty())
    return w.refuse("products in TCL have an inner size and more than one "
                    "result");
  TclStatement at(w, "EinsumByDpe", result);
  std::string first = at.read(a);
  at.contract(first, at.read(b));
  at.end();
}

void joinMatMul(TclWriter &w, Operation *op) {
  auto matmul = cast<MatMulOp>(op);
  Value lhs = matmul.getLhs(), rhs = matmul.getRhs(), out = matmul.getResult();
  int64_t l = w.shape(lhs).size(), r = w.shape(rhs).size(),
          o = w.shape(out).size();
  if (l < 2 || r < 2)
    return w.refuse("an operand is a vector");
  bool tl = matmul.getTransposeLhs(), tr = matmul.getTransposeRhs();
  for (int64_t i = 0; i < l - 2; ++i)
    w.join(lhs, i, out, i + o - l);
  for (int64_t i = 0; i < r - 2; ++i)
    w.join(rhs, i, out, i + o - r);
  w.join(lhs, l - (tl ? 1 : 2), out, o - 2);
  w.join(rhs, r - (tr ? 2 : 1), out, o - 1);
  w.join(lhs, l - (tl ? 2 : 1), rhs, r - (tr ? 1 : 2));
}

void writeMatMul(TclWriter &w, Operation *op) {
  auto matmul = cast<MatMulOp>(op);
  TclTensor lhs = w.tensor(matmul.getLhs()), rhs = w.tensor(matmul.getRhs());
  contract(w, lhs, rhs, w.tensor(matmul.getResult()));
}

void joinGatedMlp(TclWriter &w, Operation *op) {
  auto mlp = cast<GatedMLPOp>(op);
  Value x = mlp.getX(), out = mlp.getResult();
  int64_t rank = w.shape(x).size();
  for (int64_t i = 0; i < rank - 1; ++i)
    w.join(x, i, out, i);
  w.join(x, rank - 1, mlp.getWGate(), 0);
  w.join(x, rank - 1, mlp.getWUp(), 0);
  w.join(mlp.getWGate(), 1, mlp.getWUp(), 1);
  w.join(mlp.getWGate(), 1, mlp.getWDown(), 0);
  w.join(mlp.getWDown(), 1, out, rank - 1);
}

void writeGatedMlp(TclWriter &w, Operation *op) {
  auto mlp = cast<GatedMLPOp>(op);
  TclTensor x = w.tensor(mlp.getX());
  Axes inner = axesOf(w, mlp.getX(), dimsFrom(w, mlp.getX(), 0));
  std::optional<unsigned> summed =
      w.axis(mlp.getX(), w.shape(mlp.getX()).size() - 1);
  std::optional<unsigned> wide = w.axis(mlp.getWGate(), 1);
  if (!summed || !wide)
    return w.refuse("products in TCL have an inner size and more than one "
                    "result");
  inner.back() = *wide;
  TclTensor gate = w.temporary(inner, x.element);
  TclTensor up = w.temporary(inner, x.element);
  TclTensor both = w.temporary(inner, x.element);
  contract(w, x, w.tensor(mlp.getWGate()), gate);
  contract(w, x, w.tensor(mlp.getWUp()), up);
  TclStatement at(w, "Elementwise", both);
  std::string g = at.read(gate), u = at.read(up);
  at.step(tclActivation(at, mlp.getActivation(), g) + " * " + u);
  at.end();
  contract(w, both, w.tensor(mlp.getWDown()), w.tensor(mlp.getResult()));
}

//===-- Attention ---------------------------------------------------------===//

/// Heads of q and of the result as groups and heads of a group, where several
/// share keys.
bool sharesKeys(AttentionOp op) {
  return shapeOf(op.getQ())[1] != shapeOf(op.getK())[1];
}

void splitHeads(TclWriter &w, AttentionOp op, Value value) {
  SmallVector<int64_t> sizes(shapeOf(value));
  int64_t groups = shapeOf(op.getK())[1];
  if (groups == 0)
    return w.refuse("a tensor has no elements");
  sizes.insert(sizes.begin() + 2, sizes[1] / groups);
  sizes[1] = groups;
  w.setShape(value, sizes);
}

void joinAttention(TclWriter &w, Operation *op) {
  auto attention = cast<AttentionOp>(op);
  Value q = attention.getQ(), k = attention.getK(), v = attention.getV(),
        out = attention.getResult(), mask = attention.getMask();
  bool shares = sharesKeys(attention);
  if (shares) {
    splitHeads(w, attention, q);
    splitHeads(w, attention, out);
    if (w.refusal)
      return;
  }
  // The dimension of q that stands before its rows and columns.
  int64_t rows = shares ? 3 : 2;
  for (int64_t i = 0; i <= rows; ++i)
    w.join(q, i, out, i);
  for (Value each : {k, v})
    for (int64_t i : {0, 1})
      w.join(q, i, each, i);
  w.join(q, rows + 1, k, 3);
  w.join(k, 2, v, 2);
  w.join(v, 3, out, rows + 1);
  if (!mask)
    return;
  // Aligned with [B, H, T, S].
  SmallVector<int64_t> sizes(shapeOf(mask));
  sizes.insert(sizes.begin(), 4 - sizes.size(), 1);
  if (shares && sizes[1] != 1)
    return w.refuse("its mask differs between heads that share keys");
  w.setShape(mask, sizes);
  w.join(mask, 0, q, 0);
  if (!shares)
    w.join(mask, 1, q, 1);
  w.join(mask, 2, q, rows);
  w.join(mask, 3, k, 2);
}

/// Whether some key is hidden by its place.
bool hidesByPlace(AttentionOp op) {
  int64_t queries = shapeOf(op.getQ())[2], keys = shapeOf(op.getK())[2];
  return (op.getCausal() && queries > 1) ||
         (op.getWindow() > 0 && static_cast<int64_t>(op.getWindow()) < keys);
}

Refusal attentionTextRefusal(AttentionOp op) {
  int64_t queries = shapeOf(op.getQ())[2], keys = shapeOf(op.getK())[2];
  if (op.getSinks())
    return "it has sinks";
  if (op.getCausal() && queries > keys)
    return "some queries see no key";
  Value mask = op.getMask();
  bool isTruth =
      mask &&
      cast<RankedTensorType>(mask.getType()).getElementType().isInteger(1);
  if (isTruth && op.getEmptyRow() != EmptyRow::Mean)
    return "a row that its mask hides all keys from is not their values' mean";
  return std::nullopt;
}

/// What is done to a score before the softmax.
std::string scoreSteps(TclWriter &w, TclStatement &at, AttentionOp op,
                       const std::string &score, const std::string &mask,
                       const std::string &seen) {
  std::string x =
      at.step(score + " * " + numberOr(w, op.getScale().convertToFloat()));
  if (float cap = op.getSoftcap().convertToFloat(); cap > 0) {
    x = at.step("tanh " + at.step(x + " * " + numberOr(w, 1.0 / cap)));
    x = at.step(x + " * " + numberOr(w, cap));
  }
  bool isTruth = op.getMask() && cast<RankedTensorType>(op.getMask().getType())
                                     .getElementType()
                                     .isInteger(1);
  if (!mask.empty())
    x = isTruth
            ? at.step("if " + mask + " != i0 { " + x + " } else { f-3.0e+38 }")
            : at.step(x + " + " + mask);
  if (!seen.empty())
    x = at.step("if " + seen + " != i0 { " + x + " } else { f-3.0e+38 }");
  return x;
}

void writeAttention(TclWriter &w, Operation *op) {
  auto attention = cast<AttentionOp>(op);
  if (Refusal why = attentionTextRefusal(attention))
    return w.refuse(*why);
  Value q = attention.getQ(), k = attention.getK();
  int64_t rows = w.shape(q).size() - 2;
  Axes scored = axesOf(w, q, dimsFrom(w, q, 0));
  if (w.axis(q, rows + 1))
    scored.pop_back();
  std::optional<unsigned> keys = w.axis(k, 2);
  if (!keys)
    return w.refuse("it has one key");
  scored.push_back(*keys);
  TclTensor of = w.tensor(q);
  TclTensor scores = w.temporary(scored, "f32");
  contract(w, of, w.tensor(k), scores);

  // In the values' type, so that the next product is of one type.
  TclTensor weights = w.temporary(scored, of.element);
  std::string mask, seen;
  TclTensor seenBy;
  if (hidesByPlace(attention)) {
    Axes places;
    if (std::optional<unsigned> row = w.axis(q, rows))
      places.push_back(*row);
    places.push_back(*keys);
    seenBy = w.extraOperand("seen", places, "bool",
                            "which keys a query sees, by its place");
  }
  TclStatement at(w, "ReduceByVe", weights);
  std::string score = at.read(scores);
  if (attention.getMask())
    mask = at.read(w.tensor(attention.getMask()));
  if (!seenBy.name.empty())
    seen = at.read(seenBy);
  softmaxSteps(w, at, *keys, /*log=*/false,
               scoreSteps(w, at, attention, score, mask, seen));
  at.end();
  contract(w, weights, w.tensor(attention.getV()),
           w.tensor(attention.getResult()));
}

//===-- Gather ------------------------------------------------------------===//

void joinGather(TclWriter &w, Operation *op) {
  auto gather = cast<GatherOp>(op);
  Value x = gather.getX(), indices = gather.getIndices(),
        out = gather.getResult();
  if (gather.getAxis() != 0)
    return w.refuse("it takes from another axis than the first");
  int64_t taken = w.shape(indices).size();
  for (int64_t i = 0; i < taken; ++i)
    w.join(indices, i, out, i);
  for (int64_t i = 1, e = w.shape(x).size(); i < e; ++i)
    w.join(x, i, out, i - 1 + taken);
}

void writeGather(TclWriter &w, Operation *op) {
  auto gather = cast<GatherOp>(op);
  TclTensor x = w.tensor(gather.getX()),
            indices = w.tensor(gather.getIndices());
  TclTensor out = w.tensor(gather.getResult());
  std::optional<unsigned> along = w.axis(gather.getX(), 0);
  if (!along || indices.axes.empty() || indices.element != "i32")
    return w.refuse("gathers in TCL take rows of several by a list of indices "
                    "that nothing computes");
  w.statement("    " + out.name + ": " + w.typeOf(out) + " = gather(" + x.name +
              ", " + indices.name + ", " + w.axisName(*along) + ")\n");
}

/// The form of an op; none for those that are written nowhere.
std::optional<TclForm> formOf(Operation *op) {
  using Form = std::optional<TclForm>;
  return llvm::TypeSwitch<Operation *, Form>(op)
      .Case([](MatMulOp) {
        return TclForm{joinMatMul, writeMatMul};
      })
      .Case([](GatedMLPOp) {
        return TclForm{joinGatedMlp, writeGatedMlp};
      })
      .Case([](AttentionOp) {
        return TclForm{joinAttention, writeAttention};
      })
      .Case([](SoftmaxOp) {
        return TclForm{joinSame, writeSoftmax};
      })
      .Case([](LayerNormOp) {
        return TclForm{joinElementwise, writeLayerNorm};
      })
      .Case([](RMSNormOp) {
        return TclForm{joinElementwise, writeRmsNorm};
      })
      .Case([](ReduceOp) {
        return TclForm{joinReduce, writeReduce};
      })
      .Case([](GatherOp) {
        return TclForm{joinGather, writeGather};
      })
      .Case([](dure::TransposeOp) {
        return TclForm{joinTranspose, writeTranspose};
      })
      .Case([](DequantizeOp) {
        return TclForm{[](TclWriter &, Operation *) {}, writeDequantize};
      })
      .Case([](CastOp) {
        return TclForm{joinSame, writeCast};
      })
      .Case<AbsOp, AddOp, CosOp, DivOp, ErfOp, ExpOp, GeluOp, LogOp, MaxOp,
            MinOp, MulOp, NegOp, PowOp, ReciprocalOp, ReluOp, RsqrtOp, SelectOp,
            SigmoidOp, SignOp, SiluOp, SinOp, SoftplusOp, SqrtOp, SubOp,
            TanhOp>([](auto) {
        return TclForm{joinElementwise, writeElementwise};
      })
      .Default([](Operation *) { return Form(); });
}

/// Constants are operands or immediates, and written where they are read.
bool isWritten(Operation &op) { return !isa<dure::ConstantOp>(op); }

} // namespace

TclText tclText(func::FuncOp dispatch) {
  TclWriter w(dispatch);
  TclText out;
  auto round = [&](bool writes) {
    for (Operation &op : dispatch.getBody().front().without_terminator()) {
      if (!isWritten(op))
        continue;
      std::optional<TclForm> form = formOf(&op);
      if (!form)
        w.refuse("TCL has no such op, or none that is known");
      else
        (writes ? form->write : form->join)(w, &op);
      if (w.refusal) {
        out.op = op.getName().getStringRef().str();
        return false;
      }
    }
    return true;
  };
  if (round(/*writes=*/false)) {
    w.begin();
    if (round(/*writes=*/true))
      out.text = w.finish();
  }
  if (!w.refusal)
    return out;
  out.text.clear();
  out.why = *w.refusal;
  if (out.op.empty())
    out.op = dispatch.getBody().front().front().getName().getStringRef().str();
  return out;
}

} // namespace dure::rngd
