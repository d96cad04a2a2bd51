// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recognition of a dispatch function's kernel family, and the translation of
// its types and attributes into the family's terms.

#include "targets/cpu/compiler/DispatchLowering.h"

#include "targets/cpu/compiler/AttentionKernel.h"
#include "targets/cpu/compiler/AxisKernel.h"
#include "targets/cpu/compiler/CacheKernel.h"
#include "targets/cpu/compiler/Evaluator.h"
#include "targets/cpu/compiler/MatMulKernel.h"
#include "targets/cpu/compiler/MicroKernel.h"
#include "targets/cpu/compiler/RowKernel.h"
#include "targets/cpu/compiler/StridedView.h"
#include "targets/cpu/compiler/WidenedOperand.h"
#include "targets/reference/compiler/ReferenceCodegen.h"

#include "compiler/Target.h"

using namespace mlir;

namespace dure::cpu {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

DimExpr product(ArrayRef<DimExpr> dims) {
  DimExpr result = 1;
  for (const DimExpr &dim : dims)
    result = result * dim;
  return result;
}

bool areOnes(ArrayRef<DimExpr> dims) {
  return llvm::all_of(dims, [](const DimExpr &d) { return d.isConstant(1); });
}

template <typename OpTy> OpTy findOp(func::FuncOp function) {
  auto ops = function.getBody().front().getOps<OpTy>();
  return ops.empty() ? OpTy() : *ops.begin();
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

/// A dispatch whose root is a matmul, or an expert_matmul, of f32, f16 or bf16
/// with an elementwise epilogue.
class MatMulDispatch {
public:
  MatMulDispatch(func::FuncOp function, DimSlots &slots)
      : function(function), slots(slots) {}

  /// Whether the function has this form.
  bool match();
  KernelInfo emit(ModuleOp module, KernelBuilder &builder);

private:
  bool matchRoot();
  bool matchOperands();
  bool matchExperts();
  bool matchEpilogue();
  MatMulKernel::GetPointer expertPointer(Value operand, DimExpr rows);
  void emitExperts(MatMulKernel &kernel);
  void emitParameters(MatMulKernel &kernel);
  MatMulKernel::GetValue dim(DimExpr expr);
  DimExpr matrixSize(BlockArgument operand);
  MatMulKernel::GetPointer operandPointer(Value operand);
  void store(ModuleOp module, KernelBuilder &b, KernelFrame &frame,
             const MatMulResult &result);

  func::FuncOp function;
  DimSlots &slots;
  /// One of them; both have operands `lhs` and `rhs` and the result `root`.
  MatMulOp matmul;
  ExpertMatMulOp experts;
  Value lhs, rhs, root;
  /// What `rhs` is made of; its values are arguments.
  WidenedOperand matrices;
  RhsLayout layout = RhsLayout::Rows;
  /// Batches of their own; none when the right operand is shared by all rows.
  SmallVector<DimExpr> batch;
  DimExpr m, n, k;
  /// All operands of the epilogue have the result's rows or one.
  bool plainRows = false;
};

bool MatMulDispatch::match() {
  if (!matchRoot() || !(experts ? matchExperts() : matchOperands()))
    return false;
  std::optional<int64_t> rows = k.constant();
  return (!matrices.scales || (rows && isScaledBlock(*rows, matrices.block))) &&
         matchEpilogue();
}

bool MatMulDispatch::matchRoot() {
  matmul = findOp<MatMulOp>(function);
  experts = findOp<ExpertMatMulOp>(function);
  if (!matmul == !experts)
    return false;
  lhs = matmul ? matmul.getLhs() : experts.getX();
  rhs = matmul ? matmul.getRhs() : experts.getW();
  root = matmul ? matmul.getResult() : experts.getResult();
  matrices = widenedOperand(rhs);
  if (!isa<BlockArgument>(lhs) ||
      !llvm::all_of(matrices.values(), llvm::IsaPred<BlockArgument>))
    return false;
  for (Value each : {lhs, root})
    if (!isMicroElement(typeOf(each).getElementType()))
      return false;
  if (!isPanelElement(matrices))
    return false;
  // What else a layout could be has been refused (verifyLayouts).
  auto isInPanels = [&](Value value) {
    unsigned number = cast<BlockArgument>(value).getArgNumber();
    return bool(function.getArgAttr(number, LayoutAttr));
  };
  if (matrices.scales && !llvm::all_of(matrices.values(), isInPanels))
    return false;
  if (isInPanels(matrices.stored))
    layout = RhsLayout::Panels;
  else if (matmul && matmul.getTransposeRhs())
    layout = RhsLayout::Columns;
  return true;
}

/// All rows are those of one batch: each chooses a matrix.
bool MatMulDispatch::matchExperts() {
  RankedTensorType w = typeOf(rhs);
  if (!isa<BlockArgument>(experts.getExperts()) ||
      !typeOf(experts.getExperts()).getElementType().isInteger(64))
    return false;
  if (!choosesByRow(experts))
    return false;
  // Faults are found by a workgroup, so there must be one.
  for (int64_t i : {0, 2})
    if (w.isDynamicDim(i) || w.getDimSize(i) == 0)
      return false;
  k = dimOf(w, 1);
  n = dimOf(w, 2);
  m = elementCount(typeOf(experts.getExperts()));
  return true;
}

bool MatMulDispatch::matchOperands() {
  SmallVector<DimExpr> result = dimsOf(typeOf(root));
  SmallVector<DimExpr> rhsDims = dimsOf(typeOf(rhs));
  n = result.pop_back_val();
  m = result.pop_back_val();
  SmallVector<DimExpr> lhsDims = dimsOf(typeOf(lhs));
  k = lhsDims[lhsDims.size() - (matmul.getTransposeLhs() ? 2 : 1)];
  // Batches of A are more rows of it, unless its columns are contiguous.
  bool hasOneMatrix = !matmul.getTransposeLhs() ||
                      areOnes(ArrayRef<DimExpr>(lhsDims).drop_back(2));
  if (hasOneMatrix && areOnes(ArrayRef<DimExpr>(rhsDims).drop_back(2)))
    m = product(result) * m;
  else
    batch = result;
  return true;
}

/// Everything else must be elementwise on the result's shape.
bool MatMulDispatch::matchEpilogue() {
  SmallVector<DimExpr> dims = dimsOf(typeOf(root));
  ArrayRef<DimExpr> rows = ArrayRef<DimExpr>(dims).drop_back();
  plainRows = batch.empty();
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (&op == root.getDefiningOp() || llvm::is_contained(matrices.ops, &op))
      continue;
    if (!isElementwise(&op) && !isa<ConstantOp>(op))
      return false;
    // Only an entry can report a fault; the epilogue is none.
    if (isa<DivOp, ModOp>(op) &&
        !isa<FloatType>(typeOf(op.getOperand(1)).getElementType()))
      return false;
    for (Value tensor : op.getOperands()) {
      SmallVector<DimExpr> own = dimsOf(typeOf(tensor));
      if (!own.empty())
        own.pop_back();
      plainRows &= ArrayRef<DimExpr>(own) == rows || areOnes(own);
    }
  }
  for (Value output : function.getBody().front().getTerminator()->getOperands())
    if (dimsOf(typeOf(output)) != dims)
      return false;
  return true;
}

MatMulKernel::GetValue MatMulDispatch::dim(DimExpr expr) {
  DimSlots &known = slots;
  return [expr, &known](KernelBuilder &b, KernelFrame &frame) {
    if (auto value = expr.constant())
      return b.constant(*value);
    return frame.constant(known.slotOf(expr));
  };
}

/// Elements of one of an operand's matrices, as it lies.
DimExpr MatMulDispatch::matrixSize(BlockArgument operand) {
  RankedTensorType type = typeOf(operand);
  DimExpr rows = dimOf(type, type.getRank() - 2);
  DimExpr columns = dimOf(type, type.getRank() - 1);
  if (function.getArgAttr(operand.getArgNumber(), LayoutAttr))
    columns = DimExpr::ceilDiv(columns, kPanelWidth) * kPanelWidth;
  return rows * columns;
}

/// Element (0, 0) of an operand's matrix in a batch; broadcast dimensions stay
/// at 0.
MatMulKernel::GetPointer MatMulDispatch::operandPointer(Value operand) {
  auto argument = cast<BlockArgument>(operand);
  int64_t binding = argument.getArgNumber();
  RankedTensorType type = typeOf(operand);
  DimExpr size = matrixSize(argument);
  return [this, binding, type, size](KernelBuilder &b, KernelFrame &frame,
                                     Value index) -> Value {
    Value pointer = frame.binding(binding);
    if (batch.empty())
      return pointer;
    Evaluator e(ModuleOp(), b, frame, slots);
    SmallVector<Index> at = e.delinearize(index, batch);
    Value offset = b.constant(0);
    DimExpr stride = size;
    int64_t missing = batch.size() - (type.getRank() - 2);
    for (int64_t i = type.getRank() - 2; i-- > 0;) {
      if (!dimOf(type, i).isConstant(1))
        offset = b.add(offset, b.mul(at[missing + i].base, e.dim(stride)));
      stride = stride * dimOf(type, i);
    }
    return b.at(pointer, type.getElementType(), offset);
  };
}

void MatMulDispatch::store(ModuleOp module, KernelBuilder &b,
                           KernelFrame &frame, const MatMulResult &result) {
  Evaluator e(module, b, frame, slots);
  Point at;
  at.mask = result.mask;
  SmallVector<DimExpr> dims = dimsOf(typeOf(root));
  ArrayRef<DimExpr> rows = ArrayRef<DimExpr>(dims).drop_back();
  if (plainRows) {
    e.layout = Evaluator::Layout::Rows;
    at.at.push_back(e.uniform(result.row));
  } else if (batch.empty()) {
    at.at = e.delinearize(result.row, rows);
  } else {
    at.at = e.delinearize(result.batch, batch);
    at.at.push_back(e.uniform(result.row));
  }
  at.at.push_back({result.column, 1, {}});
  // Rounded as the op's result is; nothing for f32.
  Value sums = e.math().convert(result.sums, b.getF32Type(),
                                typeOf(root).getElementType());
  e.redirect(root,
             [&](const Point &point) { return point == at ? sums : Value(); });
  auto outputs = function.getBody().front().getTerminator()->getOperands();
  int64_t binding = function.getNumArguments();
  for (Value output : outputs)
    e.storeResult(e.eval(output, at), typeOf(output), frame.binding(binding++),
                  at);
}

/// The matrix of a batch of experts, which has so many rows, or parameters of
/// as many blocks.
MatMulKernel::GetPointer MatMulDispatch::expertPointer(Value operand,
                                                       DimExpr rows) {
  DimExpr stride = rows * n;
  if (layout == RhsLayout::Panels)
    stride = DimExpr::ceilDiv(n, kPanelWidth) * kPanelWidth * rows;
  int64_t binding = cast<BlockArgument>(operand).getArgNumber();
  return [binding, element = typeOf(operand).getElementType(),
          size = dim(stride)](KernelBuilder &b, KernelFrame &frame,
                              Value batch) {
    return b.at(frame.binding(binding), element, b.mul(batch, size(b, frame)));
  };
}

/// Every row finds its matrix in the list of choices.
void MatMulDispatch::emitExperts(MatMulKernel &kernel) {
  int64_t lhsBinding = cast<BlockArgument>(lhs).getArgNumber();
  int64_t chosen = cast<BlockArgument>(experts.getExperts()).getArgNumber();
  kernel.lhs = [lhsBinding](KernelBuilder &, KernelFrame &frame, Value) {
    return frame.binding(lhsBinding);
  };
  kernel.rhs = expertPointer(matrices.stored, k);
  kernel.choices = [chosen](KernelBuilder &, KernelFrame &frame) {
    return frame.binding(chosen);
  };
  kernel.batches = dim(dimOf(typeOf(rhs), 0));
  // A token's row serves all of its experts, or each has one.
  bool isShared = typeOf(lhs).getRank() == 2;
  kernel.rowsPerLhs =
      dim(isShared ? dimOf(typeOf(experts.getExperts()), 1) : DimExpr(1));
}

/// What integers are widened with.
void MatMulDispatch::emitParameters(MatMulKernel &kernel) {
  kernel.scaledBlock = matrices.block;
  auto pointer = [&](Value list) -> MatMulKernel::GetPointer {
    if (!list)
      return {};
    if (experts)
      return expertPointer(list, dimOf(typeOf(list), 1));
    return operandPointer(list);
  };
  kernel.scales = pointer(matrices.scales);
  kernel.zeroPoints = pointer(matrices.zeroPoints);
  kernel.offsets = pointer(matrices.offsets);
  for (auto [list, element] :
       {std::pair(matrices.scales, &kernel.scaleElement),
        std::pair(matrices.offsets, &kernel.offsetElement)})
    if (list)
      *element = typeOf(list).getElementType();
}

KernelInfo MatMulDispatch::emit(ModuleOp module, KernelBuilder &builder) {
  MatMulKernel kernel;
  kernel.name = function.getName();
  kernel.bindings = function.getNumArguments() + function.getNumResults();
  kernel.m = dim(m);
  kernel.n = dim(n);
  kernel.k = dim(k);
  kernel.staticN = n.constant();
  kernel.staticK = k.constant();
  kernel.lhsElement = typeOf(lhs).getElementType();
  kernel.rhsElement = typeOf(matrices.stored).getElementType();
  emitParameters(kernel);
  if (matmul) {
    kernel.lhs = operandPointer(lhs);
    kernel.rhs = operandPointer(matrices.stored);
    kernel.transposedLhs = matmul.getTransposeLhs();
  } else {
    emitExperts(kernel);
  }
  kernel.lhsRowStride = dim(kernel.transposedLhs ? m : k);
  kernel.rhsLayout = layout;
  kernel.rhsRowStride = dim(layout == RhsLayout::Columns ? k : n);
  kernel.store = [&](KernelBuilder &b, KernelFrame &frame,
                     const MatMulResult &result) {
    store(module, b, frame, result);
  };
  KernelInfo info;
  info.scratchBytes = emitMatMulKernel(module, builder, kernel);
  MatMulBlocks blocks = chooseMatMulBlocks(kernel.staticN);
  DimExpr panels = DimExpr::ceilDiv(n, kPanelWidth);
  DimExpr batches = product(batch);
  info.workgroups = DimExpr::ceilDiv(panels, blocks.panels);
  info.workgroups =
      info.workgroups * (matmul ? batches * DimExpr::ceilDiv(m, blocks.rows)
                                : dimOf(typeOf(rhs), 0));
  return info;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// A tensor [batch, head, row, column] that is read or written where an
/// argument or result lies: strides by the attention's dimensions.
struct Strided {
  int64_t binding = 0;
  Type element;
  DimExpr offset = 0;
  SmallVector<DimExpr> strides;
};

class AttentionDispatch {
public:
  AttentionDispatch(func::FuncOp function, DimSlots &slots)
      : function(function), slots(slots) {}
  bool match();
  KernelInfo emit(ModuleOp module, KernelBuilder &builder);

private:
  bool matchOperand(Value operand, Strided &out);
  bool matchKeys();
  bool matchMask();
  bool matchResult();
  HeadOperand operand(const Strided &strided, unsigned rowDim = 2);
  void emitKeys(AttentionKernel &kernel);
  DimExpr blockRows();
  HeadOperand::GetValue dim(DimExpr expr);

  func::FuncOp function;
  DimSlots &slots;
  AttentionOp attention;
  Strided q, v, mask, result;
  /// Of each part of the keys.
  SmallVector<Strided> k;
};

bool AttentionDispatch::match() {
  attention = findOp<AttentionOp>(function);
  if (!attention)
    return false;
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isa<AttentionOp, ConcatOp>(op) && !isStridedView(&op))
      return false;
  for (Value operand : attention->getOperands())
    if (operand != attention.getMask() &&
        !isMicroElement(typeOf(operand).getElementType()))
      return false;
  if (!isMicroElement(typeOf(attention.getResult()).getElementType()))
    return false;
  if (!matchOperand(attention.getQ(), q) || !matchKeys() ||
      !matchOperand(attention.getV(), v) || !matchMask() || !matchResult())
    return false;
  if (attention.getSinks() && !isa<BlockArgument>(attention.getSinks()))
    return false;
  std::optional<int64_t> keyDim = dimOf(typeOf(attention.getK()), 3).constant();
  std::optional<int64_t> valueDim =
      dimOf(typeOf(attention.getV()), 3).constant();
  if (!keyDim || !valueDim || !isAttentionSupported(*keyDim, *valueDim))
    return false;
  return q.strides[3].isConstant(1) && v.strides[3].isConstant(1) &&
         result.strides[3].isConstant(1);
}

/// Keys have contiguous rows, or contiguous columns.
bool AttentionDispatch::matchKeys() {
  for (Value part : keyParts(attention)) {
    Strided &strided = k.emplace_back();
    if (typeOf(part).isDynamicDim(3) || !matchOperand(part, strided) ||
        (!strided.strides[3].isConstant(1) &&
         !strided.strides[2].isConstant(1)))
      return false;
  }
  return true;
}

bool AttentionDispatch::matchOperand(Value operand, Strided &out) {
  StridedView view = stridedView(operand);
  auto argument = dyn_cast<BlockArgument>(view.base);
  if (!argument || view.strides.size() != 4)
    return false;
  out.binding = argument.getArgNumber();
  out.element = typeOf(argument).getElementType();
  out.offset = view.offset;
  out.strides = view.strides;
  return true;
}

bool AttentionDispatch::matchMask() {
  if (!attention.getMask())
    return true;
  auto argument = dyn_cast<BlockArgument>(attention.getMask());
  if (!argument)
    return false;
  RankedTensorType type = typeOf(argument);
  if (!isMicroElement(type.getElementType()) &&
      !type.getElementType().isInteger(1))
    return false;
  mask.binding = argument.getArgNumber();
  // i1 is one byte.
  mask.element = type.getElementType().isInteger(1)
                     ? IntegerType::get(function.getContext(), 8)
                     : type.getElementType();
  mask.strides.assign(4, DimExpr(0));
  SmallVector<DimExpr> strides = stridesOf(type);
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (!dimOf(type, i).isConstant(1))
      mask.strides[4 - type.getRank() + i] = strides[i];
  return type.getRank() <= 4;
}

bool AttentionDispatch::matchResult() {
  auto returned = function.getBody().front().getTerminator()->getOperands();
  if (returned.size() != 1)
    return false;
  result.binding = function.getNumArguments();
  result.element = typeOf(attention.getResult()).getElementType();
  SmallVector<DimExpr> strides = stridesOf(typeOf(returned[0]));
  if (returned[0] == attention.getResult()) {
    result.strides = strides;
    return true;
  }
  auto transpose = returned[0].getDefiningOp<TransposeOp>();
  if (!transpose || transpose.getX() != attention.getResult())
    return false;
  result.strides.resize(4);
  for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
    result.strides[from] = strides[to];
  return true;
}

HeadOperand::GetValue AttentionDispatch::dim(DimExpr expr) {
  DimSlots &known = slots;
  return [expr, &known](KernelBuilder &b, KernelFrame &frame) {
    if (auto value = expr.constant())
      return b.constant(*value);
    return frame.constant(known.slotOf(expr));
  };
}

HeadOperand AttentionDispatch::operand(const Strided &strided,
                                       unsigned rowDim) {
  HeadOperand out;
  int64_t binding = strided.binding;
  out.element = strided.element;
  out.pointer = [binding, element = strided.element,
                 offset = dim(strided.offset)](KernelBuilder &b,
                                               KernelFrame &frame) {
    return b.at(frame.binding(binding), element, offset(b, frame));
  };
  out.batchStride = dim(strided.strides[0]);
  out.headStride = dim(strided.strides[1]);
  out.rowStride = dim(strided.strides[rowDim]);
  return out;
}

void AttentionDispatch::emitKeys(AttentionKernel &kernel) {
  for (auto [part, strided] : llvm::zip(keyParts(attention), k)) {
    KeyPart &out = kernel.k.emplace_back();
    out.columns = typeOf(part).getDimSize(3);
    out.isTransposed = !strided.strides[3].isConstant(1);
    out.operand = operand(strided, out.isTransposed ? 3 : 2);
    kernel.keyDim += out.columns;
  }
}

/// Rows of one key head only are too few for many threads in blocks of the full
/// size, above all in a step of one position.
DimExpr AttentionDispatch::blockRows() {
  constexpr int64_t kShares = 8, kFewestRows = 8;
  RankedTensorType type = typeOf(attention.getQ());
  if (!dimOf(typeOf(attention.getK()), 1).isConstant(1))
    return kAttentionBlockRows;
  DimExpr share =
      DimExpr::ceilDiv(dimOf(type, 1) * dimOf(type, 2), kShares * kFewestRows);
  return DimExpr::min(kAttentionBlockRows,
                      DimExpr::max(kFewestRows, share * kFewestRows));
}

KernelInfo AttentionDispatch::emit(ModuleOp module, KernelBuilder &builder) {
  SmallVector<DimExpr> qDims = dimsOf(typeOf(attention.getQ()));
  SmallVector<DimExpr> kDims = dimsOf(typeOf(attention.getK()));
  DimExpr valueDim = dimOf(typeOf(attention.getV()), 3);
  AttentionKernel kernel;
  kernel.name = function.getName();
  kernel.bindings = function.getNumArguments() + 1;
  kernel.queries = dim(qDims[2]);
  kernel.keys = dim(kDims[2]);
  kernel.heads = dim(qDims[1]);
  kernel.keyHeads = dim(kDims[1]);
  kernel.valueDim = *valueDim.constant();
  kernel.q = operand(q);
  emitKeys(kernel);
  kernel.v = operand(v);
  // Rows a multiple of a page apart meet in a few sets of a cache.
  std::optional<int64_t> valueStride = v.strides[2].constant();
  kernel.copiesValues = valueStride && *valueStride % 1024 == 0;
  kernel.result = operand(result);
  kernel.blockRows = dim(blockRows());
  if (attention.getMask()) {
    RankedTensorType type = typeOf(attention.getMask());
    kernel.maskKind = type.getElementType().isInteger(1)
                          ? AttentionMask::Bool
                          : AttentionMask::Additive;
    kernel.mask = operand(mask);
    kernel.maskBroadcastsKeys = mask.strides[3].isConstant(0);
  }
  if (attention.getSinks()) {
    int64_t binding = cast<BlockArgument>(attention.getSinks()).getArgNumber();
    kernel.sinkElement = typeOf(attention.getSinks()).getElementType();
    kernel.sinks = [binding](KernelBuilder &, KernelFrame &frame) {
      return frame.binding(binding);
    };
  }
  kernel.scale = attention.getScale().convertToFloat();
  kernel.causal = attention.getCausal();
  kernel.window = attention.getWindow();
  kernel.softcap = attention.getSoftcap().convertToFloat();
  kernel.emptyRows = attention.getEmptyRow() == EmptyRow::Zero ? EmptyRows::Zero
                     : attention.getEmptyRow() == EmptyRow::Mean
                         ? EmptyRows::Mean
                         : EmptyRows::NaN;
  KernelInfo info;
  info.scratchBytes = emitAttentionKernel(module, builder, kernel);
  DimExpr group = DimExpr::floorDiv(qDims[1], kDims[1]);
  info.workgroups =
      qDims[0] * kDims[1] * DimExpr::ceilDiv(group * qDims[2], blockRows());
  return info;
}

//===----------------------------------------------------------------------===//
// All families
//===----------------------------------------------------------------------===//

} // namespace

void registerKernelDialects(DialectRegistry &registry) {
  reference::registerDialects(registry);
}

bool isSupportedOp(Operation *op) {
  // Every op that computes has a canonical lowering.
  return isa<DureDialect>(op->getDialect()) &&
         !isa<WeightOp, GetWeightOp, DefineDimsOp, RegionOp, YieldOp,
              CallDispatchOp, TransferOp>(op);
}

Type findUnsupportedElement(Operation *op) {
  bool computes = !isa<ReshapeOp, ConstantOp, WeightOp, GetWeightOp>(op);
  auto isNibble = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getElementType().isInteger(4);
  };
  Type unsupported;
  auto check = [&](Type type, bool mayBeNibble) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (unsupported || !tensor || (mayBeNibble && isNibble(type)) ||
        reference::isSupportedElement(tensor.getElementType()))
      return;
    unsupported = tensor.getElementType();
  };
  for (Type type : op->getOperandTypes())
    check(type, !computes || Evaluator::isSupported(op));
  for (Type type : op->getResultTypes())
    check(type, !computes || isa<CastOp>(op));
  return unsupported;
}

StepAttr panelLayout(RankedTensorType weight) {
  SmallVector<int64_t> shape(weight.getShape());
  int64_t n = shape.pop_back_val(), k = shape.pop_back_val();
  shape.append({(n + kPanelWidth - 1) / kPanelWidth, k, kPanelWidth});
  auto packed = RankedTensorType::get(shape, weight.getElementType());
  return StepAttr::get(weight.getContext(), RecipeKind::PackPanels, packed,
                       {kPanelWidth}, nullptr, nullptr);
}

/// Whether an op reads the operand where it lies in panels.
static bool readsPanels(OpOperand &use) {
  if (auto gather = dyn_cast<GatherOp>(use.getOwner()))
    return &use == &gather.getXMutable() && gather.getAxis() == 1 &&
           typeOf(gather.getX()).getRank() == 2;
  Operation *op = productBehind(use.getOwner());
  if (auto matmul = dyn_cast<MatMulOp>(op); matmul && matmul.getTransposeRhs())
    return false;
  Value matrices = matricesOf(op);
  return matrices &&
         llvm::is_contained(widenedOperand(matrices).values(), use.get());
}

/// Layouts are the target's own, but IR may come from a file.
static LogicalResult verifyLayouts(func::FuncOp dispatch) {
  for (BlockArgument argument : dispatch.getArguments()) {
    Attribute given = dispatch.getArgAttr(argument.getArgNumber(), LayoutAttr);
    auto type = cast<RankedTensorType>(argument.getType());
    bool isPanels = given && type.getRank() >= 2 && type.hasStaticShape() &&
                    given == panelLayout(type) &&
                    llvm::all_of(argument.getUses(), readsPanels);
    if (given && !isPanels)
      return dispatch.emitError("argument ")
             << argument.getArgNumber() << " has the layout " << given
             << ", which the cpu target does not read there";
  }
  return success();
}

bool choosesByRow(ExpertMatMulOp experts) {
  RankedTensorType x = typeOf(experts.getX());
  return x.getRank() == 2 ||
         dimOf(x, 1) == dimOf(typeOf(experts.getExperts()), 1);
}

bool hasKernel(func::FuncOp dispatch) {
  DimSlots slots;
  return MatMulDispatch(dispatch, slots).match() ||
         AttentionDispatch(dispatch, slots).match() || isAxisKernel(dispatch) ||
         isRowKernel(dispatch);
}

FailureOr<KernelInfo> lowerDispatch(func::FuncOp dispatch,
                                    ModuleOp kernelModule,
                                    const CpuVariant &variant) {
  if (failed(verifyLayouts(dispatch)))
    return failure();
  KernelBuilder builder(dispatch.getLoc(), variant, dispatch.getContext());
  DimSlots slots;
  FailureOr<KernelInfo> info = KernelInfo();
  MatMulDispatch matmul(dispatch, slots);
  AttentionDispatch attention(dispatch, slots);
  if (matmul.match()) {
    info = matmul.emit(kernelModule, builder);
  } else if (attention.match()) {
    info = attention.emit(kernelModule, builder);
  } else if (isCacheKernel(dispatch)) {
    info->workgroups = emitCacheKernel(kernelModule, builder, dispatch,
                                       dispatch.getName(), slots);
  } else if (isAxisKernel(dispatch)) {
    info->workgroups = emitAxisKernel(kernelModule, builder, dispatch,
                                      dispatch.getName(), slots);
  } else if (isRowKernel(dispatch)) {
    RowKernelInfo rows = emitRowKernel(kernelModule, builder, dispatch,
                                       dispatch.getName(), slots);
    info->workgroups = rows.workgroups;
    info->scratchBytes = rows.scratchBytes;
  } else if (llvm::any_of(dispatch.getArguments(), [&](BlockArgument a) {
               return dispatch.getArgAttr(a.getArgNumber(), LayoutAttr);
             })) {
    return dispatch.emitError("no kernel of the cpu target computes this in "
                              "the layouts that it has");
  } else {
    auto loops = reference::lowerDispatch(dispatch, kernelModule);
    if (failed(loops))
      return failure();
    for (const std::string &text : loops->Constants)
      slots.slotOf(*DimExpr::parse(text));
    info->workgroups = 1;
    info->scratchBytes = loops->ScratchBytes;
  }
  info->name = dispatch.getName();
  info->constants.assign(slots.exprs().begin(), slots.exprs().end());
  return info;
}

} // namespace dure::cpu
