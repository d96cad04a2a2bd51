// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise ops as steps of the vector engine in TCL.
//
// The engine has exp, log, sqrt, tanh, erf, sigmoid, sin, cos, the four rules
// of arithmetic, minimum, maximum and a choice by comparing an operand with a
// number; the rest is made of these. A step takes the one before it, and what
// else there is.
#include "targets/rngd/compiler/TclWriter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dure::rngd {
namespace {

/// x * Phi(x), by erf or by tanh.
std::string gelu(TclStatement &at, GeluForm form, const std::string &x) {
  std::string inner;
  if (form == GeluForm::Erf) {
    inner = at.step("erf " + at.step(x + " * f0.707106781"));
  } else {
    // tanh(sqrt(2 / pi) * (x + 0.044715 x^3)).
    std::string square = at.step(x + " * " + x);
    std::string factor =
        at.step(at.step(square + " * f0.0356774081") + " + f0.797884561");
    inner = at.step("tanh " + at.step(factor + " * " + x));
  }
  std::string twice = at.step(x + " * " + at.step(inner + " + f1.0"));
  return at.step(twice + " * f0.5");
}

std::string silu(TclStatement &at, const std::string &x) {
  return at.step(x + " * " + at.step("sigmoid " + x));
}

/// The name of a step that is the whole op.
StringRef plainStep(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([](ExpOp) { return "exp"; })
      .Case([](LogOp) { return "log"; })
      .Case([](SqrtOp) { return "sqrt"; })
      .Case([](TanhOp) { return "tanh"; })
      .Case([](ErfOp) { return "erf"; })
      .Case([](SigmoidOp) { return "sigmoid"; })
      .Case([](SinOp) { return "sin"; })
      .Case([](CosOp) { return "cos"; })
      .Default([](Operation *) { return ""; });
}

StringRef binaryStep(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([](AddOp) { return "+"; })
      .Case([](SubOp) { return "-"; })
      .Case([](MulOp) { return "*"; })
      .Case([](DivOp) { return "/"; })
      .Case([](MinOp) { return "min_f"; })
      .Case([](MaxOp) { return "max_f"; })
      .Default([](Operation *) { return ""; });
}

/// x to a power that is a number all over.
std::optional<std::string> power(TclStatement &at, const std::string &x,
                                 StringRef exponent) {
  double number = 0;
  if (!exponent.consume_front("f") || exponent.getAsDouble(number))
    return std::nullopt;
  if (number == 2)
    return at.step(x + " * " + x);
  if (number == 3)
    return at.step(at.step(x + " * " + x) + " * " + x);
  if (number == 0.5)
    return at.step("sqrt " + x);
  if (number == -0.5)
    return at.step("f1.0 / " + at.step("sqrt " + x));
  if (number == -1)
    return at.step("f1.0 / " + x);
  return std::nullopt;
}

} // namespace

std::string tclActivation(TclStatement &at, GluActivation act,
                          const std::string &x) {
  switch (act) {
  case GluActivation::Silu:
    return silu(at, x);
  case GluActivation::GeluErf:
    return gelu(at, GeluForm::Erf, x);
  case GluActivation::GeluTanh:
    return gelu(at, GeluForm::Tanh, x);
  case GluActivation::Relu:
    return at.step(x + " max_f f0.0");
  case GluActivation::Sigmoid:
    return at.step("sigmoid " + x);
  case GluActivation::Identity:
    break;
  }
  return x;
}

std::optional<std::string> tclSteps(TclStatement &at, Operation *op,
                                    ArrayRef<std::string> in) {
  if (StringRef plain = plainStep(op); !plain.empty())
    return at.step(plain + " " + in[0]);
  if (StringRef binary = binaryStep(op); !binary.empty())
    return at.step(in[0] + " " + binary + " " + in[1]);
  using Steps = std::optional<std::string>;
  return llvm::TypeSwitch<Operation *, Steps>(op)
      .Case([&](NegOp) { return at.step(in[0] + " * f-1.0"); })
      .Case([&](AbsOp) {
        return at.step(in[0] + " max_f " + at.step(in[0] + " * f-1.0"));
      })
      .Case([&](SignOp) {
        std::string positive =
            at.step("if " + in[0] + " > f0.0 { f1.0 } else { f0.0 }");
        return at.step("if " + in[0] + " < f0.0 { f-1.0 } else { " + positive +
                       " }");
      })
      .Case([&](ReluOp) { return at.step(in[0] + " max_f f0.0"); })
      .Case([&](ReciprocalOp) { return at.step("f1.0 / " + in[0]); })
      .Case([&](RsqrtOp) {
        return at.step("f1.0 / " + at.step("sqrt " + in[0]));
      })
      .Case([&](SiluOp) { return silu(at, in[0]); })
      .Case([&](SoftplusOp) {
        // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which cannot overflow; in
        // an order in which each step takes the one before.
        std::string negative = at.step(in[0] + " * f-1.0");
        std::string far = at.step(in[0] + " min_f " + negative);
        std::string one = at.step(at.step("exp " + far) + " + f1.0");
        std::string rest = at.step("log " + one);
        return at.step(at.step(in[0] + " + " + rest) + " max_f " + rest);
      })
      .Case([&](GeluOp gelu) { return rngd::gelu(at, gelu.getForm(), in[0]); })
      .Case([&](PowOp) { return power(at, in[0], in[1]); })
      .Case([&](SelectOp) {
        return at.step("if " + in[0] + " != i0 { " + in[1] + " } else { " +
                       in[2] + " }");
      })
      .Default([](Operation *) { return Steps(); });
}

} // namespace dure::rngd
