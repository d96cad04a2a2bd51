// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<2049x64xf32>
!e = tensor<2049x2xi64>
!w = tensor<4x64x32xf32>
!y = tensor<2049x2x32xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %e: !e {dure.name = "e"}, %w: !w {dure.name = "w"}) -> (!y {dure.name = "y"}) {
    %0 = dure.expert_matmul %x, %e, %w : (!x, !e, !w) -> !y
    return %0 : !y
  }
}
