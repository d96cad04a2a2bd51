// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback -o %t/x.dure 2>&1 | FileCheck %s
// RUN: not dure compile %s --start-from specialize --target rngd --cpu rgnd -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not dure compile %S/Inputs/long-rows.mlir --start-from specialize --target rngd --no-fallback -o %t/y.dure 2>&1 | FileCheck %s --check-prefix=ROWS

// Tests that a kernel divides rows so that they, scale and bias fit a slice's
// data memory; that rows which cannot fit are refused with the reason; and that
// a name which no target knows is an error.
// CHECK: target{{ +}}rngd (rngd): 1 dispatches of 1 functions
// CPU: error: --cpu=rgnd: give rngd, or rngd-tcc for code that is planned by the rules of the timing profile tcc
// ROWS: RNGD does not compute dure.gather here: a row does not fit a slice's data memory
!row = tensor<16384xf32>
!x = tensor<1536x16384xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %w: !row {dure.name = "w"}) -> (!x {dure.name = "y"}) {
    %0 = dure.layer_norm %x, %w, %w {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (!x, !row, !row) -> !x
    return %0 : !x
  }
}
