// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The elementwise family. Scalar semantics: Elementwise.cpp, one place.

#ifndef DURE_ELEMENTWISE_TD
#define DURE_ELEMENTWISE_TD

include "dialects/dure/DureBase.td"

// Arithmetic and functions of one operand.
def Dure_AbsOp : Dure_UnaryOp<"abs", "|x|">;
def Dure_NegOp : Dure_UnaryOp<"neg", "-x">;
def Dure_SignOp : Dure_UnaryOp<"sign", "-1, 0 or 1">;
def Dure_ExpOp : Dure_UnaryOp<"exp", "e^x">;
def Dure_LogOp : Dure_UnaryOp<"log", "ln x">;
def Dure_SqrtOp : Dure_UnaryOp<"sqrt", "the square root">;
def Dure_RsqrtOp : Dure_UnaryOp<"rsqrt", "1 / sqrt x">;
def Dure_ReciprocalOp : Dure_UnaryOp<"reciprocal", "1 / x">;
def Dure_SigmoidOp : Dure_UnaryOp<"sigmoid", "1 / (1 + e^-x)">;
def Dure_TanhOp : Dure_UnaryOp<"tanh", "tanh x">;
def Dure_ErfOp : Dure_UnaryOp<"erf", "the Gauss error function">;
def Dure_SinOp : Dure_UnaryOp<"sin", "sin x">;
def Dure_CosOp : Dure_UnaryOp<"cos", "cos x">;
def Dure_AtanOp : Dure_UnaryOp<"atan", "arctan x, between -pi/2 and pi/2">;
def Dure_FloorOp : Dure_UnaryOp<"floor", "the largest integer <= x">;
def Dure_CeilOp : Dure_UnaryOp<"ceil", "the smallest integer >= x">;
def Dure_RoundOp : Dure_UnaryOp<"round", "the nearest integer, ties to even">;
def Dure_ReluOp : Dure_UnaryOp<"relu", "max(x, 0)">;
def Dure_SiluOp : Dure_UnaryOp<"silu", "x / (1 + e^-x)">;
def Dure_SoftplusOp : Dure_UnaryOp<"softplus", "ln(1 + e^x)">;
def Dure_NotOp : Dure_UnaryOp<"not", "logical not of i1, bitwise of integers">;
def Dure_IsNaNOp : Dure_UnaryOp<"is_nan", "x is NaN (i1)">;
def Dure_IsInfOp : Dure_UnaryOp<"is_inf", "x is infinite (i1)"> {
  let arguments = (ins Dure_Tensor:$x,
                       DefaultValuedAttr<BoolAttr, "true">:$negative,
                       DefaultValuedAttr<BoolAttr, "true">:$positive);
}
def Dure_GeluOp : Dure_UnaryOp<"gelu",
    "x Phi(x); erf form exact, tanh form by Hendrycks and Gimpel"> {
  let arguments = (ins Dure_Tensor:$x, Dure_GeluFormAttr:$form);
}
def Dure_CastOp : Dure_UnaryOp<"cast",
    "conversion to another element type (ONNX Cast)"> {
  let description = [{
    Float to integer truncates towards zero; to i1 is `x != 0`; float to
    narrower float rounds to nearest even; fp8 saturates when `saturate`.
  }];
  let arguments = (ins Dure_Tensor:$x, TypeAttr:$to,
                       DefaultValuedAttr<BoolAttr, "true">:$saturate);
}
def Dure_BitcastOp : Dure_UnaryOp<"bitcast",
    "the same bits as another element type"> {
  let description = [{
    Both types have one width; i1, which is kept in a byte, goes with 8 bits: 0
    and 1 of integers, any other bits are true.
  }];
  let arguments = (ins Dure_Tensor:$x, TypeAttr:$to);
}

// Two operands.
def Dure_AddOp : Dure_BinaryOp<"add", "lhs + rhs", [Commutative]>;
def Dure_SubOp : Dure_BinaryOp<"sub", "lhs - rhs">;
def Dure_MulOp : Dure_BinaryOp<"mul", "lhs * rhs", [Commutative]>;
def Dure_DivOp : Dure_BinaryOp<"div",
    "lhs / rhs; integers truncate, division by zero is an error at run time">;
def Dure_PowOp : Dure_BinaryOp<"pow", "lhs ^ rhs, in lhs's type"> {
  let description = "rhs may have another type, as in ONNX.";
}
def Dure_MinOp : Dure_BinaryOp<"min", "the smaller, NaN if either is"> ;
def Dure_MaxOp : Dure_BinaryOp<"max", "the larger, NaN if either is">;
def Dure_ModOp : Dure_BinaryOp<"mod", "remainder"> {
  let description = [{
    With `fmod` the sign of lhs (C's %), else the sign of rhs (Python's %).
  }];
  let arguments = (ins Dure_Tensor:$lhs, Dure_Tensor:$rhs,
                       DefaultValuedAttr<BoolAttr, "false">:$fmod);
}
def Dure_AndOp : Dure_BinaryOp<"and", "logical or bitwise and", [Commutative]>;
def Dure_OrOp : Dure_BinaryOp<"or", "logical or bitwise or", [Commutative]>;
def Dure_XorOp : Dure_BinaryOp<"xor", "logical or bitwise xor", [Commutative]>;
def Dure_ShiftLeftOp : Dure_BinaryOp<"shl", "lhs << rhs, 0 from the width on">;
def Dure_ShiftRightOp : Dure_BinaryOp<"shr", "lhs >> rhs, its sign alone from the width on">;
def Dure_CompareOp : Dure_BinaryOp<"compare", "lhs ? rhs as i1"> {
  let arguments = (ins Dure_Tensor:$lhs, Dure_Tensor:$rhs,
                       Dure_ComparePredicateAttr:$predicate);
}

// Three operands.
def Dure_SelectOp : Dure_ElementwiseOp<"select",
    "Elementwise: condition ? on_true : on_false"> {
  let arguments = (ins Dure_Tensor:$condition, Dure_Tensor:$on_true,
                       Dure_Tensor:$on_false);
}

#endif // DURE_ELEMENTWISE_TD
