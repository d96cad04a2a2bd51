// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f32, slice [r : 8], time [c by 2 : 32], packet [c : 2]>
!b = !tcp.stream<f32, slice [r : 8], time [c by 2 : 32], packet [c : 2 of 8]>

// Tests that packets of less than a flit are padded.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !b
    tcp.commit %1 to %x : !b to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f32, slice [r : 8], time [c by 32 : 2], packet [c : 32]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that packets of several flits are cut.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [d : 4, c : 12 of 16]>
!a = !tcp.stream<f32, slice [r : 8], time [d : 4], packet [c : 12]>
!b = !tcp.stream<f32, slice [r : 8], time [d : 4, c by 8 : 2], packet [c : 8]>

// Tests that the flits of a packet of one and a half are one and a half full.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{makes flits of other digits than its packets have (computing-tensors/collect-engine.md)}}
    %1 = tcp.collect %0 : !a to !b
    tcp.commit %1 to %x : !b to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f32, slice [r : 8], time [c by 32 : 2], packet [c : 32]>
!b = !tcp.stream<f32, slice [r : 8], time [c by 8 : 4, c by 32 : 2], packet [c : 8]>

// Tests that collect does not change the order.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{makes flits of other digits than its packets have (computing-tensors/collect-engine.md)}}
    %1 = tcp.collect %0 : !a to !b
    tcp.commit %1 to %x : !b to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!a = !tcp.stream<f32, slice [r : 4], time [c by 8 : 8], packet [c : 8]>

// Tests that a fetch stays in its slice.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    // expected-error @+1 {{moves data between slices, which the switch does (computing-tensors/switch-engine.md)}}
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %x : !a to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 8]>
!a = !tcp.stream<f32, slice [r : 8], time [g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2], packet [h : 8]>

// Tests the loops of a fetch.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %y : !a to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, i : 2, h : 8]>
!a = !tcp.stream<f32, slice [r : 8], time [i : 2, g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2], packet [h : 8]>

// Tests that a fetch has no more loops than a sequencer.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    // expected-error @+1 {{needs 9 loops; a sequencer has 8 (moving-tensors/sequencer.md)}}
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %y : !a to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 8]>
!a = !tcp.stream<f32, slice [r : 8], time [_ : 65537], packet [a : 8]>

// Tests that a fetch loops no more often than a sequencer counts.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    // expected-error @+1 {{needs a loop of 65537 steps; a sequencer counts to 65536 (moving-tensors/sequencer.md)}}
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.commit %1 to %x : !a to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [i : 2, h : 2, g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2, k : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [a : 2, b : 2, c : 2, d : 2, e : 2, f : 2, g : 2, h : 2, i : 2, k : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [i : 2, h : 2, g : 2, f : 2, e : 2, d : 2, c : 2, b : 2, a : 2], packet [k : 8]>

// Tests that the commit has no more loops than a sequencer.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{needs 9 loops; a sequencer has 8 (moving-tensors/sequencer.md)}}
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!p = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, pair : 2], packet [c : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!n = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, pair : 2, c by 4 : 2], packet [c : 4]>
!z = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>

// Tests two tensors in turns.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch_pair %x, %y by "pair" : !x to !p
    %1 = tcp.collect %0 : !p to !p
    %2 = tcp.vector narrow_split %1 : !p to !n
    %3 = tcp.vector add_f %2 zip : !n to !z
    %4 = tcp.vector widen_concat %3 : !z to !s
    tcp.commit %4 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that an axis tells two tensors apart.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    // expected-error @+1 {{needs axis 'pair' of its time to tell 2 tensors apart, not 1 (moving-tensors/fetch-engine.md, Interleaving)}}
    %0 = tcp.fetch_pair %x, %y by "pair" : !x to !s
    %1 = tcp.collect %0 : !s to !s
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that engines take what collect has cut.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    // expected-error @+1 {{takes packets that collect has not cut into flits (computing-tensors/collect-engine.md)}}
    tcp.commit %0 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests the order of engines.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{stands behind an engine that comes after its own (computing-tensors/index.md)}}
    %2 = tcp.collect %1 : !s to !s
    tcp.commit %2 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a stream is one.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector max %1 imm(0.0 : f32) : !s to !s
    // expected-error @+1 {{takes another stream than that of the step before it (computing-tensors/index.md)}}
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that nothing but steps stands in an instruction.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{is no step of a tensor unit's instruction}}
    %c = arith.constant 0 : i32
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [r : 8], element [n : 16, k : 32]>
!w = !tcp.trf<bf16, slice [r : 8], lane [n : 8], element [n by 8 : 2, k : 32]>
!a = !tcp.stream<bf16, slice [r : 8], time [n : 8, n by 8 : 2, k by 16 : 2], packet [k : 16]>

// Tests the order in which flits fill the tensor register file.
func.func @f(%x: !x, %w: !w) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.to_trf %1 to %w : !a to !w
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [r : 8], element [n : 16, k : 32]>
!w = !tcp.trf<bf16, slice [r : 8], lane [n : 8], element [n by 8 : 2, k : 32]>
!a = !tcp.stream<bf16, slice [r : 8], time [n by 8 : 2, n : 8, k by 16 : 2], packet [k : 16]>

// Tests that lanes are filled one after the other.
func.func @f(%x: !x, %w: !w) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{brings its digits in another order than the target has them (computing-tensors/register-files.md)}}
    tcp.to_trf %1 to %w : !a to !w
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [r : 8], element [n : 4, k : 16]>
!w = !tcp.trf<bf16, slice [r : 8], lane [n : 8], element [k : 16]>
!a = !tcp.stream<bf16, slice [r : 8], time [n : 4], packet [k : 16]>

// Tests that lanes are filled evenly.
func.func @f(%x: !x, %w: !w) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{brings 4 flits, which do not fill 8 lanes of the target evenly (computing-tensors/register-files.md)}}
    tcp.to_trf %1 to %w : !a to !w
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 4, c : 16]>
!v = !tcp.vrf<f32, slice [r : 8], element [a : 4, c : 16]>
!a = !tcp.stream<f32, slice [r : 8], time [a : 4, c by 8 : 2], packet [c : 8]>

// Tests the order in which flits fill the vector register file.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    tcp.to_vrf %1 to %v : !a to !v
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [a : 4, c : 16]>
!v = !tcp.vrf<f32, slice [r : 8], element [a : 4, c : 16]>
!a = !tcp.stream<f32, slice [r : 8], time [c by 8 : 2, a : 4], packet [c : 8]>

// Tests that the vector register file keeps the order of flits.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{brings its digits in another order than the target has them (computing-tensors/register-files.md)}}
    tcp.to_vrf %1 to %v : !a to !v
  }
  return
}

// -----

!x = !tcp.dm<bf16, slice [r : 8], element [c : 16]>
!v = !tcp.vrf<bf16, slice [r : 8], element [c : 16]>
!a = !tcp.stream<bf16, slice [r : 8], packet [c : 16]>

// Tests the types of the vector register file.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec sub {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.collect %0 : !a to !a
    // expected-error @+1 {{fills the vector register file with 'bf16'; it holds i32 or f32 (computing-tensors/register-files.md)}}
    tcp.to_vrf %1 to %v : !a to !v
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!v = !tcp.vrf<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that register files are filled from collect.
func.func @f(%x: !x, %v: !v) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.vector max %1 imm(0.0 : f32) : !s to !s
    // expected-error @+1 {{fills a register file from another engine than collect (computing-tensors/register-files.md)}}
    tcp.to_vrf %2 to %v : !s to !v
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!y = !tcp.dm<bf16, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!b = !tcp.stream<bf16, slice [r : 8], time [c by 8 : 8], packet [c : 8 of 16]>

// Tests what is narrowed on the way out: 16 bytes of a flit count.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    %2 = tcp.cast %1 : !s to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!y = !tcp.dm<bf16, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!b = !tcp.stream<bf16, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that a narrowed flit stays one.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{makes packets of 128 bits; a flit stays a flit (computing-tensors/cast-engine.md)}}
    %2 = tcp.cast %1 : !s to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 8, c by 8 : 8]>

// Tests that elements of a flit are neighbours in the target.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{writes with a stride of 32 bits, no multiple of 8 bytes (moving-tensors/commit-engine.md)}}
    tcp.commit %1 to %y : !s to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 8, c by 8 : 8 of 16]>
!t = !tcp.stream<f32, slice [r : 8], packet [c by 8 : 8]>

// Tests that a flit goes to one place.
func.func @f(%x: !x, %y: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !t
    %1 = tcp.collect %0 : !t to !t
    // expected-error @+1 {{writes elements of a flit that are not neighbours in its target (moving-tensors/commit-engine.md)}}
    tcp.commit %1 to %y : !t to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!t = !tcp.stream<f32, slice [r : 8], packet [c by 8 : 4, c : 1 of 2]>
!y = !tcp.dm<f32, slice [r : 8], element [c by 8 : 4]>

// Tests that padding of a flit is at its end.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !t
    %1 = tcp.collect %0 : !t to !t
    // expected-error @+1 {{writes flits with padding between elements (computing-tensors/commit-adapter.md, Trimming)}}
    tcp.commit %1 to %y : !t to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!y = !tcp.dm<f32, slice [r : 8], element [c : 65]>
!s = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>

// Tests that what is written begins with a whole bank.
func.func @f(%x: !x, %y: !y) {
  %0 = tcp.view %y at 4 : !y to !x
  %done = tcp.exec main {
    %1 = tcp.fetch %x : !x to !s
    %2 = tcp.collect %1 : !s to !s
    // expected-error @+1 {{writes from byte 4, no multiple of 8 (moving-tensors/commit-engine.md)}}
    tcp.commit %2 to %0 : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 8]>
!s = !tcp.stream<f32, slice [r : 8], time [t : 4], packet [c : 8]>

// Tests that flits do not overwrite each other.
func.func @f(%x: !x) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{writes 4 flits over each other: its target lacks a digit of time (moving-tensors/commit-engine.md)}}
    tcp.commit %1 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [r : 8], element [c : 8]>
!s = !tcp.stream<f32, slice [r : 8], packet [c : 8]>
!v = !tcp.vrf<f32, slice [r : 8], element [c : 8]>
!w = !tcp.vrf<f32, slice [r : 8], element [c : 64]>

// Tests where in a register file flits begin.
func.func @f(%x: !x, %w: !w) {
  %a = tcp.view %w at 32 : !w to !v
  %b = tcp.view %w at 16 : !w to !v
  %first = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    tcp.to_vrf %1 to %a : !s to !v
  }
  %second = tcp.exec main {
    %0 = tcp.fetch %x : !x to !s
    %1 = tcp.collect %0 : !s to !s
    // expected-error @+1 {{fills a register file from byte 16, no multiple of 32 (computing-tensors/register-files.md)}}
    tcp.to_vrf %1 to %b : !s to !v
  }
  return
}
