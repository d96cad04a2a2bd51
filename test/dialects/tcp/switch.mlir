// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 4 : 64, x : 2, y : 2], time [t by 4 : 2, a by 2 : 2, t : 4, a : 2], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 4 : 64, x : 2, y : 2], element [t by 4 : 2, a by 2 : 2, t : 4, a : 2, c : 8]>

// Tests broadcast01: both inner parts of the slices go into time.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.switch broadcast01(2, 2, 4) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 4 : 64, x : 2, y : 2], time [t : 8, a : 4], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 4 : 64, x : 2, y : 2], element [t : 8, a : 4, c : 8]>

// Tests that broadcast01 puts slice1 outside of time0.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than broadcast01 does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast01(2, 2, 4) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a : 256], time [t by 4 : 2, a by 2 : 2, t : 4, a : 2], packet [c : 8]>
!y = !tcp.dm<f32, slice [a : 256], element [t by 4 : 2, a by 2 : 2, t : 4, a : 2, c : 8]>

// Tests that broadcast01 leaves none of what it moved behind.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than broadcast01 does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast01(2, 2, 4) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 32 : 8, _ : 4, a : 8], time [t : 8, a by 8 : 4], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 32 : 8, _ : 4, a : 8], element [t : 8, a by 8 : 4, c : 8]>

// Tests broadcast1: the middle part of the slices goes into time.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.switch broadcast1(4, 8, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 32 : 8, a : 8, _ : 4], time [t : 8, a by 8 : 4], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 32 : 8, a : 8, _ : 4], element [t : 8, a by 8 : 4, c : 8]>

// Tests that broadcast1 keeps slice0.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than broadcast1 does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast1(4, 8, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 64 : 4, a : 2, a by 2 : 32], time [t : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 64 : 4, a : 2, a by 2 : 32], element [t : 8, c : 8]>

// Tests transpose: two parts of the slices change places.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.switch transpose(32, 2, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 64 : 4, a : 2, a by 2 : 32], time [t by 2 : 4], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 64 : 4, a : 2, a by 2 : 32], element [t by 2 : 4, c : 8]>

// Tests that transpose leaves time alone.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than transpose does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch transpose(32, 2, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 32 : 8, t by 2 : 2, a : 16], time [t by 4 : 2, t : 2, a by 16 : 2], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 32 : 8, t by 2 : 2, a : 16], element [t by 4 : 2, t : 2, a by 16 : 2, c : 8]>

// Tests inter_transpose: a part of the slices and one of time change places.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.switch inter_transpose(2, 16, 2) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 32 : 8, t : 2, a : 16], time [t by 2 : 4, a by 16 : 2], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 32 : 8, t : 2, a : 16], element [t by 2 : 4, a by 16 : 2, c : 8]>

// Tests that inter_transpose takes a part of time that is as large.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than inter_transpose does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch inter_transpose(2, 16, 2) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 128], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 128], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 32 : 4, t by 2 : 2, a : 16], time [t by 4 : 2, t : 2, a by 16 : 2], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 32 : 4, t by 2 : 2, a : 16], element [t by 4 : 2, t : 2, a by 16 : 2, c : 8]>

// Tests that inter_transpose takes all slices.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{takes all 256 slices, not 128 (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch inter_transpose(2, 16, 2) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 64 : 4, y : 8, a by 8 : 8], time [t : 8, a : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 64 : 4, y : 8, a by 8 : 8], element [t : 8, a : 8, c : 8]>

// Tests transposed_broadcast1.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    %1 = tcp.switch transposed_broadcast1(8, 8, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 64 : 4, y : 8, a by 8 : 8], time [t : 8, a by 8 : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 64 : 4, y : 8, a by 8 : 8], element [t : 8, a by 8 : 8, c : 8]>

// Tests that transposed_broadcast1 puts slice0 into time.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than transposed_broadcast1 does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch transposed_broadcast1(8, 8, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>

// Tests that rings divide the slices.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{has rings of 3 x 8 slices, which do not divide 256 (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast1(3, 8, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 8], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 8], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a : 8], time [t : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a : 8], element [t : 8, c : 8]>

// Tests that no ring is larger than the slices.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{has rings of 8 x 4611686018427387904 slices, which do not divide 8 (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast1(8, 4611686018427387904, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>

// Tests that time0 is of time.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{has a time0 of 16, of 8 packets (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast01(2, 2, 16) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!y = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>

// Tests that time is cut evenly.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{cuts a digit of its time unevenly (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast01(2, 2, 3) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [a : 256], element [t : 8, c : 8]>
!a = !tcp.stream<f32, slice [a : 256], time [t : 8], packet [c : 8]>
!b = !tcp.stream<f32, slice [a by 32 : 8, t : 4, a : 8], time [t : 8, a by 8 : 4], packet [c : 8]>
!y = !tcp.dm<f32, slice [a by 32 : 8, t : 4, a : 8], element [t : 8, a by 8 : 4, c : 8]>

// Tests that an axis of the stream is no new one.
func.func @f(%x: !x, %y: !y) {
  %done = tcp.exec main {
    %0 = tcp.fetch %x : !x to !a
    // expected-error @+1 {{gives other slices or time than broadcast1 does (computing-tensors/switch-engine.md)}}
    %1 = tcp.switch broadcast1(4, 8, 1) %0 : !a to !b
    %2 = tcp.collect %1 : !b to !b
    tcp.commit %2 to %y : !b to !y
  }
  return
}
