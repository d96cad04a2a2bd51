// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-keep-windows --split-input-file | FileCheck %s

!cache = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!keys = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!mask = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "past + t"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>

// Tests that caches of a window of 8 hold 7 positions: read with the new ones
// behind, the mask's last columns beside them, and written from row 0 on.
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[K:[^ ]*]]: tensor<?x2x?x16xf32, #dure.dims<["b", "2", "min(7, c)", "16"]>> {dure.name = "k", dure.state}
// CHECK-SAME: %[[V:[^ ]*]]: tensor<?x2x?x16xf32, #dure.dims<["b", "2", "min(7, c)", "16"]>> {dure.name = "v", dure.state}
// CHECK: %[[ZERO:.*]] = dure.broadcast
// CHECK: %[[MASK:.*]] = dure.slice %{{.*}} {sizes = #dure.dims<["b", "1", "1", "min(7, past) + t"]>, starts = #dure.dims<["0", "0", "0", "-min(7, past) + past"]>
// CHECK: %[[OLD:.*]] = dure.slice %[[K]] {sizes = #dure.dims<["b", "2", "min(7, past)", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>
// CHECK: %[[SEEN:.*]] = dure.concat %[[OLD]], %[[NEW:.*]] {axis = 2
// CHECK: %[[KEPT:.*]] = dure.slice %[[SEEN]] {sizes = #dure.dims<["b", "2", "min(7, past + t)", "16"]>, starts = #dure.dims<["0", "0", "-min(7, past + t) + min(7, past) + t", "0"]>
// CHECK: dure.cache_update %[[K]], %[[KEPT]], %[[ZERO]]
// CHECK: %[[VALUES:.*]] = dure.concat
// CHECK: dure.cache_update %[[V]]
// CHECK: dure.attention %[[NEW]], %[[SEEN]], %[[VALUES]] mask %[[MASK]] {causal = true, {{.*}} window = 8
func.func @step(%new: !new {dure.name = "x"}, %mask: !mask {dure.name = "mask"}, %k: !cache {dure.name = "k", dure.state}, %v: !cache {dure.name = "v", dure.state}, %lengths: !lengths {dure.state_lengths}) -> (!new {dure.name = "y"}) attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %0 = dure.cache_update %k, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %1 = dure.slice %0 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %2 = dure.cache_update %v, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %3 = dure.slice %2 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %4 = dure.attention %new, %1, %3 mask %mask {causal = true, empty_row = #dure<empty_row mean>, scale = 1.0 : f32, window = 8 : i64} : (!new, !keys, !keys, !mask) -> !new
  return %4 : !new
}

// -----

!cache = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!keys = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!mask = tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "past + t"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>

// Tests that caches keep all positions where one attention sees all of them,
// and where a row that a mask of its own leaves no key gives the mean of all
// values.
// CHECK-LABEL: func.func @step
// CHECK-SAME: "c", "16"
// CHECK-SAME: "c", "16"
// CHECK-SAME: "c", "16"
// CHECK-NOT: min(
func.func @step(%new: !new {dure.name = "x"}, %mask: !mask {dure.name = "mask"}, %k: !cache {dure.name = "k", dure.state}, %v: !cache {dure.name = "v", dure.state}, %u: !cache {dure.name = "u", dure.state}, %lengths: !lengths {dure.state_lengths}) -> (!new {dure.name = "y"}, !new {dure.name = "z"}, !new {dure.name = "w"}) attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %0 = dure.cache_update %k, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %1 = dure.slice %0 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %2 = dure.cache_update %v, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %3 = dure.slice %2 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %4 = dure.attention %new, %1, %3 {causal = true, empty_row = #dure<empty_row zero>, scale = 1.0 : f32, window = 8 : i64} : (!new, !keys, !keys) -> !new
  %5 = dure.attention %new, %3, %1 {causal = true, empty_row = #dure<empty_row zero>, scale = 1.0 : f32} : (!new, !keys, !keys) -> !new
  %6 = dure.cache_update %u, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %7 = dure.slice %6 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %8 = dure.attention %new, %7, %7 mask %mask {causal = true, empty_row = #dure<empty_row mean>, scale = 1.0 : f32, window = 8 : i64} : (!new, !keys, !keys, !mask) -> !new
  return %4, %5, %8 : !new, !new, !new
}
