// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s "--dure-specialize-shapes=buckets={t=600,1}" | FileCheck %s
// RUN: not dure-opt %s "--dure-specialize-shapes=buckets={t=600,1,c=512}" 2>&1 | FileCheck %s --check-prefix=NAMED

!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!kv = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "c", "16"]>>
!all = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!n = tensor<?xi64, #dure.dims<["b"]>>

// Tests that an entry on state does without sizes that it cannot have, more new
// positions than its capacity, and has the others; and that they are refused
// where they come with a capacity.
// CHECK: func.func private @step
// CHECK-SAME: dure.bucket_symbols = ["b", "t", "c"]
// CHECK-SAME: sizes = array<i64: 1, 1, 512>
// CHECK-NOT: sizes = array<i64: 1, 600
// CHECK: func.func private @step.b1.t1.c512
// NAMED: error: entry 'step' cannot have the bucket 'b=1, c=512, t=600': it has more new positions than the state's capacity
func.func @step(%q: !new, %k: !kv {dure.state}, %n: !n {dure.state_lengths}) -> !new
    attributes {dure.state_length_symbol = "past", dure.state_capacity_symbol = "c", dure.state_growth = #dure.dims<["t"]>} {
  %0 = dure.cache_update %k, %q, %n : (!kv, !new, !n) -> !kv
  %1 = dure.slice %0 {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "past + t", "16"]>, steps = array<i64: 1, 1, 1, 1>} : (!kv) -> !all
  %2 = dure.attention %q, %1, %1 {causal = true, scale = 1.0 : f32, empty_row = #dure<empty_row mean>} : (!new, !all, !all) -> !new
  return %2 : !new
}
