// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: not dure compile %S/Inputs/words.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=WORDS
// RUN: mkdir %t/apart
// RUN: dure compile %S/Inputs/parted-products.mlir --start-from specialize --target rngd --save-temps=%t/apart -o %t/z.dure
// RUN: FileCheck %s --check-prefix=PARTED --input-file %t/apart/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/parted-zero.mlir --start-from specialize --target rngd --stop-after form-dispatches -o %t/zero.mlir
// RUN: FileCheck %s --check-prefix=ZERO --input-file %t/zero.mlir

// Tests that bytes without a sign are given one, that their zero point, less what
// that took, makes i9 of them where they are fetched, and that the right one's is
// taken from sums by a product with ones.
// CHECK: tcp.vector xor {{.*}} imm(-128 : i32)
// CHECK: tcp.fetch_zero_point {{.*}} less -119 : <i8,
// CHECK: tcp.contract_outer {{.*}} : <i9,{{.*}} <i8,{{.*}} to <i32,
// CHECK: tcp.vector mul_int {{.*}} imm(-5 : i32)
// CHECK: tcp.contract_outer {{.*}} : <i9,{{.*}} <i8,{{.*}} to <i32,
// CHECK: tcp.vector add_fxp {{.*}}!tcp.vrf<i32,
// CHECK: tcp.commit

// Tests that words that are of no bytes have no product.
// WORDS: RNGD does not compute dure.matmul here: its operands are not bytes less one zero point each, or the right one's is known at run time only

// Tests that a product which the host's op parts from the cast of its bytes reads
// bytes, too.
// PARTED: func.func @{{.*}}!tcp.hbm<i8,
// PARTED: tcp.contract_outer {{.*}} to <i32,
// PARTED: func.func @{{.*}}!tcp.hbm<i8,
// PARTED: tcp.contract_outer {{.*}} to <i32,

// Tests that so does one whose zero point an earlier part makes: as a byte.
// ZERO: dure.dispatch "rngd"
// ZERO: dure.dispatch "cpu" @atan
// ZERO: dure.dispatch "rngd" @[[LAST:[a-z_0-9]*]]
// ZERO: func.func private @[[LAST]](
// ZERO: %[[BYTE:.*]] = dure.cast %{{.*}} {to = i32} : (tensor<ui8>) -> tensor<i32>
// ZERO: dure.sub %{{.*}}, %[[BYTE]]
// ZERO: dure.matmul
!a = tensor<16x64xi32>
!b = tensor<64x32xi32>
!c = tensor<16x32xi32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%a: tensor<16x64xui8> {dure.name = "a"}, %b: tensor<64x32xi8> {dure.name = "b"}) -> (!c {dure.name = "c"}) {
    %za = dure.constant dense<9> : tensor<i32> : tensor<i32>
    %zb = dure.constant dense<5> : tensor<i32> : tensor<i32>
    %0 = dure.cast %a {to = i32} : (tensor<16x64xui8>) -> !a
    %1 = dure.sub %0, %za : (!a, tensor<i32>) -> !a
    %2 = dure.cast %b {to = i32} : (tensor<64x32xi8>) -> !b
    %3 = dure.sub %2, %zb : (!b, tensor<i32>) -> !b
    %4 = dure.matmul %1, %3 : (!a, !b) -> !c
    return %4 : !c
  }
}
