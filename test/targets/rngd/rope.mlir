// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: not dure compile %S/Inputs/odd-rope.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=ODD

// Tests that a rotation is two passes over halves of rows, with the angles of a
// row once in the register file for all heads; and that halves of an odd number
// of elements are refused.
// CHECK: tcp.to_vrf
// CHECK: tcp.to_vrf
// CHECK: tcp.fetch_pair
// CHECK: tcp.vector mul0 {{.*}} groups 1
// CHECK: tcp.vector mul1 {{.*}} groups 2
// CHECK: tcp.vector sub_f {{.*}} zip
// CHECK: tcp.fetch_pair
// CHECK: tcp.vector add_f {{.*}} zip
// CHECK-NOT: tcp.fetch_pair
// ODD: RNGD does not compute dure.rope here: halves of its rows are no multiple of 8 bytes
!x = tensor<2x8x16x64xf32>
!t = tensor<16x32xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %c: !t {dure.name = "c"}, %s: !t {dure.name = "s"}) -> (!x {dure.name = "y"}) {
    %0 = dure.rope %x, %c, %s {layout = #dure<rope_layout half>, rotary_dim = 64 : i64} : (!x, !t, !t) -> !x
    return %0 : !x
  }
}
