// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<4x4xf32>, %b: tensor<4x9xi64>) {
  %r = dure.gather_elements %a, %b {axis = 0} : (tensor<4x4xf32>, tensor<4x9xi64>) -> tensor<4x9xf32>
  return
}
