// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics
// RUN: dure-opt %s --split-input-file --verify-diagnostics | dure-opt --split-input-file -o %t.mlir
// RUN: dure-opt %t.mlir --split-input-file | diff %t.mlir -

!x = !tcp.dm<i8, slice [p : 256], element [b : 2, c : 8, d : 2, e : 8]>
!y = !tcp.dm<i8, slice [p : 256], element [b : 2, d : 2, e : 8, c : 8]>
!p = !tcp.stream<i8, slice [p : 256], time [b : 2, c : 8, d : 2], packet [e : 8]>
!q = !tcp.stream<i8, slice [p : 256], time [b : 2, c : 8, d : 2], packet [e : 8 of 32]>
!r = !tcp.stream<i8, slice [p : 256], time [b : 2, d : 2, e : 8], packet [c : 8 of 32]>

// Tests rows of two flits each (the page's example).
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !p
    %1 = tcp.collect %0 : !p to !q
    %2 = tcp.transpose %1 rows 8 columns 16 : !q to !r
    tcp.commit %2 to %y : !r to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [p : 256], element [a : 4, b : 4]>
!y = !tcp.dm<bf16, slice [p : 256], element [b : 4, a : 4]>
!p = !tcp.stream<bf16, slice [p : 256], time [a : 4], packet [b : 4]>
!q = !tcp.stream<bf16, slice [p : 256], time [a : 4], packet [b : 4 of 16]>
!r = !tcp.stream<bf16, slice [p : 256], time [b : 4], packet [a : 4 of 16]>

// Tests that rows of padding are left out.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !p
    %1 = tcp.collect %0 : !p to !q
    %2 = tcp.transpose %1 rows 4 columns 8 : !q to !r
    tcp.commit %2 to %y : !r to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [p : 256], element [a : 4, b : 8]>
!y = !tcp.dm<f32, slice [p : 256], element [b : 8, a : 4]>
!p = !tcp.stream<f32, slice [p : 256], time [a : 4], packet [b : 8]>
!r = !tcp.stream<f32, slice [p : 256], time [b : 8], packet [a : 4 of 8]>

// Tests how many rows there are of 32 bits.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !p
    %1 = tcp.collect %0 : !p to !p
    // expected-error @+1 {{takes 4 rows of 32 bits, of at most 2 (computing-tensors/transpose-engine.md, Parameters)}}
    %2 = tcp.transpose %1 rows 4 columns 8 : !p to !r
    tcp.commit %2 to %y : !r to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [p : 256], element [a : 2, c : 3, b : 8]>
!y = !tcp.dm<f32, slice [p : 256], element [c : 3, b : 8, a : 2]>
!p = !tcp.stream<f32, slice [p : 256], time [a : 2, c : 3], packet [b : 8]>
!r = !tcp.stream<f32, slice [p : 256], time [c : 3, b : 8], packet [a : 2 of 8]>

// Tests how long rows are.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !p
    %1 = tcp.collect %0 : !p to !p
    // expected-error @+1 {{takes rows of 24 elements, not of 8, 16 or 32, a multiple of 8 (computing-tensors/transpose-engine.md, Parameters)}}
    %2 = tcp.transpose %1 rows 2 columns 24 : !p to !r
    tcp.commit %2 to %y : !r to !y
  }
  return
}

// -----

!x = !tcp.dm<i8, slice [p : 256], element [c : 8, e : 32]>
!y = !tcp.dm<i8, slice [p : 256], element [e : 32, c : 8]>
!p = !tcp.stream<i8, slice [p : 256], time [c : 8], packet [e : 32]>
!r = !tcp.stream<i8, slice [p : 256], time [e : 32], packet [c : 8 of 32]>

// Tests that of a flit of i8 eight elements count.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !p
    %1 = tcp.collect %0 : !p to !p
    // expected-error @+1 {{takes 8 rows of 1 flits with 8 elements each that count, which its source does not have (computing-tensors/transpose-engine.md, Unpack)}}
    %2 = tcp.transpose %1 rows 8 columns 8 : !p to !r
    tcp.commit %2 to %y : !r to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [p : 256], element [a : 4, b : 8]>
!y = !tcp.dm<bf16, slice [p : 256], element [b : 8, a : 4]>
!p = !tcp.stream<bf16, slice [p : 256], time [a : 4], packet [b : 8]>
!q = !tcp.stream<bf16, slice [p : 256], time [a : 4], packet [b : 8 of 16]>
!r = !tcp.stream<bf16, slice [p : 256], time [b : 4], packet [a : 4 of 16]>

// Tests that nothing but padding is left out.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !p
    %1 = tcp.collect %0 : !p to !q
    // expected-error @+1 {{gives other time or packets than the columns of its rows (computing-tensors/transpose-engine.md, Transpose)}}
    %2 = tcp.transpose %1 rows 4 columns 8 : !q to !r
    tcp.commit %2 to %y : !r to !y
  }
  return
}
