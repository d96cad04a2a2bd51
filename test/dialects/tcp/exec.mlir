// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

!x = !tcp.dm<f32, slice [m : 16], element [m by 16 : 4, k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [n by 8 : 2, k : 64]>
!y = !tcp.dm<f32, slice [m : 16], element [m by 16 : 4, n : 16]>

// Tests a product: a packet of two flits, sums over packet and time, eight lanes.
func.func @f(%x: !x, %w: !w, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !tcp.stream<f32, slice [m : 16], time [m by 16 : 4, k by 16 : 4], packet [k : 16]>
    %1 = tcp.fetch_cast %0 : !tcp.stream<f32, slice [m : 16], time [m by 16 : 4, k by 16 : 4], packet [k : 16]> to !tcp.stream<bf16, slice [m : 16], time [m by 16 : 4, k by 16 : 4], packet [k : 16]>
    %2 = tcp.collect %1 : !tcp.stream<bf16, slice [m : 16], time [m by 16 : 4, k by 16 : 4], packet [k : 16]> to !tcp.stream<bf16, slice [m : 16], time [m by 16 : 4, k by 16 : 4], packet [k : 16]>
    %3 = tcp.contract_outer %2, %w pack 2 : !tcp.stream<bf16, slice [m : 16], time [m by 16 : 4, k by 16 : 4], packet [k : 16]>, !w to !tcp.stream<f32, slice [m : 16], lane [n : 8], time [m by 16 : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]>
    %4 = tcp.contract_packet %3 depth 5 : !tcp.stream<f32, slice [m : 16], lane [n : 8], time [m by 16 : 4, k by 32 : 2, n by 8 : 2], packet [k : 32]> to !tcp.stream<f32, slice [m : 16], lane [n : 8], time [m by 16 : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]>
    %5 = tcp.contract_time %4 : !tcp.stream<f32, slice [m : 16], lane [n : 8], time [m by 16 : 4, k by 32 : 2, n by 8 : 2], packet [_ : 1]> to !tcp.stream<f32, slice [m : 16], lane [n : 8], time [m by 16 : 4, n by 8 : 2], packet [_ : 1]>
    %6 = tcp.contract_lane %5 : !tcp.stream<f32, slice [m : 16], lane [n : 8], time [m by 16 : 4, n by 8 : 2], packet [_ : 1]> to !tcp.stream<f32, slice [m : 16], time [m by 16 : 4, n by 8 : 2], packet [n : 8]>
    tcp.commit %6 to %y : !tcp.stream<f32, slice [m : 16], time [m by 16 : 4, n by 8 : 2], packet [n : 8]> to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests an elementwise pass, and that it has one beginning and one end.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector max %1 imm(0.0 : f32) : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  // expected-error @+1 {{needs one fetch and one end (commit, to_trf, to_vrf), not 1 and 0}}
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 63]>

// Tests that packets are whole banks.
func.func @f(%x: !x) {
  tcp.exec main {
    // expected-error @+1 {{needs packets of a multiple of 8 bytes, not of 96 bits (moving-tensors/fetch-engine.md)}}
    %0 = tcp.fetch %x : !x to !tcp.stream<f32, slice [r : 8], time [c by 3 : 21], packet [c : 3]>
    tcp.commit %0 to %x : !tcp.stream<f32, slice [r : 8], time [c by 3 : 21], packet [c : 3]> to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests conversions on the way in.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{cannot make 'i32' of 'f32' (computing-tensors/fetch-adapter.md, Type Casting)}}
    %1 = tcp.fetch_cast %0 : !s to !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 4 : 16], packet [c : 4]>

// Tests that a flit has 32 bytes.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{makes packets of 128 bits; a flit has 256 (computing-tensors/collect-engine.md)}}
    %1 = tcp.collect %0 : !s to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests the width that steps of the vector engine take.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{takes packets of 4 elements, not of 8 (computing-tensors/vector-engine/intra-slice-chain.md, Pipeline)}}
    %1 = tcp.vector exp %0 : !s to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [r : 8], element [c : 64]>
!s = !tcp.stream<bf16, slice [r : 8], time [c by 16 : 4], packet [c : 16]>

// Tests the types of the vector engine.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{works on 'bf16'; the vector engine takes i32 and f32 (computing-tensors/vector-engine/index.md)}}
    %1 = tcp.vector max %0 imm(0.0 : f32) : !s to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a step of two arguments has another operand.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{needs one other operand}}
    %1 = tcp.vector max %0 : !s to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 16, c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 4 : 16, a : 16], packet [c : 4]>

// Tests the accumulators of the reduction within a slice.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{needs 16 accumulators of 8 (computing-tensors/vector-engine/intra-slice-reduce.md)}}
    %1 = tcp.vector_reduce add %0 over "c" : !s to !tcp.stream<f32, slice [r : 8], time [a : 16], packet [x : 1 of 4]>
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests what the cast engine narrows to.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{cannot make 'i8' of 'f32' (computing-tensors/cast-engine.md, Supported Casts)}}
    %1 = tcp.cast %0 : !s to !tcp.stream<i8, slice [r : 8], time [c by 8 : 8], packet [c : 8 of 32]>
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 3 of 8]>

// Tests how much of a flit is written.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{writes 96 bits of a flit, not 8, 16, 24 or 32 bytes (computing-tensors/commit-adapter.md, Trimming)}}
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [k : 64]>
!s = !tcp.stream<bf16, slice [m : 16], time [k by 16 : 4], packet [k : 16]>

// Tests that the sub context has no contraction engine.
func.func @f(%x: !x, %w: !w) {
  tcp.exec sub {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{contracts in the sub context, which has no contraction engine (computing-tensors/index.md)}}
    %1 = tcp.contract_outer %0, %w pack 1 : !s, !w to !tcp.stream<f32, slice [m : 16], lane [n : 8], time [k by 16 : 4], packet [k : 16]>
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [m : 16], element [k : 64]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 8], element [k : 64]>
!s = !tcp.stream<f32, slice [m : 16], time [k by 8 : 8], packet [k : 8]>

// Tests the types of products.
func.func @f(%x: !x, %w: !w) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{multiplies 'f32' with 'bf16', which the contraction engine does not (computing-tensors/contraction-engine/outer.md, Operand types)}}
    %1 = tcp.contract_outer %0, %w pack 1 : !s, !w to !tcp.stream<f32, slice [m : 16], lane [n : 8], time [k by 8 : 8], packet [k : 8]>
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [m : 16], element [k : 32]>
!w = !tcp.trf<bf16, slice [m : 16], lane [n : 4], element [n by 4 : 256, k : 32]>
!s = !tcp.stream<bf16, slice [m : 16], time [k by 16 : 2], packet [k : 16]>
!p = !tcp.stream<f32, slice [m : 16], lane [n : 4], time [k by 16 : 2, n by 4 : 256], packet [k : 16]>
!q = !tcp.stream<f32, slice [m : 16], lane [n : 4], time [k by 16 : 2, n by 4 : 256], packet [_ : 1]>

// Tests the accumulators of sums over time.
func.func @f(%x: !x, %w: !w) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.contract_outer %0, %w pack 1 : !s, !w to !p
    %2 = tcp.contract_packet %1 depth 4 : !p to !q
    // expected-error @+1 {{needs 256 accumulators of 128 (computing-tensors/contraction-engine/time-reducer.md)}}
    %3 = tcp.contract_time %2 : !q to !tcp.stream<f32, slice [m : 16], lane [n : 4], time [n by 4 : 256], packet [_ : 1]>
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a step is for a group that a pair has.
func.func @f(%x: !x) {
  tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{is for neither group of a pair (computing-tensors/vector-engine/intra-slice-chain.md)}}
    %1 = tcp.vector max %0 imm(0.0 : f32) groups 4 : !s to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}
