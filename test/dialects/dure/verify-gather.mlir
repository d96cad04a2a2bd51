// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that gather puts the indices' dimensions at the axis.
func.func @f(%a: tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>, %b: tensor<2x?xi64, #dure.dims<["2", "m"]>>) {
  %r = dure.gather %a, %b {axis = 1} : (tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>, tensor<2x?xi64, #dure.dims<["2", "m"]>>) -> tensor<?x2x?x8xf32, #dure.dims<["n", "2", "m", "8"]>>
  return
}

// -----

// Tests that indices are integers.
func.func @f(%a: tensor<4xf32>, %b: tensor<2xf32>) {
  // expected-error @+2 {{indices must be integers}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather %a, %b {axis = 0} : (tensor<4xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

// Tests that truth values are no indices.
func.func @f(%a: tensor<4xf32>, %b: tensor<2xi1>) {
  // expected-error @+2 {{indices must be integers}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather %a, %b {axis = 0} : (tensor<4xf32>, tensor<2xi1>) -> tensor<2xf32>
  return
}

// -----

// Tests that gather has an axis.
func.func @f(%a: tensor<4xf32>, %b: tensor<2xi64>) {
  // expected-error @+2 {{axis 1 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather %a, %b {axis = 1} : (tensor<4xf32>, tensor<2xi64>) -> tensor<4xf32>
  return
}

// -----

// Tests that gather_elements may leave out what is beside its axis.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<9x3xi64, #dure.dims<["9", "3"]>>) {
  %r = dure.gather_elements %a, %b {axis = 0} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<9x3xi64, #dure.dims<["9", "3"]>>) -> tensor<9x3xf32>
  return
}

// -----

// Tests that gather_elements reads no more than there is beside its axis.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x9xi64>) {
  // expected-error @+2 {{size 9 must be at most 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather_elements %a, %b {axis = 0} : (tensor<4x4xf32>, tensor<4x9xi64>) -> tensor<4x9xf32>
  return
}

// -----

// Tests that gather_elements has indices of the same rank.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4xi64>) {
  // expected-error @+2 {{indices must be integers of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather_elements %a, %b {axis = 0} : (tensor<4x4xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

// Tests that gather_nd reads slices, batch by batch.
func.func @f(%a: tensor<?x4x8xf32, #dure.dims<["b", "4", "8"]>>, %b: tensor<?x5x1xi64, #dure.dims<["b", "5", "1"]>>) {
  %r = dure.gather_nd %a, %b {batch_dims = 1} : (tensor<?x4x8xf32, #dure.dims<["b", "4", "8"]>>, tensor<?x5x1xi64, #dure.dims<["b", "5", "1"]>>) -> tensor<?x5x8xf32, #dure.dims<["b", "5", "8"]>>
  return
}

// -----

// Tests that gather_nd refuses another batch.
func.func @f(%a: tensor<2x4xf32>, %b: tensor<5x1xi64>) {
  // expected-error @+2 {{sizes 2 and 5 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather_nd %a, %b {batch_dims = 1} : (tensor<2x4xf32>, tensor<5x1xi64>) -> tensor<5xf32>
  return
}

// -----

// Tests that a tuple is no longer than the rank.
func.func @f(%a: tensor<4xf32>, %b: tensor<5x2xi64>) {
  // expected-error @+2 {{index tuples of 2 behind 0 batch dimensions do not fit a tensor of rank 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather_nd %a, %b : (tensor<4xf32>, tensor<5x2xi64>) -> tensor<5xf32>
  return
}

// -----

// Tests that the length of tuples is known.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<5x?xi64, #dure.dims<["5", "n"]>>) {
  // expected-error @+2 {{the last dimension of the indices must be static}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gather_nd %a, %b : (tensor<4x4xf32>, tensor<5x?xi64, #dure.dims<["5", "n"]>>) -> tensor<5xf32>
  return
}

// -----

// Tests that scatter_nd takes an update of a slice for each tuple.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<?x1xi64, #dure.dims<["m", "1"]>>, %c: tensor<?x4xf32, #dure.dims<["m", "4"]>>) {
  %r = dure.scatter_nd %a, %b, %c : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<?x1xi64, #dure.dims<["m", "1"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that scatter_nd refuses larger slices.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<2x1xi64>, %c: tensor<2x9xf32>) {
  // expected-error @+2 {{sizes 4 and 9 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.scatter_nd %a, %b, %c : (tensor<4x4xf32>, tensor<2x1xi64>, tensor<2x9xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that scatter_nd refuses more updates than tuples.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<2x1xi64>, %c: tensor<9x4xf32>) {
  // expected-error @+2 {{sizes 2 and 9 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.scatter_nd %a, %b, %c : (tensor<4x4xf32>, tensor<2x1xi64>, tensor<9x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that updates have the element type.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<2x1xi64>, %c: tensor<2x4xf16>) {
  // expected-error @+2 {{do not fit}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.scatter_nd %a, %b, %c : (tensor<4x4xf32>, tensor<2x1xi64>, tensor<2x4xf16>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that scatter_elements takes as many updates as indices.
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<?x3xi64, #dure.dims<["m", "3"]>>, %c: tensor<?x3xf32, #dure.dims<["m", "3"]>>) {
  %r = dure.scatter_elements %a, %b, %c {axis = 0, reduction = #dure<scatter_reduction add>} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<?x3xi64, #dure.dims<["m", "3"]>>, tensor<?x3xf32, #dure.dims<["m", "3"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return
}

// -----

// Tests that scatter_elements refuses fewer updates.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x4xi64>, %c: tensor<1x1xf32>) {
  // expected-error @+2 {{sizes 4 and 1 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.scatter_elements %a, %b, %c {axis = 0} : (tensor<4x4xf32>, tensor<4x4xi64>, tensor<1x1xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that scatter_elements writes no more than there is beside its axis.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x9xi64>, %c: tensor<4x9xf32>) {
  // expected-error @+2 {{size 9 must be at most 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.scatter_elements %a, %b, %c {axis = 0} : (tensor<4x4xf32>, tensor<4x9xi64>, tensor<4x9xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that scatter_elements has updates of the same rank.
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x4xi64>, %c: tensor<16xf32>) {
  // expected-error @+2 {{do not fit}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.scatter_elements %a, %b, %c {axis = 0} : (tensor<4x4xf32>, tensor<4x4xi64>, tensor<16xf32>) -> tensor<4x4xf32>
  return
}
