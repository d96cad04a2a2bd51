// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/odd-rows.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=ODD

// Tests that an operand with one number a row comes from the register file, two
// numbers a slice at least, and that the other is repeated over rows by DMA; that
// an odd number of them is copied as words of 8 bytes before.
// CHECK: tcp.tdma {{.*}} !tcp.hbm<f32, element [d1 : 8]> to !tcp.dm<f32, slice [d0 by 8 : 2], element [d0 : 8, d1 : 8]>
// CHECK: tcp.to_vrf
// CHECK: tcp.vector sub_f {{.*}} as operand_stream
// ODD: tcp.fetch {{.*}} packet [e : 4, w : 2]
// ODD: tcp.view {{.*}} element [e : 8, w : 1 of 2]
// ODD: tcp.fetch_pair
// ODD: tcp.vector sub_f {{.*}} zip
!x = tensor<1x16x1xf32>
!y = tensor<8xf32>
!z = tensor<1x16x8xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %y: !y {dure.name = "y"}) -> (!z {dure.name = "z"}) {
    %0 = dure.sub %x, %y : (!x, !y) -> !z
    return %0 : !z
  }
}
