// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/3-specialize.rngd.mlir
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=TCP
// RUN: sed s/f16/f64/g %s > %t/f64.mlir
// RUN: not dure compile %t/f64.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=LONG

// Tests that attention of f16 becomes one of f32 between casts, and that a mask
// which adds the lowest f16 hides keys; and that one of f64 is refused.
// CHECK-DAG: %[[Q:.+]] = dure.cast %arg0 {to = f32}
// CHECK-DAG: %[[K:.+]] = dure.cast %arg1 {to = f32}
// CHECK: %[[Y:.+]] = dure.attention %[[Q]], %[[K]], %[[K]] mask %arg2 {empty_row = #dure<empty_row mean>
// CHECK: dure.cast %[[Y]] {to = f16}
// TCP: tcp.tdma {{.*}} : !tcp.hbm<i16, element {{.*}}> to !tcp.dm<i16
// LONG: RNGD does not compute dure.attention here: attention here is of f32 and fixed sizes
!q = tensor<1x2x4x32xf16>
!k = tensor<1x2x16x32xf16>
!m = tensor<1x1x4x16xf16>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%q: !q {dure.name = "q"}, %k: !k {dure.name = "k"}, %s: tensor<1x1x4x16xi1> {dure.name = "s"}) -> (!q {dure.name = "y"}) {
    %zero = dure.constant dense<0.0> : tensor<f16> : tensor<f16>
    %lowest = dure.constant dense<-65504.0> : tensor<f16> : tensor<f16>
    %m = dure.select %s, %zero, %lowest : (tensor<1x1x4x16xi1>, tensor<f16>, tensor<f16>) -> !m
    %0 = dure.attention %q, %k, %k mask %m {scale = 0.125 : f32, empty_row = #dure<empty_row zero>} : (!q, !k, !k, !m) -> !q
    return %0 : !q
  }
}
