// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts in grouped form; what is none is in
// raise-grouped-experts-refused.mlir.
// RUN: dure-opt %s --dure-raise-moe --dure-fold-weights --canonicalize | FileCheck %s

!x = tensor<?x8xf32, #dure.dims<["t", "8"]>>
!x2 = tensor<?x2x8xf32, #dure.dims<["t", "2", "8"]>>
!scores = tensor<?x2xf32, #dure.dims<["t", "2"]>>
!e = tensor<?x2xi64, #dure.dims<["t", "2"]>>
!p = tensor<?x2xf32, #dure.dims<["t", "2"]>>
!column = tensor<?x1xi64, #dure.dims<["t", "1"]>>
!tokens = tensor<?xi64, #dure.dims<["t"]>>
!t21 = tensor<?x2x1xf32, #dure.dims<["t", "2", "1"]>>
!list = tensor<?xi64, #dure.dims<["2*t"]>>
!tuples = tensor<?x1xi64, #dure.dims<["2*t", "1"]>>
!rows = tensor<?xf32, #dure.dims<["2*t"]>>
!rows1 = tensor<?x1xf32, #dure.dims<["2*t", "1"]>>
!row = tensor<1x?xf32, #dure.dims<["1", "2*t"]>>
!bins = tensor<3x?xi1, #dure.dims<["3", "2*t"]>>
!numbers = tensor<3x?xf32, #dure.dims<["3", "2*t"]>>
!r8 = tensor<?x8xf32, #dure.dims<["2*t", "8"]>>
!s8 = tensor<?x8xf32, #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "8"]>>
!s4 = tensor<?x4xf32, #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>>
!i0 = tensor<?xi64, #dure.dims<["max($v0, 0)"]>>
!i1 = tensor<?xi64, #dure.dims<["max(-$v0 + $v1, 0)"]>>
!x8_0 = tensor<?x8xf32, #dure.dims<["max($v0, 0)", "8"]>>
!x8_1 = tensor<?x8xf32, #dure.dims<["max(-$v0 + $v1, 0)", "8"]>>
!x4_0 = tensor<?x4xf32, #dure.dims<["max($v0, 0)", "4"]>>
!x4_1 = tensor<?x4xf32, #dure.dims<["max(-$v0 + $v1, 0)", "4"]>>

module attributes {dure.files = ["w.bin"]} {
  dure.weight @in_bias from <file = 0, offset = 768, size = 64, type = tensor<2x8xf32>> : tensor<2x8xf32>
  dure.weight @in0 from <file = 0, offset = 0, size = 512, type = tensor<2x8x8xf32>> [#dure.step<slice[0, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @in1 from <file = 0, offset = 0, size = 512, type = tensor<2x8x8xf32>> [#dure.step<slice[1, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @out0 from <file = 0, offset = 512, size = 256, type = tensor<2x4x8xf32>> [#dure.step<slice[0, 0, 0, 1, 4, 8, 1, 1, 1] -> tensor<1x4x8xf32>>, #dure.step<reshape -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @out1 from <file = 0, offset = 512, size = 256, type = tensor<2x4x8xf32>> [#dure.step<slice[1, 0, 0, 1, 4, 8, 1, 1, 1] -> tensor<1x4x8xf32>>, #dure.step<reshape -> tensor<4x8xf32>>] : tensor<4x8xf32>

  // Tests rows sorted by expert, counted as transformers' exporter counts them.
  // Nothing is left of the counts, nor of the check that experts have as many
  // rows as there are.
  // CHECK-LABEL: func.func @grouped
  func.func @grouped(%x: !x, %scores: !scores, %p: !p) -> !x attributes {dure.equal_dims = [#dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "2*t"]>]} {
    // CHECK-NOT: equal_dims
    // CHECK-NOT: define_dims
    // CHECK: %[[E:.*]] = dure.top_k %{{.*}} {axis = 1 : i64, k = #dure.dims<["2"]>}
    // CHECK-DAG: %[[G:.*]] = dure.get_weight @in0_{{[0-9]+}}.slice : tensor<2x8x4xf32>
    // CHECK-DAG: %[[U:.*]] = dure.get_weight @in0_{{[0-9]+}}.slice_{{[0-9]+}} : tensor<2x8x4xf32>
    // CHECK-DAG: %[[D:.*]] = dure.get_weight @out0_{{[0-9]+}} : tensor<2x4x8xf32>
    // CHECK: %[[Y:.*]] = dure.moe %arg0 to %[[E]] by %arg2 gate %[[G]] up %[[U]] down %[[D]] {activation = #dure<glu_activation silu>}
    // CHECK-NEXT: return %[[Y]]
    %zero_i = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %one_i = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %slots = dure.constant dense<2> : tensor<i64> : tensor<i64>
    %width = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %zeros = dure.constant dense<0.0> : tensor<2xf32> : tensor<2xf32>
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %ids = dure.reshape %e : !e -> !list
    %sort = dure.top_k %ids {axis = 0 : i64, k = #dure.dims<["2*t"]>, smallest = true} : (!list) -> !list
    %sorted = dure.gather_elements %ids, %sort {axis = 0 : i64} : (!list, !list) -> !list
    %places = dure.reshape %sort : !list -> !tuples
    %token = dure.div %sort, %slots : (!list, tensor<i64>) -> !list
    %tokens = dure.reshape %token : !list -> !tuples
    %xs = dure.gather_nd %x, %tokens : (!x, !tuples) -> !r8
    %f = dure.cast %sorted {to = f32} : (!list) -> !rows
    %q = dure.div %f, %width : (!rows, tensor<f32>) -> !rows
    %bin = dure.cast %q {to = i64} : (!rows) -> !list
    %low = dure.max %bin, %zero_i : (!list, tensor<i64>) -> !list
    %clamped = dure.min %low, %one_i : (!list, tensor<i64>) -> !list
    %ones = dure.broadcast %one : tensor<f32> -> !rows
    %counts = dure.scatter_elements %zeros, %clamped, %ones {axis = 0 : i64, reduction = #dure<scatter_reduction add>} : (tensor<2xf32>, !list, !rows) -> tensor<2xf32>
    %counts_i = dure.cast %counts {to = i32} : (tensor<2xf32>) -> tensor<2xi32>
    %ends_i = dure.cumsum %counts_i {axis = 0 : i64} : (tensor<2xi32>) -> tensor<2xi32>
    %ends = dure.cast %ends_i {to = i64} : (tensor<2xi32>) -> tensor<2xi64>
    %end0 = dure.slice %ends {starts = #dure.dims<["0"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    %end1 = dure.slice %ends {starts = #dure.dims<["1"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    dure.define_dims %end0 ["$v0"] : tensor<1xi64>
    dure.define_dims %end1 ["$v1"] : tensor<1xi64>
    %range0 = dure.iota 0 : !i0
    %from0 = dure.iota 0 : !i1
    %start1 = dure.dim_values <["$v0"]> : tensor<i64>
    %range1 = dure.add %from0, %start1 : (!i1, tensor<i64>) -> !i1
    %u0 = dure.get_weight @in0 : tensor<8x8xf32>
    %u1 = dure.get_weight @in1 : tensor<8x8xf32>
    %a0 = dure.gather %xs, %range0 {axis = 0 : i64} : (!r8, !i0) -> !x8_0
    %m0 = dure.matmul %a0, %u0 : (!x8_0, tensor<8x8xf32>) -> !x8_0
    %a1 = dure.gather %xs, %range1 {axis = 0 : i64} : (!r8, !i1) -> !x8_1
    %m1 = dure.matmul %a1, %u1 : (!x8_1, tensor<8x8xf32>) -> !x8_1
    %gu = dure.concat %m0, %m1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %g = dure.slice %gu {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %u = dure.slice %gu {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %act = dure.silu %g : (!s4) -> !s4
    %h = dure.mul %act, %u : (!s4, !s4) -> !s4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %h0 = dure.gather %h, %range0 {axis = 0 : i64} : (!s4, !i0) -> !x4_0
    %n0 = dure.matmul %h0, %d0 : (!x4_0, tensor<4x8xf32>) -> !x8_0
    %h1 = dure.gather %h, %range1 {axis = 0 : i64} : (!s4, !i1) -> !x4_1
    %n1 = dure.matmul %h1, %d1 : (!x4_1, tensor<4x8xf32>) -> !x8_1
    %o = dure.concat %n0, %n1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %empty = dure.broadcast %zero_i : tensor<i64> -> !list
    %count = dure.iota 0 : !list
    %inverse = dure.scatter_nd %empty, %places, %count : (!list, !tuples, !list) -> !list
    %flat = dure.reshape %p : !p -> !rows
    %ps = dure.gather_nd %flat, %places : (!rows, !tuples) -> !rows
    %pc = dure.reshape %ps : !rows -> !rows1
    %w = dure.mul %o, %pc : (!s8, !rows1) -> !s8
    %back = dure.gather %w, %inverse {axis = 0 : i64} : (!s8, !list) -> !r8
    %terms = dure.reshape %back : !r8 -> !x2
    %y = dure.reduce %terms {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y : !x
  }

  // Tests other spellings: counts by comparison with the bounds of bins, tokens
  // out of a grid, the inverse as a sort of the places, biases, and weights that
  // meet rows when they are back.
  // CHECK-LABEL: func.func @other_spelling
  func.func @other_spelling(%x: !x, %scores: !scores, %p: !p) -> !x {
    // CHECK: %[[Y:.*]] = dure.moe %arg0 to %{{.*}} by %arg2 gate %{{.*}} + %{{.*}} up %{{.*}} + %{{.*}} down %{{.*}} {activation = #dure<glu_activation silu>}
    // CHECK-NEXT: return %[[Y]]
    %zero_i = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %one_i = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %slots = dure.constant dense<2> : tensor<i64> : tensor<i64>
    %width = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %zeros = dure.constant dense<0.0> : tensor<2xf32> : tensor<2xf32>
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %ids = dure.reshape %e : !e -> !list
    %sort = dure.top_k %ids {axis = 0 : i64, k = #dure.dims<["2*t"]>, smallest = true} : (!list) -> !list
    %sorted = dure.gather_elements %ids, %sort {axis = 0 : i64} : (!list, !list) -> !list
    %places = dure.reshape %sort : !list -> !tuples
    %first = dure.iota 0 : !tokens
    %column = dure.reshape %first : !tokens -> !column
    %grid = dure.broadcast %column : !column -> !e
    %all = dure.reshape %grid : !e -> !list
    %token = dure.gather %all, %sort {axis = 0 : i64} : (!list, !list) -> !list
    %xs = dure.gather %x, %token {axis = 0 : i64} : (!x, !list) -> !r8
    %bounds = dure.constant dense<[[0.0], [0.5], [1.00000012]]> : tensor<3x1xf32> : tensor<3x1xf32>
    %f = dure.cast %ids {to = f32} : (!list) -> !rows
    %row = dure.reshape %f : !rows -> !row
    %less = dure.compare %row, %bounds {predicate = #dure<predicate lt>} : (!row, tensor<3x1xf32>) -> !bins
    %below = dure.cast %less {to = f32} : (!bins) -> !numbers
    %sums = dure.reduce %below {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!numbers) -> tensor<3xf32>
    %upper = dure.slice %sums {starts = #dure.dims<["1"]>, sizes = #dure.dims<["2"]>, steps = array<i64: 1>} : (tensor<3xf32>) -> tensor<2xf32>
    %lower = dure.slice %sums {starts = #dure.dims<["0"]>, sizes = #dure.dims<["2"]>, steps = array<i64: 1>} : (tensor<3xf32>) -> tensor<2xf32>
    %counts = dure.sub %upper, %lower : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %counts_i = dure.cast %counts {to = i32} : (tensor<2xf32>) -> tensor<2xi32>
    %ends_i = dure.cumsum %counts_i {axis = 0 : i64} : (tensor<2xi32>) -> tensor<2xi32>
    %ends = dure.cast %ends_i {to = i64} : (tensor<2xi32>) -> tensor<2xi64>
    %end0 = dure.slice %ends {starts = #dure.dims<["0"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    %end1 = dure.slice %ends {starts = #dure.dims<["1"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    dure.define_dims %end0 ["$v0"] : tensor<1xi64>
    dure.define_dims %end1 ["$v1"] : tensor<1xi64>
    %range0 = dure.iota 0 : !i0
    %from0 = dure.iota 0 : !i1
    %start1 = dure.dim_values <["$v0"]> : tensor<i64>
    %range1 = dure.add %from0, %start1 : (!i1, tensor<i64>) -> !i1
    %u0 = dure.get_weight @in0 : tensor<8x8xf32>
    %u1 = dure.get_weight @in1 : tensor<8x8xf32>
    %a0 = dure.gather %xs, %range0 {axis = 0 : i64} : (!r8, !i0) -> !x8_0
    %m0 = dure.matmul %a0, %u0 : (!x8_0, tensor<8x8xf32>) -> !x8_0
    %a1 = dure.gather %xs, %range1 {axis = 0 : i64} : (!r8, !i1) -> !x8_1
    %m1 = dure.matmul %a1, %u1 : (!x8_1, tensor<8x8xf32>) -> !x8_1
    %gu = dure.concat %m0, %m1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %b = dure.get_weight @in_bias : tensor<2x8xf32>
    %bs = dure.gather %b, %sorted {axis = 0 : i64} : (tensor<2x8xf32>, !list) -> !r8
    %gub = dure.add %gu, %bs : (!s8, !r8) -> !s8
    %g = dure.slice %gub {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %u = dure.slice %gub {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %act = dure.silu %g : (!s4) -> !s4
    %h = dure.mul %act, %u : (!s4, !s4) -> !s4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %h0 = dure.gather %h, %range0 {axis = 0 : i64} : (!s4, !i0) -> !x4_0
    %n0 = dure.matmul %h0, %d0 : (!x4_0, tensor<4x8xf32>) -> !x8_0
    %h1 = dure.gather %h, %range1 {axis = 0 : i64} : (!s4, !i1) -> !x4_1
    %n1 = dure.matmul %h1, %d1 : (!x4_1, tensor<4x8xf32>) -> !x8_1
    %o = dure.concat %n0, %n1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %inverse = dure.top_k %sort {axis = 0 : i64, k = #dure.dims<["2*t"]>, smallest = true} : (!list) -> !list
    %o1 = dure.gather %o, %inverse {axis = 0 : i64} : (!s8, !list) -> !r8
    %o2 = dure.reshape %o1 : !r8 -> !x2
    %pc = dure.reshape %p : !p -> !t21
    %back = dure.mul %o2, %pc : (!x2, !t21) -> !x2
    %y = dure.reduce %back {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y : !x
  }

  // Tests that a symbol that others read stays, with what defines it.
  // CHECK-LABEL: func.func @counts_read_elsewhere
  func.func @counts_read_elsewhere(%x: !x, %scores: !scores, %p: !p) -> (!x, !i0) {
    // CHECK: dure.define_dims
    // CHECK: dure.moe
    // CHECK: return
    %zero_i = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %one_i = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %slots = dure.constant dense<2> : tensor<i64> : tensor<i64>
    %width = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %zeros = dure.constant dense<0.0> : tensor<2xf32> : tensor<2xf32>
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %ids = dure.reshape %e : !e -> !list
    %sort = dure.top_k %ids {axis = 0 : i64, k = #dure.dims<["2*t"]>, smallest = true} : (!list) -> !list
    %sorted = dure.gather_elements %ids, %sort {axis = 0 : i64} : (!list, !list) -> !list
    %places = dure.reshape %sort : !list -> !tuples
    %token = dure.div %sort, %slots : (!list, tensor<i64>) -> !list
    %tokens = dure.reshape %token : !list -> !tuples
    %xs = dure.gather_nd %x, %tokens : (!x, !tuples) -> !r8
    %f = dure.cast %sorted {to = f32} : (!list) -> !rows
    %q = dure.div %f, %width : (!rows, tensor<f32>) -> !rows
    %bin = dure.cast %q {to = i64} : (!rows) -> !list
    %low = dure.max %bin, %zero_i : (!list, tensor<i64>) -> !list
    %clamped = dure.min %low, %one_i : (!list, tensor<i64>) -> !list
    %ones = dure.broadcast %one : tensor<f32> -> !rows
    %counts = dure.scatter_elements %zeros, %clamped, %ones {axis = 0 : i64, reduction = #dure<scatter_reduction add>} : (tensor<2xf32>, !list, !rows) -> tensor<2xf32>
    %counts_i = dure.cast %counts {to = i32} : (tensor<2xf32>) -> tensor<2xi32>
    %ends_i = dure.cumsum %counts_i {axis = 0 : i64} : (tensor<2xi32>) -> tensor<2xi32>
    %ends = dure.cast %ends_i {to = i64} : (tensor<2xi32>) -> tensor<2xi64>
    %end0 = dure.slice %ends {starts = #dure.dims<["0"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    %end1 = dure.slice %ends {starts = #dure.dims<["1"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    dure.define_dims %end0 ["$v0"] : tensor<1xi64>
    dure.define_dims %end1 ["$v1"] : tensor<1xi64>
    %range0 = dure.iota 0 : !i0
    %from0 = dure.iota 0 : !i1
    %start1 = dure.dim_values <["$v0"]> : tensor<i64>
    %range1 = dure.add %from0, %start1 : (!i1, tensor<i64>) -> !i1
    %u0 = dure.get_weight @in0 : tensor<8x8xf32>
    %u1 = dure.get_weight @in1 : tensor<8x8xf32>
    %a0 = dure.gather %xs, %range0 {axis = 0 : i64} : (!r8, !i0) -> !x8_0
    %m0 = dure.matmul %a0, %u0 : (!x8_0, tensor<8x8xf32>) -> !x8_0
    %a1 = dure.gather %xs, %range1 {axis = 0 : i64} : (!r8, !i1) -> !x8_1
    %m1 = dure.matmul %a1, %u1 : (!x8_1, tensor<8x8xf32>) -> !x8_1
    %gu = dure.concat %m0, %m1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %g = dure.slice %gu {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %u = dure.slice %gu {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %act = dure.silu %g : (!s4) -> !s4
    %h = dure.mul %act, %u : (!s4, !s4) -> !s4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %h0 = dure.gather %h, %range0 {axis = 0 : i64} : (!s4, !i0) -> !x4_0
    %n0 = dure.matmul %h0, %d0 : (!x4_0, tensor<4x8xf32>) -> !x8_0
    %h1 = dure.gather %h, %range1 {axis = 0 : i64} : (!s4, !i1) -> !x4_1
    %n1 = dure.matmul %h1, %d1 : (!x4_1, tensor<4x8xf32>) -> !x8_1
    %o = dure.concat %n0, %n1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %empty = dure.broadcast %zero_i : tensor<i64> -> !list
    %count = dure.iota 0 : !list
    %inverse = dure.scatter_nd %empty, %places, %count : (!list, !tuples, !list) -> !list
    %flat = dure.reshape %p : !p -> !rows
    %ps = dure.gather_nd %flat, %places : (!rows, !tuples) -> !rows
    %pc = dure.reshape %ps : !rows -> !rows1
    %w = dure.mul %o, %pc : (!s8, !rows1) -> !s8
    %back = dure.gather %w, %inverse {axis = 0 : i64} : (!s8, !list) -> !r8
    %terms = dure.reshape %back : !r8 -> !x2
    %y = dure.reduce %terms {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y, %range0 : !x, !i0
  }
}
