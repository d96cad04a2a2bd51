// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics
// RUN: dure-opt %s --split-input-file --mlir-print-op-generic --verify-diagnostics -o /dev/null

!x = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 32]>
!s = !tcp.stream<f32, slice [r : 8], time [c : 63], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 8]>

// Tests that 63 reads of one bank in a row are allowed.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 32]>
!s = !tcp.stream<f32, slice [r : 8], time [c : 64], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 8]>

// Tests that 64 reads of one bank in a row are not.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    // expected-error @+1 {{touches one bank of data memory 64 times and more without a break, which only an instruction with occupies_dma may (moving-tensors/memory-performance.md, Bank Starvation)}}
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 32]>
!s = !tcp.stream<f32, slice [r : 8], time [c : 64], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 8]>

// Tests that they are where no transfer runs beside them.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main attributes {occupies_dma} {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [c : 128], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 32]>

// Tests that writes count as reads do.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{touches one bank of data memory 64 times and more without a break, which only an instruction with occupies_dma may (moving-tensors/memory-performance.md, Bank Starvation)}}
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [c : 128], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 128, k : 32]>

// Tests that the sub context, 8 bytes at a time, takes one bank after the other.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [k : 16, n : 32]>
!a = !tcp.stream<f32, slice [r : 8], time [n : 8], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [n : 8, k : 8]>

// Tests that a packet of elements that lie apart is one read an element.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %y : !a to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [k : 64, n : 32]>
!a = !tcp.stream<f32, slice [r : 8], time [n : 8, k by 8 : 8], packet [k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [n : 8, k : 64]>

// Tests the same where the elements of a column are 64.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    // expected-error @+1 {{touches one bank of data memory 64 times and more without a break, which only an instruction with occupies_dma may (moving-tensors/memory-performance.md, Bank Starvation)}}
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %y : !a to !y
  }
  return
}
