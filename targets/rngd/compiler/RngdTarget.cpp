// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RNGD behind the interface that every vendor's target has.
#include "compiler/Target.h"
#include "targets/rngd/compiler/Encoder.h"
#include "targets/rngd/compiler/Kernels.h"

#include "runtime/base/Korean.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <array>

using namespace mlir;

namespace dure::rngd {
namespace {

constexpr auto kTexts = std::to_array<Translation>({
#define DURE_TEXT(ENGLISH, KOREAN) {ENGLISH, KOREAN},
#include "targets/rngd/compiler/Messages.def"
});

Refusal refusalOf(Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return matMulRefusal(matmul);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attentionRefusal(attention);
  if (isa<LayerNormOp, RMSNormOp, SoftmaxOp>(op))
    return rowRefusal(op);
  if (isa<dure::TransposeOp, GatherOp>(op))
    return moveRefusal(op);
  return elementwiseRefusal(op);
}

void emitKernel(KernelBuilder &k, Operation *op, const KernelOperands &at) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return emitMatMul(k, matmul, at);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return emitAttention(k, attention, at);
  if (isa<LayerNormOp, RMSNormOp, SoftmaxOp>(op))
    return emitRow(k, op, at);
  if (isa<dure::TransposeOp, GatherOp>(op))
    return emitMove(k, op, at);
  return emitElementwise(k, op, at);
}

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
    for (const std::string &name : names)
      if (name != "rngd") {
        error = "--cpu=" + name + ": RNGD has one variant, rngd";
        return failure();
      }
    TargetVariant variant;
    variant.Name = "rngd";
    variant.Driver = "rngd";
    variant.Compatibility = "rngd";
    variant.Format = "drng";
    return std::vector<TargetVariant>{variant};
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

  std::vector<DispatchGroup> formDispatches(Block &region) const override;
  FailureOr<CodeObjectResult> emit(const EmitRequest &request) const override;
};

} // namespace

std::vector<DispatchGroup> RngdTarget::formDispatches(Block &region) const {
  std::vector<DispatchGroup> groups;
  for (Operation &op : region.without_terminator()) {
    if (isa<ReshapeOp, GetWeightOp, dure::ConstantOp, DefineDimsOp>(op))
      continue;
    DispatchGroup group;
    group.Ops = {&op};
    group.Name = op.getName().stripDialect().str();
    groups.push_back(std::move(group));
  }
  return groups;
}

/// Numbers that kernels read from HBM; those that are one number all over are
/// immediates of the elementwise kernels.
static LogicalResult placeConstant(KernelBuilder &k, dure::ConstantOp op,
                                   DenseMap<Value, Value> &places) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense)
    return op.emitError("RNGD takes dense constants only");
  bool onlyImmediate = llvm::all_of(op->getUsers(), [](Operation *user) {
    return isa<AddOp, SubOp, MulOp, DivOp>(user);
  });
  if (dense.isSplat() && onlyImmediate && dense.getElementType().isF32())
    return success();
  if (dense.getElementType().isInteger(1)) {
    SmallVector<int8_t> bytes;
    for (bool each : dense.getValues<bool>())
      bytes.push_back(each);
    auto type = RankedTensorType::get(dense.getType().getShape(),
                                      IntegerType::get(op.getContext(), 8));
    dense = DenseElementsAttr::get(type, ArrayRef(bytes));
  }
  int64_t count = std::max<int64_t>(1, dense.getNumElements());
  places[op.getResult()] = k.constant(dense, {k.digit("all", count)});
  return success();
}

/// A function of tcp that computes what `dispatch` says.
static FailureOr<func::FuncOp> lower(func::FuncOp dispatch, ModuleOp module) {
  MLIRContext *context = dispatch.getContext();
  Block &block = dispatch.getBody().front();
  auto hbmOf = [&](Type type) -> Type {
    auto tensor = cast<RankedTensorType>(type);
    Type element = tensor.getElementType();
    // A truth value is a byte in memory.
    if (element.isInteger(1))
      element = IntegerType::get(context, 8);
    tcp::Digit all{StringAttr::get(context, "all"), 1,
                   std::max<int64_t>(1, tensor.getNumElements()),
                   std::max<int64_t>(1, tensor.getNumElements())};
    return tcp::HbmType::get(context, element,
                             tcp::MapAttr::get(context, {all}));
  };
  SmallVector<Type> types;
  for (Type type : dispatch.getArgumentTypes())
    types.push_back(hbmOf(type));
  for (Type type : dispatch.getResultTypes())
    types.push_back(hbmOf(type));
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto program =
      func::FuncOp::create(builder, dispatch.getLoc(), dispatch.getName(),
                           FunctionType::get(context, types, {}));
  program.addEntryBlock();
  unsigned results = dispatch.getNumResults();
  for (unsigned i = 0; i < results; ++i)
    program.setArgAttr(dispatch.getNumArguments() + i, "tcp.result",
                       UnitAttr::get(context));

  DenseMap<Value, Value> places;
  for (auto [argument, place] :
       llvm::zip(block.getArguments(), program.getArguments()))
    places[argument] = place;
  auto back = cast<func::ReturnOp>(block.getTerminator());
  for (auto [i, value] : llvm::enumerate(back.getOperands()))
    places[value] = program.getArgument(dispatch.getNumArguments() + i);

  KernelBuilder k(program);
  for (Operation &op : block.without_terminator()) {
    if (auto constant = dyn_cast<dure::ConstantOp>(op)) {
      if (failed(placeConstant(k, constant, places)))
        return failure();
      continue;
    }
    if (isa<ReshapeOp>(op)) {
      places[op.getResult(0)] = places.lookup(op.getOperand(0));
      continue;
    }
    KernelOperands at;
    for (Value operand : op.getOperands())
      at.inputs.push_back(places.lookup(operand));
    at.result = places.lookup(op.getResult(0));
    emitKernel(k, &op, at);
    if (k.overflowed())
      return op.emitError("does not fit RNGD's memories as the kernel divides "
                          "it; compile with --target cpu");
  }
  func::ReturnOp::create(k.b);
  if (failed(verify(program)))
    return failure();
  return program;
}

FailureOr<CodeObjectResult> RngdTarget::emit(const EmitRequest &request) const {
  func::FuncOp first = request.Dispatches.front();
  OwningOpRef<ModuleOp> module = ModuleOp::create(first.getLoc());
  module->getContext()->loadDialect<tcp::TcpDialect>();
  fb::ModuleT code;
  code.chip = "rngd";
  CodeObjectResult out;
  for (func::FuncOp dispatch : request.Dispatches) {
    if (request.Cancelled())
      return failure();
    FailureOr<func::FuncOp> program = lower(dispatch, *module);
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
  flatbuffers::FlatBufferBuilder buffer;
  fb::FinishModuleBuffer(buffer, fb::Module::Pack(buffer, &code));
  out.Bytes.assign(reinterpret_cast<const char *>(buffer.GetBufferPointer()),
                   buffer.GetSize());
  return out;
}

} // namespace dure::rngd

DURE_TARGET_PLUGIN("rngd", dure::rngd::RngdTarget)
