// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<16xf32>
!m = tensor<16xi1>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %y: !x {dure.name = "y"}) -> (!m {dure.name = "z"}) {
    %0 = dure.compare %x, %y {predicate = #dure<predicate le>} : (!x, !x) -> !m
    return %0 : !m
  }
}
