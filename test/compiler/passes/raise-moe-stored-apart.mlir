// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-silu --dure-raise-moe --dure-fold-weights --canonicalize | FileCheck %s

!x = tensor<?x8xf32, #dure.dims<["t", "8"]>>
!scores = tensor<?x3xf32, #dure.dims<["t", "3"]>>
!e = tensor<?x2xi64, #dure.dims<["t", "2"]>>
!p = tensor<?x2xf32, #dure.dims<["t", "2"]>>
!t4 = tensor<?x4xf32, #dure.dims<["t", "4"]>>
!t1 = tensor<?x1xf32, #dure.dims<["t", "1"]>>

module attributes {dure.files = ["w.bin"]} {
  dure.weight @gate0 from <file = 0, offset = 0, size = 64, type = tensor<4x8xbf16>> [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<transpose[1, 0] -> tensor<8x4xf32>>] : tensor<8x4xf32>
  dure.weight @up0 from <file = 0, offset = 64, size = 64, type = tensor<4x8xbf16>> [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<transpose[1, 0] -> tensor<8x4xf32>>] : tensor<8x4xf32>
  dure.weight @down0 from <file = 0, offset = 128, size = 64, type = tensor<8x4xbf16>> [#dure.step<cast -> tensor<8x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @gate1 from <file = 0, offset = 192, size = 64, type = tensor<4x8xbf16>> [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<transpose[1, 0] -> tensor<8x4xf32>>] : tensor<8x4xf32>
  dure.weight @up1 from <file = 0, offset = 256, size = 64, type = tensor<4x8xbf16>> [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<transpose[1, 0] -> tensor<8x4xf32>>] : tensor<8x4xf32>
  dure.weight @down1 from <file = 0, offset = 320, size = 64, type = tensor<8x4xbf16>> [#dure.step<cast -> tensor<8x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @gate2 from <file = 0, offset = 384, size = 64, type = tensor<4x8xbf16>> [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<transpose[1, 0] -> tensor<8x4xf32>>] : tensor<8x4xf32>
  dure.weight @up2 from <file = 0, offset = 448, size = 64, type = tensor<4x8xbf16>> [#dure.step<cast -> tensor<4x8xf32>>, #dure.step<transpose[1, 0] -> tensor<8x4xf32>>] : tensor<8x4xf32>
  dure.weight @down2 from <file = 0, offset = 512, size = 64, type = tensor<8x4xbf16>> [#dure.step<cast -> tensor<8x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @other from <file = 0, offset = 576, size = 128, type = tensor<8x4xf32>> [#dure.step<transpose[1, 0] -> tensor<4x8xf32>>] : tensor<4x8xf32>

  // Tests that experts whose matrices are stored apart, as checkpoints have them,
  // become one op: the matrices follow each other as they are stored, halves of
  // halves, and are cast and turned together.
  // CHECK: dure.weight @down1{{.*}} [#dure.step<reshape -> tensor<1x8x4xbf16>>, #dure.step<concat[0] with @[[LAST:[^ ]*]] -> tensor<2x8x4xbf16>>] : tensor<2x8x4xbf16>
  // CHECK: dure.weight @[[LAST]] {{.*}} [#dure.step<reshape -> tensor<1x8x4xbf16>>] : tensor<1x8x4xbf16>
  // CHECK-LABEL: func.func @stored_apart
  func.func @stored_apart(%x: !x, %scores: !scores, %p: !p) -> !x {
    // CHECK: %[[E:.*]] = dure.top_k
    // CHECK-DAG: %[[G:.*]] = dure.get_weight @gate0{{.*}} : tensor<3x8x4xf32>
    // CHECK-DAG: %[[U:.*]] = dure.get_weight @up0{{.*}} : tensor<3x8x4xf32>
    // CHECK-DAG: %[[D:.*]] = dure.get_weight @down0{{.*}} : tensor<3x4x8xf32>
    // CHECK: %[[Y:.*]] = dure.moe %{{.*}} to %[[E]] by %{{.*}} gate %[[G]] up %[[U]] down %[[D]] {activation = #dure<glu_activation silu>}
    // CHECK-NEXT: return %[[Y]]
    %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
    %zeros = dure.broadcast %zero : tensor<f32> -> !scores
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %table = dure.scatter_elements %zeros, %e, %p {axis = 1 : i64} : (!scores, !e, !p) -> !scores
    %wg0 = dure.get_weight @gate0 : tensor<8x4xf32>
    %g0 = dure.matmul %x, %wg0 : (!x, tensor<8x4xf32>) -> !t4
    %wu0 = dure.get_weight @up0 : tensor<8x4xf32>
    %u0 = dure.matmul %x, %wu0 : (!x, tensor<8x4xf32>) -> !t4
    %a0 = dure.silu %g0 : (!t4) -> !t4
    %h0 = dure.mul %a0, %u0 : (!t4, !t4) -> !t4
    %wd0 = dure.get_weight @down0 : tensor<4x8xf32>
    %o0 = dure.matmul %h0, %wd0 : (!t4, tensor<4x8xf32>) -> !x
    %c0 = dure.slice %table {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "1"]>, steps = array<i64: 1, 1>} : (!scores) -> !t1
    %t0 = dure.mul %o0, %c0 : (!x, !t1) -> !x
    %wg1 = dure.get_weight @gate1 : tensor<8x4xf32>
    %g1 = dure.matmul %x, %wg1 : (!x, tensor<8x4xf32>) -> !t4
    %wu1 = dure.get_weight @up1 : tensor<8x4xf32>
    %u1 = dure.matmul %x, %wu1 : (!x, tensor<8x4xf32>) -> !t4
    %a1 = dure.silu %g1 : (!t4) -> !t4
    %h1 = dure.mul %a1, %u1 : (!t4, !t4) -> !t4
    %wd1 = dure.get_weight @down1 : tensor<4x8xf32>
    %o1 = dure.matmul %h1, %wd1 : (!t4, tensor<4x8xf32>) -> !x
    %c1 = dure.slice %table {starts = #dure.dims<["0", "1"]>, sizes = #dure.dims<["t", "1"]>, steps = array<i64: 1, 1>} : (!scores) -> !t1
    %t1 = dure.mul %o1, %c1 : (!x, !t1) -> !x
    %wg2 = dure.get_weight @gate2 : tensor<8x4xf32>
    %g2 = dure.matmul %x, %wg2 : (!x, tensor<8x4xf32>) -> !t4
    %wu2 = dure.get_weight @up2 : tensor<8x4xf32>
    %u2 = dure.matmul %x, %wu2 : (!x, tensor<8x4xf32>) -> !t4
    %a2 = dure.silu %g2 : (!t4) -> !t4
    %h2 = dure.mul %a2, %u2 : (!t4, !t4) -> !t4
    %wd2 = dure.get_weight @down2 : tensor<4x8xf32>
    %o2 = dure.matmul %h2, %wd2 : (!t4, tensor<4x8xf32>) -> !x
    %c2 = dure.slice %table {starts = #dure.dims<["0", "2"]>, sizes = #dure.dims<["t", "1"]>, steps = array<i64: 1, 1>} : (!scores) -> !t1
    %t2 = dure.mul %o2, %c2 : (!x, !t1) -> !x
    %s1 = dure.add %t0, %t1 : (!x, !x) -> !x
    %s2 = dure.add %s1, %t2 : (!x, !x) -> !x
    return %s2 : !x
  }

  // Tests that matrices of several types do not become one.
  // CHECK-LABEL: func.func @of_two_types
  func.func @of_two_types(%x: !x, %scores: !scores, %p: !p) -> !x {
    // CHECK-NOT: dure.moe
    // CHECK: return
    %zero = dure.constant dense<0.0> : tensor<f32> : tensor<f32>
    %zeros = dure.broadcast %zero : tensor<f32> -> !scores
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %table = dure.scatter_elements %zeros, %e, %p {axis = 1 : i64} : (!scores, !e, !p) -> !scores
    %wg0 = dure.get_weight @gate0 : tensor<8x4xf32>
    %g0 = dure.matmul %x, %wg0 : (!x, tensor<8x4xf32>) -> !t4
    %wu0 = dure.get_weight @up0 : tensor<8x4xf32>
    %u0 = dure.matmul %x, %wu0 : (!x, tensor<8x4xf32>) -> !t4
    %a0 = dure.silu %g0 : (!t4) -> !t4
    %h0 = dure.mul %a0, %u0 : (!t4, !t4) -> !t4
    %wd0 = dure.get_weight @down0 : tensor<4x8xf32>
    %o0 = dure.matmul %h0, %wd0 : (!t4, tensor<4x8xf32>) -> !x
    %c0 = dure.slice %table {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["t", "1"]>, steps = array<i64: 1, 1>} : (!scores) -> !t1
    %t0 = dure.mul %o0, %c0 : (!x, !t1) -> !x
    %wg1 = dure.get_weight @gate1 : tensor<8x4xf32>
    %g1 = dure.matmul %x, %wg1 : (!x, tensor<8x4xf32>) -> !t4
    %wu1 = dure.get_weight @up1 : tensor<8x4xf32>
    %u1 = dure.matmul %x, %wu1 : (!x, tensor<8x4xf32>) -> !t4
    %a1 = dure.silu %g1 : (!t4) -> !t4
    %h1 = dure.mul %a1, %u1 : (!t4, !t4) -> !t4
    %wd1 = dure.get_weight @down1 : tensor<4x8xf32>
    %o1 = dure.matmul %h1, %wd1 : (!t4, tensor<4x8xf32>) -> !x
    %c1 = dure.slice %table {starts = #dure.dims<["0", "1"]>, sizes = #dure.dims<["t", "1"]>, steps = array<i64: 1, 1>} : (!scores) -> !t1
    %t1 = dure.mul %o1, %c1 : (!x, !t1) -> !x
    %wg2 = dure.get_weight @gate2 : tensor<8x4xf32>
    %g2 = dure.matmul %x, %wg2 : (!x, tensor<8x4xf32>) -> !t4
    %wu2 = dure.get_weight @up2 : tensor<8x4xf32>
    %u2 = dure.matmul %x, %wu2 : (!x, tensor<8x4xf32>) -> !t4
    %a2 = dure.silu %g2 : (!t4) -> !t4
    %h2 = dure.mul %a2, %u2 : (!t4, !t4) -> !t4
    %wd2 = dure.get_weight @other : tensor<4x8xf32>
    %o2 = dure.matmul %h2, %wd2 : (!t4, tensor<4x8xf32>) -> !x
    %c2 = dure.slice %table {starts = #dure.dims<["0", "2"]>, sizes = #dure.dims<["t", "1"]>, steps = array<i64: 1, 1>} : (!scores) -> !t1
    %t2 = dure.mul %o2, %c2 : (!x, !t1) -> !x
    %s1 = dure.add %t0, %t1 : (!x, !x) -> !x
    %s2 = dure.add %s1, %t2 : (!x, !x) -> !x
    return %s2 : !x
  }
}
