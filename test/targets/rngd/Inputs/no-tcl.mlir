// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel that TCL has no form for: a product of elements.
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: tensor<64x128xf32> {dure.name = "x"}) -> (tensor<64xf32> {dure.name = "y"}) {
    %0 = dure.reduce %x {kind = #dure<reduce_kind prod>, axes = array<i64: 1>, keep_dims = false} : (tensor<64x128xf32>) -> tensor<64xf32>
    return %0 : tensor<64xf32>
  }
}
