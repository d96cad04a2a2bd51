// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-rms-norm --canonicalize | FileCheck %s

!x = tensor<?x?x64xf32, #dure.dims<["b", "s", "64"]>>
!m = tensor<?x?x1xf32, #dure.dims<["b", "s", "1"]>>
!h = tensor<?x?x64xf16, #dure.dims<["b", "s", "64"]>>

// Tests the exporters' form: Pow, ReduceMean, Add, Sqrt, Reciprocal, Mul, Mul
// with the weight first.
// CHECK-LABEL: func.func @exported
// CHECK-SAME: %[[X:.*]]: tensor<?x?x64xf32{{.*}}, %[[W:.*]]: tensor<64xf32>
func.func @exported(%x: !x, %w: tensor<64xf32>) -> !x {
  // CHECK-NEXT: %[[Y:.*]] = dure.rms_norm %[[X]], %[[W]] {axis = 2 : i64, epsilon = 9.99999974E-6 : f32}
  // CHECK-NEXT: return %[[Y]]
  %two = dure.constant dense<2.0> : tensor<f32> : tensor<f32>
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.pow %x, %two : (!x, tensor<f32>) -> !x
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!x) -> !m
  %2 = dure.add %1, %eps : (!m, tensor<f32>) -> !m
  %3 = dure.sqrt %2 : (!m) -> !m
  %4 = dure.reciprocal %3 : (!m) -> !m
  %5 = dure.mul %x, %4 : (!x, !m) -> !x
  %6 = dure.mul %w, %5 : (tensor<64xf32>, !x) -> !x
  return %6 : !x
}

// Tests another way of writing it: x * x, division by the root.
// CHECK-LABEL: func.func @divided
func.func @divided(%x: !x, %w: tensor<64xf32>) -> !x {
  // CHECK-NEXT: dure.rms_norm
  // CHECK-NEXT: return
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.mul %x, %x : (!x, !x) -> !x
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!x) -> !m
  %2 = dure.add %eps, %1 : (tensor<f32>, !m) -> !m
  %3 = dure.sqrt %2 : (!m) -> !m
  %4 = dure.div %x, %3 : (!x, !m) -> !x
  %5 = dure.mul %4, %w : (!x, tensor<64xf32>) -> !x
  return %5 : !x
}

// Tests that an epsilon that was cast on the way is what the casts left of it.
// CHECK-LABEL: func.func @rounded_epsilon
func.func @rounded_epsilon(%x: !x, %w: tensor<64xf32>) -> !x {
  // CHECK: dure.rms_norm {{.*}} epsilon = 1.00135803E-5 : f32
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %half = dure.cast %eps {to = f16} : (tensor<f32>) -> tensor<f16>
  %wide = dure.cast %half {to = f32} : (tensor<f16>) -> tensor<f32>
  %0 = dure.mul %x, %x : (!x, !x) -> !x
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!x) -> !m
  %2 = dure.add %wide, %1 : (tensor<f32>, !m) -> !m
  %3 = dure.sqrt %2 : (!m) -> !m
  %4 = dure.div %x, %3 : (!x, !m) -> !x
  %5 = dure.mul %4, %w : (!x, tensor<64xf32>) -> !x
  return %5 : !x
}

// Tests the f16 form: computed in f32, rounded before the scale.
// CHECK-LABEL: func.func @half
// CHECK-SAME: %[[X:.*]]: tensor<?x?x64xf16{{.*}}, %[[W:.*]]: tensor<64xf16>
func.func @half(%h: !h, %w: tensor<64xf16>) -> !h {
  // CHECK-NEXT: dure.rms_norm %[[X]], %[[W]] {{.*}} -> tensor<?x?x64xf16
  // CHECK-NEXT: return
  %two = dure.constant dense<2.0> : tensor<f32> : tensor<f32>
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %x = dure.cast %h {to = f32} : (!h) -> !x
  %0 = dure.pow %x, %two : (!x, tensor<f32>) -> !x
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!x) -> !m
  %2 = dure.add %1, %eps : (!m, tensor<f32>) -> !m
  %3 = dure.rsqrt %2 : (!m) -> !m
  %4 = dure.mul %x, %3 : (!x, !m) -> !x
  %5 = dure.cast %4 {to = f16} : (!x) -> !h
  %6 = dure.mul %w, %5 : (tensor<64xf16>, !h) -> !h
  return %6 : !h
}

// Tests that the mean of another tensor's squares is no norm of x.
// CHECK-LABEL: func.func @of_another
func.func @of_another(%x: !x, %y: !x, %w: tensor<64xf32>) -> !x {
  // CHECK-NOT: dure.rms_norm
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.mul %y, %y : (!x, !x) -> !x
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!x) -> !m
  %2 = dure.add %1, %eps : (!m, tensor<f32>) -> !m
  %3 = dure.rsqrt %2 : (!m) -> !m
  %4 = dure.mul %x, %3 : (!x, !m) -> !x
  %5 = dure.mul %4, %w : (!x, tensor<64xf32>) -> !x
  return %5 : !x
}

// Tests that a mean over other dimensions than the last is none either.
// CHECK-LABEL: func.func @middle
func.func @middle(%x: tensor<2x3x4xf32>, %w: tensor<4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NOT: dure.rms_norm
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.mul %x, %x : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  %2 = dure.add %1, %eps : (tensor<2x1x4xf32>, tensor<f32>) -> tensor<2x1x4xf32>
  %3 = dure.rsqrt %2 : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  %4 = dure.mul %x, %3 : (tensor<2x3x4xf32>, tensor<2x1x4xf32>) -> tensor<2x3x4xf32>
  %5 = dure.mul %4, %w : (tensor<2x3x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  return %5 : tensor<2x3x4xf32>
}

// Tests that an activation is no scale.
// CHECK-LABEL: func.func @gated
func.func @gated(%x: !x, %g: !x) -> !x {
  // CHECK-NOT: dure.rms_norm
  %eps = dure.constant dense<1.0e-5> : tensor<f32> : tensor<f32>
  %0 = dure.mul %x, %x : (!x, !x) -> !x
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!x) -> !m
  %2 = dure.add %1, %eps : (!m, tensor<f32>) -> !m
  %3 = dure.rsqrt %2 : (!m) -> !m
  %4 = dure.mul %x, %3 : (!x, !m) -> !x
  %5 = dure.mul %4, %g : (!x, !x) -> !x
  return %5 : !x
}

// Tests that a norm written in f16 becomes the op, which computes in f32: the
// square of 300 is none that f16 holds.
!mh = tensor<?x?x1xf16, #dure.dims<["b", "s", "1"]>>
// CHECK-LABEL: func.func @computed_in_half
func.func @computed_in_half(%x: !h, %w: tensor<64xf16>) -> !h {
  // CHECK-NEXT: dure.rms_norm
  // CHECK-NEXT: return
  %eps = dure.constant dense<1.0e-5> : tensor<f16> : tensor<f16>
  %0 = dure.mul %x, %x : (!h, !h) -> !h
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 2>, keep_dims = true} : (!h) -> !mh
  %2 = dure.add %1, %eps : (!mh, tensor<f16>) -> !mh
  %3 = dure.rsqrt %2 : (!mh) -> !mh
  %4 = dure.mul %x, %3 : (!h, !mh) -> !h
  %5 = dure.mul %4, %w : (!h, tensor<64xf16>) -> !h
  return %5 : !h
}

!xd = tensor<?x64xf64, #dure.dims<["n", "64"]>>
!md = tensor<?x1xf64, #dure.dims<["n", "1"]>>

// Tests that an f64 epsilon must be one that the op's f32 holds.
// CHECK-LABEL: func.func @double_epsilon
func.func @double_epsilon(%x: !xd, %w: tensor<64xf64>) -> !xd {
  // CHECK-NOT: dure.rms_norm
  %eps = dure.constant dense<1.0e-5> : tensor<f64> : tensor<f64>
  %0 = dure.mul %x, %x : (!xd, !xd) -> !xd
  %1 = dure.reduce %0 {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!xd) -> !md
  %2 = dure.add %1, %eps : (!md, tensor<f64>) -> !md
  %3 = dure.rsqrt %2 : (!md) -> !md
  %4 = dure.mul %x, %3 : (!xd, !md) -> !xd
  %5 = dure.mul %4, %w : (!xd, tensor<64xf64>) -> !xd
  return %5 : !xd
}
