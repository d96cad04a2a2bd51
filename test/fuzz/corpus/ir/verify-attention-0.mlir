// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>) {
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>, window = -3} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}
