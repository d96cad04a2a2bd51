// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which ops are products, and of what: matmul, in its several types, and
// expert_matmul.
#include "targets/rngd/compiler/ExpertsPlan.h"
#include "targets/rngd/compiler/MatMulKernel.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace dure::rngd {

static std::optional<Product> shapeOfProduct(MatMulOp op) {
  ArrayRef<int64_t> lhs = shapeOf(op.getLhs()), rhs = shapeOf(op.getRhs());
  if (lhs.size() < 2 || rhs.size() < 2 || op.getTransposeLhs())
    return std::nullopt;
  Product p;
  p.m = lhs[lhs.size() - 2];
  p.k = lhs.back();
  p.rightByColumns = !op.getTransposeRhs();
  p.n = p.rightByColumns ? rhs.back() : rhs[rhs.size() - 2];
  auto product = [](ArrayRef<int64_t> dims) {
    int64_t all = 1;
    for (int64_t dim : dims)
      all *= dim;
    return all;
  };
  int64_t left = product(lhs.drop_back(2)), right = product(rhs.drop_back(2));
  if (right == 1) {
    // Rows of all batches are rows of one product.
    p.m *= left;
    p.batch = 1;
    return p;
  }
  if (left != right || lhs.drop_back(2) != rhs.drop_back(2))
    return std::nullopt;
  p.batch = left;
  return p;
}

static bool isStatic(Value value) {
  return isStaticF32(value) && elementsOf(value) != 0;
}

/// Why no plan has such sizes.
static Refusal sizesRefusal(const Product &p) {
  if (p.k % 16 != 0)
    return "the inner size is no multiple of 16";
  if (p.k % p.flit() != 0)
    return "the inner size is no multiple of 32";
  if (p.n % 8 != 0)
    return "the number of columns is no multiple of 8";
  if (p.k > p.laneElements() && p.k % p.packet() != 0)
    return p.macBits == 16 ? "the inner size is no multiple of 32"
                           : "the inner size is no multiple of 64";
  return std::nullopt;
}

static bool hasElements(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.hasStaticShape() && type.getNumElements() != 0;
}

/// Of integers.
static Refusal wordsRefusal(MatMulOp op) {
  for (Value value : {op.getLhs(), op.getRhs(), op.getResult()})
    if (!hasElements(value))
      return "its sizes are not fixed";
  std::optional<Product> p = shapeOfProduct(op);
  if (!p)
    return "its left operand is transposed, or its batches repeat";
  p->macBits = 8;
  if (Refusal why = sizesRefusal(*p))
    return why;
  if (!narrowProductOf(op))
    return "its operands are not bytes less one zero point each, or the right "
           "one's is known at run time only";
  return std::nullopt;
}

Refusal matMulRefusal(MatMulOp op) {
  if (getElementTypeOrSelf(op.getResult()).isSignlessInteger(32))
    return wordsRefusal(op);
  if (!isStatic(op.getLhs()) || !isStatic(op.getRhs()) ||
      !isStatic(op.getResult()))
    return "products here are of f32 and fixed sizes";
  std::optional<Product> p = shapeOfProduct(op);
  if (!p)
    return "its left operand is transposed, or its batches repeat";
  return sizesRefusal(*p);
}

bool isWidenedByProducts(DequantizeOp op) {
  // Of what is computed the bytes may have no sign, or batches.
  auto type = cast<RankedTensorType>(op.getX().getType());
  return type.getRank() == 2 && !type.getElementType().isUnsignedInteger() &&
         llvm::all_of(op->getUses(), [](OpOperand &use) {
           auto product = dyn_cast<MatMulOp>(use.getOwner());
           return product && use.getOperandNumber() == 1 &&
                  product.getTransposeRhs();
         });
}

/// Says in `p` what of the right operand its dequantize says.
static std::optional<FewBits> describeFewBits(MatMulOp op, Product &p) {
  auto read = op.getRhs().getDefiningOp<DequantizeOp>();
  if (!read || !isWidenedByProducts(read))
    return std::nullopt;
  FewBits few;
  auto splat = [](Value value) {
    auto constant =
        value ? value.getDefiningOp<dure::ConstantOp>() : dure::ConstantOp();
    return constant ? dyn_cast<SplatElementsAttr>(constant.getValue())
                    : SplatElementsAttr();
  };
  if (SplatElementsAttr zero = splat(read.getZeroPoint()))
    few.zeroNumber = zero.getSplatValue<APInt>().getSExtValue();
  else
    few.zero = bool(read.getZeroPoint());
  if (SplatElementsAttr factor = splat(read.getScale()))
    few.factor = factor.getSplatValue<APFloat>().convertToFloat();
  else
    few.scale = true;
  p.isWidened = true;
  p.block = static_cast<int64_t>(read.getBlock());
  p.rightBits = getElementTypeOrSelf(read.getX()).getIntOrFloatBitWidth();
  return few;
}

/// Says in `p` what operands of 8 bits say.
static void describeNarrow(const NarrowProduct &narrow, Product &p) {
  p.macBits = p.rightBits = 8;
  p.leftBytes = 1;
  p.signsLeft = narrow.left.isUnsigned;
  p.signsRight = narrow.right.isUnsigned;
  p.isCorrected = narrow.isCorrected();
  p.scalesColumns = narrow.scale || narrow.left.zeroAt;
}

static std::string mappingOf(const Product &p) {
  MatMulPlan plan = planMatMul(p);
  std::string text;
  llvm::raw_string_ostream out(text);
  if (plan.splitsRows)
    out << "rows divided over both clusters: ";
  else if (plan.splitsColumns)
    out << "columns divided over both clusters: ";
  else if (plan.splitsBatches)
    out << "batches divided over both clusters: ";
  else
    out << "in one cluster: ";
  out << plan.batches << " x " << plan.rowGroups << " x " << plan.columnGroups
      << (plan.sums > 1
              ? " groups of batches, rows and columns, k divided over "
              : " groups of batches, rows and columns, rings of ")
      << plan.ring * plan.sums << " slices, " << plan.columns << " columns and "
      << plan.depth << " of k in a slice";
  return text;
}

static int64_t bitsOf(Value memory) {
  Type type = cast<tcp::HbmType>(memory.getType()).getElementType();
  return type.getIntOrFloatBitWidth();
}

std::string matMulMapping(MatMulOp op, bool isPacked) {
  Product p = *shapeOfProduct(op);
  p.rightBits = isPacked ? 16 : 32;
  if (auto narrow = narrowProductOf(op))
    describeNarrow(*narrow, p);
  else
    describeFewBits(op, p);
  return mappingOf(p);
}

void emitMatMul(KernelBuilder &k, MatMulOp op, const KernelOperands &at) {
  Product p = *shapeOfProduct(op);
  if (auto narrow = narrowProductOf(op)) {
    describeNarrow(*narrow, p);
    emitProduct(k, p, planMatMul(p, k.planned), at, std::nullopt, std::nullopt,
                narrow);
    return;
  }
  p.leftBytes = bitsOf(at.inputs[0]) / 8;
  p.rightBits = bitsOf(at.inputs[1]);
  std::optional<FewBits> few = describeFewBits(op, p);
  MatMulPlan plan = planMatMul(p, k.planned);
  if (!plan.isTurned)
    return emitProduct(k, p, plan, at, few);
  KernelOperands operands{{at.inputs[1], at.inputs[0]}, at.result, at.scratch};
  emitProduct(k, turned(p), plan, operands, few);
}

//===----------------------------------------------------------------------===//
// Experts: each row has the matrix that an index names
//===----------------------------------------------------------------------===//

bool isTurned(Value w) {
  auto turn = w.getDefiningOp<dure::TransposeOp>();
  auto read = turn ? turn.getX().getDefiningOp<dure::CastOp>() : dure::CastOp();
  if (!read || !getElementTypeOrSelf(read.getX().getType()).isBF16() ||
      turn.getPermutation() != ArrayRef<int64_t>{0, 2, 1})
    return false;
  return llvm::all_of(turn->getUses(), [](OpOperand &use) {
    auto experts = dyn_cast<ExpertMatMulOp>(use.getOwner());
    return experts && use == experts.getWMutable();
  });
}

/// Whether all rows of x[t] have one matrix.
static bool sharesMatrix(ExpertMatMulOp op) {
  return shapeOf(op.getX()).size() == 3 && shapeOf(op.getExperts())[1] == 1;
}

static Product shapeOfExperts(ExpertMatMulOp op) {
  ArrayRef<int64_t> x = shapeOf(op.getX()), to = shapeOf(op.getResult());
  Product p;
  p.m = sharesMatrix(op) ? to[1] : 1;
  p.batch = (x.size() == 2 ? to[1] : to[0] * to[1]) / p.m;
  p.n = to[2];
  p.k = x.back();
  p.isPicked = true;
  p.rightByColumns = !isTurned(op.getW());
  return p;
}

Refusal expertsRefusal(ExpertMatMulOp op) {
  if (!isStatic(op.getX()) || !isStatic(op.getW()) || !isStatic(op.getResult()))
    return "products here are of f32 and fixed sizes";
  auto experts = cast<RankedTensorType>(op.getExperts().getType());
  if (!experts.hasStaticShape() || !experts.getElementType().isInteger(64))
    return "its indices are not i64";
  if (!sharesMatrix(op) && experts.getNumElements() > MostPicks)
    return "it has more than 4096 rows, each with a matrix of its own to read";
  return sizesRefusal(shapeOfExperts(op));
}

std::string expertsMapping(ExpertMatMulOp op) {
  Product p = shapeOfExperts(op);
  p.rightBits = p.rightByColumns ? 32 : 16;
  std::string form =
      sharesMatrix(op)
          ? llvm::formatv("{0} tiles of {1} rows with one expert each, ",
                          p.batch, p.m)
                .str()
          : std::string("each row with its expert, ");
  return form + mappingOf(p);
}

void emitExperts(KernelBuilder &k, ExpertMatMulOp op,
                 const KernelOperands &at) {
  Product p = shapeOfExperts(op);
  p.leftBytes = bitsOf(at.inputs[0]) / 8;
  p.rightBits = bitsOf(at.inputs[2]);
  Picked picked;
  picked.index = at.inputs[1];
  picked.matrices = shapeOf(op.getW()).front();
  picked.products = elementsOf(op.getExperts()) / p.batch;
  picked.sharesRows = shapeOf(op.getX()).size() == 2;
  KernelOperands operands{{at.inputs[0], at.inputs[2]}, at.result, at.scratch};
  emitProduct(k, p, planMatMul(p, k.planned), operands, std::nullopt, picked);
}

} // namespace dure::rngd
