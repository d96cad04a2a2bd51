// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// No elementwise op of any element type makes code that calls a library: LLVM
// calls compiler-rt where a processor lacks an instruction (f64 to f16, say),
// and an object may import nothing.
#include "targets/cpu/compiler/DispatchLowering.h"
#include "targets/cpu/compiler/ObjectCode.h"

#include "mlir/Parser/Parser.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace dure;
using namespace dure::cpu;

namespace {

constexpr const char *Floats[] = {"f16", "bf16", "f32", "f64"};
constexpr const char *Float8s[] = {"f8E4M3FN", "f8E4M3FNUZ", "f8E5M2",
                                   "f8E5M2FNUZ"};
constexpr const char *Integers[] = {"i8",  "ui8",  "i16", "ui16",
                                    "i32", "ui32", "i64", "ui64"};

std::string typeOf(const std::string &Element) {
  return "tensor<?x" + Element + ", #dure.dims<[\"n\"]>>";
}

/// A dispatch function of ops on operands of one type each; all their results
/// are results.
class FunctionText {
public:
  FunctionText(std::string Name, std::vector<std::string> Operands)
      : Name(std::move(Name)), Operands(std::move(Operands)) {}

  /// Adds an op on the operands `At`, as %r<n>.
  void add(const std::string &Op, std::vector<unsigned> At,
           const std::string &Result, const std::string &Attributes = "") {
    std::vector<std::string> Names, Types;
    for (unsigned I : At) {
      Names.push_back("%a" + std::to_string(I));
      Types.push_back(typeOf(Operands[I]));
    }
    append(Op, Names, Types, Result, Attributes);
  }

  /// Adds a cast of the last result.
  void addCast(const std::string &To) {
    append("cast", {"%r" + std::to_string(Results.size() - 1)},
           {Results.back()}, To, "{to = " + To + "}");
  }

  std::string text() const {
    std::string Out = "func.func @" + Name + "(";
    for (size_t I = 0; I < Operands.size(); ++I)
      Out +=
          (I ? ", %a" : "%a") + std::to_string(I) + ": " + typeOf(Operands[I]);
    Out += ") -> (" + llvm::join(Results, ", ") +
           ") attributes {dure.dispatch_fn, dure.symbols = [\"n\"]} {\n" +
           Body + "  return ";
    for (size_t I = 0; I < Results.size(); ++I)
      Out += (I ? ", %r" : "%r") + std::to_string(I);
    return Out + " : " + llvm::join(Results, ", ") + "\n}\n";
  }

private:
  void append(const std::string &Op, const std::vector<std::string> &Names,
              const std::vector<std::string> &Types, const std::string &Result,
              const std::string &Attributes) {
    Body += "  %r" + std::to_string(Results.size()) + " = dure." + Op + " " +
            llvm::join(Names, ", ") + " " + Attributes + " : (" +
            llvm::join(Types, ", ") + ") -> " + typeOf(Result) + "\n";
    Results.push_back(typeOf(Result));
  }

  std::string Name, Body;
  std::vector<std::string> Operands, Results;
};

class SelfContainedTest : public testing::TestWithParam<const char *> {
protected:
  SelfContainedTest() {
    DialectRegistry Registry;
    registerObjectCodeDialects(Registry);
    registerKernelDialects(Registry);
    Context = std::make_unique<MLIRContext>(Registry,
                                            MLIRContext::Threading::DISABLED);
    Context->loadAllAvailableDialects();
  }

  void compile(const std::vector<FunctionText> &Functions) {
    std::string Text;
    for (const FunctionText &Each : Functions)
      Text += Each.text();
    compile(Text);
  }

  /// Compiles all functions into one object.
  void compile(const std::string &Text) {
    CpuVariant Variant = llvm::cantFail(resolveCpuVariants(GetParam())).front();
    OwningOpRef<ModuleOp> Source =
        parseSourceString<ModuleOp>(Text, Context.get());
    ASSERT_TRUE(Source) << Text;
    OwningOpRef<ModuleOp> Kernels =
        ModuleOp::create(UnknownLoc::get(Context.get()));
    for (auto Function : Source->getOps<func::FuncOp>())
      ASSERT_TRUE(succeeded(lowerDispatch(Function, *Kernels, Variant)))
          << Function.getName().str();
    auto Bytes = emitObjectCode(*Kernels, Variant);
    EXPECT_TRUE(bool(Bytes)) << llvm::toString(Bytes.takeError());
  }

  std::unique_ptr<MLIRContext> Context;
};

// Tests casts between all pairs of element types.
TEST_P(SelfContainedTest, Casts) {
  std::vector<std::string> Types = {"i1"};
  Types.insert(Types.end(), std::begin(Floats), std::end(Floats));
  Types.insert(Types.end(), std::begin(Float8s), std::end(Float8s));
  Types.insert(Types.end(), std::begin(Integers), std::end(Integers));
  std::vector<FunctionText> Functions;
  for (const std::string &From : Types) {
    FunctionText Function("from_" + From, {From});
    for (const std::string &To : Types)
      if (To != From)
        Function.add("cast", {0}, To, "{to = " + To + "}");
    Functions.push_back(std::move(Function));
  }
  compile(Functions);
}

// Tests functions of floats, rounded once more behind: two roundings must not
// become one that is a function of its own.
TEST_P(SelfContainedTest, FloatFunctions) {
  std::vector<FunctionText> Functions;
  for (const std::string Type : Floats) {
    FunctionText Unary("unary_" + Type, {Type});
    for (const char *Op :
         {"abs", "neg", "sign", "exp", "log", "sqrt", "rsqrt", "reciprocal",
          "sigmoid", "tanh", "erf", "sin", "cos", "floor", "ceil", "round",
          "relu", "silu", "softplus"})
      Unary.add(Op, {0}, Type);
    Unary.add("gelu", {0}, Type, "{form = #dure<gelu_form erf>}");
    Unary.add("gelu", {0}, Type, "{form = #dure<gelu_form tanh>}");
    Unary.add("is_nan", {0}, "i1");
    Unary.add("is_inf", {0}, "i1");
    Functions.push_back(std::move(Unary));
    FunctionText Binary("binary_" + Type, {Type, Type, "i64"});
    for (const char *Op : {"add", "sub", "mul", "div", "pow", "min", "max"})
      Binary.add(Op, {0, 1}, Type);
    Binary.add("mod", {0, 1}, Type, "{fmod = true}");
    Binary.add("pow", {0, 2}, Type);
    Binary.add("compare", {0, 1}, "i1", "{predicate = #dure<predicate lt>}");
    Functions.push_back(std::move(Binary));
    for (const std::string To : {"f16", "bf16"})
      for (const std::string Op : {"cos", "exp", "pow", "mod", "erf"}) {
        if (Type == To)
          continue;
        FunctionText Rounded(Op + "_" + Type + "_" + To, {Type, Type});
        if (Op == "pow")
          Rounded.add(Op, {0, 1}, Type);
        else if (Op == "mod")
          Rounded.add(Op, {0, 1}, Type, "{fmod = true}");
        else
          Rounded.add(Op, {0}, Type);
        Rounded.addCast(To);
        Functions.push_back(std::move(Rounded));
      }
  }
  compile(Functions);
}

// Tests arithmetic of integers, division and powers of 64 bits included.
TEST_P(SelfContainedTest, IntegerFunctions) {
  std::vector<FunctionText> Functions;
  for (const std::string Type : Integers) {
    FunctionText Function(Type, {Type, Type, "f32"});
    for (const char *Op : {"abs", "neg", "sign", "relu", "not"})
      Function.add(Op, {0}, Type);
    for (const char *Op : {"add", "sub", "mul", "div", "mod", "pow", "min",
                           "max", "and", "or", "xor", "shl", "shr"})
      Function.add(Op, {0, 1}, Type);
    Function.add("mod", {0, 1}, Type, "{fmod = true}");
    Function.add("pow", {0, 2}, Type);
    Function.add("compare", {0, 1}, "i1", "{predicate = #dure<predicate lt>}");
    Functions.push_back(std::move(Function));
  }
  compile(Functions);
}

// Tests kernels other than elementwise ones, which load, sum and store narrow
// floats in ways of their own.
TEST_P(SelfContainedTest, Kernels) {
  const llvm::StringRef Template = R"(
func.func @rows_TYPE(%x: tensor<?x24xTYPE, #dure.dims<["n", "24"]>>, %w: tensor<24xTYPE>)
    -> tensor<?x24xTYPE, #dure.dims<["n", "24"]>> attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.rms_norm %x, %w {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>, tensor<24xTYPE>) -> tensor<?x24xTYPE, #dure.dims<["n", "24"]>>
  %1 = dure.softmax %0 {axis = 1 : i64} : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>) -> tensor<?x24xTYPE, #dure.dims<["n", "24"]>>
  return %1 : tensor<?x24xTYPE, #dure.dims<["n", "24"]>>
}
func.func @sum_TYPE(%x: tensor<?x24xTYPE, #dure.dims<["n", "24"]>>)
    -> tensor<?x1xTYPE, #dure.dims<["n", "1"]>> attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>) -> tensor<?x1xTYPE, #dure.dims<["n", "1"]>>
  return %0 : tensor<?x1xTYPE, #dure.dims<["n", "1"]>>
}
func.func @columns_TYPE(%x: tensor<?x24xTYPE, #dure.dims<["n", "24"]>>)
    -> tensor<1x24xTYPE> attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.reduce %x {kind = #dure<reduce_kind max>, axes = array<i64: 0>, keep_dims = true} : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>) -> tensor<1x24xTYPE>
  return %0 : tensor<1x24xTYPE>
}
func.func @matmul_TYPE(%x: tensor<?x24xTYPE, #dure.dims<["n", "24"]>>, %w: tensor<24x40xTYPE>)
    -> tensor<?x40xTYPE, #dure.dims<["n", "40"]>> attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.matmul %x, %w : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>, tensor<24x40xTYPE>) -> tensor<?x40xTYPE, #dure.dims<["n", "40"]>>
  return %0 : tensor<?x40xTYPE, #dure.dims<["n", "40"]>>
}
func.func @rope_TYPE(%x: tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>, %c: tensor<1x1x?x4xTYPE, #dure.dims<["1", "1", "n", "4"]>>, %s: tensor<1x1x?x4xTYPE, #dure.dims<["1", "1", "n", "4"]>>)
    -> tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>> attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.rope %x, %c, %s {layout = #dure<rope_layout interleaved>, rotary_dim = 8 : i64} : (tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>, tensor<1x1x?x4xTYPE, #dure.dims<["1", "1", "n", "4"]>>, tensor<1x1x?x4xTYPE, #dure.dims<["1", "1", "n", "4"]>>) -> tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>
  return %0 : tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>
}
func.func @attention_TYPE(%q: tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>, %m: tensor<?x?xTYPE, #dure.dims<["n", "n"]>>)
    -> tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>> attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.attention %q, %q, %q mask %m {scale = 0.5 : f32, empty_row = #dure<empty_row nan>} : (tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>, tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>, tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>, tensor<?x?xTYPE, #dure.dims<["n", "n"]>>) -> tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>
  return %0 : tensor<1x2x?x8xTYPE, #dure.dims<["1", "2", "n", "8"]>>
}
func.func @moved_TYPE(%x: tensor<?x24xTYPE, #dure.dims<["n", "24"]>>, %i: tensor<5xi64>)
    -> (tensor<24x?xTYPE, #dure.dims<["24", "n"]>>, tensor<5x24xTYPE>) attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>) -> tensor<24x?xTYPE, #dure.dims<["24", "n"]>>
  %1 = dure.gather %x, %i {axis = 0 : i64} : (tensor<?x24xTYPE, #dure.dims<["n", "24"]>>, tensor<5xi64>) -> tensor<5x24xTYPE>
  return %0, %1 : tensor<24x?xTYPE, #dure.dims<["24", "n"]>>, tensor<5x24xTYPE>
}
)";
  std::string Text;
  for (const char *Type : Floats) {
    llvm::SmallVector<llvm::StringRef> Parts;
    Template.split(Parts, "TYPE");
    Text += llvm::join(Parts, Type);
  }
  compile(Text);
}

INSTANTIATE_TEST_SUITE_P(Variants, SelfContainedTest,
                         testing::Values("x86-64-v3", "x86-64-v4", "znver4",
                                         "sapphirerapids", "aarch64",
                                         "neoverse-v1"),
                         [](const auto &Info) {
                           std::string Name = Info.param;
                           std::replace(Name.begin(), Name.end(), '-', '_');
                           return Name;
                         });

} // namespace
