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
