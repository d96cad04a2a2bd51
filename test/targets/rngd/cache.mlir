// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir

// Tests that new rows of a cache are scattered from where they were made to
// where the cache lies, whose other rows nothing moves, and that attention reads
// them there.
// CHECK-LABEL: func.func @
// CHECK-SAME: %[[CACHE:[a-z0-9]+]]: !tcp.hbm<f32, element [all : 65536]> {tcp.result}
// CHECK: %[[ROWS:.*]] = tcp.view %[[CACHE]] at 0 : {{.*}} to !tcp.hbm<f32, element [b : 2, g : 4, row : 64, d : 128]>
// CHECK-NOT: to !tcp.hbm<f32, element [e
// CHECK: tcp.tdma_scatter {{.*}} to %[[ROWS]] at {{.*}} of "row" {{.*}}: !tcp.dm<f32
// CHECK: tcp.view %[[CACHE]] at 0
// CHECK: tcp.contract_outer
!c = tensor<2x4x64x128xf32>
!u = tensor<2x4x3x128xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%q: !u {dure.name = "q"}, %u: !u {dure.name = "u"}, %c: !c {dure.name = "c"}, %l: tensor<2xi64> {dure.name = "l"}) -> (!u {dure.name = "y"}) {
    %0 = dure.exp %u : (!u) -> !u
    %1 = dure.cache_update %c, %0, %l : (!c, !u, tensor<2xi64>) -> !c
    %2 = dure.attention %q, %1, %1 {scale = 0.125 : f32, empty_row = #dure<empty_row zero>} : (!u, !c, !c) -> !u
    return %2 : !u
  }
}
