// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/multiplied.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/3-specialize.rngd.mlir --check-prefix=PRODUCT
// RUN: sed s/f32/i64/ %S/Inputs/multiplied.mlir > %t/i64.mlir
// RUN: not dure compile %t/i64.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=LONG

// Tests that sums over the last dimension are packed, of two rows a slice at
// least, before they leave; that a product is one of halves, over and over; and
// that one of i64, which no unit multiplies, is refused.
// CHECK: tcp.vector_reduce add {{.*}} over "c"
// CHECK: tcp.vector div {{.*}} imm(6.400000e+01 : f32)
// CHECK: tcp.tdma {{.*}} : !tcp.dm<f32, slice [r by 2 : 8], element [r : 2]> to !tcp.hbm
// PRODUCT: %[[A:.+]] = dure.slice {{.*}} -> tensor<{{[0-9]+}}x2x1xf32>
// PRODUCT: %[[B:.+]] = dure.slice {{.*}} -> tensor<{{[0-9]+}}x2x1xf32>
// PRODUCT: dure.mul %[[A]], %[[B]]
// LONG: RNGD does not compute dure.reduce here: rows here are of f32 and fixed sizes
!x = tensor<1x16x64xf32>
!y = tensor<1x16xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %0 = dure.reduce %x {axes = array<i64: 2>, keep_dims = false, kind = #dure<reduce_kind mean>} : (!x) -> !y
    return %0 : !y
  }
}
