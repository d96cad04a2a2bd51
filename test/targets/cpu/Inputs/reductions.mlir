// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions of run-time sizes over everything, over rows and over columns, in
// ops whose results depend on the order of additions.

!x = tensor<?x?xf32, #dure.dims<["n", "m"]>>
!all = tensor<1x1xf32>
!row = tensor<?x1xf32, #dure.dims<["n", "1"]>>
!column = tensor<1x?xf32, #dure.dims<["1", "m"]>>

module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"})
      -> (!all {dure.name = "sum"}, !all {dure.name = "norm"},
          !row {dure.name = "rows"}, !column {dure.name = "columns"},
          !x {dure.name = "softmax"}, !x {dure.name = "running"}) {
    %sum = dure.reduce %x {kind = #dure<reduce_kind sum>, axes = array<i64: 0, 1>, keep_dims = true} : (!x) -> !all
    %norm = dure.reduce %x {kind = #dure<reduce_kind l2>, axes = array<i64: 0, 1>, keep_dims = true} : (!x) -> !all
    %rows = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> !row
    %columns = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 0>, keep_dims = true} : (!x) -> !column
    %softmax = dure.softmax %x {axis = 1 : i64} : (!x) -> !x
    %running = dure.cumsum %x {axis = 0 : i64} : (!x) -> !x
    return %sum, %norm, %rows, %columns, %softmax, %running : !all, !all, !row, !column, !x, !x
  }
}
