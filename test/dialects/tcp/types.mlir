// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that a tensor may take both clusters and all their slices.
func.func @f(%x: !tcp.dm<f32, cluster [r by 256 : 2], slice [r : 256], element [c : 8]>) {
  return
}

// -----

// Tests the number of clusters.
// expected-error @+1 {{takes 3 clusters; the chip has 2 (quick-start/kernel-design.md)}}
func.func @f(%x: !tcp.dm<f32, cluster [r by 256 : 3], slice [r : 256], element [c : 8]>) {
  return
}

// -----

// Tests the number of slices, padding included.
// expected-error @+1 {{takes 512 slices of a cluster, which has 256 (quick-start/kernel-design.md)}}
func.func @f(%x: !tcp.vrf<f32, slice [r : 200 of 512], element [c : 8]>) {
  return
}

// -----

// Tests the number of slices of a stream.
// expected-error @+1 {{takes 257 slices of a cluster, which has 256 (quick-start/kernel-design.md)}}
func.func @f(%x: !tcp.stream<f32, slice [r : 257], packet [c : 8]>) {
  return
}

// -----

// Tests the number of lanes of a stream.
// expected-error @+1 {{needs 1, 2, 4 or 8 lanes, not 16 (computing-tensors/contraction-engine/outer.md)}}
func.func @f(%x: !tcp.stream<f32, slice [r : 8], lane [n : 16], packet [c : 8]>) {
  return
}

// -----

// Tests that elements have a width.
// expected-error @+1 {{elements are integers or floats of 1 to 64 bits, not 'index'}}
func.func @f(%x: !tcp.hbm<index, element [c : 8]>) {
  return
}

// -----

// Tests that an element is no wider than a register of the host.
// expected-error @+1 {{elements are integers or floats of 1 to 64 bits, not 'i4096'}}
func.func @f(%x: !tcp.dm<i4096, element [c : 8]>) {
  return
}

// -----

// Tests that steps through time and packets can be counted.
// expected-error @+1 {{time and packets have at most 2^40 positions together}}
func.func @f(%x: !tcp.stream<f32, time [t : 1099511627776], packet [c : 8]>) {
  return
}
