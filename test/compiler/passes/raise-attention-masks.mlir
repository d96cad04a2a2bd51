// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-attention-masks --canonicalize | FileCheck %s

!q = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "t", "16"]>>
!k = tensor<?x4x?x16xf32, #dure.dims<["b", "4", "p + t", "16"]>>
!qi = tensor<?x1xi64, #dure.dims<["t", "1"]>>
!ki = tensor<?xi64, #dure.dims<["p + t"]>>
!c = tensor<?x?xi1, #dure.dims<["t", "p + t"]>>
!pad = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "p + t"]>>
!m = tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "p + t"]>>
!mf = tensor<?x1x?x?xf32, #dure.dims<["b", "1", "t", "p + t"]>>
!rows = tensor<?x1x?x1xf32, #dure.dims<["b", "1", "t", "1"]>>
!empty = tensor<?x1x?x1xi1, #dure.dims<["b", "1", "t", "1"]>>
!hq = tensor<?x4x?x16xf16, #dure.dims<["b", "4", "t", "16"]>>
!hk = tensor<?x4x?x16xf16, #dure.dims<["b", "4", "p + t", "16"]>>
!mh = tensor<?x1x?x?xf16, #dure.dims<["b", "1", "t", "p + t"]>>

// Tests key <= query + past and padding: a causal attention with a padding
// mask.
// CHECK-LABEL: func.func @causal
// CHECK-SAME: %[[PAD:[^ ]*]]: tensor<?x1x1x?xi1
func.func @causal(%q: !q, %k: !k, %v: !k, %pad: !pad) -> !q {
  // CHECK-NEXT: dure.attention {{.*}} mask %[[PAD]] {causal = true, empty_row = #dure<empty_row mean>
  // CHECK-NEXT: return
  %past = dure.dim_values <["p"]> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %le = dure.compare %key, %own {predicate = #dure<predicate le>} : (!ki, !qi) -> !c
  %m = dure.and %le, %pad : (!c, !pad) -> !m
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!q, !k, !k, !m) -> !q
  return %y : !q
}

// Tests key > query + past - 4 beside it: a window of four keys; and that a
// mask of positions alone goes.
// CHECK-LABEL: func.func @window
func.func @window(%q: !q, %k: !k, %v: !k) -> !q {
  // CHECK-NEXT: dure.attention %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}} {causal = true, empty_row = #dure<empty_row mean>, scale = 2.500000e-01 : f32, window = 4 : i64}
  // CHECK-NEXT: return
  %past = dure.dim_values <["p"]> : tensor<i64>
  %four = dure.constant dense<4> : tensor<i64> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %first = dure.sub %own, %four : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %le = dure.compare %own, %key {predicate = #dure<predicate ge>} : (!qi, !ki) -> !c
  %gt = dure.compare %key, %first {predicate = #dure<predicate gt>} : (!ki, !qi) -> !c
  %m = dure.and %gt, %le : (!c, !c) -> !c
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!q, !k, !k, !c) -> !q
  return %y : !q
}

// Tests that an order aligned elsewhere stays a mask: key <= query, without the
// past.
// CHECK-LABEL: func.func @top_left
func.func @top_left(%q: !q, %k: !k, %v: !k) -> !q {
  // CHECK: %[[M:.*]] = dure.compare
  // CHECK-NEXT: dure.attention {{.*}} mask %[[M]] {empty_row
  %i = dure.iota 0 : !qi
  %key = dure.iota 0 : !ki
  %m = dure.compare %key, %i {predicate = #dure<predicate le>} : (!ki, !qi) -> !c
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!q, !k, !k, !c) -> !q
  return %y : !q
}

// Tests that strictly earlier keys are no causal order.
// CHECK-LABEL: func.func @strict
func.func @strict(%q: !q, %k: !k, %v: !k) -> !q {
  // CHECK: %[[M:.*]] = dure.compare
  // CHECK-NEXT: dure.attention {{.*}} mask %[[M]] {empty_row
  %past = dure.dim_values <["p"]> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %m = dure.compare %key, %own {predicate = #dure<predicate lt>} : (!ki, !qi) -> !c
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!q, !k, !k, !c) -> !q
  return %y : !q
}

// Tests that a float mask stays as it is: what it adds is not known.
// CHECK-LABEL: func.func @float
func.func @float(%q: !q, %k: !k, %v: !k, %m: tensor<?x?xf32, #dure.dims<["t", "p + t"]>>) -> !q {
  // CHECK-NEXT: dure.attention {{.*}} mask %{{.*}} {empty_row
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row nan>} : (!q, !k, !k, tensor<?x?xf32, #dure.dims<["t", "p + t"]>>) -> !q
  return %y : !q
}

// Tests masks that say what they hide: not(key > own) is causal order, and
// not(key > own or padding) is that and the padding.
// CHECK-LABEL: func.func @hidden
// CHECK-SAME: %[[PAD:[^ ]*]]: tensor<?x1x1x?xi1
func.func @hidden(%q: !q, %k: !k, %v: !k, %pad: tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "p + t"]>>) -> (!q, !q) {
  // CHECK: dure.attention {{.*}}, %{{[^ ]*}} {causal = true
  // CHECK: %[[SEEN:.*]] = dure.not %[[PAD]]
  // CHECK: dure.attention {{.*}} mask %[[SEEN]] {causal = true
  %past = dure.dim_values <["p"]> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %gt = dure.compare %key, %own {predicate = #dure<predicate gt>} : (!ki, !qi) -> !c
  %m = dure.not %gt : (!c) -> !c
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!q, !k, !k, !c) -> !q
  %or = dure.or %gt, %pad : (!c, tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "p + t"]>>) -> tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "p + t"]>>
  %m2 = dure.not %or : (tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "p + t"]>>) -> tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "p + t"]>>
  %y2 = dure.attention %q, %k, %v mask %m2 {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!q, !k, !k, tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "p + t"]>>) -> !q
  return %y, %y2 : !q, !q
}

// Tests that a comparison of floats has no opposite: with a NaN, both are false.
// CHECK-LABEL: func.func @not_of_floats
func.func @not_of_floats(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xi1> {
  // CHECK: dure.compare {{.*}} gt
  // CHECK-NEXT: dure.not
  %0 = dure.compare %x, %y {predicate = #dure<predicate gt>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %1 = dure.not %0 : (tensor<4xi1>) -> tensor<4xi1>
  return %1 : tensor<4xi1>
}

// Tests a mask that adds the lowest number to what it hides, and rows without any
// key set to 0 behind attention: what transformers' exporter makes of a mask.
// CHECK-LABEL: func.func @lowest_and_zero
// CHECK-SAME: %[[PAD:[^ ]*]]: tensor<?x1x1x?xi1
func.func @lowest_and_zero(%q: !q, %k: !k, %v: !k, %pad: !pad) -> !q {
  // CHECK-NEXT: %[[Y:.*]] = dure.attention {{.*}} mask %[[PAD]] {causal = true, empty_row = #dure<empty_row zero>
  // CHECK-NEXT: return %[[Y]]
  %past = dure.dim_values <["p"]> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %le = dure.compare %key, %own {predicate = #dure<predicate le>} : (!ki, !qi) -> !c
  %m = dure.and %le, %pad : (!c, !pad) -> !m
  %hidden = dure.not %m : (!m) -> !m
  %ones = dure.cast %hidden {to = f32} : (!m) -> !mf
  %lowest = dure.constant dense<-3.40282347E+38> : tensor<f32> : tensor<f32>
  %added = dure.mul %ones, %lowest : (!mf, tensor<f32>) -> !mf
  %y = dure.attention %q, %k, %v mask %added {scale = 0.25 : f32, empty_row = #dure<empty_row nan>} : (!q, !k, !k, !mf) -> !q
  %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
  %shown = dure.cast %m {to = f32} : (!m) -> !mf
  %count = dure.reduce %shown {axes = array<i64: 3>, keep_dims = true, kind = #dure<reduce_kind sum>} : (!mf) -> !rows
  %none = dure.compare %count, %one {predicate = #dure<predicate lt>} : (!rows, tensor<f32>) -> !empty
  %z = dure.select %none, %zero, %y : (!empty, tensor<f32>, !q) -> !q
  return %z : !q
}

// Tests that without it such rows give the mean of all values.
// CHECK-LABEL: func.func @lowest
// CHECK-SAME: %[[PAD:[^ ]*]]: tensor<?x1x1x?xi1
func.func @lowest(%q: !q, %k: !k, %v: !k, %pad: !pad) -> !q {
  // CHECK-NEXT: %[[Y:.*]] = dure.attention {{.*}} mask %[[PAD]] {causal = true, empty_row = #dure<empty_row mean>
  // CHECK-NEXT: return %[[Y]]
  %past = dure.dim_values <["p"]> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %le = dure.compare %key, %own {predicate = #dure<predicate le>} : (!ki, !qi) -> !c
  %m = dure.and %le, %pad : (!c, !pad) -> !m
  %hidden = dure.not %m : (!m) -> !m
  %ones = dure.cast %hidden {to = f32} : (!m) -> !mf
  %lowest = dure.constant dense<-3.40282347E+38> : tensor<f32> : tensor<f32>
  %added = dure.mul %ones, %lowest : (!mf, tensor<f32>) -> !mf
  %y = dure.attention %q, %k, %v mask %added {scale = 0.25 : f32, empty_row = #dure<empty_row nan>} : (!q, !k, !k, !mf) -> !q
  return %y : !q
}

// Tests that rows which are empty in another mask are set to 0 there alone.
// CHECK-LABEL: func.func @zero_by_other_mask
func.func @zero_by_other_mask(%q: !q, %k: !k, %v: !k, %pad: !pad, %other: !m) -> !q {
  // CHECK: %[[Y:.*]] = dure.attention {{.*}}empty_row = #dure<empty_row mean>
  // CHECK: dure.select %{{.*}}, %{{.*}}, %[[Y]]
  %past = dure.dim_values <["p"]> : tensor<i64>
  %i = dure.iota 0 : !qi
  %own = dure.add %i, %past : (!qi, tensor<i64>) -> !qi
  %key = dure.iota 0 : !ki
  %le = dure.compare %key, %own {predicate = #dure<predicate le>} : (!ki, !qi) -> !c
  %m = dure.and %le, %pad : (!c, !pad) -> !m
  %hidden = dure.not %m : (!m) -> !m
  %ones = dure.cast %hidden {to = f32} : (!m) -> !mf
  %lowest = dure.constant dense<-3.40282347E+38> : tensor<f32> : tensor<f32>
  %added = dure.mul %ones, %lowest : (!mf, tensor<f32>) -> !mf
  %y = dure.attention %q, %k, %v mask %added {scale = 0.25 : f32, empty_row = #dure<empty_row nan>} : (!q, !k, !k, !mf) -> !q
  %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
  %shown = dure.cast %other {to = f32} : (!m) -> !mf
  %count = dure.reduce %shown {axes = array<i64: 3>, keep_dims = true, kind = #dure<reduce_kind sum>} : (!mf) -> !rows
  %none = dure.compare %count, %one {predicate = #dure<predicate lt>} : (!rows, tensor<f32>) -> !empty
  %z = dure.select %none, %zero, %y : (!empty, tensor<f32>, !q) -> !q
  return %z : !q
}

// Tests that other rows than those of the mask may be empty when attention hides
// keys by itself.
// CHECK-LABEL: func.func @zero_beside_window
func.func @zero_beside_window(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
  // CHECK: %[[Y:.*]] = dure.attention {{.*}}empty_row = #dure<empty_row nan>
  // CHECK: dure.select %{{.*}}, %{{.*}}, %[[Y]]
  %y = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, window = 4 : i64, empty_row = #dure<empty_row nan>} : (!q, !k, !k, !m) -> !q
  %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
  %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
  %shown = dure.cast %m {to = f32} : (!m) -> !mf
  %count = dure.reduce %shown {axes = array<i64: 3>, keep_dims = true, kind = #dure<reduce_kind sum>} : (!mf) -> !rows
  %none = dure.compare %count, %one {predicate = #dure<predicate lt>} : (!rows, tensor<f32>) -> !empty
  %z = dure.select %none, %zero, %y : (!empty, tensor<f32>, !q) -> !q
  return %z : !q
}

// Tests that a number which leaves something of scores is added.
// CHECK-LABEL: func.func @not_lowest
func.func @not_lowest(%q: !q, %k: !k, %v: !k, %m: !m) -> !q {
  // CHECK: %[[M:.*]] = dure.mul
  // CHECK: dure.attention {{.*}} mask %[[M]] {empty_row = #dure<empty_row nan>
  %hidden = dure.not %m : (!m) -> !m
  %ones = dure.cast %hidden {to = f32} : (!m) -> !mf
  %lowest = dure.constant dense<-10000.0> : tensor<f32> : tensor<f32>
  %added = dure.mul %ones, %lowest : (!mf, tensor<f32>) -> !mf
  %y = dure.attention %q, %k, %v mask %added {scale = 0.25 : f32, empty_row = #dure<empty_row nan>} : (!q, !k, !k, !mf) -> !q
  return %y : !q
}

// Tests that the lowest f16 does, where a row has no key.
// CHECK-LABEL: func.func @lowest_half
func.func @lowest_half(%q: !hq, %k: !hk, %v: !hk, %m: !m) -> !hq {
  // CHECK: %[[M:.*]] = dure.mul
  // CHECK: dure.attention {{.*}} mask %[[M]] {empty_row = #dure<empty_row nan>
  %hidden = dure.not %m : (!m) -> !m
  %ones = dure.cast %hidden {to = f16} : (!m) -> !mh
  %lowest = dure.constant dense<-65504.0> : tensor<f16> : tensor<f16>
  %added = dure.mul %ones, %lowest : (!mh, tensor<f16>) -> !mh
  %y = dure.attention %q, %k, %v mask %added {scale = 0.25 : f32, empty_row = #dure<empty_row nan>} : (!hq, !hk, !hk, !mh) -> !hq
  return %y : !hq
}
