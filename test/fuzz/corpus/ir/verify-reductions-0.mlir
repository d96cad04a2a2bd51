// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<4xi1>) {
  %r = dure.top_k %a {axis = 0, k = #dure.dims<["1"]>} : (tensor<4xi1>) -> tensor<1xi64>
  return
}
