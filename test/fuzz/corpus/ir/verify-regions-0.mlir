// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%x: tensor<4xf32>) {
  %r = dure.region "cpu" -> tensor<4xf32> {
    %0 = dure.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    dure.yield %0 : tensor<4xf32>
  }
  return
}
