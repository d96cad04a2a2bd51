// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir

// Tests that the maximum of a tensor is found by slices, then among them, in
// words that are ordered as the numbers are: units alone would pass over what is
// no number.
// CHECK: tcp.vector sar {{.*}} imm(31 : i32)
// CHECK-NEXT: tcp.vector and {{.*}} imm(2147483647 : i32)
// CHECK-NEXT: tcp.vector xor {{.*}} stash
// CHECK-NEXT: tcp.vector add_fxp {{.*}} imm(-8388607 : i32)
// CHECK: tcp.vector_reduce max {{.*}} over "e"
// CHECK: tcp.slice_reduce max
// CHECK: tcp.vector add_fxp {{.*}} imm(8388607 : i32)
!x = tensor<16x640xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (tensor<f32> {dure.name = "y"}) {
    %0 = dure.reduce %x {axes = array<i64: 0, 1>, keep_dims = false, kind = #dure<reduce_kind max>} : (!x) -> tensor<f32>
    return %0 : tensor<f32>
  }
}
