// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir

// Tests that values between ops stay in data memory: HBM has no workspace, the
// product takes its rows from where the exponentials are, and only the result
// is stored.
// CHECK-LABEL: func.func @
// CHECK-NOT: tcp.alloc {{.*}} : !tcp.hbm
// CHECK: tcp.tdma {{.*}} : !tcp.hbm<f32, element [e : 16384]> to !tcp.dm
// CHECK: exp
// CHECK: tcp.tdma {{.*}} : !tcp.dm<f32, {{.*}}> to !tcp.dm<f32, {{.*}}slice {{.*}}number
// CHECK: contract_outer
// CHECK: tcp.tdma {{.*}} to !tcp.hbm<f32,
// CHECK-NOT: tcp.tdma {{.*}} to !tcp.hbm<f32,
!x = tensor<1x128x128xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %w: tensor<128x128xf32> {dure.name = "w"}) -> (!x {dure.name = "y"}) {
    %0 = dure.exp %x : (!x) -> !x
    %1 = dure.matmul %0, %w {transpose_lhs = false, transpose_rhs = false} : (!x, tensor<128x128xf32>) -> !x
    %2 = dure.tanh %1 : (!x) -> !x
    return %2 : !x
  }
}
