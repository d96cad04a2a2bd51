// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-keep-windows=fixed-shapes | FileCheck %s
// RUN: dure-opt %s --dure-keep-windows=fixed-shapes --dure-note-equal-dims "--dure-specialize-shapes=buckets={b=1,t=2,c=24}" | FileCheck %s --check-prefix=BUCKET

!cache = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!keys = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!mask = tensor<?x1x1x?xf32, #dure.dims<["b", "1", "1", "past + t"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>

// Tests that attention reads all rows of a window and the new ones, of no size
// that the length has a part in, masked by the length; that the mask's columns
// go where the rows are; and that what the next step needs moves up.
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[K:[^ ]*]]: tensor<?x2x?x16xf32, #dure.dims<["b", "2", "min(7, c)", "16"]>> {dure.name = "k", dure.state}
// CHECK: %[[SEEN:.*]] = dure.concat %[[K]], %{{.*}} -> tensor<?x2x?x16xf32, #dure.dims<["b", "2", "min(7, c) + t", "16"]>>
// CHECK: %[[KEPT:.*]] = dure.gather %[[SEEN]], %{{.*}} {axis = 2
// CHECK: dure.cache_update %[[K]], %[[KEPT]]
// CHECK: %[[NEAR:.*]] = dure.gather %{{.*}} {axis = 3 : i64, dure.within_valid}
// CHECK: %[[MASK:.*]] = dure.select %{{.*}}, %[[NEAR]]
// CHECK: dure.attention %{{.*}}, %[[SEEN]], %{{.*}} mask %[[MASK]] {empty_row = #dure<empty_row mean>, scale

// Tests that such a step has code of fixed shapes, whose capacity is a choice
// though no tensor has it as a size.
// BUCKET: func.func private @step
// BUCKET-SAME: dure.bucket_symbols = ["b", "t", "c"]
// BUCKET: func.func private @step.b1.t2.c24({{.*}}tensor<1x2x7x16xf32> {dure.name = "k", dure.state}

func.func @step(%new: !new {dure.name = "x"}, %mask: !mask {dure.name = "mask"}, %k: !cache {dure.name = "k", dure.state}, %v: !cache {dure.name = "v", dure.state}, %lengths: !lengths {dure.state_lengths}) -> (!new {dure.name = "y"}) attributes {dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
  %0 = dure.cache_update %k, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %1 = dure.slice %0 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %2 = dure.cache_update %v, %new, %lengths : (!cache, !new, !lengths) -> !cache
  %3 = dure.slice %2 {sizes = #dure.dims<["b", "2", "past + t", "16"]>, starts = #dure.dims<["0", "0", "0", "0"]>, steps = array<i64: 1, 1, 1, 1>} : (!cache) -> !keys
  %4 = dure.attention %new, %1, %3 mask %mask {causal = true, empty_row = #dure<empty_row mean>, scale = 1.0 : f32, window = 8 : i64} : (!new, !keys, !keys, !mask) -> !new
  return %4 : !new
}
