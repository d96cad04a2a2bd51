// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<2x8xi32>, %b: tensor<8xf32>) {
  %r = dure.rms_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<2x8xi32>, tensor<8xf32>) -> tensor<2x8xi32>
  return
}
