// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<4x3xf32>
!y = tensor<4x6xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %0 = dure.concat %x, %x {axis = 1 : i64} : (!x, !x) -> !y
    return %0 : !y
  }
}
