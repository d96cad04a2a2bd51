// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  %r = dure.concat %a, %b {axis = 1} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return
}
