// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<3x1xf32>
!y = tensor<8xf32>
!z = tensor<3x8xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %y: !y {dure.name = "y"}) -> (!z {dure.name = "z"}) {
    %0 = dure.sub %x, %y : (!x, !y) -> !z
    return %0 : !z
  }
}
