// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RNGD behind the interface that every vendor's target has.
#include "compiler/Target.h"
#include "compiler/package/SourceNames.h"
#include "compiler/passes/Passes.h"
#include "targets/rngd/compiler/Encoder.h"
#include "targets/rngd/compiler/FitOps.h"
#include "targets/rngd/compiler/GroupExperts.h"
#include "targets/rngd/compiler/IntegerProduct.h"
#include "targets/rngd/compiler/Kernels.h"
#include "targets/rngd/compiler/OrderCopies.h"
#include "targets/rngd/compiler/PackWeights.h"
#include "targets/rngd/compiler/SimulatedTime.h"
#include "targets/rngd/compiler/SinkBytes.h"
#include "targets/rngd/compiler/TclText.h"
#include "targets/rngd/compiler/WidenHalves.h"

#include "runtime/base/Korean.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <array>

using namespace mlir;

namespace dure::rngd {
namespace {

constexpr auto kTexts = std::to_array<Translation>({
#define DURE_TEXT(ENGLISH, KOREAN) {ENGLISH, KOREAN},
#include "targets/rngd/compiler/Messages.def"
});

/// Whether products alone read what a cast makes of bf16, [n, k], or as rows of
/// experts, or attention as keys or values.
bool isReadByProducts(CastOp op) {
  return llvm::all_of(op->getUses(), [](OpOperand &use) {
    if (auto product = dyn_cast<MatMulOp>(use.getOwner()))
      return use.getOperandNumber() == 1 && product.getTransposeRhs() &&
             getElementTypeOrSelf(product.getResult()).isF32();
    if (auto attention = dyn_cast<AttentionOp>(use.getOwner()))
      return readsKeysInBf16(attention) &&
             (use.get() == attention.getK() || use.get() == attention.getV()) &&
             use.get() != attention.getQ();
    if (auto experts = dyn_cast<ExpertMatMulOp>(use.getOwner()))
      return use == experts.getXMutable();
    return isa<dure::TransposeOp>(use.getOwner()) &&
           isTurned(use.getOwner()->getResult(0));
  });
}

/// A weight that its product reads in bf16 or few bits (PackWeights.h) makes no
/// code, nor does a reshape, nor what the cast behind it computes.
bool makesNoCode(Operation *op) {
  if (isa<ReshapeOp>(op))
    return true;
  if (isa<dure::TransposeOp>(op))
    return isTurned(op->getResult(0));
  if (auto read = dyn_cast<DequantizeOp>(op); read && isWidenedByProducts(read))
    return true;
  if (auto rows = dyn_cast<BroadcastOp>(op); rows && isScattered(rows))
    return true;
  if (isReadByNarrowProducts(op) || isOfQuantization(op))
    return true;
  auto cast = dyn_cast<CastOp>(op);
  return cast && getElementTypeOrSelf(cast.getX().getType()).isBF16() &&
         isReadByProducts(cast);
}

/// Left to the vector engine's passes over f32.
bool isElementwise(Operation *op) {
  return isa<AddOp, SubOp, MulOp, DivOp>(op) && !isInteger(op);
}

Refusal refusalOf(Operation *op) {
  if (isReadByNarrowProducts(op) || isOfQuantization(op))
    return std::nullopt;
  if (auto rows = dyn_cast<BroadcastOp>(op); rows && isScattered(rows))
    return std::nullopt;
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return matMulRefusal(matmul);
  if (auto experts = dyn_cast<ExpertMatMulOp>(op))
    return expertsRefusal(experts);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attentionRefusal(attention);
  if (isNarrowCast(op))
    return narrowCastRefusal(op);
  if (isQuantization(op))
    return quantizationRefusal(op);
  if (isa<LayerNormOp, RMSNormOp, SoftmaxOp>(op))
    return rowRefusal(op);
  if (isMove(op))
    return moveRefusal(op);
  if (auto update = dyn_cast<CacheUpdateOp>(op))
    return cacheUpdateRefusal(update);
  if (auto rope = dyn_cast<RopeOp>(op))
    return ropeRefusal(rope);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduceRefusal(reduce);
  if (auto scatter = dyn_cast<ScatterNDOp>(op))
    return scatterRefusal(scatter);
  if (auto topK = dyn_cast<TopKOp>(op))
    return topKRefusal(topK);
  if (auto picked = dyn_cast<GatherElementsOp>(op))
    return pickedRefusal(picked);
  return isInteger(op) ? integerRefusal(op) : elementwiseRefusal(op);
}

/// Words of 8 bytes that a kernel keeps in HBM for itself.
SmallVector<int64_t> scratchOf(Operation *op) {
  if (isNarrowCast(op))
    return {};
  if (isMove(op))
    return moveScratch(op);
  if (isInteger(op))
    return integerScratch(op);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attentionScratch(attention);
  if (auto topK = dyn_cast<TopKOp>(op))
    return topKScratch(topK);
  if (auto picked = dyn_cast<GatherElementsOp>(op))
    return pickedScratch(picked);
  return isElementwise(op) ? elementwiseScratch(op) : SmallVector<int64_t>();
}

void emitKernel(KernelBuilder &k, Operation *op, const KernelOperands &at) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return emitMatMul(k, matmul, at);
  if (auto experts = dyn_cast<ExpertMatMulOp>(op))
    return emitExperts(k, experts, at);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return emitAttention(k, attention, at);
  if (isNarrowCast(op))
    return emitNarrowCast(k, op, at);
  if (isQuantization(op))
    return emitQuantization(k, op, at);
  if (isa<LayerNormOp, RMSNormOp, SoftmaxOp>(op))
    return emitRow(k, op, at);
  if (isMove(op))
    return emitMove(k, op, at);
  if (auto update = dyn_cast<CacheUpdateOp>(op))
    return emitCacheUpdate(k, update, at);
  if (auto rope = dyn_cast<RopeOp>(op))
    return emitRope(k, rope, at);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return emitReduce(k, reduce, at);
  if (auto scatter = dyn_cast<ScatterNDOp>(op))
    return emitScatter(k, scatter, at);
  if (auto topK = dyn_cast<TopKOp>(op))
    return emitTopK(k, topK, at);
  if (auto picked = dyn_cast<GatherElementsOp>(op))
    return emitPicked(k, picked, at);
  return isInteger(op) ? emitInteger(k, op, at) : emitElementwise(k, op, at);
}

/// The variant whose kernels are divided by other rules than the book's.
constexpr StringRef PlannedByTcc = "rngd-tcc";

class RngdTarget final : public dure::Target {
public:
  StringRef name() const override { return "rngd"; }
  StringRef description() const override {
    return "FuriosaAI RNGD, on a simulator";
  }
  std::vector<DeviceDescription> devices() const override {
    return {{"rngd", "one RNGD chip, simulated by published rules"}};
  }
  std::string inKorean(StringRef text) const override {
    return translate(kTexts, text).value_or("");
  }
  bool needsStaticShapes() const override { return true; }

  FailureOr<std::vector<TargetVariant>>
  variants(ArrayRef<std::string> names, std::string &error) const override {
    const std::string usual = "rngd";
    std::vector<TargetVariant> made;
    for (const std::string &name : names.empty() ? ArrayRef(usual) : names) {
      if (name != "rngd" && name != PlannedByTcc) {
        error = "--cpu=" + name +
                ": give rngd, or rngd-tcc for code that is planned by the "
                "rules of the timing profile tcc";
        return failure();
      }
      TargetVariant variant;
      variant.Name = name;
      variant.Driver = "rngd";
      variant.Compatibility = "rngd";
      variant.Format = "drng";
      made.push_back(variant);
    }
    return made;
  }

  std::optional<Unsupported> supports(Operation *op) const override {
    if (isa<ReshapeOp>(op))
      return std::nullopt;
    Refusal refusal = refusalOf(op);
    if (!refusal)
      return std::nullopt;
    return Unsupported{"target-op",
                       ("RNGD does not compute " +
                        op->getName().getStringRef() + " here: " + *refusal)
                           .str(),
                       "Let the host compute it, or compile for --target cpu."};
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<tcp::TcpDialect>();
  }

  void addPasses(TargetPhase phase, OpPassManager &passes) const override {
    if (phase == TargetPhase::Specialize) {
      passes.addPass(createHideByLowestHalf());
      passes.addPass(createRaiseAttentionMasks());
      passes.addPass(createDecomposeGatedMLP());
      passes.addPass(createDecomposeDequantize());
    }
    if (phase == TargetPhase::Legalize) {
      passes.addPass(createWidenHalves());
      passes.addPass(createGroupExperts());
      passes.addPass(createDecomposeMoE());
      passes.addPass(createFitOps(refusalOf));
    }
    if (phase == TargetPhase::FormDispatches) {
      passes.addPass(createSinkBytes());
      passes.addPass(createPackWeights());
    }
  }

  std::vector<DispatchGroup> formDispatches(Block &region) const override;
  FailureOr<CodeObjectResult> emit(const EmitRequest &request) const override;
  std::vector<DispatchNote> explain(func::FuncOp dispatch) const override;

  std::vector<DispatchGroup> formKernels(Block &region) const override;
  std::vector<TextForm> textForms() const override {
    return {{"tcl", "the text that furiosa-tcc reads", ".tc"}};
  }
  std::variant<std::string, Unsupported>
  kernelText(StringRef form, func::FuncOp dispatch) const override {
    TclText made = tclText(dispatch);
    if (made.why.empty())
      return std::move(made.text);
    return Unsupported{"no-tcl",
                       made.op + " has no form in TCL here: " + made.why,
                       "Dure's own kernel for it, or the host's, is compiled "
                       "without --emit."};
  }

  std::vector<Oracle> oracles() const override {
    return {{"furiosa-tcc",
             "DURE_FURIOSA_TCC",
             "tcl",
             {"--target-npu", "renegade-8pe", "--evaluate-tcl", "{0}"},
             "It is FuriosaAI's and no part of Dure: pip install "
             "furiosa-tcc==2026.4.0, in an environment of your own.",
             "rngd, profile tcc"}};
  }
  FailureOr<int64_t> cyclesBy(const Oracle &tool,
                              func::FuncOp dispatch) const override;
};

} // namespace

/// One submission for all that the chip computes between two visits to the
/// host: values between its ops stay in the chip's memory, and weights are on
/// their way while earlier ops compute.
std::vector<DispatchGroup> RngdTarget::formDispatches(Block &region) const {
  DispatchGroup all;
  llvm::SmallPtrSet<Operation *, 32> inside;
  for (Operation &op : region.without_terminator()) {
    if (isa<GetWeightOp, dure::ConstantOp, DefineDimsOp>(op))
      continue;
    // A reshape of what comes from elsewhere is the host program's.
    if (isa<ReshapeOp>(op) &&
        !inside.contains(op.getOperand(0).getDefiningOp()))
      continue;
    inside.insert(&op);
    all.Ops.push_back(&op);
  }
  auto counts = [](Operation *op) { return !makesNoCode(op); };
  int64_t ops = llvm::count_if(all.Ops, counts);
  if (ops == 0)
    return {};
  all.Name = (*llvm::find_if(all.Ops, counts))->getName().stripDialect().str();
  if (ops > 1)
    all.Name += "_and_" + std::to_string(ops - 1) + "_more";
  return {all};
}

/// What makes no code by itself and is read by `op` alone.
static void addWithOperands(Operation *op, SmallVectorImpl<Operation *> &to) {
  for (Value operand : op->getOperands())
    if (Operation *read = operand.getDefiningOp();
        read && !isa<ReshapeOp>(read) && makesNoCode(read) &&
        read->hasOneUse() && read->getBlock() == op->getBlock())
      addWithOperands(read, to);
  to.push_back(op);
}

/// One op a kernel, with it what it reads and makes no code.
std::vector<DispatchGroup> RngdTarget::formKernels(Block &region) const {
  std::vector<DispatchGroup> groups;
  for (Operation &op : region.without_terminator()) {
    if (isa<GetWeightOp, dure::ConstantOp, DefineDimsOp>(op) ||
        makesNoCode(&op))
      continue;
    DispatchGroup group;
    addWithOperands(&op, group.Ops);
    group.Name = op.getName().stripDialect().str();
    groups.push_back(std::move(group));
  }
  return groups;
}

/// All elements of a tensor, in a buffer of whole units.
static tcp::Digit wholeDigit(ShapedType tensor, MLIRContext *context) {
  int64_t count = std::max<int64_t>(1, tensor.getNumElements());
  int64_t unit = BindingUnit * 8 / tensor.getElementTypeBitWidth();
  return {StringAttr::get(context, "all"), 1, count,
          static_cast<int64_t>(llvm::alignTo(count, unit))};
}

/// To the chip's memory integers have no sign, and f16, of which its engines
/// know nothing, is one.
static Type signless(Type element) {
  if (!element.isUnsignedInteger() && !element.isF16())
    return element;
  return IntegerType::get(element.getContext(),
                          element.getIntOrFloatBitWidth());
}

/// Numbers that kernels read from HBM; those that are one number all over are
/// immediates of the elementwise kernels.
static LogicalResult placeConstant(KernelBuilder &k, dure::ConstantOp op,
                                   DenseMap<Value, Value> &places) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense)
    return op.emitError("RNGD takes dense constants only");
  // Scales and zero points of dequantize, not what it reads.
  bool ofWeight = llvm::all_of(op->getUses(), [](OpOperand &use) {
    return isa<DequantizeOp>(use.getOwner()) && use.getOperandNumber() > 0;
  });
  bool onlyImmediate = llvm::all_of(op->getUses(), [](OpOperand &use) {
    return isa<AddOp, SubOp, MulOp, DivOp>(use.getOwner()) ||
           (isa<DequantizeOp>(use.getOwner()) && use.getOperandNumber() > 0);
  });
  if (dense.isSplat() && onlyImmediate &&
      (ofWeight || dense.getElementType().isF32()))
    return success();
  if (isUnread(op))
    return success();
  if (dense.getElementType().isInteger(1)) {
    SmallVector<int8_t> bytes;
    for (bool each : dense.getValues<bool>())
      bytes.push_back(each);
    auto type = RankedTensorType::get(dense.getType().getShape(),
                                      IntegerType::get(op.getContext(), 8));
    dense = DenseElementsAttr::get(type, ArrayRef(bytes));
  }
  dense = dense.bitcast(signless(dense.getElementType()));
  places[op.getResult()] =
      k.constant(dense, {wholeDigit(dense.getType(), op.getContext())});
  return success();
}

/// Where `value` of a dispatch function lies in HBM: all of it, row by row.
static Type hbmOf(Value value) {
  auto tensor = cast<RankedTensorType>(value.getType());
  MLIRContext *context = value.getContext();
  Type element = tensor.getElementType();
  // A truth value is a byte in memory.
  if (element.isInteger(1))
    element = IntegerType::get(context, 8);
  element = signless(element);
  tcp::Digit all =
      wholeDigit(RankedTensorType::get(tensor.getShape(), element), context);
  return tcp::HbmType::get(context, element, tcp::MapAttr::get(context, {all}));
}

/// "matmul node_linear_3": the op and the last node that it comes from.
static std::string labelOf(Operation *op) {
  std::vector<std::string> nodes = sourceNodes(op->getLoc());
  return op->getName().stripDialect().str() +
         (nodes.empty() ? "" : " " + nodes.back());
}

/// Whether a product's right operand is a weight that was packed.
static bool packsRight(MatMulOp op) {
  Operation *right = op.getRhs().getDefiningOp();
  return isa_and_nonnull<CastOp>(right) && makesNoCode(right);
}

namespace {

/// Lowers one dispatch function.
class Lowering {
public:
  explicit Lowering(func::FuncOp dispatch, Profile planned = Profile::Book)
      : block(dispatch.getBody().front()), dispatch(dispatch),
        planned(planned) {}

  FailureOr<func::FuncOp> run(ModuleOp module);

private:
  void bind(func::FuncOp program);
  LogicalResult emit(KernelBuilder &k, Operation &op, unsigned number);
  void noteUses();
  void release(KernelBuilder &k, unsigned at);
  Value workspace(KernelBuilder &k, tcp::HbmType type, unsigned until);
  bool replacesOperand(Operation &op, unsigned at);

  Block &block;
  func::FuncOp dispatch;
  Profile planned;
  DenseMap<Value, Value> places;
  /// Results of the dispatch that lie where another one does: copied.
  SmallVector<std::pair<Value, Value>> copies;
  /// Of values in the workspace: the last op that reads them.
  DenseMap<Value, unsigned> lastUse;
  /// Parts of the workspace that are in use, and until when.
  struct Taken {
    int64_t begin, end;
    unsigned until;
    Value place;
  };
  SmallVector<Taken> taken;
};

} // namespace

/// Whose memory a value is: what is reshaped stays where it is, and so does a
/// weight that its product reads in bf16 (PackWeights.h).
static Value owner(Value value) {
  while (value.getDefiningOp() && makesNoCode(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

/// The program's arguments are what the dispatch reads, then what it returns.
void Lowering::bind(func::FuncOp program) {
  for (auto [argument, place] :
       llvm::zip(block.getArguments(), program.getArguments()))
    places[argument] = place;
  auto back = cast<func::ReturnOp>(block.getTerminator());
  for (auto [i, value] : llvm::enumerate(back.getOperands())) {
    // A cache is updated where it lies.
    if (auto same = dispatch.getResultAttrOfType<IntegerAttr>(i, InPlaceAttr)) {
      auto number = static_cast<unsigned>(same.getInt());
      program.setArgAttr(number, "tcp.result",
                         UnitAttr::get(value.getContext()));
      places[owner(value)] = program.getArgument(number);
      continue;
    }
    unsigned number = dispatch.getNumArguments() + i;
    BlockArgument place = program.getArgument(number);
    program.setArgAttr(number, "tcp.result", UnitAttr::get(value.getContext()));
    auto [found, isNew] = places.try_emplace(owner(value), place);
    if (!isNew)
      copies.push_back({found->second, place});
  }
}

/// What a kernel reads.
static SmallVector<Value> readsOf(Operation &op) {
  if (isQuantization(&op) && !makesNoCode(&op))
    return isa<dure::CastOp>(op) ? quantizationReads(&op)
                                 : SmallVector<Value>(op.getOperands());
  auto product = dyn_cast<MatMulOp>(op);
  std::optional<NarrowProduct> narrow =
      product ? narrowProductOf(product) : std::nullopt;
  if (narrow)
    return narrow->reads();
  SmallVector<Value> reads(op.getOperands());
  auto read =
      product ? product.getRhs().getDefiningOp<DequantizeOp>() : DequantizeOp();
  if (read && isWidenedByProducts(read))
    llvm::append_range(reads, read->getOperands().drop_front());
  return reads;
}

void Lowering::noteUses() {
  unsigned at = 0;
  for (Operation &op : block) {
    ++at;
    for (Value read : readsOf(op))
      lastUse[owner(read)] = at;
  }
}

/// Frees the memory of what no op from `at` on reads: what of it lies in data
/// memory is not to be stored there any more.
void Lowering::release(KernelBuilder &k, unsigned at) {
  llvm::erase_if(taken, [&](const Taken &each) {
    if (each.until < at)
      k.forget(each.place);
    return each.until < at;
  });
}

/// Memory until op `until` has run; the lowest that is free.
Value Lowering::workspace(KernelBuilder &k, tcp::HbmType type, unsigned until) {
  constexpr int64_t alignment = HbmUnit;
  llvm::sort(taken,
             [](const Taken &l, const Taken &r) { return l.begin < r.begin; });
  int64_t bits = type.getElementType().getIntOrFloatBitWidth();
  int64_t bytes = llvm::alignTo(
      llvm::divideCeil(tcp::positions(type.getElement().getDigits()) * bits, 8),
      alignment);
  int64_t begin = 0;
  for (const Taken &each : taken) {
    if (begin + bytes <= each.begin)
      break;
    begin = std::max(begin, each.end);
  }
  Value place = tcp::AllocOp::create(k.b, type, begin);
  taken.push_back({begin, begin + bytes, until, place});
  return place;
}

/// Rows that a scatter replaces lie where the others do, if nobody reads what
/// they were before.
bool Lowering::replacesOperand(Operation &op, unsigned at) {
  // Of others' operands some may be in data memory alone.
  auto scatter = dyn_cast<ScatterNDOp>(op);
  if (!scatter || !scatter->hasAttr(UnreadAttr))
    return false;
  Value before = owner(scatter.getX());
  auto found = llvm::find_if(taken, [&](const Taken &each) {
    return each.place == places.lookup(before);
  });
  if (found == taken.end() || found->until != at)
    return false;
  Value result = scatter.getResult();
  found->until = std::max(at, lastUse.lookup(result));
  places[result] = found->place;
  return true;
}

LogicalResult Lowering::emit(KernelBuilder &k, Operation &op, unsigned number) {
  // What it is computed with may have come into another dispatch.
  if (Refusal why = isQuantization(&op) ? quantizationRefusal(&op) : Refusal())
    return op.emitError("RNGD does not compute ")
           << op.getName() << " here: " << *why;
  KernelOperands at;
  for (Value read : readsOf(op))
    at.inputs.push_back(places.lookup(owner(read)));
  at.result = places.lookup(op.getResult(0));
  for (int64_t words : scratchOf(&op)) {
    auto all =
        RankedTensorType::get({words}, IntegerType::get(op.getContext(), 64));
    auto type = tcp::HbmType::get(
        op.getContext(), all.getElementType(),
        tcp::MapAttr::get(op.getContext(), {wholeDigit(all, op.getContext())}));
    at.scratch.push_back(workspace(k, type, number));
  }
  // Beside what earlier kernels still use, and where that leaves too little,
  // after them.
  Block *body = k.b.getInsertionBlock();
  Operation *before = body->empty() ? nullptr : &body->back();
  k.setPolicy(KernelBuilder::Policy::Rotate);
  emitKernel(k, &op, at);
  if (k.overflowed()) {
    while (!body->empty() && &body->back() != before)
      body->back().erase();
    k.setPolicy(KernelBuilder::Policy::Restart);
    emitKernel(k, &op, at);
  }
  k.finish();
  // Reports and traces name commands after the node that they are for.
  auto label = StringAttr::get(op.getContext(), labelOf(&op));
  for (Operation *each = &body->back(); each != before;
       each = each->getPrevNode())
    if (isa<tcp::TdmaOp, tcp::TdmaGatherOp, tcp::TdmaScatterOp, tcp::ExecOp>(
            each))
      each->setAttr("label", label);
  if (k.overflowed())
    return op.emitError("does not fit RNGD's memories as the kernel divides "
                        "it; compile with --target cpu");
  return success();
}

/// Places that nobody needed, such as HBM for what stays in data memory.
static void eraseUnusedPlaces(func::FuncOp program) {
  Block &block = program.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isa<tcp::AllocOp, tcp::ConstantOp, tcp::ViewOp>(op) && op.use_empty())
      op.erase();
}

FailureOr<func::FuncOp> Lowering::run(ModuleOp module) {
  auto back = cast<func::ReturnOp>(block.getTerminator());
  SmallVector<Type> types;
  for (Value each : block.getArguments())
    types.push_back(hbmOf(each));
  for (Value each : back.getOperands())
    types.push_back(hbmOf(each));
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto program =
      func::FuncOp::create(builder, dispatch.getLoc(), dispatch.getName(),
                           FunctionType::get(dispatch.getContext(), types, {}));
  program.addEntryBlock();
  bind(program);
  noteUses();
  KernelBuilder k(program, planned);
  unsigned at = 0;
  for (Operation &op : block.without_terminator()) {
    ++at;
    if (makesNoCode(&op))
      continue;
    release(k, at);
    if (auto constant = dyn_cast<dure::ConstantOp>(op)) {
      if (failed(placeConstant(k, constant, places)))
        return failure();
      continue;
    }
    Value result = op.getResult(0);
    bool isResult = places.contains(result);
    if (!isResult && !replacesOperand(op, at))
      places[result] = workspace(k, cast<tcp::HbmType>(hbmOf(result)),
                                 std::max(at, lastUse.lookup(result)));
    k.keep(places[result], isResult);
    if (failed(emit(k, op, at)))
      return failure();
  }
  for (auto [from, to] : copies) {
    DigitList all = {k.digit("all", wholeElements(from))};
    k.copy(k.hbm(from, all), k.hbm(to, all));
  }
  func::ReturnOp::create(k.b);
  eraseUnusedPlaces(program);
  orderCopies(program);
  if (failed(verify(program)))
    return failure();
  return program;
}

static std::string packed(const fb::ModuleT &code) {
  flatbuffers::FlatBufferBuilder buffer;
  fb::FinishModuleBuffer(buffer, fb::Module::Pack(buffer, &code));
  return {reinterpret_cast<const char *>(buffer.GetBufferPointer()),
          buffer.GetSize()};
}

/// The program of one dispatch function, written into `module`, by itself in a
/// code object.
static FailureOr<std::pair<func::FuncOp, std::string>>
compileAlone(func::FuncOp dispatch, ModuleOp module, Profile planned) {
  module->getContext()->loadDialect<tcp::TcpDialect>();
  fb::ModuleT code;
  code.chip = "rngd";
  FailureOr<func::FuncOp> program = Lowering(dispatch, planned).run(module);
  if (failed(program) || failed(encode(*program, code)))
    return failure();
  return std::pair(*program, packed(code));
}

FailureOr<int64_t> RngdTarget::cyclesBy(const Oracle &tool,
                                        func::FuncOp dispatch) const {
  OwningOpRef<ModuleOp> module = ModuleOp::create(dispatch.getLoc());
  auto compiled = compileAlone(dispatch, *module, Profile::Tcc);
  if (failed(compiled))
    return failure();
  SimulatedTime counted = simulatedTime(compiled->second, Profile::Tcc);
  if (!counted.problem.empty())
    return dispatch.emitError("its cycles cannot be counted: ")
           << counted.problem;
  return counted.cycles;
}

/// Bytes of a slice's data memory up to the last that a program names.
static int64_t dataMemoryUsed(func::FuncOp program) {
  int64_t most = 0;
  program.walk([&](tcp::AllocOp place) {
    auto type = dyn_cast<tcp::DmType>(place.getType());
    if (!type)
      return;
    int64_t bits = tcp::positions(type.getElement().getDigits()) *
                   type.getElementType().getIntOrFloatBitWidth();
    most =
        std::max<int64_t>(most, place.getOffset() + llvm::divideCeil(bits, 8));
  });
  return most;
}

/// Of the whole program what the simulator counts; of each op when its commands
/// run, and of products how they are divided.
std::vector<DispatchNote> RngdTarget::explain(func::FuncOp dispatch) const {
  OwningOpRef<ModuleOp> module = ModuleOp::create(dispatch.getLoc());
  auto compiled = compileAlone(dispatch, *module, Profile::Book);
  if (failed(compiled))
    return {};
  SimulatedTime time = simulatedTime(compiled->second, Profile::Book);
  if (!time.problem.empty())
    return {};
  std::vector<DispatchNote> notes;
  auto note = [&](Operation *op, auto write) {
    DispatchNote made{op, ""};
    llvm::raw_string_ostream out(made.Text);
    write(out);
    notes.push_back(std::move(made));
  };
  note(nullptr, [&](llvm::raw_ostream &out) {
    out << llvm::formatv(
        "simulated {0:f1} us by profile book, bound by {1} ({2}), with {3} of "
        "{4} KB of a slice's data memory",
        double(time.cycles) / 1e3, time.bound, time.shares,
        llvm::divideCeil(dataMemoryUsed(compiled->first), 1024),
        DmBytes / 1024);
  });
  llvm::StringMap<const SimulatedTime::Span *> spans;
  for (const SimulatedTime::Span &span : time.spans)
    spans[span.name] = &span;
  for (Operation &op : dispatch.getBody().front().without_terminator()) {
    const SimulatedTime::Span *span = spans.lookup(labelOf(&op));
    if (!span)
      continue;
    note(&op, [&](llvm::raw_ostream &out) {
      out << llvm::format("from %.1f to %.1f us", double(span->begin) / 1e3,
                          double(span->end) / 1e3);
      if (auto product = dyn_cast<MatMulOp>(op))
        out << ", " << matMulMapping(product, packsRight(product));
      if (auto experts = dyn_cast<ExpertMatMulOp>(op))
        out << ", " << expertsMapping(experts);
    });
  }
  return notes;
}

FailureOr<CodeObjectResult> RngdTarget::emit(const EmitRequest &request) const {
  func::FuncOp first = request.Dispatches.front();
  OwningOpRef<ModuleOp> module = ModuleOp::create(first.getLoc());
  module->getContext()->loadDialect<tcp::TcpDialect>();
  fb::ModuleT code;
  code.chip = "rngd";
  CodeObjectResult out;
  bool byTcc = request.Variant && request.Variant->Name == PlannedByTcc;
  Profile planned = byTcc ? Profile::Tcc : Profile::Book;
  for (func::FuncOp dispatch : request.Dispatches) {
    if (request.Cancelled())
      return failure();
    FailureOr<func::FuncOp> program = Lowering(dispatch, planned).run(*module);
    if (failed(program) || failed(encode(*program, code)))
      return failure();
    KernelEntry entry;
    entry.Name = dispatch.getName().str();
    out.Entries.push_back(std::move(entry));
  }
  if (!request.SaveTemps.empty()) {
    std::string path = request.SaveTemps + "/rngd.tcp.mlir";
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    if (error)
      return first.emitError("cannot write '")
             << path << "': " << error.message();
    module->print(file);
  }
  out.Bytes = packed(code);
  return out;
}

} // namespace dure::rngd

DURE_TARGET_PLUGIN("rngd", dure::rngd::RngdTarget)
