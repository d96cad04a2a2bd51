// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-simplify-shapes | FileCheck %s

// Tests that the exporters' detour through rank 3 is one transpose.
// CHECK-LABEL: func.func @transpose_detour
// CHECK-SAME: %[[K:.*]]: tensor
func.func @transpose_detour(%k: tensor<?x2x?x4xf32, #dure.dims<["b", "2", "s", "4"]>>) -> tensor<?x2x4x?xf32, #dure.dims<["b", "2", "4", "s"]>> {
  // CHECK-NEXT: %[[T:.*]] = dure.transpose %[[K]] {permutation = array<i64: 0, 1, 3, 2>}
  // CHECK-NEXT: return %[[T]]
  %0 = dure.reshape %k : tensor<?x2x?x4xf32, #dure.dims<["b", "2", "s", "4"]>> -> tensor<?x?x4xf32, #dure.dims<["2*b", "s", "4"]>>
  %1 = dure.transpose %0 {permutation = array<i64: 0, 2, 1>} : (tensor<?x?x4xf32, #dure.dims<["2*b", "s", "4"]>>) -> tensor<?x4x?xf32, #dure.dims<["2*b", "4", "s"]>>
  %2 = dure.reshape %1 : tensor<?x4x?xf32, #dure.dims<["2*b", "4", "s"]>> -> tensor<?x2x4x?xf32, #dure.dims<["b", "2", "4", "s"]>>
  return %2 : tensor<?x2x4x?xf32, #dure.dims<["b", "2", "4", "s"]>>
}

// Tests that a split of other dimensions than the merged ones keeps its
// transpose.
// CHECK-LABEL: func.func @another_split
func.func @another_split(%k: tensor<?x2x?x4xf32, #dure.dims<["b", "2", "s", "4"]>>) -> tensor<?x2x2x2x?xf32, #dure.dims<["b", "2", "2", "2", "s"]>> {
  // CHECK: dure.transpose {{.*}} array<i64: 0, 2, 1>
  %0 = dure.reshape %k : tensor<?x2x?x4xf32, #dure.dims<["b", "2", "s", "4"]>> -> tensor<?x?x4xf32, #dure.dims<["2*b", "s", "4"]>>
  %1 = dure.transpose %0 {permutation = array<i64: 0, 2, 1>} : (tensor<?x?x4xf32, #dure.dims<["2*b", "s", "4"]>>) -> tensor<?x4x?xf32, #dure.dims<["2*b", "4", "s"]>>
  %2 = dure.reshape %1 : tensor<?x4x?xf32, #dure.dims<["2*b", "4", "s"]>> -> tensor<?x2x2x2x?xf32, #dure.dims<["b", "2", "2", "2", "s"]>>
  return %2 : tensor<?x2x2x2x?xf32, #dure.dims<["b", "2", "2", "2", "s"]>>
}

// Tests that moving dimensions of size 1 is a reshape, and moving others not.
// CHECK-LABEL: func.func @transpose_of_ones
func.func @transpose_of_ones(%x: tensor<?x1x4xf32, #dure.dims<["b", "1", "4"]>>) -> (tensor<1x?x4xf32, #dure.dims<["1", "b", "4"]>>, tensor<4x1x?xf32, #dure.dims<["4", "1", "b"]>>) {
  // CHECK-NEXT: dure.reshape
  %0 = dure.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<?x1x4xf32, #dure.dims<["b", "1", "4"]>>) -> tensor<1x?x4xf32, #dure.dims<["1", "b", "4"]>>
  // CHECK-NEXT: dure.transpose
  %1 = dure.transpose %x {permutation = array<i64: 2, 1, 0>} : (tensor<?x1x4xf32, #dure.dims<["b", "1", "4"]>>) -> tensor<4x1x?xf32, #dure.dims<["4", "1", "b"]>>
  return %0, %1 : tensor<1x?x4xf32, #dure.dims<["1", "b", "4"]>>, tensor<4x1x?xf32, #dure.dims<["4", "1", "b"]>>
}

// Tests that a broadcast before an elementwise op goes where another operand
// has the full shape.
// CHECK-LABEL: func.func @broadcast_dropped
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32{{.*}}, %[[Y:.*]]: tensor<4xf32>
func.func @broadcast_dropped(%x: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %y: tensor<4xf32>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>> {
  // CHECK-NEXT: dure.add %[[X]], %[[Y]]
  // CHECK-NEXT: return
  %0 = dure.broadcast %y : tensor<4xf32> -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  %1 = dure.add %x, %0 : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return %1 : tensor<?x4xf32, #dure.dims<["n", "4"]>>
}

// Tests that a broadcast sinks below the op where no other operand has the full
// shape: fewer elements are computed.
// CHECK-LABEL: func.func @broadcast_sinks
// CHECK-SAME: %[[Y:.*]]: tensor<4xf32>
func.func @broadcast_sinks(%y: tensor<4xf32>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>> {
  // CHECK-NEXT: %[[E:.*]] = dure.exp %[[Y]] : (tensor<4xf32>)
  // CHECK-NEXT: %[[B:.*]] = dure.broadcast %[[E]]
  // CHECK-NEXT: return %[[B]]
  %0 = dure.broadcast %y : tensor<4xf32> -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  %1 = dure.exp %0 : (tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return %1 : tensor<?x4xf32, #dure.dims<["n", "4"]>>
}

// Tests that a number that is repeated keeps being one behind a reshape, and
// that a row which is repeated is not one.
// CHECK-LABEL: func.func @reshape_of_splat
// CHECK-SAME: %[[X:.*]]: tensor<f32>, %[[Y:.*]]: tensor<2xf32>
func.func @reshape_of_splat(%x: tensor<f32>, %y: tensor<2xf32>) -> (tensor<?xf32, #dure.dims<["2*n"]>>, tensor<?xf32, #dure.dims<["2*n"]>>) {
  // CHECK-NEXT: %[[A:.*]] = dure.broadcast %[[X]] : tensor<f32> -> tensor<?xf32, #dure.dims<["2*n"]>>
  // CHECK-NEXT: %[[B:.*]] = dure.broadcast %[[Y]]
  // CHECK-NEXT: %[[C:.*]] = dure.reshape %[[B]]
  // CHECK-NEXT: return %[[A]], %[[C]]
  %0 = dure.broadcast %x : tensor<f32> -> tensor<?x2xf32, #dure.dims<["n", "2"]>>
  %1 = dure.reshape %0 : tensor<?x2xf32, #dure.dims<["n", "2"]>> -> tensor<?xf32, #dure.dims<["2*n"]>>
  %2 = dure.broadcast %y : tensor<2xf32> -> tensor<?x2xf32, #dure.dims<["n", "2"]>>
  %3 = dure.reshape %2 : tensor<?x2xf32, #dure.dims<["n", "2"]>> -> tensor<?xf32, #dure.dims<["2*n"]>>
  return %1, %3 : tensor<?xf32, #dure.dims<["2*n"]>>, tensor<?xf32, #dure.dims<["2*n"]>>
}

// Tests that neighbouring slices rejoin to one.
// CHECK-LABEL: func.func @slices_rejoin
// CHECK-SAME: %[[X:.*]]: tensor
func.func @slices_rejoin(%x: tensor<?x8xf32, #dure.dims<["n", "8"]>>) -> tensor<?x6xf32, #dure.dims<["n", "6"]>> {
  // CHECK-NEXT: %[[S:.*]] = dure.slice %[[X]] {sizes = #dure.dims<["n", "6"]>, starts = #dure.dims<["0", "1"]>
  // CHECK-NEXT: return %[[S]]
  %0 = dure.slice %x {starts = #dure.dims<["0", "1"]>, sizes = #dure.dims<["n", "2"]>, steps = array<i64: 1, 1>} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>) -> tensor<?x2xf32, #dure.dims<["n", "2"]>>
  %1 = dure.slice %x {starts = #dure.dims<["0", "3"]>, sizes = #dure.dims<["n", "4"]>, steps = array<i64: 1, 1>} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  %2 = dure.concat %0, %1 {axis = 1 : i64} : (tensor<?x2xf32, #dure.dims<["n", "2"]>>, tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> tensor<?x6xf32, #dure.dims<["n", "6"]>>
  return %2 : tensor<?x6xf32, #dure.dims<["n", "6"]>>
}

// Tests that slices in another order stay a concat.
// CHECK-LABEL: func.func @slices_swapped
func.func @slices_swapped(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: dure.concat
  %0 = dure.slice %x {starts = #dure.dims<["2"]>, sizes = #dure.dims<["2"]>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  %1 = dure.slice %x {starts = #dure.dims<["0"]>, sizes = #dure.dims<["2"]>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  %2 = dure.concat %0, %1 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// Tests that a slice of a concat reads the operand that it lies in, behind one
// of dynamic size too; here all of it.
// CHECK-LABEL: func.func @slice_of_concat
// CHECK-SAME: %[[P:.*]]: tensor<?xf32{{.*}}, %[[X:.*]]: tensor<?xf32
func.func @slice_of_concat(%p: tensor<?xf32, #dure.dims<["p"]>>, %x: tensor<?xf32, #dure.dims<["t"]>>) -> tensor<?xf32, #dure.dims<["t"]>> {
  // CHECK-NEXT: return %[[X]]
  %0 = dure.concat %p, %x {axis = 0 : i64} : (tensor<?xf32, #dure.dims<["p"]>>, tensor<?xf32, #dure.dims<["t"]>>) -> tensor<?xf32, #dure.dims<["p + t"]>>
  %1 = dure.slice %0 {starts = #dure.dims<["p"]>, sizes = #dure.dims<["t"]>, steps = array<i64: 1>} : (tensor<?xf32, #dure.dims<["p + t"]>>) -> tensor<?xf32, #dure.dims<["t"]>>
  return %1 : tensor<?xf32, #dure.dims<["t"]>>
}

// Tests that a slice that may reach across stays.
// CHECK-LABEL: func.func @slice_across
func.func @slice_across(%p: tensor<?xf32, #dure.dims<["p"]>>, %x: tensor<?xf32, #dure.dims<["t"]>>) -> tensor<1xf32> {
  // CHECK: dure.concat
  %0 = dure.concat %p, %x {axis = 0 : i64} : (tensor<?xf32, #dure.dims<["p"]>>, tensor<?xf32, #dure.dims<["t"]>>) -> tensor<?xf32, #dure.dims<["p + t"]>>
  %1 = dure.slice %0 {starts = #dure.dims<["0"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<?xf32, #dure.dims<["p + t"]>>) -> tensor<1xf32>
  return %1 : tensor<1xf32>
}

// Tests that arithmetic on dimensions is arithmetic on expressions.
// CHECK-LABEL: func.func @dims
func.func @dims(%x: tensor<?x?xf32, #dure.dims<["a", "b"]>>) -> tensor<2xi64> {
  // CHECK: %[[D:.*]] = dure.dim_values <["a + b", "7"]>
  // CHECK-NEXT: return %[[D]]
  %a = dure.dim_values <["a"]> : tensor<i64>
  %b = dure.dim_values <["b"]> : tensor<i64>
  %0 = dure.add %a, %b : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %1 = dure.reshape %0 : tensor<i64> -> tensor<1xi64>
  %c = dure.constant dense<7> : tensor<1xi64> : tensor<1xi64>
  %2 = dure.concat %1, %c {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  return %2 : tensor<2xi64>
}

// Tests that what is written slice by slice is a concat of the slices: no copy
// of the zeros that were there is left, nor the transposes around.
// CHECK-LABEL: func.func @assignments_to_slices
// CHECK-SAME: %[[A:.*]]: tensor<?x2xf32{{.*}}, %[[B:.*]]: tensor<?x3xf32
func.func @assignments_to_slices(%a: tensor<?x2xf32, #dure.dims<["n", "2"]>>, %b: tensor<?x3xf32, #dure.dims<["n", "3"]>>) -> tensor<?x5xf32, #dure.dims<["n", "5"]>> {
  // CHECK-NEXT: %[[C:.*]] = dure.concat %[[A]], %[[B]] {axis = 1
  // CHECK-NEXT: return %[[C]]
  %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %x = dure.broadcast %zero : tensor<f32> -> tensor<5x?xf32, #dure.dims<["5", "n"]>>
  %first = dure.constant dense<[[0], [1]]> : tensor<2x1xi64> : tensor<2x1xi64>
  %at = dure.transpose %a {permutation = array<i64: 1, 0>} : (tensor<?x2xf32, #dure.dims<["n", "2"]>>) -> tensor<2x?xf32, #dure.dims<["2", "n"]>>
  %0 = dure.scatter_nd %x, %first, %at : (tensor<5x?xf32, #dure.dims<["5", "n"]>>, tensor<2x1xi64>, tensor<2x?xf32, #dure.dims<["2", "n"]>>) -> tensor<5x?xf32, #dure.dims<["5", "n"]>>
  %iota = dure.iota 0 : tensor<3x1xi64>
  %two = dure.constant dense<2> : tensor<i64> : tensor<i64>
  %last = dure.add %iota, %two : (tensor<3x1xi64>, tensor<i64>) -> tensor<3x1xi64>
  %bt = dure.transpose %b {permutation = array<i64: 1, 0>} : (tensor<?x3xf32, #dure.dims<["n", "3"]>>) -> tensor<3x?xf32, #dure.dims<["3", "n"]>>
  %1 = dure.scatter_nd %0, %last, %bt : (tensor<5x?xf32, #dure.dims<["5", "n"]>>, tensor<3x1xi64>, tensor<3x?xf32, #dure.dims<["3", "n"]>>) -> tensor<5x?xf32, #dure.dims<["5", "n"]>>
  %2 = dure.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<5x?xf32, #dure.dims<["5", "n"]>>) -> tensor<?x5xf32, #dure.dims<["n", "5"]>>
  return %2 : tensor<?x5xf32, #dure.dims<["n", "5"]>>
}

// Tests that rows in another order, rows that are added to and rows counted
// from the end stay scatters.
// CHECK-LABEL: func.func @other_scatters
func.func @other_scatters(%x: tensor<4xf32>, %y: tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  // CHECK-COUNT-3: dure.scatter_nd
  // CHECK-NOT: dure.concat
  %swapped = dure.constant dense<[[1], [0]]> : tensor<2x1xi64> : tensor<2x1xi64>
  %0 = dure.scatter_nd %x, %swapped, %y : (tensor<4xf32>, tensor<2x1xi64>, tensor<2xf32>) -> tensor<4xf32>
  %rows = dure.constant dense<[[1], [2]]> : tensor<2x1xi64> : tensor<2x1xi64>
  %1 = dure.scatter_nd %x, %rows, %y {reduction = #dure<scatter_reduction add>} : (tensor<4xf32>, tensor<2x1xi64>, tensor<2xf32>) -> tensor<4xf32>
  %end = dure.constant dense<[[-2], [-1]]> : tensor<2x1xi64> : tensor<2x1xi64>
  %2 = dure.scatter_nd %x, %end, %y : (tensor<4xf32>, tensor<2x1xi64>, tensor<2xf32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// Tests that the choice of one of one group, marked in zeros, is all ones.
// CHECK-LABEL: func.func @one_group
func.func @one_group(%x: tensor<?x1xf32, #dure.dims<["n", "1"]>>, %zeros: tensor<?x1xf32, #dure.dims<["n", "1"]>>, %ones: tensor<?x1xf32, #dure.dims<["n", "1"]>>) -> tensor<?x1xf32, #dure.dims<["n", "1"]>> {
  // CHECK-NEXT: return %arg2
  %0 = dure.top_k %x {axis = 1 : i64, k = #dure.dims<["1"]>} : (tensor<?x1xf32, #dure.dims<["n", "1"]>>) -> tensor<?x1xi64, #dure.dims<["n", "1"]>>
  %1 = dure.scatter_elements %zeros, %0, %ones {axis = 1 : i64} : (tensor<?x1xf32, #dure.dims<["n", "1"]>>, tensor<?x1xi64, #dure.dims<["n", "1"]>>, tensor<?x1xf32, #dure.dims<["n", "1"]>>) -> tensor<?x1xf32, #dure.dims<["n", "1"]>>
  return %1 : tensor<?x1xf32, #dure.dims<["n", "1"]>>
}

// Tests that one of two groups is a choice, and that a mark in some rows leaves
// the others.
// CHECK-LABEL: func.func @two_groups
func.func @two_groups(%x: tensor<?x2xf32, #dure.dims<["n", "2"]>>, %y: tensor<3x1xf32>, %one: tensor<2x1xf32>) -> (tensor<?x1xi64, #dure.dims<["n", "1"]>>, tensor<3x1xf32>) {
  // CHECK: dure.top_k
  // CHECK: dure.scatter_elements
  %0 = dure.top_k %x {axis = 1 : i64, k = #dure.dims<["1"]>} : (tensor<?x2xf32, #dure.dims<["n", "2"]>>) -> tensor<?x1xi64, #dure.dims<["n", "1"]>>
  %places = dure.constant dense<0> : tensor<2x1xi64> : tensor<2x1xi64>
  %1 = dure.scatter_elements %y, %places, %one {axis = 1 : i64} : (tensor<3x1xf32>, tensor<2x1xi64>, tensor<2x1xf32>) -> tensor<3x1xf32>
  return %0, %1 : tensor<?x1xi64, #dure.dims<["n", "1"]>>, tensor<3x1xf32>
}

// Tests that a transpose of a concat goes to transposes only.
// CHECK-LABEL: func.func @transpose_of_concat
// CHECK-SAME: %[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<2x3xf32>
func.func @transpose_of_concat(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>) -> tensor<3x4xf32> {
  // CHECK-NEXT: %[[C:.*]] = dure.concat %[[A]], %[[B]] {axis = 0
  // CHECK-NEXT: dure.transpose %[[C]]
  %0 = dure.concat %a, %b {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %1 = dure.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x3xf32>) -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}
