// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Targets that are `cpu` but take only some ops, and run on the driver `apart`:
// what a chip is to the compiler that cannot do without the host.
//
//   half       every op or not, by a hash of where it comes from
//   products   matmuls and what they are made of, no more
//   no-softmax all but attention and softmax
//   static-half half, of static shapes alone
#include "compiler/Target.h"
#include "test/compiler/plugins/InTreeTarget.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

#include <string_view>

using namespace mlir;

namespace {

/// The in-tree target behind this one.
std::unique_ptr<dure::Target> createCpu() {
  return dure::test::createInTreeTarget(DURE_TEST_LIBRARIES
                                        "/libdure-target-cpu.so");
}

bool takes(Operation *Op) {
  if (isa<dure::ReshapeOp>(Op))
    return true;
  StringRef Name = Op->getName().stripDialect();
  constexpr std::string_view Which = TARGET_NAME;
  if (Which == "products")
    return Name == "matmul" || Name == "gated_mlp" || Name == "transpose";
  if (Which == "no-softmax")
    return Name != "softmax" && Name != "attention";
  std::string Place = Name.str();
  llvm::raw_string_ostream(Place) << Op->getLoc();
  return llvm::xxHash64(Place) % 2;
}

class PartialTarget final : public dure::Target {
public:
  StringRef name() const override { return TARGET_NAME; }
  StringRef description() const override { return "for tests"; }
  bool needsStaticShapes() const override {
    return StringRef(TARGET_NAME).starts_with("static");
  }
  FailureOr<std::vector<dure::TargetVariant>>
  variants(ArrayRef<std::string> Names, std::string &Error) const override {
    FailureOr<std::vector<dure::TargetVariant>> Given =
        Inner->variants(Names, Error);
    if (succeeded(Given))
      for (dure::TargetVariant &Each : *Given)
        Each.Driver = "apart";
    return Given;
  }
  std::optional<dure::Unsupported> supports(Operation *Op) const override {
    if (takes(Op))
      return Inner->supports(Op);
    return dure::Unsupported{
        "test-op",
        ("the test chip does not compute " + Op->getName().getStringRef())
            .str(),
        "Compile for --target cpu."};
  }
  void registerDialects(DialectRegistry &Registry) const override {
    Inner->registerDialects(Registry);
  }
  void addPasses(dure::TargetPhase Phase,
                 OpPassManager &Passes) const override {
    Inner->addPasses(Phase, Passes);
  }
  std::vector<dure::DispatchGroup>
  formDispatches(Block &Region) const override {
    return Inner->formDispatches(Region);
  }
  FailureOr<dure::CodeObjectResult>
  emit(const dure::EmitRequest &Request) const override {
    return Inner->emit(Request);
  }

private:
  std::unique_ptr<dure::Target> Inner = createCpu();
};

} // namespace

DURE_TARGET_PLUGIN(TARGET_NAME, PartialTarget)
