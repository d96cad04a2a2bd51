// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs dispatch functions twice, as one kernel of the CPU target and op by op
// by the canonical lowerings, on the same random data, and compares the
// results.
#include "dialects/dure/DureOps.h"
#include "dialects/dure/Faults.h"
#include "targets/cpu/abi/CpuLibrary.h"
#include "targets/cpu/compiler/DispatchLowering.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/reference/compiler/ReferenceCodegen.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <list>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace dure;
using namespace dure::cpu;

namespace {

/// Memory as the driver gives it, with guard bytes behind it.
class Buffer {
public:
  /// A buffer of no bytes in a page that faults when it is touched.
  struct NoAccess {};
  explicit Buffer(NoAccess) : Size(0), Mapped(true) {
    Data = static_cast<char *>(mmap(nullptr, PageBytes, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  explicit Buffer(size_t size) : Size(size) {
    size_t Rounded = (size + GuardBytes + 63) / 64 * 64;
    Data = static_cast<char *>(std::aligned_alloc(64, Rounded));
    std::memset(Data, 0x5a, Rounded);
  }
  Buffer(Buffer &&Other)
      : Size(Other.Size), Data(Other.Data), Mapped(Other.Mapped) {
    Other.Data = nullptr;
  }
  ~Buffer() {
    if (Mapped && Data)
      munmap(Data, PageBytes);
    else
      std::free(Data);
  }
  bool isGuardIntact() const {
    for (size_t I = 0; I < GuardBytes; ++I)
      if (Data[Size + I] != 0x5a)
        return false;
    return true;
  }
  static constexpr size_t GuardBytes = 64, PageBytes = 4096;
  size_t Size;
  char *Data;
  bool Mapped = false;
};

/// A code object, loaded as the driver loads it.
class Library {
public:
  explicit Library(llvm::ArrayRef<char> Bytes) {
    Descriptor = memfd_create("dure-test", MFD_CLOEXEC);
    EXPECT_EQ(write(Descriptor, Bytes.data(), Bytes.size()),
              ssize_t(Bytes.size()));
    std::string Path = "/proc/self/fd/" + std::to_string(Descriptor);
    Handle = dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(Handle) << dlerror();
    Table = reinterpret_cast<dure_cpu_library_fn>(
        dlsym(Handle, DURE_CPU_LIBRARY_SYMBOL))();
  }
  ~Library() {
    dlclose(Handle);
    close(Descriptor);
  }
  const dure_cpu_entry &entry(llvm::StringRef Name) const {
    for (uint32_t I = 0; I < Table->entry_count; ++I)
      if (Name == Table->entries[I].name)
        return Table->entries[I];
    ADD_FAILURE() << "no entry " << Name.str();
    return Table->entries[0];
  }
  int Descriptor;
  void *Handle;
  const dure_cpu_library *Table;
};

using Dims = std::map<std::string, int64_t>;

struct Options {
  double Tolerance = 1e-5;
  int32_t Fault = 0;
  /// Integer operands are drawn from [Low, High].
  int64_t Low = -3, High = 3;
  /// What the reference computes, where that is another function.
  std::string ReferenceText = {};
  /// Called with the operands of the kernel when they are made.
  std::function<void(std::vector<Buffer> &, const Dims &)> Prepare = nullptr;
  /// Empty operands lie where nothing may be read.
  bool NoAccess = false;
};

class DispatchTest : public testing::TestWithParam<const char *> {
protected:
  DispatchTest() {
    DialectRegistry Registry;
    registerKernelDialects(Registry);
    Context = std::make_unique<MLIRContext>(Registry,
                                            MLIRContext::Threading::DISABLED);
    Context->loadAllAvailableDialects();
    auto Variants = resolveCpuVariants(GetParam());
    EXPECT_TRUE(bool(Variants));
    Variant = Variants->front();
  }

  /// Lowers `Text` (one function @f) and runs it with each assignment.
  void check(llvm::StringRef Text, llvm::ArrayRef<Dims> Sizes,
             Options Expect = {});

private:
  std::vector<Buffer> makeOperands(func::FuncOp Function, const Dims &Sizes,
                                   const Options &Expect);
  std::vector<Buffer> run(Library &Code, const KernelInfo &Info,
                          TypeRange Results, const Dims &Sizes,
                          llvm::ArrayRef<Buffer *> Operands, int32_t &Fault);
  /// Functions of one op each, in a module of their own, compiled together.
  void compileReference(func::FuncOp Function);
  /// The same by the canonical lowering of each op.
  std::vector<Buffer> runReference(func::FuncOp Function, const Dims &Sizes,
                                   std::vector<Buffer> &Operands,
                                   int32_t &Fault);
  void compare(func::FuncOp Function, std::vector<Buffer> &Got,
               std::vector<Buffer> &Want, double Tolerance);
  std::unique_ptr<Library> compile(ModuleOp Module);

  std::unique_ptr<MLIRContext> Context;
  CpuVariant Variant;
  std::unique_ptr<Library> Reference;
  /// How to call the reference's kernel of an op.
  llvm::DenseMap<Operation *, KernelInfo> ReferenceInfos;
};

int64_t countOf(Type T, const Dims &Sizes) {
  return *elementCount(cast<RankedTensorType>(T)).evaluate(Sizes);
}

unsigned bytesOf(Type T) {
  Type Element = cast<RankedTensorType>(T).getElementType();
  return std::max(1u, Element.getIntOrFloatBitWidth() / 8);
}

/// The number at `Data`, of type f16 or bf16.
double wide(Type Element, const char *Data) {
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

const Dims NoDims[] = {{}};

/// `Text` with each `From` replaced by `To`.
std::string replaceAll(std::string Text, const std::string &From,
                       const std::string &To) {
  for (size_t At = 0; (At = Text.find(From, At)) != std::string::npos;
       At += To.size())
    Text.replace(At, From.size(), To);
  return Text;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

// Tests that elementwise ops on one shape run without rows.
TEST_P(DispatchTest, ElementwiseFlat) {
  check(R"(
func.func @f(%a: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %b: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %s: tensor<f32>)
    -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.add %a, %b : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %1 = dure.mul %0, %s : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<f32>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %2 = dure.gelu %1 {form = #dure<gelu_form erf>} : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  return %2 : tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
})",
        {{{"d0", 3}, {"d1", 5}},
         {{"d0", 0}, {"d1", 5}},
         {{"d0", 70}, {"d1", 129}}});
}

// Tests broadcasting along rows, columns and both, with several types.
TEST_P(DispatchTest, ElementwiseBroadcast) {
  check(R"(
func.func @f(%a: tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, %row: tensor<37xf32>, %column: tensor<7x1xf32>, %m: tensor<?x1x37xi1, #dure.dims<["d0", "1", "37"]>>)
    -> (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<?x7x37xi1, #dure.dims<["d0", "7", "37"]>>) attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.add %a, %row : (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<37xf32>) -> tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>
  %1 = dure.mul %0, %column : (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<7x1xf32>) -> tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>
  %c = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %2 = dure.select %m, %1, %c : (tensor<?x1x37xi1, #dure.dims<["d0", "1", "37"]>>, tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<f32>) -> tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>
  %3 = dure.compare %2, %c {predicate = #dure<predicate lt>} : (tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<f32>) -> tensor<?x7x37xi1, #dure.dims<["d0", "7", "37"]>>
  return %2, %3 : tensor<?x7x37xf32, #dure.dims<["d0", "7", "37"]>>, tensor<?x7x37xi1, #dure.dims<["d0", "7", "37"]>>
})",
        {{{"d0", 1}}, {{"d0", 3}}});
}

// Tests that division of integers by zero is reported, not trapped.
TEST_P(DispatchTest, IntegerDivisionByZero) {
  const char *Text = R"(
func.func @f(%a: tensor<19xi64>, %b: tensor<19xi64>) -> tensor<19xi64> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.div %a, %b : (tensor<19xi64>, tensor<19xi64>) -> tensor<19xi64>
  return %0 : tensor<19xi64>
})";
  check(Text, NoDims, {.Fault = int32_t(dure::Fault::DivisionByZero)});
  check(Text, NoDims, {.Low = 2, .High = 9});
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

// Tests a residual sum that is a result and the operand of a norm as well.
TEST_P(DispatchTest, ResidualLayerNorm) {
  check(R"(
func.func @f(%a: tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, %b: tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, %s: tensor<384xf32>, %t: tensor<384xf32>)
    -> (tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>) attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.add %a, %b : (tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>) -> tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>
  %1 = dure.layer_norm %0, %s, %t {axis = 2 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<384xf32>, tensor<384xf32>) -> tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>
  return %0, %1 : tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>, tensor<?x?x384xf32, #dure.dims<["d0", "d1", "384"]>>
})",
        {{{"d0", 1}, {"d1", 128}},
         {{"d0", 2}, {"d1", 3}},
         {{"d0", 0}, {"d1", 3}}});
}

// Tests a chain of stages: norm of a computed row with a tail, then softmax.
TEST_P(DispatchTest, NormThenSoftmax) {
  check(R"(
func.func @f(%a: tensor<?x37xf32, #dure.dims<["d0", "37"]>>, %s: tensor<37xf32>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.silu %a : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  %1 = dure.rms_norm %0, %s {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>, tensor<37xf32>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  %2 = dure.softmax %1 {axis = 1 : i64} : (tensor<?x37xf32, #dure.dims<["d0", "37"]>>) -> tensor<?x37xf32, #dure.dims<["d0", "37"]>>
  return %2 : tensor<?x37xf32, #dure.dims<["d0", "37"]>>
})",
        {{{"d0", 5}}});
}

// Tests softmax over rows whose length is known only at run time.
TEST_P(DispatchTest, SoftmaxDynamicRow) {
  check(R"(
func.func @f(%a: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %m: tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.mul %a, %m : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %1 = dure.softmax %0 {axis = 1 : i64} : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  return %1 : tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
})",
        {{{"d0", 5}, {"d1", 1}},
         {{"d0", 5}, {"d1", 16}},
         {{"d0", 5}, {"d1", 131}}});
}

// Tests reductions that are used beside the row, and other axes.
TEST_P(DispatchTest, Reductions) {
  for (const char *Kind : {"sum", "mean", "max", "min", "prod", "sum_square",
                           "l1", "l2", "log_sum_exp"}) {
    SCOPED_TRACE(Kind);
    std::string Text = R"(
func.func @f(%a: tensor<3x21xf32>) -> (tensor<3x21xf32>, tensor<3x1xf32>) attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind KIND>, axes = array<i64: 1>, keep_dims = true} : (tensor<3x21xf32>) -> tensor<3x1xf32>
  %1 = dure.sub %a, %0 : (tensor<3x21xf32>, tensor<3x1xf32>) -> tensor<3x21xf32>
  return %1, %0 : tensor<3x21xf32>, tensor<3x1xf32>
})";
    Text.replace(Text.find("KIND"), 4, Kind);
    check(Text, NoDims, {.Tolerance = 3e-5});
    std::string Outer = R"(
func.func @f(%a: tensor<3x5x21xf32>) -> tensor<3x21xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind KIND>, axes = array<i64: 1>, keep_dims = false} : (tensor<3x5x21xf32>) -> tensor<3x21xf32>
  return %0 : tensor<3x21xf32>
})";
    Outer.replace(Outer.find("KIND"), 4, Kind);
    check(Outer, NoDims, {.Tolerance = 3e-5});
  }
}

// Tests softmax and reductions along other axes than the last, for columns that
// are no whole vectors.
TEST_P(DispatchTest, OtherAxes) {
  check(R"(
func.func @f(%a: tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>) -> tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.softmax %a {axis = 1 : i64} : (tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>) -> tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>
  return %0 : tensor<3x?x?xf32, #dure.dims<["3", "d0", "d1"]>>
})",
        {{{"d0", 7}, {"d1", 75}},
         {{"d0", 1}, {"d1", 1}},
         {{"d0", 5}, {"d1", 0}}});
  check(R"(
func.func @f(%a: tensor<?x?x3x19xf16, #dure.dims<["d0", "d1", "3", "19"]>>) -> tensor<?x1x1x19xf16, #dure.dims<["d0", "1", "1", "19"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind mean>, axes = array<i64: 1, 2>, keep_dims = true} : (tensor<?x?x3x19xf16, #dure.dims<["d0", "d1", "3", "19"]>>) -> tensor<?x1x1x19xf16, #dure.dims<["d0", "1", "1", "19"]>>
  return %0 : tensor<?x1x1x19xf16, #dure.dims<["d0", "1", "1", "19"]>>
})",
        {{{"d0", 2}, {"d1", 700}}, {{"d0", 2}, {"d1", 0}}});
}

// Tests running sums in both directions, of rows and along another axis.
TEST_P(DispatchTest, RunningSums) {
  for (const char *Flags : {"", ", exclusive = true", ", reverse = true",
                            ", exclusive = true, reverse = true"}) {
    SCOPED_TRACE(Flags);
    std::string Text = R"(
func.func @f(%a: tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>) -> tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.cumsum %a {axis = 1 : i64FLAGS} : (tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>) -> tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>
  return %0 : tensor<3x?x5xELT, #dure.dims<["3", "d0", "5"]>>
})";
    Text = replaceAll(Text, "FLAGS", Flags);
    check(replaceAll(Text, "ELT", "f32"), {{{"d0", 40}}, {{"d0", 0}}});
    check(replaceAll(Text, "ELT", "i64"), {{{"d0", 9}}});
    std::string Rows = R"(
func.func @f(%a: tensor<3x?xELT, #dure.dims<["3", "d0"]>>) -> tensor<3x?xELT, #dure.dims<["3", "d0"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.cumsum %a {axis = 1 : i64FLAGS} : (tensor<3x?xELT, #dure.dims<["3", "d0"]>>) -> tensor<3x?xELT, #dure.dims<["3", "d0"]>>
  return %0 : tensor<3x?xELT, #dure.dims<["3", "d0"]>>
})";
    Rows = replaceAll(Rows, "FLAGS", Flags);
    check(replaceAll(Rows, "ELT", "f32"),
          {{{"d0", 1}}, {{"d0", 16}}, {{"d0", 133}}, {{"d0", 0}}},
          {.Tolerance = 1e-4});
    check(replaceAll(Rows, "ELT", "i32"), {{{"d0", 37}}});
  }
}

// Tests that sums of many numbers keep their digits: one chain of f32 ends at
// 2^24 ones.
TEST_P(DispatchTest, LongSums) {
  auto Ones = [](std::vector<Buffer> &Operands, const Dims &) {
    auto *X = reinterpret_cast<float *>(Operands[0].Data);
    std::fill(X, X + Operands[0].Size / 4, 1.0f);
  };
  for (const char *Shape : {"1x?xf32, #dure.dims<[\"1\", \"d0\"]>",
                            "?x1xf32, #dure.dims<[\"d0\", \"1\"]>"}) {
    bool IsRow = *Shape == '1';
    std::string Text = R"(
func.func @f(%a: tensor<SHAPE>) -> tensor<1x1xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind mean>, axes = array<i64: AXIS>, keep_dims = true} : (tensor<SHAPE>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
})";
    Text = replaceAll(Text, "SHAPE", Shape);
    check(replaceAll(Text, "AXIS", IsRow ? "1" : "0"),
          {{{"d0", 20 * 1000 * 1000}}}, {.Tolerance = 1e-6, .Prepare = Ones});
  }
}

// Tests a reduction of a reduction beside a longer row: the row of one element
// between them must not be read at the longer row's columns.
TEST_P(DispatchTest, ReductionOfOneColumn) {
  check(R"(
func.func @f(%a: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.reduce %a {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  %1 = dure.reduce %0 {kind = #dure<reduce_kind max>, axes = array<i64: 1>, keep_dims = true} : (tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  %2 = dure.softmax %1 {axis = 1 : i64} : (tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x1xf32, #dure.dims<["d0", "1"]>>
  %3 = dure.sub %a, %0 : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %4 = dure.add %3, %1 : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  %5 = dure.mul %4, %2 : (tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<?x1xf32, #dure.dims<["d0", "1"]>>) -> tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
  return %5 : tensor<?x?xf32, #dure.dims<["d0", "d1"]>>
})",
        {{{"d0", 3}, {"d1", 5000}}, {{"d0", 2}, {"d1", 1}}});
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

// Tests rows chosen by indices, negative ones too, and one outside.
TEST_P(DispatchTest, Gather) {
  const char *Text = R"(
func.func @f(%x: tensor<4x37xf32>, %i: tensor<?x?xi64, #dure.dims<["d0", "d1"]>>) -> tensor<?x?x37xf32, #dure.dims<["d0", "d1", "37"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.gather %x, %i {axis = 0 : i64} : (tensor<4x37xf32>, tensor<?x?xi64, #dure.dims<["d0", "d1"]>>) -> tensor<?x?x37xf32, #dure.dims<["d0", "d1", "37"]>>
  return %0 : tensor<?x?x37xf32, #dure.dims<["d0", "d1", "37"]>>
})";
  check(Text, {{{"d0", 2}, {"d1", 9}}});
  check(Text, {{{"d0", 2}, {"d1", 9}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .Low = 0, .High = 9});
  check(R"(
func.func @f(%x: tensor<5x4xf32>, %i: tensor<23xi32>) -> tensor<5x23xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.gather %x, %i {axis = 1 : i64} : (tensor<5x4xf32>, tensor<23xi32>) -> tensor<5x23xf32>
  return %0 : tensor<5x23xf32>
})",
        NoDims);
}

// Tests that an index into a dimension of no elements reads nothing: the
// operand is a page that may not be read.
TEST_P(DispatchTest, GatherOfNothing) {
  const char *Text = R"(
func.func @f(%x: tensor<?x8xf32, #dure.dims<["d0", "8"]>>, %i: tensor<3xi64>) -> tensor<3x8xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.gather %x, %i {axis = 0 : i64} : (tensor<?x8xf32, #dure.dims<["d0", "8"]>>, tensor<3xi64>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
})";
  check(Text, {{{"d0", 0}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .NoAccess = true});
  check(R"(
func.func @f(%x: tensor<2x?xf32, #dure.dims<["2", "d0"]>>, %i: tensor<2x19xi64>) -> tensor<2x19xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.gather_elements %x, %i {axis = 1 : i64} : (tensor<2x?xf32, #dure.dims<["2", "d0"]>>, tensor<2x19xi64>) -> tensor<2x19xf32>
  return %0 : tensor<2x19xf32>
})",
        {{{"d0", 0}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .NoAccess = true});
  check(R"(
func.func @f(%x: tensor<?x8xf32, #dure.dims<["d0", "8"]>>, %i: tensor<3x2xi64>) -> tensor<3xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<?x8xf32, #dure.dims<["d0", "8"]>>, tensor<3x2xi64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
})",
        {{{"d0", 0}}},
        {.Fault = int32_t(dure::Fault::IndexOutOfRange), .NoAccess = true});
}

// Tests a transpose of the last axis and slices with steps.
TEST_P(DispatchTest, TransposeSlice) {
  check(R"(
func.func @f(%x: tensor<?x5x19xf32, #dure.dims<["d0", "5", "19"]>>) -> tensor<5x17x?xf32, #dure.dims<["5", "17", "d0"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x5x19xf32, #dure.dims<["d0", "5", "19"]>>) -> tensor<5x19x?xf32, #dure.dims<["5", "19", "d0"]>>
  %1 = dure.slice %0 {starts = #dure.dims<["0", "1", "0"]>, sizes = #dure.dims<["5", "17", "d0"]>, steps = array<i64: 1, 1, 1>} : (tensor<5x19x?xf32, #dure.dims<["5", "19", "d0"]>>) -> tensor<5x17x?xf32, #dure.dims<["5", "17", "d0"]>>
  return %1 : tensor<5x17x?xf32, #dure.dims<["5", "17", "d0"]>>
})",
        {{{"d0", 1}}, {{"d0", 33}}});
  check(R"(
func.func @f(%x: tensor<3x40xf32>) -> tensor<3x13xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.slice %x {starts = #dure.dims<["2", "38"]>, sizes = #dure.dims<["3", "13"]>, steps = array<i64: -1, -3>} : (tensor<3x40xf32>) -> tensor<3x13xf32>
  return %0 : tensor<3x13xf32>
})",
        NoDims);
}

// Tests concatenation along the rows' axis and along the columns.
TEST_P(DispatchTest, Concat) {
  check(R"(
func.func @f(%x: tensor<2x?x9xf32, #dure.dims<["2", "d0", "9"]>>, %y: tensor<2x3x9xf32>) -> tensor<2x?x9xf32, #dure.dims<["2", "d0 + 3", "9"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.concat %x, %y {axis = 1 : i64} : (tensor<2x?x9xf32, #dure.dims<["2", "d0", "9"]>>, tensor<2x3x9xf32>) -> tensor<2x?x9xf32, #dure.dims<["2", "d0 + 3", "9"]>>
  return %0 : tensor<2x?x9xf32, #dure.dims<["2", "d0 + 3", "9"]>>
})",
        {{{"d0", 0}}, {{"d0", 4}}});
  check(R"(
func.func @f(%x: tensor<2x?xi64, #dure.dims<["2", "d0"]>>, %y: tensor<2x30xi64>) -> tensor<2x?xi64, #dure.dims<["2", "2*d0 + 30"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.concat %x, %y, %x {axis = 1 : i64} : (tensor<2x?xi64, #dure.dims<["2", "d0"]>>, tensor<2x30xi64>, tensor<2x?xi64, #dure.dims<["2", "d0"]>>) -> tensor<2x?xi64, #dure.dims<["2", "2*d0 + 30"]>>
  return %0 : tensor<2x?xi64, #dure.dims<["2", "2*d0 + 30"]>>
})",
        {{{"d0", 0}}, {{"d0", 7}}, {{"d0", 35}}});
}

// Tests both layouts of the rotary embedding, a part of the row rotated.
TEST_P(DispatchTest, Rope) {
  for (const char *Layout : {"half", "interleaved"}) {
    std::string Text = R"(
func.func @f(%x: tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>, %c: tensor<?x18xf32, #dure.dims<["d0", "18"]>>, %s: tensor<?x18xf32, #dure.dims<["d0", "18"]>>)
    -> tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.rope %x, %c, %s {layout = #dure<rope_layout LAYOUT>, rotary_dim = 36 : i64} : (tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>, tensor<?x18xf32, #dure.dims<["d0", "18"]>>, tensor<?x18xf32, #dure.dims<["d0", "18"]>>) -> tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>
  return %0 : tensor<2x3x?x44xf32, #dure.dims<["2", "3", "d0", "44"]>>
})";
    Text.replace(Text.find("LAYOUT"), 6, Layout);
    check(Text, {{{"d0", 1}}, {{"d0", 5}}});
  }
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

// Tests a linear layer with bias, GELU and a residual, for every remainder.
TEST_P(DispatchTest, MatMulEpilogue) {
  std::vector<Dims> Sizes;
  for (int64_t M : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 17, 70})
    Sizes.push_back({{"d0", 1}, {"d1", M}});
  check(R"(
func.func @f(%x: tensor<?x?x40xf32, #dure.dims<["d0", "d1", "40"]>>, %w: tensor<40x77xf32>, %b: tensor<77xf32>, %r: tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>)
    -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.matmul %x, %w : (tensor<?x?x40xf32, #dure.dims<["d0", "d1", "40"]>>, tensor<40x77xf32>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %1 = dure.add %0, %b : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>, tensor<77xf32>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %2 = dure.gelu %1 {form = #dure<gelu_form erf>} : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  %3 = dure.add %2, %r : (tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>, tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>) -> tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
  return %3 : tensor<?x?x77xf32, #dure.dims<["d0", "d1", "77"]>>
})",
        Sizes, {.Tolerance = 1e-4});
}

// Tests batches with broadcasting, a transposed operand and a long dynamic K.
TEST_P(DispatchTest, MatMulBatched) {
  check(R"(
func.func @f(%x: tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d1"]>>, %y: tensor<1x3x?x?xf32, #dure.dims<["1", "3", "d2", "d1"]>>, %m: tensor<2x1x1x?xf32, #dure.dims<["2", "1", "1", "d2"]>>)
    -> tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1", "d2"]} {
  %0 = dure.matmul %x, %y {transpose_rhs = true} : (tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d1"]>>, tensor<1x3x?x?xf32, #dure.dims<["1", "3", "d2", "d1"]>>) -> tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>
  %1 = dure.add %0, %m : (tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>, tensor<2x1x1x?xf32, #dure.dims<["2", "1", "1", "d2"]>>) -> tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>
  return %1 : tensor<2x3x?x?xf32, #dure.dims<["2", "3", "d0", "d2"]>>
})",
        {{{"d0", 5}, {"d1", 19}, {"d2", 41}},
         {{"d0", 66}, {"d1", 1100}, {"d2", 130}},
         {{"d0", 4}, {"d1", 0}, {"d2", 3}},
         {{"d0", 4}, {"d1", 3}, {"d2", 0}}},
        {.Tolerance = 2e-4});
}

// Tests 16-bit floats: converted as they are packed, sums in f32, rounded
// before the epilogue.
TEST_P(DispatchTest, MatMulHalf) {
  for (const char *Element : {"f16", "bf16"}) {
    SCOPED_TRACE(Element);
    std::string Linear = R"(
func.func @f(%x: tensor<?x40xELT, #dure.dims<["d0", "40"]>>, %w: tensor<40x77xELT>, %b: tensor<77xELT>) -> tensor<?x77xELT, #dure.dims<["d0", "77"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.matmul %x, %w : (tensor<?x40xELT, #dure.dims<["d0", "40"]>>, tensor<40x77xELT>) -> tensor<?x77xELT, #dure.dims<["d0", "77"]>>
  %1 = dure.add %0, %b : (tensor<?x77xELT, #dure.dims<["d0", "77"]>>, tensor<77xELT>) -> tensor<?x77xELT, #dure.dims<["d0", "77"]>>
  return %1 : tensor<?x77xELT, #dure.dims<["d0", "77"]>>
})";
    check(replaceAll(Linear, "ELT", Element), {{{"d0", 1}}, {{"d0", 71}}});
    std::string Batched = R"(
func.func @f(%x: tensor<2x?x?xELT, #dure.dims<["2", "d0", "d1"]>>, %y: tensor<2x?x?xELT, #dure.dims<["2", "d2", "d1"]>>) -> tensor<2x?x?xELT, #dure.dims<["2", "d0", "d2"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1", "d2"]} {
  %0 = dure.matmul %x, %y {transpose_rhs = true} : (tensor<2x?x?xELT, #dure.dims<["2", "d0", "d1"]>>, tensor<2x?x?xELT, #dure.dims<["2", "d2", "d1"]>>) -> tensor<2x?x?xELT, #dure.dims<["2", "d0", "d2"]>>
  return %0 : tensor<2x?x?xELT, #dure.dims<["2", "d0", "d2"]>>
})";
    check(replaceAll(Batched, "ELT", Element),
          {{{"d0", 66}, {"d1", 530}, {"d2", 35}},
           {{"d0", 3}, {"d1", 0}, {"d2", 5}}});
  }
}

// Tests a left operand whose columns are contiguous, with and without batches.
TEST_P(DispatchTest, MatMulTransposedLhs) {
  for (const char *Element : {"f32", "f16"}) {
    std::string Text = R"(
func.func @f(%x: tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, %y: tensor<?x45xELT, #dure.dims<["d0", "45"]>>) -> tensor<?x45xELT, #dure.dims<["d1", "45"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.matmul %x, %y {transpose_lhs = true} : (tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, tensor<?x45xELT, #dure.dims<["d0", "45"]>>) -> tensor<?x45xELT, #dure.dims<["d1", "45"]>>
  return %0 : tensor<?x45xELT, #dure.dims<["d1", "45"]>>
})";
    check(replaceAll(Text, "ELT", Element),
          {{{"d0", 530}, {"d1", 70}},
           {{"d0", 5}, {"d1", 1}},
           {{"d0", 0}, {"d1", 3}}},
          {.Tolerance = 1e-4});
  }
  check(R"(
func.func @f(%x: tensor<3x?x7xf32, #dure.dims<["3", "d0", "7"]>>, %y: tensor<?x9xf32, #dure.dims<["d0", "9"]>>) -> tensor<3x7x9xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.matmul %x, %y {transpose_lhs = true} : (tensor<3x?x7xf32, #dure.dims<["3", "d0", "7"]>>, tensor<?x9xf32, #dure.dims<["d0", "9"]>>) -> tensor<3x7x9xf32>
  return %0 : tensor<3x7x9xf32>
})",
        {{{"d0", 11}}});
}

// Tests that four-bit integers are read two a byte, a row from the middle of
// one too, as operands and as constants. The reference has no such elements:
// the same numbers are eight bits wide there.
TEST_P(DispatchTest, FourBits) {
  for (const char *Sign : {"i", "ui"}) {
    SCOPED_TRACE(Sign);
    std::string Text = R"(
func.func @f(%x: tensor<5x21xELT>, %s: tensor<5xf32>) -> (tensor<5x21xf32>, tensor<5x3xf32>) attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.dequantize %x, %s {axis = 0 : i64} : (tensor<5x21xELT>, tensor<5xf32>) -> tensor<5x21xf32>
  %c = dure.constant dense<[[1, 2, 3], [4, 5, 6], [7, 0, 3], [1, 6, 2], [5, 5, 0]]> : tensor<5x3xELT> : tensor<5x3xELT>
  %1 = dure.cast %c {to = f32} : (tensor<5x3xELT>) -> tensor<5x3xf32>
  return %0, %1 : tensor<5x21xf32>, tensor<5x3xf32>
})";
    auto Pack = [&](std::vector<Buffer> &Operands, const Dims &) {
      Buffer Packed((Operands[0].Size + 1) / 2);
      for (size_t I = 0; I < Packed.Size; ++I) {
        char Low = Operands[0].Data[2 * I] & 15;
        char High = 2 * I + 1 < Operands[0].Size ? Operands[0].Data[2 * I + 1]
                                                 : char(0);
        Packed.Data[I] = char(Low | (High << 4));
      }
      std::swap(Packed.Size, Operands[0].Size);
      std::swap(Packed.Data, Operands[0].Data);
    };
    Options Expect;
    Expect.Low = *Sign == 'u' ? 0 : -8;
    Expect.High = *Sign == 'u' ? 15 : 7;
    Expect.Prepare = Pack;
    Expect.ReferenceText = replaceAll(Text, "ELT", std::string(Sign) + "8");
    check(replaceAll(Text, "ELT", std::string(Sign) + "4"), NoDims, Expect);
  }
}

// Tests element types and layouts that have no kernel family of their own.
TEST_P(DispatchTest, MatMulPlain) {
  check(R"(
func.func @f(%x: tensor<9x5xi32>, %y: tensor<9x20xi32>) -> tensor<5x20xi32> attributes {dure.dispatch_fn, dure.symbols = []} {
  %0 = dure.matmul %x, %y {transpose_lhs = true} : (tensor<9x5xi32>, tensor<9x20xi32>) -> tensor<5x20xi32>
  return %0 : tensor<5x20xi32>
})",
        NoDims);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

// Tests attention read and written through transposes, with a bool mask.
TEST_P(DispatchTest, AttentionTransposed) {
  for (const char *Empty : {"zero", "mean", "nan"}) {
    std::string Text = R"(
func.func @f(%q: tensor<2x?x4x24xf32, #dure.dims<["2", "d0", "4", "24"]>>, %k: tensor<2x?x2x24xf32, #dure.dims<["2", "d1", "2", "24"]>>, %v: tensor<2x?x2x20xf32, #dure.dims<["2", "d1", "2", "20"]>>, %m: tensor<2x1x1x?xi1, #dure.dims<["2", "1", "1", "d1"]>>)
    -> tensor<2x?x4x20xf32, #dure.dims<["2", "d0", "4", "20"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x?x4x24xf32, #dure.dims<["2", "d0", "4", "24"]>>) -> tensor<2x4x?x24xf32, #dure.dims<["2", "4", "d0", "24"]>>
  %1 = dure.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x?x2x24xf32, #dure.dims<["2", "d1", "2", "24"]>>) -> tensor<2x2x?x24xf32, #dure.dims<["2", "2", "d1", "24"]>>
  %2 = dure.transpose %v {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x?x2x20xf32, #dure.dims<["2", "d1", "2", "20"]>>) -> tensor<2x2x?x20xf32, #dure.dims<["2", "2", "d1", "20"]>>
  %3 = dure.attention %0, %1, %2 mask %m {scale = 0.2 : f32, causal = true, empty_row = #dure<empty_row EMPTY>} : (tensor<2x4x?x24xf32, #dure.dims<["2", "4", "d0", "24"]>>, tensor<2x2x?x24xf32, #dure.dims<["2", "2", "d1", "24"]>>, tensor<2x2x?x20xf32, #dure.dims<["2", "2", "d1", "20"]>>, tensor<2x1x1x?xi1, #dure.dims<["2", "1", "1", "d1"]>>) -> tensor<2x4x?x20xf32, #dure.dims<["2", "4", "d0", "20"]>>
  %4 = dure.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x4x?x20xf32, #dure.dims<["2", "4", "d0", "20"]>>) -> tensor<2x?x4x20xf32, #dure.dims<["2", "d0", "4", "20"]>>
  return %4 : tensor<2x?x4x20xf32, #dure.dims<["2", "d0", "4", "20"]>>
})";
    Text.replace(Text.find("EMPTY"), 5, Empty);
    check(Text, {{{"d0", 1}, {"d1", 9}},
                 {{"d0", 5}, {"d1", 5}},
                 {{"d0", 70}, {"d1", 150}},
                 {{"d0", 5}, {"d1", 2}},
                 {{"d0", 5}, {"d1", 0}}});
  }
}

// Tests windows, softcap, sinks and an additive mask of full rank.
TEST_P(DispatchTest, AttentionForms) {
  check(R"(
func.func @f(%q: tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>, %k: tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, %v: tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, %m: tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, %s: tensor<4xf32>)
    -> tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.attention %q, %k, %v mask %m sinks %s {scale = 0.3 : f32, causal = true, window = 20 : i64, softcap = 3.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>, tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d1", "32"]>>, tensor<?x?xf32, #dure.dims<["d0", "d1"]>>, tensor<4xf32>) -> tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>
  return %0 : tensor<1x4x?x32xf32, #dure.dims<["1", "4", "d0", "32"]>>
})",
        {{{"d0", 1}, {"d1", 300}},
         {{"d0", 140}, {"d1", 200}},
         {{"d0", 3}, {"d1", 3}}});
}

// Tests 16-bit floats, read through a transpose and with values that are no
// whole strips.
TEST_P(DispatchTest, AttentionHalf) {
  for (const char *Element : {"f16", "bf16"}) {
    SCOPED_TRACE(Element);
    std::string Text = R"(
func.func @f(%q: tensor<1x4x?x36xELT, #dure.dims<["1", "4", "d0", "36"]>>, %k: tensor<1x?x2x36xELT, #dure.dims<["1", "d1", "2", "36"]>>, %v: tensor<1x2x?x32xELT, #dure.dims<["1", "2", "d1", "32"]>>, %m: tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, %s: tensor<4xELT>)
    -> tensor<1x4x?x32xELT, #dure.dims<["1", "4", "d0", "32"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0", "d1"]} {
  %0 = dure.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x36xELT, #dure.dims<["1", "d1", "2", "36"]>>) -> tensor<1x2x?x36xELT, #dure.dims<["1", "2", "d1", "36"]>>
  %1 = dure.attention %q, %0, %v mask %m sinks %s {scale = 0.3 : f32, causal = true, empty_row = #dure<empty_row mean>} : (tensor<1x4x?x36xELT, #dure.dims<["1", "4", "d0", "36"]>>, tensor<1x2x?x36xELT, #dure.dims<["1", "2", "d1", "36"]>>, tensor<1x2x?x32xELT, #dure.dims<["1", "2", "d1", "32"]>>, tensor<?x?xELT, #dure.dims<["d0", "d1"]>>, tensor<4xELT>) -> tensor<1x4x?x32xELT, #dure.dims<["1", "4", "d0", "32"]>>
  return %1 : tensor<1x4x?x32xELT, #dure.dims<["1", "4", "d0", "32"]>>
})";
    check(replaceAll(Text, "ELT", Element), {{{"d0", 1}, {"d1", 300}},
                                             {{"d0", 70}, {"d1", 150}},
                                             {{"d0", 1}, {"d1", 1}}});
  }
}

// Tests that keys which nobody sees may hold anything: NaN before and after
// those that the mask lets through, in parts of a block and in whole blocks.
TEST_P(DispatchTest, AttentionHiddenKeys) {
  std::string Text = R"(
func.func @f(%q: tensor<1x2x3x32xf32>, %k: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, %v: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, %m: tensor<1x1x3x?xi1, #dure.dims<["1", "1", "3", "d0"]>>)
    -> tensor<1x2x3x32xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  %0 = dure.attention %q, %k, %v mask %m {scale = 0.2 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x2x3x32xf32>, tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, tensor<1x2x?x32xf32, #dure.dims<["1", "2", "d0", "32"]>>, tensor<1x1x3x?xi1, #dure.dims<["1", "1", "3", "d0"]>>) -> tensor<1x2x3x32xf32>
  return %0 : tensor<1x2x3x32xf32>
})";
  auto Prepare = [](std::vector<Buffer> &Operands, const Dims &Sizes) {
    int64_t Keys = Sizes.at("d0"), First = Keys / 5, Last = 2 * Keys / 5;
    auto *K = reinterpret_cast<float *>(Operands[1].Data);
    auto *V = reinterpret_cast<float *>(Operands[2].Data);
    for (int64_t Key = 0; Key < Keys; ++Key) {
      bool IsSeen = Key >= First && Key < Last;
      for (int64_t Row = 0; Row < 3; ++Row)
        Operands[3].Data[Row * Keys + Key] = IsSeen;
      for (int64_t I = 0; !IsSeen && I < 64; ++I) {
        int64_t At = (I / 32 * Keys + Key) * 32 + I % 32;
        K[At] = V[At] = std::nanf("");
      }
    }
  };
  check(Text, {{{"d0", 10}}, {{"d0", 130}}, {{"d0", 700}}},
        {.Prepare = Prepare});
}

// Tests that a key which one query sees and another of its block does not may
// hold anything for the latter: NaN and infinities, by each way to hide keys.
TEST_P(DispatchTest, AttentionKeysHiddenFromSome) {
  std::string Text = R"(
func.func @f(%q: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "t", "32"]>>, %k: tensor<1x2x?x32xf32, #dure.dims<["1", "2", "s", "32"]>>, %v: tensor<1x2x?x36xf32, #dure.dims<["1", "2", "s", "36"]>>, %m: tensor<?x?xELT, #dure.dims<["t", "s"]>>)
    -> tensor<1x2x?x36xf32, #dure.dims<["1", "2", "t", "36"]>> attributes {dure.dispatch_fn, dure.symbols = ["s", "t"]} {
  %0 = dure.attention %q, %k, %v mask %m {scale = 0.2 : f32, ATTR} : (tensor<1x2x?x32xf32, #dure.dims<["1", "2", "t", "32"]>>, tensor<1x2x?x32xf32, #dure.dims<["1", "2", "s", "32"]>>, tensor<1x2x?x36xf32, #dure.dims<["1", "2", "s", "36"]>>, tensor<?x?xELT, #dure.dims<["t", "s"]>>) -> tensor<1x2x?x36xf32, #dure.dims<["1", "2", "t", "36"]>>
  return %0 : tensor<1x2x?x36xf32, #dure.dims<["1", "2", "t", "36"]>>
})";
  // Every seventh key is rubbish. Queries 1, 5, 9, ... see all keys, queries 2,
  // 6, ... none, the others those that are sound.
  auto Prepare = [](std::vector<Buffer> &Operands, const Dims &Sizes) {
    int64_t Keys = Sizes.at("s"), Queries = Sizes.at("t");
    auto *K = reinterpret_cast<float *>(Operands[1].Data);
    auto *V = reinterpret_cast<float *>(Operands[2].Data);
    bool IsBool = int64_t(Operands[3].Size) == Keys * Queries;
    float Rubbish[] = {std::nanf(""), HUGE_VALF, -HUGE_VALF};
    for (int64_t Key = 0; Key < Keys; ++Key) {
      bool IsSound = Key % 7 != 3;
      for (int64_t I = 0; !IsSound && I < 2; ++I) {
        V[(I * Keys + Key) * 36 + Key % 36] = Rubbish[Key % 3];
        K[(I * Keys + Key) * 32] = Key % 2 ? 1 : std::nanf("");
      }
      for (int64_t T = 0; T < Queries; ++T) {
        bool IsSeen = T % 4 != 2 && (IsSound || T % 4 == 1);
        if (IsBool)
          Operands[3].Data[T * Keys + Key] = IsSeen;
        else
          reinterpret_cast<float *>(Operands[3].Data)[T * Keys + Key] =
              IsSeen ? 0 : -HUGE_VALF;
      }
    }
  };
  for (const char *Element : {"i1", "f32"})
    for (const char *Attributes :
         {"empty_row = #dure<empty_row zero>",
          "empty_row = #dure<empty_row nan>",
          "causal = true, empty_row = #dure<empty_row zero>",
          "window = 5, empty_row = #dure<empty_row zero>"}) {
      SCOPED_TRACE(std::string(Element) + " " + Attributes);
      check(replaceAll(replaceAll(Text, "ELT", Element), "ATTR", Attributes),
            {{{"t", 6}, {"s", 20}}, {{"t", 70}, {"s", 150}}},
            {.Prepare = Prepare});
    }
}

INSTANTIATE_TEST_SUITE_P(Variants, DispatchTest,
                         testing::Values("native", "x86-64-v3", "x86-64-v4"),
                         [](const auto &Info) {
                           std::string Name = Info.param;
                           std::replace(Name.begin(), Name.end(), '-', '_');
                           return Name;
                         });

} // namespace
