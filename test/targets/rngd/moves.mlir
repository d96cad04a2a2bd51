// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/short-runs.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=WORDS
// RUN: sed s/f32/i16/ %S/Inputs/short-runs.mlir > %t/i16.mlir
// RUN: dure compile %t/i16.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=SHORT

// Tests that rows of less than HBM's unit of 256 bytes are put together in data
// memory, so that HBM is written in whole units: of 128 bytes a slice has four.
// Elements whose runs are no multiple of 8 bytes are read twice each, or four
// times, moved as words of 8 bytes, and the first of each word is kept.
// CHECK: tcp.tdma {{.*}} to !tcp.dm<f32, cluster {{.*}}, slice {{.*}}, element [d0 : 1, d1 : 4, d2 : 32]>
// CHECK: tcp.tdma {{.*}} to !tcp.hbm<f32, element [d0 : 12, d1 : 128, d2 : 32]>
// CHECK-NOT: tcp.tdma
// WORDS: tcp.fetch {{.*}} packet [e : 4, w : 2]
// WORDS: tcp.tdma {{.*}} to !tcp.dm<i64
// WORDS: tcp.view {{.*}} element [e : {{[^,]*}}, w : 1 of 2]
// SHORT: tcp.fetch {{.*}} packet [e : 4, w : 4]
// SHORT: tcp.view {{.*}} element [e : {{[^,]*}}, w : 1 of 4]
!x = tensor<1x128x12x32xf32>
!y = tensor<1x12x128x32xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %0 = dure.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (!x) -> !y
    return %0 : !y
  }
}
