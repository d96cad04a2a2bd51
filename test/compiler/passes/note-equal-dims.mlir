// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-note-equal-dims | FileCheck %s

// Tests that what types show to hold needs no check.
// CHECK-LABEL: func.func @nothing_open
// CHECK-NOT: equal_dims
func.func @nothing_open(%x: tensor<?x8xf32, #dure.dims<["n", "8"]>>, %s: tensor<8xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>> {
  %0 = dure.layer_norm %x, %s {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<8xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return %0 : tensor<?x8xf32, #dure.dims<["n", "8"]>>
}

// Tests that unlike symbols of one operation must be equal, each pair once.
// CHECK-LABEL: func.func @elementwise
// CHECK-SAME: dure.equal_dims = [#dure.dims<["n", "m"]>]
func.func @elementwise(%x: tensor<?xf32, #dure.dims<["n"]>>, %y: tensor<?xf32, #dure.dims<["m"]>>) {
  %0 = dure.add %x, %y : (tensor<?xf32, #dure.dims<["n"]>>, tensor<?xf32, #dure.dims<["m"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
  %1 = dure.mul %y, %x : (tensor<?xf32, #dure.dims<["m"]>>, tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["m"]>>
  return
}

// Tests that what is known already stays.
// CHECK-LABEL: func.func @known
// CHECK-SAME: dure.equal_dims = [#dure.dims<["2*n", "k"]>, #dure.dims<["n", "m"]>]
func.func @known(%x: tensor<?xf32, #dure.dims<["n"]>>, %y: tensor<?xf32, #dure.dims<["m"]>>, %z: tensor<?xf32, #dure.dims<["k"]>>) attributes {dure.equal_dims = [#dure.dims<["2*n", "k"]>]} {
  %0 = dure.add %x, %y : (tensor<?xf32, #dure.dims<["n"]>>, tensor<?xf32, #dure.dims<["m"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
  return
}

// Tests that a scale is as long as what it scales, be that 1.
// CHECK-LABEL: func.func @norm
// CHECK-SAME: dure.equal_dims = [#dure.dims<["k", "8"]>, #dure.dims<["k", "1"]>]
func.func @norm(%x: tensor<4x8xf32>, %y: tensor<4x1xf32>, %s: tensor<?xf32, #dure.dims<["k"]>>) {
  %0 = dure.rms_norm %x, %s {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<4x8xf32>, tensor<?xf32, #dure.dims<["k"]>>) -> tensor<4x8xf32>
  %1 = dure.rms_norm %y, %s {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<4x1xf32>, tensor<?xf32, #dure.dims<["k"]>>) -> tensor<4x1xf32>
  return
}

// Tests that places beside the axis are at most those of the operand.
// CHECK-LABEL: func.func @gather_elements
// CHECK-SAME: dure.equal_dims = [#dure.dims<["max(i, n)", "n"]>]
func.func @gather_elements(%x: tensor<4x?xf32, #dure.dims<["4", "n"]>>, %i: tensor<?x?xi64, #dure.dims<["j", "i"]>>) {
  %0 = dure.gather_elements %x, %i {axis = 0} : (tensor<4x?xf32, #dure.dims<["4", "n"]>>, tensor<?x?xi64, #dure.dims<["j", "i"]>>) -> tensor<?x?xf32, #dure.dims<["j", "i"]>>
  return
}

// Tests that updates have the sizes of tuples and slices.
// CHECK-LABEL: func.func @scatter_nd
// CHECK-SAME: dure.equal_dims = [#dure.dims<["2", "a"]>, #dure.dims<["4", "c"]>]
func.func @scatter_nd(%x: tensor<4x4xf32>, %i: tensor<2x1xi64>, %u: tensor<?x?xf32, #dure.dims<["a", "c"]>>) {
  %0 = dure.scatter_nd %x, %i, %u : (tensor<4x4xf32>, tensor<2x1xi64>, tensor<?x?xf32, #dure.dims<["a", "c"]>>) -> tensor<4x4xf32>
  return
}

// Tests that a result has the size that follows, whatever symbol it carries.
// CHECK-LABEL: func.func @result
// CHECK-SAME: dure.equal_dims = [#dure.dims<["n", "m"]>]
func.func @result(%x: tensor<?xf32, #dure.dims<["n"]>>, %y: tensor<?xf32, #dure.dims<["m"]>>) {
  %0 = dure.exp %x : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["m"]>>
  return
}

// Tests that the numbers of elements of a reshape are equal.
// CHECK-LABEL: func.func @reshape
// CHECK-SAME: dure.equal_dims = [#dure.dims<["4*n", "m"]>]
func.func @reshape(%x: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %y: tensor<?xf32, #dure.dims<["m"]>>) {
  %0 = dure.reshape %x : tensor<?x4xf32, #dure.dims<["n", "4"]>> -> tensor<?xf32, #dure.dims<["m"]>>
  return
}

// Tests that what a block demands is demanded where the block runs: elsewhere
// both sizes are 0.
// CHECK-LABEL: func.func @branches
// CHECK-SAME: dure.equal_dims = [#dure.dims<["c*n", "c*m"]>, #dure.dims<["-min(1, c)*n + n", "k - k*min(1, c)"]>]
func.func @branches(%c: tensor<?xf32, #dure.dims<["c"]>>, %x: tensor<?xf32, #dure.dims<["n"]>>, %y: tensor<?xf32, #dure.dims<["m"]>>, %z: tensor<?xf32, #dure.dims<["k"]>>) -> tensor<?xf32, #dure.dims<["n"]>> {
  %0 = dure.if <["c"]> -> tensor<?xf32, #dure.dims<["n"]>> {
    %1 = dure.add %x, %y : (tensor<?xf32, #dure.dims<["n"]>>, tensor<?xf32, #dure.dims<["m"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
    dure.yield %1 : tensor<?xf32, #dure.dims<["n"]>>
  } else {
    %1 = dure.add %x, %z : (tensor<?xf32, #dure.dims<["n"]>>, tensor<?xf32, #dure.dims<["k"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
    dure.yield %1 : tensor<?xf32, #dure.dims<["n"]>>
  }
  return %0 : tensor<?xf32, #dure.dims<["n"]>>
}
