// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!a = tensor<16x64xi32>
!b = tensor<64x32xi32>
!c = tensor<16x32xi32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%a: !a {dure.name = "a"}, %b: !b {dure.name = "b"}) -> (!c {dure.name = "c"}) {
    %0 = dure.matmul %a, %b : (!a, !b) -> !c
    return %0 : !c
  }
}
