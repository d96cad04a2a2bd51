// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: sed s/TOKENS/24/ %s > %t/few.mlir
// RUN: dure compile %t/few.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/few.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=FEW
// RUN: sed s/TOKENS/2049/ %s > %t/many.mlir
// RUN: dure compile %t/many.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/many.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=MANY

// Tests that each row of few has the matrix of its expert, nothing moved; and
// that rows of many, of which no number is too large, are scattered, in bf16 and
// side by side, to tiles, of each of which DMA gathers one matrix for all rows,
// before results are gathered back.
// FEW-NOT: tcp.tdma_scatter
// FEW: tcp.tdma_gather {{.*}} of "key" {{.*}} : !tcp.hbm<f32, element [key : 32, {{.*}}]>, !tcp.hbm<i32, element [b : {{[0-9]+}}, w : 1 of 2]> to
// FEW-NOT: tcp.tdma_scatter
// MANY: tcp.tdma_scatter {{.*}} of "key" {{.*}}tcp.beside = 1 {{.*}}bf16{{.*}} to !tcp.hbm<bf16, element [key : [[ROWS:[0-9]+]],
// MANY: tcp.tdma_scatter {{.*}} of "key" {{.*}}tcp.beside = 1
// MANY: tcp.tdma_gather {{.*}} of "key" {{.*}} : !tcp.hbm<f32, element [key : 32, {{.*}}]>, !tcp.hbm<i32, element [b : {{[0-9]+}}, w : 1 of 2]> to
// MANY: tcp.tdma_gather {{.*}} of "key" {{.*}} : !tcp.hbm<f32, element [key : [[ROWS]], c : 512]>,
!x = tensor<TOKENSx512xf32>
!e = tensor<TOKENSx2xi64>
!p = tensor<TOKENSx2xf32>
!up = tensor<32x512x256xf32>
!down = tensor<32x256x512xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %e: !e {dure.name = "e"}, %p: !p {dure.name = "p"}, %g: !up {dure.name = "g"}, %u: !up {dure.name = "u"}, %d: !down {dure.name = "d"}) -> (!x {dure.name = "y"}) {
    %0 = dure.moe %x to %e by %p gate %g up %u down %d {activation = #dure<glu_activation silu>} : (!x, !e, !p, !up, !up, !down) -> !x
    return %0 : !x
  }
}
