// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-decompose-gated-mlp --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #dure.dims<["n", "8"]>>

// Tests that the parts have the sizes of the weights and the activation's op.
// CHECK-LABEL: func.func @gelu_tanh
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32{{.*}}, %[[G:.*]]: tensor<8x16xf32>, %[[U:.*]]: tensor<8x16xf32>, %[[D:.*]]: tensor<16x8xf32>
func.func @gelu_tanh(%x: !x, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>) -> !x {
  // CHECK: %[[GATE:.*]] = dure.matmul %[[X]], %[[G]] : {{.*}} -> tensor<?x16xf32, #dure.dims<["n", "16"]>>
  // CHECK: %[[UP:.*]] = dure.matmul %[[X]], %[[U]]
  // CHECK: %[[ACT:.*]] = dure.gelu %[[GATE]] {form = #dure<gelu_form tanh>}
  // CHECK: %[[MUL:.*]] = dure.mul %[[ACT]], %[[UP]]
  // CHECK: %[[Y:.*]] = dure.matmul %[[MUL]], %[[D]]
  // CHECK: return %[[Y]]
  %0 = dure.gated_mlp %x, %g, %u, %d {activation = #dure<glu_activation gelu_tanh>} : (!x, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x8xf32>) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x8xf32, #dure.dims<["n", "8"]>>

// Tests the other activations.
// CHECK-LABEL: func.func @activations
func.func @activations(%x: !x, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>) -> (!x, !x, !x, !x) {
  // CHECK: dure.silu
  // CHECK: dure.gelu {{.*}}form = #dure<gelu_form erf>
  // CHECK: dure.relu
  // CHECK: dure.sigmoid
  // CHECK-NOT: dure.gated_mlp
  %0 = dure.gated_mlp %x, %g, %u, %d {activation = #dure<glu_activation silu>} : (!x, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x8xf32>) -> !x
  %1 = dure.gated_mlp %x, %g, %u, %d {activation = #dure<glu_activation gelu_erf>} : (!x, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x8xf32>) -> !x
  %2 = dure.gated_mlp %x, %g, %u, %d {activation = #dure<glu_activation relu>} : (!x, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x8xf32>) -> !x
  %3 = dure.gated_mlp %x, %g, %u, %d {activation = #dure<glu_activation sigmoid>} : (!x, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x8xf32>) -> !x
  return %0, %1, %2, %3 : !x, !x, !x, !x
}
