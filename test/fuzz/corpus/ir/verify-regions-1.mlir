// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  %r = dure.dispatch "cpu" @g <[]> (%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}
