// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-grouped-heads --canonicalize | FileCheck %s

!q = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "t", "16"]>>
!g = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "s", "16"]>>
!g1 = tensor<?x2x1x?x16xf32, #dure.dims<["b", "2", "1", "s", "16"]>>
!g2 = tensor<?x2x2x?x16xf32, #dure.dims<["b", "2", "2", "s", "16"]>>
!h = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "s", "16"]>>
!o1 = tensor<?x1x2x?x16xf32, #dure.dims<["b", "1", "2", "s", "16"]>>

// Tests that keys and values are read before each head is repeated.
// CHECK-LABEL: func.func @repeated
// CHECK-SAME: %[[Q:.*]]: tensor<{{.*}}, %[[K:.*]]: tensor<{{.*}}, %[[V:.*]]: tensor<
func.func @repeated(%q: !q, %k: !g, %v: !g) -> !q {
  // CHECK-NEXT: dure.attention %[[Q]], %[[K]], %[[V]]
  // CHECK-NEXT: return
  %0 = dure.reshape %k : !g -> !g1
  %1 = dure.broadcast %0 : !g1 -> !g2
  %2 = dure.reshape %1 : !g2 -> !h
  %3 = dure.reshape %v : !g -> !g1
  %4 = dure.broadcast %3 : !g1 -> !g2
  %5 = dure.reshape %4 : !g2 -> !h
  %6 = dure.attention %q, %2, %5 {scale = 0.25 : f32, empty_row = #dure<empty_row zero>} : (!q, !h, !h) -> !q
  return %6 : !q
}

// Tests that heads repeated as a whole, 0 1 0 1, are not 0 0 1 1.
// CHECK-LABEL: func.func @tiled
func.func @tiled(%q: !q, %k: !g, %v: !g) -> !q {
  // CHECK-COUNT-2: dure.broadcast
  // CHECK: dure.attention
  %0 = dure.reshape %k : !g -> !o1
  %1 = dure.broadcast %0 : !o1 -> !g2
  %2 = dure.reshape %1 : !g2 -> !h
  %3 = dure.reshape %v : !g -> !o1
  %4 = dure.broadcast %3 : !o1 -> !g2
  %5 = dure.reshape %4 : !g2 -> !h
  %6 = dure.attention %q, %2, %5 {scale = 0.25 : f32, empty_row = #dure<empty_row zero>} : (!q, !h, !h) -> !q
  return %6 : !q
}

// Tests that keys and values must be repeated alike.
// CHECK-LABEL: func.func @values_not
func.func @values_not(%q: !q, %k: !g, %v: !h) -> !q {
  // CHECK: dure.broadcast
  // CHECK: dure.attention
  %0 = dure.reshape %k : !g -> !g1
  %1 = dure.broadcast %0 : !g1 -> !g2
  %2 = dure.reshape %1 : !g2 -> !h
  %3 = dure.attention %q, %2, %v {scale = 0.25 : f32, empty_row = #dure<empty_row zero>} : (!q, !h, !h) -> !q
  return %3 : !q
}
