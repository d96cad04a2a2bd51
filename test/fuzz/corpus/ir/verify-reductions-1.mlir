// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) {
  %r0 = dure.reduce %a {kind = #dure<reduce_kind sum>, axes = array<i64: 0, 2>, keep_dims = false} : (tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) -> tensor<4xf32>
  %r1 = dure.reduce %a {kind = #dure<reduce_kind max>, axes = array<i64: 0, 2>, keep_dims = true} : (tensor<?x4x8xf32, #dure.dims<["n", "4", "8"]>>) -> tensor<1x4x1xf32>
  return
}
