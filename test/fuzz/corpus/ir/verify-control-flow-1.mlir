// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!s = tensor<?xf32, #dure.dims<["s"]>>
!e = tensor<?xf32, #dure.dims<["e"]>>
!all = tensor<?xf32, #dure.dims<["count"]>>
func.func @grow(%x: tensor<1xf32>, %stop: tensor<i1>) -> (!e, !all) {
  %y, %all = dure.loop "i" <["100"]> "count" while <["1"]>(%x) : (tensor<1xf32>) -> (!e, !all) {
  ^bb0(%s: !s):
    %t = dure.concat %s, %x {axis = 0 : i64} : (!s, tensor<1xf32>) -> tensor<?xf32, #dure.dims<["s + 1"]>>
    %o = dure.reshape %x : tensor<1xf32> -> tensor<f32>
    dure.yield %stop, %t, %o : tensor<i1>, tensor<?xf32, #dure.dims<["s + 1"]>>, tensor<f32>
  }
  return %y, %all : !e, !all
}
