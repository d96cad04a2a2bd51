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

!xd = tensor<?x64xf64, #dure.dims<["n", "64"]>>
!md = tensor<?x1xf64, #dure.dims<["n", "1"]>>

// Tests that an f64 epsilon must be one that the op's f32 holds.
// CHECK-LABEL: func.func @double_epsilon
func.func @double_epsilon(%x: !xd, %w: tensor<64xf64>) -> (!xd, !xd) {
  // CHECK: dure.layer_norm {{.*}}epsilon = 1.562500e-02
  // CHECK-NOT: dure.layer_norm
  %exact = dure.constant dense<0.015625> : tensor<f64> : tensor<f64>
  %eps = dure.constant dense<1.0e-5> : tensor<f64> : tensor<f64>
  %0 = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!xd) -> !md
  %1 = dure.sub %x, %0 : (!xd, !md) -> !xd
  %2 = dure.mul %1, %1 : (!xd, !xd) -> !xd
  %3 = dure.reduce %2 {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!xd) -> !md
  %4 = dure.add %3, %exact : (!md, tensor<f64>) -> !md
  %5 = dure.rsqrt %4 : (!md) -> !md
  %6 = dure.mul %1, %5 : (!xd, !md) -> !xd
  %7 = dure.mul %w, %6 : (tensor<64xf64>, !xd) -> !xd
  %8 = dure.add %3, %eps : (!md, tensor<f64>) -> !md
  %9 = dure.rsqrt %8 : (!md) -> !md
  %10 = dure.mul %1, %9 : (!xd, !md) -> !xd
  %11 = dure.mul %w, %10 : (tensor<64xf64>, !xd) -> !xd
  return %7, %11 : !xd, !xd
}
