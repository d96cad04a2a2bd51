// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The target `reference`: every op by its canonical lowering, one dispatch
// each. What other targets are checked against.
#include "compiler/Target.h"
#include "targets/cpu/compiler/CpuVariant.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/reference/compiler/ReferenceCodegen.h"

using namespace mlir;
using namespace dure;

namespace {

class ReferenceTarget : public Target {
public:
  StringRef name() const override { return "reference"; }
  StringRef description() const override {
    return "The definition of every op, as plain loops on this machine's CPU; "
           "slow, for comparison";
  }
  std::vector<DeviceDescription> devices() const override {
    return {{"cpu", "the CPU that the package is loaded on"}};
  }

  FailureOr<std::vector<TargetVariant>>
  variants(ArrayRef<std::string> Names, std::string &Error) const override;
  std::optional<Unsupported> supports(Operation *Op) const override;
  void registerDialects(DialectRegistry &Registry) const override {
    reference::registerDialects(Registry);
  }
  std::vector<DispatchGroup> formDispatches(Block &Region) const override;
  // What it is compared with may be wrong by what raise made of the model.
  bool wantsRaised() const override { return false; }
  FailureOr<CodeObjectResult> emit(const EmitRequest &Request) const override;
};

} // namespace

FailureOr<std::vector<TargetVariant>>
ReferenceTarget::variants(ArrayRef<std::string> Names,
                          std::string &Error) const {
  std::vector<TargetVariant> Result;
  SmallVector<std::string> Wanted(Names);
  if (Wanted.empty())
    Wanted.push_back("native");
  for (const std::string &Name : Wanted) {
    auto Machines = cpu::resolveCpuVariants(Name);
    if (!Machines) {
      Error = llvm::toString(Machines.takeError());
      return failure();
    }
    for (const cpu::CpuVariant &Machine : *Machines) {
      TargetVariant Variant;
      Variant.Name = Machine.name;
      Variant.Driver = "cpu";
      Variant.Compatibility = Machine.compatibility;
      Variant.Format = "elf";
      Result.push_back(Variant);
    }
  }
  return Result;
}

/// Elements that are stored in whole bytes and that conversions exist for.
static bool isSupportedElement(Type Element) {
  if (auto Integer = dyn_cast<IntegerType>(Element))
    return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, Integer.getWidth());
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type,
             Float8E4M3FNType, Float8E5M2Type, Float8E4M3FNUZType,
             Float8E5M2FNUZType, Float8E8M0FNUType>(Element);
}

std::optional<Unsupported> ReferenceTarget::supports(Operation *Op) const {
  auto Check = [](Type Type) -> std::optional<Unsupported> {
    auto Tensor = dyn_cast<RankedTensorType>(Type);
    if (!Tensor || isSupportedElement(Tensor.getElementType()))
      return std::nullopt;
    std::string Text;
    llvm::raw_string_ostream(Text) << Tensor.getElementType();
    return Unsupported{"element-type",
                       "elements of type " + Text + " have no storage here",
                       "store them as int8, uint8 or a float type"};
  };
  for (Type Type : llvm::concat<const mlir::Type>(Op->getOperandTypes(),
                                                  Op->getResultTypes()))
    if (auto Refusal = Check(Type))
      return Refusal;
  return std::nullopt;
}

std::vector<DispatchGroup>
ReferenceTarget::formDispatches(Block &Region) const {
  std::vector<DispatchGroup> Groups;
  for (Operation &Op : Region.without_terminator()) {
    if (isa<ReshapeOp, ConstantOp, GetWeightOp, DefineDimsOp>(Op))
      continue;
    DispatchGroup Group;
    Group.Ops.push_back(&Op);
    Group.Name = Op.getName().stripDialect().str();
    Groups.push_back(std::move(Group));
  }
  return Groups;
}

FailureOr<CodeObjectResult>
ReferenceTarget::emit(const EmitRequest &Request) const {
  if (Request.Dispatches.empty())
    return CodeObjectResult();
  func::FuncOp First = Request.Dispatches.front();
  Location Loc = First.getLoc();
  auto Machines = cpu::resolveCpuVariants(Request.Variant->Name);
  if (!Machines) {
    emitError(Loc) << llvm::toString(Machines.takeError());
    return failure();
  }

  CodeObjectResult Result;
  OwningOpRef<ModuleOp> Kernels = ModuleOp::create(Loc);
  bool AllLowered = true;
  for (func::FuncOp Dispatch : Request.Dispatches) {
    if (Request.Cancelled())
      return failure();
    auto Info = reference::lowerDispatch(Dispatch, *Kernels);
    if (failed(Info)) {
      AllLowered = false;
      continue;
    }
    KernelEntry Entry;
    Entry.Name = Info->Name;
    for (const std::string &Constant : Info->Constants)
      Entry.Constants.push_back(DimExpr::symbol(Constant));
    Result.Entries.push_back(std::move(Entry));
  }
  if (!AllLowered)
    return failure();

  cpu::ObjectCodeOptions Options;
  // An oracle rounds as the formulas say.
  Options.allowContraction = false;
  Options.optimizationLevel = 2;
  if (!Request.SaveTemps.empty())
    Options.saveTempsPrefix =
        Request.SaveTemps + "/reference." + Request.Variant->Name;
  Options.cancelled = Request.Cancelled;
  auto Bytes = cpu::emitObjectCode(*Kernels, Machines->front(), Options);
  if (!Bytes) {
    emitError(Loc) << llvm::toString(Bytes.takeError());
    return failure();
  }
  Result.Bytes.assign(Bytes->begin(), Bytes->end());
  return Result;
}

DURE_TARGET_PLUGIN("reference", ReferenceTarget)
