// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics
// RUN: dure-opt %s --split-input-file --mlir-print-op-generic --verify-diagnostics -o /dev/null

// Tests that places fill what a slice and a lane have.
func.func @f() {
  %0 = tcp.alloc 0 : !tcp.dm<f32, slice [r : 256], element [c : 131072]>
  %1 = tcp.alloc 0 : !tcp.trf<bf16, slice [r : 256], lane [n : 8], element [k : 4096]>
  %2 = tcp.alloc 0 : !tcp.trf<bf16, slice [r : 256], element [k : 32768]>
  %3 = tcp.alloc 4096 : !tcp.vrf<f32, slice [r : 256], element [c : 1024]>
  %4 = tcp.view %0 at 64 : !tcp.dm<f32, slice [r : 256], element [c : 131072]> to !tcp.dm<f32, slice [r : 256], element [r : 2, c : 16 of 65536]>
  return
}

// -----

// Tests the data memory of a slice.
func.func @f() {
  // expected-error @+1 {{needs 524292 bytes of a slice's data memory, which has 524288 (moving-tensors/memory-performance.md)}}
  %0 = tcp.alloc 0 : !tcp.dm<f32, slice [r : 256], element [c : 131073]>
  return
}

// -----

// Tests the lanes of the tensor register file.
func.func @f() {
  // expected-error @+1 {{needs 1, 2, 4 or 8 lanes, not 3 (computing-tensors/contraction-engine/outer.md)}}
  %0 = tcp.alloc 0 : !tcp.trf<bf16, slice [r : 256], lane [n : 3], element [k : 32]>
  return
}

// -----

// Tests a lane's share of the tensor register file.
func.func @f() {
  // expected-error @+1 {{needs 8224 bytes of a lane of the tensor register file, which has 8192 (computing-tensors/register-files.md)}}
  %0 = tcp.alloc 0 : !tcp.trf<bf16, slice [r : 256], lane [n : 8], element [k : 4112]>
  return
}

// -----

// Tests the vector register file.
func.func @f() {
  // expected-error @+1 {{needs 8224 bytes of the vector register file, which has 8192 (computing-tensors/register-files.md)}}
  %0 = tcp.alloc 4096 : !tcp.vrf<f32, slice [r : 256], element [c : 1032]>
  return
}

// -----

// Tests that addresses are whole banks.
func.func @f() {
  // expected-error @+1 {{needs an offset that is a multiple of 8 bytes (moving-tensors/memory-performance.md)}}
  %0 = tcp.alloc 4 : !tcp.dm<f32, slice [r : 256], element [c : 8]>
  return
}

// -----

// Tests that register files are filled by whole flits.
func.func @f() {
  %0 = tcp.alloc 32 : !tcp.vrf<f32, slice [r : 256], element [c : 8]>
  // expected-error @+1 {{needs an offset that is a multiple of 32 bytes (computing-tensors/register-files.md)}}
  %1 = tcp.alloc 48 : !tcp.trf<bf16, slice [r : 256], lane [n : 8], element [k : 16]>
  return
}

// -----

// Tests that places in HBM are whole accesses.
func.func @f() {
  %0 = tcp.alloc 256 : !tcp.hbm<f32, element [c : 8]>
  // expected-error @+1 {{needs an offset that is a multiple of 256 bytes (moving-tensors/memory-performance.md)}}
  %1 = tcp.alloc 128 : !tcp.hbm<f32, element [c : 8]>
  return
}

// -----

// Tests that a view stays inside.
func.func @f(%x: !tcp.hbm<f32, element [c : 64]>) {
  // expected-error @+1 {{reaches beyond its source: 128 bytes at 136 of 256}}
  %0 = tcp.view %x at 136 : !tcp.hbm<f32, element [c : 64]> to !tcp.hbm<f32, element [c : 32]>
  return
}

// -----

// Tests that a view in data memory may begin at a later slice, within its source.
func.func @f(%x: !tcp.dm<f32, slice [r : 64], element [c : 8]>) {
  %0 = tcp.view %x at 0 slice 32 : !tcp.dm<f32, slice [r : 64], element [c : 8]> to !tcp.dm<f32, slice [r : 32], element [c : 8]>
  // expected-error @+1 {{reaches beyond the slices of its source}}
  %1 = tcp.view %x at 0 slice 40 : !tcp.dm<f32, slice [r : 64], element [c : 8]> to !tcp.dm<f32, slice [r : 32], element [c : 8]>
  return
}

// -----

// Tests that HBM has no slices.
func.func @f(%x: !tcp.hbm<f32, element [c : 64]>) {
  // expected-error @+1 {{names a slice, of which data memory alone is made}}
  %0 = tcp.view %x at 0 slice 1 : !tcp.hbm<f32, element [c : 64]> to !tcp.hbm<f32, element [c : 64]>
  return
}

// -----

// Tests that DMA does not reach register files.
func.func @f(%x: !tcp.hbm<f32, element [c : 64]>) {
  %0 = tcp.alloc 0 : !tcp.vrf<f32, element [c : 64]>
  // expected-error @+1 {{moves between HBM and data memory only (moving-tensors/dma-engine.md)}}
  %1 = tcp.tdma engine 0 %x to %0 : !tcp.hbm<f32, element [c : 64]> to !tcp.vrf<f32, element [c : 64]>
  return
}

// -----

// Tests the number of DMA engines.
func.func @f(%x: !tcp.hbm<f32, element [c : 64]>) {
  %0 = tcp.alloc 0 : !tcp.dm<f32, element [c : 64]>
  // expected-error @+1 {{names engine 8 of 8 (moving-tensors/dma-engine.md)}}
  %1 = tcp.tdma engine 8 %x to %0 : !tcp.hbm<f32, element [c : 64]> to !tcp.dm<f32, element [c : 64]>
  return
}

// -----

// Tests how many engines share a transfer.
func.func @f(%x: !tcp.hbm<f32, element [c : 64]>) {
  %0 = tcp.alloc 0 : !tcp.dm<f32, slice [c by 8 : 8], element [c : 8]>
  %1 = tcp.tdma engine 0 commands 8 %x to %0 : !tcp.hbm<f32, element [c : 64]> to !tcp.dm<f32, slice [c by 8 : 8], element [c : 8]>
  // expected-error @+1 {{makes 9 commands for 8 engines (moving-tensors/dma-engine.md)}}
  %2 = tcp.tdma engine 0 commands 9 %x to %0 : !tcp.hbm<f32, element [c : 64]> to !tcp.dm<f32, slice [c by 8 : 8], element [c : 8]>
  return
}

// -----

// Tests that digits make sense.
// expected-error @+1 {{a digit has a stride and a size above 0, an extent of at least its size, and a map at most 2^40 positions}}
func.func @f(%x: !tcp.hbm<f32, element [c : 64 of 32]>) {
  return
}
