// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU target behind the interface that every vendor's target has.
#include "targets/cpu/compiler/CpuVariant.h"
#include "targets/cpu/compiler/DispatchLowering.h"
#include "targets/cpu/compiler/FormDispatches.h"
#include "targets/cpu/compiler/NarrowWeights.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/cpu/compiler/RowReductions.h"
#include "targets/cpu/compiler/TargetVariants.h"
#include "targets/cpu/compiler/TiedWeights.h"

#include "compiler/Target.h"
#include "compiler/passes/Passes.h"

using namespace mlir;

namespace dure::cpu {
namespace {

class CpuTarget final : public dure::Target {
public:
  StringRef name() const override { return "cpu"; }
  StringRef description() const override {
    return "host CPUs: x86-64 with AVX2 or AVX-512, AArch64";
  }
  std::vector<DeviceDescription> devices() const override {
    return {{"native", "the CPU of this machine"},
            {"portable", "any x86-64 with AVX2 or AVX-512 (two variants)"}};
  }

  FailureOr<std::vector<TargetVariant>>
  variants(ArrayRef<std::string> names, std::string &error) const override {
    return describeVariants(names, error);
  }

  std::string inKorean(StringRef text) const override {
    return cpu::inKorean(text);
  }

  std::optional<Unsupported> supports(Operation *op) const override {
    if (auto refusal = refuseElement(findUnsupportedElement(op)))
      return refusal;
    if (isa<ReshapeOp>(op) || isSupportedOp(op))
      return std::nullopt;
    return Unsupported{
        "target-op",
        ("the cpu target does not compute " + op->getName().getStringRef() +
         " on these types")
            .str(),
        "Compile for --target reference, which computes every operation."};
  }

  void registerDialects(DialectRegistry &registry) const override {
    registerKernelDialects(registry);
  }

  void addPasses(TargetPhase phase, OpPassManager &passes) const override {
    if (phase != TargetPhase::FormDispatches)
      return;
    // Its parts fuse better here: each matmul with what follows it.
    passes.addPass(createDecomposeGatedMLP());
    passes.addPass(createDecomposeMoE());
    // What is left of reductions are rows and single axes.
    passes.addPass(createRowReductions());
    passes.addPass(createNarrowWeights());
    passes.addPass(createTiedWeights());
  }

  std::vector<DispatchGroup> formDispatches(Block &region) const override {
    return cpu::formDispatches(region);
  }

  FailureOr<CodeObjectResult> emit(const EmitRequest &request) const override;
};

KernelEntry describe(const KernelInfo &info) {
  KernelEntry out;
  out.Name = info.name;
  out.Constants = info.constants;
  out.Grid = {info.workgroups};
  return out;
}

FailureOr<CodeObjectResult> CpuTarget::emit(const EmitRequest &request) const {
  func::FuncOp first = request.Dispatches.front();
  Location loc = first.getLoc();
  auto fail = [&](llvm::Error error) -> FailureOr<CodeObjectResult> {
    return emitError(loc) << llvm::toString(std::move(error));
  };
  auto resolved = resolveCpuVariants(request.Variant->Name);
  if (!resolved)
    return fail(resolved.takeError());
  const CpuVariant &variant = resolved->front();

  MLIRContext *context = loc.getContext();
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(UnknownLoc::get(context));
  CodeObjectResult out;
  for (func::FuncOp dispatch : request.Dispatches) {
    if (request.Cancelled())
      return failure();
    FailureOr<KernelInfo> info = lowerDispatch(dispatch, *kernels, variant);
    if (failed(info))
      return failure();
    out.Entries.push_back(describe(*info));
  }
  ObjectCodeOptions options;
  if (!request.SaveTemps.empty())
    options.saveTempsPrefix = request.SaveTemps + "/cpu." + variant.name;
  options.cancelled = request.Cancelled;
  auto bytes = emitObjectCode(*kernels, variant, options);
  if (!bytes)
    return fail(bytes.takeError());
  out.Bytes.assign(bytes->begin(), bytes->end());
  return out;
}

} // namespace
} // namespace dure::cpu

DURE_TARGET_PLUGIN("cpu", dure::cpu::CpuTarget)
