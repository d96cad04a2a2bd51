// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The smallest target plug-in: a chip that adds and multiplies f32 tensors. Its
// code object is a line "entry op" each, which ExampleDriver.c runs.
#include "compiler/Target.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace {

constexpr StringLiteral Description =
    "adds and multiplies f32 tensors; an example for vendors";
constexpr StringLiteral Reason =
    "the example chip adds and multiplies f32 only";
constexpr StringLiteral Remedy = "Compile for --target cpu.";

class ExampleTarget final : public dure::Target {
public:
  StringRef name() const override { return "example"; }
  StringRef description() const override { return Description; }

  FailureOr<std::vector<dure::TargetVariant>>
  variants(ArrayRef<std::string>, std::string &) const override {
    dure::TargetVariant Only;
    Only.Name = "example";
    Only.Driver = "example";
    Only.Compatibility = "example-1";
    Only.Format = "example-text";
    return std::vector<dure::TargetVariant>{Only};
  }

  std::optional<dure::Unsupported> supports(Operation *Op) const override {
    auto IsF32 = [](Type T) {
      return cast<RankedTensorType>(T).getElementType().isF32();
    };
    if (isa<dure::ReshapeOp>(Op) ||
        (isa<dure::AddOp, dure::MulOp>(Op) &&
         llvm::all_of(Op->getOperandTypes(), IsF32)))
      return std::nullopt;
    return dure::Unsupported{"example-op", Reason.str(), Remedy.str()};
  }

  std::vector<dure::DispatchGroup>
  formDispatches(Block &Region) const override {
    std::vector<dure::DispatchGroup> Groups;
    for (Operation &Op : Region) {
      if (!isa<dure::AddOp, dure::MulOp>(Op))
        continue;
      dure::DispatchGroup Group;
      Group.Ops.push_back(&Op);
      Group.Name = Op.getName().stripDialect().str();
      Groups.push_back(std::move(Group));
    }
    return Groups;
  }

  FailureOr<dure::CodeObjectResult>
  emit(const dure::EmitRequest &Request) const override {
    dure::CodeObjectResult Result;
    for (func::FuncOp Dispatch : Request.Dispatches) {
      auto Output = cast<RankedTensorType>(Dispatch.getResultTypes().front());
      dure::KernelEntry Entry;
      Entry.Name = Dispatch.getSymName().str();
      Entry.Constants.push_back(dure::elementCount(Output));
      bool Multiplies = !Dispatch.getOps<dure::MulOp>().empty();
      Result.Bytes += Entry.Name + (Multiplies ? " mul\n" : " add\n");
      Result.Entries.push_back(std::move(Entry));
    }
    return Result;
  }

  std::string inKorean(StringRef Text) const override {
    return StringSwitch<std::string>(Text)
        .Case(Description,
              "f32 텐서를 더하고 곱합니다. 칩 제조사를 위한 예제입니다")
        .Case(Reason, "예제 칩은 f32의 덧셈과 곱셈만 합니다")
        .Case(Remedy, "--target cpu로 컴파일하십시오.")
        .Default("");
  }
};

} // namespace

DURE_TARGET_PLUGIN("example", ExampleTarget)
