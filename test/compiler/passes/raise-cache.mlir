// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-cache --split-input-file | FileCheck %s

!past = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!present = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>

// Tests that a past and its present become state in `step`, and that `main`
// stays as it is.
// CHECK-LABEL: func.func @main
// CHECK: dure.concat
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[CACHE:.*]]: tensor<?x2x?x16xf32, #dure.dims<["b", "2", "capacity", "16"]>> {{{.*}}dure.state}
// CHECK-SAME: %[[LENGTHS:[^ ]*]]: tensor<?xi64, #dure.dims<["b"]>> {dure.state_lengths})
// CHECK-SAME: dure.state_growth = #dure.dims<["t"]>
// CHECK: %[[NEW:.*]] = dure.cache_update %[[CACHE]], %{{.*}}, %[[LENGTHS]]
// CHECK: %[[USED:.*]] = dure.slice %[[NEW]] {sizes = #dure.dims<["b", "2", "past + t", "16"]>
// CHECK: dure.exp %[[USED]]
func.func @main(%past: !past {dure.name = "past"}, %new: !new {dure.name = "x"}) -> (!present {dure.name = "y"}, !present {dure.name = "present"}) {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  %1 = dure.exp %0 : (!present) -> !present
  return %1, %0 : !present, !present
}

// -----

!past = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!present = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>

// Tests that a past that is also read as it was is data, not state.
// CHECK-LABEL: func.func @main
// CHECK-NOT: func.func @step
func.func @main(%past: !past {dure.name = "past"}, %new: !new {dure.name = "x"}) -> (!past {dure.name = "y"}, !present {dure.name = "present"}) {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  %1 = dure.exp %past : (!past) -> !past
  return %1, %0 : !past, !present
}

// -----

!past = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!present = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>

// Tests that a present that is returned twice is state once; the other is a
// result of `step` like any other.
// CHECK-LABEL: func.func @main
// CHECK-LABEL: func.func @step
// CHECK-SAME: dure.state_lengths
// CHECK-SAME: -> (tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>> {dure.name = "again"})
// CHECK: dure.cache_update
// CHECK-NOT: dure.cache_update
// CHECK: %[[USED:.*]] = dure.slice
// CHECK: return %[[USED]]
func.func @main(%past: !past {dure.name = "past"}, %new: !new {dure.name = "x"}) -> (!present {dure.name = "present"}, !present {dure.name = "again"}) {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  return %0, %0 : !present, !present
}

// -----

!past = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!present = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!more = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "u", "16"]>>
!longer = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + u", "16"]>>

// Tests that caches that grow unlike are no state: it has one length.
// CHECK-LABEL: func.func @main
// CHECK-NOT: func.func @step
func.func @main(%past: !past, %new: !new, %past2: !past, %more: !more) -> (!present, !longer) {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  %1 = dure.concat %past2, %more {axis = 2 : i64} : (!past, !more) -> !longer
  return %0, %1 : !present, !longer
}

// -----

!past = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!present = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!past_c = tensor<?x2x?x16xf32, #dure.dims<["c", "2", "past", "16"]>>
!new_c = tensor<?x2x?x16xf32, #dure.dims<["c", "2", "t", "16"]>>
!present_c = tensor<?x2x?x16xf32, #dure.dims<["c", "2", "past + t", "16"]>>

// Tests that caches of unlike batches are no state either.
// CHECK-LABEL: func.func @main
// CHECK-NOT: func.func @step
func.func @main(%past: !past, %new: !new, %past2: !past_c, %new2: !new_c) -> (!present, !present_c) {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  %1 = dure.concat %past2, %new2 {axis = 2 : i64} : (!past_c, !new_c) -> !present_c
  return %0, %1 : !present, !present_c
}

// -----

!past = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past", "16"]>>
!new = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
!present = tensor<?x2x?x16xf32, #dure.dims<["b", "2", "past + t", "16"]>>
!past3 = tensor<?x?x16xf32, #dure.dims<["b", "past", "16"]>>
!new3 = tensor<?x?x16xf32, #dure.dims<["b", "t", "16"]>>
!present3 = tensor<?x?x16xf32, #dure.dims<["b", "past + t", "16"]>>

// Tests that a cache of rank 3 beside the others keeps all of them data: a
// step's caller has no past of that length.
// CHECK-LABEL: func.func @main
// CHECK-NOT: func.func @step
func.func @main(%past: !past, %new: !new, %past2: !past3, %new2: !new3) -> (!present, !present3) {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  %1 = dure.concat %past2, %new2 {axis = 1 : i64} : (!past3, !new3) -> !present3
  return %0, %1 : !present, !present3
}

// -----

!past = tensor<?x1x?x16xf32, #dure.dims<["b", "1", "past", "16"]>>
!new = tensor<?x1x?x16xf32, #dure.dims<["b", "1", "capacity", "16"]>>
!present = tensor<?x1x?x16xf32, #dure.dims<["b", "1", "capacity + past", "16"]>>

// Tests a cache of one head (of latents, say), and that the capacity's symbol is
// none of the model's.
// CHECK-LABEL: func.func @step
// CHECK-SAME: tensor<?x1x?x16xf32, #dure.dims<["b", "1", "capacity_", "16"]>> {dure.state}
func.func @main(%past: !past, %new: !new) -> !present {
  %0 = dure.concat %past, %new {axis = 2 : i64} : (!past, !new) -> !present
  return %0 : !present
}
