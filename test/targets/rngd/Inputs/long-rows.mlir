// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows of 300,000 bytes and a list of indices of 240,000: not in one slice.
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: tensor<9x75000xf32> {dure.name = "x"}, %i: tensor<30000xi64> {dure.name = "i"}) -> (tensor<30000x75000xf32> {dure.name = "y"}) {
    %0 = dure.gather %x, %i {axis = 0 : i64} : (tensor<9x75000xf32>, tensor<30000xi64>) -> tensor<30000x75000xf32>
    return %0 : tensor<30000x75000xf32>
  }
}
