// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics
// RUN: dure-opt %s --split-input-file --verify-diagnostics | dure-opt --split-input-file -o %t.mlir
// RUN: dure-opt %t.mlir --split-input-file | diff %t.mlir -

!x = !tcp.dm<f4E2M1FN, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f4E2M1FN, slice [r : 8], time [c by 16 : 4], packet [c : 16]>
!b = !tcp.stream<f8E4M3FN, slice [r : 8], time [c by 16 : 4], packet [c : 16]>
!c = !tcp.stream<f32, slice [r : 8], time [c by 16 : 4], packet [c : 16]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 64]>

// Tests the stages of the adapter: a table, then a cast.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.fetch_lookup %0 : !a to !b
    %2 = tcp.fetch_cast %1 : !b to !c
    %3 = tcp.collect %2 : !c to !s
    tcp.commit %3 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f8E4M3FN, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f8E4M3FN, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 64]>

// Tests which tables there are.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{has no table from 'f8E4M3FN' to 'f32' (computing-tensors/fetch-adapter.md, Table Lookup)}}
    %1 = tcp.fetch_lookup %0 : !a to !s
    %2 = tcp.collect %1 : !s to !s
    tcp.commit %2 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f4E2M1FN, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f4E2M1FN, slice [r : 8], packet [c : 64]>

// Tests that what only memory holds is decoded.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{takes f4E2M1FN, which fetch_lookup decodes first (computing-tensors/fetch-adapter.md, Table Lookup)}}
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %x : !a to !x
  }
  return
}

// -----

!x = !tcp.dm<f8E4M3FN, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f8E4M3FN, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!b = !tcp.stream<bf16, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!c = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 64]>

// Tests that a table comes before a cast.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.fetch_cast %0 : !a to !c
    // expected-error @+1 {{has no table from 'f32' to 'bf16' (computing-tensors/fetch-adapter.md, Table Lookup)}}
    %2 = tcp.fetch_lookup %1 : !c to !b
    %3 = tcp.collect %2 : !b to !b
    tcp.commit %3 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<i8, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<i8, slice [m : 16], lane [n : 8], element [k : 64]>
!y = !tcp.dm<i32, slice [m : 16], element [h : 4, n : 8]>
!a = !tcp.stream<i8, slice [m : 16], time [h : 4, k by 32 : 2], packet [k : 32]>
!z = !tcp.stream<i9, slice [m : 16], time [h : 4, k by 32 : 2], packet [k : 32]>
!p = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4], packet [k : 64]>
!q = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4], packet [_ : 1]>
!o = !tcp.stream<i32, slice [m : 16], time [h : 4], packet [n : 8]>

// Tests a zero point of what is multiplied.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.fetch_zero_point %0 less 127 : !a to !z
    %2 = tcp.collect %1 : !z to !z
    %3 = tcp.contract_outer %2, %w pack 2 : !z, !w to !p
    %4 = tcp.contract_packet %3 depth 6 : !p to !q
    %5 = tcp.contract_time %4 : !q to !q
    %6 = tcp.contract_lane %5 : !q to !o
    tcp.commit %6 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<i8, slice [m : 16], element [k : 64]>
!a = !tcp.stream<i8, slice [m : 16], time [k by 32 : 2], packet [k : 32]>
!z = !tcp.stream<i9, slice [m : 16], time [k by 32 : 2], packet [k : 32]>
!y = !tcp.dm<i9, slice [m : 16], element [k : 64]>

// Tests the numbers that a zero point may be.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{has the zero point 128, which is no value of 'i8' (computing-tensors/fetch-adapter.md, Zero-Point Subtraction)}}
    %1 = tcp.fetch_zero_point %0 less 128 : !a to !z
    %2 = tcp.collect %1 : !z to !z
    tcp.commit %2 to %y : !z to !y
  }
  return
}

// -----

!x = !tcp.dm<i4, slice [m : 16], element [k : 64]>
!a = !tcp.stream<i4, slice [m : 16], packet [k : 64]>
!z = !tcp.stream<i9, slice [m : 16], packet [k : 64]>
!y = !tcp.dm<i9, slice [m : 16], element [k : 64]>

// Tests what a zero point makes.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{takes a zero point from 'i4' and gives 'i9'; i4 becomes i5, i8 becomes i9 (computing-tensors/fetch-adapter.md, Zero-Point Subtraction)}}
    %1 = tcp.fetch_zero_point %0 less 0 : !a to !z
    %2 = tcp.collect %1 : !z to !z
    tcp.commit %2 to %y : !z to !y
  }
  return
}

// -----

!x = !tcp.dm<i8, slice [m : 16], element [n : 8, k : 32]>
!w = !tcp.trf<i9, slice [m : 16], lane [n : 8], element [k : 32]>
!a = !tcp.stream<i8, slice [m : 16], time [n : 8], packet [k : 32]>
!z = !tcp.stream<i9, slice [m : 16], time [n : 8], packet [k : 32]>

// Tests that a difference goes to contractions only.
func.func @f(%x: !x, %w: !w) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.fetch_zero_point %0 less 3 : !a to !z
    %2 = tcp.collect %1 : !z to !z
    // expected-error @+1 {{takes what a zero point was taken from, which goes to contractions only (computing-tensors/fetch-adapter.md, Contraction-Only Staging)}}
    tcp.to_trf %2 to %w : !z to !w
  }
  return
}
