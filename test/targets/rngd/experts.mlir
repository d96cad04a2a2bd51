// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: not dure compile %S/Inputs/many-experts.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=MANY

// Tests that of the experts' matrices only those that tokens name are read, by
// indices in HBM of which the low halves count and by several engines where they
// are large; and that weighted results are summed on the chip. Of very many rows,
// each with a matrix to read, the reason is said.
// CHECK-LABEL: func.func @expert_matmul_and_6_more
// CHECK: tcp.tdma_gather engine {{[0-9]+}} commands {{[0-9]+}} {{.*}} of "key" {{.*}} : !tcp.hbm<f32, element [key : 16, {{.*}}]>, !tcp.hbm<i32, element [b : {{[0-9]+}}, w : 1 of 2]> to
// CHECK: tcp.vector_reduce add {{.*}} over "c" {{.*}} packet [i : 4]> to
// MANY: RNGD does not compute dure.expert_matmul here: it has more than 4096 rows, each with a matrix of its own to read
!x = tensor<2x512xf32>
!up = tensor<16x512x256xf32>
!down = tensor<16x256x512xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %e: tensor<2x4xi64> {dure.name = "e"}, %p: tensor<2x4xf32> {dure.name = "p"}, %g: !up {dure.name = "g"}, %u: !up {dure.name = "u"}, %d: !down {dure.name = "d"}) -> (!x {dure.name = "y"}) {
    %0 = dure.moe %x to %e by %p gate %g up %u down %d {activation = #dure<glu_activation silu>} : (!x, tensor<2x4xi64>, tensor<2x4xf32>, !up, !up, !down) -> !x
    return %0 : !x
  }
}
