// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the semantic pass: each rule with a program that breaks it.

#include "runtime/package/Verifier.h"
#include "runtime/package/Reader.h"
#include "test/unit/runtime/TestPackages.h"

using namespace dure;
using namespace dure::test;

namespace {

/// Message of the refusal of P, "" if it is accepted.
std::string refusal(const Package &P) {
  return verifyPackage(P, {0, 0, /*BeforeWriting=*/true}).message();
}

/// A package whose only program is what FILL writes, without Return.
std::string programRefusal(void (*Fill)(ProgramBuilder &)) {
  Package P = encoderPackage();
  ProgramBuilder B;
  Fill(B);
  B.setBlock(0);
  ScalarReg Zero = B.constant(0);
  BufferReg Out = B.allocate(Space::Result, Zero);
  B.result({{Out, {Zero, Zero, Zero}}, {Out, {Zero, Zero}}});
  P.Variants[0].Programs = {B.Made};
  return refusal(P);
}

void expectIn(const std::string &Message, const char *Part) {
  EXPECT_NE(Message.find(Part), std::string::npos) << Message;
}

} // namespace

// Tests that the packages of the other tests are accepted.
TEST(Verifier, AcceptsGoodPackages) {
  EXPECT_EQ(refusal(encoderPackage()), "");
  EXPECT_EQ(refusal(stepPackage()), "");
  EXPECT_EQ(refusal(bucketPackage()), "");
  EXPECT_EQ(programRefusal([](ProgramBuilder &) {}), "");
}

// Tests that a register must be assigned on every path to its use, and that
// the place is named.
TEST(Verifier, RegistersAreAssignedBeforeUse) {
  std::string Message = programRefusal([](ProgramBuilder &B) {
    B.Made.ScalarRegisters = 5;
    B.mul(3, 3);
  });
  expectIn(Message, "scalar register 3 is used before");
  expectIn(Message, "variant 'fake': program 'main': block 0, instruction 0");
  expectIn(programRefusal([](ProgramBuilder &B) {
             ScalarReg Zero = B.constant(0);
             B.subspan(7, Zero, Zero);
           }),
           "buffer register 7");
  // Assigned in one branch only.
  expectIn(programRefusal([](ProgramBuilder &B) {
             ScalarReg One = B.constant(1);
             uint32_t Then = B.newBlock();
             ScalarReg Inside = B.constant(2);
             B.setBlock(0);
             B.add(IfOp{One, Then, -1});
             B.mul(Inside, Inside);
           }),
           "used before");
  // In both: fine.
  EXPECT_EQ(programRefusal([](ProgramBuilder &B) {
              ScalarReg One = B.constant(1), Both = B.newScalar();
              uint32_t Then = B.newBlock();
              B.add(ConstOp{Both, 2});
              uint32_t Else = B.newBlock();
              B.add(ConstOp{Both, 3});
              B.setBlock(0);
              B.add(IfOp{One, Then, static_cast<int32_t>(Else)});
              B.mul(Both, Both);
            }),
            "");
  // A loop may run no time at all.
  expectIn(programRefusal([](ProgramBuilder &B) {
             ScalarReg One = B.constant(1);
             uint32_t Body = B.newBlock();
             ScalarReg Inside = B.constant(2);
             B.setBlock(0);
             B.add(LoopOp{B.newScalar(), One, One, One, -1, Body});
             B.mul(Inside, Inside);
           }),
           "used before");
}

// Tests that every index has its table.
TEST(Verifier, IndicesAreInRange) {
  using Edit = void (*)(ProgramBuilder &);
  const Edit Edits[] = {
      [](ProgramBuilder &B) { B.input(2); },
      [](ProgramBuilder &B) { B.weight(2); },
      [](ProgramBuilder &B) { B.dim(0, 2); },
      [](ProgramBuilder &B) {
        B.add(ConstOp{99, 0});
      },
      [](ProgramBuilder &B) { B.dispatch(99, {}, {}); },
      [](ProgramBuilder &B) { B.dispatch(kernel("pause"), {}, {}); },
      [](ProgramBuilder &B) { B.dispatch(kernel("fault"), {}, {}, {}, 0); },
      [](ProgramBuilder &B) { B.state(StateProperty::Batch); },
      [](ProgramBuilder &B) {
        B.add(IfOp{B.constant(0), 1, -1});
      },
      [](ProgramBuilder &B) {
        B.add(IfOp{B.constant(0), 0, -1}); // itself: a cycle
      },
      [](ProgramBuilder &B) { B.newBlock(); }, // never entered
      [](ProgramBuilder &B) { B.result({}); },
      [](ProgramBuilder &B) { B.Made.TraceBlock = 0; },
      [](ProgramBuilder &B) { B.Made.ScalarRegisters = 1u << 30; },
      [](ProgramBuilder &B) {
        ScalarReg Zero = B.constant(0);
        B.add(ScalarOp{static_cast<ScalarOpKind>(77), Zero, Zero, Zero, 0});
      },
      [](ProgramBuilder &B) {
        ScalarReg Zero = B.constant(0);
        BufferReg Buffer = B.allocate(Space::Transient, Zero);
        B.add(FillOp{Buffer, Zero, Zero, 0, 3});
      },
      [](ProgramBuilder &B) {
        ScalarReg Zero = B.constant(0);
        BufferReg Buffer = B.allocate(Space::Transient, Zero);
        B.add(ReadScalarOp{Zero, Buffer, ElementType::F32, Zero});
      },
  };
  for (Edit Fill : Edits)
    EXPECT_NE(programRefusal(Fill), "");
}

// Tests that packages from a newer Dure are refused by version and feature.
TEST(Verifier, NewerPackagesAreRefused) {
  Package P = encoderPackage();
  P.MinRuntime = 99;
  expectIn(refusal(P), "format 99");
  P = encoderPackage();
  P.RequiredFeatures = uint64_t(1) << 40;
  expectIn(refusal(P), "use a newer Dure");
}

// Tests weights: recipes, pack keys, cycles.
TEST(Verifier, WeightsAreChecked) {
  Package P = encoderPackage();
  P.Weights[0].Shape = {1, 1};
  expectIn(refusal(P), "weight 'table'");
  P = encoderPackage();
  P.Variants[0].PackKey = "other";
  expectIn(refusal(P), "packed as 'panels-4'");
  P = encoderPackage();
  P.Variants[0].Weights = {1, 0};
  expectIn(refusal(P), "ascending");
  P = encoderPackage();
  P.Weights[0].Steps = {Step::arith(StepKind::Add, 0)}; // itself
  expectIn(refusal(P), "not an earlier weight");
  // Each weight doubles the one before: 2^40 evaluations.
  P = encoderPackage();
  P.Weights.clear();
  P.Variants.clear();
  P.Weights.push_back(inlineWeight("w", {1}, {1}));
  for (int32_t I = 0; I != 40; ++I)
    P.Weights.push_back(inlineWeight(
        "w", {1}, {1},
        {Step::arith(StepKind::Add, I), Step::arith(StepKind::Add, I)}));
  expectIn(refusal(P), "recipe is too long");
}

// Tests that a step which combines nothing names no operand: nothing would
// keep the operand in range, or the recipe from being its own.
TEST(Verifier, OnlyCombiningStepsNameAnOperand) {
  for (int32_t Operand : {2000000000, 1, 0, -2}) {
    Package P = encoderPackage();
    P.Weights[1].Steps[0].Operand = Operand; // a pack
    expectIn(refusal(P), "pack takes no operand");
    P = encoderPackage();
    Step Reshape = Step::reshape({7, 3});
    Reshape.Operand = Operand;
    P.Weights[0].Steps = {Reshape};
    expectIn(refusal(P), "reshape takes no operand");
  }
  // From a newer Dure, whatever its operand says.
  Package P = encoderPackage();
  P.Weights[1].Steps[0].Kind = static_cast<StepKind>(77);
  P.Weights[1].Steps[0].Operand = 0;
  expectIn(refusal(P), "step kind 77 is not known");
  // A combining step with an earlier weight is fine, with itself it is not.
  P = encoderPackage();
  P.Weights[0].Steps = {};
  P.Weights[1] = inlineWeight("sum", std::vector<float>(21), {7, 3},
                              {Step::arith(StepKind::Add, 0)});
  P.Variants[0].PackKey = "";
  EXPECT_EQ(refusal(P), "");
  P.Weights[1].Steps[0].Operand = 1;
  expectIn(refusal(P), "operand 1 is not an earlier weight");
}

// Tests that a weight in the package has no recipe, which would never have
// been checked.
TEST(Verifier, StoredWeightsHaveNoRecipe) {
  Result<std::string> Bytes = writePackageToMemory(encoderPackage());
  ASSERT_TRUE(Bytes.ok());
  Result<PackageImage> Image = readPackage(std::as_bytes(std::span(*Bytes)));
  ASSERT_TRUE(Image.ok());
  PackageBounds Bounds{Image->Code.size(), Image->Weights.size(), false};
  ASSERT_EQ(verifyPackage(Image->Content, Bounds).message(), "");
  for (void (*Change)(Weight &) :
       {+[](Weight &W) { W.Steps = {Step::reshape(W.Shape)}; },
        +[](Weight &W) { W.Steps = {Step::arith(StepKind::Add, 2000000000)}; },
        +[](Weight &W) { W.Steps = {Step::concat(0, 0)}; },
        +[](Weight &W) { W.StoredType = ElementType::F32; },
        +[](Weight &W) { W.StoredShape = {1}; },
        +[](Weight &W) { W.File = 0; }})
    for (bool Stored : {true, false}) {
      Package P = Image->Content;
      Change(P.Weights[1]);
      if (!Stored) {
        P.Weights[1].Source = WeightSource::None;
        P.Variants.clear();
      }
      expectIn(verifyPackage(P, Bounds).message(), "has a recipe");
    }
}

// Tests that strides are those of steps that can be taken: products of others
// would overflow.
TEST(Verifier, StridesAreBounded) {
  auto Refusal = [](int64_t Stride) {
    Package P = encoderPackage();
    P.Variants.clear();
    Step Slice = Step::slice({0, 0}, {1, 3}, {1, 1});
    Slice.Ints[4] = Stride;
    P.Weights = {
        inlineWeight("w", std::vector<float>(21), {7, 3}, {Slice}, {1, 3})};
    return refusal(P);
  };
  EXPECT_EQ(Refusal(7), "");
  expectIn(Refusal(8), "stride that is not from 1 to the dim");
  expectIn(Refusal(6148914691236517205), "stride");
  // What a model may write for a size of 1.
  EXPECT_EQ(Step::slice({0}, {1}, {int64_t(1) << 62}).Ints[2], 1);
}

// Tests names and signatures.
TEST(Verifier, SignaturesAreChecked) {
  Package P = encoderPackage();
  P.Entries[0].Inputs[1].Name = "ids";
  expectIn(refusal(P), "there twice");
  P = encoderPackage();
  P.Entries[0].Inputs[0].Dims[0].Expression = "";
  expectIn(refusal(P), "neither a number nor an expression");
  P = encoderPackage();
  P.Symbols[0].Multiple = 0;
  expectIn(refusal(P), "symbol 'batch'");
  P = encoderPackage();
  P.Files = {{"/etc/passwd", 1}};
  expectIn(refusal(P), "absolute");
  P = encoderPackage();
  P.Variants[0].Driver = "../evil";
  expectIn(refusal(P), "names no driver");
}
