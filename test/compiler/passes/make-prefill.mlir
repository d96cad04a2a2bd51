// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-make-prefill --split-input-file | FileCheck %s

!cache = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!keys = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!heads = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!split = tensor<?x?x2x16xf32, #dure.dims<["b", "t", "2", "16"]>>
!rows = tensor<?x?x32xf32, #dure.dims<["b", "t", "32"]>>
!logits = tensor<?x?x64xf32, #dure.dims<["b", "t", "64"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>

// Tests that the head and the queries of the last layer are of the last
// position, keys of all, and that `step` stays as it is.
// CHECK-LABEL: func.func @step
// CHECK-NOT: min(
// CHECK-LABEL: func.func @prefill
// CHECK-SAME: -> (tensor<?x?x64xf32, #dure.dims<["b", "min(1, t)", "64"]>> {dure.name = "logits"})
// CHECK-SAME: dure.state_growth
// CHECK: %[[LAST:.*]] = dure.slice %[[X:.*]] {sizes = #dure.dims<["b", "min(1, t)", "32"]>, starts = #dure.dims<["0", "-min(1, t) + t", "0"]>
// CHECK: dure.reshape %[[X]]
// CHECK: %[[KEYS:.*]] = dure.slice
// CHECK: %[[Q:.*]] = dure.transpose {{.*}} -> tensor<?x2x?x16xf32, #dure.dims<["b", "2", "min(1, t)", "16"]>>
// CHECK: dure.attention %[[Q]], %[[KEYS]], %[[KEYS]] {causal = true
// CHECK: dure.add %[[LAST]]
// CHECK: dure.matmul {{.*}} -> tensor<?x?x64xf32, #dure.dims<["b", "min(1, t)", "64"]>>
func.func @step(%x: !rows {dure.name = "x"}, %past: !cache {dure.name = "past", dure.state}, %norm: tensor<32xf32> {dure.name = "norm"}, %w: tensor<32x64xf32> {dure.name = "w"}, %lengths: !lengths {dure.state_lengths}) -> (!logits {dure.name = "logits"}) attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %0 = dure.reshape %x : !rows -> !split
  %1 = dure.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (!split) -> !heads
  %2 = dure.cache_update %past, %1, %lengths : (!cache, !heads, !lengths) -> !cache
  %3 = dure.slice %2 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %4 = dure.silu %x : (!rows) -> !rows
  %5 = dure.reshape %4 : !rows -> !split
  %6 = dure.transpose %5 {permutation = array<i64: 0, 2, 1, 3>} : (!split) -> !heads
  %7 = dure.attention %6, %3, %3 {causal = true, empty_row = #dure<empty_row zero>, scale = 1.0 : f32} : (!heads, !keys, !keys) -> !heads
  %8 = dure.transpose %7 {permutation = array<i64: 0, 2, 1, 3>} : (!heads) -> !split
  %9 = dure.reshape %8 : !split -> !rows
  %10 = dure.add %x, %9 : (!rows, !rows) -> !rows
  %11 = dure.rms_norm %10, %norm {axis = 2 : i64, epsilon = 1.0e-6 : f32} : (!rows, tensor<32xf32>) -> !rows
  %12 = dure.matmul %11, %w : (!rows, tensor<32x64xf32>) -> !logits
  return %12 : !logits
}

// -----

!cache = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!heads = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!rows = tensor<?x?x32xf32, #dure.dims<["b", "t", "32"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>

// Tests that what mixes positions is computed for all of them, and what others
// read as a whole, too.
// CHECK-LABEL: func.func @prefill
// CHECK: %[[SUMS:.*]] = dure.cumsum
// CHECK: %[[LAST:.*]] = dure.slice %[[SUMS]]
// CHECK: %[[ALL:.*]] = dure.silu %[[X:.*]] : (tensor<?x?x32xf32, #dure.dims<["b", "t", "32"]>>)
// CHECK: %[[ITS:.*]] = dure.slice %[[ALL]]
// CHECK: %[[OUT:.*]] = dure.mul %[[LAST]], %[[ITS]]
// CHECK: %[[FLAT:.*]] = dure.reshape %[[ALL]]
// CHECK: return %[[OUT]], %[[FLAT]]
func.func @step(%x: !rows {dure.name = "x"}, %new: !heads {dure.name = "new"}, %past: !cache {dure.name = "past", dure.state}, %lengths: !lengths {dure.state_lengths}) -> (!rows {dure.name = "y"}, tensor<?x?xf32, #dure.dims<["b", "32*t"]>> {dure.name = "z"}) attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %0 = dure.cache_update %past, %new, %lengths : (!cache, !heads, !lengths) -> !cache
  %1 = dure.cumsum %x {axis = 1 : i64} : (!rows) -> !rows
  %2 = dure.silu %x : (!rows) -> !rows
  %3 = dure.mul %1, %2 : (!rows, !rows) -> !rows
  %4 = dure.reshape %2 : !rows -> tensor<?x?xf32, #dure.dims<["b", "32*t"]>>
  return %3, %4 : !rows, tensor<?x?xf32, #dure.dims<["b", "32*t"]>>
}

// -----

!cache = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!heads = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!pooled = tensor<?x32xf32, #dure.dims<["b", "32"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>

// Tests that a model without results of positions has no `prefill`.
// CHECK-LABEL: func.func @step
// CHECK-NOT: func.func @prefill
func.func @step(%x: !pooled {dure.name = "x"}, %new: !heads {dure.name = "new"}, %past: !cache {dure.name = "past", dure.state}, %lengths: !lengths {dure.state_lengths}) -> (!pooled {dure.name = "y"}) attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %0 = dure.cache_update %past, %new, %lengths : (!cache, !heads, !lengths) -> !cache
  return %x : !pooled
}
