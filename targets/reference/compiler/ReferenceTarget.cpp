// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The target `reference`: every op by its canonical lowering, one dispatch
// each. What other targets are checked against.
#include "compiler/Target.h"
#include "runtime/base/Korean.h"
#include "targets/cpu/compiler/CpuVariant.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/cpu/compiler/TargetVariants.h"
#include "targets/reference/compiler/ReferenceCodegen.h"

#include <array>

using namespace mlir;
using namespace dure;

namespace {

constexpr auto Texts = std::to_array<Translation>({
#define DURE_TEXT(English, Korean) {English, Korean},
#include "targets/reference/compiler/Messages.def"
});

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
  variants(ArrayRef<std::string> Names, std::string &Error) const override {
    return cpu::describeVariants(Names, Error);
  }
  std::optional<Unsupported> supports(Operation *Op) const override;
  void registerDialects(DialectRegistry &Registry) const override {
    reference::registerDialects(Registry);
  }
  std::vector<DispatchGroup> formDispatches(Block &Region) const override;
  // What it is compared with may be wrong by what raise made of the model.
  bool wantsRaised() const override { return false; }
  std::string inKorean(StringRef Text) const override {
    std::optional<std::string> Own = translate(Texts, Text);
    return Own ? *Own : cpu::inKorean(Text);
  }
  FailureOr<CodeObjectResult> emit(const EmitRequest &Request) const override;
};

} // namespace

std::optional<Unsupported> ReferenceTarget::supports(Operation *Op) const {
  return cpu::refuseElement(reference::findUnsupportedElement(Op));
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
