// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!q = tensor<1x2x4x32xf32>
!k = tensor<1x2x12x32xf32>
!m = tensor<1x1x4x12xi1>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%q: !q {dure.name = "q"}, %u: !q {dure.name = "u"}, %k: !k {dure.name = "k"}, %v: !k {dure.name = "v"}, %n: tensor<1xi64> {dure.name = "n"}, %m: !m {dure.name = "m"}) -> (!q {dure.name = "y"}) {
    %0 = dure.cache_update %k, %u, %n : (!k, !q, tensor<1xi64>) -> !k
    %1 = dure.attention %q, %0, %v mask %m {scale = 0.125 : f32, empty_row = #dure<empty_row zero>} : (!q, !k, !k, !m) -> !q
    return %1 : !q
  }
}
