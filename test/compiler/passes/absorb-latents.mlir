// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-absorb-latents --split-input-file | FileCheck %s

// Heads 4, latents 64 wide, keys of 16 and 8 columns, values of 12.
!q = tensor<?x4x?x24xf32, #dure.dims<["b", "4", "t", "24"]>>
!c = tensor<?x1x?x64xf32, #dure.dims<["b", "1", "c", "64"]>>
!d = tensor<?x1x?x8xf32, #dure.dims<["b", "1", "c", "8"]>>
!l = tensor<?x1x?x64xf32, #dure.dims<["b", "1", "past + t", "64"]>>
!r = tensor<?x1x?x8xf32, #dure.dims<["b", "1", "past + t", "8"]>>
!w = tensor<64x112xf32>
!y = tensor<?x1x?x112xf32, #dure.dims<["b", "1", "past + t", "112"]>>
!s = tensor<?x?x4x28xf32, #dure.dims<["b", "past + t", "4", "28"]>>
!h = tensor<?x4x?x28xf32, #dure.dims<["b", "4", "past + t", "28"]>>
!n = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "past + t", "16"]>>
!p = tensor<?x4x?x8xf32, #dure.dims<["b", "4", "past + t", "8"]>>
!k = tensor<?x4x?x24xf32, #dure.dims<["b", "4", "past + t", "24"]>>
!v = tensor<?x4x?x12xf32, #dure.dims<["b", "4", "past + t", "12"]>>
!o = tensor<?x4x?x12xf32, #dure.dims<["b", "4", "t", "12"]>>
!m = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "past + t"]>>

dure.weight @w from <file = 0, offset = 0, size = 28672, type = tensor<112x64xf32>> [#dure.step<transpose[1, 0] -> tensor<64x112xf32>>] : !w

// Tests that a step reads the latents: queries in their space, all heads of one
// key head, and the heads' values made of the result.
// CHECK: dure.weight @[[VALUE:[^ ]*]] from {{.*}} [#dure.step<reshape -> tensor<4x28x64xf32>>, #dure.step<slice[0, 16, 0, 4, 12, 64, 1, 1, 1] -> tensor<4x12x64xf32>>, #dure.step<transpose[0, 2, 1] -> tensor<4x64x12xf32>>]
// CHECK-NEXT: dure.weight @[[KEY:[^ ]*]] from {{.*}} [#dure.step<reshape -> tensor<4x28x64xf32>>, #dure.step<slice[0, 0, 0, 4, 16, 64, 1, 1, 1] -> tensor<4x16x64xf32>>]
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[Q:[^ ]*]]: tensor
// CHECK-NEXT: %[[L:.*]] = dure.slice %arg1
// CHECK-NEXT: %[[R:.*]] = dure.slice %arg2
// CHECK-NEXT: %[[PLAIN:.*]] = dure.slice %[[Q]] {{.*}}"16"]>, starts = #dure.dims<["0", "0", "0", "0"]>
// CHECK-NEXT: %[[WK:.*]] = dure.get_weight @[[KEY]]
// CHECK-NEXT: %[[ABSORBED:.*]] = dure.matmul %[[PLAIN]], %[[WK]] : {{.*}} -> tensor<?x4x?x64xf32,
// CHECK-NEXT: %[[TURNED:.*]] = dure.slice %[[Q]] {{.*}}"8"]>, starts = #dure.dims<["0", "0", "0", "16"]>
// CHECK-NEXT: %[[QUERIES:.*]] = dure.concat %[[ABSORBED]], %[[TURNED]] {axis = 3
// CHECK-NEXT: %[[KEYS:.*]] = dure.concat %[[L]], %[[R]] {axis = 3
// CHECK-NEXT: %[[READ:.*]] = dure.attention %[[QUERIES]], %[[KEYS]], %[[L]] mask %{{.*}} {causal = true, empty_row = #dure<empty_row mean>, scale = 2.500000e-01 : f32, softcap = 3.000000e+00 : f32, window = 9
// CHECK: %[[WV:.*]] = dure.get_weight @[[VALUE]]
// CHECK: %[[OUT:.*]] = dure.matmul %[[READ]], %[[WV]] : {{.*}} -> tensor<?x4x?x12xf32,
// CHECK: return %[[OUT]]
func.func @step(%q: !q, %c: !c {dure.state}, %d: !d {dure.state}, %m: !m) -> !o attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %l = dure.slice %c {sizes = #dure.dims<["b", "1", "past + t", "64"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!c) -> !l
  %r = dure.slice %d {sizes = #dure.dims<["b", "1", "past + t", "8"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!d) -> !r
  %w = dure.get_weight @w : !w
  %y = dure.matmul %l, %w : (!l, !w) -> !y
  %s = dure.reshape %y : !y -> !s
  %h = dure.transpose %s {permutation = array<i64: 0, 2, 1, 3>} : (!s) -> !h
  %n = dure.slice %h {sizes = #dure.dims<["b", "4", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!h) -> !n
  %v = dure.slice %h {sizes = #dure.dims<["b", "4", "past + t", "12"]>, starts = #dure.dims<["0", "0", "0", "16"]>, steps = array<i64: 1, 1, 1, 1>} : (!h) -> !v
  %p = dure.broadcast %r : !r -> !p
  %k = dure.concat %n, %p {axis = 3 : i64} : (!n, !p) -> !k
  %o = dure.attention %q, %k, %v mask %m {causal = true, empty_row = #dure<empty_row mean>, scale = 0.25 : f32, softcap = 3.0 : f32, window = 9 : i64} : (!q, !k, !v, !m) -> !o
  return %o : !o
}

// Tests that a prompt's chunk makes keys and values of the latents: many
// queries would be multiplied with more columns each.
// CHECK-LABEL: func.func @prefill
// CHECK: dure.matmul
// CHECK: dure.attention {{.*}} -> tensor<?x4x?x12xf32
// CHECK-NOT: dure.matmul
// CHECK: return
func.func @prefill(%q: !q, %c: !c {dure.state}, %d: !d {dure.state}, %m: !m) -> !o attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %l = dure.slice %c {sizes = #dure.dims<["b", "1", "past + t", "64"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!c) -> !l
  %r = dure.slice %d {sizes = #dure.dims<["b", "1", "past + t", "8"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!d) -> !r
  %w = dure.get_weight @w : !w
  %y = dure.matmul %l, %w : (!l, !w) -> !y
  %s = dure.reshape %y : !y -> !s
  %h = dure.transpose %s {permutation = array<i64: 0, 2, 1, 3>} : (!s) -> !h
  %n = dure.slice %h {sizes = #dure.dims<["b", "4", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!h) -> !n
  %v = dure.slice %h {sizes = #dure.dims<["b", "4", "past + t", "12"]>, starts = #dure.dims<["0", "0", "0", "16"]>, steps = array<i64: 1, 1, 1, 1>} : (!h) -> !v
  %p = dure.broadcast %r : !r -> !p
  %k = dure.concat %n, %p {axis = 3 : i64} : (!n, !p) -> !k
  %o = dure.attention %q, %k, %v mask %m {causal = true, empty_row = #dure<empty_row zero>, scale = 0.25 : f32} : (!q, !k, !v, !m) -> !o
  return %o : !o
}

// -----

// Sizes that are known: one query, a cache of 64 positions.
!q = tensor<1x4x1x16xf32>
!n = tensor<1x64x32xf32>
!w = tensor<32x64xf32>
!t = tensor<64x32xf32>
!y = tensor<64x64xf32>
!f = tensor<64x32xf32>
!s = tensor<1x64x4x16xf32>
!x = tensor<1x64x16x4xf32>
!k = tensor<1x4x64x16xf32>
!c = tensor<1x1x64x32xf32>

dure.weight @k from <file = 0, offset = 0, size = 8192, type = tensor<32x64xf32>> : !w
dure.weight @v from <file = 0, offset = 8192, size = 8192, type = tensor<64x32xf32>> : !t

// Tests other ways to write it: products of their own for keys and values, of
// tokens in one list, the weight with its transpose or not, heads outside of
// their columns or inside, no shared columns, a norm before, sinks.
// CHECK-LABEL: func.func @step.bucket
// CHECK: %[[NORM:.*]] = dure.rms_norm
// CHECK: %[[WK:.*]] = dure.get_weight @[[KEY:[^ ]*]] : tensor<4x16x32xf32>
// CHECK: %[[ABSORBED:.*]] = dure.matmul %arg0, %[[WK]]
// CHECK: %[[L:.*]] = dure.reshape %[[NORM]] : {{.*}} -> tensor<1x1x64x32xf32>
// CHECK: dure.attention %[[ABSORBED]], %[[L]], %[[L]] sinks %arg2
// CHECK: %[[WV:.*]] = dure.get_weight @{{[^ ]*}} : tensor<4x32x16xf32>
// CHECK: dure.matmul
func.func @step.bucket(%q: !q, %c: !c {dure.state}, %b: tensor<4xf32>, %g: tensor<32xf32>) -> !q {
  %l = dure.reshape %c : !c -> !n
  %x = dure.rms_norm %l, %g {axis = 2 : i64, epsilon = 1.0e-5 : f32} : (!n, tensor<32xf32>) -> !n
  %f = dure.reshape %x : !n -> !f
  %wk = dure.get_weight @k : !w
  %yk = dure.matmul %f, %wk : (!f, !w) -> !y
  %sk = dure.reshape %yk : !y -> !s
  %k = dure.transpose %sk {permutation = array<i64: 0, 2, 1, 3>} : (!s) -> !k
  %wv = dure.get_weight @v : !t
  %yv = dure.matmul %f, %wv {transpose_rhs = true} : (!f, !t) -> !y
  %sv = dure.reshape %yv : !y -> !x
  %v = dure.transpose %sv {permutation = array<i64: 0, 3, 1, 2>} : (!x) -> !k
  %o = dure.attention %q, %k, %v sinks %b {empty_row = #dure<empty_row zero>, scale = 0.25 : f32} : (!q, !k, !k, tensor<4xf32>) -> !q
  return %o : !q
}

// Tests that what else reads the keys keeps them, and that a function without a
// state is left alone.
// CHECK-LABEL: func.func @read_twice
// CHECK: dure.attention %arg0, %{{.*}}, %{{.*}} {{.*}}-> tensor<1x4x1x16xf32>
// CHECK-NEXT: return
func.func @read_twice(%q: !q, %c: !c {dure.state}) -> (!q, !y) {
  %f = dure.reshape %c : !c -> !f
  %wk = dure.get_weight @k : !w
  %yk = dure.matmul %f, %wk : (!f, !w) -> !y
  %sk = dure.reshape %yk : !y -> !s
  %k = dure.transpose %sk {permutation = array<i64: 0, 2, 1, 3>} : (!s) -> !k
  %o = dure.attention %q, %k, %k {empty_row = #dure<empty_row zero>, scale = 0.25 : f32} : (!q, !k, !k) -> !q
  return %o, %yk : !q, !y
}

// CHECK-LABEL: func.func @positions_moved
// CHECK: dure.attention %arg0, %{{.*}}, %{{.*}} {{.*}}-> tensor<1x4x1x16xf32>
// CHECK-NEXT: return
func.func @positions_moved(%q: !q, %c: !c {dure.state}) -> !q {
  %f = dure.reshape %c : !c -> !f
  %wk = dure.get_weight @k : !w
  %yk = dure.matmul %f, %wk : (!f, !w) -> !y
  // Heads of 16 positions each, not of 16 columns.
  %k = dure.reshape %yk : !y -> !k
  %o = dure.attention %q, %k, %k {empty_row = #dure<empty_row zero>, scale = 0.25 : f32} : (!q, !k, !k) -> !q
  return %o : !q
}

// -----

// Tests that wide latents stay what keys are made of where that takes fewer
// multiplications.
!q = tensor<1x2x4x8xf32>
!c = tensor<1x1x4x512xf32>
!y = tensor<1x1x4x16xf32>
!s = tensor<1x4x2x8xf32>
!k = tensor<1x2x4x8xf32>
!w = tensor<512x16xf32>

dure.weight @k from <file = 0, offset = 0, size = 32768, type = tensor<512x16xf32>> : !w

// CHECK-LABEL: func.func @step
// CHECK: dure.attention {{.*}} -> tensor<1x2x4x8xf32>
// CHECK-NEXT: return
func.func @step(%q: !q, %c: !c {dure.state}) -> !q {
  %w = dure.get_weight @k : !w
  %y = dure.matmul %c, %w : (!c, !w) -> !y
  %s = dure.reshape %y : !y -> !s
  %k = dure.transpose %s {permutation = array<i64: 0, 2, 1, 3>} : (!s) -> !k
  %o = dure.attention %q, %k, %k {empty_row = #dure<empty_row zero>, scale = 0.25 : f32} : (!q, !k, !k) -> !q
  return %o : !q
}
