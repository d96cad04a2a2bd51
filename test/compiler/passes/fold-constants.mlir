// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-fold-constants | FileCheck %s

// Tests that numbers are computed with broadcasting.
// CHECK-LABEL: func.func @numbers
func.func @numbers() -> (tensor<2x2xi64>, tensor<2xf32>, tensor<2xi1>) {
  // CHECK-DAG: dure.constant dense<{{\[\[}}11, 12], [21, 22]]> : tensor<2x2xi64>
  // CHECK-DAG: dure.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
  // CHECK-DAG: dure.constant dense<[false, true]> : tensor<2xi1>
  %a = dure.constant dense<[[10], [20]]> : tensor<2x1xi64> : tensor<2x1xi64>
  %b = dure.constant dense<[1, 2]> : tensor<2xi64> : tensor<2xi64>
  %0 = dure.add %a, %b : (tensor<2x1xi64>, tensor<2xi64>) -> tensor<2x2xi64>
  %c = dure.constant dense<[2.0, 4.0]> : tensor<2xf32> : tensor<2xf32>
  %1 = dure.reciprocal %c : (tensor<2xf32>) -> tensor<2xf32>
  %one = dure.constant dense<1> : tensor<i64> : tensor<i64>
  %2 = dure.compare %b, %one {predicate = #dure<predicate gt>} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
  return %0, %1, %2 : tensor<2x2xi64>, tensor<2xf32>, tensor<2xi1>
}

// Tests that a division by zero is left to run time, which reports it.
// CHECK-LABEL: func.func @division_by_zero
func.func @division_by_zero() -> tensor<i64> {
  // CHECK: dure.div
  %a = dure.constant dense<1> : tensor<i64> : tensor<i64>
  %b = dure.constant dense<0> : tensor<i64> : tensor<i64>
  %0 = dure.div %a, %b : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %0 : tensor<i64>
}

// Tests that `true and x` is x, and `false and x` false.
// CHECK-LABEL: func.func @logic
// CHECK-SAME: %[[X:.*]]: tensor
func.func @logic(%x: tensor<?xi1, #dure.dims<["n"]>>) -> (tensor<?xi1, #dure.dims<["n"]>>, tensor<?xi1, #dure.dims<["n"]>>) {
  // CHECK: %[[F:.*]] = dure.constant dense<false>
  // CHECK: %[[B:.*]] = dure.broadcast %[[F]]
  // CHECK: return %[[X]], %[[B]]
  %t = dure.constant dense<true> : tensor<i1> : tensor<i1>
  %f = dure.constant dense<false> : tensor<i1> : tensor<i1>
  %0 = dure.and %t, %x : (tensor<i1>, tensor<?xi1, #dure.dims<["n"]>>) -> tensor<?xi1, #dure.dims<["n"]>>
  %1 = dure.and %x, %f : (tensor<?xi1, #dure.dims<["n"]>>, tensor<i1>) -> tensor<?xi1, #dure.dims<["n"]>>
  return %0, %1 : tensor<?xi1, #dure.dims<["n"]>>, tensor<?xi1, #dure.dims<["n"]>>
}

// Tests that x * 1 is x, and that x + 0.0 is not: it turns -0 to 0.
// CHECK-LABEL: func.func @neutral
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>
func.func @neutral(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  // CHECK: %[[S:.*]] = dure.add
  // CHECK: return %[[X]], %[[S]]
  %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
  %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %0 = dure.mul %one, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = dure.add %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// Tests that positions are known not to be negative, and that a comparison of
// two of them is left alone.
// CHECK-LABEL: func.func @positions
func.func @positions(%x: tensor<?xf32, #dure.dims<["n"]>>) -> (tensor<?xi1, #dure.dims<["n"]>>, tensor<?xi1, #dure.dims<["n"]>>) {
  // CHECK: %[[T:.*]] = dure.constant dense<true>
  // CHECK: %[[B:.*]] = dure.broadcast %[[T]]
  // CHECK: %[[C:.*]] = dure.compare
  // CHECK: return %[[B]], %[[C]]
  %i = dure.iota 0 : tensor<?xi64, #dure.dims<["n"]>>
  %p = dure.dim_values <["p"]> : tensor<i64>
  %q = dure.add %i, %p : (tensor<?xi64, #dure.dims<["n"]>>, tensor<i64>) -> tensor<?xi64, #dure.dims<["n"]>>
  %zero = dure.constant dense<0> : tensor<i64> : tensor<i64>
  %three = dure.constant dense<3> : tensor<i64> : tensor<i64>
  %0 = dure.compare %q, %zero {predicate = #dure<predicate ge>} : (tensor<?xi64, #dure.dims<["n"]>>, tensor<i64>) -> tensor<?xi1, #dure.dims<["n"]>>
  %1 = dure.compare %i, %three {predicate = #dure<predicate lt>} : (tensor<?xi64, #dure.dims<["n"]>>, tensor<i64>) -> tensor<?xi1, #dure.dims<["n"]>>
  return %0, %1 : tensor<?xi1, #dure.dims<["n"]>>, tensor<?xi1, #dure.dims<["n"]>>
}

// Tests that a comparison of signed counts is decided by their bounds, and one
// of unsigned counts, which wrap at 0, is not.
// CHECK-LABEL: func.func @wrapping_counts
func.func @wrapping_counts() -> (tensor<4xi1>, tensor<4xi1>) {
  // CHECK-NOT: dure.compare {{.*}}xi64>
  // CHECK: dure.compare {{.*}}tensor<4xui64>
  // CHECK-NOT: dure.compare {{.*}}xi64>
  %i = dure.iota 0 : tensor<4xi64>
  %four = dure.constant dense<4> : tensor<i64> : tensor<i64>
  %zero = dure.constant dense<0> : tensor<i64> : tensor<i64>
  %0 = dure.sub %i, %four : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  %1 = dure.compare %0, %zero {predicate = #dure<predicate lt>} : (tensor<4xi64>, tensor<i64>) -> tensor<4xi1>
  %u = dure.iota 0 : tensor<4xui64>
  %ufour = dure.constant dense<4> : tensor<ui64> : tensor<ui64>
  %uzero = dure.constant dense<0> : tensor<ui64> : tensor<ui64>
  %2 = dure.sub %u, %ufour : (tensor<4xui64>, tensor<ui64>) -> tensor<4xui64>
  %3 = dure.compare %2, %uzero {predicate = #dure<predicate lt>} : (tensor<4xui64>, tensor<ui64>) -> tensor<4xi1>
  return %1, %3 : tensor<4xi1>, tensor<4xi1>
}

// Tests that b == true and b != false are b, and that of b == false something is
// left to compute.
// CHECK-LABEL: func.func @truth
// CHECK-SAME: %[[B:.*]]: tensor<4xi1>
func.func @truth(%b: tensor<4xi1>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  // CHECK: %[[N:.*]] = dure.compare %[[B]]
  // CHECK: return %[[B]], %[[B]], %[[N]]
  %true = dure.constant dense<true> : tensor<i1> : tensor<i1>
  %false = dure.constant dense<false> : tensor<i1> : tensor<i1>
  %0 = dure.compare %b, %true {predicate = #dure<predicate eq>} : (tensor<4xi1>, tensor<i1>) -> tensor<4xi1>
  %1 = dure.compare %false, %b {predicate = #dure<predicate ne>} : (tensor<i1>, tensor<4xi1>) -> tensor<4xi1>
  %2 = dure.compare %b, %false {predicate = #dure<predicate eq>} : (tensor<4xi1>, tensor<i1>) -> tensor<4xi1>
  return %0, %1, %2 : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}

// Tests that places of sorted elements are not negative, and that elements
// themselves may be.
// CHECK-LABEL: func.func @places
func.func @places(%x: tensor<4xi64>) -> (tensor<2xi1>, tensor<4xi1>, tensor<2xi1>) {
  // CHECK-DAG: %[[F:.*]] = dure.constant dense<false> : tensor<2xi1>
  // CHECK-DAG: %[[G:.*]] = dure.compare {{.*}}tensor<4xi64>
  // CHECK-DAG: %[[H:.*]] = dure.compare {{.*}}tensor<2xi64>
  // CHECK: return %[[F]], %[[G]], %[[H]]
  %zero = dure.constant dense<0> : tensor<i64> : tensor<i64>
  %one = dure.constant dense<1> : tensor<i64> : tensor<i64>
  %p = dure.top_k %x {axis = 0 : i64, k = #dure.dims<["2"]>} : (tensor<4xi64>) -> tensor<2xi64>
  %0 = dure.compare %p, %zero {predicate = #dure<predicate lt>} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
  %1 = dure.compare %x, %zero {predicate = #dure<predicate lt>} : (tensor<4xi64>, tensor<i64>) -> tensor<4xi1>
  %2 = dure.compare %p, %one {predicate = #dure<predicate lt>} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
  return %0, %1, %2 : tensor<2xi1>, tensor<4xi1>, tensor<2xi1>
}
