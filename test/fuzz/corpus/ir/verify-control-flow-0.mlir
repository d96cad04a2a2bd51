// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @one_name(%x: tensor<f32>) -> tensor<f32> {
  %r = dure.loop "i" <["3"]> "i" (%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%s: tensor<f32>):
    dure.yield %s : tensor<f32>
  }
  return %r : tensor<f32>
}
