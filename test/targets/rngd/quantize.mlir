// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/truncates.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/3-specialize.rngd.mlir --check-prefix=TRUNCATES
// RUN: sed s/i8/i4/g %S/Inputs/truncates.mlir > %t/i4.mlir
// RUN: not dure compile %t/i4.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=FEW

// Tests that a division, a rounding to even, the sum with a zero point and the
// cast are one pass, whose sum rounds; that bytes without a sign take another
// one for their highest bit; and that a cast which truncates goes by way of i32, of
// which bytes keep what they have room for. One to 4 bits is not taken.
// CHECK: tcp.vector div_fpu
// CHECK-NEXT: tcp.vector add_f {{.*}} imm(0x4B400000 : f32)
// CHECK: tcp.vector reinterpret
// CHECK-NEXT: tcp.vector clip_add_sat {{.*}} imm(-1262485629 : i32)
// CHECK-NEXT: tcp.cast
// CHECK: tcp.vector xor {{.*}} imm(-128 : i32)
// CHECK: tcp.vector and {{.*}} imm(255 : i32)
// CHECK-NEXT: tcp.vector sub_fxp {{.*}} imm(3 : i32)
// CHECK-NEXT: tcp.vector i32_to_f32
// TRUNCATES: dure.cast %arg0 {to = i32}
// TRUNCATES: dure.min
// TRUNCATES: %[[WORDS:.+]] = dure.max
// TRUNCATES: dure.cast %[[WORDS]] {to = i8}
// FEW: RNGD does not compute dure.cast here: the vector engine's steps do not make it
!x = tensor<16x64xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (!x {dure.name = "y"}) {
    %s = dure.constant dense<0.1> : tensor<f32> : tensor<f32>
    %z = dure.constant dense<3.0> : tensor<f32> : tensor<f32>
    %zero = dure.constant dense<3> : tensor<ui8> : tensor<ui8>
    %0 = dure.div %x, %s : (!x, tensor<f32>) -> !x
    %1 = dure.round %0 : (!x) -> !x
    %2 = dure.add %1, %z : (!x, tensor<f32>) -> !x
    %3 = dure.cast %2 {to = ui8} : (!x) -> tensor<16x64xui8>
    %4 = dure.dequantize %3, %s, %zero {axis = 0 : i64} : (tensor<16x64xui8>, tensor<f32>, tensor<ui8>) -> !x
    return %4 : !x
  }
}
