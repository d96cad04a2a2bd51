// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One kernel of each op that TCL has a form for, beside those of tcl.mlir.
!x = tensor<64x128xf32>
!b = tensor<64x128xbf16>
!v = tensor<64xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: !x {dure.name = "x"}, %y: !x {dure.name = "y"}, %c: tensor<64x128xi1> {dure.name = "c"}, %i: tensor<24xi64> {dure.name = "i"}, %g: tensor<128x256xf32> {dure.name = "g"}, %u: tensor<128x256xf32> {dure.name = "u"}, %d: tensor<256x128xf32> {dure.name = "d"}, %e: !b {dure.name = "e"}, %f: tensor<128x96xbf16> {dure.name = "f"})
      -> (!x {dure.name = "r0"}, !x {dure.name = "r1"}, !x {dure.name = "r2"}, !x {dure.name = "r3"}, !x {dure.name = "r4"}, !x {dure.name = "r5"}, !x {dure.name = "r6"}, !x {dure.name = "r7"}, !x {dure.name = "r8"}, !x {dure.name = "r9"}, !x {dure.name = "r10"}, !x {dure.name = "r11"}, !x {dure.name = "r12"}, !x {dure.name = "r13"}, !x {dure.name = "r14"}, !x {dure.name = "r15"}, !x {dure.name = "r16"}, !x {dure.name = "r17"}, !x {dure.name = "r18"}, !x {dure.name = "r19"}, !x {dure.name = "r20"}, !x {dure.name = "r21"}, !x {dure.name = "r22"}, !b {dure.name = "r23"}, !v {dure.name = "r24"}, !v {dure.name = "r25"}, !v {dure.name = "r26"}, !v {dure.name = "r27"}, !v {dure.name = "r28"}, !v {dure.name = "r29"}, !v {dure.name = "r30"}, !v {dure.name = "r31"}, tensor<128x64xf32> {dure.name = "r32"}, tensor<24x128xf32> {dure.name = "r33"}, !x {dure.name = "r34"}, tensor<64x96xbf16> {dure.name = "r35"}) {
    %0 = dure.abs %x : (!x) -> !x
    %1 = dure.neg %x : (!x) -> !x
    %2 = dure.sign %x : (!x) -> !x
    %3 = dure.exp %x : (!x) -> !x
    %4 = dure.log %x : (!x) -> !x
    %5 = dure.sqrt %x : (!x) -> !x
    %6 = dure.rsqrt %x : (!x) -> !x
    %7 = dure.reciprocal %x : (!x) -> !x
    %8 = dure.sigmoid %x : (!x) -> !x
    %9 = dure.tanh %x : (!x) -> !x
    %10 = dure.erf %x : (!x) -> !x
    %11 = dure.sin %x : (!x) -> !x
    %12 = dure.cos %x : (!x) -> !x
    %13 = dure.relu %x : (!x) -> !x
    %14 = dure.silu %x : (!x) -> !x
    %15 = dure.softplus %x : (!x) -> !x
    %16 = dure.gelu %x {form = #dure<gelu_form erf>} : (!x) -> !x
    %17 = dure.gelu %x {form = #dure<gelu_form tanh>} : (!x) -> !x
    %18 = dure.sub %x, %y : (!x, !x) -> !x
    %19 = dure.div %x, %y : (!x, !x) -> !x
    %20 = dure.min %x, %y : (!x, !x) -> !x
    %21 = dure.max %x, %y : (!x, !x) -> !x
    %22 = dure.select %c, %x, %y : (tensor<64x128xi1>, !x, !x) -> !x
    %23 = dure.cast %x {to = bf16} : (!x) -> !b
    %24 = dure.reduce %x {kind = #dure<reduce_kind sum>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %25 = dure.reduce %x {kind = #dure<reduce_kind max>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %26 = dure.reduce %x {kind = #dure<reduce_kind min>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %27 = dure.reduce %x {kind = #dure<reduce_kind sum_square>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %28 = dure.reduce %x {kind = #dure<reduce_kind l1>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %29 = dure.reduce %x {kind = #dure<reduce_kind l2>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %30 = dure.reduce %x {kind = #dure<reduce_kind log_sum>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %31 = dure.reduce %x {kind = #dure<reduce_kind log_sum_exp>, axes = array<i64: 1>, keep_dims = false} : (!x) -> !v
    %32 = dure.transpose %x {permutation = array<i64: 1, 0>} : (!x) -> tensor<128x64xf32>
    %33 = dure.gather %x, %i {axis = 0 : i64} : (!x, tensor<24xi64>) -> tensor<24x128xf32>
    %34 = dure.gated_mlp %x, %g, %u, %d {activation = #dure<glu_activation silu>} : (!x, tensor<128x256xf32>, tensor<128x256xf32>, tensor<256x128xf32>) -> !x
    %35 = dure.matmul %e, %f : (!b, tensor<128x96xbf16>) -> tensor<64x96xbf16>
    return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35 : !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !x, !b, !v, !v, !v, !v, !v, !v, !v, !v, tensor<128x64xf32>, tensor<24x128xf32>, !x, tensor<64x96xbf16>
  }
}
