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

// -----

// Tests a scale for the whole weight, one for each column, and a zero point: all
// constants, a splat being the number that it repeats.

// CHECK: dure.weight @w.cast.subtract.multiply from
// CHECK-SAME: #dure.step<subtract by dense<3.000000e+00> : tensor<f32> -> tensor<4x8xf32>>
// CHECK-SAME: #dure.step<multiply by dense<[1.000000e+00, 2.000000e+00
// CHECK: dure.weight @w.cast.multiply from
// CHECK-SAME: [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<multiply by dense<5.000000e-01> : tensor<f32> -> tensor<4x8xf32>>]
dure.weight @w from <file = 0, offset = 0, size = 32, type = tensor<4x8xi8>> : tensor<4x8xi8>
// CHECK-LABEL: func.func @constants
func.func @constants(%x: tensor<2x4xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %w = dure.get_weight @w : tensor<4x8xi8>
  %half = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
  %halves = dure.constant dense<0.5> : tensor<1x8xf32> : tensor<1x8xf32>
  %three = dure.constant dense<3.0> : tensor<f32> : tensor<f32>
  %s = dure.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32> : tensor<8xf32>
  %f = dure.cast %w {to = f32} : (tensor<4x8xi8>) -> tensor<4x8xf32>
  // CHECK: %[[A:.*]] = dure.get_weight @w.cast.multiply
  // CHECK: dure.matmul %{{.*}}, %[[A]]
  %d = dure.mul %f, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %y = dure.matmul %x, %d : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  // CHECK: %[[B:.*]] = dure.get_weight @w.cast.multiply :
  // CHECK: dure.matmul %{{.*}}, %[[B]]
  %d2 = dure.mul %halves, %f : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y2 = dure.matmul %x, %d2 : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  // CHECK: %[[C:.*]] = dure.get_weight @w.cast.subtract.multiply
  // CHECK: dure.matmul %{{.*}}, %[[C]]
  %m = dure.sub %f, %three : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d3 = dure.mul %m, %s : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %y3 = dure.matmul %x, %d3 : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %y, %y2, %y3 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// Tests dequantize of a weight: for the whole tensor, along an axis (the zero
// point a constant that becomes f32), by blocks.

// CHECK-DAG: dure.weight @w.cast.multiply from {{.*}} [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<multiply by dense<5.000000e-01> : tensor<f32> -> tensor<4x8xf32>>]
// CHECK-DAG: #dure.step<subtract with @z.cast.reshape -> tensor<4x8xf32>>, #dure.step<multiply with @s.cast.reshape -> tensor<4x8xf32>>, #dure.step<cast -> tensor<4x8xf16>>
// CHECK-DAG: #dure.step<subtract by dense<{{\[\[1.000000e\+00\], \[2.000000e\+00\], \[3.000000e\+00\], \[4.000000e\+00\]\]}}> : tensor<4x1xf32> -> tensor<4x8xf32>>, #dure.step<multiply by dense<{{.*}}> : tensor<4x1xf32>
// CHECK-DAG: #dure.step<subtract by dense<8.000000e+00> : tensor<f32> -> tensor<4x8xf32>>, #dure.step<multiply[0, 2] with @b -> tensor<4x8xf32>>
dure.weight @w from <file = 0, offset = 0, size = 32, type = tensor<4x8xi8>> : tensor<4x8xi8>
dure.weight @s from <file = 0, offset = 64, size = 8, type = tensor<4xf16>> : tensor<4xf16>
dure.weight @z from <file = 0, offset = 96, size = 4, type = tensor<4xi8>> : tensor<4xi8>
dure.weight @b from <file = 0, offset = 128, size = 64, type = tensor<2x8xf32>> : tensor<2x8xf32>
// CHECK-LABEL: func.func @dequantize
func.func @dequantize(%x: tensor<2x4xf32>) -> (tensor<2x8xf32>, tensor<4x8xf16>, tensor<2x8xf32>, tensor<4x8xf32>) {
  // CHECK-NOT: dure.dequantize
  %w = dure.get_weight @w : tensor<4x8xi8>
  %s = dure.get_weight @s : tensor<4xf16>
  %z = dure.get_weight @z : tensor<4xi8>
  %b = dure.get_weight @b : tensor<2x8xf32>
  %half = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
  %points = dure.constant dense<8> : tensor<2x8xi8> : tensor<2x8xi8>
  %d = dure.dequantize %w, %half {axis = 1 : i64} : (tensor<4x8xi8>, tensor<f32>) -> tensor<4x8xf32>
  %y = dure.matmul %x, %d : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %d2 = dure.dequantize %w, %s, %z {axis = 0 : i64} : (tensor<4x8xi8>, tensor<4xf16>, tensor<4xi8>) -> tensor<4x8xf16>
  %d3 = dure.dequantize %w, %b, %points {axis = 0 : i64, block = 2 : i64} : (tensor<4x8xi8>, tensor<2x8xf32>, tensor<2x8xi8>) -> tensor<4x8xf32>
  %y3 = dure.matmul %x, %d3 : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %sc = dure.constant dense<[0.5, 0.25, 2.0, 1.5]> : tensor<4xf32> : tensor<4xf32>
  %zc = dure.constant dense<[1, 2, 3, 4]> : tensor<4xi8> : tensor<4xi8>
  %d4 = dure.dequantize %w, %sc, %zc {axis = 0 : i64} : (tensor<4x8xi8>, tensor<4xf32>, tensor<4xi8>) -> tensor<4x8xf32>
  return %y, %d2, %y3, %d4 : tensor<2x8xf32>, tensor<4x8xf16>, tensor<2x8xf32>, tensor<4x8xf32>
}

// -----

// Tests tables under a scale that is one number: rows stay int8 until they are
// read, those of int4 are int8 by their recipe.

// CHECK: dure.weight @e from {{.*}} : tensor<16x4xi8>
// CHECK-NEXT: dure.weight @n.cast from {{.*}} : tensor<16x4xi8>
// CHECK-NOT: dure.weight
dure.weight @e from <file = 0, offset = 0, size = 64, type = tensor<16x4xi8>> : tensor<16x4xi8>
dure.weight @n from <file = 0, offset = 64, size = 32, type = tensor<16x4xi4>> : tensor<16x4xi4>
// CHECK-LABEL: func.func @tables
// CHECK-SAME: %[[IDS:.*]]: tensor
func.func @tables(%ids: tensor<3xi64>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<16x3xf32>) {
  // CHECK: dure.gather %{{.*}}, %[[IDS]] {{.*}} (tensor<16x4xi8>
  // CHECK: dure.gather %{{.*}}, %[[IDS]] {{.*}} (tensor<16x4xi8>
  // CHECK: dure.gather %{{.*}}, %[[IDS]] {axis = 1 : i64} : (tensor<16x4xi8>
  %e = dure.get_weight @e : tensor<16x4xi8>
  %n = dure.get_weight @n : tensor<16x4xi4>
  %half = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
  %f = dure.cast %e {to = f32} : (tensor<16x4xi8>) -> tensor<16x4xf32>
  %d = dure.mul %f, %half : (tensor<16x4xf32>, tensor<f32>) -> tensor<16x4xf32>
  %y = dure.gather %d, %ids {axis = 0 : i64} : (tensor<16x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %d2 = dure.dequantize %n, %half {axis = 1 : i64} : (tensor<16x4xi4>, tensor<f32>) -> tensor<16x4xf32>
  %y2 = dure.gather %d2, %ids {axis = 0 : i64} : (tensor<16x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %y3 = dure.gather %d, %ids {axis = 1 : i64} : (tensor<16x4xf32>, tensor<3xi64>) -> tensor<16x3xf32>
  return %y, %y2, %y3 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<16x3xf32>
}

// -----

// Tests that one matrix of a stack is a slice of the weight, and that an index
// outside is left to run time.

// CHECK: dure.weight @e.slice.reshape from {{.*}} [#dure.step<slice[1, 0, 0, 1, 4, 4, 1, 1, 1] -> tensor<1x4x4xf32>>, #dure.step<reshape -> tensor<4x4xf32>>]
dure.weight @e from <file = 0, offset = 0, size = 128, type = tensor<2x4x4xf32>> : tensor<2x4x4xf32>
// CHECK-LABEL: func.func @expert
func.func @expert() -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %e = dure.get_weight @e : tensor<2x4x4xf32>
  %last = dure.constant dense<-1> : tensor<i64> : tensor<i64>
  %outside = dure.constant dense<2> : tensor<i64> : tensor<i64>
  // CHECK: dure.get_weight @e.slice.reshape
  %y = dure.gather %e, %last {axis = 0 : i64} : (tensor<2x4x4xf32>, tensor<i64>) -> tensor<4x4xf32>
  // CHECK: dure.gather
  %z = dure.gather %e, %outside {axis = 0 : i64} : (tensor<2x4x4xf32>, tensor<i64>) -> tensor<4x4xf32>
  return %y, %z : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// Tests that a difference from a constant, a scale that is data and a constant
// that grows the weight are no steps.

// CHECK: dure.weight @w from
// CHECK-NOT: dure.weight
dure.weight @w from <file = 0, offset = 0, size = 16, type = tensor<4xf32>> : tensor<4xf32>
// CHECK-LABEL: func.func @no_steps
func.func @no_steps(%s: tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<2x4xf32>) {
  %w = dure.get_weight @w : tensor<4xf32>
  %half = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
  %rows = dure.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32> : tensor<2x1xf32>
  // CHECK: dure.sub
  %a = dure.sub %half, %w : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK: dure.mul
  %b = dure.mul %w, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  // CHECK: dure.mul
  %c = dure.mul %w, %rows : (tensor<4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<2x4xf32>
}

// -----

// Tests that a recipe takes a slice that goes forwards, and leaves one that goes
// backwards to the program.

// CHECK: dure.weight @w from {{.*}} : tensor<4x8xf32>
// CHECK-NEXT: dure.weight @w.slice from {{.*}} [#dure.step<slice[2, 0, 2, 8, 1, 1] -> tensor<2x8xf32>>]
dure.weight @w from <file = 0, offset = 0, size = 128, type = tensor<4x8xf32>> : tensor<4x8xf32>
// CHECK-LABEL: func.func @slices
func.func @slices() -> (tensor<2x8xf32>, tensor<4x8xf32>) {
  %w = dure.get_weight @w : tensor<4x8xf32>
  // CHECK: dure.get_weight @w.slice
  %a = dure.slice %w {starts = #dure.dims<["2", "0"]>, sizes = #dure.dims<["2", "8"]>, steps = array<i64: 1, 1>} : (tensor<4x8xf32>) -> tensor<2x8xf32>
  // CHECK: dure.slice
  %b = dure.slice %w {starts = #dure.dims<["3", "0"]>, sizes = #dure.dims<["4", "8"]>, steps = array<i64: -1, 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %a, %b : tensor<2x8xf32>, tensor<4x8xf32>
}
