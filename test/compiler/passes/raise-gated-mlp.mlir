// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-silu --dure-raise-gated-mlp --canonicalize | FileCheck %s
// RUN: dure-opt %s --dure-raise-silu --dure-raise-gated-mlp --dure-decompose-gated-mlp --canonicalize \
// RUN:   | FileCheck %s --check-prefix=PARTS

!x = tensor<?x?x8xf32, #dure.dims<["b", "s", "8"]>>
!i = tensor<?x?x16xf32, #dure.dims<["b", "s", "16"]>>

// Tests SwiGLU as exporters write it, and that it can be written out again.
// CHECK-LABEL: func.func @swiglu
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32{{.*}}, %[[G:.*]]: tensor<8x16xf32>, %[[U:.*]]: tensor<8x16xf32>, %[[D:.*]]: tensor<16x8xf32>
// PARTS-LABEL: func.func @swiglu
func.func @swiglu(%x: !x, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>) -> !x {
  // CHECK-NEXT: %[[Y:.*]] = dure.gated_mlp %[[X]], %[[G]], %[[U]], %[[D]] {activation = #dure<glu_activation silu>}
  // CHECK-NEXT: return %[[Y]]
  // PARTS-NEXT: %[[GATE:.*]] = dure.matmul
  // PARTS-NEXT: %[[UP:.*]] = dure.matmul
  // PARTS-NEXT: %[[ACT:.*]] = dure.silu %[[GATE]]
  // PARTS-NEXT: %[[MUL:.*]] = dure.mul %[[ACT]], %[[UP]]
  // PARTS-NEXT: dure.matmul %[[MUL]]
  %0 = dure.matmul %x, %g : (!x, tensor<8x16xf32>) -> !i
  %1 = dure.sigmoid %0 : (!i) -> !i
  %2 = dure.mul %0, %1 : (!i, !i) -> !i
  %3 = dure.matmul %x, %u : (!x, tensor<8x16xf32>) -> !i
  %4 = dure.mul %2, %3 : (!i, !i) -> !i
  %5 = dure.matmul %4, %d : (!i, tensor<16x8xf32>) -> !x
  return %5 : !x
}

// Tests that a product that somebody else reads keeps its parts, and that
// x * sigmoid(y) is no silu.
// CHECK-LABEL: func.func @read_twice
func.func @read_twice(%x: !x, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>) -> (!x, !i) {
  // CHECK-NOT: dure.gated_mlp
  // CHECK-NOT: dure.silu
  // CHECK: return
  %0 = dure.matmul %x, %g : (!x, tensor<8x16xf32>) -> !i
  %3 = dure.matmul %x, %u : (!x, tensor<8x16xf32>) -> !i
  %1 = dure.sigmoid %0 : (!i) -> !i
  %4 = dure.mul %3, %1 : (!i, !i) -> !i
  %5 = dure.matmul %4, %d : (!i, tensor<16x8xf32>) -> !x
  return %5, %4 : !x, !i
}

// Tests that gate and up must read one x.
// CHECK-LABEL: func.func @two_inputs
func.func @two_inputs(%x: !x, %y: !x, %g: tensor<8x16xf32>, %u: tensor<8x16xf32>, %d: tensor<16x8xf32>) -> !x {
  // CHECK: dure.silu
  // CHECK-NOT: dure.gated_mlp
  %0 = dure.matmul %x, %g : (!x, tensor<8x16xf32>) -> !i
  %1 = dure.sigmoid %0 : (!i) -> !i
  %2 = dure.mul %1, %0 : (!i, !i) -> !i
  %3 = dure.matmul %y, %u : (!x, tensor<8x16xf32>) -> !i
  %4 = dure.mul %2, %3 : (!i, !i) -> !i
  %5 = dure.matmul %4, %d : (!i, tensor<16x8xf32>) -> !x
  return %5 : !x
}

// Tests that three matmuls of integers are none, and that what is no gated_mlp
// is left alone when those are written out.
!xi = tensor<?x?x8xi32, #dure.dims<["b", "s", "8"]>>
!ii = tensor<?x?x16xi32, #dure.dims<["b", "s", "16"]>>
// CHECK-LABEL: func.func @integers
// PARTS-LABEL: func.func @integers
func.func @integers(%x: !xi, %g: tensor<8x16xi32>, %u: tensor<8x16xi32>, %d: tensor<16x8xi32>) -> !xi {
  // CHECK-NOT: dure.gated_mlp
  // PARTS: dure.matmul
  // PARTS-NEXT: dure.relu
  // PARTS-NEXT: dure.matmul
  // PARTS-NEXT: dure.mul
  // PARTS-NEXT: dure.matmul
  // PARTS-NEXT: return
  %0 = dure.matmul %x, %g : (!xi, tensor<8x16xi32>) -> !ii
  %1 = dure.relu %0 : (!ii) -> !ii
  %2 = dure.matmul %x, %u : (!xi, tensor<8x16xi32>) -> !ii
  %3 = dure.mul %1, %2 : (!ii, !ii) -> !ii
  %4 = dure.matmul %3, %d : (!ii, tensor<16x8xi32>) -> !xi
  return %4 : !xi
}
