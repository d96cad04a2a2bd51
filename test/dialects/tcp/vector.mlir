// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

!i = !tcp.dm<i32, slice [r : 8], element [c : 64]>
!q = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!k = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests all stages of the engine, in their order, each unit once.
func.func @f(%i: !i) {
  %done = tcp.exec main {
    %0 = tcp.fetch %i : !i to !q
    %1 = tcp.collect %0 : !q to !q
    %2 = tcp.vector and %1 imm(255 : i32) : !q to !q
    %3 = tcp.vector or %2 imm(1 : i32) : !q to !q
    %4 = tcp.vector add_fxp %3 imm(2 : i32) : !q to !q
    %5 = tcp.vector mul_int %4 imm(3 : i32) : !q to !q
    %6 = tcp.vector i32_to_f32 %5 : !q to !s
    %7 = tcp.vector narrow_split %6 : !s to !n
    %8 = tcp.vector mul0 %7 imm(2.0 : f32) : !n to !n
    %9 = tcp.vector exp %8 : !n to !n
    %10 = tcp.vector add_f %9 imm(1.0 : f32) : !n to !n
    %11 = tcp.vector mul1 %10 as stream_stream : !n to !n
    %12 = tcp.vector sqrt %11 : !n to !n
    %13 = tcp.vector div %12 imm(1.0 : f32) as operand_stream : !n to !n
    %14 = tcp.vector widen_concat %13 : !n to !s
    %15 = tcp.vector f32_to_i32 %14 : !s to !q
    %16 = tcp.vector max %15 imm(0 : i32) : !q to !q
    %17 = tcp.vector min %16 imm(9 : i32) : !q to !q
    tcp.commit %17 to %i : !q to !i
  }
  return
}

// -----

!i = !tcp.dm<i32, slice [r : 8], element [c : 64]>
!q = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a later stage is not followed by an earlier one.
func.func @f(%i: !i) {
  %done = tcp.exec main {
    %0 = tcp.fetch %i : !i to !q
    %1 = tcp.collect %0 : !q to !q
    %2 = tcp.vector add_fxp %1 imm(1 : i32) : !q to !q
    // expected-error @+1 {{stands behind a later step of the vector engine (computing-tensors/vector-engine/intra-slice-chain.md, Pipeline)}}
    %3 = tcp.vector and %2 imm(1 : i32) : !q to !q
    tcp.commit %3 to %i : !q to !i
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that a unit is used once: sqrt and tanh are of one.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.vector sqrt %2 : !n to !n
    // expected-error @+1 {{uses FpFpu for a second time in one instruction (computing-tensors/vector-engine/intra-slice-chain.md, Stages)}}
    %4 = tcp.vector tanh %3 : !n to !n
    %w = tcp.vector widen_concat %4 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!i = !tcp.dm<i32, slice [r : 8], element [c : 64]>
!q = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a unit is used once: a sum and a difference are of one.
func.func @f(%i: !i) {
  %done = tcp.exec main {
    %0 = tcp.fetch %i : !i to !q
    %1 = tcp.collect %0 : !q to !q
    %2 = tcp.vector add_fxp %1 imm(1 : i32) : !q to !q
    // expected-error @+1 {{uses FxpAdd for a second time in one instruction (computing-tensors/vector-engine/intra-slice-chain.md, Stages)}}
    %3 = tcp.vector sub_fxp_sat %2 imm(1 : i32) : !q to !q
    tcp.commit %3 to %i : !q to !i
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!q = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that bits are read otherwise between any two steps.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector reinterpret %1 : !s to !q
    %3 = tcp.vector and %2 imm(2147483647 : i32) : !q to !q
    %4 = tcp.vector reinterpret %3 : !q to !s
    %5 = tcp.vector max %4 imm(1.0 : f32) : !s to !s
    tcp.commit %5 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that integer steps take integers.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{is an integer step of a float stream (computing-tensors/vector-engine/intra-slice-chain.md)}}
    %2 = tcp.vector add_fxp %1 imm(1.0 : f32) : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!i = !tcp.dm<i32, slice [r : 8], element [c : 64]>
!q = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that float steps take floats.
func.func @f(%i: !i) {
  %done = tcp.exec main {
    %0 = tcp.fetch %i : !i to !q
    %1 = tcp.collect %0 : !q to !q
    %2 = tcp.vector narrow_split %1 : !q to !n
    // expected-error @+1 {{is a float step of an integer stream (computing-tensors/vector-engine/intra-slice-chain.md)}}
    %3 = tcp.vector exp %2 : !n to !n
    %4 = tcp.vector widen_concat %3 : !n to !q
    tcp.commit %4 to %i : !q to !i
  }
  return
}

// -----

!i = !tcp.dm<i32, slice [r : 8], element [c : 64]>
!q = !tcp.stream<i32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests what conversions give.
func.func @f(%i: !i) {
  %done = tcp.exec main {
    %0 = tcp.fetch %i : !i to !q
    %1 = tcp.collect %0 : !q to !q
    // expected-error @+1 {{gives 'i32' of 'i32' (computing-tensors/vector-engine/intra-slice-chain.md)}}
    %2 = tcp.vector i32_to_f32 %1 : !q to !q
    tcp.commit %2 to %i : !q to !i
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests the type of immediates.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{needs an immediate of 'f32', as its stream (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %2 = tcp.vector max %1 imm(1 : i32) : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that immediates are numbers.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{needs an immediate of 'f32', as its stream (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %2 = tcp.vector max %1 imm("one") : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that a step of one argument has no other.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{needs no other operand (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %3 = tcp.vector exp %2 imm(1.0 : f32) : !n to !n
    %w = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 4]>

// Tests that splitting gives twice the packets.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{gives other packets than narrow_split makes (computing-tensors/vector-engine/intra-slice-chain.md, Stages)}}
    %2 = tcp.vector narrow_split %1 : !s to !n
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 16]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4], packet [c : 4 of 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4], packet [c : 4]>
!a = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4], packet [c : 4]>

// Tests that trimming keeps the packets' number.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !s
    %2 = tcp.vector narrow_trim %1 : !s to !n
    %3 = tcp.vector tanh %2 : !n to !n
    %4 = tcp.vector widen_pad %3 : !n to !s
    tcp.commit %4 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 64]>

// Tests that a stream leaves the engine as flits.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{leaves the vector engine without being widened (computing-tensors/vector-engine/intra-slice-chain.md, Pipeline)}}
    %2 = tcp.vector narrow_split %1 : !s to !n
    tcp.commit %2 to %x : !n to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that what was stashed is read once.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.stash %2 : !n to !n
    %4 = tcp.vector sigmoid %3 : !n to !n
    %5 = tcp.vector mul0 %4 stash : !n to !n
    %w = tcp.vector widen_concat %5 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that the stash is not read twice.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.stash %2 : !n to !n
    %4 = tcp.vector mul0 %3 stash : !n to !n
    // expected-error @+1 {{reads the stash for a second time (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %5 = tcp.vector mul1 %4 stash : !n to !n
    %w = tcp.vector widen_concat %5 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that the stash is filled before it is read.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{reads a stash that nothing filled (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %3 = tcp.vector mul0 %2 stash : !n to !n
    %w = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that the stash is filled once.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.stash %2 : !n to !n
    // expected-error @+1 {{fills the stash for a second time, or with a pair (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %4 = tcp.stash %3 : !n to !n
    %w = tcp.vector widen_concat %4 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that the stash is read in the shape in which it was filled.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.stash %1 : !s to !s
    %3 = tcp.vector narrow_split %2 : !s to !n
    // expected-error @+1 {{reads a stash of another shape or type (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %4 = tcp.vector mul0 %3 stash : !n to !n
    %w = tcp.vector widen_concat %4 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that widening has no port to the stash.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.vector widen_concat %2 : !n to !s
    // expected-error @+1 {{keeps what a step without a write port gives (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %4 = tcp.stash %3 : !s to !s
    %5 = tcp.vector max %4 stash : !s to !s
    tcp.commit %5 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!y = !tcp.dm<f32, slice [r : 8], element [c by 8 : 8, pair : 2, c : 8]>
!p = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, pair : 2], packet [c : 8]>

// Tests that a pair is not stashed.
func.func @f(%x: !x, %y: !x, %z: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch_pair %x, %y by "pair" : !x to !p
    %1 = tcp.collect %0 : !p to !p
    // expected-error @+1 {{fills the stash for a second time, or with a pair (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %2 = tcp.stash %1 : !p to !p
    tcp.commit %2 to %z : !p to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!y = !tcp.dm<f32, slice [r : 8], element [c by 8 : 8, pair : 2, c : 8]>
!p = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, pair : 2], packet [c : 8]>

// Tests that a pair is joined before it leaves.
func.func @f(%x: !x, %y: !x, %z: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch_pair %x, %y by "pair" : !x to !p
    %1 = tcp.collect %0 : !p to !p
    // expected-error @+1 {{leaves a pair that is not joined (computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)}}
    %2 = tcp.vector max %1 imm(0.0 : f32) : !p to !p
    tcp.commit %2 to %z : !p to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 16]>
!a = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4, pair : 2], packet [c : 4]>
!p = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4, pair : 2], packet [c : 4 of 8]>
!o = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4], packet [c : 4]>
!w = !tcp.stream<f32, slice [r : 8], time [c by 4 : 4], packet [c : 4 of 8]>

// Tests that a pair is not trimmed.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch_pair %x, %y by "pair" : !x to !a
    %1 = tcp.collect %0 : !a to !p
    // expected-error @+1 {{works on a pair, which is split and joined (computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)}}
    %2 = tcp.vector narrow_trim %1 : !p to !a
    %3 = tcp.vector add_f %2 zip : !a to !o
    %4 = tcp.vector widen_pad %3 : !o to !w
    tcp.commit %4 to %x : !w to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that one tensor is no pair.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{joins what is no pair, or leaves its digit in time (computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)}}
    %3 = tcp.vector add_f %2 zip : !n to !n
    %w = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %w to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 4, c : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [a : 4], packet [c : 8]>
!u = !tcp.vrf<f32, slice [r : 8], element [a : 4, _ : 8]>
!v = !tcp.vrf<f32, slice [r : 8], element [c : 8]>

// Tests an operand in the register file, one for each row and one for each column.
func.func @f(%x: !x, %u: !u, %v: !v) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector clip_add %1, %u : !u : !s to !s
    %3 = tcp.vector max %2, %v : !v : !s to !s
    tcp.commit %3 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!v = !tcp.vrf<i32, slice [r : 8], element [c : 64]>

// Tests the type of operands.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{reads 'i32' for a stream of 'f32' (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %2 = tcp.vector max %1, %v : !v : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!v = !tcp.vrf<f32, slice [r : 4], element [c : 64]>

// Tests that an operand lies in the stream's slices.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{moves data between slices, which the switch does (computing-tensors/switch-engine.md)}}
    %2 = tcp.vector max %1, %v : !v : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2, k : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2], packet [k : 8]>
!v = !tcp.vrf<f32, slice [r : 8], element [i : 2, h : 2, g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2, _ : 1]>

// Tests the loops over an operand.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{needs 9 loops; a sequencer has 8 (moving-tensors/sequencer.md)}}
    %2 = tcp.vector max %1, %v : !v : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!r = !tcp.stream<f32, slice [r : 8], packet [_ : 1 of 4]>
!o = !tcp.stream<f32, slice [r : 8], packet [x : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [x : 8]>

// Tests a reduction, then the divider, then flits again.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.vector_reduce add %2 over "c" : !n to !r
    %4 = tcp.vector div %3 imm(64.0 : f32) : !r to !r
    %5 = tcp.vector widen_pad %4 : !r to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!r = !tcp.stream<f32, slice [r : 8], packet [_ : 1 of 4]>
!o = !tcp.stream<f32, slice [r : 8], packet [x : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [x : 8]>

// Tests that a reduction is followed by later stages only.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.vector_reduce add %2 over "c" : !n to !r
    // expected-error @+1 {{stands behind a later step of the vector engine (computing-tensors/vector-engine/intra-slice-chain.md, Pipeline)}}
    %4 = tcp.vector exp %3 : !r to !r
    %5 = tcp.vector widen_pad %4 : !r to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!r = !tcp.stream<f32, slice [r : 8], packet [_ : 1 of 4]>
!o = !tcp.stream<f32, slice [r : 8], packet [x : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [x : 8]>

// Tests that sums of floats do not saturate.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{does not reduce 'f32' by add_sat (computing-tensors/vector-engine/intra-slice-reduce.md)}}
    %3 = tcp.vector_reduce add_sat %2 over "c" : !n to !r
    %5 = tcp.vector widen_pad %3 : !r to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!o = !tcp.stream<f32, slice [r : 8], packet [x : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [x : 8]>

// Tests what a reduction leaves.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{gives other time or packets than reducing 'c' leaves (computing-tensors/vector-engine/intra-slice-reduce.md)}}
    %3 = tcp.vector_reduce add %2 over "c" : !n to !n
    %5 = tcp.vector widen_pad %3 : !n to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [b : 4, c : 2]>
!s = !tcp.stream<f32, slice [r : 8], packet [b : 4, c : 2]>
!n = !tcp.stream<f32, slice [r : 8], time [b by 2 : 2], packet [b : 2, c : 2]>
!r = !tcp.stream<f32, slice [r : 8], packet [_ : 1 of 4]>
!o = !tcp.stream<f32, slice [r : 8], packet [x : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [x : 8]>

// Tests that a packet is reduced whole or not at all.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{reduces a part of its packets (computing-tensors/vector-engine/intra-slice-reduce.md)}}
    %3 = tcp.vector_reduce add %2 over "c" : !n to !n
    %5 = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %5 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!r = !tcp.stream<f32, slice [r : 8], packet [_ : 1 of 4]>
!o = !tcp.stream<f32, slice [r : 8], packet [x : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [x : 8]>

// Tests that a reduction takes narrow packets.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{takes packets of 4 elements (computing-tensors/vector-engine/intra-slice-reduce.md)}}
    %3 = tcp.vector_reduce add %1 over "c" : !s to !r
    %5 = tcp.vector widen_pad %3 : !r to !o
    tcp.commit %5 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8, k : 4], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8, k : 4], time [c by 8 : 8], packet [c : 8]>
!o = !tcp.stream<f32, slice [r : 8, _ : 1 of 4], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8, _ : 1 of 4], element [c : 64]>

// Tests sums over slices: of four, one has it.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.slice_reduce add %1 ratio 4 : !s to !o
    %3 = tcp.vector max %2 imm(0.0 : f32) : !o to !o
    tcp.commit %3 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8, k : 4], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8, k : 4], time [c by 8 : 8], packet [c : 8]>
!o = !tcp.stream<f32, slice [r : 8, _ : 4], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8, _ : 4], element [c : 64]>

// Tests sums over slices: all have it, and nothing follows what is not the first.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector max %1 imm(0.0 : f32) : !s to !s
    %3 = tcp.slice_reduce add %2 ratio 4 broadcast : !s to !o
    // expected-error @+1 {{follows slice_reduce, which is the first or the last of the vector engine's steps (computing-tensors/vector-engine/inter-slice-reducer.md)}}
    %4 = tcp.vector min %3 imm(9.0 : f32) : !o to !o
    tcp.commit %4 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that groups divide the slices.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{reduces groups of 3 slices, which do not divide 8 (computing-tensors/vector-engine/inter-slice-reducer.md)}}
    %2 = tcp.slice_reduce add %1 ratio 3 : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [k : 4, r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [k : 4, r : 8], time [c by 8 : 8], packet [c : 8]>
!o = !tcp.stream<f32, slice [_ : 4, r : 8], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [_ : 4, r : 8], element [c : 64]>

// Tests that the innermost slices are reduced.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{gives other slices than reducing the innermost 4 leaves (computing-tensors/vector-engine/inter-slice-reducer.md)}}
    %2 = tcp.slice_reduce add %1 ratio 4 broadcast : !s to !o
    tcp.commit %2 to %y : !o to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
!v = !tcp.vrf<f32, slice [r : 8], element [c : 64]>

// Tests that fma has two operands: one of any kind, and what it adds.
func.func @f(%x: !x, %v: !v) {
  %first = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    %3 = tcp.vector fma %2, %v : !v plus(1.0 : f32) : !n to !n
    %4 = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %4 to %x : !s to !x
  }
  %second = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{needs an operand to add (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %3 = tcp.vector fma %2 imm(2.0 : f32) : !n to !n
    %4 = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %4 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests that other steps add nothing.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{adds no operand (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %3 = tcp.vector mul_fma %2 imm(2.0 : f32) plus(1.0 : f32) : !n to !n
    %4 = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %4 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests in which places fma takes the stream.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector narrow_split %1 : !s to !n
    // expected-error @+1 {{multiplies the stream with its operand alone (computing-tensors/vector-engine/intra-slice-chain.md, Argument Modes)}}
    %3 = tcp.vector fma %2 imm(2.0 : f32) plus(1.0 : f32) as operand_stream : !n to !n
    %4 = tcp.vector widen_concat %3 : !n to !s
    tcp.commit %4 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!v = !tcp.vrf<f32, slice [r : 8], element [c : 64, d : 2]>

// Tests that a packet's operands are neighbours.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{reads elements of a packet that do not lie side by side in the register file (computing-tensors/register-files.md)}}
    %2 = tcp.vector max %1, %v : !v : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a step reads one operand: immediates are for fma.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.stash %1 : !s to !s
    // expected-error @+1 {{needs one other operand (computing-tensors/vector-engine/intra-slice-chain.md, Operands)}}
    %3 = tcp.vector max %2 stash imm(1.0 : f32) : !s to !s
    tcp.commit %3 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!p = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, pair : 2], packet [c : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that one tensor has no groups, and a pair that is joined no more.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch_pair %x, %y by "pair" : !x to !p
    %1 = tcp.collect %0 : !p to !p
    %2 = tcp.vector max %1 imm(0.0 : f32) groups 1 : !p to !p
    %3 = tcp.vector clip_add %2 zip : !p to !s
    // expected-error @+1 {{is for a group of a pair where there is none (computing-tensors/vector-engine/intra-slice-chain.md, Pair Mode)}}
    %4 = tcp.vector min %3 imm(9.0 : f32) groups 2 : !s to !s
    tcp.commit %4 to %x : !s to !x
  }
  return
}
