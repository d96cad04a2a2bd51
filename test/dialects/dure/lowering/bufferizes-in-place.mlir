// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-lower-to-linalg --canonicalize \
// RUN:   '--one-shot-bufferize=bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map' \
// RUN:   --canonicalize --split-input-file | FileCheck %s

// Tests that rows are computed where they are returned: no temporary, no copy.
// CHECK-LABEL: func.func @softmax
// CHECK-SAME:  %{{.+}}: memref<?x8xf32>, %[[OUT:.+]]: memref<?x8xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         memref.store %{{.+}}, %[[OUT]]
// CHECK-NOT:     memref.copy
func.func @softmax(%x: tensor<?x8xf32, #dure.dims<["n", "8"]>>)
    -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
    attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.softmax %x {axis = 1 : i64} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return %0 : tensor<?x8xf32, #dure.dims<["n", "8"]>>
}

// -----

// Tests that attention has one temporary, of static size: the sums of a row.
// CHECK-LABEL: func.func @attention
// CHECK:         memref.alloc() {{.*}} : memref<16xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK:         return
!q = tensor<1x4x?x16xf16, #dure.dims<["1", "4", "t", "16"]>>
!kv = tensor<1x2x?x16xf16, #dure.dims<["1", "2", "s", "16"]>>
func.func @attention(%q: !q, %k: !kv, %v: !kv) -> !q
    attributes {dure.dispatch_fn, dure.symbols = ["t", "s"]} {
  %0 = dure.attention %q, %k, %v {causal = true, scale = 2.5e-1 : f32, empty_row = #dure<empty_row zero>} : (!q, !kv, !kv) -> !q
  return %0 : !q
}
