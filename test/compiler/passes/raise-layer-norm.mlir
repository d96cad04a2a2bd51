// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-layer-norm --canonicalize | FileCheck %s

!x = tensor<?x64xf32, #dure.dims<["n", "64"]>>
!m = tensor<?x1xf32, #dure.dims<["n", "1"]>>

// Tests layer normalization written out, with its bias.
// CHECK-LABEL: func.func @written_out
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32{{.*}}, %[[W:.*]]: tensor<64xf32>, %[[B:.*]]: tensor<64xf32>
func.func @written_out(%x: !x, %w: tensor<64xf32>, %b: tensor<64xf32>) -> !x {
  // CHECK-NEXT: %[[Y:.*]] = dure.layer_norm %[[X]], %[[W]], %[[B]] {axis = 1 : i64
  // CHECK-NEXT: return %[[Y]]
  %two = dure.constant dense<2.0> : tensor<f32> : tensor<f32>
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> !m
  %1 = dure.sub %x, %0 : (!x, !m) -> !x
  %2 = dure.pow %1, %two : (!x, tensor<f32>) -> !x
  %3 = dure.reduce %2 {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> !m
  %4 = dure.add %3, %eps : (!m, tensor<f32>) -> !m
  %5 = dure.sqrt %4 : (!m) -> !m
  %6 = dure.div %1, %5 : (!x, !m) -> !x
  %7 = dure.mul %6, %w : (!x, tensor<64xf32>) -> !x
  %8 = dure.add %7, %b : (!x, tensor<64xf32>) -> !x
  return %8 : !x
}

// Tests that a residual connection is no bias.
// CHECK-LABEL: func.func @residual
func.func @residual(%x: !x, %w: tensor<64xf32>) -> !x {
  // CHECK: %[[Y:.*]] = dure.layer_norm
  // CHECK-NEXT: dure.add %[[Y]]
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> !m
  %1 = dure.sub %x, %0 : (!x, !m) -> !x
  %2 = dure.mul %1, %1 : (!x, !x) -> !x
  %3 = dure.reduce %2 {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> !m
  %4 = dure.add %3, %eps : (!m, tensor<f32>) -> !m
  %5 = dure.rsqrt %4 : (!m) -> !m
  %6 = dure.mul %1, %5 : (!x, !m) -> !x
  %7 = dure.mul %w, %6 : (tensor<64xf32>, !x) -> !x
  %8 = dure.add %7, %x : (!x, !x) -> !x
  return %8 : !x
}

// Tests that the variance must be of x minus its own mean.
// CHECK-LABEL: func.func @another_mean
func.func @another_mean(%x: !x, %m: !m, %w: tensor<64xf32>) -> !x {
  // CHECK-NOT: dure.layer_norm
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %1 = dure.sub %x, %m : (!x, !m) -> !x
  %2 = dure.mul %1, %1 : (!x, !x) -> !x
  %3 = dure.reduce %2 {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> !m
  %4 = dure.add %3, %eps : (!m, tensor<f32>) -> !m
  %5 = dure.rsqrt %4 : (!m) -> !m
  %6 = dure.mul %1, %5 : (!x, !m) -> !x
  %7 = dure.mul %w, %6 : (tensor<64xf32>, !x) -> !x
  return %7 : !x
}
