// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that a reshape keeps the number of elements, known or not.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>) {
  %r = dure.reshape %a : tensor<?x8xf32, #dure.dims<["n", "8"]>> -> tensor<4x?xf32, #dure.dims<["4", "2*n"]>>
  return
}

// -----

// Tests that a reshape to another number is refused.
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+1 {{of 32 elements to 40}}
  %r = dure.reshape %a : tensor<4x8xf32> -> tensor<5x8xf32>
  return
}

// -----

// Tests that a reshape keeps the element type.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+1 {{changes the element type}}
  %r = dure.reshape %a : tensor<4xf32> -> tensor<4xi32>
  return
}

// -----

// Tests that a reshape must say its sizes.
func.func @f(%a: tensor<?xf32>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.reshape %a : tensor<?xf32> -> tensor<?x1xf32>
  return
}

// -----

// Tests that a broadcast repeats sizes of 1 and adds dimensions.
func.func @f(%a: tensor<1x?xf32, #dure.dims<["1", "m"]>>) {
  %r = dure.broadcast %a : tensor<1x?xf32, #dure.dims<["1", "m"]>> -> tensor<?x4x?xf32, #dure.dims<["n", "4", "m"]>>
  return
}

// -----

// Tests that a broadcast does not repeat other sizes.
func.func @f(%a: tensor<2xf32>) {
  // expected-error @+1 {{does not broadcast to}}
  %r = dure.broadcast %a : tensor<2xf32> -> tensor<4xf32>
  return
}

// -----

// Tests that a broadcast does not shrink.
func.func @f(%a: tensor<2x4xf32>) {
  // expected-error @+1 {{does not broadcast to}}
  %r = dure.broadcast %a : tensor<2x4xf32> -> tensor<4xf32>
  return
}

// -----

// Tests that a transpose permutes sizes.
func.func @f(%a: tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) {
  %r = dure.transpose %a {permutation = array<i64: 2, 0, 1>} : (tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) -> tensor<8x?x4xf32, #dure.dims<["8", "n", "4"]>>
  return
}

// -----

// Tests that a transpose takes every dimension once.
func.func @f(%a: tensor<4x4xf32>) {
  // expected-error @+2 {{not a permutation of 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.transpose %a {permutation = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that a transpose takes all dimensions.
func.func @f(%a: tensor<4x4xf32>) {
  // expected-error @+2 {{permutation of 1 dimensions for a tensor of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.transpose %a {permutation = array<i64: 0>} : (tensor<4x4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that a slice reads within its operand, forwards and backwards.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>) {
  %r = dure.slice %a {starts = #dure.dims<["0", "7"]>, sizes = #dure.dims<["n", "4"]>, steps = array<i64: 1, -2>} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that an empty slice may start at the end.
func.func @f(%a: tensor<8xf32>) {
  %r = dure.slice %a {starts = #dure.dims<["8"]>, sizes = #dure.dims<["0"]>, steps = array<i64: 1>} : (tensor<8xf32>) -> tensor<0xf32>
  return
}

// -----

// Tests that a slice beyond the end is refused.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{reads 10 from 5 on by steps of 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.slice %a {starts = #dure.dims<["5"]>, sizes = #dure.dims<["10"]>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<10xf32>
  return
}

// -----

// Tests that a slice before the beginning is refused.
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+2 {{reads 3 from 2 on by steps of -2}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.slice %a {starts = #dure.dims<["2"]>, sizes = #dure.dims<["3"]>, steps = array<i64: -2>} : (tensor<8xf32>) -> tensor<3xf32>
  return
}

// -----

// Tests that a slice whose end overflows is refused.
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+2 {{reads 5 from 1 on}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.slice %a {starts = #dure.dims<["1"]>, sizes = #dure.dims<["5"]>, steps = array<i64: 4611686018427387904>} : (tensor<8xf32>) -> tensor<5xf32>
  return
}

// -----

// Tests that a step of 0 is refused.
func.func @f(%a: tensor<8xf32>) {
  // expected-error @+2 {{a step is 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.slice %a {starts = #dure.dims<["0"]>, sizes = #dure.dims<["2"]>, steps = array<i64: 0>} : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

// Tests that a slice says all dimensions.
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+2 {{must have one entry for each of the 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.slice %a {starts = #dure.dims<["0"]>, sizes = #dure.dims<["2"]>, steps = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<2xf32>
  return
}

// -----

// Tests that concat adds sizes along its axis; elsewhere unlike symbols must
// be equal when run.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<?x4xf32, #dure.dims<["m", "4"]>>) {
  %r = dure.concat %a, %b {axis = 0} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x4xf32, #dure.dims<["m + n", "4"]>>
  return
}

// -----

// Tests that concat refuses unlike sizes elsewhere.
func.func @f(%a: tensor<2x4xf32>, %b: tensor<2x5xf32>) {
  // expected-error @+2 {{cannot concatenate}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.concat %a, %b {axis = 0} : (tensor<2x4xf32>, tensor<2x5xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that concat refuses unlike element types.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf16>) {
  // expected-error @+2 {{cannot concatenate}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.concat %a, %b {axis = 0} : (tensor<4xf32>, tensor<4xf16>) -> tensor<8xf32>
  return
}

// -----

// Tests that concat has an axis.
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{axis 1 is outside a tensor of rank 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.concat %a, %b {axis = 1} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

// Tests that pad grows with a value, or cuts.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<1xf32>) {
  %r = dure.pad %a, %b {low = #dure.dims<["1", "-1"]>, high = #dure.dims<["0", "2"]>} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<1xf32>) -> tensor<?x5xf32, #dure.dims<["n + 1", "5"]>>
  return
}

// -----

// Tests that the padding value is one.
func.func @f(%a: tensor<4xf32>, %b: tensor<2xf32>) {
  // expected-error @+2 {{the padding value must be one element}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.pad %a, %b {low = #dure.dims<["1"]>, high = #dure.dims<["1"]>} : (tensor<4xf32>, tensor<2xf32>) -> tensor<6xf32>
  return
}

// -----

// Tests that the padding value has the element type.
func.func @f(%a: tensor<4xf32>, %b: tensor<i64>) {
  // expected-error @+2 {{the padding value must be one element}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.pad %a, %b {low = #dure.dims<["1"]>, high = #dure.dims<["1"]>} : (tensor<4xf32>, tensor<i64>) -> tensor<6xf32>
  return
}

// -----

// Tests that pad says all dimensions.
func.func @f(%a: tensor<4x4xf32>) {
  // expected-error @+2 {{padding must have one entry for each of the 2 dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.pad %a {low = #dure.dims<["1"]>, high = #dure.dims<["1"]>} : (tensor<4x4xf32>) -> tensor<6x4xf32>
  return
}
