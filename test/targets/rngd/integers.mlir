// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/float-compare.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=FLOAT
// RUN: sed s/f32/f64/ %S/Inputs/float-compare.mlir > %t/f64.mlir
// RUN: not dure compile %t/f64.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=DOUBLE

// Tests that i64 are compared by words, the high ones with their sign and the
// low ones without, and truth values written as bytes; that the positions are a
// constant; that f32 are compared by their bits where both are numbers; and that
// f64 are not.
// CHECK: tcp.constant
// CHECK: tcp.vector sub_fxp_sat {{.*}} zip
// CHECK: tcp.vector xor {{.*}} imm(-2147483648 : i32)
// CHECK: tcp.vector sub_fxp_sat {{.*}} zip
// CHECK: tcp.vector shl {{.*}} groups 1
// CHECK: tcp.cast {{.*}}i8
// CHECK: tcp.vector and {{.*}} zip
// FLOAT: tcp.vector clip_add {{.*}} imm(0.000000e+00 : f32)
// FLOAT: tcp.vector sar
// FLOAT: tcp.vector xor {{.*}} stash
// FLOAT: tcp.vector sub_fxp_sat {{.*}} zip
// FLOAT: tcp.vector add_fxp {{.*}} imm(-2139095041 : i32)
// FLOAT: tcp.vector min {{.*}} zip
// DOUBLE: RNGD does not compute dure.compare here: the vector engine's steps do not make it
!q = tensor<16x1xi64>
!k = tensor<32xi64>
!m = tensor<16x32xi1>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%q: !q {dure.name = "q"}, %m: !m {dure.name = "m"}) -> (!m {dure.name = "y"}) {
    %0 = dure.iota 0 : !k
    %1 = dure.compare %0, %q {predicate = #dure<predicate le>} : (!k, !q) -> !m
    %2 = dure.and %m, %1 : (!m, !m) -> !m
    return %2 : !m
  }
}
