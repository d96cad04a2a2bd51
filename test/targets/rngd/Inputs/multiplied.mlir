// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<1x16x64xf32>
!y = tensor<1x16xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %0 = dure.reduce %x {axes = array<i64: 2>, keep_dims = false, kind = #dure<reduce_kind prod>} : (!x) -> !y
    return %0 : !y
  }
}
