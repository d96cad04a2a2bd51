// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-fold-weights --split-input-file | FileCheck %s

// Tests that int8 weights behind Cast and Mul become one dequantised weight,
// and that what is not read any more goes.

// CHECK-NOT: dure.weight @w from
// CHECK: dure.weight @w.cast.multiply from
// CHECK-SAME: [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<multiply with @s -> tensor<4x8xf32>>]
// CHECK-NEXT: dure.weight @s from
dure.weight @w from <file = 0, offset = 0, size = 32, type = tensor<4x8xi8>> : tensor<4x8xi8>
dure.weight @s from <file = 0, offset = 64, size = 32, type = tensor<1x8xf32>> : tensor<1x8xf32>
// CHECK-LABEL: func.func @dequantised
func.func @dequantised(%x: tensor<2x4xf32>) -> tensor<2x8xf32> {
  %w = dure.get_weight @w : tensor<4x8xi8>
  %s = dure.get_weight @s : tensor<1x8xf32>
  %f = dure.cast %w {to = f32} : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %d = dure.mul %f, %s : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  // CHECK: %[[W:.*]] = dure.get_weight @w.cast.multiply : tensor<4x8xf32>
  // CHECK-NEXT: dure.matmul %{{.*}}, %[[W]]
  %y = dure.matmul %x, %d : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Tests that a tied table is transposed once for all its uses, and stays as it
// is for the gather.

// CHECK: dure.weight @e from {{.*}} : tensor<16x4xf32>
// CHECK-NEXT: dure.weight @e.transpose from {{.*}} [#dure.step<transpose[1, 0] -> tensor<4x16xf32>>] : tensor<4x16xf32>
// CHECK-NOT: dure.weight
dure.weight @e from <file = 0, offset = 0, size = 256, type = tensor<16x4xf32>> : tensor<16x4xf32>
// CHECK-LABEL: func.func @tied
func.func @tied(%ids: tensor<2xi64>) -> (tensor<2x16xf32>, tensor<2x16xf32>) {
  %e = dure.get_weight @e : tensor<16x4xf32>
  // CHECK: %[[X:.*]] = dure.gather
  %x = dure.gather %e, %ids {axis = 0 : i64} : (tensor<16x4xf32>, tensor<2xi64>) -> tensor<2x4xf32>
  // CHECK-NOT: dure.transpose
  %t = dure.transpose %e {permutation = array<i64: 1, 0>} : (tensor<16x4xf32>) -> tensor<4x16xf32>
  %u = dure.transpose %e {permutation = array<i64: 1, 0>} : (tensor<16x4xf32>) -> tensor<4x16xf32>
  %y = dure.matmul %x, %t : (tensor<2x4xf32>, tensor<4x16xf32>) -> tensor<2x16xf32>
  %z = dure.matmul %x, %u : (tensor<2x4xf32>, tensor<4x16xf32>) -> tensor<2x16xf32>
  return %y, %z : tensor<2x16xf32>, tensor<2x16xf32>
}

// -----

// Tests that a table that is only gathered from stays int8: rows are widened
// behind the gather.

// CHECK: dure.weight @e from {{.*}} : tensor<16x4xi8>
// CHECK-NEXT: dure.weight @s from {{.*}} : tensor<16x1xf32>
// CHECK-NOT: dure.weight
dure.weight @e from <file = 0, offset = 0, size = 64, type = tensor<16x4xi8>> : tensor<16x4xi8>
dure.weight @s from <file = 0, offset = 64, size = 64, type = tensor<16x1xf32>> : tensor<16x1xf32>
// CHECK-LABEL: func.func @gathered
// CHECK-SAME: %[[IDS:.*]]: tensor
func.func @gathered(%ids: tensor<?x3xi64, #dure.dims<["n", "3"]>>) -> tensor<?x3x4xf32, #dure.dims<["n", "3", "4"]>> {
  %e = dure.get_weight @e : tensor<16x4xi8>
  %s = dure.get_weight @s : tensor<16x1xf32>
  %f = dure.cast %e {to = f32} : (tensor<16x4xi8>) -> tensor<16x4xf32>
  %d = dure.mul %f, %s : (tensor<16x4xf32>, tensor<16x1xf32>) -> tensor<16x4xf32>
  // CHECK-DAG: %[[SCALE:.*]] = dure.gather %{{.*}}, %[[IDS]] {{.*}} (tensor<16x1xf32>
  // CHECK-DAG: %[[ROWS:.*]] = dure.gather %{{.*}}, %[[IDS]] {{.*}} (tensor<16x4xi8>
  // CHECK-DAG: %[[WIDE:.*]] = dure.cast %[[ROWS]]
  // CHECK: dure.mul %[[WIDE]], %[[SCALE]]
  %y = dure.gather %d, %ids {axis = 0 : i64} : (tensor<16x4xf32>, tensor<?x3xi64, #dure.dims<["n", "3"]>>) -> tensor<?x3x4xf32, #dure.dims<["n", "3", "4"]>>
  return %y : tensor<?x3x4xf32, #dure.dims<["n", "3", "4"]>>
}

// -----

// Tests that arithmetic with an activation, a product that grows the weight
// and a slice of dynamic size are no recipe.

// CHECK: dure.weight @a
// CHECK-NEXT: dure.weight @b
// CHECK-NOT: dure.weight
dure.weight @a from <file = 0, offset = 0, size = 16, type = tensor<4x1xf32>> : tensor<4x1xf32>
dure.weight @b from <file = 0, offset = 64, size = 16, type = tensor<1x4xf32>> : tensor<1x4xf32>
// CHECK-LABEL: func.func @refused
func.func @refused(%x: tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<4x4xf32>, tensor<1x?xf32, #dure.dims<["1", "n"]>>) {
  %a = dure.get_weight @a : tensor<4x1xf32>
  %b = dure.get_weight @b : tensor<1x4xf32>
  // CHECK: dure.mul
  %y = dure.mul %x, %b : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<1x4xf32>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  // CHECK: dure.mul
  %z = dure.mul %a, %b : (tensor<4x1xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  // CHECK: dure.slice
  %s = dure.slice %b {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["1", "n"]>, steps = array<i64: 1, 1>} : (tensor<1x4xf32>) -> tensor<1x?xf32, #dure.dims<["1", "n"]>>
  return %y, %z, %s : tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<4x4xf32>, tensor<1x?xf32, #dure.dims<["1", "n"]>>
}
