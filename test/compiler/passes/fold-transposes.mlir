// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-fold-transposes | FileCheck %s

// Tests that a transposed matrix is read as it is stored.
// CHECK-LABEL: func.func @matrix
// CHECK-SAME: %[[X:.*]]: tensor<2x4xf32>, %[[W:.*]]: tensor<8x4xf32>
func.func @matrix(%x: tensor<2x4xf32>, %w: tensor<8x4xf32>) -> tensor<2x8xf32> {
  // CHECK: dure.matmul %[[X]], %[[W]] {transpose_rhs = true}
  %t = dure.transpose %w {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %y = dure.matmul %x, %t : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// Tests that a transpose that moves batch dimensions stays.
// CHECK-LABEL: func.func @batch
func.func @batch(%x: tensor<2x3x4xf32>, %w: tensor<4x2x8xf32>) -> tensor<2x3x8xf32> {
  // CHECK: dure.transpose
  // CHECK: dure.matmul
  // CHECK-NOT: transpose_rhs = true
  %t = dure.transpose %w {permutation = array<i64: 1, 0, 2>} : (tensor<4x2x8xf32>) -> tensor<2x4x8xf32>
  %y = dure.matmul %x, %t : (tensor<2x3x4xf32>, tensor<2x4x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// Tests that a transpose that attention put behind a concat of transposed keys
// undoes those.
// CHECK-LABEL: func.func @concat_of_transposes
// CHECK-SAME: %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<2x4xf32>
func.func @concat_of_transposes(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) -> tensor<2x7xf32> {
  // CHECK-NEXT: %[[C:.*]] = dure.concat %[[A]], %[[B]] {axis = 1
  // CHECK-NEXT: return %[[C]]
  %at = dure.transpose %a {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %bt = dure.transpose %b {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %0 = dure.concat %at, %bt {axis = 0 : i64} : (tensor<3x2xf32>, tensor<4x2xf32>) -> tensor<7x2xf32>
  %1 = dure.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<7x2xf32>) -> tensor<2x7xf32>
  return %1 : tensor<2x7xf32>
}
