// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Targets that are another one but for one thing: `wrong`, of `reference`,
// computes a subtraction where the model adds, after placement, so that nothing
// but its results tells; `static-shapes`, of `reference`, and `static-cpu`, of
// `cpu`, say that they need static shapes, and refuse others.
#include "compiler/Target.h"
#include "test/compiler/plugins/InTreeTarget.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace {

/// The in-tree target behind this one.
std::unique_ptr<dure::Target> createInner() {
  return dure::test::createInTreeTarget(DURE_TEST_LIBRARIES
                                        "/libdure-target-" INNER ".so");
}

/// The first addition of a module becomes a subtraction.
struct SubtractInstead : PassWrapper<SubtractInstead, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SubtractInstead)
  StringRef getArgument() const override { return "test-subtract-instead"; }
  void runOnOperation() override {
    getOperation().walk([&](dure::AddOp Op) {
      OpBuilder Builder(Op);
      auto Sub = dure::SubOp::create(Builder, Op.getLoc(), Op.getType(),
                                     Op->getOperands());
      Op.replaceAllUsesWith(Sub.getOperation());
      Op.erase();
      return WalkResult::interrupt();
    });
  }
};

class DelegatingTarget final : public dure::Target {
public:
  StringRef name() const override { return TARGET_NAME; }
  StringRef description() const override { return "for tests"; }
  FailureOr<std::vector<dure::TargetVariant>>
  variants(ArrayRef<std::string> Names, std::string &Error) const override {
    return Inner->variants(Names, Error);
  }
  std::optional<dure::Unsupported> supports(Operation *Op) const override {
#ifdef STATIC_SHAPES
    for (Type Each : Op->getResultTypes())
      if (!cast<RankedTensorType>(Each).hasStaticShape())
        return dure::Unsupported{"dynamic-shape", "its shape is not static",
                                 "Phase specialize should have made it so."};
#endif
    return Inner->supports(Op);
  }
  void registerDialects(DialectRegistry &Registry) const override {
    Inner->registerDialects(Registry);
  }
  std::vector<dure::DispatchGroup>
  formDispatches(Block &Region) const override {
    return Inner->formDispatches(Region);
  }
  FailureOr<dure::CodeObjectResult>
  emit(const dure::EmitRequest &Request) const override {
    return Inner->emit(Request);
  }
#ifdef STATIC_SHAPES
  bool needsStaticShapes() const override { return true; }
  void addPasses(dure::TargetPhase Phase,
                 OpPassManager &Passes) const override {
    Inner->addPasses(Phase, Passes);
  }
  std::optional<double>
  cost(func::FuncOp, const std::map<std::string, int64_t> &) const override {
    return 0.25;
  }
#else
  void addPasses(dure::TargetPhase Phase,
                 OpPassManager &Passes) const override {
    if (Phase == dure::TargetPhase::Quantize)
      Passes.addPass(std::make_unique<SubtractInstead>());
  }
#endif

private:
  std::unique_ptr<dure::Target> Inner = createInner();
};

} // namespace

DURE_TARGET_PLUGIN(TARGET_NAME, DelegatingTarget)
