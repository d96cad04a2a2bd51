// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
!a = tensor<16x64xi32>
!b = tensor<64x32xi32>
!c = tensor<16x32xi32>
!f = tensor<16x32xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%a: tensor<16x64xui8> {dure.name = "a"}, %z: tensor<f32> {dure.name = "z"}, %b: tensor<64x32xi8> {dure.name = "b"}, %d: tensor<16x64xui8> {dure.name = "d"}) -> (!f {dure.name = "c"}) {
    %r = dure.round %z : (tensor<f32>) -> tensor<f32>
    %byte = dure.cast %r {to = ui8} : (tensor<f32>) -> tensor<ui8>
    %za = dure.cast %byte {to = i32} : (tensor<ui8>) -> tensor<i32>
    %0 = dure.cast %a {to = i32} : (tensor<16x64xui8>) -> !a
    %1 = dure.sub %0, %za : (!a, tensor<i32>) -> !a
    %2 = dure.cast %b {to = i32} : (tensor<64x32xi8>) -> !b
    %3 = dure.matmul %1, %2 : (!a, !b) -> !c
    %4 = dure.cast %3 {to = f32} : (!c) -> !f
    %5 = dure.atan %4 : (!f) -> !f
    %6 = dure.cast %d {to = i32} : (tensor<16x64xui8>) -> !a
    %7 = dure.sub %6, %za : (!a, tensor<i32>) -> !a
    %8 = dure.matmul %7, %2 : (!a, !b) -> !c
    %9 = dure.cast %8 {to = f32} : (!c) -> !f
    %10 = dure.add %5, %9 : (!f, !f) -> !f
    return %10 : !f
  }
}
