// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-cpu
// RUN: dure compile %s --target cpu --start-from specialize --stop-after form-dispatches -o %t.mlir --print-ir-after dure-cpu-row-reductions 2> %t.ir > /dev/null
// RUN: FileCheck %s --input-file %t.ir

!x = tensor<?x8x128xf32, #dure.dims<["n", "8", "128"]>>
!h = tensor<?x8x128xf16, #dure.dims<["n", "8", "128"]>>
!i = tensor<?x8x128xi32, #dure.dims<["n", "8", "128"]>>
!g = tensor<8x128xf32>
!row = tensor<?xf32, #dure.dims<["n"]>>

module attributes {dure.files = [], dure.phase = "raise"} {
  // Tests that a reduction of the last dimensions becomes one of longer rows.
  // CHECK-LABEL: func.func @main(
  // CHECK: %[[ROWS:.*]] = dure.reshape {{.*}} -> tensor<?x1024xf32
  // CHECK: %[[SUM:.*]] = dure.reduce %[[ROWS]] {{.*}}axes = array<i64: 1>{{.*}} -> tensor<?x1xf32
  // CHECK: dure.reshape %[[SUM]] {{.*}} -> tensor<?xf32
  func.func @main(%x: !x {dure.name = "x"}) -> (!row {dure.name = "y"}) {
    %0 = dure.reduce %x {kind = #dure<reduce_kind sum>, axes = array<i64: 1, 2>, keep_dims = false} : (!x) -> !row
    return %0 : !row
  }

  // Tests that a reduction over everything is made of those of its rows, which
  // threads can share; of half precision, without rounding in between.
  // CHECK-LABEL: func.func @everything(
  // CHECK: %[[WIDE:.*]] = dure.cast {{.*}} -> tensor<?x8x128xf32
  // CHECK: %[[ROWS:.*]] = dure.reshape %[[WIDE]] {{.*}} -> tensor<?x1024xf32
  // CHECK: %[[EACH:.*]] = dure.reduce %[[ROWS]] {{.*}}kind = #dure<reduce_kind sum_square>
  // CHECK: dure.reduce %{{.*}} {{.*}}kind = #dure<reduce_kind sum>
  // CHECK: dure.cast {{.*}} -> tensor<1x1x1xf16>
  func.func @everything(%x: !h {dure.name = "x"}) -> (tensor<1x1x1xf16> {dure.name = "y"}) {
    %0 = dure.reduce %x {kind = #dure<reduce_kind sum_square>, axes = array<i64: 0, 1, 2>, keep_dims = true} : (!h) -> tensor<1x1x1xf16>
    return %0 : tensor<1x1x1xf16>
  }

  // Tests that the mean of integers is not made of means, which are rounded: all
  // of it is one row.
  // CHECK-LABEL: func.func @mean_of_integers(
  // CHECK: %[[ROW:.*]] = dure.reshape {{.*}} -> tensor<?xi32, #dure.dims<["1024*n"]>>
  // CHECK: dure.reduce %[[ROW]] {{.*}}kind = #dure<reduce_kind mean>
  // CHECK-NOT: dure.reduce
  func.func @mean_of_integers(%x: !i {dure.name = "x"}) -> (tensor<1x1x1xi32> {dure.name = "y"}) {
    %0 = dure.reduce %x {kind = #dure<reduce_kind mean>, axes = array<i64: 0, 1, 2>, keep_dims = true} : (!i) -> tensor<1x1x1xi32>
    return %0 : tensor<1x1x1xi32>
  }

  // Tests that a reduction whose last axis stays is left to other kernels.
  // CHECK-LABEL: func.func @columns(
  // CHECK-NOT: dure.reshape
  // CHECK: dure.reduce %{{.*}} {{.*}}axes = array<i64: 0>
  // CHECK-NOT: dure.reshape
  func.func @columns(%x: !x {dure.name = "x"}) -> (tensor<1x8x128xf32> {dure.name = "y"}) {
    %0 = dure.reduce %x {kind = #dure<reduce_kind sum>, axes = array<i64: 0>, keep_dims = true} : (!x) -> tensor<1x8x128xf32>
    return %0 : tensor<1x8x128xf32>
  }

  // Tests that a norm over two dimensions becomes one of rows with its scale.
  // CHECK-LABEL: func.func @norm(
  // CHECK-DAG: dure.reshape {{.*}} -> tensor<1024xf32>
  // CHECK-DAG: dure.reshape {{.*}} -> tensor<?x1024xf32
  // CHECK: dure.layer_norm {{.*}}axis = 1
  func.func @norm(%x: !x {dure.name = "x"}, %g: !g {dure.name = "g"}) -> (!x {dure.name = "y"}) {
    %0 = dure.layer_norm %x, %g {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (!x, !g) -> !x
    return %0 : !x
  }

  // Tests that a norm whose scale broadcasts stays as it is.
  // CHECK-LABEL: func.func @broadcast_scale(
  // CHECK-NOT: dure.reshape
  // CHECK: dure.layer_norm {{.*}}axis = 1
  func.func @broadcast_scale(%x: !x {dure.name = "x"}, %g: tensor<128xf32> {dure.name = "g"}) -> (!x {dure.name = "y"}) {
    %0 = dure.layer_norm %x, %g {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (!x, tensor<128xf32>) -> !x
    return %0 : !x
  }
}
