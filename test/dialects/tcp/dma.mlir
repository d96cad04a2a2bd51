// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

!x = !tcp.hbm<f32, element [r : 256, c : 6]>
!y = !tcp.dm<f32, slice [r : 256], element [c : 6 of 8]>

// Tests a copy of rows to slices, padded there.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [r : 256, c : 5]>
!y = !tcp.dm<f32, slice [r : 256], element [c : 5 of 8]>

// Tests that runs are whole rows of banks.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{moves runs of 20 bytes, no multiple of 8 (moving-tensors/dma-engine.md)}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [r : 256, c : 2 of 3]>
!y = !tcp.dm<f32, slice [r : 256], element [c : 2]>

// Tests that packets lie whole rows of banks apart.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{moves packets 12 bytes apart, no multiple of 8 (moving-tensors/dma-engine.md)}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [c : 64]>
!y = !tcp.hbm<f32, element [c : 32]>
!z = !tcp.dm<f32, slice [_ : 1], element [c : 32]>

// Tests that addresses are whole rows of banks.
func.func @f(%x: !x, %z: !z) {
  %0 = tcp.view %x at 8 : !x to !y
  %1 = tcp.tdma engine 0 %0 to %z : !y to !z
  %2 = tcp.view %x at 4 : !x to !y
  // expected-error @+1 {{moves from or to byte 4, no multiple of 8 (moving-tensors/dma-engine.md)}}
  %3 = tcp.tdma engine 0 %2 to %z : !y to !z
  return
}

// -----

!x = !tcp.hbm<f32, element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2048]>
!y = !tcp.hbm<f32, element [g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2, h : 2048]>

// Tests that a long run is cut into packets of 4096 bytes, and so into more loops
// than digits.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, i : 2, h : 2048]>
!y = !tcp.hbm<f32, element [i : 2, g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2, h : 2048]>

// Tests that no more loops are needed than a sequencer has.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{needs 9 loops; a sequencer has 8 (moving-tensors/sequencer.md)}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [a : 65536, b : 2 of 4]>
!y = !tcp.hbm<f32, element [a : 65536, b : 2]>

// Tests a loop as long as a sequencer counts.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [a : 65537, b : 2 of 4]>
!y = !tcp.hbm<f32, element [a : 65537, b : 2]>

// Tests that a loop is no longer than a sequencer counts.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{needs a loop of 65537 steps; a sequencer counts to 65536 (moving-tensors/sequencer.md)}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [a : 64]>
!y = !tcp.hbm<i32, element [a : 64]>

// Tests that DMA leaves types alone.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{changes the type, which DMA does not (moving-tensors/dma-engine.md)}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<i4, element [a : 64]>
!y = !tcp.hbm<i4, element [a : 64]>

// Tests that DMA moves bytes.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{moves elements of less than a byte (moving-tensors/dma-engine.md)}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [a by 6 : 4, b : 5, a : 6]>
!y = !tcp.hbm<f32, element [a by 4 : 6, b : 5, a : 4]>

// Tests that digits of both sides fit each other.
func.func @f(%x: !x, %y: !y) {
  // expected-error @+1 {{wants digit 'a by 4 : 6', which its memory's digits divide unevenly}}
  %done = tcp.tdma engine 0 %x to %y : !x to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [key : 100, c : 8]>
!i = !tcp.hbm<i32, element [r : 16]>
!y = !tcp.dm<f32, slice [r : 16], element [c : 8]>

// Tests rows that an index names.
func.func @f(%x: !x, %i: !i, %y: !y) {
  %done = tcp.tdma_gather engine 7 %x at %i of "key" to %y : !x, !i to !y
  // expected-error @+1 {{names engine 8 of 8 (moving-tensors/dma-engine.md)}}
  %0 = tcp.tdma_gather engine 8 %x at %i of "key" to %y : !x, !i to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [key : 100, c : 8]>
!i = !tcp.hbm<i32, element [r : 16]>
!y = !tcp.dm<f32, slice [r : 16], element [c : 8]>

// Tests that rows are divided among as many engines as there are.
func.func @f(%x: !x, %i: !i, %y: !y) {
  %done = tcp.tdma_gather engine 7 commands 8 %x at %i of "key" to %y : !x, !i to !y
  // expected-error @+1 {{makes 9 commands for 8 engines (moving-tensors/dma-engine.md)}}
  %0 = tcp.tdma_gather engine 0 commands 9 %x at %i of "key" to %y : !x, !i to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [key : 100, c : 8]>
!i = !tcp.hbm<i64, element [r : 16]>
!y = !tcp.dm<f32, slice [r : 16], element [c : 8]>

// Tests the type of an index.
func.func @f(%x: !x, %i: !i, %y: !y) {
  // expected-error @+1 {{takes its index from i32 in HBM or data memory (moving-tensors/dma-engine.md)}}
  %0 = tcp.tdma_gather engine 0 %x at %i of "key" to %y : !x, !i to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [key : 100, c : 8]>
!i = !tcp.hbm<i32, element [r : 16]>
!y = !tcp.dm<f32, slice [r : 16], element [c : 8]>

// Tests that the source has the axis that an index counts.
func.func @f(%x: !x, %i: !i, %y: !y) {
  // expected-error @+1 {{has no axis 'row' in its source}}
  %0 = tcp.tdma_gather engine 0 %x at %i of "row" to %y : !x, !i to !y
  return
}

// -----

!x = !tcp.hbm<f32, element [c : 4]>

// Tests that constants fill their place, one number all of it.
func.func @f() {
  %0 = tcp.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : !x
  %1 = tcp.constant dense<0.0> : tensor<1xf32> : !x
  // expected-error @+1 {{holds 2 numbers for 4 positions}}
  %2 = tcp.constant dense<[1.0, 2.0]> : tensor<2xf32> : !x
  return
}

// -----

!x = !tcp.hbm<f32, element [c : 4]>

// Tests that constants have their place's type.
func.func @f() {
  // expected-error @+1 {{holds 'i32', not 'f32'}}
  %0 = tcp.constant dense<1> : tensor<4xi32> : !x
  return
}

// -----

!x = !tcp.hbm<f32, element [c : 4]>

// Tests that the workspace is given in units of HBM's accesses.
func.func @f() {
  %0 = tcp.alloc 256 : !x
  // expected-error @+1 {{needs an offset that is a multiple of 256 bytes (moving-tensors/memory-performance.md)}}
  %1 = tcp.alloc 128 : !x
  return
}

// -----

// Tests that the workspace is no larger than HBM.
func.func @f() {
  // expected-error @+1 {{of the chip's HBM, which has 51539607552 (moving-tensors/memory-performance.md)}}
  %1 = tcp.alloc 0 : !tcp.hbm<f32, element [c : 13000000000]>
  return
}

// -----

// Tests that views that go round in a circle are refused.
func.func @f() {
  // expected-error @+1 {{operand #0 does not dominate this use}}
  %0 = tcp.view %1 at 0 : !tcp.hbm<f32, element [c : 4]> to !tcp.hbm<f32, element [c : 4]>
  // expected-note @+1 {{operand defined here (op in the same block)}}
  %1 = tcp.view %0 at 0 : !tcp.hbm<f32, element [c : 4]> to !tcp.hbm<f32, element [c : 4]>
  %2 = tcp.tdma engine 0 %0 to %1 : !tcp.hbm<f32, element [c : 4]> to !tcp.hbm<f32, element [c : 4]>
  return
}

// -----

// Tests a scatter, whose rows are in another memory or in the same.
func.func @f(%t: !tcp.hbm<f32, element [row : 9, k : 64]>, %i: !tcp.hbm<i32, element [m : 4]>) {
  %x = tcp.alloc 0 : !tcp.dm<f32, slice [m : 4], element [k : 64]>
  %y = tcp.alloc 256 : !tcp.dm<f32, slice [m : 4], element [row : 9, k : 64]>
  %0 = tcp.tdma_scatter engine 4 %x to %t at %i of "row" : !tcp.dm<f32, slice [m : 4], element [k : 64]> to !tcp.hbm<f32, element [row : 9, k : 64]>, !tcp.hbm<i32, element [m : 4]>
  // expected-error @+1 {{has no axis 'n' in its target}}
  %1 = tcp.tdma_scatter engine 4 %x to %t at %i of "n" after %0 : !tcp.dm<f32, slice [m : 4], element [k : 64]> to !tcp.hbm<f32, element [row : 9, k : 64]>, !tcp.hbm<i32, element [m : 4]>
  return
}

// -----

// Tests that what is scattered goes to places of its own.
func.func @f(%t: !tcp.hbm<f32, element [row : 9, k : 64]>, %i: !tcp.hbm<i32, element [m : 4]>) {
  %x = tcp.alloc 0 : !tcp.dm<f32, slice [m : 4], element [h : 2, k : 64]>
  // expected-error @+1 {{writes 2 rows over each other: neither its target nor its index has an axis of the source (moving-tensors/dma-engine.md)}}
  %0 = tcp.tdma_scatter engine 4 %x to %t at %i of "row" : !tcp.dm<f32, slice [m : 4], element [h : 2, k : 64]> to !tcp.hbm<f32, element [row : 9, k : 64]>, !tcp.hbm<i32, element [m : 4]>
  return
}

// -----

// Tests the type of a scatter's index.
func.func @f(%t: !tcp.hbm<f32, element [row : 9, k : 64]>, %i: !tcp.hbm<i64, element [m : 4]>) {
  %x = tcp.alloc 0 : !tcp.dm<f32, slice [m : 4], element [k : 64]>
  // expected-error @+1 {{takes its index from i32 in HBM or data memory (moving-tensors/dma-engine.md)}}
  %0 = tcp.tdma_scatter engine 4 %x to %t at %i of "row" : !tcp.dm<f32, slice [m : 4], element [k : 64]> to !tcp.hbm<f32, element [row : 9, k : 64]>, !tcp.hbm<i64, element [m : 4]>
  return
}
