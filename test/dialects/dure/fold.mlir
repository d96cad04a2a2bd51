// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --canonicalize | FileCheck %s

// Tests that equal constants become one.
// CHECK-LABEL: func.func @constants
func.func @constants() -> (tensor<2xf32>, tensor<2xf32>) {
  // CHECK-NEXT: %[[C:.*]] = dure.constant dense<1.000000e+00>
  // CHECK-NEXT: return %[[C]], %[[C]]
  %0 = dure.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %1 = dure.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// Tests that a reshape of a constant is a constant.
// CHECK-LABEL: func.func @reshaped_constant
func.func @reshaped_constant() -> tensor<2x2xi64> {
  // CHECK-NEXT: dure.constant dense<{{\[\[}}1, 2], [3, 4]]> : tensor<2x2xi64>
  %0 = dure.constant dense<[1, 2, 3, 4]> : tensor<4xi64> : tensor<4xi64>
  %1 = dure.reshape %0 : tensor<4xi64> -> tensor<2x2xi64>
  return %1 : tensor<2x2xi64>
}

// Tests that a reshape there and back is none, and of a reshape one.
// CHECK-LABEL: func.func @reshapes
// CHECK-SAME: %[[X:.*]]: tensor
func.func @reshapes(%x: tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<2x?xf32, #dure.dims<["2", "2*n"]>>) {
  // CHECK-NEXT: %[[R:.*]] = dure.reshape %[[X]]
  // CHECK-NEXT: return %[[X]], %[[R]]
  %0 = dure.reshape %x : tensor<?x4xf32, #dure.dims<["n", "4"]>> -> tensor<?xf32, #dure.dims<["4*n"]>>
  %1 = dure.reshape %0 : tensor<?xf32, #dure.dims<["4*n"]>> -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  %2 = dure.reshape %0 : tensor<?xf32, #dure.dims<["4*n"]>> -> tensor<2x?xf32, #dure.dims<["2", "2*n"]>>
  return %1, %2 : tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<2x?xf32, #dure.dims<["2", "2*n"]>>
}

// Tests that a reshape to other symbols stays: it says what they are equal to.
// CHECK-LABEL: func.func @renaming_reshape
func.func @renaming_reshape(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["m"]>> {
  // CHECK-NEXT: dure.reshape
  %0 = dure.reshape %x : tensor<?xf32, #dure.dims<["n"]>> -> tensor<?xf32, #dure.dims<["m"]>>
  return %0 : tensor<?xf32, #dure.dims<["m"]>>
}

// Tests that a broadcast to its own shape is none, and of one number a
// constant.
// CHECK-LABEL: func.func @broadcasts
// CHECK-SAME: %[[X:.*]]: tensor
func.func @broadcasts(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  // CHECK-NEXT: %[[C:.*]] = dure.constant dense<2.000000e+00> : tensor<3x4xf32>
  // CHECK-NEXT: return %[[X]], %[[C]]
  %0 = dure.broadcast %x : tensor<4xf32> -> tensor<4xf32>
  %1 = dure.constant dense<2.0> : tensor<4xf32> : tensor<4xf32>
  %2 = dure.broadcast %1 : tensor<4xf32> -> tensor<3x4xf32>
  return %0, %2 : tensor<4xf32>, tensor<3x4xf32>
}

// Tests that a broadcast of several numbers stays.
// CHECK-LABEL: func.func @broadcast_of_numbers
func.func @broadcast_of_numbers() -> tensor<3x2xf32> {
  // CHECK: dure.broadcast
  %0 = dure.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %1 = dure.broadcast %0 : tensor<2xf32> -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// Tests that transposes that undo each other are none, and others one.
// CHECK-LABEL: func.func @transposes
// CHECK-SAME: %[[X:.*]]: tensor
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>) {
  // CHECK-NEXT: %[[T:.*]] = dure.transpose %[[X]] {permutation = array<i64: 2, 0, 1>}
  // CHECK-NEXT: return %[[X]], %[[T]]
  %0 = dure.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = dure.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  %2 = dure.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<4x2x3xf32>
}

// Tests that a slice of everything is none.
// CHECK-LABEL: func.func @whole_slice
// CHECK-SAME: %[[X:.*]]: tensor
func.func @whole_slice(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>> {
  // CHECK-NEXT: return %[[X]]
  %0 = dure.slice %x {starts = #dure.dims<["0"]>, sizes = #dure.dims<["n"]>, steps = array<i64: 1>} : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
  return %0 : tensor<?xf32, #dure.dims<["n"]>>
}

// Tests that a slice of everything backwards is one.
// CHECK-LABEL: func.func @reversed_slice
func.func @reversed_slice(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: dure.slice
  %0 = dure.slice %x {starts = #dure.dims<["3"]>, sizes = #dure.dims<["4"]>, steps = array<i64: -1>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Tests that one operand is its own concatenation, and two are not.
// CHECK-LABEL: func.func @concats
// CHECK-SAME: %[[X:.*]]: tensor
func.func @concats(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  // CHECK-NEXT: %[[C:.*]] = dure.concat %[[X]], %[[X]]
  // CHECK-NEXT: return %[[X]], %[[C]]
  %0 = dure.concat %x {axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = dure.concat %x, %x {axis = 0} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<4xf32>, tensor<8xf32>
}

// Tests that what is empty along the axis leaves a concatenation.
// CHECK-LABEL: func.func @concat_of_empty
// CHECK-SAME: (%{{.*}}: tensor<1x0x4xf32>, %[[X:.*]]: tensor<1x3x4xf32>)
func.func @concat_of_empty(%empty: tensor<1x0x4xf32>, %x: tensor<1x3x4xf32>)
    -> (tensor<1x3x4xf32>, tensor<1x6x4xf32>, tensor<1x0x4xf32>) {
  // CHECK-NEXT: %[[TWICE:.*]] = dure.concat %[[X]], %[[X]] {axis = 1 : i64}
  // CHECK-NEXT: %[[NONE:.*]] = dure.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<1x0x4xf32>
  // CHECK-NEXT: return %[[X]], %[[TWICE]], %[[NONE]]
  %0 = dure.concat %empty, %x {axis = 1} : (tensor<1x0x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %1 = dure.concat %x, %empty, %x {axis = 1} : (tensor<1x3x4xf32>, tensor<1x0x4xf32>, tensor<1x3x4xf32>) -> tensor<1x6x4xf32>
  %2 = dure.concat %empty, %empty {axis = 1} : (tensor<1x0x4xf32>, tensor<1x0x4xf32>) -> tensor<1x0x4xf32>
  return %0, %1, %2 : tensor<1x3x4xf32>, tensor<1x6x4xf32>, tensor<1x0x4xf32>
}
