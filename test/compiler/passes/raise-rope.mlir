// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-rope --canonicalize --cse 2>&1 \
// RUN:   | FileCheck %s --implicit-check-not="come to rest"

!x = tensor<?x2x?x8xf32, #dure.dims<["b", "2", "s", "8"]>>
!h = tensor<?x2x?x4xf32, #dure.dims<["b", "2", "s", "4"]>>
!f = tensor<?x?x4xf32, #dure.dims<["b", "s", "4"]>>
!ff = tensor<?x?x8xf32, #dure.dims<["b", "s", "8"]>>
!t = tensor<?x1x?x8xf32, #dure.dims<["b", "1", "s", "8"]>>
!th = tensor<?x1x?x4xf32, #dure.dims<["b", "1", "s", "4"]>>
!h1 = tensor<?x2x?x4x1xf32, #dure.dims<["b", "2", "s", "4", "1"]>>
!h2 = tensor<?x2x?x4x2xf32, #dure.dims<["b", "2", "s", "4", "2"]>>
!y = tensor<?x2x?x12xf32, #dure.dims<["b", "2", "s", "12"]>>

// Tests the half-split form: tables of doubled angles become half as wide.
// CHECK-LABEL: func.func @half_split
// CHECK-SAME: %[[X:.*]]: tensor<?x2x?x8xf32{{.*}}, %[[F:.*]]: tensor<?x?x4xf32
func.func @half_split(%x: !x, %f: !f) -> !x {
  // CHECK-DAG: %[[COS:.*]] = dure.cos %[[F]]
  // CHECK-DAG: %[[SIN:.*]] = dure.sin %[[F]]
  // CHECK-DAG: %[[COS4:.*]] = dure.reshape %[[COS]] {{.*}} -> tensor<?x1x?x4xf32
  // CHECK-DAG: %[[SIN4:.*]] = dure.reshape %[[SIN]] {{.*}} -> tensor<?x1x?x4xf32
  // CHECK: %[[Y:.*]] = dure.rope %[[X]], %[[COS4]], %[[SIN4]] {layout = #dure<rope_layout half>, rotary_dim = 8 : i64}
  // CHECK-NEXT: return %[[Y]]
  %ff = dure.concat %f, %f {axis = 2 : i64} : (!f, !f) -> !ff
  %c = dure.cos %ff : (!ff) -> !ff
  %s = dure.sin %ff : (!ff) -> !ff
  %cos = dure.reshape %c : !ff -> !t
  %sin = dure.reshape %s : !ff -> !t
  %0 = dure.mul %x, %cos : (!x, !t) -> !x
  %1 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %2 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %3 = dure.neg %2 : (!h) -> !h
  %4 = dure.concat %3, %1 {axis = 3 : i64} : (!h, !h) -> !x
  %5 = dure.mul %4, %sin : (!x, !t) -> !x
  %6 = dure.add %0, %5 : (!x, !x) -> !x
  return %6 : !x
}

// Tests that tables whose halves may differ are no rope's.
// CHECK-LABEL: func.func @unlike_halves
func.func @unlike_halves(%x: !x, %cos: !t, %sin: !t) -> !x {
  // CHECK-NOT: dure.rope
  %0 = dure.mul %x, %cos : (!x, !t) -> !x
  %1 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %2 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %3 = dure.neg %2 : (!h) -> !h
  %4 = dure.concat %3, %1 {axis = 3 : i64} : (!h, !h) -> !x
  %5 = dure.mul %4, %sin : (!x, !t) -> !x
  %6 = dure.add %0, %5 : (!x, !x) -> !x
  return %6 : !x
}

// Tests that the negated half must be the second.
// CHECK-LABEL: func.func @wrong_half
func.func @wrong_half(%x: !x, %f: !f) -> !x {
  // CHECK-NOT: dure.rope
  %ff = dure.concat %f, %f {axis = 2 : i64} : (!f, !f) -> !ff
  %c = dure.cos %ff : (!ff) -> !ff
  %s = dure.sin %ff : (!ff) -> !ff
  %cos = dure.reshape %c : !ff -> !t
  %sin = dure.reshape %s : !ff -> !t
  %0 = dure.mul %x, %cos : (!x, !t) -> !x
  %1 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %2 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %3 = dure.neg %1 : (!h) -> !h
  %4 = dure.concat %3, %2 {axis = 3 : i64} : (!h, !h) -> !x
  %5 = dure.mul %4, %sin : (!x, !t) -> !x
  %6 = dure.add %0, %5 : (!x, !x) -> !x
  return %6 : !x
}

// Tests halves that are rotated apart and joined.
// CHECK-LABEL: func.func @halves_apart
// CHECK-SAME: %[[X:.*]]: tensor<?x2x?x8xf32{{.*}}, %[[C:.*]]: tensor<?x1x?x4xf32{{.*}}, %[[S:.*]]: tensor<?x1x?x4xf32
func.func @halves_apart(%x: !x, %c: !th, %s: !th) -> !x {
  // CHECK-NEXT: dure.rope %[[X]], %[[C]], %[[S]] {layout = #dure<rope_layout half>, rotary_dim = 8 : i64}
  // CHECK-NEXT: return
  %a = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %b = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %0 = dure.mul %a, %c : (!h, !th) -> !h
  %1 = dure.mul %b, %s : (!h, !th) -> !h
  %2 = dure.sub %0, %1 : (!h, !h) -> !h
  %3 = dure.mul %b, %c : (!h, !th) -> !h
  %4 = dure.mul %a, %s : (!h, !th) -> !h
  %5 = dure.add %3, %4 : (!h, !h) -> !h
  %6 = dure.concat %2, %5 {axis = 3 : i64} : (!h, !h) -> !x
  return %6 : !x
}

// Tests that cos and sin must meet the right halves.
// CHECK-LABEL: func.func @tables_swapped
func.func @tables_swapped(%x: !x, %c: !th, %s: !th) -> !x {
  // CHECK-NOT: dure.rope
  %a = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %b = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %0 = dure.mul %a, %c : (!h, !th) -> !h
  %1 = dure.mul %b, %s : (!h, !th) -> !h
  %2 = dure.sub %0, %1 : (!h, !h) -> !h
  %3 = dure.mul %b, %s : (!h, !th) -> !h
  %4 = dure.mul %a, %c : (!h, !th) -> !h
  %5 = dure.add %3, %4 : (!h, !h) -> !h
  %6 = dure.concat %2, %5 {axis = 3 : i64} : (!h, !h) -> !x
  return %6 : !x
}

// Tests the interleaved form: even and odd elements, put back in place.
// CHECK-LABEL: func.func @interleaved
// CHECK-SAME: %[[X:.*]]: tensor<?x2x?x8xf32
func.func @interleaved(%x: !x, %c: !th, %s: !th) -> !x {
  // CHECK-NEXT: dure.rope %[[X]], {{.*}} {layout = #dure<rope_layout interleaved>, rotary_dim = 8 : i64}
  // CHECK-NEXT: return
  %a = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 2>} : (!x) -> !h
  %b = dure.slice %x {starts = #dure.dims<["0", "0", "0", "1"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 2>} : (!x) -> !h
  %0 = dure.mul %a, %c : (!h, !th) -> !h
  %1 = dure.mul %b, %s : (!h, !th) -> !h
  %2 = dure.sub %0, %1 : (!h, !h) -> !h
  %3 = dure.mul %s, %a : (!th, !h) -> !h
  %4 = dure.mul %c, %b : (!th, !h) -> !h
  %5 = dure.add %3, %4 : (!h, !h) -> !h
  %6 = dure.reshape %2 : !h -> !h1
  %7 = dure.reshape %5 : !h -> !h1
  %8 = dure.concat %6, %7 {axis = 4 : i64} : (!h1, !h1) -> !h2
  %9 = dure.reshape %8 : !h2 -> !x
  return %9 : !x
}

// Tests even and odd elements that are joined as halves: a half-split rope of
// the row that they make.
// CHECK-LABEL: func.func @deinterleaved
func.func @deinterleaved(%x: !x, %c: !th, %s: !th) -> !x {
  // CHECK: %[[J:.*]] = dure.concat
  // CHECK-NEXT: dure.rope %[[J]], {{.*}} {layout = #dure<rope_layout half>, rotary_dim = 8 : i64}
  // CHECK-NEXT: return
  %a = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 2>} : (!x) -> !h
  %b = dure.slice %x {starts = #dure.dims<["0", "0", "0", "1"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 2>} : (!x) -> !h
  %0 = dure.mul %a, %c : (!h, !th) -> !h
  %1 = dure.mul %b, %s : (!h, !th) -> !h
  %2 = dure.sub %0, %1 : (!h, !h) -> !h
  %3 = dure.mul %b, %c : (!h, !th) -> !h
  %4 = dure.mul %a, %s : (!h, !th) -> !h
  %5 = dure.add %3, %4 : (!h, !h) -> !h
  %6 = dure.concat %2, %5 {axis = 3 : i64} : (!h, !h) -> !x
  return %6 : !x
}

// Tests a partial rope: the rest of the row passes.
// CHECK-LABEL: func.func @partial
// CHECK-SAME: %[[X:.*]]: tensor<?x2x?x12xf32
func.func @partial(%x: !y, %c: !th, %s: !th) -> !y {
  // CHECK-NEXT: dure.rope %[[X]], {{.*}} {layout = #dure<rope_layout half>, rotary_dim = 8 : i64}
  // CHECK-NEXT: return
  %r = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "8"]>, steps = array<i64: 1, 1, 1, 1>} : (!y) -> !x
  %p = dure.slice %x {starts = #dure.dims<["0", "0", "0", "8"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!y) -> !h
  %0 = dure.rope %r, %c, %s {layout = #dure<rope_layout half>, rotary_dim = 8 : i64} : (!x, !th, !th) -> !x
  %1 = dure.concat %0, %p {axis = 3 : i64} : (!x, !h) -> !y
  return %1 : !y
}

// Tests that what passes must follow what is rotated.
// CHECK-LABEL: func.func @not_neighbours
func.func @not_neighbours(%x: !y, %c: !th, %s: !th) -> !y {
  // CHECK: dure.rope {{.*}} -> tensor<?x2x?x8xf32
  // CHECK: dure.concat
  %r = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "8"]>, steps = array<i64: 1, 1, 1, 1>} : (!y) -> !x
  %p = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!y) -> !h
  %0 = dure.rope %r, %c, %s {layout = #dure<rope_layout half>, rotary_dim = 8 : i64} : (!x, !th, !th) -> !x
  %1 = dure.concat %0, %p {axis = 3 : i64} : (!x, !h) -> !y
  return %1 : !y
}

// Tests that one doubled table is not enough: what was built of the first must
// not be left when the second is refused.
// CHECK-LABEL: func.func @one_doubled_table
func.func @one_doubled_table(%x: !x, %f: !f, %sin: !t) -> !x {
  // CHECK-COUNT-1: dure.cos
  // CHECK-NOT: dure.cos
  // CHECK-NOT: dure.rope
  %ff = dure.concat %f, %f {axis = 2 : i64} : (!f, !f) -> !ff
  %c = dure.cos %ff : (!ff) -> !ff
  %cos = dure.reshape %c : !ff -> !t
  %0 = dure.mul %x, %cos : (!x, !t) -> !x
  %1 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %2 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
  %3 = dure.neg %2 : (!h) -> !h
  %4 = dure.concat %3, %1 {axis = 3 : i64} : (!h, !h) -> !x
  %5 = dure.mul %4, %sin : (!x, !t) -> !x
  %6 = dure.add %0, %5 : (!x, !x) -> !x
  return %6 : !x
}

!x1 = tensor<1x2x?x8xf32, #dure.dims<["1", "2", "s", "8"]>>
!h1b = tensor<1x2x?x4xf32, #dure.dims<["1", "2", "s", "4"]>>

// Tests that tables of more batches than x, which repeat x, are no rope's.
// CHECK-LABEL: func.func @wide_tables
func.func @wide_tables(%x: !x1, %f: !f) -> !x {
  // CHECK-NOT: dure.rope
  %ff = dure.concat %f, %f {axis = 2 : i64} : (!f, !f) -> !ff
  %c = dure.cos %ff : (!ff) -> !ff
  %s = dure.sin %ff : (!ff) -> !ff
  %cos = dure.reshape %c : !ff -> !t
  %sin = dure.reshape %s : !ff -> !t
  %0 = dure.mul %x, %cos : (!x1, !t) -> !x
  %1 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["1", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x1) -> !h1b
  %2 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["1", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x1) -> !h1b
  %3 = dure.neg %2 : (!h1b) -> !h1b
  %4 = dure.concat %3, %1 {axis = 3 : i64} : (!h1b, !h1b) -> !x1
  %5 = dure.mul %4, %sin : (!x1, !t) -> !x
  %6 = dure.add %0, %5 : (!x, !x) -> !x
  return %6 : !x
}

// Tests the same of halves that are rotated apart.
// CHECK-LABEL: func.func @wide_tables_apart
func.func @wide_tables_apart(%x: !x1, %c: !th, %s: !th) -> !x {
  // CHECK-NOT: dure.rope
  %a = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["1", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x1) -> !h1b
  %b = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["1", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x1) -> !h1b
  %0 = dure.mul %a, %c : (!h1b, !th) -> !h
  %1 = dure.mul %b, %s : (!h1b, !th) -> !h
  %2 = dure.sub %0, %1 : (!h, !h) -> !h
  %3 = dure.mul %b, %c : (!h1b, !th) -> !h
  %4 = dure.mul %a, %s : (!h1b, !th) -> !h
  %5 = dure.add %3, %4 : (!h, !h) -> !h
  %6 = dure.concat %2, %5 {axis = 3 : i64} : (!h, !h) -> !x
  return %6 : !x
}
