// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-silu --canonicalize | FileCheck %s

!x = tensor<?x8xf32, #dure.dims<["n", "8"]>>

// Tests that x * sigmoid(x) is silu, from either side of the product.
// CHECK-LABEL: func.func @silu
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32
func.func @silu(%x: !x) -> (!x, !x) {
  // CHECK-DAG: %[[LEFT:.*]] = dure.silu %[[X]]
  // CHECK-NOT: dure.mul
  // CHECK-NOT: dure.sigmoid
  // CHECK: return
  %0 = dure.sigmoid %x : (!x) -> !x
  %1 = dure.mul %x, %0 : (!x, !x) -> !x
  %2 = dure.mul %0, %x : (!x, !x) -> !x
  return %1, %2 : !x, !x
}

// Tests that the sigmoid of another value gates, but makes no silu.
// CHECK-LABEL: func.func @gate
func.func @gate(%x: !x, %y: !x) -> !x {
  // CHECK-NOT: dure.silu
  // CHECK: dure.sigmoid
  // CHECK: dure.mul
  %0 = dure.sigmoid %y : (!x) -> !x
  %1 = dure.mul %x, %0 : (!x, !x) -> !x
  return %1 : !x
}

// Tests that a sigmoid that is read elsewhere too stays beside the silu.
// CHECK-LABEL: func.func @read_twice
func.func @read_twice(%x: !x) -> (!x, !x) {
  // CHECK-DAG: %[[S:.*]] = dure.sigmoid
  // CHECK-DAG: %[[Y:.*]] = dure.silu
  // CHECK: return %[[S]], %[[Y]]
  %0 = dure.sigmoid %x : (!x) -> !x
  %1 = dure.mul %x, %0 : (!x, !x) -> !x
  return %0, %1 : !x, !x
}
