// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!x = tensor<2x8x16x6xf32>
!t = tensor<16x3xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %c: !t {dure.name = "c"}, %s: !t {dure.name = "s"}) -> (!x {dure.name = "y"}) {
    %0 = dure.rope %x, %c, %s {layout = #dure<rope_layout half>, rotary_dim = 6 : i64} : (!x, !t, !t) -> !x
    return %0 : !x
  }
}
