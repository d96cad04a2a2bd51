// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-silu --dure-raise-moe --dure-fold-weights --canonicalize | FileCheck %s

!x = tensor<?x8xf32, #dure.dims<["t", "8"]>>
!scores = tensor<?x3xf32, #dure.dims<["t", "3"]>>
!e = tensor<?x2xi64, #dure.dims<["t", "2"]>>
!p = tensor<?x2xf32, #dure.dims<["t", "2"]>>
!x1 = tensor<?x1x8xf32, #dure.dims<["t", "1", "8"]>>
!x2 = tensor<?x2x8xf32, #dure.dims<["t", "2", "8"]>>
!rows1 = tensor<?x1xi64, #dure.dims<["2*t", "1"]>>
!w_in = tensor<?x8x8xf32, #dure.dims<["2*t", "8", "8"]>>
!w_out = tensor<?x8x4xf32, #dure.dims<["2*t", "8", "4"]>>
!column8 = tensor<?x8x1xf32, #dure.dims<["2*t", "8", "1"]>>
!column4 = tensor<?x4x1xf32, #dure.dims<["2*t", "4", "1"]>>
!row8 = tensor<?x1x8xf32, #dure.dims<["2*t", "1", "8"]>>
!row4 = tensor<?x1x4xf32, #dure.dims<["2*t", "1", "4"]>>
!r8 = tensor<?x8xf32, #dure.dims<["2*t", "8"]>>
!r4 = tensor<?x4xf32, #dure.dims<["2*t", "4"]>>
!r1 = tensor<?x1xf32, #dure.dims<["2*t", "1"]>>
!t4 = tensor<?x4xf32, #dure.dims<["t", "4"]>>
!t1 = tensor<?x1xf32, #dure.dims<["t", "1"]>>
!t = tensor<?xf32, #dure.dims<["t"]>>

module attributes {dure.files = ["w.bin"]} {
  dure.weight @in from <file = 0, offset = 0, size = 768, type = tensor<3x8x8xf32>> : tensor<3x8x8xf32>
  dure.weight @out from <file = 0, offset = 768, size = 384, type = tensor<3x8x4xf32>> : tensor<3x8x4xf32>
  dure.weight @out_kn from <file = 0, offset = 768, size = 384, type = tensor<3x4x8xf32>> : tensor<3x4x8xf32>
  dure.weight @in_bias from <file = 0, offset = 1152, size = 96, type = tensor<3x8xf32>> : tensor<3x8xf32>
  dure.weight @in0 from <file = 0, offset = 0, size = 768, type = tensor<3x8x8xf32>> [#dure.step<slice[0, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @out0 from <file = 0, offset = 768, size = 384, type = tensor<3x8x4xf32>> [#dure.step<slice[0, 0, 0, 1, 8, 4, 1, 1, 1] -> tensor<1x8x4xf32>>, #dure.step<reshape -> tensor<8x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @in1 from <file = 0, offset = 0, size = 768, type = tensor<3x8x8xf32>> [#dure.step<slice[1, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @out1 from <file = 0, offset = 768, size = 384, type = tensor<3x8x4xf32>> [#dure.step<slice[1, 0, 0, 1, 8, 4, 1, 1, 1] -> tensor<1x8x4xf32>>, #dure.step<reshape -> tensor<8x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @in2 from <file = 0, offset = 0, size = 768, type = tensor<3x8x8xf32>> [#dure.step<slice[2, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @out2 from <file = 0, offset = 768, size = 384, type = tensor<3x8x4xf32>> [#dure.step<slice[2, 0, 0, 1, 8, 4, 1, 1, 1] -> tensor<1x8x4xf32>>, #dure.step<reshape -> tensor<8x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>

  // Tests weights that are gathered for each row, gate and up in one matrix: they
  // are cut and turned when they are loaded.
  // CHECK-LABEL: func.func @batched
  func.func @batched(%x: !x, %e: !e, %p: !p) -> !x {
    // CHECK-DAG: %[[G:.*]] = dure.get_weight @in.slice.transpose : tensor<3x8x4xf32>
    // CHECK-DAG: %[[U:.*]] = dure.get_weight @in.slice_{{[0-9]+}}.transpose : tensor<3x8x4xf32>
    // CHECK-DAG: %[[D:.*]] = dure.get_weight @out.transpose : tensor<3x4x8xf32>
    // CHECK: %[[Y:.*]] = dure.moe %{{.*}} to %{{.*}} by %{{.*}} gate %[[G]] up %[[U]] down %[[D]] {activation = #dure<glu_activation silu>}
    // CHECK-NEXT: return %[[Y]]
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %alpha = dure.constant dense<1.702> : tensor<f32> : tensor<f32>
    %most = dure.constant dense<7.0> : tensor<f32> : tensor<f32>
    %least = dure.constant dense<-7.0> : tensor<f32> : tensor<f32>
    %x1 = dure.reshape %x : !x -> !x1
    %x2 = dure.broadcast %x1 : !x1 -> !x2
    %ids = dure.reshape %e : !e -> !rows1
    %w = dure.get_weight @in : tensor<3x8x8xf32>
    %ws = dure.gather_nd %w, %ids : (tensor<3x8x8xf32>, !rows1) -> !w_in
    %xc = dure.reshape %x2 : !x2 -> !column8
    %m = dure.matmul %ws, %xc : (!w_in, !column8) -> !column8
    %h0 = dure.reshape %m : !column8 -> !r8
    %g = dure.slice %h0 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["2*t", "4"]>, steps = array<i64: 1, 1>} : (!r8) -> !r4
    %u = dure.slice %h0 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["2*t", "4"]>, steps = array<i64: 1, 1>} : (!r8) -> !r4
    %s = dure.sigmoid %g : (!r4) -> !r4
    %a = dure.mul %g, %s : (!r4, !r4) -> !r4
    %h = dure.mul %a, %u : (!r4, !r4) -> !r4
    %d = dure.get_weight @out : tensor<3x8x4xf32>
    %ds = dure.gather_nd %d, %ids : (tensor<3x8x4xf32>, !rows1) -> !w_out
    %hc = dure.reshape %h : !r4 -> !column4
    %n = dure.matmul %ds, %hc : (!w_out, !column4) -> !column8
    %o = dure.reshape %n : !column8 -> !r8
    %pc = dure.reshape %p : !p -> !r1
    %q = dure.mul %o, %pc : (!r8, !r1) -> !r8
    %q2 = dure.reshape %q : !r8 -> !x2
    %y = dure.reduce %q2 {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y : !x
  }

  // Tests pairs of gate and up side by side, with biases, limits and a factor in
  // the sigmoid (gpt-oss), and a matrix that is stored as it multiplies a row.
  // CHECK-LABEL: func.func @interleaved
  func.func @interleaved(%x: !x, %e: !e, %p: !p) -> !x {
    // CHECK-DAG: %[[D:.*]] = dure.get_weight @out_kn : tensor<3x4x8xf32>
    // CHECK-DAG: %[[B:.*]] = dure.get_weight @in_bias.slice : tensor<3x4xf32>
    // CHECK-DAG: %[[C:.*]] = dure.get_weight @in_bias.slice_{{[0-9]+}} : tensor<3x4xf32>
    // CHECK: %[[Y:.*]] = dure.moe %{{.*}} to %{{.*}} by %{{.*}} gate %{{.*}} + %[[B]] up %{{.*}} + %[[C]] down %[[D]] {activation = #dure<glu_activation silu>, alpha = 1.702000e+00 : f32, limit = 7.000000e+00 : f32, offset = 1.000000e+00 : f32}
    // CHECK-NEXT: return %[[Y]]
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %alpha = dure.constant dense<1.702> : tensor<f32> : tensor<f32>
    %most = dure.constant dense<7.0> : tensor<f32> : tensor<f32>
    %least = dure.constant dense<-7.0> : tensor<f32> : tensor<f32>
    %x1 = dure.reshape %x : !x -> !x1
    %x2 = dure.broadcast %x1 : !x1 -> !x2
    %ids = dure.reshape %e : !e -> !rows1
    %w = dure.get_weight @in : tensor<3x8x8xf32>
    %ws = dure.gather_nd %w, %ids : (tensor<3x8x8xf32>, !rows1) -> !w_in
    %xc = dure.reshape %x2 : !x2 -> !column8
    %m = dure.matmul %ws, %xc : (!w_in, !column8) -> !column8
    %h0 = dure.reshape %m : !column8 -> !r8
    %b = dure.get_weight @in_bias : tensor<3x8xf32>
    %bs = dure.gather_nd %b, %ids : (tensor<3x8xf32>, !rows1) -> !r8
    %h1 = dure.add %h0, %bs : (!r8, !r8) -> !r8
    %g = dure.slice %h1 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["2*t", "4"]>, steps = array<i64: 1, 2>} : (!r8) -> !r4
    %u = dure.slice %h1 {starts = #dure.dims<["0", "1"]>, sizes = #dure.dims<["2*t", "4"]>, steps = array<i64: 1, 2>} : (!r8) -> !r4
    %g1 = dure.min %g, %most : (!r4, tensor<f32>) -> !r4
    %u0 = dure.max %u, %least : (!r4, tensor<f32>) -> !r4
    %u1 = dure.min %u0, %most : (!r4, tensor<f32>) -> !r4
    %s0 = dure.mul %g1, %alpha : (!r4, tensor<f32>) -> !r4
    %s1 = dure.sigmoid %s0 : (!r4) -> !r4
    %a = dure.mul %g1, %s1 : (!r4, !r4) -> !r4
    %v = dure.add %u1, %one : (!r4, tensor<f32>) -> !r4
    %h = dure.mul %v, %a : (!r4, !r4) -> !r4
    %d = dure.get_weight @out_kn : tensor<3x4x8xf32>
    %ds = dure.gather_nd %d, %ids : (tensor<3x4x8xf32>, !rows1) -> tensor<?x4x8xf32, #dure.dims<["2*t", "4", "8"]>>
    %hc = dure.reshape %h : !r4 -> !row4
    %n = dure.matmul %hc, %ds : (!row4, tensor<?x4x8xf32, #dure.dims<["2*t", "4", "8"]>>) -> !row8
    %o = dure.reshape %n : !row8 -> !r8
    %pc = dure.reshape %p : !p -> !r1
    %q = dure.mul %o, %pc : (!r8, !r1) -> !r8
    %q2 = dure.reshape %q : !r8 -> !x2
    %y = dure.reduce %q2 {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y : !x
  }

  // Tests that both layers must be of the same experts.
  // CHECK-LABEL: func.func @other_experts
  func.func @other_experts(%x: !x, %e: !e, %p: !p, %f: !e) -> !x {
    // CHECK-NOT: dure.moe
    // CHECK: return
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %alpha = dure.constant dense<1.702> : tensor<f32> : tensor<f32>
    %most = dure.constant dense<7.0> : tensor<f32> : tensor<f32>
    %least = dure.constant dense<-7.0> : tensor<f32> : tensor<f32>
    %x1 = dure.reshape %x : !x -> !x1
    %x2 = dure.broadcast %x1 : !x1 -> !x2
    %ids = dure.reshape %e : !e -> !rows1
    %other = dure.reshape %f : !e -> !rows1
    %w = dure.get_weight @in : tensor<3x8x8xf32>
    %ws = dure.gather_nd %w, %ids : (tensor<3x8x8xf32>, !rows1) -> !w_in
    %xc = dure.reshape %x2 : !x2 -> !column8
    %m = dure.matmul %ws, %xc : (!w_in, !column8) -> !column8
    %h0 = dure.reshape %m : !column8 -> !r8
    %g = dure.slice %h0 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["2*t", "4"]>, steps = array<i64: 1, 1>} : (!r8) -> !r4
    %u = dure.slice %h0 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["2*t", "4"]>, steps = array<i64: 1, 1>} : (!r8) -> !r4
    %s = dure.sigmoid %g : (!r4) -> !r4
    %a = dure.mul %g, %s : (!r4, !r4) -> !r4
    %h = dure.mul %a, %u : (!r4, !r4) -> !r4
    %d = dure.get_weight @out : tensor<3x8x4xf32>
    %ds = dure.gather_nd %d, %other : (tensor<3x8x4xf32>, !rows1) -> !w_out
    %hc = dure.reshape %h : !r4 -> !column4
    %n = dure.matmul %ds, %hc : (!w_out, !column4) -> !column8
    %o = dure.reshape %n : !column8 -> !r8
    %pc = dure.reshape %p : !p -> !r1
    %q = dure.mul %o, %pc : (!r8, !r1) -> !r8
    %q2 = dure.reshape %q : !r8 -> !x2
    %y = dure.reduce %q2 {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y : !x
  }

  // Tests every expert on every token, times a table: the experts' matrices are
  // one weight, of which each was a slice.
  // CHECK-LABEL: func.func @dense
  func.func @dense(%x: !x, %scores: !scores, %p: !p) -> !x {
    // CHECK: %[[E:.*]] = dure.top_k
    // CHECK-DAG: %[[G:.*]] = dure.get_weight @in.slice.transpose : tensor<3x8x4xf32>
    // CHECK-DAG: %[[U:.*]] = dure.get_weight @in.slice_{{[0-9]+}}.transpose : tensor<3x8x4xf32>
    // CHECK-DAG: %[[D:.*]] = dure.get_weight @out.transpose : tensor<3x4x8xf32>
    // CHECK: %[[Y:.*]] = dure.moe %{{.*}} to %[[E]] by %{{.*}} gate %[[G]] up %[[U]] down %[[D]] {activation = #dure<glu_activation silu>}
    // CHECK-NEXT: return %[[Y]]
    %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
    %zeros = dure.broadcast %zero : tensor<f32> -> !scores
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %table = dure.scatter_elements %zeros, %e, %p {axis = 1 : i64} : (!scores, !e, !p) -> !scores
    %i0 = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %w0 = dure.get_weight @in0 : tensor<8x8xf32>
    %m0 = dure.matmul %x, %w0 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g0 = dure.slice %m0 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u0 = dure.slice %m0 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a0 = dure.silu %g0 : (!t4) -> !t4
    %h0 = dure.mul %a0, %u0 : (!t4, !t4) -> !t4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %o0 = dure.matmul %h0, %d0 : (!t4, tensor<4x8xf32>) -> !x
    %c0 = dure.gather %table, %i0 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc0 = dure.reshape %c0 : !t -> !t1
    %t0 = dure.mul %o0, %cc0 : (!x, !t1) -> !x
    %s0 = dure.add %t0, %zero : (!x, tensor<f32>) -> !x
    %i1 = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %w1 = dure.get_weight @in1 : tensor<8x8xf32>
    %m1 = dure.matmul %x, %w1 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g1 = dure.slice %m1 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u1 = dure.slice %m1 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a1 = dure.silu %g1 : (!t4) -> !t4
    %h1 = dure.mul %a1, %u1 : (!t4, !t4) -> !t4
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %o1 = dure.matmul %h1, %d1 : (!t4, tensor<4x8xf32>) -> !x
    %c1 = dure.gather %table, %i1 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc1 = dure.reshape %c1 : !t -> !t1
    %t1 = dure.mul %o1, %cc1 : (!x, !t1) -> !x
    %s1 = dure.add %s0, %t1 : (!x, !x) -> !x
    %i2 = dure.constant dense<2> : tensor<i64> : tensor<i64>
    %w2 = dure.get_weight @in2 : tensor<8x8xf32>
    %m2 = dure.matmul %x, %w2 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g2 = dure.slice %m2 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u2 = dure.slice %m2 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a2 = dure.silu %g2 : (!t4) -> !t4
    %h2 = dure.mul %a2, %u2 : (!t4, !t4) -> !t4
    %d2 = dure.get_weight @out2 : tensor<4x8xf32>
    %o2 = dure.matmul %h2, %d2 : (!t4, tensor<4x8xf32>) -> !x
    %c2 = dure.gather %table, %i2 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc2 = dure.reshape %c2 : !t -> !t1
    %t2 = dure.mul %o2, %cc2 : (!x, !t1) -> !x
    %s2 = dure.add %s1, %t2 : (!x, !x) -> !x
    return %s2 : !x
  }

  // Tests that a sum that lacks an expert is none.
  // CHECK-LABEL: func.func @some_experts
  func.func @some_experts(%x: !x, %scores: !scores, %p: !p) -> !x {
    // CHECK-NOT: dure.moe
    // CHECK: return
    %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
    %zeros = dure.broadcast %zero : tensor<f32> -> !scores
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %table = dure.scatter_elements %zeros, %e, %p {axis = 1 : i64} : (!scores, !e, !p) -> !scores
    %i0 = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %w0 = dure.get_weight @in0 : tensor<8x8xf32>
    %m0 = dure.matmul %x, %w0 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g0 = dure.slice %m0 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u0 = dure.slice %m0 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a0 = dure.silu %g0 : (!t4) -> !t4
    %h0 = dure.mul %a0, %u0 : (!t4, !t4) -> !t4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %o0 = dure.matmul %h0, %d0 : (!t4, tensor<4x8xf32>) -> !x
    %c0 = dure.gather %table, %i0 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc0 = dure.reshape %c0 : !t -> !t1
    %t0 = dure.mul %o0, %cc0 : (!x, !t1) -> !x
    %s0 = dure.add %t0, %zero : (!x, tensor<f32>) -> !x
    %i1 = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %w1 = dure.get_weight @in1 : tensor<8x8xf32>
    %m1 = dure.matmul %x, %w1 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g1 = dure.slice %m1 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u1 = dure.slice %m1 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a1 = dure.silu %g1 : (!t4) -> !t4
    %h1 = dure.mul %a1, %u1 : (!t4, !t4) -> !t4
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %o1 = dure.matmul %h1, %d1 : (!t4, tensor<4x8xf32>) -> !x
    %c1 = dure.gather %table, %i1 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc1 = dure.reshape %c1 : !t -> !t1
    %t1 = dure.mul %o1, %cc1 : (!x, !t1) -> !x
    %s1 = dure.add %s0, %t1 : (!x, !x) -> !x
    return %s1 : !x
  }

  // Tests that indices that may name an expert twice, which a table holds once,
  // are left alone.
  // CHECK-LABEL: func.func @any_indices
  func.func @any_indices(%x: !x, %scores: !scores, %p: !p, %e: !e) -> !x {
    // CHECK-NOT: dure.moe
    // CHECK: return
    %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
    %zeros = dure.broadcast %zero : tensor<f32> -> !scores
    %table = dure.scatter_elements %zeros, %e, %p {axis = 1 : i64} : (!scores, !e, !p) -> !scores
    %i0 = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %w0 = dure.get_weight @in0 : tensor<8x8xf32>
    %m0 = dure.matmul %x, %w0 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g0 = dure.slice %m0 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u0 = dure.slice %m0 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a0 = dure.silu %g0 : (!t4) -> !t4
    %h0 = dure.mul %a0, %u0 : (!t4, !t4) -> !t4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %o0 = dure.matmul %h0, %d0 : (!t4, tensor<4x8xf32>) -> !x
    %c0 = dure.gather %table, %i0 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc0 = dure.reshape %c0 : !t -> !t1
    %t0 = dure.mul %o0, %cc0 : (!x, !t1) -> !x
    %s0 = dure.add %t0, %zero : (!x, tensor<f32>) -> !x
    %i1 = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %w1 = dure.get_weight @in1 : tensor<8x8xf32>
    %m1 = dure.matmul %x, %w1 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g1 = dure.slice %m1 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u1 = dure.slice %m1 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a1 = dure.silu %g1 : (!t4) -> !t4
    %h1 = dure.mul %a1, %u1 : (!t4, !t4) -> !t4
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %o1 = dure.matmul %h1, %d1 : (!t4, tensor<4x8xf32>) -> !x
    %c1 = dure.gather %table, %i1 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc1 = dure.reshape %c1 : !t -> !t1
    %t1 = dure.mul %o1, %cc1 : (!x, !t1) -> !x
    %s1 = dure.add %s0, %t1 : (!x, !x) -> !x
    %i2 = dure.constant dense<2> : tensor<i64> : tensor<i64>
    %w2 = dure.get_weight @in2 : tensor<8x8xf32>
    %m2 = dure.matmul %x, %w2 {transpose_rhs = true} : (!x, tensor<8x8xf32>) -> !x
    %g2 = dure.slice %m2 {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %u2 = dure.slice %m2 {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["t", "4"]>, steps = array<i64: 1, 1>} : (!x) -> !t4
    %a2 = dure.silu %g2 : (!t4) -> !t4
    %h2 = dure.mul %a2, %u2 : (!t4, !t4) -> !t4
    %d2 = dure.get_weight @out2 : tensor<4x8xf32>
    %o2 = dure.matmul %h2, %d2 : (!t4, tensor<4x8xf32>) -> !x
    %c2 = dure.gather %table, %i2 {axis = 1 : i64} : (!scores, tensor<i64>) -> !t
    %cc2 = dure.reshape %c2 : !t -> !t1
    %t2 = dure.mul %o2, %cc2 : (!x, !t1) -> !x
    %s2 = dure.add %s1, %t2 : (!x, !x) -> !x
    return %s2 : !x
  }
}
