// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that functions of one number take every element type.
func.func @f(%a: tensor<?x4xui8, #dure.dims<["n", "4"]>>) {
  %r0 = dure.abs %a : (tensor<?x4xui8, #dure.dims<["n", "4"]>>) -> tensor<?x4xui8, #dure.dims<["n", "4"]>>
  %r1 = dure.neg %a : (tensor<?x4xui8, #dure.dims<["n", "4"]>>) -> tensor<?x4xui8, #dure.dims<["n", "4"]>>
  %r2 = dure.sign %a : (tensor<?x4xui8, #dure.dims<["n", "4"]>>) -> tensor<?x4xui8, #dure.dims<["n", "4"]>>
  %r3 = dure.relu %a : (tensor<?x4xui8, #dure.dims<["n", "4"]>>) -> tensor<?x4xui8, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that a function of floats takes floats of any width.
func.func @f(%a: tensor<?x4xbf16, #dure.dims<["n", "4"]>>) {
  %r0 = dure.exp %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r1 = dure.log %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r2 = dure.sqrt %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r3 = dure.rsqrt %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r4 = dure.reciprocal %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r5 = dure.sigmoid %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r6 = dure.tanh %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r7 = dure.erf %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r8 = dure.sin %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r9 = dure.cos %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r10 = dure.floor %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r11 = dure.ceil %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r12 = dure.round %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r13 = dure.silu %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r14 = dure.softplus %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that a function of floats refuses integers.
func.func @f(%a: tensor<4xi32>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.exp %a : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

// Tests that gelu takes floats in either form.
func.func @f(%a: tensor<4xf16>) {
  %r = dure.gelu %a {form = #dure<gelu_form tanh>} : (tensor<4xf16>) -> tensor<4xf16>
  return
}

// -----

// Tests that gelu refuses integers.
func.func @f(%a: tensor<4xi8>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gelu %a {form = #dure<gelu_form tanh>} : (tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

// Tests that not takes truth values and integers.
func.func @f(%a: tensor<4xi1>) {
  %r = dure.not %a : (tensor<4xi1>) -> tensor<4xi1>
  return
}

// -----

// Tests that not refuses floats.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{needs integer or i1 elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.not %a : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that tests of floats give truth values.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>) {
  %r0 = dure.is_nan %a : (tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x4xi1, #dure.dims<["n", "4"]>>
  %r1 = dure.is_inf %a : (tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x4xi1, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that tests of floats refuse integers.
func.func @f(%a: tensor<4xi32>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.is_nan %a : (tensor<4xi32>) -> tensor<4xi1>
  return
}

// -----

// Tests that cast goes to every element type.
func.func @f(%a: tensor<4xf32>) {
  %r0 = dure.cast %a {to = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %r1 = dure.cast %a {to = bf16} : (tensor<4xf32>) -> tensor<4xbf16>
  %r2 = dure.cast %a {to = f32} : (tensor<4xf32>) -> tensor<4xf32>
  %r3 = dure.cast %a {to = f64} : (tensor<4xf32>) -> tensor<4xf64>
  %r4 = dure.cast %a {to = f8E4M3FN} : (tensor<4xf32>) -> tensor<4xf8E4M3FN>
  %r5 = dure.cast %a {to = f8E5M2} : (tensor<4xf32>) -> tensor<4xf8E5M2>
  %r6 = dure.cast %a {to = f8E4M3FNUZ} : (tensor<4xf32>) -> tensor<4xf8E4M3FNUZ>
  %r7 = dure.cast %a {to = f8E5M2FNUZ} : (tensor<4xf32>) -> tensor<4xf8E5M2FNUZ>
  %r8 = dure.cast %a {to = f8E8M0FNU} : (tensor<4xf32>) -> tensor<4xf8E8M0FNU>
  %r9 = dure.cast %a {to = i1} : (tensor<4xf32>) -> tensor<4xi1>
  %r10 = dure.cast %a {to = i4} : (tensor<4xf32>) -> tensor<4xi4>
  %r11 = dure.cast %a {to = ui4} : (tensor<4xf32>) -> tensor<4xui4>
  %r12 = dure.cast %a {to = i8} : (tensor<4xf32>) -> tensor<4xi8>
  %r13 = dure.cast %a {to = ui8} : (tensor<4xf32>) -> tensor<4xui8>
  %r14 = dure.cast %a {to = i16} : (tensor<4xf32>) -> tensor<4xi16>
  %r15 = dure.cast %a {to = ui16} : (tensor<4xf32>) -> tensor<4xui16>
  %r16 = dure.cast %a {to = i32} : (tensor<4xf32>) -> tensor<4xi32>
  %r17 = dure.cast %a {to = ui32} : (tensor<4xf32>) -> tensor<4xui32>
  %r18 = dure.cast %a {to = i64} : (tensor<4xf32>) -> tensor<4xi64>
  %r19 = dure.cast %a {to = ui64} : (tensor<4xf32>) -> tensor<4xui64>
  return
}

// -----

// Tests that no tensor of f4E2M1FN comes of a cast.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.cast %a {to = f4E2M1FN} : (tensor<4xf32>) -> tensor<4xf4E2M1FN>
  return
}

// -----

// Tests that no tensor of f128 comes of a cast.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.cast %a {to = f128} : (tensor<4xf32>) -> tensor<4xf128>
  return
}

// -----

// Tests that no tensor of i128 comes of a cast.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.cast %a {to = i128} : (tensor<4xf32>) -> tensor<4xi128>
  return
}

// -----

// Tests that no tensor of i3 comes of a cast.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.cast %a {to = i3} : (tensor<4xf32>) -> tensor<4xi3>
  return
}

// -----

// Tests that no tensor of si8 comes of a cast.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.cast %a {to = si8} : (tensor<4xf32>) -> tensor<4xsi8>
  return
}

// -----

// Tests that no tensor of index comes of a cast.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.cast %a {to = index} : (tensor<4xf32>) -> tensor<4xindex>
  return
}

// -----

// Tests that cast gives the type that it says.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{are incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cast %a {to = f16} : (tensor<4xf32>) -> tensor<4xf64>
  return
}

// -----

// Tests that index is no element type.
func.func @f(%a: tensor<4xindex>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.abs %a : (tensor<4xindex>) -> tensor<4xindex>
  return
}

// -----

// Tests that complex<f32> is no element type.
func.func @f(%a: tensor<4xcomplex<f32>>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.abs %a : (tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>>
  return
}

// -----

// Tests that i3 is no element type.
func.func @f(%a: tensor<4xi3>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.abs %a : (tensor<4xi3>) -> tensor<4xi3>
  return
}

// -----

// Tests that tf32 is no element type.
func.func @f(%a: tensor<4xtf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.abs %a : (tensor<4xtf32>) -> tensor<4xtf32>
  return
}

// -----

// Tests that a dynamic dimension must say its size.
func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>) {
  // expected-error @+1 {{with '#dure.dims' if dynamic}}
  %r = dure.add %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

// Tests that an encoding is one of sizes.
func.func @f(%a: tensor<4xf32, "sparse">) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.abs %a : (tensor<4xf32, "sparse">) -> tensor<4xf32, "sparse">
  return
}

// -----

// Tests that a tensor is no larger than memory.
func.func @f(%a: tensor<4611686018427387904x4xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.abs %a : (tensor<4611686018427387904x4xf32>) -> tensor<4611686018427387904x4xf32>
  return
}

// -----

// Tests that operands broadcast: a size of 1, a missing dimension, and unlike
// symbols, which must be equal when run.
func.func @f(%a: tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, %b: tensor<?x4xf32, #dure.dims<["m", "4"]>>) {
  %r0 = dure.add %a, %b : (tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x?x4xf32, #dure.dims<["n", "m", "4"]>>
  %r1 = dure.sub %a, %b : (tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x?x4xf32, #dure.dims<["n", "m", "4"]>>
  %r2 = dure.mul %a, %b : (tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x?x4xf32, #dure.dims<["n", "m", "4"]>>
  %r3 = dure.div %a, %b : (tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x?x4xf32, #dure.dims<["n", "m", "4"]>>
  %r4 = dure.min %a, %b : (tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x?x4xf32, #dure.dims<["n", "m", "4"]>>
  %r5 = dure.max %a, %b : (tensor<?x1x4xf32, #dure.dims<["n", "1", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x?x4xf32, #dure.dims<["n", "m", "4"]>>
  return
}

// -----

// Tests that unlike sizes do not broadcast.
func.func @f(%a: tensor<3xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{shapes do not broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.add %a, %b : (tensor<3xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that unlike element types are no operands of a sum.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf16>) {
  // expected-error @+2 {{operands have different element types}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.add %a, %b : (tensor<4xf32>, tensor<4xf16>) -> tensor<4xf32>
  return
}

// -----

// Tests that the result has the size of the operands.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{are incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

// Tests that bits are joined and shifted in integers.
func.func @f(%a: tensor<4xui32>, %b: tensor<ui32>) {
  %r0 = dure.and %a, %b : (tensor<4xui32>, tensor<ui32>) -> tensor<4xui32>
  %r1 = dure.or %a, %b : (tensor<4xui32>, tensor<ui32>) -> tensor<4xui32>
  %r2 = dure.xor %a, %b : (tensor<4xui32>, tensor<ui32>) -> tensor<4xui32>
  %r3 = dure.shl %a, %b : (tensor<4xui32>, tensor<ui32>) -> tensor<4xui32>
  %r4 = dure.shr %a, %b : (tensor<4xui32>, tensor<ui32>) -> tensor<4xui32>
  return
}

// -----

// Tests that bits of floats are not.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{needs integer or i1 elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.and %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that the exponent of pow may have another type.
func.func @f(%a: tensor<4xf32>, %b: tensor<i64>) {
  %r = dure.pow %a, %b : (tensor<4xf32>, tensor<i64>) -> tensor<4xf32>
  return
}

// -----

// Tests that pow refuses truth values.
func.func @f(%a: tensor<4xi1>, %b: tensor<4xi1>) {
  // expected-error @+2 {{needs numbers}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.pow %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return
}

// -----

// Tests that mod has either sign.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  %r = dure.mod %a, %b {fmod = true} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that mod refuses unlike element types.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xi32>) {
  // expected-error @+2 {{operands have different element types}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.mod %a, %b : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

// Tests that a comparison gives truth values.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<4xf32>) {
  %r = dure.compare %a, %b {predicate = #dure<predicate lt>} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<4xf32>) -> tensor<?x4xi1, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that a comparison gives nothing else.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{are incompatible with return type}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.compare %a, %b {predicate = #dure<predicate lt>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that select broadcasts its three operands.
func.func @f(%a: tensor<?x1xi1, #dure.dims<["n", "1"]>>, %b: tensor<4xf32>, %c: tensor<f32>) {
  %r = dure.select %a, %b, %c : (tensor<?x1xi1, #dure.dims<["n", "1"]>>, tensor<4xf32>, tensor<f32>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that a condition is of truth values.
func.func @f(%a: tensor<4xi8>, %b: tensor<4xf32>, %c: tensor<4xf32>) {
  // expected-error @+2 {{the condition must be i1}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.select %a, %b, %c : (tensor<4xi8>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that both alternatives have one type.
func.func @f(%a: tensor<4xi1>, %b: tensor<4xf32>, %c: tensor<4xf16>) {
  // expected-error @+2 {{alternatives have different element types}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.select %a, %b, %c : (tensor<4xi1>, tensor<4xf32>, tensor<4xf16>) -> tensor<4xf32>
  return
}

// -----

// Tests that bits are read as another type of the same width, bool as a byte.
func.func @f(%a: tensor<4xf16>, %b: tensor<4xi1>) {
  %r0 = dure.bitcast %a {to = ui16} : (tensor<4xf16>) -> tensor<4xui16>
  %r1 = dure.bitcast %b {to = i8} : (tensor<4xi1>) -> tensor<4xi8>
  return
}

// -----

// Tests that bits are not read as a type of another width.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{cannot read the bits of 'f32' as 'i64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.bitcast %a {to = i64} : (tensor<4xf32>) -> tensor<4xi64>
  return
}

// -----

// Tests that the arctangent takes floats.
func.func @f(%a: tensor<4xbf16>) {
  %r = dure.atan %a : (tensor<4xbf16>) -> tensor<4xbf16>
  return
}

// -----

// Tests that the arctangent refuses integers.
func.func @f(%a: tensor<4xi32>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.atan %a : (tensor<4xi32>) -> tensor<4xi32>
  return
}
