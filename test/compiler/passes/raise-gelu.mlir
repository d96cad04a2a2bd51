// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-gelu --canonicalize | FileCheck %s

!x = tensor<?x64xf32, #dure.dims<["n", "64"]>>
!s = tensor<f32>

// Tests the erf form as exporters write it: x * (0.5 * (1 + erf(x / sqrt 2))).
// CHECK-LABEL: func.func @erf
// CHECK-SAME: %[[X:.*]]: tensor
func.func @erf(%x: !x) -> !x {
  // CHECK-NEXT: %[[Y:.*]] = dure.gelu %[[X]] {form = #dure<gelu_form erf>}
  // CHECK-NEXT: return %[[Y]]
  %half = dure.constant dense<0.5> : !s : !s
  %one = dure.constant dense<1.0> : !s : !s
  %root = dure.constant dense<1.41421354> : !s : !s
  %0 = dure.div %x, %root : (!x, !s) -> !x
  %1 = dure.erf %0 : (!x) -> !x
  %2 = dure.add %1, %one : (!x, !s) -> !x
  %3 = dure.mul %half, %2 : (!s, !x) -> !x
  %4 = dure.mul %x, %3 : (!x, !x) -> !x
  return %4 : !x
}

// Tests another order: (0.5 * x) * (1 + erf(x * sqrt 0.5)).
// CHECK-LABEL: func.func @erf_reordered
func.func @erf_reordered(%x: !x) -> !x {
  // CHECK-NEXT: dure.gelu {{.*}} erf
  %half = dure.constant dense<0.5> : !s : !s
  %one = dure.constant dense<1.0> : !s : !s
  %root = dure.constant dense<0.707106769> : !s : !s
  %0 = dure.mul %root, %x : (!s, !x) -> !x
  %1 = dure.erf %0 : (!x) -> !x
  %2 = dure.add %one, %1 : (!s, !x) -> !x
  %3 = dure.mul %x, %half : (!x, !s) -> !x
  %4 = dure.mul %3, %2 : (!x, !x) -> !x
  return %4 : !x
}

// Tests the tanh form as GPT-2 writes it.
// CHECK-LABEL: func.func @tanh
// CHECK-SAME: %[[X:.*]]: tensor
func.func @tanh(%x: !x) -> !x {
  // CHECK-NEXT: dure.gelu %[[X]] {form = #dure<gelu_form tanh>}
  // CHECK-NEXT: return
  %half = dure.constant dense<0.5> : !s : !s
  %one = dure.constant dense<1.0> : !s : !s
  %three = dure.constant dense<3.0> : !s : !s
  %cubic = dure.constant dense<4.471500e-02> : !s : !s
  %root = dure.constant dense<0.797884583> : !s : !s
  %0 = dure.mul %x, %half : (!x, !s) -> !x
  %1 = dure.pow %x, %three : (!x, !s) -> !x
  %2 = dure.mul %1, %cubic : (!x, !s) -> !x
  %3 = dure.add %x, %2 : (!x, !x) -> !x
  %4 = dure.mul %3, %root : (!x, !s) -> !x
  %5 = dure.tanh %4 : (!x) -> !x
  %6 = dure.add %5, %one : (!x, !s) -> !x
  %7 = dure.mul %0, %6 : (!x, !x) -> !x
  return %7 : !x
}

// Tests that the constants' values count: erf(x / 1.5) is another function.
// CHECK-LABEL: func.func @other_constant
func.func @other_constant(%x: !x) -> !x {
  // CHECK-NOT: dure.gelu
  %half = dure.constant dense<0.5> : !s : !s
  %one = dure.constant dense<1.0> : !s : !s
  %root = dure.constant dense<1.5> : !s : !s
  %0 = dure.div %x, %root : (!x, !s) -> !x
  %1 = dure.erf %0 : (!x) -> !x
  %2 = dure.add %1, %one : (!x, !s) -> !x
  %3 = dure.mul %half, %2 : (!s, !x) -> !x
  %4 = dure.mul %x, %3 : (!x, !x) -> !x
  return %4 : !x
}

// Tests that another factor than erf's argument is no GELU.
// CHECK-LABEL: func.func @other_factor
func.func @other_factor(%x: !x, %y: !x) -> !x {
  // CHECK-NOT: dure.gelu
  %half = dure.constant dense<0.5> : !s : !s
  %one = dure.constant dense<1.0> : !s : !s
  %root = dure.constant dense<1.41421354> : !s : !s
  %0 = dure.div %x, %root : (!x, !s) -> !x
  %1 = dure.erf %0 : (!x) -> !x
  %2 = dure.add %1, %one : (!x, !s) -> !x
  %3 = dure.mul %half, %2 : (!s, !x) -> !x
  %4 = dure.mul %y, %3 : (!x, !x) -> !x
  return %4 : !x
}

!xd = tensor<?xf64, #dure.dims<["n"]>>
!d = tensor<f64>

// Tests that constants of an f64 model must be as exact as f64: sqrt(2) to f32's
// digits is another function there.
// CHECK-LABEL: func.func @double
func.func @double(%x: !xd) -> (!xd, !xd) {
  // CHECK: dure.gelu
  // CHECK-NOT: dure.gelu
  %half = dure.constant dense<0.5> : !d : !d
  %one = dure.constant dense<1.0> : !d : !d
  %root = dure.constant dense<1.4142135623730951> : !d : !d
  %near = dure.constant dense<1.41421354> : !d : !d
  %0 = dure.div %x, %root : (!xd, !d) -> !xd
  %1 = dure.erf %0 : (!xd) -> !xd
  %2 = dure.add %1, %one : (!xd, !d) -> !xd
  %3 = dure.mul %half, %2 : (!d, !xd) -> !xd
  %4 = dure.mul %x, %3 : (!xd, !xd) -> !xd
  %5 = dure.div %x, %near : (!xd, !d) -> !xd
  %6 = dure.erf %5 : (!xd) -> !xd
  %7 = dure.add %6, %one : (!xd, !d) -> !xd
  %8 = dure.mul %half, %7 : (!d, !xd) -> !xd
  %9 = dure.mul %x, %8 : (!xd, !xd) -> !xd
  return %4, %9 : !xd, !xd
}
