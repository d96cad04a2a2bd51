// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir -p %t/book %t/tcc
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t/book -o %t/x.dure
// RUN: FileCheck %s --input-file %t/book/rngd.tcp.mlir --check-prefix=BOOK
// RUN: dure compile %s --start-from specialize --target rngd --cpu rngd-tcc --no-fallback --save-temps=%t/tcc -o %t/y.dure
// RUN: FileCheck %s --input-file %t/tcc/rngd.tcp.mlir --check-prefix=TCC

// Tests that slices which each have a share of k add up their sums as they leave
// the contraction, and that the first slice of each group has the result; and, by
// the profile tcc, that rows in the register files are turned on their way out.
// BOOK-LABEL: func.func @matmul
// BOOK: tcp.contract_lane
// BOOK-NEXT: tcp.slice_reduce add {{.*}} ratio [[RATIO:[0-9]+]] : {{.*}} _ : 1 of [[RATIO]]], time
// BOOK-NEXT: tcp.commit
// TCC-LABEL: func.func @matmul
// TCC: tcp.contract_lane
// TCC-NEXT: tcp.slice_reduce add {{.*}} ratio
// TCC-NEXT: tcp.transpose {{.*}} rows 2 columns {{8|16|32}}
// TCC-NEXT: tcp.commit
!x = tensor<16x2048xf32>
!w = tensor<256x2048xf32>
!y = tensor<16x256xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %w: !w {dure.name = "w"}) -> (!y {dure.name = "y"}) {
    %0 = dure.matmul %x, %w {transpose_rhs = true} : (!x, !w) -> !y
    return %0 : !y
  }
}
