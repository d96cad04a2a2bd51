// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-attention --canonicalize 2>&1 \
// RUN:   | FileCheck %s --implicit-check-not="come to rest"

!q = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "t", "16"]>>
!k = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "s", "16"]>>
!kt = tensor<?x4x16x?xf32, #dure.dims<["b", "4", "16", "s"]>>
!p = tensor<?x4x?x?xf32, #dure.dims<["b", "4", "t", "s"]>>
!pb = tensor<?x4x?x?xi1, #dure.dims<["b", "4", "t", "s"]>>
!m = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "s"]>>
!mf = tensor<?x1x1x?xf32, #dure.dims<["b", "1", "1", "s"]>>
!f = tensor<f32>

// Tests the sdpa form: the scale's root on both sides, an added mask of the
// lowest number (rows without keys give the mean of v, so the tail that zeroes
// NaN has nothing to do).
// CHECK-LABEL: func.func @sdpa
// CHECK-SAME: %[[Q:.*]]: tensor<{{.*}}, %[[K:.*]]: tensor<{{.*}}, %[[V:.*]]: tensor<{{.*}}, %[[M:.*]]: tensor<?x1x1x?xi1
func.func @sdpa(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
  // CHECK-NEXT: %[[Y:.*]] = dure.attention %[[Q]], %[[K]], %[[V]] mask %[[M]] {empty_row = #dure<empty_row mean>, scale = 2.500000e-01 : f32}
  // CHECK-NEXT: return %[[Y]]
  %half = dure.constant dense<0.5> : !f : !f
  %zero = dure.constant dense<0.0> : !f : !f
  %lowest = dure.constant dense<0xFF7FFFFF> : !f : !f
  %kt = dure.transpose %k {permutation = array<i64: 0, 1, 3, 2>} : (!k) -> !kt
  %0 = dure.mul %q, %half : (!q, !f) -> !q
  %1 = dure.mul %kt, %half : (!kt, !f) -> !kt
  %2 = dure.select %m, %zero, %lowest : (!m, !f, !f) -> !mf
  %3 = dure.matmul %0, %1 : (!q, !kt) -> !p
  %4 = dure.add %3, %2 : (!p, !mf) -> !p
  %5 = dure.softmax %4 {axis = 3 : i64} : (!p) -> !p
  %6 = dure.is_nan %5 : (!p) -> !pb
  %7 = dure.select %6, %zero, %5 : (!pb, !f, !p) -> !p
  %8 = dure.matmul %7, %v : (!p, !k) -> !q
  return %8 : !q
}

// Tests that -inf with the tail gives zero, without it NaN.
// CHECK-LABEL: func.func @infinite
func.func @infinite(%q: !q, %k: !k, %v: !k, %m: !m) -> (!q, !q) {
  // CHECK-DAG: dure.attention {{.*}} mask %{{.*}} {empty_row = #dure<empty_row zero>, scale = 1.000000e+00 : f32}
  // CHECK-DAG: dure.attention {{.*}} mask %{{.*}} {empty_row = #dure<empty_row nan>, scale = 1.000000e+00 : f32}
  %zero = dure.constant dense<0.0> : !f : !f
  %inf = dure.constant dense<0xFF800000> : !f : !f
  %0 = dure.select %m, %zero, %inf : (!m, !f, !f) -> !mf
  %1 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %2 = dure.add %0, %1 : (!mf, !p) -> !p
  %3 = dure.softmax %2 {axis = 3 : i64} : (!p) -> !p
  %4 = dure.is_nan %3 : (!p) -> !pb
  %5 = dure.select %4, %zero, %3 : (!pb, !f, !p) -> !p
  %6 = dure.matmul %5, %v : (!p, !k) -> !q
  %7 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %8 = dure.add %7, %0 : (!p, !mf) -> !p
  %9 = dure.softmax %8 {axis = 3 : i64} : (!p) -> !p
  %10 = dure.matmul %9, %v : (!p, !k) -> !q
  return %6, %10 : !q, !q
}

// Tests the eager form, one scale on the scores, and that an added mask of
// other numbers stays one: -1e4 is not lost in sums.
// CHECK-LABEL: func.func @eager
func.func @eager(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
  // CHECK: %[[ADDED:.*]] = dure.select
  // CHECK-NEXT: dure.attention {{.*}} mask %[[ADDED]] {empty_row = #dure<empty_row nan>, scale = 2.500000e-01 : f32}
  // CHECK-NEXT: return
  %four = dure.constant dense<4.0> : !f : !f
  %zero = dure.constant dense<0.0> : !f : !f
  %low = dure.constant dense<-1.0e4> : !f : !f
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.div %0, %four : (!p, !f) -> !p
  %2 = dure.select %m, %zero, %low : (!m, !f, !f) -> !mf
  %3 = dure.add %1, %2 : (!p, !mf) -> !p
  %4 = dure.softmax %3 {axis = 3 : i64} : (!p) -> !p
  %5 = dure.matmul %4, %v : (!p, !k) -> !q
  return %5 : !q
}

// Tests a soft cap: 50 tanh(s / 50).
// CHECK-LABEL: func.func @softcap
func.func @softcap(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
  // CHECK-NEXT: dure.attention {{.*}} {empty_row = #dure<empty_row mean>, scale = 2.500000e-01 : f32, softcap = 5.000000e+01 : f32}
  // CHECK-NEXT: return
  %scale = dure.constant dense<0.25> : !f : !f
  %cap = dure.constant dense<50.0> : !f : !f
  %zero = dure.constant dense<0.0> : !f : !f
  %lowest = dure.constant dense<0xFF7FFFFF> : !f : !f
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.mul %0, %scale : (!p, !f) -> !p
  %2 = dure.div %1, %cap : (!p, !f) -> !p
  %3 = dure.tanh %2 : (!p) -> !p
  %4 = dure.mul %3, %cap : (!p, !f) -> !p
  %5 = dure.select %m, %zero, %lowest : (!m, !f, !f) -> !mf
  %6 = dure.add %4, %5 : (!p, !mf) -> !p
  %7 = dure.softmax %6 {axis = 3 : i64} : (!p) -> !p
  %8 = dure.matmul %7, %v : (!p, !k) -> !q
  return %8 : !q
}

// Tests that a softmax over queries is no attention.
// CHECK-LABEL: func.func @other_axis
func.func @other_axis(%q: !q, %k: !k, %v: !k) -> !q {
  // CHECK-NOT: dure.attention
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.softmax %0 {axis = 2 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !k) -> !q
  return %2 : !q
}

// Tests that weights that the model returns are computed once, by the parts.
// CHECK-LABEL: func.func @weights_returned
func.func @weights_returned(%q: !q, %k: !k, %v: !k) -> (!q, !p) {
  // CHECK-NOT: dure.attention
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.softmax %0 {axis = 3 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !k) -> !q
  return %2, %1 : !q, !p
}

// Tests that a scale per head is none that the op has: it goes with q.
// CHECK-LABEL: func.func @scale_per_head
func.func @scale_per_head(%q: !q, %k: !k, %v: !k, %s: tensor<4x1x1xf32>) -> !q {
  // CHECK: %[[S:.*]] = dure.mul
  // CHECK-NEXT: dure.attention %[[S]]
  %0 = dure.mul %q, %s : (!q, tensor<4x1x1xf32>) -> !q
  %1 = dure.matmul %0, %k {transpose_rhs = true} : (!q, !k) -> !p
  %2 = dure.softmax %1 {axis = 3 : i64} : (!p) -> !p
  %3 = dure.matmul %2, %v : (!p, !k) -> !q
  return %3 : !q
}

!ps = tensor<?x4x?x?xf32, #dure.dims<["b", "4", "t", "s + 1"]>>
!col = tensor<?x4x?x1xf32, #dure.dims<["b", "4", "t", "1"]>>
!max = tensor<?x4x?x1xf32, #dure.dims<["b", "4", "t", "1"]>>

// Tests attention sinks: a column of scores per head that takes weight and
// gives no value, all of it in rows without keys.
// CHECK-LABEL: func.func @sinks
// CHECK-SAME: %[[S:[^ ]*]]: tensor<4xf32>, %[[M:[^ ]*]]: tensor<?x1x1x?xi1
func.func @sinks(%q: !q, %k: !k, %v: !k, %s: tensor<4xf32>, %m: !m) -> !q {
  // CHECK: dure.attention {{.*}} mask %[[M]] sinks %[[S]] {empty_row = #dure<empty_row zero>
  // CHECK-NEXT: return
  %zero = dure.constant dense<0.0> : !f : !f
  %lowest = dure.constant dense<0xFF7FFFFF> : !f : !f
  %00 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %01 = dure.select %m, %zero, %lowest : (!m, !f, !f) -> !mf
  %0 = dure.add %00, %01 : (!p, !mf) -> !p
  %1 = dure.reshape %s : tensor<4xf32> -> tensor<1x4x1x1xf32>
  %2 = dure.broadcast %1 : tensor<1x4x1x1xf32> -> !col
  %3 = dure.concat %0, %2 {axis = 3 : i64} : (!p, !col) -> !ps
  %4 = dure.reduce %3 {kind = #dure<reduce_kind max>, axes = array<i64: 3>, keep_dims = true} : (!ps) -> !max
  %5 = dure.sub %3, %4 : (!ps, !max) -> !ps
  %6 = dure.softmax %5 {axis = 3 : i64} : (!ps) -> !ps
  %7 = dure.slice %6 {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "4", "t", "s"]>, steps = array<i64: 1, 1, 1, 1>} : (!ps) -> !p
  %8 = dure.matmul %7, %v : (!p, !k) -> !q
  return %8 : !q
}

// Tests that a softmax over joined keys of which the last goes unread is no
// sink: every row has another score there.
// CHECK-LABEL: func.func @dropped_key
func.func @dropped_key(%p: !p, %c: !col, %v: !k) -> !q {
  // CHECK-NOT: dure.attention
  %3 = dure.concat %p, %c {axis = 3 : i64} : (!p, !col) -> !ps
  %6 = dure.softmax %3 {axis = 3 : i64} : (!ps) -> !ps
  %7 = dure.slice %6 {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "4", "t", "s"]>, steps = array<i64: 1, 1, 1, 1>} : (!ps) -> !p
  %8 = dure.matmul %7, %v : (!p, !k) -> !q
  return %8 : !q
}

// Tests a mask that says which keys are hidden, chosen in place of scores.
// CHECK-LABEL: func.func @hidden
// CHECK-SAME: %[[M:[^ ]*]]: tensor<?x1x1x?xi1
func.func @hidden(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
  // CHECK: %[[SEEN:.*]] = dure.not %[[M]]
  // CHECK: dure.attention {{.*}} mask %[[SEEN]] {empty_row = #dure<empty_row nan>
  %inf = dure.constant dense<0xFF800000> : !f : !f
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.select %m, %inf, %0 : (!m, !f, !p) -> !p
  %2 = dure.softmax %1 {axis = 3 : i64} : (!p) -> !p
  %3 = dure.matmul %2, %v : (!p, !k) -> !q
  return %3 : !q
}

// Tests that -c tanh(s / c) is no soft cap.
// CHECK-LABEL: func.func @negative_cap
func.func @negative_cap(%q: !q, %k: !k, %v: !k) -> !q {
  // CHECK-NOT: dure.attention
  %cap = dure.constant dense<-50.0> : !f : !f
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.div %0, %cap : (!p, !f) -> !p
  %2 = dure.tanh %1 : (!p) -> !p
  %3 = dure.mul %2, %cap : (!p, !f) -> !p
  %4 = dure.softmax %3 {axis = 3 : i64} : (!p) -> !p
  %5 = dure.matmul %4, %v : (!p, !k) -> !q
  return %5 : !q
}

!k1 = tensor<1x4x?x16xf32, #dure.dims<["1", "4", "s", "16"]>>
!kt1 = tensor<1x4x16x?xf32, #dure.dims<["1", "4", "16", "s"]>>
!p1 = tensor<1x4x?x?xf32, #dure.dims<["1", "4", "t", "s"]>>
!q1 = tensor<1x4x?x16xf32, #dure.dims<["1", "4", "t", "16"]>>

// Tests that keys of one batch, which a matmul repeats for all of q's, are none
// that attention may read.
// CHECK-LABEL: func.func @keys_of_one_batch
func.func @keys_of_one_batch(%q: !q, %k: !k1, %v: !k) -> !q {
  // CHECK-NOT: dure.attention
  %kt = dure.transpose %k {permutation = array<i64: 0, 1, 3, 2>} : (!k1) -> !kt1
  %0 = dure.matmul %q, %kt : (!q, !kt1) -> !p
  %1 = dure.softmax %0 {axis = 3 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !k) -> !q
  return %2 : !q
}

// Tests the same of values of one batch.
// CHECK-LABEL: func.func @values_of_one_batch
func.func @values_of_one_batch(%q: !q, %k: !k, %v: !k1) -> !q {
  // CHECK-NOT: dure.attention
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k) -> !p
  %1 = dure.softmax %0 {axis = 3 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !k1) -> !q
  return %2 : !q
}

// Tests the same of queries of one batch: learned ones, say.
// CHECK-LABEL: func.func @queries_of_one_batch
func.func @queries_of_one_batch(%q: !q1, %k: !k, %v: !k) -> !q {
  // CHECK-NOT: dure.attention
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q1, !k) -> !p
  %1 = dure.softmax %0 {axis = 3 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !k) -> !q
  return %2 : !q
}

// Tests that two batches of unlike names are not taken to be one.
!kb = tensor<?x4x?x16xf32, #dure.dims<["kb", "4", "s", "16"]>>
// CHECK-LABEL: func.func @unlike_batches
func.func @unlike_batches(%q: !q, %k: !kb, %v: !kb) -> !q {
  // CHECK-NOT: dure.attention
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !kb) -> !p
  %1 = dure.softmax %0 {axis = 3 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !kb) -> !q
  return %2 : !q
}

// Tests one key head for all query heads, but not one value head for as many
// key heads.
!k_1 = tensor<?x1x?x16xf32, #dure.dims<["b", "1", "s", "16"]>>
// CHECK-LABEL: func.func @one_head
func.func @one_head(%q: !q, %k: !k_1, %v: !k_1, %keys: !k) -> (!q, !q) {
  // CHECK: dure.attention
  // CHECK-NOT: dure.attention
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q, !k_1) -> !p
  %1 = dure.softmax %0 {axis = 3 : i64} : (!p) -> !p
  %2 = dure.matmul %1, %v : (!p, !k_1) -> !q
  %3 = dure.matmul %q, %keys {transpose_rhs = true} : (!q, !k) -> !p
  %4 = dure.softmax %3 {axis = 3 : i64} : (!p) -> !p
  %5 = dure.matmul %4, %v : (!p, !k_1) -> !q
  return %2, %5 : !q, !q
}

// Tests that a mask of more batches than the scores, which repeats them, is no
// mask of attention, chosen or added.
// CHECK-LABEL: func.func @wide_mask
func.func @wide_mask(%q: !q1, %k: !k1, %v: !k, %m: !m, %f: !mf) -> (!q, !q) {
  // CHECK-NOT: dure.attention
  %inf = dure.constant dense<0xFF800000> : !f : !f
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!q1, !k1) -> !p1
  %1 = dure.select %m, %0, %inf : (!m, !p1, !f) -> !p
  %2 = dure.softmax %1 {axis = 3 : i64} : (!p) -> !p
  %3 = dure.matmul %2, %v : (!p, !k) -> !q
  %4 = dure.matmul %q, %k {transpose_rhs = true} : (!q1, !k1) -> !p1
  %5 = dure.add %4, %f : (!p1, !mf) -> !p
  %6 = dure.softmax %5 {axis = 3 : i64} : (!p) -> !p
  %7 = dure.matmul %6, %v : (!p, !k) -> !q
  return %3, %7 : !q, !q
}

// Tests that sinks beside scores of somebody else's making stay as they are.
// CHECK-LABEL: func.func @sinks_of_other_scores
func.func @sinks_of_other_scores(%p: !p, %v: !k, %s: tensor<1x4x1x1xf32>) -> !q {
  // CHECK-NOT: dure.attention
  %0 = dure.broadcast %s : tensor<1x4x1x1xf32> -> !col
  %1 = dure.concat %p, %0 {axis = 3 : i64} : (!p, !col) -> !ps
  %2 = dure.softmax %1 {axis = 3 : i64} : (!ps) -> !ps
  %3 = dure.slice %2 {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "4", "t", "s"]>, steps = array<i64: 1, 1, 1, 1>} : (!ps) -> !p
  %4 = dure.matmul %3, %v : (!p, !k) -> !q
  return %4 : !q
}

!qh = tensor<?x4x?x16xf16, #dure.dims<["b", "4", "t", "16"]>>
!kh = tensor<?x4x?x16xf16, #dure.dims<["b", "4", "s", "16"]>>
!ph = tensor<?x4x?x?xf16, #dure.dims<["b", "4", "t", "s"]>>
!mh = tensor<?x1x1x?xf16, #dure.dims<["b", "1", "1", "s"]>>
!fh = tensor<f16>

// Tests that the lowest f16 in place of a score hides it, but that the sum of
// the two keeps bits of the score: the mask stays what is added.
// CHECK-LABEL: func.func @lowest_half
// CHECK-SAME: %[[M:[^ ]*]]: tensor<?x1x1x?xi1
func.func @lowest_half(%q: !qh, %k: !kh, %v: !kh, %m: !m) -> (!qh, !qh) {
  // CHECK: dure.attention {{.*}} mask %[[M]] {empty_row = #dure<empty_row mean>
  // CHECK: %[[ADDED:.*]] = dure.select %[[M]]
  // CHECK: dure.attention {{.*}} mask %[[ADDED]] {empty_row = #dure<empty_row nan>
  %zero = dure.constant dense<0.0> : !fh : !fh
  %lowest = dure.constant dense<-65504.0> : !fh : !fh
  %0 = dure.matmul %q, %k {transpose_rhs = true} : (!qh, !kh) -> !ph
  %1 = dure.select %m, %0, %lowest : (!m, !ph, !fh) -> !ph
  %2 = dure.softmax %1 {axis = 3 : i64} : (!ph) -> !ph
  %3 = dure.matmul %2, %v : (!ph, !kh) -> !qh
  %4 = dure.matmul %q, %k {transpose_rhs = true} : (!qh, !kh) -> !ph
  %5 = dure.select %m, %zero, %lowest : (!m, !fh, !fh) -> !mh
  %6 = dure.add %4, %5 : (!ph, !mh) -> !ph
  %7 = dure.softmax %6 {axis = 3 : i64} : (!ph) -> !ph
  %8 = dure.matmul %7, %v : (!ph, !kh) -> !qh
  return %3, %8 : !qh, !qh
}

!qd = tensor<?x4x?x16xf64, #dure.dims<["b", "4", "t", "16"]>>
!pd = tensor<?x4x?x?xf64, #dure.dims<["b", "4", "t", "t"]>>

// Tests that a scale of an f64 model must be one that the op's f32 holds.
// CHECK-LABEL: func.func @double_scale
func.func @double_scale(%q: !qd) -> (!qd, !qd) {
  // CHECK: dure.attention {{.*}}scale = 2.500000e-01
  // CHECK-NOT: dure.attention
  %quarter = dure.constant dense<0.25> : tensor<f64> : tensor<f64>
  %tenth = dure.constant dense<0.1> : tensor<f64> : tensor<f64>
  %0 = dure.matmul %q, %q {transpose_rhs = true} : (!qd, !qd) -> !pd
  %1 = dure.mul %0, %quarter : (!pd, tensor<f64>) -> !pd
  %2 = dure.softmax %1 {axis = 3 : i64} : (!pd) -> !pd
  %3 = dure.matmul %2, %q : (!pd, !qd) -> !qd
  %4 = dure.mul %0, %tenth : (!pd, tensor<f64>) -> !pd
  %5 = dure.softmax %4 {axis = 3 : i64} : (!pd) -> !pd
  %6 = dure.matmul %5, %q : (!pd, !qd) -> !qd
  return %3, %6 : !qd, !qd
}
