// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir

// Tests that a long run is cut into packets which divide what its rows are apart
// too: 640 elements divide a row of 64000, but not the 65536 of the result's.
// CHECK: tcp.tdma {{.*}} to !tcp.hbm<f32, element [d0 : 8, d1 : 124 of 128, d2 : 512]>
!x = tensor<8x64000xf32>
!y = tensor<8x1536xf32>
!z = tensor<8x65536xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %y: !y {dure.name = "y"}) -> (!z {dure.name = "z"}) {
    %0 = dure.concat %x, %y {axis = 1 : i64} : (!x, !y) -> !z
    return %0 : !z
  }
}
