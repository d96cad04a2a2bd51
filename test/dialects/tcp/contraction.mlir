// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests a product whose time is h, then the columns' eights.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that the stream is packed by one flit or two.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{packs 1 or 2 flits, not 4 (computing-tensors/contraction-engine/outer.md, Packing)}}
    %2 = tcp.contract_outer %1, %w pack 4 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that a packet has as much as was packed.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{gives packets of 32 elements, not of 1 flits (computing-tensors/contraction-engine/outer.md, Packing)}}
    %2 = tcp.contract_outer %1, %w pack 1 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [k by 32 : 2, h : 4, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [k by 32 : 2, h : 4, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that products are of the stream, digit by digit.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{gives packets of other digits than its flits have (computing-tensors/contraction-engine/outer.md, Packing)}}
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<bf16, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests what products add up in.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{gives 'bf16', not 'f32' (computing-tensors/contraction-engine/outer.md, Operand types)}}
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<i4, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<i4, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<i32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<i4, slice [m : 16], time [h : 4], packet [k : 64]>
!p = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [k : 64]>
!q = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!t = !q
!o = !tcp.stream<i32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that 4-bit integers are multiplied, 64 to a flit.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 1 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 6 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<i16, slice [m : 16], element [h : 4, k : 16]>
!w = !tcp.trf<i16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 16]>
!y = !tcp.dm<i32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<i16, slice [m : 16], time [h : 4], packet [k : 16]>
!p = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [k : 16]>
!q = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!t = !q
!o = !tcp.stream<i32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that 16-bit integers are not.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{multiplies 'i16' with 'i16', which the contraction engine does not (computing-tensors/contraction-engine/outer.md, Operand types)}}
    %2 = tcp.contract_outer %1, %w pack 1 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 4 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 4], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that lanes are the register file's.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{gives other lanes than the register file has (computing-tensors/contraction-engine/outer.md)}}
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests the depth of the adder tree.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    // expected-error @+1 {{adds 2^6 neighbours of 32 elements (computing-tensors/contraction-engine/packet-reducer.md)}}
    %3 = tcp.contract_packet %2 depth 6 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests what the adder tree leaves.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    // expected-error @+1 {{leaves something else than its packet's outer digits (computing-tensors/contraction-engine/packet-reducer.md)}}
    %3 = tcp.contract_packet %2 depth 4 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<i4, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<i4, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<i32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<i4, slice [m : 16], time [h : 4], packet [k : 64]>
!p = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [k : 64]>
!t = !p
!o = !tcp.stream<i32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests how much of a packet is kept.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 1 : !a, !w to !p
    // expected-error @+1 {{keeps more than 32 elements (computing-tensors/contraction-engine/packet-reducer.md)}}
    %3 = tcp.contract_packet %2 depth 0 : !p to !p
    %4 = tcp.contract_time %3 : !p to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [n by 8 : 2, h : 4], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [n by 8 : 2, h : 4], packet [n : 8]>

// Tests that sums keep the order of time.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    // expected-error @+1 {{keeps a digit of time that its source lacks, or in another order (computing-tensors/contraction-engine/time-reducer.md)}}
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4], packet [n : 16]>

// Tests that lanes become neighbours.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    // expected-error @+1 {{gives other packets than time, packet and lanes make, 8 elements each (computing-tensors/contraction-engine/lane-folder.md)}}
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 8, k by 8 : 8]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2], packet [k by 8 : 4]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2], packet [k by 8 : 4]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, k by 32 : 2, n : 8], packet [k by 8 : 4 of 8]>

// Tests that lanes follow each other: eight elements of each are kept.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 3 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane sequential %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 8, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [n : 64, _ : 8]>
!a = !tcp.stream<bf16, slice [m : 16], time [k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [k by 32 : 2, n by 8 : 8], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [k by 32 : 2, n by 8 : 8], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [n by 8 : 8], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [n by 8 : 8, n : 8], packet [_ : 1 of 8]>

// Tests the accumulators where lanes follow each other.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    // expected-error @+1 {{needs 8 accumulators of 4 (computing-tensors/contraction-engine/time-reducer.md)}}
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane sequential %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n by 8 : 2, k : 32, n : 8]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [k : 32]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2, k : 32], packet [n : 8]>

// Tests that no step of a contraction is left out.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    // expected-error @+1 {{breaks the contraction engine's steps: contract_outer, contract_packet, contract_time, contract_lane (computing-tensors/contraction-engine/index.md)}}
    %4 = tcp.contract_time %2 : !p to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2, k : 16]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [k : 16]>
!y = !tcp.dm<f32, slice [m : 16], element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2, n : 8]>
!a = !tcp.stream<bf16, slice [m : 16], time [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2], packet [k : 16]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2], packet [_ : 1]>
!t = !q
!o = !tcp.stream<f32, slice [m : 16], time [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2], packet [n : 8]>

// Tests the loops over the register file.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{needs 9 loops; a sequencer has 8 (moving-tensors/sequencer.md)}}
    %2 = tcp.contract_outer %1, %w pack 1 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 4 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [k : 64, n by 8 : 2]>
!y = !tcp.dm<f32, slice [m : 16], element [h : 4, n : 16]>
!a = !tcp.stream<bf16, slice [m : 16], time [h : 4, k by 16 : 4], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
!t = !tcp.stream<f32, slice [m : 16], lane [n : 8], time [h : 4, n by 8 : 2], packet [_ : 1]>
!o = !tcp.stream<f32, slice [m : 16], time [h : 4, n by 8 : 2], packet [n : 8]>

// Tests that what one packet meets lies side by side in a lane.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{reads elements of a packet that do not lie side by side in the register file (computing-tensors/contraction-engine/outer.md, TRF Sequencer)}}
    %2 = tcp.contract_outer %1, %w pack 2 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 5 : !p to !q
    %4 = tcp.contract_time %3 : !q to !t
    %5 = tcp.contract_lane %4 : !t to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<i4, slice [m : 16], element [h : 4, k : 64]>
!w = !tcp.trf<i8, slice [m : 16], lane [n : 8], element [k : 64]>
!y = !tcp.dm<i32, slice [m : 16], element [h : 4, n : 8]>
!a = !tcp.stream<i4, slice [m : 16], time [h : 4], packet [k : 64]>
!p = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4], packet [k : 64]>
!q = !tcp.stream<i32, slice [m : 16], lane [n : 8], time [h : 4], packet [_ : 1]>
!o = !tcp.stream<i32, slice [m : 16], time [h : 4], packet [n : 8]>

// Tests that integers of two widths are not multiplied.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{multiplies 'i4' with 'i8', which the contraction engine does not (computing-tensors/contraction-engine/outer.md, Operand types)}}
    %2 = tcp.contract_outer %1, %w pack 1 : !a, !w to !p
    %3 = tcp.contract_packet %2 depth 6 : !p to !q
    %4 = tcp.contract_time %3 : !q to !q
    %5 = tcp.contract_lane %4 : !q to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [m : 16], element [n : 8, k : 8]>
!w = !tcp.trf<f32, slice [m : 16], lane [n : 8], element [k : 8]>
!a = !tcp.stream<f32, slice [m : 16], time [n : 8], packet [k : 8]>

// Tests what the tensor register file holds.
func.func @f(%x: !x, %w: !w) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{fills the tensor register file with 'f32', which contractions do not take (computing-tensors/register-files.md)}}
    tcp.to_trf %1 to %w : !a to !w
  }
  return
}
