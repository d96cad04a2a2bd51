// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that reductions keep or drop dimensions.
func.func @f(%a: tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) {
  %r0 = dure.reduce %a {kind = #dure<reduce_kind sum>, axes = array<i64: 0, 2>, keep_dims = false} : (tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) -> tensor<4xf32>
  %r1 = dure.reduce %a {kind = #dure<reduce_kind max>, axes = array<i64: 0, 2>, keep_dims = true} : (tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) -> tensor<1x4x1xf32>
  return
}

// -----

// Tests that axes are sorted and unique.
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+2 {{axes must be sorted and unique}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.reduce %a {kind = #dure<reduce_kind sum>, axes = array<i64: 1, 0>, keep_dims = false} : (tensor<4x8xf32>) -> tensor<f32>
  return
}

// -----

// Tests that axes are dimensions.
func.func @f(%a: tensor<4x8xf32>) {
  // expected-error @+2 {{axis 2 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.reduce %a {kind = #dure<reduce_kind sum>, axes = array<i64: 2>, keep_dims = false} : (tensor<4x8xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that complex numbers are not summed.
func.func @f(%a: tensor<4xcomplex<f32>>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.reduce %a {kind = #dure<reduce_kind sum>, axes = array<i64: 0>, keep_dims = false} : (tensor<4xcomplex<f32>>) -> tensor<complex<f32>>
  return
}

// -----

// Tests that softmax has the operand's type.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>) {
  %r = dure.softmax %a {axis = 1, log = true} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that softmax refuses integers.
func.func @f(%a: tensor<4xi32>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.softmax %a {axis = 0} : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

// Tests that softmax has an axis.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{axis -1 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.softmax %a {axis = -1} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that running sums are of any numbers.
func.func @f(%a: tensor<?x4xi32, #dure.dims<["n", "4"]>>) {
  %r = dure.cumsum %a {axis = 1, exclusive = true, reverse = true} : (tensor<?x4xi32, #dure.dims<["n", "4"]>>) -> tensor<?x4xi32, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that cumsum has an axis.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{axis 1 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cumsum %a {axis = 1} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that top_k gives indices, of a number of elements that may be symbolic.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>) {
  %r0 = dure.top_k %a {axis = 1, k = #dure.dims<["2"]>} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x2xi64, #dure.dims<["n", "2"]>>
  %r1 = dure.top_k %a {axis = 0, k = #dure.dims<["n"]>, smallest = true} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x4xi64, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that top_k finds no more elements than there are.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{size 5 must be at most 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.top_k %a {axis = 0, k = #dure.dims<["5"]>} : (tensor<4xf32>) -> tensor<5xi64>
  return
}

// -----

// Tests that top_k is given one number of elements.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{k must be one expression}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.top_k %a {axis = 0, k = #dure.dims<["1", "2"]>} : (tensor<4xf32>) -> tensor<1xi64>
  return
}

// -----

// Tests that truth values have no order.
func.func @f(%a: tensor<4xi1>) {
  // expected-error @+2 {{needs numbers}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.top_k %a {axis = 0, k = #dure.dims<["1"]>} : (tensor<4xi1>) -> tensor<1xi64>
  return
}

// -----

// Tests that running products are of any numbers.
func.func @f(%a: tensor<4xi32>) {
  %r = dure.cumprod %a {axis = 0, exclusive = true} : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

// Tests that cumprod has an axis.
func.func @f(%a: tensor<4xf32>) {
  // expected-error @+2 {{axis 1 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cumprod %a {axis = 1} : (tensor<4xf32>) -> tensor<4xf32>
  return
}
