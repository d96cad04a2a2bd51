// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<16x64xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}) -> (tensor<16x64xi8> {dure.name = "y"}) {
    %0 = dure.cast %x {to = i8} : (!x) -> tensor<16x64xi8>
    return %0 : tensor<16x64xi8>
  }
}
