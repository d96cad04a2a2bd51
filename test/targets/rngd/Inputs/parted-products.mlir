// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!a = tensor<16x64xi32>
!b = tensor<64x32xi32>
!c = tensor<16x32xi32>
!f = tensor<16x32xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%a: tensor<16x64xui8> {dure.name = "a"}, %b: tensor<64x32xi8> {dure.name = "b"}, %d: tensor<64x32xi8> {dure.name = "d"}) -> (!f {dure.name = "c"}) {
    %za = dure.constant dense<9> : tensor<i32> : tensor<i32>
    %0 = dure.cast %a {to = i32} : (tensor<16x64xui8>) -> !a
    %1 = dure.sub %0, %za : (!a, tensor<i32>) -> !a
    %2 = dure.cast %b {to = i32} : (tensor<64x32xi8>) -> !b
    %3 = dure.matmul %1, %2 : (!a, !b) -> !c
    %4 = dure.cast %3 {to = f32} : (!c) -> !f
    %5 = dure.atan %4 : (!f) -> !f
    %6 = dure.cast %d {to = i32} : (tensor<64x32xi8>) -> !b
    %7 = dure.matmul %1, %6 : (!a, !b) -> !c
    %8 = dure.cast %7 {to = f32} : (!c) -> !f
    %9 = dure.add %5, %8 : (!f, !f) -> !f
    return %9 : !f
  }
}
