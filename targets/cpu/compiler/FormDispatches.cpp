// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Greedy fusion along producer-consumer edges.
#include "targets/cpu/compiler/FormDispatches.h"

#include "targets/cpu/compiler/CpuVariant.h"
#include "targets/cpu/compiler/DispatchLowering.h"
#include "targets/cpu/compiler/Evaluator.h"
#include "targets/cpu/compiler/RowKernel.h"
#include "targets/cpu/compiler/StridedView.h"
#include "targets/cpu/compiler/WidenedOperand.h"

#include "compiler/dispatch/OutlineDispatches.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dure::cpu {
namespace {

enum class Kind { MatMul, Attention, Rows, Single };

/// A launch in the making.
struct Group {
  Kind kind = Kind::Single;
  SmallVector<Operation *> ops;
  /// One more than the highest level of the groups it reads from: a group never
  /// depends on one of its own or a higher level.
  unsigned level = 0;
  /// The shape that its rows are counted in (Rows) or its result has (MatMul).
  SmallVector<DimExpr> space;
};

bool needsNoDispatch(Operation *op) {
  return isa<ReshapeOp, GetWeightOp, ConstantOp, YieldOp>(op);
}

/// Ops that a consumer may compute in place of reading their result: index
/// arithmetic, no work of their own.
bool onlyMovesData(Operation *op) {
  return isa<TransposeOp, SliceOp, BroadcastOp, IotaOp, DimValuesOp>(op);
}

bool reducesLastAxis(Operation *op) {
  auto last = [](Value v) {
    return cast<RankedTensorType>(v.getType()).getRank() - 1;
  };
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    return static_cast<int64_t>(softmax.getAxis()) == last(softmax.getX());
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return static_cast<int64_t>(norm.getAxis()) == last(norm.getX());
  if (auto norm = dyn_cast<RMSNormOp>(op))
    return static_cast<int64_t>(norm.getAxis()) == last(norm.getX());
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getAxes().size() == 1 && reduce.getKeepDims() &&
           reduce.getAxes()[0] == last(reduce.getX());
  return false;
}

/// Whether op gathers columns of a weight that a matmul reads in panels.
bool isGatherFromPanels(Operation *op) {
  auto gather = dyn_cast<GatherOp>(op);
  return gather && gather.getAxis() == 1 &&
         cast<RankedTensorType>(gather.getX().getType()).getRank() == 2 &&
         llvm::any_of(gather.getX().getUsers(), [&](Operation *user) {
           auto matmul = dyn_cast<MatMulOp>(productBehind(user));
           return matmul && wantsPanels(matmul) &&
                  llvm::is_contained(widenedOperand(matmul.getRhs()).values(),
                                     gather.getX());
         });
}

/// Whether a matmul, of experts too, reads its matrices in panels.
bool readsPanels(Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return wantsPanels(matmul);
  auto experts = dyn_cast<ExpertMatMulOp>(op);
  return experts && wantsPanels(experts);
}

RankedTensorType resultType(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType());
}

/// The dims that rows of an op are counted in: all but the last.
SmallVector<DimExpr> rowSpace(Operation *op) {
  Value shaped = op->getResult(0);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    shaped = reduce.getX();
  SmallVector<DimExpr> dims = dimsOf(cast<RankedTensorType>(shaped.getType()));
  if (!dims.empty())
    dims.pop_back();
  return dims;
}

/// Ops of a group: beyond this a kernel gets slower to compile than launches
/// are to make.
constexpr size_t kMaxGroupOps = 64;
/// Reductions of a group whose rows are kept between them.
constexpr int64_t kMaxStages = 16;
/// Reductions of a group that computes their operands again for each sweep.
constexpr int64_t kMaxRecomputedStages = 3;

/// Ops that take much longer than reading their operand again.
bool isCostly(Operation *op) {
  return isa<ExpOp, LogOp, SigmoidOp, TanhOp, ErfOp, SinOp, CosOp, AtanOp,
             SiluOp, SoftplusOp, GeluOp, PowOp, SoftmaxOp, LayerNormOp,
             RMSNormOp>(op);
}

/// Whether a group of rows may take another op. A row of known length is kept
/// between stages; else each stage computes its operand anew, which must be
/// cheap and may not nest.
bool hasRoom(const Group &group, Operation *op) {
  if (group.ops.size() >= kMaxGroupOps)
    return false;
  if (!reducesLastAxis(op))
    return true;
  int64_t stages = llvm::count_if(group.ops, reducesLastAxis);
  auto x = cast<RankedTensorType>(op->getOperand(0).getType());
  std::optional<int64_t> columns = dimOf(x, x.getRank() - 1).constant();
  if (columns && *columns <= kMaxKeptRow)
    return stages < kMaxStages;
  if (llvm::any_of(group.ops, isCostly))
    return false;
  return stages == 0 || (isa<ReduceOp>(op) && stages < kMaxRecomputedStages);
}

class Former {
public:
  explicit Former(Block &region) : region(region) {}

  std::vector<DispatchGroup> run();

private:
  void place(Operation *op);
  bool joinEpilogue(Operation *op);
  bool joinRows(Operation *op);
  bool joinTransposed(Operation *op);
  void openGroup(Operation *op);
  void absorbViews(Group &group, AttentionOp attention);
  void absorbWidening(Group &group, Operation *product);
  void append(std::vector<DispatchGroup> &out, DispatchGroup group);
  bool mayJoin(Operation *op, unsigned group);
  void join(Operation *op, unsigned group);
  void updateLevels(unsigned from);
  /// The group that defines a value, looking through reshapes; none for
  /// arguments, weights and constants.
  std::optional<unsigned> groupOf(Value value);
  DispatchGroup finish(const Group &group);

  Block &region;
  SmallVector<Group> groups;
  llvm::DenseMap<Operation *, unsigned> groupOfOp;
  llvm::DenseSet<Operation *> deferred;
  /// What widens matrices in panels: part of the product that reads them.
  llvm::DenseSet<Operation *> widening;
};

std::optional<unsigned> Former::groupOf(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  auto found = groupOfOp.find(value.getDefiningOp());
  if (!value.getDefiningOp() || found == groupOfOp.end())
    return std::nullopt;
  return found->second;
}

/// Joining must not make a cycle: nothing that the op reads from elsewhere may
/// depend on the group.
bool Former::mayJoin(Operation *op, unsigned group) {
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    std::optional<unsigned> from = groupOf(operand);
    if (!from || *from == group)
      // Inside a group everything is read in place: not through a reshape.
      return !from || !operand.getDefiningOp<ReshapeOp>();
    return groups[*from].level <= groups[group].level;
  });
}

void Former::updateLevels(unsigned from) {
  // Groups that read from this one rise with it.
  SmallVector<unsigned> work = {from};
  while (!work.empty()) {
    unsigned current = work.pop_back_val();
    for (Operation *op : groups[current].ops) {
      SmallVector<Operation *> users(op->getUsers().begin(),
                                     op->getUsers().end());
      for (size_t i = 0; i < users.size(); ++i) {
        Operation *user = users[i];
        if (isa<ReshapeOp>(user)) {
          llvm::append_range(users, user->getUsers());
          continue;
        }
        auto found = groupOfOp.find(user);
        if (found == groupOfOp.end() || found->second == current ||
            groups[found->second].level > groups[current].level)
          continue;
        groups[found->second].level = groups[current].level + 1;
        work.push_back(found->second);
      }
    }
  }
}

void Former::join(Operation *op, unsigned group) {
  groups[group].ops.push_back(op);
  groupOfOp[op] = group;
  unsigned level = groups[group].level;
  for (Value operand : op->getOperands())
    if (std::optional<unsigned> from = groupOf(operand); from && *from != group)
      level = std::max(level, groups[*from].level + 1);
  groups[group].level = level;
  updateLevels(group);
}

void Former::openGroup(Operation *op) {
  Group group;
  if (isa<MatMulOp, ExpertMatMulOp>(op)) {
    group.kind = Kind::MatMul;
    group.space = dimsOf(resultType(op));
  } else if (isa<AttentionOp>(op)) {
    group.kind = Kind::Attention;
  } else if (!packsResult(op) &&
             (isElementwise(op) || reducesLastAxis(op) || onlyMovesData(op))) {
    group.kind = Kind::Rows;
    group.space = rowSpace(op);
  }
  groups.push_back(std::move(group));
  unsigned index = groups.size() - 1;
  if (auto attention = dyn_cast<AttentionOp>(op))
    absorbViews(groups[index], attention);
  absorbWidening(groups[index], op);
  for (Operation *absorbed : groups[index].ops)
    groupOfOp[absorbed] = index;
  join(op, index);
  for (Operation *absorbed : groups[index].ops)
    for (Value operand : absorbed->getOperands())
      if (auto from = groupOf(operand); from && *from != index)
        groups[index].level =
            std::max(groups[index].level, groups[*from].level + 1);
}

/// q, k and v are read through views as through strides, and keys part by part.
void Former::absorbViews(Group &group, AttentionOp attention) {
  SmallVector<Value> work = {attention.getQ(), attention.getK(),
                             attention.getV()};
  while (!work.empty()) {
    Operation *view = work.pop_back_val().getDefiningOp();
    if (!view || !deferred.erase(view))
      continue;
    group.ops.push_back(view);
    llvm::append_range(work, view->getOperands());
  }
}

/// Matrices of few bits are widened as they are read.
void Former::absorbWidening(Group &group, Operation *product) {
  if (readsPanels(product))
    llvm::append_range(group.ops, widenedOperand(matricesOf(product)).ops);
}

/// An attention or a gather from panels writes its result transposed when
/// nobody wants it otherwise.
bool Former::joinTransposed(Operation *op) {
  auto transpose = dyn_cast<TransposeOp>(op);
  Operation *producer = transpose ? transpose.getX().getDefiningOp() : nullptr;
  if (!producer || !producer->hasOneUse() ||
      (!isa<AttentionOp>(producer) && !isGatherFromPanels(producer)))
    return false;
  join(op, groupOfOp.at(producer));
  return true;
}

bool Former::joinEpilogue(Operation *op) {
  if (!isElementwise(op))
    return false;
  SmallVector<DimExpr> dims = dimsOf(resultType(op));
  for (Value operand : op->getOperands()) {
    std::optional<unsigned> group = groupOf(operand);
    if (!group || groups[*group].kind != Kind::MatMul ||
        groups[*group].space != dims ||
        groups[*group].ops.size() >= kMaxGroupOps || !mayJoin(op, *group))
      continue;
    // Only the end of the chain is stored: what it has must be used here only.
    if (!operand.hasOneUse() ||
        groups[*group].ops.back() != operand.getDefiningOp())
      continue;
    join(op, *group);
    return true;
  }
  return false;
}

bool Former::joinRows(Operation *op) {
  if (!isElementwise(op) && !reducesLastAxis(op))
    return false;
  SmallVector<DimExpr> space = rowSpace(op);
  // The latest producer first: it is what the op waits for.
  std::optional<unsigned> best;
  for (Value operand : op->getOperands()) {
    std::optional<unsigned> group = groupOf(operand);
    if (!group || groups[*group].kind != Kind::Rows ||
        groups[*group].space != space || !hasRoom(groups[*group], op) ||
        !mayJoin(op, *group))
      continue;
    if (!best || groups[*group].level > groups[*best].level)
      best = group;
  }
  if (!best)
    return false;
  join(op, *best);
  return true;
}

void Former::place(Operation *op) {
  // What an attention alone reads, in place, waits for it.
  if ((isStridedView(op) || isa<ConcatOp>(op)) && readerInPlace(op)) {
    deferred.insert(op);
    return;
  }
  if (packsResult(op) ||
      (!joinTransposed(op) && !joinEpilogue(op) && !joinRows(op)))
    openGroup(op);
}

/// Panels for the weights that a matmul of the region multiplies with.
static void addWeightLayout(Operation *op, DispatchGroup &out) {
  SmallVector<Value> weights;
  if (readsPanels(op))
    weights = widenedOperand(matricesOf(op)).values();
  else if (isGatherFromPanels(op))
    weights.push_back(cast<GatherOp>(op).getX());
  for (Value weight : weights)
    out.Layouts.push_back(
        {weight, panelLayout(cast<RankedTensorType>(weight.getType()))});
}

DispatchGroup Former::finish(const Group &group) {
  DispatchGroup out;
  // In program order: operands before users.
  out.Ops = group.ops;
  llvm::sort(out.Ops,
             [](Operation *l, Operation *r) { return l->isBeforeInBlock(r); });
  Operation *root = nullptr;
  for (Operation *op : out.Ops) {
    addWeightLayout(op, out);
    bool isRoot = isa<MatMulOp, ExpertMatMulOp, AttentionOp>(op);
    if (!root || isRoot ||
        (!isa<MatMulOp, ExpertMatMulOp, AttentionOp>(root) &&
         reducesLastAxis(op)))
      root = op;
  }
  out.Name = root->getName().stripDialect().str();
  if (root != out.Ops.back() && !onlyMovesData(out.Ops.back()))
    out.Name += "_" + out.Ops.back()->getName().stripDialect().str();
  return out;
}

/// Whether one kernel computes the whole group: asks the kernel families about
/// the function that the group will become, since they alone know what they
/// take.
static bool isOneKernel(const DispatchGroup &group) {
  llvm::SetVector<Value> inputs;
  SmallVector<Value> outputs;
  llvm::SmallPtrSet<Operation *, 16> inside(group.Ops.begin(), group.Ops.end());
  auto isOutside = [&](Operation *op) { return !inside.contains(op); };
  for (Operation *op : group.Ops) {
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!def || (isOutside(def) && !isa<ConstantOp>(def)))
        inputs.insert(operand);
    }
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), isOutside))
        outputs.push_back(result);
  }
  Operation *first = group.Ops.front();
  auto type =
      FunctionType::get(first->getContext(), TypeRange(inputs.getArrayRef()),
                        TypeRange(ValueRange(outputs)));
  OwningOpRef<func::FuncOp> function =
      func::FuncOp::create(first->getLoc(), group.Name, type);
  Block *body = function->addEntryBlock();
  OpBuilder builder = OpBuilder::atBlockEnd(body);
  IRMapping map;
  for (auto [input, argument] :
       llvm::zip(inputs.getArrayRef(), body->getArguments())) {
    map.map(input, argument);
    for (auto [value, layout] : group.Layouts)
      if (value == input)
        function->setArgAttr(argument.getArgNumber(), LayoutAttr, layout);
  }
  for (Operation *op : group.Ops) {
    for (Value operand : op->getOperands())
      if (auto constant = operand.getDefiningOp<ConstantOp>();
          constant && !map.contains(operand))
        builder.clone(*constant, map);
    builder.clone(*op, map);
  }
  SmallVector<Value> returned;
  for (Value output : outputs)
    returned.push_back(map.lookup(output));
  func::ReturnOp::create(builder, first->getLoc(), returned);
  return hasKernel(*function);
}

/// Adds the group, or, when no kernel computes it as a whole, a launch for each
/// of its ops. A product stays together with what widens its matrices.
void Former::append(std::vector<DispatchGroup> &out, DispatchGroup group) {
  if (group.Ops.size() == 1 || isOneKernel(group)) {
    out.push_back(std::move(group));
    return;
  }
  for (Operation *op : group.Ops) {
    if (widening.contains(op))
      continue;
    DispatchGroup single;
    if (readsPanels(op))
      llvm::append_range(single.Ops, widenedOperand(matricesOf(op)).ops);
    single.Ops.push_back(op);
    single.Name = op->getName().stripDialect().str();
    addWeightLayout(op, single);
    out.push_back(std::move(single));
  }
}

std::vector<DispatchGroup> Former::run() {
  for (Operation &op : region)
    if (readsPanels(&op))
      for (Operation *each : widenedOperand(matricesOf(&op)).ops)
        widening.insert(each);
  for (Operation &op : region)
    if (!needsNoDispatch(&op) && !widening.contains(&op))
      place(&op);
  SmallVector<unsigned> order(groups.size());
  for (unsigned i = 0; i < groups.size(); ++i)
    order[i] = i;
  llvm::sort(order, [&](unsigned l, unsigned r) {
    return std::pair(groups[l].level, l) < std::pair(groups[r].level, r);
  });
  std::vector<DispatchGroup> out;
  for (unsigned index : order)
    append(out, finish(groups[index]));
  return out;
}

} // namespace

/// Matrices that are weights, of elements that kernels have in panels.
static bool areWeights(Value matrices) {
  WidenedOperand operand = widenedOperand(matrices);
  return isPanelElement(operand) &&
         llvm::all_of(operand.values(), [](Value value) {
           return value.getDefiningOp<GetWeightOp>() != nullptr;
         });
}

bool wantsPanels(MatMulOp matmul) {
  auto type = cast<RankedTensorType>(matmul.getRhs().getType());
  // A batch without any matrix has no panels to begin with.
  bool isEmpty =
      type.getRank() > 2 &&
      !llvm::all_of(type.getShape(), [](int64_t n) { return n > 0; });
  return !matmul.getTransposeRhs() && type.getRank() >= 2 && !isEmpty &&
         areWeights(matmul.getRhs());
}

bool wantsPanels(ExpertMatMulOp experts) {
  auto type = cast<RankedTensorType>(experts.getW().getType());
  return choosesByRow(experts) && areWeights(experts.getW()) &&
         type.getDimSize(0) != 0 && type.getDimSize(2) != 0;
}

std::vector<DispatchGroup> formDispatches(Block &region) {
  return Former(region).run();
}

} // namespace dure::cpu
