// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiling, running and comparing dispatch functions.
#include "test/unit/cpu-codegen/DispatchTest.h"

#include "dialects/dure/DureOps.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/reference/compiler/ReferenceCodegen.h"

#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <random>

using namespace mlir;
using namespace dure;
using namespace dure::cpu;
using namespace dure::cpu::test;

static int64_t countOf(Type T, const Dims &Sizes) {
  return *elementCount(cast<RankedTensorType>(T)).evaluate(Sizes);
}

static unsigned bytesOf(Type T) {
  Type Element = cast<RankedTensorType>(T).getElementType();
  return std::max(1u, Element.getIntOrFloatBitWidth() / 8);
}

/// The number at `Data`, of type f16 or bf16.
static double wide(Type Element, const char *Data) {
  if (Element.isF16()) {
    _Float16 Value;
    std::memcpy(&Value, Data, 2);
    return double(Value);
  }
  char Bytes[4] = {0, 0, Data[0], Data[1]};
  float Value;
  std::memcpy(&Value, Bytes, 4);
  return Value;
}

std::vector<Buffer> DispatchTest::makeOperands(func::FuncOp Function,
                                               const Dims &Sizes,
                                               const Options &Expect) {
  std::mt19937 Random(7);
  std::uniform_real_distribution<float> Floats(-2, 2);
  std::uniform_int_distribution<int64_t> Integers(Expect.Low, Expect.High);
  std::vector<Buffer> Operands;
  for (Type T : Function.getArgumentTypes()) {
    Type Element = cast<RankedTensorType>(T).getElementType();
    int64_t Count = countOf(T, Sizes);
    if (Count == 0 && Expect.NoAccess) {
      Operands.emplace_back(Buffer::NoAccess());
      continue;
    }
    Buffer B(Count * bytesOf(T));
    for (int64_t I = 0; I < Count; ++I) {
      if (Element.isF32()) {
        reinterpret_cast<float *>(B.Data)[I] = Floats(Random);
      } else if (Element.isF64()) {
        reinterpret_cast<double *>(B.Data)[I] = Floats(Random);
      } else if (Element.isF16()) {
        reinterpret_cast<_Float16 *>(B.Data)[I] = _Float16(Floats(Random));
      } else if (Element.isBF16()) {
        float Value = Floats(Random);
        std::memcpy(B.Data + 2 * I, reinterpret_cast<char *>(&Value) + 2, 2);
      } else if (Element.isInteger(1)) {
        B.Data[I] = Integers(Random) > 0;
      } else {
        int64_t Value = Integers(Random);
        std::memcpy(B.Data + I * bytesOf(T), &Value, bytesOf(T));
      }
    }
    Operands.push_back(std::move(B));
  }
  return Operands;
}

std::vector<Buffer> DispatchTest::run(Library &Code, const KernelInfo &Info,
                                      TypeRange ResultTypes, const Dims &Sizes,
                                      llvm::ArrayRef<Buffer *> Operands,
                                      int32_t &Fault) {
  std::vector<Buffer> Results;
  for (Type T : ResultTypes)
    Results.emplace_back(countOf(T, Sizes) * bytesOf(T));
  std::vector<void *> Bindings;
  for (Buffer *B : Operands)
    Bindings.push_back(B->Data);
  for (Buffer &B : Results)
    Bindings.push_back(B.Data);
  std::vector<int64_t> Constants;
  for (const DimExpr &Expr : Info.constants)
    Constants.push_back(*Expr.evaluate(Sizes));
  const dure_cpu_entry &Entry = Code.entry(Info.name);
  EXPECT_EQ(Entry.scratch_bytes, uint64_t(Info.scratchBytes));
  Buffer Scratch(Entry.scratch_bytes);
  int64_t Workgroups = *Info.workgroups.evaluate(Sizes);
  // Backwards: no workgroup may need an earlier one.
  for (int64_t I = Workgroups; I-- > 0;)
    Fault = std::max(Fault, Entry.function(Bindings.data(), Constants.data(), I,
                                           Workgroups, Scratch.Data));
  EXPECT_TRUE(Scratch.isGuardIntact());
  for (Buffer &B : Results)
    EXPECT_TRUE(B.isGuardIntact());
  return Results;
}

void DispatchTest::compileReference(func::FuncOp Function) {
  OwningOpRef<ModuleOp> Loops = ModuleOp::create(Function.getLoc());
  ReferenceInfos.clear();
  for (Operation &Op : Function.getBody().front().without_terminator()) {
    std::string Name = "op" + std::to_string(ReferenceInfos.size());
    OpBuilder Builder(Context.get());
    OwningOpRef<func::FuncOp> Single = func::FuncOp::create(
        Builder, Op.getLoc(), Name,
        Builder.getFunctionType(Op.getOperandTypes(), Op.getResultTypes()));
    (*Single)->setAttr("dure.symbols", Function->getAttr("dure.symbols"));
    Block *Body = Single->addEntryBlock();
    Builder.setInsertionPointToEnd(Body);
    Operation *Copy = Builder.clone(Op);
    Copy->setOperands(Body->getArguments());
    func::ReturnOp::create(Builder, Op.getLoc(), Copy->getResults());
    auto Lowered = reference::lowerDispatch(*Single, *Loops);
    ASSERT_TRUE(succeeded(Lowered));
    KernelInfo Info;
    Info.name = Name;
    for (const std::string &Text : Lowered->Constants)
      Info.constants.push_back(*DimExpr::parse(Text));
    Info.workgroups = 1;
    Info.scratchBytes = Lowered->ScratchBytes;
    ReferenceInfos[&Op] = Info;
  }
  Reference = compile(*Loops);
}

std::vector<Buffer> DispatchTest::runReference(func::FuncOp Function,
                                               const Dims &Sizes,
                                               std::vector<Buffer> &Operands,
                                               int32_t &Fault) {
  llvm::DenseMap<Value, Buffer *> Values;
  for (auto [Argument, Operand] : llvm::zip(Function.getArguments(), Operands))
    Values[Argument] = &Operand;
  std::list<Buffer> Made;
  for (Operation &Op : Function.getBody().front().without_terminator()) {
    llvm::SmallVector<Buffer *> Inputs;
    for (Value Operand : Op.getOperands())
      Inputs.push_back(Values.at(Operand));
    auto Results = run(*Reference, ReferenceInfos[&Op], Op.getResultTypes(),
                       Sizes, Inputs, Fault);
    for (auto [Value, Result] : llvm::zip(Op.getResults(), Results)) {
      Made.push_back(std::move(Result));
      Values[Value] = &Made.back();
    }
  }
  std::vector<Buffer> Out;
  for (Value Result :
       Function.getBody().front().getTerminator()->getOperands()) {
    Buffer &From = *Values.at(Result);
    Out.emplace_back(From.Size);
    std::memcpy(Out.back().Data, From.Data, From.Size);
  }
  return Out;
}

void DispatchTest::compare(func::FuncOp Function, std::vector<Buffer> &Got,
                           std::vector<Buffer> &Want, double Tolerance) {
  for (auto [I, T] : llvm::enumerate(Function.getResultTypes())) {
    Type Element = cast<RankedTensorType>(T).getElementType();
    if (Element.isF16() || Element.isBF16()) {
      // Sums in another order may round to a neighbour.
      double Step = Element.isF16() ? 1.0 / 512 : 1.0 / 64;
      for (size_t J = 0; J < Got[I].Size / 2; ++J) {
        double G = wide(Element, Got[I].Data + 2 * J);
        double W = wide(Element, Want[I].Data + 2 * J);
        if (std::isnan(G) && std::isnan(W))
          continue;
        ASSERT_LE(std::abs(G - W), Step * (0.1 + std::abs(W)))
            << "result " << I << ", element " << J << ": " << G << " for " << W;
      }
      continue;
    }
    if (!Element.isF32()) {
      EXPECT_EQ(std::memcmp(Got[I].Data, Want[I].Data, Got[I].Size), 0)
          << "result " << I;
      continue;
    }
    const float *G = reinterpret_cast<float *>(Got[I].Data);
    const float *W = reinterpret_cast<float *>(Want[I].Data);
    for (size_t J = 0; J < Got[I].Size / 4; ++J) {
      if (std::isnan(W[J]) && std::isnan(G[J]))
        continue;
      if (W[J] == G[J])
        continue;
      ASSERT_LE(std::abs(G[J] - W[J]), Tolerance * (1 + std::abs(W[J])))
          << "result " << I << ", element " << J << ": " << G[J] << " for "
          << W[J];
    }
  }
}

std::unique_ptr<Library> DispatchTest::compile(ModuleOp Module) {
  ObjectCodeOptions Options;
  if (const char *Prefix = std::getenv("DURE_TEST_SAVE_TEMPS"))
    Options.saveTempsPrefix = Prefix;
  auto Bytes = emitObjectCode(Module, Variant, Options);
  if (!Bytes) {
    ADD_FAILURE() << llvm::toString(Bytes.takeError());
    return nullptr;
  }
  return std::make_unique<Library>(*Bytes);
}

void DispatchTest::check(llvm::StringRef Text, llvm::ArrayRef<Dims> Sizes,
                         Options Expect) {
  OwningOpRef<ModuleOp> Source =
      parseSourceString<ModuleOp>(Text, Context.get());
  ASSERT_TRUE(Source);
  auto Function = *Source->getOps<func::FuncOp>().begin();

  OwningOpRef<ModuleOp> Kernels = ModuleOp::create(Function.getLoc());
  FailureOr<KernelInfo> Info = lowerDispatch(Function, *Kernels, Variant);
  ASSERT_TRUE(succeeded(Info));
  std::unique_ptr<Library> Code = compile(*Kernels);
  ASSERT_TRUE(Code);

  OwningOpRef<ModuleOp> Other;
  func::FuncOp Wanted = Function;
  if (!Expect.ReferenceText.empty()) {
    Other = parseSourceString<ModuleOp>(Expect.ReferenceText, Context.get());
    ASSERT_TRUE(Other);
    Wanted = *Other->getOps<func::FuncOp>().begin();
  }
  compileReference(Wanted);
  ASSERT_TRUE(Reference);

  for (const Dims &Assignment : Sizes) {
    std::string Trace;
    for (auto &[Name, Value] : Assignment)
      Trace += Name + "=" + std::to_string(Value) + " ";
    SCOPED_TRACE(Trace);
    std::vector<Buffer> Operands = makeOperands(Function, Assignment, Expect);
    std::vector<Buffer> Originals = makeOperands(Wanted, Assignment, Expect);
    if (Expect.Prepare) {
      if (!Other)
        Expect.Prepare(Originals, Assignment);
      Expect.Prepare(Operands, Assignment);
    }
    int32_t Fault = 0, ReferenceFault = 0;
    llvm::SmallVector<Buffer *> Inputs;
    for (Buffer &B : Operands)
      Inputs.push_back(&B);
    auto Got =
        run(*Code, *Info, Function.getResultTypes(), Assignment, Inputs, Fault);
    auto Want = runReference(Wanted, Assignment, Originals, ReferenceFault);
    EXPECT_EQ(Fault, Expect.Fault);
    EXPECT_EQ(ReferenceFault, Expect.Fault);
    if (Expect.Fault == 0)
      compare(Function, Got, Want, Expect.Tolerance);
  }
}

std::string cpu::test::replaceAll(std::string Text, const std::string &From,
                                  const std::string &To) {
  for (size_t At = 0; (At = Text.find(From, At)) != std::string::npos;
       At += To.size())
    Text.replace(At, From.size(), To);
  return Text;
}

INSTANTIATE_TEST_SUITE_P(Variants, DispatchTest,
                         testing::Values("native", "x86-64-v3", "x86-64-v4"),
                         [](const auto &Info) {
                           std::string Name = Info.param;
                           std::replace(Name.begin(), Name.end(), '-', '_');
                           return Name;
                         });
