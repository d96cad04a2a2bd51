// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --emit=tcl -o - 2> %t/said | FileCheck %s
// RUN: FileCheck %s --check-prefix=SAID < %t/said

// Tests that kernels are written in TCL, one function each: every axis bound
// and asserted, dimensions of size 1 left out; that those which the target
// leaves to the host are written too; and that one which has no form is listed
// with its reason and not written.

// SAID: kernels 11 in tcl, 1 without
// SAID-NEXT: cumsum: dure.cumsum has no form in TCL here: TCL has no such op, or none that is known [no-tcl]

!x = tensor<1x64x128xf32>
!heads = tensor<2x6x32x16xf32>
!keys = tensor<2x3x48x16xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %w: tensor<128x96xf32> {dure.name = "w"}, %b: tensor<96xf32> {dure.name = "b"}, %g: tensor<128xf32> {dure.name = "g"}, %q: !heads {dure.name = "q"}, %k: !keys {dure.name = "k"}, %v: !keys {dure.name = "v"}, %m: tensor<32x48xi1> {dure.name = "m"}, %t: tensor<4x8x64x16xf32> {dure.name = "t"}, %u: tensor<8x48x16xf32> {dure.name = "u"}, %y: !x {dure.name = "y"})
      -> (tensor<1x64x96xf32> {dure.name = "0"}, !x {dure.name = "1"}, !x {dure.name = "2"}, tensor<1x1x128xf32> {dure.name = "3"}, !x {dure.name = "4"}, !x {dure.name = "5"}, !heads {dure.name = "6"}, tensor<4x8x64x48xf32> {dure.name = "7"}, !x {dure.name = "8"}, !x {dure.name = "9"}, !heads {dure.name = "10"}) {

    // A product whose operands lie as they do, and a row that is added to each.
    // CHECK-LABEL: def matmul<A=64, B=128, C=96>(
    // CHECK-NEXT:     x0: [A, B]/f32,
    // CHECK-NEXT:     x1: [B, C]/f32
    // CHECK-NEXT: ) -> [A, C]/f32:
    // CHECK-NEXT:     assert A == 64
    // CHECK-NEXT:     assert B == 128
    // CHECK-NEXT:     assert C == 96
    // CHECK-NEXT:     v0: [A, C]/f32 = tk.EinsumByDpe(
    // CHECK-NEXT:         %0 = read(x0)
    // CHECK-NEXT:         %1 = read(x1)
    // CHECK-NEXT:         %2 = dpe.exec(%0,%1 -> [A, C])
    // CHECK-NEXT:         write.to([A, C]/f32)
    // CHECK-NEXT:     )
    // CHECK-NEXT:     return v0
    %0 = dure.matmul %x, %w : (!x, tensor<128x96xf32>) -> tensor<1x64x96xf32>
    // CHECK-LABEL: def add<A=64, B=96>(
    // CHECK:       x1: [B]/f32
    // CHECK:       tk.Elementwise(
    // CHECK:       ve.exec(%0 + %1)
    %1 = dure.add %0, %b : (tensor<1x64x96xf32>, tensor<96xf32>) -> tensor<1x64x96xf32>

    // CHECK-LABEL: def layer_norm<A=64, B=128>(
    // CHECK:       tk.ReduceByVe(
    // CHECK:       %[[SUM:[0-9]+]] = ve.exec(+ t[B] %0)
    // CHECK-NEXT:  %[[MEAN:[0-9]+]] = ve.exec(%[[SUM]] * f0.0078125)
    // CHECK-NEXT:  ve.exec(%0 - %[[MEAN]])
    // CHECK:       ve.exec({{.*}} + f9.99999975e-06)
    %2 = dure.layer_norm %x, %g, %g {axis = 2 : i64, epsilon = 1.0e-5 : f32} : (!x, tensor<128xf32>, tensor<128xf32>) -> !x
    // CHECK-LABEL: def softmax<A=64, B=128>(
    // CHECK:       ve.exec(max_f t[B] %0)
    // CHECK:       ve.exec(+ t[B] %{{[0-9]+}})
    %3 = dure.softmax %x {axis = 2 : i64} : (!x) -> !x

    // Heads that share keys are an axis of their own; what is hidden by its
    // place comes as an operand.
    // CHECK-LABEL: # seen{{[0-9]+}}: which keys a query sees, by its place
    // CHECK-NEXT:  def attention<A=2, B=3, C=2, D=32, E=16, F=48, G=16>(
    // CHECK-NEXT:      x0: [A, B, C, D, E]/f32,
    // CHECK-NEXT:      x1: [A, B, F, E]/f32,
    // CHECK-NEXT:      x2: [A, B, F, G]/f32,
    // CHECK-NEXT:      seen{{[0-9]+}}: [D, F]/bool
    // CHECK:       dpe.exec(%0,%1 -> [A, B, C, D, F])
    // CHECK:       ve.exec(%0 * f0.25)
    // CHECK-NEXT:  ve.exec(if %1 != i0 { %{{[0-9]+}} } else { f-3.0e+38 })
    // CHECK:       dpe.exec(%0,%1 -> [A, B, C, D, G])
    %4 = dure.attention %q, %k, %v {scale = 0.25 : f32, causal = true, empty_row = #dure<empty_row mean>} : (!heads, !keys, !keys) -> !heads
    // Two whole operands are interleaved.
    // CHECK-LABEL: def mul<A=64, B=128>(
    // CHECK:       tk.Interleaving(
    // CHECK:       ve.exec(%0 * %1)
    %7 = dure.mul %x, %y : (!x, !x) -> !x
    // CHECK-LABEL: def gelu<A=64, B=128>(
    // CHECK:       ve.exec(erf %{{[0-9]+}})
    %8 = dure.gelu %7 {form = #dure<gelu_form erf>} : (!x) -> !x

    // CHECK-LABEL: def rms_norm<A=64, B=128>(
    // CHECK:       ve.exec(%0 * %0)
    %11 = dure.rms_norm %x, %g {axis = 2 : i64, epsilon = 1.0e-5 : f32} : (!x, tensor<128xf32>) -> !x

    // CHECK-LABEL: def attention_0<A=2, B=3, C=2, D=32, E=16, F=48, G=16>(
    // CHECK:       x3: [D, F]/bool
    // CHECK:       %1 = read(x3)
    %5 = dure.attention %q, %k, %v mask %m {scale = 0.25 : f32, empty_row = #dure<empty_row mean>} : (!heads, !keys, !keys, tensor<32x48xi1>) -> !heads

    // CHECK-LABEL: def reduce<A=64, B=128>(
    // CHECK:      ) -> [B]/f32:
    // CHECK:       ve.exec(+ t[A] %0)
    // CHECK-NEXT:  ve.exec(%1 * f0.015625)
    %9 = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 1>, keep_dims = true} : (!x) -> tensor<1x1x128xf32>

    // What follows is left to the host.
    // A batch that the right operand has only a part of.
    // CHECK-LABEL: def matmul_0<A=4, B=8, C=64, D=16, E=48>(
    // CHECK:       x1: [B, E, D]/f32
    // CHECK:       dpe.exec(%0,%1 -> [A, B, C, E])
    %6 = dure.matmul %t, %u {transpose_rhs = true} : (tensor<4x8x64x16xf32>, tensor<8x48x16xf32>) -> tensor<4x8x64x48xf32>

    // CHECK-NOT:   def cumsum
    %10 = dure.cumsum %x {axis = 2 : i64} : (!x) -> !x
    return %1, %2, %3, %9, %8, %10, %4, %6, %7, %11, %5 : tensor<1x64x96xf32>, !x, !x, tensor<1x1x128xf32>, !x, !x, !heads, tensor<4x8x64x48xf32>, !x, !x, !heads
  }
}
